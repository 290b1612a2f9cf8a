/* The table of gateways, and the judgement of what they send. */
#include "collector/core/ingest/ingest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "collector/core/ingest/ingest_parts.h"

#define RANGES_ROOM (INGEST_RANGES_MAX + INGEST_PENDING_MAX + 8)

const char *ingest_verdict_name(enum ingest_verdict v)
{
    static const char *const names[] = {
        [INGEST_NEW] = "new",
        [INGEST_DUPLICATE] = "duplicate",
        [INGEST_PENDING] = "pending",
        [INGEST_REFUSED] = "refused",
        [INGEST_MALFORMED] = "malformed",
        [INGEST_DROPPED] = "dropped",
    };
    assert(v < INGEST_VERDICTS);
    return names[v];
}

const char *ingest_reason_name(enum ingest_reason r)
{
    static const char *const names[] = {
        [REASON_NONE] = "none",     [REASON_INVALID] = "invalid",   [REASON_FOREIGN] = "foreign",
        [REASON_FUTURE] = "future", [REASON_GATEWAYS] = "gateways", [REASON_EPOCHS] = "epochs",
        [REASON_RANGES] = "ranges", [REASON_BATCH] = "batch",       [REASON_MEMORY] = "memory",
    };
    assert(r < INGEST_REASONS);
    return names[r];
}

int ingest_create(const struct ingest_limits *limits, const struct ingest_sink *sink,
                  struct ingest **out, struct err *e)
{
    assert(limits->gateways > 0 && limits->credit_max > 0);
    *out = NULL;
    struct ingest *g = calloc(1, sizeof(*g));
    if (!g)
        return err_set(e, ERR_NOMEM, "no memory for the gateways' table");
    g->limits = *limits;
    g->sink = *sink;
    for (g->slots = 16; g->slots < 2 * limits->gateways;)
        g->slots *= 2;
    g->table = calloc(g->slots, sizeof(struct gateway *));
    g->entries = calloc(INGEST_PENDING_MAX, sizeof(*g->entries));
    if (!g->table || !g->entries) {
        ingest_destroy(g);
        return err_set(e, ERR_NOMEM, "no memory for a table of %zu gateways", limits->gateways);
    }
    *out = g;
    return 0;
}

static void epoch_destroy(struct epoch *ep)
{
    rangeset_finish(&ep->done);
    rangeset_finish(&ep->seen);
    rangeset_finish(&ep->gaps);
    rangeset_finish(&ep->gaps_seen);
    free(ep);
}

static void gateway_destroy(struct gateway *gw)
{
    if (!gw)
        return;
    for (size_t i = 0; i < gw->epoch_count; i++)
        epoch_destroy(gw->epochs[i]);
    free(gw);
}

void ingest_destroy(struct ingest *g)
{
    if (!g)
        return;
    for (size_t i = 0; g->table && i < g->slots; i++)
        gateway_destroy(g->table[i]);
    free(g->table);
    free(g->entries);
    free(g);
}

/* --- the table --- */

/* FNV-1a. Names come through the broker's ACL, so nobody chooses them to collide. */
static size_t slot_of(const struct ingest *g, const char *name)
{
    uint64_t hash = 14695981039346656037U;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 1099511628211U;
    size_t slot = (size_t)hash & (g->slots - 1);
    return slot;
}

static struct gateway **gateway_slot(const struct ingest *g, const char *name)
{
    size_t slot = slot_of(g, name);
    while (g->table[slot] && strcmp(g->table[slot]->name, name) != 0)
        slot = (slot + 1) & (g->slots - 1);
    return &g->table[slot];
}

struct gateway *gateway_find(const struct ingest *g, const char *name)
{
    return *gateway_slot(g, name);
}

static int gateway_get(struct ingest *g, const char *name, struct gateway **out)
{
    struct gateway **slot = gateway_slot(g, name);
    *out = *slot;
    if (*out)
        return 0;
    if (g->gateway_count == g->limits.gateways)
        return ERR_FULL;
    struct gateway *gw = calloc(1, sizeof(*gw));
    if (!gw)
        return ERR_NOMEM;
    snprintf(gw->name, sizeof(gw->name), "%s", name);
    gw->acked.ms = INT64_MIN / 2;
    *slot = *out = gw;
    g->gateway_count++;
    return 0;
}

static struct epoch *epoch_find(const struct gateway *gw, uint64_t number)
{
    for (size_t i = gw->epoch_count; i-- > 0;) /* the newest are at the end */
        if (gw->epochs[i]->number == number)
            return gw->epochs[i];
    return NULL;
}

/* Of the epochs nothing depends on, the one that has been quiet for longest; the store keeps it. */
static bool forget_an_epoch(struct gateway *gw)
{
    size_t victim = gw->epoch_count;
    for (size_t i = 0; i < gw->epoch_count; i++) {
        const struct epoch *ep = gw->epochs[i];
        bool needed = ep->pending || ep->say || ep->lowest || ep->number == gw->live ||
                      ep->number == gw->running;
        if (!needed &&
            (victim == gw->epoch_count || ep->touched.ms < gw->epochs[victim]->touched.ms))
            victim = i;
    }
    if (victim == gw->epoch_count)
        return false;
    epoch_destroy(gw->epochs[victim]);
    gw->epoch_count--;
    memmove(&gw->epochs[victim], &gw->epochs[victim + 1],
            (gw->epoch_count - victim) * sizeof(struct epoch *));
    return true;
}

static int epoch_get(struct gateway *gw, uint64_t number, struct clk_mono now, struct epoch **out)
{
    *out = epoch_find(gw, number);
    if (*out)
        return 0;
    if (gw->epoch_count == INGEST_EPOCHS_MAX && !forget_an_epoch(gw))
        return ERR_FULL;
    struct epoch *ep = calloc(1, sizeof(*ep));
    if (!ep)
        return ERR_NOMEM;
    ep->number = number;
    ep->fresh = true;
    ep->born = ep->touched = now;
    rangeset_init(&ep->done, RANGES_ROOM);
    rangeset_init(&ep->seen, RANGES_ROOM);
    rangeset_init(&ep->gaps, RANGES_ROOM);
    rangeset_init(&ep->gaps_seen, RANGES_ROOM);
    *out = gw->epochs[gw->epoch_count++] = ep;
    return 0;
}

static int copy_ranges(const struct rangeset *from, struct rangeset *a, struct rangeset *b)
{
    int rc = 0;
    for (size_t i = 0; i < from->count && rc == 0; i++) {
        rc = rangeset_add(a, from->ranges[i].from, from->ranges[i].to);
        if (rc == 0)
            rc = rangeset_add(b, from->ranges[i].from, from->ranges[i].to);
    }
    return rc == ERR_NOMEM ? rc : 0; /* what does not fit is left to the store */
}

int ingest_restore(struct ingest *g, const char *gateway, uint64_t epoch,
                   const struct rangeset *done, const struct rangeset *gaps)
{
    struct gateway *gw;
    struct epoch *ep;
    int rc = gateway_get(g, gateway, &gw);
    if (rc == 0)
        rc = epoch_get(gw, epoch, (struct clk_mono){INT64_MIN / 2}, &ep);
    if (rc) /* beyond a limit: it is met again as a fresh one */
        return rc == ERR_FULL ? 0 : rc;
    ep->fresh = false;
    if ((rc = copy_ranges(done, &ep->done, &ep->seen)) ||
        (rc = copy_ranges(gaps, &ep->gaps, &ep->gaps_seen)))
        return rc;
    ep->top = ep->done.count ? ep->done.ranges[ep->done.count - 1].to : 0;
    return 0;
}

/* --- what is sent --- */

static bool once_in_a_while(struct clk_mono *again, struct clk_mono now, int64_t ms)
{
    if (!clk_mono_due(*again, now))
        return false;
    *again = clk_mono_add(now, ms);
    return true;
}

static void raise_event(struct ingest *g, struct gateway *gw, enum ingest_event event,
                        struct clk_mono now, struct ingest_result *out)
{
    if (!once_in_a_while(&gw->event_again[event], now, INGEST_IDENTITY_MS))
        return;
    out->event = event;
    g->counters.events++;
}

/* A restarted gateway leaves its old epoch's live lane for good. Coming back to it again and again
 * means that two senders share the name (a cloned card). */
static void watch_identity(struct ingest *g, struct gateway *gw, uint64_t epoch,
                           struct clk_mono now, struct ingest_result *out)
{
    if (epoch == gw->live)
        return;
    bool returned = epoch == gw->live_before;
    gw->live_before = gw->live;
    gw->live = epoch;
    if (!returned)
        return;
    if (clk_mono_due(gw->returns_until, now)) {
        gw->returns = 0;
        gw->returns_until = clk_mono_add(now, INGEST_IDENTITY_MS);
    }
    if (++gw->returns >= INGEST_RETURNS)
        raise_event(g, gw, EVENT_IDENTITY_TWICE, now, out);
}

static enum ingest_verdict drop(struct ingest_result *out, enum ingest_reason reason,
                                const char *text)
{
    out->reason = reason;
    snprintf(out->text, sizeof(out->text), "%s", text);
    return INGEST_DROPPED;
}

static enum ingest_verdict drop_for(struct ingest_result *out, int rc, enum ingest_reason full,
                                    const char *text)
{
    return rc == ERR_NOMEM ? drop(out, REASON_MEMORY, "no memory") : drop(out, full, text);
}

/* 0, or why the pack can never be stored. */
static int judge(struct ingest *g, const struct ingest_arrival *a, struct ingest_now now,
                 struct ingest_result *out)
{
    struct err e = {0};
    int rc = pack_parse(a->body, a->len, a->gateway, &out->pack, &e);
    if (rc) {
        out->reason = rc == ERR_DENIED ? REASON_FOREIGN : REASON_INVALID;
        snprintf(out->text, sizeof(out->text), "%.*s", PACK_REASON_SIZE - 1, e.text);
    } else if (now.utc.ms >= g->limits.clock_floor.ms &&
               out->pack.latest.ms - now.utc.ms > g->limits.future_max_ms) {
        char when[CLK_UTC_TEXT];
        clk_utc_format(out->pack.latest, when);
        out->reason = REASON_FUTURE;
        snprintf(out->text, sizeof(out->text),
                 "time %s is more than %lld s ahead of the collector's clock", when,
                 (long long)g->limits.future_max_ms / 1000);
        rc = ERR_LIMIT;
    }
    out->epoch = out->pack.head.epoch;
    out->seq = out->pack.head.seq;
    return rc;
}

static bool touches(const struct rangeset *set, uint64_t seq)
{
    return rangeset_has(set, seq - 1) || rangeset_has(set, seq + 1);
}

/* The pack would open a range where there are too many holes already. */
static bool opens_too_many(const struct epoch *ep, uint64_t seq, bool fills)
{
    if (fills)
        return ep->gaps_seen.count >= INGEST_RANGES_MAX;
    return ep->seen.count >= INGEST_RANGES_MAX && !touches(&ep->seen, seq);
}

static enum ingest_verdict take_refused(struct ingest *g, struct gateway *gw, struct epoch *ep,
                                        const struct ingest_arrival *a, struct ingest_now now,
                                        struct ingest_result *out)
{
    struct entry entry = {ENTRY_REFUSED, gw, ep, out->seq, out->seq, {0}};
    memcpy(entry.reason, out->text, sizeof(entry.reason));
    if (g->sink.refused(g->sink.user, gw->name, ep->number, out->seq, now.utc, out->text, a->body,
                        a->len))
        return drop(out, REASON_BATCH, "the store is behind");
    entry_add(g, &entry);
    return INGEST_REFUSED;
}

/* The gaps a gap pack reports, each in its own epoch. */
static int take_gaps(struct ingest *g, struct gateway *gw, struct pack *p, struct ingest_now now)
{
    struct pack_record r;
    struct pack_gap gap;
    int rc = 0;
    while (rc == 0 && pack_next(p, &r)) {
        struct epoch *ep;
        if ((rc = pack_record_gap(&r, &gap)) == 0 &&
            (rc = epoch_get(gw, gap.epoch, now.mono, &ep)) == 0)
            rc = epoch_lose(g, gw, ep, &gap, now.utc);
    }
    pack_rewind(p);
    return rc;
}

static void ask_for_conf(struct gateway *gw, struct ingest_now now, struct ingest_result *out)
{
    const char *conf = out->pack.head.conf;
    for (size_t i = 0; i < INGEST_CONFS_MAX; i++)
        out->conf_known = out->conf_known || strcmp(gw->confs[i], conf) == 0;
    if (!out->conf_known && out->pack.head.kind == PACK_DATA)
        out->ask_descriptions = once_in_a_while(&gw->ask_again, now.mono, INGEST_REQUEST_MS);
}

/* Rows go to the sink before the entry is made: when one of them finds no room the pack is dropped,
 * and rows that went already are repeated by the gateway's resend, which changes nothing. */
static enum ingest_verdict take_new(struct ingest *g, struct gateway *gw, struct epoch *ep,
                                    const struct ingest_arrival *a, struct ingest_now now,
                                    struct ingest_result *out)
{
    bool fills = rangeset_has(&ep->gaps_seen, out->seq);
    struct pack *p = &out->pack;
    ask_for_conf(gw, now, out);
    if (g->sink.pack(g->sink.user, p, a->body, a->len, a->live, out->conf_known, now.utc) ||
        (fills && g->sink.gap_filled(g->sink.user, gw->name, ep->number, out->seq)))
        return drop(out, REASON_BATCH, "the store is behind");
    ep->pending++; /* the epoch of a gap may need a place, which must not be this one's */
    int rc = p->head.kind == PACK_GAP ? take_gaps(g, gw, p, now) : 0;
    ep->pending--;
    if (rc)
        return drop_for(out, rc, REASON_RANGES, "too many gaps at once");
    if (fills)
        entry_add(g, &(struct entry){ENTRY_FILLED, gw, ep, out->seq, out->seq, {0}});
    entry_add(g, &(struct entry){ENTRY_PACK, gw, ep, out->seq, out->seq, {0}});
    if (a->live)
        watch_identity(g, gw, ep->number, now.mono, out);
    return INGEST_NEW;
}

static enum ingest_verdict take(struct ingest *g, struct gateway *gw,
                                const struct ingest_arrival *a, struct ingest_now now, bool refused,
                                struct ingest_result *out)
{
    struct epoch *ep;
    int rc = epoch_get(gw, out->epoch, now.mono, &ep);
    if (rc)
        return drop_for(out, rc, REASON_EPOCHS, "too many open epochs");
    ep->touched = now.mono;
    if (rangeset_has(&ep->done, out->seq)) {
        ack_say(g, gw, ep, out->seq, out->seq, now.mono);
        return INGEST_DUPLICATE;
    }
    if (rangeset_has(&ep->seen, out->seq))
        return INGEST_PENDING;
    if (opens_too_many(ep, out->seq, rangeset_has(&ep->gaps_seen, out->seq)))
        return drop(out, REASON_RANGES, "too many holes below it");
    if (entries_free(g) < 2)
        return drop(out, REASON_BATCH, "the store is behind");
    if ((rc = epoch_claim(ep, 2)))
        return drop_for(out, rc, REASON_RANGES, "too many holes below it");
    return refused ? take_refused(g, gw, ep, a, now, out) : take_new(g, gw, ep, a, now, out);
}

static void hear(struct ingest *g, struct gateway *gw, const char *area, struct clk_mono now)
{
    if (strcmp(gw->area, area) != 0)
        snprintf(gw->area, sizeof(gw->area), "%s", area);
    gw->heard = now;
    if (!gw->active) {
        gw->active = true;
        g->active_count++;
        ack_due(g, gw, now);
    }
}

static enum ingest_verdict offer(struct ingest *g, const struct ingest_arrival *a,
                                 struct ingest_now now, struct ingest_result *out)
{
    struct gateway *gw;
    int rc = gateway_get(g, a->gateway, &gw);
    if (rc)
        return drop_for(out, rc, REASON_GATEWAYS, "too many gateways");
    hear(g, gw, a->area, now.mono);
    int wrong = judge(g, a, now, out);
    if (wrong == ERR_NOMEM)
        return drop(out, REASON_MEMORY, "no memory");
    if (wrong == ERR_DENIED)
        raise_event(g, gw, EVENT_FOREIGN_NAME, now.mono, out);
    if (out->epoch == 0 || out->seq == 0)
        return INGEST_MALFORMED;
    return take(g, gw, a, now, wrong != 0, out);
}

enum ingest_verdict ingest_offer(struct ingest *g, const struct ingest_arrival *a,
                                 struct ingest_now now, struct ingest_result *out)
{
    *out = (struct ingest_result){0};
    out->verdict = offer(g, a, now, out);
    if (out->verdict != INGEST_NEW)
        pack_free(&out->pack);
    g->counters.verdicts[out->verdict]++;
    g->counters.reasons[out->reason]++;
    return out->verdict;
}

int ingest_conf_known(struct ingest *g, const char *gateway, const char *conf)
{
    struct gateway *gw;
    int rc = gateway_get(g, gateway, &gw);
    if (rc)
        return rc;
    for (size_t i = 0; i < INGEST_CONFS_MAX; i++)
        if (strcmp(gw->confs[i], conf) == 0)
            return 0;
    snprintf(gw->confs[gw->conf_next], PACK_CONF_SIZE, "%s", conf);
    gw->conf_next = (gw->conf_next + 1) % INGEST_CONFS_MAX;
    return 0;
}

/* --- what it says of itself --- */

static bool names(const struct gateway_state *s, uint64_t epoch)
{
    for (size_t i = 0; i < s->epoch_count; i++)
        if (s->epochs[i].epoch == epoch)
            return true;
    return false;
}

/* A full list may leave out the oldest epochs; one without the running epoch was said before the
 * first pack, or by a gateway that cannot read its disk. */
static bool lists_all(const struct gateway_state *s)
{
    return s->epoch_count < STATE_EPOCHS_MAX && names(s, s->epoch);
}

int ingest_gateway_state(struct ingest *g, const char *area, const char *gateway,
                         const struct gateway_state *s, struct ingest_now now)
{
    struct gateway *gw;
    int rc = gateway_get(g, gateway, &gw);
    if (rc)
        return rc;
    gw->online = s->online;
    if (!s->online) /* a will repeats what was true at its connect */
        return 0;
    hear(g, gw, area, now.mono);
    gw->check_gaps = true;
    gw->lists_all = lists_all(s);
    gw->running = s->epoch;
    for (size_t i = 0; i < gw->epoch_count; i++)
        gw->epochs[i]->lowest = 0;
    for (size_t i = 0; i < s->epoch_count; i++) {
        struct epoch *ep = epoch_find(gw, s->epochs[i].epoch);
        if (ep)
            ep->lowest = s->epochs[i].lowest;
    }
    ack_due(g, gw, now.mono); /* its credit, and which store this is */
    return 0;
}

void ingest_count(const struct ingest *g, struct ingest_counters *out)
{
    *out = g->counters;
    out->gateways = g->gateway_count;
    out->active = g->active_count;
    out->pending = (size_t)(g->tail - g->head);
}
