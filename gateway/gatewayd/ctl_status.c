/* What the daemon says of itself: one line a part. */
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "gateway/gatewayd/ctl_inside.h"
#include "gateway/io/timesync.h"

#define USE_US_PERCENT 10000.0 /* a hundredth of each second */

static struct buf begin_part(struct ctl *c, uint64_t id, const char *part)
{
    struct buf out = ctl_begin(c, id);
    ctl_key(&out, part);
    buf_char(&out, '{');
    return out;
}

static void send_part(struct ctlsock_client *client, struct buf *out)
{
    buf_char(out, '}');
    ctl_send(client, out, false);
}

static void put_note(struct buf *out, const struct ctl_note *note)
{
    if (!*note->text)
        return;
    ctl_put_text(out, "said", note->text);
    ctl_put_time(out, "said_at", note->at);
}

/* Milliseconds since `at`; nothing when it never was. */
static void put_age(struct buf *out, const struct ctl *c, const char *key, struct clk_mono at)
{
    if (at.ms)
        ctl_put_count(out, key, (uint64_t)(clk_mono(c->g->clk).ms - at.ms));
}

static void say_gateway(struct ctl *c, struct ctlsock_client *client, uint64_t id)
{
    const struct gateway_config *config = c->g->config;
    struct buf out = begin_part(c, id, "gateway");
    ctl_put_text(&out, "name", config->gateway);
    ctl_put_text(&out, "area", config->area);
    ctl_put_text(&out, "board", config->board);
    ctl_put_text(&out, "version", IOC_VERSION);
    ctl_put_text(&out, "conf", config->conf);
    ctl_put_count(&out, "pid", (uint64_t)getpid());
    put_age(&out, c, "uptime_ms", c->started);
    ctl_put_time(&out, "time", clk_utc(c->g->clk));
    ctl_put_text(&out, "clock", timesync_word());
    send_part(client, &out);
}

static void say_uplink(struct ctl *c, struct ctlsock_client *client, uint64_t id)
{
    const struct gatewayd *g = c->g;
    const struct uplink *u = &g->uplink;
    struct buf out = begin_part(c, id, "uplink");
    ctl_put_text(&out, "phase", uplink_phase_name(u->phase));
    put_age(&out, c, "phase_ms", u->since);
    ctl_put_text(&out, "host", g->config->broker.host);
    ctl_put_count(&out, "port", (uint64_t)g->config->broker.port);
    ctl_put_count(&out, "in_flight", u->flight_count);
    ctl_put_count(&out, "credit", u->credit);
    ctl_put_count(&out, "round_trip_ms", (uint64_t)u->round_trip_ms);
    ctl_put_count(&out, "sent", u->stats.sent);
    ctl_put_count(&out, "resent", u->stats.resent);
    ctl_put_count(&out, "acked", u->stats.acked);
    ctl_put_count(&out, "quarantined", u->stats.quarantined);
    ctl_put_count(&out, "connects", u->stats.connects);
    ctl_put_count(&out, "losses", u->stats.losses);
    put_note(&out, &c->uplink);
    send_part(client, &out);
}

static void say_spool(struct ctl *c, struct ctlsock_client *client, uint64_t id)
{
    const struct spool_state *s = &c->spool;
    struct buf out = begin_part(c, id, "spool");
    ctl_put_text(&out, "path", c->g->config->spool.path);
    ctl_put_count(&out, "bytes", s->bytes);
    ctl_put_count(&out, "bytes_max", s->bytes_max);
    ctl_put_count(&out, "held", s->held);
    ctl_put_count(&out, "pending", s->pending);
    ctl_put_count(&out, "appended", s->appended);
    ctl_put_count(&out, "gaps", s->gaps);
    ctl_put_count(&out, "gaps_untold", s->gaps_untold);
    ctl_put_count(&out, "errors", s->errors);
    ctl_put_bool(&out, "failing", s->failing);
    ctl_put_bool(&out, "disk_full", s->disk_full);
    ctl_put_bool(&out, "memory_only", s->memory_only);
    if (s->oldest.ms)
        ctl_put_time(&out, "oldest", s->oldest);
    send_part(client, &out);
    spool_writer_report(c->g->spool); /* so that who asks again sees newer figures */
}

static void say_counts(struct ctl *c, struct ctlsock_client *client, uint64_t id)
{
    const struct gatewayd *g = c->g;
    struct edge_stats edge;
    uint64_t dropped = 0;
    edge_get_stats(g->edge, &edge);
    for (size_t i = 0; i < g->config->bus_count; i++)
        if (g->buses[i].worker)
            dropped += bus_worker_dropped(g->buses[i].worker);
    struct buf out = begin_part(c, id, "counts");
    ctl_put_count(&out, "read", edge.read);
    ctl_put_count(&out, "derived", edge.derived);
    ctl_put_count(&out, "suppressed", edge.suppressed);
    ctl_put_count(&out, "kept", edge.read + edge.derived - edge.suppressed);
    ctl_put_count(&out, "lost", g->samples_lost + dropped);
    ctl_put_count(&out, "packs_spooled", c->spool.appended);
    ctl_put_count(&out, "packs_sent", g->uplink.stats.sent);
    ctl_put_count(&out, "packs_acked", g->uplink.stats.acked);
    send_part(client, &out);
}

static const char *bus_state(const struct ctl *c, size_t i)
{
    if (!c->g->buses[i].worker)
        return "unused";
    if (c->hands[i].client)
        return "released";
    if (c->g->buses[i].wedged)
        return "wedged";
    if (!c->buses[i].bad)
        return "open";
    return c->buses[i].kind == POLL_NOTE_LINE_NOISY ? "noisy" : "down";
}

static void put_bus_stats(struct ctl *c, size_t i, struct buf *out)
{
    struct poll_stats s;
    bus_worker_get_stats(c->g->buses[i].worker, &s);
    ctl_put_number(out, "use_percent",
                   (double)plan_use_us(c->g->lines->bus[i].plan) / USE_US_PERCENT);
    ctl_put_count(out, "requests", s.requests);
    ctl_put_count(out, "replies", s.replies);
    ctl_put_count(out, "timeouts", s.timeouts);
    ctl_put_count(out, "damaged", s.damaged);
    ctl_put_count(out, "foreign", s.foreign);
    ctl_put_count(out, "exceptions", s.exceptions);
    ctl_put_count(out, "skipped", s.skipped);
    ctl_put_count(out, "silent", s.silent);
    ctl_put_count(out, "worst_ms", s.worst_ms);
}

static void say_bus(struct ctl *c, struct ctlsock_client *client, uint64_t id, size_t i)
{
    const struct gateway_bus *b = &c->g->config->buses[i];
    struct buf out = begin_part(c, id, "bus");
    ctl_put_text(&out, "name", b->name);
    ctl_put_text(&out, "state", bus_state(c, i));
    ctl_put_text(&out, "port", *b->device ? b->device : b->host);
    if (*b->host)
        ctl_put_count(&out, "tcp_port", (uint64_t)b->port);
    if (b->baud)
        ctl_put_count(&out, "baud", (uint64_t)b->baud);
    if (c->g->buses[i].worker)
        put_bus_stats(c, i, &out);
    put_note(&out, &c->buses[i]);
    send_part(client, &out);
}

static const char *device_state(const struct ctl *c, size_t i)
{
    const struct ctl_device *d = &c->devices[i];
    size_t bus = c->g->config->devices[i].bus;
    if (c->hands[bus].client)
        return "released";
    if (c->g->buses[bus].wedged)
        return "wedged";
    if (d->note.bad && d->note.kind == POLL_NOTE_DEVICE_SILENT)
        return "silent";
    if (d->note.bad && d->note.kind == POLL_NOTE_DEVICE_CONFIG)
        return "refuses";
    return d->read_at.ms == 0 ? "unread" : d->bad == d->reads ? "bad" : "ok";
}

static void put_maintenance(struct ctl *c, size_t i, struct buf *out)
{
    enum quality quality;
    struct clk_mono until = edge_maintained(c->g->edge, (uint16_t)i, &quality);
    int64_t left_ms = until.ms - clk_mono(c->g->clk).ms;
    if (until.ms == CLK_NEVER.ms || left_ms <= 0)
        return;
    ctl_put_text(out, "maintained", quality_name(quality));
    ctl_put_count(out, "maintained_ms", (uint64_t)left_ms);
}

static void say_device(struct ctl *c, struct ctlsock_client *client, uint64_t id, size_t i)
{
    const struct gateway_device *d = &c->g->config->devices[i];
    struct buf out = begin_part(c, id, "device");
    ctl_put_text(&out, "name", d->name);
    ctl_put_text(&out, "state", device_state(c, i));
    ctl_put_text(&out, "bus", d->bus_name);
    ctl_put_count(&out, "unit", (uint64_t)d->unit);
    ctl_put_text(&out, "profile", d->profile_name);
    put_age(&out, c, "age_ms", c->devices[i].read_at);
    ctl_put_count(&out, "read", c->devices[i].reads);
    ctl_put_count(&out, "bad", c->devices[i].bad);
    put_maintenance(c, i, &out);
    put_note(&out, &c->devices[i].note);
    send_part(client, &out);
}

int ctl_do_status(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                  struct err *e)
{
    (void)e;
    say_gateway(c, client, q->id);
    say_uplink(c, client, q->id);
    say_spool(c, client, q->id);
    say_counts(c, client, q->id);
    for (size_t i = 0; i < c->g->config->bus_count; i++)
        say_bus(c, client, q->id, i);
    for (size_t i = 0; i < c->g->config->device_count; i++)
        say_device(c, client, q->id, i);
    struct buf out = ctl_begin(c, q->id);
    ctl_send(client, &out, true);
    return 0;
}
