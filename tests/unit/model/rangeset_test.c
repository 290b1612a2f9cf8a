/* Promise: what was committed, acknowledged or lost is remembered exactly, in any order of arrival,
 * and a set that is full says so and stays as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/rng.h"
#include "model/rangeset.h"

#define BITS 200

static void sorted_disjoint_and_apart(const struct rangeset *s)
{
    for (size_t i = 0; i < s->count; i++) {
        assert_true(s->ranges[i].from <= s->ranges[i].to);
        if (i)
            assert_true(s->ranges[i - 1].to < s->ranges[i].from - 1);
    }
}

static void equals_bitmap(const struct rangeset *s, const bool bits[BITS])
{
    uint64_t total = 0;
    for (uint64_t n = 0; n < BITS; n++) {
        assert_int_equal(rangeset_has(s, n), bits[n]);
        total += bits[n];
        uint64_t upto = n;
        while (upto < BITS && bits[upto])
            upto++;
        assert_int_equal(rangeset_upto(s, n), upto - 1);
    }
    assert_int_equal(rangeset_total(s), total);
}

static void finds_the_bitmaps_holes(const struct rangeset *s, const bool bits[BITS], uint64_t n,
                                    uint64_t lowest)
{
    uint64_t hole = UINT64_MAX;
    int64_t expected = (int64_t)n;
    while (expected >= (int64_t)lowest && bits[expected])
        expected--;
    bool found = rangeset_hole_below(s, n, lowest, &hole);
    assert_int_equal(found, expected >= (int64_t)lowest);
    if (found)
        assert_int_equal(hole, expected);
}

static void behaves_like_a_bitmap(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct rng rng;
        struct rangeset s;
        bool bits[BITS] = {false};
        rng_init(&rng, seed);
        rangeset_init(&s, BITS);
        for (int step = 0; step < 200; step++) {
            uint64_t from = rng_below(&rng, BITS);
            uint64_t to = from + rng_below(&rng, seed % 2 ? 4 : BITS - from);
            to = to < BITS ? to : BITS - 1;
            bool add = rng_below(&rng, 2);
            assert_int_equal((add ? rangeset_add : rangeset_remove)(&s, from, to), 0);
            for (uint64_t n = from; n <= to; n++)
                bits[n] = add;
            assert_true(rangeset_covers(&s, from, to) == add);
            sorted_disjoint_and_apart(&s);
            finds_the_bitmaps_holes(&s, bits, rng_below(&rng, BITS), rng_below(&rng, BITS));
        }
        equals_bitmap(&s, bits);
        rangeset_finish(&s);
    }
}

static void any_order_gives_one_range(void **state)
{
    (void)state;
    struct rng rng;
    struct rangeset s;
    uint64_t order[100];
    rng_init(&rng, 7);
    rangeset_init(&s, 100);
    for (uint64_t i = 0; i < 100; i++)
        order[i] = i + 1;
    for (size_t i = 100; i > 1; i--) {
        size_t other = (size_t)rng_below(&rng, i);
        uint64_t kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(rangeset_add(&s, order[i], order[i]), 0);
    assert_int_equal(s.count, 1);
    assert_int_equal(rangeset_upto(&s, 1), 100);
    rangeset_finish(&s);
}

static void a_full_set_refuses_and_stays(void **state)
{
    (void)state;
    struct rangeset s;
    rangeset_init(&s, 3);
    assert_int_equal(rangeset_add(&s, 10, 20), 0);
    assert_int_equal(rangeset_add(&s, 30, 40), 0);
    assert_int_equal(rangeset_add(&s, 50, 60), 0);
    assert_int_equal(rangeset_add(&s, 70, 70), ERR_FULL);
    assert_int_equal(rangeset_remove(&s, 15, 15), ERR_FULL);
    assert_int_equal(rangeset_total(&s), 33);
    assert_int_equal(rangeset_add(&s, 21, 29), 0); /* closing a hole needs no room */
    assert_int_equal(s.count, 2);
    assert_int_equal(rangeset_remove(&s, 15, 15), 0);
    assert_int_equal(s.count, 3);
    rangeset_finish(&s);
}

static void reserved_room_stays_where_it_is(void **state)
{
    (void)state;
    struct rangeset s;
    rangeset_init(&s, 10);
    assert_int_equal(rangeset_reserve(&s, 11), ERR_FULL);
    assert_int_equal(rangeset_reserve(&s, 10), 0);
    const struct range *claimed = s.ranges;
    for (uint64_t n = 1; n <= 10; n++)
        assert_int_equal(rangeset_add(&s, 2 * n, 2 * n), 0);
    assert_ptr_equal(s.ranges, claimed);
    rangeset_finish(&s);
}

static void ends_of_the_number_range_hold(void **state)
{
    (void)state;
    struct rangeset s;
    rangeset_init(&s, 8);
    assert_int_equal(rangeset_add(&s, UINT64_MAX, UINT64_MAX), 0);
    assert_int_equal(rangeset_add(&s, 0, 0), 0);
    assert_int_equal(s.count, 2);
    uint64_t hole;
    assert_true(rangeset_hole_below(&s, UINT64_MAX, 0, &hole));
    assert_true(hole == UINT64_MAX - 1);
    assert_false(rangeset_hole_below(&s, 0, 0, &hole));
    assert_int_equal(rangeset_add(&s, 0, UINT64_MAX), 0);
    assert_int_equal(s.count, 1);
    assert_true(rangeset_total(&s) == UINT64_MAX);
    assert_int_equal(rangeset_remove(&s, 0, UINT64_MAX), 0);
    assert_int_equal(s.count, 0);
    assert_int_equal(rangeset_add(&s, 2, 1), ERR_INVALID);
    assert_int_equal(rangeset_remove(&s, 2, 1), ERR_INVALID);
    rangeset_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaves_like_a_bitmap),
        cmocka_unit_test(any_order_gives_one_range),
        cmocka_unit_test(reserved_room_stays_where_it_is),
        cmocka_unit_test(a_full_set_refuses_and_stays),
        cmocka_unit_test(ends_of_the_number_range_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
