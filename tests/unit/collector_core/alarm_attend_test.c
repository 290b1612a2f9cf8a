/*
 * Promise: while somebody works on a device its alarms are suppressed by design: seen to be so,
 * neither raised nor cleared, audited, and judged afresh when the work has ended, whatever happened
 * meanwhile. A value that is held back at the gateway is not silence.
 */
#include "alarm_world.h"

#include "base/rng.h"

#define RULES                                                                                      \
    "{\"name\":\"high\",\"type\":\"threshold\",\"where\":{\"kind\":\"pm2_5\"},\"side\":\"above\"," \
    "\"limits\":[{\"value\":150}],\"on_delay_s\":2,\"off_delay_s\":30," RULE_TAIL                  \
    ",{\"name\":\"lamp-out\",\"type\":\"mismatch\","                                               \
    "\"when\":{\"kind\":\"lamp_command\",\"equals\":true},"                                        \
    "\"expect\":{\"kind\":\"lamp_state\",\"equals\":true},\"on_delay_s\":2," RULE_TAIL             \
    ",{\"name\":\"silent\",\"type\":\"no_data\",\"hold_s\":20,\"per\":\"device\"," RULE_TAIL

#define HIGH     "gw-1/air-1/pm2-5"
#define SILENT   "gw-1/air-1"
#define LAMP_OUT "gw-1/relay/k1-real"

enum { AIR, DUST };
enum { COMMAND, LAMP };

static struct world *create(void)
{
    struct world *w = world_create(RULES);
    size_t g = world_gateway(w, "tan-phong", "gw-1");
    assert_int_equal(world_point(w, g, "air-1", "pm2-5", "pm2_5"), AIR);
    assert_int_equal(world_point(w, g, "air-1", "pm10", "pm10"), DUST);
    return w;
}

static struct world *create_lamp(void)
{
    struct world *w = world_create(RULES);
    size_t g = world_gateway(w, "tan-phong", "gw-1");
    assert_int_equal(world_point(w, g, "relay", "k1", "lamp_command"), COMMAND);
    assert_int_equal(world_point(w, g, "relay", "k1-real", "lamp_state"), LAMP);
    return w;
}

static void marked(struct world *w, size_t point, double v)
{
    world_sample(
        w, point,
        (struct alarm_sample){
            .present = true, .quality = QUALITY_MAINTENANCE, .type = VALUE_NUMBER, .number = v});
}

static void marked_bad(struct world *w, size_t point)
{
    world_sample(
        w, point,
        (struct alarm_sample){.present = true, .quality = QUALITY_BAD, .cause = CAUSE_MAINTENANCE});
}

static void raise_high(struct world *w)
{
    world_number(w, AIR, 200);
    world_advance(w, 2000);
    assert_int_equal(world_state(w, "high", HIGH), ALARM_UNACKNOWLEDGED);
}

static void the_first_marked_sample_suppresses_and_says_why(void **state)
{
    (void)state;
    struct world *w = create();
    raise_high(w);
    marked(w, AIR, 200);
    assert_int_equal(world_state(w, "high", HIGH), ALARM_SUPPRESSED);
    assert_int_equal(world_state(w, "silent", SILENT), ALARM_SUPPRESSED);
    assert_string_equal(w->last.verb, "suppress");
    assert_string_equal(w->last.why, "maintenance at the device");
    unsigned before = w->transitions;
    marked(w, AIR, 200);
    marked(w, AIR, 10);
    assert_int_equal(w->transitions, before);
    world_destroy(w);
}

static void calibration_is_said_to_be_one(void **state)
{
    (void)state;
    struct world *w = create();
    world_sample(w, AIR, (struct alarm_sample){.present = true, .quality = QUALITY_CALIBRATION});
    assert_string_equal(w->last.why, "calibration at the device");
    world_destroy(w);
}

static void nothing_raises_or_clears_meanwhile(void **state)
{
    (void)state;
    struct world *w = create();
    raise_high(w);
    unsigned raises = w->raises;
    marked(w, AIR, 200);
    for (int i = 0; i < 20; i++) {
        marked(w, AIR, i % 2 ? 500 : 1);
        world_advance(w, 10000);
    }
    for (int i = 0; i < 20; i++) {
        marked_bad(w, AIR); /* the sensor is unplugged */
        world_advance(w, 10000);
    }
    assert_int_equal(w->raises, raises);
    assert_int_equal(world_state(w, "high", HIGH), ALARM_SUPPRESSED);
    assert_int_equal(world_state(w, "silent", SILENT), ALARM_SUPPRESSED);
    world_destroy(w);
}

static void a_delay_under_way_does_not_end_in_the_work(void **state)
{
    (void)state;
    struct world *w = create();
    world_number(w, AIR, 200);
    world_advance(w, 1000);
    marked(w, AIR, 200);
    world_advance(w, 60000);
    assert_int_equal(w->raises, 0);
    world_number(w, AIR, 200); /* the delay starts anew */
    assert_int_equal(world_state(w, "high", HIGH), ALARM_NORMAL);
    world_advance(w, 1999);
    assert_int_equal(w->raises, 0);
    world_advance(w, 1);
    assert_int_equal(world_state(w, "high", HIGH), ALARM_UNACKNOWLEDGED);
    world_destroy(w);
}

static void what_still_stands_afterwards_stands_again_as_the_same(void **state)
{
    (void)state;
    struct world *w = create();
    raise_high(w);
    uint64_t occurrence = w->last.alert.occurrence;
    marked(w, AIR, 5);
    world_number(w, AIR, 190);
    assert_int_equal(world_state(w, "high", HIGH), ALARM_UNACKNOWLEDGED);
    char id[NAME_SIZE];
    struct alert a;
    alarm_id("high", HIGH, id);
    assert_int_equal(alarm_find(w->engine, id, &a), 0);
    assert_int_equal(a.occurrence, occurrence);
    assert_int_equal(w->raises, 1);
    world_destroy(w);
}

static void what_was_repaired_is_normal_at_once(void **state)
{
    (void)state;
    struct world *w = create();
    raise_high(w);
    marked(w, AIR, 200);
    world_number(w, AIR, 10);
    assert_int_equal(world_state(w, "high", HIGH), ALARM_NORMAL);
    assert_int_equal(world_state(w, "silent", SILENT), ALARM_NORMAL);
    assert_int_equal(world_listed(w), 0);
    world_destroy(w);
}

static void work_that_ends_with_a_dead_device_leaves_nothing_suppressed(void **state)
{
    (void)state;
    struct world *w = create();
    raise_high(w);
    marked(w, AIR, 200);
    world_bad(w, AIR); /* its mark has ended, its timeouts have not */
    assert_int_equal(world_state(w, "high", HIGH), ALARM_UNACKNOWLEDGED);
    assert_int_equal(world_state(w, "silent", SILENT), ALARM_NORMAL);
    world_advance(w, 19999);
    assert_int_equal(world_state(w, "silent", SILENT), ALARM_NORMAL);
    world_advance(w, 1);
    assert_int_equal(world_state(w, "silent", SILENT), ALARM_UNACKNOWLEDGED);
    world_destroy(w);
}

static void one_marked_point_of_a_device_is_enough(void **state)
{
    (void)state;
    struct world *w = create();
    marked(w, AIR, 1);
    unsigned before = w->transitions;
    for (int i = 0; i < 5; i++) { /* a derived point of another device's marked one, say */
        world_number(w, DUST, 1);
        marked(w, AIR, 1);
    }
    assert_int_equal(w->transitions, before); /* no coming and going */
    assert_int_equal(world_state(w, "silent", SILENT), ALARM_SUPPRESSED);
    world_number(w, AIR, 1);
    assert_int_equal(world_state(w, "silent", SILENT), ALARM_NORMAL);
    world_destroy(w);
}

static void a_pair_is_judged_once_both_are_back(void **state)
{
    (void)state;
    struct world *w = create_lamp();
    const struct alarm_sample work = {
        .present = true, .quality = QUALITY_MAINTENANCE, .type = VALUE_BOOL};
    world_bool(w, COMMAND, true);
    world_bool(w, LAMP, false);
    world_advance(w, 2000);
    assert_int_equal(world_state(w, "lamp-out", LAMP_OUT), ALARM_UNACKNOWLEDGED);
    world_sample(w, COMMAND, work);
    world_sample(w, LAMP, work);
    assert_int_equal(world_state(w, "lamp-out", LAMP_OUT), ALARM_SUPPRESSED);
    world_bool(w, COMMAND, true);
    assert_int_equal(world_state(w, "lamp-out", LAMP_OUT), ALARM_SUPPRESSED);
    world_bool(w, LAMP, true); /* repaired */
    assert_int_equal(world_state(w, "lamp-out", LAMP_OUT), ALARM_NORMAL);
    world_destroy(w);
}

static void a_restart_neither_ends_nor_prolongs_it(void **state)
{
    (void)state;
    struct world *w = create();
    raise_high(w);
    marked(w, AIR, 200);
    world_restart(w);
    assert_int_equal(world_state(w, "high", HIGH), ALARM_SUPPRESSED);
    world_advance(w, 100000);
    unsigned before = w->transitions;
    marked(w, AIR, 200);
    assert_int_equal(w->transitions, before);
    assert_int_equal(world_state(w, "silent", SILENT), ALARM_SUPPRESSED);
    world_restart(w);
    world_number(w, AIR, 10); /* the mark ended while nobody listened */
    assert_int_equal(world_state(w, "high", HIGH), ALARM_NORMAL);
    assert_int_equal(world_state(w, "silent", SILENT), ALARM_NORMAL);
    world_destroy(w);
}

static void a_device_taken_away_under_the_hands_is_withdrawn(void **state)
{
    (void)state;
    struct world *w = create();
    raise_high(w);
    marked(w, AIR, 200);
    marked(w, DUST, 1);
    alarm_retire_series(w->engine, w->points[AIR].series, w->now);
    assert_int_equal(world_state(w, "high", HIGH), ALARM_NORMAL);
    assert_int_equal(world_state(w, "silent", SILENT), ALARM_SUPPRESSED);
    world_number(w, DUST, 1);
    assert_int_equal(world_state(w, "silent", SILENT), ALARM_NORMAL);
    world_destroy(w);
}

static void a_value_held_back_is_no_silence(void **state)
{
    (void)state;
    struct world *w = create();
    alarm_pace_series(w->engine, w->points[AIR].series, 60000); /* its heartbeat */
    alarm_pace_series(w->engine, w->points[DUST].series, 90000);
    world_number(w, AIR, 1);
    world_advance(w, 119999);
    assert_int_equal(world_state(w, "silent", SILENT), ALARM_NORMAL);
    world_advance(w, 1);
    assert_int_equal(world_state(w, "silent", SILENT), ALARM_UNACKNOWLEDGED);
    world_destroy(w);
}

static struct alarm_sample any_sample(struct rng *rng, bool work)
{
    struct alarm_sample s = {.present = true};
    if (rng_below(rng, 4) == 0) {
        s.quality = QUALITY_BAD;
        s.cause = work ? CAUSE_MAINTENANCE : CAUSE_TIMEOUT;
        return s;
    }
    s.quality = work ? QUALITY_MAINTENANCE : QUALITY_GOOD;
    s.type = VALUE_NUMBER;
    s.number = rng_below(rng, 2) ? 200 : 1;
    return s;
}

/* Work, silence, cuts and restarts in any order: nothing is raised while both points are marked,
 * and nothing stays suppressed once both are not. */
static void whatever_happens_it_ends_with_the_work(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct world *w = create();
        struct rng rng;
        rng_init(&rng, seed);
        for (int round = 0; round < 60; round++) {
            bool work = rng_below(&rng, 2);
            world_online(w, 0, true);
            world_sample(w, AIR, any_sample(&rng, work));
            world_sample(w, DUST, any_sample(&rng, work));
            unsigned raises = w->raises;
            world_advance(w, (int64_t)rng_below(&rng, 40000));
            enum alarm_state high = world_state(w, "high", HIGH);
            enum alarm_state silent = world_state(w, "silent", SILENT);
            if (work) {
                assert_int_equal(w->raises, raises);
                assert_int_equal(high, ALARM_SUPPRESSED);
                assert_int_equal(silent, ALARM_SUPPRESSED);
            } else {
                assert_int_not_equal(high, ALARM_SUPPRESSED);
                assert_int_not_equal(silent, ALARM_SUPPRESSED);
            }
            if (rng_below(&rng, 8) == 0)
                world_online(w, 0, false);
            if (rng_below(&rng, 8) == 0)
                world_restart(w);
            world_advance(w, 1);
        }
        world_destroy(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_marked_sample_suppresses_and_says_why),
        cmocka_unit_test(calibration_is_said_to_be_one),
        cmocka_unit_test(nothing_raises_or_clears_meanwhile),
        cmocka_unit_test(a_delay_under_way_does_not_end_in_the_work),
        cmocka_unit_test(what_still_stands_afterwards_stands_again_as_the_same),
        cmocka_unit_test(what_was_repaired_is_normal_at_once),
        cmocka_unit_test(work_that_ends_with_a_dead_device_leaves_nothing_suppressed),
        cmocka_unit_test(one_marked_point_of_a_device_is_enough),
        cmocka_unit_test(a_pair_is_judged_once_both_are_back),
        cmocka_unit_test(a_restart_neither_ends_nor_prolongs_it),
        cmocka_unit_test(a_device_taken_away_under_the_hands_is_withdrawn),
        cmocka_unit_test(whatever_happens_it_ends_with_the_work),
        cmocka_unit_test(a_value_held_back_is_no_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
