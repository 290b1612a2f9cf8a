#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/io/spool/spool_inner.h"

/* --- what is held --- */

bool spool_walk_next(struct spool_walk *w, struct spool_run *run)
{
    const struct spool_disk *d = &w->spool->disk;
    while (w->segment < d->count && w->run == d->segments[w->segment].run_count) {
        w->segment++;
        w->run = 0;
    }
    if (w->segment < d->count) {
        *run = d->segments[w->segment].runs[w->run++];
        return true;
    }
    if (w->record == w->spool->tail.count)
        return false;
    const struct spool_record *r = &w->spool->tail.records[w->record++];
    *run = (struct spool_run){r->epoch, r->seq, r->seq, r->samples, r->first, r->last};
    return true;
}

static uint64_t run_pending(const struct spool *s, const struct spool_run *r)
{
    return r->to - r->from + 1 - spool_ledger_acked_in(&s->ledger, r->epoch, r->from, r->to);
}

uint64_t spool_pending_of(const struct spool *s, uint64_t epoch)
{
    struct spool_walk walk = {.spool = s};
    struct spool_run run;
    uint64_t pending = 0;
    while (spool_walk_next(&walk, &run))
        if (run.epoch == epoch)
            pending += run_pending(s, &run);
    return pending;
}

/* Lowest and highest of that epoch held; false when nothing is. */
static bool held_bounds(const struct spool *s, uint64_t epoch, uint64_t *lowest, uint64_t *highest)
{
    struct spool_walk walk = {.spool = s};
    struct spool_run run;
    *lowest = UINT64_MAX;
    *highest = 0;
    while (spool_walk_next(&walk, &run)) {
        if (run.epoch != epoch)
            continue;
        *lowest = run.from < *lowest ? run.from : *lowest;
        *highest = run.to > *highest ? run.to : *highest;
    }
    return *highest > 0;
}

uint64_t spool_low(const struct spool *s, uint64_t epoch)
{
    uint64_t lowest;
    uint64_t highest;
    return held_bounds(s, epoch, &lowest, &highest) ? lowest : 0;
}

/* Of the first n runs, the one of that epoch that ends last; its `to` is 0 when there is none. */
static struct spool_run last_of(const struct spool *s, uint64_t epoch, size_t n)
{
    struct spool_walk walk = {.spool = s};
    struct spool_run run;
    struct spool_run last = {.epoch = epoch};
    while (n-- > 0 && spool_walk_next(&walk, &run))
        if (run.epoch == epoch && run.to > last.to)
            last = run;
    return last;
}

/* An epoch begins with 1, and its packs lie together in the log but for what a failing disk made
 * the spool write twice. */
uint64_t spool_account_holes(struct spool *s, enum spool_cause cause)
{
    struct spool_walk walk = {.spool = s};
    struct spool_run run;
    struct spool_run before = {0};
    uint64_t packs = 0;
    for (size_t n = 0; spool_walk_next(&walk, &run); n++) {
        if (run.epoch != before.epoch)
            before = last_of(s, run.epoch, n);
        struct spool_gap hole = {
            .epoch = run.epoch,
            .from = before.to + 1,
            .to = run.from - 1,
            .cause = cause,
            .first = before.to ? before.last : run.first,
            .last = run.first,
        };
        if (hole.from <= hole.to)
            packs += spool_ledger_account(&s->ledger, &hole);
        if (run.to > before.to)
            before = run;
    }
    return packs;
}

/* --- packs in flight --- */

/* Index of the first flight at (epoch, seq) or after. */
static size_t flight_find(const struct spool *s, uint64_t epoch, uint64_t seq)
{
    size_t low = 0;
    size_t high = s->flight_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct spool_flight *f = &s->flights[middle];
        if (f->epoch < epoch || (f->epoch == epoch && f->seq < seq))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t flights_in(const struct spool *s, uint64_t epoch, uint64_t from, uint64_t to)
{
    return flight_find(s, epoch, to + 1) - flight_find(s, epoch, from);
}

bool spool_in_flight(const struct spool *s, uint64_t epoch, uint64_t from, uint64_t to)
{
    return flights_in(s, epoch, from, to) > 0;
}

void spool_flight_begin(struct spool *s, uint64_t epoch, uint64_t seq)
{
    size_t at = flight_find(s, epoch, seq);
    memmove(&s->flights[at + 1], &s->flights[at], (s->flight_count - at) * sizeof(*s->flights));
    s->flights[at] = (struct spool_flight){epoch, seq};
    s->flight_count++;
}

void spool_flights_end(struct spool *s, uint64_t epoch, uint64_t from, uint64_t to)
{
    size_t low = flight_find(s, epoch, from);
    size_t high = flight_find(s, epoch, to + 1);
    memmove(&s->flights[low], &s->flights[high], (s->flight_count - high) * sizeof(*s->flights));
    s->flight_count -= high - low;
}

void spool_release(struct spool *s, uint64_t epoch, uint64_t seq)
{
    spool_flights_end(s, epoch, seq, seq);
}

void spool_release_all(struct spool *s)
{
    s->flight_count = 0;
}

/* --- acknowledgements --- */

void spool_settle(struct spool *s)
{
    for (size_t i = s->ledger.ack_count; i-- > 0;) {
        uint64_t epoch = s->ledger.acks[i].epoch;
        if (epoch != s->epoch && spool_pending_of(s, epoch) == 0)
            spool_ledger_settle(&s->ledger, epoch);
    }
}

static void ack_range(struct spool *s, uint64_t epoch, uint64_t from, uint64_t to)
{
    if (spool_ledger_ack(&s->ledger, epoch, from, to) == 0)
        spool_flights_end(s, epoch, from, to);
}

/* False: a range that is none, or one beyond what was appended. Of an epoch that is over this is
 * not known: what was sent from memory while the disk failed may be gone since. */
static bool ack_valid(const struct spool *s, uint64_t epoch, const struct range *r)
{
    return r->from >= 1 && r->from <= r->to && (epoch != s->epoch || r->to <= s->last_seq);
}

int spool_ack(struct spool *s, uint64_t epoch, uint64_t upto, const struct range *also, size_t n)
{
    uint64_t lowest;
    uint64_t highest;
    bool held = held_bounds(s, epoch, &lowest, &highest);
    const struct range all = {1, upto};
    if (upto && !ack_valid(s, epoch, &all))
        return ERR_INVALID;
    for (size_t i = 0; i < n; i++)
        if (!ack_valid(s, epoch, &also[i]))
            return ERR_INVALID;
    if (epoch == s->epoch)
        highest = s->last_seq;
    else if (!held)
        return 0; /* nothing of it is left to be let go */
    if (upto)
        ack_range(s, epoch, 1, upto < highest ? upto : highest);
    for (size_t i = 0; i < n; i++)
        if (also[i].from <= highest)
            ack_range(s, epoch, also[i].from, also[i].to < highest ? also[i].to : highest);
    if (epoch != s->epoch && spool_pending_of(s, epoch) == 0)
        spool_ledger_settle(&s->ledger, epoch);
    return 0;
}

void spool_forget_acks(struct spool *s, const char *store)
{
    spool_ledger_forget(&s->ledger, store);
    spool_account_holes(s, SPOOL_ERASED);
}

size_t spool_offer_gaps(struct spool *s, struct spool_gap *out, size_t max, uint64_t *mark)
{
    return spool_ledger_offer(&s->ledger, out, max, mark);
}

bool spool_has_untold(const struct spool *s)
{
    return spool_ledger_untold(&s->ledger) > 0;
}

/* --- taking --- */

struct taking {
    struct spool *spool;
    struct spool_batch *batch; /* NULL until there is something to put in */
    size_t packs, bytes;       /* the limits */
    uint64_t since;
    bool full;
};

static struct spool_batch *batch_make(const struct taking *t)
{
    size_t room = t->bytes > PACK_SIZE_MAX ? t->bytes : PACK_SIZE_MAX;
    struct spool_batch *b = malloc(sizeof(*b) + t->packs * sizeof(b->items[0]) + room);
    if (b)
        b->count = b->bytes = 0;
    return b;
}

/* Puts the record into the batch if it is to be taken. */
static void take_record(struct taking *t, const struct spool_record *r)
{
    struct spool *s = t->spool;
    if (spool_in_flight(s, r->epoch, r->seq, r->seq) ||
        spool_ledger_acked(&s->ledger, r->epoch, r->seq))
        return;
    if (!t->batch)
        t->batch = batch_make(t);
    struct spool_batch *b = t->batch;
    if (!b || b->count == t->packs || s->flight_count == SPOOL_FLIGHTS_MAX ||
        (b->count && b->bytes + r->len > t->bytes)) {
        t->full = true;
        return;
    }
    struct spool_item *item = &b->items[b->count++];
    *item = (struct spool_item){
        .epoch = r->epoch,
        .seq = r->seq,
        .kind = r->kind,
        .samples = r->samples,
        .first = r->first,
        .last = r->last,
        .len = r->len,
        .at = sizeof(*b) + t->packs * sizeof(b->items[0]) + b->bytes,
    };
    memcpy((char *)b + item->at, r->bytes, r->len);
    b->bytes += r->len;
    spool_flight_begin(s, r->epoch, r->seq);
}

/* From the end of the records to their start, as far as the wish goes. */
static void take_records(struct taking *t, const struct spool_record *records, size_t count)
{
    for (size_t i = count; i-- > 0 && !t->full;) {
        if (t->since && (records[i].epoch != t->spool->epoch || records[i].seq < t->since))
            t->full = true;
        else
            take_record(t, &records[i]);
    }
}

static bool segment_has_any(const struct spool *s, const struct spool_segment *segment)
{
    assert(segment->run_count == 0 || segment->runs);
    for (uint32_t i = 0; i < segment->run_count; i++) {
        const struct spool_run *r = &segment->runs[i];
        if (run_pending(s, r) > flights_in(s, r->epoch, r->from, r->to))
            return true;
    }
    return false;
}

static void take_segments(struct taking *t)
{
    struct spool *s = t->spool;
    for (size_t i = s->disk.count; i-- > 0 && !t->full;) {
        const struct spool_segment *segment = &s->disk.segments[i];
        const struct spool_run *newest =
            segment->run_count ? &segment->runs[segment->run_count - 1] : NULL;
        if (newest && t->since && (newest->epoch != s->epoch || newest->to < t->since))
            return;
        if (segment_has_any(s, segment) && spool_disk_load(&s->disk, i, &s->ledger) == 0)
            take_records(t, s->disk.records, s->disk.record_count);
    }
}

struct spool_batch *spool_take(struct spool *s, const struct spool_wish *wish)
{
    struct taking t = {
        .spool = s,
        .packs = wish->packs < SPOOL_BATCH_PACKS_MAX ? wish->packs : SPOOL_BATCH_PACKS_MAX,
        .bytes = wish->bytes < SPOOL_BATCH_BYTES_MAX ? wish->bytes : SPOOL_BATCH_BYTES_MAX,
        .since = wish->since,
    };
    if (t.packs == 0)
        return NULL;
    take_records(&t, s->tail.records, spool_degraded(s) ? s->tail.count : s->tail.parted);
    take_segments(&t);
    if (!t.batch)
        spool_disk_unload(&s->disk); /* all is handed out: for now nobody asks for it */
    if (!t.batch || t.batch->count)
        return t.batch;
    free(t.batch);
    return NULL;
}

const void *spool_batch_bytes(const struct spool_batch *b, size_t i)
{
    return (const char *)b + b->items[i].at;
}

/* --- state --- */

static void state_add_run(const struct spool *s, struct spool_state *out, const struct spool_run *r)
{
    out->held += r->to - r->from + 1;
    out->pending += run_pending(s, r);
    if (r->samples && (out->oldest.ms == 0 || r->first.ms < out->oldest.ms))
        out->oldest = r->first;
    size_t n = out->epoch_count;
    if (n && out->epochs[n - 1].epoch == r->epoch) {
        out->epochs[n - 1].highest = r->to;
        return;
    }
    if (n == SPOOL_STATE_EPOCHS_MAX)
        memmove(&out->epochs[0], &out->epochs[1], --n * sizeof(out->epochs[0]));
    out->epochs[n].epoch = r->epoch;
    out->epochs[n].lowest = r->from;
    out->epochs[n].highest = r->to;
    out->epoch_count = n + 1;
}

void spool_get_state(const struct spool *s, struct spool_state *out)
{
    *out = (struct spool_state){
        .epoch = s->epoch,
        .last_seq = s->last_seq,
        .durable = s->durable,
        .bytes_max = (uint64_t)s->disk.segments_max * s->disk.segment_size,
        .in_flight = s->flight_count,
        .appended = s->appended,
        .recycled = s->recycled,
        .errors = s->errors,
        .allocations = s->disk.allocations,
        .gaps = s->ledger.gap_count,
        .gaps_untold = spool_ledger_untold(&s->ledger),
        .totals = s->ledger.totals,
        .memory_only = s->memory_only,
        .failing = s->failures > 0,
        .disk_full = s->disk_full,
    };
    memcpy(out->store, s->ledger.store, sizeof(out->store));
    for (size_t i = 0; i < s->disk.count; i++)
        out->bytes += s->disk.segments[i].run_count
                          ? (uint64_t)s->disk.segments[i].next_block * SPOOL_BLOCK
                          : 0;
    struct spool_walk walk = {.spool = s};
    struct spool_run run;
    while (spool_walk_next(&walk, &run))
        state_add_run(s, out, &run);
    out->low = spool_low(s, s->epoch);
}
