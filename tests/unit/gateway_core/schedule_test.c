/* Promise: a lamp's schedule is right at every instant: over midnight, when a clock step overtakes
 * the sunset in high summer, on the calendar's exceptions; and between an instant and the `next` it
 * gives nothing changes, for any schedule whatever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "gateway/core/control/schedule.h"

#define HEAD                                                                                       \
    "{\"v\":1,\"revision\":1,\"gateway\":\"gw-1\",\"position\":{\"latitude\":22.3992,"             \
    "\"longitude\":103.4392},\"schedules\":[{\"name\":\"s\","
#define ON(at)  "{\"at\":\"" at "\",\"value\":true}"
#define OFF(at) "{\"at\":\"" at "\",\"value\":false}"
#define HOUR_MS 3600000
#define DAY_MS  86400000

static struct control *parse(const char *text)
{
    struct control *c;
    struct err e = {0};
    if (control_parse(text, strlen(text), &c, &e) != 0)
        fail_msg("%s: %s", text, e.text);
    return c;
}

/* Local time in Viet Nam, "2026-06-21T18:30". */
static struct clk_utc local(const char *text)
{
    char whole[CLK_UTC_TEXT];
    struct clk_utc t;
    snprintf(whole, sizeof(whole), "%s:00.000Z", text);
    assert_int_equal(clk_utc_parse(whole, &t), 0);
    t.ms -= 7 * HOUR_MS;
    return t;
}

static struct schedule_state at(const struct control *c, const char *text)
{
    struct schedule_state s;
    schedule_at(&c->schedules[0], c, local(text), &s);
    assert_true(s.known);
    return s;
}

static bool on(const struct control *c, const char *text)
{
    return at(c, text).value.boolean;
}

static void a_night_is_one_night_over_midnight(void **state)
{
    (void)state;
    struct control *c =
        parse(HEAD "\"steps\":[" ON("sunset-00:15") "," OFF("sunrise+00:10") "]}]}");
    assert_false(on(c, "2026-12-22T17:12")); /* the sun sets at 17:28 */
    assert_true(on(c, "2026-12-22T17:14"));
    assert_true(on(c, "2026-12-22T23:59"));
    assert_true(on(c, "2026-12-23T00:00"));
    assert_true(on(c, "2026-12-23T06:51")); /* and rises at 06:42 */
    assert_false(on(c, "2026-12-23T06:54"));
    struct schedule_state s = at(c, "2026-12-23T00:00");
    assert_in_range(s.since.ms, local("2026-12-22T17:12").ms, local("2026-12-22T17:14").ms);
    assert_in_range(s.next.ms, local("2026-12-23T06:51").ms, local("2026-12-23T06:54").ms);
    control_free(c);
}

/* In June the sun sets at 18:53, after the clock's step; in December before it. */
static void the_clock_may_overtake_the_sun(void **state)
{
    (void)state;
    struct control *c = parse(HEAD "\"steps\":[" ON("sunset") ",{\"at\":\"18:30\",\"value\":50},"
                                                              "{\"at\":\"05:00\",\"value\":0}]}]}");
    assert_int_equal(at(c, "2026-06-21T18:40").value.number, 50);
    assert_true(on(c, "2026-06-21T18:55"));
    assert_int_equal(at(c, "2026-06-21T18:55").value.type, VALUE_BOOL);
    assert_true(on(c, "2026-12-22T17:40"));
    assert_int_equal(at(c, "2026-12-22T18:31").value.number, 50);
    assert_int_equal(at(c, "2026-12-23T05:00").value.number, 0);
    control_free(c);
}

static void the_first_exception_that_covers_a_day_counts(void **state)
{
    (void)state;
    struct control *c = parse(HEAD "\"steps\":[" ON("18:00") "," OFF(
        "23:00") "],\"exceptions\":["
                 "{\"from\":\"2027-02-05\",\"to\":\"2027-02-06\",\"steps\":[" ON(
                     "17:00") "]},"
                              "{\"weekdays\":[\"sat\",\"sun\"],\"steps\":[" OFF("00:30") "," ON(
                                  "19:00") "]}]}]}");
    assert_false(on(c, "2027-02-04T23:30")); /* a Thursday as always */
    assert_false(on(c, "2027-02-05T16:59"));
    assert_true(on(c, "2027-02-05T23:30"));  /* Tet: on all night */
    assert_true(on(c, "2027-02-06T12:00"));  /* a Saturday, but the first one counts */
    assert_false(on(c, "2027-02-07T00:30")); /* Sunday */
    assert_false(on(c, "2027-02-07T18:30"));
    assert_true(on(c, "2027-02-07T19:00"));
    assert_true(on(c, "2027-02-08T00:30")); /* Monday does nothing before 18:00 */
    assert_false(on(c, "2027-02-08T23:00"));
    control_free(c);
}

static void a_polar_night_is_dark_and_a_polar_day_is_not(void **state)
{
    (void)state;
    struct schedule_state s;
    struct control *c = parse(
        "{\"v\":1,\"revision\":1,\"gateway\":\"g\",\"utc_offset_min\":60,"
        "\"position\":{\"latitude\":78.22,\"longitude\":15.65},\"schedules\":[{\"name\":\"s\","
        "\"steps\":[" ON("sunset") "," OFF("sunrise") "]}]}");
    schedule_at(&c->schedules[0], c, local("2026-12-22T12:00"), &s);
    assert_true(s.known && s.value.boolean);
    schedule_at(&c->schedules[0], c, local("2026-06-21T00:00"), &s);
    assert_true(s.known && !s.value.boolean);
    control_free(c);
}

/* --- any schedule whatever --- */

static void random_steps(struct rng *r, struct buf *out)
{
    static const char *const sun[] = {"sunset", "sunrise"};
    unsigned count = 1 + (unsigned)rng_below(r, 5);
    buf_str(out, "\"steps\":[");
    for (unsigned i = 0; i < count; i++) {
        unsigned hour = (unsigned)rng_below(r, 24);
        unsigned minute = i * 10 + (unsigned)rng_below(r, 10); /* no moment twice */
        bool clock = rng_below(r, 2);
        buf_fmt(out, "%s{\"at\":\"%s%s%02u:%02u\",\"value\":%u}", i ? "," : "",
                clock ? "" : sun[rng_below(r, 2)], clock ? "" : &"+\0-"[2 * rng_below(r, 2)], hour,
                minute, (unsigned)rng_below(r, 100));
    }
    buf_char(out, ']');
}

static struct control *random_schedule(struct rng *r)
{
    char text[4096];
    struct buf out;
    buf_init(&out, text, sizeof(text));
    buf_str(&out, HEAD);
    random_steps(r, &out);
    buf_str(&out, ",\"exceptions\":[{\"from\":\"2026-11-25\",\"to\":\"2026-11-27\",");
    random_steps(r, &out);
    buf_str(&out, "},{\"weekdays\":[\"tue\"],");
    random_steps(r, &out);
    buf_str(&out, "}]}]}");
    return parse(buf_cstr(&out));
}

static void assert_same(const struct schedule_state *a, const struct schedule_state *b)
{
    assert_int_equal(a->known, b->known);
    assert_int_equal(a->since.ms, b->since.ms);
    assert_int_equal(a->next.ms, b->next.ms);
    assert_int_equal((int)a->value.number, (int)b->value.number);
}

static void nothing_changes_before_next(void **state)
{
    struct rng r;
    (void)state;
    rng_init(&r, 20261121);
    for (int round = 0; round < 60; round++) {
        struct control *c = random_schedule(&r);
        struct clk_utc t = local("2026-11-21T00:00");
        while (t.ms < local("2026-12-04T00:00").ms) {
            struct schedule_state now, later, then;
            schedule_at(c->schedules, c, t, &now);
            assert_true(now.known && now.since.ms <= t.ms && now.next.ms > t.ms);
            struct clk_utc between = {t.ms +
                                      (int64_t)rng_below(&r, (uint64_t)(now.next.ms - t.ms))};
            struct clk_utc last = {now.next.ms - 1};
            schedule_at(c->schedules, c, between, &later);
            schedule_at(c->schedules, c, last, &then);
            if (now.next.ms < t.ms + DAY_MS) /* a step, not the day's end of looking ahead */
                assert_same(&now, &later);
            assert_int_equal(now.since.ms, then.since.ms);
            assert_int_equal((int)now.value.number, (int)then.value.number);
            schedule_at(c->schedules, c, now.next, &then);
            if (now.next.ms < t.ms + DAY_MS)
                assert_int_equal(then.since.ms, now.next.ms);
            t = now.next;
        }
        control_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_night_is_one_night_over_midnight),
        cmocka_unit_test(the_clock_may_overtake_the_sun),
        cmocka_unit_test(the_first_exception_that_covers_a_day_counts),
        cmocka_unit_test(a_polar_night_is_dark_and_a_polar_day_is_not),
        cmocka_unit_test(nothing_changes_before_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
