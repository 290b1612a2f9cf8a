/*
 * Promise: a serial port is set up as its line says, parity, stop bits, speed and direction, and
 * what the driver cannot do is said. Against a recorded table of functions, because a
 * pseudo-terminal has neither parity nor direction; its other side is a real descriptor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "gateway/io/bus/bus_rtu.h"
#include "tests/support/modbus_slave.h"

/* What the port was told, and what the driver answers. */
static struct {
    char path[32];
    int baud, data_bits, stop_bits;
    char parity;
    int fd, far, created, destroyed, tuned;
    bool no_rs485, stubborn;
    struct serial_rs485 driver;
    unsigned rs485_sets;
} seen;

static void *rec_create(const char *path, int baud, char parity, int data_bits, int stop_bits)
{
    snprintf(seen.path, sizeof(seen.path), "%s", path);
    seen.baud = baud;
    seen.parity = parity;
    seen.data_bits = data_bits;
    seen.stop_bits = stop_bits;
    seen.created++;
    return &seen;
}

static int rec_connect(void *port)
{
    int fds[2];
    assert_ptr_equal(port, &seen);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    seen.fd = fds[0];
    seen.far = fds[1];
    return seen.fd;
}

static void rec_destroy(void *port)
{
    assert_ptr_equal(port, &seen);
    close(seen.fd);
    close(seen.far);
    seen.destroyed++;
}

static int rec_get(int fd, struct serial_rs485 *mode)
{
    assert_int_equal(fd, seen.fd);
    *mode = seen.driver;
    errno = ENOTTY;
    return seen.no_rs485 ? -1 : 0;
}

static int rec_set(int fd, const struct serial_rs485 *mode)
{
    assert_int_equal(fd, seen.fd);
    seen.driver = *mode;
    seen.rs485_sets++;
    errno = EINVAL;
    return seen.stubborn ? -1 : 0;
}

static void rec_tune(int fd)
{
    assert_int_equal(fd, seen.fd);
    seen.tuned++;
}

static const struct bus_serial_ops recorder = {rec_create, rec_connect, rec_destroy,
                                               rec_get,    rec_set,     rec_tune};

static int open_line(const struct bus_line *line, struct err *e)
{
    struct bus_port *port = bus_rtu_create(line, &recorder);
    assert_non_null(port);
    int rc = port->ops->open(port, e);
    port->ops->destroy(port);
    assert_int_equal(seen.destroyed, seen.created);
    return rc;
}

static struct bus_line line_of(uint32_t baud, char parity, uint8_t stop_bits)
{
    memset(&seen, 0, sizeof(seen));
    return (struct bus_line){.name = "rs485-1",
                             .path = "/dev/ttyS1",
                             .baud = baud,
                             .parity = parity,
                             .stop_bits = stop_bits};
}

static void speed_parity_and_stop_bits_reach_the_port(void **state)
{
    (void)state;
    static const uint32_t bauds[] = {1200, 9600, 19200, 115200};
    static const char parities[] = {'N', 'E', 'O'};
    for (size_t i = 0; i < 4 * 3 * 2; i++) {
        struct bus_line line = line_of(bauds[i / 6], parities[i % 3], (uint8_t)(1 + i / 3 % 2));
        assert_int_equal(open_line(&line, NULL), 0);
        assert_string_equal(seen.path, "/dev/ttyS1");
        assert_int_equal(seen.baud, line.baud);
        assert_int_equal(seen.parity, line.parity);
        assert_int_equal(seen.stop_bits, line.stop_bits);
        assert_int_equal(seen.data_bits, 8);
        assert_int_equal(seen.tuned, 1);
    }
}

static void kernel_direction_raises_rts_while_sending_and_keeps_the_drivers_delays(void **state)
{
    (void)state;
    struct bus_line line = line_of(9600, 'N', 1);
    line.direction = BUS_DIRECTION_KERNEL;
    seen.driver.flags = SER_RS485_RTS_AFTER_SEND | SER_RS485_RX_DURING_TX;
    seen.driver.delay_rts_before_send = 3;
    assert_int_equal(open_line(&line, NULL), 0);
    assert_int_equal(seen.rs485_sets, 1);
    assert_int_equal(seen.driver.flags, SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND);
    assert_int_equal(seen.driver.delay_rts_before_send, 3);
}

static void automatic_direction_leaves_the_driver_alone(void **state)
{
    (void)state;
    struct bus_line line = line_of(9600, 'N', 1);
    seen.driver.flags = SER_RS485_ENABLED;
    assert_int_equal(open_line(&line, NULL), 0);
    assert_int_equal(seen.rs485_sets, 0);
    assert_int_equal(seen.driver.flags, SER_RS485_ENABLED);
}

static void no_direction_switches_the_kernels_off_where_it_was_on(void **state)
{
    (void)state;
    struct bus_line line = line_of(9600, 'N', 1);
    line.direction = BUS_DIRECTION_NONE;
    assert_int_equal(open_line(&line, NULL), 0);
    assert_int_equal(seen.rs485_sets, 0);
    line = line_of(9600, 'N', 1);
    line.direction = BUS_DIRECTION_NONE;
    seen.driver.flags = SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND;
    assert_int_equal(open_line(&line, NULL), 0);
    assert_int_equal(seen.rs485_sets, 1);
    assert_false(seen.driver.flags & SER_RS485_ENABLED);
    line = line_of(9600, 'N', 1);
    line.direction = BUS_DIRECTION_NONE;
    seen.no_rs485 = true; /* a plain RS-232 port knows nothing of it */
    assert_int_equal(open_line(&line, NULL), 0);
}

static void a_driver_without_direction_is_refused_with_what_to_do(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct bus_line line = line_of(9600, 'N', 1);
        struct err e = {0};
        line.direction = BUS_DIRECTION_KERNEL;
        seen.no_rs485 = i == 0;
        seen.stubborn = i == 1;
        assert_int_not_equal(open_line(&line, &e), 0);
        assert_non_null(strstr(e.text, "bus rs485-1: /dev/ttyS1: the driver cannot switch an "
                                       "RS-485 transceiver; set the direction to automatic"));
    }
}

/* What a pseudo-terminal does keep of its settings, through the real table. */
static void the_real_table_sets_the_terminal(void **state)
{
    (void)state;
    struct modbus_slave *slave = slave_create(SLAVE_RTU, NULL);
    void *port = bus_serial_real.create(slave->path, 19200, 'N', 8, 2);
    assert_non_null(port);
    int fd = bus_serial_real.connect(port);
    assert_true(fd >= 0);
    bus_serial_real.tune(fd);
    struct termios t;
    assert_int_equal(tcgetattr(fd, &t), 0);
    assert_int_equal(cfgetospeed(&t), B19200);
    assert_int_equal(cfgetispeed(&t), B19200);
    assert_int_equal(t.c_cflag & CSIZE, CS8);
    assert_true(t.c_cflag & CSTOPB);
    assert_false(t.c_lflag & (ICANON | ECHO | ISIG));
    assert_false(t.c_oflag & OPOST);
    assert_false(t.c_iflag & (IXON | IXOFF));
    struct serial_rs485 mode;
    assert_int_equal(bus_serial_real.get_rs485(fd, &mode), -1);
    bus_serial_real.destroy(port);
    slave_destroy(slave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speed_parity_and_stop_bits_reach_the_port),
        cmocka_unit_test(kernel_direction_raises_rts_while_sending_and_keeps_the_drivers_delays),
        cmocka_unit_test(automatic_direction_leaves_the_driver_alone),
        cmocka_unit_test(no_direction_switches_the_kernels_off_where_it_was_on),
        cmocka_unit_test(a_driver_without_direction_is_refused_with_what_to_do),
        cmocka_unit_test(the_real_table_sets_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
