#include "gateway/io/bus/bus_serial.h"

#include <modbus.h>
#include <sys/ioctl.h>

static void *create(const char *path, int baud, char parity, int data_bits, int stop_bits)
{
    return modbus_new_rtu(path, baud, parity, data_bits, stop_bits);
}

static int connect_port(void *port)
{
    return modbus_connect(port) == 0 ? modbus_get_socket(port) : -1;
}

static void destroy(void *port)
{
    modbus_close(port);
    modbus_free(port);
}

static int get_rs485(int fd, struct serial_rs485 *mode)
{
    return ioctl(fd, TIOCGRS485, mode);
}

static int set_rs485(int fd, const struct serial_rs485 *mode)
{
    struct serial_rs485 taken = *mode; /* the driver writes back what it could do */
    return ioctl(fd, TIOCSRS485, &taken);
}

/* A second master would garble every reply. FTDI adapters collect bytes for 16 ms unless told. */
static void tune(int fd)
{
    struct serial_struct serial;
    ioctl(fd, TIOCEXCL);
    if (ioctl(fd, TIOCGSERIAL, &serial) != 0)
        return;
    serial.flags |= (int)ASYNC_LOW_LATENCY;
    ioctl(fd, TIOCSSERIAL, &serial);
}

const struct bus_serial_ops bus_serial_real = {.create = create,
                                               .connect = connect_port,
                                               .destroy = destroy,
                                               .get_rs485 = get_rs485,
                                               .set_rs485 = set_rs485,
                                               .tune = tune};
