#include "collector/core/replies.h"

#include <stdio.h>
#include <string.h>

void replies_init(struct replies *r)
{
    r->next = 0;
    r->count = 0;
}

const struct operator_reply *replies_find(const struct replies *r, const char *operator_name,
                                          const char *id)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->ring[i].reply.id, id) == 0 &&
            strcmp(r->ring[i].operator_name, operator_name) == 0)
            return &r->ring[i].reply;
    return NULL;
}

void replies_put(struct replies *r, const char *operator_name, const struct operator_reply *reply)
{
    r->ring[r->next].reply = *reply;
    snprintf(r->ring[r->next].operator_name, NAME_SIZE, "%s", operator_name);
    r->next = (r->next + 1) % REPLIES_MAX;
    if (r->count < REPLIES_MAX)
        r->count++;
}
