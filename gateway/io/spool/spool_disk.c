#include "gateway/io/spool/spool_disk.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "io/pages.h"

#define NAME_DIGITS    16
#define SEGMENT_SUFFIX ".seg"
#define SEGMENT_NAME   (NAME_DIGITS + sizeof(SEGMENT_SUFFIX))

static int disk_fault(struct spool_disk *d, int64_t rc, const char *what)
{
    errno = (int)-rc;
    err_set_errno(&d->fault, "%s", what);
    return rc == -ENOSPC ? ERR_FULL : ERR_IO;
}

static void segment_name(uint64_t number, char name[SEGMENT_NAME])
{
    snprintf(name, SEGMENT_NAME, "%016" PRIx64 SEGMENT_SUFFIX, number);
}

/* The number in a segment's file name; 0 for any other name. */
static uint64_t segment_number(const char *name)
{
    if (strlen(name) != SEGMENT_NAME - 1 || strspn(name, "0123456789abcdef") != NAME_DIGITS ||
        strcmp(name + NAME_DIGITS, SEGMENT_SUFFIX) != 0)
        return 0;
    return strtoull(name, NULL, 16);
}

static int segment_open(struct spool_disk *d, uint64_t number, bool create)
{
    char name[SEGMENT_NAME];
    segment_name(number, name);
    return d->fsx->open_file(d->fsx->ctx, d->dir, name, create);
}

static void segment_unlink(struct spool_disk *d, uint64_t number)
{
    char name[SEGMENT_NAME];
    segment_name(number, name);
    d->fsx->unlink(d->fsx->ctx, d->dir, name);
}

/* --- runs --- */

static int runs_reserve(struct spool_segment *s, size_t more)
{
    size_t need = s->run_count + more;
    if (need <= s->run_capacity)
        return 0;
    size_t capacity = s->run_capacity ? s->run_capacity : 4;
    while (capacity < need)
        capacity *= 2;
    struct spool_run *runs = realloc(s->runs, capacity * sizeof(*runs));
    if (!runs)
        return ERR_NOMEM;
    s->runs = runs;
    s->run_capacity = (uint32_t)capacity;
    return 0;
}

/* Adds a pack to what the segment holds: 1, 0 when it is there already, ERR_NOMEM. */
static int runs_add(struct spool_segment *s, const struct spool_record *r)
{
    struct spool_run *last = s->run_count ? &s->runs[s->run_count - 1] : NULL;
    if (last && last->epoch == r->epoch && r->seq <= last->to)
        return 0;
    if (last && last->epoch == r->epoch && r->seq == last->to + 1) {
        last->to = r->seq;
        last->samples += r->samples;
        last->first = r->first.ms < last->first.ms ? r->first : last->first;
        last->last = r->last.ms > last->last.ms ? r->last : last->last;
        return 1;
    }
    if (runs_reserve(s, 1))
        return ERR_NOMEM;
    s->runs[s->run_count++] = (struct spool_run){
        .epoch = r->epoch,
        .from = r->seq,
        .to = r->seq,
        .samples = r->samples,
        .first = r->first,
        .last = r->last,
    };
    return 1;
}

/* --- reading --- */

/* Indexes the packs of a group that lies in the image; hands states to the ledger. */
static int image_index(struct spool_disk *d, struct spool_segment *s, const struct spool_group *g,
                       struct spool_ledger *l)
{
    struct cursor c;
    struct spool_record r;
    cursor_init(&c, g->payload, g->len);
    while (spool_record_next(&c, &r) == 1) {
        if (r.type == SPOOL_RECORD_STATE) {
            if (l && spool_ledger_decode(l, r.bytes, r.len) == ERR_NOMEM)
                return ERR_NOMEM;
            continue;
        }
        if (d->record_count == SPOOL_SEGMENT_RECORDS_MAX)
            break;
        int rc = runs_add(s, &r);
        if (rc < 0)
            return rc;
        if (rc)
            d->records[d->record_count++] = r;
    }
    s->records = (uint32_t)d->record_count;
    return 0;
}

/* Walks the blocks of the image from image_blocks on. A block that begins no group of this segment
 * at this place is stepped over: torn, rotten, or left from an earlier life. */
static int image_scan(struct spool_disk *d, struct spool_segment *s, uint32_t blocks,
                      struct spool_ledger *l)
{
    uint32_t b = d->image_blocks;
    while (b < blocks) {
        struct spool_group g;
        size_t left = (size_t)(blocks - b) * SPOOL_BLOCK;
        if (spool_group_open(d->image + (size_t)b * SPOOL_BLOCK, left, &g) ||
            g.kind != SPOOL_GROUP_DENSE || g.segment != s->number || g.block != b) {
            b++;
            continue;
        }
        int rc = image_index(d, s, &g, l);
        if (rc)
            return rc;
        b += spool_group_blocks(g.len);
        s->next_block = b;
        d->done = g.number > d->done ? g.number : d->done;
    }
    d->image_blocks = blocks;
    return 0;
}

/* A file that cannot be read whole is read block by block; a block that cannot is zeros. */
static void image_read(struct spool_disk *d, int fd, uint32_t size)
{
    if (d->fsx->pread(d->fsx->ctx, fd, d->image, size, 0) == (int64_t)size)
        return;
    for (uint32_t at = 0; at < size; at += SPOOL_BLOCK) {
        int64_t n = d->fsx->pread(d->fsx->ctx, fd, d->image + at, SPOOL_BLOCK, at);
        if (n == SPOOL_BLOCK)
            continue;
        memset(d->image + at, 0, SPOOL_BLOCK);
        d->unreadable++;
    }
}

/* Reads and scans a segment afresh; its runs are then what is really there. With a ledger (at open)
 * states are taken up as well. */
static int segment_scan(struct spool_disk *d, struct spool_segment *s, struct spool_ledger *l)
{
    int fd = segment_open(d, s->number, false);
    if (fd < 0)
        return disk_fault(d, fd, "cannot open a segment for reading");
    image_read(d, fd, s->size);
    /* What a killed process wrote and never synced is read all the same: now it is durable. If
     * not, the journal is not believed to be superseded by it. */
    s->doubtful = l && d->fsx->sync(d->fsx->ctx, fd) < 0;
    uint64_t done = d->done;
    d->fsx->close(d->fsx->ctx, fd);
    s->run_count = 0;
    d->record_count = 0;
    d->image_blocks = 1;
    d->loaded = 0;
    int rc = image_scan(d, s, s->size / SPOOL_BLOCK, l);
    if (!rc)
        d->loaded = s->number;
    if (s->doubtful)
        d->done = done;
    return rc;
}

/* What `believed` says and the segment's runs do not is corrupt. */
static uint64_t account_missing(const struct spool_segment *s, const struct spool_run *believed,
                                struct spool_ledger *l)
{
    struct spool_gap gap = {
        .epoch = believed->epoch,
        .from = believed->from,
        .cause = SPOOL_CORRUPT,
        .first = believed->first,
        .last = believed->last,
    };
    uint64_t lost = 0;
    for (uint32_t i = 0; i < s->run_count && gap.from <= believed->to; i++) {
        const struct spool_run *r = &s->runs[i];
        if (r->epoch != believed->epoch || r->to < gap.from || r->from > believed->to)
            continue;
        gap.to = r->from - 1;
        if (r->from > gap.from)
            lost += spool_ledger_account(l, &gap);
        gap.from = r->to + 1;
    }
    gap.to = believed->to;
    if (gap.from <= gap.to)
        lost += spool_ledger_account(l, &gap);
    return lost;
}

int spool_disk_load(struct spool_disk *d, size_t at, struct spool_ledger *l)
{
    struct spool_segment *s = &d->segments[at];
    if (d->loaded == s->number)
        return 0;
    struct spool_segment before = *s;
    s->runs = NULL;
    s->run_count = s->run_capacity = 0;
    int rc = segment_scan(d, s, NULL);
    if (rc) {
        free(s->runs);
        *s = before;
        return rc;
    }
    uint64_t lost = 0;
    for (uint32_t i = 0; i < before.run_count; i++)
        lost += account_missing(s, &before.runs[i], l);
    if (lost)
        log_error("spool: segment %016" PRIx64 " has lost %" PRIu64
                  " packs to damaged blocks; they are recorded as a gap. If it happens again, "
                  "replace the card",
                  s->number, lost);
    s->next_block = before.next_block;
    free(before.runs);
    return 0;
}

/* --- opening --- */

static int segments_grow(struct spool_disk *d)
{
    if (d->count < d->segments_room)
        return 0;
    size_t room = d->segments_room ? 2 * d->segments_room : 64;
    struct spool_segment *grown = realloc(d->segments, room * sizeof(*grown));
    if (!grown)
        return ERR_NOMEM;
    memset(grown + d->segments_room, 0, (room - d->segments_room) * sizeof(*grown));
    d->segments = grown;
    d->segments_room = room;
    return 0;
}

struct listing {
    struct spool_disk *disk;
    int rc;
};

static void list_each(void *user, const char *name, uint64_t size)
{
    struct listing *listing = user;
    struct spool_disk *d = listing->disk;
    uint64_t number = segment_number(name);
    if (!number || listing->rc)
        return;
    if (number > d->last_number)
        d->last_number = number;
    listing->rc = segments_grow(d);
    if (listing->rc)
        return;
    size = size > SPOOL_SEGMENT_MAX ? SPOOL_SEGMENT_MAX : size;
    struct spool_segment *s = &d->segments[d->count++];
    s->number = number;
    s->size = (uint32_t)(size / SPOOL_BLOCK * SPOOL_BLOCK);
    s->next_block = 1;
    if (s->size > d->image_size)
        d->image_size = s->size;
}

static int by_number(const void *a, const void *b)
{
    const struct spool_segment *x = a;
    const struct spool_segment *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* The segment's first block, when it is whole, the segment's own, and says that it is sealed. */
static bool summary_load(struct spool_disk *d, const struct spool_segment *s,
                         struct spool_summary *summary)
{
    uint8_t block[SPOOL_BLOCK];
    int fd = segment_open(d, s->number, false);
    if (fd < 0)
        return false;
    int64_t n = d->fsx->pread(d->fsx->ctx, fd, block, sizeof(block), 0);
    d->fsx->close(d->fsx->ctx, fd);
    return n == SPOOL_BLOCK && spool_summary_read(block, summary) == 0 && summary->sealed &&
           summary->segment == s->number;
}

/* Takes what a sealed segment's first block says; false when it has to be scanned. */
static bool summary_take(struct spool_disk *d, struct spool_segment *s)
{
    struct spool_summary summary;
    if (!summary_load(d, s, &summary) || runs_reserve(s, summary.run_count))
        return false;
    if (summary.run_count)
        memcpy(s->runs, summary.runs, summary.run_count * sizeof(*s->runs));
    s->run_count = summary.run_count;
    s->next_block = summary.blocks_used;
    s->sealed = true;
    d->done = summary.done > d->done ? summary.done : d->done;
    return true;
}

int spool_disk_open(struct spool_disk *d, const struct fsx *fsx, const char *path,
                    uint32_t segment_size, size_t segments_max, struct err *e)
{
    *d = (struct spool_disk){.fsx = fsx, .active = -1, .image_size = segment_size};
    d->segment_size = segment_size;
    d->segments_max = segments_max;
    d->dir = fsx->open_dir(fsx->ctx, path, true);
    if (d->dir < 0) {
        errno = -d->dir;
        return err_set_errno(e, "spool: cannot use the directory %s", path);
    }
    struct listing listing = {.disk = d};
    int rc = fsx->list(fsx->ctx, d->dir, list_each, &listing);
    if (rc < 0) {
        errno = -rc;
        rc = err_set_errno(e, "spool: cannot list the directory %s", path);
        goto fail;
    }
    rc = listing.rc ? listing.rc : segments_grow(d);
    d->image = malloc(d->image_size);
    d->records = calloc(SPOOL_SEGMENT_RECORDS_MAX, sizeof(*d->records));
    if (rc || !d->image || !d->records) {
        rc = err_set(e, ERR_NOMEM, "spool: no memory for the segments of %s", path);
        goto fail;
    }
    if (d->count)
        qsort(d->segments, d->count, sizeof(*d->segments), by_number);
    return 0;
fail:
    spool_disk_close(d);
    return rc;
}

void spool_disk_close(struct spool_disk *d)
{
    if (d->active >= 0)
        d->fsx->close(d->fsx->ctx, d->active);
    if (d->dir >= 0 && d->fsx)
        d->fsx->close(d->fsx->ctx, d->dir);
    for (size_t i = 0; i < d->segments_room; i++)
        free(d->segments[i].runs);
    free(d->segments);
    free(d->image);
    free(d->records);
    *d = (struct spool_disk){.dir = -1, .active = -1};
}

/* An allocation the power cut off leaves a file that is too short for a group. */
static void drop_stubs(struct spool_disk *d)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->count; i++) {
        struct spool_segment s = d->segments[i];
        if (s.size < 2 * SPOOL_BLOCK) {
            segment_unlink(d, s.number);
            continue;
        }
        d->segments[i] = d->segments[kept];
        d->segments[kept++] = s;
    }
    d->count = kept;
}

int spool_disk_recover(struct spool_disk *d, struct spool_ledger *l)
{
    drop_stubs(d);
    bool state_seen = false;
    for (size_t i = d->count; i-- > 0;) {
        struct spool_segment *s = &d->segments[i];
        if (state_seen && summary_take(d, s))
            continue;
        uint64_t revision = l->revision;
        int rc = segment_scan(d, s, l);
        if (rc == ERR_NOMEM)
            return rc;
        if (rc)
            log_error("spool: segment %016" PRIx64 ": %s; what it held counts as lost", s->number,
                      d->fault.text);
        state_seen = state_seen || l->revision > revision;
        s->sealed = true;
    }
    /* A summary on the disk is final: adding to its segment would make it a lie. */
    struct spool_segment *newest = d->count ? &d->segments[d->count - 1] : NULL;
    struct spool_summary summary;
    if (!newest || newest->size != d->segment_size || summary_load(d, newest, &summary))
        return 0;
    d->active = segment_open(d, newest->number, false);
    newest->sealed = d->active < 0;
    return 0;
}

void spool_disk_unload(struct spool_disk *d)
{
    if (d->loaded == 0)
        return;
    d->loaded = 0;
    d->record_count = 0;
    pages_give_back(d->image, d->image_size);
    pages_give_back(d->records, SPOOL_SEGMENT_RECORDS_MAX * sizeof(*d->records));
}

/* --- writing --- */

static struct spool_segment *active_segment(const struct spool_disk *d)
{
    return d->active >= 0 && d->count ? &d->segments[d->count - 1] : NULL;
}

uint32_t spool_disk_room(const struct spool_disk *d)
{
    const struct spool_segment *s = active_segment(d);
    if (!s || s->sealed)
        return 0;
    uint32_t left = s->size - s->next_block * SPOOL_BLOCK;
    left = left < SPOOL_GROUP_MAX ? left : SPOOL_GROUP_MAX;
    return left > SPOOL_GROUP_HEAD ? left - SPOOL_GROUP_HEAD : 0;
}

bool spool_disk_fits(const struct spool_disk *d, uint32_t len, size_t records)
{
    const struct spool_segment *s = active_segment(d);
    return s && !s->sealed && s->run_count < SPOOL_RUNS_MAX &&
           s->records + records <= SPOOL_SEGMENT_RECORDS_MAX &&
           s->next_block + spool_group_blocks(len) <= s->size / SPOOL_BLOCK;
}

static int write_header(struct spool_disk *d, const struct spool_segment *s, bool sealed)
{
    uint8_t block[SPOOL_BLOCK];
    struct spool_summary summary = {
        .segment = s->number,
        .size = s->size,
        .sealed = sealed,
        .blocks_used = s->next_block,
        .done = d->done,
    };
    if (sealed) {
        summary.run_count = s->run_count;
        memcpy(summary.runs, s->runs, s->run_count * sizeof(*s->runs));
    }
    spool_summary_write(block, &summary);
    int64_t n = d->fsx->pwrite(d->fsx->ctx, d->active, block, sizeof(block), 0);
    return n == SPOOL_BLOCK ? 0 : disk_fault(d, n < 0 ? n : -EIO, "cannot write a segment's head");
}

/* The group is on the disk: what the segment holds, and the image if it is this one, grow by it. */
static void note_written(struct spool_disk *d, struct spool_segment *s, const uint8_t *bytes,
                         const struct spool_group *g)
{
    uint32_t blocks = spool_group_blocks(g->len);
    uint32_t at = s->next_block;
    if (d->loaded == s->number) {
        memcpy(d->image + (size_t)at * SPOOL_BLOCK, bytes, (size_t)blocks * SPOOL_BLOCK);
        d->image_blocks = at;
        int rc = image_scan(d, s, at + blocks, NULL);
        assert(rc == 0); /* runs were reserved, nothing else can fail */
        return;
    }
    struct cursor c;
    struct spool_record r;
    cursor_init(&c, bytes + SPOOL_GROUP_HEAD, g->len);
    while (spool_record_next(&c, &r) == 1)
        if (r.type == SPOOL_RECORD_PACK && runs_add(s, &r) == 1)
            s->records++;
    s->next_block = at + blocks;
    d->done = g->number > d->done ? g->number : d->done;
}

int spool_disk_write(struct spool_disk *d, uint8_t *memory, size_t cap, const struct spool_group *g)
{
    struct spool_segment *s = active_segment(d);
    assert(s && spool_disk_fits(d, g->len, g->records));
    struct spool_group placed = *g;
    placed.kind = SPOOL_GROUP_DENSE;
    placed.segment = s->number;
    placed.block = s->next_block;
    size_t len = spool_group_seal(memory, cap, &placed);
    if (runs_reserve(s, g->records))
        return ERR_NOMEM;
    int rc = s->next_block == 1 ? write_header(d, s, false) : 0;
    if (rc)
        return rc;
    int64_t n =
        d->fsx->pwrite(d->fsx->ctx, d->active, memory, len, (uint64_t)placed.block * SPOOL_BLOCK);
    if (n != (int64_t)len)
        return disk_fault(d, n < 0 ? n : -EIO, "cannot write to a segment");
    n = d->fsx->sync(d->fsx->ctx, d->active);
    if (n < 0)
        return disk_fault(d, n, "cannot sync a segment");
    note_written(d, s, memory, &placed);
    return 0;
}

/* A summary that is torn, or never arrives, only costs a scan at the next open: no sync. */
void spool_disk_seal(struct spool_disk *d)
{
    struct spool_segment *s = active_segment(d);
    if (!s || s->sealed)
        return;
    s->sealed = true;
    if (s->run_count <= SPOOL_RUNS_MAX)
        (void)write_header(d, s, true);
}

/* Makes `fd` the open segment, numbered next. */
static void segment_begin(struct spool_disk *d, int fd, struct spool_segment fresh)
{
    if (d->active >= 0)
        d->fsx->close(d->fsx->ctx, d->active);
    d->active = fd;
    fresh.number = ++d->last_number;
    fresh.size = d->segment_size;
    fresh.next_block = 1;
    fresh.records = fresh.run_count = 0;
    fresh.sealed = fresh.doubtful = false;
    d->segments[d->count++] = fresh;
}

int spool_disk_create(struct spool_disk *d)
{
    if (d->count >= d->segments_max)
        return ERR_FULL;
    if (segments_grow(d))
        return ERR_NOMEM;
    int fd = segment_open(d, d->last_number + 1, true);
    if (fd < 0)
        return disk_fault(d, fd, "cannot make a segment");
    int rc = d->fsx->allocate(d->fsx->ctx, fd, d->segment_size);
    if (!rc)
        rc = d->fsx->sync(d->fsx->ctx, fd);
    if (!rc)
        rc = d->fsx->sync_dir(d->fsx->ctx, d->dir);
    if (rc < 0) {
        d->fsx->close(d->fsx->ctx, fd);
        segment_unlink(d, d->last_number + 1);
        return disk_fault(d, rc, "cannot allocate a segment");
    }
    d->allocations++;
    segment_begin(d, fd, d->segments[d->count]);
    return 0;
}

/* Takes segments[at] out of the list; its runs' memory goes to the slot after the last. */
static void segment_forget(struct spool_disk *d, size_t at)
{
    struct spool_segment gone = d->segments[at];
    if (d->loaded == gone.number)
        d->loaded = 0;
    d->count--;
    memmove(&d->segments[at], &d->segments[at + 1], (d->count - at) * sizeof(gone));
    d->segments[d->count] = gone;
}

int spool_disk_remove(struct spool_disk *d, size_t at)
{
    segment_unlink(d, d->segments[at].number);
    segment_forget(d, at);
    int rc = d->fsx->sync_dir(d->fsx->ctx, d->dir);
    return rc < 0 ? disk_fault(d, rc, "cannot remove a segment") : 0;
}

int spool_disk_recycle(struct spool_disk *d, size_t at)
{
    assert(d->segments[at].size == d->segment_size);
    char from[SEGMENT_NAME];
    char to[SEGMENT_NAME];
    segment_name(d->segments[at].number, from);
    segment_name(d->last_number + 1, to);
    int rc = d->fsx->rename(d->fsx->ctx, d->dir, from, to);
    if (rc < 0)
        return disk_fault(d, rc, "cannot rename a segment");
    segment_forget(d, at);
    rc = d->fsx->sync_dir(d->fsx->ctx, d->dir);
    int fd = rc < 0 ? rc : segment_open(d, d->last_number + 1, false);
    if (fd < 0)
        return disk_fault(d, fd, "cannot reuse a segment");
    segment_begin(d, fd, d->segments[d->count]);
    return 0;
}
