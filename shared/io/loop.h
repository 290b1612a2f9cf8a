/*
 * The event loop: epoll, a timer heap, an injected clock. One thread; nothing in it may wait.
 *
 * Timers run on the monotonic clock. A timer or watch is memory of its owner (no allocation here
 * beyond the heap's array); it must be stopped before its memory goes away.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"

struct loop;

struct loop_timer {
    void (*fire)(struct loop_timer *timer, struct clk_mono now);
    void *owner;
    struct clk_mono at; /* the loop's */
    uint64_t order; /* the loop's: among timers due at once, the one started first fires first */
    size_t slot;    /* the loop's: 1-based place in the heap, 0 when stopped */
};

struct loop_watch {
    void (*ready)(struct loop_watch *watch,
                  uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP */
    void *owner;
    int fd; /* borrowed */
};

struct loop *loop_create(const struct clk *clk);
void loop_destroy(struct loop *loop); /* NULL is fine */
const struct clk *loop_clk(const struct loop *loop);

/* Starts or moves a timer; `at` in the past fires at the next turn. ERR_NOMEM; ERR_LIMIT at 65,536
 * timers. */
int loop_timer_start(struct loop *loop, struct loop_timer *timer, struct clk_mono at);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer); /* stopped already: fine */

/* A watch may remove itself or any other from inside `ready`: one removed is not called again. Both
 * return 0 or ERR_IO (errno says why). */
int loop_watch_add(struct loop *loop, struct loop_watch *watch, uint32_t events);
int loop_watch_change(struct loop *loop, struct loop_watch *watch, uint32_t events);
void loop_watch_remove(struct loop *loop, struct loop_watch *watch);

/* One turn: waits for an event or the next timer (at most timeout_ms; -1: no limit), then runs what
 * is due. Returns 0 or ERR_IO. */
int loop_turn(struct loop *loop, int timeout_ms);
/* Turns until loop_stop; returns the status given to it. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop, int status);

#endif
