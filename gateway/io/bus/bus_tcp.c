#include "gateway/io/bus/bus_tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/io/bus/bus_wire.h"

struct bus_tcp {
    struct bus_port port; /* first */
    const struct bus_line *line;
    struct bus_wire wire;
};

static struct bus_tcp *of(struct bus_port *port)
{
    return (struct bus_tcp *)port;
}

static void port_close(struct bus_port *port)
{
    struct bus_tcp *m = of(port);
    if (m->wire.fd >= 0)
        close(m->wire.fd);
    m->wire.fd = -1;
}

static void port_destroy(struct bus_port *port)
{
    port_close(port);
    free(port);
}

/* --- opening --- */

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

/* Connects without blocking, then turns blocking: receives wait, at most SO_RCVTIMEO. */
static int connect_within(const struct addrinfo *to, uint32_t timeout_ms)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    const int on = 1;
    const unsigned unacked_ms = BUS_TCP_UNACKED_MS;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked_ms, sizeof(unacked_ms));
    bool connected = connect(fd, to->ai_addr, to->ai_addrlen) == 0 ||
                     (errno == EINPROGRESS && finish_connect(fd, timeout_ms) == 0);
    if (connected && fcntl(fd, F_SETFL, 0) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int port_open(struct bus_port *port, struct err *e)
{
    struct bus_tcp *m = of(port);
    const struct bus_line *line = m->line;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *to = NULL;
    char service[8];
    port_close(port);
    snprintf(service, sizeof(service), "%u", line->port);
    if (getaddrinfo(line->host, service, &hints, &to) != 0)
        return err_set(e, ERR_INVALID,
                       "bus %s: \"%s\" is not an IP address; names are not looked up, because a "
                       "lookup can hang the bus",
                       line->name, line->host);
    int fd = connect_within(to, wait_ms(line));
    freeaddrinfo(to);
    if (fd < 0)
        return err_set_errno(e, "bus %s: cannot connect to %s port %u", line->name, line->host,
                             line->port);
    bus_wire_use(&m->wire, fd);
    return 0;
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

struct bus_port *bus_tcp_create(const struct bus_line *line)
{
    static const struct bus_port_ops ops = {.open = port_open,
                                            .close = port_close,
                                            .transact = port_transact,
                                            .drain = port_drain,
                                            .destroy = port_destroy};
    struct bus_tcp *m = calloc(1, sizeof(*m));
    if (!m)
        return NULL;
    m->port.ops = &ops;
    m->line = line;
    bus_wire_init(&m->wire, line);
    return &m->port;
}
