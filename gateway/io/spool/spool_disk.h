/*
 * The spool's directory of segment files: found and checked at open, written group by group, read
 * back one whole segment at a time, recycled under a new number.
 *
 * Segments are sorted by number; the last one is open for writing. A group is durable when
 * spool_disk_write returned 0. What a read finds missing against what the segment was known to hold
 * is accounted in the ledger as corrupt. Every error is returned as a code with the errno text in
 * `fault`. One thread. Limits: SPOOL_SEGMENT_RECORDS_MAX packs in a segment; files of another size
 * than configured stay readable and are replaced when their turn comes.
 */
#ifndef GATEWAY_IO_SPOOL_SPOOL_DISK_H
#define GATEWAY_IO_SPOOL_SPOOL_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "gateway/core/spool/spool_format.h"
#include "gateway/core/spool/spool_ledger.h"
#include "io/fsx.h"

#define SPOOL_SEGMENT_MIN         (256u * 1024u)
#define SPOOL_SEGMENT_MAX         (4096u * 1024u)
#define SPOOL_SEGMENT_RECORDS_MAX 8192u

struct spool_segment {
    uint64_t number;
    uint32_t size;       /* of the file, bytes */
    uint32_t next_block; /* after the last group */
    uint32_t records;
    bool sealed;
    bool doubtful;          /* read at open, but not synced since it was written */
    struct spool_run *runs; /* what it holds, oldest first; owned */
    uint32_t run_count, run_capacity;
};

struct spool_disk {
    const struct fsx *fsx;
    int dir;
    int active; /* the last segment's file, -1 when none is open */
    uint32_t segment_size;
    size_t segments_max;
    struct spool_segment *segments; /* room for segments_room */
    size_t count, segments_room;
    uint64_t last_number;  /* highest segment number seen */
    uint64_t done;         /* the highest series of parts that a group made needless */
    uint64_t loaded;       /* number of the segment in image, 0: none */
    uint8_t *image;        /* one segment's bytes */
    uint32_t image_size;   /* of the largest file */
    uint32_t image_blocks; /* read and scanned so far */
    size_t record_count;   /* of the loaded segment */
    struct spool_record *records;
    uint64_t allocations; /* files made since open */
    uint64_t unreadable;  /* 4 KiB blocks that could not be read */
    struct err fault;     /* the last system error, for people */
};

/* Lists the directory (made when missing) and reads every segment's first block; ERR_IO when the
 * directory cannot be used at all, ERR_NOMEM. On failure nothing needs closing. */
int spool_disk_open(struct spool_disk *d, const struct fsx *fsx, const char *path,
                    uint32_t segment_size, size_t segments_max, struct err *e);
/* Scans the segments whose summary does not hold and the newest ones down to a state of the ledger,
 * which replaces what l holds. ERR_NOMEM. */
int spool_disk_recover(struct spool_disk *d, struct spool_ledger *l);
void spool_disk_close(struct spool_disk *d);

/* The longest payload of one group that the open segment still takes; 0 when none is open. */
uint32_t spool_disk_room(const struct spool_disk *d);
/* A group of that payload length and so many records fits in the open segment. */
bool spool_disk_fits(const struct spool_disk *d, uint32_t len, size_t records);
/* Heads and writes a dense group whose payload lies at memory + SPOOL_GROUP_HEAD, and syncs it.
 * number, records (packs) and len are read from g. Needs spool_disk_fits. ERR_IO: nothing is
 * durable. */
int spool_disk_write(struct spool_disk *d, uint8_t *memory, size_t cap,
                     const struct spool_group *g);
/* Writes the open segment's summary: nothing more is added to it. */
void spool_disk_seal(struct spool_disk *d);
/* Opens a new segment. ERR_FULL at segments_max or when the file system is full. */
int spool_disk_create(struct spool_disk *d);
/* Opens a new segment in the place of segments[at], of the configured size, which is gone then.
 * After ERR_IO it may be gone as well, and its file waits for the next start. */
int spool_disk_recycle(struct spool_disk *d, size_t at);
/* Removes segments[at] and its file: of another size, or one too many. */
int spool_disk_remove(struct spool_disk *d, size_t at);
/* Brings segments[at] into image and records. */
int spool_disk_load(struct spool_disk *d, size_t at, struct spool_ledger *l);
/* Lets go of image and records, and gives the system back the memory behind them until the next
 * load. */
void spool_disk_unload(struct spool_disk *d);

#endif
