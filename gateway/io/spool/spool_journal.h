/*
 * The spool's journal: one preallocated file where a small group is made durable at each sync,
 * until enough has come together for a dense group in a segment. After that it is written over.
 *
 *   | state slot A | state slot B | ring of parts ...................................... |
 *
 * So a segment wastes no padding, a durable block is never rewritten while it is needed, and the
 * ledger's state can always be made durable, before something it speaks of is erased. One thread.
 */
#ifndef GATEWAY_IO_SPOOL_SPOOL_JOURNAL_H
#define GATEWAY_IO_SPOOL_SPOOL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "gateway/core/spool/spool_format.h"
#include "io/fsx.h"

#define SPOOL_JOURNAL_MIN (256u * 1024u)

struct spool_journal {
    const struct fsx *fsx;
    int fd;
    uint32_t blocks; /* of the file */
    uint32_t at;     /* where the next part goes */
    uint32_t used;   /* blocks up to `at` that are still needed */
    uint64_t number; /* of the running series of parts */
    uint32_t part;   /* the next one's */
    unsigned slot;   /* of the next state */
    uint32_t state;  /* states count up, so that the newer slot is known */
    struct err fault;
};

/* Opens or makes the file in an open directory. ERR_IO, ERR_FULL: the journal is then unusable and
 * every commit writes a dense group. */
int spool_journal_open(struct spool_journal *j, const struct fsx *fsx, int dir, uint32_t size);
void spool_journal_close(struct spool_journal *j);

/* Reads the file and hands out every state, then in their order the parts of series after `done`,
 * which the journal goes on to keep. ERR_IO, ERR_NOMEM, or what `each` returned. */
int spool_journal_replay(struct spool_journal *j, uint64_t done,
                         int (*each)(void *user, const struct spool_group *g), void *user);

/* Both take a payload that lies at memory + SPOOL_GROUP_HEAD and make it durable. ERR_FULL when the
 * ring is full (a state always has room), ERR_IO: nothing is durable. */
int spool_journal_write_part(struct spool_journal *j, uint8_t *memory, size_t cap, uint32_t len,
                             uint32_t records);
int spool_journal_write_state(struct spool_journal *j, uint8_t *memory, size_t cap, uint32_t len);
/* All parts are in dense groups: their room is free, and a new series begins. */
void spool_journal_reset(struct spool_journal *j);
/* A dense group failed: a new series begins, so that the group, should it be found on the disk all
 * the same, speaks only for the parts that are in it. Their room stays taken. */
void spool_journal_turn(struct spool_journal *j);

#endif
