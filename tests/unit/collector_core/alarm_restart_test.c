/*
 * Promise 5: state, timers and acknowledgements survive a kill -9: no new occurrence, no lost
 * clear. A scripted storm is run once whole and once for each of its steps with a restart right
 * after that step; each run must end with the same alarms in the same states and occurrences.
 */
#include "alarm_world.h"

#define RULES                                                                                      \
    "{\"name\":\"high\",\"type\":\"threshold\",\"where\":{\"kind\":\"pm2_5\"},\"side\":\"above\"," \
    "\"limits\":[{\"value\":150}],\"deadband\":10,\"on_delay_s\":2,\"off_delay_s\":3," RULE_TAIL   \
    ",{\"name\":\"lamp-out\",\"type\":\"mismatch\","                                               \
    "\"when\":{\"kind\":\"lamp_command\",\"equals\":true},"                                        \
    "\"expect\":{\"kind\":\"lamp_state\",\"equals\":true},\"on_delay_s\":2," RULE_TAIL             \
    ",{\"name\":\"stopped\",\"type\":\"stalled\",\"where\":{\"kind\":\"vehicle_count\"},"          \
    "\"at_least\":1,\"within_s\":5," RULE_TAIL                                                     \
    ",{\"name\":\"silent\",\"type\":\"no_data\",\"hold_s\":20," RULE_TAIL                          \
    ",{\"name\":\"cut\",\"type\":\"offline\",\"on_delay_s\":1," RULE_TAIL

enum { AIR_1, AIR_2, COMMAND, LAMP, ROAD, POINTS };

static void acknowledge(struct world *w, const char *rule, const char *object)
{
    const struct access_member lan = world_operator("lan");
    struct operator_request r = {.id = "r"};
    struct operator_reply reply;
    struct alert a;
    alarm_id(rule, object, r.alert);
    assert_int_equal(alarm_find(w->engine, r.alert, &a), 0);
    r.occurrence = a.occurrence;
    r.revision = a.revision;
    alarm_step_request(w->engine, &lan, &r, w->now, &reply);
    assert_string_equal(reply.result, "done");
}

/* What the world is like during a phase; it lasts until every alarm has followed it. */
struct phase {
    double air_1, air_2; /* -1: bad quality */
    bool command, lamp, road_moves, online;
    const char *acknowledge_rule, *acknowledge_object;
};

static const struct phase storm[] = {
    {20, 20, false, false, true, true, NULL, NULL},
    {200, 20, true, true, true, true, NULL, NULL},
    {200, -1, true, false, true, true, NULL, NULL},
    {200, -1, true, false, true, true, NULL, NULL},
    {200, -1, true, false, false, true, "high", "gw-1/air-1/pm2-5"},
    {-1, 180, true, false, false, true, "lamp-out", "gw-1/relay/k1-real"},
    {-1, 180, true, false, false, false, NULL, NULL},
    {-1, 180, true, false, false, false, "cut", "gw-1"},
    {145, 180, true, false, false, true, NULL, NULL},
    {20, 180, true, true, true, true, "stopped", "gw-1/radar/count1"},
    {20, 20, false, false, true, true, NULL, NULL},
    {200, 20, false, false, true, true, NULL, NULL},
    {20, 20, false, false, true, true, NULL, NULL},
};
#define PHASES (sizeof(storm) / sizeof(storm[0]))
/* Rounds of a second in a phase: longer than every delay; the hold alone takes more than one. */
#define ROUNDS  12
#define STEPS   (PHASES * ROUNDS)
#define NO_STOP SIZE_MAX

static void air_sample(struct world *w, size_t point, double v)
{
    if (v < 0)
        world_bad(w, point);
    else
        world_number(w, point, v);
}

static void play_round(struct world *w, const struct phase *p)
{
    world_online(w, 0, p->online);
    if (p->online) {
        air_sample(w, AIR_1, p->air_1);
        air_sample(w, AIR_2, p->air_2);
        world_bool(w, COMMAND, p->command);
        world_bool(w, LAMP, p->lamp);
        world_counter(w, ROAD, p->road_moves ? 3 : 0);
    }
    world_advance(w, 1000);
}

static struct world *storm_world(void)
{
    struct world *w = world_create(RULES);
    size_t g = world_gateway(w, "tan-phong", "gw-1");
    assert_int_equal(world_point(w, g, "air-1", "pm2-5", "pm2_5"), AIR_1);
    assert_int_equal(world_point(w, g, "air-2", "pm2-5", "pm2_5"), AIR_2);
    assert_int_equal(world_point(w, g, "relay", "k1", "lamp_command"), COMMAND);
    assert_int_equal(world_point(w, g, "relay", "k1-real", "lamp_state"), LAMP);
    assert_int_equal(world_point(w, g, "radar", "count1", "vehicle_count"), ROAD);
    return w;
}

/* Every alarm as "rule object state occurrence", one a line, in the order of the rules. */
static void outcome(const struct world *w, char *text, size_t size)
{
    static const char *const pairs[][2] = {
        {"high", "gw-1/air-1/pm2-5"},
        {"high", "gw-1/air-2/pm2-5"},
        {"lamp-out", "gw-1/relay/k1-real"},
        {"stopped", "gw-1/radar/count1"},
        {"silent", "gw-1/air-1"},
        {"silent", "gw-1/air-2"},
        {"silent", "gw-1/relay"},
        {"silent", "gw-1/radar"},
        {"cut", "gw-1"},
    };
    struct buf b;
    buf_init(&b, text, size);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char id[NAME_SIZE];
        struct alert a;
        alarm_id(pairs[i][0], pairs[i][1], id);
        assert_int_equal(alarm_find(w->engine, id, &a), 0);
        buf_fmt(&b, "%s %s %s %llu\n", a.rule, a.object, alarm_state_name(a.state),
                (unsigned long long)a.occurrence);
    }
    assert_false(b.overflow);
    buf_cstr(&b);
}

/* A restart costs the seconds in which nobody listened; the phase is given them back. */
static void run_storm(size_t restart_after, char *text, size_t size)
{
    struct world *w = storm_world();
    for (size_t step = 0; step < STEPS; step++) {
        const struct phase *p = &storm[step / ROUNDS];
        if (step % ROUNDS == ROUNDS - 1 && p->acknowledge_rule)
            acknowledge(w, p->acknowledge_rule, p->acknowledge_object);
        play_round(w, p);
        if (step != restart_after)
            continue;
        world_restart(w);
        for (int i = 0; i < 6; i++)
            play_round(w, p);
    }
    outcome(w, text, size);
    world_destroy(w);
}

static void the_storm_itself_is_one_occurrence_a_problem(void **state)
{
    (void)state;
    char text[1024];
    run_storm(NO_STOP, text, sizeof(text));
    assert_string_equal(text, "high gw-1/air-1/pm2-5 returned 2\n"
                              "high gw-1/air-2/pm2-5 returned 1\n"
                              "lamp-out gw-1/relay/k1-real normal 1\n"
                              "stopped gw-1/radar/count1 normal 1\n"
                              "silent gw-1/air-1 normal 0\n"
                              "silent gw-1/air-2 returned 1\n"
                              "silent gw-1/relay normal 0\n"
                              "silent gw-1/radar normal 0\n"
                              "cut gw-1 normal 1\n");
}

static void a_restart_after_any_step_gives_no_new_occurrence_and_loses_no_clear(void **state)
{
    (void)state;
    char whole[1024];
    char broken[1024];
    run_storm(NO_STOP, whole, sizeof(whole));
    for (size_t i = 0; i < STEPS; i++) {
        run_storm(i, broken, sizeof(broken));
        if (strcmp(whole, broken) != 0)
            fail_msg("restart after step %zu of %zu\nwithout:\n%swith:\n%s", i, STEPS, whole,
                     broken);
    }
}

static void what_was_judged_before_the_restart_is_not_judged_again(void **state)
{
    (void)state;
    struct world *w = storm_world();
    struct alarm_sample old = {
        .present = true, .at = w->now.utc, .type = VALUE_NUMBER, .number = 1};
    world_advance(w, 100);
    world_number(w, AIR_1, 200);
    world_advance(w, 2000);
    assert_int_equal(w->raises, 1);
    world_restart(w);
    world_sample(w, AIR_1, old); /* resent from before: it said normal, then */
    world_advance(w, 5000);
    assert_int_equal(w->transitions, 1);
    world_number(w, AIR_1, 1);
    world_advance(w, 3000);
    assert_int_equal(w->last.to, ALARM_RETURNED);
    world_destroy(w);
}

static void list_revisions_go_on_where_they_were(void **state)
{
    (void)state;
    struct world *w = storm_world();
    const char *area;
    uint64_t before;
    uint64_t after;
    uint32_t listed;
    world_number(w, AIR_1, 200);
    world_number(w, AIR_2, 200);
    world_advance(w, 2000);
    assert_true(alarm_area_at(w->engine, 0, &area, &before, &listed));
    assert_int_equal(listed, 2);
    world_restart(w);
    assert_true(alarm_area_at(w->engine, 0, &area, &after, &listed));
    assert_int_equal(listed, 2);
    assert_int_equal(before, after);
    world_destroy(w);
}

/* A changed rules file: what no longer has a rule is withdrawn, what got more serious says so. */
static void rules_that_changed_over_the_restart_take_their_alarms_along(void **state)
{
    (void)state;
    struct world *w = storm_world();
    struct err e = {0};
    static const char later[] =
        "{\"version\":1,\"rules\":[{\"name\":\"high\",\"type\":\"threshold\","
        "\"where\":{\"kind\":\"pm2_5\",\"device\":\"air-2\"},\"side\":\"above\","
        "\"limits\":[{\"value\":150}],\"class\":\"environment\",\"priority\":\"critical\","
        "\"agency\":\"a\",\"text_vi\":\"v\",\"text_en\":\"e\"}]}";
    world_number(w, AIR_1, 200);
    world_number(w, AIR_2, 200);
    world_bool(w, COMMAND, true);
    world_bool(w, LAMP, false);
    world_advance(w, 2000);
    assert_int_equal(w->raises, 3);
    acknowledge(w, "high", "gw-1/air-2/pm2-5");
    rules_free(w->rules);
    assert_int_equal(rules_parse(later, strlen(later), &w->rules, &e), 0);
    world_restart(w);
    assert_int_equal(w->raises, 3);
    assert_int_equal(world_listed(w), 1);
    assert_int_equal(world_state(w, "high", "gw-1/air-2/pm2-5"), ALARM_UNACKNOWLEDGED);
    assert_int_equal(world_state(w, "high", "gw-1/air-1/pm2-5"), ALARM_NORMAL);
    world_destroy(w);
}

static void a_damaged_row_is_refused_at_every_length(void **state)
{
    (void)state;
    struct world *w = storm_world();
    world_number(w, AIR_1, 200);
    world_advance(w, 2000);
    struct world_row row = w->rows[0];
    alarm_destroy(w->engine);
    world_create_engine(w);
    for (size_t len = 0; len < row.len; len++) {
        struct err e = {0};
        assert_int_equal(alarm_restore(w->engine, row.bytes, len, w->now, &e), ERR_CORRUPT);
        assert_true(e.text[0]);
    }
    assert_int_equal(alarm_restore(w->engine, row.bytes, row.len, w->now, NULL), 0);
    assert_int_equal(alarm_restore(w->engine, row.bytes, row.len, w->now, NULL), ERR_EXISTS);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_storm_itself_is_one_occurrence_a_problem),
        cmocka_unit_test(a_restart_after_any_step_gives_no_new_occurrence_and_loses_no_clear),
        cmocka_unit_test(what_was_judged_before_the_restart_is_not_judged_again),
        cmocka_unit_test(list_revisions_go_on_where_they_were),
        cmocka_unit_test(rules_that_changed_over_the_restart_take_their_alarms_along),
        cmocka_unit_test(a_damaged_row_is_refused_at_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
