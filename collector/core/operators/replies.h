/*
 * The replies lately given to operators, so that a request whose answer was lost can be asked again
 * and gets the same answer instead of acting twice.
 *
 * A ring in memory, mirrored by the store: the caller puts each reply into the commit of what it
 * answers, and gives the rows back at start, oldest first. At most REPLIES_MAX; the oldest is
 * forgotten first, and with it at most an acknowledgement can be judged a second time, which the
 * revision it carries then refuses. No allocation; one thread.
 */
#ifndef COLLECTOR_CORE_OPERATORS_REPLIES_H
#define COLLECTOR_CORE_OPERATORS_REPLIES_H

#include <stddef.h>

#include "model/message.h"
#include "model/name.h"

#define REPLIES_MAX 512

struct replies {
    size_t next, count; /* `next` is overwritten next */
    struct {
        char operator_name[NAME_SIZE];
        struct operator_reply reply;
    } ring[REPLIES_MAX];
};

void replies_init(struct replies *r);
/* Ids are the operator's own: the same id of another operator is another request. NULL: new. */
const struct operator_reply *replies_find(const struct replies *r, const char *operator_name,
                                          const char *id);
/* A later reply to the same id takes the place of the earlier one. */
void replies_put(struct replies *r, const char *operator_name, const struct operator_reply *reply);

/* Fills result and reason. */
__attribute__((format(printf, 3, 4))) void replies_say(struct operator_reply *reply,
                                                       const char *result, const char *fmt, ...);

#endif
