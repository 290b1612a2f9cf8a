/*
 * Promise 5, one alarm per problem, and promise 4, now before then: what raises, what clears, and
 * what does neither, on virtual time.
 */
#include "alarm_world.h"

#define HIGH                                                                                       \
    "{\"name\":\"high\",\"type\":\"threshold\",\"where\":{\"kind\":\"pm2_5\"},\"side\":\"above\"," \
    "\"limits\":[{\"value\":150}],\"deadband\":10,\"on_delay_s\":2,\"off_delay_s\":3," RULE_TAIL
#define PROMPT                                                                                     \
    "{\"name\":\"high\",\"type\":\"threshold\",\"where\":{\"kind\":\"pm2_5\"},\"side\":\"above\"," \
    "\"limits\":[{\"value\":150}]," RULE_TAIL
#define DOOR                                                                                       \
    "{\"name\":\"door\",\"type\":\"state\",\"where\":{\"kind\":\"cabinet_door\"},\"equals\":true," \
    "\"on_delay_s\":0.5," RULE_TAIL
#define LAMP                                                                                       \
    "{\"name\":\"lamp-out\",\"type\":\"mismatch\","                                                \
    "\"when\":{\"kind\":\"lamp_command\",\"point\":\"*-command\",\"equals\":true},"                \
    "\"expect\":{\"kind\":\"lamp_state\",\"point\":\"*-state\",\"equals\":true},"                  \
    "\"on_delay_s\":2," RULE_TAIL
#define FEEDER                                                                                     \
    "{\"name\":\"feeder\",\"type\":\"mismatch\","                                                  \
    "\"when\":{\"kind\":\"lamp_command\",\"equals\":true},"                                        \
    "\"expect\":{\"kind\":\"circuit_current\",\"above\":0.2},\"on_delay_s\":2," RULE_TAIL
#define TRAFFIC                                                                                    \
    "{\"name\":\"stopped\",\"type\":\"stalled\",\"where\":{\"kind\":\"vehicle_count\"},"           \
    "\"at_least\":2,\"within_s\":10," RULE_TAIL
#define ID_HASH "tcpqxo5acrz5"
#define SILENT  "{\"name\":\"silent\",\"type\":\"no_data\",\"hold_s\":30," RULE_TAIL
#define CUT     "{\"name\":\"cut\",\"type\":\"offline\",\"on_delay_s\":1," RULE_TAIL

static struct world *air(const char *rules, size_t *point)
{
    struct world *w = world_create(rules);
    size_t gateway = world_gateway(w, "tan-phong", "gw-1");
    *point = world_point(w, gateway, "air-1", "pm2-5", "pm2_5");
    return w;
}

static void a_limit_crossed_for_its_on_delay_raises_once(void **state)
{
    (void)state;
    size_t p;
    struct world *w = air(HIGH, &p);
    world_number(w, p, 151);
    world_advance(w, 1999);
    assert_int_equal(w->transitions, 0);
    world_advance(w, 1);
    assert_int_equal(w->raises, 1);
    assert_int_equal(w->last.to, ALARM_UNACKNOWLEDGED);
    assert_string_equal(w->last.alert.object, "gw-1/air-1/pm2-5");
    assert_string_equal(w->last.alert.points[0], "gw-1/air-1/pm2-5");
    assert_int_equal(w->last.alert.occurrence, 1);
    assert_true(w->last.alert.has_value && w->last.alert.value == 151);
    assert_true(w->last.alert.has_limit && w->last.alert.limit == 150);
    assert_int_equal(w->last.alert.raised.ms, w->now.utc.ms);
    for (int i = 0; i < 100; i++) {
        world_number(w, p, 200 + i);
        world_advance(w, 1000);
    }
    assert_int_equal(w->transitions, 1);
    world_destroy(w);
}

static void the_limit_itself_is_allowed_and_a_dip_restarts_the_on_delay(void **state)
{
    (void)state;
    size_t p;
    struct world *w = air(HIGH, &p);
    world_number(w, p, 150);
    world_advance(w, 10000);
    world_number(w, p, 151);
    world_advance(w, 1500);
    world_number(w, p, 150);
    world_advance(w, 1000);
    world_number(w, p, 151);
    world_advance(w, 1999);
    assert_int_equal(w->transitions, 0);
    world_advance(w, 1);
    assert_int_equal(w->raises, 1);
    world_destroy(w);
}

static void only_beyond_the_deadband_and_for_the_off_delay_it_clears(void **state)
{
    (void)state;
    size_t p;
    struct world *w = air(HIGH, &p);
    world_number(w, p, 160);
    world_advance(w, 2000);
    world_number(w, p, 141);
    world_advance(w, 60000);
    assert_int_equal(w->transitions, 1);
    world_number(w, p, 140);
    world_advance(w, 2999);
    world_number(w, p, 145); /* inside the deadband: not normal, the off-delay starts anew */
    world_advance(w, 60000);
    assert_int_equal(w->transitions, 1);
    world_number(w, p, 140);
    world_advance(w, 3000);
    assert_int_equal(w->transitions, 2);
    assert_int_equal(w->last.to, ALARM_RETURNED);
    assert_int_equal(w->last.alert.cleared.ms, w->now.utc.ms);
    world_number(w, p, 151);
    world_advance(w, 2000);
    assert_int_equal(w->last.from, ALARM_RETURNED);
    assert_int_equal(w->last.to, ALARM_UNACKNOWLEDGED);
    assert_int_equal(w->last.alert.occurrence, 2);
    assert_int_equal(w->last.alert.cleared.ms, 0);
    world_destroy(w);
}

static void bad_quality_never_clears_and_never_confirms_a_raise(void **state)
{
    (void)state;
    size_t p;
    struct world *w = air(HIGH, &p);
    world_number(w, p, 160);
    world_advance(w, 1000);
    world_bad(w, p);
    world_advance(w, 60000);
    assert_int_equal(w->transitions, 0);
    world_number(w, p, 160); /* the delay has long passed; now it is borne out */
    assert_int_equal(w->raises, 1);
    world_number(w, p, 100);
    world_advance(w, 1000);
    world_bad(w, p);
    world_advance(w, 60000);
    assert_int_equal(w->transitions, 1);
    world_sample(
        w, p,
        (struct alarm_sample){
            .present = true, .quality = QUALITY_SUBSTITUTED, .type = VALUE_NUMBER, .number = 1});
    world_advance(w, 60000);
    assert_int_equal(w->transitions, 1);
    world_number(w, p, 100);
    assert_int_equal(w->last.to, ALARM_RETURNED);
    world_destroy(w);
}

static void samples_of_the_past_and_the_future_neither_raise_nor_clear(void **state)
{
    (void)state;
    size_t p;
    struct world *w = air(PROMPT, &p);
    struct alarm_sample s = {.present = false, .type = VALUE_NUMBER, .number = 500};
    const int64_t times[] = {0, 1, WORLD_EPOCH - 86400000, INT64_C(2082758400000)};
    for (size_t i = 0; i < 4; i++) {
        s.at.ms = times[i] ? times[i] : 1;
        world_sample(w, p, s);
    }
    assert_int_equal(w->transitions, 0);
    world_number(w, p, 500);
    assert_int_equal(w->raises, 1);
    s.number = 1;
    for (size_t i = 0; i < 4; i++) {
        s.at.ms = times[i] ? times[i] : 1;
        world_sample(w, p, s);
        world_advance(w, 60000);
    }
    assert_int_equal(w->transitions, 1);
    world_destroy(w);
}

static void a_limit_is_in_force_on_its_days_only(void **state)
{
    (void)state;
    size_t p;
    struct world *w = air("{\"name\":\"law\",\"type\":\"threshold\",\"where\":{\"kind\":\"pm2_5\"},"
                          "\"side\":\"above\","
                          "\"limits\":[{\"value\":50,\"until\":\"2026-12-31\"},{\"value\":45,"
                          "\"from\":\"2027-01-01\"}]," RULE_TAIL,
                          &p);
    w->now.utc.ms = INT64_C(1798736399999); /* 2026-12-31T23:59:59.999+07:00 */
    world_number(w, p, 48);
    assert_int_equal(w->transitions, 0);
    w->now.utc.ms++;
    world_number(w, p, 48);
    assert_int_equal(w->raises, 1);
    assert_true(w->last.alert.limit == 45);
    world_destroy(w);
}

static void a_higher_limit_for_the_on_delay_raises_the_priority_and_unacknowledges(void **state)
{
    (void)state;
    size_t p;
    struct world *w = air("{\"name\":\"high\",\"type\":\"threshold\",\"where\":{\"kind\":\"pm2_5\"}"
                          ",\"side\":\"above\","
                          "\"limits\":[{\"value\":150}],\"on_delay_s\":2,"
                          "\"escalations\":[{\"limit\":250,\"priority\":\"high\"},"
                          "{\"limit\":350,\"priority\":\"critical\"}]," RULE_TAIL,
                          &p);
    world_number(w, p, 200);
    world_advance(w, 2000);
    assert_int_equal(w->last.alert.priority, PRIORITY_MEDIUM);
    const struct access_member lan = world_operator("lan");
    struct operator_request request = {.id = "r1", .occurrence = 1, .revision = 1};
    struct operator_reply reply;
    snprintf(request.alert, sizeof(request.alert), "%s", w->last.alert.id);
    alarm_step_request(w->engine, &lan, &request, w->now, &reply);
    assert_string_equal(reply.result, "done");
    assert_int_equal(w->last.to, ALARM_ACKNOWLEDGED);
    world_number(w, p, 260); /* a single spike is not yet an escalation */
    world_advance(w, 1000);
    world_number(w, p, 200);
    world_number(w, p, 400);
    world_advance(w, 1000);
    assert_int_equal(w->transitions, 2);
    world_advance(w, 1000);
    world_number(w, p, 400);
    assert_int_equal(w->transitions, 3);
    assert_int_equal(w->raises, 1);
    assert_int_equal(w->last.to, ALARM_UNACKNOWLEDGED);
    assert_int_equal(w->last.alert.priority, PRIORITY_CRITICAL);
    assert_string_equal(w->last.alert.acknowledged_by, "");
    alarm_step_request(w->engine, &lan, &request, w->now, &reply);
    assert_string_equal(reply.result, "stale");
    world_destroy(w);
}

static void a_state_raises_while_it_lasts(void **state)
{
    (void)state;
    struct world *w = world_create(DOOR);
    size_t g = world_gateway(w, "a", "gw-1");
    size_t door = world_point(w, g, "cabinet-1", "door", "cabinet_door");
    world_bool(w, door, true);
    world_advance(w, 499);
    assert_int_equal(w->raises, 0);
    world_advance(w, 1);
    assert_int_equal(w->raises, 1);
    world_bool(w, door, false);
    assert_int_equal(w->last.to, ALARM_RETURNED);
    world_destroy(w);
}

static void a_lamp_commanded_on_and_dark_is_one_alarm_about_that_lamp(void **state)
{
    (void)state;
    struct world *w = world_create(LAMP);
    size_t g = world_gateway(w, "a", "gw-1");
    size_t s1 = world_point(w, g, "relay", "lamp-1-state", "lamp_state");
    size_t c1 = world_point(w, g, "relay", "lamp-1-command", "lamp_command");
    size_t c2 = world_point(w, g, "relay", "lamp-2-command", "lamp_command");
    size_t s2 = world_point(w, g, "relay", "lamp-2-state", "lamp_state");
    world_bool(w, s1, false);
    world_bool(w, s2, false);
    world_bool(w, c1, false);
    world_advance(w, 60000);
    assert_int_equal(w->transitions, 0);
    world_bool(w, c1, true);
    world_bool(w, c2, true);
    world_bool(w, s2, true);
    world_advance(w, 2000);
    assert_int_equal(w->raises, 1);
    assert_string_equal(w->last.alert.object, "gw-1/relay/lamp-1-state");
    assert_int_equal(w->last.alert.point_count, 2);
    world_bool(w, c1, false); /* commanded off: dark is right again */
    assert_int_equal(w->last.to, ALARM_RETURNED);
    world_bad(w, s2);
    world_bool(w, c2, true);
    world_advance(w, 60000);
    assert_int_equal(w->raises, 1); /* an unreadable lamp is not a dark lamp */
    world_destroy(w);
}

static void a_commanded_circuit_without_current_is_a_mismatch_as_well(void **state)
{
    (void)state;
    struct world *w = world_create(FEEDER);
    size_t g = world_gateway(w, "a", "gw-1");
    size_t c = world_point(w, g, "cabinet", "on", "lamp_command");
    size_t i = world_point(w, g, "cabinet", "amps", "circuit_current");
    world_point(w, g, "other", "amps", "circuit_current"); /* another device is no partner */
    world_bool(w, c, true);
    world_number(w, i, 3.5);
    world_advance(w, 5000);
    assert_int_equal(w->raises, 0);
    world_number(w, i, 0.05);
    world_advance(w, 2000);
    assert_int_equal(w->raises, 1);
    assert_string_equal(w->last.alert.object, "gw-1/cabinet/amps");
    assert_true(w->last.alert.has_value && w->last.alert.value == 0.05);
    world_destroy(w);
}

static void traffic_that_flowed_and_stops_is_stalled_and_a_counter_that_never_moved_is_not(
    void **state)
{
    (void)state;
    struct world *w = world_create(TRAFFIC);
    size_t g = world_gateway(w, "a", "gw-1");
    size_t road = world_point(w, g, "radar", "count", "vehicle_count");
    for (int i = 0; i < 100; i++) {
        world_counter(w, road, 0);
        world_advance(w, 1000);
    }
    assert_int_equal(w->raises, 0);
    world_counter(w, road, 5);
    for (int i = 0; i < 9; i++) {
        world_advance(w, 1000);
        world_counter(w, road, i == 4 ? 1 : 0);
    }
    assert_int_equal(w->raises, 0);
    world_advance(w, 1000);
    world_counter(w, road, 0);
    assert_int_equal(w->raises, 1);
    assert_true(w->last.alert.value == 1 && w->last.alert.limit == 2);
    world_sample(w, road, (struct alarm_sample){.present = true, .type = VALUE_NUMBER}); /* reset */
    assert_int_equal(w->transitions, 1);
    world_counter(w, road, 2);
    assert_int_equal(w->last.to, ALARM_RETURNED);
    world_destroy(w);
}

static void a_silent_device_is_one_alarm_for_all_its_points(void **state)
{
    (void)state;
    struct world *w = world_create(SILENT);
    size_t g = world_gateway(w, "a", "gw-1");
    size_t one = world_point(w, g, "air-1", "pm2-5", "pm2_5");
    size_t two = world_point(w, g, "air-1", "pm10", "pm10");
    world_advance(w, 29000);
    world_number(w, one, 1);
    world_bad(w, two); /* a timeout is not data */
    world_advance(w, 29999);
    assert_int_equal(w->raises, 0);
    world_bad(w, one);
    world_advance(w, 1);
    assert_int_equal(w->raises, 1);
    assert_string_equal(w->last.alert.object, "gw-1/air-1");
    world_sample(w, two, (struct alarm_sample){.type = VALUE_NUMBER, .at = {WORLD_EPOCH - 1}});
    assert_int_equal(w->transitions, 1); /* history does not revive it */
    world_number(w, two, 1);
    assert_int_equal(w->last.to, ALARM_RETURNED);
    world_advance(w, 30000);
    assert_int_equal(w->raises, 2);
    world_destroy(w);
}

static void a_dead_gateway_is_one_alarm_and_its_children_are_frozen(void **state)
{
    (void)state;
    struct world *w = world_create(SILENT "," PROMPT "," CUT);
    size_t g = world_gateway(w, "a", "gw-1");
    size_t p = world_point(w, g, "air-1", "pm2-5", "pm2_5");
    for (int i = 2; i <= 9; i++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof(name), "air-%d", i);
        world_point(w, g, name, "pm10", "pm10");
    }
    world_number(w, p, 500);
    assert_int_equal(w->raises, 1);
    world_online(w, g, true);
    world_online(w, g, false);
    world_online(w, g, false);
    world_advance(w, 1000);
    assert_int_equal(w->raises, 2);
    assert_string_equal(w->last.alert.object, "gw-1");
    assert_int_equal(w->last.alert.suppressed_children, 9);
    world_advance(w, 3600000);
    world_number(w, p, 1); /* nothing is judged while it is cut off */
    assert_int_equal(w->transitions, 2);
    assert_int_equal(world_listed(w), 2);
    world_online(w, g, true);
    assert_int_equal(w->transitions, 3);
    assert_int_equal(world_state(w, "cut", "gw-1"), ALARM_RETURNED);
    assert_int_equal(world_state(w, "high", "gw-1/air-1/pm2-5"), ALARM_UNACKNOWLEDGED);
    world_advance(w, 29999);
    assert_int_equal(w->transitions, 3);
    world_number(w, p, 1);
    world_advance(w, 1); /* judged afresh: eight stay silent for their whole hold, one talks */
    assert_int_equal(w->transitions, 3 + 1 + 8);
    world_destroy(w);
}

static void a_blink_shorter_than_the_on_delay_is_no_alarm(void **state)
{
    (void)state;
    struct world *w = world_create(CUT);
    size_t g = world_gateway(w, "a", "gw-1");
    world_online(w, g, false);
    world_advance(w, 999);
    world_online(w, g, true);
    world_advance(w, 60000);
    assert_int_equal(w->transitions, 0);
    world_destroy(w);
}

static void a_blind_collector_raises_nothing_and_judges_afresh_afterwards(void **state)
{
    (void)state;
    size_t p;
    struct world *w = air(SILENT "," HIGH, &p);
    world_number(w, p, 500);
    alarm_step_sight(w->engine, false, w->now);
    world_advance(w, 3600000);
    assert_int_equal(w->transitions, 0);
    alarm_step_sight(w->engine, true, w->now);
    world_advance(w, 29999);
    assert_int_equal(w->transitions, 0);
    world_advance(w, 1);
    assert_int_equal(w->raises, 1);
    world_destroy(w);
}

static void outside_its_hours_a_rule_clears_and_does_not_raise(void **state)
{
    (void)state;
    size_t p;
    struct world *w = air("{\"name\":\"day\",\"type\":\"threshold\",\"where\":{\"kind\":\"pm2_5\"},"
                          "\"side\":\"above\","
                          "\"limits\":[{\"value\":150}],\"hours\":{\"from\":\"22:00\",\"until\":"
                          "\"05:00\"}," RULE_TAIL,
                          &p);
    int64_t midnight = INT64_C(1795021200000); /* 2026-11-19T00:00+07:00 */
    w->now.utc.ms = midnight + 12 * 3600000;
    world_number(w, p, 500);
    assert_int_equal(w->raises, 0);
    w->now.utc.ms = midnight + 24 * 3600000;
    world_number(w, p, 500);
    assert_int_equal(w->raises, 1);
    w->now.utc.ms = midnight + 36 * 3600000;
    world_number(w, p, 1);
    assert_int_equal(w->last.to, ALARM_RETURNED);
    world_destroy(w);
}

static void a_move_takes_the_alarm_along_without_a_raise(void **state)
{
    (void)state;
    size_t p;
    struct world *w = air(PROMPT, &p);
    const char *area;
    uint64_t revision;
    uint32_t listed;
    world_number(w, p, 500);
    snprintf(w->gateways[0].area, NAME_SIZE, "doan-ket");
    world_bind_gateway(w, 0);
    assert_int_equal(w->raises, 1);
    assert_int_equal(w->transitions, 2);
    assert_string_equal(w->last.area_before, "tan-phong");
    assert_string_equal(w->last.alert.area, "doan-ket");
    assert_int_equal(w->last.alert.revision, 2);
    assert_true(alarm_area_at(w->engine, 0, &area, &revision, &listed));
    assert_int_equal(revision, 2);
    assert_int_equal(listed, 0);
    assert_true(alarm_area_at(w->engine, 1, &area, &revision, &listed));
    assert_int_equal(revision, 1);
    assert_int_equal(listed, 1);
    world_number(w, p, 1);
    assert_string_equal(w->last.area_before, "");
    world_destroy(w);
}

static void a_point_that_is_gone_takes_its_alarm_with_it(void **state)
{
    (void)state;
    size_t p;
    struct world *w = air(PROMPT "," SILENT, &p);
    world_number(w, p, 500);
    alarm_retire_series(w->engine, w->points[p].series, w->now);
    assert_int_equal(world_listed(w), 0);
    world_advance(w, 3600000);
    assert_int_equal(w->raises, 1);
    for (int i = 0; i < 1000; i++) { /* coming and going leaks nothing */
        world_bind_point(w, p);
        alarm_retire_series(w->engine, w->points[p].series, w->now);
    }
    world_bind_point(w, p);
    world_number(w, p, 500);
    assert_int_equal(w->last.alert.occurrence, 2);
    world_destroy(w);
}

static void each_limit_of_the_engine_is_named_when_reached(void **state)
{
    (void)state;
    struct world *w = world_create(SILENT);
    struct err e = {0};
    int64_t rc = (int64_t)world_gateway(w, "a", "gw-1");
    for (int i = 0; rc >= 0; i++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof(name), "p-%d", i);
        rc = alarm_bind_series(w->engine, 0, "d", name, kind_find("pm10"), w->now, &e);
    }
    assert_int_equal(rc, ERR_FULL);
    assert_non_null(strstr(e.text, "series_max"));
    for (int i = 0; i < 4; i++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof(name), "g-%d", i);
        rc = alarm_bind_gateway(w->engine, "a", name, w->now, &e);
    }
    assert_int_equal(rc, ERR_FULL);
    assert_non_null(strstr(e.text, "gateways_max"));
    world_destroy(w);
}

static void an_alert_id_is_a_name_readable_and_stable(void **state)
{
    (void)state;
    char id[NAME_SIZE];
    char other[NAME_SIZE];
    alarm_id("pm2-5-high", "gw-1/air-1/pm2-5", id);
    assert_string_equal(id, "pm2-5-high-" ID_HASH);
    assert_true(name_valid(id));
    alarm_id("a-rule-with-a-name-as-long-as-it", "gw-1/air-1/pm2-5", id);
    alarm_id("a-rule-with-a-name-as-long-as-is", "gw-1/air-1/pm2-5", other);
    assert_true(name_valid(id));
    assert_string_not_equal(id, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_crossed_for_its_on_delay_raises_once),
        cmocka_unit_test(the_limit_itself_is_allowed_and_a_dip_restarts_the_on_delay),
        cmocka_unit_test(only_beyond_the_deadband_and_for_the_off_delay_it_clears),
        cmocka_unit_test(bad_quality_never_clears_and_never_confirms_a_raise),
        cmocka_unit_test(samples_of_the_past_and_the_future_neither_raise_nor_clear),
        cmocka_unit_test(a_limit_is_in_force_on_its_days_only),
        cmocka_unit_test(a_higher_limit_for_the_on_delay_raises_the_priority_and_unacknowledges),
        cmocka_unit_test(a_state_raises_while_it_lasts),
        cmocka_unit_test(a_lamp_commanded_on_and_dark_is_one_alarm_about_that_lamp),
        cmocka_unit_test(a_commanded_circuit_without_current_is_a_mismatch_as_well),
        cmocka_unit_test(
            traffic_that_flowed_and_stops_is_stalled_and_a_counter_that_never_moved_is_not),
        cmocka_unit_test(a_silent_device_is_one_alarm_for_all_its_points),
        cmocka_unit_test(a_dead_gateway_is_one_alarm_and_its_children_are_frozen),
        cmocka_unit_test(a_blink_shorter_than_the_on_delay_is_no_alarm),
        cmocka_unit_test(a_blind_collector_raises_nothing_and_judges_afresh_afterwards),
        cmocka_unit_test(outside_its_hours_a_rule_clears_and_does_not_raise),
        cmocka_unit_test(a_move_takes_the_alarm_along_without_a_raise),
        cmocka_unit_test(a_point_that_is_gone_takes_its_alarm_with_it),
        cmocka_unit_test(each_limit_of_the_engine_is_named_when_reached),
        cmocka_unit_test(an_alert_id_is_a_name_readable_and_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
