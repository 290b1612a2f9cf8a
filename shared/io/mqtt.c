/*
 *   owner's thread          client's thread                 paho's threads
 *   ---------------         ------------------------        ---------------------------
 *   order -> ring           ring -> paho calls              callbacks -> phase, slots,
 *                           waits for the phase             mail to the owner
 *
 * A connection lives in one paho handle, made for it and destroyed with it, so that nothing paho
 * still remembers of an old connection can answer for a new one. `lock` guards what the three
 * threads share and is never held over a paho call: paho's callbacks hold paho's mutex.
 */
#include "io/mqtt.h"

#include <MQTTAsync.h>
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "io/cond.h"
#include "io/mqtt_message.h"
#include "io/mqtt_options.h"
#include "io/mqtt_order.h"
#include "io/mqtt_reason.h"

#define SUBSCRIBES_MAX   8     /* subscriptions asked for and not yet answered */
#define CONNECT_GRACE_S  5     /* paho's own timeout runs on the wall clock; ours does not */
#define DISCONNECT_MS    1000  /* for publishes in flight to be acknowledged */
#define DESTROY_MS       1000  /* then the thread is left to itself */
#define SESSION_EXPIRY_S 86400 /* of a session that is to be kept */
#define TEXT_MAX         512
#define SOCKETS_MAX      256                           /* a daemon of ours has fewer files open */
#define AEAD_CIPHERS     "ECDHE+AESGCM:ECDHE+CHACHA20" /* none of them exists below TLS 1.2 */

enum phase {
    PHASE_DOWN,       /* no connection */
    PHASE_CONNECTING, /* paho is at it */
    PHASE_REFUSED,    /* a connect failed; the client's thread has not yet said so */
    PHASE_UP,
    PHASE_LOST, /* ended; the handle is still to be destroyed */
};

/* What a callback of paho is handed: which order it answers. */
struct slot {
    struct mqtt *mqtt;
    uint64_t tag;
    enum mqtt_verb verb;
    bool used;
};

struct mqtt {
    struct mqtt_options options; /* strings owned */
    char url[MQTT_URL_SIZE];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* the client's thread: an order, a free slot, another phase, stop */

    /* under lock */
    struct mailbox *mailbox; /* NULL once the owner is gone */
    bool stop;
    bool finished;  /* the thread has left */
    bool abandoned; /* mqtt_destroy did not wait: the thread frees all */
    enum phase phase;
    struct mqtt_ring ring;
    struct slot *slots;
    size_t slot_count;
    unsigned publishing, window; /* handed to paho; allowed, by us and by the broker */
    struct mqtt_clues clues;

    /* the client's thread alone */
    MQTTAsync handle; /* NULL when there is no connection */
    bool plain;       /* the broker has no MQTT 5 */
};

/* --- mail --- */

static void post(struct mqtt *m, enum mqtt_mail type, uint64_t a, uint64_t b, const char *text)
{
    struct mail mail = {.type = m->options.mail_base + (int)type, .a = a, .b = b};
    if (!m->mailbox)
        return;
    if (text) {
        mail.data = strdup(text); /* without memory the event still counts, its reason is lost */
        mail.len = mail.data ? strlen(text) : 0;
    }
    (void)mailbox_post_control(m->mailbox, &mail); /* a refusal is counted in the mailbox */
}

static void post_message(struct mqtt *m, struct mqtt_message *message)
{
    struct mail mail = {.type = m->options.mail_base + MQTT_MESSAGE,
                        .a = message->retained,
                        .data = message,
                        .len = mqtt_message_size(message)};
    pthread_mutex_lock(&m->lock);
    if (!m->mailbox)
        free(message);
    else if (mqtt_message_is_control(message))
        (void)mailbox_post_control(m->mailbox, &mail);
    else
        (void)mailbox_post_bulk(m->mailbox, &mail);
    pthread_mutex_unlock(&m->lock);
}

/* --- paho's callbacks: they hold paho's mutex, so they only note and post --- */

static int on_message(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
    struct mqtt *m = context;
    size_t len = topic_len > 0 ? (size_t)topic_len : strlen(topic);
    struct mqtt_message *copy = mqtt_message_create(
        topic, len, message->payload, message->payloadlen > 0 ? (size_t)message->payloadlen : 0,
        message->retained != 0);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    if (copy)
        post_message(m, copy);
    return 1; /* 0 would stop delivery for good; what was dropped is resent */
}

/* A connection that stood, or was being made, is none any more. */
static void connection_ended(struct mqtt *m, int reason, const char *text)
{
    pthread_mutex_lock(&m->lock);
    if (m->phase == PHASE_UP) {
        m->phase = PHASE_LOST;
        post(m, MQTT_LOST, 0, 0, text);
    } else if (m->phase == PHASE_CONNECTING) {
        m->phase = PHASE_REFUSED;
        m->clues.reason = reason;
        mqtt_clue_line(m->clues.paho, text ? text : "", MQTT_CLUE_SIZE);
    }
    pthread_cond_broadcast(&m->wake);
    pthread_mutex_unlock(&m->lock);
}

static void on_lost(void *context, char *cause)
{
    connection_ended(context, 0, cause ? cause : "the connection to the broker broke");
}

static void on_disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes reason)
{
    char text[128];
    (void)properties;
    snprintf(text, sizeof(text), "the broker ended the connection: %s (0x%02x)",
             mqtt_reason_name((int)reason), (unsigned)reason);
    connection_ended(context, 0, text);
}

static void on_connected(struct mqtt *m, int version, int session_present, int receive_max)
{
    pthread_mutex_lock(&m->lock);
    if (m->phase == PHASE_CONNECTING) {
        m->phase = PHASE_UP;
        m->publishing = 0;
        m->window = m->options.inflight_max;
        if (receive_max > 0 && (unsigned)receive_max < m->window)
            m->window = (unsigned)receive_max;
        post(m, MQTT_CONNECTED, (uint64_t)version, session_present != 0, NULL);
    }
    pthread_cond_broadcast(&m->wake);
    pthread_mutex_unlock(&m->lock);
}

static void on_connect_4(void *context, MQTTAsync_successData *data)
{
    on_connected(context, 4, data ? data->alt.connect.sessionPresent : 0, 0);
}

static void on_connect_5(void *context, MQTTAsync_successData5 *data)
{
    int receive_max = 0; /* two bytes on the wire, whatever wider type this paho returns */
    if (MQTTProperties_hasProperty(&data->properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM))
        receive_max = (int)MQTTProperties_getNumericValue(&data->properties,
                                                          MQTTPROPERTY_CODE_RECEIVE_MAXIMUM);
    on_connected(context, 5, data->alt.connect.sessionPresent, receive_max);
}

static void on_refuse_4(void *context, MQTTAsync_failureData *data)
{
    connection_ended(context, data && data->code > 0 ? data->code : 0, data ? data->message : NULL);
}

static void on_refuse_5(void *context, MQTTAsync_failureData5 *data)
{
    int reason = data ? (int)data->reasonCode : 0;
    if (reason <= 0 && data && data->code > 0)
        reason = data->code;
    connection_ended(context, reason, data ? data->message : NULL);
}

/* An order's answer: frees its slot and, while the connection stands, tells the owner. */
static void slot_answer(struct slot *slot, const char *refusal)
{
    struct mqtt *m = slot->mqtt;
    pthread_mutex_lock(&m->lock);
    if (slot->used && m->phase == PHASE_UP) {
        bool publish = slot->verb == MQTT_ORDER_PUBLISH;
        if (refusal)
            post(m, publish ? MQTT_REFUSED : MQTT_UNSUBSCRIBED, slot->tag, 0, refusal);
        else if (!publish || slot->tag != MQTT_TAG_NONE)
            post(m, publish ? MQTT_PUBLISHED : MQTT_SUBSCRIBED, slot->tag, 0, NULL);
        if (publish)
            m->publishing--;
    }
    slot->used = false;
    if (mqtt_ring_peek(&m->ring)) /* it may have waited for a slot; else nobody waits for this */
        pthread_cond_broadcast(&m->wake);
    pthread_mutex_unlock(&m->lock);
}

static void slot_refuse(struct slot *slot, int reason, int code, const char *message)
{
    char text[TEXT_MAX];
    if (reason >= 0x80)
        snprintf(text, sizeof(text), "%s (0x%02x)", mqtt_reason_name(reason), (unsigned)reason);
    else
        snprintf(text, sizeof(text), "%s (%d)", message ? message : MQTTAsync_strerror(code), code);
    slot_answer(slot, text);
}

static void on_done_4(void *context, MQTTAsync_successData *data)
{
    struct slot *slot = context;
    if (slot->verb == MQTT_ORDER_SUBSCRIBE && data && data->alt.qos >= 0x80)
        slot_refuse(slot, data->alt.qos, 0, NULL);
    else
        slot_answer(slot, NULL);
}

static void on_done_5(void *context, MQTTAsync_successData5 *data)
{
    struct slot *slot = context;
    int reason = data ? (int)data->reasonCode : 0;
    if (reason >= 0x80)
        slot_refuse(slot, reason, 0, NULL);
    else
        slot_answer(slot, NULL);
}

static void on_fail_4(void *context, MQTTAsync_failureData *data)
{
    slot_refuse(context, data ? data->code : 0, data ? data->code : -1,
                data ? data->message : NULL);
}

static void on_fail_5(void *context, MQTTAsync_failureData5 *data)
{
    slot_refuse(context, data ? (int)data->reasonCode : 0, data ? data->code : -1,
                data ? data->message : NULL);
}

/* --- clues: OpenSSL's alerts and paho's host check reach us through its trace only --- */

static pthread_mutex_t trace_lock = PTHREAD_MUTEX_INITIALIZER;
static struct mqtt *trace_for; /* who is connecting; the last to start when there are several */

static void on_trace(enum MQTTASYNC_TRACE_LEVELS level, char *message)
{
    (void)level;
    pthread_mutex_lock(&trace_lock);
    struct mqtt *m = trace_for;
    if (m) {
        pthread_mutex_lock(&m->lock);
        mqtt_clues_note(&m->clues, message);
        pthread_mutex_unlock(&m->lock);
    }
    pthread_mutex_unlock(&trace_lock);
}

/* Traces for m, or for nobody: paho formats no line then. What it records for itself, each function
 * entered and left, ends at ERROR; levels above that only say what is put out. */
static void trace_switch(struct mqtt *m)
{
    pthread_mutex_lock(&trace_lock);
    trace_for = m;
    pthread_mutex_unlock(&trace_lock);
    MQTTAsync_setTraceCallback(on_trace);
    MQTTAsync_setTraceLevel(m ? MQTTASYNC_TRACE_MINIMUM : MQTTASYNC_TRACE_ERROR);
    if (!m)
        MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_FATAL);
}

static int on_openssl_error(const char *line, size_t len, void *context)
{
    struct mqtt *m = context;
    pthread_mutex_lock(&m->lock);
    if (!m->clues.openssl[0])
        mqtt_clue_line(m->clues.openssl, line, len);
    pthread_mutex_unlock(&m->lock);
    return 1;
}

/* --- connecting, on the client's thread --- */

/* Ends the connection's handle, and with it every answer still outstanding. */
static void handle_drop(struct mqtt *m, enum phase next)
{
    pthread_mutex_lock(&m->lock);
    m->phase = next;
    pthread_mutex_unlock(&m->lock);
    if (m->handle)
        MQTTAsync_destroy(&m->handle);
    m->handle = NULL;
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->slot_count; i++)
        m->slots[i].used = false;
    pthread_mutex_unlock(&m->lock);
}

static int handle_create(struct mqtt *m, int version)
{
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer;
    create.MQTTVersion = version == 5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    create.sendWhileDisconnected = 0;
    create.maxBufferedMessages = (int)m->slot_count + 1;
    int r = MQTTAsync_createWithOptions(&m->handle, m->url, m->options.client_id,
                                        MQTTCLIENT_PERSISTENCE_NONE, NULL, &create);
    if (r != MQTTASYNC_SUCCESS)
        return r;
    MQTTAsync_setCallbacks(m->handle, m, on_lost, on_message, NULL);
    if (version == 5)
        MQTTAsync_setDisconnected(m->handle, m, on_disconnected);
    return r;
}

static MQTTAsync_SSLOptions tls_options(struct mqtt *m)
{
    MQTTAsync_SSLOptions ssl = MQTTAsync_SSLOptions_initializer;
    ssl.trustStore = m->options.ca_file;
    ssl.keyStore = m->options.cert_file;
    ssl.privateKey = m->options.key_file;
    ssl.enableServerCertAuth = 1;
    ssl.verify = 1; /* the host name, too */
    ssl.sslVersion = MQTT_SSL_VERSION_TLS_1_2;
    ssl.enabledCipherSuites = AEAD_CIPHERS; /* paho ignores sslVersion with today's OpenSSL */
    ssl.disableDefaultTrustStore = 1;
    ssl.ssl_error_cb = on_openssl_error;
    ssl.ssl_error_context = m;
    return ssl;
}

static MQTTAsync_willOptions will_options(const struct mqtt_order *order)
{
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    will.topicName = order->topic;
    will.payload.data = order->payload;
    will.payload.len = (int)order->payload_len;
    will.qos = 1;
    will.retained = 1;
    return will;
}

static int handle_connect(struct mqtt *m, const struct mqtt_order *order, int version)
{
    const struct mqtt_options *o = &m->options;
    MQTTAsync_SSLOptions ssl = tls_options(m);
    MQTTAsync_willOptions will = will_options(order);
    MQTTAsync_connectOptions plain = MQTTAsync_connectOptions_initializer;
    MQTTAsync_connectOptions five = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_connectOptions *c = version == 5 ? &five : &plain;
    MQTTProperties properties = MQTTProperties_initializer;
    MQTTProperty expiry = {.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
                           .value.integer4 = SESSION_EXPIRY_S};

    c->keepAliveInterval = (int)o->keepalive_s;
    c->connectTimeout = (int)o->connect_timeout_s;
    c->maxInflight = (int)m->slot_count + 1;
    c->automaticReconnect = 0;
    c->ssl = &ssl;
    c->will = order->topic[0] ? &will : NULL;
    c->context = m;
    if (version == 5) {
        c->cleanstart = order->clean;
        c->onSuccess5 = on_connect_5;
        c->onFailure5 = on_refuse_5;
        if (!order->clean && MQTTProperties_add(&properties, &expiry) == 0)
            c->connectProperties = &properties;
    } else {
        c->MQTTVersion = MQTTVERSION_3_1_1;
        c->cleansession = order->clean;
        c->onSuccess = on_connect_4;
        c->onFailure = on_refuse_4;
    }
    int r = MQTTAsync_connect(m->handle, c);
    MQTTProperties_free(&properties);
    return r;
}

/* Waits until the phase is no longer `phase`, a stop or the deadline; returns the phase. */
static enum phase wait_phase(struct mqtt *m, enum phase phase, int64_t limit_ms)
{
    struct timespec deadline = cond_deadline(limit_ms);
    pthread_mutex_lock(&m->lock);
    while (m->phase == phase && !m->stop)
        if (pthread_cond_timedwait(&m->wake, &m->lock, &deadline) == ETIMEDOUT)
            break;
    phase = m->phase;
    pthread_mutex_unlock(&m->lock);
    return phase;
}

/* One try; true when the connection stands. On false, m->clues says what is known. */
static bool connect_try(struct mqtt *m, const struct mqtt_order *order, int version)
{
    handle_drop(m, PHASE_CONNECTING);
    pthread_mutex_lock(&m->lock);
    m->clues = (struct mqtt_clues){.version = version};
    pthread_mutex_unlock(&m->lock);

    trace_switch(m);
    int r = handle_create(m, version);
    if (r == MQTTASYNC_SUCCESS)
        r = handle_connect(m, order, version);
    if (r != MQTTASYNC_SUCCESS)
        connection_ended(m, 0, MQTTAsync_strerror(r));
    int64_t limit_ms = ((int64_t)m->options.connect_timeout_s + CONNECT_GRACE_S) * 1000;
    enum phase phase = wait_phase(m, PHASE_CONNECTING, limit_ms);
    trace_switch(NULL);
    if (phase == PHASE_UP)
        mqtt_send_at_once(m->options.port);
    return phase == PHASE_UP || phase == PHASE_LOST; /* lost again: that mail is posted already */
}

/* 3.1.1 brokers answer CONNECT of 5 with return code 1 (MQTT 3.1.1, 3.2.2.3). */
static bool refused_version(const struct mqtt *m)
{
    return m->clues.reason == 1 || m->clues.reason == MQTTREASONCODE_UNSUPPORTED_PROTOCOL_VERSION;
}

static void run_connect(struct mqtt *m, const struct mqtt_order *order)
{
    struct err e;
    char text[MQTT_REASON_SIZE];
    const char *reason = e.text;
    if (mqtt_check_files(&m->options, &e) == 0) {
        if (connect_try(m, order, m->options.mqtt5 && !m->plain ? 5 : 4))
            return;
        if (!m->plain && m->options.mqtt5 && refused_version(m)) {
            log_info("mqtt: %s has no MQTT 5; using 3.1.1", m->url);
            m->plain = true;
            if (connect_try(m, order, 4))
                return;
        }
        m->plain = false; /* it may have been upgraded meanwhile */
        handle_drop(m, PHASE_DOWN);
        mqtt_judge_certificate(&m->options, m->clues.certificate);
        reason = mqtt_reason_text(&m->options, &m->clues, text);
    }
    handle_drop(m, PHASE_DOWN);
    pthread_mutex_lock(&m->lock);
    post(m, MQTT_FAILED, 0, 0, reason);
    pthread_mutex_unlock(&m->lock);
}

static void run_disconnect(struct mqtt *m)
{
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
    options.timeout = DISCONNECT_MS;
    if (m->handle && MQTTAsync_disconnect(m->handle, &options) == MQTTASYNC_SUCCESS)
        (void)wait_phase(m, PHASE_UP, DISCONNECT_MS);
    connection_ended(m, 0, "disconnected by us");
    handle_drop(m, PHASE_DOWN);
}

/* --- orders, on the client's thread --- */

static struct slot *slot_find(struct mqtt *m)
{
    for (size_t i = 0; i < m->slot_count; i++)
        if (!m->slots[i].used)
            return &m->slots[i];
    return NULL;
}

/* Under lock: may the order at the head run now? One without a connection may: it is dropped. */
static bool order_ready(struct mqtt *m)
{
    const struct mqtt_order *order = mqtt_ring_peek(&m->ring);
    if (!order)
        return false;
    if (order->verb == MQTT_ORDER_CONNECT || order->verb == MQTT_ORDER_DISCONNECT ||
        m->phase != PHASE_UP)
        return true;
    return slot_find(m) && (order->verb != MQTT_ORDER_PUBLISH || m->publishing < m->window);
}

/* Under lock: takes a slot for the order; NULL when the connection is gone. */
static struct slot *slot_take(struct mqtt *m, const struct mqtt_order *order)
{
    struct slot *slot = m->phase == PHASE_UP ? slot_find(m) : NULL;
    if (!slot)
        return NULL;
    *slot = (struct slot){.mqtt = m, .tag = order->tag, .verb = order->verb, .used = true};
    if (order->verb == MQTT_ORDER_PUBLISH)
        m->publishing++;
    return slot;
}

static void run_transfer(struct mqtt *m, const struct mqtt_order *order)
{
    pthread_mutex_lock(&m->lock);
    struct slot *slot = slot_take(m, order);
    bool five = m->clues.version == 5;
    pthread_mutex_unlock(&m->lock);
    if (!slot)
        return; /* MQTT_LOST answers for it */
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    response.context = slot;
    if (five) {
        response.onSuccess5 = on_done_5;
        response.onFailure5 = on_fail_5;
    } else {
        response.onSuccess = on_done_4;
        response.onFailure = on_fail_4;
    }
    int r = order->verb == MQTT_ORDER_PUBLISH
                ? MQTTAsync_send(m->handle, order->topic, (int)order->payload_len, order->payload,
                                 order->qos, order->retain, &response)
                : MQTTAsync_subscribe(m->handle, order->topic, order->qos, &response);
    if (r != MQTTASYNC_SUCCESS)
        slot_refuse(slot, 0, r, NULL);
}

static void run_order(struct mqtt *m, struct mqtt_order *order)
{
    switch (order->verb) {
    case MQTT_ORDER_CONNECT:
        run_connect(m, order);
        break;
    case MQTT_ORDER_DISCONNECT:
        run_disconnect(m);
        break;
    case MQTT_ORDER_SUBSCRIBE:
    case MQTT_ORDER_PUBLISH:
        run_transfer(m, order);
        break;
    }
    free(order);
}

/* Waits for something to do: an order, or NULL with a lost connection to clear away or a stop. */
static struct mqtt_order *next_order(struct mqtt *m, bool *stop)
{
    struct mqtt_order *order = NULL;
    pthread_mutex_lock(&m->lock);
    while (!m->stop && m->phase != PHASE_LOST && !order_ready(m))
        pthread_cond_wait(&m->wake, &m->lock);
    *stop = m->stop;
    if (!m->stop && m->phase != PHASE_LOST)
        order = mqtt_ring_take(&m->ring);
    pthread_mutex_unlock(&m->lock);
    return order;
}

static void release(struct mqtt *m);

static void *client_run(void *user)
{
    struct mqtt *m = user;
    bool stop = false;
    while (!stop) {
        struct mqtt_order *order = next_order(m, &stop);
        if (order)
            run_order(m, order);
        else if (!stop)
            handle_drop(m, PHASE_DOWN);
    }
    handle_drop(m, PHASE_DOWN);
    pthread_mutex_lock(&m->lock);
    bool abandoned = m->abandoned;
    m->finished = true;
    pthread_cond_broadcast(&m->wake);
    pthread_mutex_unlock(&m->lock);
    if (abandoned)
        release(m);
    return NULL;
}

/* --- the owner's side --- */

static void release(struct mqtt *m)
{
    mqtt_ring_finish(&m->ring);
    free(m->slots);
    mqtt_options_finish(&m->options);
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* paho tears its global state down with its last handle, which would be at every lost connection,
 * and loses a little memory each time. So one handle stays: it never connects. */
static pthread_once_t anchor_once = PTHREAD_ONCE_INIT;
static MQTTAsync anchor;

static void anchor_create(void)
{
    if (MQTTAsync_create(&anchor, "tcp://127.0.0.1:1", "anchor", MQTTCLIENT_PERSISTENCE_NONE,
                         NULL) != MQTTASYNC_SUCCESS)
        anchor = NULL;
}

int mqtt_create(const struct mqtt_options *o, struct mailbox *mailbox, struct mqtt **out,
                struct err *e)
{
    assert(o->inflight_max > 0 && o->orders_max > 0);
    *out = NULL;
    mqtt_unset_proxies();
    struct mqtt *m = calloc(1, sizeof(*m));
    if (!m)
        return err_set(e, ERR_NOMEM, "mqtt: out of memory");
    pthread_mutex_init(&m->lock, NULL);
    cond_init(&m->wake);
    mqtt_url(o, m->url);
    m->mailbox = mailbox;
    m->slot_count = o->inflight_max + SUBSCRIBES_MAX;
    m->slots = calloc(m->slot_count, sizeof(struct slot));
    if (mqtt_options_copy(&m->options, o) < 0 || !m->slots ||
        mqtt_ring_init(&m->ring, o->orders_max) < 0) {
        release(m);
        return err_set(e, ERR_NOMEM, "mqtt: out of memory");
    }
    pthread_once(&anchor_once, anchor_create);
    if (!anchor || pthread_create(&m->thread, NULL, client_run, m) != 0) {
        release(m);
        return err_set(e, ERR_NOMEM, "mqtt: cannot start the client's thread");
    }
    *out = m;
    return 0;
}

void mqtt_destroy(struct mqtt *m)
{
    if (!m)
        return;
    struct timespec deadline = cond_deadline(DESTROY_MS);
    pthread_mutex_lock(&m->lock);
    m->stop = true;
    m->mailbox = NULL;
    pthread_cond_broadcast(&m->wake);
    while (!m->finished)
        if (pthread_cond_timedwait(&m->wake, &m->lock, &deadline) == ETIMEDOUT)
            break;
    bool finished = m->finished;
    m->abandoned = !finished;
    pthread_mutex_unlock(&m->lock);
    if (!finished) {
        pthread_detach(m->thread);
        return;
    }
    pthread_join(m->thread, NULL);
    release(m);
}

/* --- giving orders --- */

static int give(struct mqtt *m, struct mqtt_order *order)
{
    if (!order)
        return ERR_FULL;
    pthread_mutex_lock(&m->lock);
    int r = mqtt_ring_put(&m->ring, order);
    pthread_cond_broadcast(&m->wake);
    pthread_mutex_unlock(&m->lock);
    if (r < 0)
        free(order);
    return r;
}

int mqtt_connect(struct mqtt *m, bool clean, const char *will_topic, const char *will,
                 size_t will_len)
{
    struct mqtt_order *order =
        mqtt_order_create(MQTT_ORDER_CONNECT, 0, will_topic ? will_topic : "", will, will_len);
    if (order)
        order->clean = clean;
    return give(m, order);
}

int mqtt_disconnect(struct mqtt *m)
{
    return give(m, mqtt_order_create(MQTT_ORDER_DISCONNECT, 0, "", NULL, 0));
}

int mqtt_subscribe(struct mqtt *m, uint64_t tag, const char *topic, int qos)
{
    struct mqtt_order *order = mqtt_order_create(MQTT_ORDER_SUBSCRIBE, tag, topic, NULL, 0);
    if (order)
        order->qos = qos;
    return give(m, order);
}

int mqtt_publish(struct mqtt *m, uint64_t tag, const char *topic, const void *payload, size_t len,
                 int qos, bool retain)
{
    struct mqtt_order *order = mqtt_order_create(MQTT_ORDER_PUBLISH, tag, topic, payload, len);
    if (order) {
        order->qos = qos;
        order->retain = retain;
    }
    return give(m, order);
}
