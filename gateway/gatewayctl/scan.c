/* gatewayctl scan: which devices answer on a line, at which address and settings, and what they
 * probably are. gateway/core/commissioning/scan.h decides; this asks, shows, and ends with what to
 * do next. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/text.h"
#include "gateway/core/commissioning/scan.h"
#include "gateway/gatewayctl/catalog.h"
#include "gateway/gatewayctl/gatewayctl.h"
#include "gateway/gatewayctl/reach.h"
#include "gateway/gatewayctl/scan_text.h"
#include "gateway/gatewayctl/term.h"

#define PROGRAM          "gatewayctl scan"
#define SETTINGS_OPTIONS 4
#define LOST_MAX         3
#define DRAIN_QUIET_MS   20
#define DRAIN_LIMIT_MS   500

struct scan_verb {
    struct reach_options reach;
    struct cli_list bauds, parities, stops;
    const char *units, *profiles;
    int64_t wait_ms;
    bool quick, json;
    struct scan_options options;
    struct catalog catalog;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static void catch_interrupt(void)
{
    struct sigaction action = {.sa_handler = on_interrupt}; /* no SA_RESTART: waits end */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* --- options --- */

/* Each item may be "9600" or "9600,19200". */
static int take_list(const struct cli_list *list, const char *what,
                     int (*take)(struct scan_options *o, const char *word), struct scan_options *o,
                     struct err *e)
{
    for (size_t i = 0; i < list->count; i++) {
        for (const char *at = list->items[i]; *at;) {
            char word[16];
            size_t len = strcspn(at, ",");
            snprintf(word, sizeof(word), "%.*s", (int)len, at);
            if (len == 0 || len >= sizeof(word) || take(o, word) != 0)
                return err_set(e, ERR_INVALID, "--%s %s: \"%s\" cannot be", what, list->items[i],
                               word);
            at += len + (at[len] == ',');
        }
    }
    return 0;
}

static int take_baud(struct scan_options *o, const char *word)
{
    char *end;
    unsigned long baud = strtoul(word, &end, 10);
    if (*end || baud < 300 || baud > 4000000 || o->baud_count == SCAN_BAUDS_MAX)
        return ERR_INVALID;
    o->bauds[o->baud_count++] = (uint32_t)baud;
    return 0;
}

static int take_parity(struct scan_options *o, const char *word)
{
    static const char *const words[] = {"none", "even", "odd"};
    for (size_t i = 0; i < 3 && o->parity_count < 3; i++)
        if (strcmp(word, words[i]) == 0 || (word[1] == '\0' && (word[0] | 0x20) == words[i][0])) {
            o->parities[o->parity_count++] = "NEO"[i];
            return 0;
        }
    return ERR_INVALID;
}

static int take_stop(struct scan_options *o, const char *word)
{
    if ((strcmp(word, "1") != 0 && strcmp(word, "2") != 0) || o->stop_count == 2)
        return ERR_INVALID;
    o->stops[o->stop_count++] = (uint8_t)(word[0] - '0');
    return 0;
}

static int take_units(struct scan_options *o, const char *text, struct err *e)
{
    char *end;
    if (!text)
        return 0;
    unsigned long first = strtoul(text, &end, 10), last = first;
    if (*end == '-')
        last = strtoul(end + 1, &end, 10);
    if (*end || end == text || first < 1 || last < first || last > BUS_UNIT_MAX)
        return err_set(e, ERR_INVALID, "--unit %s: give an address or a range within 1-%d", text,
                       BUS_UNIT_MAX);
    o->unit_first = (uint8_t)first;
    o->unit_last = (uint8_t)last;
    return 0;
}

static int take_options(struct scan_verb *v, struct err *e)
{
    struct scan_options *o = &v->options;
    o->quick = v->quick;
    o->wait_ms = (uint32_t)v->wait_ms;
    int rc = take_list(&v->bauds, "baud", take_baud, o, e);
    if (rc == 0)
        rc = take_list(&v->parities, "parity", take_parity, o, e);
    if (rc == 0)
        rc = take_list(&v->stops, "stop", take_stop, o, e);
    return rc == 0 ? take_units(o, v->units, e) : rc;
}

/* --- the scan --- */

struct session {
    const struct scan_verb *verb;
    struct reach *reach;
    struct scan *scan;
    struct scan_text text;
    unsigned lost; /* in a row */
};

static int open_with(struct session *s, const struct scan_settings *settings, struct err *e)
{
    struct bus_line *line = &s->reach->line;
    if (line->kind == BUS_RTU) {
        line->baud = settings->baud;
        line->parity = settings->parity;
        line->stop_bits = settings->stop_bits;
    }
    return s->reach->port->ops->open(s->reach->port, e);
}

static int send_request(struct session *s, const struct scan_action *action, struct err *e)
{
    struct bus_port *port = s->reach->port;
    struct bus_reply reply;
    uint16_t values[BUS_BITS_MAX];
    size_t waste;
    int rc = 0;
    port->ops->transact(port, &action->request, values, &reply);
    if (interrupted)
        return 0;
    if (reply.outcome == BUS_DAMAGED || reply.outcome == BUS_FOREIGN)
        port->ops->drain(port, DRAIN_QUIET_MS, DRAIN_LIMIT_MS, &waste);
    s->lost = reply.outcome == BUS_LOST ? s->lost + 1 : 0;
    if (s->lost > 0) /* a TCP peer may close after each refusal; an adapter does not come back */
        rc = s->lost > LOST_MAX
                 ? err_set(e, ERR_IO, "%s: the port fails again and again", s->reach->name)
                 : open_with(s, &action->settings, e);
    scan_replied(s->scan, &reply, values);
    return rc;
}

static int run(struct session *s, struct err *e)
{
    struct scan_action action;
    int rc = 0;
    while (rc == 0 && !interrupted) {
        scan_next(s->scan, &action);
        scan_text_progress(&s->text, s->scan);
        switch (action.kind) {
        case SCAN_OPEN:
            rc = open_with(s, &action.settings, e);
            break;
        case SCAN_SEND:
            rc = send_request(s, &action, e);
            break;
        case SCAN_FOUND:
            scan_text_found(&s->text, action.find);
            break;
        case SCAN_KNOWN:
            scan_text_known(&s->text, action.find);
            break;
        case SCAN_DONE:
            return 0;
        }
    }
    return rc;
}

static int scan_line(struct scan_verb *v, struct reach *r, struct err *e)
{
    struct session s = {.verb = v, .reach = r};
    size_t count;
    v->options.kind = r->line.kind;
    v->options.profiles = (const struct profile *const *)v->catalog.profiles;
    v->options.profile_count = v->catalog.count;
    int rc = scan_create(&v->options, &s.scan, e);
    if (rc != 0)
        return rc;
    s.text = (struct scan_text){.line = &r->line, .json = v->json};
    catch_interrupt();
    rc = run(&s, e);
    const struct scan_find *finds = scan_finds(s.scan, &count);
    term_show_progress(NULL);
    if (rc == 0 || count > 0)
        scan_text_summary(&s.text, finds, count, interrupted != 0);
    scan_destroy(s.scan);
    if (rc == 0 && count == 0 && !interrupted)
        rc = err_set(
            e, ERR_NOTFOUND,
            _("nobody answers; check power, A/B swapped, termination, and try more addresses "
              "(--unit 1-247) or without --quick"));
    return rc;
}

static int scan_port(struct scan_verb *v, struct err *e)
{
    struct reach r;
    int rc = take_options(v, e);
    if (rc != 0)
        return rc;
    rc = reach_find(&r, &v->reach, NULL, e);
    if (rc == 0)
        rc = reach_own(&r, &v->reach, e);
    const char *profiles = v->profiles ? v->profiles
                           : r.config  ? r.config->profiles
                                       : CATALOG_DEFAULT;
    struct err why = {0};
    if (rc == 0 && catalog_load(&v->catalog, profiles, &why) != 0)
        fprintf(stderr, PROGRAM ": %s: devices will not be guessed; --profiles names them\n",
                why.text);
    if (rc == 0)
        rc = scan_line(v, &r, e);
    catalog_finish(&v->catalog);
    reach_close(&r);
    return rc;
}

/* What narrows a scan: fills options[SETTINGS_OPTIONS]. */
static void put_settings_options(struct scan_verb *v, struct cli_option *options)
{
    const struct cli_option own[SETTINGS_OPTIONS] = {
        {.name = "baud",
         .type = CLI_LIST,
         .out = &v->bauds,
         .value = "N[,N]",
         .help = N_("speeds to try (default the usual eight)")},
        {.name = "parity",
         .type = CLI_LIST,
         .out = &v->parities,
         .value = "P[,P]",
         .help = N_("none, even, odd (default all)")},
        {.name = "stop",
         .type = CLI_LIST,
         .out = &v->stops,
         .value = "N[,N]",
         .help = N_("stop bits, 1 or 2 (default both)")},
        {.name = "unit",
         .type = CLI_TEXT,
         .out = &v->units,
         .value = "FIRST[-LAST]",
         .help = N_("addresses to try (default 1-247)")},
    };
    memcpy(options, own, sizeof(own));
}

int gatewayctl_scan(int argc, char **argv)
{
    struct scan_verb v = {.reach = {.config = GATEWAYCTL_CONFIG, .baud = 9600, .stop_bits = 1}};
    struct cli_option options[SETTINGS_OPTIONS + 8] = {
        {.name = "config",
         .type = CLI_TEXT,
         .out = &v.reach.config,
         .value = "FILE",
         .letter = 'c',
         .help = N_("the configuration (default /etc/ioc/gateway.json)")},
        {.name = "bus",
         .type = CLI_TEXT,
         .out = &v.reach.bus,
         .value = "NAME",
         .help = N_("the bus, by its name in the configuration")},
        {.name = "quick",
         .type = CLI_FLAG,
         .out = &v.quick,
         .help = N_("the five likeliest settings, addresses 1-32: under half a minute")},
        {.name = "wait",
         .type = CLI_NUMBER,
         .out = &v.wait_ms,
         .value = "MS",
         .max = 10000,
         .help = N_("how long a device may take to answer (default 100; TCP 1000)")},
        {.name = "profiles",
         .type = CLI_TEXT,
         .out = &v.profiles,
         .value = "DIR",
         .help = N_("profiles to guess devices by (default: the configuration's)")},
        {.name = "take",
         .type = CLI_FLAG,
         .out = &v.reach.take,
         .help = N_("have gatewayd hand its port over until this ends")},
        {.name = "json",
         .type = CLI_FLAG,
         .out = &v.json,
         .help = N_("print one JSON object a line")}};
    put_settings_options(&v, options + 7);
    const struct cli_command command = {
        .name = PROGRAM,
        .operands = "PORT",
        .summary =
            "Finds the devices on a line (PORT, /dev/ttyS1 or ADDRESS[:PORT] for Modbus TCP, "
            "or --bus\nNAME): addresses, speed, parity, stop bits, and what they probably "
            "are. Reads only.\nCtrl-C ends it and keeps what was found.",
        .options = options,
        .operand_max = 1};
    struct err e = {0};
    int exit_code;
    if (!cli_parse(&command, argc, argv, &v.reach.port, &exit_code))
        return exit_code;
    int rc = scan_port(&v, &e);
    if (rc != 0)
        return cli_fail(PROGRAM, &e);
    return interrupted ? GATEWAYCTL_INTERRUPTED : CLI_OK;
}
