/* Promise: gateways and collector may be killed at any moment, connections broken, packs doubled
 * and batches given back, from two hundred seeds: what was durable is stored exactly once, as it
 * was sampled, and everything drains when it is over (FAULTS 1, 13, 24, 27, 28). What was sent
 * before the disk had it is neither lost nor doubled by a kill in between. And the simulation
 * can fail: a collector that acknowledges what it has not committed is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/sim_world.h"

static struct sim_counts total;

static void add_counts(const struct sim *s)
{
    struct sim_counts c;
    sim_count(s, &c);
    total.kills += c.kills;
    total.collector_kills += c.collector_kills;
    total.cuts += c.cuts;
    total.withdrawn += c.withdrawn;
    total.duplicates += c.duplicates;
    total.stored += c.stored;
    total.fresh += c.fresh;
    total.ahead += c.ahead;
    total.security += c.security;
}

static struct sim_options rough(uint64_t seed)
{
    return (struct sim_options){.seed = seed,
                                .gateways = 2,
                                .sample_ms = 500,
                                .pack_ms = 2000,
                                .segments = 8,
                                .delay_ms = 20,
                                .jitter_ms = 400,
                                .faults = {.cut = 20,
                                           .half_open = 3,
                                           .duplicate = 100,
                                           .kill = 10,
                                           .collector_kill = 20,
                                           .collector_fails = 50}};
}

static struct sim *run_kills(uint64_t seed)
{
    struct sim_options o = rough(seed);
    struct sim *s = sim_create(&o);
    if (sim_run(s, 2 * SIM_MINUTE))
        sim_settle(s, 30 * SIM_MINUTE);
    add_counts(s);
    return s;
}

static void two_hundred_seeds_of_kills_lose_and_double_nothing(void **state)
{
    (void)state;
    total = (struct sim_counts){0};
    sim_each_seed(1, 200, run_kills);
    print_message("%llu packs stored, %llu doubled; %llu kills of gateways, %llu of the collector, "
                  "%llu cuts, %llu batches given back\n",
                  (unsigned long long)total.stored, (unsigned long long)total.duplicates,
                  (unsigned long long)total.kills, (unsigned long long)total.collector_kills,
                  (unsigned long long)total.cuts, (unsigned long long)total.withdrawn);
    assert_true(total.kills > 0 && total.collector_kills > 0 && total.cuts > 0);
    assert_true(total.withdrawn > 0 && total.duplicates > 0 && total.stored > 0);
    assert_int_equal(total.security, 0);
}

/* What is new goes out before the disk has it; the kills come between the two. */
static struct sim *run_kills_between_sending_and_the_disk(uint64_t seed)
{
    struct sim_options o = {.seed = seed,
                            .gateways = 2,
                            .sample_ms = 100,
                            .pack_ms = 200,
                            .segments = 8,
                            .delay_ms = 5,
                            .jitter_ms = 20,
                            .faults = {.cut = 20, .duplicate = 100, .kill = 60, .power = 20}};
    struct sim *s = sim_create(&o);
    if (sim_run(s, 2 * SIM_MINUTE))
        sim_settle(s, 30 * SIM_MINUTE);
    add_counts(s);
    return s;
}

static void a_kill_between_sending_and_the_disk_loses_and_doubles_nothing(void **state)
{
    (void)state;
    total = (struct sim_counts){0};
    sim_each_seed(1, 50, run_kills_between_sending_and_the_disk);
    print_message("%llu kills; %llu packs sent before they were durable, %llu of them stored by "
                  "the collector alone\n",
                  (unsigned long long)total.kills, (unsigned long long)total.fresh,
                  (unsigned long long)total.ahead);
    assert_true(total.kills > 0 && total.fresh > 0 && total.ahead > 0);
    assert_int_equal(total.security, 0);
}

static void a_seed_replays_exactly(void **state)
{
    (void)state;
    struct sim_counts first;
    struct sim_counts second;
    struct sim *s = run_kills(7);
    sim_count(s, &first);
    sim_destroy(s);
    s = run_kills(7);
    sim_count(s, &second);
    sim_destroy(s);
    assert_memory_equal(&first, &second, sizeof(first));
}

static void an_acknowledgement_before_the_commit_is_found(void **state)
{
    (void)state;
    struct sim_options o = rough(1);
    o.acks_early = true;
    struct sim *s = sim_create(&o);
    assert_false(sim_run(s, 3 * SIM_MINUTE));
    assert_non_null(sim_breach(s));
    sim_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_hundred_seeds_of_kills_lose_and_double_nothing),
        cmocka_unit_test(a_kill_between_sending_and_the_disk_loses_and_doubles_nothing),
        cmocka_unit_test(a_seed_replays_exactly),
        cmocka_unit_test(an_acknowledgement_before_the_commit_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
