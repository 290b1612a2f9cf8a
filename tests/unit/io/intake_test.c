/* Promise: mail to an idle loop is taken at once; mail that keeps coming is taken together after
 * each pause, a turn never takes more than its limit, and none is left lying.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "io/intake.h"

#define PAUSE_MS 20
#define TURN_MAX 4

struct fixture {
    struct clk_fake clk;
    struct loop *loop;
    struct mailbox *mailbox;
    struct intake intake;
    unsigned taken, turns;
};

static void on_mail(void *owner, const struct mail *m)
{
    struct fixture *f = owner;
    assert_int_equal(m->a, f->taken); /* in the order it was posted */
    f->taken++;
}

static void on_turned(void *owner)
{
    ((struct fixture *)owner)->turns++;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    clk_fake_init(&f->clk, 0, 1000);
    f->loop = loop_create(&f->clk.clk);
    f->mailbox = mailbox_create(32, 1);
    assert_non_null(f->loop);
    assert_non_null(f->mailbox);
    const struct intake_options options = {.loop = f->loop,
                                           .mailbox = f->mailbox,
                                           .mail = on_mail,
                                           .turned = on_turned,
                                           .owner = f,
                                           .pause_ms = PAUSE_MS,
                                           .turn_max = TURN_MAX};
    assert_int_equal(intake_init(&f->intake, &options), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    intake_finish(&f->intake);
    mailbox_destroy(f->mailbox);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

static void post(struct fixture *f, unsigned from, unsigned count)
{
    for (unsigned i = from; i < from + count; i++) {
        struct mail m = {.a = i, .data = malloc(1)};
        assert_int_equal(mailbox_post_bulk(f->mailbox, &m), 0);
    }
}

static void turn(struct fixture *f)
{
    assert_int_equal(loop_turn(f->loop, 0), 0);
}

static void an_idle_loop_takes_mail_at_once(void **state)
{
    struct fixture *f = *state;
    post(f, 0, 2);
    turn(f);
    assert_int_equal(f->taken, 2);
}

static void mail_during_the_pause_is_taken_together(void **state)
{
    struct fixture *f = *state;
    post(f, 0, 1);
    turn(f);
    post(f, 1, 1);
    turn(f);
    clk_fake_advance(&f->clk, PAUSE_MS - 1);
    post(f, 2, 1);
    turn(f);
    assert_int_equal(f->taken, 1);
    clk_fake_advance(&f->clk, 1);
    turn(f);
    assert_int_equal(f->taken, 3);
    assert_int_equal(f->turns, 2);
}

static void after_a_quiet_pause_mail_is_taken_at_once_again(void **state)
{
    struct fixture *f = *state;
    post(f, 0, 1);
    turn(f);
    clk_fake_advance(&f->clk, PAUSE_MS);
    turn(f); /* nothing came */
    post(f, 1, 1);
    turn(f);
    assert_int_equal(f->taken, 2);
}

static void a_full_turn_is_followed_by_the_next_without_a_pause(void **state)
{
    struct fixture *f = *state;
    post(f, 0, 2 * TURN_MAX + 1);
    turn(f);
    assert_true(f->taken >= TURN_MAX && f->taken <= 2 * TURN_MAX);
    turn(f);
    turn(f);
    assert_int_equal(f->taken, 2 * TURN_MAX + 1);
}

static void what_is_finished_takes_nothing(void **state)
{
    struct fixture *f = *state;
    post(f, 0, 1);
    turn(f);
    post(f, 1, 1);
    intake_finish(&f->intake);
    clk_fake_advance(&f->clk, PAUSE_MS);
    turn(f);
    assert_int_equal(f->taken, 1);
}

#define WITH_INTAKE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_INTAKE(an_idle_loop_takes_mail_at_once),
        WITH_INTAKE(mail_during_the_pause_is_taken_together),
        WITH_INTAKE(after_a_quiet_pause_mail_is_taken_at_once_again),
        WITH_INTAKE(a_full_turn_is_followed_by_the_next_without_a_pause),
        WITH_INTAKE(what_is_finished_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
