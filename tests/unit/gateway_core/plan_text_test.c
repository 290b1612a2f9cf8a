/*
 * Promise: a technician sees what a bus is asked and when, and of a bus that cannot carry its
 * devices the whole sum, in numbers that add up, with advice that is enough.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/core/bus/plan_text.h"
#include "model/json.h"
#include "tests/support/bus_fixture.h"

struct world {
    struct bus_fixture fixture;
    struct bus_line line;
    struct bus_device devices[2];
    struct plan *plan;
    struct buf out;
    char memory[65536];
};

/* Two devices of 60 registers: 60 of 80, with a hole of 20 that is cheaper read than left out. */
static void set_up(struct world *w, uint32_t period_ms)
{
    memset(w, 0, sizeof(*w));
    bus_fixture_init(&w->fixture, 20);
    for (uint16_t i = 0; i < 60; i++)
        bus_fixture_add(&w->fixture, TABLE_INPUT, (uint16_t)(i + (i >= 40 ? 4 : 0)), 1);
    w->line = (struct bus_line){.name = "rs485-1",
                                .kind = BUS_RTU,
                                .path = "/dev/ttyS1",
                                .baud = 9600,
                                .parity = 'N',
                                .stop_bits = 1};
    w->devices[0] = bus_fixture_device(&w->fixture, "meter-1", 1, period_ms);
    w->devices[1] = bus_fixture_device(&w->fixture, "meter-2", 2, period_ms);
    assert_int_equal(plan_create(&w->line, w->devices, 2, &w->plan, NULL), 0);
    buf_init(&w->out, w->memory, sizeof(w->memory));
}

static const char *text_of(struct world *w)
{
    static const struct plan_text_style ascii = {.ascii = true};
    buf_rewind(&w->out, 0);
    plan_text_bus(w->plan, &ascii, &w->out);
    assert_false(w->out.overflow);
    return buf_cstr(&w->out);
}

static void assert_says(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("\"%s\" is not in:\n%s", words, text);
}

/* T = (13 + 2 * 64) * 11 / 9600 + 2 * 4.01 + 20 = 161.6 + 8.0 + 20 = 189.6 ms. */
static void each_request_stands_in_the_timetable(void **state)
{
    (void)state;
    struct world w;
    set_up(&w, 2000);
    const char *text = text_of(&w);
    assert_says(text, "Bus rs485-1: RTU /dev/ttyS1 9600 8N1\n");
    assert_says(text,
                " meter-1                 1 input    0-63            60/64   189.6 ms      2 s"
                "    +0 ms   9.5 %\n");
    assert_says(text, "+1000 ms   9.5 %\n");
    assert_says(text, "19.0 % in use: 190 ms of every 1000 ms; at most 900 ms may be planned\n");
    assert_null(strstr(text, "sum"));
    assert_false(plan_text_overfull(w.plan));
    plan_destroy(w.plan);
}

static void an_overfull_bus_shows_a_sum_that_adds_up(void **state)
{
    (void)state;
    struct world w;
    set_up(&w, 250);
    const char *text = text_of(&w);
    assert_true(plan_text_overfull(w.plan));
    assert_says(text, "   meter-1                              758.3 ms  (requests: 1)\n");
    assert_says(text, "   sum                                 1516.7 ms  of 900 ms");
    assert_says(text, "T = (13 + 128) x 11 / 9600 + 2 x 4.01 ms + 20 ms\n"
                      "     = 161.6 + 8.0 + 20.0 ms = 189.6 ms\n");
    plan_destroy(w.plan);
}

/* Whoever follows the advice has a bus that runs. */
static void the_advice_is_enough(void **state)
{
    (void)state;
    struct world w;
    double factor = 0;
    unsigned baud = 0;
    set_up(&w, 250);
    const char *text = text_of(&w);
    const char *at = strstr(text, "make all periods (period_ms) ");
    assert_non_null(at);
    factor = strtod(at + strlen("make all periods (period_ms) "), NULL);
    at = strstr(text, "raise the baud rate of line and devices to ");
    assert_non_null(at);
    baud = (unsigned)strtoul(at + strlen("raise the baud rate of line and devices to "), NULL, 10);
    plan_destroy(w.plan);
    set_up(&w, (uint32_t)(250 * factor + 0.5));
    assert_false(plan_text_overfull(w.plan));
    plan_destroy(w.plan);
    set_up(&w, 250);
    w.line.baud = baud;
    assert_false(plan_text_overfull(w.plan));
    plan_destroy(w.plan);
}

static void the_bar_is_never_longer_than_its_frame(void **state)
{
    (void)state;
    struct world w;
    set_up(&w, 100); /* 380 % */
    const char *text = text_of(&w);
    assert_says(text, "[#############################################|#####]");
    plan_destroy(w.plan);
    set_up(&w, 100000);
    assert_says(text_of(&w), "[.............................................|.....]");
    plan_destroy(w.plan);
}

static void programs_get_json(void **state)
{
    (void)state;
    struct world w;
    struct json_doc *doc;
    double use_ms, sum_ms = 0;
    bool overfull;
    set_up(&w, 250);
    plan_text_json(w.plan, &w.out);
    assert_false(w.out.overflow);
    assert_int_equal(json_parse(w.memory, w.out.len, sizeof(w.memory), 0, &doc, NULL), 0);
    const struct json *root = json_root(doc);
    assert_int_equal(json_number(json_get(root, "use_ms"), &use_ms), 0);
    assert_int_equal(json_bool(json_get(root, "overfull"), &overfull), 0);
    assert_true(overfull);
    for (const struct json *d = json_first(json_get(root, "devices")); d; d = json_next(d)) {
        double ms;
        assert_int_equal(json_number(json_get(d, "use_ms"), &ms), 0);
        sum_ms += ms;
    }
    assert_true(sum_ms - use_ms < 0.01 && use_ms - sum_ms < 0.01);
    assert_int_equal(json_count(json_get(root, "requests")), 2);
    json_free(doc);
    plan_destroy(w.plan);
}

static void a_bus_without_devices_says_so(void **state)
{
    (void)state;
    struct world w;
    set_up(&w, 1000);
    plan_destroy(w.plan);
    assert_int_equal(plan_create(&w.line, w.devices, 0, &w.plan, NULL), 0);
    assert_says(text_of(&w), "no devices");
    plan_destroy(w.plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_stands_in_the_timetable),
        cmocka_unit_test(an_overfull_bus_shows_a_sum_that_adds_up),
        cmocka_unit_test(the_advice_is_enough),
        cmocka_unit_test(the_bar_is_never_longer_than_its_frame),
        cmocka_unit_test(programs_get_json),
        cmocka_unit_test(a_bus_without_devices_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
