/* Promise: a request on the control socket is understood whole, or refused with a stable code and a
 * text that names the member; nothing half-read is acted on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/core/ctl.h"

static struct ctl_request parsed(const char *line)
{
    struct ctl_request q;
    struct err e = {0};
    if (ctl_request_parse(line, strlen(line), &q, &e) != 0)
        fail_msg("%s: %s", line, e.text);
    return q;
}

static void refused(const char *line, int code, const char *text)
{
    struct ctl_request q;
    struct err e = {0};
    int rc = ctl_request_parse(line, strlen(line), &q, &e);
    if (rc != code || !strstr(e.text, text))
        fail_msg("%s: %d \"%s\", not %d \"%s\"", line, rc, e.text, code, text);
}

static void every_verb_is_read_with_its_members(void **state)
{
    (void)state;
    assert_int_equal(parsed("{\"v\":1,\"id\":7,\"verb\":\"status\"}").verb, CTL_STATUS);
    struct ctl_request q =
        parsed("{\"v\":1,\"id\":8,\"verb\":\"read\",\"bus\":\"rs485\",\"unit\":3,"
               "\"function\":3,\"address\":100,\"count\":4,\"timeout_ms\":250}");
    assert_int_equal(q.id, 8);
    assert_int_equal(q.verb, CTL_READ);
    assert_string_equal(q.bus, "rs485");
    assert_int_equal(q.unit, 3);
    assert_int_equal(q.address, 100);
    assert_int_equal(q.count, 4);
    assert_int_equal(q.timeout_ms, 250);
    q = parsed("{\"v\":1,\"id\":9,\"verb\":\"write\",\"device\":\"lamp-1\",\"point\":\"on\","
               "\"value\":true}");
    assert_int_equal(q.value.type, VALUE_BOOL);
    assert_true(q.value.boolean);
    q = parsed("{\"v\":1,\"id\":9,\"verb\":\"write\",\"device\":\"lamp-1\",\"function\":16,"
               "\"address\":65534,\"values\":[1,65535]}");
    assert_int_equal(q.value_count, 2);
    assert_int_equal(q.values[1], 65535);
    assert_int_equal(parsed("{\"v\":1,\"id\":1,\"verb\":\"timing\"}").verb, CTL_TIMING);
    q = parsed("{\"v\":1,\"id\":1,\"verb\":\"release\",\"bus\":\"rs485\",\"for_s\":60}");
    assert_int_equal(q.for_s, 60);
    assert_int_equal(parsed("{\"v\":1,\"id\":1,\"verb\":\"resume\",\"bus\":\"rs485\"}").verb,
                     CTL_RESUME);
    q = parsed("{\"v\":1,\"id\":1,\"verb\":\"maintain\",\"device\":\"air-1\",\"for_s\":1800,"
               "\"quality\":\"calibration\"}");
    assert_int_equal(q.quality, QUALITY_CALIBRATION);
    assert_int_equal(parsed("{\"v\":1,\"id\":1,\"verb\":\"watch\",\"device\":\"air-1\"}").verb,
                     CTL_WATCH);
}

static const struct {
    const char *line;
    int code;
    const char *text;
} bad[] = {
    {"", ERR_INVALID, "line 1"},
    {"[]", ERR_INVALID, "must be an object"},
    {"{\"v\":2,\"id\":1,\"verb\":\"status\"}", ERR_INVALID, "version 2"},
    {"{\"v\":1,\"verb\":\"status\"}", ERR_INVALID, "id must"},
    {"{\"v\":1,\"id\":-1,\"verb\":\"status\"}", ERR_INVALID, "id must"},
    {"{\"v\":1,\"id\":1,\"verb\":\"explode\"}", ERR_NOTFOUND, "\"explode\""},
    {"{\"v\":1,\"id\":1,\"verb\":7}", ERR_INVALID, "verb must"},
    {"{\"v\":1,\"id\":1,\"verb\":\"status\"} {}", ERR_INVALID, "line 1"},
    {"{\"v\":1,\"id\":1,\"verb\":\"read\"}", ERR_INVALID, "either a device"},
    {"{\"v\":1,\"id\":1,\"verb\":\"read\",\"device\":\"a\",\"bus\":\"b\"}", ERR_INVALID,
     "either a device"},
    {"{\"v\":1,\"id\":1,\"verb\":\"read\",\"device\":\"A B\"}", ERR_INVALID, "device must"},
    {"{\"v\":1,\"id\":1,\"verb\":\"read\",\"bus\":\"b\",\"unit\":256}", ERR_INVALID, "unit must"},
    {"{\"v\":1,\"id\":1,\"verb\":\"read\",\"device\":\"a\",\"function\":5}", ERR_INVALID,
     "function must"},
    {"{\"v\":1,\"id\":1,\"verb\":\"read\",\"device\":\"a\",\"function\":3,\"count\":126}",
     ERR_INVALID, "count must be from 1 to 125"},
    {"{\"v\":1,\"id\":1,\"verb\":\"read\",\"device\":\"a\",\"function\":3,\"count\":2,"
     "\"address\":65535}",
     ERR_INVALID, "address must"},
    {"{\"v\":1,\"id\":1,\"verb\":\"write\",\"device\":\"a\",\"point\":\"p\"}", ERR_INVALID,
     "value is missing"},
    {"{\"v\":1,\"id\":1,\"verb\":\"write\",\"device\":\"a\",\"point\":\"p\",\"value\":[]}",
     ERR_INVALID, "value must"},
    {"{\"v\":1,\"id\":1,\"verb\":\"write\",\"device\":\"a\",\"function\":6,\"values\":[65536]}",
     ERR_INVALID, "values[0]"},
    {"{\"v\":1,\"id\":1,\"verb\":\"write\",\"device\":\"a\",\"function\":6,\"values\":[1,2]}",
     ERR_INVALID, "count must"},
    {"{\"v\":1,\"id\":1,\"verb\":\"write\",\"device\":\"a\",\"function\":22,\"values\":[1]}",
     ERR_INVALID, "two values"},
    {"{\"v\":1,\"id\":1,\"verb\":\"release\",\"bus\":\"b\"}", ERR_INVALID, "for_s must"},
    {"{\"v\":1,\"id\":1,\"verb\":\"release\",\"for_s\":9}", ERR_INVALID, "bus is missing"},
    {"{\"v\":1,\"id\":1,\"verb\":\"maintain\",\"device\":\"a\",\"for_s\":86401}", ERR_INVALID,
     "for_s must"},
    {"{\"v\":1,\"id\":1,\"verb\":\"maintain\",\"device\":\"a\",\"quality\":\"good\"}", ERR_INVALID,
     "quality \"good\""},
    {"{\"v\":1,\"id\":1,\"verb\":\"watch\",\"point\":\"p\"}", ERR_INVALID, "device is missing"},
};

static void a_bad_request_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        refused(bad[i].line, bad[i].code, bad[i].text);
}

static void a_refused_request_keeps_its_id(void **state)
{
    (void)state;
    struct ctl_request q;
    static const char line[] = "{\"v\":1,\"id\":42,\"verb\":\"explode\"}";
    assert_int_equal(ctl_request_parse(line, strlen(line), &q, NULL), ERR_NOTFOUND);
    assert_int_equal(q.id, 42);
}

static void a_refusal_is_one_last_line_with_a_stable_code(void **state)
{
    (void)state;
    struct err e;
    struct buf out;
    char memory[4096];
    buf_init(&out, memory, sizeof(memory));
    err_set(&e, ERR_NOTFOUND, "there is no device \"x\"");
    ctl_answer_error(&out, 3, &e);
    assert_string_equal(buf_cstr(&out),
                        "{\"v\":1,\"id\":3,\"error\":{\"code\":\"missing\",\"text\":\"there is no "
                        "device \\\"x\\\"\"},\"end\":true}");
    for (int code = ERR_INVALID; code >= ERR_MISMATCH; code--)
        assert_int_equal(ctl_code_parse(err_name(code)), code);
}

static void words_of_verbs_and_outcomes_are_read_back(void **state)
{
    (void)state;
    for (int v = 0; v < CTL_VERBS; v++)
        assert_string_not_equal(ctl_verb_name((enum ctl_verb)v), "unknown");
    for (int i = BUS_OK; i <= BUS_LOST; i++) {
        enum bus_outcome back;
        assert_int_equal(ctl_outcome_parse(ctl_outcome_name((enum bus_outcome)i), &back), 0);
        assert_int_equal(back, i);
    }
    enum bus_outcome none;
    assert_int_equal(ctl_outcome_parse("fine", &none), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_is_read_with_its_members),
        cmocka_unit_test(a_bad_request_is_refused_by_name),
        cmocka_unit_test(a_refused_request_keeps_its_id),
        cmocka_unit_test(a_refusal_is_one_last_line_with_a_stable_code),
        cmocka_unit_test(words_of_verbs_and_outcomes_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
