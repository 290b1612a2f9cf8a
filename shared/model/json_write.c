#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/json.h"
#include "model/json_scan.h"

#define WHOLE_MAX    9007199254740992.0 /* 2^53: below it every whole number is exact */
#define DECIMALS_MAX 9

static void write_escape(struct buf *b, char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    static const char hex[] = "0123456789abcdef";
    const char *hit = strchr(from, c);
    if (hit) {
        char pair[2] = {'\\', to[hit - from]};
        buf_put(b, pair, 2);
        return;
    }
    char code[6] = {'\\', 'u', '0', '0', hex[(c >> 4) & 0xf], hex[c & 0xf]};
    buf_put(b, code, 6);
}

void json_write_string(struct buf *b, const char *text)
{
    const char *end = text + strlen(text), *from = text;
    buf_char(b, '"');
    while (text < end) {
        unsigned n = json_utf8_length(text, end);
        if (n && !(n == 1 && ((uint8_t)*text < 0x20 || *text == '"' || *text == '\\'))) {
            text += n;
            continue;
        }
        buf_put(b, from, (size_t)(text - from));
        if (n)
            write_escape(b, *text);
        else
            buf_str(b, "\xef\xbf\xbd");
        from = ++text;
    }
    buf_put(b, from, (size_t)(text - from));
    buf_char(b, '"');
}

/*
 * Sensors send few decimals. When n / 10^k gives back v, the decimal n with k places reads back as
 * v too: n and 10^k are exact, and both the division and strtod round correctly.
 */
static bool write_decimal(struct buf *b, double v)
{
    if (fabs(v) < WHOLE_MAX && !signbit(v)) {
        uint64_t whole = (uint64_t)v;
        if (!((double)whole < v)) { /* cut off, so never above */
            buf_u64(b, whole);
            return true;
        }
    }
    static const double powers[DECIMALS_MAX + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    for (unsigned k = 0; k <= DECIMALS_MAX; k++) {
        double power = powers[k];
        double n = nearbyint(v * power);
        if (fabs(n) >= WHOLE_MAX)
            return false;
        if (n / power < v || n / power > v)
            continue;
        uint64_t all = (uint64_t)fabs(n), scale = (uint64_t)power;
        if (signbit(v))
            buf_char(b, '-');
        buf_u64(b, all / scale);
        if (k == 0)
            return true;
        char places[DECIMALS_MAX + 1] = ".";
        uint64_t rest = all % scale;
        for (unsigned i = k; i >= 1; i--, rest /= 10)
            places[i] = (char)('0' + rest % 10);
        buf_put(b, places, k + 1);
        return true;
    }
    return false;
}

void json_write_number(struct buf *b, double v)
{
    if (!isfinite(v)) {
        buf_str(b, "null");
        return;
    }
    if (write_decimal(b, v))
        return;
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        double back = strtod(text, NULL);
        if (!(back < v || back > v))
            break;
    }
    char *comma = strchr(text, ','); /* a locale's decimal point */
    if (comma)
        *comma = '.';
    buf_str(b, text);
}
