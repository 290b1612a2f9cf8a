#include "boards/emulator/registers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

unsigned registers_bits(enum point_type type)
{
    switch (type) {
    case TYPE_BIT:
        return 1;
    case TYPE_U16:
    case TYPE_S16:
    case TYPE_BCD16:
        return 16;
    case TYPE_U32:
    case TYPE_S32:
    case TYPE_F32:
    case TYPE_BCD32:
        return 32;
    case TYPE_U64:
    case TYPE_S64:
    case TYPE_F64:
        return 64;
    case TYPE_STRING:
        break;
    }
    return 0;
}

bool registers_is_signed(enum point_type type)
{
    return type == TYPE_S16 || type == TYPE_S32 || type == TYPE_S64;
}

bool registers_is_float(enum point_type type)
{
    return type == TYPE_F32 || type == TYPE_F64;
}

bool registers_is_bcd(enum point_type type)
{
    return type == TYPE_BCD16 || type == TYPE_BCD32;
}

double registers_numbers(enum point_type type)
{
    unsigned bits = registers_bits(type);
    unsigned digits = bits / 4;
    return registers_is_bcd(type) ? pow(10, digits) : ldexp(1, (int)bits);
}

unsigned registers_words(enum point_type type)
{
    unsigned bits = registers_bits(type);
    return bits < 16 ? 1 : bits / 16;
}

static uint16_t swapped(uint16_t word)
{
    return (uint16_t)(word << 8 | word >> 8);
}

static bool low_word_first(enum point_order order)
{
    return order == ORDER_CDAB || order == ORDER_DCBA;
}

static bool low_byte_first(enum point_order order)
{
    return order == ORDER_BADC || order == ORDER_DCBA;
}

void registers_put(const struct point *p, uint64_t raw, uint16_t *regs)
{
    unsigned words = registers_words(p->type);
    for (unsigned i = 0; i < words; i++) {
        unsigned significance = low_word_first(p->order) ? i : words - 1 - i;
        uint16_t word = (uint16_t)(raw >> (16 * significance) & 0xffff);
        regs[i] = low_byte_first(p->order) ? swapped(word) : word;
    }
}

uint64_t registers_get(const struct point *p, const uint16_t *regs)
{
    unsigned words = registers_words(p->type);
    uint64_t raw = 0;
    for (unsigned i = 0; i < words; i++) {
        unsigned significance = low_word_first(p->order) ? i : words - 1 - i;
        uint16_t word = low_byte_first(p->order) ? swapped(regs[i]) : regs[i];
        raw |= (uint64_t)word << (16 * significance);
    }
    return p->type == TYPE_BIT ? raw & 1 : raw;
}

void registers_put_string(const struct point *p, const char *text, uint16_t *regs)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < p->count; i++) {
        unsigned first = 2 * i < len ? (uint8_t)text[2 * i] : 0;
        unsigned second = 2 * i + 1 < len ? (uint8_t)text[2 * i + 1] : 0;
        uint16_t word = (uint16_t)(first << 8 | second);
        regs[i] = low_byte_first(p->order) ? swapped(word) : word;
    }
}

void registers_get_string(const struct point *p, const uint16_t *regs, char *text)
{
    for (size_t i = 0; i < p->count; i++) {
        uint16_t word = low_byte_first(p->order) ? swapped(regs[i]) : regs[i];
        text[2 * i] = (char)(word >> 8);
        text[2 * i + 1] = (char)(word & 0xff);
    }
    text[2 * (size_t)p->count] = '\0';
}

static uint64_t float_bits(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return bits;
}

static uint64_t double_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return bits;
}

static float bits_float(uint64_t raw)
{
    uint32_t bits = (uint32_t)raw;
    float v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

static double bits_double(uint64_t raw)
{
    double v;
    memcpy(&v, &raw, sizeof(v));
    return v;
}

static int from_integer(const struct point *p, double raw, uint64_t *out, struct err *e)
{
    unsigned bits = registers_bits(p->type);
    bool is_signed = registers_is_signed(p->type);
    double low = is_signed ? -ldexp(1, (int)bits - 1) : 0;
    double high = ldexp(1, is_signed ? (int)bits - 1 : (int)bits); /* exclusive */
    double whole = round(raw);
    if (!(whole >= low && whole < high))
        return err_set(e, ERR_LIMIT, "%s: raw %.17g does not fit %u bits", p->name, whole, bits);
    uint64_t pattern = whole < 0 ? (uint64_t)(int64_t)whole : (uint64_t)whole;
    *out = bits == 64 ? pattern : pattern & ((UINT64_C(1) << bits) - 1);
    return 0;
}

static int from_digits(const struct point *p, double raw, uint64_t *out, struct err *e)
{
    double whole = round(raw);
    if (!(whole >= 0 && whole < registers_numbers(p->type)))
        return err_set(e, ERR_LIMIT, "%s: %.17g has too many digits or a sign", p->name, whole);
    uint64_t pattern = 0, left = (uint64_t)whole;
    for (unsigned digit = 0; digit < registers_bits(p->type) / 4; digit++, left /= 10)
        pattern += left % 10 << (4 * digit);
    *out = pattern;
    return 0;
}

int registers_from_value(const struct point *p, double value, uint64_t *raw, struct err *e)
{
    double scaled = (value - p->offset) / p->scale;
    switch (p->type) {
    case TYPE_BIT:
        *raw = value != 0;
        return 0;
    case TYPE_F32:
        *raw = float_bits((float)scaled);
        return isfinite((float)scaled) ? 0 : err_set(e, ERR_LIMIT, "%s: too large", p->name);
    case TYPE_F64:
        *raw = double_bits(scaled);
        return isfinite(scaled) ? 0 : err_set(e, ERR_LIMIT, "%s: too large", p->name);
    case TYPE_STRING:
        return err_set(e, ERR_INVALID, "%s holds text, not a number", p->name);
    case TYPE_BCD16:
    case TYPE_BCD32:
        return from_digits(p, scaled, raw, e);
    default:
        return from_integer(p, scaled, raw, e);
    }
}

static __int128 raw_integer(enum point_type type, uint64_t raw)
{
    switch (type) {
    case TYPE_S16:
        return (int16_t)(uint16_t)raw;
    case TYPE_S32:
        return (int32_t)(uint32_t)raw;
    case TYPE_S64:
        return (int64_t)raw;
    default:
        return raw;
    }
}

static bool digits_decimal(enum point_type type, uint64_t raw, struct decimal *out)
{
    uint64_t number = 0;
    for (unsigned digit = registers_bits(type) / 4; digit-- > 0;) {
        unsigned nibble = (unsigned)(raw >> (4 * digit)) & 0xf;
        if (nibble > 9)
            return false;
        number = number * 10 + nibble;
    }
    *out = decimal_from_int((__int128)number);
    return true;
}

static bool raw_decimal(enum point_type type, uint64_t raw, struct decimal *out)
{
    if (type == TYPE_F32)
        return decimal_from_float(bits_float(raw), out);
    if (type == TYPE_F64)
        return decimal_from_double(bits_double(raw), out);
    if (registers_is_bcd(type))
        return digits_decimal(type, raw, out);
    *out = decimal_from_int(raw_integer(type, raw));
    return true;
}

bool registers_decimal(const struct point *p, uint64_t raw, struct decimal *out)
{
    struct decimal value, scale, offset;
    if (!raw_decimal(p->type, raw, &value))
        return false;
    if (p->type == TYPE_BIT) {
        *out = value;
        return true;
    }
    return decimal_from_double(p->scale, &scale) && decimal_from_double(p->offset, &offset) &&
           decimal_mul(value, scale, &value) && decimal_add(value, offset, out);
}

double registers_value(const struct point *p, uint64_t raw)
{
    struct decimal d;
    char text[DECIMAL_TEXT];
    if (registers_decimal(p, raw, &d))
        return strtod(decimal_text(d, text), NULL);
    if (!raw_decimal(p->type, raw, &d))
        return NAN;
    return strtod(decimal_text(d, text), NULL) * p->scale + p->offset;
}

bool registers_is_invalid(const struct point *p, uint64_t raw)
{
    if (p->type == TYPE_F32 && isnan(bits_float(raw)))
        return true;
    if (p->type == TYPE_F64 && isnan(bits_double(raw)))
        return true;
    for (unsigned i = 0; i < p->invalid_count; i++)
        if (p->invalid[i] == raw)
            return true;
    return false;
}
