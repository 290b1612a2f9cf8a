/*
 * Samples become packs. A pack closes when it is old enough, full of records, or full of bytes, or
 * when it holds a good deal and nothing more comes: the rest of a burst does not wait for the next
 * one, and a few samples a second still share a pack, for the sake of a thin link. From then on its
 * bytes never change (PROTOCOL "Packs"): it is numbered, stored and sent as it is.
 *
 * Pure: handed `now`, owns its one buffer, allocates nothing. seq runs 1, 2, 3 ... within the epoch
 * given at start, over packs of every kind. What was taken is borrowed until the next call.
 */
#ifndef GATEWAY_CORE_PACKER_H
#define GATEWAY_CORE_PACKER_H

#include <stdint.h>

#include "base/clk.h"
#include "base/err.h"
#include "model/pack.h"

#define PACKER_BYTES_MAX                                                                           \
    (60 * 1024) /* data packs; leaves room below PACK_SIZE_MAX for one more record */

#define PACKER_QUIET_MS      5
#define PACKER_QUIET_RECORDS 32 /* of which the pack's head is a fifth */

struct packer {
    char gateway[NAME_SIZE], conf[PACK_CONF_SIZE];
    uint64_t epoch, next_seq, low;
    int64_t age_ms;
    unsigned records_max;
    struct pack_writer writer;     /* of the open pack; records 0: none is open */
    struct clk_mono opened, added; /* the first sample, the last one */
    struct clk_utc first, last;    /* of the open pack's samples */
    char memory[PACK_SIZE_MAX];
};

/* A frozen pack, ready for spool and uplink. */
struct packed {
    const char *bytes; /* borrowed from the packer until its next call */
    uint32_t len;
    uint64_t seq;
    enum pack_kind kind;
    uint32_t samples;           /* 0 for packs that carry none */
    struct clk_utc first, last; /* of its samples; both the pack's time when it has none */
};

/* gateway and conf are copied; epoch from the spool, age 1..5000 ms, records 1..PACK_RECORDS_MAX.
 */
void packer_init(struct packer *p, const char *gateway, const char *conf, uint64_t epoch,
                 int64_t age_ms, unsigned records_max);
/* The lowest seq of this epoch the spool still holds; 0: none yet. Told in every later pack. */
void packer_set_low(struct packer *p, uint64_t low);
/* Adds a sample to the open pack, opening one when there is none. ERR_FULL: take it first, then add
 * again. */
int packer_add(struct packer *p, const char *device, const char *point, const struct sample *s,
               struct clk_mono now);
/* When the open pack must be taken: at once when it is full, CLK_NEVER when there is none. */
struct clk_mono packer_due(const struct packer *p);
/* Closes the open pack. False when there is none. */
bool packer_take(struct packer *p, struct packed *out);

/* Packs of one purpose; the open data pack must have been taken before. ERR_LIMIT when it cannot
 * fit. */
int packer_description(struct packer *p, const char *device, const char *json, struct clk_utc at,
                       struct packed *out);
int packer_event(struct packer *p, const char *name, const char *text, struct clk_utc at,
                 struct packed *out);
/* A command's result (model/command.h) and what was read back. Points that do not fit are left out.
 */
struct packer_reading {
    const char *device, *point;
    const struct sample *sample;
};
int packer_result(struct packer *p, const char *json, const struct packer_reading *read,
                  size_t count, struct clk_utc at, struct packed *out);
/* As many of the gaps as fit, at least one; *told says how many. */
int packer_gaps(struct packer *p, const struct pack_gap *gaps, size_t count, struct clk_utc at,
                struct packed *out, size_t *told);

#endif
