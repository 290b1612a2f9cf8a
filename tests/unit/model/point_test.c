/* Promise: registers become exactly the value the device meant, or a bad sample with its cause;
 * what a command writes reads back the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/rng.h"
#include "model/profile.h"

static struct point make(const char *kind, enum point_type type, enum point_order order,
                         uint16_t count)
{
    return (struct point){.name = "p",
                          .kind = kind_find(kind),
                          .table = type == TYPE_BIT ? TABLE_COIL : TABLE_HOLDING,
                          .type = type,
                          .order = order,
                          .count = count,
                          .scale = 1};
}

static void expect_number(const struct point *p, const uint16_t *regs, double expected)
{
    struct sample s = {0};
    point_decode(p, regs, &s);
    assert_int_equal(s.quality, QUALITY_GOOD);
    assert_int_equal(s.cause, CAUSE_NONE);
    assert_int_equal(s.value.type, VALUE_NUMBER);
    if (s.value.number < expected || s.value.number > expected)
        fail_msg("%.17g is not %.17g", s.value.number, expected);
}

static void expect_bad(const struct point *p, const uint16_t *regs, enum cause cause)
{
    struct sample s = {.value = {.type = VALUE_NUMBER}};
    point_decode(p, regs, &s);
    assert_int_equal(s.quality, QUALITY_BAD);
    assert_int_equal(s.cause, cause);
    assert_int_equal(s.value.type, VALUE_NONE);
}

/* Registers as they come over the wire, written out by hand for each order. */
static const struct {
    enum point_type type;
    enum point_order order;
    uint16_t count;
    uint16_t regs[4];
    double value;
} golden[] = {
    {TYPE_U16, ORDER_ABCD, 1, {0x1234}, 4660},
    {TYPE_U16, ORDER_CDAB, 1, {0x1234}, 4660},
    {TYPE_U16, ORDER_BADC, 1, {0x3412}, 4660},
    {TYPE_U16, ORDER_DCBA, 1, {0x3412}, 4660},
    {TYPE_S16, ORDER_ABCD, 1, {0xff38}, -200},
    {TYPE_S16, ORDER_CDAB, 1, {0xff38}, -200},
    {TYPE_S16, ORDER_BADC, 1, {0x38ff}, -200},
    {TYPE_S16, ORDER_DCBA, 1, {0x38ff}, -200},
    {TYPE_U32, ORDER_ABCD, 2, {0x0102, 0x0304}, 16909060},
    {TYPE_U32, ORDER_CDAB, 2, {0x0304, 0x0102}, 16909060},
    {TYPE_U32, ORDER_BADC, 2, {0x0201, 0x0403}, 16909060},
    {TYPE_U32, ORDER_DCBA, 2, {0x0403, 0x0201}, 16909060},
    {TYPE_S32, ORDER_ABCD, 2, {0xfffe, 0x7960}, -100000},
    {TYPE_S32, ORDER_CDAB, 2, {0x7960, 0xfffe}, -100000},
    {TYPE_S32, ORDER_BADC, 2, {0xfeff, 0x6079}, -100000},
    {TYPE_S32, ORDER_DCBA, 2, {0x6079, 0xfeff}, -100000},
    {TYPE_U64, ORDER_ABCD, 4, {0x0000, 0x0000, 0x1122, 0x3344}, 287454020},
    {TYPE_U64, ORDER_CDAB, 4, {0x3344, 0x1122, 0x0000, 0x0000}, 287454020},
    {TYPE_U64, ORDER_BADC, 4, {0x0000, 0x0000, 0x2211, 0x4433}, 287454020},
    {TYPE_U64, ORDER_DCBA, 4, {0x4433, 0x2211, 0x0000, 0x0000}, 287454020},
    {TYPE_S64, ORDER_ABCD, 4, {0xffff, 0xffff, 0xfffe, 0x7960}, -100000},
    {TYPE_S64, ORDER_CDAB, 4, {0x7960, 0xfffe, 0xffff, 0xffff}, -100000},
    {TYPE_S64, ORDER_BADC, 4, {0xffff, 0xffff, 0xfeff, 0x6079}, -100000},
    {TYPE_S64, ORDER_DCBA, 4, {0x6079, 0xfeff, 0xffff, 0xffff}, -100000},
    {TYPE_F32, ORDER_ABCD, 2, {0x4366, 0x0a3d}, 230.04},
    {TYPE_F32, ORDER_CDAB, 2, {0x0a3d, 0x4366}, 230.04},
    {TYPE_F32, ORDER_BADC, 2, {0x6643, 0x3d0a}, 230.04},
    {TYPE_F32, ORDER_DCBA, 2, {0x3d0a, 0x6643}, 230.04},
    {TYPE_BCD16, ORDER_ABCD, 1, {0x9876}, 9876},
    {TYPE_BCD16, ORDER_BADC, 1, {0x7698}, 9876},
    {TYPE_BCD32, ORDER_ABCD, 2, {0x1234, 0x5678}, 12345678},
    {TYPE_BCD32, ORDER_CDAB, 2, {0x5678, 0x1234}, 12345678},
    {TYPE_BCD32, ORDER_BADC, 2, {0x3412, 0x7856}, 12345678},
    {TYPE_BCD32, ORDER_DCBA, 2, {0x7856, 0x3412}, 12345678},
    {TYPE_F64, ORDER_ABCD, 4, {0xc0f8, 0x6a00, 0x0000, 0x0001}, -0x1.86a0000000001p16},
    {TYPE_F64, ORDER_CDAB, 4, {0x0001, 0x0000, 0x6a00, 0xc0f8}, -0x1.86a0000000001p16},
    {TYPE_F64, ORDER_BADC, 4, {0xf8c0, 0x006a, 0x0000, 0x0100}, -0x1.86a0000000001p16},
    {TYPE_F64, ORDER_DCBA, 4, {0x0100, 0x0000, 0x006a, 0xf8c0}, -0x1.86a0000000001p16},
};

static void every_type_in_every_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(golden) / sizeof(*golden); i++) {
        struct point p = make("power", golden[i].type, golden[i].order, golden[i].count);
        expect_number(&p, golden[i].regs, golden[i].value);
        struct value v = {.type = VALUE_NUMBER, .number = golden[i].value};
        uint16_t regs[4] = {0};
        assert_int_equal(point_encode(&p, &v, regs, NULL), 0);
        assert_memory_equal(regs, golden[i].regs, 2u * golden[i].count);
    }
}

static void decimal_scales_read_as_decimals(void **state)
{
    (void)state;
    struct point p = make("power", TYPE_S16, ORDER_ABCD, 1);
    p.scale = 0.1;
    expect_number(&p, (uint16_t[]){3}, 0.3);
    expect_number(&p, (uint16_t[]){235}, 23.5);
    expect_number(&p, (uint16_t[]){0xffff}, -0.1);
    p.scale = 0.02;
    expect_number(&p, (uint16_t[]){35}, 0.7);
    p.scale = 0.001;
    expect_number(&p, (uint16_t[]){1005}, 1.005);
    p.scale = 0.1;
    p.offset = -40.2;
    expect_number(&p, (uint16_t[]){403}, 0.1);
    p.scale = 1.0 / 3;
    p.offset = 0;
    expect_number(&p, (uint16_t[]){3}, 1);
    p = make("pulse_rate", TYPE_U32, ORDER_ABCD, 2);
    p.scale = 1.52587890625e-05;
    expect_number(&p, (uint16_t[]){50, 0x8000}, 50.5);
}

static void a_float_is_its_shortest_decimal(void **state)
{
    (void)state;
    struct rng rng;
    struct point p = make("power", TYPE_F32, ORDER_ABCD, 2);
    rng_init(&rng, 3);
    for (int i = 0; i < 20000; i++) {
        uint32_t bits = (uint32_t)rng_next(&rng);
        float f;
        char text[32];
        memcpy(&f, &bits, sizeof(f));
        if (i % 2)
            f = (float)(int32_t)(bits % 1000000) / 100;
        memcpy(&bits, &f, sizeof(bits));
        if (!isfinite(f) || fabsf(f) > 1e9f)
            continue;
        int digits = 1;
        do
            snprintf(text, sizeof(text), "%.*g", digits++, (double)f);
        while (strtof(text, NULL) < f || strtof(text, NULL) > f);
        uint16_t regs[2] = {(uint16_t)(bits >> 16), (uint16_t)bits};
        expect_number(&p, regs, strtod(text, NULL));
    }
}

static void sentinels_and_nan_are_invalid(void **state)
{
    (void)state;
    struct point p = make("co2", TYPE_U16, ORDER_BADC, 1);
    p.invalid_count = 2;
    p.invalid[0] = 0xfffe;
    p.invalid[1] = 0x7fff;
    expect_bad(&p, (uint16_t[]){0xfeff}, CAUSE_INVALID);
    expect_bad(&p, (uint16_t[]){0xff7f}, CAUSE_INVALID);
    expect_number(&p, (uint16_t[]){0x0100}, 1);
    p = make("voltage", TYPE_F32, ORDER_ABCD, 2);
    expect_bad(&p, (uint16_t[]){0x7fc0, 0}, CAUSE_INVALID);
    expect_bad(&p, (uint16_t[]){0xff80, 0}, CAUSE_INVALID);
    p = make("voltage", TYPE_F64, ORDER_CDAB, 4);
    expect_bad(&p, (uint16_t[]){0, 0, 0, 0x7ff8}, CAUSE_INVALID);
    p = make("energy", TYPE_S64, ORDER_ABCD, 4);
    p.invalid_count = 1;
    p.invalid[0] = 0x8000000000000000;
    expect_bad(&p, (uint16_t[]){0x8000, 0, 0, 0}, CAUSE_INVALID);
}

static void implausible_values_are_out_of_range(void **state)
{
    (void)state;
    struct point p = make("humidity", TYPE_S16, ORDER_ABCD, 1);
    p.scale = 0.1;
    expect_number(&p, (uint16_t[]){1000}, 100);
    expect_bad(&p, (uint16_t[]){1001}, CAUSE_RANGE);
    expect_number(&p, (uint16_t[]){0}, 0);
    expect_bad(&p, (uint16_t[]){0xffff}, CAUSE_RANGE);
    p = make("energy", TYPE_U64, ORDER_ABCD, 4);
    expect_bad(&p, (uint16_t[]){0xffff, 0, 0, 0}, CAUSE_RANGE);
}

static void counters_are_stored_as_read(void **state)
{
    (void)state;
    struct point p = make("vehicle_count", TYPE_U32, ORDER_ABCD, 2);
    expect_number(&p, (uint16_t[]){0xffff, 0xffff}, 4294967295.0);
    expect_number(&p, (uint16_t[]){0, 0}, 0);
}

static void bits_and_registers_become_states(void **state)
{
    (void)state;
    struct sample s = {0};
    struct point p = make("lamp_state", TYPE_BIT, ORDER_ABCD, 1);
    point_decode(&p, (uint16_t[]){1}, &s);
    assert_int_equal(s.value.type, VALUE_BOOL);
    assert_true(s.value.boolean);
    point_decode(&p, (uint16_t[]){0}, &s);
    assert_false(s.value.boolean);
    p = make("breaker", TYPE_U16, ORDER_ABCD, 1);
    point_decode(&p, (uint16_t[]){0x0100}, &s);
    assert_true(s.value.boolean);
    uint16_t regs[1] = {7};
    struct value on = {.type = VALUE_BOOL, .boolean = true};
    assert_int_equal(point_encode(&p, &on, regs, NULL), 0);
    assert_int_equal(regs[0], 1);
}

static void strings_end_at_nul_or_blanks(void **state)
{
    (void)state;
    struct sample s = {0};
    struct point p = make("vms_message", TYPE_STRING, ORDER_ABCD, 4);
    point_decode(&p, (uint16_t[]){0x4455, 0x4f4e, 0x4720, 0x2020}, &s);
    assert_int_equal(s.value.type, VALUE_STRING);
    assert_string_equal(s.value.string, "DUONG");
    point_decode(&p, (uint16_t[]){0x4142, 0x0043, 0x4343, 0x4343}, &s);
    assert_string_equal(s.value.string, "AB");
    point_decode(&p, (uint16_t[]){0, 0, 0, 0}, &s);
    assert_string_equal(s.value.string, "");
    p.order = ORDER_BADC;
    point_decode(&p, (uint16_t[]){0x5544, 0x4e4f, 0x0047, 0}, &s);
    assert_string_equal(s.value.string, "DUONG");
    expect_bad(&p, (uint16_t[]){0xff41, 0, 0, 0}, CAUSE_INVALID);
    expect_bad(&p, (uint16_t[]){0x0141, 0, 0, 0}, CAUSE_INVALID);
    struct point full = make("vms_message", TYPE_STRING, ORDER_ABCD, 31);
    uint16_t regs[31], back[31];
    for (size_t i = 0; i < 31; i++)
        regs[i] = 0x4142;
    point_decode(&full, regs, &s);
    assert_int_equal(strlen(s.value.string), 62);
    assert_int_equal(point_encode(&full, &s.value, back, NULL), 0);
    assert_memory_equal(regs, back, sizeof(regs));
    struct err e;
    assert_int_equal(point_encode(&p, &s.value, back, &e), ERR_LIMIT);
}

static void values_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    uint16_t regs[4];
    struct err e;
    struct point p = make("power", TYPE_S16, ORDER_ABCD, 1);
    struct value v = {.type = VALUE_NUMBER, .number = 32768};
    assert_int_equal(point_encode(&p, &v, regs, &e), ERR_LIMIT);
    v.number = -32768;
    assert_int_equal(point_encode(&p, &v, regs, &e), 0);
    assert_int_equal(regs[0], 0x8000);
    p.scale = 0.1;
    v.number = -0.3;
    assert_int_equal(point_encode(&p, &v, regs, &e), 0);
    assert_int_equal(regs[0], 0xfffd);
    v.number = NAN;
    assert_int_equal(point_encode(&p, &v, regs, &e), ERR_LIMIT);
    v = (struct value){.type = VALUE_BOOL};
    assert_int_equal(point_encode(&p, &v, regs, &e), ERR_INVALID);
    p = make("dim_level", TYPE_U16, ORDER_ABCD, 1);
    v = (struct value){.type = VALUE_NUMBER, .number = 101};
    assert_int_equal(point_encode(&p, &v, regs, &e), ERR_LIMIT);
    assert_non_null(strstr(e.text, "no plausible dim_level"));
}

static void a_scaled_float_stays_the_decimal_it_is(void **state)
{
    (void)state;
    struct point p = make("power", TYPE_F32, ORDER_ABCD, 2);
    p.scale = 1000;
    expect_number(&p, (uint16_t[]){0x42ea, 0xa480}, 117321.29);
    p.scale = 0.001;
    p.offset = -40;
    expect_number(&p, (uint16_t[]){0x42ea, 0xa480}, -39.88267871);
}

static void a_nibble_above_nine_is_no_reading(void **state)
{
    (void)state;
    struct point p = make("power", TYPE_BCD32, ORDER_ABCD, 2);
    struct sample s = {0};
    point_decode(&p, (uint16_t[]){0x1234, 0x56a8}, &s);
    assert_int_equal(s.quality, QUALITY_BAD);
    assert_int_equal(s.cause, CAUSE_INVALID);
    struct value v = {.type = VALUE_NUMBER, .number = 100000000};
    uint16_t regs[2];
    struct err e;
    assert_int_equal(point_encode(&p, &v, regs, &e), ERR_LIMIT);
}

static void a_bit_is_one_of_its_register(void **state)
{
    (void)state;
    struct point p = make("breaker", TYPE_BIT, ORDER_ABCD, 1);
    struct sample s = {0};
    p.table = TABLE_INPUT;
    p.bit = 9;
    point_decode(&p, (uint16_t[]){0x0200}, &s);
    assert_true(s.value.boolean);
    point_decode(&p, (uint16_t[]){0xfdff}, &s);
    assert_int_equal(s.value.type, VALUE_BOOL);
    assert_false(s.value.boolean);
}

static void a_slot_of_a_map_is_read_by_its_type_not_by_the_map(void **state)
{
    (void)state;
    struct point p = make("ph", TYPE_F32, ORDER_CDAB, 64);
    struct sample s = {0};
    p.code = 18;
    point_decode(&p, (uint16_t[]){0x0000, 0x40e0}, &s);
    assert_float_equal(s.value.number, 7, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_in_every_order),
        cmocka_unit_test(decimal_scales_read_as_decimals),
        cmocka_unit_test(a_float_is_its_shortest_decimal),
        cmocka_unit_test(sentinels_and_nan_are_invalid),
        cmocka_unit_test(implausible_values_are_out_of_range),
        cmocka_unit_test(counters_are_stored_as_read),
        cmocka_unit_test(bits_and_registers_become_states),
        cmocka_unit_test(strings_end_at_nul_or_blanks),
        cmocka_unit_test(values_that_do_not_fit_are_refused),
        cmocka_unit_test(a_scaled_float_stays_the_decimal_it_is),
        cmocka_unit_test(a_nibble_above_nine_is_no_reading),
        cmocka_unit_test(a_bit_is_one_of_its_register),
        cmocka_unit_test(a_slot_of_a_map_is_read_by_its_type_not_by_the_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
