/* Promise 5: an operator sees and acknowledges the alarms of their areas and classes, no others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/core/operators/operators.h"

static void areas_and_classes_limit_what_is_seen(void **state)
{
    (void)state;
    static const char text[] =
        "// "
        "people\n[{\"name\":\"lan\",\"role\":\"operator\",\"areas\":[\"tan-phong\",\"doan-ket\"],"
        "\"classes\":[\"lighting\",\"energy\"]},"
        "{\"name\":\"wall\",\"role\":\"viewer\",\"areas\":[\"*\"]}]";
    struct operators o = {0};
    struct err e = {0};
    if (operators_parse(text, strlen(text), &o, &e) < 0)
        fail_msg("%s", e.text);
    const struct access_member *lan = operators_find(&o, "lan");
    const struct access_member *wall = operators_find(&o, "wall");
    assert_non_null(lan);
    assert_non_null(wall);
    assert_null(operators_find(&o, "eve"));
    assert_true(lan->requests);
    assert_false(wall->requests);
    assert_true(operator_sees(lan, "doan-ket", ALARM_ENERGY));
    assert_false(operator_sees(lan, "doan-ket", ALARM_SECURITY));
    assert_false(operator_sees(lan, "than-uyen", ALARM_ENERGY));
    assert_true(operator_sees(wall, "than-uyen", ALARM_SECURITY));
    operators_free(&o);
    operators_free(&o);
}

static void a_bad_file_leaves_nobody_in(void **state)
{
    (void)state;
    static const char text[] = "[{\"name\":\"lan\",\"role\":\"admin\",\"areas\":[\"*\"]}]";
    struct operators o = {0};
    struct err e = {0};
    assert_true(operators_parse(text, strlen(text), &o, &e) < 0);
    assert_non_null(strstr(e.text, "role"));
    assert_null(operators_find(&o, "lan"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(areas_and_classes_limit_what_is_seen),
        cmocka_unit_test(a_bad_file_leaves_nobody_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
