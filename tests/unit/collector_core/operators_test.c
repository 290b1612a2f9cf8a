/* Who may see and do what is read strictly: a mistake in the file must not open a door. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/core/operators.h"

#define LAN                                                                                        \
    "{\"name\":\"lan\",\"role\":\"operator\",\"areas\":[\"tan-phong\",\"doan-ket\"],"              \
    "\"classes\":[\"lighting\",\"energy\"]}"
#define WALL "{\"name\":\"wall\",\"role\":\"viewer\",\"areas\":[\"*\"],\"classes\":[\"*\"]}"

static struct operators *parse(const char *text, struct err *e)
{
    struct operators *o = NULL;
    int rc = operators_parse(text, strlen(text), &o, e);
    assert_true((rc == 0) == (o != NULL));
    return o;
}

static void areas_and_classes_limit_what_is_seen(void **state)
{
    (void)state;
    struct err e = {0};
    struct operators *o = parse("// people\n{\"version\":1,\"operators\":[" LAN "," WALL "]}", &e);
    assert_non_null(o);
    const struct operator_entry *lan = operators_find(o, "lan");
    const struct operator_entry *wall = operators_find(o, "wall");
    assert_null(operators_find(o, "eve"));
    assert_int_equal(lan->role, OPERATOR_ROLE_OPERATOR);
    assert_int_equal(wall->role, OPERATOR_ROLE_VIEWER);
    assert_true(operator_sees(lan, "doan-ket", ALARM_ENERGY));
    assert_false(operator_sees(lan, "doan-ket", ALARM_SECURITY));
    assert_false(operator_sees(lan, "than-uyen", ALARM_ENERGY));
    assert_true(operator_sees(wall, "than-uyen", ALARM_SECURITY));
    operators_free(o);
    operators_free(NULL);
}

static void mistakes_are_refused_with_line_and_path(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expect;
    } rows[] = {
        {"{\"version\":1,\"operators\":[" LAN ",\n" LAN "]}", "line 2: operators[1].name"},
        {"{\"version\":1,\"operators\":[{\"name\":\"a\",\"role\":\"admin\",\"areas\":[\"*\"],"
         "\"classes\":[\"*\"]}]}",
         "operators[0].role"},
        {"{\"version\":1,\"operators\":[{\"name\":\"a\",\"role\":\"viewer\",\"areas\":[],"
         "\"classes\":[\"*\"]}]}",
         "operators[0].areas"},
        {"{\"version\":1,\"operators\":[{\"name\":\"a\",\"role\":\"viewer\",\"areas\":[\"A#\"],"
         "\"classes\":[\"*\"]}]}",
         "operators[0].areas[0]"},
        {"{\"version\":1,\"operators\":[{\"name\":\"a\",\"role\":\"viewer\",\"areas\":[\"*\"],"
         "\"classes\":[\"water\"]}]}",
         "operators[0].classes[0]"},
        {"{\"version\":1,\"operators\":[{\"name\":\"a\",\"role\":\"viewer\",\"area\":\"*\"}]}",
         "operators[0].area"},
        {"{\"version\":1}", "operators"},
        {"[]", "object"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err e = {0};
        if (parse(rows[i].text, &e))
            fail_msg("accepted: %s", rows[i].text);
        if (!strstr(e.text, rows[i].expect))
            fail_msg("\"%s\" does not say \"%s\"", e.text, rows[i].expect);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(areas_and_classes_limit_what_is_seen),
        cmocka_unit_test(mistakes_are_refused_with_line_and_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
