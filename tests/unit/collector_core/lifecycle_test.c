/*
 * Promise 5: the life cycle is ISA-18.2's. Every pair of state and event is checked against a
 * second writing of the standard's figure, word by word instead of as a grid.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/core/alarm/lifecycle.h"

struct arrow {
    enum alarm_state from;
    enum lifecycle_event event;
    bool abnormal;
    enum alarm_state to;
};

static const struct arrow arrows[] = {
    {ALARM_NORMAL, LIFECYCLE_ABNORMAL, true, ALARM_UNACKNOWLEDGED},
    {ALARM_UNACKNOWLEDGED, LIFECYCLE_ACKNOWLEDGE, true, ALARM_ACKNOWLEDGED},
    {ALARM_ACKNOWLEDGED, LIFECYCLE_NORMAL, false, ALARM_NORMAL},
    {ALARM_UNACKNOWLEDGED, LIFECYCLE_NORMAL, false, ALARM_RETURNED},
    {ALARM_RETURNED, LIFECYCLE_ACKNOWLEDGE, false, ALARM_NORMAL},
    {ALARM_RETURNED, LIFECYCLE_ABNORMAL, true, ALARM_UNACKNOWLEDGED},
    {ALARM_ACKNOWLEDGED, LIFECYCLE_ESCALATE, true, ALARM_UNACKNOWLEDGED},
    {ALARM_UNACKNOWLEDGED, LIFECYCLE_ESCALATE, true, ALARM_UNACKNOWLEDGED},
    {ALARM_SHELVED, LIFECYCLE_UNSHELVE, true, ALARM_UNACKNOWLEDGED},
    {ALARM_SHELVED, LIFECYCLE_UNSHELVE, false, ALARM_NORMAL},
    {ALARM_SUPPRESSED, LIFECYCLE_UNSUPPRESS, true, ALARM_UNACKNOWLEDGED},
    {ALARM_SUPPRESSED, LIFECYCLE_UNSUPPRESS, false, ALARM_NORMAL},
    {ALARM_OUT_OF_SERVICE, LIFECYCLE_RETURN, true, ALARM_UNACKNOWLEDGED},
    {ALARM_OUT_OF_SERVICE, LIFECYCLE_RETURN, false, ALARM_NORMAL},
    {ALARM_SHELVED, LIFECYCLE_REMOVE, true, ALARM_OUT_OF_SERVICE},
    {ALARM_SUPPRESSED, LIFECYCLE_REMOVE, true, ALARM_OUT_OF_SERVICE},
};

static void each_arrow_of_the_standard_is_in_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(arrows) / sizeof(arrows[0]); i++) {
        enum alarm_state s = arrows[i].from;
        assert_int_equal(lifecycle_step(&s, arrows[i].event, arrows[i].abnormal), LIFECYCLE_MOVED);
        assert_int_equal(s, arrows[i].to);
    }
}

static void each_shown_state_can_be_shelved_suppressed_and_removed(void **state)
{
    (void)state;
    static const struct {
        enum lifecycle_event event;
        enum alarm_state to;
    } rows[] = {{LIFECYCLE_SHELVE, ALARM_SHELVED},
                {LIFECYCLE_SUPPRESS, ALARM_SUPPRESSED},
                {LIFECYCLE_REMOVE, ALARM_OUT_OF_SERVICE}};
    for (size_t i = 0; i < 3; i++) {
        for (int from = ALARM_NORMAL; from <= ALARM_RETURNED; from++) {
            enum alarm_state s = (enum alarm_state)from;
            assert_int_equal(lifecycle_step(&s, rows[i].event, true), LIFECYCLE_MOVED);
            assert_int_equal(s, rows[i].to);
        }
    }
}

static void an_alarm_put_aside_follows_its_condition_in_silence(void **state)
{
    (void)state;
    static const enum lifecycle_event events[] = {LIFECYCLE_ABNORMAL, LIFECYCLE_NORMAL,
                                                  LIFECYCLE_ESCALATE};
    for (int from = ALARM_SHELVED; from <= ALARM_OUT_OF_SERVICE; from++) {
        for (size_t i = 0; i < 3; i++) {
            enum alarm_state s = (enum alarm_state)from;
            assert_int_equal(lifecycle_step(&s, events[i], true), LIFECYCLE_MOVED);
            assert_int_equal(s, from);
        }
    }
}

static void what_a_person_asks_at_the_wrong_moment_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const struct arrow refused[] = {
        {ALARM_NORMAL, LIFECYCLE_ACKNOWLEDGE, false, 0},
        {ALARM_ACKNOWLEDGED, LIFECYCLE_ACKNOWLEDGE, true, 0},
        {ALARM_SHELVED, LIFECYCLE_ACKNOWLEDGE, true, 0},
        {ALARM_SHELVED, LIFECYCLE_SHELVE, true, 0},
        {ALARM_UNACKNOWLEDGED, LIFECYCLE_UNSHELVE, true, 0},
        {ALARM_OUT_OF_SERVICE, LIFECYCLE_REMOVE, true, 0},
        {ALARM_NORMAL, LIFECYCLE_RETURN, true, 0},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        enum alarm_state s = refused[i].from;
        assert_int_equal(lifecycle_step(&s, refused[i].event, refused[i].abnormal),
                         LIFECYCLE_REFUSED);
        assert_int_equal(s, refused[i].from);
    }
}

/* Exactly these pairs cannot be produced; a new state or event has to be thought of here. */
static void the_impossible_pairs_are_the_ones_written_here(void **state)
{
    (void)state;
    unsigned impossible = 0;
    for (int s = 0; s < LIFECYCLE_STATES; s++)
        for (int e = 0; e < LIFECYCLE_EVENTS; e++)
            impossible += lifecycle_impossible((enum alarm_state)s, (enum lifecycle_event)e);
    assert_true(lifecycle_impossible(ALARM_UNACKNOWLEDGED, LIFECYCLE_ABNORMAL));
    assert_true(lifecycle_impossible(ALARM_ACKNOWLEDGED, LIFECYCLE_ABNORMAL));
    assert_true(lifecycle_impossible(ALARM_NORMAL, LIFECYCLE_NORMAL));
    assert_true(lifecycle_impossible(ALARM_RETURNED, LIFECYCLE_NORMAL));
    assert_true(lifecycle_impossible(ALARM_NORMAL, LIFECYCLE_ESCALATE));
    assert_true(lifecycle_impossible(ALARM_RETURNED, LIFECYCLE_ESCALATE));
    for (int s = ALARM_SHELVED; s <= ALARM_OUT_OF_SERVICE; s++)
        assert_true(lifecycle_impossible((enum alarm_state)s, LIFECYCLE_SUPPRESS));
    assert_false(lifecycle_impossible(ALARM_SUPPRESSED, LIFECYCLE_UNSUPPRESS));
    assert_int_equal(impossible, 6 + 3 + 6);
}

static void a_withdrawn_alarm_is_normal_from_anywhere(void **state)
{
    (void)state;
    for (int from = 0; from < LIFECYCLE_STATES; from++) {
        enum alarm_state s = (enum alarm_state)from;
        assert_int_equal(lifecycle_step(&s, LIFECYCLE_WITHDRAW, true), LIFECYCLE_MOVED);
        assert_int_equal(s, ALARM_NORMAL);
        assert_false(lifecycle_listed(s));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_arrow_of_the_standard_is_in_the_table),
        cmocka_unit_test(each_shown_state_can_be_shelved_suppressed_and_removed),
        cmocka_unit_test(an_alarm_put_aside_follows_its_condition_in_silence),
        cmocka_unit_test(what_a_person_asks_at_the_wrong_moment_is_refused_and_changes_nothing),
        cmocka_unit_test(the_impossible_pairs_are_the_ones_written_here),
        cmocka_unit_test(a_withdrawn_alarm_is_normal_from_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
