/* Promise: what is due runs, in order, once, on the injected clock; what was stopped or removed,
 * even by a neighbour in the same turn, does not run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/rng.h"
#include "io/loop.h"
#include "io/signals.h"

#define TIMERS 500

struct fixture {
    struct clk_fake clk;
    struct loop *loop;
    struct loop_timer timers[TIMERS];
    int fired[TIMERS * 4];
    int fired_count;
    struct loop_watch watches[2];
    int pipes[2][2];
    int ready_count;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    clk_fake_init(&f->clk, 0, 1000);
    f->loop = loop_create(&f->clk.clk);
    assert_non_null(f->loop);
    for (int i = 0; i < TIMERS; i++)
        f->timers[i].owner = f;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    loop_destroy(f->loop);
    free(f);
    return 0;
}

static void record(struct loop_timer *timer, struct clk_mono now)
{
    struct fixture *f = timer->owner;
    assert_true(clk_mono_due(timer->at, now));
    f->fired[f->fired_count++] = (int)(timer - f->timers);
}

static void start(struct fixture *f, int i, int64_t at_ms)
{
    f->timers[i].fire = record;
    assert_int_equal(loop_timer_start(f->loop, &f->timers[i], (struct clk_mono){at_ms}), 0);
}

static void turn(struct fixture *f)
{
    assert_int_equal(loop_turn(f->loop, 0), 0);
}

static void a_timer_fires_when_due_and_once(void **state)
{
    struct fixture *f = *state;
    start(f, 0, 1100);
    clk_fake_advance(&f->clk, 99);
    turn(f);
    assert_int_equal(f->fired_count, 0);
    clk_fake_advance(&f->clk, 1);
    turn(f);
    turn(f);
    assert_int_equal(f->fired_count, 1);
}

static void timers_due_at_once_fire_in_the_order_started(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 100; i++)
        start(f, i, 1500);
    clk_fake_advance(&f->clk, 1000);
    turn(f);
    assert_int_equal(f->fired_count, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(f->fired[i], i);
}

static void any_mix_of_starts_moves_and_stops_fires_sorted(void **state)
{
    struct fixture *f = *state;
    struct rng rng;
    bool expected[TIMERS] = {false};
    rng_init(&rng, 7);
    for (int step = 0; step < 5000; step++) {
        int i = (int)rng_below(&rng, TIMERS);
        if (rng_below(&rng, 3) == 0)
            loop_timer_stop(f->loop, &f->timers[i]);
        else
            start(f, i, 1001 + (int64_t)rng_below(&rng, 300));
        expected[i] = f->timers[i].slot != 0;
    }
    int left = 0;
    for (int i = 0; i < TIMERS; i++)
        left += expected[i];
    clk_fake_advance(&f->clk, 10000);
    turn(f);
    assert_int_equal(f->fired_count, left);
    for (int i = 0; i < f->fired_count; i++) {
        assert_true(expected[f->fired[i]]);
        if (i > 0)
            assert_true(f->timers[f->fired[i - 1]].at.ms <= f->timers[f->fired[i]].at.ms);
    }
}

static void restart_in_the_past(struct loop_timer *timer, struct clk_mono now)
{
    struct fixture *f = timer->owner;
    record(timer, now);
    assert_int_equal(loop_timer_start(f->loop, timer, (struct clk_mono){0}), 0);
}

static void a_timer_restarted_in_the_past_waits_for_the_next_turn(void **state)
{
    struct fixture *f = *state;
    start(f, 0, 900);
    f->timers[0].fire = restart_in_the_past;
    start(f, 1, 1000);
    turn(f);
    assert_int_equal(f->fired_count, 2);
    assert_int_equal(f->fired[1], 1);
    turn(f);
    assert_int_equal(f->fired_count, 3);
}

static void stop_the_next(struct loop_timer *timer, struct clk_mono now)
{
    struct fixture *f = timer->owner;
    record(timer, now);
    loop_timer_stop(f->loop, timer + 1);
}

static void a_timer_stopped_by_its_neighbour_does_not_fire(void **state)
{
    struct fixture *f = *state;
    start(f, 0, 1000);
    start(f, 1, 1000);
    f->timers[0].fire = stop_the_next;
    turn(f);
    turn(f);
    assert_int_equal(f->fired_count, 1);
}

static void remove_both(struct loop_watch *watch, uint32_t events)
{
    struct fixture *f = watch->owner;
    assert_true(events & EPOLLIN);
    f->ready_count++;
    loop_watch_remove(f->loop, &f->watches[0]);
    loop_watch_remove(f->loop, &f->watches[1]);
}

static void a_watch_removed_in_the_same_turn_is_not_called(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe(f->pipes[i]), 0);
        f->watches[i] = (struct loop_watch){.ready = remove_both, .owner = f, .fd = f->pipes[i][0]};
        assert_int_equal(loop_watch_add(f->loop, &f->watches[i], EPOLLIN), 0);
        assert_int_equal(write(f->pipes[i][1], "x", 1), 1);
    }
    turn(f);
    turn(f);
    assert_int_equal(f->ready_count, 1);
    for (int i = 0; i < 2; i++) {
        close(f->pipes[i][0]);
        close(f->pipes[i][1]);
    }
}

static void stop_loop(struct signals *signals, int number)
{
    loop_stop(signals->loop, number);
}

static void a_termination_signal_arrives_in_the_loop(void **state)
{
    struct fixture *f = *state;
    struct signals signals;
    assert_int_equal(signals_init(&signals, f->loop, stop_loop, f, NULL), 0);
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    assert_int_equal(loop_run(f->loop), SIGTERM);
    signals_finish(&signals);
    signals_finish(&signals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_timer_fires_when_due_and_once, setup, teardown),
        cmocka_unit_test_setup_teardown(timers_due_at_once_fire_in_the_order_started, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(any_mix_of_starts_moves_and_stops_fires_sorted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_timer_restarted_in_the_past_waits_for_the_next_turn,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_timer_stopped_by_its_neighbour_does_not_fire, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_watch_removed_in_the_same_turn_is_not_called, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_termination_signal_arrives_in_the_loop, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
