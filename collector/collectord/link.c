/* The connection to the broker: when to connect, what to subscribe, the areas' heartbeat. */
#include <inttypes.h>

#include "base/log.h"
#include "collector/collectord/collectord.h"
#include "model/topic.h"

/* The state of an area as it is now, or as the will says it when the collector is gone. */
static void encode_state(struct collectord *c, const char *area, bool online, struct buf *out)
{
    struct collector_state s = {
        .online = online, .owner_epoch = store_owner_epoch(c->store), .at = clk_utc(c->clk)};
    const char *name;
    uint64_t revision;
    uint32_t listed;
    for (size_t i = 0; alarm_area_at(c->alarms, i, &name, &revision, &listed); i++) {
        if (strcmp(name, area) != 0)
            continue;
        s.list_revision = revision;
        s.standing = listed;
    }
    snprintf(s.store, sizeof(s.store), "%s", store_id(c->store));
    buf_init(out, c->text, MESSAGE_SIZE_MAX);
    collector_state_encode(&s, out);
}

static void say_states(struct collectord *c, bool online)
{
    for (size_t i = 0; c->connected && i < c->config->area_count; i++) {
        char topic[TOPIC_SIZE];
        struct buf body;
        encode_state(c, c->config->areas[i].name, online, &body);
        topic_format(TOPIC_COLLECTOR_STATE, c->config->areas[i].name, NULL, topic);
        link_publish(c, TAG_FIRST + TAG_STATE, topic, &body, true);
    }
}

/* One connection has one will: it is the first area's; in the others the heartbeat falls silent. */
static void connect_now(struct loop_timer *timer, struct clk_mono now)
{
    struct collectord *c = timer->owner;
    char topic[TOPIC_SIZE];
    struct buf will;
    (void)now;
    encode_state(c, c->config->areas[0].name, false, &will);
    topic_format(TOPIC_COLLECTOR_STATE, c->config->areas[0].name, NULL, topic);
    if (mqtt_connect(c->mqtt, true, topic, will.data, will.len) < 0)
        loop_timer_start(c->loop, timer, clk_mono_add(clk_mono(c->clk), COLLECTORD_RETRY_MAX_MS));
}

/* Full jitter: after a broker's restart its clients do not come back all at once. */
static void connect_later(struct collectord *c)
{
    uint64_t span = COLLECTORD_RETRY_MAX_MS;
    if (c->attempts < 6)
        span = (uint64_t)COLLECTORD_RETRY_MS << c->attempts;
    c->attempts++;
    loop_timer_start(c->loop, &c->connect,
                     clk_mono_add(clk_mono(c->clk), (int64_t)(100 + rng_below(&c->rng, span))));
}

static void beat(struct loop_timer *timer, struct clk_mono now)
{
    struct collectord *c = timer->owner;
    say_states(c, true);
    loop_timer_start(c->loop, timer, clk_mono_add(now, c->config->heartbeat_s * 1000));
}

static void subscribe(struct collectord *c)
{
    static const enum topic_kind kinds[] = {TOPIC_STATE, TOPIC_BIRTH, TOPIC_LIVE, TOPIC_BACKFILL};
    char topic[TOPIC_SIZE];
    int rc = 0;
    for (size_t i = 0; i < c->config->area_count; i++) {
        const char *area = c->config->areas[i].name;
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]) && rc == 0; k++)
            rc = mqtt_subscribe(c->mqtt, TAG_FIRST + TAG_SUBSCRIBE,
                                topic_format(kinds[k], area, "+", topic), 1);
    }
    if (rc == 0)
        rc = mqtt_subscribe(c->mqtt, TAG_FIRST + TAG_SUBSCRIBE,
                            topic_format(TOPIC_OPERATOR_REQUEST, NULL, "+", topic), 1);
    if (rc < 0)
        mqtt_disconnect(c->mqtt); /* half subscribed is deaf without knowing it */
}

static void connected(struct collectord *c, uint64_t version)
{
    c->connected = true;
    c->attempts = 0;
    log_info("connected to %s:%" PRId64 " (MQTT %s), serving %zu areas", c->config->broker.host,
             c->config->broker.port, version == 5 ? "5" : "3.1.1", c->config->area_count);
    alarm_step_sight(c->alarms, true, collectord_now(c));
    subscribe(c);
    say_states(c, true);
    alerts_connected(c);
    batch_send(c);
}

static void disconnected(struct collectord *c, const char *reason)
{
    if (c->connected)
        log_warn("connection to the broker lost: %s", reason);
    else
        log_warn("cannot connect to %s:%" PRId64 ": %s", c->config->broker.host,
                 c->config->broker.port, reason);
    c->connected = false;
    c->reconciling = false;
    loop_timer_stop(c->loop, &c->reconcile);
    alarm_step_sight(c->alarms, false, collectord_now(c));
    journal_unsent(c->journal);
    connect_later(c);
}

void link_event(struct collectord *c, int what, const struct mail *m)
{
    const char *reason = m->data ? m->data : "no reason given";
    switch ((enum mqtt_mail)what) {
    case MQTT_CONNECTED:
        connected(c, m->a);
        break;
    case MQTT_FAILED:
    case MQTT_LOST:
        disconnected(c, reason);
        break;
    case MQTT_UNSUBSCRIBED:
        log_error("the broker refused a subscription: %s; its access rules must let collector %s "
                  "read the areas of its configuration",
                  reason, c->config->name);
        mqtt_disconnect(c->mqtt);
        break;
    case MQTT_PUBLISHED:
        if (m->a < TAG_FIRST) {
            journal_published(c->journal, m->a);
            if (store_put_published(c->store, m->a) == 0)
                batch_note(c);
            batch_send(c);
        }
        break;
    case MQTT_REFUSED:
        log_error("the broker refused a message: %s", reason);
        break;
    case MQTT_SUBSCRIBED:
    case MQTT_MESSAGE:
        break;
    }
}

void link_publish(struct collectord *c, uint64_t tag, const char *topic, const struct buf *body,
                  bool retain)
{
    if (c->connected && !body->overflow &&
        mqtt_publish(c->mqtt, tag, topic, body->data, body->len, 1, retain) < 0)
        log_debug("no room to send %s now", topic);
}

void link_start(struct collectord *c)
{
    c->connect.fire = connect_now;
    c->connect.owner = c;
    c->heartbeat.fire = beat;
    c->heartbeat.owner = c;
    alarm_step_sight(c->alarms, false, collectord_now(c));
    loop_timer_start(c->loop, &c->connect, clk_mono(c->clk));
    loop_timer_start(c->loop, &c->heartbeat, clk_mono(c->clk));
}

/* An orderly stop says so itself; the broker sends no will for it. */
void link_goodbye(struct collectord *c)
{
    if (!c->connected)
        return;
    say_states(c, false);
    mqtt_disconnect(c->mqtt);
}
