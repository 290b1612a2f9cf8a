/*
 * Proves promise 1 on a healthy disk: what goes into the spool comes out once, newest first, until
 * it is acknowledged; what a full spool lets go of is named in a gap, and the books balance.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/spool_world.h"

static void test_packs_come_back_newest_first(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 1, 8);
    world_open(&w);
    for (int i = 0; i < 10; i++)
        world_append(&w, 300);
    struct spool_wish wish = {.packs = 100, .bytes = 100000};
    assert_null(spool_take(w.spool, &wish)); /* not durable: not to be sent */
    assert_int_equal(world_commit(&w), 0);
    assert_int_equal(spool_durable(w.spool), 10);
    struct spool_batch *b = spool_take(w.spool, &wish);
    assert_non_null(b);
    assert_int_equal(b->count, 10);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(b->items[i].seq, 10 - i);
        world_check_item(&w, b, i);
    }
    free(b);
    assert_null(spool_take(w.spool, &wish)); /* handed out */
    spool_release(w.spool, spool_epoch(w.spool), 4);
    b = spool_take(w.spool, &wish);
    assert_non_null(b);
    assert_int_equal(b->count, 1);
    assert_int_equal(b->items[0].seq, 4);
    free(b);
    world_finish(&w);
}

static void test_a_pack_taken_when_appended_is_nobody_elses_until_released(void **state)
{
    (void)state;
    struct world w;
    struct spool_batch *b;
    const struct spool_wish wish = {.packs = 100, .bytes = 100000};
    world_init(&w, 3, 8);
    world_open(&w);
    world_append_as(&w, 300, 0, true);
    world_append_as(&w, 300, 0, true);
    assert_int_equal(spool_ack(w.spool, spool_epoch(w.spool), 1, NULL, 0), 0); /* not durable yet */
    assert_int_equal(world_commit(&w), 0);
    assert_null(spool_take(w.spool, &wish));
    spool_release_all(w.spool);
    b = spool_take(w.spool, &wish);
    assert_non_null(b);
    assert_int_equal(b->count, 1);
    assert_int_equal(b->items[0].seq, 2);
    free(b);
    world_finish(&w);
}

/* Takes by the wish and returns how many came, the seq of the last in *last. */
static size_t take_count(struct world *w, struct spool_wish wish, uint64_t *last)
{
    struct spool_batch *b = spool_take(w->spool, &wish);
    size_t n = b ? b->count : 0;
    if (n)
        *last = b->items[n - 1].seq;
    free(b);
    return n;
}

static void test_a_wish_is_kept_to(void **state)
{
    (void)state;
    struct world w;
    uint64_t last = 0;
    world_init(&w, 2, 8);
    world_open(&w);
    for (int i = 0; i < 20; i++)
        world_append(&w, 1000);
    world_commit(&w);
    assert_int_equal(take_count(&w, (struct spool_wish){.packs = 3, .bytes = 99999}, &last), 3);
    assert_int_equal(take_count(&w, (struct spool_wish){.packs = 9, .bytes = 2500}, &last), 2);
    assert_int_equal(take_count(&w, (struct spool_wish){.packs = 9, .bytes = 1}, &last), 1);
    assert_int_equal(last, 15); /* one all the same */
    struct spool_wish live = {.packs = 9, .bytes = 99999, .since = 12};
    assert_int_equal(take_count(&w, live, &last), 3);
    assert_int_equal(last, 12);
    assert_int_equal(take_count(&w, live, &last), 0);
    world_finish(&w);
}

static void test_held_packs_survive_restarts_and_acknowledged_ones_stay_silent(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 3, 16);
    for (int life = 0; life < 6; life++) {
        world_open(&w);
        for (uint32_t i = 0; i < 150; i++)
            world_append(&w, 200 + 13 * i);
        world_ack(&w, spool_epoch(w.spool), 50);
        assert_int_equal(world_commit(&w), 0);
        assert_int_equal(world_take_all(&w), (size_t)(life + 1) * 100);
        world_close(&w);
    }
    world_open(&w);
    assert_int_equal(world_check_nothing_lost(&w), 0);
    for (int life = 0; life < 6; life++)
        world_ack(&w, w.epochs[life], 150);
    assert_int_equal(world_take_all(&w), 0);
    world_close(&w);
    world_open(&w);
    assert_int_equal(world_take_all(&w), 0);
    world_finish(&w);
}

static void test_an_acknowledgement_of_what_was_never_appended_is_refused(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 4, 8);
    world_open(&w);
    uint64_t epoch = spool_epoch(w.spool);
    for (int i = 0; i < 10; i++)
        world_append(&w, 100);
    world_commit(&w);
    struct range beyond = {8, 11};
    struct range backwards = {5, 4};
    assert_int_equal(spool_ack(w.spool, epoch, 11, NULL, 0), ERR_INVALID);
    assert_int_equal(spool_ack(w.spool, epoch, 1, &beyond, 1), ERR_INVALID);
    assert_int_equal(spool_ack(w.spool, epoch, 1, &backwards, 1), ERR_INVALID);
    assert_int_equal(spool_ack(w.spool, epoch + 1, 5, NULL, 0), 0); /* nothing of it is here */
    assert_int_equal(world_take_all(&w), 10);
    struct range fine = {8, 10};
    assert_int_equal(spool_ack(w.spool, epoch, 2, &fine, 1), 0);
    assert_int_equal(world_take_all(&w), 5);
    world_finish(&w);
}

/* Packs sent from memory while the disk failed may have arrived, and be gone here. */
static void test_an_old_epoch_is_let_go_also_when_more_of_it_arrived_than_is_left(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 5, 8);
    world_open(&w);
    for (int i = 0; i < 10; i++)
        world_append(&w, 100);
    world_commit(&w);
    world_close(&w);
    world_open(&w);
    struct range beyond[] = {{8, 30}, {32, 40}};
    assert_int_equal(spool_ack(w.spool, w.epochs[0], 2, beyond, 2), 0);
    assert_int_equal(world_take_all(&w), 5);
    assert_int_equal(spool_ack(w.spool, w.epochs[0], 57, NULL, 0), 0);
    assert_int_equal(world_take_all(&w), 0);
    world_finish(&w);
}

static void test_a_full_spool_of_acknowledged_packs_recycles_without_allocating(void **state)
{
    (void)state;
    struct world w;
    struct spool_state st = {0};
    uint64_t allocations = 0;
    world_init(&w, 5, 4);
    world_open(&w);
    for (int i = 0; i < 800; i++) {
        world_append(&w, 5000);
        world_ack(&w, spool_epoch(w.spool), w.packs[w.count - 1].seq);
        assert_int_equal(world_commit(&w), 0);
        spool_get_state(w.spool, &st);
        if (i == 400)
            allocations = st.allocations;
    }
    assert_int_equal(allocations, 4);
    assert_int_equal(st.allocations, 4);
    assert_int_equal(st.totals.evicted_packs, 0);
    assert_int_equal(st.gaps, 0);
    assert_true(st.recycled > 0);
    assert_int_equal(st.appended, st.held + st.recycled);
    world_finish(&w);
}

static void test_what_a_full_spool_evicts_is_named_and_the_books_balance(void **state)
{
    (void)state;
    struct world w;
    struct spool_state st;
    uint64_t samples = 0;
    world_init(&w, 6, 4);
    world_open(&w);
    for (int i = 0; i < 600; i++) {
        world_append(&w, 3000 + (uint32_t)i);
        assert_int_equal(world_commit(&w), 0);
    }
    spool_get_state(w.spool, &st);
    assert_true(st.totals.evicted_packs > 100);
    assert_int_equal(st.appended, st.held + st.totals.evicted_packs);
    assert_int_equal(world_check_nothing_lost(&w), st.totals.evicted_packs);
    for (size_t i = 0; i < w.count; i++)
        samples += w.packs[i].in_gap ? w.packs[i].samples : 0;
    assert_int_equal(samples, st.totals.evicted_samples);
    assert_int_equal(st.gaps, 1); /* neighbours merge */
    assert_int_equal(st.low, st.totals.evicted_packs + 1);
    world_finish(&w);
}

static void test_packs_in_flight_are_evicted_last(void **state)
{
    (void)state;
    struct world w;
    struct spool_state st;
    uint64_t last;
    world_init(&w, 7, 4);
    world_open(&w);
    for (int i = 0; i < 20; i++)
        world_append(&w, 4000);
    world_commit(&w);
    assert_int_equal(take_count(&w, (struct spool_wish){.packs = 20, .bytes = 99999}, &last), 20);
    for (int i = 0; i < 300; i++) {
        world_append(&w, 4000);
        world_commit(&w);
    }
    assert_int_equal(spool_low(w.spool, spool_epoch(w.spool)), 1);
    world_ack(&w, spool_epoch(w.spool), 20);
    spool_get_state(w.spool, &st);
    assert_true(st.totals.evicted_packs > 0);
    assert_int_equal(world_check_nothing_lost(&w), st.totals.evicted_packs);
    world_finish(&w);
}

static void append_and_commit(struct world *w, int n, uint32_t len)
{
    for (int i = 0; i < n; i++) {
        world_append(w, len);
        assert_int_equal(world_commit(w), 0);
    }
}

static void test_a_gap_outlives_the_pack_that_told_it(void **state)
{
    (void)state;
    struct world w;
    struct spool_state st;
    static struct spool_gap gaps[8];
    uint64_t mark;
    world_init(&w, 8, 4);
    world_open(&w);
    append_and_commit(&w, 400, 4000);
    assert_int_equal(spool_offer_gaps(w.spool, gaps, 8, &mark), 1);
    struct spool_gap first = gaps[0];
    world_append_marked(&w, 500, mark);
    world_commit(&w);
    uint64_t teller = w.packs[w.count - 1].seq;
    assert_int_equal(spool_offer_gaps(w.spool, gaps, 8, &mark), 0);
    append_and_commit(&w, 400, 4000); /* the telling pack is evicted as well */
    assert_true(spool_low(w.spool, spool_epoch(w.spool)) > teller);
    world_close(&w);
    world_open(&w);
    assert_true(spool_offer_gaps(w.spool, gaps, 8, &mark) >= 1);
    assert_int_equal(gaps[0].epoch, first.epoch);
    assert_int_equal(gaps[0].from, first.from);
    assert_true(gaps[0].to >= first.to);
    world_append_marked(&w, 500, mark);
    world_commit(&w);
    world_ack(&w, spool_epoch(w.spool), 1); /* told and heard: done */
    spool_get_state(w.spool, &st);
    assert_int_equal(st.gaps, 0);
    world_close(&w);
    world_open(&w);
    spool_get_state(w.spool, &st);
    assert_int_equal(st.gaps, 0);
    world_finish(&w);
}

static void test_another_store_gets_everything_again_and_the_rest_as_erased(void **state)
{
    (void)state;
    struct world w;
    static struct spool_gap gaps[8];
    uint64_t mark;
    world_init(&w, 9, 4);
    world_open(&w);
    spool_forget_acks(w.spool, "aaaa");
    for (int i = 0; i < 600; i++) {
        world_append(&w, 4000);
        world_ack(&w, spool_epoch(w.spool), w.packs[w.count - 1].seq);
        world_commit(&w);
    }
    assert_int_equal(world_take_all(&w), 0);
    uint64_t low = spool_low(w.spool, spool_epoch(w.spool));
    spool_forget_acks(w.spool, "bbbb");
    assert_string_equal(spool_store(w.spool), "bbbb");
    world_commit(&w);
    assert_int_equal(world_take_all(&w), 600 - low + 1);
    assert_int_equal(spool_offer_gaps(w.spool, gaps, 8, &mark), 1);
    assert_int_equal(gaps[0].cause, SPOOL_ERASED);
    assert_int_equal(gaps[0].from, 1);
    assert_int_equal(gaps[0].to, low - 1);
    world_close(&w);
    world_open(&w);
    assert_string_equal(spool_store(w.spool), "bbbb");
    world_finish(&w);
}

static void test_an_epoch_is_never_used_twice(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 10, 4);
    for (int i = 0; i < 1000; i++) {
        world_open(&w); /* asserts that the epoch is new */
        if (i % 3 == 0) {
            world_append(&w, 100);
            world_commit(&w);
        }
        world_cut(&w);
        if (i % 100 == 99)
            fsx_fault_wipe(&w.disk);
    }
    world_finish(&w);
}

static void test_a_crash_loop_costs_little_space(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 11, 8);
    for (int i = 0; i < 300; i++) {
        world_open(&w);
        world_append(&w, 500);
        world_commit(&w);
        world_cut(&w);
    }
    world_open(&w);
    assert_int_equal(world_check_nothing_lost(&w), 0);
    for (int i = 0; i < 300; i++)
        world_ack(&w, w.epochs[i], 1);
    world_commit(&w);
    world_close(&w);
    world_open(&w);
    assert_int_equal(world_take_all(&w), 0);
    world_finish(&w);
}

static void test_small_commits_waste_no_space(void **state)
{
    (void)state;
    struct world w;
    struct spool_state st;
    world_init(&w, 12, 8);
    world_open(&w);
    append_and_commit(&w, 1000, 400);
    spool_get_state(w.spool, &st);
    assert_int_equal(st.held, 1000);
    assert_in_range(st.bytes, 1, 1000 * (400 + 48) * 11 / 10 + 4 * SPOOL_BLOCK);
    world_finish(&w);
}

static void test_a_directory_that_cannot_be_used_leaves_a_counted_spool_in_memory(void **state)
{
    (void)state;
    struct world w;
    struct spool_state st;
    world_init(&w, 13, 4);
    w.disk.fail_dir = true;
    world_open(&w);
    for (int i = 0; i < 500; i++)
        world_append(&w, 4000);
    assert_int_equal(world_commit(&w), 0);
    spool_get_state(w.spool, &st);
    assert_true(st.memory_only);
    assert_int_equal(st.durable, 0);
    assert_true(st.held > 100 && st.totals.evicted_packs > 0);
    assert_int_equal(st.held + st.totals.evicted_packs, 500);
    assert_int_equal(world_take_all(&w), st.held); /* better sent than kept */
    world_finish(&w);
}

static void test_options_out_of_range_are_refused_by_name(void **state)
{
    (void)state;
    struct spool *s = NULL;
    struct err e;
    struct spool_options o = {.dir = "x", .size_max = 1 << 20};
    assert_int_equal(spool_open(&o, &s, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "size"));
    o.size_max = 64 << 20;
    o.segment_size = 5000;
    assert_int_equal(spool_open(&o, &s, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "segments of 5000"));
    o.segment_size = 0;
    o.memory_max = 1000;
    assert_int_equal(spool_open(&o, &s, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "memory"));
}

static void test_a_pack_out_of_sequence_or_of_a_bad_length_is_refused(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 14, 4);
    world_open(&w);
    struct spool_pack p = {.seq = 2, .bytes = "x", .len = 1};
    assert_int_equal(spool_append(w.spool, &p), ERR_INVALID);
    p.seq = 1;
    p.len = 0;
    assert_int_equal(spool_append(w.spool, &p), ERR_INVALID);
    p.len = PACK_SIZE_MAX + 1;
    assert_int_equal(spool_append(w.spool, &p), ERR_INVALID);
    world_append(&w, PACK_SIZE_MAX);
    world_append(&w, PACK_SIZE_MAX);
    assert_int_equal(world_commit(&w), 0);
    world_close(&w);
    world_open(&w);
    assert_int_equal(world_take_all(&w), 2);
    world_finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packs_come_back_newest_first),
        cmocka_unit_test(test_a_pack_taken_when_appended_is_nobody_elses_until_released),
        cmocka_unit_test(test_a_wish_is_kept_to),
        cmocka_unit_test(test_held_packs_survive_restarts_and_acknowledged_ones_stay_silent),
        cmocka_unit_test(test_an_acknowledgement_of_what_was_never_appended_is_refused),
        cmocka_unit_test(test_an_old_epoch_is_let_go_also_when_more_of_it_arrived_than_is_left),
        cmocka_unit_test(test_a_full_spool_of_acknowledged_packs_recycles_without_allocating),
        cmocka_unit_test(test_what_a_full_spool_evicts_is_named_and_the_books_balance),
        cmocka_unit_test(test_packs_in_flight_are_evicted_last),
        cmocka_unit_test(test_a_gap_outlives_the_pack_that_told_it),
        cmocka_unit_test(test_another_store_gets_everything_again_and_the_rest_as_erased),
        cmocka_unit_test(test_an_epoch_is_never_used_twice),
        cmocka_unit_test(test_a_crash_loop_costs_little_space),
        cmocka_unit_test(test_small_commits_waste_no_space),
        cmocka_unit_test(test_a_directory_that_cannot_be_used_leaves_a_counted_spool_in_memory),
        cmocka_unit_test(test_options_out_of_range_are_refused_by_name),
        cmocka_unit_test(test_a_pack_out_of_sequence_or_of_a_bad_length_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
