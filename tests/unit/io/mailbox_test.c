/* Promise: mail from many threads arrives once, in each poster's order; what does not fit is freed
 * and counted; bulk mail never takes the room of acks and commands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "io/mailbox.h"

#define POSTERS 4
#define LETTERS 5000

static struct mail letter(uint64_t a)
{
    return (struct mail){.a = a, .data = malloc(16), .len = 16};
}

static bool readable(struct mailbox *mb, int timeout_ms)
{
    struct pollfd p = {.fd = mailbox_fd(mb), .events = POLLIN};
    return poll(&p, 1, timeout_ms) == 1;
}

static void the_descriptor_is_readable_exactly_while_there_is_mail(void **state)
{
    (void)state;
    struct mailbox *mb = mailbox_create(4, 1);
    struct mail m = letter(1);
    struct mail out;
    assert_false(readable(mb, 0));
    assert_int_equal(mailbox_post_bulk(mb, &m), 0);
    m = letter(2);
    assert_int_equal(mailbox_post_bulk(mb, &m), 0);
    assert_int_equal(mailbox_depth(mb), 2);
    for (uint64_t i = 1; i <= 2; i++) {
        assert_true(readable(mb, 0));
        assert_true(mailbox_take(mb, &out));
        assert_int_equal(out.a, i);
        free(out.data);
    }
    assert_false(readable(mb, 0));
    assert_false(mailbox_take(mb, &out));
    mailbox_destroy(mb);
}

static void many_are_taken_at_once_and_none_is_overlooked_when_waiting_again(void **state)
{
    (void)state;
    struct mailbox *mb = mailbox_create(4, 1);
    struct mail out[8];
    struct mail m;
    for (uint64_t i = 1; i <= 3; i++) {
        m = letter(i);
        assert_int_equal(mailbox_post_bulk(mb, &m), 0);
    }
    assert_int_equal(mailbox_take_many(mb, out, 2), 2);
    assert_int_equal(mailbox_take_many(mb, out + 2, 6), 1);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(out[i - 1].a, i);
        free(out[i - 1].data);
    }
    m = letter(4); /* came between the last look and the wait */
    assert_int_equal(mailbox_post_bulk(mb, &m), 0);
    assert_false(mailbox_rearm(mb));
    assert_true(readable(mb, 0));
    assert_int_equal(mailbox_take_many(mb, out, 8), 1);
    free(out[0].data);
    assert_true(mailbox_rearm(mb));
    assert_false(readable(mb, 0));
    m = letter(5);
    assert_int_equal(mailbox_post_bulk(mb, &m), 0);
    assert_true(readable(mb, 0));
    mailbox_destroy(mb);
}

static void bulk_leaves_the_reserved_slots_to_control(void **state)
{
    (void)state;
    struct mailbox *mb = mailbox_create(4, 2);
    struct mail m;
    for (uint64_t i = 0; i < 3; i++) {
        m = letter(i);
        assert_int_equal(mailbox_post_bulk(mb, &m), i < 2 ? 0 : ERR_FULL);
    }
    for (uint64_t i = 0; i < 3; i++) {
        m = letter(i);
        assert_int_equal(mailbox_post_control(mb, &m), i < 2 ? 0 : ERR_FULL);
    }
    assert_int_equal(mailbox_dropped(mb), 2);
    mailbox_destroy(mb); /* frees the four that lie in it: the leak checker is the judge */
}

struct poster {
    struct mailbox *mb;
    uint64_t number, dropped;
};

static void *post_all(void *user)
{
    struct poster *p = user;
    for (uint64_t i = 0; i < LETTERS; i++) {
        struct mail m = letter(p->number << 32 | i);
        int r = i % 8 == 0 ? mailbox_post_control(p->mb, &m) : mailbox_post_bulk(p->mb, &m);
        p->dropped += r < 0;
    }
    return NULL;
}

static void from_many_threads_nothing_is_doubled_reordered_or_lost_uncounted(void **state)
{
    (void)state;
    struct mailbox *mb = mailbox_create(64, 16);
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];
    for (uint64_t i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.mb = mb, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
    }
    uint64_t next[POSTERS] = {0};
    uint64_t taken = 0;
    while (taken + mailbox_dropped(mb) < (uint64_t)POSTERS * LETTERS || mailbox_depth(mb) > 0) {
        struct mail m;
        (void)readable(mb, 10);
        while (mailbox_take(mb, &m)) {
            uint64_t who = m.a >> 32;
            uint64_t i = m.a & UINT32_MAX;
            assert_true(i >= next[who]);
            next[who] = i + 1;
            free(m.data);
            taken++;
        }
    }
    uint64_t dropped = 0;
    for (int i = 0; i < POSTERS; i++) {
        pthread_join(threads[i], NULL);
        dropped += posters[i].dropped;
    }
    assert_int_equal(dropped, mailbox_dropped(mb));
    assert_int_equal(taken + dropped, POSTERS * LETTERS);
    mailbox_destroy(mb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_descriptor_is_readable_exactly_while_there_is_mail),
        cmocka_unit_test(many_are_taken_at_once_and_none_is_overlooked_when_waiting_again),
        cmocka_unit_test(bulk_leaves_the_reserved_slots_to_control),
        cmocka_unit_test(from_many_threads_nothing_is_doubled_reordered_or_lost_uncounted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
