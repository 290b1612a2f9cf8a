/*
 * Commands and schedules: the hands of the gate and the actuators.
 *
 *   MQTT message -- signature -- command_gate -- actuator -- bus_worker_write -> BUS_WRITTEN
 *                        '-----------'--- refused: log, record, result          '-> result, record
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gateway/core/control/actuator.h"
#include "gateway/core/control/command_gate.h"
#include "gateway/gatewayd/gatewayd.h"
#include "gateway/io/control_file.h"
#include "gateway/io/timesync.h"
#include "io/crypto.h"
#include "model/jws.h"

#define EVENT_COMMAND  "command"
#define EVENT_SECURITY "security"
#define EVENT_LIGHTING "lighting"
#define AUDIT_SIZE     640

struct switching {
    struct control_file file;
    struct command_gate gate;
    struct actuator *actuator; /* NULL: no document is in force */
    struct loop_timer timer;
    bool stopped; /* the timer could not be set: the loop is ending */
};

static struct actuator_now now_of(const struct gatewayd *g)
{
    return (struct actuator_now){.mono = clk_mono(g->clk),
                                 .utc = clk_utc(g->clk),
                                 .clock_known = strcmp(timesync_word(), "unknown") != 0};
}

static void record(struct gatewayd *g, bool warn, const char *event, const char *text)
{
    if (warn)
        log_warn("%s: %s", event, text);
    else
        log_info("%s: %s", event, text);
    gatewayd_packs_event(g, event, text);
}

/* --- who, what, why --- */

static void describe(const struct command *c, const struct control_key *key, struct buf *out)
{
    buf_fmt(out, "%s (key %s), %s: ", key->operator_name, key->kid, c->id);
    if (c->action == COMMAND_RELEASE)
        buf_fmt(out, "release %s", c->target);
    else if (c->value.type == VALUE_BOOL)
        buf_fmt(out, "switch %s %s", c->target, c->value.boolean ? "on" : "off");
    else
        buf_fmt(out, "set %s to %g", c->target, c->value.number);
    if (c->hold_s)
        buf_fmt(out, " for %u s", c->hold_s);
}

static void say_refused(struct gatewayd *g, const struct gate_offer *o, const struct err *why)
{
    char text[AUDIT_SIZE];
    struct buf out;
    buf_init(&out, text, sizeof(text));
    buf_str(&out, "command refused: ");
    if (o->key && o->command)
        describe(o->command, o->key, &out);
    else
        buf_str(&out, "from nobody known");
    buf_fmt(&out, ": %s", why->text);
    record(g, true, o->key && !o->retained ? EVENT_COMMAND : EVENT_SECURITY, buf_cstr(&out));
}

static void say_accepted(struct gatewayd *g, const struct gate_offer *o)
{
    char text[AUDIT_SIZE];
    struct buf out;
    buf_init(&out, text, sizeof(text));
    buf_str(&out, "accepted: ");
    describe(o->command, o->key, &out);
    record(g, false, EVENT_COMMAND, buf_cstr(&out));
}

static struct command_result refusal(const struct gate_offer *o, const struct err *why)
{
    struct command_result r = {.outcome = COMMAND_REFUSED};
    snprintf(r.id, sizeof(r.id), "%s", o->command->id);
    snprintf(r.kid, sizeof(r.kid), "%s", o->key->kid);
    snprintf(r.operator_name, sizeof(r.operator_name), "%s", o->key->operator_name);
    snprintf(r.target, sizeof(r.target), "%s", o->command->target);
    snprintf(r.reason, sizeof(r.reason), "%s", why->text);
    return r;
}

/* --- what the actuators want --- */

static void write_point(struct gatewayd *g, const struct actuator_action *a)
{
    size_t bus;
    uint16_t device;
    struct err e = {0};
    int rc = lines_find(g->lines, a->device, &bus, &device);
    if (rc == 0)
        rc = bus_worker_write(g->buses[bus].worker, a->id, device, a->point, &a->value, &e);
    if (rc == 0)
        return;
    log_warn("%s cannot be written: %s", g->config->devices[a->device].name,
             e.code ? e.text : err_name(rc));
    actuator_unwritten(g->switching->actuator, a->id, clk_mono(g->clk));
}

static void say_result(struct gatewayd *g, const struct actuator_action *a)
{
    const struct command_result *r = a->result;
    char text[AUDIT_SIZE];
    snprintf(text, sizeof(text), "%s: %s (key %s), %s: %s%s%s", command_outcome_name(r->outcome),
             r->operator_name, r->kid, r->id, r->target, *r->reason ? ": " : "", r->reason);
    record(g, r->outcome > COMMAND_SENT, EVENT_COMMAND, text);
    gate_remember(&g->switching->gate, r);
    gatewayd_packs_result(g, r, a->samples, a->count);
}

static void act(struct gatewayd *g, const struct actuator_action *a)
{
    char text[AUDIT_SIZE];
    switch (a->verb) {
    case ACTUATOR_WRITE:
        write_point(g, a);
        break;
    case ACTUATOR_RESULT:
        say_result(g, a);
        break;
    case ACTUATOR_SAY:
        snprintf(text, sizeof(text), "%s: %s", a->object, a->text);
        record(g, a->trouble, EVENT_LIGHTING, text);
        break;
    }
}

/* Does what is wanted now, and wakes again when something may be. */
static void run(struct gatewayd *g)
{
    struct switching *s = g->switching;
    struct actuator_now now = now_of(g);
    struct actuator_action action;
    if (!s->actuator || g->stopping || s->stopped)
        return;
    actuator_step(s->actuator, &now);
    while (actuator_next(s->actuator, now.mono, &action))
        act(g, &action);
    struct clk_mono at = clk_mono_min(actuator_wake(s->actuator, &now), s->gate.renew_at);
    s->stopped = loop_timer_start(g->loop, &s->timer, at) != 0;
    if (s->stopped)
        loop_stop(g->loop, 1);
}

static void renew_nonce(struct gatewayd *g, struct clk_mono now)
{
    uint8_t random[GATE_NONCE_BYTES];
    struct gateway_state *state = &g->uplink.state;
    struct command_gate *gate = &g->switching->gate;
    crypto_random(random, sizeof(random));
    gate_renew(gate, random, now);
    snprintf(state->nonce, sizeof(state->nonce), "%s", gate->nonces[0]);
    uplink_say_state(&g->uplink);
    gatewayd_uplink_run(g);
}

static void on_timer(struct loop_timer *timer, struct clk_mono now)
{
    struct gatewayd *g = timer->owner;
    struct command_gate *gate = &g->switching->gate;
    char text[AUDIT_SIZE];
    if (clk_mono_due(gate->renew_at, now))
        renew_nonce(g, now);
    if (gate_unsaid(gate, text, sizeof(text), now))
        record(g, true, EVENT_SECURITY, text);
    run(g);
}

/* --- commands --- */

static void refuse(struct gatewayd *g, const struct gate_offer *o, const struct err *why)
{
    if (!gate_may_say(&g->switching->gate, clk_mono(g->clk)))
        return;
    say_refused(g, o, why);
    if (!o->key || !o->command || o->retained)
        return; /* nobody is there to be answered */
    const struct command_result r = refusal(o, why);
    gate_remember(&g->switching->gate, &r);
    gatewayd_packs_result(g, &r, NULL, 0);
}

/* What a text that nobody we know has signed says of itself. None of it is proved, so it is
 * answered, for who asks is waiting, and neither believed nor remembered. */
static bool read_claim(const struct gatewayd *g, const struct mqtt_message *m,
                       struct command_result *r)
{
    char memory[COMMAND_SIZE_MAX];
    struct buf payload;
    struct jws jws;
    struct command c;
    buf_init(&payload, memory, sizeof(memory));
    if (m->retained || m->payload_len > COMMAND_SIZE_MAX ||
        jws_split(mqtt_message_payload(m), m->payload_len, &jws, &payload, NULL) != 0 ||
        command_decode(payload.data, payload.len, &c, NULL) != 0 ||
        strcmp(c.gateway, g->config->gateway) != 0)
        return false;
    *r = (struct command_result){.outcome = COMMAND_REFUSED};
    snprintf(r->id, sizeof(r->id), "%s", c.id);
    snprintf(r->kid, sizeof(r->kid), "%s", jws.kid);
    snprintf(r->target, sizeof(r->target), "%s", c.target);
    return true;
}

static void refuse_unproved(struct gatewayd *g, const struct gate_offer *o,
                            const struct mqtt_message *m, const struct err *why)
{
    struct command_result r;
    if (!gate_may_say(&g->switching->gate, clk_mono(g->clk)))
        return;
    say_refused(g, o, why);
    if (!read_claim(g, m, &r))
        return;
    snprintf(r.reason, sizeof(r.reason), "%s", why->text);
    gatewayd_packs_result(g, &r, NULL, 0);
}

static void obey(struct gatewayd *g, const struct gate_offer *o)
{
    struct actuator_now now = now_of(g);
    struct err e = {0};
    if (actuator_command(g->switching->actuator, o->command, o->key, &now, &e) != 0)
        refuse(g, o, &e);
    else
        say_accepted(g, o);
    run(g);
}

void gatewayd_control_message(struct gatewayd *g, const struct mqtt_message *m)
{
    struct switching *s = g->switching;
    struct clk_mono now = clk_mono(g->clk);
    const struct command_result *stored;
    struct gate_offer offer = {0};
    struct command command;
    struct err unread = {0}, e = {0};
    if (!s || g->stopping || !gate_admits(&s->gate, now))
        return;
    offer.retained = m->retained;
    control_file_open_command(&s->file, mqtt_message_payload(m), m->payload_len, &offer, &command,
                              &unread);
    switch (gate_judge(&s->gate, &offer, &stored, &e)) {
    case GATE_ACCEPTED:
        obey(g, &offer);
        break;
    case GATE_REPEATED:
        if (stored && gate_may_say(&s->gate, now))
            gatewayd_packs_result(g, stored, NULL, 0);
        break;
    case GATE_REFUSED:
        if (offer.key)
            refuse(g, &offer, &e);
        else
            refuse_unproved(g, &offer, m, &e);
        break;
    }
}

/* --- the buses --- */

void gatewayd_control_samples(struct gatewayd *g, const struct sample *samples, size_t count)
{
    struct switching *s = g->switching;
    if (!s || !s->actuator)
        return;
    struct clk_mono now = clk_mono(g->clk);
    for (size_t i = 0; i < count; i++)
        actuator_sample(s->actuator, &samples[i], now);
    run(g);
}

void gatewayd_control_written(struct gatewayd *g, const struct bus_written *w)
{
    struct switching *s = g->switching;
    if (!s || !s->actuator)
        return;
    const struct actuator_end end = {.broadcast = w->broadcast, .read_back = w->read_back};
    actuator_written(s->actuator, w->id, &end, clk_mono(g->clk));
    run(g);
}

/* --- start and end --- */

static int start_actuator(struct gatewayd *g, struct err *e)
{
    struct switching *s = g->switching;
    const struct control *c = s->file.control;
    gate_init(&s->gate, c, g->config->gateway, clk_mono(g->clk));
    if (!c)
        return 0;
    log_info("control document: revision %" PRId64 ", %zu keys, %zu groups", c->revision,
             c->key_count, c->group_count);
    return actuator_create(g->config, c, &s->actuator, e);
}

int gatewayd_control_start(struct gatewayd *g, struct err *e)
{
    struct err why = {0};
    struct switching *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(e, ERR_NOMEM, "no memory for the control of lights");
    g->switching = s;
    s->timer = (struct loop_timer){.fire = on_timer, .owner = g};
    if (g->config->has_control && control_file_open(g->config, &s->file, &why) != 0) {
        log_error("control document: %s; %s", why.text,
                  s->file.control ? "the last accepted one stays in force" : "nothing is switched");
        gatewayd_packs_event(g, EVENT_SECURITY, why.text);
    }
    int rc = start_actuator(g, e);
    if (rc == 0 && s->actuator)
        on_timer(&s->timer, clk_mono(g->clk));
    return rc;
}

void gatewayd_control_stop(struct gatewayd *g)
{
    struct switching *s = g->switching;
    if (!s)
        return;
    loop_timer_stop(g->loop, &s->timer);
    actuator_destroy(s->actuator);
    control_file_close(&s->file);
    free(s);
    g->switching = NULL;
}
