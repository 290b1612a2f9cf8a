/* Counters are stored as read: a wrap is an increase, a reset is an event and never a negative
 * rate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/counter.h"

static void a_wrap_is_an_increase_and_a_reset_is_not(void **state)
{
    (void)state;
    struct counter c = {0};
    double up;
    assert_int_equal(counter_step(&c, 65530, 65536, &up), COUNTER_FIRST);
    assert_int_equal(counter_step(&c, 4, 65536, &up), COUNTER_RISE);
    assert_true(up == 10);
    assert_int_equal(counter_step(&c, 4, 65536, &up), COUNTER_RISE);
    assert_true(up == 0);
    assert_int_equal(counter_step(&c, 30000, 65536, &up), COUNTER_RISE);
    assert_int_equal(counter_step(&c, 7, 65536, &up), COUNTER_RESET); /* from the middle */
    assert_true(up == 0);
    assert_int_equal(counter_step(&c, 9, 65536, &up), COUNTER_RISE);
    assert_true(up == 2);
    assert_int_equal(c.resets, 1);
}

static void without_a_known_register_every_fall_is_a_reset(void **state)
{
    (void)state;
    struct counter c = {0};
    double up;
    counter_step(&c, 65530, 0, &up);
    assert_int_equal(counter_step(&c, 4, 0, &up), COUNTER_RESET);
}

/* The sum of the increases is what was counted, over many wraps and any steps below half a turn. */
static void increases_add_up_to_what_was_counted(void **state)
{
    (void)state;
    struct counter c = {0};
    struct rng rng;
    double sum = 0;
    double up;
    uint64_t total = 12345;
    rng_init(&rng, 7);
    counter_step(&c, (double)(total % 65536), 65536, &up);
    for (int i = 0; i < 100000; i++) {
        uint64_t step = rng_below(&rng, 16000);
        total += step;
        assert_int_equal(counter_step(&c, (double)(total % 65536), 65536, &up), COUNTER_RISE);
        sum += up;
    }
    assert_true(sum == (double)(total - 12345));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrap_is_an_increase_and_a_reset_is_not),
        cmocka_unit_test(without_a_known_register_every_fall_is_a_reset),
        cmocka_unit_test(increases_add_up_to_what_was_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
