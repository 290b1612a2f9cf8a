/* Promise: a topic is one of those the protocol names, or it is refused; so no name can reach into
 * another's topic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/topic.h"

static const struct {
    const char *text;
    enum topic_kind kind;
    const char *area, *name;
} known[] = {
    {"ioc/v1/gw/lai-chau/gw-1/state", TOPIC_STATE, "lai-chau", "gw-1"},
    {"ioc/v1/gw/lai-chau/gw-1/birth", TOPIC_BIRTH, "lai-chau", "gw-1"},
    {"ioc/v1/gw/lai-chau/gw-1/live", TOPIC_LIVE, "lai-chau", "gw-1"},
    {"ioc/v1/gw/lai-chau/gw-1/backfill", TOPIC_BACKFILL, "lai-chau", "gw-1"},
    {"ioc/v1/gw/lai-chau/gw-1/ack", TOPIC_ACK, "lai-chau", "gw-1"},
    {"ioc/v1/gw/lai-chau/gw-1/request", TOPIC_REQUEST, "lai-chau", "gw-1"},
    {"ioc/v1/gw/lai-chau/gw-1/command", TOPIC_COMMAND, "lai-chau", "gw-1"},
    {"ioc/v1/alerts/lai-chau/a1", TOPIC_ALERT, "lai-chau", "a1"},
    {"ioc/v1/index/lai-chau/station-1", TOPIC_INDEX, "lai-chau", "station-1"},
    {"ioc/v1/operators/hoa/request", TOPIC_OPERATOR_REQUEST, "", "hoa"},
    {"ioc/v1/operators/hoa/reply", TOPIC_OPERATOR_REPLY, "", "hoa"},
    {"ioc/v1/collector/lai-chau/state", TOPIC_COLLECTOR_STATE, "lai-chau", ""},
};

static void every_topic_is_read_back_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct topic t;
        char text[TOPIC_SIZE];
        assert_int_equal(topic_parse(known[i].text, &t), 0);
        assert_int_equal(t.kind, known[i].kind);
        assert_string_equal(t.area, known[i].area);
        assert_string_equal(t.name, known[i].name);
        assert_string_equal(topic_format(t.kind, t.area, t.name, text), known[i].text);
    }
}

static void subscriptions_take_wildcards(void **state)
{
    (void)state;
    char text[TOPIC_SIZE];
    assert_string_equal(topic_format(TOPIC_LIVE, "lai-chau", "+", text),
                        "ioc/v1/gw/lai-chau/+/live");
    assert_string_equal(topic_format(TOPIC_OPERATOR_REQUEST, "", "+", text),
                        "ioc/v1/operators/+/request");
}

static void the_longest_names_fit(void **state)
{
    (void)state;
    char name[NAME_SIZE];
    char text[TOPIC_SIZE];
    struct topic t;
    memset(name, 'a', NAME_MAX_LEN);
    name[NAME_MAX_LEN] = '\0';
    assert_int_equal(topic_parse(topic_format(TOPIC_BACKFILL, name, name, text), &t), 0);
    assert_string_equal(t.name, name);
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "ioc/v1",
        "ioc/v1/",
        "ioc/v2/gw/a/b/live",
        "/ioc/v1/gw/a/b/live",
        "ioc/v1/gw/a/b/live/",
        "ioc/v1/gw/a/b/live2",
        "ioc/v1/gw/a/b/liv",
        "ioc/v1/gw//b/live",
        "ioc/v1/gw/a//live",
        "ioc/v1/gw/A/b/live",
        "ioc/v1/gw/+/b/live",
        "ioc/v1/gw/a/#",
        "ioc/v1/gw/a/b",
        "ioc/v1/gw/-a/b/live",
        "ioc/v1/gw/a/b/c/live",
        "ioc/v1/gw/a/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/live",
        "ioc/v1/alerts/a/b/c",
        "ioc/v1/alerts/a",
        "ioc/v1/operators/a/b/request",
        "ioc/v1/operators/request",
        "ioc/v1/collector/state",
        "$SYS/broker/uptime",
    };
    struct topic t;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (topic_parse(wrong[i], &t) != ERR_INVALID)
            fail_msg("\"%s\" was taken", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_topic_is_read_back_as_written),
        cmocka_unit_test(subscriptions_take_wildcards),
        cmocka_unit_test(the_longest_names_fit),
        cmocka_unit_test(anything_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
