/*
 * Asking the running gatewayd: what it takes is said in gateway/core/ctl.h.
 *
 *     struct ask *a;
 *     int rc = ask_open(&options, &a, &e);
 *     rc = rc ? rc : ask_send(a, "timing", ",\"bus\":\"rs485-1\"", &e);
 *     while (rc == 0 && (rc = ask_next(a, ASK_PATIENCE_MS, &line, &e)) > 0)
 *         ... json_get(line, "bus") ...
 *     ask_close(a);
 *
 * A refusal of the daemon becomes an err with its code and text, fit for cli_fail. One request at a
 * time; a connection that ends gives back what it was lent (a bus's port). Blocking; one thread.
 */
#ifndef GATEWAY_GATEWAYCTL_ASK_H
#define GATEWAY_GATEWAYCTL_ASK_H

#include <stddef.h>

#include "base/cli.h"
#include "base/err.h"
#include "model/json.h"

#define ASK_PATIENCE_MS 15000 /* for an answer that needs no more than a slow bus */
#define ASK_OPTIONS     2

struct ask_options {
    const char *socket; /* NULL: what the configuration says */
    const char *config; /* GATEWAYCTL_CONFIG unless -c names another */
};

struct ask;

/* Fills ASK_OPTIONS places of a verb's table: --socket and -c; sets the defaults of o. */
void ask_put_options(struct ask_options *o, struct cli_option *table);

/* The socket's path: of the option, else of the configuration, which need not be right otherwise.
 * ERR_INVALID when the configuration wants no control socket. */
int ask_path(const struct ask_options *o, char *path, size_t size, struct err *e);

/* ERR_NOTFOUND: no daemon there; ERR_DENIED: no right to ask it. */
int ask_open(const struct ask_options *o, struct ask **out, struct err *e);
void ask_close(struct ask *a); /* NULL is fine */
/* Readable when an answer may be there. */
int ask_fd(const struct ask *a);

/* members: "" or JSON members, each with a comma before it. */
int ask_send(struct ask *a, const char *verb, const char *members, struct err *e);
/* The next line of the answer, borrowed until the next call: 1, or 0 when it was the last. Else
 * what the daemon refused with, ERR_TIMEOUT, ERR_AGAIN (a signal), ERR_NOTFOUND (it hung up). */
int ask_next(struct ask *a, int timeout_ms, const struct json **line, struct err *e);
/* A request that is answered by one line; the line is borrowed until the next call. */
int ask_once(struct ask *a, const char *verb, const char *members, int timeout_ms,
             const struct json **line, struct err *e);

/* Members of a line, or what stands for them when they are not there. */
const char *ask_text(const struct json *v, const char *key, const char *otherwise);
double ask_number(const struct json *v, const char *key, double otherwise);
bool ask_flag(const struct json *v, const char *key);

#endif
