#include "io/ctlsock.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clk.h"

#define RIGHTS  0660
#define BACKLOG 8

struct ctlsock_client {
    struct ctlsock *server; /* NULL: the place is free */
    struct loop_watch watch;
    uid_t uid;
    bool doomed; /* cut off while it is being served: freed behind that */
    size_t in_len;
    char *in; /* CTLSOCK_LINE_MAX + 1 bytes, of a line that is not yet whole */
    size_t out_at, out_len, out_cap;
    char *out; /* what the client has not read yet */
};

struct ctlsock {
    struct loop *loop;
    struct ctlsock_handlers handlers;
    struct loop_watch watch;
    struct sockaddr_un address;
    struct ctlsock_client clients[CTLSOCK_CLIENTS_MAX];
    struct ctlsock_client *serving; /* its request is being handled */
};

/* --- clients --- */

static void client_free(struct ctlsock_client *c)
{
    close(c->watch.fd);
    free(c->in);
    free(c->out);
    *c = (struct ctlsock_client){0};
}

/* The owner is told at once; the memory stays while a request of this client is being handled. */
static void client_drop(struct ctlsock_client *c)
{
    struct ctlsock *s = c->server;
    if (c->doomed)
        return;
    c->doomed = true;
    loop_watch_remove(s->loop, &c->watch);
    if (s->handlers.gone)
        s->handlers.gone(s->handlers.owner, c);
    if (s->serving != c)
        client_free(c);
}

/* Writes what the kernel takes now. False: the client is gone. */
static bool client_flush(struct ctlsock_client *c)
{
    while (c->out_at < c->out_len) {
        ssize_t n = send(c->watch.fd, c->out + c->out_at, c->out_len - c->out_at,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        c->out_at += (size_t)n;
    }
    c->out_at = c->out_len = 0;
    return true;
}

static void client_watch(struct ctlsock_client *c)
{
    uint32_t events = c->out_len ? EPOLLIN | EPOLLOUT : EPOLLIN;
    if (loop_watch_change(c->server->loop, &c->watch, events) != 0)
        client_drop(c);
}

/* Room for len more bytes behind those that wait; false beyond CTLSOCK_OUT_MAX. */
static bool client_room(struct ctlsock_client *c, size_t len)
{
    if (c->out_at) {
        memmove(c->out, c->out + c->out_at, c->out_len - c->out_at);
        c->out_len -= c->out_at;
        c->out_at = 0;
    }
    if (c->out_len + len <= c->out_cap)
        return true;
    if (c->out_len + len > CTLSOCK_OUT_MAX)
        return false;
    size_t cap = c->out_cap ? c->out_cap : 4096;
    while (cap < c->out_len + len)
        cap *= 2;
    char *out = realloc(c->out, cap);
    if (!out)
        return false;
    c->out = out;
    c->out_cap = cap;
    return true;
}

int ctlsock_send(struct ctlsock_client *c, const char *line, size_t len)
{
    if (c->doomed)
        return ERR_FULL;
    bool waited = c->out_len > 0;
    bool fits = client_room(c, len + 1);
    if (fits) {
        memcpy(c->out + c->out_len, line, len);
        c->out[c->out_len + len] = '\n';
        c->out_len += len + 1;
    }
    if (!fits || !client_flush(c)) {
        client_drop(c);
        return ERR_FULL;
    }
    if (waited != (c->out_len > 0))
        client_watch(c);
    return c->doomed ? ERR_FULL : 0;
}

uid_t ctlsock_uid(const struct ctlsock_client *c)
{
    return c->uid;
}

/* --- requests --- */

/* Hands over the whole lines in `in`, and keeps the rest. */
static void client_serve(struct ctlsock_client *c)
{
    struct ctlsock *s = c->server;
    char *line = c->in, *end;
    s->serving = c;
    while (!c->doomed && (end = memchr(line, '\n', c->in_len - (size_t)(line - c->in)))) {
        *end = '\0';
        s->handlers.request(s->handlers.owner, c, line, (size_t)(end - line));
        line = end + 1;
    }
    s->serving = NULL;
    if (c->doomed) {
        client_free(c);
        return;
    }
    c->in_len -= (size_t)(line - c->in);
    memmove(c->in, line, c->in_len);
    if (c->in_len == CTLSOCK_LINE_MAX)
        client_drop(c);
}

static void client_read(struct ctlsock_client *c)
{
    ssize_t n = recv(c->watch.fd, c->in + c->in_len, CTLSOCK_LINE_MAX - c->in_len, MSG_DONTWAIT);
    if (n > 0) {
        c->in_len += (size_t)n;
        client_serve(c);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        client_drop(c);
    }
}

static void on_client(struct loop_watch *watch, uint32_t events)
{
    struct ctlsock_client *c = watch->owner;
    if (events & EPOLLOUT) {
        if (!client_flush(c)) {
            client_drop(c);
            return;
        }
        if (c->out_len == 0)
            client_watch(c);
    }
    if (!c->doomed && c->server && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        client_read(c);
}

/* --- the door --- */

static struct ctlsock_client *free_place(struct ctlsock *s)
{
    for (size_t i = 0; i < CTLSOCK_CLIENTS_MAX; i++)
        if (!s->clients[i].server)
            return &s->clients[i];
    return NULL;
}

static bool client_init(struct ctlsock *s, struct ctlsock_client *c, int fd)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t len = sizeof(peer);
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
    *c = (struct ctlsock_client){.server = s,
                                 .uid = peer.uid,
                                 .watch = {.ready = on_client, .owner = c, .fd = fd},
                                 .in = malloc(CTLSOCK_LINE_MAX)};
    return c->in && loop_watch_add(s->loop, &c->watch, EPOLLIN) == 0;
}

static void on_knock(struct loop_watch *watch, uint32_t events)
{
    static const char full[] = "{\"v\":1,\"id\":0,\"error\":{\"code\":\"full\",\"text\":\"too many "
                               "clients are connected; end one of them\"},\"end\":true}\n";
    struct ctlsock *s = watch->owner;
    (void)events;
    int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    struct ctlsock_client *c = free_place(s);
    if (!c) {
        (void)!send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        close(fd);
    } else if (!client_init(s, c, fd)) {
        client_free(c);
    }
}

static int set_address(const char *path, struct sockaddr_un *a, struct err *e)
{
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(a->sun_path))
        return err_set(e, ERR_INVALID,
                       "%s: a socket's path has at most %zu bytes; use a shorter one", path,
                       sizeof(a->sun_path) - 1);
    memcpy(a->sun_path, path, strlen(path) + 1);
    return 0;
}

static int dial(const struct sockaddr_un *a)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* A socket left behind by a crash is removed; one that is answered, or anything else, is not. */
static int clear_path(const struct sockaddr_un *a, struct err *e)
{
    struct stat st;
    if (lstat(a->sun_path, &st) != 0)
        return errno == ENOENT ? 0 : err_set_errno(e, "%s", a->sun_path);
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, ERR_EXISTS,
                       "%s is there and is no socket; remove it or name another path", a->sun_path);
    int fd = dial(a);
    if (fd >= 0) {
        close(fd);
        return err_set(e, ERR_EXISTS, "%s: another daemon answers there; stop it first",
                       a->sun_path);
    }
    if (errno != ECONNREFUSED)
        return err_set_errno(e, "%s", a->sun_path);
    return unlink(a->sun_path) == 0 ? 0 : err_set_errno(e, "removing the old %s", a->sun_path);
}

/* The rights are set before anybody can connect: between bind and listen. */
static int open_door(struct ctlsock *s, struct err *e)
{
    int rc = clear_path(&s->address, e);
    if (rc)
        return rc;
    s->watch.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->watch.fd < 0)
        return err_set_errno(e, "making a socket");
    if (bind(s->watch.fd, (struct sockaddr *)&s->address, sizeof(s->address)) != 0)
        return err_set_errno(e, "%s", s->address.sun_path);
    if (chmod(s->address.sun_path, RIGHTS) == 0 && listen(s->watch.fd, BACKLOG) == 0 &&
        loop_watch_add(s->loop, &s->watch, EPOLLIN) == 0)
        return 0;
    rc = err_set_errno(e, "%s", s->address.sun_path);
    unlink(s->address.sun_path);
    return rc;
}

int ctlsock_create(struct loop *loop, const char *path, const struct ctlsock_handlers *handlers,
                   struct ctlsock **out, struct err *e)
{
    struct ctlsock *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(e, ERR_NOMEM, "no memory for the control socket");
    s->loop = loop;
    s->handlers = *handlers;
    s->watch = (struct loop_watch){.ready = on_knock, .owner = s, .fd = -1};
    int rc = set_address(path, &s->address, e);
    rc = rc ? rc : open_door(s, e);
    if (rc) {
        if (s->watch.fd >= 0)
            close(s->watch.fd);
        free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void ctlsock_destroy(struct ctlsock *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < CTLSOCK_CLIENTS_MAX; i++)
        if (s->clients[i].server)
            client_drop(&s->clients[i]);
    loop_watch_remove(s->loop, &s->watch);
    close(s->watch.fd);
    unlink(s->address.sun_path);
    free(s);
}

/* --- the client's side --- */

struct ctlsock_link {
    int fd;
    size_t at, len;
    char bytes[CTLSOCK_LINE_MAX + 1];
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

static int dial_error(const char *path, struct err *e)
{
    switch (errno) {
    case ENOENT:
    case ECONNREFUSED:
        return err_set(e, ERR_NOTFOUND,
                       "%s: no daemon answers there; is it running, and is this its "
                       "control_socket?",
                       path);
    case EACCES:
        return err_set(e, ERR_DENIED,
                       "%s: this user may not ask the daemon; run it as root, or join the "
                       "socket's group",
                       path);
    case EAGAIN:
        return err_set(e, ERR_TIMEOUT, "%s: the daemon does not take new clients", path);
    default:
        return err_set_errno(e, "%s", path);
    }
}

int ctlsock_connect(const char *path, struct ctlsock_link **out, struct err *e)
{
    struct sockaddr_un a;
    int rc = set_address(path, &a, e);
    if (rc)
        return rc;
    int fd = dial(&a);
    if (fd < 0)
        return dial_error(path, e);
    struct ctlsock_link *link = calloc(1, sizeof(*link));
    if (!link) {
        close(fd);
        return err_set(e, ERR_NOMEM, "no memory to ask the daemon");
    }
    link->fd = fd;
    snprintf(link->path, sizeof(link->path), "%s", path);
    *out = link;
    return 0;
}

void ctlsock_close(struct ctlsock_link *link)
{
    if (!link)
        return;
    close(link->fd);
    free(link);
}

int ctlsock_fd(const struct ctlsock_link *link)
{
    return link->fd;
}

/* Waits until the socket is ready; ERR_TIMEOUT at `until`. */
static int wait_for(const struct ctlsock_link *link, short events, struct clk_mono until,
                    struct err *e)
{
    int64_t ms = until.ms - clk_mono(clk_system()).ms;
    struct pollfd p = {.fd = link->fd, .events = events};
    int n = poll(&p, 1, ms < 0 ? 0 : (int)ms);
    if (n > 0)
        return 0;
    if (n < 0)
        return errno == EINTR ? err_set(e, ERR_AGAIN, "interrupted")
                              : err_set_errno(e, "%s", link->path);
    return err_set(e, ERR_TIMEOUT, "%s: the daemon does not answer in time", link->path);
}

static int hung_up(const struct ctlsock_link *link, struct err *e)
{
    return err_set(e, ERR_NOTFOUND, "%s: the daemon hung up", link->path);
}

/* The line and its end in one piece, so that a small request is one packet. */
static int send_all(struct ctlsock_link *link, const char *bytes, size_t len, struct clk_mono until,
                    struct err *e)
{
    while (len) {
        ssize_t n = send(link->fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            int rc = wait_for(link, POLLOUT, until, e);
            if (rc && rc != ERR_AGAIN)
                return rc;
            continue;
        }
        if (n < 0 && errno != EINTR)
            return hung_up(link, e);
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int ctlsock_ask(struct ctlsock_link *link, const char *line, size_t len, struct err *e)
{
    struct clk_mono until = clk_mono_add(clk_mono(clk_system()), CTLSOCK_ASK_MS);
    int rc = send_all(link, line, len, until, e);
    return rc ? rc : send_all(link, "\n", 1, until, e);
}

/* The first whole line of what has come; NULL: none yet. */
static const char *take_line(struct ctlsock_link *link, size_t *len)
{
    char *line = link->bytes + link->at;
    char *end = memchr(line, '\n', link->len - link->at);
    if (!end)
        return NULL;
    *end = '\0';
    *len = (size_t)(end - line);
    link->at += *len + 1;
    return line;
}

static int receive(struct ctlsock_link *link, struct err *e)
{
    memmove(link->bytes, link->bytes + link->at, link->len - link->at);
    link->len -= link->at;
    link->at = 0;
    if (link->len == sizeof(link->bytes))
        return err_set(e, ERR_LIMIT, "%s: a line of more than %d bytes", link->path,
                       CTLSOCK_LINE_MAX);
    ssize_t n = recv(link->fd, link->bytes + link->len, sizeof(link->bytes) - link->len, 0);
    if (n > 0)
        link->len += (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        return hung_up(link, e);
    return 0;
}

int ctlsock_next(struct ctlsock_link *link, int timeout_ms, const char **line, size_t *len,
                 struct err *e)
{
    struct clk_mono until = clk_mono_add(clk_mono(clk_system()), timeout_ms);
    while (!(*line = take_line(link, len))) {
        int rc = wait_for(link, POLLIN, until, e);
        rc = rc ? rc : receive(link, e);
        if (rc)
            return rc;
    }
    return 0;
}
