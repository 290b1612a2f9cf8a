/* The uplink's hands: its actions become orders to the MQTT client and the spool, their answers its
 * events. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gateway/gatewayd/gatewayd.h"
#include "gateway/io/timesync.h"
#include "io/crypto.h"
#include "model/hash64.h"

#define CONNECT_TIMEOUT_S 15
#define ORDERS_MAX        512

static void encode_birth(struct gatewayd *g)
{
    const struct gateway_config *c = g->config;
    struct gateway_birth *birth = calloc(1, sizeof(*birth));
    char text[PACK_SIZE_MAX / 4];
    struct buf out;
    g->birth_len = 0;
    if (!birth)
        return;
    snprintf(birth->board, sizeof(birth->board), "%s", c->board);
    snprintf(birth->conf, sizeof(birth->conf), "%s", c->conf);
    for (size_t i = 0; i < c->device_count; i++) {
        buf_init(&out, text, sizeof(text));
        gateway_describe_device(c, i, &out);
        memcpy(birth->devices[i].name, c->devices[i].name, NAME_SIZE);
        hash64_format(hash64_add(HASH64_START, out.data, out.len), birth->devices[i].hash);
    }
    birth->device_count = c->device_count;
    buf_init(&out, g->birth, sizeof(g->birth));
    if (gateway_birth_encode(birth, &out) == 0)
        g->birth_len = out.len;
    free(birth);
}

static void wake(struct loop_timer *timer, struct clk_mono now)
{
    struct gatewayd *g = timer->owner;
    uplink_step(&g->uplink, now);
    gatewayd_uplink_run(g);
}

int gatewayd_uplink_start(struct gatewayd *g, struct err *e)
{
    const struct gateway_config *c = g->config;
    const struct mqtt_options mqtt = {.host = c->broker.host,
                                      .port = (uint16_t)c->broker.port,
                                      .client_id = c->gateway,
                                      .ca_file = c->broker.ca,
                                      .cert_file = c->broker.cert,
                                      .key_file = c->broker.key,
                                      .keepalive_s = (unsigned)c->broker.keepalive_s,
                                      .connect_timeout_s = CONNECT_TIMEOUT_S,
                                      .inflight_max = GATEWAYD_INFLIGHT_MAX,
                                      .orders_max = ORDERS_MAX,
                                      .mqtt5 = true,
                                      .mail_base = GATEWAYD_MQTT_MAIL};
    int rc = mqtt_create(&mqtt, g->mailbox, &g->mqtt, e);
    if (rc)
        return rc;
    encode_birth(g);
    uint64_t seed;
    crypto_random(&seed, sizeof(seed));
    const struct uplink_options options = {.gateway = c->gateway,
                                           .area = c->area,
                                           .firmware = IOC_VERSION,
                                           .epoch = spool_writer_epoch(g->spool),
                                           .store = spool_writer_store(g->spool),
                                           .inflight_max = GATEWAYD_INFLIGHT_MAX,
                                           .birth = g->birth,
                                           .birth_len = g->birth_len,
                                           .seed = seed};
    uplink_init(&g->uplink, &options, clk_mono(g->clk));
    snprintf(g->uplink.state.clock, sizeof(g->uplink.state.clock), "%s", timesync_word());
    g->uplink_timer = (struct loop_timer){.fire = wake, .owner = g};
    gatewayd_uplink_run(g);
    return 0;
}

void gatewayd_uplink_stop(struct gatewayd *g)
{
    if (g->loop)
        loop_timer_stop(g->loop, &g->uplink_timer);
    mqtt_destroy(g->mqtt);
    g->mqtt = NULL;
}

/* --- what the uplink wants --- */

/* An order the client has no room for is answered as the client would: it could not be sent. */
static void order_failed(struct gatewayd *g, const struct uplink_action *a)
{
    struct clk_mono now = clk_mono(g->clk);
    if (a->verb == UPLINK_PUBLISH)
        uplink_refused(&g->uplink, a->tag, "the client's order queue is full", now);
    else if (a->verb == UPLINK_SUBSCRIBE)
        uplink_unsubscribed(&g->uplink, a->tag, "the client's order queue is full", now);
    else if (a->verb == UPLINK_CONNECT)
        uplink_down(&g->uplink, "the client's order queue is full", now);
}

static void act_on_mqtt(struct gatewayd *g, const struct uplink_action *a)
{
    int rc = 0;
    switch (a->verb) {
    case UPLINK_CONNECT:
        rc = mqtt_connect(g->mqtt, true, a->topic, a->payload, a->len);
        break;
    case UPLINK_DISCONNECT:
        rc = mqtt_disconnect(g->mqtt);
        break;
    case UPLINK_SUBSCRIBE:
        rc = mqtt_subscribe(g->mqtt, a->tag, a->topic, 1);
        break;
    case UPLINK_PUBLISH:
        rc = mqtt_publish(g->mqtt, a->tag, a->topic, a->payload, a->len, 1, a->retain);
        break;
    default:
        break;
    }
    if (rc)
        order_failed(g, a);
}

static void act(struct gatewayd *g, const struct uplink_action *a)
{
    switch (a->verb) {
    case UPLINK_CONNECT:
    case UPLINK_DISCONNECT:
    case UPLINK_SUBSCRIBE:
    case UPLINK_PUBLISH:
        act_on_mqtt(g, a);
        break;
    case UPLINK_TAKE:
        gatewayd_packs_take(
            g, &(struct spool_wish){
                   .packs = a->packs, .bytes = a->bytes, .since = a->since, .tag = a->tag});
        break;
    case UPLINK_RELEASE:
        spool_writer_release(g->spool, a->epoch, a->seq);
        break;
    case UPLINK_RELEASE_ALL:
        spool_writer_release_all(g->spool);
        break;
    case UPLINK_ACK:
        spool_writer_ack(g->spool, a->epoch, a->seq, a->also, a->also_count);
        break;
    case UPLINK_FORGET:
        gatewayd_packs_forget(g, a->text);
        break;
    case UPLINK_DESCRIBE:
        gatewayd_packs_describe(g);
        break;
    case UPLINK_SECURITY:
        gatewayd_packs_event(g, "security", a->text);
        break;
    case UPLINK_STOPPED:
        loop_stop(g->loop, 0);
        break;
    }
}

void gatewayd_uplink_run(struct gatewayd *g)
{
    struct uplink_action action;
    while (uplink_next(&g->uplink, &action))
        act(g, &action);
    struct clk_mono at = uplink_wake(&g->uplink);
    if (at.ms == CLK_NEVER.ms)
        loop_timer_stop(g->loop, &g->uplink_timer);
    else if (loop_timer_start(g->loop, &g->uplink_timer, at) != 0)
        loop_stop(g->loop, 1);
}

/* --- what the MQTT client says --- */

static void take_ack(struct gatewayd *g, const struct mqtt_message *m, struct clk_mono now)
{
    static struct ack ack; /* the loop's thread alone; too large for its stack */
    struct err e = {0};
    if (ack_decode(mqtt_message_payload(m), m->payload_len, &ack, &e) == 0)
        uplink_acked(&g->uplink, &ack, now);
    else
        log_warn("ack refused: %s", e.text);
}

static void take_request(struct gatewayd *g, const struct mqtt_message *m, struct clk_mono now)
{
    enum gateway_request request;
    struct err e = {0};
    if (gateway_request_decode(mqtt_message_payload(m), m->payload_len, &request, &e) == 0)
        uplink_requested(&g->uplink, request, now);
    else
        log_warn("request refused: %s", e.text);
}

static void take_message(struct gatewayd *g, const struct mqtt_message *m, struct clk_mono now)
{
    struct topic topic;
    if (topic_parse(mqtt_message_topic(m), &topic) != 0)
        log_warn("a message on a topic that is none of ours: %s", mqtt_message_topic(m));
    else if (topic.kind == TOPIC_COMMAND)
        gatewayd_control_message(g, m); /* a retained one is an attempt, and recorded */
    else if (m->retained)
        log_warn("%s: a retained message is refused", mqtt_message_topic(m));
    else if (topic.kind == TOPIC_ACK)
        take_ack(g, m, now);
    else if (topic.kind == TOPIC_REQUEST)
        take_request(g, m, now);
}

void gatewayd_uplink_mail(struct gatewayd *g, const struct mail *m)
{
    struct clk_mono now = clk_mono(g->clk);
    const char *reason = m->data;
    switch ((enum mqtt_mail)(m->type - GATEWAYD_MQTT_MAIL)) {
    case MQTT_CONNECTED:
        gatewayd_ctl_uplink(g, NULL);
        uplink_connected(&g->uplink, now);
        break;
    case MQTT_FAILED:
    case MQTT_LOST:
        gatewayd_ctl_uplink(g, reason);
        uplink_down(&g->uplink, reason, now);
        break;
    case MQTT_SUBSCRIBED:
        uplink_subscribed(&g->uplink, m->a, now);
        break;
    case MQTT_UNSUBSCRIBED:
        uplink_unsubscribed(&g->uplink, m->a, reason, now);
        break;
    case MQTT_PUBLISHED:
        uplink_published(&g->uplink, m->a, now);
        break;
    case MQTT_REFUSED:
        uplink_refused(&g->uplink, m->a, reason, now);
        break;
    case MQTT_MESSAGE:
        take_message(g, m->data, now);
        break;
    }
    gatewayd_uplink_run(g);
}
