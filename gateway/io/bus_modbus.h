/*
 * Modbus RTU on a serial port and Modbus TCP, over libmodbus; no other file includes its header.
 *
 * What libmodbus is not left to do, and why [3.1.6, read and measured]:
 *   - deadline: a byte timeout of 0 makes its response timeout total; recovery modes stay off.
 *   - TCP connect: its own blocks on a host that swallows packets; ours is bounded by timeout_ms.
 *   - TCP requests: it checks no unit, and its raw requests all carry transaction 0; ours count.
 *   - unknown baud rates: it silently takes 9600; plan_create refuses them before.
 *   - select(): descriptors from 1024 on are refused when a port opens.
 *
 * Kernel RS-485 (TIOCSRS485) is switched on when the line asks for it. A pseudo-terminal has
 * neither parity nor direction: both are left out, with one message.
 */
#ifndef GATEWAY_IO_BUS_MODBUS_H
#define GATEWAY_IO_BUS_MODBUS_H

#include "gateway/io/bus_port.h"

/* A closed port for `line` (borrowed for the port's life); NULL without memory. */
struct bus_port *bus_modbus_create(const struct bus_line *line);

#endif
