/*
 * A Modbus line on virtual time, with its slaves, driven by a poll machine.
 *
 * Every reply knows which request it answers, may come late, damaged or not at all, and lies in
 * the receive buffer until somebody reads it; one taken for another request's counts as `wrong`.
 */
#ifndef TESTS_SUPPORT_BUS_SIM_H
#define TESTS_SUPPORT_BUS_SIM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "gateway/core/bus/frame.h"
#include "gateway/core/bus/poll.h"
#include "tests/support/bus_fixture.h"

#define UNITS   64
#define FLYING  64
#define HISTORY 64

struct reply {
    int64_t at_ms;
    uint64_t request; /* whose answer it is */
    uint8_t unit, function, bytes, exception;
    bool damaged;
};

struct slave {
    bool dead;
    uint8_t exception;                    /* answers every request with it */
    uint16_t missing_from, missing_below; /* registers that do not exist */
    uint32_t late_per_mille, damaged_per_mille;
    double late_max;    /* timeouts */
    unsigned asked;     /* requests received */
    uint64_t good, bad; /* points reported */
    enum cause cause;   /* of the last bad report */
    uint8_t said;       /* the exception of it */
    unsigned notes[POLL_NOTE_DEVICE_CONFIG + 1];
};

struct line {
    struct bus_line line;
    struct bus_fixture fixture;
    struct bus_device devices[UNITS];
    struct plan *plan;
    struct poll *poll;
    struct clk_mono now;
    struct rng rng;
    struct slave slaves[UNITS];
    struct reply flying[FLYING];
    size_t flying_count;
    uint64_t request; /* number of the last one */
    bool fifo;        /* a late reply holds back those behind it */
    bool port_gone;
    unsigned opens, drains;
    uint64_t wrong;    /* replies taken for another request's */
    uint16_t masks[2]; /* of the last request of function 22 */
    struct poll_written written;
    unsigned writes_ended;
    struct poll_answer answer;
    unsigned answers;
    struct bus_request sent[HISTORY]; /* the last requests, ring */
    struct clk_mono sent_at[HISTORY], replied_at[HISTORY];
};

static inline void line_start(struct line *l, enum bus_kind kind, size_t devices,
                              uint32_t period_ms)
{
    l->line = (struct bus_line){.name = "bus-1", .kind = kind, .timeout_ms = 300};
    if (kind != BUS_TCP)
        l->line.baud = 38400;
    for (size_t i = 0; i < devices; i++)
        l->devices[i] = bus_fixture_device(&l->fixture, "device", (uint8_t)(i + 1), period_ms);
    l->now.ms = 1000000;
    rng_init(&l->rng, 7);
    struct err e;
    assert_int_equal(plan_create(&l->line, l->devices, devices, &l->plan, &e), 0);
    l->poll = poll_create(l->plan, 1, l->now);
    assert_non_null(l->poll);
}

static inline struct line *line_new(enum bus_kind kind, size_t devices, size_t points,
                                    uint32_t period_ms)
{
    struct line *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    bus_fixture_init(&l->fixture, 5);
    for (size_t i = 0; i < points; i++)
        bus_fixture_add(&l->fixture, TABLE_HOLDING, (uint16_t)i, 1)->writable = true;
    line_start(l, kind, devices, period_ms);
    return l;
}

static inline void line_free(struct line *l)
{
    poll_destroy(l->poll);
    plan_destroy(l->plan);
    free(l);
}

/* --- the wire --- */

static inline size_t earliest(const struct line *l)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < l->flying_count; i++)
        if (best == SIZE_MAX || l->flying[i].at_ms < l->flying[best].at_ms)
            best = i;
    return best;
}

static inline struct reply land(struct line *l, size_t i)
{
    struct reply r = l->flying[i];
    l->flying[i] = l->flying[--l->flying_count];
    return r;
}

static inline int64_t held_back(const struct line *l, uint8_t unit, int64_t at_ms)
{
    for (size_t i = 0; l->fifo && i < l->flying_count; i++)
        if (l->flying[i].unit == unit && l->flying[i].at_ms >= at_ms)
            at_ms = l->flying[i].at_ms + 1;
    return at_ms;
}

static inline bool is_missing(const struct slave *s, const struct bus_request *q)
{
    return q->address < s->missing_below && q->address + q->count > s->missing_from;
}

static inline void slave_receives(struct line *l, const struct bus_request *q)
{
    struct slave *s = &l->slaves[q->unit - 1];
    s->asked++;
    if (s->dead)
        return;
    struct reply r = {.request = l->request, .unit = q->unit, .function = q->function};
    r.bytes = frame_reply_bytes(q);
    r.exception = is_missing(s, q) ? 2 : s->exception;
    r.damaged = rng_below(&l->rng, 1000) < s->damaged_per_mille;
    r.at_ms = l->now.ms + 5 + plan_time_us(&l->line, 5, TABLE_HOLDING, r.bytes / 2) / 1000;
    if (rng_below(&l->rng, 1000) < s->late_per_mille) {
        double factor = 1.1 + rng_unit(&l->rng) * (s->late_max - 1.1);
        r.at_ms = l->now.ms + (int64_t)(factor * q->timeout_ms);
    }
    r.at_ms = held_back(l, q->unit, r.at_ms);
    assert_true(l->flying_count < FLYING);
    l->flying[l->flying_count++] = r;
}

static inline struct bus_reply judge(struct line *l, const struct bus_request *q,
                                     const struct reply *r)
{
    struct bus_reply reply = {.sent = true};
    uint8_t bytes = frame_reply_bytes(q);
    if (r->damaged)
        reply.outcome = BUS_DAMAGED;
    else if (r->unit != q->unit || r->function != q->function)
        reply.outcome = BUS_FOREIGN;
    else if (r->exception) {
        reply.outcome = BUS_EXCEPTION;
        reply.exception = r->exception;
    } else if (r->bytes != bytes)
        reply.outcome = BUS_FOREIGN;
    else
        l->wrong += r->request != l->request;
    return reply;
}

static inline struct bus_reply transact(struct line *l, const struct bus_request *q)
{
    struct bus_reply reply = {.outcome = BUS_NO_REPLY, .sent = true};
    size_t i = earliest(l);
    if (l->port_gone)
        return (struct bus_reply){.outcome = BUS_LOST};
    if (i != SIZE_MAX && l->flying[i].at_ms <= l->now.ms) /* unasked bytes in the buffer */
        return (struct bus_reply){.outcome = BUS_FOREIGN};
    l->sent[l->request % HISTORY] = *q;
    if (q->function == 22)
        memcpy(l->masks, q->values, sizeof(l->masks));
    l->sent_at[l->request % HISTORY] = l->now;
    l->request++;
    if (bus_is_broadcast(l->line.kind, q->unit)) /* gone out; nobody answers */
        return (struct bus_reply){.outcome = BUS_OK, .sent = true};
    slave_receives(l, q);
    i = earliest(l);
    if (i == SIZE_MAX || l->flying[i].at_ms > l->now.ms + q->timeout_ms) {
        l->now.ms += q->timeout_ms;
        return reply;
    }
    struct reply r = land(l, i);
    l->now.ms = r.at_ms;
    return judge(l, q, &r);
}

static inline size_t drain(struct line *l, uint32_t quiet_ms)
{
    size_t bytes = 0;
    size_t i;
    while ((i = earliest(l)) != SIZE_MAX && l->flying[i].at_ms <= l->now.ms + quiet_ms) {
        struct reply r = land(l, i);
        if (r.at_ms > l->now.ms)
            l->now.ms = r.at_ms;
        bytes += 5U + r.bytes;
    }
    l->now.ms += quiet_ms;
    l->drains++;
    return bytes;
}

static inline void reported(struct line *l, const struct poll_report *r)
{
    struct slave *s = &l->slaves[r->device];
    if (r->cause == CAUSE_NONE) {
        s->good += r->points;
        return;
    }
    s->bad += r->points;
    s->cause = r->cause;
    s->said = r->exception;
}

static inline void open_port(struct line *l)
{
    l->opens++;
    if (l->line.kind == BUS_TCP)
        l->flying_count = 0; /* a fresh connection knows nothing of the old one's replies */
    poll_opened(l->poll, l->now, !l->port_gone);
}

static inline void line_step(struct line *l, int64_t until_ms)
{
    struct poll_action a;
    struct bus_reply reply;
    size_t bytes;
    poll_next(l->poll, l->now, &a);
    switch (a.kind) {
    case POLL_OPEN:
        open_port(l);
        break;
    case POLL_SEND:
        reply = transact(l, &a.request);
        l->replied_at[(l->request - 1) % HISTORY] = l->now;
        poll_replied(l->poll, l->now, &reply);
        break;
    case POLL_DRAIN:
        bytes = drain(l, a.quiet_ms);
        poll_drained(l->poll, l->now, bytes, true);
        break;
    case POLL_WAIT:
        assert_true(a.until.ms > l->now.ms);
        l->now.ms = a.until.ms < until_ms ? a.until.ms : until_ms;
        break;
    case POLL_REPORT:
        reported(l, &a.report);
        break;
    case POLL_NOTE:
        l->slaves[a.note.device].notes[a.note.kind]++;
        break;
    case POLL_WRITTEN:
        l->written = a.written;
        l->writes_ended++;
        break;
    case POLL_ANSWER:
        l->answer = a.answer;
        l->answers++;
        break;
    }
}

static inline void run(struct line *l, int64_t ms)
{
    int64_t until_ms = l->now.ms + ms;
    while (l->now.ms < until_ms)
        line_step(l, until_ms);
}

#endif
