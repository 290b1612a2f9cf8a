/* gatewayctl timing: how a line behaves, from the daemon's own counting or by asking N times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/text.h"
#include "gateway/core/bus/plan.h"
#include "gateway/core/commissioning/timing_text.h"
#include "gateway/gatewayctl/gatewayctl.h"
#include "gateway/gatewayctl/raw.h"
#include "gateway/gatewayctl/reach.h"
#include "gateway/gatewayctl/term.h"

#define PROGRAM   "gatewayctl timing"
#define TEXT_SIZE 8192

struct timing_verb {
    struct reach_options reach;
    struct raw_options raw;
    int64_t probes;
    bool json, ascii;
};

static struct reach_answer answer;

static void show(const struct timing_verb *v, const struct timing *t)
{
    char memory[TEXT_SIZE];
    struct buf out;
    buf_init(&out, memory, sizeof(memory));
    if (v->json)
        timing_text_json(t, &out);
    else
        timing_text(t, v->ascii || !term_utf8(), &out);
    fputs(buf_cstr(&out), stdout);
}

/* --- from the daemon --- */

static void take_line(const struct json *line, struct timing *t)
{
    size_t i = 0;
    *t = (struct timing){.bus = ask_text(line, "bus", "?"),
                         .replies = (uint64_t)ask_number(line, "replies", 0),
                         .pauses = (uint64_t)ask_number(line, "pauses", 0),
                         .early = (uint64_t)ask_number(line, "early", 0),
                         .noise_bytes = (uint64_t)ask_number(line, "noise_bytes", 0),
                         .longest_us = (uint32_t)ask_number(line, "longest_us", 0)};
    const struct json *n = json_first(json_get(line, "turnaround"));
    for (; n && i < TIMING_BUCKETS; n = json_next(n)) {
        double count = 0;
        if (json_number(n, &count) == 0)
            t->turnaround[i++] = (uint64_t)count;
    }
}

static int from_daemon(const struct timing_verb *v, struct ask *daemon, struct err *e)
{
    char members[128] = "";
    const struct json *line;
    if (v->reach.bus)
        snprintf(members, sizeof(members), ",\"bus\":\"%s\"", v->reach.bus);
    int rc = ask_send(daemon, "timing", members, e);
    if (rc != 0)
        return rc;
    do {
        struct timing t;
        rc = ask_next(daemon, ASK_PATIENCE_MS, &line, e);
        if (rc < 0)
            return rc;
        take_line(line, &t);
        if (json_get(line, "bus")) /* the last line has none */
            show(v, &t);
    } while (rc > 0);
    return 0;
}

/* --- by asking --- */

/* What is asked of a bus whose registers nobody named: the first request of its first device. */
static int first_request(const struct reach *r, struct bus_request *q, struct err *e)
{
    for (size_t i = 0; r->bus >= 0 && i < r->config->device_count; i++) {
        struct bus_device d = gateway_config_device(r->config, i);
        struct plan *plan = NULL;
        if (r->config->devices[i].bus != (size_t)r->bus)
            continue;
        int rc = plan_create(&r->line, &d, 1, &plan, e);
        if (rc != 0)
            return rc;
        bool any = plan->request_count > 0;
        if (any)
            *q = (struct bus_request){.unit = d.unit,
                                      .function = (uint8_t)plan->requests[0].table,
                                      .address = plan->requests[0].address,
                                      .count = plan->requests[0].count};
        plan_destroy(plan);
        if (any)
            return 0;
    }
    return err_set(e, ERR_INVALID, "whom to ask? Give --unit and --holding (or another table)");
}

static int probe(const struct timing_verb *v, struct reach *r, struct err *e)
{
    struct timing t = {.bus = r->line.name};
    struct bus_request q = {0};
    char text[80];
    int rc = raw_given(&v->raw) ? raw_request(&v->raw, &q, e) : first_request(r, &q, e);
    for (int64_t i = 0; rc == 0 && i < v->probes; i++) {
        snprintf(text, sizeof(text), _("asking unit %u: %lld of %lld"), q.unit, (long long)i + 1,
                 (long long)v->probes);
        term_show_progress(text);
        rc = reach_ask(r, &q, &answer, e);
        t.asked++;
        t.early += answer.reply.early_bytes + answer.reply.hasty;
        t.noise_bytes += answer.reply.noise_bytes;
        t.pauses += answer.reply.pause;
        if (rc == 0 && (answer.reply.outcome == BUS_OK || answer.reply.outcome == BUS_EXCEPTION))
            timing_add(&t, answer.turnaround_us);
    }
    term_show_progress(NULL);
    if (rc != 0)
        return rc;
    show(v, &t);
    if (t.replies == 0)
        return err_set(e, ERR_TIMEOUT, _("unit %u of %s never answered"), q.unit, r->line.name);
    return 0;
}

/* All buses, when none is named: only a daemon can tell. */
static int all_buses(const struct timing_verb *v, struct err *e)
{
    const struct ask_options options = {.config = v->reach.config};
    struct ask *daemon = NULL;
    int rc = ask_open(&options, &daemon, e);
    if (rc == 0)
        rc = from_daemon(v, daemon, e);
    ask_close(daemon);
    return rc;
}

static int run(const struct timing_verb *v, struct err *e)
{
    struct reach r;
    if (!v->reach.bus && !v->reach.port)
        return all_buses(v, e);
    int rc = reach_find(&r, &v->reach, NULL, e);
    bool daemon_counts = rc == 0 && r.daemon && !v->reach.take && !raw_given(&v->raw);
    if (rc == 0 && !daemon_counts)
        rc = reach_open(&r, &v->reach, e);
    if (rc == 0)
        rc = daemon_counts ? from_daemon(v, r.daemon, e) : probe(v, &r, e);
    reach_close(&r);
    return rc;
}

int gatewayctl_timing(int argc, char **argv)
{
    static struct timing_verb v = {.probes = 50};
    struct cli_option options[REACH_OPTIONS + RAW_OPTIONS + 4] = {
        {.name = "probes",
         .type = CLI_NUMBER,
         .out = &v.probes,
         .value = "N",
         .min = 1,
         .max = 100000,
         .help = N_("how often to ask, where no daemon counts (default 50)")},
        {.name = "json",
         .type = CLI_FLAG,
         .out = &v.json,
         .help = N_("print one JSON object a bus")},
        {.name = "ascii", .type = CLI_FLAG, .out = &v.ascii, .help = N_("draw with ASCII alone")},
    };
    reach_put_options(&v.reach, options + 3);
    raw_put_options(&v.raw, options + 3 + REACH_OPTIONS);
    const struct cli_command command = {
        .name = PROGRAM,
        .summary =
            N_("Shows how a line behaves: turnarounds, silences that were not kept, noise, and "
               "what to\nconfigure. A running gatewayd tells what it counted (all buses, or "
               "--bus); else a device\nis asked --probes times."),
        .options = options};
    struct err e = {0};
    int exit_code;
    if (!cli_parse(&command, argc, argv, NULL, &exit_code))
        return exit_code;
    return run(&v, &e) == 0 ? CLI_OK : cli_fail(PROGRAM, &e);
}
