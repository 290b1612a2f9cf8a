/* Promise: no body crashes the pack reader; what it takes can be read to its end, and what it
 * refuses carries a reason that fits an ack. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "model/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_to_the_end(struct pack *p)
{
    struct pack_record r;
    unsigned records = 0;
    while (pack_next(p, &r)) {
        struct pack_gap gap;
        assert((r.type == VALUE_NONE) == (r.quality == QUALITY_BAD));
        assert(r.type != VALUE_NUMBER || isfinite(r.number));
        assert(r.at.ms >= 0);
        if (p->head.kind == PACK_GAP)
            assert(pack_record_gap(&r, &gap) == 0 && gap.from <= gap.to);
        records++;
    }
    assert(records == p->records && records <= PACK_RECORDS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pack p;
    struct err e = {0};
    if (pack_parse((const char *)data, size, "gw-1", &p, &e)) {
        assert(e.text[0] && strlen(e.text) < PACK_REASON_SIZE);
        return 0;
    }
    assert(p.head.seq >= p.head.low && p.head.low > 0 && p.head.epoch > 0);
    read_to_the_end(&p);
    pack_free(&p);
    return 0;
}
