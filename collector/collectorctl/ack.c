/* collectorctl ack: acknowledge one alert as it was last seen, and say what the collector answered.
 */
#include <stdio.h>
#include <string.h>

#include "collector/collectorctl/collectorctl.h"
#include "collector/collectorctl/session.h"
#include "model/message.h"
#include "model/topic.h"

#define EXPIRY_MS INT64_C(30000)
#define AGAIN_MS  2000

struct acknowledge {
    struct session session;
    struct session_options options;
    const char *alert, *comment, *verdict;
    int64_t timeout_s;
    struct loop_timer give_up, again;
    struct operator_request request; /* id empty until it is sent */
    struct operator_reply reply;
    char why[192]; /* the last thing that went wrong */
    bool answered;
};

static void went_up(struct session *s)
{
    struct acknowledge *a = s->owner;
    char topic[TOPIC_SIZE];
    session_subscribe(s, topic_format(TOPIC_OPERATOR_REPLY, "", s->name, topic), 1);
    const char *area = a->options.areas.count ? a->options.areas.items[0] : "+";
    session_subscribe(s, topic_format(TOPIC_ALERT, area, a->alert, topic), 1);
}

static void went_down(struct session *s, const char *why)
{
    struct acknowledge *a = s->owner;
    snprintf(a->why, sizeof(a->why), "no connection: %s", why);
}

static void was_refused(struct session *s, const char *why)
{
    struct acknowledge *a = s->owner;
    snprintf(a->why, sizeof(a->why), "the broker refused: %s", why);
    loop_stop(s->loop, CLI_FAILED);
}

/* The same bytes each time: the collector knows a repeated id and answers it with the same reply.
 */
static void say_request(struct acknowledge *a)
{
    char topic[TOPIC_SIZE], body[4096];
    struct buf b;
    buf_init(&b, body, sizeof(body));
    if (operator_request_encode(&a->request, &b) < 0 ||
        mqtt_publish(a->session.mqtt, 1,
                     topic_format(TOPIC_OPERATOR_REQUEST, "", a->session.name, topic), b.data,
                     b.len, 1, false) < 0)
        snprintf(a->why, sizeof(a->why), "the request could not be sent");
    else
        snprintf(a->why, sizeof(a->why), "the collector did not answer; is it running?");
}

static void make_request(struct acknowledge *a, const struct alert *seen)
{
    struct operator_request *r = &a->request;
    uint8_t random[16];
    crypto_random(random, sizeof(random));
    crypto_hex(random, sizeof(random), r->id);
    r->verb = OPERATOR_ACKNOWLEDGE;
    r->expires = (struct clk_utc){clk_utc(clk_system()).ms + EXPIRY_MS};
    memcpy(r->area, seen->area, sizeof(r->area));
    memcpy(r->alert, seen->id, sizeof(r->alert));
    r->occurrence = seen->occurrence;
    r->revision = seen->revision;
    snprintf(r->verdict, sizeof(r->verdict), "%s", a->verdict);
    snprintf(r->comment, sizeof(r->comment), "%s", a->comment);
}

/* A collector that was just starting has not heard the first time. */
static void ask_again(struct loop_timer *timer, struct clk_mono now)
{
    struct acknowledge *a = timer->owner;
    if (a->request.id[0])
        say_request(a);
    loop_timer_start(a->session.loop, timer, clk_mono_add(now, AGAIN_MS));
}

static void message_came(struct session *s, const char *topic, const char *payload, size_t len)
{
    struct acknowledge *a = s->owner;
    struct topic t;
    struct alert alert;
    struct err e = {0};
    if (topic_parse(topic, &t) < 0)
        return;
    if (t.kind == TOPIC_ALERT && len > 0 && !a->request.id[0]) {
        if (alert_decode(payload, len, &alert, &e) < 0) {
            snprintf(a->why, sizeof(a->why), "the alert cannot be read: %.150s", e.text);
        } else {
            make_request(a, &alert);
            say_request(a);
        }
    }
    if (t.kind == TOPIC_OPERATOR_REPLY && operator_reply_decode(payload, len, &a->reply, &e) == 0 &&
        a->request.id[0] && strcmp(a->reply.id, a->request.id) == 0) {
        a->answered = true;
        loop_stop(s->loop, strcmp(a->reply.result, "done") == 0 ? CLI_OK : CLI_FAILED);
    }
}

static void time_is_up(struct loop_timer *timer, struct clk_mono now)
{
    struct acknowledge *a = timer->owner;
    (void)now;
    loop_stop(a->session.loop, CLI_FAILED);
}

static void print_reply(const struct operator_reply *r, const char *alert)
{
    printf("%s: %s%s%s\n", alert, r->result, r->reason[0] ? ": " : "", r->reason);
    if (!r->has_alert)
        return;
    const struct alert *a = &r->alert;
    printf("  %s %s%s%s\n  %s\n  %s\n", alarm_priority_name(a->priority),
           alarm_state_name(a->state), a->acknowledged_by[0] ? ", acknowledged by " : "",
           a->acknowledged_by, a->text_vi, a->text_en);
}

static int execute(struct acknowledge *a, const char *program)
{
    struct err e = {0};
    a->session.owner = a;
    a->session.up = went_up;
    a->session.down = went_down;
    a->session.message = message_came;
    a->session.refused = was_refused;
    a->give_up = (struct loop_timer){.fire = time_is_up, .owner = a};
    a->again = (struct loop_timer){.fire = ask_again, .owner = a};
    snprintf(a->why, sizeof(a->why), "no such alert stands");
    int code = CLI_FAILED;
    if (session_open(&a->session, &a->options, &e) < 0) {
        code = cli_fail(program, &e);
    } else {
        struct clk_mono now = clk_mono(clk_system());
        loop_timer_start(a->session.loop, &a->give_up, clk_mono_add(now, a->timeout_s * 1000));
        loop_timer_start(a->session.loop, &a->again, clk_mono_add(now, AGAIN_MS));
        code = loop_run(a->session.loop);
        if (a->answered)
            print_reply(&a->reply, a->alert);
        else
            fprintf(stderr, "%s: %s: %s\n", program, a->alert, a->why);
    }
    session_close(&a->session);
    return a->answered || code != CLI_OK ? code : CLI_FAILED;
}

static int check(const struct acknowledge *a, struct err *e)
{
    if (!name_valid(a->alert))
        return err_set(e, ERR_INVALID, "'%.40s' is no alert's id; 'collectorctl watch' shows them",
                       a->alert);
    if (a->options.areas.count > 1)
        return err_set(e, ERR_INVALID, "an alert stands in one area: give --area once");
    if (strlen(a->comment) >= sizeof(a->request.comment))
        return err_set(e, ERR_LIMIT, "the comment is longer than %zu bytes",
                       sizeof(a->request.comment) - 1);
    if (a->verdict[0] && strcmp(a->verdict, "true") != 0 && strcmp(a->verdict, "false") != 0 &&
        strcmp(a->verdict, "test") != 0)
        return err_set(e, ERR_INVALID, "--verdict takes true, false or test");
    return 0;
}

int collectorctl_ack(int argc, char **argv)
{
    static struct acknowledge a;
    struct cli_option options[SESSION_OPTIONS + 4] = {{.name = NULL}};
    const struct cli_option own[] = {
        {.name = "comment",
         .type = CLI_TEXT,
         .out = &a.comment,
         .value = "TEXT",
         .help = "what you found, or will do"},
        {.name = "verdict",
         .type = CLI_TEXT,
         .out = &a.verdict,
         .value = "WORD",
         .help = "true, false or test: was the alarm right?"},
        {.name = "timeout",
         .type = CLI_NUMBER,
         .out = &a.timeout_s,
         .value = "SECONDS",
         .min = 1,
         .max = 60,
         .help = "how long to wait for the answer (10)"},
    };
    a = (struct acknowledge){.comment = "", .verdict = "", .timeout_s = 10};
    session_put_options(&a.options, options);
    memcpy(options + SESSION_OPTIONS, own, sizeof(own));
    const struct cli_command command = {
        .name = "collectorctl ack",
        .operands = "ALERT",
        .summary = "Acknowledges an alert as it stands now. Refused when it was raised again "
                   "meanwhile.",
        .options = options,
        .operand_min = 1,
        .operand_max = 1};
    int exit_code;
    if (!cli_parse(&command, argc, argv, &a.alert, &exit_code))
        return exit_code;
    struct err e = {0};
    return check(&a, &e) < 0 ? cli_fail(command.name, &e) : execute(&a, command.name);
}
