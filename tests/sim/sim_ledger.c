/* What is true of every sample and every pack, and whether the promises hold. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/io/spool/spool_inner.h"
#include "model/hash64.h"
#include "tests/sim/sim_inside.h"

typedef unsigned long long u64; /* for printf */

#define DURABLE_MS 5000 /* promised; less the pack's age */

void ledger_finish(struct sim_ledger *l)
{
    for (size_t i = 0; i < l->epoch_count; i++)
        free(l->epochs[i].packs);
    free(l->epochs);
    free(l->times);
}

/* --- what happens --- */

size_t ledger_epoch(const struct sim_ledger *l, uint64_t epoch)
{
    for (size_t i = l->epoch_count; i-- > 0;)
        if (l->epochs[i].epoch == epoch)
            return i;
    return SIM_NO_EPOCH;
}

struct sim_pack *ledger_pack(const struct sim_ledger *l, uint64_t epoch, uint64_t seq)
{
    size_t i = ledger_epoch(l, epoch);
    if (i == SIM_NO_EPOCH || seq < 1 || seq > l->epochs[i].count)
        return NULL;
    return &l->epochs[i].packs[seq - 1];
}

void ledger_new_epoch(struct sim_gateway *g, uint64_t epoch)
{
    struct sim_ledger *l = &g->ledger;
    if (ledger_epoch(l, epoch) != SIM_NO_EPOCH)
        sim_fail(g->sim, "I2: %s uses epoch %llu a second time", g->name, (u64)epoch);
    if (l->epoch_count == l->epoch_capacity) {
        l->epoch_capacity = l->epoch_capacity ? 2 * l->epoch_capacity : 8;
        l->epochs = sim_alloc(l->epochs, l->epoch_capacity * sizeof(*l->epochs));
    }
    l->epochs[l->epoch_count++] = (struct sim_epoch){.epoch = epoch};
}

void ledger_sample(struct sim_gateway *g, struct clk_utc at)
{
    struct sim_ledger *l = &g->ledger;
    if (l->samples == l->sample_capacity) {
        l->sample_capacity = l->sample_capacity ? 2 * l->sample_capacity : 256;
        l->times = sim_alloc(l->times, l->sample_capacity * sizeof(*l->times));
    }
    l->times[l->samples++] = at.ms;
    g->sim->counts.samples++;
}

void ledger_make(uint64_t n, struct sample *out)
{
    *out = (struct sample){.value = {VALUE_NUMBER, .number = (double)n}};
    if (n % 17 == 5)
        *out = (struct sample){.quality = QUALITY_BAD, .cause = CAUSE_TIMEOUT};
}

void ledger_append(struct sim_gateway *g, const struct packed *p)
{
    struct sim_ledger *l = &g->ledger;
    struct sim_epoch *e = &l->epochs[l->epoch_count - 1];
    if (e->count == e->capacity) {
        e->capacity = e->capacity ? 2 * e->capacity : 64;
        e->packs = sim_alloc(e->packs, e->capacity * sizeof(*e->packs));
    }
    if (p->seq != e->count + 1)
        sim_fail(g->sim, "I2: %s: pack %llu follows pack %zu", g->name, (u64)p->seq, e->count);
    e->packs[e->count++] = (struct sim_pack){.hash = hash64_add(HASH64_START, p->bytes, p->len),
                                             .kind = p->kind,
                                             .first = l->packed,
                                             .count = p->samples,
                                             .frozen_ms = g->sim->now_ms,
                                             .stored_ms = -1};
    l->packed += p->samples;
    g->sim->counts.packs++;
}

void ledger_durable(struct sim_gateway *g)
{
    struct sim_epoch *e = &g->ledger.epochs[g->ledger.epoch_count - 1];
    for (; e->durable < spool_durable(g->spool); e->durable++)
        e->packs[e->durable].durable = true;
}

/* A pack the kill took was not yet stored, so it was young, unless the disk had failed. */
static void check_young(struct sim_gateway *g)
{
    const struct sim_epoch *e = &g->ledger.epochs[g->ledger.epoch_count - 1];
    for (size_t i = e->durable; i < e->count; i++) {
        const struct sim_pack *p = &e->packs[i];
        if (p->stored_ms < 0 && g->sim->now_ms - p->frozen_ms > DURABLE_MS)
            sim_fail(g->sim, "I1: %s seq %zu was neither durable nor stored %lld ms after it froze",
                     g->name, i + 1, (long long)(g->sim->now_ms - p->frozen_ms));
    }
}

void ledger_forget_open(struct sim_gateway *g)
{
    if (g->retry_ms == 0 && !g->memory_only)
        check_young(g);
    g->ledger.packed = g->ledger.samples;
}

/* --- what arrives --- */

static bool same_record(const struct pack_record *r, uint64_t n, int64_t at_ms)
{
    struct sample s;
    ledger_make(n, &s);
    return strcmp(r->device, "meter") == 0 && strcmp(r->point, "count") == 0 && r->at.ms == at_ms &&
           r->quality == s.quality && r->cause == s.cause && r->type == s.value.type &&
           (r->type == VALUE_NONE || r->number == s.value.number);
}

static bool same_samples(const struct sim_ledger *l, const struct sim_pack *known, struct pack *p)
{
    struct pack_record r;
    uint32_t n = 0;
    bool same = true;
    while (same && pack_next(p, &r) == 1) {
        same = n < known->count && same_record(&r, known->first + n, l->times[known->first + n]);
        n++;
    }
    pack_rewind(p);
    return same && n == known->count;
}

bool ledger_check_arrival(struct sim_gateway *g, struct pack *p, const char *body, size_t len)
{
    const struct sim_pack *known = ledger_pack(&g->ledger, p->head.epoch, p->head.seq);
    const char *wrong = NULL;
    if (!known)
        wrong = "I4: was never packed";
    else if (known->hash != hash64_add(HASH64_START, body, len))
        wrong = "I3: its bytes are not those it was frozen with";
    else if (known->kind == PACK_DATA && !same_samples(&g->ledger, known, p))
        wrong = "I3: its samples are not those that were taken";
    if (wrong)
        sim_fail(g->sim, "%s epoch %llu seq %llu: %s", g->name, (u64)p->head.epoch,
                 (u64)p->head.seq, wrong);
    return !wrong;
}

/* --- what is acknowledged --- */

static bool all_settled(const struct sim_rows *r, uint64_t from, uint64_t to)
{
    while (from <= to) {
        uint64_t upto = rangeset_upto(&r->packs, from);
        uint64_t refused = rangeset_upto(&r->refused, from);
        uint64_t gap = rangeset_upto(&r->gaps, from);
        upto = refused > upto ? refused : upto;
        upto = gap > upto ? gap : upto;
        if (upto < from)
            return false;
        from = upto + 1;
    }
    return true;
}

/* Only what is committed is ever acknowledged. */
static void check_ack_epoch(struct sim *s, struct sim_gateway *g, const struct ack_epoch *a)
{
    size_t epoch = ledger_epoch(&g->ledger, a->epoch);
    if (epoch == SIM_NO_EPOCH) {
        sim_fail(s, "I4: an ack to %s for epoch %llu, which it never had", g->name, (u64)a->epoch);
        return;
    }
    const struct sim_rows *r = store_rows(&s->collector.store, g->index, epoch);
    bool good = all_settled(r, 1, a->upto);
    for (size_t i = 0; i < a->also_count && good; i++)
        good = all_settled(r, a->also[i].from, a->also[i].to);
    for (size_t i = 0; i < a->refused_count && good; i++)
        good = rangeset_has(&r->refused, a->refused[i].seq);
    if (!good)
        sim_fail(s, "I1: %s epoch %zu is acknowledged up to %llu (+%zu) before it is committed",
                 g->name, epoch, (u64)a->upto, a->also_count);
}

void ledger_check_ack(struct sim *s, struct sim_gateway *g, const struct ack *a)
{
    if (a->credit < 1 || a->credit > SIM_CREDIT_MAX)
        sim_fail(s, "I6: %s is granted a credit of %u", g->name, a->credit);
    for (size_t i = 0; i < a->epoch_count && !s->breach[0]; i++)
        check_ack_epoch(s, g, &a->epochs[i]);
}

/* --- what is there --- */

static uint64_t disk_bytes(const struct fsx_fault *f)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < FAULT_FILES_MAX; i++)
        bytes += f->files[i].used && f->files[i].name[0] ? f->files[i].size : 0;
    return bytes;
}

void ledger_check_limits(struct sim_gateway *g)
{
    struct sim *s = g->sim;
    const struct uplink *u = &g->uplink;
    /* Segments, two files of the journal, and a segment in the making. */
    uint64_t disk_max = (s->options.segments + 3) * SPOOL_SEGMENT_MIN;
    if (disk_bytes(&g->disk) > disk_max)
        sim_fail(s, "I6: %s has %llu bytes on its disk", g->name, (u64)disk_bytes(&g->disk));
    if (!g->spool)
        return;
    if (u->flight_count > SIM_INFLIGHT || g->spool->flight_count > SPOOL_FLIGHTS_MAX)
        sim_fail(s, "I6: %s has %zu packs in flight, its spool %zu", g->name, u->flight_count,
                 g->spool->flight_count);
    if (u->phase == UPLINK_ONLINE && u->lane_count[UPLINK_LIVE] > UPLINK_LIVE_PACKS + SIM_INFLIGHT)
        sim_fail(s, "I6: %s has %zu live packs in flight", g->name, u->lane_count[UPLINK_LIVE]);
}

/* Marks what the spool holds, and what of it is pending, with the number of this check. */
static void mark_held(struct sim_gateway *g, uint64_t check)
{
    struct spool_walk walk = {.spool = g->spool};
    struct spool_run run;
    while (spool_walk_next(&walk, &run))
        for (uint64_t seq = run.from; seq <= run.to; seq++) {
            struct sim_pack *p = ledger_pack(&g->ledger, run.epoch, seq);
            if (!p) {
                sim_fail(g->sim, "I4: %s holds epoch %llu seq %llu, which it never packed", g->name,
                         (u64)run.epoch, (u64)seq);
                return;
            }
            p->held = check;
            if (!spool_ledger_acked(&g->spool->ledger, run.epoch, seq))
                p->pending = check;
        }
}

static bool in_spool_gap(const struct spool *spool, uint64_t epoch, uint64_t seq)
{
    for (size_t i = 0; i < spool->ledger.gap_count; i++) {
        const struct spool_gap *gap = &spool->ledger.gaps[i];
        if (gap->epoch == epoch && gap->from <= seq && seq <= gap->to)
            return true;
    }
    return false;
}

struct looking {
    struct sim *sim;
    struct sim_gateway *gateway;
    bool settled; /* nothing may be pending any more */
    bool strange; /* its spool has not met this store yet, or cannot see its disk: it gives later */
    uint64_t check;
};

/* Stored, pending, or named in a gap; and a gap names only what is gone. */
static void check_pack(const struct looking *l, size_t epoch, uint64_t seq)
{
    struct sim_gateway *g = l->gateway;
    const struct sim_epoch *e = &g->ledger.epochs[epoch];
    const struct sim_pack *p = &e->packs[seq - 1];
    const struct sim_rows *r = store_rows(&l->sim->collector.store, g->index, epoch);
    bool pending = p->pending == l->check;
    bool gap = rangeset_has(&r->gaps, seq);
    if (rangeset_has(&r->packs, seq) && gap)
        sim_fail(l->sim, "I2: %s epoch %zu seq %llu is stored, and in a gap", g->name, epoch,
                 (u64)seq);
    if (l->settled && gap && p->held == l->check)
        sim_fail(l->sim, "I1: %s epoch %zu seq %llu is a gap in the store, and held by its spool",
                 g->name, epoch, (u64)seq);
    if (!p->durable || rows_settled(r, seq))
        return;
    if (l->settled)
        sim_fail(l->sim, "I1: %s epoch %zu seq %llu was durable and is not in the store (%s)",
                 g->name, epoch, (u64)seq, pending ? "pending" : "gone");
    else if (!pending && !l->strange && !in_spool_gap(g->spool, e->epoch, seq))
        sim_fail(l->sim, "I1: %s epoch %zu seq %llu was durable, is not stored, and is gone (%s)",
                 g->name, epoch, (u64)seq, p->held == l->check ? "let go" : "not held");
}

static void check_gateway(struct sim *s, struct sim_gateway *g, bool settled)
{
    struct looking l = {.sim = s,
                        .gateway = g,
                        .settled = settled,
                        .strange = g->spool->memory_only ||
                                   strcmp(spool_store(g->spool), s->collector.store.id) != 0,
                        .check = s->checks};
    mark_held(g, s->checks);
    for (size_t i = 0; i < g->ledger.epoch_count && !s->breach[0]; i++)
        for (uint64_t seq = 1; seq <= g->ledger.epochs[i].count && !s->breach[0]; seq++)
            check_pack(&l, i, seq);
}

void ledger_check(struct sim *s, bool settled)
{
    s->checks++;
    for (size_t i = 0; i < s->options.gateways && !s->breach[0]; i++) {
        ledger_check_limits(&s->gateways[i]);
        if (s->gateways[i].spool)
            check_gateway(s, &s->gateways[i], settled);
    }
    struct ingest_counters counters;
    if (!s->collector.ingest)
        return;
    ingest_count(s->collector.ingest, &counters);
    if (counters.pending > INGEST_PENDING_MAX || counters.gateways > s->options.gateways)
        sim_fail(s, "I6: ingest has %zu packs pending of %zu gateways", counters.pending,
                 counters.gateways);
}
