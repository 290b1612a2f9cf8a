/*
 * Promise: a configuration whose buses can carry its devices becomes one plan a bus; one whose
 * buses cannot is refused before it runs.
 */
#include "tests/support/config_fixture.h"

#include "gateway/core/bus/lines.h"

static struct gateway_config *load(const char *text)
{
    struct gateway_config *c;
    struct err e = {0};
    if (gateway_config_parse(text, strlen(text), &fixture_files, &c, NULL, &e))
        fail_msg("%s", e.text);
    return c;
}

static void the_example_gets_a_plan_a_bus(void **state)
{
    (void)state;
    char *text = text_file_read("docs/examples/gateway.json");
    struct gateway_config *c = load(text);
    struct lines *lines;
    struct err e = {0};
    if (lines_create(c, &lines, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(lines->count, c->bus_count);
    for (size_t i = 0; i < c->device_count; i++) {
        size_t bus;
        uint16_t at;
        assert_int_equal(lines_find(lines, i, &bus, &at), 0);
        assert_int_equal(bus, c->devices[i].bus);
        assert_string_equal(lines->bus[bus].devices[at].name, c->devices[i].name);
        assert_int_equal(lines->bus[bus].devices[at].index, i);
        assert_true(lines->bus[bus].plan->request_count > 0);
    }
    size_t bus;
    uint16_t at;
    assert_int_equal(lines_find(lines, c->device_count, &bus, &at), ERR_NOTFOUND);
    lines_destroy(lines);
    lines_destroy(NULL);
    gateway_config_free(c);
    free(text);
}

#define METER(name, unit)                                                                          \
    "{\"name\":\"" name "\",\"profile\":\"eastron-sdm630\",\"bus\":\"slow\",\"unit\":" unit        \
    ",\"period_ms\":1000}"

static void an_overfull_bus_is_refused_by_name(void **state)
{
    (void)state;
    struct gateway_config *c =
        load("{\"gateway\":\"g\",\"area\":\"a\",\"profiles\":\"shared/data/profiles\",\"broker\":"
             "{\"host\":\"b\",\"ca\":\"/c\",\"cert\":\"/d\",\"key\":\"/k\"},"
             "\"buses\":[{\"name\":\"slow\",\"type\":\"rtu\",\"device\":\"/dev/x\",\"baud\":2400}],"
             "\"devices\":[" METER("m-1", "1") "," METER("m-2", "2") "," METER("m-3", "3") "]}");
    struct lines *lines = NULL;
    struct err e = {0};
    assert_int_equal(lines_create(c, &lines, &e), ERR_LIMIT);
    assert_null(lines);
    assert_non_null(strstr(e.text, "bus slow: its 3 devices need "));
    assert_non_null(strstr(e.text, "at 2400 baud"));
    gateway_config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_gets_a_plan_a_bus),
        cmocka_unit_test(an_overfull_bus_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
