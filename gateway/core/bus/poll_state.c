#include "gateway/core/bus/poll_inside.h"

#include <assert.h>

#include "base/log.h"

static const char *state_name(enum poll_state s)
{
    static const char *const names[] = {"closed", "opening",  "ready",
                                        "busy",   "poisoned", "draining"};
    return names[s];
}

void poll_change_state(struct poll *p, enum poll_state to)
{
    log_debug("bus %s: %s -> %s", p->plan->line->name, state_name(p->state), state_name(to));
    p->state = to;
}

/* --- what goes out --- */

struct poll_action *poll_push(struct poll *p, enum poll_kind kind)
{
    assert(p->out_count < POLL_OUT_MAX);
    struct poll_action *a = &p->out[(p->out_head + p->out_count++) % POLL_OUT_MAX];
    *a = (struct poll_action){.kind = kind};
    return a;
}

bool poll_pop(struct poll *p, struct poll_action *out)
{
    if (p->out_count == 0)
        return false;
    *out = p->out[p->out_head];
    p->out_head = (p->out_head + 1) % POLL_OUT_MAX;
    p->out_count--;
    return true;
}

struct poll_note *poll_say(struct poll *p, enum poll_note_kind kind, uint16_t device)
{
    struct poll_action *a = poll_push(p, POLL_NOTE);
    a->note.kind = kind;
    a->note.device = device;
    return &a->note;
}

struct poll_report poll_report_of(const struct plan_request *r, enum cause cause, uint8_t exception)
{
    return (struct poll_report){.device = r->device,
                                .role = r->role,
                                .count = r->count,
                                .first = r->first,
                                .points = r->points,
                                .address = r->address,
                                .cause = cause,
                                .exception = exception};
}

/* --- times --- */

static uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

uint32_t poll_reply_wait_ms(const struct poll *p, uint16_t device)
{
    const struct bus_device *d = &p->plan->devices[device];
    if (d->timeout_ms)
        return d->timeout_ms;
    uint32_t line_ms = p->plan->line->timeout_ms;
    return max_u32(line_ms ? line_ms : BUS_TIMEOUT_DEFAULT_MS, bus_turnaround_ms(d));
}

static uint32_t longest_wait_ms(const struct poll *p)
{
    uint32_t longest = 0;
    for (size_t i = 0; i < p->plan->device_count; i++)
        longest = max_u32(longest, poll_reply_wait_ms(p, (uint16_t)i));
    return longest;
}

/* How long the line must be silent before it counts as drained: the worst turnaround declared or
 * seen, and never less than a few characters. */
uint32_t poll_quiet_ms(const struct poll *p)
{
    uint32_t quiet = max_u32(p->stats.worst_ms, 5);
    for (size_t i = 0; i < p->plan->device_count; i++)
        quiet = max_u32(quiet, bus_turnaround_ms(&p->plan->devices[i]));
    if (p->plan->line->baud > 0)
        quiet = max_u32(quiet, 4 * 38500 / p->plan->line->baud + 1);
    uint32_t longest = longest_wait_ms(p);
    return quiet < longest ? quiet : longest;
}

uint32_t poll_action_max_ms(const struct poll *p)
{
    int64_t line_us = plan_time_us(p->plan->line, 0, TABLE_HOLDING, BUS_REGISTERS_MAX);
    uint32_t wait_ms = max_u32(longest_wait_ms(p), POLL_ASK_MAX_MS);
    uint32_t send_ms = wait_ms + (uint32_t)(line_us / 1000) + POLL_SLACK_MS;
    return max_u32(send_ms, max_u32(POLL_DRAIN_LIMIT_MS, 2 * longest_wait_ms(p)) +
                                longest_wait_ms(p)); /* quiet is never longer than a wait */
}

int64_t poll_use_us(const struct poll *p, const struct plan_request *r)
{
    uint32_t slave_ms = bus_turnaround_ms(&p->plan->devices[r->device]);
    return plan_time_us(p->plan->line, slave_ms, r->table, r->count) * 1000 / r->period_ms;
}

/* --- replies that may still come --- */

void poll_block_sent(struct poll *p, struct clk_mono now)
{
    uint32_t horizon_ms = max_u32(POLL_LATE_FACTOR * p->sent.timeout_ms, 2 * p->late_max_ms);
    struct clk_mono until = clk_mono_add(p->sent.at, (int64_t)horizon_ms + poll_quiet_ms(p));
    late_block(&p->devices[p->sent.device].late, p->sent.function, p->sent.bytes, until, now);
}
