/*
 * collectorctl command: an operator's order to an actuator, signed with the operator's own key, and
 * what came of it.
 *
 *   connect -> the gateway's state (nonce) -> sign -> request -> "relayed" -> result
 *
 * The counter is the time in milliseconds, or one above the last where the clock has fallen back: a
 * lost counter file costs nothing while the clock is right, and a wrong clock nothing while the
 * file is there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#include "collector/collectorctl/collectorctl.h"
#include "collector/collectorctl/session.h"
#include "collector/collectorctl/signing.h"
#include "collector/io/ratchet.h"
#include "model/command.h"
#include "model/json.h"
#include "model/message.h"
#include "model/topic.h"

#define AGAIN_MS                                                                                   \
    INT64_C(2000)              /* a collector that was just starting has not heard the first time  \
                                */
#define STATE_MS INT64_C(3000) /* after subscribing: retained, so it comes at once or never */

/* What the program exits with beside enum cli_exit; docs/man/collectorctl.1 has the list. */
enum { EXIT_REFUSED = 3, EXIT_NOT_DONE, EXIT_MISMATCHED, EXIT_UNKNOWN };

struct order {
    struct session session;
    struct session_options options;
    const char *gateway, *target, *value, *kid;
    int64_t hold_s, wait_s;
    bool release, json, yes;
    struct loop_timer give_up, again, no_state;
    struct command command;
    struct operator_request request; /* id empty until it is signed */
    struct operator_reply reply;
    bool relayed, answered;
    char why[256]; /* the last thing that went wrong */
};

/* --- the answer --- */

/* What the person reads; --json keeps the protocol's word. */
static const char *said(const char *result)
{
    static const char *const words[] = {N_("done"),   N_("sent"),       N_("refused"),
                                        N_("failed"), N_("mismatched"), N_("unknown"),
                                        N_("expired")};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i], result) == 0)
            return text_get(words[i]);
    return result;
}

static int exit_code_of(const char *result)
{
    static const struct {
        const char *result;
        int code;
    } codes[] = {
        {"done", CLI_OK},          {"sent", CLI_OK},
        {"failed", EXIT_NOT_DONE}, {"mismatched", EXIT_MISMATCHED},
        {"unknown", EXIT_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(codes[i].result, result) == 0)
            return codes[i].code;
    return EXIT_REFUSED;
}

static const char *value_text(const struct value *v, char text[VALUE_STRING_SIZE])
{
    struct buf b;
    buf_init(&b, text, VALUE_STRING_SIZE);
    if (v->type == VALUE_BOOL)
        buf_str(&b, v->boolean ? "on" : "off");
    else if (v->type == VALUE_NUMBER)
        json_write_number(&b, v->number);
    else if (v->type == VALUE_STRING)
        buf_str(&b, v->string);
    return buf_cstr(&b);
}

static void print_line(const struct order *o)
{
    const struct operator_reply *r = &o->reply;
    char text[VALUE_STRING_SIZE];
    printf("%s %s: %s", o->gateway, o->target, said(r->result));
    if (r->value.type != VALUE_NONE)
        printf(_(", read back %s"), value_text(&r->value, text));
    if (strcmp(r->result, "mismatched") == 0)
        printf(_(" instead of %s"),
               o->release ? _("what the schedule wants") : value_text(&o->command.value, text));
    if (strcmp(r->result, "sent") == 0)
        printf("%s", _(" to all; nobody answers a broadcast"));
    printf("%s%s\n", r->reason[0] ? ": " : "", r->reason);
}

/* The reply as it came, which is a message of the protocol, with where it is about. */
static void print_json(const struct order *o)
{
    char memory[2048];
    struct buf b;
    buf_init(&b, memory, sizeof(memory));
    buf_str(&b, "{\"version\":1,\"gateway\":");
    json_write_string(&b, o->gateway);
    buf_str(&b, ",\"target\":");
    json_write_string(&b, o->target);
    buf_str(&b, ",\"id\":");
    json_write_string(&b, o->request.id);
    buf_str(&b, ",\"result\":");
    json_write_string(&b, o->reply.result);
    buf_str(&b, ",\"reason\":");
    json_write_string(&b, o->reply.reason);
    if (o->reply.value.type == VALUE_BOOL)
        buf_str(&b, o->reply.value.boolean ? ",\"value\":true" : ",\"value\":false");
    if (o->reply.value.type == VALUE_NUMBER) {
        buf_str(&b, ",\"value\":");
        json_write_number(&b, o->reply.value.number);
    }
    buf_str(&b, "}");
    printf("%s\n", buf_cstr(&b));
}

/* --- the request --- */

/* The same bytes each time: the collector knows a repeated id and answers what came of it. */
static void say_request(struct order *o)
{
    char topic[TOPIC_SIZE], body[8192];
    struct buf b;
    buf_init(&b, body, sizeof(body));
    topic_format(TOPIC_OPERATOR_REQUEST, "", o->session.name, topic);
    if (operator_request_encode(&o->request, &b) < 0 ||
        mqtt_publish(o->session.mqtt, 1, topic, b.data, b.len, 1, false) < 0)
        snprintf(o->why, sizeof(o->why), "%s", _("the request could not be sent"));
    else
        snprintf(o->why, sizeof(o->why), "%s", _("the collector did not answer; is it running?"));
}

static int sign(struct order *o, struct err *e)
{
    char payload[COMMAND_SIZE_MAX], kid[JWS_KID_SIZE];
    uint64_t now_ms = (uint64_t)clk_utc(clk_system()).ms;
    struct buf p, jws;
    buf_init(&p, payload, sizeof(payload));
    buf_init(&jws, o->request.jws, sizeof(o->request.jws) - 1);
    snprintf(kid, sizeof(kid), "%s", o->kid ? o->kid : "");
    int ret = o->kid ? 0 : signing_kid(o->session.name, o->options.key, kid, e);
    if (ret == 0)
        ret = ratchet_next(o->options.key, "counter", now_ms, &o->command.counter, e);
    if (ret == 0 && command_encode(&o->command, &p) < 0)
        ret = err_set(e, ERR_LIMIT, "the command is too long");
    if (ret == 0)
        ret = signing_seal(o->options.key, kid, p.data, p.len, &jws, e);
    o->request.jws[jws.len] = '\0';
    return ret;
}

static void make_request(struct order *o, const char *area, const char *nonce)
{
    struct operator_request *r = &o->request;
    struct err e = {0};
    uint8_t random[16];
    crypto_random(random, sizeof(random));
    crypto_hex(random, sizeof(random), o->command.id);
    snprintf(o->command.nonce, sizeof(o->command.nonce), "%s", nonce);
    if (sign(o, &e) < 0) {
        snprintf(o->why, sizeof(o->why), _("it cannot be signed: %.200s"), e.text);
        loop_stop(o->session.loop, CLI_BAD_INPUT);
        return;
    }
    r->verb = OPERATOR_COMMAND;
    r->expires = (struct clk_utc){clk_utc(clk_system()).ms + o->wait_s * 1000};
    memcpy(r->id, o->command.id, sizeof(r->id));
    snprintf(r->area, sizeof(r->area), "%s", area);
    snprintf(r->gateway, sizeof(r->gateway), "%s", o->gateway);
    say_request(o);
}

static void give_up_now(struct order *o, const char *why)
{
    snprintf(o->why, sizeof(o->why), "%s", why);
    loop_stop(o->session.loop, CLI_FAILED);
}

static void take_state(struct order *o, const char *area, const char *payload, size_t len)
{
    struct gateway_state state;
    struct err e = {0};
    if (len == 0 || o->request.id[0])
        return;
    loop_timer_stop(o->session.loop, &o->no_state);
    if (gateway_state_decode(payload, len, &state, &e) < 0)
        snprintf(o->why, sizeof(o->why), _("its state cannot be read: %.200s"), e.text);
    else if (!state.online)
        give_up_now(o, _("it is offline; nothing was sent"));
    else if (!jws_word_valid(state.nonce, sizeof(state.nonce)))
        give_up_now(o, _("it takes no commands: it has no signed control document"));
    else
        make_request(o, area, state.nonce);
}

static void take_reply(struct order *o, const char *payload, size_t len)
{
    static struct operator_reply r; /* 3 KB */
    if (operator_reply_decode(payload, len, &r, NULL) < 0 || !o->request.id[0] ||
        strcmp(r.id, o->request.id) != 0)
        return;
    o->reply = r;
    if (strcmp(r.result, "relayed") == 0) {
        if (!o->relayed && !o->json)
            fprintf(stderr, _("%s %s: relayed, waiting for its answer\n"), o->gateway, o->target);
        o->relayed = true;
        loop_timer_stop(o->session.loop, &o->again);
        return;
    }
    o->answered = true;
    loop_stop(o->session.loop, exit_code_of(r.result));
}

/* --- what happens --- */

static void went_up(struct session *s)
{
    struct order *o = s->owner;
    char topic[TOPIC_SIZE];
    const char *area = o->options.areas.count ? o->options.areas.items[0] : "+";
    session_subscribe(s, topic_format(TOPIC_OPERATOR_REPLY, "", s->name, topic), 1);
    session_subscribe(s, topic_format(TOPIC_STATE, area, o->gateway, topic), 1);
}

static void subscribed(struct session *s)
{
    struct order *o = s->owner;
    struct clk_mono now = clk_mono(clk_system());
    if (o->request.id[0])
        say_request(o); /* what was answered while we were away is answered again */
    else
        loop_timer_start(s->loop, &o->no_state, clk_mono_add(now, STATE_MS));
}

static void went_down(struct session *s, const char *why)
{
    struct order *o = s->owner;
    snprintf(o->why, sizeof(o->why), _("no connection: %.200s"), why);
}

static void was_refused(struct session *s, const char *why)
{
    struct order *o = s->owner;
    snprintf(o->why, sizeof(o->why), _("the broker refused: %.150s (a viewer may not command)"),
             why);
    loop_stop(s->loop, EXIT_REFUSED);
}

static void message_came(struct session *s, const char *topic, const char *payload, size_t len)
{
    struct topic t;
    if (topic_parse(topic, &t) < 0)
        return;
    if (t.kind == TOPIC_STATE)
        take_state(s->owner, t.area, payload, len);
    else if (t.kind == TOPIC_OPERATOR_REPLY)
        take_reply(s->owner, payload, len);
}

static void ask_again(struct loop_timer *timer, struct clk_mono now)
{
    struct order *o = timer->owner;
    if (o->request.id[0])
        say_request(o);
    loop_timer_start(o->session.loop, timer, clk_mono_add(now, AGAIN_MS));
}

static void state_is_missing(struct loop_timer *timer, struct clk_mono now)
{
    (void)now;
    give_up_now(timer->owner, _("no such gateway in the areas you may see"));
}

static void time_is_up(struct loop_timer *timer, struct clk_mono now)
{
    struct order *o = timer->owner;
    (void)now;
    loop_stop(o->session.loop, o->request.id[0] ? EXIT_UNKNOWN : CLI_FAILED);
}

/* Nobody has answered for good: say what is known, and what is not. */
static void print_silence(struct order *o, int code, const char *program)
{
    if (code != EXIT_UNKNOWN) {
        fprintf(stderr, "%s: %s: %s\n", program, o->gateway, o->why);
        return;
    }
    snprintf(o->reply.result, sizeof(o->reply.result), "unknown");
    o->reply.value.type = VALUE_NONE;
    if (o->relayed)
        snprintf(o->reply.reason, sizeof(o->reply.reason),
                 _("no answer within %d s; look at what it switches, or at the audit later"),
                 (int)o->wait_s);
    else
        snprintf(o->reply.reason, sizeof(o->reply.reason), "%.150s", o->why);
    o->answered = true;
}

static int execute(struct order *o, const char *program)
{
    struct err e = {0};
    o->session.owner = o;
    o->session.up = went_up;
    o->session.down = went_down;
    o->session.ready = subscribed;
    o->session.message = message_came;
    o->session.refused = was_refused;
    o->give_up = (struct loop_timer){.fire = time_is_up, .owner = o};
    o->again = (struct loop_timer){.fire = ask_again, .owner = o};
    o->no_state = (struct loop_timer){.fire = state_is_missing, .owner = o};
    snprintf(o->why, sizeof(o->why), "%s", _("no connection"));
    int code;
    if (session_open(&o->session, &o->options, &e) < 0) {
        code = cli_fail(program, &e);
    } else {
        struct clk_mono now = clk_mono(clk_system());
        loop_timer_start(o->session.loop, &o->give_up, clk_mono_add(now, o->wait_s * 1000));
        loop_timer_start(o->session.loop, &o->again, clk_mono_add(now, AGAIN_MS));
        code = loop_run(o->session.loop);
        if (!o->answered && code == CLI_OK) /* stopped by hand */
            code = o->request.id[0] ? EXIT_UNKNOWN : CLI_FAILED;
        if (!o->answered)
            print_silence(o, code, program);
        if (o->answered && o->json)
            print_json(o);
        else if (o->answered)
            print_line(o);
    }
    session_close(&o->session);
    return code;
}

/* --- the command line --- */

static int read_value(const char *text, struct value *v, struct err *e)
{
    char *end;
    if (strcmp(text, "on") == 0 || strcmp(text, "true") == 0) {
        *v = (struct value){VALUE_BOOL, .boolean = true};
        return 0;
    }
    if (strcmp(text, "off") == 0 || strcmp(text, "false") == 0) {
        *v = (struct value){VALUE_BOOL, .boolean = false};
        return 0;
    }
    double number = strtod(text, &end);
    if (end == text || *end || strpbrk(text, "xXnN") || number - number != 0)
        return err_set(e, ERR_INVALID, _("'%.40s' is no value: on, off or a number"), text);
    *v = (struct value){VALUE_NUMBER, .number = number};
    return 0;
}

static int check_value(struct order *o, struct err *e)
{
    o->command.action = o->release ? COMMAND_RELEASE : COMMAND_SET;
    if (o->release && o->value)
        return err_set(e, ERR_INVALID, "%s",
                       _("--release gives the target back; it takes no value"));
    if (o->release && o->hold_s)
        return err_set(e, ERR_INVALID, "%s", _("--release takes no --hold"));
    if (!o->release && !o->value)
        return err_set(e, ERR_INVALID, "%s",
                       _("a value is missing: on, off or a number, or --release"));
    return o->release ? 0 : read_value(o->value, &o->command.value, e);
}

static int check(struct order *o, struct err *e)
{
    if (!name_valid(o->gateway))
        return err_set(e, ERR_INVALID, _("'%.40s' is no gateway's name"), o->gateway);
    if (!command_target_valid(o->target))
        return err_set(e, ERR_INVALID, _("'%.80s' is no target: device/point, or a group's name"),
                       o->target);
    if (o->options.areas.count > 1)
        return err_set(e, ERR_INVALID, "%s", _("a gateway stands in one area: give --area once"));
    if (o->kid && !jws_word_valid(o->kid, JWS_KID_SIZE))
        return err_set(e, ERR_INVALID, "'%.64s' is no key's name", o->kid);
    if (!strchr(o->target, '/') && !o->yes)
        return err_set(e, ERR_DENIED, _("%s is a group, all of it is switched: add --yes"),
                       o->target);
    snprintf(o->command.gateway, sizeof(o->command.gateway), "%s", o->gateway);
    snprintf(o->command.target, sizeof(o->command.target), "%s", o->target);
    o->command.hold_s = (uint32_t)o->hold_s;
    return check_value(o, e);
}

static int run(struct order *o, const struct cli_command *command, int argc, char **argv)
{
    const char *operands[3];
    struct err e = {0};
    int exit_code;
    if (!cli_parse(command, argc, argv, operands, &exit_code))
        return exit_code;
    o->gateway = operands[0];
    o->target = operands[1];
    o->value = operands[2];
    return check(o, &e) < 0 ? cli_fail(command->name, &e) : execute(o, command->name);
}

int collectorctl_command(int argc, char **argv)
{
    static struct order o;
    struct cli_option options[SESSION_OPTIONS + 7] = {{.name = NULL}};
    const struct cli_option own[] = {
        {.name = "hold",
         .type = CLI_DURATION,
         .out = &o.hold_s,
         .value = "TIME",
         .min = 1,
         .max = COMMAND_HOLD_MAX_S,
         .help = N_("how long, as in 30m; else until the schedule's next step")},
        {.name = "release",
         .type = CLI_FLAG,
         .out = &o.release,
         .help = N_("give the target back to its schedule now")},
        {.name = "wait",
         .type = CLI_DURATION,
         .out = &o.wait_s,
         .value = "TIME",
         .min = 1,
         .max = 600,
         .help = N_("how long to wait for what came of it (30s)")},
        {.name = "kid",
         .type = CLI_TEXT,
         .out = &o.kid,
         .value = "NAME",
         .help = "the key's name in the control document, when it has one of its own"},
        {.name = "yes", .type = CLI_FLAG, .out = &o.yes, .help = N_("yes, switch a whole group")},
        {.name = "json", .type = CLI_FLAG, .out = &o.json, .help = "print one JSON object"},
    };
    o = (struct order){.wait_s = 30};
    session_put_options(&o.options, options);
    memcpy(options + SESSION_OPTIONS, own, sizeof(own));
    const struct cli_command command = {
        .name = "collectorctl command",
        .operands = "GATEWAY TARGET [VALUE]",
        .summary =
            "Switches a point or a lighting group, signed with your own key, and says what "
            "was read\nback. Exit codes: 0 done, 1 nothing was sent, 2 bad value, 3 refused, "
            "4 failed,\n5 mismatched, 6 no answer, 64 bad usage.",
        .options = options,
        .operand_min = 2,
        .operand_max = 3};
    return run(&o, &command, argc, argv);
}
