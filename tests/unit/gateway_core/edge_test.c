/* Promise: between bus and spool nothing is lost unseen and nothing is made up: what is held back
 * is counted, what a device under maintenance says is marked, and a device without settings goes
 * through untouched. */
#include "tests/support/config_fixture.h"

#include "gateway/core/edge.h"

#define KEPT_MAX 4096

#define HEAD                                                                                       \
    "{\"gateway\":\"g\",\"area\":\"a\",\"profiles\":\"shared/data/profiles\",\"broker\":"          \
    "{\"host\":\"b\",\"ca\":\"/c\",\"cert\":\"/d\",\"key\":\"/k\"},"                               \
    "\"buses\":[{\"name\":\"l\",\"type\":\"rtu\",\"device\":\"/dev/x\"}],"
#define METER(name, unit)                                                                          \
    "{\"name\":\"" name "\",\"profile\":\"pzem-016\",\"bus\":\"l\",\"unit\":" unit

struct world {
    struct gateway_config *config;
    struct edge *edge;
    struct sample kept[KEPT_MAX];
    size_t kept_count;
};

static void keep(void *owner, const struct sample *s)
{
    struct world *w = owner;
    assert_true(w->kept_count < KEPT_MAX);
    w->kept[w->kept_count++] = *s;
}

static void world_init(struct world *w, const char *devices)
{
    char text[4096];
    struct err e = {0};
    *w = (struct world){0};
    snprintf(text, sizeof(text), HEAD "\"devices\":[%s]}", devices);
    if (gateway_config_parse(text, strlen(text), &fixture_files, &w->config, NULL, &e))
        fail_msg("%s", e.text);
    assert_int_equal(edge_create(w->config, keep, w, &w->edge, &e), 0);
}

static void world_finish(struct world *w)
{
    edge_destroy(w->edge);
    gateway_config_free(w->config);
}

static struct sample good(uint16_t device, uint16_t point, int64_t ms, double v)
{
    return (struct sample){.device = device,
                           .point = point,
                           .at = {1700000000000 + ms},
                           .mono = {ms},
                           .value = {.type = VALUE_NUMBER, .number = v}};
}

static struct sample bad(uint16_t device, uint16_t point, int64_t ms, enum cause cause)
{
    struct sample s = good(device, point, ms, 0);
    s.quality = QUALITY_BAD;
    s.cause = cause;
    s.value = (struct value){0};
    return s;
}

static void take(struct world *w, struct sample s)
{
    edge_take(w->edge, &s);
}

static void books_balance(const struct world *w)
{
    struct edge_stats s;
    edge_get_stats(w->edge, &s);
    assert_int_equal(s.read + s.derived - s.suppressed, w->kept_count);
}

static void without_settings_every_sample_is_kept_as_it_came(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, METER("m", "1") "}");
    for (int i = 0; i < 100; i++)
        take(&w, good(0, (uint16_t)(i % 3), i * 1000, 230));
    assert_int_equal(w.kept_count, 100);
    assert_int_equal(w.kept[99].quality, QUALITY_GOOD);
    assert_int_equal(w.kept[99].mono.ms, 99000);
    books_balance(&w);
    world_finish(&w);
}

static void maintenance_marks_what_is_usable_until_its_own_end(void **state)
{
    (void)state;
    struct world w;
    enum quality q;
    world_init(&w, METER("m", "1") "}," METER("n", "2") "}");
    assert_int_equal(edge_maintained(w.edge, 0, &q).ms, CLK_NEVER.ms);
    assert_int_equal(q, QUALITY_GOOD);
    edge_maintain(w.edge, 0, QUALITY_CALIBRATION, (struct clk_mono){5000});
    assert_int_equal(edge_maintained(w.edge, 0, &q).ms, 5000);
    assert_int_equal(q, QUALITY_CALIBRATION);
    take(&w, good(0, 0, 1000, 1));
    take(&w, good(1, 0, 1000, 1));
    take(&w, bad(0, 0, 2000, CAUSE_TIMEOUT));
    take(&w, good(0, 0, 4999, 1));
    take(&w, good(0, 0, 5000, 1));
    assert_int_equal(w.kept[0].quality, QUALITY_CALIBRATION);
    assert_int_equal(w.kept[1].quality, QUALITY_GOOD);
    assert_int_equal(w.kept[2].quality, QUALITY_BAD);
    assert_int_equal(w.kept[3].quality, QUALITY_CALIBRATION);
    assert_int_equal(w.kept[4].quality, QUALITY_GOOD);
    assert_int_equal(edge_maintained(w.edge, 0, &q).ms, CLK_NEVER.ms);
    books_balance(&w);
    world_finish(&w);
}

static void maintenance_can_be_prolonged_and_ended_early(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, METER("m", "1") "}");
    edge_maintain(w.edge, 0, QUALITY_MAINTENANCE, (struct clk_mono){2000});
    edge_maintain(w.edge, 0, QUALITY_MAINTENANCE, (struct clk_mono){9000});
    take(&w, good(0, 0, 3000, 1));
    edge_maintain(w.edge, 0, QUALITY_MAINTENANCE, (struct clk_mono){0});
    take(&w, good(0, 0, 4000, 1));
    assert_int_equal(w.kept[0].quality, QUALITY_MAINTENANCE);
    assert_int_equal(w.kept[1].quality, QUALITY_GOOD);
    world_finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_settings_every_sample_is_kept_as_it_came),
        cmocka_unit_test(maintenance_marks_what_is_usable_until_its_own_end),
        cmocka_unit_test(maintenance_can_be_prolonged_and_ended_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
