/*
 * The uplink: what to say to the broker and when, so that every pack is acknowledged by the
 * collector, live data first. PROTOCOL "Acknowledgement" and "Flow".
 *
 *   DOWN --retry due--> CONNECTING --connected--> SUBSCRIBING --all--> ONLINE
 *     ^ <--failed, lost, refused, too slow-----------------------------'   |
 *     '-- backoff                                  stop: STOPPING -> OFF <-'
 *
 * A pure step machine: the owner reports what happened with now, then calls uplink_next until it
 * gives no more actions, before the memory of the event goes away. One thread; no clock, no system
 * call, no allocation. Packs are the spool's: the uplink asks for them lane by lane (UPLINK_TAKE),
 * sends them, and remembers only which are in flight. Nothing is let go but by an acknowledgement.
 *
 * A pack that was just frozen need not wait for the disk: while uplink_wants_fresh, its owner gives
 * it to the spool as one that is taken already and here (uplink_fresh), and it is sent while the
 * spool makes it durable.
 *
 * Lanes. Live are the UPLINK_LIVE_PACKS newest packs; a pack that is overtaken by so many newer
 * ones is backfill. Backfill leaves a quarter of the credit free for live and keeps at most
 * UPLINK_BACKFILL_S of measured throughput in flight, so that live is never behind much of it.
 */
#ifndef GATEWAY_CORE_UPLINK_UPLINK_H
#define GATEWAY_CORE_UPLINK_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/rng.h"
#include "gateway/core/uplink/backoff.h"
#include "model/message.h"
#include "model/topic.h"

#define UPLINK_FLIGHTS_MAX     256
#define UPLINK_ACTIONS_MAX     640 /* one event causes at most two a flight, and a few more */
#define UPLINK_LIVE_PACKS      4
#define UPLINK_BACKFILL_S      2
#define UPLINK_CREDIT_FIRST    2     /* until the first acknowledgement of a connection */
#define UPLINK_RESEND_MS       30000 /* at the earliest; four round trips when those are longer */
#define UPLINK_RESEND_MAX_MS   600000
#define UPLINK_RETRY_MS        1000
#define UPLINK_RETRY_MAX_MS    60000
#define UPLINK_SUBSCRIBE_MS    30000
#define UPLINK_CONNECT_MS      120000 /* beyond what the client itself allows */
#define UPLINK_STOP_MS         2000
#define UPLINK_LEAVE_MS        3000  /* the old connection's end is heard before a new one begins */
#define UPLINK_TAKE_MS         30000 /* an answer of the spool that late was lost */
#define UPLINK_REWIND_MS       60000 /* at most one rewind in so long */
#define UPLINK_ASK_MS          10000 /* at most one answer to a request in so long */
#define UPLINK_RATE_FIRST      65536 /* bytes a second, until measured */
#define UPLINK_RATE_LEAST      2048
#define UPLINK_BATCH_BYTES_MAX (1024u * 1024u)

enum uplink_phase {
    UPLINK_DOWN,
    UPLINK_CONNECTING,
    UPLINK_SUBSCRIBING,
    UPLINK_ONLINE,
    UPLINK_STOPPING,
    UPLINK_OFF
};

enum uplink_lane { UPLINK_LIVE, UPLINK_BACKFILL, UPLINK_LANES };

enum uplink_verb {
    UPLINK_CONNECT, /* with a will: topic, payload (retained) */
    UPLINK_DISCONNECT,
    UPLINK_SUBSCRIBE,   /* tag, topic, QoS 1; answer uplink_subscribed or _unsubscribed */
    UPLINK_PUBLISH,     /* tag, topic, payload, retain, QoS 1; answer _published or _refused */
    UPLINK_TAKE,        /* tag, packs, bytes, since: from the spool; answer uplink_batch */
    UPLINK_RELEASE,     /* epoch, seq: may be taken again */
    UPLINK_RELEASE_ALL, /* all that were taken may be taken again */
    UPLINK_ACK,         /* epoch, seq (all up to it), also: committed at the collector */
    UPLINK_FORGET,      /* text: another store; nothing is acknowledged any more */
    UPLINK_DESCRIBE,    /* append a description of every device */
    UPLINK_SECURITY,    /* text: an event pack that says so */
    UPLINK_STOPPED,     /* the last action of all */
};

struct uplink_action {
    enum uplink_verb verb;
    uint64_t tag;
    const char *topic;
    const void *payload; /* borrowed from the event or the uplink, until the next event */
    size_t len;
    bool retain;
    uint64_t epoch, seq;
    const struct range *also;
    size_t also_count;
    size_t packs, bytes;
    uint64_t since;
    const char *text;
};

/* A pack the spool gave. */
struct uplink_pack {
    uint64_t epoch, seq;
    const void *bytes; /* borrowed during the event */
    size_t len;
};

struct uplink_options {
    const char *gateway, *area, *firmware; /* borrowed */
    uint64_t epoch;                        /* the running one */
    const char *store;     /* whose acknowledgements the spool has; "" for nobody's; copied */
    unsigned inflight_max; /* the MQTT client's; at most UPLINK_FLIGHTS_MAX count */
    const void *birth;     /* the encoded birth, borrowed */
    size_t birth_len;
    uint64_t seed;
};

struct uplink_stats {
    uint64_t sent, sent_bytes; /* packs handed to the client, resent ones included */
    uint64_t resent;           /* timed out in flight */
    uint64_t acked;            /* packs in flight that an acknowledgement named */
    uint64_t quarantined;      /* packs the collector can never store */
    uint64_t forged;           /* acknowledgements beyond what was sent */
    uint64_t rewinds;
    uint64_t connects, losses;
    uint64_t refused; /* publishes the broker refused */
};

struct uplink_flight {
    uint64_t epoch, seq;
    size_t len;
    enum uplink_lane lane;
    struct clk_mono sent;
};

struct uplink_epoch {
    uint64_t epoch, upto;
    bool fell; /* the last acknowledgement was lower: a second one means the store went back */
};

struct uplink {
    struct uplink_options options;
    enum uplink_phase phase;
    unsigned waiting;      /* subscriptions not yet confirmed */
    struct clk_mono since; /* the phase's start */
    struct backoff backoff;
    struct clk_mono retry_at;
    struct rng rng;

    struct gateway_state state; /* what the state message says; the owner keeps it up to date */
    char topics[TOPIC_COLLECTOR_STATE + 1][TOPIC_SIZE];
    char message[4096]; /* the state, or the will */
    char security[192];

    char store[STORE_ID_SIZE];
    struct clk_mono rewound_at, complained_at;
    struct clk_mono asked_at[REQUEST_RESEND + 1];
    struct uplink_epoch epochs[STATE_EPOCHS_MAX];
    size_t epoch_count;
    struct {
        uint64_t epoch, seq;
    } told[ACK_REFUSED_MAX]; /* quarantined packs said in the log, a ring */
    size_t told_next;
    struct range quarantine[ACK_EPOCHS_MAX][ACK_REFUSED_MAX]; /* for actions of one event */

    struct uplink_flight flights[UPLINK_FLIGHTS_MAX];
    size_t flight_count;
    size_t lane_count[UPLINK_LANES], lane_bytes[UPLINK_LANES];
    uint64_t durable;      /* highest seq of the running epoch that may be taken */
    uint64_t newest;       /* highest of those and of the fresh ones sent */
    uint64_t sent_highest; /* of the running epoch */
    unsigned credit;
    unsigned resends;       /* in a row without progress: each doubles the wait */
    uint64_t generation;    /* of what was taken: a batch of an older one is not ours any more */
    enum uplink_lane asked; /* by the take under way */
    struct clk_mono took;   /* when it was asked */
    bool taking;
    bool stirred;           /* packs were released meanwhile: its answer is old */
    bool dry[UPLINK_LANES]; /* the last take found nothing */

    int64_t round_trip_ms; /* smoothed; 0: not known */
    uint64_t rate;         /* bytes a second, acknowledged */
    struct clk_mono window_start;
    uint64_t window_bytes;
    bool window_limited; /* backfill waited for room during the window */

    struct uplink_action actions[UPLINK_ACTIONS_MAX];
    size_t action_first, action_count;
    struct uplink_stats stats;
};

void uplink_init(struct uplink *u, const struct uplink_options *o, struct clk_mono now);

/* What to do next; false: nothing until the next event or uplink_wake. */
bool uplink_next(struct uplink *u, struct uplink_action *out);
struct clk_mono uplink_wake(const struct uplink *u);
void uplink_step(struct uplink *u, struct clk_mono now);

/* What the MQTT client says. */
void uplink_connected(struct uplink *u, struct clk_mono now);
void uplink_down(struct uplink *u, const char *reason, struct clk_mono now); /* failed or lost */
void uplink_subscribed(struct uplink *u, uint64_t tag, struct clk_mono now);
void uplink_unsubscribed(struct uplink *u, uint64_t tag, const char *reason, struct clk_mono now);
void uplink_published(struct uplink *u, uint64_t tag, struct clk_mono now);
void uplink_refused(struct uplink *u, uint64_t tag, const char *reason, struct clk_mono now);
/* What the collector says. */
void uplink_acked(struct uplink *u, const struct ack *a, struct clk_mono now);
void uplink_requested(struct uplink *u, enum gateway_request r, struct clk_mono now);

/* What the spool says: packs up to seq of the running epoch can be taken now; the answer to a take
 * (n 0: there was nothing), newest first; an acknowledgement went beyond what was ever appended. */
void uplink_durable(struct uplink *u, uint64_t seq, struct clk_mono now);
void uplink_batch(struct uplink *u, uint64_t tag, const struct uplink_pack *packs, size_t n,
                  struct clk_mono now);
/* May a pack be sent the moment it is frozen? It is newer than all there is, so it goes first. */
bool uplink_wants_fresh(const struct uplink *u);
/* Sends that pack, wanted, of the running epoch: in flight from here on, as if it had been taken.
 */
void uplink_fresh(struct uplink *u, const struct uplink_pack *pack, struct clk_mono now);
void uplink_ack_denied(struct uplink *u, uint64_t epoch, uint64_t upto, struct clk_mono now);

/* The state message changed (u->state): says it when online. */
void uplink_say_state(struct uplink *u);
/* Says goodbye, disconnects, and ends with UPLINK_STOPPED within UPLINK_STOP_MS. */
void uplink_stop(struct uplink *u, struct clk_mono now);

const char *uplink_phase_name(enum uplink_phase phase);

#endif
