/* The buses: a worker each; their samples go to the packer, their troubles to the log and the
 * centre. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gateway/gatewayd/gatewayd.h"
#include "gateway/io/bus/bus_port.h"
#include "io/crypto.h"

static int start_bus(struct gatewayd *g, unsigned index, struct err *e)
{
    const struct lines_bus *bus = &g->lines->bus[index];
    if (bus->device_count == 0)
        return 0;
    uint64_t seed;
    crypto_random(&seed, sizeof(seed));
    const struct bus_worker_config config = {.bus = index,
                                             .plan = bus->plan,
                                             .port = bus_port_create(&bus->line),
                                             .mailbox = g->mailbox,
                                             .clk = g->clk,
                                             .seed = seed};
    if (!config.port)
        return err_set(e, ERR_NOMEM, "no memory for bus %s", bus->line.name);
    return bus_worker_create(&config, &g->buses[index].worker, e);
}

int gatewayd_buses_start(struct gatewayd *g, struct err *e)
{
    int rc = lines_create(g->config, &g->lines, e);
    for (unsigned i = 0; rc == 0 && i < g->lines->count; i++)
        rc = start_bus(g, i, e);
    return rc;
}

bool gatewayd_buses_stop(struct gatewayd *g)
{
    bool ended = true;
    for (size_t i = 0; i < GATEWAY_BUSES_MAX; i++) {
        ended = bus_worker_destroy(g->buses[i].worker) == 0 && ended;
        g->buses[i] = (struct gatewayd_bus){0};
    }
    if (ended)
        lines_destroy(g->lines);
    g->lines = NULL;
    return ended;
}

static void take_report(struct gatewayd *g, const struct bus_report *report)
{
    gatewayd_ctl_report(g, report);
    gatewayd_control_samples(g, report->samples, report->count);
    gatewayd_packs_samples(g, report->samples, report->count);
}

static void take_state(struct gatewayd *g, const struct bus_state *state)
{
    switch (state->kind) {
    case POLL_NOTE_PORT_UP:
    case POLL_NOTE_DEVICE_BACK:
        log_info("%s", state->text);
        break;
    case POLL_NOTE_PORT_DOWN:
    case POLL_NOTE_LINE_NOISY:
    case POLL_NOTE_DEVICE_SILENT:
    case POLL_NOTE_DEVICE_LATE:
    case POLL_NOTE_DEVICE_CONFIG:
        log_warn("%s", state->text);
        break;
    }
    gatewayd_ctl_state(g, state);
    gatewayd_packs_event(g, g->config->buses[state->bus].name, state->text);
}

/* What was read back is a reading like any other, whoever asked for the write. */
static void take_read_back(struct gatewayd *g, const struct bus_written *w)
{
    const struct sample *s = &w->read_back;
    const uint64_t *polled = g->config->devices[s->device].points;
    if (s->quality != QUALITY_BAD && (polled[s->point / 64] >> (s->point % 64) & 1))
        gatewayd_packs_samples(g, s, 1);
}

void gatewayd_buses_mail(struct gatewayd *g, const struct mail *m)
{
    if (m->type == BUS_WRITTEN)
        take_read_back(g, m->data);
    if (gatewayd_ctl_mail(g, m))
        return;
    if (m->type == BUS_REPORT)
        take_report(g, m->data);
    else if (m->type == BUS_STATE)
        take_state(g, m->data);
    else if (m->type == BUS_WRITTEN)
        gatewayd_control_written(g, m->data);
}

void gatewayd_buses_mark(struct gatewayd *g, unsigned bus, enum cause cause)
{
    struct sample bad = {
        .quality = QUALITY_BAD, .cause = cause, .at = clk_utc(g->clk), .mono = clk_mono(g->clk)};
    for (size_t d = 0; d < g->lines->bus[bus].device_count; d++) {
        const struct bus_device *device = &g->lines->bus[bus].devices[d];
        bad.device = device->index;
        for (size_t p = 0; p < device->profile->point_count; p++) {
            bad.point = (uint16_t)p;
            if (!bus_device_polls(device, p))
                continue;
            gatewayd_control_samples(g, &bad, 1);
            gatewayd_packs_samples(g, &bad, 1);
        }
    }
}

/* Told again as long as it lasts: who asks for the newest word on its points is not left with an
 * old one. */
static void tell_wedged(struct gatewayd *g, unsigned index, struct clk_mono now)
{
    struct gatewayd_bus *bus = &g->buses[index];
    if (!clk_mono_due(clk_mono_add(bus->told, EDGE_BAD_HEARTBEAT_MS), now))
        return;
    bus->told = now;
    gatewayd_buses_mark(g, index, CAUSE_WEDGED);
}

static void note_wedged(struct gatewayd *g, unsigned index, bool wedged)
{
    const char *name = g->config->buses[index].name;
    g->buses[index].wedged = wedged;
    g->buses[index].told.ms = -EDGE_BAD_HEARTBEAT_MS; /* not yet */
    log_warn("bus %s: its worker %s", name, wedged ? "does not answer: isolated" : "is back");
    gatewayd_packs_event(g, name, wedged ? "wedged" : "back");
}

void gatewayd_buses_health(struct gatewayd *g, struct clk_mono now)
{
    for (unsigned i = 0; i < g->config->bus_count; i++) {
        const struct gatewayd_bus *bus = &g->buses[i];
        bool wedged = bus->worker && bus_worker_wedged(bus->worker, now);
        if (wedged != bus->wedged)
            note_wedged(g, i, wedged);
        if (wedged)
            tell_wedged(g, i, now);
    }
}
