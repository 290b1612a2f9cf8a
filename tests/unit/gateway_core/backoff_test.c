/* Promise (fault 33): a broker that comes back is not trampled, and nobody waits longer than the
 * ceiling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/core/uplink/backoff.h"

static const struct clk_mono now = {1000};

static void delays_grow_to_the_ceiling_and_stay(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct backoff b;
        backoff_init(&b, 1000, 60000, seed);
        for (int i = 0; i < 40; i++) {
            int64_t delay = backoff_fail(&b, now).ms - now.ms;
            int64_t ceiling = i < 6 ? 1000 << i : 60000;
            assert_in_range(delay, 500, ceiling);
        }
    }
}

static void ten_thousand_do_not_come_together(void **state)
{
    (void)state;
    unsigned per_second[60] = {0};
    for (uint64_t seed = 0; seed < 10000; seed++) {
        struct backoff b;
        backoff_init(&b, 1000, 60000, seed * 7919);
        for (int i = 0; i < 10; i++)
            backoff_fail(&b, now);
        per_second[(backoff_fail(&b, now).ms - now.ms) / 1000 % 60]++;
    }
    for (int i = 1; i < 59; i++)
        assert_in_range(per_second[i], 90, 260);
}

static void a_stable_minute_starts_over_and_a_short_life_does_not(void **state)
{
    (void)state;
    struct backoff b;
    backoff_init(&b, 1000, 60000, 1);
    for (int i = 0; i < 10; i++)
        backoff_fail(&b, now);
    backoff_ended(&b, now, clk_mono_add(now, BACKOFF_STABLE_MS - 1));
    assert_int_equal(b.failures, 10);
    backoff_ended(&b, now, clk_mono_add(now, BACKOFF_STABLE_MS));
    assert_in_range(backoff_fail(&b, now).ms - now.ms, 500, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays_grow_to_the_ceiling_and_stay),
        cmocka_unit_test(ten_thousand_do_not_come_together),
        cmocka_unit_test(a_stable_minute_starts_over_and_a_short_life_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
