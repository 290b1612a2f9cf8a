/*
 * Proves that the ledger forgets nothing it must not: a gap stays until the collector has been
 * told, the table is bounded by saying too much and never too little, and a state reads back as
 * written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/err.h"
#include "gateway/core/spool/spool_format.h"
#include "gateway/core/spool/spool_ledger.h"

#define EPOCH(n) ((uint64_t)(n) << 32 | 7)

static struct spool_ledger ledger;

static int setup(void **state)
{
    (void)state;
    spool_ledger_init(&ledger);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    spool_ledger_finish(&ledger);
    return 0;
}

static uint64_t evict(uint64_t epoch, uint64_t from, uint64_t to, uint64_t count)
{
    struct spool_gap gap = {
        .epoch = epoch,
        .from = from,
        .to = to,
        .cause = SPOOL_EVICTED,
        .first = {(int64_t)from},
        .last = {(int64_t)to},
        .count = count,
    };
    return spool_ledger_account(&ledger, &gap);
}

static void test_neighbouring_gaps_merge_and_add_up(void **state)
{
    (void)state;
    assert_int_equal(evict(EPOCH(1), 1, 5, 50), 5);
    assert_int_equal(evict(EPOCH(1), 11, 20, 100), 10);
    assert_int_equal(ledger.gap_count, 2);
    assert_int_equal(evict(EPOCH(1), 6, 10, 50), 5);
    assert_int_equal(ledger.gap_count, 1);
    assert_int_equal(ledger.gaps[0].count, 200);
    assert_int_equal(ledger.gaps[0].first.ms, 1);
    assert_int_equal(ledger.gaps[0].last.ms, 20);
}

static void test_what_is_acknowledged_or_named_is_not_named_again(void **state)
{
    (void)state;
    assert_int_equal(spool_ledger_ack(&ledger, EPOCH(1), 4, 6), 0);
    assert_int_equal(evict(EPOCH(1), 1, 10, 100), 7);
    assert_int_equal(ledger.gap_count, 2);
    assert_int_equal(evict(EPOCH(1), 1, 10, 100), 0);
    assert_int_equal(ledger.totals.evicted_packs, 7);
}

static void test_a_gap_goes_only_when_its_telling_is_acknowledged(void **state)
{
    (void)state;
    struct spool_gap out[4];
    uint64_t mark;
    evict(EPOCH(1), 1, 10, 100);
    assert_int_equal(spool_ledger_offer(&ledger, out, 4, &mark), 1);
    assert_int_equal(spool_ledger_untold(&ledger), 1);
    spool_ledger_told(&ledger, mark, EPOCH(2), 5);
    assert_int_equal(spool_ledger_untold(&ledger), 0);
    spool_ledger_ack(&ledger, EPOCH(2), 1, 4);
    assert_int_equal(ledger.gap_count, 1);
    spool_ledger_untell(&ledger, EPOCH(2), 5, 5);
    assert_int_equal(spool_ledger_untold(&ledger), 1);
    spool_ledger_offer(&ledger, out, 4, &mark);
    spool_ledger_told(&ledger, mark, EPOCH(2), 9);
    spool_ledger_ack(&ledger, EPOCH(2), 9, 9);
    assert_int_equal(ledger.gap_count, 0);
    assert_int_equal(evict(EPOCH(1), 1, 10, 100), 0); /* the collector knows */
}

static void test_a_gap_that_grew_after_its_offer_is_offered_again(void **state)
{
    (void)state;
    struct spool_gap out[4];
    uint64_t mark;
    evict(EPOCH(1), 1, 10, 100);
    spool_ledger_offer(&ledger, out, 4, &mark);
    evict(EPOCH(1), 11, 12, 20);
    spool_ledger_told(&ledger, mark, EPOCH(2), 5);
    assert_int_equal(spool_ledger_untold(&ledger), 1);
}

static void test_the_table_is_bounded_by_naming_more_not_less(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 2000; i++)
        evict(EPOCH(1 + i % 3), 10 * i + 1, 10 * i + 2, 1);
    assert_int_equal(ledger.gap_count, SPOOL_GAPS_MAX);
    for (uint64_t i = 0; i < 2000; i++)
        assert_int_equal(evict(EPOCH(1 + i % 3), 10 * i + 1, 10 * i + 2, 1), 0);
}

static void test_restarts_without_number_need_no_more_memory(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 10000; i++) {
        assert_int_equal(spool_ledger_ack(&ledger, EPOCH(i), 1, 3), 0);
        spool_ledger_settle(&ledger, EPOCH(i));
    }
    assert_int_equal(ledger.ack_count, 0);
    assert_int_equal(ledger.settled.count, 1);
    assert_true(spool_ledger_acked(&ledger, EPOCH(5000), 3));
    assert_false(spool_ledger_acked(&ledger, EPOCH(10001), 1));
}

static void test_acknowledgements_past_the_limit_are_counted_not_half_taken(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= SPOOL_ACKS_MAX; i++)
        assert_int_equal(spool_ledger_ack(&ledger, EPOCH(i), 2, 3), 0);
    assert_int_equal(spool_ledger_ack(&ledger, EPOCH(99), 2, 3), ERR_FULL);
    assert_int_equal(ledger.refused_acks, 1);
    assert_false(spool_ledger_acked(&ledger, EPOCH(99), 2));
}

static void test_a_state_reads_back_and_an_older_one_changes_nothing(void **state)
{
    (void)state;
    static char older[SPOOL_STATE_MAX];
    static char newer[SPOOL_STATE_MAX];
    struct buf a;
    struct buf b;
    buf_init(&a, older, sizeof(older));
    buf_init(&b, newer, sizeof(newer));
    spool_ledger_forget(&ledger, "00ff");
    spool_ledger_ack(&ledger, EPOCH(3), 1, 9);
    spool_ledger_encode(&ledger, &a);
    evict(EPOCH(4), 5, 6, 12);
    spool_ledger_settle(&ledger, EPOCH(2));
    spool_ledger_encode(&ledger, &b);
    struct spool_ledger copy;
    spool_ledger_init(&copy);
    assert_int_equal(spool_ledger_decode(&copy, b.data, b.len), 0);
    assert_int_equal(spool_ledger_decode(&copy, a.data, a.len), 0);
    assert_string_equal(copy.store, "00ff");
    assert_int_equal(copy.gap_count, 1);
    assert_int_equal(copy.gaps[0].count, 12);
    assert_true(spool_ledger_acked(&copy, EPOCH(3), 9));
    assert_true(spool_ledger_acked(&copy, EPOCH(2), 77));
    for (size_t n = 0; n < b.len; n++) { /* cut anywhere: refused, and empty */
        struct spool_ledger cut;
        spool_ledger_init(&cut);
        assert_int_equal(spool_ledger_decode(&cut, b.data, n), ERR_CORRUPT);
        assert_int_equal(cut.gap_count, 0);
        spool_ledger_finish(&cut);
    }
    spool_ledger_finish(&copy);
}

static void test_the_largest_state_fits(void **state)
{
    (void)state;
    static char memory[SPOOL_STATE_MAX];
    struct buf b;
    buf_init(&b, memory, sizeof(memory));
    for (uint64_t i = 0; i < SPOOL_SETTLED_MAX; i++)
        spool_ledger_settle(&ledger, EPOCH(1000 + 2 * i));
    for (uint64_t i = 1; i <= SPOOL_ACKS_MAX; i++)
        for (uint64_t k = 1; k <= SPOOL_ACK_RANGES_MAX; k++)
            assert_int_equal(spool_ledger_ack(&ledger, EPOCH(i), 3 * k, 3 * k), 0);
    for (uint64_t k = 0; k < SPOOL_GAPS_MAX; k++)
        evict(EPOCH(500), 3 * k + 1, 3 * k + 1, 1);
    spool_ledger_encode(&ledger, &b);
    assert_false(b.overflow);
    assert_int_equal(ledger.settled.count, SPOOL_SETTLED_MAX);
    assert_int_equal(ledger.gap_count, SPOOL_GAPS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_neighbouring_gaps_merge_and_add_up),
        TEST(test_what_is_acknowledged_or_named_is_not_named_again),
        TEST(test_a_gap_goes_only_when_its_telling_is_acknowledged),
        TEST(test_a_gap_that_grew_after_its_offer_is_offered_again),
        TEST(test_the_table_is_bounded_by_naming_more_not_less),
        TEST(test_restarts_without_number_need_no_more_memory),
        TEST(test_acknowledgements_past_the_limit_are_counted_not_half_taken),
        TEST(test_a_state_reads_back_and_an_older_one_changes_nothing),
        TEST(test_the_largest_state_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
