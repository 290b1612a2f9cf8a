#include "model/json_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/json.h"

#define KEYS_LOCAL      64 /* open keys kept without allocation */
#define KEYS_PAIRWISE   16 /* up to here comparing all pairs beats sorting */
#define NUMBER_TEXT_MAX 60 /* cJSON reads at most 63 characters of a number */

/* What a byte means inside a string. */
enum byte { PLAIN, QUOTE, ESCAPE, CONTROL, WIDE };

static const uint8_t bytes[256] = {
    [0x00 ... 0x1f] = CONTROL, ['"'] = QUOTE, ['\\'] = ESCAPE, [0x80 ... 0xff] = WIDE};

struct key {
    const char *at;
    uint32_t len, hash;
};

struct scanner {
    const char *text, *p, *end;
    struct json_scan *out;
    struct key *keys; /* of all open objects, innermost last */
    size_t key_count, key_cap;
    struct key local[KEYS_LOCAL];
    struct err *e;
};

unsigned json_line_at(const char *text, size_t offset)
{
    unsigned line = 1;
    for (size_t i = 0; i < offset; i++)
        line += text[i] == '\n';
    return line;
}

static int fail_at(const char *text, const char *at, struct err *e, int code, const char *why)
{
    const char *start = at;
    while (start > text && start[-1] != '\n')
        start--;
    return err_set(e, code, "line %u, column %zu: %s", json_line_at(text, (size_t)(at - text)),
                   (size_t)(at - start) + 1, why);
}

static int fail(const struct scanner *s, const char *at, const char *why)
{
    return fail_at(s->text, at, s->e, ERR_INVALID, why);
}

/* --- characters --- */

static bool in(const char *p, unsigned low, unsigned high)
{
    unsigned c = (uint8_t)*p;
    return c >= low && c <= high;
}

unsigned json_utf8_length(const char *p, const char *end)
{
    size_t left = (size_t)(end - p);
    if (left >= 1 && in(p, 0x00, 0x7f))
        return 1;
    if (left >= 2 && in(p, 0xc2, 0xdf) && in(p + 1, 0x80, 0xbf))
        return 2;
    if (left >= 3 && in(p, 0xe0, 0xef) && in(p + 2, 0x80, 0xbf)) {
        unsigned low = in(p, 0xe0, 0xe0) ? 0xa0 : 0x80;  /* no overlong form */
        unsigned high = in(p, 0xed, 0xed) ? 0x9f : 0xbf; /* no surrogate */
        return in(p + 1, low, high) ? 3 : 0;
    }
    if (left >= 4 && in(p, 0xf0, 0xf4) && in(p + 2, 0x80, 0xbf) && in(p + 3, 0x80, 0xbf)) {
        unsigned low = in(p, 0xf0, 0xf0) ? 0x90 : 0x80;
        unsigned high = in(p, 0xf4, 0xf4) ? 0x8f : 0xbf; /* not past U+10FFFF */
        return in(p + 1, low, high) ? 4 : 0;
    }
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The four hexadecimal digits at p, or -1. */
static int32_t hex4(const char *p, const char *end)
{
    int32_t v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        v = v * 16 + digit;
    }
    return v;
}

static bool is_high(int32_t unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low(int32_t unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* s->p stands behind "\u". */
static int scan_unicode(struct scanner *s)
{
    const char *at = s->p - 2;
    int32_t unit = hex4(s->p, s->end);
    if (unit < 0)
        return fail(s, at, "\\u must be followed by four hexadecimal digits");
    if (unit == 0)
        return fail(s, at, "\\u0000 is not allowed in a string");
    s->p += 4;
    if (is_low(unit))
        return fail(s, at, "half of a surrogate pair; write the character itself, in UTF-8");
    if (!is_high(unit))
        return 0;
    bool paired = s->end - s->p >= 6 && s->p[0] == '\\' && s->p[1] == 'u';
    if (!paired || !is_low(hex4(s->p + 2, s->end)))
        return fail(s, at, "half of a surrogate pair; write the character itself, in UTF-8");
    s->p += 6;
    return 0;
}

/* s->p stands at the backslash. */
static int scan_escape(struct scanner *s)
{
    if (s->end - s->p < 2)
        return fail(s, s->p, "the text ends inside a string; a closing quote is missing");
    char c = s->p[1];
    if (c == '\0' || !strchr("\"\\/bfnrtu", c))
        return fail(s, s->p, "unknown escape; a backslash itself is written \\\\");
    s->p += 2;
    return c == 'u' ? scan_unicode(s) : 0;
}

/* s->p stands at the opening quote; afterwards behind the closing one. */
static int scan_string(struct scanner *s)
{
    const char *open = s->p++;
    for (;;) {
        while (s->p < s->end && bytes[(uint8_t)*s->p] == PLAIN)
            s->p++;
        if (s->p == s->end)
            return fail(s, open, "this string has no closing quote");
        unsigned wide;
        int rc;
        switch ((enum byte)bytes[(uint8_t)*s->p]) {
        case QUOTE:
            s->out->string_count++;
            s->out->string_bytes += (size_t)(s->p - open) - 1;
            s->p++;
            return 0;
        case ESCAPE:
            rc = scan_escape(s);
            if (rc)
                return rc;
            break;
        case CONTROL:
            return fail(s, s->p,
                        *s->p == '\n' ? "the line ends inside a string; close the quote"
                                      : "control character in a string; write it as an escape");
        case WIDE:
            wide = json_utf8_length(s->p, s->end);
            if (!wide)
                return fail(s, s->p, "not UTF-8; save the text as UTF-8");
            s->p += wide;
            break;
        case PLAIN:
            break;
        }
    }
}

/* --- keys --- */

/* The next character of a checked string, escapes resolved; *p stays before end. */
static uint32_t next_char(const char **p)
{
    const uint8_t *b = (const uint8_t *)*p;
    if (b[0] == '\\' && b[1] != 'u') {
        static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
        const char *hit = strchr(from, b[1]);
        *p += 2;
        return hit ? (uint8_t)to[hit - from] : b[1];
    }
    if (b[0] == '\\') {
        uint32_t unit = (uint32_t)hex4(*p + 2, *p + 6);
        *p += 6;
        if (!is_high((int32_t)unit))
            return unit;
        uint32_t low = (uint32_t)hex4(*p + 2, *p + 6);
        *p += 6;
        return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    unsigned n = b[0] < 0x80 ? 1 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
    uint32_t c = n == 1 ? b[0] : b[0] & (0xffu >> (n + 1));
    for (unsigned i = 1; i < n; i++)
        c = c << 6 | (b[i] & 0x3f);
    *p += n;
    return c;
}

/* FNV-1a over characters, so that "a" and "\u0061" are the same key. */
static uint32_t key_hash(const char *p, const char *end)
{
    uint32_t hash = 2166136261u;
    while (p < end)
        hash = (hash ^ next_char(&p)) * 16777619u;
    return hash;
}

static int key_compare_text(const struct key *a, const struct key *b)
{
    const char *p = a->at, *q = b->at, *p_end = a->at + a->len, *q_end = b->at + b->len;
    if (a->len == b->len && memcmp(p, q, a->len) == 0)
        return 0;
    while (p < p_end && q < q_end) {
        uint32_t c = next_char(&p), d = next_char(&q);
        if (c != d)
            return c < d ? -1 : 1;
    }
    return (p < p_end) - (q < q_end);
}

static int key_compare(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    int order = key_compare_text(a, b);
    return order ? order : (a->at > b->at) - (a->at < b->at);
}

static bool key_equal(const struct key *a, const struct key *b)
{
    return a->hash == b->hash && key_compare_text(a, b) == 0;
}

static const struct key *find_duplicate(struct key *keys, size_t n)
{
    if (n <= KEYS_PAIRWISE) {
        for (size_t i = 1; i < n; i++)
            for (size_t j = 0; j < i; j++)
                if (key_equal(&keys[i], &keys[j]))
                    return &keys[i];
        return NULL;
    }
    qsort(keys, n, sizeof(*keys), key_compare);
    for (size_t i = 1; i < n; i++)
        if (key_equal(&keys[i - 1], &keys[i]))
            return &keys[i];
    return NULL;
}

static int check_keys(struct scanner *s, size_t first)
{
    const struct key *twice = find_duplicate(s->keys + first, s->key_count - first);
    s->key_count = first;
    if (!twice)
        return 0;
    char why[96];
    snprintf(why, sizeof(why), "the key \"%.*s\" stands twice in this object; keep one",
             (int)(twice->len < 40 ? twice->len : 40), twice->at);
    return fail(s, twice->at - 1, why);
}

static int push_key(struct scanner *s, const char *at, size_t len)
{
    if (s->key_count == s->key_cap) {
        size_t cap = s->key_cap * 2;
        struct key *more = malloc(cap * sizeof(*more));
        if (!more)
            return err_set(s->e, ERR_NOMEM, "no memory for %zu keys", cap);
        memcpy(more, s->keys, s->key_count * sizeof(*more));
        if (s->keys != s->local)
            free(s->keys);
        s->keys = more;
        s->key_cap = cap;
    }
    s->keys[s->key_count++] =
        (struct key){.at = at, .len = (uint32_t)len, .hash = key_hash(at, at + len)};
    return 0;
}

/* --- numbers --- */

static size_t skip_digits(struct scanner *s)
{
    const char *from = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return (size_t)(s->p - from);
}

/*
 * Whether the number's digits at p (no sign) with the given exponent round to infinity. Digits are
 * compared as text with the middle between DBL_MAX and the next power of two, cut to 17 digits, so
 * the answer does not depend on a locale.
 */
static bool overflows(const char *p, const char *end, long exponent)
{
    static const char limit[] = "17976931348623158";
    char digits[sizeof(limit)] = "00000000000000000";
    size_t n = 0;
    bool point = false, any = false;
    long power = exponent - 1;
    for (; p < end && (*p == '.' || (*p >= '0' && *p <= '9')); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        any |= *p != '0';
        power += (any && !point) - (!any && point);
        if (any && n < sizeof(limit) - 1)
            digits[n++] = *p;
    }
    return any && (power > 308 || (power == 308 && memcmp(digits, limit, sizeof(limit) - 1) >= 0));
}

static int scan_exponent(struct scanner *s, const char *mantissa)
{
    const char *mark = s->p++;
    bool negative = s->p < s->end && *s->p == '-';
    if (s->p < s->end && (*s->p == '-' || *s->p == '+'))
        s->p++;
    long exponent = 0;
    const char *digits = s->p;
    if (!skip_digits(s))
        return fail(s, mark, "digits are missing after the exponent's e");
    for (; digits < s->p && exponent < 100000; digits++)
        exponent = exponent * 10 + (*digits - '0');
    if (!negative && overflows(mantissa, mark, exponent))
        return fail(s, mantissa, "the number is too large (at most 1.797e308)");
    return 0;
}

static int scan_number(struct scanner *s)
{
    const char *start = s->p;
    s->p += *s->p == '-';
    const char *mantissa = s->p;
    size_t whole = skip_digits(s);
    if (!whole)
        return fail(s, start, "digits are missing after the minus sign");
    if (whole > 1 && *mantissa == '0')
        return fail(s, start, "a number does not start with 0; leave it out");
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        if (!skip_digits(s))
            return fail(s, start, "digits are missing after the decimal point");
    }
    if (s->p < s->end && (*s->p | 0x20) == 'e') {
        int rc = scan_exponent(s, mantissa);
        if (rc)
            return rc;
    }
    if (s->p - start > NUMBER_TEXT_MAX)
        return fail(s, start, "the number is longer than 60 characters; shorten it");
    return 0;
}

/* --- values --- */

static void skip_space(struct scanner *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
        s->p++;
}

/* The character after blanks; NUL at the end (a NUL in the text is refused as any other would). */
static char peek(struct scanner *s)
{
    skip_space(s);
    return s->p < s->end ? *s->p : '\0';
}

static int note_value(struct scanner *s)
{
    struct json_scan *out = s->out;
    size_t ordinal = out->values++;
    if (!out->want_offsets)
        return 0;
    if (ordinal == out->offsets_cap) {
        size_t cap = out->offsets_cap ? out->offsets_cap * 2 : 256;
        uint32_t *more = realloc(out->offsets, cap * sizeof(*more));
        if (!more)
            return err_set(s->e, ERR_NOMEM, "no memory for the lines of %zu values", cap);
        out->offsets = more;
        out->offsets_cap = cap;
    }
    out->offsets[ordinal] = (uint32_t)(s->p - s->text);
    return 0;
}

static int fail_value(struct scanner *s)
{
    if (s->p == s->end)
        return fail(s, s->p, "the text ends where a value is expected");
    switch (*s->p) {
    case ']':
    case '}':
        return fail(s, s->p, "a value is expected here; remove the comma before it");
    case '/':
    case '#':
        return fail(s, s->p, "comments are not allowed here");
    case '\'':
        return fail(s, s->p, "strings stand in double quotes");
    case '\xef':
        return fail(s, s->p, "a value is expected here; save the text without a byte order mark");
    default:
        return fail(s, s->p, "a value is expected here: string, number, true, false, null, [ or {");
    }
}

static int scan_word(struct scanner *s, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return fail_value(s);
    s->p += n;
    return 0;
}

static int scan_value(struct scanner *s, unsigned depth);

/* After a member: a comma and more to come (1), the closing bracket (0), or an error. */
static int scan_separator(struct scanner *s, char close)
{
    char c = peek(s);
    if (c == close) {
        s->p++;
        return 0;
    }
    if (c != ',')
        return fail(s, s->p,
                    s->p == s->end ? "the text ends inside an array or object; close it"
                                   : "a comma or the closing bracket is missing before this");
    const char *comma = s->p++;
    if (peek(s) == close)
        return fail(s, comma, "a comma before the closing bracket; remove it");
    return 1;
}

static int scan_array(struct scanner *s, unsigned depth)
{
    s->p++;
    if (peek(s) == ']') {
        s->p++;
        return 0;
    }
    int rc;
    do {
        rc = scan_value(s, depth);
        if (rc == 0)
            rc = scan_separator(s, ']');
    } while (rc > 0);
    return rc;
}

static int scan_member(struct scanner *s, unsigned depth)
{
    if (peek(s) != '"')
        return fail(s, s->p, "a key in double quotes is expected here");
    const char *open = s->p;
    int rc = scan_string(s);
    if (rc == 0)
        rc = push_key(s, open + 1, (size_t)(s->p - open) - 2);
    if (rc)
        return rc;
    if (peek(s) != ':')
        return fail(s, s->p, "a colon is missing between key and value");
    s->p++;
    return scan_value(s, depth);
}

static int scan_object(struct scanner *s, unsigned depth)
{
    s->p++;
    if (peek(s) == '}') {
        s->p++;
        return 0;
    }
    size_t first = s->key_count;
    int rc;
    do {
        rc = scan_member(s, depth);
        if (rc == 0)
            rc = scan_separator(s, '}');
    } while (rc > 0);
    return rc ? rc : check_keys(s, first);
}

static int scan_value(struct scanner *s, unsigned depth)
{
    char c = peek(s);
    int rc = note_value(s);
    if (rc)
        return rc;
    if ((c == '[' || c == '{') && depth == JSON_DEPTH_MAX)
        return fail_at(s->text, s->p, s->e, ERR_LIMIT, "nested deeper than 16 levels");
    switch (c) {
    case '{':
        return scan_object(s, depth + 1);
    case '[':
        return scan_array(s, depth + 1);
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    case '-':
    case '0' ... '9':
        return scan_number(s);
    default:
        return fail_value(s);
    }
}

int json_scan(struct json_scan *out, const char *text, size_t len, struct err *e)
{
    struct scanner s = {.text = text, .p = text, .end = text + len, .out = out, .e = e};
    s.keys = s.local;
    s.key_cap = KEYS_LOCAL;
    int rc = scan_value(&s, 0);
    skip_space(&s);
    if (rc == 0 && s.p < s.end)
        rc = fail(&s, s.p, "the text goes on after its end; remove what follows");
    if (s.keys != s.local)
        free(s.keys);
    return rc;
}

/* --- comments --- */

/* Behind the closing quote, or the end; whether the string is right is json_scan's to say. */
static char *skip_quoted(char *p, const char *end)
{
    for (p++; p < end && *p != '"' && *p != '\n'; p++)
        if (*p == '\\' && p + 1 < end)
            p++;
    return p < end ? p + 1 : p;
}

int json_blank_comments(char *text, size_t len, struct err *e)
{
    char *p = text, *end = text + len;
    while (p < end) {
        if (*p == '"') {
            p = skip_quoted(p, end);
        } else if (*p == '/' && p + 1 < end && p[1] == '/') {
            for (; p < end && *p != '\n'; p++)
                *p = ' ';
        } else if (*p == '/' && p + 1 < end && p[1] == '*') {
            char *close = memmem(p + 2, (size_t)(end - p) - 2, "*/", 2);
            if (!close)
                return fail_at(text, p, e, ERR_INVALID, "this comment is never closed; add */");
            for (; p < close + 2; p++)
                if (*p != '\n')
                    *p = ' ';
        } else {
            p++;
        }
    }
    return 0;
}
