/*
 * What a serial port is set up with, as a table of functions: libmodbus and the kernel by default,
 * a recorder in tests (a pseudo-terminal has neither parity nor direction to look at).
 *
 * libmodbus opens the port and sets speed, parity and stop bits; its header is included by
 * bus_serial.c alone. Direction is set here, since libmodbus leaves out SER_RS485_RTS_ON_SEND and
 * so lets some drivers talk with the driver enable upside down.
 */
#ifndef GATEWAY_IO_BUS_BUS_SERIAL_H
#define GATEWAY_IO_BUS_BUS_SERIAL_H

#include <linux/serial.h>
#include <stdbool.h>

struct bus_serial_ops {
    /* A port not yet open; NULL with errno. */
    void *(*create)(const char *path, int baud, char parity, int data_bits, int stop_bits);
    int (*connect)(void *port);  /* opens it, non-blocking: its descriptor, or -1 with errno */
    void (*destroy)(void *port); /* closes it first */
    int (*get_rs485)(int fd, struct serial_rs485 *mode); /* -1 with errno */
    int (*set_rs485)(int fd, const struct serial_rs485 *mode);
    /* For this program alone, and with as little delay as the driver can: best effort. */
    void (*tune)(int fd);
};

extern const struct bus_serial_ops bus_serial_real;

#endif
