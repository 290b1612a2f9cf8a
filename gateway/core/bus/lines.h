/*
 * The configuration's buses, planned: what `gatewayd -n` checks and what one worker a bus runs.
 *
 * Pure. Owns the device arrays and plans; borrows the configuration, which outlives it. Bus i is
 * the configuration's bus i, also when it has no devices.
 */
#ifndef GATEWAY_CORE_BUS_LINES_H
#define GATEWAY_CORE_BUS_LINES_H

#include "gateway/core/bus/plan.h"
#include "gateway/core/config/config.h"

struct lines_bus {
    struct bus_line line;
    struct bus_device *devices;
    size_t device_count;
    struct plan *plan;
};

struct lines {
    size_t count;
    struct lines_bus bus[GATEWAY_BUSES_MAX];
};

/* Plans every bus and refuses what cannot run (plan_check): an overfull bus, two devices at one
 * unit, a point that cannot be read. e names bus and device. */
int lines_create(const struct gateway_config *config, struct lines **out, struct err *e);
void lines_destroy(struct lines *lines); /* NULL is fine */

/* Plans one bus without asking whether it can carry its devices: for showing why it cannot. b is to
 * be given to lines_unplan, also after an error. */
int lines_plan(const struct gateway_config *c, size_t bus, struct lines_bus *b, struct err *e);
void lines_unplan(struct lines_bus *b);

/* Where the configuration's device is: its bus and its index in that bus's plan, as
 * bus_worker_write wants them. ERR_NOTFOUND. */
int lines_find(const struct lines *lines, size_t device, size_t *bus, uint16_t *plan_device);

#endif
