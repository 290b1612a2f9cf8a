/*
 * Promise 5 and PROTOCOL "Alerts": a transition commits with its rows, then is published; nothing
 * is published before, nothing that was committed is forgotten, and the order is kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "collector/core/journal.h"

static int put(struct journal *j, uint64_t number, size_t payload_len)
{
    char payload[512];
    char topic[32];
    memset(payload, 'a' + (int)(number % 26), sizeof(payload));
    snprintf(topic, sizeof(topic), "t/%llu", (unsigned long long)number);
    const struct journal_entry e = {.kind = JOURNAL_ALARM,
                                    .number = number,
                                    .topic = topic,
                                    .key = topic + 2,
                                    .row = "row",
                                    .row_len = 3,
                                    .payload = payload,
                                    .payload_len = payload_len};
    return journal_put(j, &e);
}

static void check(const struct journal_entry *e, uint64_t number)
{
    char topic[32];
    snprintf(topic, sizeof(topic), "t/%llu", (unsigned long long)number);
    assert_int_equal(e->number, number);
    assert_string_equal(e->topic, topic);
    assert_string_equal(e->who, "");
    assert_memory_equal(e->row, "row", 3);
    for (size_t i = 0; i < e->payload_len; i++)
        assert_int_equal(((const char *)e->payload)[i], 'a' + (int)(number % 26));
}

static struct journal *create(size_t entries, size_t bytes)
{
    struct journal *j = NULL;
    assert_int_equal(journal_create(entries, bytes, &j, NULL), 0);
    return j;
}

static void nothing_is_sent_before_it_is_committed(void **state)
{
    (void)state;
    struct journal *j = create(8, 4096);
    struct journal_entry e;
    put(j, 1, 10);
    put(j, 2, 0);
    assert_false(journal_peek_committed(j, &e));
    assert_true(journal_peek_waiting(j, &e));
    check(&e, 1);
    journal_batched(j, 1);
    assert_false(journal_peek_committed(j, &e));
    journal_failed(j);
    assert_true(journal_peek_waiting(j, &e));
    check(&e, 1);
    journal_batched(j, 1);
    journal_committed(j);
    assert_true(journal_peek_waiting(j, &e));
    check(&e, 2);
    assert_true(journal_peek_committed(j, &e));
    check(&e, 1);
    assert_true(journal_has_key(j, "2"));
    journal_destroy(j);
}

static void what_was_sent_and_not_confirmed_is_sent_again_in_order(void **state)
{
    (void)state;
    struct journal *j = create(8, 4096);
    struct journal_entry e;
    for (uint64_t n = 1; n <= 3; n++) {
        put(j, n, 5);
        journal_batched(j, n);
    }
    journal_committed(j);
    for (int i = 0; i < 3; i++)
        journal_sent(j);
    journal_published(j, 2);
    journal_published(j, 99);
    assert_int_equal(journal_depth(j), 3);
    journal_unsent(j);
    assert_true(journal_peek_committed(j, &e));
    check(&e, 1);
    for (uint64_t n = 1; n <= 3; n++)
        journal_sent(j);
    journal_published(j, 3);
    journal_published(j, 1);
    journal_published(j, 2);
    assert_int_equal(journal_depth(j), 0);
    assert_false(journal_has_key(j, "2"));
    journal_destroy(j);
}

/* FAULTS 25: with a store that cannot commit, an alarm is told once as not durable. */
static void what_cannot_be_committed_is_given_once_to_be_told_all_the_same(void **state)
{
    (void)state;
    struct journal *j = create(8, 4096);
    struct journal_entry e;
    put(j, 1, 5);
    journal_batched(j, 1);
    journal_committed(j);
    put(j, 2, 5);
    put(j, 3, 5);
    journal_batched(j, 2);
    assert_true(journal_take_untold(j, &e));
    check(&e, 2);
    assert_true(journal_take_untold(j, &e));
    check(&e, 3);
    journal_failed(j);
    assert_false(journal_take_untold(j, &e));
    assert_true(journal_peek_waiting(j, &e));
    check(&e, 2);
    journal_batched(j, 9); /* another batch, another number */
    journal_committed(j);
    journal_sent(j);
    assert_true(journal_peek_committed(j, &e));
    assert_int_equal(e.number, 9);
    journal_destroy(j);
}

static void a_full_journal_refuses_and_counts(void **state)
{
    (void)state;
    struct journal *j = create(2, 300);
    assert_int_equal(put(j, 1, 400), ERR_FULL);
    assert_int_equal(put(j, 1, 100), 0);
    assert_int_equal(put(j, 2, 200), ERR_FULL);
    assert_int_equal(put(j, 2, 100), 0);
    assert_int_equal(put(j, 3, 0), ERR_FULL);
    assert_int_equal(journal_refused(j), 3);
    journal_destroy(j);
}

/* Any mixture of steps, many times round the ring: each entry comes out once, whole, in its order.
 */
static void entries_come_out_whole_and_in_order_round_and_round(void **state)
{
    (void)state;
    struct journal *j = create(16, 2000);
    struct rng rng;
    struct journal_entry e;
    uint64_t next = 1;
    uint64_t seen = 0;
    rng_init(&rng, 3);
    for (int step = 0; step < 200000; step++) {
        switch (rng_below(&rng, 6)) {
        case 0:
        case 1:
            if (put(j, next, rng_below(&rng, 400)) == 0)
                next++;
            break;
        case 2:
            if (journal_peek_waiting(j, &e)) {
                check(&e, e.number);
                journal_batched(j, e.number);
            }
            break;
        case 3:
            journal_committed(j);
            break;
        case 4:
            journal_failed(j);
            break;
        default:
            if (journal_peek_committed(j, &e)) {
                check(&e, seen + 1);
                seen = e.number;
                journal_sent(j);
                journal_published(j, seen);
            }
        }
    }
    assert_true(seen > 1000);
    journal_destroy(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_sent_before_it_is_committed),
        cmocka_unit_test(what_was_sent_and_not_confirmed_is_sent_again_in_order),
        cmocka_unit_test(what_cannot_be_committed_is_given_once_to_be_told_all_the_same),
        cmocka_unit_test(a_full_journal_refuses_and_counts),
        cmocka_unit_test(entries_come_out_whole_and_in_order_round_and_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
