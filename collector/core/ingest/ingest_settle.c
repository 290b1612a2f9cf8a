/* From pending to committed, or back; and what is given up for lost. */
#include <assert.h>
#include <string.h>

#include "collector/core/ingest/ingest_parts.h"

static struct entry *entry_at(const struct ingest *g, uint64_t i)
{
    return &g->entries[i % INGEST_PENDING_MAX];
}

size_t entries_free(const struct ingest *g)
{
    return INGEST_PENDING_MAX - (size_t)(g->tail - g->head);
}

/* Each entry, added or taken back, changes a view by at most one range, and the view of what is
 * pending is never more than the pending entries away from the committed one. */
int epoch_claim(struct epoch *ep, size_t entries)
{
    size_t more = ep->pending + entries;
    size_t done = ep->done.count + more;
    size_t gaps = ep->gaps.count + more;
    int rc;
    if ((rc = rangeset_reserve(&ep->done, done)) || (rc = rangeset_reserve(&ep->seen, done)))
        return rc;
    if (ep->gaps.count == 0 && ep->gaps_seen.count == 0 && entries <= 2)
        return 0; /* packs alone do not touch the gaps */
    if ((rc = rangeset_reserve(&ep->gaps, gaps)))
        return rc;
    return rangeset_reserve(&ep->gaps_seen, gaps);
}

/* Room was claimed when the entry was made. */
static void must(int rc)
{
    assert(rc == 0);
}

void entry_add(struct ingest *g, const struct entry *entry)
{
    struct epoch *ep = entry->epoch;
    assert(entries_free(g) > 0);
    *entry_at(g, g->tail++) = *entry;
    ep->pending++;
    ep->dirty = true;
    g->pressed = credit_half(entry->gateway, ++entry->gateway->waiting) || g->pressed;
    switch (entry->type) {
    case ENTRY_PACK:
    case ENTRY_REFUSED:
        must(rangeset_add(&ep->seen, entry->from, entry->to));
        ep->top = entry->to > ep->top ? entry->to : ep->top;
        break;
    case ENTRY_GAP:
        must(rangeset_add(&ep->gaps_seen, entry->from, entry->to));
        break;
    case ENTRY_FILLED:
        must(rangeset_remove(&ep->gaps_seen, entry->from, entry->to));
        break;
    }
}

static void entry_commit(struct ingest *g, const struct entry *entry, struct clk_mono now)
{
    struct epoch *ep = entry->epoch;
    ep->pending--;
    ep->fresh = false;
    switch (entry->type) {
    case ENTRY_REFUSED:
        ack_refusal(g, entry);
        must(rangeset_add(&ep->done, entry->from, entry->to));
        break;
    case ENTRY_PACK:
        must(rangeset_add(&ep->done, entry->from, entry->to));
        break;
    case ENTRY_GAP:
        must(rangeset_add(&ep->gaps, entry->from, entry->to));
        break;
    case ENTRY_FILLED:
        must(rangeset_remove(&ep->gaps, entry->from, entry->to));
        return;
    }
    struct gateway *gw = entry->gateway;
    struct clk_mono at = clk_mono_add(gw->acked, INGEST_ACK_MIN_MS);
    if (credit_half(gw, ++gw->unsaid) || at.ms < now.ms)
        at = now;
    ack_say(g, gw, ep, entry->from, entry->to, at);
}

static void entry_take_back(const struct entry *entry)
{
    struct epoch *ep = entry->epoch;
    ep->pending--;
    switch (entry->type) {
    case ENTRY_PACK:
    case ENTRY_REFUSED:
        must(rangeset_remove(&ep->seen, entry->from, entry->to));
        break;
    case ENTRY_GAP:
        must(rangeset_remove(&ep->gaps_seen, entry->from, entry->to));
        entry->gateway->check_gaps = true;
        break;
    case ENTRY_FILLED:
        must(rangeset_add(&ep->gaps_seen, entry->from, entry->to));
        break;
    }
}

/* --- batches --- */

int ingest_flush(struct ingest *g)
{
    assert(g->head == g->flushed);
    for (uint64_t i = g->flushed; i < g->tail; i++) {
        const struct entry *entry = entry_at(g, i);
        struct epoch *ep = entry->epoch;
        entry->gateway->waiting = 0;
        if (!ep->dirty)
            continue;
        int rc =
            g->sink.epoch(g->sink.user, entry->gateway->name, ep->number, &ep->seen, ep->fresh);
        if (rc)
            return rc;
        ep->dirty = false;
    }
    g->flushed = g->tail;
    g->pressed = false;
    return 0;
}

bool ingest_pressed(const struct ingest *g)
{
    return g->pressed;
}

void ingest_committed(struct ingest *g, struct ingest_now now)
{
    for (; g->head < g->flushed; g->head++)
        entry_commit(g, entry_at(g, g->head), now.mono);
}

void ingest_failed(struct ingest *g)
{
    for (uint64_t i = g->flushed; i-- > g->head;)
        entry_take_back(entry_at(g, i));
    g->head = g->flushed;
}

void ingest_discarded(struct ingest *g)
{
    while (g->tail > g->flushed) {
        const struct entry *entry = entry_at(g, --g->tail);
        entry_take_back(entry);
        entry->epoch->dirty = false;
        entry->gateway->waiting = 0;
    }
    g->pressed = false;
}

/* --- gaps --- */

static uint64_t settled_upto(const struct epoch *ep, uint64_t from)
{
    uint64_t upto = from - 1;
    for (;;) {
        uint64_t next = rangeset_upto(&ep->seen, upto + 1);
        next = rangeset_upto(&ep->gaps_seen, next + 1);
        if (next == upto)
            return upto;
        upto = next;
    }
}

/* The first number >= from that set holds; UINT64_MAX when none. */
static uint64_t first_in(const struct rangeset *set, uint64_t from)
{
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].to < from)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == set->count)
        return UINT64_MAX;
    return set->ranges[low].from > from ? set->ranges[low].from : from;
}

size_t epoch_holes(const struct epoch *ep, uint64_t from, uint64_t to,
                   int (*each)(void *user, uint64_t from, uint64_t to), void *user)
{
    size_t holes = 0;
    while (from <= to) {
        from = settled_upto(ep, from) + 1;
        if (from > to)
            break;
        uint64_t pack = first_in(&ep->seen, from);
        uint64_t gap = first_in(&ep->gaps_seen, from);
        uint64_t end = (pack < gap ? pack : gap) - 1;
        end = end < to ? end : to;
        holes++;
        if (each && each(user, from, end))
            break;
        from = end + 1;
    }
    return holes;
}

struct losing {
    struct ingest *g;
    struct gateway *gw;
    struct epoch *ep;
    const struct pack_gap *gap;
    struct clk_utc now;
    size_t count;
    int rc;
    struct range holes[INGEST_RANGES_MAX]; /* gathered first: losing them changes the sets walked */
};

static int gather_hole(void *user, uint64_t from, uint64_t to)
{
    struct losing *l = user;
    if (l->count == INGEST_RANGES_MAX)
        return ERR_FULL;
    l->holes[l->count++] = (struct range){from, to};
    return 0;
}

static int lose_hole(struct losing *l, struct range hole)
{
    struct pack_gap piece = *l->gap;
    piece.epoch = l->ep->number;
    if (piece.from != hole.from || piece.to != hole.to)
        piece.count = 0; /* of a part it cannot be known */
    piece.from = hole.from;
    piece.to = hole.to;
    int rc = l->g->sink.gap(l->g->sink.user, l->gw->name, &piece, l->now);
    if (rc)
        return rc;
    entry_add(l->g, &(struct entry){ENTRY_GAP, l->gw, l->ep, hole.from, hole.to, {0}});
    l->g->counters.gaps++;
    return 0;
}

int epoch_lose(struct ingest *g, struct gateway *gw, struct epoch *ep, const struct pack_gap *gap,
               struct clk_utc now)
{
    struct losing l = {.g = g, .gw = gw, .ep = ep, .gap = gap, .now = now};
    size_t holes = epoch_holes(ep, gap->from, gap->to, gather_hole, &l);
    if (holes == 0)
        return 0;
    /* Two places stay free for the pack that reports it. */
    if (holes > l.count || ep->gaps_seen.count + l.count > INGEST_RANGES_MAX ||
        entries_free(g) < l.count + 2)
        return ERR_FULL;
    int rc = epoch_claim(ep, l.count + 3);
    for (size_t i = 0; i < l.count && rc == 0; i++)
        rc = lose_hole(&l, l.holes[i]);
    return rc;
}

/* How far the epoch is no longer held by its gateway; 0: not known to be. */
static uint64_t gone_upto(const struct gateway *gw, const struct epoch *ep, struct clk_mono now)
{
    if (now.ms - ep->born.ms < INGEST_REWIND_MS)
        return 0;
    if (ep->lowest)
        return ep->lowest - 1;
    return gw->lists_all && ep->number != gw->running ? ep->top : 0;
}

static void find_gaps(struct ingest *g, struct gateway *gw, struct ingest_now now)
{
    bool again = false;
    for (size_t i = 0; i < gw->epoch_count; i++) {
        struct epoch *ep = gw->epochs[i];
        uint64_t upto = gone_upto(gw, ep, now.mono);
        again = again || now.mono.ms - ep->born.ms < INGEST_REWIND_MS;
        if (upto == 0)
            continue;
        struct pack_gap gap = {.from = 1, .to = upto, .cause = "erased"};
        again = epoch_lose(g, gw, ep, &gap, now.utc) != 0 || again;
    }
    gw->check_gaps = again;
}

void ingest_step_time(struct ingest *g, struct ingest_now now)
{
    for (size_t i = 0; i < g->slots; i++)
        if (g->table[i] && g->table[i]->check_gaps)
            find_gaps(g, g->table[i], now);
    credit_share(g, now.mono);
}
