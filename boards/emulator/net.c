#include "boards/emulator/net.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG     64
#define STREAM_KIND (SOCK_STREAM | SOCK_CLOEXEC)

int net_resolve(const char *host, uint16_t port, struct net_address *out, struct err *e)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    int r = getaddrinfo(host, service, &hints, &found);
    if (r != 0)
        return err_set(e, ERR_IO, "cannot resolve %s: %s", host, gai_strerror(r));
    memcpy(&out->storage, found->ai_addr, found->ai_addrlen);
    out->len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static uint16_t bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound;
    socklen_t len = sizeof(bound);
    memset(&bound, 0, sizeof(bound));
    if (getsockname(fd, &bound.any, &len) < 0)
        return 0;
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}

int net_listen(const char *host, uint16_t *port, struct err *e)
{
    struct net_address at = {0};
    int one = 1;
    int r = net_resolve(host, *port, &at, e);
    if (r < 0)
        return r;
    int fd = socket(at.storage.ss_family, STREAM_KIND | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set_errno(e, "cannot open a socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&at.storage, at.len) < 0 || listen(fd, BACKLOG) < 0) {
        r = err_set_errno(e, "cannot listen on %s port %u", host, *port);
        close(fd);
        return r;
    }
    *port = bound_port(fd);
    return fd;
}

static void no_delay(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

int net_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        no_delay(fd);
    return fd;
}

int net_connect(const struct net_address *to)
{
    int fd = socket(to->storage.ss_family, STREAM_KIND | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ERR_IO;
    no_delay(fd);
    if (connect(fd, (const struct sockaddr *)&to->storage, to->len) < 0 && errno != EINPROGRESS) {
        close(fd);
        return ERR_IO;
    }
    return fd;
}

static int local_address(const char *path, struct sockaddr_un *out, struct err *e)
{
    memset(out, 0, sizeof(*out));
    out->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(out->sun_path))
        return err_set(e, ERR_LIMIT, "the path of the socket is longer than %zu bytes: %s",
                       sizeof(out->sun_path) - 1, path);
    memcpy(out->sun_path, path, strlen(path));
    return 0;
}

int net_connect_local(const char *path, struct err *e)
{
    struct sockaddr_un at;
    int r = local_address(path, &at, e);
    if (r < 0)
        return r;
    int fd = socket(AF_UNIX, STREAM_KIND, 0);
    if (fd < 0)
        return err_set_errno(e, "cannot open a socket");
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
        r = err_set_errno(
            e, "nobody answers at %s; is the emulator running with this control socket", path);
        close(fd);
        return r;
    }
    return fd;
}

int net_listen_local(const char *path, struct err *e)
{
    struct sockaddr_un at;
    int r = local_address(path, &at, e);
    if (r < 0)
        return r;
    int living = net_connect_local(path, NULL);
    if (living >= 0) {
        close(living);
        return err_set(e, ERR_EXISTS, "another emulator answers at %s", path);
    }
    int fd = socket(AF_UNIX, STREAM_KIND | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set_errno(e, "cannot open a socket");
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, BACKLOG) < 0) {
        r = err_set_errno(e, "cannot listen at %s", path);
        close(fd);
        return r;
    }
    return fd;
}
