/*
 * The bytes of the spool: blocks, groups, records and segment summaries. docs/spool-format.md draws
 * them. Pure: encodes into and decodes from the caller's memory; no file, no clock, no allocation.
 *
 *   segment file  = header block, then groups, each a whole number of 4 KiB blocks
 *   group         = 56-byte head with a CRC32C over head and payload, payload, zeros to the block
 *   payload       = records: packs, and the state of the ledger
 *
 * A group names the segment, the block and the number it was written for, so that what an earlier
 * life of a recycled file left behind, or a write that landed elsewhere, is never taken for data.
 * All integers are little-endian. A decoder refuses whatever does not hold with ERR_CORRUPT.
 */
#ifndef GATEWAY_CORE_SPOOL_SPOOL_FORMAT_H
#define GATEWAY_CORE_SPOOL_SPOOL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clk.h"
#include "model/pack.h"

#define SPOOL_BLOCK       4096u
#define SPOOL_GROUP_HEAD  56u
#define SPOOL_RECORD_HEAD 48u
/* Records of one group without the ledger's state: one pack of the largest size always fits. */
#define SPOOL_RECORDS_MAX (PACK_SIZE_MAX + 8192u)
#define SPOOL_STATE_MAX   (56u * 1024u)
/* The largest group, in bytes on the disk. */
#define SPOOL_GROUP_MAX (132u * 1024u)
/* Runs that fit in a segment's summary; a segment that would need more is closed. */
#define SPOOL_RUNS_MAX 64u

enum spool_record_type { SPOOL_RECORD_PACK = 1, SPOOL_RECORD_STATE = 2 };
enum spool_group_kind { SPOOL_GROUP_DENSE = 1, SPOOL_GROUP_PART = 2 };
enum spool_codec { SPOOL_CODEC_STORED = 0 };

/* One record. Of a state record only bytes and len mean anything. */
struct spool_record {
    enum spool_record_type type;
    enum pack_kind kind;
    uint32_t samples;
    uint64_t epoch, seq;
    struct clk_utc first, last; /* of its samples */
    const uint8_t *bytes;       /* borrowed */
    uint32_t len;
};

struct spool_group {
    enum spool_group_kind kind;
    uint64_t segment; /* 0 in the journal */
    uint32_t block;   /* where it lies, in blocks from the file's start */
    uint64_t number;  /* part: of its series; dense: the series up to this one are not needed */
    uint32_t part;    /* parts of one series count up from 0; 0 in a dense group */
    uint32_t records;
    uint32_t len;           /* of the payload */
    const uint8_t *payload; /* borrowed; decoding only */
};

/* Packs of one epoch that follow each other without a hole. */
struct spool_run {
    uint64_t epoch, from, to;
    uint64_t samples;
    struct clk_utc first, last;
};

/* What a segment's first block says. An open segment has no runs in it yet. */
struct spool_summary {
    uint64_t segment;
    uint32_t size; /* of the file, bytes */
    bool sealed;
    uint32_t blocks_used;
    uint64_t done; /* the series of parts not needed any more when it was sealed */
    uint32_t run_count;
    struct spool_run runs[SPOOL_RUNS_MAX];
};

/* Appends a record; overflow is the buf's. */
void spool_record_put(struct buf *out, const struct spool_record *r);
/* The next record of a payload: 1, 0 at the end, ERR_CORRUPT. r->bytes points into the payload. */
int spool_record_next(struct cursor *payload, struct spool_record *r);

/* Finishes a group whose payload already lies at memory + SPOOL_GROUP_HEAD: writes the head, zeros
 * the padding, returns the padded length. `cap` holds at least that. */
size_t spool_group_seal(uint8_t *memory, size_t cap, const struct spool_group *g);
/* Reads the group at bytes[0], n bytes up to the file's end. 0 or ERR_CORRUPT. Whether segment,
 * block and kind are the expected ones is for the caller, who knows where it read. */
int spool_group_open(const uint8_t *bytes, size_t n, struct spool_group *g);
/* Blocks a payload of len takes, head included. */
uint32_t spool_group_blocks(uint32_t len);

void spool_summary_write(uint8_t block[SPOOL_BLOCK], const struct spool_summary *s);
int spool_summary_read(const uint8_t block[SPOOL_BLOCK], struct spool_summary *s);

#endif
