#include "gateway/io/bus/bus_port.h"

#include "gateway/io/bus/bus_rtu.h"
#include "gateway/io/bus/bus_tcp.h"

struct bus_port *bus_port_create(const struct bus_line *line)
{
    return line->kind == BUS_RTU ? bus_rtu_create(line, &bus_serial_real) : bus_tcp_create(line);
}
