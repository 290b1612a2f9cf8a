#include "gateway/core/spool/spool_format.h"

#include <assert.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/err.h"

/* The high bytes never occur in UTF-8, so the text of a pack cannot look like a group. */
#define GROUP_MAGIC   0xf1c5f0f5u
#define SUMMARY_MAGIC 0xf1c5f0f6u
#define VERSION       1u
#define SEQ_MAX       ((uint64_t)INT64_MAX)

#define GROUP_CRC_AT   (SPOOL_GROUP_HEAD - 4u)
#define SUMMARY_CRC_AT (SPOOL_BLOCK - 4u)

static_assert(SPOOL_RECORD_HEAD + PACK_SIZE_MAX <= SPOOL_RECORDS_MAX, "the largest pack fits");
static_assert(SPOOL_GROUP_HEAD + SPOOL_RECORDS_MAX + SPOOL_RECORD_HEAD + SPOOL_STATE_MAX <=
                  SPOOL_GROUP_MAX,
              "records and state fit");
static_assert(40 + SPOOL_RUNS_MAX * 48 <= SUMMARY_CRC_AT, "the runs fit in the header block");

static void put_le32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t get_le32(const uint8_t *at)
{
    struct cursor c;
    cursor_init(&c, at, 4);
    return cursor_le32(&c);
}

static struct clk_utc take_utc(struct cursor *c)
{
    return (struct clk_utc){(int64_t)cursor_le64(c)};
}

void spool_record_put(struct buf *out, const struct spool_record *r)
{
    size_t start = out->len;
    buf_char(out, (char)r->type);
    buf_char(out, (char)r->kind);
    buf_le16(out, 0);
    buf_le32(out, r->len);
    buf_le32(out, r->samples);
    buf_le32(out, 0);
    buf_le64(out, r->epoch);
    buf_le64(out, r->seq);
    buf_le64(out, (uint64_t)r->first.ms);
    buf_le64(out, (uint64_t)r->last.ms);
    buf_put(out, r->bytes, r->len);
    if (out->overflow)
        out->len = start;
}

static bool record_holds(const struct spool_record *r)
{
    if (!r->bytes)
        return false;
    if (r->type == SPOOL_RECORD_STATE)
        return r->len <= SPOOL_STATE_MAX;
    return r->type == SPOOL_RECORD_PACK && r->len <= PACK_SIZE_MAX && r->kind <= PACK_DESCRIPTION &&
           r->epoch >= 1 && r->epoch <= SEQ_MAX && r->seq >= 1 && r->seq <= SEQ_MAX;
}

int spool_record_next(struct cursor *payload, struct spool_record *r)
{
    if (cursor_left(payload) == 0)
        return 0;
    r->type = cursor_u8(payload);
    r->kind = cursor_u8(payload);
    cursor_le16(payload);
    r->len = cursor_le32(payload);
    r->samples = cursor_le32(payload);
    cursor_le32(payload);
    r->epoch = cursor_le64(payload);
    r->seq = cursor_le64(payload);
    r->first = take_utc(payload);
    r->last = take_utc(payload);
    r->bytes = cursor_bytes(payload, r->len);
    return !payload->underflow && record_holds(r) ? 1 : ERR_CORRUPT;
}

uint32_t spool_group_blocks(uint32_t len)
{
    return (SPOOL_GROUP_HEAD + len + SPOOL_BLOCK - 1) / SPOOL_BLOCK;
}

static uint32_t group_crc(const uint8_t *bytes, uint32_t len)
{
    return crc32c(crc32c(0, bytes, GROUP_CRC_AT), bytes + SPOOL_GROUP_HEAD, len);
}

size_t spool_group_seal(uint8_t *memory, size_t cap, const struct spool_group *g)
{
    size_t padded = (size_t)spool_group_blocks(g->len) * SPOOL_BLOCK;
    assert(padded <= cap && padded <= SPOOL_GROUP_MAX);
    struct buf head;
    buf_init(&head, memory, GROUP_CRC_AT);
    buf_le32(&head, GROUP_MAGIC);
    buf_char(&head, (char)VERSION);
    buf_char(&head, (char)SPOOL_CODEC_STORED);
    buf_char(&head, (char)g->kind);
    buf_char(&head, 0);
    buf_le64(&head, g->segment);
    buf_le64(&head, g->number);
    buf_le32(&head, g->block);
    buf_le32(&head, g->part);
    buf_le32(&head, g->records);
    buf_le32(&head, g->len);
    buf_le32(&head, g->len); /* length before the codec */
    buf_le64(&head, 0);
    assert(!head.overflow && head.len == GROUP_CRC_AT);
    put_le32(memory + GROUP_CRC_AT, group_crc(memory, g->len));
    memset(memory + SPOOL_GROUP_HEAD + g->len, 0, padded - SPOOL_GROUP_HEAD - g->len);
    return padded;
}

int spool_group_open(const uint8_t *bytes, size_t n, struct spool_group *g)
{
    struct cursor c;
    cursor_init(&c, bytes, n);
    if (cursor_le32(&c) != GROUP_MAGIC || cursor_u8(&c) != VERSION)
        return ERR_CORRUPT;
    uint8_t codec = cursor_u8(&c);
    g->kind = cursor_u8(&c);
    cursor_u8(&c);
    g->segment = cursor_le64(&c);
    g->number = cursor_le64(&c);
    g->block = cursor_le32(&c);
    g->part = cursor_le32(&c);
    g->records = cursor_le32(&c);
    g->len = cursor_le32(&c);
    g->payload = bytes + SPOOL_GROUP_HEAD;
    if (c.underflow || codec != SPOOL_CODEC_STORED || g->len > SPOOL_GROUP_MAX - SPOOL_GROUP_HEAD ||
        (size_t)spool_group_blocks(g->len) * SPOOL_BLOCK > n)
        return ERR_CORRUPT;
    return group_crc(bytes, g->len) == get_le32(bytes + GROUP_CRC_AT) ? 0 : ERR_CORRUPT;
}

void spool_summary_write(uint8_t block[SPOOL_BLOCK], const struct spool_summary *s)
{
    assert(s->run_count <= SPOOL_RUNS_MAX);
    memset(block, 0, SPOOL_BLOCK);
    struct buf b;
    buf_init(&b, block, SUMMARY_CRC_AT);
    buf_le32(&b, SUMMARY_MAGIC);
    buf_char(&b, (char)VERSION);
    buf_char(&b, s->sealed);
    buf_le16(&b, 0);
    buf_le64(&b, s->segment);
    buf_le32(&b, s->size);
    buf_le32(&b, s->blocks_used);
    buf_le64(&b, s->done);
    buf_le32(&b, s->run_count);
    buf_le32(&b, 0);
    for (uint32_t i = 0; i < s->run_count; i++) {
        const struct spool_run *r = &s->runs[i];
        buf_le64(&b, r->epoch);
        buf_le64(&b, r->from);
        buf_le64(&b, r->to);
        buf_le64(&b, r->samples);
        buf_le64(&b, (uint64_t)r->first.ms);
        buf_le64(&b, (uint64_t)r->last.ms);
    }
    assert(!b.overflow);
    put_le32(block + SUMMARY_CRC_AT, crc32c(0, block, SUMMARY_CRC_AT));
}

static bool run_holds(const struct spool_run *r)
{
    return r->epoch >= 1 && r->epoch <= SEQ_MAX && r->from >= 1 && r->from <= r->to &&
           r->to <= SEQ_MAX;
}

int spool_summary_read(const uint8_t block[SPOOL_BLOCK], struct spool_summary *s)
{
    if (crc32c(0, block, SUMMARY_CRC_AT) != get_le32(block + SUMMARY_CRC_AT))
        return ERR_CORRUPT;
    struct cursor c;
    cursor_init(&c, block, SUMMARY_CRC_AT);
    if (cursor_le32(&c) != SUMMARY_MAGIC || cursor_u8(&c) != VERSION)
        return ERR_CORRUPT;
    s->sealed = cursor_u8(&c) != 0;
    cursor_le16(&c);
    s->segment = cursor_le64(&c);
    s->size = cursor_le32(&c);
    s->blocks_used = cursor_le32(&c);
    s->done = cursor_le64(&c);
    s->run_count = cursor_le32(&c);
    cursor_le32(&c);
    if (s->run_count > SPOOL_RUNS_MAX || s->blocks_used > s->size / SPOOL_BLOCK)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < s->run_count; i++) {
        struct spool_run *r = &s->runs[i];
        r->epoch = cursor_le64(&c);
        r->from = cursor_le64(&c);
        r->to = cursor_le64(&c);
        r->samples = cursor_le64(&c);
        r->first = take_utc(&c);
        r->last = take_utc(&c);
        if (!run_holds(r))
            return ERR_CORRUPT;
    }
    return 0;
}
