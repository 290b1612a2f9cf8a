/*
 * An operator's connection for collectorctl: mutual TLS as who the certificate names, a loop, and
 * reconnecting with a growing, random pause. What happens comes through the hooks, on the loop's
 * thread. SIGINT and SIGTERM stop the loop.
 */
#ifndef COLLECTOR_COLLECTORCTL_SESSION_H
#define COLLECTOR_COLLECTORCTL_SESSION_H

#include "base/cli.h"
#include "base/rng.h"
#include "io/crypto.h"
#include "io/loop.h"
#include "io/mqtt.h"
#include "io/signals.h"

struct session_options {
    const char *host, *ca, *cert, *key;
    int64_t port;
    struct cli_list areas; /* none: all that the broker lets through */
};

#define SESSION_OPTIONS 6
/* Fills the first SESSION_OPTIONS places of a table with the options every connection takes. */
void session_put_options(struct session_options *o, struct cli_option *table);

struct session {
    void *owner;
    void (*up)(struct session *s);                    /* connected: time to subscribe */
    void (*down)(struct session *s, const char *why); /* not connected, or no longer */
    void (*ready)(struct session *s);                 /* every subscription was answered */
    void (*message)(struct session *s, const char *topic, const char *payload, size_t len);
    void (*refused)(struct session *s, const char *why); /* a publish or a subscription */
    void (*lost)(struct session *s, uint64_t messages);  /* came faster than taken; may be NULL */

    struct loop *loop;
    struct mqtt *mqtt;
    char name[CRYPTO_NAME_SIZE]; /* who the certificate says we are */

    /* the session's own */
    const struct session_options *options;
    struct mailbox *mailbox;
    struct loop_watch watch;
    struct loop_timer retry;
    struct signals signals;
    struct rng rng;
    uint64_t dropped;
    unsigned attempts, waiting; /* waiting: subscriptions not answered yet */
};

/* Hooks and owner are set by the caller before; connects at once. */
int session_open(struct session *s, const struct session_options *o, struct err *e);
void session_close(struct session *s); /* of a zeroed struct is fine */
int session_subscribe(struct session *s, const char *topic, int qos);

#endif
