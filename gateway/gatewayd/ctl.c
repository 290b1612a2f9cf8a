/* The control socket: requests in, answers out. gateway/core/ctl.h says what both look like. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gateway/gatewayd/ctl_inside.h"
#include "model/json.h"

/* --- writing --- */

struct buf ctl_begin(struct ctl *c, uint64_t id)
{
    struct buf out;
    buf_init(&out, c->line, sizeof(c->line));
    ctl_answer_begin(&out, id);
    return out;
}

void ctl_send(struct ctlsock_client *client, struct buf *out, bool last)
{
    if (ctl_answer_end(out, last) == 0)
        ctlsock_send(client, out->data, out->len);
    else
        log_warn("control socket: an answer longer than %d bytes is left out", CTLSOCK_LINE_MAX);
}

void ctl_refuse(struct ctl *c, struct ctlsock_client *client, uint64_t id, const struct err *e)
{
    struct buf out;
    buf_init(&out, c->line, sizeof(c->line));
    ctl_answer_error(&out, id, e);
    ctlsock_send(client, out.data, out.len);
}

void ctl_key(struct buf *out, const char *key)
{
    if (out->len && out->data[out->len - 1] != '{')
        buf_char(out, ',');
    json_write_string(out, key);
    buf_char(out, ':');
}

void ctl_put_text(struct buf *out, const char *key, const char *text)
{
    ctl_key(out, key);
    json_write_string(out, text);
}

void ctl_put_number(struct buf *out, const char *key, double n)
{
    ctl_key(out, key);
    json_write_number(out, n);
}

void ctl_put_count(struct buf *out, const char *key, uint64_t n)
{
    ctl_key(out, key);
    buf_u64(out, n);
}

void ctl_put_bool(struct buf *out, const char *key, bool value)
{
    ctl_key(out, key);
    buf_str(out, value ? "true" : "false");
}

void ctl_put_time(struct buf *out, const char *key, struct clk_utc at)
{
    char text[CLK_UTC_TEXT];
    clk_utc_format(at, text);
    ctl_put_text(out, key, text);
}

void ctl_put_sample(struct buf *out, const struct sample *s)
{
    char cause[CAUSE_TEXT];
    ctl_put_text(out, "quality", quality_name(s->quality));
    if (s->cause != CAUSE_NONE)
        ctl_put_text(out, "cause", cause_text(s->cause, s->exception, cause));
    switch (s->value.type) {
    case VALUE_NUMBER:
        ctl_put_number(out, "value", s->value.number);
        break;
    case VALUE_BOOL:
        ctl_put_bool(out, "value", s->value.boolean);
        break;
    case VALUE_STRING:
        ctl_put_text(out, "value", s->value.string);
        break;
    case VALUE_NONE:
        break;
    }
}

/* --- finding --- */

int ctl_find_device(const struct ctl *c, const char *name, struct err *e)
{
    const struct gateway_config *config = c->g->config;
    for (size_t i = 0; i < config->device_count; i++)
        if (strcmp(config->devices[i].name, name) == 0)
            return (int)i;
    return err_set(e, ERR_NOTFOUND, "there is no device \"%s\"; 'gatewayctl status' lists them",
                   name);
}

int ctl_find_bus(const struct ctl *c, const char *name, struct err *e)
{
    const struct gateway_config *config = c->g->config;
    for (size_t i = 0; i < config->bus_count; i++)
        if (strcmp(config->buses[i].name, name) == 0)
            return (int)i;
    return err_set(e, ERR_NOTFOUND, "there is no bus \"%s\"; 'gatewayctl status' lists them", name);
}

/* --- maintain --- */

/* The monotonic instant on the wall's clock, as both stand now. */
static struct clk_utc utc_of(const struct ctl *c, struct clk_mono at)
{
    const struct clk *clk = c->g->clk;
    return (struct clk_utc){clk_utc(clk).ms + at.ms - clk_mono(clk).ms};
}

static void say_maintained(struct ctl *c, const struct ctlsock_client *client, int device,
                           const struct ctl_request *q)
{
    char text[CTL_TEXT_SIZE];
    const char *name = c->g->config->devices[device].name;
    if (q->for_s)
        snprintf(text, sizeof(text), "%s for %u s, by user %u", quality_name(q->quality), q->for_s,
                 (unsigned)ctlsock_uid(client));
    else
        snprintf(text, sizeof(text), "maintenance ended, by user %u",
                 (unsigned)ctlsock_uid(client));
    log_info("device %s: %s", name, text);
    gatewayd_packs_event(c->g, name, text);
}

int ctl_do_maintain(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                    struct err *e)
{
    int device = ctl_find_device(c, q->device, e);
    if (device < 0)
        return device;
    struct clk_mono until = clk_mono_add(clk_mono(c->g->clk), (int64_t)q->for_s * 1000);
    edge_maintain(c->g->edge, (uint16_t)device, q->quality, until);
    say_maintained(c, client, device, q);
    struct buf out = ctl_begin(c, q->id);
    ctl_put_text(&out, "device", q->device);
    if (q->for_s) {
        ctl_put_text(&out, "quality", quality_name(q->quality));
        ctl_put_time(&out, "until", utc_of(c, until));
    }
    ctl_send(client, &out, true);
    return 0;
}

/* --- requests --- */

typedef int ctl_verb_fn(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                        struct err *e);

static ctl_verb_fn *const verbs[CTL_VERBS] = {
    [CTL_STATUS] = ctl_do_status, [CTL_WATCH] = ctl_do_watch,       [CTL_READ] = ctl_do_read,
    [CTL_WRITE] = ctl_do_write,   [CTL_TIMING] = ctl_do_timing,     [CTL_RELEASE] = ctl_do_release,
    [CTL_RESUME] = ctl_do_resume, [CTL_MAINTAIN] = ctl_do_maintain,
};

static void on_request(void *owner, struct ctlsock_client *client, const char *line, size_t len)
{
    struct ctl *c = owner;
    static struct ctl_request q; /* the loop's thread alone */
    struct err e = {0};
    int rc = ctl_request_parse(line, len, &q, &e);
    rc = rc ? rc : verbs[q.verb](c, client, &q, &e);
    if (rc < 0)
        ctl_refuse(c, client, q.id, &e);
}

static void on_gone(void *owner, struct ctlsock_client *client)
{
    struct ctl *c = owner;
    ctl_watch_gone(c, client);
    ctl_bus_gone(c, client);
}

/* --- what the daemon's other parts tell --- */

static void note_set(struct ctl *c, struct ctl_note *note, const char *text, bool bad)
{
    snprintf(note->text, sizeof(note->text), "%s", text);
    note->at = clk_utc(c->g->clk);
    note->bad = bad;
}

void gatewayd_ctl_report(struct gatewayd *g, const struct bus_report *report)
{
    struct ctl *c = g->ctl;
    if (!c || report->count == 0)
        return;
    struct ctl_device *d = &c->devices[report->samples[0].device];
    d->read_at = report->samples[0].mono;
    d->reads += report->count;
    for (size_t i = 0; i < report->count; i++)
        d->bad += report->samples[i].quality == QUALITY_BAD;
    if (c->watching)
        ctl_watch_samples(c, report->samples, report->count);
}

void gatewayd_ctl_state(struct gatewayd *g, const struct bus_state *state)
{
    struct ctl *c = g->ctl;
    if (!c)
        return;
    bool of_device = state->kind == POLL_NOTE_DEVICE_SILENT ||
                     state->kind == POLL_NOTE_DEVICE_BACK || state->kind == POLL_NOTE_DEVICE_LATE ||
                     state->kind == POLL_NOTE_DEVICE_CONFIG;
    struct ctl_note *note = of_device ? &c->devices[state->device].note : &c->buses[state->bus];
    note->kind = state->kind;
    note_set(c, note, state->text,
             state->kind != POLL_NOTE_PORT_UP && state->kind != POLL_NOTE_DEVICE_BACK);
}

void gatewayd_ctl_spool(struct gatewayd *g, const struct spool_state *state)
{
    if (g->ctl)
        g->ctl->spool = *state;
}

void gatewayd_ctl_uplink(struct gatewayd *g, const char *reason)
{
    if (g->ctl)
        note_set(g->ctl, &g->ctl->uplink, reason ? reason : "", reason != NULL);
}

/* --- start and end --- */

/* Reading the buses does not depend on being asked about it: a socket that cannot be made is a
 * warning. */
static void open_socket(struct ctl *c)
{
    const struct ctlsock_handlers handlers = {.request = on_request, .gone = on_gone, .owner = c};
    struct err e = {0};
    const char *path = c->g->config->control_socket;
    if (*path && ctlsock_create(c->g->loop, path, &handlers, &c->sock, &e) != 0)
        log_warn("no control socket, so gatewayctl cannot ask: %s", e.text);
}

int gatewayd_ctl_start(struct gatewayd *g, struct err *e)
{
    struct ctl *c = calloc(1, sizeof(*c));
    if (c)
        c->devices = calloc(g->config->device_count, sizeof(*c->devices));
    if (!c || !c->devices) {
        free(c);
        return err_set(e, ERR_NOMEM, "no memory for the control socket");
    }
    c->g = g;
    c->started = clk_mono(g->clk);
    g->ctl = c;
    open_socket(c);
    return 0;
}

void gatewayd_ctl_stop(struct gatewayd *g)
{
    struct ctl *c = g->ctl;
    if (!c)
        return;
    ctlsock_destroy(c->sock);
    g->ctl = NULL;
    free(c->devices);
    free(c);
}
