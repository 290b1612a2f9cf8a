/* Promise: the judge of the fault tests is itself judged: every kind of loss, doubling and wrong
 * value is found, and an honest run, however its lines are ordered, is not accused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boards/emulator/ledger.h"

#define T0 1763740800000LL

static void reply(struct ledger *l, int64_t t, const char *point, const char *v, const char *fate)
{
    char line[256];
    struct err e = {0};
    int n = snprintf(line, sizeof(line),
                     "{\"t\":%lld,\"gateway\":\"g1\",\"device\":\"d1\",\"point\":\"%s\",\"v\":%s,"
                     "\"fate\":\"%s\",\"raw\":[1]}",
                     (long long)(T0 + t), point, v, fate);
    if (ledger_add_reply(l, line, (size_t)n, &e) != 0)
        fail_msg("%s: %s", line, e.text);
}

static void record(struct ledger *l, int64_t t, const char *point, const char *v)
{
    char line[256];
    struct err e = {0};
    int n = snprintf(line, sizeof(line),
                     "{\"gateway\":\"g1\",\"device\":\"d1\",\"point\":\"%s\",\"t\":%lld,\"v\":%s,"
                     "\"q\":\"good\",\"epoch\":\"1\",\"seq\":\"1\"}",
                     point, (long long)(T0 + t), v);
    if (ledger_add_record(l, line, (size_t)n, &e) != 0)
        fail_msg("%s: %s", line, e.text);
}

static void raw_record(struct ledger *l, const char *line)
{
    struct err e = {0};
    if (ledger_add_record(l, line, strlen(line), &e) != 0)
        fail_msg("%s: %s", line, e.text);
}

static void bad_record(struct ledger *l, int64_t t)
{
    char line[256];
    snprintf(line, sizeof(line),
             "{\"gateway\":\"g1\",\"device\":\"d1\",\"point\":\"p\",\"t\":%lld,\"v\":null,"
             "\"q\":\"bad\",\"cause\":\"timeout\"}",
             (long long)(T0 + t));
    raw_record(l, line);
}

/* Ten replies a second apart: 1, 2, ... 10. */
static struct ledger *ten_replies(void)
{
    struct ledger *l = ledger_create(LEDGER_TOLERANCE_MS);
    assert_non_null(l);
    for (int i = 1; i <= 10; i++) {
        char v[8];
        snprintf(v, sizeof(v), "%d", i);
        reply(l, i * 1000, "p", v, "ok");
    }
    return l;
}

static void stored(struct ledger *l, int i, int64_t t)
{
    char v[8];
    snprintf(v, sizeof(v), "%d", i);
    record(l, t, "p", v);
}

static void verdict(struct ledger *l, uint64_t lost, uint64_t doubled, uint64_t wrong)
{
    struct ledger_result r;
    ledger_finish(l, &r);
    if (r.lost != lost || r.doubled != doubled || r.wrong != wrong)
        fail_msg("lost %d doubled %d wrong %d; first: %s", (int)r.lost, (int)r.doubled,
                 (int)r.wrong, r.offender_count ? r.offenders[0] : "none");
    assert_int_equal(r.samples, 10);
    assert_int_equal(ledger_holds(&r), lost + doubled + wrong == 0);
    assert_int_equal(r.offender_count, lost + doubled + wrong);
    ledger_destroy(l);
}

static void an_honest_run_holds_in_any_order_of_lines(void **state)
{
    (void)state;
    struct ledger *l = ten_replies();
    for (int i = 10; i >= 1; i--)
        stored(l, i, i * 1000 + 7);
    verdict(l, 0, 0, 0);
}

static void a_missing_sample_is_lost(void **state)
{
    (void)state;
    for (int missing = 1; missing <= 10; missing++) {
        struct ledger *l = ten_replies();
        for (int i = 1; i <= 10; i++)
            if (i != missing)
                stored(l, i, i * 1000);
        verdict(l, 1, 0, 0);
    }
}

static void a_second_record_is_doubled(void **state)
{
    (void)state;
    for (int twice = 1; twice <= 10; twice++) {
        struct ledger *l = ten_replies();
        for (int i = 1; i <= 10; i++)
            stored(l, i, i * 1000);
        stored(l, twice, twice * 1000);
        verdict(l, 0, 1, 0);
    }
}

static void a_double_with_another_stamp_is_doubled(void **state)
{
    (void)state;
    struct ledger *l = ten_replies();
    for (int i = 1; i <= 10; i++)
        stored(l, i, i * 1000);
    stored(l, 5, 5600);
    verdict(l, 0, 1, 0);
}

static void a_value_nobody_answered_is_wrong(void **state)
{
    (void)state;
    struct ledger *l = ten_replies();
    for (int i = 1; i <= 10; i++)
        stored(l, i == 4 ? 99 : i, i * 1000);
    verdict(l, 1, 0, 1);
}

static void swapped_values_are_wrong(void **state)
{
    (void)state;
    struct ledger *l = ten_replies();
    for (int i = 1; i <= 10; i++)
        stored(l, i == 4 ? 5 : i == 5 ? 4 : i, i * 1000);
    verdict(l, 0, 0, 1);
}

static void an_old_value_with_a_new_stamp_is_wrong(void **state)
{
    (void)state;
    struct ledger *l = ten_replies();
    struct ledger_result r;
    for (int i = 1; i <= 10; i++)
        stored(l, i == 9 ? 2 : i, i * 1000);
    ledger_finish(l, &r);
    assert_int_equal(r.wrong, 1);
    assert_int_equal(r.lost, 1);
    assert_non_null(strstr(r.offenders[0], "answered 7000 ms before"));
    ledger_destroy(l);
}

static void another_points_value_is_wrong(void **state)
{
    (void)state;
    struct ledger *l = ten_replies();
    for (int i = 1; i <= 10; i++)
        stored(l, i, i * 1000);
    record(l, 3000, "q", "3");
    verdict(l, 0, 0, 1);
}

static void a_reply_unfit_to_be_stored_is_wrong_when_stored(void **state)
{
    (void)state;
    struct ledger *l = ten_replies();
    struct ledger_result r;
    for (int i = 1; i <= 10; i++)
        stored(l, i, i * 1000);
    reply(l, 3500, "p", "77", "late");
    reply(l, 3600, "p", "78", "noise");
    record(l, 3510, "p", "77");
    ledger_finish(l, &r);
    assert_int_equal(r.wrong, 1);
    assert_int_equal(r.lost, 0);
    assert_non_null(strstr(r.offenders[0], "\"late\""));
    ledger_destroy(l);
}

static void a_bad_record_explains_one_reply_and_no_more(void **state)
{
    (void)state;
    struct ledger *l = ten_replies();
    for (int i = 1; i <= 10; i++)
        if (i != 5 && i != 6)
            stored(l, i, i * 1000);
    bad_record(l, 5900);
    verdict(l, 1, 0, 0);
    l = ten_replies();
    for (int i = 1; i <= 10; i++)
        if (i != 5)
            stored(l, i, i * 1000);
    bad_record(l, 9000);
    verdict(l, 1, 0, 0);
}

static void a_gap_explains_its_own_gateway_and_time(void **state)
{
    (void)state;
    const char *const gaps[] = {
        "{\"gateway\":\"g1\",\"gap\":{\"from_t\":1763740802500,\"to_t\":1763740805000,\"cause\":"
        "\"full\"}}",
        "{\"gateway\":\"g2\",\"gap\":{\"from_t\":1763740802500,\"to_t\":1763740805000}}",
        "{\"gateway\":\"g\",\"gap\":{\"from_t\":1763740802500,\"to_t\":1763740805000}}",
    };
    for (size_t g = 0; g < 3; g++) {
        struct ledger *l = ten_replies();
        for (int i = 1; i <= 10; i++)
            if (i < 3 || i > 5)
                stored(l, i, i * 1000);
        raw_record(l, gaps[g]);
        verdict(l, g == 0 ? 0 : 3, 0, 0);
    }
}

static void undecided_replies_may_be_absent_or_stored_but_once(void **state)
{
    (void)state;
    struct ledger *l = ten_replies();
    assert_int_equal(ledger_undecided(l, NULL, T0 + 3000, T0 + 5000, NULL), 0);
    for (int i = 1; i <= 10; i++)
        if (i != 3 && i != 5)
            stored(l, i, i * 1000);
    stored(l, 4, 4000);
    verdict(l, 0, 1, 0);
}

static void an_undecided_interval_can_be_one_gateways(void **state)
{
    (void)state;
    for (int own = 0; own <= 1; own++) {
        struct ledger *l = ten_replies();
        const char *gateway = own ? "g1" : "g2";
        assert_int_equal(ledger_undecided(l, gateway, T0 + 3000, T0 + 5000, NULL), 0);
        for (int i = 1; i <= 10; i++)
            if (i != 4)
                stored(l, i, i * 1000);
        verdict(l, !own, 0, 0);
    }
}

static void repeated_values_do_not_hide_a_loss(void **state)
{
    (void)state;
    for (int missing = 0; missing <= 10; missing++) {
        struct ledger *l = ledger_create(LEDGER_TOLERANCE_MS);
        for (int i = 1; i <= 10; i++) {
            reply(l, i * 1000, "p", "true", "ok");
            if (i != missing)
                record(l, i * 1000 + 600, "p", "1");
        }
        verdict(l, missing != 0, 0, 0);
    }
}

static void a_loss_among_equal_values_is_dated_where_it_happened(void **state)
{
    (void)state;
    struct ledger *l = ledger_create(LEDGER_TOLERANCE_MS);
    for (int i = 1; i <= 10; i++) {
        reply(l, i * 1000, "p", "23.5", "ok");
        if (i != 3)
            record(l, i * 1000 + 40, "p", "23.5");
    }
    bad_record(l, 3900);
    verdict(l, 0, 0, 0);
}

static void float32_and_text_values_compare(void **state)
{
    (void)state;
    struct ledger *l = ledger_create(LEDGER_TOLERANCE_MS);
    for (int i = 1; i <= 9; i++) {
        reply(l, i * 1000, "p", "0.1", "ok");
        record(l, i * 1000, "p", "0.10000000149011612");
    }
    reply(l, 10000, "s", "\"CLOSED\"", "ok");
    record(l, 10000, "s", "\"CLOSED\"");
    verdict(l, 0, 0, 0);
}

static void ignored_points_do_not_count(void **state)
{
    (void)state;
    struct ledger *l = ledger_create(LEDGER_TOLERANCE_MS);
    struct ledger_result r;
    assert_int_equal(ledger_ignore(l, "g1/*/p"), 0);
    reply(l, 0, "p", "1", "ok");
    reply(l, 0, "q", "1", "ok");
    record(l, 0, "q", "1");
    ledger_finish(l, &r);
    assert_int_equal(r.samples, 1);
    assert_true(ledger_holds(&r));
    ledger_destroy(l);
}

static void nothing_answered_proves_nothing(void **state)
{
    (void)state;
    struct ledger *l = ledger_create(LEDGER_TOLERANCE_MS);
    struct ledger_result r;
    ledger_finish(l, &r);
    assert_false(ledger_holds(&r));
    ledger_destroy(l);
}

static void broken_lines_are_refused_with_their_reason(void **state)
{
    (void)state;
    const char *const lines[] = {
        "",
        "[]",
        "{\"t\":1}",
        "{\"t\":1,\"gateway\":\"G\",\"device\":\"d\",\"point\":\"p\",\"v\":1,\"fate\":\"ok\"}",
        "{\"t\":1.5,\"gateway\":\"g\",\"device\":\"d\",\"point\":\"p\",\"v\":1,\"fate\":\"ok\"}",
        "{\"t\":1,\"gateway\":\"g\",\"device\":\"d\",\"point\":\"p\",\"fate\":\"ok\"}",
        "{\"gateway\":\"g\",\"gap\":{\"from_t\":2,\"to_t\":1}}",
    };
    struct ledger *l = ledger_create(LEDGER_TOLERANCE_MS);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct err e = {0};
        assert_true(ledger_add_reply(l, lines[i], strlen(lines[i]), &e) < 0);
        assert_true(e.text[0] != '\0');
        if (i != 2 && i != 4)
            assert_true(ledger_add_record(l, lines[i], strlen(lines[i]), &e) < 0);
    }
    assert_true(ledger_undecided(l, NULL, 2, 1, NULL) < 0);
    ledger_destroy(l);
}

static void many_series_and_lines(void **state)
{
    (void)state;
    struct ledger *l = ledger_create(LEDGER_TOLERANCE_MS);
    struct ledger_result r;
    for (int i = 0; i < 20000; i++) {
        char point[16], v[16];
        snprintf(point, sizeof(point), "p%d", i % 1000);
        snprintf(v, sizeof(v), "%d.5", i);
        reply(l, i / 1000 * 100, point, v, "ok");
        if (i != 12345)
            record(l, i / 1000 * 100 + 3, point, v);
    }
    ledger_finish(l, &r);
    assert_int_equal(r.samples, 20000);
    assert_int_equal(r.lost, 1);
    assert_int_equal(r.doubled + r.wrong, 0);
    assert_non_null(strstr(r.offenders[0], "g1/d1/p345"));
    ledger_destroy(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_run_holds_in_any_order_of_lines),
        cmocka_unit_test(a_missing_sample_is_lost),
        cmocka_unit_test(a_second_record_is_doubled),
        cmocka_unit_test(a_double_with_another_stamp_is_doubled),
        cmocka_unit_test(a_value_nobody_answered_is_wrong),
        cmocka_unit_test(swapped_values_are_wrong),
        cmocka_unit_test(an_old_value_with_a_new_stamp_is_wrong),
        cmocka_unit_test(another_points_value_is_wrong),
        cmocka_unit_test(a_reply_unfit_to_be_stored_is_wrong_when_stored),
        cmocka_unit_test(a_bad_record_explains_one_reply_and_no_more),
        cmocka_unit_test(a_gap_explains_its_own_gateway_and_time),
        cmocka_unit_test(undecided_replies_may_be_absent_or_stored_but_once),
        cmocka_unit_test(an_undecided_interval_can_be_one_gateways),
        cmocka_unit_test(repeated_values_do_not_hide_a_loss),
        cmocka_unit_test(a_loss_among_equal_values_is_dated_where_it_happened),
        cmocka_unit_test(float32_and_text_values_compare),
        cmocka_unit_test(ignored_points_do_not_count),
        cmocka_unit_test(nothing_answered_proves_nothing),
        cmocka_unit_test(broken_lines_are_refused_with_their_reason),
        cmocka_unit_test(many_series_and_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
