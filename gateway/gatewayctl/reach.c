#include "gateway/gatewayctl/reach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "gateway/core/ctl.h"
#include "gateway/gatewayctl/gatewayctl.h"
#include "gateway/io/config_file.h"

#define MODBUS_TCP_PORT 502
#define RTU_PREFIX      "rtu:" /* before the address of a serial server that passes RTU frames on */
#define MEMBERS_MAX     4096

void reach_put_options(struct reach_options *o, struct cli_option *options)
{
    o->config = GATEWAYCTL_CONFIG;
    o->baud = 9600;
    o->stop_bits = 1;
    const struct cli_option own[REACH_OPTIONS] = {
        {.name = "config",
         .type = CLI_TEXT,
         .out = &o->config,
         .value = "FILE",
         .letter = 'c',
         .help = N_("the configuration (default /etc/ioc/gateway.json)")},
        {.name = "bus",
         .type = CLI_TEXT,
         .out = &o->bus,
         .value = "NAME",
         .help = N_("the bus, by its name in the configuration")},
        {.name = "port",
         .type = CLI_TEXT,
         .out = &o->port,
         .value = "PORT",
         .help = N_("a port: /dev/ttyS1, or ADDRESS[:PORT] for Modbus TCP")},
        {.name = "baud",
         .type = CLI_NUMBER,
         .out = &o->baud,
         .value = "N",
         .min = 300,
         .max = 4000000,
         .help = N_("of a serial --port (default 9600)")},
        {.name = "parity",
         .type = CLI_TEXT,
         .out = &o->parity,
         .value = "P",
         .help = N_("of a serial --port: none, even or odd (default none)")},
        {.name = "stop",
         .type = CLI_NUMBER,
         .out = &o->stop_bits,
         .value = "N",
         .min = 1,
         .max = 2,
         .help = N_("stop bits of a serial --port (default 1)")},
        {.name = "take",
         .type = CLI_FLAG,
         .out = &o->take,
         .help = N_("have gatewayd hand its port over until this ends")},
    };
    memcpy(options, own, sizeof(own));
}

/* --- which line --- */

static int find_bus(struct reach *r, const char *name, struct err *e)
{
    for (size_t i = 0; i < r->config->bus_count; i++)
        if (strcmp(r->config->buses[i].name, name) == 0) {
            r->bus = (int)i;
            return 0;
        }
    return err_set(e, ERR_INVALID, "the configuration has no bus \"%s\"", name);
}

const struct gateway_device *reach_device(const struct reach *r, const char *name)
{
    for (size_t i = 0; r->config && i < r->config->device_count; i++)
        if (strcmp(r->config->devices[i].name, name) == 0)
            return &r->config->devices[i];
    return NULL;
}

static int find_device(struct reach *r, const char *name, struct err *e)
{
    const struct gateway_device *d = reach_device(r, name);
    if (!d)
        return err_set(e, ERR_INVALID, "the configuration has no device \"%s\"", name);
    r->bus = (int)d->bus;
    return 0;
}

static bool same_path(const char *a, const char *b)
{
    char *one = realpath(a, NULL), *other = realpath(b, NULL);
    bool same = one && other && strcmp(one, other) == 0;
    free(one);
    free(other);
    return same;
}

/* A port the configuration knows is the daemon's, when one runs. */
static void find_port(struct reach *r)
{
    for (size_t i = 0; r->config && i < r->config->bus_count; i++) {
        struct bus_line line = gateway_config_line(r->config, i);
        bool serial = r->line.kind == BUS_RTU && line.kind == BUS_RTU;
        bool peer = r->line.kind != BUS_RTU && line.kind != BUS_RTU && r->line.port == line.port;
        if ((serial && same_path(r->line.path, line.path)) ||
            (peer && strcmp(r->line.host, line.host) == 0))
            r->bus = (int)i;
    }
}

static int parity_of(const char *text, char *out, struct err *e)
{
    static const char *const words[] = {"none", "even", "odd"};
    *out = 'N';
    for (size_t i = 0; text && i < 3; i++)
        if (strcmp(text, words[i]) == 0 || (text[1] == '\0' && (text[0] | 0x20) == words[i][0])) {
            *out = "NEO"[i];
            return 0;
        }
    return text ? err_set(e, ERR_INVALID, "\"%s\" is no parity: none, even or odd", text) : 0;
}

static int line_of_port(struct reach *r, const struct reach_options *o, struct err *e)
{
    r->line.name = r->name;
    snprintf(r->name, sizeof(r->name), "%s", o->port);
    if (strchr(o->port, '/')) {
        r->line.kind = BUS_RTU;
        r->line.path = r->name;
        r->line.baud = (uint32_t)o->baud;
        r->line.stop_bits = (uint8_t)o->stop_bits;
        return parity_of(o->parity, &r->line.parity, e);
    }
    bool rtu = strncmp(o->port, RTU_PREFIX, strlen(RTU_PREFIX)) == 0;
    const char *host = o->port + (rtu ? strlen(RTU_PREFIX) : 0);
    const char *colon = strrchr(host, ':');
    char *end = NULL;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : MODBUS_TCP_PORT;
    if ((end && *end) || port == 0 || port > UINT16_MAX)
        return err_set(e, ERR_INVALID,
                       "\"%s\" is no port: write /dev/..., or ADDRESS:PORT for Modbus TCP",
                       o->port);
    r->line.kind = rtu ? BUS_RTU_TCP : BUS_TCP;
    snprintf(r->host, sizeof(r->host), "%.*s", (int)(colon ? colon - host : 63), host);
    r->line.host = r->host;
    r->line.port = (uint16_t)port;
    return 0;
}

/* --- the daemon --- */

/* Fine without one, and where the configuration wants none: r->daemon stays NULL. */
static int find_daemon(struct reach *r, const struct reach_options *o, struct err *e)
{
    const struct ask_options options = {.config = o->config};
    struct err why = {0};
    if (r->config->control_socket[0] == '\0')
        return 0;
    int rc = ask_open(&options, &r->daemon, &why);
    if (rc == ERR_NOTFOUND)
        return 0;
    if (rc != 0)
        *e = why;
    return rc;
}

int reach_find(struct reach *r, const struct reach_options *o, const char *device, struct err *e)
{
    *r = (struct reach){.bus = -1};
    if ((device != NULL) + (o->bus != NULL) + (o->port != NULL) != 1)
        return err_set(e, ERR_INVALID, "which line? Name a device, or --bus NAME, or a port");
    int rc = config_file_read(o->config, &r->config, &r->config_error);
    if (rc != 0 && (device || o->bus)) {
        *e = r->config_error;
        return rc;
    }
    if (device)
        rc = find_device(r, device, e);
    else if (o->bus)
        rc = find_bus(r, o->bus, e);
    else if ((rc = line_of_port(r, o, e)) == 0)
        find_port(r);
    if (rc == 0 && r->bus >= 0 && !o->port)
        r->line = gateway_config_line(r->config, (size_t)r->bus);
    return rc == 0 && r->bus >= 0 ? find_daemon(r, o, e) : rc;
}

/* --- opening --- */

static int take_port(struct reach *r, struct err *e)
{
    char members[128];
    const struct json *answer;
    snprintf(members, sizeof(members), ",\"bus\":\"%s\",\"for_s\":%d",
             r->config->buses[r->bus].name, REACH_TAKE_S);
    return ask_once(r->daemon, "release", members, ASK_PATIENCE_MS, &answer, e);
}

static int open_port(struct reach *r, struct err *e)
{
    r->port = bus_port_create(&r->line);
    if (!r->port)
        return err_set(e, ERR_NOMEM, "no memory for a port");
    return r->port->ops->open(r->port, e);
}

int reach_own(struct reach *r, const struct reach_options *o, struct err *e)
{
    if (r->daemon && !o->take)
        return err_set(e, ERR_AGAIN,
                       _("gatewayd has the port of bus %s; add --take to have it handed over "
                         "meanwhile, or stop gatewayd"),
                       r->config->buses[r->bus].name);
    int rc = r->daemon ? take_port(r, e) : 0;
    return rc == 0 ? open_port(r, e) : rc;
}

int reach_open(struct reach *r, const struct reach_options *o, struct err *e)
{
    return r->daemon && !o->take ? 0 : reach_own(r, o, e);
}

void reach_close(struct reach *r)
{
    if (r->port)
        r->port->ops->destroy(r->port);
    ask_close(r->daemon); /* what was taken goes back with it */
    gateway_config_free(r->config);
    *r = (struct reach){.bus = -1};
}

/* --- asking --- */

static int64_t mono_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint32_t timeout_of(const struct reach *r, const struct bus_request *q)
{
    if (q->timeout_ms)
        return q->timeout_ms;
    return r->line.timeout_ms ? r->line.timeout_ms : REACH_TIMEOUT_MS;
}

static int ask_port(struct reach *r, const struct bus_request *q, struct reach_answer *out)
{
    struct bus_request own = *q;
    size_t waste;
    own.timeout_ms = timeout_of(r, q);
    int64_t before_us = mono_us();
    r->port->ops->transact(r->port, &own, out->values, &out->reply);
    out->turnaround_us =
        out->reply.turnaround_us ? out->reply.turnaround_us : (uint32_t)(mono_us() - before_us);
    if (out->reply.outcome == BUS_DAMAGED || out->reply.outcome == BUS_FOREIGN ||
        out->reply.outcome == BUS_NO_REPLY)
        r->port->ops->drain(r->port, 50, 1000, &waste); /* its rest is not the next one's reply */
    return 0;
}

static void put_values(struct buf *out, const struct bus_request *q)
{
    for (unsigned i = 0; i < q->count; i++)
        buf_fmt(out, "%s%u", i ? "," : "", q->values[i]);
}

static int take_answer(const struct json *answer, const struct bus_request *q,
                       struct reach_answer *out, struct err *e)
{
    const char *outcome = "";
    int64_t n = 0;
    size_t i = 0;
    (void)json_string(json_get(answer, "outcome"), &outcome);
    int rc = ctl_outcome_parse(outcome, &out->reply.outcome);
    if (rc < 0)
        return err_set(e, rc, "gatewayd answers with an outcome \"%s\" unknown here", outcome);
    if (json_int(json_get(answer, "exception"), &n) == 0)
        out->reply.exception = (uint8_t)n;
    if (json_int(json_get(answer, "turnaround_us"), &n) == 0)
        out->turnaround_us = (uint32_t)n;
    const struct json *v = json_first(json_get(answer, "values"));
    for (; v && i < BUS_BITS_MAX; v = json_next(v))
        if (json_int(v, &n) == 0)
            out->values[i++] = (uint16_t)n;
    if (out->reply.outcome == BUS_OK && !q->values && i < q->count)
        return err_set(e, ERR_CORRUPT, "gatewayd answers %zu values for %u", i, q->count);
    return 0;
}

static int ask_daemon(struct reach *r, const struct bus_request *q, struct reach_answer *out,
                      struct err *e)
{
    char memory[MEMBERS_MAX];
    struct buf members;
    const struct json *answer = NULL;
    buf_init(&members, memory, sizeof(memory));
    buf_fmt(&members,
            ",\"bus\":\"%s\",\"unit\":%u,\"function\":%u,\"address\":%u,\"timeout_ms\":%u",
            r->config->buses[r->bus].name, q->unit, q->function, q->address, timeout_of(r, q));
    if (q->values) {
        buf_str(&members, ",\"values\":[");
        put_values(&members, q);
        buf_char(&members, ']');
    } else {
        buf_fmt(&members, ",\"count\":%u", q->count);
    }
    int rc = ask_once(r->daemon, q->values ? "write" : "read", buf_cstr(&members),
                      (int)timeout_of(r, q) + ASK_PATIENCE_MS, &answer, e);
    return rc < 0 ? rc : take_answer(answer, q, out, e);
}

int reach_ask(struct reach *r, const struct bus_request *q, struct reach_answer *out, struct err *e)
{
    memset(out, 0, sizeof(*out));
    return r->port ? ask_port(r, q, out) : ask_daemon(r, q, out, e);
}

/* V1.1b3, section 7. */
static const char *exception_text(unsigned exception)
{
    static const char *const texts[] = {"?",
                                        N_("it does not know this function"),
                                        N_("it has no such address"),
                                        N_("it refuses this count or value"),
                                        N_("it failed while doing it"),
                                        N_("it takes long; ask again later"),
                                        N_("it is busy; ask again later"),
                                        "?",
                                        N_("its memory is damaged"),
                                        "?",
                                        N_("the gateway on the way has no path to it"),
                                        N_("the device behind the gateway is silent")};
    return exception < sizeof(texts) / sizeof(texts[0]) ? text_get(texts[exception]) : "?";
}

void reach_describe(const struct bus_reply *reply, struct buf *out)
{
    switch (reply->outcome) {
    case BUS_OK:
        buf_str(out, _("ok"));
        break;
    case BUS_NO_REPLY:
        buf_str(out, _("no reply; check address, speed, wiring (A/B swapped?) and power"));
        break;
    case BUS_DAMAGED:
        buf_str(out, _("the reply was damaged; check speed, parity, termination, and that no two "
                       "devices have one address"));
        break;
    case BUS_FOREIGN:
        buf_str(out, _("a reply to something else; another master on the line, or a slow device"));
        break;
    case BUS_EXCEPTION:
        buf_fmt(out, _("exception %u: %s"), reply->exception, exception_text(reply->exception));
        break;
    case BUS_LOST:
        buf_str(out, _("the port failed; is the adapter plugged in, does the peer listen?"));
        break;
    }
}
