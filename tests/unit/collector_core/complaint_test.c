/* Promise: each kind of bad input gets its line, and a flood of it cannot fill a disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/core/complaint.h"

static const struct clk_mono start = {5000};

static void different_troubles_are_each_told_at_once(void **state)
{
    (void)state;
    struct complaint c = {0};
    char more[COMPLAINT_MORE_SIZE];
    assert_true(complaint_may(&c, "gw-1", "not UTF-8", start, more));
    assert_true(complaint_may(&c, "gw-1", "too deep", start, more));
    assert_true(complaint_may(&c, "gw-2", "too deep", start, more));
    assert_false(complaint_may(&c, "gw-1", "too deep", start, more));
}

static void the_same_one_waits_and_then_counts_what_was_left_out(void **state)
{
    (void)state;
    struct complaint c = {0};
    char more[COMPLAINT_MORE_SIZE];
    assert_true(complaint_may(&c, "gw-1", NULL, start, more));
    assert_string_equal(more, "");
    for (int i = 0; i < 1000; i++)
        assert_false(complaint_may(&c, "gw-1", NULL, clk_mono_add(start, COMPLAINT_MS - 1), more));
    assert_true(complaint_may(&c, "gw-1", NULL, clk_mono_add(start, COMPLAINT_MS), more));
    assert_string_equal(more, " (1000 more not shown)");
}

static void a_flood_of_different_ones_is_bounded(void **state)
{
    (void)state;
    struct complaint c = {0};
    char more[COMPLAINT_MORE_SIZE], what[32];
    unsigned told = 0;
    for (int i = 0; i < 100000; i++) {
        snprintf(what, sizeof(what), "trouble %d", i);
        told += complaint_may(&c, "gw-1", what, clk_mono_add(start, i / 10), more);
    }
    assert_int_equal(told, COMPLAINT_SUBJECTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(different_troubles_are_each_told_at_once),
        cmocka_unit_test(the_same_one_waits_and_then_counts_what_was_left_out),
        cmocka_unit_test(a_flood_of_different_ones_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
