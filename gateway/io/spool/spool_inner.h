/* What spool.c (in, durable, evicted) and spool_out.c (out, acknowledged, told) share. */
#ifndef GATEWAY_IO_SPOOL_SPOOL_INNER_H
#define GATEWAY_IO_SPOOL_SPOOL_INNER_H

#include "gateway/core/spool/spool_tail.h"
#include "gateway/io/spool/spool.h"
#include "gateway/io/spool/spool_disk.h"
#include "gateway/io/spool/spool_journal.h"

struct spool_flight {
    uint64_t epoch, seq;
};

struct spool {
    struct spool_options options;
    struct spool_disk disk;
    struct spool_journal journal;
    struct spool_ledger ledger;
    struct spool_tail tail;
    uint64_t epoch, last_seq, durable;
    struct spool_flight *flights; /* sorted; SPOOL_FLIGHTS_MAX */
    size_t flight_count;
    uint8_t *group; /* SPOOL_GROUP_MAX: the group being written */
    uint8_t *state; /* SPOOL_STATE_MAX */
    bool memory_only;
    bool disk_full;
    unsigned failures; /* commits in a row */
    uint64_t errors, appended, recycled;
    struct err fault;
};

/* Nothing can be made durable now; packs are in memory. */
static inline bool spool_degraded(const struct spool *s)
{
    return s->memory_only || s->failures > 0;
}

/* Walks everything held, oldest first, as runs: those of the segments, then each pack of the tail.
 */
struct spool_walk {
    const struct spool *spool;
    size_t segment, run, record;
};
bool spool_walk_next(struct spool_walk *w, struct spool_run *run);

/* Whatever is not held, acknowledged or in a gap becomes a gap of that cause; packs. */
uint64_t spool_account_holes(struct spool *s, enum spool_cause cause);
/* Packs of that epoch held and not acknowledged. */
uint64_t spool_pending_of(const struct spool *s, uint64_t epoch);
/* Epochs that are over and wholly acknowledged become settled. */
void spool_settle(struct spool *s);

void spool_flight_begin(struct spool *s, uint64_t epoch, uint64_t seq);
bool spool_in_flight(const struct spool *s, uint64_t epoch, uint64_t from, uint64_t to);
void spool_flights_end(struct spool *s, uint64_t epoch, uint64_t from, uint64_t to);

#endif
