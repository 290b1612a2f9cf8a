/* Promise: three hundred gateways that lost the same broker are all back within two minutes,
 * spread, and what they are granted together stays below what the broker can queue (FAULTS 33, and
 * PROTOCOL "Flow"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/sim_world.h"

#define GATEWAYS 300
#define CREDIT   1000

static struct sim *run_storm(uint64_t seed)
{
    const struct sim_options o = {.seed = seed,
                                  .gateways = GATEWAYS,
                                  .sample_ms = 10 * SIM_SECOND,
                                  .pack_ms = 20 * SIM_SECOND,
                                  .segments = 3,
                                  .credit_total = CREDIT,
                                  .delay_ms = 20,
                                  .jitter_ms = 200};
    struct sim *s = sim_create(&o);
    sim_run(s, SIM_MINUTE);
    if (sim_breach(s))
        return s;
    assert_int_equal(sim_online(s), GATEWAYS);
    sim_set_network(s, false);
    sim_run(s, 10 * SIM_MINUTE);
    assert_int_equal(sim_online(s), 0);
    sim_set_network(s, true);
    size_t most = 0; /* that came back within one second */
    size_t online = 0;
    for (int second = 0; second < 120 && sim_run(s, SIM_SECOND); second++) {
        size_t now = sim_online(s);
        most = now - online > most && now > online ? now - online : most;
        online = now;
    }
    if (sim_breach(s))
        return s;
    assert_int_equal(online, GATEWAYS);
    assert_true(most < GATEWAYS / 4);
    for (int second = 0; second < 60 && sim_run(s, SIM_SECOND); second++) {
        assert_true(sim_credits(s) <= CREDIT);
        assert_true(sim_flights(s) <= CREDIT);
    }
    sim_settle(s, 30 * SIM_MINUTE);
    return s;
}

static void three_hundred_gateways_come_back_spread_and_within_their_credit(void **state)
{
    (void)state;
    sim_each_seed(6000, 1, run_storm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_hundred_gateways_come_back_spread_and_within_their_credit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
