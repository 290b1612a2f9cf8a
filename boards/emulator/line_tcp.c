/* The TCP side of a line: a server for several clients at once. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "boards/emulator/line.h"
#include "boards/emulator/net.h"

static void drop_client(struct line_end *end)
{
    struct line *l = end->line;
    for (size_t i = 0; i < LINE_CLIENTS_MAX; i++)
        if (l->clients[i] == end)
            l->clients[i] = NULL;
    line_end_destroy(end);
}

static void client_broken(struct outbox *o)
{
    drop_client(o->owner);
}

/* False when the connection is gone. A header that is not Modbus ends it: there is no next one to
 * find. */
static bool take_requests(struct line *l, size_t slot)
{
    struct line_end *end = l->clients[slot];
    struct wire_request request;
    int r;
    while ((r = wire_take(&end->wire, &request)) == 1) {
        line_handle(end, &request);
        if (l->clients[slot] != end)
            return false;
    }
    if (r < 0)
        drop_client(end);
    return r == 0;
}

static size_t slot_of(const struct line *l, const struct line_end *end)
{
    size_t slot = 0;
    while (l->clients[slot] != end)
        slot++;
    return slot;
}

static void client_ready(struct loop_watch *watch, uint32_t events)
{
    struct line_end *end = watch->owner;
    struct line *l = end->line;
    size_t room, slot = slot_of(l, end);
    uint8_t *at = wire_room(&end->wire, &room);
    ssize_t n = read(watch->fd, at, room);
    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        drop_client(end);
        return;
    }
    wire_fed(&end->wire, (size_t)n);
    take_requests(l, slot);
}

static void add_client(struct line *l, int fd)
{
    size_t slot = 0;
    while (slot < LINE_CLIENTS_MAX && l->clients[slot])
        slot++;
    struct line_end *end = slot < LINE_CLIENTS_MAX ? line_end_create(l, fd, client_ready) : NULL;
    if (!end) {
        log_warn("bus %s of %s: a client too many (%d at most)", l->config->name,
                 l->config->gateway, LINE_CLIENTS_MAX);
        close(fd);
        return;
    }
    end->outbox.broken = client_broken;
    if (loop_watch_add(l->loop, &end->watch, EPOLLIN) < 0) {
        line_end_destroy(end);
        return;
    }
    l->clients[slot] = end;
}

static void listener_ready(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    int fd = net_accept(watch->fd);
    if (fd >= 0)
        add_client(watch->owner, fd);
}

int line_tcp_open(struct line *l, struct err *e)
{
    int fd = net_listen(l->config->host, &l->port, e);
    if (fd < 0)
        return fd;
    l->listener = (struct loop_watch){.ready = listener_ready, .owner = l, .fd = fd};
    if (loop_watch_add(l->loop, &l->listener, EPOLLIN) == 0)
        return 0;
    close(fd);
    l->listener.fd = -1;
    return err_set_errno(e, "cannot watch port %u", l->port);
}

void line_tcp_close(struct line *l)
{
    for (size_t i = 0; i < LINE_CLIENTS_MAX; i++) {
        line_end_destroy(l->clients[i]);
        l->clients[i] = NULL;
    }
    loop_watch_remove(l->loop, &l->listener);
    close(l->listener.fd);
    l->listener.fd = -1;
}
