/* Promise: what an emulated device puts into its registers, and what the ledger says it meant, is
 * right by hand-written registers and exact decimals, not by the code that will read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "boards/emulator/registers.h"

static struct point point(enum point_type type, enum point_order order, double scale, double offset)
{
    return (struct point){
        .name = "p", .type = type, .order = order, .scale = scale, .offset = offset, .count = 1};
}

static void types_and_orders_against_registers_by_hand(void **state)
{
    (void)state;
    static const struct {
        enum point_type type;
        enum point_order order;
        uint64_t raw;
        uint16_t regs[4];
        unsigned count;
    } cases[] = {
        {TYPE_U16, ORDER_ABCD, 0x0102, {0x0102}, 1},
        {TYPE_U16, ORDER_CDAB, 0x0102, {0x0102}, 1},
        {TYPE_U16, ORDER_BADC, 0x0102, {0x0201}, 1},
        {TYPE_S16, ORDER_DCBA, 0xfffe, {0xfeff}, 1},
        {TYPE_U32, ORDER_ABCD, 0x0a0b0c0d, {0x0a0b, 0x0c0d}, 2},
        {TYPE_U32, ORDER_CDAB, 0x0a0b0c0d, {0x0c0d, 0x0a0b}, 2},
        {TYPE_S32, ORDER_BADC, 0x0a0b0c0d, {0x0b0a, 0x0d0c}, 2},
        {TYPE_F32, ORDER_DCBA, 0x0a0b0c0d, {0x0d0c, 0x0b0a}, 2},
        {TYPE_U64, ORDER_ABCD, 0x0102030405060708, {0x0102, 0x0304, 0x0506, 0x0708}, 4},
        {TYPE_S64, ORDER_CDAB, 0x0102030405060708, {0x0708, 0x0506, 0x0304, 0x0102}, 4},
        {TYPE_F64, ORDER_BADC, 0x0102030405060708, {0x0201, 0x0403, 0x0605, 0x0807}, 4},
        {TYPE_F64, ORDER_DCBA, 0x0102030405060708, {0x0807, 0x0605, 0x0403, 0x0201}, 4},
        {TYPE_BIT, ORDER_ABCD, 1, {1}, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct point p = point(cases[i].type, cases[i].order, 1, 0);
        uint16_t regs[4] = {0xdead, 0xdead, 0xdead, 0xdead};
        registers_put(&p, cases[i].raw, regs);
        assert_memory_equal(regs, cases[i].regs, cases[i].count * sizeof(regs[0]));
        assert_true(registers_get(&p, regs) == cases[i].raw);
    }
}

static void values_become_the_patterns_devices_send(void **state)
{
    (void)state;
    static const struct {
        enum point_type type;
        double scale, offset, value;
        uint64_t raw;
    } cases[] = {
        {TYPE_S16, 0.1, 0, -12.3, 0xff85}, /* -123 */
        {TYPE_U16, 0.1, -40, -40, 0},      /* (raw - 400) / 10 */
        {TYPE_U16, 0.1, -40, 23.5, 635},
        {TYPE_U16, 0.01, 0, 655.35, 65535},
        {TYPE_F32, 1, 0, 230.5, 0x43668000},
        {TYPE_F32, 1000, 0, 1500, 0x3fc00000},
        {TYPE_F64, 1, 0, 1, 0x3ff0000000000000},
        {TYPE_S64, 0.001, 0, 123.456, 123456},
        {TYPE_S32, 1, 0, -1, 0xffffffff},
        {TYPE_BIT, 1, 0, 1, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct point p = point(cases[i].type, ORDER_ABCD, cases[i].scale, cases[i].offset);
        uint64_t raw;
        assert_int_equal(registers_from_value(&p, cases[i].value, &raw, NULL), 0);
        assert_true(raw == cases[i].raw);
        assert_true(fabs(registers_value(&p, raw) - cases[i].value) < 1e-9);
    }
}

static void values_a_type_cannot_hold_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum point_type type;
        double value;
    } cases[] = {{TYPE_U16, -1},     {TYPE_U16, 65536},        {TYPE_S16, 32768},
                 {TYPE_S16, -32769}, {TYPE_U32, 4294967296.0}, {TYPE_U64, 1.9e19},
                 {TYPE_S64, 9.3e18}, {TYPE_F32, 1e39},         {TYPE_U16, NAN}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct point p = point(cases[i].type, ORDER_ABCD, 1, 0);
        struct err e;
        uint64_t raw;
        assert_int_equal(registers_from_value(&p, cases[i].value, &raw, &e), ERR_LIMIT);
        assert_true(e.text[0] != '\0');
    }
}

static void the_ledger_speaks_exact_decimals(void **state)
{
    (void)state;
    static const struct {
        enum point_type type;
        double scale, offset;
        uint64_t raw;
        const char *text;
    } cases[] = {
        {TYPE_U16, 0.1, 0, 235, "23.5"},
        {TYPE_U16, 0.1, 0, 3, "0.3"}, /* 3 * 0.1 is 0.30000000000000004 in doubles */
        {TYPE_U16, 0.001, 0, 7, "0.007"},
        {TYPE_U16, 0.1, -40, 0, "-40"},
        {TYPE_U16, 0.1, -40, 401, "0.1"},
        {TYPE_S16, 0.01, 0, 0xffff, "-0.01"},
        {TYPE_U16, 10, 0, 65535, "655350"},
        {TYPE_F32, 1, 0, 0x3dcccccd, "0.1"},
        {TYPE_F32, 1000, 0, 0x3dcccccd, "100"},
        {TYPE_F32, 1, 0, 0x80000000, "0"},
        {TYPE_F32, 1, 0, 0x00000001, "1e-45"},
        {TYPE_F64, 1, 0, 0x7fefffffffffffff, "17976931348623157e292"},
        {TYPE_U64, 1, 0, 0xffffffffffffffff, "18446744073709551615"},
        {TYPE_S64, 0.001, 0, 0x8000000000000000, "-9223372036854775.808"},
        {TYPE_BIT, 1, 0, 1, "1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct point p = point(cases[i].type, ORDER_ABCD, cases[i].scale, cases[i].offset);
        struct decimal d;
        char text[DECIMAL_TEXT];
        assert_true(registers_decimal(&p, cases[i].raw, &d));
        assert_string_equal(decimal_text(d, text), cases[i].text);
    }
}

static void what_is_no_number_has_no_decimal(void **state)
{
    (void)state;
    struct decimal d;
    struct point p = point(TYPE_F32, ORDER_ABCD, 1, 0);
    assert_false(registers_decimal(&p, 0x7fc00000, &d));
    assert_false(registers_decimal(&p, 0x7f800000, &d));
    assert_true(registers_is_invalid(&p, 0x7fc00000));
    p = point(TYPE_U16, ORDER_ABCD, 1, 0);
    p.invalid_count = 1;
    p.invalid[0] = 0xffff;
    assert_true(registers_is_invalid(&p, 0xffff));
    assert_false(registers_is_invalid(&p, 0));
}

static void decimals_too_long_are_refused_not_rounded(void **state)
{
    (void)state;
    struct decimal big = {(__int128)1 << 100, 0};
    struct decimal d;
    assert_false(decimal_mul(big, big, &d));
    assert_false(decimal_add((struct decimal){1, 30}, (struct decimal){1, -30}, &d));
    assert_true(decimal_add((struct decimal){0, 0}, (struct decimal){1, -300}, &d));
}

static void strings_fill_their_registers(void **state)
{
    (void)state;
    struct point p = point(TYPE_STRING, ORDER_ABCD, 1, 0);
    uint16_t regs[3];
    char text[2 * POINT_REGS_MAX + 1];
    p.count = 3;
    registers_put_string(&p, "TAX", regs);
    assert_memory_equal(regs, ((uint16_t[]){0x5441, 0x5800, 0}), sizeof(regs));
    registers_get_string(&p, regs, text);
    assert_string_equal(text, "TAX");
    p.order = ORDER_BADC;
    registers_put_string(&p, "TAXIWAY", regs);
    assert_memory_equal(regs, ((uint16_t[]){0x4154, 0x4958, 0x4157}), sizeof(regs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_and_orders_against_registers_by_hand),
        cmocka_unit_test(values_become_the_patterns_devices_send),
        cmocka_unit_test(values_a_type_cannot_hold_are_refused),
        cmocka_unit_test(the_ledger_speaks_exact_decimals),
        cmocka_unit_test(what_is_no_number_has_no_decimal),
        cmocka_unit_test(decimals_too_long_are_refused_not_rounded),
        cmocka_unit_test(strings_fill_their_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
