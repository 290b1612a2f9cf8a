/*
 * The spool: the only durable queue of the system. Packs go in, are made durable group by group,
 * go out newest first, and stay until the collector has acknowledged them and the space is needed.
 *
 * Every pack ever appended is held, acknowledged, or named in a gap. What does not fit is evicted,
 * oldest first, after its gap is durable. Opening never refuses: torn tails are cut, rotten blocks
 * are stepped over and become a gap, and a directory that cannot be used leaves a spool in memory
 * that says so. docs/spool-format.md has the bytes and the reasons.
 *
 * Synchronous and of one thread; io/spool_writer gives it its own. Every call that touches the disk
 * may wait as long as the disk does. Memory is taken at open, and later only when a segment file is
 * added or a batch is taken. One process a directory: the caller sees to it.
 */
#ifndef GATEWAY_IO_SPOOL_SPOOL_H
#define GATEWAY_IO_SPOOL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/err.h"
#include "gateway/core/spool/spool_ledger.h"
#include "io/fsx.h"
#include "model/pack.h"
#include "model/rangeset.h"

#define SPOOL_SEGMENT_DEFAULT  (1024u * 1024u)
#define SPOOL_SEGMENTS_LEAST   3u
#define SPOOL_MEMORY_DEFAULT   (4u * 1024u * 1024u)
#define SPOOL_FLIGHTS_MAX      1024u /* packs handed out at a time */
#define SPOOL_BATCH_PACKS_MAX  256u
#define SPOOL_BATCH_BYTES_MAX  (1024u * 1024u)
#define SPOOL_STATE_EPOCHS_MAX 16u

struct spool;

struct spool_options {
    const struct fsx *fsx; /* NULL: the system's; borrowed for the spool's life */
    const char *dir;       /* made when its parent exists; copied */
    uint64_t size_max;     /* bytes of all segments; at least SPOOL_SEGMENTS_LEAST of them */
    uint32_t segment_size; /* bytes, SPOOL_SEGMENT_MIN..MAX, multiple of 4096; 0: the default */
    uint32_t memory_max;   /* bytes of packs in memory when the disk fails; 0: the default */
    uint32_t flush_size;   /* packs of so many bytes become a dense group; 0: 64 KiB */
    uint32_t (*random)(void *ctx); /* for epochs; NULL: the system's */
    void *random_ctx;
};

/* One pack as it goes in. */
struct spool_pack {
    uint64_t seq; /* of this spool's epoch: 1, 2, 3, ... */
    enum pack_kind kind;
    uint32_t samples;
    struct clk_utc first, last; /* of the samples; both the pack's time when it has none */
    const void *bytes;          /* borrowed during the call */
    uint32_t len;               /* 1..PACK_SIZE_MAX */
    uint64_t gap_mark;          /* the offer of gaps this pack tells; 0: none */
    bool taken;                 /* being sent already: counts as handed out */
};

/* One pack as it comes out. */
struct spool_item {
    uint64_t epoch, seq;
    enum pack_kind kind;
    uint32_t samples;
    struct clk_utc first, last;
    uint32_t len;
    size_t at; /* of its bytes, from the batch's start */
};

struct spool_batch {
    size_t count, bytes;
    struct spool_item items[]; /* newest first; then the bytes. One free() frees it all */
};

struct spool_wish {
    size_t packs;   /* at most SPOOL_BATCH_PACKS_MAX count */
    size_t bytes;   /* at most SPOOL_BATCH_BYTES_MAX; one pack is given even if it is longer */
    uint64_t since; /* only packs of the running epoch from this seq on; 0: any */
    uint64_t tag;   /* the caller's; the writer's answer carries it */
};

struct spool_state {
    uint64_t epoch, last_seq, durable; /* of the running epoch; durable 0: nothing yet */
    size_t epoch_count;                /* oldest first; of more, the newest are listed */
    struct {
        uint64_t epoch, lowest, highest; /* held, acknowledged or not */
    } epochs[SPOOL_STATE_EPOCHS_MAX];
    uint64_t low;                /* lowest seq held of the running epoch; 0: none */
    struct clk_utc oldest;       /* of the samples held; 0: there are none */
    uint64_t bytes, bytes_max;   /* in segments that hold something; of all segments */
    uint64_t held, pending;      /* packs; pending: not acknowledged */
    uint64_t in_flight;          /* packs handed out */
    uint64_t appended, recycled; /* packs since open; recycled: acknowledged, then written over */
    uint64_t errors;             /* failed commits since open */
    uint64_t allocations;        /* files made since open */
    size_t gaps, gaps_untold;    /* open gaps */
    struct spool_totals totals;  /* since the spool was made */
    bool memory_only;            /* the directory was unusable at open */
    bool failing;                /* the last commit failed */
    bool disk_full;              /* the file system had no room for a segment */
    char store[STORE_ID_SIZE];   /* whose acknowledgements it has */
};

/* ERR_INVALID (options, with the text saying which), ERR_NOMEM. A failing directory is no error:
 * it is logged and the spool is in memory only. On return the epoch is durable. */
int spool_open(const struct spool_options *o, struct spool **out, struct err *e);
/* Commits and lets go. NULL is fine. */
void spool_close(struct spool *s);

/* The running epoch: never used before, also not before a crash, a lost card or a wipe. */
uint64_t spool_epoch(const struct spool *s);
const char *spool_store(const struct spool *s);

/* Keeps a copy; it is durable when spool_durable has reached its seq. Makes room when it has to, at
 * the cost of the oldest. ERR_INVALID for a seq that does not follow or a bad length. */
int spool_append(struct spool *s, const struct spool_pack *p);
/* Packs and acknowledgements not yet durable, bytes; 0: a commit has nothing to do. */
size_t spool_uncommitted(const struct spool *s);
/* Makes everything appended durable: one write and one sync. ERR_IO, ERR_FULL (file system):
 * everything is kept in memory and the next commit tries again; spool_fault says why. */
int spool_commit(struct spool *s);
uint64_t spool_durable(const struct spool *s);
/* The highest seq of the running epoch that spool_take gives: the durable ones, and all of them
 * while the disk fails, when arriving is the only safety a pack can get. */
uint64_t spool_takeable(const struct spool *s);
const char *spool_fault(const struct spool *s);

/* Everything in 1..upto (upto 0: nothing) and in the ranges of `also` is committed by the
 * collector. ERR_INVALID when that goes beyond what was appended in the running epoch: nothing is
 * changed then. Of an epoch that is over the collector may know more than is left here. */
int spool_ack(struct spool *s, uint64_t epoch, uint64_t upto, const struct range *also, size_t n);
/* Another store answers: all that is held is pending again, what is not becomes a gap `erased`. */
void spool_forget_acks(struct spool *s, const char *store);

/* Packs neither acknowledged nor handed out, newest first; they count as handed out. NULL when
 * there are none (or no memory). Only durable packs, unless the disk fails. The caller frees it. */
struct spool_batch *spool_take(struct spool *s, const struct spool_wish *wish);
const void *spool_batch_bytes(const struct spool_batch *b, size_t i);
/* Not handed out any more: to be taken again. */
void spool_release(struct spool *s, uint64_t epoch, uint64_t seq);
void spool_release_all(struct spool *s);

/* Gaps that no pack tells yet, for a pack that names `mark`; offered again until one does. */
size_t spool_offer_gaps(struct spool *s, struct spool_gap *out, size_t max, uint64_t *mark);

bool spool_has_untold(const struct spool *s);

/* Lowest seq of that epoch still held; 0 when none is. */
uint64_t spool_low(const struct spool *s, uint64_t epoch);
void spool_get_state(const struct spool *s, struct spool_state *out);

#endif
