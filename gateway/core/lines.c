#include "gateway/core/lines.h"

#include <assert.h>
#include <stdlib.h>

static int line_plan(const struct gateway_config *c, size_t index, struct lines_bus *b,
                     struct err *e)
{
    b->line = gateway_config_line(c, index);
    b->devices = calloc(c->device_count + 1, sizeof(*b->devices));
    if (!b->devices)
        return err_set(e, ERR_NOMEM, "bus %s: no memory for its devices", b->line.name);
    for (size_t i = 0; i < c->device_count; i++)
        if (c->devices[i].bus == index)
            b->devices[b->device_count++] = gateway_config_device(c, i);
    int rc = plan_check(&b->line, b->devices, b->device_count, e);
    if (rc != 0)
        return rc;
    return plan_create(&b->line, b->devices, b->device_count, &b->plan, e);
}

int lines_create(const struct gateway_config *config, struct lines **out, struct err *e)
{
    assert(config->bus_count <= GATEWAY_BUSES_MAX);
    struct lines *lines = calloc(1, sizeof(*lines));
    if (!lines)
        return err_set(e, ERR_NOMEM, "no memory for %zu buses", config->bus_count);
    lines->count = config->bus_count;
    for (size_t i = 0; i < lines->count; i++) {
        int rc = line_plan(config, i, &lines->bus[i], e);
        if (rc != 0) {
            lines_destroy(lines);
            return rc;
        }
    }
    *out = lines;
    return 0;
}

void lines_destroy(struct lines *lines)
{
    if (!lines)
        return;
    for (size_t i = 0; i < lines->count; i++) {
        plan_destroy(lines->bus[i].plan);
        free(lines->bus[i].devices);
    }
    free(lines);
}

int lines_find(const struct lines *lines, size_t device, size_t *bus, uint16_t *plan_device)
{
    for (size_t b = 0; b < lines->count; b++) {
        for (size_t d = 0; d < lines->bus[b].device_count; d++) {
            if (lines->bus[b].devices[d].index != device)
                continue;
            *bus = b;
            *plan_device = (uint16_t)d;
            return 0;
        }
    }
    return ERR_NOTFOUND;
}
