/* What gateways are told: what is committed, what was refused and why, and how much they may send.
 */
#include <string.h>

#include "collector/core/ingest/ingest_parts.h"

void ack_due(struct ingest *g, struct gateway *gw, struct clk_mono at)
{
    if (gw->due) {
        gw->ack_at = clk_mono_min(gw->ack_at, at);
        return;
    }
    gw->due = true;
    gw->ack_at = at;
    gw->next_due = NULL;
    if (g->due_last)
        g->due_last->next_due = gw;
    else
        g->due_first = gw;
    g->due_last = gw;
}

void ack_say(struct ingest *g, struct gateway *gw, struct epoch *ep, uint64_t from, uint64_t to,
             struct clk_mono at)
{
    if (!ep->say || from < ep->say_low)
        ep->say_low = from;
    if (!ep->say || to > ep->say_high)
        ep->say_high = to;
    ep->say = true;
    ack_due(g, gw, at);
}

void ack_refusal(struct ingest *g, const struct entry *entry)
{
    if (g->refusal_count == REFUSALS_MAX)
        return; /* it is acknowledged all the same, without its reason */
    struct refusal *r = &g->refusals[g->refusal_count++];
    *r = (struct refusal){entry->gateway, entry->epoch->number, entry->from, {0}};
    memcpy(r->reason, entry->reason, sizeof(r->reason));
    entry->gateway->refusals++;
}

/* --- credit --- */

static bool many_holes(const struct gateway *gw)
{
    for (size_t i = 0; i < gw->epoch_count; i++)
        if (gw->epochs[i]->seen.count >= INGEST_RANGES_OPEN)
            return true;
    return false;
}

static uint32_t credit_of(const struct ingest *g, const struct gateway *gw)
{
    size_t share = g->active_count ? g->limits.credit_total / g->active_count : 0;
    if (many_holes(gw) || share < 1)
        return 1;
    return share < g->limits.credit_max ? (uint32_t)share : g->limits.credit_max;
}

bool credit_half(const struct gateway *gw, uint32_t n)
{
    return gw->announced >= INGEST_HALF_MIN && n >= gw->announced / 2;
}

/* Less is told at once; more only when it is worth an ack. */
static void announce(struct ingest *g, struct gateway *gw, struct clk_mono now)
{
    uint32_t credit = credit_of(g, gw);
    if (credit < gw->announced || credit >= 2 * gw->announced)
        ack_due(g, gw, clk_mono_add(now, INGEST_ACK_MIN_MS));
}

void credit_share(struct ingest *g, struct clk_mono now)
{
    for (size_t i = 0; i < g->slots; i++) {
        struct gateway *gw = g->table[i];
        if (gw && gw->active && now.ms - gw->heard.ms > INGEST_QUIET_MS) {
            gw->active = false;
            g->active_count--;
        }
    }
    for (size_t i = 0; i < g->slots; i++)
        if (g->table[i] && g->table[i]->active)
            announce(g, g->table[i], now);
}

/* --- acks --- */

static uint64_t committed_upto(const struct epoch *ep)
{
    uint64_t upto = 0;
    for (;;) {
        uint64_t next = rangeset_upto(&ep->done, upto + 1);
        next = rangeset_upto(&ep->gaps, next + 1);
        if (next == upto)
            return upto;
        upto = next;
    }
}

static void take_refusals(struct ingest *g, struct gateway *gw, struct ack_epoch *a)
{
    size_t kept = 0;
    for (size_t i = 0; i < g->refusal_count; i++) {
        struct refusal *r = &g->refusals[i];
        if (r->gateway == gw && r->epoch == a->epoch && a->refused_count < ACK_REFUSED_MAX) {
            a->refused[a->refused_count].seq = r->seq;
            memcpy(a->refused[a->refused_count++].reason, r->reason, sizeof(r->reason));
            gw->refusals--;
        } else {
            g->refusals[kept++] = *r;
        }
    }
    g->refusal_count = kept;
}

/* The ranges above upto from say_low on; when they do not all fit the rest is said next time. */
static void fill_epoch(struct ingest *g, struct gateway *gw, struct epoch *ep, struct ack_epoch *a)
{
    *a = (struct ack_epoch){.epoch = ep->number, .upto = committed_upto(ep)};
    ep->say = false;
    for (size_t i = 0; i < ep->done.count; i++) {
        const struct range *r = &ep->done.ranges[i];
        if (r->from <= a->upto || r->to < ep->say_low)
            continue;
        if (a->also_count == ACK_ALSO_MAX) {
            ep->say = r->from <= ep->say_high;
            ep->say_low = r->from;
            break;
        }
        a->also[a->also_count++] = *r;
    }
    if (gw->refusals)
        take_refusals(g, gw, a);
}

static void fill(struct ingest *g, struct gateway *gw, struct ingest_now now, struct ack *out)
{
    bool more = false;
    out->credit = credit_of(g, gw);
    out->epoch_count = 0;
    for (size_t i = gw->epoch_count; i-- > 0;) {
        struct epoch *ep = gw->epochs[i];
        if (!ep->say)
            continue;
        if (out->epoch_count < ACK_EPOCHS_MAX)
            fill_epoch(g, gw, ep, &out->epochs[out->epoch_count++]);
        more = more || ep->say;
    }
    gw->announced = out->credit;
    gw->acked = now.mono;
    gw->unsaid = 0;
    if (more)
        ack_due(g, gw, clk_mono_add(now.mono, INGEST_ACK_MIN_MS));
}

static struct gateway *take_due(struct ingest *g, struct clk_mono now)
{
    struct gateway *before = NULL;
    struct gateway *gw = g->due_first;
    while (gw && !clk_mono_due(gw->ack_at, now)) {
        before = gw;
        gw = gw->next_due;
    }
    if (!gw)
        return NULL;
    if (before)
        before->next_due = gw->next_due;
    else
        g->due_first = gw->next_due;
    if (g->due_last == gw)
        g->due_last = before;
    gw->due = false;
    return gw;
}

bool ingest_next_ack(struct ingest *g, struct ingest_now now, struct ack *out, const char **area,
                     const char **gateway)
{
    struct gateway *gw = take_due(g, now.mono);
    if (!gw)
        return false;
    fill(g, gw, now, out);
    *area = gw->area;
    *gateway = gw->name;
    return true;
}

struct clk_mono ingest_next(const struct ingest *g)
{
    struct clk_mono at = CLK_NEVER;
    for (const struct gateway *gw = g->due_first; gw; gw = gw->next_due)
        at = clk_mono_min(at, gw->ack_at);
    return at;
}
