/* What the running daemon says of its spool, buses and devices, one root for all that follows. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "gateway/gatewayctl/doctor.h"

static void look_at_spool(struct doctor *d, const struct json *s)
{
    if (ask_flag(s, "memory_only"))
        doctor_say(d, DOCTOR_FAIL, "spool",
                   _("make the directory, give it to the user ioc, restart gatewayd"),
                   _("%s cannot be used: samples are in memory only and end with the power"),
                   ask_text(s, "path", "?"));
    else if (ask_flag(s, "failing") || ask_flag(s, "disk_full"))
        doctor_say(d, DOCTOR_FAIL, "spool", _("make room on the disk, or change the card"),
                   ask_flag(s, "disk_full") ? _("%s: the disk is full")
                                            : _("%s: writing fails; is the card worn out?"),
                   ask_text(s, "path", "?"));
    else if (ask_number(s, "gaps", 0) > 0)
        doctor_say(d, DOCTOR_WARN, "spool", _("nothing; raise spool.size_mib against the next one"),
                   _("%.0f gaps: data was lost, and the centre is told"), ask_number(s, "gaps", 0));
    else
        doctor_say(d, DOCTOR_PASS, "spool", NULL, _("%.0f packs wait, no gaps"),
                   ask_number(s, "pending", 0));
}

static bool bus_fine(const char *state)
{
    return strcmp(state, "open") == 0 || strcmp(state, "unused") == 0;
}

/* How many devices of the bus are silent, and how many there are. */
static size_t count_silent(const struct json *devices, const char *bus, size_t *all)
{
    size_t silent = 0;
    *all = 0;
    for (const struct json *v = json_first(devices); v; v = json_next(v)) {
        if (strcmp(ask_text(v, "bus", ""), bus) != 0)
            continue;
        ++*all;
        silent += strcmp(ask_text(v, "state", ""), "silent") == 0;
    }
    return silent;
}

static void look_at_device(struct doctor *d, const struct json *v, int bus)
{
    char name[DOCTOR_NAME_SIZE];
    const char *state = ask_text(v, "state", "?");
    snprintf(name, sizeof(name), "device %s", ask_text(v, "name", "?"));
    if (strcmp(state, "ok") == 0)
        doctor_say(d, DOCTOR_PASS, name, NULL, _("is read"));
    else if (strcmp(state, "unread") == 0 || strcmp(state, "released") == 0)
        doctor_say(d, DOCTOR_UNKNOWN, name, NULL, "%s", status_word(state));
    else if (strcmp(state, "refuses") == 0)
        doctor_say(d, DOCTOR_FAIL, name,
                   _("is it another model or firmware? 'gatewayctl check' shows the profile"), "%s",
                   ask_text(v, "said", ""));
    else if (strcmp(state, "silent") == 0)
        doctor_say(d, DOCTOR_FAIL, name,
                   _("check its power, its wires, its address and speed; 'gatewayctl scan' finds "
                     "what answers"),
                   "%s", ask_text(v, "said", ""));
    else
        doctor_say(d, DOCTOR_FAIL, name, _("'gatewayctl watch' shows each reading's cause"),
                   _("all its readings are bad (%s)"), status_word(state));
    if (bus >= 0)
        doctor_because(d, bus);
}

static int look_at_bus(struct doctor *d, const struct json *b, const struct json *devices)
{
    char name[DOCTOR_NAME_SIZE];
    const char *bus = ask_text(b, "name", "?"), *state = ask_text(b, "state", "?");
    size_t all, silent = count_silent(devices, bus, &all);
    snprintf(name, sizeof(name), "bus %s", bus);
    if (strcmp(state, "released") == 0)
        return doctor_say(d, DOCTOR_UNKNOWN, name, NULL,
                          _("its port is handed over to another program"));
    if (!bus_fine(state))
        return doctor_say(d, DOCTOR_FAIL, name,
                          _("check adapter, port and wiring; see the ports above"), "%s",
                          *ask_text(b, "said", "") ? ask_text(b, "said", "") : status_word(state));
    if (all > 1 && silent == all)
        return doctor_say(d, DOCTOR_FAIL, name,
                          _("the line itself: swapped A and B, no power, wrong speed or parity, a "
                            "loose plug"),
                          _("none of its %zu devices answers"), all);
    doctor_say(d, DOCTOR_PASS, name, NULL, _("%.1f %% of the line in use"),
               ask_number(b, "use_percent", 0));
    return -1;
}

void doctor_daemon(struct doctor *d)
{
    if (!d->status.doc) {
        doctor_say(d, DOCTOR_UNKNOWN, "buses", NULL, _("the daemon does not answer"));
        doctor_because(d, d->daemon_finding);
        doctor_say(d, DOCTOR_UNKNOWN, "devices", NULL, _("the daemon does not answer"));
        doctor_because(d, d->daemon_finding);
        return;
    }
    const struct json *root = json_root(d->status.doc), *devices = json_get(root, "devices");
    look_at_spool(d, json_get(root, "spool"));
    for (const struct json *b = json_first(json_get(root, "buses")); b; b = json_next(b)) {
        int finding = look_at_bus(d, b, devices);
        for (const struct json *v = json_first(devices); v; v = json_next(v))
            if (strcmp(ask_text(v, "bus", ""), ask_text(b, "name", "?")) == 0)
                look_at_device(d, v, finding);
    }
}
