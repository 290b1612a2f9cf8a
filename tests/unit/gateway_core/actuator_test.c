/* Promise: an actuator is what it is wanted to be: by command before schedule, by schedule before
 * nothing; what is read back counts, not what was written; and no lamp is written to death. */
#include "tests/support/lamp_world.h"

#define HEAD                                                                                       \
    "{\"v\":1,\"revision\":1,\"gateway\":\"gw-1\",\"position\":{\"latitude\":22.4,"                \
    "\"longitude\":103.4},"
#define GROUPS                                                                                     \
    "\"groups\":[{\"name\":\"street-a\",\"points\":[\"lamp-1/k1\",\"lamp-1/k2\",\"dim-1/level\"]," \
    "\"schedule\":\"s\",\"safe\":100,\"override_max_s\":7200,\"stagger_ms\":50},"                  \
    "{\"name\":\"street-b\",\"points\":[\"lamp-2/k1\"],\"schedule\":\"s\",\"safe\":true}],"
#define SCHEDULE                                                                                   \
    "\"schedules\":[{\"name\":\"s\",\"steps\":[{\"at\":\"18:00\",\"value\":100},"                  \
    "{\"at\":\"23:00\",\"value\":40},{\"at\":\"06:00\",\"value\":0}]}]}"
#define CONTROL HEAD GROUPS SCHEDULE

static struct control_key lan = {.kid = "lan-1", .operator_name = "lan"};

static int command(struct lamp_world *w, const char *target, enum command_action action,
                   struct value value, uint32_t hold_s, struct err *e)
{
    struct command c = {.id = "c", .action = action, .value = value, .hold_s = hold_s};
    snprintf(c.target, sizeof(c.target), "%s", target);
    return actuator_command(w->actuator, &c, &lan, &w->now, e);
}

static void must(struct lamp_world *w, const char *target, enum command_action action,
                 struct value value, uint32_t hold_s)
{
    struct err e = {0};
    if (command(w, target, action, value, hold_s, &e) != 0)
        fail_msg("%s", e.text);
}

static struct value level(double number)
{
    return (struct value){.type = VALUE_NUMBER, .number = number};
}

static struct value on(bool is_on)
{
    return (struct value){.type = VALUE_BOOL, .boolean = is_on};
}

static const struct value nothing = {.type = VALUE_NONE};

static int setup(void **state)
{
    *state = lamp_world_new(CONTROL, "2026-11-21T10:59:00.000Z"); /* 17:59 local */
    return 0;
}

static int teardown(void **state)
{
    lamp_world_free(*state);
    return 0;
}

static void a_group_follows_its_schedule_in_steps(void **state)
{
    struct lamp_world *w = *state;
    lamp_run_until(w, "2026-11-21T11:00:01.000Z");
    assert_true(lamp(w, 0, "k1")->boolean && lamp(w, 0, "k2")->boolean);
    assert_true(lamp(w, 1, "k1")->boolean);
    assert_int_equal(lamp(w, 2, "level")->number, 100);
    assert_false(lamp(w, 0, "k3")->boolean);
    assert_int_equal(lamp_changed_ms(w, 0, "k2") - lamp_changed_ms(w, 0, "k1"), 50);
    lamp_run_until(w, "2026-11-21T16:00:01.000Z");
    assert_int_equal(lamp(w, 2, "level")->number, 40);
    assert_true(lamp(w, 0, "k1")->boolean); /* a switch is on above 0 */
    lamp_run_until(w, "2026-11-21T23:00:01.000Z");
    assert_int_equal(lamp(w, 2, "level")->number, 0);
    assert_false(lamp(w, 0, "k1")->boolean);
    /* 4 at 18:00, the dimmer at 23:00, 4 at 06:00, and at the start 2 before they were read. */
    assert_int_equal(w->writes, 4 + 1 + 4 + 2);
}

static void a_command_holds_and_then_ends(void **state)
{
    struct lamp_world *w = *state;
    lamp_run(w, 1000);
    must(w, "street-a", COMMAND_SET, level(70), 3600);
    lamp_run(w, 1000);
    assert_int_equal(w->results, 1);
    assert_int_equal(w->result.outcome, COMMAND_DONE);
    assert_string_equal(w->result.operator_name, "lan");
    assert_int_equal(w->sample_count, 3);
    assert_int_equal(lamp(w, 2, "level")->number, 70);
    assert_true(lamp(w, 0, "k1")->boolean);
    lamp_run(w, 3000 * 1000); /* 18:00 passes */
    assert_int_equal(lamp(w, 2, "level")->number, 70);
    lamp_run(w, 600 * 1000);
    assert_int_equal(lamp(w, 2, "level")->number, 100);
}

static void a_hold_of_nothing_ends_with_the_next_step(void **state)
{
    struct lamp_world *w = *state;
    lamp_run(w, 1000);
    must(w, "street-b", COMMAND_SET, on(true), 0);
    must(w, "lamp-1/k1", COMMAND_SET, on(true), 0);
    lamp_run(w, 30000);
    assert_true(lamp(w, 1, "k1")->boolean && lamp(w, 0, "k1")->boolean);
    must(w, "street-b", COMMAND_SET, on(false), 0);
    lamp_run(w, 1000);
    assert_false(lamp(w, 1, "k1")->boolean);
    lamp_run_until(w, "2026-11-21T11:00:01.000Z");
    assert_true(lamp(w, 1, "k1")->boolean); /* 18:00 */
    must(w, "street-b", COMMAND_SET, on(false), 600);
    lamp_run(w, 1000);
    assert_false(lamp(w, 1, "k1")->boolean);
    must(w, "street-b", COMMAND_RELEASE, nothing, 0);
    lamp_run(w, 1000);
    assert_true(lamp(w, 1, "k1")->boolean);
    assert_int_equal(w->result.outcome, COMMAND_DONE);
}

static void what_no_schedule_drives_keeps_what_it_was_told(void **state)
{
    struct lamp_world *w = *state;
    must(w, "lamp-2/k6", COMMAND_SET, on(true), 0);
    lamp_run(w, 86400 * 1000);
    assert_true(lamp(w, 1, "k6")->boolean);
    *lamp(w, 1, "k6") = on(false); /* by hand */
    lamp_run(w, 5000);
    assert_true(lamp(w, 1, "k6")->boolean);
    must(w, "lamp-2/k6", COMMAND_RELEASE, nothing, 0);
    lamp_run(w, 1000);
    assert_int_equal(w->result.outcome, COMMAND_DONE);
    *lamp(w, 1, "k6") = on(false);
    lamp_run(w, 5000);
    assert_false(lamp(w, 1, "k6")->boolean);
}

static void assert_refused(struct lamp_world *w, const char *target, struct value v,
                           uint32_t hold_s, const char *why)
{
    struct err e = {0};
    assert_true(command(w, target, COMMAND_SET, v, hold_s, &e) < 0);
    if (!strstr(e.text, why))
        fail_msg("\"%s\" does not say \"%s\"", e.text, why);
}

static void what_cannot_be_is_refused_and_nothing_switched(void **state)
{
    struct lamp_world *w = *state;
    lamp_run(w, 1000);
    unsigned before = w->writes;
    assert_refused(w, "street-c", on(true), 0, "no group street-c");
    assert_refused(w, "lamp-9/k1", on(true), 0, "no point lamp-9/k1");
    assert_refused(w, "lamp-1/in1", on(true), 0, "no point lamp-1/in1");
    assert_refused(w, "street-a", on(true), 0, "takes a number"); /* its dimmer */
    assert_refused(w, "street-a", level(500), 0, "500");
    assert_refused(w, "street-a", level(50), 7201, "longer than the 7200 s");
    lamp_run(w, 5000);
    assert_int_equal(w->writes, before);
    assert_int_equal(w->results, 0);
}

static void only_so_many_commands_are_under_way(void **state)
{
    struct lamp_world *w = *state;
    w->off[0] = true;
    for (int i = 1; i <= 6; i++) {
        char target[32];
        snprintf(target, sizeof(target), "lamp-1/k%d", i);
        must(w, target, COMMAND_SET, on(true), 0);
    }
    must(w, "lamp-2/k2", COMMAND_SET, on(true), 0);
    must(w, "lamp-2/k3", COMMAND_SET, on(true), 0);
    assert_refused(w, "lamp-2/k4", on(true), 0, "under way");
    lamp_run(w, 10000);
    assert_int_equal(w->results, ACTUATOR_JOBS_MAX);
    assert_int_equal(w->result.outcome, COMMAND_FAILED);
    assert_non_null(strstr(w->result.reason, "not read back (timeout)"));
    must(w, "lamp-2/k4", COMMAND_SET, on(true), 0);
}

static void the_answer_is_what_was_read_back(void **state)
{
    struct lamp_world *w = *state;
    lamp_run(w, 1000);
    w->stuck[1] = true;
    must(w, "street-b", COMMAND_SET, on(true), 60);
    lamp_run(w, 5000);
    assert_int_equal(w->result.outcome, COMMAND_MISMATCHED);
    assert_string_equal(w->result.reason, "lamp-2/k1: read back off");
    assert_int_equal(w->result.value.type, VALUE_BOOL);
    assert_false(w->result.value.boolean);
    assert_string_equal(w->config->devices[1].profile->points[w->samples[0].point].name, "k1-real");
}

/* All lamps of a line at once, and none of them answers: that it was sent is all there is to say.
 */
static void a_broadcast_is_answered_with_sent(void **state)
{
    struct lamp_world *w = *state;
    lamp_run(w, 1000);
    must(w, "street-b", COMMAND_SET, on(true), 60);
    lamp_settle(w);
    assert_int_equal(w->flying_count, 1);
    const struct actuator_end end = {.broadcast = true};
    actuator_written(w->actuator, w->flying[0].id, &end, w->now.mono);
    w->flying_count = 0;
    unsigned writes = w->writes;
    lamp_settle(w);
    assert_int_equal(w->result.outcome, COMMAND_SENT);
    assert_int_equal(w->sample_count, 0);
    assert_int_equal(w->writes, writes);
}

/* Ten hours stuck: said once, written less and less, and right at once when it is freed. */
static void a_stuck_lamp_is_not_written_to_death(void **state)
{
    struct lamp_world *w = *state;
    w->stuck[1] = true;
    lamp_run_until(w, "2026-11-21T21:00:00.000Z");
    assert_int_equal(w->troubles, 1);
    assert_non_null(strstr(w->said, "lamp-2/k1: does not follow: wanted on"));
    assert_in_range(w->writes, 10, 12 * 12 + 20); /* twelve an hour, and a few at first */
    w->stuck[1] = false;
    lamp_run(w, ACTUATOR_AGAIN_MAX_MS + 1000);
    assert_true(lamp(w, 1, "k1")->boolean);
    lamp_run(w, ACTUATOR_CALM_MS + LAMP_POLL_MS);
    assert_non_null(strstr(w->said, "lamp-2/k1: follows again: on"));
}

static void a_hand_that_plays_with_the_switch_is_outlasted_slowly(void **state)
{
    struct lamp_world *w = *state;
    lamp_run_until(w, "2026-11-21T11:01:00.000Z");
    unsigned before = w->writes;
    for (int i = 0; i < 600; i++) {
        *lamp(w, 1, "k1") = on(false);
        lamp_run(w, 1000);
    }
    assert_in_range(w->writes - before, 5, 15);
    assert_int_equal(w->troubles, 1);
}

static void a_lamp_that_was_without_power_is_set_again_at_once(void **state)
{
    struct lamp_world *w = *state;
    lamp_run_until(w, "2026-11-21T12:00:00.000Z");
    w->off[1] = true;
    lamp_run(w, 3600 * 1000);
    unsigned before = w->writes;
    w->off[1] = false;
    *lamp(w, 1, "k1") = on(false); /* as relays start */
    lamp_run(w, LAMP_POLL_MS + 2 * LAMP_WRITE_MS);
    assert_true(lamp(w, 1, "k1")->boolean);
    assert_int_equal(w->writes, before + 1);
}

static void an_unknown_clock_holds_the_safe_value(void **state)
{
    struct lamp_world *w = *state;
    w->now.clock_known = false;
    w->now.utc.ms = 12345;
    lamp_run(w, 60000);
    assert_int_equal(lamp(w, 2, "level")->number, 100);
    assert_true(lamp(w, 1, "k1")->boolean);
    assert_non_null(strstr(w->said, "street-b: on, its safe state: the clock is unknown"));
    must(w, "street-b", COMMAND_SET, on(false), 60); /* needs no clock */
    lamp_run(w, 1000);
    assert_int_equal(w->result.outcome, COMMAND_DONE);
    assert_false(lamp(w, 1, "k1")->boolean);
    lamp_run(w, 60000);
    assert_true(lamp(w, 1, "k1")->boolean);
    w->now.clock_known = true;
    assert_int_equal(clk_utc_parse("2026-11-21T05:00:00.000Z", &w->now.utc), 0);
    lamp_run(w, ACTUATOR_CLOCK_MS + 1000);
    assert_int_equal(lamp(w, 2, "level")->number, 0);
}

static void a_clock_that_is_stepped_is_followed(void **state)
{
    struct lamp_world *w = *state;
    lamp_run(w, 2000);
    w->now.utc.ms += 6 * 3600 * 1000; /* 23:59 local: NTP came */
    lamp_run(w, ACTUATOR_CLOCK_MS + 500);
    assert_int_equal(lamp(w, 2, "level")->number, 40);
    w->now.utc.ms -= 6 * 3600 * 1000;
    lamp_run(w, ACTUATOR_CLOCK_MS + 500);
    assert_int_equal(lamp(w, 2, "level")->number, 0);
}

static void a_later_command_answers_the_earlier(void **state)
{
    struct lamp_world *w = *state;
    w->off[1] = true;
    must(w, "street-b", COMMAND_SET, on(true), 60);
    lamp_run(w, 10);
    must(w, "street-b", COMMAND_SET, on(false), 60);
    lamp_settle(w);
    assert_int_equal(w->results, 1);
    assert_int_equal(w->result.outcome, COMMAND_FAILED);
    assert_non_null(strstr(w->result.reason, "another command"));
    w->off[1] = false;
    lamp_run(w, 10000);
    assert_int_equal(w->results, 2);
    assert_int_equal(w->result.outcome, COMMAND_DONE);
}

static void assert_unfit(struct lamp_world *w, const char *control, const char *why)
{
    struct control *c;
    struct err e = {0};
    assert_int_equal(control_parse(control, strlen(control), &c, &e), 0);
    assert_int_equal(actuator_check(w->config, c, &e), ERR_INVALID);
    control_free(c);
    if (!strstr(e.text, why))
        fail_msg("\"%s\" does not say \"%s\"", e.text, why);
}

#define GROUP(points, safe)                                                                        \
    "\"groups\":[{\"name\":\"g\",\"points\":[" points "],\"schedule\":\"s\",\"safe\":" safe "}],"

static void a_document_that_does_not_fit_is_refused(void **state)
{
    struct lamp_world *w = *state;
    assert_unfit(w, HEAD GROUP("\"lamp-3/k1\"", "true") SCHEDULE,
                 "groups[0].points[0]: lamp-3/k1: this gateway has no such device");
    assert_unfit(w, HEAD GROUP("\"lamp-1/k1\",\"lamp-1/k7\"", "true") SCHEDULE,
                 "groups[0].points[1]: lamp-1/k7: the device's profile, wb-mr6c, has no such");
    assert_unfit(w, HEAD GROUP("\"lamp-1/in1\"", "true") SCHEDULE, "cannot be written");
    assert_unfit(w, HEAD GROUP("\"dim-1/level\"", "true") SCHEDULE, "level takes a number");
    assert_unfit(w, HEAD GROUP("\"dim-1/level\"", "200") SCHEDULE, "200");
    assert_unfit(w,
                 HEAD GROUP("\"dim-1/level\"", "50") "\"schedules\":[{\"name\":\"s\",\"steps\":[{"
                                                     "\"at\":\"sunset\",\"value\":true}]}]}",
                 "schedule s: level takes a number");
    assert_unfit(w,
                 "{\"v\":1,\"revision\":1,\"gateway\":\"gw-2\",\"position\":"
                 "{\"latitude\":0,\"longitude\":0}}",
                 "gateway: it is for gw-2, and this is gw-1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_group_follows_its_schedule_in_steps),
        TEST(a_command_holds_and_then_ends),
        TEST(a_hold_of_nothing_ends_with_the_next_step),
        TEST(what_no_schedule_drives_keeps_what_it_was_told),
        TEST(what_cannot_be_is_refused_and_nothing_switched),
        TEST(only_so_many_commands_are_under_way),
        TEST(the_answer_is_what_was_read_back),
        TEST(a_broadcast_is_answered_with_sent),
        TEST(a_stuck_lamp_is_not_written_to_death),
        TEST(a_hand_that_plays_with_the_switch_is_outlasted_slowly),
        TEST(a_lamp_that_was_without_power_is_set_again_at_once),
        TEST(an_unknown_clock_holds_the_safe_value),
        TEST(a_clock_that_is_stepped_is_followed),
        TEST(a_later_command_answers_the_earlier),
        TEST(a_document_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
