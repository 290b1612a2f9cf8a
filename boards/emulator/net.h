/*
 * The few socket calls of the emulator: listening on TCP, connecting without waiting, stream
 * sockets in the file system. Descriptors are non-blocking, close-on-exec, and the caller's.
 */
#ifndef EMULATOR_NET_H
#define EMULATOR_NET_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

struct net_address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/* Resolves once, at start; may wait for the resolver when host is a name. */
int net_resolve(const char *host, uint16_t port, struct net_address *out, struct err *e);
/* Listens; *port 0 is replaced by the free one that was found. */
int net_listen(const char *host, uint16_t *port, struct err *e);
/* The next connection, without Nagle's delay; negative when there is none. */
int net_accept(int listener);
/* Begins to connect; writable when it is done. ERR_IO. */
int net_connect(const struct net_address *to);
/* A listening socket at `path`; one left by a dead process is replaced, a living one is
 * ERR_EXISTS. */
int net_listen_local(const char *path, struct err *e);
/* Connects, waiting. */
int net_connect_local(const char *path, struct err *e);

#endif
