#include "gateway/core/spool/spool_ledger.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

#define STATE_VERSION 1u
#define SEQ_MAX       ((uint64_t)INT64_MAX)

const char *spool_cause_name(enum spool_cause cause)
{
    static const char *const names[] = {"evicted", "corrupt", "erased"};
    return names[cause];
}

void spool_ledger_init(struct spool_ledger *l)
{
    memset(l, 0, sizeof(*l));
    rangeset_init(&l->settled, SPOOL_SETTLED_MAX);
    for (size_t i = 0; i < SPOOL_ACKS_MAX; i++)
        rangeset_init(&l->acks[i].acked, SPOOL_ACK_RANGES_MAX);
}

void spool_ledger_finish(struct spool_ledger *l)
{
    rangeset_finish(&l->settled);
    for (size_t i = 0; i < SPOOL_ACKS_MAX; i++)
        rangeset_finish(&l->acks[i].acked);
}

/* --- acknowledgements --- */

static uint64_t counter_of(uint64_t epoch)
{
    return epoch >> 32;
}

static const struct rangeset *acked_of(const struct spool_ledger *l, uint64_t epoch)
{
    for (size_t i = 0; i < l->ack_count; i++)
        if (l->acks[i].epoch == epoch)
            return &l->acks[i].acked;
    return NULL;
}

static struct rangeset *acked_make(struct spool_ledger *l, uint64_t epoch)
{
    for (size_t i = 0; i < l->ack_count; i++)
        if (l->acks[i].epoch == epoch)
            return &l->acks[i].acked;
    if (l->ack_count == SPOOL_ACKS_MAX)
        return NULL;
    struct spool_acks *row = &l->acks[l->ack_count++];
    row->epoch = epoch;
    rangeset_clear(&row->acked);
    return &row->acked;
}

/* The row's range set keeps its memory for the next epoch that needs one. */
static void acks_drop(struct spool_ledger *l, uint64_t epoch)
{
    for (size_t i = 0; i < l->ack_count; i++) {
        if (l->acks[i].epoch != epoch)
            continue;
        struct spool_acks dropped = l->acks[i];
        l->acks[i] = l->acks[--l->ack_count];
        rangeset_clear(&dropped.acked);
        l->acks[l->ack_count] = dropped;
        return;
    }
}

static void gaps_remove(struct spool_ledger *l, size_t at)
{
    l->gap_count--;
    memmove(&l->gaps[at], &l->gaps[at + 1], (l->gap_count - at) * sizeof(l->gaps[0]));
    l->dirty = true;
}

/* The collector has been told of the gap: from now on its packs count as answered for. */
static void gap_explained(struct spool_ledger *l, const struct spool_gap *g)
{
    struct rangeset *acked = NULL;
    if (!rangeset_has(&l->settled, counter_of(g->epoch)))
        acked = acked_make(l, g->epoch);
    if (acked && rangeset_add(acked, g->from, g->to))
        l->refused_acks++;
}

static void gaps_acked(struct spool_ledger *l, uint64_t epoch, uint64_t from, uint64_t to)
{
    for (size_t i = l->gap_count; i-- > 0;) {
        const struct spool_gap *g = &l->gaps[i];
        bool told =
            g->told_seq && g->told_epoch == epoch && from <= g->told_seq && g->told_seq <= to;
        bool inside = !g->told_seq && g->epoch == epoch && from <= g->from && g->to <= to;
        if (!told && !inside)
            continue;
        if (told)
            gap_explained(l, g);
        gaps_remove(l, i);
    }
}

int spool_ledger_ack(struct spool_ledger *l, uint64_t epoch, uint64_t from, uint64_t to)
{
    gaps_acked(l, epoch, from, to);
    if (rangeset_has(&l->settled, counter_of(epoch)))
        return 0;
    struct rangeset *acked = acked_make(l, epoch);
    if (acked && rangeset_covers(acked, from, to))
        return 0;
    int rc = acked ? rangeset_add(acked, from, to) : ERR_FULL;
    if (rc)
        l->refused_acks++;
    else
        l->dirty = true;
    return rc;
}

bool spool_ledger_acked(const struct spool_ledger *l, uint64_t epoch, uint64_t seq)
{
    const struct rangeset *acked = acked_of(l, epoch);
    return (acked && rangeset_has(acked, seq)) || rangeset_has(&l->settled, counter_of(epoch));
}

uint64_t spool_ledger_acked_in(const struct spool_ledger *l, uint64_t epoch, uint64_t from,
                               uint64_t to)
{
    if (rangeset_has(&l->settled, counter_of(epoch)))
        return to - from + 1;
    const struct rangeset *acked = acked_of(l, epoch);
    uint64_t total = 0;
    for (size_t i = 0; acked && i < acked->count; i++) {
        uint64_t low = acked->ranges[i].from > from ? acked->ranges[i].from : from;
        uint64_t high = acked->ranges[i].to < to ? acked->ranges[i].to : to;
        if (low <= high)
            total += high - low + 1;
    }
    return total;
}

void spool_ledger_settle(struct spool_ledger *l, uint64_t epoch)
{
    if (rangeset_add(&l->settled, counter_of(epoch), counter_of(epoch)))
        return; /* full: the row says the same at greater length */
    acks_drop(l, epoch);
    l->dirty = true;
}

void spool_ledger_forget(struct spool_ledger *l, const char *store)
{
    snprintf(l->store, sizeof(l->store), "%s", store);
    rangeset_clear(&l->settled);
    l->ack_count = 0;
    l->dirty = true;
}

/* --- gaps --- */

static void gap_swallow(struct spool_gap *into, const struct spool_gap *g)
{
    into->from = g->from < into->from ? g->from : into->from;
    into->to = g->to > into->to ? g->to : into->to;
    into->first = g->first.ms < into->first.ms ? g->first : into->first;
    into->last = g->last.ms > into->last.ms ? g->last : into->last;
    into->count += g->count;
    into->mark = into->told_epoch = into->told_seq = 0;
}

/* Index of the first gap that ends at (epoch, seq) or later. */
static size_t gaps_find(const struct spool_ledger *l, uint64_t epoch, uint64_t seq)
{
    size_t i = 0;
    while (i < l->gap_count &&
           (l->gaps[i].epoch < epoch || (l->gaps[i].epoch == epoch && l->gaps[i].to < seq)))
        i++;
    return i;
}

static bool gaps_join(const struct spool_gap *a, const struct spool_gap *b)
{
    return a->epoch == b->epoch && a->cause == b->cause && a->to + 1 == b->from && !a->told_seq &&
           !b->told_seq;
}

/* Makes one of the two neighbours of one epoch with the smallest hole between them. */
static void gaps_make_room(struct spool_ledger *l)
{
    size_t best = l->gap_count;
    uint64_t smallest = UINT64_MAX;
    for (size_t i = 0; i + 1 < l->gap_count; i++) {
        uint64_t hole = l->gaps[i + 1].from - l->gaps[i].to;
        if (l->gaps[i].epoch == l->gaps[i + 1].epoch && hole < smallest) {
            smallest = hole;
            best = i;
        }
    }
    if (best == l->gap_count)
        best = 0; /* 256 epochs of one gap each: the oldest is let go, as its totals still count */
    else
        gap_swallow(&l->gaps[best + 1], &l->gaps[best]);
    gaps_remove(l, best);
}

static void gaps_insert(struct spool_ledger *l, const struct spool_gap *g)
{
    if (l->gap_count == SPOOL_GAPS_MAX)
        gaps_make_room(l);
    size_t i = gaps_find(l, g->epoch, g->from);
    l->dirty = true;
    if (i > 0 && gaps_join(&l->gaps[i - 1], g)) {
        gap_swallow(&l->gaps[i - 1], g);
        if (i < l->gap_count && gaps_join(&l->gaps[i - 1], &l->gaps[i])) {
            gap_swallow(&l->gaps[i - 1], &l->gaps[i]);
            gaps_remove(l, i);
        }
    } else if (i < l->gap_count && gaps_join(g, &l->gaps[i])) {
        gap_swallow(&l->gaps[i], g);
    } else {
        memmove(&l->gaps[i + 1], &l->gaps[i], (l->gap_count - i) * sizeof(*g));
        l->gaps[i] = *g;
        l->gap_count++;
    }
}

static void totals_add(struct spool_totals *t, enum spool_cause cause, uint64_t packs,
                       uint64_t samples)
{
    if (cause == SPOOL_EVICTED) {
        t->evicted_packs += packs;
        t->evicted_samples += samples;
    } else if (cause == SPOOL_CORRUPT) {
        t->corrupt_packs += packs;
    } else {
        t->erased_packs += packs;
    }
}

/* The end of what explains `seq`, an acknowledgement or a gap; seq - 1 when nothing does. */
static uint64_t explained_upto(const struct spool_ledger *l, uint64_t epoch, uint64_t seq)
{
    const struct rangeset *acked = acked_of(l, epoch);
    if (rangeset_has(&l->settled, counter_of(epoch)))
        return SEQ_MAX;
    if (acked && rangeset_has(acked, seq))
        return rangeset_upto(acked, seq);
    size_t i = gaps_find(l, epoch, seq);
    if (i < l->gap_count && l->gaps[i].epoch == epoch && l->gaps[i].from <= seq)
        return l->gaps[i].to;
    return seq - 1;
}

/* The last number from seq (which nothing explains) up to `to` before something explains it. */
static uint64_t unexplained_upto(const struct spool_ledger *l, uint64_t epoch, uint64_t seq,
                                 uint64_t to)
{
    const struct rangeset *acked = acked_of(l, epoch);
    for (size_t i = 0; acked && i < acked->count; i++)
        if (acked->ranges[i].from > seq && acked->ranges[i].from <= to)
            to = acked->ranges[i].from - 1;
    size_t i = gaps_find(l, epoch, seq);
    if (i < l->gap_count && l->gaps[i].epoch == epoch && l->gaps[i].from <= to)
        to = l->gaps[i].from - 1;
    return to;
}

uint64_t spool_ledger_account(struct spool_ledger *l, const struct spool_gap *gap)
{
    uint64_t packs = 0;
    for (uint64_t seq = gap->from; seq <= gap->to;) {
        uint64_t known = explained_upto(l, gap->epoch, seq);
        if (known >= seq) {
            seq = known + 1;
            continue;
        }
        struct spool_gap part = *gap;
        part.from = seq;
        part.to = unexplained_upto(l, gap->epoch, seq, gap->to);
        part.mark = part.told_epoch = part.told_seq = 0;
        if (part.from != gap->from || part.to != gap->to)
            part.count = 0;
        gaps_insert(l, &part);
        spool_ledger_untell(l, part.epoch, part.from, part.to);
        totals_add(&l->totals, gap->cause, part.to - part.from + 1, part.count);
        packs += part.to - part.from + 1;
        seq = part.to + 1;
    }
    return packs;
}

size_t spool_ledger_offer(struct spool_ledger *l, struct spool_gap *out, size_t max, uint64_t *mark)
{
    size_t n = 0;
    *mark = ++l->last_mark;
    for (size_t i = 0; i < l->gap_count && n < max; i++) {
        if (l->gaps[i].told_seq)
            continue;
        l->gaps[i].mark = *mark;
        out[n++] = l->gaps[i];
    }
    return n;
}

void spool_ledger_told(struct spool_ledger *l, uint64_t mark, uint64_t epoch, uint64_t seq)
{
    for (size_t i = 0; mark && i < l->gap_count; i++) {
        if (l->gaps[i].mark != mark)
            continue;
        l->gaps[i].told_epoch = epoch;
        l->gaps[i].told_seq = seq;
        l->dirty = true;
    }
}

void spool_ledger_untell(struct spool_ledger *l, uint64_t epoch, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < l->gap_count; i++) {
        struct spool_gap *g = &l->gaps[i];
        if (!g->told_seq || g->told_epoch != epoch || g->told_seq < from || g->told_seq > to)
            continue;
        g->mark = g->told_epoch = g->told_seq = 0;
        l->dirty = true;
    }
}

size_t spool_ledger_untold(const struct spool_ledger *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->gap_count; i++)
        n += l->gaps[i].told_seq == 0;
    return n;
}

/* --- as bytes --- */

static void ranges_encode(const struct rangeset *s, struct buf *out)
{
    buf_le32(out, (uint32_t)s->count);
    for (size_t i = 0; i < s->count; i++) {
        buf_le64(out, s->ranges[i].from);
        buf_le64(out, s->ranges[i].to);
    }
}

void spool_ledger_encode(struct spool_ledger *l, struct buf *out)
{
    char store[STORE_ID_SIZE] = {0};
    snprintf(store, sizeof(store), "%s", l->store);
    buf_le32(out, STATE_VERSION);
    buf_le64(out, ++l->revision);
    buf_put(out, store, sizeof(store));
    buf_le64(out, l->counter);
    buf_le64(out, l->totals.evicted_packs);
    buf_le64(out, l->totals.evicted_samples);
    buf_le64(out, l->totals.corrupt_packs);
    buf_le64(out, l->totals.erased_packs);
    ranges_encode(&l->settled, out);
    buf_le32(out, (uint32_t)l->ack_count);
    for (size_t i = 0; i < l->ack_count; i++) {
        buf_le64(out, l->acks[i].epoch);
        ranges_encode(&l->acks[i].acked, out);
    }
    buf_le32(out, (uint32_t)l->gap_count);
    for (size_t i = 0; i < l->gap_count; i++) {
        const struct spool_gap *g = &l->gaps[i];
        buf_le64(out, g->epoch);
        buf_le64(out, g->from);
        buf_le64(out, g->to);
        buf_le32(out, (uint32_t)g->cause);
        buf_le64(out, (uint64_t)g->first.ms);
        buf_le64(out, (uint64_t)g->last.ms);
        buf_le64(out, g->count);
        buf_le64(out, g->told_epoch);
        buf_le64(out, g->told_seq);
    }
}

static int ranges_decode(struct rangeset *s, struct cursor *c)
{
    uint32_t n = cursor_le32(c);
    if (n > s->limit)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t from = cursor_le64(c);
        uint64_t to = cursor_le64(c);
        if (c->underflow || to > SEQ_MAX)
            return ERR_CORRUPT;
        int rc = rangeset_add(s, from, to);
        if (rc)
            return rc == ERR_NOMEM ? rc : ERR_CORRUPT;
    }
    return 0;
}

static int acks_decode(struct spool_ledger *l, struct cursor *c)
{
    uint32_t n = cursor_le32(c);
    if (n > SPOOL_ACKS_MAX)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t epoch = cursor_le64(c);
        if (c->underflow || acked_of(l, epoch))
            return ERR_CORRUPT;
        int rc = ranges_decode(acked_make(l, epoch), c);
        if (rc)
            return rc;
    }
    return 0;
}

static int gaps_decode(struct spool_ledger *l, struct cursor *c)
{
    uint32_t n = cursor_le32(c);
    if (n > SPOOL_GAPS_MAX)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < n; i++) {
        struct spool_gap *g = &l->gaps[i];
        const struct spool_gap *before = i ? &l->gaps[i - 1] : NULL;
        *g = (struct spool_gap){.epoch = cursor_le64(c)};
        g->from = cursor_le64(c);
        g->to = cursor_le64(c);
        uint32_t cause = cursor_le32(c);
        g->first.ms = (int64_t)cursor_le64(c);
        g->last.ms = (int64_t)cursor_le64(c);
        g->count = cursor_le64(c);
        g->told_epoch = cursor_le64(c);
        g->told_seq = cursor_le64(c);
        bool sorted = !before || before->epoch < g->epoch ||
                      (before->epoch == g->epoch && before->to < g->from);
        if (c->underflow || cause > SPOOL_ERASED || g->from > g->to || g->to > SEQ_MAX || !sorted)
            return ERR_CORRUPT;
        g->cause = (enum spool_cause)cause;
        l->gap_count = i + 1;
    }
    return 0;
}

static void ledger_clear(struct spool_ledger *l)
{
    memset(l->store, 0, sizeof(l->store));
    memset(&l->totals, 0, sizeof(l->totals));
    rangeset_clear(&l->settled);
    l->counter = l->ack_count = l->gap_count = 0;
}

int spool_ledger_decode(struct spool_ledger *l, const void *bytes, size_t len)
{
    struct cursor c;
    cursor_init(&c, bytes, len);
    if (cursor_le32(&c) != STATE_VERSION)
        return ERR_CORRUPT;
    uint64_t revision = cursor_le64(&c);
    if (c.underflow)
        return ERR_CORRUPT;
    if (revision <= l->revision)
        return 0;
    ledger_clear(l);
    l->revision = revision;
    const uint8_t *store = cursor_bytes(&c, STORE_ID_SIZE);
    if (!store || store[STORE_ID_SIZE - 1])
        return ERR_CORRUPT;
    memcpy(l->store, store, STORE_ID_SIZE);
    l->counter = cursor_le64(&c);
    l->totals.evicted_packs = cursor_le64(&c);
    l->totals.evicted_samples = cursor_le64(&c);
    l->totals.corrupt_packs = cursor_le64(&c);
    l->totals.erased_packs = cursor_le64(&c);
    int rc = ranges_decode(&l->settled, &c);
    if (!rc)
        rc = acks_decode(l, &c);
    if (!rc)
        rc = gaps_decode(l, &c);
    if (!rc && (c.underflow || cursor_left(&c)))
        rc = ERR_CORRUPT;
    if (rc)
        ledger_clear(l);
    return rc;
}
