/* The collector's store in memory: one batch, one commit, names of packs unique, as the real one.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_inside.h"

#define RANGES_MAX 65536

void range_must(int rc)
{
    assert(rc == 0);
}

static void add_all(struct rangeset *to, const struct rangeset *from)
{
    for (size_t i = 0; i < from->count; i++)
        range_must(rangeset_add(to, from->ranges[i].from, from->ranges[i].to));
}

static void rows_init(struct sim_rows *r)
{
    rangeset_init(&r->packs, RANGES_MAX);
    rangeset_init(&r->refused, RANGES_MAX);
    rangeset_init(&r->gaps, RANGES_MAX);
    rangeset_init(&r->done, RANGES_MAX);
}

void store_init(struct sim_store *st, size_t gateways)
{
    *st = (struct sim_store){.gateways = gateways};
    st->shelves = sim_alloc(NULL, gateways * sizeof(*st->shelves));
    memset(st->shelves, 0, gateways * sizeof(*st->shelves));
}

void store_finish(struct sim_store *st)
{
    for (size_t g = 0; g < st->gateways; g++) {
        struct sim_shelf *shelf = &st->shelves[g];
        for (size_t i = 0; i < shelf->count; i++) {
            rangeset_finish(&shelf->rows[i].packs);
            rangeset_finish(&shelf->rows[i].refused);
            rangeset_finish(&shelf->rows[i].gaps);
            rangeset_finish(&shelf->rows[i].done);
        }
        free(shelf->rows);
    }
    free(st->shelves);
    *st = (struct sim_store){0};
}

struct sim_rows *store_rows(struct sim_store *st, size_t gateway, size_t epoch)
{
    struct sim_shelf *shelf = &st->shelves[gateway];
    if (epoch >= shelf->count) {
        shelf->rows = sim_alloc(shelf->rows, (epoch + 1) * sizeof(*shelf->rows));
        while (shelf->count <= epoch)
            rows_init(&shelf->rows[shelf->count++]);
    }
    return &shelf->rows[epoch];
}

void store_copy(struct sim_store *to, const struct sim_store *from)
{
    store_finish(to);
    store_init(to, from->gateways);
    memcpy(to->id, from->id, sizeof(to->id));
    for (size_t g = 0; g < from->gateways; g++)
        for (size_t i = 0; i < from->shelves[g].count; i++) {
            const struct sim_rows *r = &from->shelves[g].rows[i];
            struct sim_rows *copy = store_rows(to, g, i);
            add_all(&copy->packs, &r->packs);
            add_all(&copy->refused, &r->refused);
            add_all(&copy->gaps, &r->gaps);
            add_all(&copy->done, &r->done);
        }
}

bool rows_settled(const struct sim_rows *r, uint64_t seq)
{
    return rangeset_has(&r->packs, seq) || rangeset_has(&r->refused, seq) ||
           rangeset_has(&r->gaps, seq);
}

/* --- batches --- */

struct sim_op *batch_add(struct sim_batch *b, enum sim_op_type type)
{
    if (b->count == b->capacity) {
        b->capacity = b->capacity ? 2 * b->capacity : 64;
        b->ops = sim_alloc(b->ops, b->capacity * sizeof(*b->ops));
    }
    struct sim_op *op = &b->ops[b->count++];
    *op = (struct sim_op){.type = type};
    rangeset_init(&op->done, RANGES_MAX);
    return op;
}

void batch_clear(struct sim_batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        rangeset_finish(&b->ops[i].done);
    b->count = 0;
}

static void store_pack(struct sim *s, struct sim_rows *r, const struct sim_op *op)
{
    struct sim_gateway *g = &s->gateways[op->gateway];
    struct sim_pack *p = &g->ledger.epochs[op->epoch].packs[op->from - 1];
    if (rangeset_has(&r->packs, op->from)) {
        s->counts.conflicts++;
        sim_fail(s, "I1: %s epoch %zu seq %llu was taken for new a second time", g->name, op->epoch,
                 (unsigned long long)op->from);
        return;
    }
    range_must(rangeset_add(&r->packs, op->from, op->from));
    s->counts.stored++;
    if (p->stored_ms < 0)
        p->stored_ms = s->now_ms;
}

/* The dedupe row names exactly what is in the store. */
static void check_done(struct sim *s, const struct sim_rows *r, const struct sim_op *op)
{
    uint64_t rows = rangeset_total(&r->packs) + rangeset_total(&r->refused);
    bool all = rangeset_total(&r->done) == rows;
    for (size_t i = 0; i < r->packs.count && all; i++)
        all = rangeset_covers(&r->done, r->packs.ranges[i].from, r->packs.ranges[i].to);
    for (size_t i = 0; i < r->refused.count && all; i++)
        all = rangeset_covers(&r->done, r->refused.ranges[i].from, r->refused.ranges[i].to);
    if (!all)
        sim_fail(s, "I1: %s epoch %zu: the dedupe row names %llu packs, the store has %llu",
                 s->gateways[op->gateway].name, op->epoch,
                 (unsigned long long)rangeset_total(&r->done), (unsigned long long)rows);
}

static void apply(struct sim *s, const struct sim_op *op)
{
    struct sim_rows *r = store_rows(&s->collector.store, op->gateway, op->epoch);
    switch (op->type) {
    case OP_PACK:
        store_pack(s, r, op);
        break;
    case OP_REFUSED:
        range_must(rangeset_add(&r->refused, op->from, op->from));
        s->counts.refused++;
        break;
    case OP_GAP:
        range_must(rangeset_add(&r->gaps, op->from, op->to));
        break;
    case OP_GAP_FILLED:
        range_must(rangeset_remove(&r->gaps, op->from, op->to));
        break;
    case OP_EPOCH:
        rangeset_clear(&r->done);
        add_all(&r->done, &op->done);
        break;
    case OP_EPOCH_FRESH:
        add_all(&r->done, &op->done);
        break;
    }
}

void store_commit(struct sim *s, struct sim_batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        apply(s, &b->ops[i]);
    for (size_t i = 0; i < b->count; i++)
        if (b->ops[i].type == OP_EPOCH || b->ops[i].type == OP_EPOCH_FRESH)
            check_done(s, store_rows(&s->collector.store, b->ops[i].gateway, b->ops[i].epoch),
                       &b->ops[i]);
    batch_clear(b);
}
