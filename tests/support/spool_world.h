/*
 * A spool on a faulty disk, and a ledger of everything ever given to it. What comes out is checked
 * against the ledger: the same bytes, nothing twice, nothing that was not put in; and what was
 * reported durable and not acknowledged is held or named in a gap. Needs cmocka included before.
 */
#ifndef TESTS_SUPPORT_SPOOL_WORLD_H
#define TESTS_SUPPORT_SPOOL_WORLD_H

#include <stdlib.h>
#include <string.h>

#include "gateway/io/spool/spool.h"
#include "gateway/io/spool/spool_disk.h"
#include "tests/support/fsx_fault.h"

#define WORLD_PACKS_MAX   40000u
#define WORLD_TELLERS_MAX 8u

struct world_pack {
    uint64_t epoch, seq;
    uint32_t len, samples;
    bool durable, acked, taken, in_gap;
    struct {
        uint64_t epoch, seq;
    } tellers[WORLD_TELLERS_MAX]; /* packs that tell it is gone; a power cut may take one */
    size_t teller_count;
};

struct world {
    struct fsx_fault disk;
    struct rng rng;
    struct spool_options options;
    struct spool *spool;
    struct world_pack *packs;
    size_t count;
    uint64_t epochs[4096];
    size_t epoch_count;
};

static inline uint32_t world_random(void *ctx)
{
    return (uint32_t)rng_next(ctx);
}

static inline void world_init(struct world *w, uint64_t seed, size_t segments)
{
    memset(w, 0, sizeof(*w));
    fsx_fault_init(&w->disk, seed);
    rng_init(&w->rng, seed ^ 0x5eed);
    w->packs = calloc(WORLD_PACKS_MAX, sizeof(*w->packs));
    assert_non_null(w->packs);
    w->options = (struct spool_options){
        .fsx = &w->disk.fsx,
        .dir = "spool",
        .size_max = segments * SPOOL_SEGMENT_MIN,
        .segment_size = SPOOL_SEGMENT_MIN,
        .memory_max = 512 * 1024,
        .random = world_random,
        .random_ctx = &w->rng,
    };
}

static inline void world_finish(struct world *w)
{
    spool_close(w->spool);
    fsx_fault_finish(&w->disk);
    free(w->packs);
}

/* Opens, whatever is on the disk; the epoch must be one never seen before. */
static inline void world_open(struct world *w)
{
    struct err e = {0};
    assert_int_equal(spool_open(&w->options, &w->spool, &e), 0);
    uint64_t epoch = spool_epoch(w->spool);
    assert_true(epoch >= 1 && epoch <= INT64_MAX);
    for (size_t i = 0; i < w->epoch_count; i++)
        assert_true(w->epochs[i] != epoch);
    assert_true(w->epoch_count < sizeof(w->epochs) / sizeof(w->epochs[0]));
    w->epochs[w->epoch_count++] = epoch;
}

static inline void world_close(struct world *w)
{
    spool_close(w->spool);
    w->spool = NULL;
}

/* The process is killed and the power goes; then it is back. */
static inline void world_cut(struct world *w)
{
    w->disk.dead = true;
    world_close(w);
    fsx_fault_reboot(&w->disk);
}

static inline struct world_pack *world_find(const struct world *w, uint64_t epoch, uint64_t seq)
{
    for (size_t i = w->count; i-- > 0;) {
        struct world_pack *p = &w->packs[i];
        if (p->epoch == epoch)
            return seq > p->seq || seq == 0 ? NULL : p - (p->seq - seq);
    }
    return NULL;
}

static inline void world_fill(const struct world_pack *p, uint8_t *bytes)
{
    struct rng r;
    rng_init(&r, p->epoch * 31 + p->seq);
    for (uint32_t i = 0; i < p->len; i++)
        bytes[i] = (uint8_t)rng_next(&r);
}

static inline void world_append_as(struct world *w, uint32_t len, uint64_t mark, bool taken)
{
    static uint8_t bytes[PACK_SIZE_MAX];
    assert_true(w->count < WORLD_PACKS_MAX);
    struct world_pack *p = &w->packs[w->count];
    struct world_pack *before = world_find(w, spool_epoch(w->spool), 1);
    *p = (struct world_pack){.epoch = spool_epoch(w->spool), .len = len, .samples = 1 + len % 7};
    p->seq = before ? w->packs[w->count - 1].seq + 1 : 1;
    w->count++;
    world_fill(p, bytes);
    struct spool_pack pack = {
        .seq = p->seq,
        .kind = mark ? PACK_GAP : PACK_DATA,
        .samples = p->samples,
        .first = {(int64_t)p->seq * 1000},
        .last = {(int64_t)p->seq * 1000 + 999},
        .bytes = bytes,
        .len = len,
        .gap_mark = mark,
        .taken = taken,
    };
    assert_int_equal(spool_append(w->spool, &pack), 0);
}

static inline void world_append_marked(struct world *w, uint32_t len, uint64_t mark)
{
    world_append_as(w, len, mark, false);
}

/* Appends the pack that tells the gaps there are, if there are any. */
static inline void world_tell_gaps(struct world *w)
{
    static struct spool_gap gaps[SPOOL_GAPS_OFFER_MAX];
    uint64_t mark;
    size_t n = spool_offer_gaps(w->spool, gaps, SPOOL_GAPS_OFFER_MAX, &mark);
    if (n == 0)
        return;
    world_append_marked(w, 300, mark);
    const struct world_pack *teller = &w->packs[w->count - 1];
    for (size_t i = 0; i < n; i++)
        for (uint64_t seq = gaps[i].from; seq <= gaps[i].to; seq++) {
            struct world_pack *p = world_find(w, gaps[i].epoch, seq);
            if (!p)
                continue;
            size_t k = p->teller_count++ % WORLD_TELLERS_MAX;
            p->tellers[k].epoch = teller->epoch;
            p->tellers[k].seq = teller->seq;
        }
}

static inline void world_append(struct world *w, uint32_t len)
{
    world_append_marked(w, len, 0);
}

/* What the spool says is durable is what it will be held to. */
static inline void world_note_durable(struct world *w)
{
    uint64_t epoch = spool_epoch(w->spool);
    for (size_t i = w->count; i-- > 0 && w->packs[i].epoch == epoch;)
        if (w->packs[i].seq <= spool_durable(w->spool)) {
            if (w->packs[i].durable)
                break;
            w->packs[i].durable = true;
        }
}

static inline int world_commit(struct world *w)
{
    int rc = spool_commit(w->spool);
    world_note_durable(w);
    return rc;
}

static inline void world_ack(struct world *w, uint64_t epoch, uint64_t upto)
{
    if (spool_ack(w->spool, epoch, upto, NULL, 0))
        fail_msg("an acknowledgement of what was appended is refused");
    for (size_t i = 0; i < w->count; i++)
        if (w->packs[i].epoch == epoch && w->packs[i].seq <= upto)
            w->packs[i].acked = true;
}

static inline void world_check_item(struct world *w, const struct spool_batch *b, size_t i)
{
    static uint8_t bytes[PACK_SIZE_MAX];
    const struct spool_item *item = &b->items[i];
    struct world_pack *p = world_find(w, item->epoch, item->seq);
    assert_non_null(p);
    assert_false(p->taken);
    assert_int_equal(item->len, p->len);
    assert_int_equal(item->samples, p->samples);
    world_fill(p, bytes);
    assert_memory_equal(spool_batch_bytes(b, i), bytes, p->len);
    p->taken = true;
}

/* Takes everything there is to take, checks it; returns how many packs (flights limit them). */
static inline size_t world_take_all(struct world *w)
{
    struct spool_wish wish = {.packs = 100, .bytes = 300000};
    struct spool_batch *b;
    size_t total = 0;
    spool_release_all(w->spool);
    for (size_t i = 0; i < w->count; i++)
        w->packs[i].taken = false;
    while ((b = spool_take(w->spool, &wish)) != NULL) {
        for (size_t i = 0; i < b->count; i++)
            world_check_item(w, b, i);
        total += b->count;
        free(b);
    }
    return total;
}

/* A pack that tells it is gone is there to be sent, or has arrived. */
static inline bool world_told(const struct world *w, const struct world_pack *p)
{
    for (size_t k = 0; k < p->teller_count && k < WORLD_TELLERS_MAX; k++) {
        const struct world_pack *t = world_find(w, p->tellers[k].epoch, p->tellers[k].seq);
        if (t && (t->taken || t->acked))
            return true;
    }
    return false;
}

/* Which packs are in a gap: one still to be told, or told by a pack that is there to be sent. */
static inline void world_mark_gaps(struct world *w)
{
    static struct spool_gap gaps[SPOOL_GAPS_MAX];
    uint64_t mark;
    size_t n = spool_offer_gaps(w->spool, gaps, SPOOL_GAPS_MAX, &mark);
    for (size_t i = 0; i < w->count; i++)
        w->packs[i].in_gap = world_told(w, &w->packs[i]);
    for (size_t i = 0; i < n; i++)
        for (uint64_t seq = gaps[i].from; seq <= gaps[i].to; seq++) {
            struct world_pack *p = world_find(w, gaps[i].epoch, seq);
            if (p)
                p->in_gap = true;
        }
}

/* Everything reported durable and not acknowledged is held or in a gap. Returns packs in gaps. */
static inline size_t world_check_nothing_lost(struct world *w)
{
    world_take_all(w);
    world_mark_gaps(w);
    size_t in_gaps = 0;
    for (size_t i = 0; i < w->count; i++) {
        const struct world_pack *p = &w->packs[i];
        if (p->durable && !p->acked && !p->taken && !p->in_gap)
            fail_msg("pack %zu of %zu (epoch %llx seq %llu) was durable and is gone", i, w->count,
                     (unsigned long long)p->epoch, (unsigned long long)p->seq);
        in_gaps += p->durable && !p->acked && !p->taken;
    }
    return in_gaps;
}

#endif
