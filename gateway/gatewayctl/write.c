/* gatewayctl write: sets a point and shows what was read back, never the echo. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/cli.h"
#include "base/text.h"
#include "gateway/gatewayctl/gatewayctl.h"
#include "gateway/gatewayctl/reach.h"
#include "gateway/gatewayctl/value_text.h"
#include "model/json.h"

#define PROGRAM       "gatewayctl write"
#define READBACK_MAX  5      /* a relay moves, a lamp needs a moment */
#define READBACK_US   200000 /* between them */
#define WRITE_TIME_MS 15000

struct write_verb {
    struct reach_options reach;
    bool yes, json;
    const char *operands[2]; /* DEVICE/POINT, VALUE */
    char device[2 * NAME_SIZE];
    const char *point_name;
    const struct point *point;
    struct value value;
    /* what became of it */
    struct sample back;
    bool broadcast;
};

static struct reach_answer answer;

static int take_target(struct write_verb *v, struct err *e)
{
    snprintf(v->device, sizeof(v->device), "%s", v->operands[0]);
    char *slash = strchr(v->device, '/');
    if (!slash)
        return err_set(e, ERR_INVALID, "\"%s\" names no point; write DEVICE/POINT", v->operands[0]);
    *slash = '\0';
    v->point_name = slash + 1;
    return 0;
}

static int refuse_point(const struct write_verb *v, const struct profile *profile, struct err *e)
{
    char memory[256];
    struct buf names;
    buf_init(&names, memory, sizeof(memory));
    for (size_t i = 0; i < profile->point_count; i++)
        if (profile->points[i].writable)
            buf_fmt(&names, "%s%s", names.len ? ", " : "", profile->points[i].name);
    return err_set(e, ERR_DENIED, "%s/%s cannot be written; %s%s", v->device, v->point_name,
                   names.len ? "these can: " : "the device has no point that can",
                   buf_cstr(&names));
}

static int find_point(struct write_verb *v, const struct reach *r, struct err *e)
{
    const struct gateway_device *d = reach_device(r, v->device);
    v->point = profile_find(d->profile, v->point_name);
    if (!v->point)
        return err_set(e, ERR_INVALID, "device %s: its profile %s has no point \"%s\"", v->device,
                       d->profile_name, v->point_name);
    if (!v->point->writable)
        return refuse_point(v, d->profile, e);
    return value_text_parse(v->point, v->operands[1], &v->value, e);
}

/* --- through the daemon --- */

static int take_written(struct write_verb *v, const struct json *said, struct err *e)
{
    const char *quality = ask_text(said, "quality", "bad");
    const struct json *value = json_get(said, "value");
    const char *text;
    v->broadcast = ask_flag(said, "broadcast");
    if (v->broadcast)
        return 0;
    if (strcmp(ask_text(said, "outcome", ""), "ok") != 0)
        return err_set(e, ERR_IO, "%s/%s: %s%s", v->device, v->point_name,
                       ask_text(said, "cause", "it failed"),
                       ask_flag(said, "maybe_written")
                           ? "; it may have been written all the same: read it"
                           : "; nothing was written");
    if (quality_parse(quality, &v->back.quality) != 0)
        v->back.quality = QUALITY_BAD;
    if (json_number(value, &v->back.value.number) == 0)
        v->back.value.type = VALUE_NUMBER;
    else if (json_bool(value, &v->back.value.boolean) == 0)
        v->back.value.type = VALUE_BOOL;
    else if (json_string(value, &text) == 0) {
        v->back.value.type = VALUE_STRING;
        snprintf(v->back.value.string, sizeof(v->back.value.string), "%s", text);
    }
    return 0;
}

static int write_through(struct write_verb *v, struct reach *r, struct err *e)
{
    char memory[512];
    struct buf members;
    const struct json *said;
    buf_init(&members, memory, sizeof(memory));
    buf_fmt(&members, ",\"device\":\"%s\",\"point\":\"%s\",\"value\":", v->device, v->point_name);
    if (v->value.type == VALUE_NUMBER)
        json_write_number(&members, v->value.number);
    else if (v->value.type == VALUE_BOOL)
        buf_str(&members, v->value.boolean ? "true" : "false");
    else
        json_write_string(&members, v->value.string);
    int rc = ask_once(r->daemon, "write", buf_cstr(&members), WRITE_TIME_MS, &said, e);
    return rc != 0 ? rc : take_written(v, said, e);
}

/* --- through the port --- */

static int failed(const struct write_verb *v, const char *what, struct err *e)
{
    char memory[256];
    struct buf why;
    buf_init(&why, memory, sizeof(memory));
    reach_describe(&answer.reply, &why);
    return err_set(e, ERR_IO, "%s/%s: %s: %s", v->device, v->point_name, what, buf_cstr(&why));
}

/* The request of a write: one bit, one register, many, or a bit under its mask. */
static struct bus_request request_of(const struct point *p, uint8_t unit, uint16_t *regs)
{
    struct bus_request q = {.unit = unit,
                            .function = p->write_function,
                            .address = p->write_address,
                            .count = p->count,
                            .values = regs};
    if (p->write_function == 22) {
        uint16_t mask = (uint16_t)(1U << p->bit);
        regs[1] = regs[0] ? mask : 0;
        regs[0] = (uint16_t)~mask;
        q.count = 1;
    }
    return q;
}

static int read_back(struct write_verb *v, struct reach *r, const struct point *p, uint8_t unit,
                     struct err *e)
{
    const struct bus_request q = {
        .unit = unit, .function = (uint8_t)p->table, .address = p->address, .count = p->count};
    int rc = reach_ask(r, &q, &answer, e);
    if (rc != 0)
        return rc;
    if (answer.reply.outcome != BUS_OK)
        return failed(v, "it was written, but cannot be read back", e);
    point_decode(p, answer.values, &v->back);
    return 0;
}

static bool agrees(const struct write_verb *v)
{
    const struct value *a = &v->value, *b = &v->back.value;
    if (a->type != b->type)
        return false;
    if (a->type == VALUE_BOOL)
        return a->boolean == b->boolean;
    if (a->type == VALUE_STRING)
        return strcmp(a->string, b->string) == 0;
    double step = fabs(v->point->scale) > 0 ? fabs(v->point->scale) : 1;
    return fabs(a->number - b->number) <= step / 2 + fabs(a->number) * 1e-6;
}

static int write_directly(struct write_verb *v, struct reach *r, struct err *e)
{
    const struct gateway_device *d = reach_device(r, v->device);
    const struct point *back =
        v->point->readback[0] ? profile_find(d->profile, v->point->readback) : v->point;
    uint16_t regs[POINT_REGS_MAX + 1] = {0};
    int rc = point_encode(v->point, &v->value, regs, e);
    if (rc != 0)
        return rc;
    struct bus_request q = request_of(v->point, (uint8_t)d->unit, regs);
    v->broadcast = bus_is_broadcast(r->line.kind, q.unit);
    syslog(LOG_NOTICE, "user %u writes %s to %s (unit %u of %s)", (unsigned)getuid(),
           v->operands[1], v->operands[0], q.unit, r->line.name);
    rc = reach_ask(r, &q, &answer, e);
    if (rc != 0 || v->broadcast)
        return rc;
    if (answer.reply.outcome != BUS_OK)
        return failed(v, "not written", e);
    for (int i = 0; rc == 0 && back && i < READBACK_MAX; i++) {
        if (i > 0)
            usleep(READBACK_US);
        rc = read_back(v, r, back, q.unit, e);
        if (rc == 0 && agrees(v))
            break;
    }
    return rc;
}

/* --- the whole --- */

static void show(const struct write_verb *v, const struct reach *r)
{
    char text[VALUE_TEXT_SIZE];
    if (v->json) {
        printf("{\"v\":1,\"device\":\"%s\",\"broadcast\":%s,\"points\":[", v->device,
               v->broadcast ? "true" : "false");
        if (!v->broadcast)
            value_text_json_point(v->point, NULL, &v->back, false);
        printf("]}\n");
        return;
    }
    if (v->broadcast) {
        printf(_("%s/%s: sent to all; nobody answers a broadcast\n"), v->device, v->point_name);
        return;
    }
    printf(_("%s/%s reads back %s %s\n"), v->device, v->point_name,
           value_text(&v->back.value, text), v->point->kind->unit);
    if (r->daemon && !r->port)
        printf("%s\n", _("A schedule or the centre may set it again."));
}

static int run(struct write_verb *v, struct err *e)
{
    struct reach r = {.bus = -1};
    int rc = take_target(v, e);
    if (rc == 0)
        rc = reach_find(&r, &v->reach, v->device, e);
    if (rc == 0)
        rc = find_point(v, &r, e);
    if (rc == 0 && !v->yes)
        rc = err_set(e, ERR_INVALID,
                     _("this sets %s to %s %s on the device; add --yes when that is meant"),
                     v->operands[0], v->operands[1], v->point->kind->unit);
    if (rc == 0)
        rc = reach_open(&r, &v->reach, e);
    if (rc == 0)
        rc = r.port ? write_directly(v, &r, e) : write_through(v, &r, e);
    if (rc == 0)
        show(v, &r);
    if (rc == 0 && !v->broadcast && !agrees(v))
        rc = err_set(e, ERR_IO, _("%s: what is read back is not what was written"), v->operands[0]);
    reach_close(&r);
    return rc;
}

int gatewayctl_write(int argc, char **argv)
{
    static struct write_verb v;
    struct cli_option options[REACH_OPTIONS + 3] = {
        {.name = "yes", .type = CLI_FLAG, .out = &v.yes, .help = N_("really do it")},
        {.name = "json", .type = CLI_FLAG, .out = &v.json, .help = N_("print one JSON object")},
    };
    struct cli_option reach[REACH_OPTIONS];
    reach_put_options(&v.reach, reach);
    options[2] = reach[0];                 /* --config */
    options[3] = reach[REACH_OPTIONS - 1]; /* --take */
    const struct cli_command command = {
        .name = PROGRAM,
        .operands = "DEVICE/POINT VALUE",
        .summary =
            N_("Sets a point (on, off, a number in its unit, or a text) and shows what is read "
               "back.\nBeside a running gatewayd it writes through it."),
        .options = options,
        .operand_min = 2,
        .operand_max = 2};
    struct err e = {0};
    int exit_code;
    if (!cli_parse(&command, argc, argv, v.operands, &exit_code))
        return exit_code;
    openlog("gatewayctl", LOG_PID, LOG_DAEMON);
    return run(&v, &e) == 0 ? CLI_OK : cli_fail(PROGRAM, &e);
}
