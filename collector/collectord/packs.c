/* What gateways send: packs, births and states; and the acks they get. */
#include <inttypes.h>

#include "base/log.h"
#include "collector/collectord/collectord.h"
#include "model/topic.h"

static struct ingest_now ingest_now(const struct collectord *c)
{
    return (struct ingest_now){.utc = clk_utc(c->clk), .mono = clk_mono(c->clk)};
}

/* --- the sink of ingest: rows into the batch being filled --- */

static int sink_pack(void *user, const struct pack *p, const char *body, size_t len, bool live,
                     bool conf_known, struct clk_utc received)
{
    struct collectord *c = user;
    const struct store_pack row = {.gateway = p->head.gateway,
                                   .epoch = p->head.epoch,
                                   .seq = p->head.seq,
                                   .received = received,
                                   .lane = live ? LANE_LIVE : LANE_BACKFILL,
                                   .kind = p->head.kind,
                                   .conf = p->head.conf,
                                   .interpreted = conf_known,
                                   .body = body,
                                   .len = len};
    if (!batch_takes_packs(c, len))
        return ERR_FULL;
    int rc = store_put_pack(c->store, &row);
    if (rc < 0)
        return rc;
    c->batch_packs++;
    c->batch_bytes += len;
    batch_note(c);
    return 0;
}

static int sink_refused(void *user, const char *gateway, uint64_t epoch, uint64_t seq,
                        struct clk_utc received, const char *reason, const char *body, size_t len)
{
    struct collectord *c = user;
    if (!batch_takes_packs(c, len))
        return ERR_FULL;
    batch_note(c);
    return store_put_refused(c->store, gateway, epoch, seq, received, reason, body, len);
}

static int sink_gap(void *user, const char *gateway, const struct pack_gap *gap,
                    struct clk_utc reported)
{
    struct collectord *c = user;
    batch_note(c);
    return store_put_gap(c->store, gateway, gap, reported);
}

static int sink_gap_filled(void *user, const char *gateway, uint64_t epoch, uint64_t seq)
{
    struct collectord *c = user;
    batch_note(c);
    return store_put_gap_filled(c->store, gateway, epoch, seq);
}

static int sink_epoch(void *user, const char *gateway, uint64_t epoch, const struct rangeset *done,
                      bool fresh)
{
    struct collectord *c = user;
    return store_put_epoch(c->store, gateway, epoch, done, fresh);
}

const struct ingest_sink packs_sink = {.pack = sink_pack,
                                       .refused = sink_refused,
                                       .gap = sink_gap,
                                       .gap_filled = sink_gap_filled,
                                       .epoch = sink_epoch};

/* --- gateways --- */

static struct peer *peer_find(const struct collectord *c, const char *gateway)
{
    for (size_t i = 0; i < c->peer_count; i++)
        if (strcmp(c->peers[i].name, gateway) == 0)
            return &c->peers[i];
    return NULL;
}

/* The gateway in the area in which it was heard last. NULL when there are too many. */
static struct peer *peer_get(struct collectord *c, const char *area, const char *gateway)
{
    struct err e = {0};
    int64_t handle = alarm_bind_gateway(c->alarms, area, gateway, collectord_now(c), &e);
    struct peer *p = peer_find(c, gateway);
    if (handle < 0 || (!p && c->peer_count == COLLECTORD_GATEWAYS_MAX)) {
        char more[COMPLAINT_MORE_SIZE];
        if (complaint_may(&c->complaints, gateway, e.text, clk_mono(c->clk), more))
            log_error("gateway %s is not watched: %s%s", gateway, e.text, more);
        return NULL;
    }
    if (!p) {
        p = &c->peers[c->peer_count++];
        *p = (struct peer){.asked = {INT64_MIN / 2}};
        snprintf(p->name, sizeof(p->name), "%s", gateway);
    }
    p->alarm = handle;
    snprintf(p->area, sizeof(p->area), "%s", area);
    return p;
}

const struct peer *packs_peer(const struct collectord *c, const char *gateway)
{
    return peer_find(c, gateway);
}

static void ask_descriptions(struct collectord *c, const char *area, struct peer *p)
{
    char topic[TOPIC_SIZE];
    struct buf body;
    struct clk_mono now = clk_mono(c->clk);
    if (!c->connected || !clk_mono_due(clk_mono_add(p->asked, INGEST_REQUEST_MS), now))
        return;
    p->asked = now;
    buf_init(&body, c->text, MESSAGE_SIZE_MAX);
    gateway_request_encode(REQUEST_DESCRIPTIONS, &body);
    topic_format(TOPIC_REQUEST, area, p->name, topic);
    link_publish(c, TAG_FIRST + TAG_REQUEST, topic, &body, false);
    log_info("asked gateway %s to describe its devices", p->name);
}

/* --- the ops of interpret --- */

static int64_t ops_bind(void *user, const char *area, const char *gateway, const char *device,
                        const char *point, const struct kind *kind)
{
    struct collectord *c = user;
    struct err e = {0};
    struct peer *p = peer_get(c, area, gateway);
    int64_t handle =
        p ? alarm_bind_series(c->alarms, p->alarm, device, point, kind, collectord_now(c), &e)
          : ERR_FULL;
    char more[COMPLAINT_MORE_SIZE];
    if (p && handle < 0 && complaint_may(&c->complaints, gateway, e.text, clk_mono(c->clk), more))
        log_error("%s/%s/%s is not watched: %s%s", gateway, device, point, e.text, more);
    return handle;
}

static void ops_pace(void *user, int64_t handle, uint32_t period_ms)
{
    struct collectord *c = user;
    alarm_pace_series(c->alarms, handle, period_ms);
}

static void ops_retire(void *user, int64_t handle)
{
    struct collectord *c = user;
    alarm_retire_series(c->alarms, handle, collectord_now(c));
}

static void ops_settled(void *user, const char *gateway, const char *conf)
{
    struct collectord *c = user;
    const struct peer *p = peer_find(c, gateway);
    if (p)
        alarm_settle_gateway(c->alarms, p->alarm, collectord_now(c));
    ingest_conf_known(c->ingest, gateway, conf);
    if (store_put_interpreted(c->store, gateway, conf) == 0)
        batch_note(c);
    log_debug("gateway %s runs configuration %s, all of it described", gateway, conf);
}

static void ops_sample(void *user, int64_t handle, const struct alarm_sample *sample)
{
    struct collectord *c = user;
    alarm_step_sample(c->alarms, handle, sample, collectord_now(c));
}

const struct interpret_ops packs_ops = {.bind = ops_bind,
                                        .pace = ops_pace,
                                        .retire = ops_retire,
                                        .settled = ops_settled,
                                        .sample = ops_sample};

/* --- messages --- */

static void complain_message(struct collectord *c, const char *topic, const struct err *e)
{
    char more[COMPLAINT_MORE_SIZE];
    if (complaint_may(&c->complaints, topic, e->text, clk_mono(c->clk), more))
        log_warn("%s: %s%s", topic, e->text, more);
}

static void take_state(struct collectord *c, const struct topic *t, const char *topic,
                       const char *body, size_t len)
{
    struct gateway_state s;
    struct err e = {0};
    if (len == 0)
        return; /* emptied by hand: the gateway was taken out of the broker */
    if (gateway_state_decode(body, len, &s, &e) < 0) {
        complain_message(c, topic, &e);
        return;
    }
    struct peer *p = peer_get(c, t->area, t->name);
    if (!p)
        return;
    if (!s.online && p->session[0] && strcmp(p->session, s.session) != 0) {
        log_debug("late will of gateway %s: it has a new session", t->name);
        return;
    }
    if (s.online)
        snprintf(p->session, sizeof(p->session), "%s", s.session);
    p->online = s.online;
    ingest_gateway_state(c->ingest, t->area, t->name, &s, ingest_now(c));
    alarm_step_gateway(c->alarms, p->alarm, s.online, collectord_now(c));
}

static void take_birth(struct collectord *c, const struct topic *t, const char *topic,
                       const char *body, size_t len)
{
    static struct gateway_birth birth; /* 13 KB */
    struct err e = {0};
    if (len == 0)
        return;
    int rc = gateway_birth_decode(body, len, &birth, &e);
    if (rc == 0)
        rc = interpret_birth(c->interpret, t->area, t->name, &birth, &e);
    if (rc < 0) {
        complain_message(c, topic, &e);
        return;
    }
    struct peer *p = rc > 0 ? peer_get(c, t->area, t->name) : NULL;
    if (p)
        ask_descriptions(c, t->area, p);
}

static void take_descriptions(struct collectord *c, struct pack *pack)
{
    struct pack_record r;
    struct err e = {0};
    while (pack_next(pack, &r)) {
        size_t len = strlen(r.string);
        if (interpret_description(c->interpret, pack->head.gateway, pack->head.conf, r.string, len,
                                  &e) < 0)
            complain_message(c, pack->head.gateway, &e);
        else if (store_put_description(c->store, pack->head.gateway, pack->head.conf, r.device,
                                       r.string) < 0)
            log_warn("no room to store a description of %s; it will be asked for again",
                     pack->head.gateway);
    }
}

static void take_new(struct collectord *c, const struct topic *t, struct ingest_result *r)
{
    bool unknown = false;
    if (r->pack.head.kind == PACK_DESCRIPTION)
        take_descriptions(c, &r->pack);
    else if (r->pack.head.kind == PACK_RESULT)
        commands_results(c, &r->pack);
    else
        unknown = interpret_pack(c->interpret, &r->pack, collectord_now(c)) == INTERPRET_UNKNOWN;
    struct peer *p = r->ask_descriptions || unknown ? peer_get(c, t->area, t->name) : NULL;
    if (p)
        ask_descriptions(c, t->area, p);
}

static void complain_pack(struct collectord *c, const char *topic, const struct ingest_result *r)
{
    char more[COMPLAINT_MORE_SIZE];
    const char *why = r->text[0] ? r->text : ingest_reason_name(r->reason);
    if (complaint_may(&c->complaints, topic, why, clk_mono(c->clk), more))
        log_warn("%s: pack %" PRIu64 "/%" PRIu64 " %s: %s%s", topic, r->epoch, r->seq,
                 ingest_verdict_name(r->verdict), why, more);
}

static void note_security(struct collectord *c, const char *topic, const struct ingest_result *r)
{
    const char *what = r->event == EVENT_IDENTITY_TWICE
                           ? "two senders use this gateway's identity"
                           : "a gateway sent a pack under another's name";
    char more[COMPLAINT_MORE_SIZE];
    if (!complaint_may(&c->complaints, topic, what, clk_mono(c->clk), more))
        return;
    log_error("security: %s: %s%s", topic, what, more);
    if (store_put_audit(c->store, clk_utc(c->clk), "collectord", "security", topic, what) == 0)
        batch_note(c);
}

static void take_pack(struct collectord *c, const struct topic *t, const char *topic,
                      const char *body, size_t len)
{
    static struct ingest_result r;
    const struct ingest_arrival a = {.area = t->area,
                                     .gateway = t->name,
                                     .live = t->kind == TOPIC_LIVE,
                                     .body = body,
                                     .len = len};
    switch (ingest_offer(c->ingest, &a, ingest_now(c), &r)) {
    case INGEST_NEW:
        take_new(c, t, &r);
        pack_free(&r.pack);
        break;
    case INGEST_REFUSED:
    case INGEST_MALFORMED:
    case INGEST_DROPPED:
        complain_pack(c, topic, &r);
        break;
    case INGEST_DUPLICATE:
        packs_acknowledge(c);
        break;
    case INGEST_PENDING:
    case INGEST_VERDICTS:
        break;
    }
    if (r.event != EVENT_NONE)
        note_security(c, topic, &r);
}

void packs_message(struct collectord *c, const char *topic, const char *body, size_t len,
                   bool retained)
{
    struct topic t;
    if (topic_parse(topic, &t) < 0)
        return;
    switch (t.kind) {
    case TOPIC_STATE:
        take_state(c, &t, topic, body, len);
        break;
    case TOPIC_BIRTH:
        take_birth(c, &t, topic, body, len);
        break;
    case TOPIC_LIVE:
    case TOPIC_BACKFILL:
        take_pack(c, &t, topic, body, len);
        break;
    case TOPIC_ALERT:
        if (retained)
            alerts_retained(c, t.area, t.name, body, len);
        break;
    case TOPIC_OPERATOR_REQUEST:
        if (!retained) /* an operator could leave one behind for ever */
            requests_message(c, t.name, body, len);
        break;
    default:
        break;
    }
}

void packs_acknowledge(struct collectord *c)
{
    static struct ack ack; /* 40 KB */
    const char *area;
    const char *gateway;
    while (c->connected && ingest_next_ack(c->ingest, ingest_now(c), &ack, &area, &gateway)) {
        char topic[TOPIC_SIZE];
        struct buf body;
        snprintf(ack.store, sizeof(ack.store), "%s", store_id(c->store));
        buf_init(&body, c->text, MESSAGE_SIZE_MAX);
        if (ack_encode(&ack, &body) < 0)
            continue;
        topic_format(TOPIC_ACK, area, gateway, topic);
        link_publish(c, TAG_FIRST + TAG_ACK, topic, &body, false);
    }
}
