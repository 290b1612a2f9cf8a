/*
 * Shared by ingest.c (table, offers), ingest_settle.c (commits, gaps) and ingest_ack.c (credit,
 * acks); nobody else includes it.
 */
#ifndef COLLECTOR_CORE_INGEST_INGEST_PARTS_H
#define COLLECTOR_CORE_INGEST_INGEST_PARTS_H

#include "collector/core/ingest/ingest.h"

#define REFUSALS_MAX 1024 /* reasons waiting for their ack; more are left unsaid */

/* Two views of what is settled: `done` and `gaps` are committed and may be told; `seen` and
 * `gaps_seen` have what is pending as well and decide what is new. */
struct epoch {
    uint64_t number;
    struct rangeset done, seen, gaps, gaps_seen;
    uint64_t top;    /* highest seq seen */
    uint64_t lowest; /* the gateway still holds from here, says its state; 0: nothing of it */
    bool fresh;      /* the store may have a row of it that is not in memory */
    bool dirty;      /* something pending was not yet flushed */
    size_t pending;
    struct clk_mono born, touched;
    bool say; /* say_low to say_high is to be told in an ack */
    uint64_t say_low, say_high;
};

struct gateway {
    char name[NAME_SIZE], area[NAME_SIZE];
    size_t epoch_count;
    struct epoch *epochs[INGEST_EPOCHS_MAX];
    char confs[INGEST_CONFS_MAX][PACK_CONF_SIZE]; /* known; a ring */
    size_t conf_next;
    bool lists_all;      /* says its state: what it does not list is gone */
    bool online, active; /* active: has a share of the credit */
    bool check_gaps;
    uint64_t running;      /* epoch of its last online state */
    struct clk_mono heard; /* last pack or state */
    struct clk_mono ask_again;

    uint64_t live, live_before; /* epochs of the last live packs */
    unsigned returns;           /* to live_before */
    struct clk_mono returns_until;
    struct clk_mono event_again[EVENT_FOREIGN_NAME + 1];

    uint32_t announced; /* credit in the last ack; 0: none yet */
    uint32_t waiting;   /* of it, for the next batch */
    uint32_t unsaid;    /* of it, committed since the last ack */
    size_t refusals;
    bool due;
    struct clk_mono ack_at, acked;
    struct gateway *next_due;
};

enum entry_type { ENTRY_PACK, ENTRY_REFUSED, ENTRY_GAP, ENTRY_FILLED };

struct entry {
    enum entry_type type;
    struct gateway *gateway;
    struct epoch *epoch;
    uint64_t from, to;
    char reason[PACK_REASON_SIZE]; /* ENTRY_REFUSED */
};

struct refusal {
    struct gateway *gateway;
    uint64_t epoch, seq;
    char reason[PACK_REASON_SIZE];
};

struct ingest {
    struct ingest_limits limits;
    struct ingest_sink sink;
    size_t slots; /* a power of two, at least twice the limit */
    struct gateway **table;
    size_t gateway_count, active_count;
    struct gateway *due_first, *due_last;

    /* head..flushed is at the store, flushed..tail waits for the next batch. */
    struct entry *entries;
    uint64_t head, flushed, tail;
    bool pressed; /* a gateway waits for the next batch with half of its credit */

    size_t refusal_count;
    struct refusal refusals[REFUSALS_MAX];
    struct ingest_counters counters;
};

/* ingest.c */
struct gateway *gateway_find(const struct ingest *g, const char *name);

/* ingest_settle.c */
/* Memory for settling one more entry of the epoch: 0, ERR_FULL (ranges), ERR_NOMEM. */
int epoch_claim(struct epoch *ep, size_t entries);
size_t entries_free(const struct ingest *g);
/* Adds an entry and takes it into the epoch's views; room has been claimed. */
void entry_add(struct ingest *g, const struct entry *entry);
/* Parts of from..to that are neither packs nor gaps: calls each for them, returns their number. */
size_t epoch_holes(const struct epoch *ep, uint64_t from, uint64_t to,
                   int (*each)(void *user, uint64_t from, uint64_t to), void *user);
/* Records the holes in from..to as gaps, as far as there is room: 0 or ERR_FULL, ERR_NOMEM. */
int epoch_lose(struct ingest *g, struct gateway *gw, struct epoch *ep, const struct pack_gap *gap,
               struct clk_utc now);

/* ingest_ack.c */
void ack_say(struct ingest *g, struct gateway *gw, struct epoch *ep, uint64_t from, uint64_t to,
             struct clk_mono at);
void ack_due(struct ingest *g, struct gateway *gw, struct clk_mono at);
void ack_refusal(struct ingest *g, const struct entry *entry);
/* Is n at least half of the gateway's credit? It then soon sends no more. */
bool credit_half(const struct gateway *gw, uint32_t n);
void credit_share(struct ingest *g, struct clk_mono now);

#endif
