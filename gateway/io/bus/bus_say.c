#include "gateway/io/bus/bus_say.h"

#include <stdio.h>

static const char *refusal(uint8_t exception)
{
    switch (exception) {
    case 1:
        return "does not know the function";
    case 2:
        return "has no such address";
    default:
        return "does not accept the count";
    }
}

static void refused_map(const struct plan *plan, const struct poll_report *r,
                        char text[BUS_STATE_TEXT])
{
    const struct bus_device *d = &plan->devices[r->device];
    snprintf(text, BUS_STATE_TEXT,
             "bus %s: device %s (unit %u) %s for the %s of its dynamic map, address %u (exception "
             "%u); check the device's profile %s",
             plan->line->name, d->name, d->unit, refusal(r->exception),
             r->role == PLAN_CODES ? "codes" : "status", r->address, r->exception,
             d->profile->name);
}

static void refused(const struct plan *plan, const struct poll_report *r, char text[BUS_STATE_TEXT])
{
    const struct bus_device *d = &plan->devices[r->device];
    if (r->role != PLAN_POINTS) {
        refused_map(plan, r, text);
        return;
    }
    const uint16_t *points = &plan->points[r->first];
    const struct point *first = &d->profile->points[points[0]];
    const struct point *last = &d->profile->points[points[r->points - 1]];
    snprintf(text, BUS_STATE_TEXT,
             "bus %s: device %s (unit %u) %s for point %s%s%s, %s address %u (exception %u); "
             "check the device's profile %s",
             plan->line->name, d->name, d->unit, refusal(r->exception), first->name,
             r->points > 1 ? " to " : "", r->points > 1 ? last->name : "",
             point_table_name(first->table), r->address, r->exception, d->profile->name);
}

void bus_say(const struct plan *plan, const struct poll_note *n, const struct err *open_error,
             char text[BUS_STATE_TEXT])
{
    const char *line = plan->line->name;
    const struct bus_device *d = &plan->devices[n->device];
    switch (n->kind) {
    case POLL_NOTE_PORT_DOWN:
        snprintf(text, BUS_STATE_TEXT, "%s; trying again every few seconds", open_error->text);
        break;
    case POLL_NOTE_PORT_UP:
        snprintf(text, BUS_STATE_TEXT, "bus %s: open again", line);
        break;
    case POLL_NOTE_LINE_NOISY:
        snprintf(text, BUS_STATE_TEXT,
                 "bus %s: bytes never stop arriving; look for a second master or a stuck "
                 "transmitter, then for wiring and termination",
                 line);
        break;
    case POLL_NOTE_DEVICE_SILENT:
        snprintf(text, BUS_STATE_TEXT,
                 "bus %s: device %s (unit %u) does not answer; check power, wiring, unit and baud "
                 "rate. It is asked now and then",
                 line, d->name, d->unit);
        break;
    case POLL_NOTE_DEVICE_BACK:
        snprintf(text, BUS_STATE_TEXT, "bus %s: device %s (unit %u) answers again", line, d->name,
                 d->unit);
        break;
    case POLL_NOTE_DEVICE_LATE:
        snprintf(text, BUS_STATE_TEXT,
                 "bus %s: device %s (unit %u) answered after %u ms, past its deadline; if it is "
                 "only slow, raise its timeout_ms above that",
                 line, d->name, d->unit, n->ms);
        break;
    case POLL_NOTE_DEVICE_CONFIG:
        refused(plan, &n->report, text);
        break;
    }
}
