/*
 * What the dynamic maps of a bus's devices hold at the moment: which code stands in which slot, and
 * which slots count.
 *
 * Codes stay known when a read of them fails: a device is set up anew once a year, a reply lost
 * every day. A status that was not read makes every slot of its device doubtful until it is. Values
 * are certain when the codes read before and behind them are the same.
 * Belongs to one worker's thread; allocates in bus_maps_create only.
 */
#ifndef GATEWAY_IO_BUS_BUS_MAP_H
#define GATEWAY_IO_BUS_BUS_MAP_H

#include "gateway/core/bus/poll.h"

struct bus_maps;

/* *out is NULL when no device of the plan has one. ERR_NOMEM. */
int bus_maps_create(const struct plan *plan, struct bus_maps **out);
void bus_maps_destroy(struct bus_maps *maps); /* NULL is fine */

/* What a reading says of the values that were read since the codes were read last. */
enum bus_map_word {
    BUS_MAP_NOTHING, /* a status: it is for the values to come */
    BUS_MAP_HELD,    /* the codes are the same, or the first ones */
    BUS_MAP_MOVED,   /* they are not: nobody knows which of them the values belong to */
    BUS_MAP_UNREAD,  /* the codes could not be read */
};

/* Takes what a reading of PLAN_CODES or PLAN_STATUS gave, or that it failed. */
enum bus_map_word bus_maps_take(struct bus_maps *maps, const struct poll_report *r,
                                const uint16_t *values);

/* Where in `values` (the map's, as just read) the parameter `code` stands; NULL: in no slot that
 * counts, or not known yet. */
const uint16_t *bus_maps_find(const struct bus_maps *maps, uint16_t device, uint16_t code,
                              const uint16_t *values);

/* Lowers the good ones of the samples of a device with this profile that came from its map: bad
 * (CAUSE_INVALID) after BUS_MAP_MOVED, uncertain after BUS_MAP_UNREAD. */
void bus_map_judge(const struct profile *profile, enum bus_map_word word, struct sample *samples,
                   size_t count);

#endif
