/*
 * A spool, a broker and a collector around one uplink, on a clock that only moves when told, driven
 * by one seed. The broker loses, doubles and delays; the collector commits and acknowledges; the
 * spool knows what was acknowledged and fails the test when that is not true.
 */
#ifndef TESTS_UPLINK_WORLD_H
#define TESTS_UPLINK_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gateway/core/uplink/uplink.h"

#define EPOCHS       2 /* epoch 1 ended before the start, epoch 2 runs */
#define PACKS_MAX    1024
#define EVENTS_MAX   8192
#define PACK_BYTES   1000
#define RUNNING      2
#define SECURITY_MAX 8

struct pack_state {
    bool held, acked, flying;
    unsigned sent;
    int64_t durable_ms, sent_ms; /* sent_ms: the first time */
};

struct collector {
    char store[STORE_ID_SIZE];
    uint32_t credit;
    unsigned commits[EPOCHS + 1][PACKS_MAX + 1]; /* stores of one pack: more than 1 is a bug */
    bool has[EPOCHS + 1][PACKS_MAX + 1];
    bool ever[EPOCHS + 1][PACKS_MAX + 1];   /* stored by this store or one before it */
    bool poison[EPOCHS + 1][PACKS_MAX + 1]; /* can never be stored */
    bool told[EPOCHS + 1][PACKS_MAX + 1];   /* refused in the next acknowledgement */
    bool news;
    bool deaf; /* commits nothing, says nothing */
};

enum event_type { AT_COLLECTOR, AT_GATEWAY_ACK, AT_GATEWAY_BATCH, AT_CONNECTED, AT_SUBSCRIBED };

struct event {
    int64_t at_ms;
    uint64_t order;
    enum event_type type;
    unsigned connection; /* what belongs to an older one is lost */
    uint64_t epoch, seq, tag;
    size_t count;
    struct {
        uint64_t epoch, seq;
    } items[16];
    struct ack *ack;
};

struct faults {
    unsigned lose_pack, double_pack, lose_ack, double_ack; /* per cent */
    unsigned cut; /* per mille a second: the connection breaks */
    unsigned refuse_connect;
    int64_t latency_ms, jitter_ms, byte_rate; /* byte_rate 0: no limit */
};

struct world {
    struct uplink u;
    struct rng rng;
    int64_t now_ms, link_free_ms;
    struct faults faults;
    struct pack_state packs[EPOCHS + 1][PACKS_MAX + 1];
    uint64_t highest[EPOCHS + 1];
    struct collector collector;
    struct event events[EVENTS_MAX];
    size_t event_count;
    uint64_t event_order;
    unsigned connection;
    bool connected, refuse_subscription, silent_broker;
    bool fresh;                       /* packs are offered to the uplink before they are durable */
    char last_topics[64][TOPIC_SIZE]; /* of publishes, a ring */
    unsigned publishes, connects_asked;
    unsigned security, forgets, describes, stopped, disconnects;
    size_t in_flight_highest;
};

static struct clk_mono mono(const struct world *w)
{
    return (struct clk_mono){w->now_ms};
}

static struct event *schedule(struct world *w, enum event_type type, int64_t delay_ms)
{
    assert_true(w->event_count < EVENTS_MAX);
    struct event *e = &w->events[w->event_count++];
    *e = (struct event){.at_ms = w->now_ms + delay_ms,
                        .order = w->event_order++,
                        .type = type,
                        .connection = w->connection};
    return e;
}

static bool chance(struct world *w, unsigned per_cent)
{
    return rng_below(&w->rng, 100) < per_cent;
}

static int64_t delay(struct world *w)
{
    return w->faults.latency_ms + (int64_t)rng_below(&w->rng, (uint64_t)w->faults.jitter_ms + 1);
}

/* --- the spool --- */

static void spool_add(struct world *w, uint64_t epoch)
{
    uint64_t seq = ++w->highest[epoch];
    assert_true(seq <= PACKS_MAX);
    w->packs[epoch][seq] = (struct pack_state){.held = true, .durable_ms = w->now_ms};
}

static void spool_take_packs(struct world *w, const struct uplink_action *a)
{
    struct event *e = schedule(w, AT_GATEWAY_BATCH, (int64_t)rng_below(&w->rng, 20));
    size_t bytes = 0;
    e->tag = a->tag;
    for (uint64_t epoch = RUNNING; epoch >= 1; epoch--) {
        for (uint64_t seq = w->highest[epoch]; seq >= 1; seq--) {
            struct pack_state *p = &w->packs[epoch][seq];
            if (a->since > 0 && (epoch != RUNNING || seq < a->since))
                return;
            if (e->count == a->packs || e->count == 16 || (e->count && bytes >= a->bytes))
                return;
            if (!p->held || p->acked || p->flying)
                continue;
            p->flying = true;
            bytes += PACK_BYTES;
            e->items[e->count].epoch = epoch;
            e->items[e->count++].seq = seq;
        }
    }
}

static void spool_release_packs(struct world *w)
{
    for (int epoch = 1; epoch <= EPOCHS; epoch++)
        for (int seq = 1; seq <= PACKS_MAX; seq++)
            w->packs[epoch][seq].flying = false;
}

static void spool_acked(struct world *w, uint64_t epoch, uint64_t from, uint64_t to)
{
    if (epoch > EPOCHS)
        return; /* nothing of it is held */
    for (uint64_t seq = from; seq <= to; seq++) {
        if (seq > w->highest[epoch] || !w->collector.ever[epoch][seq])
            fail_msg("pack %llu of epoch %llu acknowledged and not stored", (unsigned long long)seq,
                     (unsigned long long)epoch);
        w->packs[epoch][seq].acked = true;
    }
}

static size_t spool_pending(const struct world *w)
{
    size_t n = 0;
    for (int epoch = 1; epoch <= EPOCHS; epoch++)
        for (int seq = 1; seq <= PACKS_MAX; seq++)
            n += w->packs[epoch][seq].held && !w->packs[epoch][seq].acked;
    return n;
}

/* --- the collector --- */

static void collector_store_new(struct world *w, const char *store)
{
    struct collector *c = &w->collector;
    snprintf(c->store, sizeof(c->store), "%s", store);
    memset(c->has, 0, sizeof(c->has));
    memset(c->commits, 0, sizeof(c->commits));
    c->news = true;
}

static void collector_receive(struct world *w, uint64_t epoch, uint64_t seq)
{
    struct collector *c = &w->collector;
    if (c->deaf)
        return;
    if (c->poison[epoch][seq])
        c->told[epoch][seq] = true;
    c->commits[epoch][seq] += !c->has[epoch][seq];
    c->has[epoch][seq] = c->ever[epoch][seq] = true;
    c->news = true;
}

static struct ack *collector_ack(struct world *w)
{
    struct collector *c = &w->collector;
    struct ack *a = calloc(1, sizeof(*a));
    snprintf(a->store, sizeof(a->store), "%s", c->store);
    a->credit = c->credit;
    for (uint64_t epoch = 1; epoch <= EPOCHS; epoch++) {
        struct ack_epoch *e = &a->epochs[a->epoch_count];
        e->epoch = epoch;
        while (e->upto < PACKS_MAX && c->has[epoch][e->upto + 1])
            e->upto++;
        for (uint64_t seq = e->upto + 1; seq <= PACKS_MAX; seq++) {
            if (!c->has[epoch][seq])
                continue;
            struct range *last = e->also_count ? &e->also[e->also_count - 1] : NULL;
            if (last && last->to + 1 == seq)
                last->to = seq;
            else if (e->also_count < ACK_ALSO_MAX)
                e->also[e->also_count++] = (struct range){seq, seq};
        }
        for (uint64_t seq = 1; seq <= PACKS_MAX; seq++) {
            if (c->told[epoch][seq] && e->refused_count < ACK_REFUSED_MAX) {
                e->refused[e->refused_count].seq = seq;
                snprintf(e->refused[e->refused_count++].reason, 96, "not storable");
            }
        }
        if (e->upto || e->also_count || e->refused_count)
            a->epoch_count++;
        else
            *e = (struct ack_epoch){0};
    }
    return a;
}

static void collector_send(struct world *w, struct ack *a)
{
    unsigned copies = chance(w, w->faults.lose_ack) ? 0 : chance(w, w->faults.double_ack) ? 2 : 1;
    for (unsigned i = 0; i < copies; i++) {
        struct event *e = schedule(w, AT_GATEWAY_ACK, delay(w));
        e->ack = malloc(sizeof(*a));
        *e->ack = *a;
    }
    free(a);
}

/* --- the broker --- */

static void world_cut(struct world *w, const char *why)
{
    w->connected = false;
    w->connection++;
    uplink_down(&w->u, why, mono(w));
}

static void broker_connect(struct world *w)
{
    w->connects_asked++;
    w->connection++;
    if (chance(w, w->faults.refuse_connect))
        schedule(w, AT_CONNECTED, delay(w))->tag = 1;
    else
        schedule(w, AT_CONNECTED, delay(w));
}

static bool topic_ends(const char *topic, const char *end)
{
    size_t n = strlen(topic);
    return n >= strlen(end) && strcmp(topic + n - strlen(end), end) == 0;
}

static void broker_publish(struct world *w, const struct uplink_action *a)
{
    snprintf(w->last_topics[w->publishes++ % 64], TOPIC_SIZE, "%s", a->topic);
    if (!topic_ends(a->topic, "/live") && !topic_ends(a->topic, "/backfill")) {
        if (!w->silent_broker)
            schedule(w, AT_SUBSCRIBED, delay(w))->tag = a->tag;
        return;
    }
    uint64_t name[2];
    memcpy(name, a->payload, sizeof(name));
    struct pack_state *p = &w->packs[name[0]][name[1]];
    assert_true(p->flying);
    if (p->sent++ == 0)
        p->sent_ms = w->now_ms;
    int64_t start_ms = w->link_free_ms > w->now_ms ? w->link_free_ms : w->now_ms;
    if (w->faults.byte_rate > 0)
        w->link_free_ms = start_ms + (int64_t)a->len * 1000 / w->faults.byte_rate;
    unsigned copies = chance(w, w->faults.lose_pack) ? 0 : chance(w, w->faults.double_pack) ? 2 : 1;
    for (unsigned i = 0; i < copies; i++) {
        int64_t line_ms = w->faults.byte_rate > 0 ? w->link_free_ms - w->now_ms : 0;
        struct event *e = schedule(w, AT_COLLECTOR, line_ms + delay(w));
        e->epoch = name[0];
        e->seq = name[1];
    }
    if (w->u.flight_count > w->in_flight_highest)
        w->in_flight_highest = w->u.flight_count;
}

/* --- carrying out what the uplink wants --- */

static void world_do(struct world *w, const struct uplink_action *a)
{
    switch (a->verb) {
    case UPLINK_CONNECT:
        broker_connect(w);
        break;
    case UPLINK_DISCONNECT:
        w->disconnects++;
        w->connected = false;
        w->connection++;
        break;
    case UPLINK_SUBSCRIBE:
        schedule(w, AT_SUBSCRIBED, delay(w))->tag = a->tag;
        break;
    case UPLINK_PUBLISH:
        broker_publish(w, a);
        break;
    case UPLINK_TAKE:
        assert_true(a->packs > 0 && a->bytes > 0);
        spool_take_packs(w, a);
        break;
    case UPLINK_RELEASE:
        w->packs[a->epoch][a->seq].flying = false;
        break;
    case UPLINK_RELEASE_ALL:
        spool_release_packs(w);
        break;
    case UPLINK_ACK:
        spool_acked(w, a->epoch, 1, a->seq);
        for (size_t i = 0; i < a->also_count; i++)
            spool_acked(w, a->epoch, a->also[i].from, a->also[i].to);
        break;
    case UPLINK_FORGET:
        w->forgets++;
        assert_string_equal(a->text, w->u.store);
        for (int epoch = 1; epoch <= EPOCHS; epoch++)
            for (int seq = 1; seq <= PACKS_MAX; seq++)
                w->packs[epoch][seq].acked = false;
        break;
    case UPLINK_DESCRIBE:
        w->describes++;
        break;
    case UPLINK_SECURITY:
        w->security++;
        break;
    case UPLINK_STOPPED:
        w->stopped++;
        break;
    }
}

static void world_obey(struct world *w)
{
    struct uplink_action a;
    while (uplink_next(&w->u, &a))
        world_do(w, &a);
}

/* --- events --- */

static void deliver_batch(struct world *w, const struct event *e)
{
    uint64_t bytes[16][PACK_BYTES / 8];
    struct uplink_pack packs[16];
    for (size_t i = 0; i < e->count; i++) {
        memset(bytes[i], 0, sizeof(bytes[i]));
        bytes[i][0] = e->items[i].epoch;
        bytes[i][1] = e->items[i].seq;
        packs[i] = (struct uplink_pack){.epoch = e->items[i].epoch,
                                        .seq = e->items[i].seq,
                                        .bytes = bytes[i],
                                        .len = PACK_BYTES};
    }
    uplink_batch(&w->u, e->tag, packs, e->count, mono(w));
    world_obey(w);
}

static void deliver_connection(struct world *w, const struct event *e)
{
    if (e->type == AT_CONNECTED && e->tag) {
        uplink_down(&w->u, "refused", mono(w));
    } else if (e->type == AT_CONNECTED) {
        w->connected = true;
        uplink_connected(&w->u, mono(w));
    } else if (w->refuse_subscription) {
        uplink_unsubscribed(&w->u, e->tag, "not authorized", mono(w));
    } else if (w->u.phase == UPLINK_SUBSCRIBING) {
        uplink_subscribed(&w->u, e->tag, mono(w));
    } else {
        uplink_published(&w->u, e->tag, mono(w));
    }
}

static void deliver(struct world *w, const struct event *e)
{
    bool current = e->connection == w->connection;
    if (e->type == AT_COLLECTOR)
        collector_receive(w, e->epoch, e->seq); /* the broker had it already */
    else if (e->type == AT_GATEWAY_BATCH)
        deliver_batch(w, e); /* the spool does not care about connections */
    else if (current && e->type == AT_GATEWAY_ACK)
        uplink_acked(&w->u, e->ack, mono(w));
    else if (current)
        deliver_connection(w, e);
    world_obey(w); /* before the acknowledgement's memory goes */
    free(e->ack);
}

static bool next_event(struct world *w, int64_t until_ms, struct event *out)
{
    size_t best = w->event_count;
    for (size_t i = 0; i < w->event_count; i++) {
        const struct event *e = &w->events[i];
        if (e->at_ms <= until_ms &&
            (best == w->event_count || e->at_ms < w->events[best].at_ms ||
             (e->at_ms == w->events[best].at_ms && e->order < w->events[best].order)))
            best = i;
    }
    if (best == w->event_count)
        return false;
    *out = w->events[best];
    w->events[best] = w->events[--w->event_count];
    return true;
}

/* Runs to that time: events and the uplink's own wakes, each at its instant. */
static void world_run(struct world *w, int64_t until_ms)
{
    struct event e;
    for (;;) {
        int64_t wake_ms = uplink_wake(&w->u).ms;
        int64_t limit_ms = wake_ms < until_ms ? wake_ms : until_ms;
        if (limit_ms < w->now_ms)
            limit_ms = w->now_ms;
        if (next_event(w, limit_ms, &e)) {
            w->now_ms = e.at_ms;
            deliver(w, &e);
        } else if (wake_ms <= until_ms) {
            w->now_ms = limit_ms;
            uplink_step(&w->u, mono(w));
            world_obey(w);
            if (uplink_wake(&w->u).ms <= w->now_ms)
                fail_msg("the uplink spins at %lld", (long long)w->now_ms);
        } else {
            break;
        }
    }
    w->now_ms = until_ms;
}

/* One second of a collector that commits and acknowledges, and of a link that may break. */
static void world_second(struct world *w)
{
    world_run(w, w->now_ms + 1000);
    if (w->connected && rng_below(&w->rng, 1000) < w->faults.cut)
        world_cut(w, "cut");
    world_obey(w);
    if (w->collector.news && !w->collector.deaf) {
        collector_send(w, collector_ack(w));
        w->collector.news = false;
    }
}

/* Appends one pack to the running epoch: it is durable. */
static void world_offer(struct world *w, uint64_t seq)
{
    static char bytes[PACK_BYTES];
    const uint64_t name[2] = {RUNNING, seq};
    if (!uplink_wants_fresh(&w->u))
        return;
    memcpy(bytes, name, sizeof(name));
    w->packs[RUNNING][seq].flying = true;
    uplink_fresh(&w->u, &(struct uplink_pack){RUNNING, seq, bytes, PACK_BYTES}, mono(w));
    world_obey(w);
}

static void world_sample(struct world *w)
{
    spool_add(w, RUNNING);
    if (w->fresh)
        world_offer(w, w->highest[RUNNING]);
    uplink_durable(&w->u, w->highest[RUNNING], mono(w));
    world_obey(w);
}

static struct world *world_create(uint64_t seed, uint64_t backlog)
{
    struct world *w = calloc(1, sizeof(*w));
    rng_init(&w->rng, seed);
    w->now_ms = 1000;
    w->faults = (struct faults){.latency_ms = 20, .jitter_ms = 10};
    w->collector.credit = 8;
    collector_store_new(w, "store-a");
    for (uint64_t i = 0; i < backlog; i++)
        spool_add(w, 1);
    uplink_init(&w->u,
                &(struct uplink_options){.gateway = "gw-1",
                                         .area = "thanh-uyen",
                                         .firmware = "0.1.0",
                                         .epoch = RUNNING,
                                         .store = "",
                                         .inflight_max = 16,
                                         .birth = "{}",
                                         .birth_len = 2,
                                         .seed = seed},
                mono(w));
    return w;
}

static void world_destroy(struct world *w)
{
    for (size_t i = 0; i < w->event_count; i++)
        free(w->events[i].ack);
    free(w);
}

/* Every pack is stored exactly once, and the gateway knows it. */
static void assert_all_arrived(const struct world *w)
{
    assert_int_equal(spool_pending(w), 0);
    for (int epoch = 1; epoch <= EPOCHS; epoch++)
        for (uint64_t seq = 1; seq <= w->highest[epoch]; seq++)
            assert_int_equal(w->collector.commits[epoch][seq], 1);
}

#endif
