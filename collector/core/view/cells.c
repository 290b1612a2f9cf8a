#include "collector/core/view/cells.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define INVALID 0xFFFFFFFFU

void cells_init(struct cells *c, char *memory, size_t cap, unsigned width, bool colour, bool utf8)
{
    *c = (struct cells){.width = width, .colour = colour, .utf8 = utf8};
    buf_init(&c->out, memory, cap);
}

void cells_style(struct cells *c, enum cells_style style)
{
    static const char *const codes[] = {"\033[0m", "\033[0;2m", "\033[0;1m", "\033[0;33m",
                                        "\033[0;1;31m"};
    if (c->colour)
        buf_str(&c->out, codes[style]);
}

/* --- characters --- */

/* Decodes one character and moves on; INVALID (and one byte on) for what is not UTF-8. */
static uint32_t take_character(const char **text)
{
    const unsigned char *s = (const unsigned char *)*text;
    unsigned more = s[0] < 0x80 ? 0 : s[0] >= 0xF0 ? 3 : s[0] >= 0xE0 ? 2 : s[0] >= 0xC2 ? 1 : 4;
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    static const unsigned char mask[] = {0x7F, 0x1F, 0x0F, 0x07};
    ++*text;
    if (more == 4)
        return INVALID;
    uint32_t c = s[0] & mask[more];
    for (unsigned i = 1; i <= more; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return INVALID;
        c = c << 6 | (s[i] & 0x3FU);
    }
    if (c < least[more] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return INVALID;
    *text += more;
    return c;
}

/* Cells a character takes: none for combining marks, two for East Asian wide ones (UAX 11). */
static unsigned width_of(uint32_t c)
{
    if (c >= 0x0300 && c <= 0x036F)
        return 0;
    if ((c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
        (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
        (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
        (c >= 0x1F300 && c <= 0x1FAFF))
        return 2;
    return 1;
}

/* C0, DEL, C1, and the marks that turn the direction of writing. */
static bool harmful(uint32_t c)
{
    return c == INVALID || c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF;
}

unsigned cells_width(const char *text)
{
    unsigned width = 0;
    while (*text) {
        uint32_t c = take_character(&text);
        width += harmful(c) ? 1 : width_of(c);
    }
    return width;
}

/* The plain letter under a Vietnamese one, or '?'. */
static char plain_letter(const char *bytes, size_t n)
{
    static const struct {
        char plain;
        const char *letters;
    } table[] = {
        {'a', "àáảãạăằắẳẵặâầấẩẫậ"},
        {'e', "èéẻẽẹêềếểễệ"},
        {'i', "ìíỉĩị"},
        {'o', "òóỏõọôồốổỗộơờớởỡợ"},
        {'u', "ùúủũụưừứửữự"},
        {'y', "ỳýỷỹỵ"},
        {'d', "đ"},
        {'A', "ÀÁẢÃẠĂẰẮẲẴẶÂẦẤẨẪẬ"},
        {'E', "ÈÉẺẼẸÊỀẾỂỄỆ"},
        {'I', "ÌÍỈĨỊ"},
        {'O', "ÒÓỎÕỌÔỒỐỔỖỘƠỜỚỞỠỢ"},
        {'U', "ÙÚỦŨỤƯỪỨỬỮỰ"},
        {'Y', "ỲÝỶỸỴ"},
        {'D', "Đ"},
    };
    char one[5] = {0};
    memcpy(one, bytes, n < 4 ? n : 4);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strstr(table[i].letters, one))
            return table[i].plain;
    return '?';
}

static void put_character(struct cells *c, const char *bytes, size_t n, uint32_t character)
{
    if (harmful(character))
        buf_char(&c->out, '?');
    else if (character < 0x80 || c->utf8)
        buf_put(&c->out, bytes, n);
    else if (width_of(character) > 0)
        buf_char(&c->out, plain_letter(bytes, n));
}

/* --- columns --- */

static unsigned left(const struct cells *c)
{
    return c->width - c->used;
}

/* Writes at most `columns` cells of text, the last one an ellipsis when there is more. */
static void put_text(struct cells *c, const char *text, unsigned columns)
{
    bool cut = cells_width(text) > columns;
    unsigned room = cut && columns > 0 ? columns - 1 : columns;
    while (*text) {
        const char *from = text;
        uint32_t character = take_character(&text);
        unsigned width = harmful(character) ? 1 : width_of(character);
        if (width > room)
            break;
        put_character(c, from, (size_t)(text - from), character);
        room -= width;
        c->used += width;
    }
    if (cut && columns > 0) {
        buf_str(&c->out, c->utf8 ? "…" : "~");
        c->used++;
    }
}

void cells_text(struct cells *c, const char *text, unsigned columns)
{
    put_text(c, text, columns < left(c) ? columns : left(c));
}

static void put_blanks(struct cells *c, unsigned n)
{
    for (; n > 0 && left(c) > 0; n--) {
        buf_char(&c->out, ' ');
        c->used++;
    }
}

void cells_column(struct cells *c, const char *text, unsigned columns)
{
    unsigned end = c->used + columns;
    cells_text(c, text, columns);
    if (c->used < end)
        put_blanks(c, end - c->used);
}

void cells_right(struct cells *c, const char *text, unsigned columns)
{
    unsigned width = cells_width(text);
    if (width < columns)
        put_blanks(c, columns - width);
    cells_text(c, text, columns);
}

void cells_fmt(struct cells *c, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    cells_text(c, text, left(c));
}

void cells_bar(struct cells *c, unsigned level)
{
    static const char *const fine[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const plain[] = {"_", ".", ",", "-", "=", "+", "*", "#"};
    if (left(c) == 0)
        return;
    buf_str(&c->out, (c->utf8 ? fine : plain)[level < 8 ? level : 7]);
    c->used++;
}

const char *cells_end(struct cells *c)
{
    cells_style(c, CELLS_PLAIN);
    return buf_cstr(&c->out);
}
