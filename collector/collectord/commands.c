/*
 * Commands through the collector: from an operator's request to the gateway's topic, and from the
 * gateway's result back to who asked. Nothing is signed here: there is no key.
 *
 * Each step leaves an audit line in the commit that makes it public: a relayed command with its
 * publication, a refusal with the reply, a result with its pack.
 */
#include "base/log.h"
#include "collector/collectord/collectord.h"
#include "model/topic.h"

#define OBJECT_SIZE (3 * NAME_SIZE) /* "gateway/device/point" */
#define TEXT_SIZE   512

static const char *object_text(const char *gateway, const char *target, char text[OBJECT_SIZE])
{
    snprintf(text, OBJECT_SIZE, "%s%s%s", gateway, target[0] ? "/" : "", target);
    return text;
}

static void put_value(struct buf *out, const struct value *v)
{
    if (v->type == VALUE_NUMBER)
        json_write_number(out, v->number);
    else if (v->type == VALUE_BOOL)
        buf_str(out, v->boolean ? "true" : "false");
    else if (v->type == VALUE_STRING)
        json_write_string(out, v->string);
}

/* --- from the operator to the gateway --- */

static void describe_command(const struct command *c, struct buf *out)
{
    if (c->action == COMMAND_RELEASE) {
        buf_str(out, "release");
        return;
    }
    buf_str(out, "set ");
    put_value(out, &c->value);
    if (c->hold_s > 0)
        buf_fmt(out, " for %u s", (unsigned)c->hold_s);
}

static void publish_command(struct collectord *c, const struct access_member *who,
                            const struct operator_request *request, const struct command *command)
{
    char topic[TOPIC_SIZE], object[OBJECT_SIZE], memory[TEXT_SIZE];
    struct buf text;
    buf_init(&text, memory, sizeof(memory));
    buf_str(&text, "relayed: ");
    describe_command(command, &text);
    buf_fmt(&text, ", id %s", command->id);
    struct journal_entry e = {
        .kind = JOURNAL_PLAIN,
        .at_ms = clk_utc(c->clk).ms,
        .topic = topic_format(TOPIC_COMMAND, request->area, request->gateway, topic),
        .who = who->name,
        .what = "command",
        .object = object_text(command->gateway, command->target, object),
        .text = buf_cstr(&text),
        .payload = request->jws,
        .payload_len = strlen(request->jws)};
    log_info("command of %s to %s %s", who->name, e.object, e.text);
    batch_journal(c, &e);
}

void commands_request(struct collectord *c, const struct access_member *who,
                      const struct operator_request *request)
{
    const struct peer *p = packs_peer(c, request->gateway);
    const struct relay_request q = {.who = who,
                                    .request = request,
                                    .area = p ? p->area : NULL,
                                    .online = p && p->online,
                                    .utc = clk_utc(c->clk),
                                    .mono = clk_mono(c->clk)};
    struct command command;
    static struct operator_reply r; /* 3 KB */
    bool known = false;
    if (relay_step_request(c->relay, &q, &command, &r)) {
        publish_command(c, who, request, &command);
        known = true;
    }
    char object[OBJECT_SIZE], text[TEXT_SIZE];
    snprintf(text, sizeof(text), "%s: %s; id %s", r.result, r.reason, request->id);
    const struct journal_entry audit = {.what = "command",
                                        .object =
                                            object_text(request->gateway, command.target, object),
                                        .text = text};
    if (!known)
        log_info("command of %s to %s %s", who->name, audit.object, text);
    requests_reply(c, who->name, &r, known ? NULL : &audit);
}

/* --- from the gateway to the operator --- */

static void audit_result(struct collectord *c, const char *gateway, const struct command_result *r,
                         const char *who)
{
    char object[OBJECT_SIZE], memory[TEXT_SIZE];
    struct buf text;
    buf_init(&text, memory, sizeof(memory));
    buf_str(&text, command_outcome_name(r->outcome));
    if (r->reason[0])
        buf_fmt(&text, ": %s", r->reason);
    if (r->value.type != VALUE_NONE) {
        buf_str(&text, "; read back ");
        put_value(&text, &r->value);
    }
    buf_fmt(&text, "; id %s, key %s", r->id[0] ? r->id : "not readable",
            r->kid[0] ? r->kid : "not named");
    object_text(gateway, r->target, object);
    log_info("command of %s to %s %s", who[0] ? who : "nobody known", object, buf_cstr(&text));
    if (store_put_audit(c->store, clk_utc(c->clk), who[0] ? who : gateway, "command result", object,
                        buf_cstr(&text)) < 0)
        log_error("no room to audit the result of a command to %s", object);
    batch_note(c);
}

static void take_result(struct collectord *c, const char *gateway, const struct command_result *r)
{
    static struct operator_reply reply; /* 3 KB */
    char who[NAME_SIZE] = "";
    bool asked = relay_step_result(c->relay, gateway, r, who, &reply);
    audit_result(c, gateway, r, who);
    if (asked && operators_find(&c->operators, who))
        requests_reply(c, who, &reply, NULL);
}

void commands_results(struct collectord *c, struct pack *pack)
{
    struct pack_record record;
    const char *gateway = pack->head.gateway;
    while (pack_next(pack, &record)) {
        struct command_result result;
        struct err e = {0};
        char more[COMPLAINT_MORE_SIZE];
        if (strcmp(record.device, COMMAND_RECORD) != 0 || record.point[0] ||
            record.type != VALUE_STRING)
            continue; /* what was read back, a point a record; it stays in the stored pack */
        if (command_result_decode(record.string, strlen(record.string), &result, &e) == 0)
            take_result(c, gateway, &result);
        else if (complaint_may(&c->complaints, gateway, e.text, clk_mono(c->clk), more))
            log_warn("the result of a command from gateway %s cannot be read: %s%s", gateway,
                     e.text, more);
    }
}

void commands_step_time(struct collectord *c)
{
    static struct operator_reply reply; /* 3 KB */
    struct relay_entry entry;
    while (relay_take_silent(c->relay, clk_mono(c->clk), &entry, &reply)) {
        char object[OBJECT_SIZE], text[TEXT_SIZE];
        snprintf(text, sizeof(text), "unknown: no result in time; id %s", entry.id);
        const struct journal_entry audit = {.what = "command",
                                            .object =
                                                object_text(entry.gateway, entry.target, object),
                                            .text = text};
        log_warn("command of %s to %s %s", entry.operator_name, audit.object, text);
        requests_reply(c, entry.operator_name, &reply, &audit);
    }
}
