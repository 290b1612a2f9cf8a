#include "gateway/core/bus/poll_inside.h"

#include <assert.h>
#include <stdlib.h>

static void next_closed(struct poll *p, struct clk_mono now, struct clk_mono wake,
                        struct poll_action *out)
{
    if (clk_mono_due(p->open_at, now)) {
        poll_change_state(p, OPENING);
        *out = (struct poll_action){.kind = POLL_OPEN};
        return;
    }
    *out = (struct poll_action){.kind = POLL_WAIT, .until = clk_mono_min(p->open_at, wake)};
}

static void next_ready(struct poll *p, struct clk_mono now, struct clk_mono wake,
                       struct poll_action *out)
{
    struct clk_mono idle_until = CLK_NEVER;
    if (!clk_mono_due(p->silent_until, now)) {
        *out = (struct poll_action){.kind = POLL_WAIT, .until = p->silent_until};
        return;
    }
    if (poll_send_job(p, now, &idle_until, out) || poll_send_due(p, now, &idle_until, out) ||
        poll_send_probe(p, now, idle_until, &wake, out))
        return;
    *out = (struct poll_action){.kind = POLL_WAIT, .until = clk_mono_min(wake, idle_until)};
}

void poll_next(struct poll *p, struct clk_mono now, struct poll_action *out)
{
    struct clk_mono wake = CLK_NEVER;
    if (p->released && p->job.stage != JOB_NONE)
        poll_job_end(p);
    if (poll_pop(p, out))
        return;
    if (poll_report_no_turn(p, now, &wake)) {
        poll_pop(p, out);
        return;
    }
    switch (p->state) {
    case CLOSED:
        next_closed(p, now, wake, out);
        break;
    case READY:
        next_ready(p, now, wake, out);
        break;
    case POISONED:
        poll_change_state(p, DRAINING);
        *out = (struct poll_action){
            .kind = POLL_DRAIN, .quiet_ms = poll_quiet_ms(p), .limit_ms = POLL_DRAIN_LIMIT_MS};
        if (out->limit_ms < 2 * out->quiet_ms)
            out->limit_ms = 2 * out->quiet_ms;
        break;
    case OPENING:
    case BUSY:
    case DRAINING:
        assert(false && "the last action was not answered");
    }
}

/* The pause before the next opening; each one longer until something answers. */
static struct clk_mono reopen_pause(struct poll *p, struct clk_mono now)
{
    struct clk_mono at = clk_mono_add(now, p->reopen_ms + (int64_t)rng_below(&p->rng, 100));
    p->reopen_ms = p->reopen_ms ? 2 * p->reopen_ms : POLL_REOPEN_MS;
    if (p->reopen_ms > POLL_REOPEN_MAX_MS)
        p->reopen_ms = POLL_REOPEN_MAX_MS;
    return at;
}

void poll_opened(struct poll *p, struct clk_mono now, bool ok)
{
    assert(p->state == OPENING);
    if (ok) {
        if (p->down)
            poll_say(p, POLL_NOTE_PORT_UP, 0);
        p->down = false;
        poll_change_state(p, READY);
        return;
    }
    if (!p->down)
        poll_say(p, POLL_NOTE_PORT_DOWN, 0);
    p->down = true;
    if (p->job.stage != JOB_NONE)
        poll_job_end(p);
    p->open_at = reopen_pause(p, now);
    poll_change_state(p, CLOSED);
}

/* After any error: a serial line is drained, also one behind a serial server, whose connection is
 * not to blame for a slave; TCP gets a fresh connection. */
static void poison(struct poll *p, struct clk_mono now, enum bus_outcome outcome)
{
    p->sent_outcome = outcome;
    if (p->plan->line->kind != BUS_TCP && outcome != BUS_LOST) {
        poll_change_state(p, POISONED);
        return;
    }
    p->open_at = outcome == BUS_LOST ? reopen_pause(p, now) : now;
    poll_change_state(p, CLOSED);
}

static void count(struct poll *p, struct clk_mono now, enum bus_outcome outcome)
{
    switch (outcome) {
    case BUS_OK:
        p->stats.replies++;
        break;
    case BUS_NO_REPLY:
        p->stats.timeouts++;
        break;
    case BUS_DAMAGED:
        p->stats.damaged++;
        break;
    case BUS_FOREIGN:
        p->stats.foreign++;
        break;
    case BUS_EXCEPTION:
        p->stats.exceptions++;
        break;
    case BUS_LOST:
        p->stats.lost++;
        break;
    }
    if (outcome == BUS_OK) {
        int64_t slave_ms = now.ms - p->sent.at.ms - p->sent.line_us / 1000;
        if (slave_ms > (int64_t)p->stats.worst_ms)
            p->stats.worst_ms = (uint32_t)slave_ms;
        p->reopen_ms = 0;
    }
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Nobody says when it is done: the line is left alone for as long as the request travels and a
 * slave may take. */
static void after_broadcast(struct poll *p, struct clk_mono now)
{
    uint32_t slave_ms = POLL_BROADCAST_MS;
    if (p->sent.device < p->plan->device_count)
        slave_ms = max_u32(bus_turnaround_ms(&p->plan->devices[p->sent.device]), slave_ms);
    p->silent_until = clk_mono_add(now, slave_ms + p->sent.line_us / 1000);
    poll_change_state(p, READY);
}

void poll_replied(struct poll *p, struct clk_mono now, const struct bus_reply *reply)
{
    assert(p->state == BUSY);
    if (p->sent.broadcast && reply->outcome == BUS_OK) {
        after_broadcast(p, now);
        poll_job_replied(p, now, reply, false);
        return;
    }
    bool answered = reply->outcome == BUS_OK || reply->outcome == BUS_EXCEPTION;
    bool doubtful =
        reply->outcome == BUS_EXCEPTION &&
        late_exception_doubtful(&p->devices[p->sent.device].late, p->sent.function, now);
    count(p, now, reply->outcome);
    if ((!answered && reply->sent) || doubtful)
        poll_block_sent(p, now);
    if (answered && !doubtful)
        poll_change_state(p, READY);
    else
        poison(p, now, reply->outcome);
    if (p->sent.reading == POLL_NO_READING)
        poll_job_replied(p, now, reply, doubtful);
    else
        poll_reading_replied(p, now, reply, doubtful);
}

static void saw_late_reply(struct poll *p, struct clk_mono now)
{
    int64_t late_ms = now.ms - poll_quiet_ms(p) - p->sent.at.ms;
    bool stranger = p->sent.device == p->plan->device_count;
    if (late_ms <= (int64_t)p->sent.timeout_ms || late_ms > BUS_TIMEOUT_MAX_MS || stranger)
        return;
    p->late_max_ms = max_u32(p->late_max_ms, (uint32_t)late_ms);
    struct device *d = &p->devices[p->sent.device];
    if (d->late_told)
        return;
    d->late_told = true;
    poll_say(p, POLL_NOTE_DEVICE_LATE, p->sent.device)->ms = (uint32_t)late_ms;
}

void poll_drained(struct poll *p, struct clk_mono now, size_t bytes, bool quiet)
{
    assert(p->state == DRAINING);
    p->stats.drained += bytes;
    if (!quiet) {
        if (!p->noisy)
            poll_say(p, POLL_NOTE_LINE_NOISY, 0);
        p->noisy = true;
        poll_change_state(p, POISONED);
        return;
    }
    if (bytes > 0 && p->sent_outcome == BUS_NO_REPLY && !p->noisy)
        saw_late_reply(p, now);
    p->noisy = false;
    poll_change_state(p, READY);
}

void poll_release(struct poll *p)
{
    assert(p->state != OPENING && p->state != BUSY && p->state != DRAINING);
    p->released = true;
    p->noisy = false;
    p->open_at = CLK_NEVER;
    if (p->state != CLOSED)
        poll_change_state(p, CLOSED);
}

void poll_resume(struct poll *p, struct clk_mono now)
{
    if (!p->released)
        return;
    p->released = false;
    p->open_at = now;
}

void poll_get_stats(const struct poll *p, struct poll_stats *out)
{
    *out = p->stats;
}

/* --- life --- */

/* The first round goes at once, so that a technician sees values; after it, each keeps its phase.
 */
static void spread(struct poll *p, struct clk_mono now)
{
    for (size_t i = 0; i < p->reading_count; i++) {
        struct reading *r = &p->readings[i];
        r->slot = r->ready = now;
        r->grid = clk_mono_add(now, plan_phase_ms(p->plan, i));
    }
}

struct poll *poll_create(const struct plan *plan, uint64_t seed, struct clk_mono now)
{
    struct poll *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->plan = plan;
    p->reading_cap = plan->point_count; /* each point may become a reading of its own */
    for (size_t i = 0; i < plan->request_count; i++)
        p->reading_cap += plan->requests[i].role != PLAN_POINTS;
    p->readings = calloc(p->reading_cap + 1, sizeof(*p->readings));
    p->devices = calloc(plan->device_count + 1, sizeof(*p->devices));
    if (!p->readings || !p->devices) {
        poll_destroy(p);
        return NULL;
    }
    for (size_t i = 0; i < plan->request_count; i++)
        p->readings[p->reading_count++].plan = plan->requests[i];
    for (size_t i = 0; i <= plan->device_count; i++)
        late_init(&p->devices[i].late);
    rng_init(&p->rng, seed);
    p->use_us = plan_use_us(plan);
    p->open_at = p->budget_at = now;
    spread(p, now);
    return p;
}

void poll_destroy(struct poll *p)
{
    if (!p)
        return;
    free(p->readings);
    free(p->devices);
    free(p);
}
