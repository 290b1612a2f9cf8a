#include "collector/core/operators/relay.h"

#include <stdio.h>
#include <string.h>

#include "collector/core/operators/operators.h"
#include "collector/core/operators/replies.h"

void relay_init(struct relay *r)
{
    r->count = 0;
}

static void remove_at(struct relay *r, size_t at)
{
    r->count--;
    memmove(&r->entries[at], &r->entries[at + 1], (r->count - at) * sizeof(r->entries[0]));
}

/* Says why, and is false. */
#define refuse(reply, ...) (replies_say(reply, __VA_ARGS__), false)

/* --- requests --- */

static bool may_command(const struct relay_request *q, struct operator_reply *reply)
{
    const struct access_member *who = q->who;
    if (!who->requests)
        return refuse(reply, "refused", "%s may look and not command", who->name);
    if (!operator_has_area(who, q->request->area))
        return refuse(reply, "refused", "area %s is not one of yours", q->request->area);
    if (!(who->classes & RELAY_CLASSES))
        return refuse(reply, "refused",
                      "%s answers for none of the classes lighting, energy and traffic", who->name);
    return true;
}

static bool can_arrive(const struct relay_request *q, struct operator_reply *reply)
{
    const struct operator_request *request = q->request;
    if (!q->area || strcmp(q->area, request->area) != 0)
        return refuse(reply, "refused", "no gateway %s is known in area %s", request->gateway,
                      request->area);
    if (!q->online)
        return refuse(reply, "refused", "gateway %s is offline; nothing was sent",
                      request->gateway);
    return true;
}

/* What is signed must be what is asked for: a result is matched by the id that is signed. */
static bool is_whole(const struct operator_request *request, struct command *c,
                     struct operator_reply *reply)
{
    char payload[COMMAND_SIZE_MAX];
    struct buf b;
    struct jws jws;
    struct err e = {0};
    buf_init(&b, payload, sizeof(payload));
    if (jws_split(request->jws, strlen(request->jws), &jws, &b, &e) < 0 ||
        command_decode(b.data, b.len, c, &e) < 0)
        return refuse(reply, "refused", "the command cannot be read: %s", e.text);
    if (strcmp(c->id, request->id) != 0)
        return refuse(reply, "refused", "the command's id %s is not the request's", c->id);
    if (strcmp(c->gateway, request->gateway) != 0)
        return refuse(reply, "refused", "the command is signed for gateway %s", c->gateway);
    return true;
}

static bool has_room(const struct relay *r, const char *operator_name, struct operator_reply *reply)
{
    size_t own = 0;
    for (size_t i = 0; i < r->count; i++)
        own += strcmp(r->entries[i].operator_name, operator_name) == 0;
    if (own >= RELAY_OPERATOR_MAX)
        return refuse(reply, "refused", "%zu commands of yours wait for their gateways; try later",
                      own);
    if (r->count == RELAY_MAX)
        return refuse(reply, "refused", "%d commands wait for their gateways; try later",
                      RELAY_MAX);
    return true;
}

static const struct relay_entry *find_own(const struct relay *r, const char *operator_name,
                                          const char *id)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->entries[i].id, id) == 0 &&
            strcmp(r->entries[i].operator_name, operator_name) == 0)
            return &r->entries[i];
    return NULL;
}

static void remember(struct relay *r, const struct relay_request *q, const struct command *c)
{
    struct relay_entry *entry = &r->entries[r->count++];
    *entry = (struct relay_entry){.until = clk_mono_add(q->mono, RELAY_TIMEOUT_MS)};
    snprintf(entry->operator_name, sizeof(entry->operator_name), "%s", q->who->name);
    snprintf(entry->gateway, sizeof(entry->gateway), "%s", c->gateway);
    snprintf(entry->target, sizeof(entry->target), "%s", c->target);
    snprintf(entry->id, sizeof(entry->id), "%s", c->id);
}

bool relay_step_request(struct relay *r, const struct relay_request *q, struct command *c,
                        struct operator_reply *reply)
{
    const struct operator_request *request = q->request;
    *c = (struct command){0};
    *reply = (struct operator_reply){0};
    snprintf(reply->id, sizeof(reply->id), "%s", request->id);
    if (request->expires.ms != 0 && request->expires.ms < q->utc.ms)
        return refuse(reply, "expired", "the request came after its own expiry; ask again");
    if (!may_command(q, reply) || !can_arrive(q, reply) || !is_whole(request, c, reply))
        return false;
    bool under_way = find_own(r, q->who->name, request->id) != NULL;
    if (!under_way && !has_room(r, q->who->name, reply))
        return false;
    if (!under_way)
        remember(r, q, c);
    replies_say(reply, "relayed", "on its way to %s", c->gateway);
    return !under_way;
}

/* --- results --- */

/* A gateway that speaks about a command on its way to another is not believed. */
static bool is_of_another(const struct relay *r, const char *gateway,
                          const struct command_result *result)
{
    const struct relay_entry *entry = find_own(r, result->operator_name, result->id);
    return entry && strcmp(entry->gateway, gateway) != 0;
}

/* Who waits for it: an id is the asker's own choice, so the gateway must match, too, and with two
 * askers of one id the one whose key signed. */
static size_t find_asker(const struct relay *r, const char *gateway,
                         const struct command_result *result)
{
    size_t found = r->count;
    for (size_t i = 0; i < r->count; i++) {
        const struct relay_entry *entry = &r->entries[i];
        if (strcmp(entry->id, result->id) != 0 || strcmp(entry->gateway, gateway) != 0)
            continue;
        if (strcmp(entry->operator_name, result->operator_name) == 0)
            return i;
        found = i;
    }
    return found;
}

bool relay_step_result(struct relay *r, const char *gateway, const struct command_result *result,
                       char operator_name[NAME_SIZE], struct operator_reply *reply)
{
    if (result->id[0] == '\0') /* what was refused could not even be read */
        return false;
    if (is_of_another(r, gateway, result))
        return false;
    size_t at = find_asker(r, gateway, result);
    snprintf(operator_name, NAME_SIZE, "%s",
             at < r->count ? r->entries[at].operator_name : result->operator_name);
    if (at < r->count)
        remove_at(r, at);
    *reply = (struct operator_reply){.value = result->value};
    snprintf(reply->id, sizeof(reply->id), "%s", result->id);
    replies_say(reply, command_outcome_name(result->outcome), "%s", result->reason);
    return operator_name[0] != '\0';
}

bool relay_take_silent(struct relay *r, struct clk_mono now, struct relay_entry *entry,
                       struct operator_reply *reply)
{
    if (r->count == 0 || !clk_mono_due(r->entries[0].until, now))
        return false;
    *entry = r->entries[0];
    remove_at(r, 0);
    *reply = (struct operator_reply){0};
    snprintf(reply->id, sizeof(reply->id), "%s", entry->id);
    replies_say(reply, "unknown",
                "%s has not answered within %d s; its result is shown when it comes",
                entry->gateway, (int)(RELAY_TIMEOUT_MS / 1000));
    return true;
}
