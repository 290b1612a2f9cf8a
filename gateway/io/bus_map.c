#include "gateway/io/bus_map.h"

#include <stdlib.h>
#include <string.h>

struct map {
    bool codes_known, status_known;
    uint16_t codes[PROFILE_SLOTS_MAX], status[PROFILE_SLOTS_MAX];
};

struct bus_maps {
    const struct plan *plan;
    struct map map[]; /* of each device */
};

int bus_maps_create(const struct plan *plan, struct bus_maps **out)
{
    bool any = false;
    *out = NULL;
    for (size_t i = 0; i < plan->device_count; i++)
        any |= plan->devices[i].profile->map.slots > 0;
    if (!any)
        return 0;
    struct bus_maps *maps = calloc(1, sizeof(*maps) + plan->device_count * sizeof(struct map));
    if (!maps)
        return ERR_NOMEM;
    maps->plan = plan;
    *out = maps;
    return 0;
}

void bus_maps_destroy(struct bus_maps *maps)
{
    free(maps);
}

void bus_maps_take(struct bus_maps *maps, const struct poll_report *r, const uint16_t *values)
{
    struct map *map = &maps->map[r->device];
    bool read = r->cause == CAUSE_NONE && r->count <= PROFILE_SLOTS_MAX;
    if (r->role == PLAN_STATUS)
        map->status_known = read;
    else
        map->codes_known |= read;
    if (read)
        memcpy(r->role == PLAN_STATUS ? map->status : map->codes, values,
               r->count * sizeof(*values));
}

const uint16_t *bus_maps_find(const struct bus_maps *maps, uint16_t device, uint16_t code,
                              const uint16_t *values)
{
    const struct profile_map *shape = &maps->plan->devices[device].profile->map;
    const struct map *map = &maps->map[device];
    if (!map->codes_known || (shape->has_status && !map->status_known))
        return NULL;
    for (size_t slot = 0; slot < shape->slots; slot++)
        if (map->codes[slot] == code)
            return shape->has_status && map->status[slot] != 0 ? NULL
                                                               : &values[slot * shape->stride];
    return NULL;
}
