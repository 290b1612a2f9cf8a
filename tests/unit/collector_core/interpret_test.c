/*
 * Promise 4, now before then, and PROTOCOL "Series": a pack means something only under its own
 * configuration, and a sample is about now only by its own time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "collector/core/ingest/interpret.h"
#include "model/description.h"

#define NOW INT64_C(1795000000000)
#define AIR                                                                                        \
    "{\"device\":\"air-1\",\"profile\":\"p\",\"points\":["                                         \
    "{\"name\":\"pm2-5\",\"kind\":\"pm2_5\",\"unit\":\"ug/m3\",\"type\":\"number\","               \
    "\"period_ms\":1000},"                                                                         \
    "{\"name\":\"odd\",\"kind\":\"from_the_future\",\"unit\":\"\",\"type\":\"number\","            \
    "\"period_ms\":1000}]}"
#define AIR_2                                                                                      \
    "{\"device\":\"air-1\",\"profile\":\"p\",\"points\":["                                         \
    "{\"name\":\"pm2-5\",\"kind\":\"pm10\",\"unit\":\"ug/m3\",\"type\":\"number\","                \
    "\"period_ms\":1000}]}"
#define ROAD                                                                                       \
    "{\"device\":\"road\",\"profile\":\"p\",\"points\":["                                          \
    "{\"name\":\"count\",\"kind\":\"vehicle_count\",\"unit\":\"1\",\"type\":\"counter\","          \
    "\"period_ms\":1000,\"wrap\":65536}]}"
#define ROAD_HEARTBEAT                                                                             \
    "{\"device\":\"road\",\"profile\":\"p\",\"points\":["                                          \
    "{\"name\":\"count\",\"kind\":\"vehicle_count\",\"unit\":\"1\",\"type\":\"counter\","          \
    "\"period_ms\":60000,\"wrap\":65536}]}"
#define CONF_1 "1111111111111111"
#define CONF_2 "2222222222222222"

struct notes {
    char bound[8][96]; /* "area gateway/device/point kind"; empty when retired */
    size_t count;
    unsigned retired, settled;
    char conf[PACK_CONF_SIZE];
    unsigned samples;
    int64_t handle;
    struct alarm_sample last;
    uint32_t period_ms[8];
};

static int64_t note_bind(void *user, const char *area, const char *gateway, const char *device,
                         const char *point, const struct kind *kind)
{
    struct notes *n = user;
    snprintf(n->bound[n->count], sizeof(n->bound[0]), "%s %s/%s/%s %s", area, gateway, device,
             point, kind->name);
    return (int64_t)n->count++;
}

static void note_pace(void *user, int64_t handle, uint32_t period_ms)
{
    struct notes *n = user;
    n->period_ms[handle] = period_ms;
}

static void note_retire(void *user, int64_t handle)
{
    struct notes *n = user;
    assert_true(n->bound[handle][0]);
    n->bound[handle][0] = '\0';
    n->retired++;
}

static void note_settled(void *user, const char *gateway, const char *conf)
{
    struct notes *n = user;
    assert_string_equal(gateway, "gw-1");
    n->settled++;
    snprintf(n->conf, sizeof(n->conf), "%s", conf);
}

static void note_sample(void *user, int64_t handle, const struct alarm_sample *sample)
{
    struct notes *n = user;
    n->samples++;
    n->handle = handle;
    n->last = *sample;
}

static struct interpret *create(struct notes *n)
{
    const struct interpret_options options = {.gateways_max = 2, .live_age_max_ms = 60000};
    const struct interpret_ops ops = {.bind = note_bind,
                                      .pace = note_pace,
                                      .retire = note_retire,
                                      .settled = note_settled,
                                      .sample = note_sample,
                                      .user = n};
    struct interpret *ip = NULL;
    *n = (struct notes){0};
    assert_int_equal(interpret_create(&options, &ops, &ip, NULL), 0);
    return ip;
}

static int be_born(struct interpret *ip, const char *conf, const char *air, const char *road)
{
    struct gateway_birth b = {0};
    struct err e = {0};
    const char *texts[] = {air, road};
    static const char *const names[] = {"air-1", "road"};
    snprintf(b.conf, sizeof(b.conf), "%s", conf);
    for (size_t i = 0; i < 2; i++) {
        if (!texts[i])
            continue;
        snprintf(b.devices[b.device_count].name, NAME_SIZE, "%s", names[i]);
        description_hash(texts[i], strlen(texts[i]), b.devices[b.device_count].hash);
        b.device_count++;
    }
    return interpret_birth(ip, "tan-phong", "gw-1", &b, &e);
}

static int describe(struct interpret *ip, const char *conf, const char *text)
{
    return interpret_description(ip, "gw-1", conf, text, strlen(text), NULL);
}

/* One data pack with one record, written and read as on the wire. */
static enum interpret_result offer(struct interpret *ip, const char *conf, const char *device,
                                   const char *point, struct sample s)
{
    static char memory[4096];
    struct pack_head head = {
        .gateway = "gw-1", .epoch = 1, .seq = 1, .low = 1, .kind = PACK_DATA, .base = {NOW}};
    struct pack_writer w;
    struct pack pack;
    struct err e = {0};
    const struct alarm_now now = {.utc = {NOW}, .mono = {1000}};
    snprintf(head.conf, sizeof(head.conf), "%s", conf);
    pack_begin(&w, memory, sizeof(memory), &head);
    assert_int_equal(pack_add(&w, device, point, &s), 0);
    int64_t len = pack_end(&w);
    if (pack_parse(memory, (size_t)len, "gw-1", &pack, &e) < 0)
        fail_msg("%s", e.text);
    enum interpret_result result = interpret_pack(ip, &pack, now);
    pack_free(&pack);
    return result;
}

static struct sample number(int64_t at_ms, double v)
{
    return (struct sample){.at = {at_ms}, .value = {.type = VALUE_NUMBER, .number = v}};
}

static void nothing_is_interpreted_before_it_is_described(void **state)
{
    (void)state;
    struct notes n;
    struct interpret *ip = create(&n);
    assert_int_equal(offer(ip, CONF_1, "air-1", "pm2-5", number(NOW, 1)), INTERPRET_UNKNOWN);
    assert_int_equal(be_born(ip, CONF_1, AIR, ROAD), 2);
    assert_int_equal(offer(ip, CONF_1, "air-1", "pm2-5", number(NOW, 1)), INTERPRET_UNKNOWN);
    assert_int_equal(describe(ip, CONF_1, AIR), 0);
    assert_int_equal(n.settled, 0);
    assert_int_equal(describe(ip, CONF_1, ROAD), 0);
    assert_int_equal(n.settled, 1);
    assert_string_equal(n.conf, CONF_1);
    assert_int_equal(n.count, 2); /* the kind from the future is stored, not watched */
    assert_string_equal(n.bound[0], "tan-phong gw-1/air-1/pm2-5 pm2_5");
    assert_int_equal(n.samples, 0);
    assert_int_equal(offer(ip, CONF_1, "air-1", "pm2-5", number(NOW, 23.5)), INTERPRET_DONE);
    assert_int_equal(n.samples, 1);
    assert_int_equal(n.handle, 0);
    assert_true(n.last.present && n.last.number == 23.5);
    assert_int_equal(offer(ip, CONF_1, "air-1", "odd", number(NOW, 1)), INTERPRET_DONE);
    assert_int_equal(offer(ip, CONF_2, "air-1", "pm2-5", number(NOW, 1)), INTERPRET_UNKNOWN);
    assert_int_equal(n.samples, 1);
    interpret_destroy(ip);
}

static void a_description_that_is_not_the_announced_one_is_refused(void **state)
{
    (void)state;
    struct notes n;
    struct interpret *ip = create(&n);
    struct err e = {0};
    assert_int_equal(be_born(ip, CONF_1, AIR, NULL), 1);
    assert_int_equal(interpret_description(ip, "gw-1", CONF_1, AIR_2, strlen(AIR_2), &e),
                     ERR_MISMATCH);
    assert_non_null(strstr(e.text, "air-1"));
    assert_int_equal(describe(ip, CONF_1, ROAD), ERR_MISMATCH);
    assert_int_equal(describe(ip, CONF_1, "{}"), ERR_INVALID);
    assert_int_equal(describe(ip, CONF_2, AIR), 0); /* of another configuration: history */
    assert_int_equal(n.count, 0);
    interpret_destroy(ip);
}

static void a_changed_kind_is_another_series_and_the_same_one_stays(void **state)
{
    (void)state;
    struct notes n;
    struct interpret *ip = create(&n);
    be_born(ip, CONF_1, AIR, ROAD);
    describe(ip, CONF_1, AIR);
    describe(ip, CONF_1, ROAD);
    assert_int_equal(be_born(ip, CONF_2, AIR_2, ROAD), 1); /* the road's hash is known */
    assert_int_equal(describe(ip, CONF_2, AIR_2), 0);
    assert_int_equal(n.retired, 1);
    assert_int_equal(n.count, 3);
    assert_string_equal(n.bound[2], "tan-phong gw-1/air-1/pm2-5 pm10");
    assert_string_equal(n.bound[1], "tan-phong gw-1/road/count vehicle_count");
    assert_int_equal(n.settled, 2);
    /* A pack of the configuration before is history: known, and not about now. */
    assert_int_equal(offer(ip, CONF_1, "air-1", "pm2-5", number(NOW, 1)), INTERPRET_DONE);
    assert_int_equal(n.samples, 0);
    assert_int_equal(be_born(ip, CONF_1, NULL, ROAD), 0);
    assert_int_equal(n.retired, 2);
    interpret_destroy(ip);
}

static void how_often_a_point_is_told_follows_its_description(void **state)
{
    (void)state;
    struct notes n;
    struct interpret *ip = create(&n);
    be_born(ip, CONF_1, NULL, ROAD);
    describe(ip, CONF_1, ROAD);
    assert_int_equal(n.period_ms[0], 1000);
    be_born(ip, CONF_2, NULL, ROAD_HEARTBEAT);
    describe(ip, CONF_2, ROAD_HEARTBEAT);
    assert_int_equal(n.count, 1); /* the same series */
    assert_int_equal(n.period_ms[0], 60000);
    interpret_destroy(ip);
}

static void only_the_newest_of_about_now_is_present(void **state)
{
    (void)state;
    struct notes n;
    struct interpret *ip = create(&n);
    be_born(ip, CONF_1, AIR, NULL);
    describe(ip, CONF_1, AIR);
    static const struct {
        int64_t at;
        bool present;
    } rows[] = {
        {1000, false},                          /* 1970 */
        {INT64_C(2082758400000), false},        /* 2036 */
        {NOW + INTERPRET_FUTURE_MS + 1, false}, /* and did not move the series' last: */
        {NOW - 60000, false},                   /* too old by a hair */
        {NOW - 59999, true},
        {NOW - 59999, false}, /* the same again is not newer */
        {NOW - 100, true},
        {NOW - 101, false},
        {NOW + INTERPRET_FUTURE_MS, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        offer(ip, CONF_1, "air-1", "pm2-5", number(rows[i].at, 1));
        assert_int_equal(n.samples, i + 1);
        assert_int_equal(n.last.present, rows[i].present);
    }
    interpret_destroy(ip);
}

static void a_counter_is_differenced_by_present_samples_alone(void **state)
{
    (void)state;
    struct notes n;
    struct interpret *ip = create(&n);
    be_born(ip, CONF_1, NULL, ROAD);
    describe(ip, CONF_1, ROAD);
    offer(ip, CONF_1, "road", "count", number(NOW - 5000, 65530));
    assert_false(n.last.has_increase);
    offer(ip, CONF_1, "road", "count", number(NOW - 90000, 3)); /* history */
    assert_false(n.last.has_increase);
    offer(ip, CONF_1, "road", "count",
          (struct sample){.at = {NOW - 4000}, .quality = QUALITY_BAD, .cause = CAUSE_TIMEOUT});
    assert_true(n.last.present && n.last.quality == QUALITY_BAD && !n.last.has_increase);
    offer(ip, CONF_1, "road", "count", number(NOW - 3000, 4));
    assert_true(n.last.has_increase && n.last.increase == 10);
    offer(ip, CONF_1, "road", "count", number(NOW - 2000, 1));
    assert_false(n.last.has_increase);
    interpret_destroy(ip);
}

/* After a restart the retained birth decides; what it still announces need not be asked for. */
static void what_was_stored_is_bound_when_the_birth_confirms_it(void **state)
{
    (void)state;
    struct notes n;
    struct interpret *ip = create(&n);
    assert_int_equal(interpret_restore(ip, "gw-1", CONF_1, AIR, strlen(AIR), NULL), 0);
    assert_int_equal(interpret_restore(ip, "gw-1", CONF_2, AIR_2, strlen(AIR_2), NULL), 0);
    assert_int_equal(interpret_restore(ip, "gw-1", CONF_2, ROAD, strlen(ROAD), NULL), 0);
    assert_int_equal(n.count, 0);
    assert_int_equal(be_born(ip, CONF_2, AIR_2, ROAD), 0);
    assert_int_equal(n.count, 2);
    assert_int_equal(n.settled, 1);
    assert_int_equal(n.retired, 0);
    assert_int_equal(offer(ip, CONF_2, "air-1", "pm2-5", number(NOW, 1)), INTERPRET_DONE);
    assert_int_equal(n.samples, 1);
    assert_int_equal(be_born(ip, CONF_1, AIR, ROAD), 1); /* it is another by now: ask */
    interpret_destroy(ip);
}

static void more_gateways_than_the_limit_are_refused_by_name(void **state)
{
    (void)state;
    struct notes n;
    struct interpret *ip = create(&n);
    const struct gateway_birth b = {.conf = CONF_1};
    struct err e = {0};
    assert_int_equal(interpret_birth(ip, "a", "gw-1", &b, &e), 0);
    assert_int_equal(interpret_birth(ip, "a", "gw-1", &b, &e), 0);
    assert_int_equal(n.settled, 2);
    assert_int_equal(be_born(ip, CONF_1, NULL, NULL), 0);
    for (int i = 0; i < 2; i++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof(name), "other-%d", i);
        const struct gateway_birth empty = {.conf = CONF_1, .device_count = 1};
        int rc = interpret_birth(ip, "a", name, &empty, &e);
        assert_true(i == 0 ? rc == 1 : rc == ERR_FULL);
    }
    assert_non_null(strstr(e.text, "gateways_max"));
    interpret_destroy(ip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_interpreted_before_it_is_described),
        cmocka_unit_test(a_description_that_is_not_the_announced_one_is_refused),
        cmocka_unit_test(a_changed_kind_is_another_series_and_the_same_one_stays),
        cmocka_unit_test(how_often_a_point_is_told_follows_its_description),
        cmocka_unit_test(only_the_newest_of_about_now_is_present),
        cmocka_unit_test(a_counter_is_differenced_by_present_samples_alone),
        cmocka_unit_test(what_was_stored_is_bound_when_the_birth_confirms_it),
        cmocka_unit_test(more_gateways_than_the_limit_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
