#include "boards/emulator/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOUBLE_DIGITS   17
#define FLOAT_DIGITS    9
#define PLAIN_ZEROS_MAX 20 /* past these a text takes an exponent */
#define MANTISSA_DIGITS 39 /* of 2^127 */

struct decimal decimal_from_int(__int128 v)
{
    return (struct decimal){v, 0};
}

static struct decimal trimmed(struct decimal d)
{
    if (d.mantissa == 0)
        return (struct decimal){0, 0};
    while (d.mantissa % 10 == 0) {
        d.mantissa /= 10;
        d.exponent++;
    }
    return d;
}

/* Reads "-d.ddde+xx" as %e prints it. */
static struct decimal read_scientific(const char *text)
{
    struct decimal d = {0, 0};
    bool negative = *text == '-';
    bool fraction = false;
    const char *at = negative ? text + 1 : text;
    for (; *at && *at != 'e'; at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        d.mantissa = d.mantissa * 10 + (*at - '0');
        d.exponent -= fraction;
    }
    if (*at == 'e')
        d.exponent += (int)strtol(at + 1, NULL, 10);
    if (negative)
        d.mantissa = -d.mantissa;
    return trimmed(d);
}

bool decimal_from_double(double v, struct decimal *out)
{
    if (!isfinite(v))
        return false;
    char text[40];
    for (int digits = 1; digits <= DOUBLE_DIGITS; digits++) {
        snprintf(text, sizeof(text), "%.*e", digits - 1, v);
        if (strtod(text, NULL) == v)
            break;
    }
    *out = read_scientific(text);
    return true;
}

bool decimal_from_float(float v, struct decimal *out)
{
    if (!isfinite(v))
        return false;
    char text[40];
    for (int digits = 1; digits <= FLOAT_DIGITS; digits++) {
        snprintf(text, sizeof(text), "%.*e", digits - 1, (double)v);
        if (strtof(text, NULL) == v)
            break;
    }
    *out = read_scientific(text);
    return true;
}

bool decimal_mul(struct decimal a, struct decimal b, struct decimal *out)
{
    __int128 product;
    if (__builtin_mul_overflow(a.mantissa, b.mantissa, &product))
        return false;
    *out = trimmed((struct decimal){product, a.exponent + b.exponent});
    return true;
}

/* Brings d to a lower exponent without changing what it says. */
static bool lowered(struct decimal *d, int exponent)
{
    while (d->exponent > exponent) {
        if (__builtin_mul_overflow(d->mantissa, (__int128)10, &d->mantissa))
            return false;
        d->exponent--;
    }
    return true;
}

bool decimal_add(struct decimal a, struct decimal b, struct decimal *out)
{
    if (a.mantissa == 0 || b.mantissa == 0) {
        *out = trimmed(a.mantissa == 0 ? b : a);
        return true;
    }
    int exponent = a.exponent < b.exponent ? a.exponent : b.exponent;
    __int128 sum;
    if (!lowered(&a, exponent) || !lowered(&b, exponent) ||
        __builtin_add_overflow(a.mantissa, b.mantissa, &sum))
        return false;
    *out = trimmed((struct decimal){sum, exponent});
    return true;
}

/* Digits of |v|, least significant last; returns how many. */
static int digits_of(__int128 v, char digits[MANTISSA_DIGITS + 2])
{
    char reversed[MANTISSA_DIGITS + 2];
    int n = 0;
    do {
        int digit = (int)(v % 10);
        reversed[n++] = (char)('0' + (digit < 0 ? -digit : digit));
        v /= 10;
    } while (v != 0 && n <= MANTISSA_DIGITS);
    for (int i = 0; i < n; i++)
        digits[i] = reversed[n - 1 - i];
    digits[n] = '\0';
    return n;
}

const char *decimal_text(struct decimal d, char text[DECIMAL_TEXT])
{
    d = trimmed(d);
    static const char zeros[PLAIN_ZEROS_MAX + 1] = "00000000000000000000";
    char digits[MANTISSA_DIGITS + 2];
    int n = digits_of(d.mantissa, digits);
    const char *sign = d.mantissa < 0 ? "-" : "";
    int point = n + d.exponent; /* digits before the decimal point */
    if (d.exponent == 0)
        snprintf(text, DECIMAL_TEXT, "%s%s", sign, digits);
    else if (d.exponent > 0 && point <= PLAIN_ZEROS_MAX)
        snprintf(text, DECIMAL_TEXT, "%s%s%0*d", sign, digits, d.exponent, 0);
    else if (d.exponent < 0 && point > 0)
        snprintf(text, DECIMAL_TEXT, "%s%.*s.%s", sign, point, digits, digits + point);
    else if (d.exponent < 0 && -point <= PLAIN_ZEROS_MAX)
        snprintf(text, DECIMAL_TEXT, "%s0.%.*s%s", sign, -point, zeros, digits);
    else
        snprintf(text, DECIMAL_TEXT, "%s%se%d", sign, digits, d.exponent);
    return text;
}
