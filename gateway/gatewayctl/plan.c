/* gatewayctl plan: the timetable of every bus, and the sum when one cannot carry its devices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/text.h"
#include "gateway/core/bus/lines.h"
#include "gateway/core/bus/plan_text.h"
#include "gateway/gatewayctl/gatewayctl.h"
#include "gateway/gatewayctl/term.h"
#include "gateway/io/config_file.h"

#define PROGRAM "gatewayctl plan"

struct plan_verb {
    const char *config, *bus;
    bool json, ascii;
    const char *first_overfull; /* a bus's name, or NULL */
    unsigned shown, overfull;
};

static int show_bus(struct plan_verb *v, const struct lines_bus *b, struct buf *out, struct err *e)
{
    struct plan_text_style style = {.ascii = v->ascii || !term_utf8(), .colour = term_colour()};
    if (v->shown++ > 0)
        buf_str(out, v->json ? "," : "\n");
    if (v->json)
        plan_text_json(b->plan, out);
    else
        plan_text_bus(b->plan, &style, out);
    if (plan_text_overfull(b->plan) && v->overfull++ == 0)
        v->first_overfull = b->line.name;
    if (out->overflow)
        return err_set(e, ERR_LIMIT, "bus %s: its timetable is longer than %d bytes", b->line.name,
                       PLAN_TEXT_MAX);
    fwrite(out->data, 1, out->len, stdout);
    buf_rewind(out, 0);
    return 0;
}

static int show_buses(struct plan_verb *v, const struct gateway_config *c, struct buf *out,
                      struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < c->bus_count; i++) {
        if (v->bus && strcmp(v->bus, c->buses[i].name) != 0)
            continue;
        struct lines_bus b;
        rc = lines_plan(c, i, &b, e);
        if (rc == 0)
            rc = show_bus(v, &b, out, e);
        lines_unplan(&b);
    }
    if (rc == 0 && v->bus && v->shown == 0)
        rc = err_set(e, ERR_INVALID, "%s has no bus \"%s\"", v->config, v->bus);
    return rc;
}

static int run(struct plan_verb *v, struct err *e)
{
    struct gateway_config *c = NULL;
    struct buf out;
    char *memory = malloc(PLAN_TEXT_MAX);
    if (!memory)
        return err_set(e, ERR_NOMEM, "no memory for a timetable");
    buf_init(&out, memory, PLAN_TEXT_MAX);
    int rc = config_file_read(v->config, &c, e);
    if (rc == 0 && v->json)
        printf("{\"v\":1,\"buses\":[");
    if (rc == 0)
        rc = show_buses(v, c, &out, e);
    if (rc == 0 && v->json)
        printf("]}\n");
    if (rc == 0 && v->overfull > 0)
        rc =
            err_set(e, ERR_LIMIT,
                    _("bus %s needs more line time than may be planned; gatewayd would refuse this "
                      "configuration"),
                    v->first_overfull);
    gateway_config_free(c);
    free(memory);
    return rc;
}

int gatewayctl_plan(int argc, char **argv)
{
    struct plan_verb v = {.config = GATEWAYCTL_CONFIG};
    const struct cli_option options[] = {
        {.name = "config",
         .type = CLI_TEXT,
         .out = &v.config,
         .value = "FILE",
         .letter = 'c',
         .help = N_("the configuration (default /etc/ioc/gateway.json)")},
        {.name = "bus",
         .type = CLI_TEXT,
         .out = &v.bus,
         .value = "NAME",
         .help = N_("this bus alone")},
        {.name = "json", .type = CLI_FLAG, .out = &v.json, .help = N_("print one JSON object")},
        {.name = "ascii", .type = CLI_FLAG, .out = &v.ascii, .help = N_("draw with ASCII alone")},
        {.name = NULL}};
    const struct cli_command command = {
        .name = PROGRAM,
        .summary =
            N_("Shows what each bus is asked, when and for how long. A bus that cannot carry "
               "its devices is\nshown with the sum and what would help; exit code 2 then."),
        .options = options};
    struct err e = {0};
    int exit_code;
    if (!cli_parse(&command, argc, argv, NULL, &exit_code))
        return exit_code;
    return run(&v, &e) == 0 ? CLI_OK : cli_fail(PROGRAM, &e);
}
