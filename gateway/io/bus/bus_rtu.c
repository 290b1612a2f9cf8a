#include "gateway/io/bus/bus_rtu.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/log.h"
#include "gateway/io/bus/bus_wire.h"

#define DATA_BITS      8
#define PTY_MAJOR_LOW  136
#define PTY_MAJOR_HIGH 143

struct bus_rtu {
    struct bus_port port; /* first */
    const struct bus_line *line;
    const struct bus_serial_ops *serial;
    void *opened; /* NULL when closed */
    struct bus_wire wire;
    bool pty_said;
};

static struct bus_rtu *of(struct bus_port *port)
{
    return (struct bus_rtu *)port;
}

static void port_close(struct bus_port *port)
{
    struct bus_rtu *m = of(port);
    if (m->opened)
        m->serial->destroy(m->opened);
    m->opened = NULL;
    m->wire.fd = -1;
}

static void port_destroy(struct bus_port *port)
{
    port_close(port);
    free(port);
}

/* --- opening --- */

static bool is_pty(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISCHR(st.st_mode) && major(st.st_rdev) >= PTY_MAJOR_LOW &&
           major(st.st_rdev) <= PTY_MAJOR_HIGH;
}

static void say_pty(struct bus_rtu *m)
{
    bool matters = m->line->parity != 'N' || m->line->direction == BUS_DIRECTION_KERNEL;
    if (matters && !m->pty_said)
        log_warn("bus %s: %s is a pseudo-terminal: parity and RS-485 direction do not apply",
                 m->line->name, m->line->path);
    m->pty_said = true;
}

static int refuse_direction(const struct bus_rtu *m, struct err *e)
{
    return err_set_errno(e,
                         "bus %s: %s: the driver cannot switch an RS-485 transceiver; set the "
                         "direction to automatic if the adapter does it itself",
                         m->line->name, m->line->path);
}

/* What the driver was told of delays (a device tree's, or an administrator's) stays. */
static int take_direction(const struct bus_rtu *m, int fd, struct err *e)
{
    struct serial_rs485 mode = {0};
    if (m->line->direction == BUS_DIRECTION_AUTO)
        return 0;
    bool known = m->serial->get_rs485(fd, &mode) == 0;
    if (m->line->direction == BUS_DIRECTION_NONE) {
        bool on = known && (mode.flags & SER_RS485_ENABLED);
        mode.flags &= ~(uint32_t)SER_RS485_ENABLED;
        return on && m->serial->set_rs485(fd, &mode) != 0 ? refuse_direction(m, e) : 0;
    }
    mode.flags |= SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND;
    mode.flags &= ~(uint32_t)(SER_RS485_RTS_AFTER_SEND | SER_RS485_RX_DURING_TX);
    return known && m->serial->set_rs485(fd, &mode) == 0 ? 0 : refuse_direction(m, e);
}

static const char *path_hint(int error)
{
    switch (error) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return " (is the adapter plugged in?)";
    case EACCES:
        return " (is the user in the group of the device, dialout?)";
    case EBUSY:
        return " (another program has it open)";
    default:
        return "";
    }
}

static int open_serial(struct bus_rtu *m, bool pty, struct err *e)
{
    const struct bus_line *line = m->line;
    m->opened = m->serial->create(line->path, (int)line->baud, pty ? 'N' : line->parity, DATA_BITS,
                                  line->stop_bits);
    if (!m->opened)
        return err_set_errno(e, "bus %s: %s cannot be set up", line->name, line->path);
    int fd = m->serial->connect(m->opened);
    if (fd < 0) {
        const char *hint = path_hint(errno);
        return err_set_errno(e, "bus %s: cannot open %s%s", line->name, line->path, hint);
    }
    m->serial->tune(fd);
    bus_wire_use(&m->wire, fd);
    return pty ? 0 : take_direction(m, fd, e);
}

static int port_open(struct bus_port *port, struct err *e)
{
    struct bus_rtu *m = of(port);
    bool pty = is_pty(m->line->path);
    port_close(port);
    if (pty)
        say_pty(m);
    m->wire.paced = !pty;
    int rc = open_serial(m, pty, e);
    if (rc != 0)
        port_close(port);
    prctl(PR_SET_TIMERSLACK, 1UL); /* of this thread: silences are microseconds, the default 50 */
    return rc;
}

/* --- the table --- */

static void port_transact(struct bus_port *port, const struct bus_request *q, uint16_t *values,
                          struct bus_reply *reply)
{
    bus_wire_transact(&of(port)->wire, q, values, reply);
}

static bool port_drain(struct bus_port *port, uint32_t quiet_ms, uint32_t limit_ms, size_t *bytes)
{
    return bus_wire_drain(&of(port)->wire, quiet_ms, limit_ms, bytes);
}

struct bus_port *bus_rtu_create(const struct bus_line *line, const struct bus_serial_ops *serial)
{
    static const struct bus_port_ops ops = {.open = port_open,
                                            .close = port_close,
                                            .transact = port_transact,
                                            .drain = port_drain,
                                            .destroy = port_destroy};
    struct bus_rtu *m = calloc(1, sizeof(*m));
    if (!m)
        return NULL;
    m->port.ops = &ops;
    m->line = line;
    m->serial = serial;
    bus_wire_init(&m->wire, line);
    return &m->port;
}
