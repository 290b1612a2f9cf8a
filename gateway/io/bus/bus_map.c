#include "gateway/io/bus/bus_map.h"

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

static enum bus_map_word take_codes(struct map *map, const uint16_t *codes, size_t count)
{
    bool moved = map->codes_known && memcmp(map->codes, codes, count * sizeof(*codes)) != 0;
    map->codes_known = true;
    memcpy(map->codes, codes, count * sizeof(*codes));
    return moved ? BUS_MAP_MOVED : BUS_MAP_HELD;
}

enum bus_map_word bus_maps_take(struct bus_maps *maps, const struct poll_report *r,
                                const uint16_t *values)
{
    struct map *map = &maps->map[r->device];
    bool read = r->cause == CAUSE_NONE && r->count <= PROFILE_SLOTS_MAX;
    if (r->role == PLAN_CODES)
        return read ? take_codes(map, values, r->count) : BUS_MAP_UNREAD;
    map->status_known = read;
    if (read)
        memcpy(map->status, values, r->count * sizeof(*values));
    return BUS_MAP_NOTHING;
}

void bus_map_judge(const struct profile *profile, enum bus_map_word word, struct sample *samples,
                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct sample *s = &samples[i];
        if (profile->points[s->point].code == 0 || s->quality != QUALITY_GOOD)
            continue;
        if (word == BUS_MAP_UNREAD)
            s->quality = QUALITY_UNCERTAIN;
        if (word != BUS_MAP_MOVED)
            continue;
        s->quality = QUALITY_BAD;
        s->cause = CAUSE_INVALID;
        s->value.type = VALUE_NONE;
    }
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
