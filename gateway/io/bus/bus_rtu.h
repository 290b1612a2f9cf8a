/*
 * Modbus RTU on a serial port: opened and set up through bus_serial.h, spoken by bus_wire.h.
 *
 * Why libmodbus only opens the port [3.1.6, read and measured]: it waits with select(), which stops
 * at descriptor 1023; it knows no silence before a request and tells nothing of turnaround; and a
 * baud rate it does not know it silently takes for 9600 (plan_create refuses those before).
 *
 * Direction: `kernel` switches the driver's RS-485 mode on, with RTS high while sending, `none`
 * (RS-232) switches it off where it was on, `automatic` leaves the driver alone. A pseudo-terminal
 * has neither parity nor direction: both are left out, with one message.
 */
#ifndef GATEWAY_IO_BUS_BUS_RTU_H
#define GATEWAY_IO_BUS_BUS_RTU_H

#include "gateway/io/bus/bus_port.h"
#include "gateway/io/bus/bus_serial.h"

/* A closed port for `line`; both are borrowed for the port's life. NULL without memory. */
struct bus_port *bus_rtu_create(const struct bus_line *line, const struct bus_serial_ops *serial);

#endif
