/*
 * The spool's tail: the newest packs, in memory and in the form they have on the disk, until they
 * are written as dense groups.
 *
 * Records are contiguous, oldest first; `parted` of them are already durable in the journal. Fixed
 * memory, allocated once. The caller decides what to drop when it is full. One thread.
 */
#ifndef GATEWAY_CORE_SPOOL_SPOOL_TAIL_H
#define GATEWAY_CORE_SPOOL_SPOOL_TAIL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "gateway/core/spool/spool_format.h"

#define SPOOL_TAIL_RECORDS_MAX 8192u

struct spool_tail {
    struct buf bytes;
    struct spool_record *records; /* their bytes point into `bytes`, after the record head */
    size_t count;
    size_t parted; /* the first so many are durable */
};

/* memory_max: bytes for packs and their heads, at least SPOOL_RECORDS_MAX. ERR_NOMEM. */
int spool_tail_init(struct spool_tail *t, size_t memory_max);
void spool_tail_finish(struct spool_tail *t);
/* Copies the record to the end. ERR_FULL. */
int spool_tail_put(struct spool_tail *t, const struct spool_record *r);
/* Lets go of the n oldest. */
void spool_tail_drop(struct spool_tail *t, size_t n);
/* How many records from `from` on fit in `room` bytes with their heads; *len is their length. */
size_t spool_tail_measure(const struct spool_tail *t, size_t from, size_t room, uint32_t *len);
/* The encoded bytes of the record at `from` and all after it. */
const uint8_t *spool_tail_encoded(const struct spool_tail *t, size_t from);

#endif
