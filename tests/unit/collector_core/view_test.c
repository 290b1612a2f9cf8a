/* Promise: an operator sees what is wrong first and whole, whatever the window's size, and each
 * change once as a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/core/view/cells.h"
#include "collector/core/view/view.h"
#include "model/pack.h"
#include "model/topic.h"

static const struct clk_utc NOW = {INT64_C(1795300000) * 1000}; /* 2026-11-22 05:26:40 +07:00 */
static const struct clk_mono MONO = {1000000};

static struct view *v;
static struct view_screen screen;

static int start(void **state)
{
    (void)state;
    v = view_create(VIEW_VI);
    return v ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    view_destroy(v);
    return 0;
}

static int send(enum topic_kind kind, const char *area, const char *name, const struct buf *b)
{
    char topic[TOPIC_SIZE];
    struct err e = {0};
    return view_message(v, topic_format(kind, area, name, topic), b->len ? b->data : "", b->len,
                        NOW, MONO, &e);
}

static void send_state(const char *area, const char *name, bool online)
{
    char text[4096];
    struct buf b;
    struct gateway_state s = {.online = online, .session = "0123456789abcdef", .epoch = 1};
    snprintf(s.firmware, sizeof(s.firmware), "0.1.0");
    snprintf(s.clock, sizeof(s.clock), "synchronised");
    buf_init(&b, text, sizeof(text));
    assert_int_equal(gateway_state_encode(&s, &b), 0);
    assert_int_equal(send(TOPIC_STATE, area, name, &b), 0);
}

static struct alert an_alert(const char *id, enum alarm_priority priority, enum alarm_state state)
{
    struct alert a = {.priority = priority,
                      .state = state,
                      .class = ALARM_ENVIRONMENT,
                      .occurrence = 1,
                      .revision = 1,
                      .list_revision = 1,
                      .raised = {NOW.ms - 240000},
                      .changed = {NOW.ms - 240000}};
    snprintf(a.id, sizeof(a.id), "%s", id);
    snprintf(a.area, sizeof(a.area), "muong-te");
    snprintf(a.rule, sizeof(a.rule), "pm2-5-high");
    snprintf(a.object, sizeof(a.object), "gw-01/air-1/pm2-5");
    snprintf(a.text_vi, sizeof(a.text_vi), "Bụi PM2.5 vượt ngưỡng");
    snprintf(a.text_en, sizeof(a.text_en), "PM2.5 above its limit");
    return a;
}

static int send_alert(const struct alert *a)
{
    char text[8192];
    struct buf b;
    buf_init(&b, text, sizeof(text));
    assert_int_equal(alert_encode(a, &b), 0);
    return send(TOPIC_ALERT, a->area, a->id, &b);
}

static void empty_alert(const char *id)
{
    struct buf nothing = {0};
    assert_int_equal(send(TOPIC_ALERT, "muong-te", id, &nothing), 0);
}

static void send_value(const char *gateway, const char *device, const char *point, double value,
                       int64_t age_ms)
{
    char text[PACK_SIZE_MAX];
    static uint64_t seq;
    struct pack_writer w;
    struct sample s = {.at = {NOW.ms - age_ms}, .value = {.type = VALUE_NUMBER, .number = value}};
    struct pack_head head = {.epoch = 1, .seq = ++seq, .low = 1, .base = s.at};
    snprintf(head.gateway, sizeof(head.gateway), "%s", gateway);
    snprintf(head.conf, sizeof(head.conf), "0123456789abcdef");
    if (value < 0) { /* stands for no value in these tests */
        s.quality = QUALITY_BAD;
        s.cause = CAUSE_TIMEOUT;
        s.value.type = VALUE_NONE;
    }
    pack_begin(&w, text, sizeof(text), &head);
    assert_int_equal(pack_add(&w, device, point, &s), 0);
    assert_true(pack_end(&w) > 0);
    assert_int_equal(send(TOPIC_LIVE, "muong-te", gateway, &w.out), 0);
}

static void render(unsigned width, unsigned height)
{
    const struct view_style style = {
        .width = width, .height = height, .utf8 = true, .title = "lan @ ioc:8884"};
    view_render(v, &style, NOW, MONO, &screen);
}

/* The number of the first line that holds the text; -1: none. */
static int line_with(const char *text)
{
    for (unsigned i = 0; i < screen.count; i++)
        if (strstr(screen.lines[i], text))
            return (int)i;
    return -1;
}

static const char *last_event(void)
{
    const struct view_event *event = view_event_at(v, v->event_count - 1);
    return event ? event->text : "";
}

static void what_wants_an_answer_comes_first(void **state)
{
    (void)state;
    struct alert a = an_alert("low-new", PRIORITY_LOW, ALARM_UNACKNOWLEDGED);
    struct alert b = an_alert("crit-acked", PRIORITY_CRITICAL, ALARM_ACKNOWLEDGED);
    struct alert c = an_alert("high-new", PRIORITY_HIGH, ALARM_UNACKNOWLEDGED);
    struct alert d = an_alert("crit-shelved", PRIORITY_CRITICAL, ALARM_SHELVED);
    send_alert(&d);
    send_alert(&b);
    send_alert(&a);
    send_alert(&c);
    render(120, 40);
    assert_true(line_with("high-new") >= 0);
    assert_true(line_with("high-new") < line_with("low-new"));
    assert_true(line_with("low-new") < line_with("crit-acked"));
    assert_true(line_with("crit-acked") < line_with("crit-shelved"));
    assert_true(line_with("CẢNH BÁO 4 (2 chưa xác nhận)") >= 0);
}

static void an_alert_ends_when_its_topic_is_emptied(void **state)
{
    (void)state;
    struct alert a = an_alert("one", PRIORITY_HIGH, ALARM_UNACKNOWLEDGED);
    send_alert(&a);
    assert_non_null(strstr(last_event(), "cảnh báo one CAO CHƯA XÁC NHẬN: Bụi"));
    a.state = ALARM_NORMAL;
    a.revision = 2;
    send_alert(&a);
    assert_non_null(strstr(last_event(), "cảnh báo one CAO bình thường"));
    empty_alert("one");
    assert_int_equal(v->alert_count, 0);
    assert_int_equal(v->event_count, 2);
}

static void an_older_revision_changes_nothing(void **state)
{
    (void)state;
    struct alert a = an_alert("one", PRIORITY_HIGH, ALARM_ACKNOWLEDGED);
    a.revision = 5;
    send_alert(&a);
    a.state = ALARM_UNACKNOWLEDGED;
    a.revision = 4;
    send_alert(&a);
    assert_int_equal(v->alerts[0].state, ALARM_ACKNOWLEDGED);
    assert_int_equal(v->event_count, 1);
}

static void an_alert_in_another_alerts_topic_is_refused(void **state)
{
    (void)state;
    struct alert a = an_alert("one", PRIORITY_HIGH, ALARM_UNACKNOWLEDGED);
    char text[8192];
    struct buf b;
    buf_init(&b, text, sizeof(text));
    assert_int_equal(alert_encode(&a, &b), 0);
    assert_int_equal(send(TOPIC_ALERT, "muong-te", "two", &b), ERR_INVALID);
    assert_int_equal(v->alert_count, 0);
    assert_int_equal(v->refused, 1);
}

static void alerts_do_not_outlive_their_link(void **state)
{
    (void)state;
    struct alert a = an_alert("one", PRIORITY_HIGH, ALARM_UNACKNOWLEDGED);
    view_set_link(v, true, "", NOW);
    send_alert(&a);
    view_set_link(v, false, "connection refused", NOW);
    assert_int_equal(v->alert_count, 0);
    render(120, 30);
    assert_int_equal(line_with("MẤT KẾT NỐI"), 0);
    assert_int_equal(line_with("connection refused"), 0);
    uint64_t events = v->event_count;
    view_set_link(v, false, "connection refused", NOW); /* the same again is no change */
    assert_int_equal(v->event_count, events);
}

static void full_tables_count_what_they_drop_and_keep_the_urgent(void **state)
{
    (void)state;
    char id[NAME_SIZE];
    for (int i = 0; i < VIEW_ALERTS_MAX + 5; i++) {
        snprintf(id, sizeof(id), "a-%d", i);
        struct alert a = an_alert(id, PRIORITY_LOW, ALARM_ACKNOWLEDGED);
        send_alert(&a);
    }
    struct alert urgent = an_alert("urgent", PRIORITY_CRITICAL, ALARM_UNACKNOWLEDGED);
    send_alert(&urgent);
    assert_int_equal(v->alert_count, VIEW_ALERTS_MAX);
    assert_string_equal(v->alerts[0].id, "urgent");
    assert_int_equal(v->dropped, 6);
}

static void a_gateway_that_is_gone_is_said_in_words(void **state)
{
    (void)state;
    send_state("muong-te", "gw-02", true);
    send_state("muong-te", "gw-01", true);
    send_state("muong-te", "gw-02", false);
    assert_string_equal(last_event(), "trạm muong-te/gw-02 MẤT LIÊN LẠC");
    render(120, 30);
    assert_true(line_with("TRẠM 2 (1 mất liên lạc)") >= 0);
    assert_true(line_with("gw-02") < line_with("gw-01")); /* the one that is gone first */
    uint64_t events = v->event_count;
    send_state("muong-te", "gw-02", false);
    assert_int_equal(v->event_count, events);
}

static void values_show_unit_age_and_failure(void **state)
{
    (void)state;
    send_value("gw-01", "air-1", "pm2-5", 35.2, 3000);
    send_value("gw-01", "air-1", "humidity", -1, 5000);
    render(120, 30);
    int line = line_with("Bụi mịn PM2.5"); /* a point named like its kind gets its label */
    assert_true(line > line_with("gw-01/air-1"));
    assert_non_null(strstr(screen.lines[line], "35.2 µg/m³"));
    assert_non_null(strstr(screen.lines[line], "3s"));
    assert_true(line_with("! timeout") >= 0);
    assert_true(line_with("0.2/s") >= 0); /* two values in ten seconds */
}

static void history_does_not_replace_the_present(void **state)
{
    (void)state;
    send_value("gw-01", "air-1", "pm2-5", 35.2, 1000);
    send_value("gw-01", "air-1", "pm2-5", 99.9, 3600000);
    assert_true(v->series[0].value.number == 35.2);
}

static void series_stay_with_their_gateway(void **state)
{
    (void)state;
    send_value("gw-05", "air-1", "pm2-5", 5, 0);
    send_value("gw-01", "air-1", "pm2-5", 1, 0); /* sorts before, and moves the other */
    send_value("gw-05", "air-1", "pm2-5", 6, 0);
    assert_int_equal(v->series_count, 2);
    for (size_t i = 0; i < v->series_count; i++)
        assert_string_equal(v->gateways[v->series[i].gateway].name,
                            v->series[i].value.number > 2 ? "gw-05" : "gw-01");
}

static void english_and_both(void **state)
{
    (void)state;
    struct alert a = an_alert("one", PRIORITY_HIGH, ALARM_UNACKNOWLEDGED);
    v->language = VIEW_EN;
    send_alert(&a);
    render(160, 30);
    assert_true(line_with("UNACKNOWLEDGED") >= 0);
    assert_true(line_with("PM2.5 above its limit") >= 0);
    assert_int_equal(line_with("vượt"), -1);
    v->language = VIEW_BOTH;
    render(160, 30);
    assert_true(line_with("Bụi PM2.5 vượt ngưỡng / PM2.5 above its limit") >= 0);
}

static void every_window_is_kept_to(void **state)
{
    (void)state;
    char name[NAME_SIZE];
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof(name), "gw-%02d", i);
        send_state("muong-te", name, i % 3 != 0);
        struct alert a = an_alert(name, (enum alarm_priority)(i % 4), ALARM_UNACKNOWLEDGED);
        send_alert(&a);
        for (int p = 0; p < 7; p++) {
            char point[NAME_SIZE];
            snprintf(point, sizeof(point), "p-%d", p);
            send_value(name, "air-1", point, p * 1.5, 0);
        }
    }
    for (unsigned height = 1; height <= 210; height += height < 60 ? 1 : 50) {
        for (unsigned width = 1; width <= 240; width += 13) {
            render(width, height);
            unsigned most = height < 4 ? 4 : height;
            assert_true(screen.count <= most && screen.count <= VIEW_LINES_MAX);
            for (unsigned i = 0; i < screen.count; i++)
                assert_true(cells_width(screen.lines[i]) <= (width < 20 ? 20 : width));
            if (height >= 5) /* the gravest alert is never cut away */
                assert_true((line_with("gw-03") >= 1 && line_with("gw-03") <= 4) || width < 40);
        }
    }
}

static void rubbish_is_counted_and_harmless(void **state)
{
    (void)state;
    struct err e = {0};
    static const char *const topics[] = {"ioc/v1/gw/a/b/live", "ioc/v1/gw/a/b/state",
                                         "ioc/v1/alerts/a/b", "ioc/v1/collector/a/state", "x"};
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
        assert_true(view_message(v, topics[i], "{]", 2, NOW, MONO, &e) < 0);
    assert_int_equal(v->refused, 5);
    render(80, 24);
    assert_true(screen.count > 0);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const struct CMUnitTest tests[] = {
        EACH(what_wants_an_answer_comes_first),
        EACH(an_alert_ends_when_its_topic_is_emptied),
        EACH(an_older_revision_changes_nothing),
        EACH(an_alert_in_another_alerts_topic_is_refused),
        EACH(alerts_do_not_outlive_their_link),
        EACH(full_tables_count_what_they_drop_and_keep_the_urgent),
        EACH(a_gateway_that_is_gone_is_said_in_words),
        EACH(values_show_unit_age_and_failure),
        EACH(history_does_not_replace_the_present),
        EACH(series_stay_with_their_gateway),
        EACH(english_and_both),
        EACH(every_window_is_kept_to),
        EACH(rubbish_is_counted_and_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
