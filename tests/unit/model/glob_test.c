/* A rule selects by patterns: this proves what they match and what they capture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/glob.h"

static void stars_and_question_marks_match_as_in_a_shell(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool match;
    } rows[] = {
        {"*", "", true},
        {"*", "gw-1", true},
        {"gw-*", "gw-", true},
        {"gw-*", "gw", false},
        {"*-state", "a-b-state", true},
        {"a*b*c", "aXbXbc", true},
        {"a*b*c", "acb", false},
        {"?", "a", true},
        {"?", "", false},
        {"a?c", "abc", true},
        {"abc", "abcd", false},
        {"*a*a*a*", "aa", false},
        {"**", "x", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(glob_match(rows[i].pattern, rows[i].text), rows[i].match);
}

static void a_capture_gives_what_the_star_stood_for(void **state)
{
    (void)state;
    char star[NAME_SIZE];
    assert_true(glob_capture("lamp-*-state", "lamp-12-state", star));
    assert_string_equal(star, "12");
    assert_true(glob_capture("lamp-*", "lamp-", star));
    assert_string_equal(star, "");
    assert_true(glob_capture("door", "door", star));
    assert_string_equal(star, "");
    assert_false(glob_capture("door", "doors", star));
    assert_false(glob_capture("lamp-*-state", "lamp-state", star)); /* the two may not overlap */
    assert_false(glob_capture("ab*ba", "aba", star));
}

static void only_patterns_over_names_are_valid(void **state)
{
    (void)state;
    assert_true(glob_valid("a*?-9"));
    assert_false(glob_valid(""));
    assert_false(glob_valid("A"));
    assert_false(glob_valid("a/b"));
    assert_false(glob_valid("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    assert_true(glob_capture_valid("a-*-b"));
    assert_false(glob_capture_valid("a-*-*"));
    assert_false(glob_capture_valid("a-?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stars_and_question_marks_match_as_in_a_shell),
        cmocka_unit_test(a_capture_gives_what_the_star_stood_for),
        cmocka_unit_test(only_patterns_over_names_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
