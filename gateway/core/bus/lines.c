#include "gateway/core/bus/lines.h"

#include <assert.h>
#include <stdlib.h>

int lines_plan(const struct gateway_config *c, size_t bus, struct lines_bus *b, struct err *e)
{
    *b = (struct lines_bus){.line = gateway_config_line(c, bus)};
    b->devices = calloc(c->device_count + 1, sizeof(*b->devices));
    if (!b->devices)
        return err_set(e, ERR_NOMEM, "bus %s: no memory for its devices", b->line.name);
    for (size_t i = 0; i < c->device_count; i++)
        if (c->devices[i].bus == bus)
            b->devices[b->device_count++] = gateway_config_device(c, i);
    return plan_create(&b->line, b->devices, b->device_count, &b->plan, e);
}

void lines_unplan(struct lines_bus *b)
{
    plan_destroy(b->plan);
    free(b->devices);
    *b = (struct lines_bus){0};
}

static int plan_and_check(const struct gateway_config *c, size_t bus, struct lines_bus *b,
                          struct err *e)
{
    int rc = lines_plan(c, bus, b, e);
    return rc != 0 ? rc : plan_check(&b->line, b->devices, b->device_count, e);
}

int lines_create(const struct gateway_config *config, struct lines **out, struct err *e)
{
    assert(config->bus_count <= GATEWAY_BUSES_MAX);
    struct lines *lines = calloc(1, sizeof(*lines));
    if (!lines)
        return err_set(e, ERR_NOMEM, "no memory for %zu buses", config->bus_count);
    lines->count = config->bus_count;
    for (size_t i = 0; i < lines->count; i++) {
        int rc = plan_and_check(config, i, &lines->bus[i], e);
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
    for (size_t i = 0; i < lines->count; i++)
        lines_unplan(&lines->bus[i]);
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
