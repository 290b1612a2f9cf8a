#include "boards/emulator/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boards/emulator/net.h"

struct control_client {
    struct control *control;
    struct loop_watch watch;
    size_t len;
    char line[CONTROL_LINE_MAX];
};

static void client_destroy(struct control_client *client)
{
    struct control *c = client->control;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (c->clients[i] == client)
            c->clients[i] = NULL;
    loop_watch_remove(c->loop, &client->watch);
    close(client->watch.fd);
    free(client);
}

/* Answers are far smaller than a socket's buffer: a client that does not read is let go. */
static bool answer(struct control_client *client, const char *command)
{
    struct control *c = client->control;
    struct buf out;
    struct err e = {0};
    buf_init(&out, c->answer, sizeof(c->answer) - 1);
    buf_str(&out, "OK ");
    if (c->execute(c->owner, command, &out, &e) < 0 || out.overflow) {
        buf_rewind(&out, 0);
        buf_fmt(&out, "ERR %s", e.code ? e.text : "the answer is too long");
    }
    while (out.len > 0 && out.data[out.len - 1] == ' ')
        out.len--;
    out.data[out.len++] = '\n';
    return write(client->watch.fd, out.data, out.len) == (ssize_t)out.len;
}

static bool answer_lines(struct control_client *client)
{
    char *end;
    while ((end = memchr(client->line, '\n', client->len)) != NULL) {
        *end = '\0';
        size_t used = (size_t)(end - client->line) + 1;
        if (!answer(client, client->line))
            return false;
        client->len -= used;
        memmove(client->line, client->line + used, client->len);
    }
    return client->len < sizeof(client->line);
}

static void client_ready(struct loop_watch *watch, uint32_t events)
{
    struct control_client *client = watch->owner;
    (void)events;
    ssize_t n = read(watch->fd, client->line + client->len, sizeof(client->line) - client->len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        client->len += (size_t)n;
    if (n <= 0 || !answer_lines(client))
        client_destroy(client);
}

static void listener_ready(struct loop_watch *watch, uint32_t events)
{
    struct control *c = watch->owner;
    size_t slot = 0;
    (void)events;
    int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    while (slot < CONTROL_CLIENTS_MAX && c->clients[slot])
        slot++;
    struct control_client *client =
        fd >= 0 && slot < CONTROL_CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;
    if (!client) {
        if (fd >= 0)
            close(fd);
        return;
    }
    client->control = c;
    client->watch = (struct loop_watch){.ready = client_ready, .owner = client, .fd = fd};
    c->clients[slot] = client;
    if (loop_watch_add(c->loop, &client->watch, EPOLLIN) < 0)
        client_destroy(client);
}

int control_init(struct control *c, struct loop *loop, const char *path,
                 int (*execute)(void *, const char *, struct buf *, struct err *), void *owner,
                 struct err *e)
{
    memset(c, 0, sizeof(*c));
    int fd = net_listen_local(path, e);
    if (fd < 0)
        return fd;
    c->path = path;
    c->execute = execute;
    c->owner = owner;
    c->listener = (struct loop_watch){.ready = listener_ready, .owner = c, .fd = fd};
    if (loop_watch_add(loop, &c->listener, EPOLLIN) < 0) {
        close(fd);
        return err_set_errno(e, "cannot watch %s", path);
    }
    c->loop = loop;
    return 0;
}

void control_finish(struct control *c)
{
    if (!c->loop)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (c->clients[i])
            client_destroy(c->clients[i]);
    loop_watch_remove(c->loop, &c->listener);
    close(c->listener.fd);
    unlink(c->path);
    c->loop = NULL;
}

static int send_line(int fd, const char *command, struct err *e)
{
    char line[CONTROL_LINE_MAX + 1];
    int n = snprintf(line, sizeof(line), "%s\n", command);
    if (n < 0 || (size_t)n >= sizeof(line) || strchr(command, '\n'))
        return err_set(e, ERR_INVALID, "the command is longer than a line of %d bytes",
                       CONTROL_LINE_MAX);
    if (send(fd, line, (size_t)n, MSG_NOSIGNAL) != n)
        return err_set_errno(e, "cannot send the command");
    return 0;
}

static int read_answer(int fd, char *out, size_t size, struct err *e)
{
    size_t len = 0;
    while (len < size - 1) {
        ssize_t n = read(fd, out + len, size - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(e, ERR_CLOSED, "the emulator closed the connection without an answer");
        len += (size_t)n;
        if (out[len - 1] == '\n') {
            out[len - 1] = '\0';
            return 0;
        }
    }
    return err_set(e, ERR_LIMIT, "the answer is longer than %zu bytes", size - 1);
}

int control_ask(const char *path, const char *command, char *out, size_t size, struct err *e)
{
    int fd = net_connect_local(path, e);
    if (fd < 0)
        return fd;
    int r = send_line(fd, command, e);
    if (r == 0)
        r = read_answer(fd, out, size, e);
    close(fd);
    if (r < 0)
        return r;
    if (strncmp(out, "ERR ", 4) == 0)
        return err_set(e, ERR_DENIED, "%s", out + 4);
    size_t skip = strncmp(out, "OK ", 3) == 0 ? 3 : strcmp(out, "OK") == 0 ? 2 : 0;
    memmove(out, out + skip, strlen(out + skip) + 1);
    return 0;
}
