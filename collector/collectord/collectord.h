/*
 * collectord's parts and what they share. Private to collectord*.c; everything here runs on the
 * loop's thread.
 *
 *   broker -> mail -> packs -> ingest -> interpret -> alarms -> journal
 *                                  \-> store's batch <-/           |
 *   broker <- acks, alerts, replies <- mail <- commit <-----------/
 */
#ifndef COLLECTOR_COLLECTORD_COLLECTORD_H
#define COLLECTOR_COLLECTORD_COLLECTORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/rng.h"
#include "collector/core/alarm/alarm.h"
#include "collector/core/complaint.h"
#include "collector/core/config.h"
#include "collector/core/ingest/ingest.h"
#include "collector/core/ingest/interpret.h"
#include "collector/core/journal.h"
#include "collector/core/operators/operators.h"
#include "collector/core/operators/relay.h"
#include "collector/core/operators/replies.h"
#include "collector/io/store/store.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "io/mqtt.h"
#include "io/signals.h"

/* Memory is claimed for these at start; the operating system gives it page by page as it is used.
 */
#define COLLECTORD_GATEWAYS_MAX  2048
#define COLLECTORD_POINTS_MAX    65536
#define COLLECTORD_ALARMS_MAX    131072
#define COLLECTORD_JOURNAL_MAX   16384
#define COLLECTORD_JOURNAL_BYTES (32u << 20)
#define COLLECTORD_MAIL_MAX      8192
#define COLLECTORD_INFLIGHT_MAX  256

/* A batch takes so many journal entries and bytes of packs, so that what follows always fits. */
#define COLLECTORD_BATCH_ENTRIES 256
#define COLLECTORD_BATCH_BYTES   (STORE_BATCH_BYTES_MAX / 4 * 3)

#define COLLECTORD_RETRY_MS     1000  /* first pause before connecting again */
#define COLLECTORD_RETRY_MAX_MS 60000 /* and the longest */
#define COLLECTORD_RECONCILE_MS 2000  /* without another retained alert: the tree is read */
#define COLLECTORD_ILL_MS       5000  /* a commit retried for so long is taken back */
#define COLLECTORD_UNDURABLE_MS 2000  /* without a commit: alarms are told as not durable */
#define COLLECTORD_TICK_MS      200

/* Tags of what is not an outbox entry; those are below. */
enum { TAG_ACK = 1, TAG_STATE, TAG_REQUEST, TAG_ALERT, TAG_SUBSCRIBE, TAG_SUBSCRIBE_ALERTS };
#define TAG_FIRST (UINT64_C(1) << 62)

/* A gateway as the shell knows it. */
struct peer {
    char name[NAME_SIZE];
    char area[NAME_SIZE]; /* in which it was heard last */
    bool online;
    int64_t alarm;    /* the engine's handle */
    char session[17]; /* of its last online state: a later will must repeat it */
    struct clk_mono asked;
};

struct collectord {
    const struct collector_config *config; /* borrowed */
    const struct clk *clk;
    struct loop *loop;
    struct loop_watch mail_watch;
    struct loop_timer tick, connect, heartbeat, reconcile, alarm;
    struct signals signals;
    struct mailbox *mail;
    struct mqtt *mqtt;
    struct store *store;
    struct rules *rules;
    struct operators operators;
    struct alarm_engine *alarms;
    struct interpret *interpret;
    struct ingest *ingest;
    struct replies *replies;
    struct relay *relay;
    struct journal *journal;
    struct rng rng;

    bool connected;
    unsigned attempts; /* to connect, since the last success */

    uint64_t outbox_next;
    uint64_t journal_refused; /* of the journal when everything was last told again */
    bool repeating;
    size_t repeat_cursor;

    struct clk_mono filling_since; /* of the batch; CLK_NEVER: empty */
    size_t batch_packs, batch_bytes;
    bool at_store;                /* a batch is with the store, or its outcome is in the mail */
    struct clk_mono retry_since;  /* the batch at the store cannot be committed; CLK_NEVER */
    struct clk_mono ill_since;    /* nothing was committed from then on; CLK_NEVER: all is well */
    bool withdrawing, packs_shut; /* the store is ill: alarms only */
    struct clk_mono shut_until;

    uint64_t *seen; /* hashes of the retained alerts found, while reconciling */
    size_t seen_mask, seen_count;
    bool reconciling;

    size_t peer_count;
    struct peer *peers;
    struct complaint complaints; /* about what others send */
    char *text;                  /* MESSAGE_SIZE_MAX bytes for encoding */
    int exit_code;
};

/* link.c: the connection, subscriptions, heartbeat. */
void link_start(struct collectord *c);
void link_event(struct collectord *c, int what, const struct mail *m);
void link_publish(struct collectord *c, uint64_t tag, const char *topic, const struct buf *body,
                  bool retain);
void link_goodbye(struct collectord *c);

/* packs.c: what gateways send. */
void packs_message(struct collectord *c, const char *topic, const char *body, size_t len,
                   bool retained);
void packs_acknowledge(struct collectord *c);
const struct peer *packs_peer(const struct collectord *c, const char *gateway); /* or NULL */
extern const struct ingest_sink packs_sink;  /* without its user */
extern const struct interpret_ops packs_ops; /* without its user */

/* batch.c: the store's batches and the journal. */
void batch_note(struct collectord *c); /* something waits for a commit */
void batch_step(struct collectord *c);
void batch_event(struct collectord *c, const struct mail *m);
void batch_journal(struct collectord *c, struct journal_entry *e);
void batch_send(struct collectord *c); /* what is committed, to the broker */
bool batch_takes_packs(const struct collectord *c, size_t len);

/* alerts.c: transitions to the journal; the retained tree. */
void alerts_transition(void *user, const struct alarm_transition *t);
void alerts_connected(struct collectord *c);
void alerts_retained(struct collectord *c, const char *area, const char *id, const char *body,
                     size_t len);
void alerts_quiet(struct collectord *c); /* the reconcile timer */

/* requests.c: what operators ask. */
void requests_message(struct collectord *c, const char *operator_name, const char *body,
                      size_t len);
/* Sends a reply and keeps it for a repeated id; what, object and text of `audit` (may be NULL) are
 * committed with it. */
void requests_reply(struct collectord *c, const char *operator_name, const struct operator_reply *r,
                    const struct journal_entry *audit);

/* commands.c: signed commands to gateways, and their results. */
void commands_request(struct collectord *c, const struct access_member *who,
                      const struct operator_request *request);
void commands_results(struct collectord *c, struct pack *pack); /* of kind result */
void commands_step_time(struct collectord *c);

/* collectord.c */
struct alarm_now collectord_now(const struct collectord *c);
#endif
