/* Registers to values and back: profile.h's point_decode and point_encode. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/json_scan.h"
#include "model/profile.h"

#define DECIMALS_MAX   9
#define FLOAT_DECIMALS 7
#define FLOAT_WHOLE    16777216.0         /* 2^24: below it a float holds every whole number */
#define DOUBLE_WHOLE   9007199254740992.0 /* 2^53 */
#define U64_END        18446744073709551616.0
#define S64_END        9223372036854775808.0

static const double powers[DECIMALS_MAX + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

/* Registers of each type; 0: the point says. */
static const uint16_t widths[] = {
    [TYPE_BIT] = 1, [TYPE_U16] = 1,   [TYPE_S16] = 1,   [TYPE_U32] = 2,
    [TYPE_S32] = 2, [TYPE_U64] = 4,   [TYPE_S64] = 4,   [TYPE_F32] = 2,
    [TYPE_F64] = 4, [TYPE_BCD16] = 1, [TYPE_BCD32] = 2, [TYPE_STRING] = 0};

uint16_t point_type_width(enum point_type type)
{
    return widths[type];
}

bool point_pattern_fits(const struct point *p, uint64_t raw)
{
    unsigned width = widths[p->type];
    return p->type != TYPE_BIT && width > 0 && (width == 4 || raw >> 16 * width == 0);
}

double point_wrap(const struct point *p)
{
    double span = 0;
    if (p->kind->type != KIND_COUNTER || p->wrap > 0)
        return p->wrap;
    if (p->type == TYPE_U16)
        span = 65536;
    else if (p->type == TYPE_U32)
        span = 4294967296.0;
    else if (p->type == TYPE_BCD16)
        span = 1e4;
    else if (p->type == TYPE_BCD32)
        span = 1e8;
    return p->scale > 0 ? span * p->scale : 0;
}

/* --- bytes --- */

static uint16_t swap16(uint16_t v)
{
    return (uint16_t)(v << 8 | v >> 8);
}

static bool swaps_words(enum point_order order)
{
    return order == ORDER_CDAB || order == ORDER_DCBA;
}

static bool swaps_bytes(enum point_order order)
{
    return order == ORDER_BADC || order == ORDER_DCBA;
}

/* The register that holds the i-th word, most significant first. */
static size_t word_at(const struct point *p, size_t i)
{
    return swaps_words(p->order) ? widths[p->type] - 1u - i : i;
}

static uint64_t join(const struct point *p, const uint16_t *regs)
{
    uint64_t raw = 0;
    for (size_t i = 0; i < widths[p->type]; i++) {
        uint16_t word = regs[word_at(p, i)];
        raw = raw << 16 | (swaps_bytes(p->order) ? swap16(word) : word);
    }
    return raw;
}

static void split(const struct point *p, uint64_t raw, uint16_t *regs)
{
    for (size_t i = widths[p->type]; i-- > 0; raw >>= 16) {
        uint16_t word = (uint16_t)raw;
        regs[word_at(p, i)] = swaps_bytes(p->order) ? swap16(word) : word;
    }
}

/* --- numbers --- */

/* Whether v is n / power for a whole n that a double holds. */
static bool is_decimal(double v, double power, double *n)
{
    *n = nearbyint(v * power);
    return fabs(*n) < DOUBLE_WHOLE && !(*n / power < v || *n / power > v);
}

/* value = (raw * scale + offset) / power, all three whole where that is possible. */
struct fraction {
    double scale, offset, power;
};

/*
 * 0.1 has no exact double, so 3 * 0.1 would read 0.30000000000000004; with scale and offset as
 * fractions over one power of ten there is one rounding, at the division, and it gives the double
 * nearest to the decimal meant.
 */
static struct fraction fraction_of(const struct point *p)
{
    struct fraction f;
    for (int k = 0; k <= DECIMALS_MAX; k++) {
        f.power = powers[k];
        if (is_decimal(p->scale, f.power, &f.scale) && is_decimal(p->offset, f.power, &f.offset))
            return f;
    }
    return (struct fraction){p->scale, p->offset, 1};
}

static double apply_scale(const struct point *p, double raw)
{
    if (!(p->scale < 1 || p->scale > 1 || p->offset < 0 || p->offset > 0))
        return raw;
    struct fraction f = fraction_of(p);
    double whole = raw,
           part = 1; /* 117.32 kW is 11732 hundredths: the same for a raw that is not */
    bool fractional = p->type == TYPE_F32 || p->type == TYPE_F64;
    for (int k = 0; fractional && k <= DECIMALS_MAX; k++) {
        part = powers[k];
        if (is_decimal(raw, part, &whole) && fabs(whole * f.scale) < DOUBLE_WHOLE)
            return (whole * f.scale + f.offset * part) / (f.power * part);
    }
    return (raw * f.scale + f.offset) / f.power;
}

static double remove_scale(const struct point *p, double v)
{
    struct fraction f = fraction_of(p);
    return (v * f.power - f.offset) / f.scale;
}

/* The double of the shortest decimal that reads back as f: 23.4f is 23.4, not 23.399999618530273.
 */
static double shortest(float f)
{
    double v = (double)f;
    char text[24];
    if (fabs(v) < FLOAT_WHOLE && fabs(v) >= 1e-3) {
        for (int k = 0; k <= FLOAT_DECIMALS; k++) {
            double n = nearbyint(v * powers[k]) / powers[k];
            if (!((float)n < f || (float)n > f))
                return n;
        }
    }
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        float back = strtof(text, NULL);
        if (!(back < f || back > f))
            break;
    }
    return strtod(text, NULL);
}

static double float_of(uint32_t raw)
{
    float f;
    memcpy(&f, &raw, sizeof(f));
    return isfinite(f) ? shortest(f) : (double)f;
}

static double double_of(uint64_t raw)
{
    double d;
    memcpy(&d, &raw, sizeof(d));
    return d;
}

/* A decimal digit a nibble; NaN when one is none. */
static double bcd_of(uint64_t raw)
{
    double n = 0;
    for (int shift = 28; shift >= 0; shift -= 4) {
        unsigned digit = (unsigned)(raw >> shift & 0xf);
        if (digit > 9)
            return (double)NAN;
        n = n * 10 + digit;
    }
    return n;
}

static uint64_t to_bcd(uint64_t n)
{
    uint64_t raw = 0;
    for (int shift = 0; n > 0; shift += 4, n /= 10)
        raw |= n % 10 << shift;
    return raw;
}

/* The raw pattern as a number; NaN or infinite when it is none. */
static double number_of(enum point_type type, uint64_t raw)
{
    switch (type) {
    case TYPE_S16:
        return (int16_t)raw;
    case TYPE_S32:
        return (int32_t)raw;
    case TYPE_S64:
        return (double)(int64_t)raw;
    case TYPE_F32:
        return float_of((uint32_t)raw);
    case TYPE_F64:
        return double_of(raw);
    case TYPE_BCD16:
    case TYPE_BCD32:
        return bcd_of(raw);
    case TYPE_BIT:
    case TYPE_U16:
    case TYPE_U32:
    case TYPE_U64:
    case TYPE_STRING:
        break;
    }
    return (double)raw;
}

/* --- decoding --- */

static void set_bad(struct sample *s, enum cause cause)
{
    s->quality = QUALITY_BAD;
    s->cause = cause;
    s->value = (struct value){.type = VALUE_NONE};
}

static void set_number(const struct point *p, double number, struct sample *s)
{
    if (!isfinite(number)) {
        set_bad(s, CAUSE_INVALID);
        return;
    }
    double v = apply_scale(p, number);
    if (!(v >= p->kind->min && v <= p->kind->max)) {
        set_bad(s, CAUSE_RANGE);
        return;
    }
    s->value.type = VALUE_NUMBER;
    s->value.number = v;
}

/* Two characters a register, ended by NUL or padded with blanks. */
static void set_string(const struct point *p, const uint16_t *regs, struct sample *s)
{
    char *text = s->value.string;
    size_t len = 0;
    for (size_t i = 0; i < p->count; i++) {
        uint16_t word = swaps_bytes(p->order) ? swap16(regs[i]) : regs[i];
        text[2 * i] = (char)(word >> 8);
        text[2 * i + 1] = (char)word;
    }
    len = strnlen(text, 2u * p->count);
    while (len && text[len - 1] == ' ')
        len--;
    text[len] = '\0';
    s->value.type = VALUE_STRING;
    for (const char *c = text; *c;) {
        unsigned n = json_utf8_length(c, text + len);
        if (n == 0 || (unsigned char)*c < 0x20 || *c == 0x7f) {
            set_bad(s, CAUSE_INVALID);
            return;
        }
        c += n;
    }
}

static bool is_sentinel(const struct point *p, uint64_t raw)
{
    for (unsigned i = 0; i < p->invalid_count; i++)
        if (p->invalid[i] == raw)
            return true;
    return false;
}

static bool is_bcd(const struct point *p)
{
    return p->type == TYPE_BCD16 || p->type == TYPE_BCD32;
}

static bool bit_of(const struct point *p, uint16_t reg)
{
    bool in_register = p->table == TABLE_HOLDING || p->table == TABLE_INPUT;
    return in_register ? reg >> p->bit & 1 : reg != 0;
}

void point_decode(const struct point *p, const uint16_t *regs, struct sample *s)
{
    s->quality = QUALITY_GOOD;
    s->cause = CAUSE_NONE;
    s->value.type = VALUE_NONE;
    if (p->type == TYPE_STRING) {
        set_string(p, regs, s);
        return;
    }
    uint64_t raw = p->type == TYPE_BIT ? bit_of(p, regs[0]) : join(p, regs);
    if (is_sentinel(p, raw)) {
        set_bad(s, CAUSE_INVALID);
    } else if (p->kind->type == KIND_BOOL) {
        s->value.type = VALUE_BOOL;
        s->value.boolean = raw != 0;
        if (is_bcd(p) && isnan(bcd_of(raw)))
            set_bad(s, CAUSE_INVALID);
    } else {
        set_number(p, number_of(p->type, raw), s);
    }
}

/* --- encoding --- */

static int refuse_limit(const struct point *p, double v, struct err *e)
{
    return err_set(e, ERR_LIMIT, "%s: %g does not fit its registers", p->name, v);
}

static int encode_integer(const struct point *p, double v, uint16_t *regs, struct err *e)
{
    static const struct {
        double min, end; /* end is the first that does not fit */
    } ranges[] = {
        [TYPE_U16] = {0, 65536},        [TYPE_S16] = {-32768, 32768},
        [TYPE_U32] = {0, 4294967296.0}, [TYPE_S32] = {-2147483648.0, 2147483648.0},
        [TYPE_U64] = {0, U64_END},      [TYPE_S64] = {-S64_END, S64_END},
        [TYPE_BCD16] = {0, 1e4},        [TYPE_BCD32] = {0, 1e8},
    };
    double whole = nearbyint(remove_scale(p, v));
    if (!(whole >= ranges[p->type].min && whole < ranges[p->type].end))
        return refuse_limit(p, v, e);
    uint64_t raw = whole < 0 ? (uint64_t)(int64_t)whole : (uint64_t)whole;
    split(p, is_bcd(p) ? to_bcd(raw) : raw, regs);
    return 0;
}

static int encode_number(const struct point *p, double v, uint16_t *regs, struct err *e)
{
    if (!(v >= p->kind->min && v <= p->kind->max))
        return err_set(e, ERR_LIMIT, "%s: %g is no plausible %s", p->name, v, p->kind->name);
    double raw = remove_scale(p, v);
    uint64_t bits = 0;
    if (p->type == TYPE_F32) {
        float f = (float)raw;
        if (!isfinite(f))
            return refuse_limit(p, v, e);
        uint32_t bits32;
        memcpy(&bits32, &f, sizeof(bits32));
        bits = bits32;
    } else if (p->type == TYPE_F64) {
        memcpy(&bits, &raw, sizeof(bits));
    } else {
        return encode_integer(p, v, regs, e);
    }
    split(p, bits, regs);
    return 0;
}

static int encode_string(const struct point *p, const char *text, uint16_t *regs, struct err *e)
{
    char bytes[2 * POINT_REGS_MAX] = {0};
    size_t len = strnlen(text, VALUE_STRING_SIZE);
    if (len > 2u * p->count)
        return err_set(e, ERR_LIMIT, "%s: longer than %u bytes", p->name, 2u * p->count);
    memcpy(bytes, text, len);
    for (size_t i = 0; i < p->count; i++) {
        uint16_t word = (uint16_t)((uint8_t)bytes[2 * i] << 8 | (uint8_t)bytes[2 * i + 1]);
        regs[i] = swaps_bytes(p->order) ? swap16(word) : word;
    }
    return 0;
}

int point_encode(const struct point *p, const struct value *v, uint16_t *regs, struct err *e)
{
    static const enum value_type wanted[] = {[KIND_NUMBER] = VALUE_NUMBER,
                                             [KIND_COUNTER] = VALUE_NUMBER,
                                             [KIND_BOOL] = VALUE_BOOL,
                                             [KIND_STRING] = VALUE_STRING};
    if (v->type != wanted[p->kind->type])
        return err_set(e, ERR_INVALID, "%s takes a %s", p->name, kind_type_name(p->kind->type));
    if (p->type == TYPE_STRING)
        return encode_string(p, v->string, regs, e);
    if (p->type == TYPE_BIT) {
        regs[0] = v->boolean;
        return 0;
    }
    if (p->kind->type == KIND_BOOL) {
        split(p, v->boolean, regs);
        return 0;
    }
    return encode_number(p, v->number, regs, e);
}
