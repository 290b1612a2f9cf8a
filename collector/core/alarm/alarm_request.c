/*
 * What an operator asks of an alarm, and the answer.
 */
#include <inttypes.h>
#include <stdio.h>

#include "collector/core/alarm/alarm_engine.h"
#include "collector/core/operators/replies.h"

static bool seen_is_current(const struct watch *w, const struct operator_request *r)
{
    return r->occurrence == w->occurrence && r->revision >= w->serious_revision &&
           r->revision <= w->revision;
}

static void acknowledge(struct alarm_engine *eng, struct watch *w, const struct access_member *who,
                        const struct operator_request *request, struct alarm_now now,
                        struct operator_reply *reply)
{
    const struct change c = {.event = LIFECYCLE_ACKNOWLEDGE,
                             .who = who->name,
                             .why = "acknowledged",
                             .request = request};
    if (!seen_is_current(w, request))
        replies_say(reply, "stale",
                    "you saw occurrence %" PRIu64 ", revision %" PRIu64
                    "; it is occurrence %" PRIu64 ", revision %" PRIu64 " by now: look again",
                    request->occurrence, request->revision, w->occurrence, w->revision);
    else if (watch_change(eng, w, &c, now) == LIFECYCLE_MOVED)
        replies_say(reply, "done", "acknowledged");
    else if (w->state == ALARM_ACKNOWLEDGED)
        replies_say(reply, "refused", "%s has acknowledged it already", w->acknowledged_by);
    else
        replies_say(reply, "refused", "there is nothing to acknowledge while it is %s",
                    alarm_state_name(w->state));
}

static void snapshot(const struct alarm_engine *eng, const struct access_member *who,
                     const struct operator_request *request, struct operator_reply *reply)
{
    uint32_t count = 0;
    size_t cursor = 0;
    struct alert a;
    while (alarm_next_listed(eng, request->area, &cursor, &a)) {
        if (!operator_sees(who, a.area, a.class))
            continue;
        if (count++ == request->page) {
            reply->has_alert = true;
            reply->alert = a;
        }
    }
    replies_say(reply, "done", "%u standing in %s", (unsigned)count, request->area);
}

void alarm_step_request(struct alarm_engine *eng, const struct access_member *who,
                        const struct operator_request *request, struct alarm_now now,
                        struct operator_reply *reply)
{
    *reply = (struct operator_reply){0};
    snprintf(reply->id, sizeof(reply->id), "%s", request->id);
    struct watch *w = watch_find(eng, request->alert);
    if (request->expires.ms != 0 && request->expires.ms < now.utc.ms) {
        replies_say(reply, "expired", "the request came after its own expiry; ask again");
        return;
    }
    if (request->verb == OPERATOR_SNAPSHOT) {
        snapshot(eng, who, request, reply);
        return;
    }
    const char *area = w ? eng->areas[eng->gateways[w->gateway].area].name : NULL;
    /* One who may not see an alarm is not told that it exists. */
    if (!w || w->occurrence == 0 || !operator_sees(who, area, (enum alarm_class)w->rule->class)) {
        replies_say(reply, "unknown", "no alert %s among those you may see", request->alert);
        return;
    }
    if (!who->requests)
        replies_say(reply, "refused", "%s may look and not acknowledge", who->name);
    else
        acknowledge(eng, w, who, request, now, reply);
    reply->has_alert = true;
    watch_alert(eng, w, &reply->alert);
}
