#include "gateway/core/spool/spool_tail.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int spool_tail_init(struct spool_tail *t, size_t memory_max)
{
    *t = (struct spool_tail){0};
    void *memory = malloc(memory_max);
    t->records = calloc(SPOOL_TAIL_RECORDS_MAX, sizeof(*t->records));
    if (!memory || !t->records) {
        free(memory);
        free(t->records);
        t->records = NULL;
        return ERR_NOMEM;
    }
    buf_init(&t->bytes, memory, memory_max);
    return 0;
}

void spool_tail_finish(struct spool_tail *t)
{
    free(t->bytes.data);
    free(t->records);
    *t = (struct spool_tail){0};
}

int spool_tail_put(struct spool_tail *t, const struct spool_record *r)
{
    if (t->count == SPOOL_TAIL_RECORDS_MAX)
        return ERR_FULL;
    size_t start = t->bytes.len;
    spool_record_put(&t->bytes, r);
    if (t->bytes.overflow) {
        buf_rewind(&t->bytes, start);
        return ERR_FULL;
    }
    t->records[t->count] = *r;
    t->records[t->count++].bytes = (const uint8_t *)t->bytes.data + start + SPOOL_RECORD_HEAD;
    return 0;
}

const uint8_t *spool_tail_encoded(const struct spool_tail *t, size_t from)
{
    assert(from < t->count);
    return t->records[from].bytes - SPOOL_RECORD_HEAD;
}

void spool_tail_drop(struct spool_tail *t, size_t n)
{
    assert(n <= t->count);
    size_t gone = 0;
    for (size_t i = 0; i < n; i++)
        gone += SPOOL_RECORD_HEAD + t->records[i].len;
    t->count -= n;
    t->parted -= t->parted < n ? t->parted : n;
    t->bytes.len -= gone;
    memmove(t->bytes.data, t->bytes.data + gone, t->bytes.len);
    memmove(t->records, t->records + n, t->count * sizeof(*t->records));
    for (size_t i = 0; i < t->count; i++)
        t->records[i].bytes -= gone;
}

size_t spool_tail_measure(const struct spool_tail *t, size_t from, size_t room, uint32_t *len)
{
    size_t n = 0;
    *len = 0;
    for (size_t i = from; i < t->count; i++, n++) {
        uint32_t size = SPOOL_RECORD_HEAD + t->records[i].len;
        if (size > room - *len)
            break;
        *len += size;
    }
    return n;
}
