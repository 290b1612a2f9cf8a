/*
 * Between the buses and the packer: what a sample becomes before it is kept.
 *
 *   bus workers -> edge_take -> [maintenance] -> [report by exception] -> packer
 *                       \-----> derived points: sum, difference, rate ---^
 *
 * Maintenance marks a device's usable samples `maintenance` or `calibration` until its end, and
 * gives its bad ones CAUSE_MAINTENANCE. Report by exception keeps a sample when its value left the
 * deadband around the last one kept, when its quality or cause changed, or when the heartbeat is
 * over; of bad samples every point is reported so, of usable ones those with a `report`. What it
 * holds back is counted (`suppressed`), so that read + derived = kept + suppressed stays true.
 *
 * A derived point is worked out when the sources that come as often as it does have all come, or
 * one of them has come again: its quality is the worst of theirs, its cause the first bad one's,
 * its time the newest one's; a source older than twice its period makes it bad with CAUSE_STALE. A
 * rate needs two readings: the first one, and one after a restart or a silence, gives none.
 *
 * Pure; one thread; allocates only in edge_create. Borrows the configuration. A derived point's
 * index is its device's profile's point_count + its place in the device's `derived` list;
 * gateway_config_point (config.h) names any of them.
 */
#ifndef GATEWAY_CORE_EDGE_H
#define GATEWAY_CORE_EDGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/err.h"
#include "gateway/core/config/config.h"
#include "model/sample.h"

/* A point that stays bad for the same cause is told so often; of one with `report` its heartbeat
 * counts. */
#define EDGE_BAD_HEARTBEAT_MS 60000

struct edge;

struct edge_stats {
    uint64_t read;       /* samples given to edge_take */
    uint64_t derived;    /* samples worked out here */
    uint64_t suppressed; /* held back; read + derived - suppressed were kept */
};

/* `keep` is called for every sample that is to be packed, in order, during edge_take. */
int edge_create(const struct gateway_config *config,
                void (*keep)(void *owner, const struct sample *s), void *owner, struct edge **out,
                struct err *e);
void edge_destroy(struct edge *edge); /* NULL is fine */
void edge_take(struct edge *edge, const struct sample *s);

/* The device's samples are marked until `until`; a second call replaces the first. quality is
 * QUALITY_MAINTENANCE or QUALITY_CALIBRATION; `until` in the past ends it. */
void edge_maintain(struct edge *edge, uint16_t device, enum quality quality, struct clk_mono until);
/* When a device's maintenance ends, which may have passed while nothing was read; CLK_NEVER: it has
 * none. */
struct clk_mono edge_maintained(const struct edge *edge, uint16_t device, enum quality *quality);

void edge_get_stats(const struct edge *edge, struct edge_stats *out);

#endif
