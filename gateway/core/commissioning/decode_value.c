/* The prices of single values: gateway/core/commissioning/decode.h says what they are for. */
#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "gateway/core/commissioning/decode_inside.h"
#include "model/json.h"

/*
 * The prices, in bits. A whole number n follows a power law (P ~ n^-1.25): small ones are common,
 * and no size is impossible. A float pays for sign, size and digits: sizes from 2^-5 to 2^17 are
 * usual; its digits cost what it takes to pick it among the numbers of that size with as many
 * decimals, and at most its mantissa.
 */
#define WHOLE_START       1.5
#define WHOLE_SLOPE       1.25
#define FLOAT_SIZE        4.0
#define FLOAT_USUAL_MIN   (-5)
#define FLOAT_USUAL_MAX   17
#define FLOAT_SIZE_SLOPE  0.5
#define FLOAT_USUAL       6 /* 2^6 */
#define FLOAT_USUAL_SLOPE 0.1
#define FLOAT_NEGATIVE    2.0
#define FLOAT_POSITIVE    0.5
#define FLOAT_ZERO        2.0
#define FLOAT_QUIET_NAN   22.0 /* "no reading" of many devices */
#define FLOAT_NOT_FINITE  48.0
#define BITS_A_DECIMAL    3.321928 /* log2 10 */
#define UNCHANGED         0.2
#define CHANGE_START      3.0
#define NOT_OF_TYPE       64.0
#define LIKE_BITS         (-1.5)
#define UNLIKE_BITS       0.5
#define PLAUSIBLE_SHARE   0.85 /* of the width, and */
#define PLAUSIBLE_FREE    4.0  /* so much more */
#define CHARACTER_COMMON  5.5
#define CHARACTER_OTHER   8.0
#define CHARACTER_PADDING 2.0
#define CHARACTER_NONE    20.0

static const struct {
    const char *name;
    unsigned words;
} types[] = {
    [DECODE_U16] = {"u16", 1},     [DECODE_S16] = {"s16", 1},     [DECODE_BCD16] = {"bcd16", 1},
    [DECODE_ASCII] = {"ascii", 1}, [DECODE_U32] = {"u32", 2},     [DECODE_S32] = {"s32", 2},
    [DECODE_F32] = {"f32", 2},     [DECODE_BCD32] = {"bcd32", 2}, [DECODE_U64] = {"u64", 4},
    [DECODE_S64] = {"s64", 4},     [DECODE_F64] = {"f64", 4},     [DECODE_RAW] = {"raw", 1},
};

const char *decode_type_name(enum decode_type type)
{
    return types[type].name;
}

unsigned decode_type_words(enum decode_type type)
{
    return types[type].words;
}

const char *decode_order_name(enum point_order order)
{
    static const char *const names[] = {"ABCD", "CDAB", "BADC", "DCBA"};
    return names[order];
}

bool decode_type_has(enum decode_type type, enum point_order order)
{
    return types[type].words > 1 || order == ORDER_ABCD || order == ORDER_BADC;
}

/* The registers' bits as one number, most significant first. */
static uint64_t pattern_of(const uint16_t *words, unsigned count, enum point_order order)
{
    bool words_swapped = order == ORDER_CDAB || order == ORDER_DCBA;
    bool bytes_swapped = order == ORDER_BADC || order == ORDER_DCBA;
    uint64_t pattern = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned word = words[words_swapped ? count - 1 - i : i];
        if (bytes_swapped)
            word = word >> 8 | (word & 0xff) << 8;
        pattern = pattern << 16 | word;
    }
    return pattern;
}

/* --- whole numbers --- */

static double whole_bits(double n)
{
    return WHOLE_START + WHOLE_SLOPE * log2(n + 1);
}

static void take_unsigned(uint64_t n, struct decode_value *out)
{
    out->is_number = true;
    out->value = (double)n;
    out->bits = whole_bits((double)n);
    snprintf(out->text, sizeof(out->text), "%llu", (unsigned long long)n);
}

static void take_signed(int64_t n, struct decode_value *out)
{
    out->is_number = true;
    out->value = (double)n;
    out->bits = whole_bits(fabs((double)n)) + 1;
    snprintf(out->text, sizeof(out->text), "%lld", (long long)n);
}

static void take_bcd(uint64_t pattern, unsigned digits, struct decode_value *out)
{
    uint64_t n = 0;
    for (unsigned i = digits; i-- > 0;) {
        unsigned digit = (unsigned)(pattern >> (4 * i)) & 0xf;
        if (digit > 9) {
            out->bits = NOT_OF_TYPE;
            return;
        }
        n = n * 10 + digit;
    }
    take_unsigned(n, out);
}

/* --- floating point --- */

/* The fewest decimals that tell v from its neighbours, or -1: it needs its whole mantissa. */
static int decimals_of(double v, bool is_f32)
{
    double power = 1;
    for (int k = 0; k <= (is_f32 ? 7 : 12); k++) {
        double scaled = round(v * power);
        if (fabs(scaled) > (is_f32 ? 16777216.0 : 9007199254740992.0))
            return -1;
        double back = scaled / power;
        if (is_f32 ? (float)back == (float)v : back == v)
            return k;
        power *= 10;
    }
    return -1;
}

static double digits_bits(double v, int exponent, bool is_f32)
{
    double mantissa = is_f32 ? 23 : 52;
    int k = decimals_of(v, is_f32);
    if (k < 0)
        return mantissa;
    double bits = fmax(0, exponent + BITS_A_DECIMAL * k) + 0.5 + 0.5 * k;
    return fmin(bits, mantissa);
}

static double float_bits(double v, bool is_f32)
{
    if (v == 0)
        return signbit(v) ? FLOAT_NOT_FINITE : FLOAT_ZERO;
    int exponent = ilogb(v);
    int unusual = exponent < FLOAT_USUAL_MIN   ? FLOAT_USUAL_MIN - exponent
                  : exponent > FLOAT_USUAL_MAX ? exponent - FLOAT_USUAL_MAX
                                               : 0;
    return (v < 0 ? FLOAT_NEGATIVE : FLOAT_POSITIVE) + FLOAT_SIZE + FLOAT_SIZE_SLOPE * unusual +
           FLOAT_USUAL_SLOPE * abs(exponent - FLOAT_USUAL) + digits_bits(v, exponent, is_f32);
}

static void shortest(double v, bool is_f32, struct decode_value *out)
{
    for (int digits = 1; digits <= (is_f32 ? 9 : 17); digits++) {
        snprintf(out->text, sizeof(out->text), "%.*g", digits, v);
        double back = strtod(out->text, NULL);
        if (is_f32 ? (float)back == (float)v : back == v)
            return;
    }
}

static void take_float(double v, bool is_f32, bool quiet_nan, struct decode_value *out)
{
    if (!isfinite(v)) {
        out->bits = quiet_nan ? FLOAT_QUIET_NAN : FLOAT_NOT_FINITE;
        snprintf(out->text, sizeof(out->text), "%s", isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
        return;
    }
    out->is_number = true;
    out->value = v;
    out->bits = float_bits(v, is_f32);
    shortest(v, is_f32, out);
}

static void take_f32(uint32_t pattern, struct decode_value *out)
{
    float v;
    memcpy(&v, &pattern, sizeof(v));
    take_float((double)v, true, (pattern & 0x7fffffff) == 0x7fc00000, out);
}

static void take_f64(uint64_t pattern, struct decode_value *out)
{
    double v;
    memcpy(&v, &pattern, sizeof(v));
    take_float(v, false, (pattern & INT64_MAX) == UINT64_C(0x7ff8000000000000), out);
}

/* --- text --- */

static double character_bits(unsigned char c, bool after_end)
{
    if (c == '\0')
        return after_end ? CHARACTER_PADDING / 2 : CHARACTER_PADDING;
    if (after_end || c < ' ' || c > '~')
        return CHARACTER_NONE;
    return isalnum(c) || c == ' ' || c == '.' || c == '-' ? CHARACTER_COMMON : CHARACTER_OTHER;
}

static void take_text(unsigned pattern, struct decode_value *out)
{
    const unsigned char c[] = {(unsigned char)(pattern >> 8), (unsigned char)(pattern & 0xff)};
    out->bits = character_bits(c[0], false) + character_bits(c[1], c[0] == '\0');
    bool readable = out->bits < CHARACTER_NONE && (c[0] || !c[1]);
    for (size_t i = 0; readable && i < sizeof(c); i++)
        out->text[i] = (char)c[i];
}

void decode_value(enum decode_type type, enum point_order order, const uint16_t *words,
                  struct decode_value *out)
{
    unsigned count = types[type].words;
    uint64_t pattern = pattern_of(words, count, order);
    *out = (struct decode_value){.bits = NOT_OF_TYPE};
    switch (type) {
    case DECODE_U16:
    case DECODE_U32:
    case DECODE_U64:
        take_unsigned(pattern, out);
        break;
    case DECODE_S16:
        take_signed((int16_t)pattern, out);
        break;
    case DECODE_S32:
        take_signed((int32_t)pattern, out);
        break;
    case DECODE_S64:
        take_signed((int64_t)pattern, out);
        break;
    case DECODE_BCD16:
    case DECODE_BCD32:
        take_bcd(pattern, 4 * count, out);
        break;
    case DECODE_F32:
        take_f32((uint32_t)pattern, out);
        break;
    case DECODE_F64:
        take_f64(pattern, out);
        break;
    case DECODE_ASCII:
        take_text((unsigned)pattern, out);
        break;
    case DECODE_RAW:
        out->bits = DECODE_RAW_BITS;
        snprintf(out->text, sizeof(out->text), "0x%04X", (unsigned)pattern);
        break;
    }
    out->plausible = type != DECODE_RAW && out->text[0] != '\0' &&
                     out->bits <= PLAUSIBLE_SHARE * 16 * count + PLAUSIBLE_FREE;
}

/* --- from read to read --- */

static double float_change_bits(enum decode_type type, double from, double to)
{
    bool is_f32 = type == DECODE_F32;
    double change = fabs(to - from) / fmax(fabs(to), fabs(from));
    double digits = to == 0 ? 1 : digits_bits(to, ilogb(to), is_f32);
    return CHANGE_START + fmax(1, digits + log2(change));
}

double decode_change_bits(enum decode_type type, const struct decode_value *from,
                          const struct decode_value *to)
{
    if (!from->is_number || !to->is_number)
        return strcmp(from->text, to->text) == 0 && from->text[0] ? UNCHANGED : to->bits;
    if (strcmp(from->text, to->text) == 0)
        return UNCHANGED;
    double bits = type == DECODE_F32 || type == DECODE_F64
                      ? float_change_bits(type, from->value, to->value)
                      : whole_bits(fabs(to->value - from->value)) + 1;
    return fmin(bits, to->bits + 1);
}

double decode_likeness_bits(enum decode_type type, const struct decode_value *a,
                            const struct decode_value *b)
{
    if (!a->is_number || !b->is_number || type == DECODE_RAW)
        return 0;
    bool is_float = type == DECODE_F32 || type == DECODE_F64;
    double smallest = is_float ? 0.001 : 1;
    double ratio = log2((fabs(a->value) + smallest) / (fabs(b->value) + smallest));
    return fabs(ratio) <= 2 ? LIKE_BITS : UNLIKE_BITS;
}
