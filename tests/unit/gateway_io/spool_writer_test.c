/*
 * Proves that the loop never waits for the spool: orders are taken or refused at once, answers come
 * by mail, what is reported durable is on the disk, and a failing disk is told and survived. Clean
 * under the thread sanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/io/spool/spool_disk.h"
#include "gateway/io/spool/spool_writer.h"
#include "tests/support/fsx_fault.h"

#define MAIL_BASE 100

struct bench {
    struct fsx_fault disk;
    struct mailbox *mailbox;
    struct spool_writer_options options;
    struct spool_writer *writer;
};

static void bench_start(struct bench *b)
{
    struct err e;
    assert_int_equal(spool_writer_create(&b->options, &b->writer, &e), 0);
}

static void bench_init(struct bench *b, size_t slots)
{
    memset(b, 0, sizeof(*b));
    fsx_fault_init(&b->disk, 1);
    b->mailbox = mailbox_create(slots, slots / 2);
    assert_non_null(b->mailbox);
    b->options = (struct spool_writer_options){
        .spool =
            {
                .fsx = &b->disk.fsx,
                .dir = "spool",
                .size_max = 4 * SPOOL_SEGMENT_MIN,
                .segment_size = SPOOL_SEGMENT_MIN,
            },
        .mailbox = b->mailbox,
        .mail_base = MAIL_BASE,
        .sync_ms = SPOOL_SYNC_MAX_MS, /* so that only what the test orders commits */
    };
    bench_start(b);
}

static void bench_finish(struct bench *b)
{
    spool_writer_destroy(b->writer);
    mailbox_destroy(b->mailbox);
    fsx_fault_finish(&b->disk);
}

/* The next mail of that kind; others are let go. The caller frees data. */
static struct mail expect(struct bench *b, enum spool_mail kind)
{
    struct mail m;
    for (;;) {
        struct pollfd p = {.fd = mailbox_fd(b->mailbox), .events = POLLIN};
        assert_int_equal(poll(&p, 1, 60000), 1);
        while (mailbox_take(b->mailbox, &m)) {
            if (m.type == MAIL_BASE + (int)kind)
                return m;
            free(m.data);
        }
    }
}

static int append(struct bench *b, uint64_t seq, uint32_t len)
{
    static char bytes[PACK_SIZE_MAX];
    memset(bytes, (int)('a' + seq % 26), len);
    struct spool_pack p = {.seq = seq, .samples = 1, .bytes = bytes, .len = len};
    return spool_writer_append(b->writer, &p);
}

static void test_appended_packs_become_durable_and_are_taken(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 64);
    for (uint64_t seq = 1; seq <= 50; seq++)
        assert_int_equal(append(&b, seq, 300), 0);
    assert_int_equal(spool_writer_sync(b.writer), 0);
    struct mail m = expect(&b, SPOOL_TAKEABLE);
    assert_int_equal(m.a, spool_writer_epoch(b.writer));
    assert_int_equal(m.b, 50);
    struct spool_wish wish = {.packs = 20, .bytes = 100000};
    assert_int_equal(spool_writer_take(b.writer, &wish), 0);
    m = expect(&b, SPOOL_PACKS);
    assert_int_equal(m.a, 20);
    struct spool_batch *batch = m.data;
    assert_int_equal(batch->items[0].seq, 50);
    assert_int_equal(((const char *)spool_batch_bytes(batch, 0))[0], 'a' + 50 % 26);
    free(batch);
    bench_finish(&b);
}

static void test_a_commit_comes_by_itself(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 64);
    spool_writer_destroy(b.writer);
    b.options.sync_ms = SPOOL_SYNC_MIN_MS;
    bench_start(&b);
    assert_int_equal(append(&b, 1, 100), 0);
    struct mail m = expect(&b, SPOOL_TAKEABLE);
    assert_int_equal(m.b, 1);
    bench_finish(&b);
}

static void test_every_take_is_answered_also_with_nothing(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 64);
    struct spool_wish wish = {.packs = 20, .bytes = 100000, .tag = 7};
    assert_int_equal(spool_writer_take(b.writer, &wish), 0);
    struct mail m = expect(&b, SPOOL_PACKS);
    assert_int_equal(m.a, 0);
    assert_int_equal(m.b, 7); /* whose answer it is, also after one that was lost */
    assert_null(m.data);
    bench_finish(&b);
}

static void test_what_was_ordered_before_the_end_is_on_the_disk(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 64);
    for (uint64_t seq = 1; seq <= 30; seq++)
        assert_int_equal(append(&b, seq, 1000), 0);
    uint64_t epoch = spool_writer_epoch(b.writer);
    struct range also = {20, 30};
    assert_int_equal(spool_writer_ack(b.writer, epoch, 5, &also, 1), 0);
    assert_int_equal(spool_writer_forget_acks(b.writer, "0123"), 0);
    assert_int_equal(spool_writer_ack(b.writer, epoch, 10, NULL, 0), 0);
    spool_writer_destroy(b.writer);
    fsx_fault_reboot(&b.disk);
    bench_start(&b);
    assert_string_equal(spool_writer_store(b.writer), "0123");
    assert_int_equal(spool_writer_report(b.writer), 0);
    struct mail m = expect(&b, SPOOL_STATE);
    free(m.data);
    struct spool_wish wish = {.packs = 100, .bytes = 100000};
    assert_int_equal(spool_writer_take(b.writer, &wish), 0);
    m = expect(&b, SPOOL_PACKS);
    assert_int_equal(m.a, 20);
    free(m.data);
    bench_finish(&b);
}

static void test_released_packs_are_taken_again(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 64);
    struct spool_wish wish = {.packs = 100, .bytes = 100000};
    for (uint64_t seq = 1; seq <= 3; seq++)
        append(&b, seq, 100);
    spool_writer_sync(b.writer);
    free(expect(&b, SPOOL_TAKEABLE).data);
    spool_writer_take(b.writer, &wish);
    free(expect(&b, SPOOL_PACKS).data);
    spool_writer_release(b.writer, spool_writer_epoch(b.writer), 2);
    spool_writer_take(b.writer, &wish);
    struct mail m = expect(&b, SPOOL_PACKS);
    assert_int_equal(m.a, 1);
    free(m.data);
    spool_writer_release_all(b.writer);
    spool_writer_take(b.writer, &wish);
    m = expect(&b, SPOOL_PACKS);
    assert_int_equal(m.a, 3);
    free(m.data);
    bench_finish(&b);
}

static void test_a_full_queue_refuses_packs_but_takes_acknowledgements(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 64);
    /* Orders come faster than a full mailbox's worth of takes can be carried out or not; what is
     * promised is that every pack taken by the queue is kept, and none is taken in part. */
    uint64_t seq = 1;
    for (int i = 0; i < 2000; i++)
        if (append(&b, seq, 20000) == 0)
            seq++;
    assert_true(seq > 1);
    while (append(&b, seq, 100) == ERR_FULL)
        assert_int_equal(spool_writer_ack(b.writer, 1, 0, NULL, 0), 0);
    assert_int_equal(spool_writer_sync(b.writer), 0);
    struct mail m;
    do
        m = expect(&b, SPOOL_TAKEABLE);
    while (m.b != seq);
    bench_finish(&b);
}

static void test_evicted_packs_are_offered_as_gaps(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 64);
    for (uint64_t seq = 1; seq <= 300;)
        if (append(&b, seq, 6000) == 0)
            seq++;
    struct mail m = expect(&b, SPOOL_GAPS);
    const struct spool_gap *gaps = m.data;
    assert_true(m.a > 0 && m.b == 1);
    assert_int_equal(gaps[0].epoch, spool_writer_epoch(b.writer));
    assert_int_equal(gaps[0].from, 1);
    assert_int_equal(gaps[0].cause, SPOOL_EVICTED);
    free(m.data);
    bench_finish(&b);
}

static void test_a_failing_disk_is_told_and_its_recovery_too(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 64);
    spool_writer_destroy(b.writer);
    b.options.sync_ms = SPOOL_SYNC_MIN_MS;
    b.disk.fail_at = b.disk.ops + 3; /* past the opening; then six operations fail */
    b.disk.fail_count = 5;
    bench_start(&b);
    assert_int_equal(append(&b, 1, 100), 0);
    struct mail m = expect(&b, SPOOL_FAULT);
    assert_int_equal(m.a, 1);
    assert_non_null(strstr(m.data, "Input/output error"));
    free(m.data);
    m = expect(&b, SPOOL_TAKEABLE); /* from memory, meanwhile */
    assert_int_equal(m.b, 1);
    m = expect(&b, SPOOL_FAULT);
    assert_int_equal(m.a, 0);
    bench_finish(&b);
}

static void test_packs_that_no_disk_keeps_can_be_sent(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 64);
    spool_writer_destroy(b.writer);
    b.disk.fail_dir = true;
    bench_start(&b);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        assert_int_equal(append(&b, seq, 100), 0);
        while (expect(&b, SPOOL_TAKEABLE).b < seq)
            ;
    }
    struct spool_wish wish = {.packs = 20, .bytes = 100000};
    assert_int_equal(spool_writer_take(b.writer, &wish), 0);
    struct mail m = expect(&b, SPOOL_PACKS);
    assert_int_equal(m.a, 3);
    free(m.data);
    bench_finish(&b);
}

static void test_options_out_of_range_are_refused(void **state)
{
    (void)state;
    struct bench b;
    struct err e;
    struct spool_writer *none = NULL;
    bench_init(&b, 64);
    b.options.sync_ms = 5000;
    assert_int_equal(spool_writer_create(&b.options, &none, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "5000 ms"));
    b.options.sync_ms = 0;
    b.options.orders_max = 1;
    assert_int_equal(spool_writer_create(&b.options, &none, &e), ERR_INVALID);
    bench_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appended_packs_become_durable_and_are_taken),
        cmocka_unit_test(test_a_commit_comes_by_itself),
        cmocka_unit_test(test_every_take_is_answered_also_with_nothing),
        cmocka_unit_test(test_what_was_ordered_before_the_end_is_on_the_disk),
        cmocka_unit_test(test_released_packs_are_taken_again),
        cmocka_unit_test(test_a_full_queue_refuses_packs_but_takes_acknowledgements),
        cmocka_unit_test(test_evicted_packs_are_offered_as_gaps),
        cmocka_unit_test(test_a_failing_disk_is_told_and_its_recovery_too),
        cmocka_unit_test(test_packs_that_no_disk_keeps_can_be_sent),
        cmocka_unit_test(test_options_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
