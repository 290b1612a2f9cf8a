#include "gateway/core/bus/poll_inside.h"

/* --- readings and their slots --- */

static struct clk_mono max_mono(struct clk_mono a, struct clk_mono b)
{
    return a.ms > b.ms ? a : b;
}

struct plan_request reading_part(const struct poll *p, const struct reading *r, enum part part)
{
    if (part == WHOLE)
        return r->plan;
    size_t cut = plan_cut(p->plan, &r->plan);
    if (part == HEAD)
        return plan_slice(p->plan, &r->plan, 0, cut);
    return plan_slice(p->plan, &r->plan, cut, r->plan.points - cut);
}

static struct clk_mono part_at(const struct poll *p, const struct reading *r, enum part part)
{
    struct plan_request s = reading_part(p, r, part);
    const struct device *d = &p->devices[s.device];
    return max_mono(r->ready,
                    late_until(&d->late, (uint8_t)s.table, plan_reply_bytes(s.table, s.count)));
}

/* When r can go next, and as what: whole, or while its signature is blocked, in two parts. */
static struct clk_mono reading_at(const struct poll *p, const struct reading *r,
                                  struct clk_mono now, enum part *part)
{
    *part = r->part;
    struct clk_mono at = part_at(p, r, r->part);
    if (r->part == TAIL || at.ms == r->ready.ms || clk_mono_due(at, now) ||
        plan_cut(p->plan, &r->plan) == 0)
        return at;
    struct clk_mono head = part_at(p, r, HEAD);
    if (head.ms >= at.ms)
        return at;
    *part = HEAD;
    return head;
}

static struct clk_mono slot_end(const struct reading *r)
{
    return clk_mono_add(r->slot, r->plan.period_ms);
}

void reading_next_slot(struct poll *p, struct reading *r, struct clk_mono now)
{
    int64_t period = r->plan.period_ms;
    if (now.ms - r->slot.ms >= period)
        p->stats.skipped += (uint64_t)((now.ms - r->slot.ms) / period);
    r->slot = r->grid;
    if (clk_mono_due(r->grid, now))
        r->slot.ms += ((now.ms - r->grid.ms) / period + 1) * period;
    r->ready = r->slot;
    r->part = WHOLE;
    r->tries = 0;
}

/* The slot is over without values for what was left of it. */
void reading_give_up(struct poll *p, struct reading *r, struct clk_mono now, enum cause cause,
                     uint8_t exception)
{
    struct plan_request left = reading_part(p, r, r->part == TAIL ? TAIL : WHOLE);
    poll_push(p, POLL_REPORT)->report = poll_report_of(&left, cause, exception);
    reading_next_slot(p, r, now);
}

/* Cuts a refused reading in two for good, so that only the register that is not there stays bad. */
bool reading_split(struct poll *p, struct reading *r, struct clk_mono now)
{
    if (p->reading_count == p->reading_cap || plan_cut(p->plan, &r->plan) == 0)
        return false;
    struct plan_request head = reading_part(p, r, HEAD), tail = reading_part(p, r, TAIL);
    int64_t after_us =
        p->use_us - poll_use_us(p, &r->plan) + poll_use_us(p, &head) + poll_use_us(p, &tail);
    if (after_us > PLAN_USE_MAX_PERCENT * INT64_C(10000))
        return false;
    p->use_us = after_us;
    r->plan = head;
    r->part = WHOLE;
    r->ready = now;
    struct reading *added = &p->readings[p->reading_count++];
    *added = *r;
    added->plan = tail;
    return true;
}

/* --- sending --- */

/* p->sent says whose it is and how long its line time; q->timeout_ms how long the slave may take.
 */
static void put_on_wire(struct poll *p, struct clk_mono now, struct bus_request q,
                        struct poll_action *out)
{
    q.timeout_ms += (uint32_t)(p->sent.line_us / 1000) + POLL_SLACK_MS;
    p->sent.timeout_ms = q.timeout_ms;
    p->sent.at = now;
    p->stats.requests++;
    poll_change_state(p, BUSY);
    *out = (struct poll_action){.kind = POLL_SEND, .request = q};
}

static void send_reading(struct poll *p, struct clk_mono now, size_t index, enum part part,
                         struct poll_action *out)
{
    struct plan_request s = reading_part(p, &p->readings[index], part);
    struct bus_request q = {.unit = p->plan->devices[s.device].unit,
                            .function = (uint8_t)s.table,
                            .address = s.address,
                            .count = s.count,
                            .timeout_ms = poll_reply_wait_ms(p, s.device)};
    p->sent = (struct sent){.reading = index,
                            .part = part,
                            .device = s.device,
                            .function = q.function,
                            .bytes = plan_reply_bytes(s.table, s.count),
                            .line_us = plan_time_us(p->plan->line, 0, s.table, s.count)};
    put_on_wire(p, now, q, out);
}

bool poll_send_job(struct poll *p, struct clk_mono now, struct clk_mono *wake,
                   struct poll_action *out)
{
    if (p->job.stage == JOB_NONE)
        return false;
    struct sent sent = {.reading = POLL_NO_READING};
    struct bus_request q = poll_job_request(p, &sent);
    struct clk_mono at = late_until(&p->devices[sent.device].late, sent.function, sent.bytes);
    if (!clk_mono_due(at, now)) {
        *wake = clk_mono_min(*wake, at);
        return false;
    }
    p->sent = sent;
    put_on_wire(p, now, q, out);
    return true;
}

static bool explains_values(const struct plan_request *r)
{
    return r->role != PLAN_POINTS && !r->behind;
}

/* The slot that ends first, of equals the one planned first; but what a dynamic map's values mean
 * comes before them. */
static bool goes_before(const struct reading *a, const struct reading *b)
{
    bool a_map = explains_values(&a->plan), b_map = explains_values(&b->plan);
    return a_map != b_map ? a_map : slot_end(a).ms < slot_end(b).ms;
}

/* Of the readings that may go now, the one whose turn it is. */
bool poll_send_due(struct poll *p, struct clk_mono now, struct clk_mono *wake,
                   struct poll_action *out)
{
    size_t best = SIZE_MAX;
    enum part best_part = WHOLE;
    for (size_t i = 0; i < p->reading_count; i++) {
        const struct reading *r = &p->readings[i];
        if (p->devices[r->plan.device].silent)
            continue;
        enum part part;
        struct clk_mono at = reading_at(p, r, now, &part);
        if (!clk_mono_due(at, now)) {
            *wake = clk_mono_min(*wake, at);
        } else if (best == SIZE_MAX || goes_before(r, &p->readings[best])) {
            best = i;
            best_part = part;
        }
    }
    if (best == SIZE_MAX)
        return false;
    send_reading(p, now, best, best_part, out);
    return true;
}

static void earn_budget(struct poll *p, struct clk_mono now)
{
    int64_t most_us = (int64_t)poll_action_max_ms(p) * 2000;
    p->budget_us += (now.ms - p->budget_at.ms) * POLL_PROBE_PER_MILLE;
    p->budget_at = now;
    if (p->budget_us > most_us)
        p->budget_us = most_us;
}

/* A probe costs a timeout and a drain. It goes in a gap (nothing else to do before `idle_until`),
 * or when its price has been saved up. */
static bool probe_allowed(struct poll *p, uint16_t device, struct clk_mono now,
                          struct clk_mono idle_until, struct clk_mono *wake)
{
    int64_t cost_ms = (int64_t)poll_reply_wait_ms(p, device) + poll_quiet_ms(p);
    if (clk_mono_add(now, cost_ms).ms <= idle_until.ms)
        return true;
    if (p->budget_us >= cost_ms * 1000) {
        p->budget_us -= cost_ms * 1000;
        return true;
    }
    int64_t saved_ms = (cost_ms * 1000 - p->budget_us) / POLL_PROBE_PER_MILLE + 1;
    *wake = clk_mono_min(*wake, clk_mono_add(now, saved_ms));
    return false;
}

static size_t longest_silent(const struct poll *p)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < p->plan->device_count; i++) {
        if (!p->devices[i].silent)
            continue;
        if (best == SIZE_MAX || p->devices[i].probe_at.ms < p->devices[best].probe_at.ms)
            best = i;
    }
    return best;
}

bool poll_send_probe(struct poll *p, struct clk_mono now, struct clk_mono idle_until,
                     struct clk_mono *wake, struct poll_action *out)
{
    size_t device = longest_silent(p);
    earn_budget(p, now);
    if (device == SIZE_MAX)
        return false;
    if (!clk_mono_due(p->devices[device].probe_at, now)) {
        *wake = clk_mono_min(*wake, p->devices[device].probe_at);
        return false;
    }
    for (size_t i = 0; i < p->reading_count; i++) {
        struct reading probe = p->readings[i];
        enum part part;
        if (probe.plan.device != device)
            continue;
        probe.ready = now;
        struct clk_mono at = reading_at(p, &probe, now, &part);
        if (!clk_mono_due(at, now)) {
            *wake = clk_mono_min(*wake, at);
            continue;
        }
        if (!probe_allowed(p, (uint16_t)device, now, idle_until, wake))
            return false;
        send_reading(p, now, i, part, out);
        return true;
    }
    return false;
}

/* --- readings that get no turn --- */

/* Why r's slot cannot be served, or CAUSE_NONE; `at` says from when on that is certain. */
static enum cause no_turn(const struct poll *p, const struct reading *r, struct clk_mono now,
                          struct clk_mono *at)
{
    const struct device *d = &p->devices[r->plan.device];
    enum part part;
    *at = r->slot;
    if (p->released)
        return CAUSE_STALE;
    if (p->noisy)
        return CAUSE_CRC;
    if (p->down)
        return CAUSE_TIMEOUT;
    if (d->silent)
        return d->cause;
    *at = clk_mono_add(slot_end(r), -1); /* the slot's last moment */
    if (d->cause != CAUSE_NONE && reading_at(p, r, now, &part).ms > at->ms)
        return d->cause;
    return CAUSE_NONE;
}

bool poll_report_no_turn(struct poll *p, struct clk_mono now, struct clk_mono *wake)
{
    for (size_t i = 0; i < p->reading_count; i++) {
        struct reading *r = &p->readings[i];
        struct clk_mono at;
        enum cause cause = no_turn(p, r, now, &at);
        if (cause == CAUSE_NONE)
            continue;
        if (clk_mono_due(at, now)) {
            reading_give_up(p, r, now, cause,
                            cause == CAUSE_EXCEPTION ? p->devices[r->plan.device].exception : 0);
            return true;
        }
        *wake = clk_mono_min(*wake, at);
    }
    return false;
}
