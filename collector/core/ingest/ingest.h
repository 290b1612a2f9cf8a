/*
 * Ingest: which packs are new, what may be acknowledged, and who may send how much.
 *
 * Pure: packs, gateway states, outcomes of commits and `now` in; rows for the store (through the
 * sink) and acks out. PROTOCOL "Acknowledgement" and "Flow". One thread.
 *
 * The way of a pack: ingest_offer judges it and hands a new one to the sink, where it is pending:
 * neither acknowledged nor taken a second time. ingest_flush adds the dedupe rows that belong to
 * what is pending; then the loop submits the batch. ingest_committed or ingest_failed settles it.
 * Only what is committed is ever acknowledged.
 *
 * Memory is claimed when a pack is offered, so settling cannot fail; a pack for which there is no
 * room is dropped and counted, and the gateway sends it again.
 *
 * Gaps: what a gateway says it has lost, and what it no longer holds (below the lowest number in
 * its state, or of an epoch that is no longer in it, when it lists all), counts as settled and is
 * recorded. It yields to a pack that comes after all. An epoch not known before is given
 * INGEST_REWIND_MS before its holes are believed: a gateway that meets a new store rewinds first.
 * For the same reason `low` of a pack is not used: it was frozen before the rewind, and believing
 * it would give up what the gateway is about to send again.
 */
#ifndef COLLECTOR_CORE_INGEST_INGEST_H
#define COLLECTOR_CORE_INGEST_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/err.h"
#include "model/message.h"
#include "model/pack.h"
#include "model/rangeset.h"

#define INGEST_EPOCHS_MAX  64     /* of one gateway in memory; the store knows the others */
#define INGEST_RANGES_OPEN 256    /* above it the gateway's credit falls to 1 */
#define INGEST_RANGES_MAX  1024   /* above it packs that open one more are dropped */
#define INGEST_PENDING_MAX 8192   /* packs and gaps between offer and commit */
#define INGEST_REWIND_MS   600000 /* before the holes of a new epoch are believed */
#define INGEST_ACK_MIN_MS  200    /* between two acks; not of duplicates or half the credit */
#define INGEST_HALF_MIN    8      /* credit below it is not halved: a pack would be a commit */
#define INGEST_QUIET_MS    60000  /* a gateway silent for so long gives its credit back */
#define INGEST_REQUEST_MS  60000  /* between two requests for descriptions */
#define INGEST_RETURNS     4      /* to live epochs left behind, within INGEST_IDENTITY_MS: */
#define INGEST_IDENTITY_MS 600000 /* two senders share the name */
#define INGEST_CONFS_MAX   8      /* configurations known of a gateway */

struct ingest;

struct ingest_limits {
    size_t gateways;
    uint32_t credit_total; /* packs of all gateways in flight: below the broker's queue limit */
    uint32_t credit_max;   /* of one */
    int64_t future_max_ms; /* a later time than this beyond ours is refused */
    struct clk_utc clock_floor; /* our clock is not trusted below: when the program was built */
};

struct ingest_now {
    struct clk_utc utc;
    struct clk_mono mono;
};

/* Where rows go; each returns 0, or ERR_FULL when the batch has no room. */
struct ingest_sink {
    void *user;
    int (*pack)(void *user, const struct pack *p, const char *body, size_t len, bool live,
                bool conf_known, struct clk_utc received);
    int (*refused)(void *user, const char *gateway, uint64_t epoch, uint64_t seq,
                   struct clk_utc received, const char *reason, const char *body, size_t len);
    int (*gap)(void *user, const char *gateway, const struct pack_gap *gap,
               struct clk_utc reported);
    int (*gap_filled)(void *user, const char *gateway, uint64_t epoch, uint64_t seq);
    int (*epoch)(void *user, const char *gateway, uint64_t epoch, const struct rangeset *done,
                 bool fresh);
};

int ingest_create(const struct ingest_limits *limits, const struct ingest_sink *sink,
                  struct ingest **out, struct err *e);
void ingest_destroy(struct ingest *g); /* NULL is fine */

/* What the store knows, before the first offer; fits store_load_epochs. */
int ingest_restore(struct ingest *g, const char *gateway, uint64_t epoch,
                   const struct rangeset *done, const struct rangeset *gaps);

/* --- packs --- */

struct ingest_arrival {
    const char *area, *gateway; /* of the topic */
    bool live;                  /* the lane */
    const char *body;
    size_t len;
};

enum ingest_verdict {
    INGEST_NEW,       /* pending; out->pack is the caller's to interpret and pack_free */
    INGEST_DUPLICATE, /* committed before: acknowledged again at once, stores nothing */
    INGEST_PENDING,   /* the same pack is on its way to the store */
    INGEST_REFUSED,   /* can never be stored: pending for the quarantine, acknowledged then */
    INGEST_MALFORMED, /* not even its number can be read: counted */
    INGEST_DROPPED,   /* no room now: counted; the gateway sends it again */
    INGEST_VERDICTS,
};

/* Why, for the counters. */
enum ingest_reason {
    REASON_NONE,
    REASON_INVALID,  /* breaks the rules of packs */
    REASON_FOREIGN,  /* carries another gateway's name */
    REASON_FUTURE,   /* is ahead of our clock */
    REASON_GATEWAYS, /* more gateways than the limit */
    REASON_EPOCHS,   /* more open epochs of a gateway than the limit */
    REASON_RANGES,   /* more holes than the limit */
    REASON_BATCH,    /* the store is behind */
    REASON_MEMORY,
    INGEST_REASONS,
};

enum ingest_event {
    EVENT_NONE,
    EVENT_IDENTITY_TWICE, /* two gateways send under one name */
    EVENT_FOREIGN_NAME,   /* a gateway sent a pack under another's name */
};

struct ingest_result {
    enum ingest_verdict verdict;
    enum ingest_reason reason;
    enum ingest_event event; /* security: to be alarmed, at most one an event in ten minutes */
    bool conf_known;
    bool ask_descriptions;       /* send the gateway the request `descriptions` */
    uint64_t epoch, seq;         /* 0 when not readable */
    struct pack pack;            /* INGEST_NEW only */
    char text[PACK_REASON_SIZE]; /* what was wrong */
};

enum ingest_verdict ingest_offer(struct ingest *g, const struct ingest_arrival *a,
                                 struct ingest_now now, struct ingest_result *out);

/* The descriptions of that configuration are all there. */
int ingest_conf_known(struct ingest *g, const char *gateway, const char *conf);

/* --- gateways --- */

/* Its state topic, or its will. */
int ingest_gateway_state(struct ingest *g, const char *area, const char *gateway,
                         const struct gateway_state *s, struct ingest_now now);
/* Gaps that have become certain; call about once a second. */
void ingest_step_time(struct ingest *g, struct ingest_now now);

/* --- batches --- */

/* A gateway waits for the next batch with half of its credit: commit without delay, or the round
 * trip and not the line sets its pace. */
bool ingest_pressed(const struct ingest *g);
/* Puts the dedupe rows of all that is pending and not yet flushed. On an error the caller discards
 * the batch and calls ingest_discarded. Not while a batch is at the store. */
int ingest_flush(struct ingest *g);
void ingest_committed(struct ingest *g, struct ingest_now now); /* what was flushed */
void ingest_failed(struct ingest *g);                           /* what was flushed is not stored */
void ingest_discarded(struct ingest *g); /* neither will be what was not flushed */

/* --- acks --- */

/* The next ack that is due; false when there is none now. out->store is the caller's to fill in.
 * area and gateway are valid until the next call. */
bool ingest_next_ack(struct ingest *g, struct ingest_now now, struct ack *out, const char **area,
                     const char **gateway);
struct clk_mono ingest_next(const struct ingest *g); /* when an ack is due; CLK_NEVER */

/* --- counters --- */

struct ingest_counters {
    uint64_t verdicts[INGEST_VERDICTS];
    uint64_t reasons[INGEST_REASONS];
    uint64_t gaps;   /* recorded */
    uint64_t events; /* security */
    size_t gateways, active, pending;
};

void ingest_count(const struct ingest *g, struct ingest_counters *out);
const char *ingest_verdict_name(enum ingest_verdict v); /* "new", ... */
const char *ingest_reason_name(enum ingest_reason r);   /* "invalid", ... */

#endif
