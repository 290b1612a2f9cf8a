/* Promise: between bus and spool nothing is lost unseen and nothing is made up: what is held back
 * is counted, what a device under maintenance says is marked, and a device without settings goes
 * through untouched. */
#include "tests/support/config_fixture.h"

#include <math.h>

#include "base/rng.h"
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

static void near(double got, double wanted, double by)
{
    if (!(fabs(got - wanted) <= by))
        fail_msg("%.12g, not %.12g", got, wanted);
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

/* What the centre believes of a point, from what it was sent. */
static const struct sample *believed(const struct world *w, uint16_t device, uint16_t point)
{
    for (size_t i = w->kept_count; i > 0; i--)
        if (w->kept[i - 1].device == device && w->kept[i - 1].point == point)
            return &w->kept[i - 1];
    return NULL;
}

/* --- report by exception --- */

#define VOLTAGE 0 /* points of the profile pzem-016, by address */

static uint16_t point_of(const struct world *w, uint16_t device, const char *name)
{
    for (uint16_t i = 0; i < 64; i++)
        if (strcmp(gateway_config_point(w->config, device, i).name, name) == 0)
            return i;
    fail_msg("no point %s", name);
    return 0;
}

static void a_sample_inside_the_deadband_is_held_back_and_counted(void **state)
{
    (void)state;
    struct world w;
    struct edge_stats stats;
    world_init(&w, METER("m", "1") ",\"report\":[{\"point\":\"voltage\",\"deadband\":0.5}]}");
    const double values[] = {230, 230.5, 229.5, 230.6, 230.2, 230.1, 230.0};
    for (int i = 0; i < 7; i++)
        take(&w, good(0, VOLTAGE, i * 1000, values[i]));
    assert_int_equal(w.kept_count, 3);
    assert_true(w.kept[1].value.number > 230.55);
    assert_true(w.kept[2].value.number < 230.05);
    edge_get_stats(w.edge, &stats);
    assert_int_equal(stats.suppressed, 4);
    books_balance(&w);
    world_finish(&w);
}

static void the_wider_of_the_two_deadbands_counts(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, METER("m", "1") ",\"report\":[{\"deadband\":1,\"deadband_percent\":10}]}");
    take(&w, good(0, VOLTAGE, 0, 200));
    take(&w, good(0, VOLTAGE, 1000, 219));
    take(&w, good(0, VOLTAGE, 2000, 221)); /* 10 % of 200 */
    take(&w, good(0, 1, 3000, 0.5));
    take(&w, good(0, 1, 4000, 1.4)); /* 10 % of 0.5 is less than 1 */
    assert_int_equal(w.kept_count, 3);
    assert_int_equal(w.kept[1].mono.ms, 2000);
    world_finish(&w);
}

static void a_steady_value_is_told_at_each_heartbeat(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, METER("m", "1") ",\"report\":[{\"deadband\":5,\"heartbeat_ms\":10000}]}");
    for (int i = 0; i <= 30; i++)
        take(&w, good(0, VOLTAGE, i * 1000, 230));
    assert_int_equal(w.kept_count, 4);
    assert_int_equal(w.kept[3].mono.ms, 30000);
    books_balance(&w);
    world_finish(&w);
}

static void a_change_of_quality_is_told_at_once(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, METER("m", "1") ",\"report\":[{\"deadband\":5}]}");
    take(&w, good(0, VOLTAGE, 0, 230));
    take(&w, bad(0, VOLTAGE, 1000, CAUSE_CRC));
    take(&w, bad(0, VOLTAGE, 2000, CAUSE_CRC));
    take(&w, bad(0, VOLTAGE, 3000, CAUSE_TIMEOUT));
    take(&w, good(0, VOLTAGE, 4000, 230));
    edge_maintain(w.edge, 0, QUALITY_MAINTENANCE, (struct clk_mono){6000});
    take(&w, good(0, VOLTAGE, 5000, 230));
    take(&w, good(0, VOLTAGE, 6000, 230));
    assert_int_equal(w.kept_count, 6);
    assert_int_equal(w.kept[1].cause, CAUSE_CRC);
    assert_int_equal(w.kept[2].cause, CAUSE_TIMEOUT);
    assert_int_equal(w.kept[4].quality, QUALITY_MAINTENANCE);
    assert_int_equal(w.kept[5].quality, QUALITY_GOOD);
    books_balance(&w);
    world_finish(&w);
}

static void a_device_dead_for_a_week_does_not_fill_the_spool(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, METER("m", "1") "}");
    take(&w, good(0, VOLTAGE, 0, 230));
    for (int i = 1; i <= 600; i++)
        take(&w, bad(0, VOLTAGE, i * 1000, CAUSE_TIMEOUT));
    assert_int_equal(w.kept[1].mono.ms, 1000); /* the first at once */
    assert_int_equal(w.kept_count, 1 + 10);    /* then one a minute */
    take(&w, good(0, VOLTAGE, 601000, 230));
    take(&w, good(0, VOLTAGE, 602000, 230));
    assert_int_equal(w.kept_count, 13);
    books_balance(&w);
    world_finish(&w);
}

/* --- derived points --- */

#define THREE                                                                                      \
    METER("a", "1")                                                                                \
    "}," METER("b", "2") "}," METER(                                                               \
        "c", "3") ",\"derived\":[{\"name\":\"total\",\"kind\":\"power\",\"sum\":"                  \
                  "[\"a/power\",\"b/power\",\"power\"]}]}"

static void a_sum_is_worked_out_once_all_have_come(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, THREE);
    uint16_t power = point_of(&w, 0, "power"), total = point_of(&w, 2, "total");
    for (int i = 0; i < 3; i++)
        for (uint16_t d = 0; d < 3; d++)
            take(&w, good(d, power, i * 1000 + d, 100 * (d + 1) + i));
    assert_int_equal(w.kept_count, 12);
    for (int i = 0; i < 3; i++) {
        const struct sample *s = &w.kept[i * 4 + 3];
        assert_int_equal(s->device, 2);
        assert_int_equal(s->point, total);
        near(s->value.number, 600 + 3 * i, 1e-9);
        assert_int_equal(s->mono.ms, i * 1000 + 2);
        assert_int_equal(s->at.ms, 1700000000000 + i * 1000 + 2);
    }
    books_balance(&w);
    world_finish(&w);
}

static void a_bad_source_makes_it_bad_for_its_cause(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, THREE);
    uint16_t power = point_of(&w, 0, "power");
    take(&w, good(0, power, 0, 1));
    take(&w, bad(1, power, 1, CAUSE_CRC));
    take(&w, bad(2, power, 2, CAUSE_TIMEOUT));
    const struct sample *s = &w.kept[3];
    assert_int_equal(s->quality, QUALITY_BAD);
    assert_int_equal(s->cause, CAUSE_CRC);
    assert_int_equal(s->value.type, VALUE_NONE);
    world_finish(&w);
}

static void the_worst_quality_of_the_sources_is_its_own(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, THREE);
    uint16_t power = point_of(&w, 0, "power");
    edge_maintain(w.edge, 1, QUALITY_MAINTENANCE, (struct clk_mono){5000});
    for (uint16_t d = 0; d < 3; d++)
        take(&w, good(d, power, d, 1));
    assert_int_equal(w.kept[3].device, 2);
    assert_int_equal(w.kept[3].quality, QUALITY_MAINTENANCE);
    near(w.kept[3].value.number, 3, 1e-9);
    world_finish(&w);
}

static void a_source_that_stays_away_makes_it_stale_and_does_not_hold_it_up(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, THREE);
    uint16_t power = point_of(&w, 0, "power");
    for (uint16_t d = 0; d < 3; d++)
        take(&w, good(d, power, 500 + d, 1));
    for (int i = 1; i <= 3; i++) /* one value a round: at 2001 with what is there, at 3001 stale */
        for (uint16_t d = 1; d < 3; d++)
            take(&w, good(d, power, i * 1000 + d, 1));
    assert_int_equal(w.kept_count, 4 + 6 + 2);
    assert_int_equal(w.kept[7].quality, QUALITY_GOOD);
    const struct sample *last = believed(&w, 2, point_of(&w, 2, "total"));
    assert_int_equal(last->quality, QUALITY_BAD);
    assert_int_equal(last->cause, CAUSE_STALE);
    assert_int_equal(last->mono.ms, 3001);
    take(&w, good(0, power, 3100, 1));
    last = &w.kept[w.kept_count - 1];
    assert_int_equal(last->quality, QUALITY_GOOD);
    books_balance(&w);
    world_finish(&w);
}

static void every_way_gives_what_it_says(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, METER("m", "1") ",\"derived\":["
                                   "{\"name\":\"d\",\"kind\":\"power\",\"difference\":[\"power\","
                                   "\"n/power\"]},"
                                   "{\"name\":\"e\",\"kind\":\"power\",\"mean\":[\"power\","
                                   "\"n/power\"]},"
                                   "{\"name\":\"f\",\"kind\":\"power\",\"min\":[\"power\","
                                   "\"n/power\"]},"
                                   "{\"name\":\"g\",\"kind\":\"power\",\"max\":[\"power\","
                                   "\"n/power\"],\"scale\":2},"
                                   "{\"name\":\"h\",\"kind\":\"power\",\"sum\":[\"d\",\"g\"]}"
                                   "]}," METER("n", "2") "}");
    uint16_t power = point_of(&w, 0, "power");
    double of[64] = {0};
    take(&w, good(0, power, 0, 10));
    take(&w, good(1, power, 0, 4));
    for (size_t i = 0; i < w.kept_count; i++)
        if (w.kept[i].device == 0)
            of[w.kept[i].point] = w.kept[i].value.number;
    near(of[point_of(&w, 0, "d")], 6, 1e-9);
    near(of[point_of(&w, 0, "e")], 7, 1e-9);
    near(of[point_of(&w, 0, "f")], 4, 1e-9);
    near(of[point_of(&w, 0, "g")], 20, 1e-9);
    near(of[point_of(&w, 0, "h")], 26, 1e-9);
    assert_int_equal(w.kept_count, 7);
    books_balance(&w);
    world_finish(&w);
}

static void an_impossible_result_is_bad(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, METER("m", "1") ",\"derived\":[{\"name\":\"x\",\"kind\":\"frequency\","
                                   "\"difference\":[\"frequency\",\"n/frequency\"]}]}," METER(
                                       "n", "2") "}");
    uint16_t hz = point_of(&w, 0, "frequency");
    take(&w, good(0, hz, 0, 49));
    take(&w, good(1, hz, 0, 50));
    assert_int_equal(w.kept[2].quality, QUALITY_BAD);
    assert_int_equal(w.kept[2].cause, CAUSE_RANGE);
    world_finish(&w);
}

/* --- rates --- */

#define RATE(more)                                                                                 \
    METER("m", "1")                                                                                \
    ",\"derived\":[{\"name\":\"load\",\"kind\":\"power\",\"rate\":\"energy\","                     \
    "\"per\":\"hour\",\"scale\":1000" more "}]}"

static void a_rate_is_what_the_counter_rose_in_the_time_it_took(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, RATE(""));
    uint16_t energy = point_of(&w, 0, "energy");
    take(&w, good(0, energy, 0, 5));
    assert_int_equal(w.kept_count, 1); /* nothing to compare with */
    take(&w, good(0, energy, 1000, 5.001));
    assert_int_equal(w.kept_count, 3);
    near(w.kept[2].value.number, 3600, 1e-3); /* 1 Wh in a second */
    books_balance(&w);
    world_finish(&w);
}

static void a_wrap_is_undone_and_a_restart_gives_no_rate(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, RATE(""));
    uint16_t energy = point_of(&w, 0, "energy");
    double wrap = w.config->devices[0].derived[0].wrap;
    assert_true(wrap > 0);
    take(&w, good(0, energy, 0, wrap - 0.001));
    take(&w, good(0, energy, 1000, 0.001));
    assert_int_equal(w.kept_count, 3);
    near(w.kept[2].value.number, 7200, 1);
    take(&w, good(0, energy, 2000, 100)); /* within the kind's range: the device counts so */
    take(&w, good(0, energy, 3000, 0));   /* the device restarted */
    assert_int_equal(w.kept_count, 6);
    take(&w, good(0, energy, 4000, 0.001));
    assert_int_equal(w.kept_count, 8);
    near(w.kept[7].value.number, 3600, 1e-3);
    books_balance(&w);
    world_finish(&w);
}

static void a_rate_is_bad_while_its_counter_is_and_starts_anew_after_a_silence(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, RATE(""));
    uint16_t energy = point_of(&w, 0, "energy");
    take(&w, good(0, energy, 0, 1));
    take(&w, bad(0, energy, 1000, CAUSE_TIMEOUT));
    assert_int_equal(w.kept[2].quality, QUALITY_BAD);
    assert_int_equal(w.kept[2].cause, CAUSE_TIMEOUT);
    assert_int_equal(w.kept[2].mono.ms, 1000);
    take(&w, good(0, energy, 2000, 1.002)); /* over the gap: still known */
    near(w.kept[4].value.number, 3600, 1e-3);
    take(&w, good(0, energy, 9000, 1.5));
    assert_int_equal(w.kept_count, 6);
    take(&w, good(0, energy, 10000, 1.501));
    near(w.kept[7].value.number, 3600, 1e-3);
    books_balance(&w);
    world_finish(&w);
}

static void a_coarse_counter_gives_a_calm_rate_over_a_longer_time(void **state)
{
    (void)state;
    struct world w;
    unsigned rates = 0;
    world_init(&w, RATE(",\"over_ms\":10000"));
    uint16_t energy = point_of(&w, 0, "energy");
    for (int i = 0; i <= 60; i++)
        take(&w, good(0, energy, i * 1000, floor(i / 5.0) * 0.01));
    for (size_t i = 0; i < w.kept_count; i++) {
        if (w.kept[i].point == energy)
            continue;
        rates++;
        near(w.kept[i].value.number, 7200, 1e-3);
    }
    assert_int_equal(rates, 6);
    assert_int_equal(w.config->devices[0].derived[0].period_ms, 10000);
    world_finish(&w);
}

/* --- the books, whatever comes --- */

#define MIXED                                                                                      \
    METER("a", "1")                                                                                \
    ",\"report\":[{\"deadband\":2,\"heartbeat_ms\":5000}],\"derived\":["                           \
    "{\"name\":\"x\",\"kind\":\"power\",\"sum\":[\"power\",\"b/power\"]},"                         \
    "{\"name\":\"y\",\"kind\":\"power\",\"rate\":\"energy\",\"scale\":1000}]}," METER(             \
        "b", "2") ",\"report\":[{\"point\":\"power\",\"deadband_percent\":5}],"                    \
                  "\"derived\":[{\"name\":\"z\",\"kind\":\"power\",\"max\":[\"a/x\","              \
                  "\"power\"]}]}," METER("c", "3") "}"

static struct sample any_sample(struct rng *rng, int64_t ms)
{
    uint16_t device = (uint16_t)rng_below(rng, 3), point = (uint16_t)rng_below(rng, 6);
    if (rng_below(rng, 5) == 0)
        return bad(device, point, ms, (enum cause)(CAUSE_TIMEOUT + rng_below(rng, 6)));
    struct sample s = good(device, point, ms, (double)rng_below(rng, 40));
    s.quality = (enum quality)rng_below(rng, QUALITY_BAD);
    return s;
}

static void whatever_comes_the_books_balance_and_the_centre_is_not_misled(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct world w;
        struct rng rng;
        int64_t ms = 0;
        rng_init(&rng, seed);
        world_init(&w, MIXED);
        for (int i = 0; i < 800; i++) {
            ms += (int64_t)rng_below(&rng, 1500);
            if (rng_below(&rng, 50) == 0)
                edge_maintain(w.edge, (uint16_t)rng_below(&rng, 3), QUALITY_MAINTENANCE,
                              (struct clk_mono){ms + (int64_t)rng_below(&rng, 9000)});
            struct sample s = any_sample(&rng, ms);
            enum quality q;
            struct clk_mono until = edge_maintained(w.edge, s.device, &q);
            bool marked = q != QUALITY_GOOD && until.ms > ms;
            take(&w, s);
            books_balance(&w);
            const struct sample *b = believed(&w, s.device, s.point);
            assert_non_null(b);
            if (s.quality == QUALITY_BAD) {
                assert_int_equal(b->quality, QUALITY_BAD);
                assert_int_equal(b->cause, marked ? CAUSE_MAINTENANCE : s.cause);
                assert_true(ms - b->mono.ms < EDGE_BAD_HEARTBEAT_MS);
            } else {
                assert_int_equal(b->quality, marked ? QUALITY_MAINTENANCE : s.quality);
                if (s.device == 2) /* no settings: the very sample */
                    assert_int_equal(b->mono.ms, ms);
                if (s.device == 0)
                    assert_true(fabs(b->value.number - s.value.number) <= 2);
                if (s.device == 0)
                    assert_true(ms - b->mono.ms < 5000);
            }
        }
        world_finish(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_settings_every_sample_is_kept_as_it_came),
        cmocka_unit_test(maintenance_marks_what_is_usable_until_its_own_end),
        cmocka_unit_test(maintenance_can_be_prolonged_and_ended_early),
        cmocka_unit_test(a_sample_inside_the_deadband_is_held_back_and_counted),
        cmocka_unit_test(the_wider_of_the_two_deadbands_counts),
        cmocka_unit_test(a_steady_value_is_told_at_each_heartbeat),
        cmocka_unit_test(a_change_of_quality_is_told_at_once),
        cmocka_unit_test(a_device_dead_for_a_week_does_not_fill_the_spool),
        cmocka_unit_test(a_sum_is_worked_out_once_all_have_come),
        cmocka_unit_test(a_bad_source_makes_it_bad_for_its_cause),
        cmocka_unit_test(the_worst_quality_of_the_sources_is_its_own),
        cmocka_unit_test(a_source_that_stays_away_makes_it_stale_and_does_not_hold_it_up),
        cmocka_unit_test(every_way_gives_what_it_says),
        cmocka_unit_test(an_impossible_result_is_bad),
        cmocka_unit_test(a_rate_is_what_the_counter_rose_in_the_time_it_took),
        cmocka_unit_test(a_wrap_is_undone_and_a_restart_gives_no_rate),
        cmocka_unit_test(a_rate_is_bad_while_its_counter_is_and_starts_anew_after_a_silence),
        cmocka_unit_test(a_coarse_counter_gives_a_calm_rate_over_a_longer_time),
        cmocka_unit_test(whatever_comes_the_books_balance_and_the_centre_is_not_misled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
