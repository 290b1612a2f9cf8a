#include "gateway/io/bus_modbus.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <modbus.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/log.h"
#include "gateway/core/frame.h"

#define DATA_BITS      8
#define CRC_BYTES      2
#define MBAP_BYTES     6 /* transaction, protocol, length; the unit begins the frame */
#define PTY_MAJOR_LOW  136
#define PTY_MAJOR_HIGH 143

struct bus_modbus {
    struct bus_port port; /* first */
    const struct bus_line *line;
    modbus_t *ctx;        /* NULL when closed */
    uint16_t transaction; /* goes on over connections: a converter may answer on the next one */
    bool pty_said;
};

static struct bus_modbus *of(struct bus_port *port)
{
    return (struct bus_modbus *)port;
}

static void port_close(struct bus_port *port)
{
    struct bus_modbus *m = of(port);
    if (!m->ctx)
        return;
    modbus_close(m->ctx);
    modbus_free(m->ctx);
    m->ctx = NULL;
}

static void port_destroy(struct bus_port *port)
{
    port_close(port);
    free(port);
}

/* --- opening RTU --- */

static bool is_pty(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISCHR(st.st_mode) && major(st.st_rdev) >= PTY_MAJOR_LOW &&
           major(st.st_rdev) <= PTY_MAJOR_HIGH;
}

static void say_pty(struct bus_modbus *m)
{
    bool matters = m->line->parity != 'N' || m->line->direction == BUS_DIRECTION_KERNEL;
    if (matters && !m->pty_said)
        log_warn("bus %s: %s is a pseudo-terminal: parity and RS-485 direction do not apply",
                 m->line->name, m->line->path);
    m->pty_said = true;
}

static int take_direction(struct bus_modbus *m, bool pty, struct err *e)
{
    if (pty || m->line->direction != BUS_DIRECTION_KERNEL)
        return 0;
    if (modbus_rtu_set_serial_mode(m->ctx, MODBUS_RTU_RS485) == 0)
        return 0;
    return err_set_errno(e,
                         "bus %s: %s: the driver cannot switch an RS-485 transceiver; set the "
                         "direction to automatic if the adapter does it itself",
                         m->line->name, m->line->path);
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

static int open_rtu(struct bus_modbus *m, struct err *e)
{
    const struct bus_line *line = m->line;
    bool pty = is_pty(line->path);
    if (pty)
        say_pty(m);
    m->ctx = modbus_new_rtu(line->path, (int)line->baud, pty ? 'N' : line->parity, DATA_BITS,
                            pty ? 1 : line->stop_bits);
    if (!m->ctx)
        return err_set_errno(e, "bus %s: %s cannot be set up", line->name, line->path);
    if (modbus_connect(m->ctx) != 0) {
        const char *hint = path_hint(errno);
        return err_set_errno(e, "bus %s: cannot open %s%s", line->name, line->path, hint);
    }
    ioctl(modbus_get_socket(m->ctx), TIOCEXCL); /* a second master would garble every reply */
    return take_direction(m, pty, e);
}

/* --- opening TCP --- */

static uint32_t wait_ms(const struct bus_line *line)
{
    return line->timeout_ms ? line->timeout_ms : BUS_TIMEOUT_DEFAULT_MS;
}

static int finish_connect(int fd, uint32_t timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t len = sizeof(error);
    int rc = poll(&p, 1, (int)timeout_ms);
    if (rc == 0)
        error = ETIMEDOUT;
    else if (rc < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    errno = error;
    return error == 0 ? 0 : -1;
}

static int connect_within(const struct addrinfo *to, uint32_t timeout_ms)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0 ||
        (errno == EINPROGRESS && finish_connect(fd, timeout_ms) == 0))
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int open_tcp(struct bus_modbus *m, struct err *e)
{
    const struct bus_line *line = m->line;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *to = NULL;
    char port[8];
    snprintf(port, sizeof(port), "%u", line->port);
    if (getaddrinfo(line->host, port, &hints, &to) != 0)
        return err_set(e, ERR_INVALID,
                       "bus %s: \"%s\" is not an IP address; names are not looked up, because a "
                       "lookup can hang the bus",
                       line->name, line->host);
    int fd = connect_within(to, wait_ms(line));
    freeaddrinfo(to);
    if (fd < 0)
        return err_set_errno(e, "bus %s: cannot connect to %s port %u", line->name, line->host,
                             line->port);
    m->ctx = modbus_new_tcp(NULL, 0);
    if (!m->ctx) {
        close(fd);
        return err_set(e, ERR_NOMEM, "bus %s: no memory for a connection", line->name);
    }
    modbus_set_socket(m->ctx, fd);
    return 0;
}

static int port_open(struct bus_port *port, struct err *e)
{
    struct bus_modbus *m = of(port);
    port_close(port);
    int rc = m->line->kind == BUS_RTU ? open_rtu(m, e) : open_tcp(m, e);
    if (rc == 0 && modbus_get_socket(m->ctx) >= FD_SETSIZE)
        rc = err_set(e, ERR_LIMIT,
                     "bus %s: descriptor %d is beyond what libmodbus can wait for (%d)",
                     m->line->name, modbus_get_socket(m->ctx), FD_SETSIZE);
    if (rc != 0) {
        port_close(port);
        return rc;
    }
    modbus_set_error_recovery(m->ctx, MODBUS_ERROR_RECOVERY_NONE);
    modbus_set_byte_timeout(m->ctx, 0, 0);
    return 0;
}

/* --- one request --- */

static enum bus_outcome outcome_of(int error)
{
    switch (error) {
    case ETIMEDOUT:
        return BUS_NO_REPLY;
    case EMBBADCRC:
    case EMBBADDATA:
    case EMBBADEXC:
    case EMBUNKEXC:
    case EMBMDATA:
        return BUS_DAMAGED;
    case EMBBADSLAVE:
        return BUS_FOREIGN;
    default:
        return BUS_LOST;
    }
}

/* What lies unread can only be an answer to something older. On RTU it is thrown away; on TCP it
 * means that the connection is out of step, or closed. */
static bool ready_to_send(struct bus_modbus *m, struct bus_reply *reply)
{
    struct pollfd p = {.fd = modbus_get_socket(m->ctx), .events = POLLIN};
    uint8_t byte;
    if (poll(&p, 1, 0) <= 0)
        return true;
    if (m->line->kind == BUS_RTU && !(p.revents & (POLLHUP | POLLERR | POLLNVAL)))
        return modbus_flush(m->ctx) >= 0;
    if (m->line->kind == BUS_TCP && recv(p.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
        reply->outcome = BUS_FOREIGN;
    return false;
}

static bool send_tcp(struct bus_modbus *m, const uint8_t *frame, size_t len)
{
    uint8_t adu[MBAP_BYTES + FRAME_MAX];
    m->transaction++;
    adu[0] = (uint8_t)(m->transaction >> 8);
    adu[1] = (uint8_t)m->transaction;
    adu[2] = adu[3] = 0;
    adu[4] = (uint8_t)(len >> 8);
    adu[5] = (uint8_t)len;
    memcpy(&adu[MBAP_BYTES], frame, len);
    size_t all = MBAP_BYTES + len;
    return send(modbus_get_socket(m->ctx), adu, all, MSG_NOSIGNAL) == (ssize_t)all;
}

static bool send_frame(struct bus_modbus *m, const struct bus_request *q)
{
    uint8_t frame[FRAME_MAX];
    size_t len = frame_request(q, frame);
    if (len == 0)
        return false;
    modbus_set_slave(m->ctx, q->unit);
    if (m->line->kind == BUS_TCP)
        return send_tcp(m, frame, len);
    return modbus_send_raw_request(m->ctx, frame, (int)len) == (int)len + CRC_BYTES;
}

static void judge_tcp(const struct bus_modbus *m, const struct bus_request *q, const uint8_t *adu,
                      size_t len, uint16_t *values, struct bus_reply *reply)
{
    unsigned transaction = (unsigned)adu[0] << 8 | adu[1];
    unsigned protocol = (unsigned)adu[2] << 8 | adu[3];
    unsigned following = (unsigned)adu[4] << 8 | adu[5];
    if (protocol != 0 || following != len - MBAP_BYTES)
        reply->outcome = BUS_DAMAGED;
    else if (transaction != m->transaction)
        reply->outcome = BUS_FOREIGN;
    else
        frame_judge(q, BUS_TCP, adu + MBAP_BYTES, len - MBAP_BYTES, values, reply);
}

static void receive(struct bus_modbus *m, const struct bus_request *q, uint16_t *values,
                    struct bus_reply *reply)
{
    uint8_t adu[MODBUS_MAX_ADU_LENGTH];
    modbus_set_response_timeout(m->ctx, q->timeout_ms / 1000, q->timeout_ms % 1000 * 1000);
    int len = modbus_receive_confirmation(m->ctx, adu);
    if (len < 0)
        reply->outcome = outcome_of(errno);
    else if (m->line->kind == BUS_TCP && len > MBAP_BYTES)
        judge_tcp(m, q, adu, (size_t)len, values, reply);
    else if (m->line->kind == BUS_RTU && len > CRC_BYTES)
        frame_judge(q, BUS_RTU, adu, (size_t)len - CRC_BYTES, values, reply);
    else
        reply->outcome = BUS_FOREIGN; /* libmodbus gives 0 for another unit's frame */
}

static void port_transact(struct bus_port *port, const struct bus_request *q, uint16_t *values,
                          struct bus_reply *reply)
{
    struct bus_modbus *m = of(port);
    *reply = (struct bus_reply){.outcome = BUS_LOST};
    if (!m->ctx || !ready_to_send(m, reply))
        return;
    reply->sent = true; /* from here on a part of it may be on the wire */
    if (send_frame(m, q))
        receive(m, q, values, reply);
}

/* --- draining --- */

static int64_t mono_ms(void)
{
    return clk_mono(clk_system()).ms;
}

static bool port_drain(struct bus_port *port, uint32_t quiet_ms, uint32_t limit_ms, size_t *bytes)
{
    struct bus_modbus *m = of(port);
    int64_t end_ms = mono_ms() + limit_ms;
    uint8_t waste[256];
    *bytes = 0;
    while (m->ctx && mono_ms() < end_ms) {
        struct pollfd p = {.fd = modbus_get_socket(m->ctx), .events = POLLIN};
        if (poll(&p, 1, (int)quiet_ms) <= 0)
            return true;
        ssize_t n = read(p.fd, waste, sizeof(waste));
        if (n <= 0)
            return true; /* the port is gone; the next request finds out */
        *bytes += (size_t)n;
    }
    return m->ctx == NULL;
}

struct bus_port *bus_modbus_create(const struct bus_line *line)
{
    static const struct bus_port_ops ops = {.open = port_open,
                                            .close = port_close,
                                            .transact = port_transact,
                                            .drain = port_drain,
                                            .destroy = port_destroy};
    struct bus_modbus *m = calloc(1, sizeof(*m));
    if (!m)
        return NULL;
    m->port.ops = &ops;
    m->line = line;
    return &m->port;
}
