/*
 * Promise: what a line's timing says is counted once and shown so that a technician can act on it:
 * every reply in its bucket, trouble with its advice, and settings that cover what was seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/core/commissioning/timing_text.h"
#include "model/json.h"

static void every_reply_falls_into_its_bucket(void **state)
{
    (void)state;
    struct timing t = {.bus = "b"};
    assert_int_equal(timing_bucket_us(0), 250);
    assert_int_equal(timing_bucket_us(2), 500);
    timing_add(&t, 0);
    timing_add(&t, 249);
    timing_add(&t, 250);
    timing_add(&t, UINT32_MAX);
    assert_int_equal(t.turnaround[0], 2);
    assert_int_equal(t.turnaround[1], 1);
    assert_int_equal(t.turnaround[TIMING_BUCKETS - 1], 1);
    assert_int_equal(t.replies, 4);
    assert_int_equal(t.longest_us, UINT32_MAX);
}

static void settings_cover_what_was_seen(void **state)
{
    (void)state;
    struct timing t = {.bus = "b"};
    assert_int_equal(timing_timeout_ms(&t), 0);
    for (uint32_t i = 0; i < 100; i++)
        timing_add(&t, 20000 + 100 * i);
    assert_in_range(timing_turnaround_ms(&t), 29, 30);
    assert_in_range(timing_timeout_ms(&t), 100, 150);
    timing_add(&t, 400000); /* one straggler: not the usual turnaround, but within the timeout */
    assert_true(timing_turnaround_ms(&t) < 40);
    assert_true(timing_timeout_ms(&t) >= 800);
}

static void trouble_is_named_with_advice(void **state)
{
    (void)state;
    char memory[8192];
    struct buf out;
    struct timing t = {.bus = "rs485-1", .asked = 12, .early = 3};
    for (int i = 0; i < 10; i++)
        timing_add(&t, 5000);
    buf_init(&out, memory, sizeof(memory));
    timing_text(&t, true, &out);
    const char *text = buf_cstr(&out);
    assert_non_null(strstr(text, "Bus rs485-1: 10 replies to 12 requests\n"));
    assert_non_null(strstr(text, "10 ########################################\n"));
    assert_non_null(
        strstr(text, "  3 bytes out of turn (nobody asked, or T3.5 not over): another"));
    assert_non_null(strstr(text, "  0 bytes of noise\n"));
    assert_non_null(strstr(text, "suggested: \"turnaround_ms\": 5, \"timeout_ms\": 100"));
}

static void a_silent_line_suggests_nothing(void **state)
{
    (void)state;
    char memory[4096];
    struct buf out;
    struct timing t = {.bus = "b", .asked = 5};
    buf_init(&out, memory, sizeof(memory));
    timing_text(&t, true, &out);
    assert_null(strstr(buf_cstr(&out), "suggested"));
}

static void programs_get_json(void **state)
{
    (void)state;
    char memory[4096];
    struct buf out;
    struct json_doc *doc;
    struct timing t = {.bus = "b"};
    timing_add(&t, 300);
    buf_init(&out, memory, sizeof(memory));
    timing_text_json(&t, &out);
    assert_int_equal(json_parse(memory, out.len, sizeof(memory), 0, &doc, NULL), 0);
    assert_int_equal(json_count(json_get(json_root(doc), "turnaround")), TIMING_BUCKETS);
    json_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reply_falls_into_its_bucket),
        cmocka_unit_test(settings_cover_what_was_seen),
        cmocka_unit_test(trouble_is_named_with_advice),
        cmocka_unit_test(a_silent_line_suggests_nothing),
        cmocka_unit_test(programs_get_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
