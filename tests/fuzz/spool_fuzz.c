/*
 * The spool's decoders take arbitrary bytes: whatever they accept lies inside the input, and
 * nothing crashes. The first byte chooses the decoder; a group is also given a CRC that holds, so
 * that what lies behind the checksum is reached.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/core/spool/spool_format.h"
#include "gateway/core/spool/spool_ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void records(const uint8_t *bytes, size_t n)
{
    struct cursor c;
    struct spool_record r;
    cursor_init(&c, bytes, n);
    while (spool_record_next(&c, &r) == 1)
        assert(r.bytes >= bytes && r.bytes + r.len <= bytes + n);
}

static void group(const uint8_t *bytes, size_t n)
{
    struct spool_group g;
    if (spool_group_open(bytes, n, &g) == 0)
        records(g.payload, g.len);
}

static void sealed_group(const uint8_t *bytes, size_t n)
{
    static uint8_t memory[SPOOL_GROUP_MAX];
    size_t room = SPOOL_GROUP_MAX - SPOOL_GROUP_HEAD;
    struct spool_group g = {.kind = SPOOL_GROUP_DENSE, .segment = 1, .block = 1, .number = 1};
    g.len = (uint32_t)(n < room ? n : room);
    memcpy(memory + SPOOL_GROUP_HEAD, bytes, g.len);
    group(memory, spool_group_seal(memory, sizeof(memory), &g));
}

static void summary(const uint8_t *bytes, size_t n)
{
    static uint8_t block[SPOOL_BLOCK];
    struct spool_summary s;
    memset(block, 0, sizeof(block));
    memcpy(block, bytes, n < sizeof(block) ? n : sizeof(block));
    if (spool_summary_read(block, &s) == 0)
        assert(s.run_count <= SPOOL_RUNS_MAX);
}

static void ledger(const uint8_t *bytes, size_t n)
{
    static char again[SPOOL_STATE_MAX];
    struct spool_ledger *l = malloc(sizeof(*l));
    if (!l)
        return;
    spool_ledger_init(l);
    if (spool_ledger_decode(l, bytes, n) == 0) {
        struct buf b;
        buf_init(&b, again, sizeof(again));
        spool_ledger_encode(l, &b);
        assert(!b.overflow);
    }
    spool_ledger_finish(l);
    free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const decoders[])(const uint8_t *, size_t) = {group, sealed_group, summary,
                                                                ledger, records};
    if (size)
        decoders[data[0] % 5](data + 1, size - 1);
    return 0;
}
