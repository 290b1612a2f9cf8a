/*
 * An MQTT client over mutual TLS: paho MQTTAsync, included by mqtt.c alone.
 *
 * One thread of the client's own calls paho; every function here only puts an order in its queue
 * and returns at once, also while name resolution stalls. What happens comes back as mail in the
 * mailbox given at creation. Nothing reconnects by itself: the owner's step machine decides when
 * (paho's own reconnect runs on the wall clock and stops when that steps back).
 */
#ifndef IO_MQTT_H
#define IO_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/mailbox.h"

struct mqtt;

#define MQTT_TAG_NONE 0 /* of a publish nobody waits for: only its refusal is told */

struct mqtt_options {
    const char *host; /* as the broker's certificate names it */
    uint16_t port;
    const char *client_id; /* the name in the certificate */
    const char *ca_file, *cert_file, *key_file;
    unsigned keepalive_s;
    unsigned connect_timeout_s;
    unsigned inflight_max; /* publishes handed to paho and not yet acknowledged by the broker */
    size_t orders_max;     /* queued orders, payloads included; a full queue refuses */
    bool mqtt5;            /* tried first; falls back to 3.1.1 when the broker has no 5 */
    int mail_base;         /* mail types are mail_base + enum mqtt_mail */
};

/* All but MQTT_MESSAGE are posted as control mail: reserve inflight_max + 16 slots for them. After
 * MQTT_LOST or MQTT_FAILED no tag given before is answered any more. */
enum mqtt_mail {
    MQTT_CONNECTED,    /* a = 5 or 4 (3.1.1), b = 1 when the session was there before */
    MQTT_FAILED,       /* a connect failed; data = reason text */
    MQTT_LOST,         /* the connection ended, by mqtt_disconnect too; data = reason text */
    MQTT_SUBSCRIBED,   /* a = order's tag */
    MQTT_UNSUBSCRIBED, /* the broker refused a subscription: a = tag, data = reason */
    MQTT_PUBLISHED,    /* a = tag: the broker has it, which proves nothing about the collector; not
                          told of MQTT_TAG_NONE */
    MQTT_REFUSED,      /* a = tag: the broker refused or paho failed; data = reason */
    MQTT_MESSAGE,      /* data = struct mqtt_message; a = 1 when retained. Posted as bulk unless its
                          topic ends in /ack, /request, /command, /reply or /state */
};

struct mqtt_message {
    uint16_t topic_len;
    uint32_t payload_len;
    bool retained;
    char bytes[]; /* topic, NUL, payload, NUL */
};
const char *mqtt_message_topic(const struct mqtt_message *m);
const char *mqtt_message_payload(const struct mqtt_message *m);

/* Is every file there and readable? e names the one that is not. For a check at start; each connect
 * looks again, since a certificate may be renewed or a card remounted meanwhile. */
int mqtt_check_files(const struct mqtt_options *o, struct err *e);

/* Copies the options, starts the client's thread, touches no file and no network. ERR_NOMEM. */
int mqtt_create(const struct mqtt_options *o, struct mailbox *mailbox, struct mqtt **out,
                struct err *e);
/* Returns within a second; a paho call that is stuck in the resolver is left to its own thread. */
void mqtt_destroy(struct mqtt *m);

/* Orders, done in their sequence; 0, or ERR_FULL when the queue is full, memory is short or the
 * payload is over 256 KiB. An order that finds no connection is dropped: MQTT_LOST answered for it.
 * `clean` starts without a session at the broker; will_topic NULL: no will. */
int mqtt_connect(struct mqtt *m, bool clean, const char *will_topic, const char *will,
                 size_t will_len);
int mqtt_disconnect(struct mqtt *m);
int mqtt_subscribe(struct mqtt *m, uint64_t tag, const char *topic, int qos);
int mqtt_publish(struct mqtt *m, uint64_t tag, const char *topic, const void *payload, size_t len,
                 int qos, bool retain);

#endif
