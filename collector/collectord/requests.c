/* What operators ask: acknowledge, list, relay a command; and what they are answered. */
#include "base/log.h"
#include "collector/collectord/collectord.h"
#include "model/topic.h"

static void send_reply(struct collectord *c, const char *operator_name,
                       const struct operator_reply *r, const struct journal_entry *audit, bool keep)
{
    static char payload[16384];
    char topic[TOPIC_SIZE];
    struct buf body;
    buf_init(&body, payload, sizeof(payload));
    if (operator_reply_encode(r, &body) < 0) {
        log_error("the reply to %s's request %s cannot be encoded", operator_name, r->id);
        return;
    }
    struct journal_entry e = {.kind = keep ? JOURNAL_REPLY : JOURNAL_PLAIN,
                              .at_ms = clk_utc(c->clk).ms,
                              .topic =
                                  topic_format(TOPIC_OPERATOR_REPLY, NULL, operator_name, topic),
                              .key = r->id,
                              .who = operator_name,
                              .what = audit ? audit->what : NULL,
                              .object = audit ? audit->object : NULL,
                              .text = audit ? audit->text : NULL,
                              .payload = payload,
                              .payload_len = body.len};
    batch_journal(c, &e);
}

void requests_reply(struct collectord *c, const char *operator_name, const struct operator_reply *r,
                    const struct journal_entry *audit)
{
    replies_put(c->replies, operator_name, r);
    send_reply(c, operator_name, r, audit, true);
}

static void step_request(struct collectord *c, const struct access_member *who,
                         const struct operator_request *request)
{
    static struct operator_reply r; /* 3 KB */
    switch (request->verb) {
    case OPERATOR_ACKNOWLEDGE:
        alarm_step_request(c->alarms, who, request, collectord_now(c), &r);
        requests_reply(c, who->name, &r, NULL);
        break;
    case OPERATOR_SNAPSHOT: /* asked again it is to show what stands then */
        alarm_step_request(c->alarms, who, request, collectord_now(c), &r);
        send_reply(c, who->name, &r, NULL, false);
        break;
    case OPERATOR_COMMAND:
        commands_request(c, who, request);
        break;
    }
}

void requests_message(struct collectord *c, const char *operator_name, const char *body, size_t len)
{
    struct operator_request request;
    struct err e = {0};
    char more[COMPLAINT_MORE_SIZE];
    const struct access_member *who = operators_find(&c->operators, operator_name);
    if (operator_request_decode(body, len, &request, &e) < 0 || !who) {
        if (complaint_may(&c->complaints, operator_name, who ? e.text : NULL, clk_mono(c->clk),
                          more))
            log_warn("request of operator %s: %s%s", operator_name,
                     who ? e.text : "not in the operators file", more);
        return;
    }
    const struct operator_reply *before = replies_find(c->replies, operator_name, request.id);
    if (before)
        send_reply(c, operator_name, before, NULL, false);
    else
        step_request(c, who, &request);
}
