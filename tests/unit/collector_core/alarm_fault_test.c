/*
 * Promise 5, one alarm per problem: a bus whose worker hangs is one alarm of its gateway, raised at
 * once, and the silence of its devices is none besides; it survives a restart and clears when the
 * bus is back.
 */
#include "alarm_world.h"

#include "tests/support/text_file.h"

#define RULES                                                                                      \
    "{\"name\":\"wedged\",\"type\":\"fault\",\"fault\":\"wedged\",\"per\":\"gateway\","            \
    "\"off_delay_s\":90," RULE_TAIL ",{\"name\":\"refused\",\"type\":\"fault\",\"fault\":"         \
    "\"exception\",\"on_delay_s\":5," RULE_TAIL                                                    \
    ",{\"name\":\"silent\",\"type\":\"no_data\",\"hold_s\":20," RULE_TAIL

enum { A1, A2, B1, C1 };

static struct world *fill(struct world *w)
{
    size_t g = world_gateway(w, "tan-phong", "gw-1");
    assert_int_equal(world_point(w, g, "a", "p1", "power"), A1);
    assert_int_equal(world_point(w, g, "a", "p2", "power"), A2);
    assert_int_equal(world_point(w, g, "b", "p1", "power"), B1);
    assert_int_equal(world_point(w, g, "c", "p1", "power"), C1); /* on another bus */
    return w;
}

static void bad(struct world *w, size_t point, enum cause cause)
{
    world_sample(w, point,
                 (struct alarm_sample){.present = true, .quality = QUALITY_BAD, .cause = cause});
}

static void mark(struct world *w)
{
    for (size_t p = A1; p <= B1; p++)
        bad(w, p, CAUSE_WEDGED);
}

static void all_well(struct world *w)
{
    for (size_t p = A1; p <= C1; p++)
        world_number(w, p, 1);
}

/* A minute in which the other bus is read on and the hung one is told once. */
static void minute(struct world *w)
{
    mark(w);
    for (int i = 0; i < 6; i++) {
        world_number(w, C1, 1);
        world_advance(w, 10000);
    }
}

static void a_hung_bus_is_one_alarm_and_its_silence_is_none(void **state)
{
    (void)state;
    struct world *w = fill(world_create(RULES));
    all_well(w);
    for (int i = 0; i < 10; i++)
        minute(w);
    assert_int_equal(w->raises, 1);
    assert_int_equal(world_listed(w), 1);
    assert_int_equal(world_state(w, "wedged", "gw-1"), ALARM_UNACKNOWLEDGED);
    assert_string_equal(w->last.why, "wedged for 0 s");
    all_well(w);
    world_advance(w, 89999);
    assert_int_equal(world_state(w, "wedged", "gw-1"), ALARM_UNACKNOWLEDGED);
    world_destroy(w);
}

static void it_clears_when_the_last_of_its_points_is_back(void **state)
{
    (void)state;
    struct world *w = fill(world_create(RULES));
    mark(w);
    world_number(w, A1, 1);
    world_number(w, A2, 1);
    world_number(w, C1, 1);
    for (int i = 0; i < 20; i++) {
        world_number(w, C1, 1);
        world_advance(w, 10000);
    }
    assert_int_equal(world_state(w, "wedged", "gw-1"), ALARM_UNACKNOWLEDGED);
    bad(w, B1, CAUSE_TIMEOUT); /* its device is gone, but the bus is not */
    world_advance(w, 90000);
    assert_int_equal(world_state(w, "wedged", "gw-1"), ALARM_RETURNED);
    world_destroy(w);
}

static void a_device_that_stays_silent_afterwards_is_its_own_alarm(void **state)
{
    (void)state;
    struct world *w = fill(world_create(RULES));
    all_well(w);
    minute(w);
    assert_int_equal(world_state(w, "silent", "gw-1/b"), ALARM_NORMAL);
    bad(w, B1, CAUSE_TIMEOUT);
    world_advance(w, 40000);
    assert_int_equal(world_state(w, "silent", "gw-1/b"), ALARM_UNACKNOWLEDGED);
    world_destroy(w);
}

static void a_restart_neither_clears_nor_raises_it_again(void **state)
{
    (void)state;
    struct world *w = fill(world_create(RULES));
    all_well(w);
    minute(w);
    world_restart(w);
    for (int i = 0; i < 5; i++)
        minute(w);
    assert_int_equal(w->raises, 1);
    assert_int_equal(world_state(w, "wedged", "gw-1"), ALARM_UNACKNOWLEDGED);
    assert_int_equal(world_listed(w), 1);
    world_destroy(w);
}

static void a_fault_of_one_device_is_that_device_s(void **state)
{
    (void)state;
    struct world *w = fill(world_create(RULES));
    bad(w, A1, CAUSE_EXCEPTION);
    world_advance(w, 4999);
    assert_int_equal(w->raises, 0);
    world_advance(w, 1);
    assert_int_equal(world_state(w, "refused", "gw-1/a"), ALARM_UNACKNOWLEDGED);
    assert_int_equal(world_state(w, "refused", "gw-1/b"), ALARM_NORMAL);
    world_destroy(w);
}

static void a_point_taken_away_takes_its_fault_along(void **state)
{
    (void)state;
    struct world *w = fill(world_create(RULES));
    bad(w, B1, CAUSE_WEDGED);
    alarm_retire_series(w->engine, w->points[B1].series, w->now);
    world_number(w, C1, 1);
    world_advance(w, 90000);
    assert_int_equal(world_state(w, "wedged", "gw-1"), ALARM_RETURNED);
    world_destroy(w);
}

static void the_shipped_rules_make_one_alarm_of_it(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof(*w));
    struct err e = {0};
    char *text = text_file_read("shared/data/rules/lai-chau.json");
    assert_non_null(w);
    if (rules_parse(text, strlen(text), &w->rules, &e) < 0)
        fail_msg("%s", e.text);
    free(text);
    w->now = (struct alarm_now){.utc = {WORLD_EPOCH}, .mono = {1000}};
    world_create_engine(w);
    fill(w);
    all_well(w);
    for (int i = 0; i < 15; i++)
        minute(w);
    assert_int_equal(w->raises, 1);
    assert_int_equal(world_state(w, "bus-wedged", "gw-1"), ALARM_UNACKNOWLEDGED);
    assert_non_null(strstr(w->last.alert.text_en, "gw-1"));
    assert_non_null(strstr(w->last.alert.text_vi, "gw-1"));
    assert_int_equal(w->last.alert.class, ALARM_SYSTEM);
    for (int i = 0; i < 12; i++) {
        all_well(w);
        world_advance(w, 10000);
    }
    assert_int_equal(world_state(w, "bus-wedged", "gw-1"), ALARM_RETURNED);
    assert_int_equal(w->raises, 1);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hung_bus_is_one_alarm_and_its_silence_is_none),
        cmocka_unit_test(it_clears_when_the_last_of_its_points_is_back),
        cmocka_unit_test(a_device_that_stays_silent_afterwards_is_its_own_alarm),
        cmocka_unit_test(a_restart_neither_clears_nor_raises_it_again),
        cmocka_unit_test(a_fault_of_one_device_is_that_device_s),
        cmocka_unit_test(a_point_taken_away_takes_its_fault_along),
        cmocka_unit_test(the_shipped_rules_make_one_alarm_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
