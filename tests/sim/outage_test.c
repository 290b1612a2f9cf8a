/* Promise: after three days without the network live data comes first and at once, history fills in
 * behind it, newest first, and nothing is lost (promises 1 and 4; FAULTS 2, 21). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/sim_world.h"

#define OUTAGE_MS (3 * SIM_DAY)

static struct sim_options three_days(uint64_t seed)
{
    return (struct sim_options){.seed = seed,
                                .gateways = 2,
                                .sample_ms = 20 * SIM_SECOND,
                                .pack_ms = SIM_MINUTE,
                                .segments = 40,
                                .delay_ms = 50,
                                .jitter_ms = 50,
                                .byte_rate = 2000}; /* a thin link: a backlog takes minutes */
}

/* Looked at hour by hour, each came no earlier than the one after it. */
static void assert_newest_first(const struct sim *s, int64_t from_ms, int64_t to_ms)
{
    int64_t later_ms = INT64_MIN;
    for (int64_t at = to_ms - SIM_HOUR; at > from_ms; at -= SIM_HOUR) {
        int64_t stored_ms = sim_stored_at(s, 0, at);
        assert_true(stored_ms >= later_ms);
        later_ms = stored_ms;
    }
}

static struct sim *run_outage(uint64_t seed)
{
    struct sim_options o = three_days(seed);
    struct sim_delivery live;
    struct sim_delivery history;
    struct sim *s = sim_create(&o);
    sim_run(s, 10 * SIM_MINUTE);
    sim_set_network(s, false);
    int64_t down_ms = sim_now(s);
    sim_run(s, OUTAGE_MS);
    assert_true(sim_pending(s) > 2 * OUTAGE_MS / (2 * SIM_MINUTE));
    sim_set_network(s, true);
    int64_t up_ms = sim_now(s);
    sim_run(s, 5 * SIM_MINUTE);
    if (sim_breach(s))
        return s;
    assert_true(sim_pending(s) > 100); /* history is still on its way */
    sim_delivered(s, up_ms + 2 * SIM_MINUTE, up_ms + 4 * SIM_MINUTE, &live);
    assert_true(live.frozen > 0);
    assert_int_equal(live.stored, live.frozen);
    assert_true(live.slowest_ms < 10 * SIM_SECOND);
    if (!sim_settle(s, 2 * SIM_HOUR))
        return s;
    sim_delivered(s, down_ms, up_ms, &history);
    assert_int_equal(history.stored, history.frozen);
    assert_newest_first(s, down_ms, up_ms - SIM_MINUTE);
    return s;
}

static void after_three_days_live_comes_first_and_history_newest_first(void **state)
{
    (void)state;
    sim_each_seed(4000, 1, run_outage);
}

/* The spool is too small for the outage: the oldest goes, and each pack of it is in a gap. */
static struct sim *run_overflow(uint64_t seed)
{
    struct sim_options o = three_days(seed);
    struct sim_counts c;
    o.segments = 4;
    o.gateways = 1;
    o.sample_ms = SIM_SECOND / 2;
    o.byte_rate = 0;
    struct sim *s = sim_create(&o);
    sim_run(s, 10 * SIM_MINUTE);
    sim_set_network(s, false);
    sim_run(s, 12 * SIM_HOUR);
    sim_set_network(s, true);
    if (!sim_settle(s, SIM_HOUR))
        return s;
    sim_count(s, &c);
    assert_true(c.lost > 0);
    assert_true(c.stored > 0);
    return s;
}

static void what_a_full_spool_lets_go_is_in_a_gap(void **state)
{
    (void)state;
    sim_each_seed(4100, 2, run_overflow);
}

/* More epochs are held than its state can list; what is not listed is not gone. The collector is
 * killed in the midst of the backlog, so that it knows some packs of each. */
static struct sim *run_restarts(uint64_t seed)
{
    struct sim_options o = three_days(seed);
    struct sim_counts c;
    o.byte_rate = 1000;
    struct sim *s = sim_create(&o);
    sim_run(s, SIM_MINUTE);
    sim_set_network(s, false);
    for (int restart = 0; restart < 40 && !sim_breach(s); restart++) {
        sim_run(s, 20 * SIM_MINUTE);
        sim_kill_gateway(s, 0);
        sim_kill_gateway(s, 1);
    }
    sim_set_network(s, true);
    sim_set_faults(s, &(struct sim_faults){.collector_kill = 5, .cut = 10});
    if (!sim_run(s, 20 * SIM_MINUTE) || !sim_settle(s, 2 * SIM_HOUR))
        return s;
    sim_count(s, &c);
    assert_int_equal(c.lost, 0);
    assert_int_equal(c.security, 0);
    return s;
}

static void forty_restarts_in_an_outage_leave_no_gap(void **state)
{
    (void)state;
    sim_each_seed(4200, 1, run_restarts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_three_days_live_comes_first_and_history_newest_first),
        cmocka_unit_test(what_a_full_spool_lets_go_is_in_a_gap),
        cmocka_unit_test(forty_restarts_in_an_outage_leave_no_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
