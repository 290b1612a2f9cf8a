/* Promise: the power goes at any write, the card answers EIO, is full, or is not there at all, and
 * the clock steps: every sample the spool called durable is stored once, or named in a gap; a
 * gateway without a card still delivers; and no honest acknowledgement is taken for a forged one
 * (FAULTS 7, 8, 11, 12, 39, 40). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/sim/sim_world.h"

static struct sim_counts total;

static void add_counts(const struct sim *s)
{
    struct sim_counts c;
    sim_count(s, &c);
    total.powers += c.powers;
    total.disks += c.disks;
    total.clocks += c.clocks;
    total.refused += c.refused;
    total.lost += c.lost;
    total.security += c.security;
    total.stored += c.stored;
}

static struct sim_options calm(uint64_t seed)
{
    return (struct sim_options){.seed = seed,
                                .gateways = 2,
                                .sample_ms = 500,
                                .pack_ms = 2000,
                                .segments = 4,
                                .delay_ms = 20,
                                .jitter_ms = 100};
}

static struct sim *run(const struct sim_options *o)
{
    struct sim *s = sim_create(o);
    if (sim_run(s, 4 * SIM_MINUTE))
        sim_settle(s, 40 * SIM_MINUTE);
    add_counts(s);
    return s;
}

static struct sim *run_power(uint64_t seed)
{
    struct sim_options o = calm(seed);
    o.faults = (struct sim_faults){.power = 30, .cut = 10, .collector_kill = 5};
    return run(&o);
}

static void a_power_cut_at_any_write_loses_nothing_durable(void **state)
{
    (void)state;
    total = (struct sim_counts){0};
    sim_each_seed(1000, 30, run_power);
    assert_true(total.powers > 0 && total.stored > 0);
    assert_int_equal(total.lost, 0);
    assert_int_equal(total.security, 0);
}

static struct sim *run_disk(uint64_t seed)
{
    struct sim_options o = calm(seed);
    o.faults = (struct sim_faults){.disk_error = 10,
                                   .disk_full = 5,
                                   .disk_gone = 2,
                                   .power = 5,
                                   .kill = 5,
                                   .cut = 20,
                                   .collector_kill = 5};
    return run(&o);
}

static void a_disk_that_fails_for_a_while_costs_nothing_durable(void **state)
{
    (void)state;
    total = (struct sim_counts){0};
    sim_each_seed(2000, 40, run_disk);
    assert_true(total.disks > 0 && total.powers > 0 && total.stored > 0);
    assert_int_equal(total.lost, 0);
    assert_int_equal(total.security, 0);
}

static struct sim *run_clock(uint64_t seed)
{
    struct sim_options o = calm(seed);
    o.faults = (struct sim_faults){.clock_step = 20, .kill = 5, .cut = 10};
    return run(&o);
}

static void a_clock_that_steps_breaks_no_order(void **state)
{
    (void)state;
    total = (struct sim_counts){0};
    sim_each_seed(3000, 15, run_clock);
    assert_true(total.clocks > 0 && total.stored > 0);
    assert_true(total.refused > 0); /* packs from the future: in the quarantine, not lost */
    assert_int_equal(total.security, 0);
}

/* Every sample taken meanwhile is delivered soon, though nothing is durable. */
static void delivers_without_a_card(int error, bool no_directory)
{
    struct sim_options o = calm(42);
    o.gateways = 1;
    struct sim_delivery d;
    struct sim *s = sim_create(&o);
    assert_true(sim_run(s, SIM_MINUTE));
    if (no_directory) {
        sim_set_directory(s, 0, true);
        sim_kill_gateway(s, 0);
    }
    sim_set_disk(s, 0, error);
    int64_t from_ms = sim_now(s) + 10 * SIM_SECOND;
    assert_true(sim_run(s, 2 * SIM_MINUTE));
    sim_delivered(s, from_ms, from_ms + SIM_MINUTE, &d);
    assert_true(d.frozen > 20);
    assert_int_equal(d.stored, d.frozen);
    assert_true(d.slowest_ms < 10 * SIM_SECOND);
    if (!sim_settle(s, 20 * SIM_MINUTE))
        fail_msg("%s", sim_breach(s));
    sim_destroy(s);
}

static void a_gateway_whose_card_fails_still_delivers(void **state)
{
    (void)state;
    delivers_without_a_card(EIO, false);
    delivers_without_a_card(ENOSPC, false);
}

static void a_gateway_without_a_card_still_delivers(void **state)
{
    (void)state;
    delivers_without_a_card(0, true);
}

/* A backlog in the midst of its delivery, then the card is away for a while. */
static struct sim *run_card_away(uint64_t seed)
{
    struct sim_options o = calm(seed);
    struct sim_counts c;
    o.gateways = 1;
    o.byte_rate = 500;
    struct sim *s = sim_create(&o);
    sim_run(s, 5 * SIM_MINUTE);
    sim_set_network(s, false);
    sim_run(s, 10 * SIM_MINUTE);
    sim_set_network(s, true);
    sim_run(s, SIM_MINUTE);
    assert_true(sim_pending(s) > 20);
    sim_set_directory(s, 0, true);
    sim_kill_gateway(s, 0);
    sim_set_faults(s, &(struct sim_faults){.collector_kill = 2});
    if (!sim_run(s, 20 * SIM_MINUTE) || !sim_settle(s, SIM_HOUR))
        return s;
    sim_count(s, &c);
    assert_int_equal(c.lost, 0);
    return s;
}

static void what_is_on_a_card_that_is_away_is_not_given_up(void **state)
{
    (void)state;
    sim_each_seed(3500, 2, run_card_away);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_power_cut_at_any_write_loses_nothing_durable),
        cmocka_unit_test(a_disk_that_fails_for_a_while_costs_nothing_durable),
        cmocka_unit_test(a_clock_that_steps_breaks_no_order),
        cmocka_unit_test(a_gateway_whose_card_fails_still_delivers),
        cmocka_unit_test(a_gateway_without_a_card_still_delivers),
        cmocka_unit_test(what_is_on_a_card_that_is_away_is_not_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
