/*
 * The daemon's status as one JSON document: what `status`, `wait` and `doctor` look at.
 *
 *     {"v":1,"gateway":{},"uplink":{},"spool":{},"counts":{},"buses":[{}],"devices":[{}]}
 */
#ifndef GATEWAY_GATEWAYCTL_STATUS_H
#define GATEWAY_GATEWAYCTL_STATUS_H

#include "gateway/gatewayctl/ask.h"

#define STATUS_MAX   (512 * 1024)
#define STATUS_PARTS 4

struct status {
    struct json_doc *doc;
    struct buf text; /* the same, as it is printed by --json */
    char *memory;
    const char *list; /* being written */
};

/* Asks and fills s; status_finish frees it. */
int status_ask(struct ask *a, struct status *s, struct err *e);
void status_finish(struct status *s); /* one that was never filled is fine */

/* A stable word of the daemon in the reader's language. */
const char *status_word(const char *word);

#endif
