#include "gateway/io/spool/spool_journal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define JOURNAL_NAME "journal"
#define SLOT_BLOCKS                                                                                \
    ((SPOOL_GROUP_HEAD + SPOOL_RECORD_HEAD + SPOOL_STATE_MAX + SPOOL_BLOCK - 1) / SPOOL_BLOCK)
#define RING_AT (2 * SLOT_BLOCKS)

static_assert(SPOOL_JOURNAL_MIN / SPOOL_BLOCK >= RING_AT + SPOOL_GROUP_MAX / SPOOL_BLOCK,
              "the ring holds the largest group");

static int journal_fault(struct spool_journal *j, int64_t rc, const char *what)
{
    errno = (int)-rc;
    err_set_errno(&j->fault, "%s", what);
    return rc == -ENOSPC ? ERR_FULL : ERR_IO;
}

/* A journal that is there already is not touched before it has been replayed. */
static int journal_allocate(struct spool_journal *j, int dir, int fd)
{
    const struct fsx *fsx = j->fsx;
    uint8_t last[SPOOL_BLOCK];
    uint64_t at = (uint64_t)(j->blocks - 1) * SPOOL_BLOCK;
    if (fsx->pread(fsx->ctx, fd, last, sizeof(last), at) == SPOOL_BLOCK)
        return 0;
    int rc = fsx->allocate(fsx->ctx, fd, (uint64_t)j->blocks * SPOOL_BLOCK);
    if (rc >= 0)
        rc = fsx->sync(fsx->ctx, fd);
    return rc < 0 ? rc : fsx->sync_dir(fsx->ctx, dir);
}

int spool_journal_open(struct spool_journal *j, const struct fsx *fsx, int dir, uint32_t size)
{
    *j = (struct spool_journal){.fsx = fsx, .fd = -1, .at = RING_AT, .number = 1};
    j->blocks = size / SPOOL_BLOCK;
    int fd = fsx->open_file(fsx->ctx, dir, JOURNAL_NAME, true);
    if (fd < 0)
        return journal_fault(j, fd, "cannot open the journal");
    int rc = journal_allocate(j, dir, fd);
    if (rc < 0) {
        fsx->close(fsx->ctx, fd);
        return journal_fault(j, rc, "cannot allocate the journal");
    }
    j->fd = fd;
    return 0;
}

void spool_journal_close(struct spool_journal *j)
{
    if (j->fsx && j->fd >= 0)
        j->fsx->close(j->fsx->ctx, j->fd);
    *j = (struct spool_journal){.fd = -1};
}

/* --- replay --- */

static int by_part(const void *a, const void *b)
{
    const struct spool_group *x = a;
    const struct spool_group *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (x->part > y->part) - (x->part < y->part);
}

/* All groups that hold, by their place; a block that begins none is stepped over. */
static size_t find_groups(const struct spool_journal *j, const uint8_t *bytes,
                          struct spool_group *groups)
{
    size_t n = 0;
    for (uint32_t b = 0; b < j->blocks;) {
        struct spool_group *g = &groups[n];
        size_t left = (size_t)(j->blocks - b) * SPOOL_BLOCK;
        if (spool_group_open(bytes + (size_t)b * SPOOL_BLOCK, left, g) ||
            g->kind != SPOOL_GROUP_PART || g->segment != 0 || g->block != b) {
            b++;
            continue;
        }
        b += spool_group_blocks(g->len);
        n++;
    }
    return n;
}

/* Goes on after the last part that is needed; everything from the first one on is. */
static void ring_resume(struct spool_journal *j, const struct spool_group *first,
                        const struct spool_group *last)
{
    uint32_t ring = j->blocks - RING_AT;
    j->at = last->block + spool_group_blocks(last->len);
    j->used = j->at > first->block ? j->at - first->block : j->at + ring - first->block;
    j->number = last->number;
    j->part = last->part + 1;
}

static int replay_groups(struct spool_journal *j, struct spool_group *groups, size_t n,
                         uint64_t done, int (*each)(void *, const struct spool_group *), void *user)
{
    const struct spool_group *first = NULL;
    int rc = 0;
    qsort(groups, n, sizeof(*groups), by_part);
    j->number = done + 1;
    for (size_t i = 0; i < n && !rc; i++) {
        const struct spool_group *g = &groups[i];
        if (g->block < RING_AT) {
            j->state = g->part + 1; /* the last one is the newest, and the next goes elsewhere */
            j->slot = g->block == 0;
        } else if (g->number > done) {
            first = first ? first : g;
            ring_resume(j, first, g);
        } else {
            continue;
        }
        rc = each(user, g);
    }
    return rc;
}

int spool_journal_replay(struct spool_journal *j, uint64_t done,
                         int (*each)(void *user, const struct spool_group *g), void *user)
{
    size_t size = (size_t)j->blocks * SPOOL_BLOCK;
    uint8_t *bytes = calloc(1, size);
    struct spool_group *groups = calloc(j->blocks, sizeof(*groups));
    int rc = ERR_NOMEM;
    if (!bytes || !groups)
        goto out;
    if (j->fsx->pread(j->fsx->ctx, j->fd, bytes, size, 0) != (int64_t)size)
        for (uint32_t b = 0; b < j->blocks; b++) {
            uint8_t *block = bytes + (size_t)b * SPOOL_BLOCK;
            if (j->fsx->pread(j->fsx->ctx, j->fd, block, SPOOL_BLOCK, (uint64_t)b * SPOOL_BLOCK) !=
                SPOOL_BLOCK)
                memset(block, 0, SPOOL_BLOCK);
        }
    rc = replay_groups(j, groups, find_groups(j, bytes, groups), done, each, user);
out:
    free(bytes);
    free(groups);
    return rc;
}

/* --- writing --- */

static int write_group(struct spool_journal *j, uint8_t *memory, size_t cap,
                       const struct spool_group *g)
{
    size_t len = spool_group_seal(memory, cap, g);
    int64_t n = j->fsx->pwrite(j->fsx->ctx, j->fd, memory, len, (uint64_t)g->block * SPOOL_BLOCK);
    if (n != (int64_t)len)
        return journal_fault(j, n < 0 ? n : -EIO, "cannot write to the journal");
    n = j->fsx->sync(j->fsx->ctx, j->fd);
    return n < 0 ? journal_fault(j, n, "cannot sync the journal") : 0;
}

int spool_journal_write_part(struct spool_journal *j, uint8_t *memory, size_t cap, uint32_t len,
                             uint32_t records)
{
    if (j->fd < 0)
        return ERR_FULL;
    uint32_t need = spool_group_blocks(len);
    bool wraps = j->at + need > j->blocks; /* a group does not: it begins again at the front */
    uint32_t skip = wraps ? j->blocks - j->at : 0;
    if (j->used + skip + need > j->blocks - RING_AT)
        return ERR_FULL;
    struct spool_group g = {
        .kind = SPOOL_GROUP_PART,
        .block = wraps ? RING_AT : j->at,
        .number = j->number,
        .part = j->part,
        .records = records,
        .len = len,
    };
    int rc = write_group(j, memory, cap, &g);
    if (rc)
        return rc;
    j->at = g.block + need;
    j->used += skip + need;
    j->part++;
    return 0;
}

int spool_journal_write_state(struct spool_journal *j, uint8_t *memory, size_t cap, uint32_t len)
{
    if (j->fd < 0)
        return ERR_IO;
    struct spool_group g = {
        .kind = SPOOL_GROUP_PART,
        .block = j->slot * SLOT_BLOCKS,
        .part = j->state,
        .len = len,
    };
    assert(spool_group_blocks(len) <= SLOT_BLOCKS);
    int rc = write_group(j, memory, cap, &g);
    if (rc)
        return rc;
    j->slot = !j->slot;
    j->state++;
    return 0;
}

void spool_journal_turn(struct spool_journal *j)
{
    j->number++;
    j->part = 0;
}

void spool_journal_reset(struct spool_journal *j)
{
    j->used = 0;
    spool_journal_turn(j);
}
