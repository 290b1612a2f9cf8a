#include "io/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/err.h"

#define LOOP_EVENTS_MAX  64    /* taken from the kernel in one turn; the rest comes in the next */
#define LOOP_TIMERS_MIN  64    /* slots at the start; doubled when full */
#define LOOP_TIMERS_MAX  65536 /* more is a leak */
#define LOOP_WAIT_MAX_MS 60000 /* so that a clock that ran ahead is looked at again */

struct loop {
    const struct clk *clk;
    int epoll;
    bool running;
    int status;

    /* A binary heap; slots are 1-based, heap[0] is unused. */
    struct loop_timer **heap;
    size_t timers, capacity;
    uint64_t order;       /* of the timer started last */
    struct clk_mono turn; /* the instant timers are being fired for */
    bool firing;

    /* This turn's events: a watch removed meanwhile is struck out, so it is not called. */
    struct epoll_event events[LOOP_EVENTS_MAX];
    int event_count;
};

struct loop *loop_create(const struct clk *clk)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        return NULL;
    loop->clk = clk;
    loop->capacity = LOOP_TIMERS_MIN;
    loop->heap = calloc(loop->capacity + 1, sizeof(struct loop_timer *));
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!loop->heap || loop->epoll < 0) {
        loop_destroy(loop);
        return NULL;
    }
    return loop;
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    if (loop->epoll >= 0)
        close(loop->epoll);
    free(loop->heap);
    free(loop);
}

const struct clk *loop_clk(const struct loop *loop)
{
    return loop->clk;
}

/* --- timers --- */

/* Timers due at the same instant fire in the order they were started. */
static bool timer_before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->at.ms != b->at.ms ? a->at.ms < b->at.ms : a->order < b->order;
}

static void heap_put(struct loop *loop, size_t slot, struct loop_timer *timer)
{
    loop->heap[slot] = timer;
    timer->slot = slot;
}

static void heap_rise(struct loop *loop, size_t slot)
{
    struct loop_timer *timer = loop->heap[slot];
    while (slot > 1 && timer_before(timer, loop->heap[slot / 2])) {
        heap_put(loop, slot, loop->heap[slot / 2]);
        slot /= 2;
    }
    heap_put(loop, slot, timer);
}

static void heap_sink(struct loop *loop, size_t slot)
{
    struct loop_timer *timer = loop->heap[slot];
    for (;;) {
        size_t child = slot * 2;
        if (child > loop->timers)
            break;
        if (child < loop->timers && timer_before(loop->heap[child + 1], loop->heap[child]))
            child++;
        if (!timer_before(loop->heap[child], timer))
            break;
        heap_put(loop, slot, loop->heap[child]);
        slot = child;
    }
    heap_put(loop, slot, timer);
}

static int heap_grow(struct loop *loop)
{
    if (loop->timers < loop->capacity)
        return 0;
    if (loop->capacity >= LOOP_TIMERS_MAX)
        return ERR_LIMIT;
    size_t capacity = loop->capacity * 2;
    struct loop_timer **heap = realloc(loop->heap, (capacity + 1) * sizeof(struct loop_timer *));
    if (!heap)
        return ERR_NOMEM;
    loop->heap = heap;
    loop->capacity = capacity;
    return 0;
}

int loop_timer_start(struct loop *loop, struct loop_timer *timer, struct clk_mono at)
{
    loop_timer_stop(loop, timer);
    int r = heap_grow(loop);
    if (r < 0)
        return r;
    /* A timer that restarts itself in the past waits for the next turn; it may not starve it. */
    if (loop->firing && at.ms < loop->turn.ms)
        at = loop->turn;
    timer->at = at;
    timer->order = ++loop->order;
    heap_put(loop, ++loop->timers, timer);
    heap_rise(loop, timer->slot);
    return 0;
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
    size_t slot = timer->slot;
    if (slot == 0)
        return;
    assert(slot <= loop->timers && loop->heap[slot] == timer);
    timer->slot = 0;
    struct loop_timer *last = loop->heap[loop->timers--];
    if (last == timer)
        return;
    heap_put(loop, slot, last);
    heap_rise(loop, slot);
    heap_sink(loop, last->slot);
}

static void timers_fire(struct loop *loop)
{
    loop->turn = clk_mono(loop->clk);
    uint64_t started_before = loop->order;
    loop->firing = true;
    while (loop->timers > 0) {
        struct loop_timer *timer = loop->heap[1];
        if (!clk_mono_due(timer->at, loop->turn) || timer->order > started_before)
            break;
        loop_timer_stop(loop, timer);
        timer->fire(timer, loop->turn);
    }
    loop->firing = false;
}

/* --- watches --- */

static int watch_control(struct loop *loop, int op, struct loop_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    return epoll_ctl(loop->epoll, op, watch->fd, &event) == 0 ? 0 : ERR_IO;
}

int loop_watch_add(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
    return watch_control(loop, EPOLL_CTL_ADD, watch, events);
}

int loop_watch_change(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
    return watch_control(loop, EPOLL_CTL_MOD, watch, events);
}

void loop_watch_remove(struct loop *loop, struct loop_watch *watch)
{
    (void)watch_control(loop, EPOLL_CTL_DEL, watch, 0); /* closed already: the kernel forgot it */
    for (int i = 0; i < loop->event_count; i++)
        if (loop->events[i].data.ptr == watch)
            loop->events[i].data.ptr = NULL;
}

static void watches_run(struct loop *loop)
{
    for (int i = 0; i < loop->event_count; i++) {
        struct loop_watch *watch = loop->events[i].data.ptr;
        if (watch)
            watch->ready(watch, loop->events[i].events);
    }
    loop->event_count = 0;
}

/* --- turning --- */

static int wait_limit(const struct loop *loop, int timeout_ms)
{
    int64_t wait_ms = timeout_ms < 0 ? LOOP_WAIT_MAX_MS : timeout_ms;
    if (loop->timers > 0) {
        int64_t due_ms = loop->heap[1]->at.ms - clk_mono(loop->clk).ms;
        if (due_ms < wait_ms)
            wait_ms = due_ms;
    }
    return wait_ms < 0 ? 0 : (int)wait_ms;
}

int loop_turn(struct loop *loop, int timeout_ms)
{
    int n = epoll_wait(loop->epoll, loop->events, LOOP_EVENTS_MAX, wait_limit(loop, timeout_ms));
    if (n < 0 && errno != EINTR)
        return ERR_IO;
    loop->event_count = n < 0 ? 0 : n;
    watches_run(loop);
    timers_fire(loop);
    return 0;
}

int loop_run(struct loop *loop)
{
    loop->running = true;
    while (loop->running) {
        int r = loop_turn(loop, -1);
        if (r < 0)
            return r;
    }
    return loop->status;
}

void loop_stop(struct loop *loop, int status)
{
    loop->running = false;
    loop->status = status;
}
