/* Promise: whatever the network, the broker and the collector do, every pack is acknowledged in the
 * end, none is let go without it, and live data comes first.
 */
#include "uplink_world.h"

#include "base/log.h"

#define SEEDS 300

static void run_seconds(struct world *w, int seconds)
{
    for (int i = 0; i < seconds; i++)
        world_second(w);
}

static void online(struct world *w)
{
    run_seconds(w, 1);
    assert_int_equal(w->u.phase, UPLINK_ONLINE);
}

static void says_who_it_is_before_any_pack(void **state)
{
    (void)state;
    struct world *w = world_create(1, 3);
    online(w);
    run_seconds(w, 5);
    assert_string_equal(w->last_topics[0], "ioc/v1/gw/thanh-uyen/gw-1/state");
    assert_string_equal(w->last_topics[1], "ioc/v1/gw/thanh-uyen/gw-1/birth");
    assert_string_equal(w->last_topics[2], "ioc/v1/gw/thanh-uyen/gw-1/backfill");
    assert_all_arrived(w);
    world_destroy(w);
}

/* A will the collector refuses is a dead gateway nobody hears of. */
static void its_first_will_is_one_the_collector_takes(void **state)
{
    (void)state;
    static struct uplink u;
    const struct uplink_options options = {.gateway = "gw-1",
                                           .area = "thanh-uyen",
                                           .firmware = "1.0",
                                           .epoch = 7,
                                           .store = "",
                                           .inflight_max = 8};
    struct uplink_action a;
    struct gateway_state will;
    struct err e = {0};
    uplink_init(&u, &options, (struct clk_mono){0});
    uplink_step(&u, (struct clk_mono){0});
    assert_true(uplink_next(&u, &a));
    assert_int_equal(a.verb, UPLINK_CONNECT);
    if (gateway_state_decode(a.payload, a.len, &will, &e) != 0)
        fail_msg("%s", e.text);
    assert_false(will.online);
}

/* Nothing is left to say, and it was said to the store that stands. */
static bool settled(const struct world *w)
{
    return spool_pending(w) == 0 && strcmp(w->u.store, w->collector.store) == 0;
}

static void nothing_is_lost_or_let_go_under_random_faults(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = world_create(seed, rng_below(&(struct rng){seed}, 200));
        w->faults = (struct faults){.lose_pack = (unsigned)rng_below(&w->rng, 30),
                                    .double_pack = (unsigned)rng_below(&w->rng, 30),
                                    .lose_ack = (unsigned)rng_below(&w->rng, 30),
                                    .double_ack = (unsigned)rng_below(&w->rng, 30),
                                    .cut = (unsigned)rng_below(&w->rng, 60),
                                    .refuse_connect = (unsigned)rng_below(&w->rng, 50),
                                    .latency_ms = (int64_t)rng_below(&w->rng, 2000),
                                    .jitter_ms = (int64_t)rng_below(&w->rng, 3000),
                                    .byte_rate = chance(w, 50) ? 2000 : 0};
        w->collector.credit = 1 + (uint32_t)rng_below(&w->rng, 20);
        w->fresh = seed % 2 == 0;
        for (int i = 0; i < 200; i++) {
            world_sample(w);
            world_second(w);
            if (rng_below(&w->rng, 200) == 0) {
                char name[STORE_ID_SIZE];
                snprintf(name, sizeof(name), "store-%d", i); /* random at each restore */
                collector_store_new(w, name);
            }
        }
        w->faults.lose_pack = w->faults.lose_ack = w->faults.cut = 0;
        int seconds = 0;
        for (; seconds < 7200 && !settled(w); seconds++) {
            w->collector.news = true; /* while there is something to say, once a second */
            world_second(w);
        }
        if (!settled(w))
            fail_msg("seed %llu: %zu packs never acknowledged", (unsigned long long)seed,
                     spool_pending(w));
        assert_all_arrived(w);
        world_destroy(w);
    }
}

static void a_fresh_pack_goes_out_live_before_it_is_durable(void **state)
{
    (void)state;
    struct world *w = world_create(22, 0);
    w->collector.credit = 4;
    assert_false(uplink_wants_fresh(&w->u)); /* not connected */
    online(w);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        spool_add(w, RUNNING);
        world_offer(w, seq);
    }
    assert_int_equal(w->u.durable, 0);
    assert_int_equal(w->u.flight_count, UPLINK_CREDIT_FIRST); /* no more than the credit */
    assert_false(uplink_wants_fresh(&w->u));
    assert_int_equal(w->packs[RUNNING][3].sent, 0); /* this one goes by way of the disk */
    assert_true(topic_ends(w->last_topics[(w->publishes - 1) % 64], "/live"));
    w->collector.news = true;
    run_seconds(w, 2);
    assert_int_equal(w->u.flight_count, 0); /* acknowledged, durable or not */
    uplink_durable(&w->u, 3, mono(w));
    world_obey(w);
    w->collector.news = true;
    run_seconds(w, 2);
    for (uint64_t seq = 1; seq <= 3; seq++)
        assert_int_equal(w->packs[RUNNING][seq].sent, 1);
    assert_all_arrived(w);
    world_destroy(w);
}

static void live_comes_before_the_backlog_and_does_not_starve_it(void **state)
{
    (void)state;
    struct world *w = world_create(2, 400);
    w->faults.byte_rate = 4000; /* four packs a second, one of them live */
    for (int i = 0; i < 300; i++) {
        world_sample(w);
        world_second(w);
        w->collector.news = true;
    }
    int64_t worst_ms = 0;
    for (uint64_t seq = 20; seq < w->highest[RUNNING]; seq++) {
        const struct pack_state *p = &w->packs[RUNNING][seq];
        int64_t wait_ms = p->sent_ms - p->durable_ms;
        assert_true(p->sent > 0);
        worst_ms = wait_ms > worst_ms ? wait_ms : worst_ms;
    }
    assert_true(worst_ms <= 2000);
    run_seconds(w, 60);
    assert_all_arrived(w);
    world_destroy(w);
}

static void backfill_in_flight_stays_within_two_seconds_of_the_link(void **state)
{
    (void)state;
    struct world *w = world_create(3, 400);
    w->faults.byte_rate = 4000;
    w->collector.credit = 64;
    w->u.options.inflight_max = 128; /* so that nothing else holds it back */
    run_seconds(w, 60);
    for (int i = 0; i < 60; i++) {
        w->collector.news = true;
        world_second(w);
        /* the estimate is of acknowledgements that come once a second */
        assert_true(w->u.lane_bytes[UPLINK_BACKFILL] <= (UPLINK_BACKFILL_S + 2) * 4000);
    }
    world_destroy(w);
}

static void a_quarter_of_the_credit_is_kept_for_live(void **state)
{
    (void)state;
    struct world *w = world_create(4, 400);
    online(w);
    run_seconds(w, 3);
    w->collector.deaf = true; /* backfill fills what it may and is stuck there */
    run_seconds(w, 5);
    assert_int_equal(w->u.credit, 8);
    assert_int_equal(w->u.lane_count[UPLINK_BACKFILL], 6);
    world_sample(w);
    run_seconds(w, 1);
    assert_int_equal(w->u.lane_count[UPLINK_LIVE], 1);
    assert_int_equal(w->u.lane_count[UPLINK_BACKFILL], 6);
    assert_int_equal(w->packs[RUNNING][1].sent, 1);
    world_destroy(w);
}

static void a_credit_of_one_is_kept_and_still_moves_everything(void **state)
{
    (void)state;
    struct world *w = world_create(5, 30);
    online(w);
    run_seconds(w, 2);
    w->collector.credit = 1;
    w->collector.news = true;
    run_seconds(w, 3);
    w->in_flight_highest = 0;
    for (int i = 0; i < 40; i++) {
        if (i % 4 == 0)
            world_sample(w);
        world_second(w);
    }
    assert_int_equal(w->in_flight_highest, 1);
    run_seconds(w, 60);
    assert_all_arrived(w);
    world_destroy(w);
}

static void the_window_never_passes_the_clients(void **state)
{
    (void)state;
    struct world *w = world_create(6, 200);
    w->collector.credit = 1000;
    run_seconds(w, 60);
    assert_true(w->in_flight_highest <= 16);
    assert_all_arrived(w);
    world_destroy(w);
}

static void unacknowledged_packs_are_sent_again_ever_more_slowly(void **state)
{
    (void)state;
    struct world *w = world_create(7, 1);
    w->collector.deaf = true;
    online(w);
    unsigned sent[3];
    const int64_t at_s[3] = {29, 60, 160}; /* again after 30 s, then 60 s, then 120 s */
    for (int i = 0; i < 3; i++) {
        while (w->now_ms < 1000 + at_s[i] * 1000)
            world_second(w);
        sent[i] = w->packs[1][1].sent;
    }
    assert_int_equal(sent[0], 1);
    assert_int_equal(sent[1], 2);
    assert_int_equal(sent[2], 3);
    w->collector.deaf = false;
    run_seconds(w, 200);
    assert_all_arrived(w);
    world_destroy(w);
}

static void a_new_connection_sends_at_once_what_the_old_one_had_in_flight(void **state)
{
    (void)state;
    struct world *w = world_create(8, 4);
    w->collector.deaf = true;
    online(w);
    run_seconds(w, 1);
    assert_true(w->u.flight_count > 0);
    world_cut(w, "cut");
    world_obey(w);
    w->collector.deaf = false;
    run_seconds(w, 10);
    assert_int_equal(w->u.stats.resent, 0); /* not by a timeout */
    assert_all_arrived(w);
    world_destroy(w);
}

static bool wants_to_take(struct world *w)
{
    struct uplink_action a;
    bool take = false;
    while (uplink_next(&w->u, &a))
        take = take || a.verb == UPLINK_TAKE;
    return take;
}

static void an_empty_answer_older_than_a_release_is_not_believed(void **state)
{
    (void)state;
    struct world *w = world_create(20, 1);
    w->collector.deaf = true;
    online(w);
    world_run(w, w->u.flights[0].sent.ms + UPLINK_RESEND_MS - 1);
    uplink_durable(&w->u, 1, mono(w));
    assert_true(wants_to_take(w));
    w->now_ms += 2;
    uplink_step(&w->u, mono(w)); /* the pack in flight is given back to the spool */
    assert_int_equal(w->u.flight_count, 0);
    assert_false(wants_to_take(w));
    uplink_batch(&w->u, w->u.generation, NULL, 0, mono(w));
    assert_true(wants_to_take(w));
    uplink_batch(&w->u, w->u.generation, NULL, 0, mono(w));
    assert_true(wants_to_take(w)); /* the other lane */
    uplink_batch(&w->u, w->u.generation, NULL, 0, mono(w));
    assert_false(wants_to_take(w));
    world_destroy(w);
}

static void a_lost_answer_of_the_spool_is_asked_for_again(void **state)
{
    (void)state;
    struct world *w = world_create(21, 0);
    online(w);
    spool_add(w, RUNNING);
    uplink_durable(&w->u, 1, mono(w));
    assert_true(wants_to_take(w)); /* and nobody does it */
    run_seconds(w, UPLINK_TAKE_MS / 1000 + 2);
    assert_all_arrived(w);
    world_destroy(w);
}

/* --- acknowledgements that are not true --- */

static struct ack ack_of(const struct world *w, uint64_t epoch, uint64_t upto)
{
    struct ack a = {.credit = 8, .epoch_count = 1};
    snprintf(a.store, sizeof(a.store), "%s", w->collector.store);
    a.epochs[0].epoch = epoch;
    a.epochs[0].upto = upto;
    return a;
}

static void give_ack(struct world *w, const struct ack *a)
{
    uplink_acked(&w->u, a, mono(w));
    world_obey(w); /* the spool fails the test when this frees what is not stored */
}

static void a_forged_acknowledgement_frees_nothing_and_is_told(void **state)
{
    (void)state;
    struct world *w = world_create(9, 0);
    online(w);
    for (int i = 0; i < 5; i++) {
        world_sample(w);
        world_second(w);
    }
    unsigned told = w->security;
    struct ack beyond = ack_of(w, RUNNING, 6);
    struct ack ranges = ack_of(w, RUNNING, 1);
    ranges.epochs[0].also_count = 1;
    ranges.epochs[0].also[0] = (struct range){3, 99};
    beyond.credit = ranges.credit = 3;
    give_ack(w, &beyond);
    give_ack(w, &ranges);
    assert_int_equal(w->security, told + 2);
    assert_int_equal(w->u.stats.forged, 2);
    assert_int_not_equal(w->u.credit, 3);
    uplink_ack_denied(&w->u, RUNNING, 1000, mono(w)); /* the spool looks as well */
    world_obey(w);
    assert_int_equal(w->security, told + 3);
    run_seconds(w, 5);
    assert_all_arrived(w);
    world_destroy(w);
}

/* A gateway without a disk draws its epoch, and it may be higher than that of its next start. */
static void an_acknowledgement_of_a_higher_epoch_is_no_forgery(void **state)
{
    (void)state;
    struct world *w = world_create(10, 0);
    online(w);
    world_sample(w);
    world_second(w);
    unsigned told = w->security;
    struct ack a = ack_of(w, RUNNING + 1, 57);
    a.credit = 3;
    give_ack(w, &a);
    assert_int_equal(w->security, told);
    assert_int_equal(w->u.credit, 3);
    run_seconds(w, 5);
    assert_all_arrived(w);
    world_destroy(w);
}

static void another_store_gets_everything_again(void **state)
{
    (void)state;
    struct world *w = world_create(10, 20);
    run_seconds(w, 30);
    assert_all_arrived(w);
    collector_store_new(w, "store-b");
    for (int i = 0; i < 120; i++) {
        w->collector.news = true;
        world_second(w);
    }
    assert_int_equal(w->u.stats.rewinds, 1);
    assert_all_arrived(w);
    world_destroy(w);
}

static void two_stores_in_turn_are_told_and_do_not_cause_a_storm(void **state)
{
    (void)state;
    struct world *w = world_create(11, 0);
    run_seconds(w, 100);
    unsigned told = w->security;
    for (int i = 0; i < 120; i++) {
        struct ack a = ack_of(w, RUNNING, 0);
        snprintf(a.store, sizeof(a.store), i % 2 ? "store-x" : "store-y");
        give_ack(w, &a);
        run_seconds(w, 1);
    }
    assert_in_range(w->u.stats.rewinds, 1, 3);
    assert_in_range(w->security - told, 1, 3);
    world_destroy(w);
}

static void one_late_acknowledgement_is_no_reason_to_rewind_two_are(void **state)
{
    (void)state;
    struct world *w = world_create(12, 10);
    run_seconds(w, 30);
    struct ack late = ack_of(w, 1, 4);
    struct ack true_one = ack_of(w, 1, 10);
    give_ack(w, &late);
    give_ack(w, &true_one);
    give_ack(w, &late);
    assert_int_equal(w->u.stats.rewinds, 0);
    assert_int_equal(spool_pending(w), 0);
    give_ack(w, &late);
    assert_int_equal(w->u.stats.rewinds, 1);
    assert_int_equal(spool_pending(w), 10);
    run_seconds(w, 30);
    assert_int_equal(spool_pending(w), 0);
    world_destroy(w);
}

static void a_pack_that_can_never_be_stored_holds_no_slot_and_is_told_once(void **state)
{
    (void)state;
    struct world *w = world_create(13, 5);
    w->collector.poison[1][3] = true;
    for (int i = 0; i < 20; i++) {
        w->collector.news = true;
        world_second(w);
    }
    assert_int_equal(w->u.stats.quarantined, 1);
    assert_int_equal(w->u.flight_count, 0);
    assert_all_arrived(w);
    world_destroy(w);
}

/* --- the connection --- */

static void a_refused_subscription_backs_off_and_sends_nothing(void **state)
{
    (void)state;
    struct world *w = world_create(14, 5);
    w->refuse_subscription = true;
    run_seconds(w, 600);
    assert_int_equal(w->publishes, 0);
    assert_in_range(w->connects_asked, 8, 100);
    assert_int_equal(w->disconnects, w->connects_asked);
    w->refuse_subscription = false;
    run_seconds(w, 120);
    assert_all_arrived(w);
    world_destroy(w);
}

static void a_dead_broker_is_not_hammered(void **state)
{
    (void)state;
    struct world *w = world_create(15, 5);
    w->faults.refuse_connect = 100;
    run_seconds(w, 3600);
    assert_in_range(w->connects_asked, 60, 300);
    w->faults.refuse_connect = 0;
    run_seconds(w, 120);
    assert_all_arrived(w);
    world_destroy(w);
}

static void requests_are_answered_but_not_in_a_storm(void **state)
{
    (void)state;
    struct world *w = world_create(16, 0);
    online(w);
    for (int i = 0; i < 20; i++) {
        uplink_requested(&w->u, REQUEST_DESCRIPTIONS, mono(w));
        uplink_requested(&w->u, REQUEST_RESEND, mono(w));
        world_obey(w);
        world_second(w);
    }
    assert_int_equal(w->describes, 2);
    world_destroy(w);
}

static void stopping_says_goodbye_first(void **state)
{
    (void)state;
    struct world *w = world_create(17, 5);
    online(w);
    uplink_stop(&w->u, mono(w));
    world_obey(w);
    assert_int_equal(w->stopped, 0);
    run_seconds(w, 1);
    assert_string_equal(w->last_topics[(w->publishes - 1) % 64], "ioc/v1/gw/thanh-uyen/gw-1/state");
    assert_int_equal(w->stopped, 1);
    assert_int_equal(w->u.phase, UPLINK_OFF);
    world_destroy(w);
}

static void stopping_ends_in_time_whatever_the_broker_does(void **state)
{
    (void)state;
    struct world *silent = world_create(18, 5);
    online(silent);
    silent->silent_broker = true;
    uplink_stop(&silent->u, mono(silent));
    world_obey(silent);
    world_run(silent, silent->now_ms + UPLINK_STOP_MS);
    assert_int_equal(silent->stopped, 1);
    world_destroy(silent);

    struct world *down = world_create(19, 5);
    uplink_stop(&down->u, mono(down));
    world_obey(down);
    assert_int_equal(down->stopped, 1);
    uplink_stop(&down->u, mono(down));
    world_obey(down);
    assert_int_equal(down->stopped, 1);
    world_destroy(down);
}

int main(void)
{
    log_init("uplink-test", LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_first_will_is_one_the_collector_takes),
        cmocka_unit_test(says_who_it_is_before_any_pack),
        cmocka_unit_test(nothing_is_lost_or_let_go_under_random_faults),
        cmocka_unit_test(a_fresh_pack_goes_out_live_before_it_is_durable),
        cmocka_unit_test(live_comes_before_the_backlog_and_does_not_starve_it),
        cmocka_unit_test(backfill_in_flight_stays_within_two_seconds_of_the_link),
        cmocka_unit_test(a_quarter_of_the_credit_is_kept_for_live),
        cmocka_unit_test(a_credit_of_one_is_kept_and_still_moves_everything),
        cmocka_unit_test(the_window_never_passes_the_clients),
        cmocka_unit_test(unacknowledged_packs_are_sent_again_ever_more_slowly),
        cmocka_unit_test(a_new_connection_sends_at_once_what_the_old_one_had_in_flight),
        cmocka_unit_test(an_empty_answer_older_than_a_release_is_not_believed),
        cmocka_unit_test(a_lost_answer_of_the_spool_is_asked_for_again),
        cmocka_unit_test(a_forged_acknowledgement_frees_nothing_and_is_told),
        cmocka_unit_test(an_acknowledgement_of_a_higher_epoch_is_no_forgery),
        cmocka_unit_test(another_store_gets_everything_again),
        cmocka_unit_test(two_stores_in_turn_are_told_and_do_not_cause_a_storm),
        cmocka_unit_test(one_late_acknowledgement_is_no_reason_to_rewind_two_are),
        cmocka_unit_test(a_pack_that_can_never_be_stored_holds_no_slot_and_is_told_once),
        cmocka_unit_test(a_refused_subscription_backs_off_and_sends_nothing),
        cmocka_unit_test(a_dead_broker_is_not_hammered),
        cmocka_unit_test(requests_are_answered_but_not_in_a_storm),
        cmocka_unit_test(stopping_says_goodbye_first),
        cmocka_unit_test(stopping_ends_in_time_whatever_the_broker_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
