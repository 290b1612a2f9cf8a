#include "gateway/gatewayctl/human.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "gateway/gatewayctl/term.h"

#define MINUTE_MS 60e3
#define HOUR_MS   3600e3
#define DAY_MS    86400e3
#define GAP       2 /* columns between two columns */

/* --- figures --- */

static const char *two_units(char *text, double big, const char *big_unit, double small,
                             const char *small_unit)
{
    if (small >= 1)
        snprintf(text, HUMAN_SIZE, "%.0f %s %.0f %s", floor(big), big_unit, floor(small),
                 small_unit);
    else
        snprintf(text, HUMAN_SIZE, "%.0f %s", floor(big), big_unit);
    return text;
}

const char *human_duration(double ms, char text[HUMAN_SIZE])
{
    if (ms >= DAY_MS)
        return two_units(text, ms / DAY_MS, _("d"), fmod(ms, DAY_MS) / HOUR_MS, _("h"));
    if (ms >= HOUR_MS)
        return two_units(text, ms / HOUR_MS, _("h"), fmod(ms, HOUR_MS) / MINUTE_MS, _("min"));
    if (ms >= 2 * MINUTE_MS)
        snprintf(text, HUMAN_SIZE, "%.0f %s", floor(ms / MINUTE_MS), _("min"));
    else
        snprintf(text, HUMAN_SIZE, ms < 9950 ? "%.1f s" : "%.0f s", ms / 1000);
    return text;
}

const char *human_bytes(double bytes, char text[HUMAN_SIZE])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    for (; bytes >= 1024 && unit < 4; unit++)
        bytes /= 1024;
    snprintf(text, HUMAN_SIZE, unit && bytes < 10 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return text;
}

const char *human_count(double n, char text[HUMAN_SIZE])
{
    char digits[32];
    int len = snprintf(digits, sizeof(digits), "%.0f", n);
    size_t out = 0;
    for (int i = 0; i < len && out + 2 < HUMAN_SIZE; i++) {
        if (i && (len - i) % 3 == 0 && len > 4)
            text[out++] = ' ';
        text[out++] = digits[i];
    }
    text[out] = '\0';
    return text;
}

int64_t human_parse_duration(const char *text)
{
    static const char units[] = "smhd";
    static const int64_t seconds[] = {1, 60, 3600, 86400};
    int64_t total = 0;
    if (!*text)
        return -1;
    while (*text) {
        char *end;
        long n = strtol(text, &end, 10);
        const char *unit = *end ? strchr(units, *end) : NULL;
        if (end == text || *text == '-' || *text == '+' || *text == ' ' || n > 1000000 || !unit)
            return -1;
        total += n * seconds[unit - units];
        text = end + 1;
    }
    return total;
}

/* --- JSON --- */

static void write_members(struct buf *out, const struct json *v, bool keys)
{
    for (const struct json *m = json_first(v); m; m = json_next(m)) {
        if (m != json_first(v))
            buf_char(out, ',');
        if (keys) {
            json_write_string(out, json_key(m));
            buf_char(out, ':');
        }
        human_write_json(out, m);
    }
}

void human_write_json(struct buf *out, const struct json *v)
{
    const char *text = "";
    double n = 0;
    bool flag = false;
    switch (json_type(v)) {
    case JSON_NULL:
        buf_str(out, "null");
        break;
    case JSON_BOOL:
        (void)json_bool(v, &flag);
        buf_str(out, flag ? "true" : "false");
        break;
    case JSON_NUMBER:
        (void)json_number(v, &n);
        json_write_number(out, n);
        break;
    case JSON_STRING:
        (void)json_string(v, &text);
        json_write_string(out, text);
        break;
    case JSON_ARRAY:
        buf_char(out, '[');
        write_members(out, v, false);
        buf_char(out, ']');
        break;
    case JSON_OBJECT:
        buf_char(out, '{');
        write_members(out, v, true);
        buf_char(out, '}');
        break;
    }
}

/* --- tones and tables --- */

void human_print(const char *text, enum human_tone tone)
{
    static const char *const colours[] = {"", "\033[33m", "\033[31m"};
    if (tone == TONE_PLAIN || !term_colour())
        fputs(text, stdout);
    else
        printf("%s%s\033[0m", colours[tone], text);
}

struct row {
    char *cells[TABLE_COLUMNS_MAX];
    enum human_tone tone;
};

struct table {
    const char *const *heads;
    size_t columns;
    unsigned right;
    size_t cells; /* filled so far */
    size_t capacity;
    struct row *rows;
};

struct table *table_create(const char *const *heads, unsigned right)
{
    struct table *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->heads = heads;
    t->right = right;
    do
        t->columns++;
    while (heads[t->columns]);
    return t;
}

static size_t row_count(const struct table *t)
{
    assert(t->columns > 0);
    return (t->cells + t->columns - 1) / t->columns;
}

void table_destroy(struct table *t)
{
    if (!t)
        return;
    for (size_t r = 0; r < row_count(t); r++)
        for (size_t i = 0; i < t->columns; i++)
            free(t->rows[r].cells[i]);
    free(t->rows);
    free(t);
}

void table_cell(struct table *t, const char *text)
{
    if (!t)
        return;
    size_t row = t->cells / t->columns;
    if (row == t->capacity) {
        size_t capacity = t->capacity ? t->capacity * 2 : 16;
        struct row *rows = realloc(t->rows, capacity * sizeof(*rows));
        if (!rows)
            return;
        memset(rows + t->capacity, 0, (capacity - t->capacity) * sizeof(*rows));
        t->rows = rows;
        t->capacity = capacity;
    }
    t->rows[row].cells[t->cells++ % t->columns] = strdup(text);
}

void table_tone(struct table *t, enum human_tone tone)
{
    if (t && t->cells)
        t->rows[row_count(t) - 1].tone = tone;
}

static const char *cell_text(const struct row *row, size_t column)
{
    return row->cells[column] ? row->cells[column] : "";
}

/* 0: nothing in it. */
static size_t column_width(const struct table *t, size_t column)
{
    size_t width = 0;
    for (size_t r = 0; r < row_count(t); r++) {
        size_t n = text_columns(cell_text(&t->rows[r], column));
        width = n > width ? n : width;
    }
    size_t head = text_columns(_(t->heads[column]));
    return width == 0 || width > head ? width : head;
}

static void print_cell(const char *text, size_t width, bool right, bool last, struct buf *line)
{
    size_t pad = width - text_columns(text);
    for (size_t i = 0; right && i < pad; i++)
        buf_char(line, ' ');
    buf_str(line, text);
    for (size_t i = 0; !last && i < (right ? 0 : pad) + GAP; i++)
        buf_char(line, ' ');
}

/* row NULL: the heads. */
static void print_row(const struct table *t, const struct row *row, const size_t *widths)
{
    char memory[1024];
    struct buf line;
    buf_init(&line, memory, sizeof(memory));
    size_t last = 0;
    for (size_t i = 0; i < t->columns; i++)
        last = widths[i] ? i : last;
    for (size_t i = 0; i < t->columns; i++)
        if (widths[i])
            print_cell(row ? cell_text(row, i) : _(t->heads[i]), widths[i], t->right >> i & 1,
                       i == last, &line);
    human_print(buf_cstr(&line), row ? row->tone : TONE_PLAIN);
    putchar('\n');
}

void table_print(const struct table *t)
{
    size_t widths[TABLE_COLUMNS_MAX];
    if (!t || t->cells == 0)
        return;
    for (size_t i = 0; i < t->columns; i++)
        widths[i] = column_width(t, i);
    print_row(t, NULL, widths);
    for (size_t r = 0; r < row_count(t); r++)
        print_row(t, &t->rows[r], widths);
}
