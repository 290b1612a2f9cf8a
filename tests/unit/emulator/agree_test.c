/* Promise: two independent readings of a profile, the emulated device's and the gateway's, agree on
 * every type, order, scale and pattern; where both are wrong alike, registers_test has the answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>

#include "base/rng.h"
#include "boards/emulator/registers.h"

static const double scales[] = {1, 0.1, 0.01, 0.001, 10, 1000, 0.5};
static const double offsets[] = {0, -40, 0.5};

static struct kind anything = {
    .name = "anything", .type = KIND_NUMBER, .min = -DBL_MAX, .max = DBL_MAX};

static unsigned count_of(enum point_type type)
{
    return registers_bits(type) < 16 ? 1 : registers_bits(type) / 16;
}

static void compare(const struct point *p, uint64_t raw)
{
    uint16_t regs[POINT_REGS_MAX] = {0};
    struct sample s = {0};
    registers_put(p, raw, regs);
    assert_true(registers_get(p, regs) == raw);
    point_decode(p, regs, &s);
    double mine = registers_value(p, raw);
    /* Near the ends of the exponent several decimals are equally short, and scales lose bits. */
    if (registers_is_float(p->type) &&
        (fabs(mine) < 1e-34 || (fabs(mine) > 1e300 && isfinite(mine))))
        return;
    if (!isfinite(mine)) {
        assert_int_equal(s.quality, QUALITY_BAD);
        return;
    }
    assert_int_equal(s.value.type, VALUE_NUMBER);
    double tolerance = 4e-16 * fmax(fabs(mine), fabs(p->offset));
    if (!(fabs(mine - s.value.number) <= tolerance))
        fail_msg("type %d scale %g offset %g raw %llx: %.17g here, %.17g there", p->type, p->scale,
                 p->offset, (unsigned long long)raw, mine, s.value.number);
}

static void decoding_agrees_on_random_patterns(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 20261121);
    for (int type = TYPE_U16; type <= TYPE_BCD32; type++) {
        unsigned bits = registers_bits((enum point_type)type);
        for (int i = 0; i < 20000; i++) {
            struct point p = {.name = "p",
                              .kind = &anything,
                              .table = TABLE_HOLDING,
                              .type = (enum point_type)type,
                              .order = (enum point_order)rng_below(&rng, 4),
                              .count = (uint16_t)count_of((enum point_type)type)};
            p.scale = scales[rng_below(&rng, sizeof(scales) / sizeof(scales[0]))];
            p.offset = offsets[rng_below(&rng, sizeof(offsets) / sizeof(offsets[0]))];
            uint64_t raw = rng_next(&rng) >> (64 - bits);
            compare(&p, rng_below(&rng, 2) ? raw : raw >> rng_below(&rng, bits));
        }
    }
}

static void encoding_agrees_on_plausible_values(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 4);
    for (int i = 0; i < 100000; i++) {
        struct point p = {.name = "p",
                          .kind = &anything,
                          .table = TABLE_HOLDING,
                          .type = (enum point_type)(TYPE_U16 + rng_below(&rng, 10)),
                          .order = (enum point_order)rng_below(&rng, 4)};
        p.count = (uint16_t)count_of(p.type);
        p.scale = scales[rng_below(&rng, 6)];
        struct value v = {.type = VALUE_NUMBER};
        v.number = (double)rng_below(&rng, 10000) * p.scale;
        uint64_t raw = 0;
        uint16_t mine[4] = {0}, theirs[4] = {0};
        assert_int_equal(registers_from_value(&p, v.number, &raw, NULL), 0);
        registers_put(&p, raw, mine);
        assert_int_equal(point_encode(&p, &v, theirs, NULL), 0);
        if (registers_is_float(p.type)) /* the last bit of a division may differ */
            assert_true(fabs(registers_value(&p, registers_get(&p, theirs)) -
                             registers_value(&p, raw)) <= 1e-6 * fabs(v.number));
        else
            assert_memory_equal(mine, theirs, p.count * sizeof(mine[0]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding_agrees_on_random_patterns),
        cmocka_unit_test(encoding_agrees_on_plausible_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
