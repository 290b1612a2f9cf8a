/*
 * Promise 5 under random weather: against a second, naive engine that knows one rule and one point,
 * seeded events never give two alarms of one (rule, object), occurrences rise on raises only and by
 * one, revisions by one at each change, and the condition is followed exactly.
 */
#include "alarm_world.h"

#include "base/rng.h"

#define LIMIT    100.0
#define DEADBAND 10.0
#define ON_MS    2000
#define OFF_MS   3000
#define THRESHOLD                                                                                  \
    "{\"name\":\"high\",\"type\":\"threshold\",\"where\":{\"kind\":\"pm2_5\"},\"side\":\"above\"," \
    "\"limits\":[{\"value\":100}],\"deadband\":10,\"on_delay_s\":2,\"off_delay_s\":3," RULE_TAIL
#define EVENTS 4000
#define SEEDS  10
#define POINTS 6

/* The rule in its plainest words: since when has the newest usable sample been on which side? */
struct reference {
    bool active, usable, abnormal_known, abnormal;
    int64_t since; /* of the present side */
    uint64_t occurrence;
};

static void reference_decide(struct reference *r, int64_t now)
{
    if (!r->usable || !r->abnormal_known)
        return;
    if (!r->active && r->abnormal && now - r->since >= ON_MS) {
        r->active = true;
        r->occurrence++;
    } else if (r->active && !r->abnormal && now - r->since >= OFF_MS) {
        r->active = false;
    }
}

static void reference_sample(struct reference *r, bool bad, double v, int64_t now)
{
    r->usable = !bad;
    if (bad)
        return;
    bool abnormal = v > (r->active ? LIMIT - DEADBAND : LIMIT);
    if (!r->abnormal_known || abnormal != r->abnormal)
        r->since = now;
    r->abnormal_known = true;
    r->abnormal = abnormal;
    reference_decide(r, now);
}

/* Watches over every transition of the whole run. */
struct watchman {
    struct world *world;
    size_t known;
    struct {
        char id[NAME_SIZE];
        enum alarm_state state;
        uint64_t occurrence, revision;
    } alarms[POINTS];
    uint64_t list_revision;
};

static void look(void *user, const struct alarm_transition *t)
{
    struct watchman *m = user;
    size_t i = 0;
    while (i < m->known && strcmp(m->alarms[i].id, t->alert.id) != 0)
        i++;
    assert_true(i < POINTS);
    if (i == m->known)
        snprintf(m->alarms[m->known++].id, NAME_SIZE, "%s", t->alert.id);
    assert_int_equal(t->from, m->alarms[i].state);
    assert_int_equal(t->alert.occurrence, m->alarms[i].occurrence + (t->raise ? 1 : 0));
    assert_int_equal(t->alert.revision, m->alarms[i].revision + 1);
    assert_int_equal(t->alert.list_revision, ++m->list_revision);
    assert_true(!t->raise || t->to == ALARM_UNACKNOWLEDGED);
    m->alarms[i].state = t->to;
    m->alarms[i].occurrence = t->alert.occurrence;
    m->alarms[i].revision = t->alert.revision;
    world_store(m->world, t);
}

static void acknowledge_one(struct world *w, size_t point)
{
    const struct access_member lan = world_operator("lan");
    struct operator_request r = {.id = "r"};
    struct operator_reply reply;
    struct alert a;
    char object[3 * NAME_SIZE];
    snprintf(object, sizeof(object), "gw-1/%s/pm2-5", w->points[point].device);
    alarm_id("high", object, r.alert);
    if (alarm_find(w->engine, r.alert, &a) < 0)
        return;
    r.occurrence = a.occurrence;
    r.revision = a.revision;
    alarm_step_request(w->engine, &lan, &r, w->now, &reply);
}

static bool condition_of(const struct world *w, size_t point, uint64_t *occurrence)
{
    struct alert a;
    char id[NAME_SIZE];
    char object[3 * NAME_SIZE];
    snprintf(object, sizeof(object), "gw-1/%s/pm2-5", w->points[point].device);
    alarm_id("high", object, id);
    assert_int_equal(alarm_find(w->engine, id, &a), 0);
    *occurrence = a.occurrence;
    return a.state == ALARM_UNACKNOWLEDGED || a.state == ALARM_ACKNOWLEDGED;
}

static void check(const struct world *w, const struct reference *refs, uint64_t seed, int event)
{
    for (size_t i = 0; i < POINTS; i++) {
        uint64_t occurrence;
        bool active = condition_of(w, i, &occurrence);
        if (active != refs[i].active || occurrence != refs[i].occurrence)
            fail_msg("seed %llu, event %d, point %zu: engine %d #%llu, reference %d #%llu",
                     (unsigned long long)seed, event, i, active, (unsigned long long)occurrence,
                     refs[i].active, (unsigned long long)refs[i].occurrence);
    }
}

/* Time passes in small steps, so that the reference need not know about timers. */
static void pass(struct world *w, struct reference *refs, int64_t ms)
{
    for (; ms > 0; ms -= 100) {
        world_advance(w, 100);
        for (size_t i = 0; i < POINTS; i++)
            reference_decide(&refs[i], w->now.mono.ms);
    }
}

static void one_event(struct world *w, struct reference *refs, struct rng *rng)
{
    size_t point = rng_below(rng, POINTS);
    double v = 80 + (double)rng_below(rng, 45);
    switch (rng_below(rng, 10)) {
    case 0:
        world_bad(w, point);
        reference_sample(&refs[point], true, 0, w->now.mono.ms);
        break;
    case 1: /* a sample of another time, however extreme, is nothing to either */
        world_sample(w, point,
                     (struct alarm_sample){.at = {(int64_t)rng_below(rng, 1u << 31) * 1000},
                                           .type = VALUE_NUMBER,
                                           .number = v > 100 ? 1e6 : -1e6});
        break;
    case 2:
        acknowledge_one(w, point);
        break;
    case 3:
        pass(w, refs, (int64_t)rng_below(rng, 40) * 100);
        break;
    default:
        world_number(w, point, v);
        reference_sample(&refs[point], false, v, w->now.mono.ms);
        break;
    }
}

static void random_events_follow_the_reference(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = world_create(THRESHOLD);
        struct watchman man = {.world = w};
        struct reference refs[POINTS] = {{0}};
        struct rng rng;
        const struct alarm_limits limits = {.areas = 1, .gateways = 1, .series = 8, .alarms = 8};
        const struct alarm_sink sink = {.transition = look, .user = &man};
        rng_init(&rng, seed);
        alarm_destroy(w->engine);
        assert_int_equal(alarm_create(w->rules, &limits, &sink, &w->engine, NULL), 0);
        size_t g = world_gateway(w, "tan-phong", "gw-1");
        for (int i = 0; i < POINTS; i++) {
            char name[NAME_SIZE];
            snprintf(name, sizeof(name), "air-%d", i);
            world_point(w, g, name, "pm2-5", "pm2_5");
        }
        for (int event = 0; event < EVENTS; event++) {
            one_event(w, refs, &rng);
            check(w, refs, seed, event);
        }
        assert_true(w->raises > 10);
        world_destroy(w);
    }
}

static void count_one(void *user, const struct alarm_transition *t)
{
    *(size_t *)user += t->raise;
}

/* Ten thousand standing alarms are within what a collector is sized for. */
static void ten_thousand_alarms_stand_at_once(void **state)
{
    (void)state;
    enum { DEVICES = 10000 };
    struct world *w = world_create(THRESHOLD);
    const struct alarm_limits limits = {
        .areas = 1, .gateways = 1, .series = DEVICES, .alarms = DEVICES};
    struct alert a;
    size_t cursor = 0;
    size_t count = 0;
    const struct alarm_sink silent = {.transition = count_one, .user = &count};
    alarm_destroy(w->engine);
    assert_int_equal(alarm_create(w->rules, &limits, &silent, &w->engine, NULL), 0);
    int64_t g = alarm_bind_gateway(w->engine, "a", "gw-1", w->now, NULL);
    const struct alarm_sample s = {
        .present = true, .at = w->now.utc, .type = VALUE_NUMBER, .number = 500};
    for (int i = 0; i < DEVICES; i++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof(name), "air-%d", i);
        int64_t series =
            alarm_bind_series(w->engine, g, name, "pm2-5", kind_find("pm2_5"), w->now, NULL);
        assert_int_equal(series, i);
        alarm_step_sample(w->engine, series, &s, w->now);
    }
    w->now.mono.ms += ON_MS;
    alarm_step_time(w->engine, w->now);
    assert_int_equal(count, DEVICES);
    count = 0;
    while (alarm_next_listed(w->engine, "a", &cursor, &a))
        count++;
    assert_int_equal(count, DEVICES);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_events_follow_the_reference),
        cmocka_unit_test(ten_thousand_alarms_stand_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
