#include "collector/core/operators/replies.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void replies_init(struct replies *r)
{
    r->next = 0;
    r->count = 0;
}

/* r->count when there is none. */
static size_t place_of(const struct replies *r, const char *operator_name, const char *id)
{
    size_t at = 0;
    while (at < r->count && (strcmp(r->ring[at].reply.id, id) != 0 ||
                             strcmp(r->ring[at].operator_name, operator_name) != 0))
        at++;
    return at;
}

const struct operator_reply *replies_find(const struct replies *r, const char *operator_name,
                                          const char *id)
{
    size_t at = place_of(r, operator_name, id);
    return at < r->count ? &r->ring[at].reply : NULL;
}

void replies_put(struct replies *r, const char *operator_name, const struct operator_reply *reply)
{
    size_t before = place_of(r, operator_name, reply->id);
    if (before < r->count) {
        r->ring[before].reply = *reply;
        return;
    }
    r->ring[r->next].reply = *reply;
    snprintf(r->ring[r->next].operator_name, NAME_SIZE, "%s", operator_name);
    r->next = (r->next + 1) % REPLIES_MAX;
    if (r->count < REPLIES_MAX)
        r->count++;
}

void replies_say(struct operator_reply *reply, const char *result, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    snprintf(reply->result, sizeof(reply->result), "%s", result);
    vsnprintf(reply->reason, sizeof(reply->reason), fmt, ap);
    va_end(ap);
}
