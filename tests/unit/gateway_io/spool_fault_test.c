/*
 * Proves FAULTS 8 to 12 and 39 on a disk that fails: after a power cut at any operation, a torn or
 * rotten group, an error or a full file system, every pack reported durable is held or named in a
 * gap, nothing comes out twice or changed, and the spool opens and goes on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "tests/support/spool_world.h"

/* A life with everything in it: small and large commits, acknowledgements, packs in flight, a
 * restart, and (in a small spool) evictions with the packs that tell them. Ends when the power
 * does. */
static void live(struct world *w, int rounds)
{
    struct rng r;
    rng_init(&r, 77);
    for (int i = 0; i < rounds && !w->disk.dead; i++) {
        if (!w->spool)
            world_open(w);
        uint64_t epoch = spool_epoch(w->spool);
        uint64_t packs = 1 + rng_below(&r, 4);
        if (i % 7 == 3)
            world_tell_gaps(w);
        for (uint64_t k = 0; k < packs; k++)
            world_append(w, (uint32_t)(200 + rng_below(&r, i % 5 == 0 ? 30000 : 900)));
        world_commit(w);
        if (i % 4 == 2 && spool_durable(w->spool) > 8)
            world_ack(w, epoch, spool_durable(w->spool) - 8);
        if (i % 9 == 5)
            free(spool_take(w->spool, &(struct spool_wish){.packs = 5, .bytes = 40000}));
        if (i % 11 == 10)
            spool_release_all(w->spool);
        if (i % 13 == 12)
            world_close(w);
    }
}

static uint64_t count_ops(size_t segments, int rounds)
{
    struct world w;
    world_init(&w, 1, segments);
    live(&w, rounds);
    uint64_t ops = w.disk.ops;
    world_finish(&w);
    return ops;
}

/* One life cut at the given operation; then another, cut again at the next opening's operations. */
static size_t cut_and_check(uint64_t at, size_t segments, int rounds, enum fault_sectors sectors)
{
    struct world w;
    world_init(&w, at * 8 + sectors, segments);
    w.disk.sectors = sectors;
    w.disk.cut_at = at;
    live(&w, rounds);
    world_cut(&w);
    w.disk.cut_at = at % 7; /* also while recovering */
    world_open(&w);
    world_cut(&w);
    world_open(&w);
    size_t in_gaps = world_check_nothing_lost(&w);
    for (int i = 0; i < 5; i++) { /* and it goes on */
        world_append(&w, 700);
        assert_int_equal(world_commit(&w), 0);
    }
    world_check_nothing_lost(&w);
    world_finish(&w);
    return in_gaps;
}

static void test_a_power_cut_at_any_operation_loses_nothing_durable(void **state)
{
    (void)state;
    uint64_t ops = count_ops(16, 60);
    assert_in_range(ops, 100, 2000);
    for (uint64_t at = 0; at < ops; at++) {
        assert_int_equal(cut_and_check(at, 16, 60, FAULT_MIX), 0);
        if (at % 4 == 0)
            assert_int_equal(cut_and_check(at, 16, 60, (enum fault_sectors)(at / 4 % 3)), 0);
    }
}

static void test_a_power_cut_while_evicting_leaves_every_pack_held_or_named(void **state)
{
    (void)state;
    uint64_t ops = count_ops(3, 160);
    size_t named = 0;
    for (uint64_t at = ops / 2; at < ops; at += 2)
        named += cut_and_check(at, 3, 160, FAULT_MIX);
    assert_true(named > 0);
}

/* Name of the n-th segment file there is; NULL when there are fewer. */
static const char *segment_file(const struct world *w, size_t n)
{
    for (size_t i = 0; i < FAULT_FILES_MAX; i++)
        if (w->disk.files[i].used && strstr(w->disk.files[i].name, ".seg") && n-- == 0)
            return w->disk.files[i].name;
    return NULL;
}

static void test_a_group_torn_at_any_sector_loses_only_itself(void **state)
{
    (void)state;
    for (int torn = 0; torn < 76; torn++) {
        struct world w;
        world_init(&w, 5, 8);
        world_open(&w);
        for (int i = 0; i < 12; i++) {
            world_append(&w, 8000);
            world_commit(&w);
        }
        uint64_t durable = spool_durable(w.spool);
        w.disk.sectors = FAULT_DROP;
        w.disk.cut_at = w.disk.ops + 1; /* the write is done, its sync is not */
        for (int i = 0; i < 4; i++)
            world_append(&w, 9000);
        assert_true(world_commit(&w) < 0);
        for (size_t f = 0; f < FAULT_FILES_MAX; f++) { /* only the first sectors got there */
            struct fault_file *file = &w.disk.files[f];
            size_t n = file->used ? file->capacity / FAULT_SECTOR : 0;
            int kept = 0;
            for (size_t s = 0; s < n; s++)
                if (file->dirty[s] && kept++ < torn)
                    memcpy(file->disk + s * FAULT_SECTOR, file->now + s * FAULT_SECTOR,
                           FAULT_SECTOR);
        }
        world_cut(&w);
        world_open(&w);
        assert_int_equal(world_check_nothing_lost(&w), 0);
        size_t held = world_take_all(&w);
        assert_true(held == durable || held == durable + 4);
        world_finish(&w);
    }
}

static void test_a_flipped_bit_is_rejected_and_becomes_a_gap(void **state)
{
    (void)state;
    size_t lost = 0;
    for (size_t n = 0; n < 60; n++) {
        struct world w;
        world_init(&w, n, 8);
        world_open(&w);
        for (int i = 0; i < 150; i++) {
            world_append(&w, 4000);
            world_commit(&w);
        }
        if (n % 2)
            world_close(&w); /* found when opening; otherwise when reading */
        const char *name = segment_file(&w, n % 2);
        assert_non_null(name);
        size_t at = (size_t)rng_below(&w.rng, 200000);
        fsx_fault_flip(&w.disk, name, at, (uint8_t)(1u << (n % 8)));
        if (n % 2)
            world_open(&w);
        lost += world_check_nothing_lost(&w);
        world_close(&w);
        world_open(&w);
        world_check_nothing_lost(&w);
        world_finish(&w);
    }
    assert_true(lost > 0);
}

static void test_a_segment_of_garbage_costs_only_itself(void **state)
{
    (void)state;
    for (size_t victim = 0; victim < 3; victim++) {
        struct world w;
        size_t size;
        struct spool_state st;
        world_init(&w, victim, 8);
        world_open(&w);
        for (int i = 0; i < 150; i++) {
            world_append(&w, 4000);
            world_commit(&w);
        }
        world_close(&w);
        uint8_t *bytes = fsx_fault_bytes(&w.disk, segment_file(&w, victim), &size);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)rng_next(&w.rng);
        world_open(&w);
        spool_get_state(w.spool, &st);
        assert_true(st.held >= 80);
        if (victim == 0)
            assert_in_range(world_check_nothing_lost(&w), 40, 70);
        else
            world_take_all(&w); /* of a rotten end nobody knows any more */
        world_finish(&w);
    }
}

static void fail_and_check(uint64_t at, uint64_t count)
{
    struct world w;
    world_init(&w, at, 16);
    w.disk.fail_at = at;
    w.disk.fail_count = count;
    live(&w, 60);
    if (!w.spool)
        world_open(&w);
    for (uint64_t i = 0; i < count && world_commit(&w); i++) {
    }
    assert_int_equal(world_commit(&w), 0);
    assert_int_equal(world_check_nothing_lost(&w), 0);
    world_cut(&w);
    world_open(&w);
    assert_int_equal(world_check_nothing_lost(&w), 0);
    world_finish(&w);
}

static void test_an_error_at_any_operation_is_retried_without_a_loss(void **state)
{
    (void)state;
    uint64_t ops = count_ops(16, 60);
    for (uint64_t at = 0; at < ops; at++)
        fail_and_check(at, at % 3 * 5);
}

static void test_a_disk_that_never_works_again_is_counted_not_hidden(void **state)
{
    (void)state;
    struct world w;
    struct spool_state st;
    world_init(&w, 6, 8);
    world_open(&w);
    for (int i = 0; i < 100; i++) {
        world_append(&w, 2000);
        assert_int_equal(world_commit(&w), 0);
    }
    w.disk.fail_at = 0;
    w.disk.fail_count = FAULT_NEVER;
    for (int i = 0; i < 500; i++) {
        world_append(&w, 2000);
        assert_int_equal(world_commit(&w), ERR_IO);
    }
    assert_int_equal(spool_durable(w.spool), 100);
    spool_get_state(w.spool, &st);
    assert_true(st.failing && st.errors >= 500);
    assert_non_null(strstr(spool_fault(w.spool), "Input/output error"));
    assert_int_equal(st.appended, st.held + st.totals.evicted_packs);
    assert_true(st.totals.evicted_packs > 0);
    world_check_nothing_lost(&w);
    world_finish(&w);
}

static void test_a_full_file_system_makes_the_spool_smaller_not_dead(void **state)
{
    (void)state;
    struct world w;
    struct spool_state st;
    world_init(&w, 7, 16);
    w.disk.capacity = 5 * SPOOL_SEGMENT_MIN; /* the journal and four of sixteen segments */
    world_open(&w);
    for (int i = 0; i < 600; i++) {
        world_append(&w, 4000);
        assert_int_equal(world_commit(&w), 0);
    }
    spool_get_state(w.spool, &st);
    assert_true(st.disk_full);
    assert_int_equal(st.allocations, 4);
    assert_int_equal(st.appended, st.held + st.totals.evicted_packs);
    assert_int_equal(world_check_nothing_lost(&w), st.totals.evicted_packs);
    w.disk.capacity = UINT64_MAX; /* somebody made room */
    for (int i = 0; i < 100; i++) {
        world_append(&w, 4000);
        assert_int_equal(world_commit(&w), 0);
    }
    spool_get_state(w.spool, &st);
    assert_false(st.disk_full);
    world_finish(&w);
}

static void test_no_room_even_for_the_journal_is_no_reason_to_stop(void **state)
{
    (void)state;
    struct world w;
    struct spool_state st;
    world_init(&w, 8, 8);
    w.disk.capacity = 1000;
    world_open(&w);
    for (int i = 0; i < 300; i++)
        world_append(&w, 4000);
    assert_true(world_commit(&w) < 0);
    spool_get_state(w.spool, &st);
    assert_true(st.failing);
    assert_int_equal(st.appended, st.held + st.totals.evicted_packs);
    w.disk.capacity = UINT64_MAX;
    assert_int_equal(world_commit(&w), 0);
    assert_int_equal(spool_durable(w.spool), 300);
    world_cut(&w);
    world_open(&w);
    world_check_nothing_lost(&w);
    world_finish(&w);
}

static void test_a_torn_summary_is_scanned_instead(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 9, 16);
    world_open(&w);
    for (int i = 0; i < 300; i++) {
        world_append(&w, 4000);
        world_commit(&w);
    }
    world_close(&w);
    for (size_t i = 0; segment_file(&w, i); i++)
        fsx_fault_flip(&w.disk, segment_file(&w, i), 100 + 37 * i, 0x10);
    world_open(&w);
    assert_int_equal(world_check_nothing_lost(&w), 0);
    assert_int_equal(world_take_all(&w), 300);
    world_finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_power_cut_at_any_operation_loses_nothing_durable),
        cmocka_unit_test(test_a_power_cut_while_evicting_leaves_every_pack_held_or_named),
        cmocka_unit_test(test_a_group_torn_at_any_sector_loses_only_itself),
        cmocka_unit_test(test_a_flipped_bit_is_rejected_and_becomes_a_gap),
        cmocka_unit_test(test_a_segment_of_garbage_costs_only_itself),
        cmocka_unit_test(test_an_error_at_any_operation_is_retried_without_a_loss),
        cmocka_unit_test(test_a_disk_that_never_works_again_is_counted_not_hidden),
        cmocka_unit_test(test_a_full_file_system_makes_the_spool_smaller_not_dead),
        cmocka_unit_test(test_no_room_even_for_the_journal_is_no_reason_to_stop),
        cmocka_unit_test(test_a_torn_summary_is_scanned_instead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
