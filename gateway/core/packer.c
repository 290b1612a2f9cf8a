#include "gateway/core/packer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void packer_init(struct packer *p, const char *gateway, const char *conf, uint64_t epoch,
                 int64_t age_ms, unsigned records_max)
{
    memset(p, 0, sizeof(*p));
    snprintf(p->gateway, sizeof(p->gateway), "%s", gateway);
    snprintf(p->conf, sizeof(p->conf), "%s", conf);
    p->epoch = epoch;
    p->next_seq = 1;
    p->age_ms = age_ms;
    p->records_max = records_max < PACK_RECORDS_MAX ? records_max : PACK_RECORDS_MAX;
}

void packer_set_low(struct packer *p, uint64_t low)
{
    p->low = low;
}

static void begin(struct packer *p, enum pack_kind kind, size_t cap, struct clk_utc base)
{
    struct pack_head head = {.epoch = p->epoch,
                             .seq = p->next_seq,
                             .low = p->low ? p->low : p->next_seq,
                             .kind = kind,
                             .base = base};
    memcpy(head.gateway, p->gateway, sizeof(head.gateway));
    memcpy(head.conf, p->conf, sizeof(head.conf));
    pack_begin(&p->writer, p->memory, cap, &head);
    p->first = p->last = base;
}

/* Numbers what was written and hands it out. */
static int freeze(struct packer *p, uint32_t samples, struct packed *out)
{
    enum pack_kind kind = p->writer.head.kind;
    int64_t len = pack_end(&p->writer);
    p->writer.records = 0;
    if (len < 0)
        return (int)len;
    *out = (struct packed){.bytes = p->memory,
                           .len = (uint32_t)len,
                           .seq = p->next_seq++,
                           .kind = kind,
                           .samples = samples,
                           .first = p->first,
                           .last = p->last};
    return 0;
}

static void span(struct packer *p, struct clk_utc at)
{
    if (at.ms < p->first.ms)
        p->first = at;
    if (at.ms > p->last.ms)
        p->last = at;
}

int packer_add(struct packer *p, const char *device, const char *point, const struct sample *s,
               struct clk_mono now)
{
    if (p->writer.records == 0) {
        begin(p, PACK_DATA, PACKER_BYTES_MAX, s->at);
        p->opened = now;
    } else if (p->writer.records >= p->records_max) {
        return ERR_FULL;
    }
    int rc = pack_add(&p->writer, device, point, s);
    if (rc == 0) {
        span(p, s->at);
        p->added = now;
    }
    return rc;
}

struct clk_mono packer_due(const struct packer *p)
{
    if (p->writer.records == 0)
        return CLK_NEVER;
    if (p->writer.records >= p->records_max)
        return p->opened;
    struct clk_mono old = clk_mono_add(p->opened, p->age_ms);
    if (p->writer.records < PACKER_QUIET_RECORDS)
        return old;
    return clk_mono_min(old, clk_mono_add(p->added, PACKER_QUIET_MS));
}

bool packer_take(struct packer *p, struct packed *out)
{
    uint32_t samples = p->writer.records;
    if (samples == 0)
        return false;
    int rc = freeze(p, samples, out);
    assert(rc == 0); /* an open pack always has room for its end */
    return true;
}

static int one_string(struct packer *p, enum pack_kind kind, const char *name, const char *text,
                      struct clk_utc at, struct packed *out)
{
    assert(p->writer.records == 0);
    begin(p, kind, PACK_SIZE_MAX, at);
    int rc = pack_add_string(&p->writer, name, at, text);
    if (rc)
        return rc == ERR_FULL ? ERR_LIMIT : rc;
    return freeze(p, 0, out);
}

int packer_description(struct packer *p, const char *device, const char *json, struct clk_utc at,
                       struct packed *out)
{
    return one_string(p, PACK_DESCRIPTION, device, json, at, out);
}

int packer_event(struct packer *p, const char *name, const char *text, struct clk_utc at,
                 struct packed *out)
{
    return one_string(p, PACK_EVENT, name, text, at, out);
}

int packer_result(struct packer *p, const char *json, const struct packer_reading *read,
                  size_t count, struct clk_utc at, struct packed *out)
{
    assert(p->writer.records == 0);
    begin(p, PACK_RESULT, PACK_SIZE_MAX, at);
    int rc = pack_add_string(&p->writer, "command", at, json);
    if (rc)
        return rc == ERR_FULL ? ERR_LIMIT : rc;
    for (size_t i = 0; i < count; i++)
        (void)pack_add(&p->writer, read[i].device, read[i].point, read[i].sample);
    return freeze(p, 0, out);
}

int packer_gaps(struct packer *p, const struct pack_gap *gaps, size_t count, struct clk_utc at,
                struct packed *out, size_t *told)
{
    assert(p->writer.records == 0);
    begin(p, PACK_GAP, PACK_SIZE_MAX, at);
    int rc = 0;
    for (*told = 0; *told < count; ++*told) {
        rc = pack_add_gap(&p->writer, &gaps[*told]);
        if (rc)
            break;
    }
    if (*told == 0)
        return rc ? rc : ERR_INVALID;
    return freeze(p, 0, out);
}
