/* Promise: a collector restored from an older copy of its store is told from the one before, and
 * gateways give it again all they hold; what they no longer hold is a gap. That is so when it
 * happens again and again, in the midst of other faults (FAULTS 26, 32). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/sim_world.h"

static struct sim_options a_day(uint64_t seed)
{
    return (struct sim_options){.seed = seed,
                                .gateways = 2,
                                .sample_ms = 20 * SIM_SECOND,
                                .pack_ms = SIM_MINUTE,
                                .segments = 16,
                                .delay_ms = 20,
                                .jitter_ms = 100,
                                .snapshot_ms = SIM_DAY};
}

static struct sim *run_yesterday(uint64_t seed)
{
    struct sim_options o = a_day(seed);
    struct sim_counts before;
    struct sim_counts after;
    struct sim *s = sim_create(&o);
    sim_run(s, SIM_DAY + 20 * SIM_HOUR);
    sim_count(s, &before);
    sim_restore_collector(s);
    if (!sim_run(s, SIM_HOUR) || !sim_settle(s, SIM_HOUR))
        return s;
    sim_count(s, &after);
    /* Twenty hours of two gateways came a second time, and none of it is missing. */
    assert_true(after.stored - before.stored > 2 * 20 * 60 * 9 / 10);
    assert_int_equal(after.lost, 0);
    assert_int_equal(after.security, 0);
    return s;
}

static void a_collector_restored_from_yesterday_gets_the_day_again(void **state)
{
    (void)state;
    sim_each_seed(5000, 1, run_yesterday);
}

/* The spool keeps less than what the copy lacks: the rest is a gap, and said so. */
static struct sim *run_too_old(uint64_t seed)
{
    struct sim_options o = a_day(seed);
    struct sim_counts c;
    o.segments = 3;
    o.sample_ms = SIM_SECOND;
    struct sim *s = sim_create(&o);
    sim_run(s, 10 * SIM_HOUR);
    sim_restore_collector(s);
    if (!sim_run(s, SIM_HOUR) || !sim_settle(s, SIM_HOUR))
        return s;
    sim_count(s, &c);
    assert_true(c.lost > 0);
    return s;
}

static void what_no_spool_holds_any_more_is_a_gap(void **state)
{
    (void)state;
    sim_each_seed(5100, 1, run_too_old);
}

static struct sim *run_rough(uint64_t seed)
{
    struct sim_options o = a_day(seed);
    o.sample_ms = 500;
    o.pack_ms = 2 * SIM_SECOND;
    o.snapshot_ms = 100 * SIM_SECOND;
    o.faults = (struct sim_faults){.cut = 10,
                                   .kill = 5,
                                   .power = 5,
                                   .duplicate = 50,
                                   .collector_kill = 10,
                                   .collector_restore = 5};
    struct sim *s = sim_create(&o);
    if (sim_run(s, 10 * SIM_MINUTE))
        sim_settle(s, 40 * SIM_MINUTE);
    return s;
}

static void restores_among_other_faults_lose_and_double_nothing(void **state)
{
    (void)state;
    sim_each_seed(5200, 15, run_rough);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_collector_restored_from_yesterday_gets_the_day_again),
        cmocka_unit_test(what_no_spool_holds_any_more_is_a_gap),
        cmocka_unit_test(restores_among_other_faults_lose_and_double_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
