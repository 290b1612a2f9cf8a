/* The collector: the real ingest, joined to a store in memory as collectord joins it to its own. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_inside.h"

#define STEP_MS     1000
#define COMMIT_MS   50  /* packs are gathered for so long */
#define DISK_MAX_MS 100 /* a commit takes up to */

static struct ingest_now now(const struct sim *s)
{
    return (struct ingest_now){{SIM_UTC + s->now_ms}, {s->now_ms}};
}

static struct sim_event *schedule(struct sim *s, enum sim_event_type type, int64_t delay_ms)
{
    struct sim_event *e = sim_schedule(s, type, delay_ms);
    e->process = s->collector.process;
    return e;
}

static struct sim_gateway *gateway_named(struct sim *s, const char *name)
{
    size_t index = (size_t)strtoul(name + 3, NULL, 10);
    assert(index < s->options.gateways && strcmp(s->gateways[index].name, name) == 0);
    return &s->gateways[index];
}

/* --- the sink --- */

static int put(struct sim *s, enum sim_op_type type, const char *gateway, uint64_t epoch,
               uint64_t from, uint64_t to)
{
    const struct sim_gateway *g = gateway_named(s, gateway);
    size_t at = ledger_epoch(&g->ledger, epoch);
    if (at == SIM_NO_EPOCH || from < 1 || to > g->ledger.epochs[at].count) {
        sim_fail(s, "I4: a row of %s epoch %llu, %llu to %llu: no such packs", gateway,
                 (unsigned long long)epoch, (unsigned long long)from, (unsigned long long)to);
        return ERR_FULL;
    }
    struct sim_op *op = batch_add(&s->collector.filling, type);
    op->gateway = g->index;
    op->epoch = at;
    op->from = from;
    op->to = to;
    return 0;
}

static int sink_pack(void *user, const struct pack *p, const char *body, size_t len, bool live,
                     bool conf_known, struct clk_utc received)
{
    (void)live;
    (void)conf_known;
    (void)received;
    struct sim *s = user;
    struct pack read = *p; /* shares the document; only its position is its own */
    if (!ledger_check_arrival(gateway_named(s, p->head.gateway), &read, body, len))
        return ERR_FULL;
    return put(s, OP_PACK, p->head.gateway, p->head.epoch, p->head.seq, p->head.seq);
}

static int sink_refused(void *user, const char *gateway, uint64_t epoch, uint64_t seq,
                        struct clk_utc received, const char *reason, const char *body, size_t len)
{
    (void)received;
    (void)reason;
    (void)body;
    (void)len;
    return put(user, OP_REFUSED, gateway, epoch, seq, seq);
}

static int sink_gap(void *user, const char *gateway, const struct pack_gap *gap,
                    struct clk_utc reported)
{
    (void)reported;
    return put(user, OP_GAP, gateway, gap->epoch, gap->from, gap->to);
}

static int sink_gap_filled(void *user, const char *gateway, uint64_t epoch, uint64_t seq)
{
    return put(user, OP_GAP_FILLED, gateway, epoch, seq, seq);
}

static int sink_epoch(void *user, const char *gateway, uint64_t epoch, const struct rangeset *done,
                      bool fresh)
{
    struct sim *s = user;
    int rc = put(s, fresh ? OP_EPOCH_FRESH : OP_EPOCH, gateway, epoch, 1, 0);
    struct sim_op *op = &s->collector.filling.ops[s->collector.filling.count - 1];
    for (size_t i = 0; rc == 0 && i < done->count; i++)
        range_must(rangeset_add(&op->done, done->ranges[i].from, done->ranges[i].to));
    return rc;
}

/* --- acknowledgements --- */

static void send_ack(struct sim *s, struct sim_gateway *g, const struct ack *a)
{
    static char text[MESSAGE_SIZE_MAX];
    struct buf out;
    buf_init(&out, text, sizeof(text));
    if (ack_encode(a, &out) != 0 || out.overflow) {
        sim_fail(s, "I6: an ack to %s does not fit", g->name);
        return;
    }
    if (!g->link.connected)
        return; /* the broker keeps nothing for it */
    int64_t at = s->now_ms + sim_delay(s) + sim_delay(s);
    int64_t *last = &g->link.arrived[SIM_LANE_ACK];
    *last = at > *last ? at : *last;
    struct sim_event *e = sim_schedule(s, EVENT_ACK, *last - s->now_ms);
    e->gateway = g->index;
    e->process = g->process;
    e->session = g->link.session;
    e->bytes = sim_alloc(NULL, out.len);
    memcpy(e->bytes, out.data, out.len);
    e->len = out.len;
}

static void say_acks(struct sim *s)
{
    static struct ack ack;
    const char *area;
    const char *gateway;
    while (ingest_next_ack(s->collector.ingest, now(s), &ack, &area, &gateway)) {
        struct sim_gateway *g = gateway_named(s, gateway);
        memcpy(ack.store, s->collector.store.id, sizeof(ack.store));
        ledger_check_ack(s, g, &ack);
        send_ack(s, g, &ack);
    }
}

/* --- commits --- */

static void want_commit(struct sim *s)
{
    struct sim_collector *c = &s->collector;
    struct ingest_counters counters;
    ingest_count(c->ingest, &counters);
    if (c->busy || c->commit_at != INT64_MAX || (c->filling.count == 0 && counters.pending == 0))
        return;
    c->commit_at = s->now_ms + COMMIT_MS;
    schedule(s, EVENT_COLLECTOR_COMMIT, COMMIT_MS);
}

static void hand_over(struct sim *s)
{
    struct sim_collector *c = &s->collector;
    c->commit_at = INT64_MAX;
    if (ingest_flush(c->ingest) != 0) {
        batch_clear(&c->filling);
        ingest_discarded(c->ingest);
        return;
    }
    if (c->filling.count == 0)
        return;
    struct sim_batch batch = c->at_store;
    c->at_store = c->filling;
    c->filling = batch;
    c->busy = true;
    if (s->options.acks_early)
        ingest_committed(c->ingest, now(s));
    schedule(s, EVENT_COLLECTOR_DONE, sim_between(s, 1, DISK_MAX_MS));
}

static void settle(struct sim *s)
{
    struct sim_collector *c = &s->collector;
    c->busy = false;
    if (sim_chance(s, s->options.faults.collector_fails)) {
        s->counts.withdrawn++;
        batch_clear(&c->at_store);
        if (!s->options.acks_early)
            ingest_failed(c->ingest);
    } else {
        store_commit(s, &c->at_store);
        if (!s->options.acks_early)
            ingest_committed(c->ingest, now(s));
    }
}

/* --- what arrives --- */

static void hear_state(struct sim *s, struct sim_gateway *g, const char *body, size_t len)
{
    struct gateway_state state;
    struct err e = {0};
    if (gateway_state_decode(body, len, &state, &e) != 0)
        sim_fail(s, "%s: its state cannot be read: %s", g->name, e.text);
    else if (ingest_gateway_state(s->collector.ingest, SIM_AREA, g->name, &state, now(s)) != 0)
        sim_fail(s, "%s: its state is refused", g->name);
}

static void hear_pack(struct sim *s, const struct sim_gateway *g, const struct sim_event *e)
{
    const struct ingest_arrival a = {SIM_AREA, g->name, e->topic == TOPIC_LIVE, e->bytes, e->len};
    static struct ingest_result r;
    enum ingest_verdict verdict = ingest_offer(s->collector.ingest, &a, now(s), &r);
    s->counts.duplicates += verdict == INGEST_DUPLICATE;
    s->counts.dropped += verdict == INGEST_DROPPED;
    if (verdict == INGEST_NEW)
        pack_free(&r.pack);
    else if (verdict == INGEST_MALFORMED ||
             (verdict == INGEST_REFUSED && r.reason != REASON_FUTURE))
        sim_fail(s, "%s epoch %llu seq %llu is refused: %s", g->name, (unsigned long long)r.epoch,
                 (unsigned long long)r.seq, r.text);
    if (r.event != EVENT_NONE)
        sim_fail(s, "%s: a security event %d without a reason", g->name, (int)r.event);
}

/* What was on its way when a connection ended, or while nobody listened, is lost or comes late. */
static void hear(struct sim *s, struct sim_event *e)
{
    struct sim_gateway *g = &s->gateways[e->gateway];
    bool state = e->topic == TOPIC_STATE; /* retained: what is lost is read again */
    if (!state && e->session != g->link.session && sim_chance(s, 500))
        return;
    if (!s->collector.ingest) {
        if (state || sim_chance(s, 500))
            return;
        struct sim_event *late = sim_schedule(s, EVENT_TO_COLLECTOR, sim_between(s, 1000, 10000));
        uint64_t order = late->order;
        int64_t at_ms = late->at_ms;
        *late = *e;
        late->order = order;
        late->at_ms = at_ms;
        e->bytes = NULL;
        return;
    }
    if (state)
        hear_state(s, g, e->bytes, e->len);
    else
        hear_pack(s, g, e);
}

/* --- life and death --- */

static void new_id(struct sim *s, struct sim_store *store)
{
    snprintf(store->id, sizeof(store->id), "%016llx%016llx", (unsigned long long)rng_next(&s->rng),
             (unsigned long long)rng_next(&s->rng));
}

static void restore_shelf(struct sim *s, size_t gateway)
{
    const struct sim_gateway *g = &s->gateways[gateway];
    const struct sim_shelf *shelf = &s->collector.store.shelves[gateway];
    for (size_t i = 0; i < shelf->count; i++) {
        const struct sim_rows *r = &shelf->rows[i];
        if (r->done.count || r->gaps.count)
            range_must(ingest_restore(s->collector.ingest, g->name, g->ledger.epochs[i].epoch,
                                      &r->done, &r->gaps));
    }
    range_must(ingest_conf_known(s->collector.ingest, g->name, SIM_CONF));
}

static void collector_start(struct sim *s)
{
    const struct ingest_limits limits = {.gateways = s->options.gateways,
                                         .credit_total = s->options.credit_total,
                                         .credit_max = SIM_CREDIT_MAX,
                                         .future_max_ms = SIM_FUTURE_MS};
    const struct ingest_sink sink = {s,        sink_pack,       sink_refused,
                                     sink_gap, sink_gap_filled, sink_epoch};
    struct err e = {0};
    s->collector.start_at = INT64_MAX;
    range_must(ingest_create(&limits, &sink, &s->collector.ingest, &e));
    for (size_t i = 0; i < s->options.gateways; i++) {
        struct sim_gateway *g = &s->gateways[i];
        restore_shelf(s, i);
        if (g->link.retained)
            hear_state(s, g, g->link.retained, g->link.retained_len);
    }
    schedule(s, EVENT_COLLECTOR_STEP, STEP_MS);
}

void collector_kill(struct sim *s, bool restore)
{
    struct sim_collector *c = &s->collector;
    if (!c->ingest)
        return;
    if (c->busy && sim_chance(s, 500))
        store_commit(s, &c->at_store); /* and nobody heard of it */
    batch_clear(&c->at_store);
    batch_clear(&c->filling);
    c->busy = false;
    c->commit_at = INT64_MAX;
    ingest_destroy(c->ingest);
    c->ingest = NULL;
    c->process++;
    if (restore) {
        store_copy(&c->store, &c->snapshot);
        new_id(s, &c->store);
    }
    schedule(s, EVENT_COLLECTOR_START, sim_between(s, 500, 10000));
}

void collector_create(struct sim *s)
{
    struct sim_collector *c = &s->collector;
    c->commit_at = INT64_MAX;
    store_init(&c->store, s->options.gateways);
    new_id(s, &c->store);
    store_copy(&c->snapshot, &c->store);
    schedule(s, EVENT_COLLECTOR_START, 0);
    if (s->options.snapshot_ms)
        sim_schedule(s, EVENT_COLLECTOR_SNAPSHOT, s->options.snapshot_ms);
}

void collector_finish(struct sim *s)
{
    struct sim_collector *c = &s->collector;
    ingest_destroy(c->ingest);
    store_finish(&c->store);
    store_finish(&c->snapshot);
    batch_clear(&c->filling);
    batch_clear(&c->at_store);
    free(c->filling.ops);
    free(c->at_store.ops);
}

static void act(struct sim *s, struct sim_event *e)
{
    switch (e->type) {
    case EVENT_COLLECTOR_STEP:
        ingest_step_time(s->collector.ingest, now(s));
        schedule(s, EVENT_COLLECTOR_STEP, STEP_MS);
        break;
    case EVENT_COLLECTOR_COMMIT:
        hand_over(s);
        break;
    case EVENT_COLLECTOR_DONE:
        settle(s);
        break;
    default:
        break;
    }
}

void collector_event(struct sim *s, struct sim_event *e)
{
    struct sim_collector *c = &s->collector;
    if (e->type == EVENT_COLLECTOR_SNAPSHOT) {
        store_copy(&c->snapshot, &c->store);
        sim_schedule(s, EVENT_COLLECTOR_SNAPSHOT, s->options.snapshot_ms);
        return;
    }
    if (e->type == EVENT_TO_COLLECTOR)
        hear(s, e);
    else if (e->process != c->process)
        return;
    else if (e->type == EVENT_COLLECTOR_START)
        collector_start(s);
    else
        act(s, e);
    if (!c->ingest)
        return;
    say_acks(s);
    want_commit(s);
}
