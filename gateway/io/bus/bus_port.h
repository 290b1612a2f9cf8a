/*
 * A port of a Modbus bus behind a table of functions: the worker knows this and no library.
 *
 * A port belongs to one worker and is used from its thread alone. Every call ends within the time
 * it is given; none logs what it returns.
 */
#ifndef GATEWAY_IO_BUS_BUS_PORT_H
#define GATEWAY_IO_BUS_BUS_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "gateway/core/bus/bus.h"

struct bus_port;

struct bus_port_ops {
    /* Closes what is open, then opens. e names line and path or address, and what to do. */
    int (*open)(struct bus_port *port, struct err *e);
    void (*close)(struct bus_port *port); /* closed already: fine */
    /* Sends q and waits for its reply, at most q->timeout_ms in all. On BUS_OK of a read fills
     * values[q->count]. */
    void (*transact)(struct bus_port *port, const struct bus_request *q, uint16_t *values,
                     struct bus_reply *reply);
    /* Throws away what arrives until nothing did for quiet_ms (true), or limit_ms are over (false);
     * *bytes: how many. */
    bool (*drain)(struct bus_port *port, uint32_t quiet_ms, uint32_t limit_ms, size_t *bytes);
    void (*destroy)(struct bus_port *port); /* closes first */
};

struct bus_port {
    const struct bus_port_ops *ops;
};

/* A closed port of the kind `line` names; line is borrowed for the port's life. NULL without
 * memory. */
struct bus_port *bus_port_create(const struct bus_line *line);

#endif
