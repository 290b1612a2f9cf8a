/* What an operator reads is whole, in their language, with numbers written as that language does.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/core/rule/rule_text.h"

static void numbers_follow_the_language(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *vi, *en;
    } rows[] = {
        {0, "0", "0"},
        {-0.0001, "0", "0"},
        {23.5, "23,5", "23.5"},
        {150, "150", "150"},
        {1234.5, "1.234,5", "1,234.5"},
        {-1234567.25, "-1.234.567,25", "-1,234,567.25"},
        {-123, "-123", "-123"},
        {0.0625, "0,062", "0.062"},
        {999999, "999.999", "999,999"},
        {1.5e300, "1,5e+300", "1.5e+300"},
    };
    char text[RULE_NUMBER_SIZE];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(rule_number(rows[i].v, RULE_VI, text), rows[i].vi);
        assert_string_equal(rule_number(rows[i].v, RULE_EN, text), rows[i].en);
    }
}

static void placeholders_are_filled_and_absent_parts_are_a_dash(void **state)
{
    (void)state;
    const struct rule_text_values v = {.area = "tan-phong",
                                       .gateway = "gw-1",
                                       .device = "air-1",
                                       .unit = "ug/m3",
                                       .has_value = true,
                                       .value = 162.5,
                                       .has_limit = true,
                                       .limit = 150,
                                       .count = 12};
    char text[ALERT_TEXT_SIZE];
    rule_text_fill("Bụi PM2.5 {value} {unit}, ngưỡng {limit} ({gateway}/{device}/{point}, {area})",
                   RULE_VI, &v, text);
    assert_string_equal(text, "Bụi PM2.5 162,5 µg/m³, ngưỡng 150 (gw-1/air-1/-, tan-phong)");
    rule_text_fill("{count} devices", RULE_EN, &v, text);
    assert_string_equal(text, "12 devices");
}

static void a_pattern_that_cannot_be_filled_is_refused_by_name(void **state)
{
    (void)state;
    struct err e = {0};
    char longest[ALERT_TEXT_SIZE + 1];
    assert_int_equal(rule_text_check("a {valu} b", &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "{valu}"));
    assert_int_equal(rule_text_check("a {value", &e), ERR_INVALID);
    assert_int_equal(rule_text_check("a } b", &e), ERR_INVALID);
    assert_int_equal(rule_text_check("", &e), ERR_INVALID);
    memset(longest, 'x', sizeof(longest));
    longest[ALERT_TEXT_SIZE] = '\0';
    assert_int_equal(rule_text_check(longest, &e), ERR_LIMIT);
    longest[ALERT_TEXT_SIZE - 1] = '\0';
    assert_int_equal(rule_text_check(longest, &e), 0);
}

/* The widest of everything, in a pattern that just passes the check. */
static void what_passes_the_check_is_never_cut(void **state)
{
    (void)state;
    char name[NAME_SIZE];
    char pattern[ALERT_TEXT_SIZE + 64] =
        "{area}{gateway}{device}{point}{unit}{value}{limit}{count}";
    const struct rule_text_values v = {.area = name,
                                       .gateway = name,
                                       .device = name,
                                       .point = name,
                                       .unit = "fifteen bytes--",
                                       .has_value = true,
                                       .value = -999999999999.125,
                                       .has_limit = true,
                                       .limit = -1.23456e-300,
                                       .count = UINT32_MAX};
    memset(name, 'n', NAME_MAX_LEN);
    name[NAME_MAX_LEN] = '\0';
    size_t len = strlen(pattern);
    while (rule_text_check(pattern, NULL) == 0)
        pattern[len++] = 'x';
    pattern[--len] = '\0';
    char text[ALERT_TEXT_SIZE];
    rule_text_fill(pattern, RULE_VI, &v, text);
    assert_int_equal(text[strlen(text) - 1], 'x');
    rule_text_fill("{value}", RULE_EN, &(struct rule_text_values){.has_value = true, .value = NAN},
                   text);
    assert_non_null(strstr(text, "nan"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_follow_the_language),
        cmocka_unit_test(placeholders_are_filled_and_absent_parts_are_a_dash),
        cmocka_unit_test(a_pattern_that_cannot_be_filled_is_refused_by_name),
        cmocka_unit_test(what_passes_the_check_is_never_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
