/*
 * A connection to a Modbus TCP peer, or to a serial server that passes RTU frames through, spoken
 * by bus_wire.h.
 *
 * Why not libmodbus [3.1.6, read and measured]: its connect blocks on a host that swallows packets;
 * its raw requests all carry transaction 0 and it checks no unit; a reply costs it three select()
 * and three recv(); and it has no RTU over TCP.
 *
 * A serial server is not asked to reconnect for every silent slave (the poller drains as on a
 * serial line), so a dead server is found by the kernel: what it does not acknowledge within
 * BUS_TCP_UNACKED_MS breaks the connection.
 */
#ifndef GATEWAY_IO_BUS_BUS_TCP_H
#define GATEWAY_IO_BUS_BUS_TCP_H

#include "gateway/io/bus/bus_port.h"

#define BUS_TCP_UNACKED_MS 5000

/* A closed port for `line` (borrowed for the port's life); NULL without memory. */
struct bus_port *bus_tcp_create(const struct bus_line *line);

#endif
