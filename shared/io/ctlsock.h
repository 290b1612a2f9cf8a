/*
 * A daemon's control socket: one JSON object a line, both ways, over a Unix stream socket that only
 * its owner and group may open (the rights are the file's; SO_PEERCRED tells who asks).
 *
 * Server: on the loop, never waits. A client sends one request a line; the daemon answers with any
 * number of lines, at once or later. A client that does not read is cut off when CTLSOCK_OUT_MAX
 * bytes wait for it; more than CTLSOCK_CLIENTS_MAX are refused with a line that says so. Longer
 * lines than CTLSOCK_LINE_MAX end the connection.
 *
 * Client: blocking, with a deadline on every call; for gatewayctl and the like.
 */
#ifndef IO_CTLSOCK_H
#define IO_CTLSOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "io/loop.h"

#define CTLSOCK_LINE_MAX    65536
#define CTLSOCK_OUT_MAX     (1024 * 1024)
#define CTLSOCK_CLIENTS_MAX 16
#define CTLSOCK_ASK_MS      5000 /* a request is taken by the daemon within this */

struct ctlsock;
struct ctlsock_client;

struct ctlsock_handlers {
    /* line: NUL-terminated, without its end. */
    void (*request)(void *owner, struct ctlsock_client *client, const char *line, size_t len);
    /* The client is gone, or was cut off; its pointer is dead afterwards. */
    void (*gone)(void *owner, struct ctlsock_client *client);
    void *owner;
};

/* Makes the socket with mode 0660, replacing one nobody listens on. ERR_EXISTS when another daemon
 * answers there; ERR_IO. */
int ctlsock_create(struct loop *loop, const char *path, const struct ctlsock_handlers *handlers,
                   struct ctlsock **out, struct err *e);
void ctlsock_destroy(struct ctlsock *s); /* removes the file; NULL is fine */

/* Queues a line (its end is added). ERR_FULL: the client was cut off, and `gone` was called. */
int ctlsock_send(struct ctlsock_client *client, const char *line, size_t len);
uid_t ctlsock_uid(const struct ctlsock_client *client);

/* --- the client's side --- */

struct ctlsock_link;

/* ERR_NOTFOUND: no daemon there; ERR_DENIED: no right to ask it. e says what to do. */
int ctlsock_connect(const char *path, struct ctlsock_link **out, struct err *e);
void ctlsock_close(struct ctlsock_link *link); /* NULL is fine */
/* Readable when a line may be there: for a caller that also watches a keyboard. */
int ctlsock_fd(const struct ctlsock_link *link);
int ctlsock_ask(struct ctlsock_link *link, const char *line, size_t len, struct err *e);
/* The next line, borrowed until the next call. ERR_TIMEOUT; ERR_AGAIN when a signal came;
 * ERR_NOTFOUND when the daemon hung up. */
int ctlsock_next(struct ctlsock_link *link, int timeout_ms, const char **line, size_t *len,
                 struct err *e);

#endif
