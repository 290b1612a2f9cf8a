/*
 * The spool's ledger: what the collector has acknowledged, and what is gone without it.
 *
 * Every pack that was ever in the spool is held, acknowledged, or inside a gap; the ledger keeps
 * the last two. An epoch that is over and wholly acknowledged becomes one number in `settled`, so a
 * gateway that restarts ten thousand times needs no more memory than one that never does.
 *
 * A gap leaves the table only when the pack that told it is acknowledged, so it cannot be lost by
 * evicting that pack. The table holds 256; then the two nearest of one epoch become one.
 * PROTOCOL: a gap yields to data, so a gap that says too much is harmless, one that says too little
 * is not. Pure and bounded; allocates only while its range sets grow. One thread.
 */
#ifndef GATEWAY_CORE_SPOOL_SPOOL_LEDGER_H
#define GATEWAY_CORE_SPOOL_SPOOL_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clk.h"
#include "model/message.h"
#include "model/rangeset.h"

#define SPOOL_ACKS_MAX       32  /* epochs acknowledged in part */
#define SPOOL_ACK_RANGES_MAX 64  /* ranges of each */
#define SPOOL_SETTLED_MAX    256 /* ranges of epochs acknowledged wholly */
#define SPOOL_GAPS_MAX       256
#define SPOOL_GAPS_OFFER_MAX 128 /* gaps in one offer; as records they fit in one pack */

enum spool_cause { SPOOL_EVICTED, SPOOL_CORRUPT, SPOOL_ERASED };

struct spool_gap {
    uint64_t epoch, from, to; /* inclusive */
    enum spool_cause cause;
    struct clk_utc first, last;
    uint64_t count;                /* samples; 0 when unknown */
    uint64_t mark;                 /* the offer it was last in; 0: none */
    uint64_t told_epoch, told_seq; /* the pack that tells it; 0: none yet */
};

/* Since the spool was made; they survive restarts. */
struct spool_totals {
    uint64_t evicted_packs, evicted_samples;
    uint64_t corrupt_packs;
    uint64_t erased_packs;
};

struct spool_acks {
    uint64_t epoch;
    struct rangeset acked;
};

struct spool_ledger {
    char store[STORE_ID_SIZE]; /* whose acknowledgements these are; empty: nobody's yet */
    uint64_t counter;          /* highest epoch counter ever used (epoch >> 32) */
    struct rangeset settled;   /* of epoch counters */
    struct spool_acks acks[SPOOL_ACKS_MAX];
    size_t ack_count;
    struct spool_gap gaps[SPOOL_GAPS_MAX]; /* sorted by (epoch, from), disjoint */
    size_t gap_count;
    struct spool_totals totals;
    uint64_t last_mark;
    uint64_t revision;     /* of the state last encoded: the newest one found is the true one */
    uint64_t refused_acks; /* had no room; resending heals it */
    bool dirty;            /* differs from what was last encoded; the owner clears it */
};

const char *spool_cause_name(enum spool_cause cause); /* "evicted" "corrupt" "erased" */

void spool_ledger_init(struct spool_ledger *l);
void spool_ledger_finish(struct spool_ledger *l);

/* Packs from..to of that epoch are committed. Gaps told by one of them are done; so are untold gaps
 * wholly inside. 0, or ERR_FULL / ERR_NOMEM, counted, with nothing changed but the gaps. */
int spool_ledger_ack(struct spool_ledger *l, uint64_t epoch, uint64_t from, uint64_t to);
bool spool_ledger_acked(const struct spool_ledger *l, uint64_t epoch, uint64_t seq);
/* How many of from..to are acknowledged. */
uint64_t spool_ledger_acked_in(const struct spool_ledger *l, uint64_t epoch, uint64_t from,
                               uint64_t to);
/* That epoch is over and all of it acknowledged or gone. */
void spool_ledger_settle(struct spool_ledger *l, uint64_t epoch);
/* Another store answers: nothing is acknowledged any more. Totals and gaps stay. */
void spool_ledger_forget(struct spool_ledger *l, const char *store);

/* Whatever of the gap's range is neither acknowledged nor in a gap already becomes one, and what
 * those packs told is untold; returns how many packs that were. `gap->count` is kept when the whole
 * range is new, else it is unknown. */
uint64_t spool_ledger_account(struct spool_ledger *l, const struct spool_gap *gap);
/* Copies at most max untold gaps to out under a new mark; returns how many. */
size_t spool_ledger_offer(struct spool_ledger *l, struct spool_gap *out, size_t max,
                          uint64_t *mark);
/* The gaps still under that mark are told by that pack. */
void spool_ledger_told(struct spool_ledger *l, uint64_t mark, uint64_t epoch, uint64_t seq);
/* The packs from..to of that epoch are not there: what they told is untold. */
void spool_ledger_untell(struct spool_ledger *l, uint64_t epoch, uint64_t from, uint64_t to);
size_t spool_ledger_untold(const struct spool_ledger *l);

/* At most SPOOL_STATE_MAX bytes, under the next revision; overflow is the buf's. */
void spool_ledger_encode(struct spool_ledger *l, struct buf *out);
/* Replaces what the ledger holds by a state of a later revision; an older one changes nothing.
 * After ERR_CORRUPT or ERR_NOMEM the ledger is empty. */
int spool_ledger_decode(struct spool_ledger *l, const void *bytes, size_t len);

#endif
