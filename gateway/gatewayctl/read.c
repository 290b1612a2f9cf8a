/* gatewayctl read: what devices hold now, by profile or raw. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/text.h"
#include "gateway/core/bus/plan.h"
#include "gateway/gatewayctl/gatewayctl.h"
#include "gateway/gatewayctl/raw.h"
#include "gateway/gatewayctl/reach.h"
#include "gateway/gatewayctl/value_text.h"
#include "model/json.h"

#define PROGRAM     "gatewayctl read"
#define TARGETS_MAX 32

struct read_verb {
    struct reach_options reach;
    struct raw_options raw;
    bool json;
    const char *targets[TARGETS_MAX];
    bool failed; /* something could not be read; the rest was */
    /* of a dynamic map: what each slot holds, and whether its value counts (0) */
    uint16_t codes[PROFILE_SLOTS_MAX], status[PROFILE_SLOTS_MAX];
    size_t shown;
};

static struct reach_answer answer;

/* --- by profile --- */

/* printf counts bytes; a column is wanted. */
static int width_of(const char *text, int columns)
{
    return columns + (int)(strlen(text) - text_columns(text));
}

static void show_point(struct read_verb *v, const struct point *p, const uint16_t *regs,
                       const char *trouble)
{
    struct sample s = {.quality = QUALITY_BAD};
    char value[VALUE_TEXT_SIZE], cause[CAUSE_TEXT];
    if (regs)
        point_decode(p, regs, &s);
    if (v->json) {
        value_text_json_point(p, regs, &s, v->shown++ > 0);
        return;
    }
    value_text(&s.value, value);
    printf("  %-24s %*s %-7s ", p->name, width_of(value, 14), value, p->kind->unit);
    printf("%-8s ", s.quality == QUALITY_GOOD ? ""
                    : regs                    ? cause_text(s.cause, s.exception, cause)
                                              : _("failed"));
    printf("%s %u", point_table_name(p->table), p->address);
    unsigned width = p->code ? point_type_width(p->type) : p->count;
    for (unsigned i = 0; regs && i < width && i < POINT_REGS_MAX; i++)
        printf(p->table <= TABLE_DISCRETE ? " %X" : " %04X", regs[i]);
    printf("%s%s\n", trouble ? "  " : "", trouble ? trouble : "");
}

/* A dynamic map: the registers of the slot that holds the point; NULL: none does, or not now. */
static const uint16_t *slot_of(const struct read_verb *v, const struct profile *profile,
                               const struct point *p, const uint16_t *values)
{
    const struct profile_map *map = &profile->map;
    for (size_t i = 0; i < map->slots; i++)
        if (v->codes[i] == p->code)
            return v->status[i] == 0 ? values + i * map->stride : NULL;
    return NULL;
}

static void show_points(struct read_verb *v, const struct plan *plan,
                        const struct plan_request *request, const char *trouble)
{
    const struct profile *profile = plan->devices[request->device].profile;
    for (size_t i = request->first; i < request->first + (size_t)request->points; i++) {
        const struct point *p = &profile->points[plan->points[i]];
        const uint16_t *regs = answer.values + (p->address - request->address);
        if (p->code != 0)
            regs = slot_of(v, profile, p, regs);
        show_point(v, p, trouble ? NULL : regs,
                   trouble || regs ? trouble : _("the device does not measure this now"));
    }
}

static int show_request(struct read_verb *v, struct reach *r, const struct plan *plan,
                        const struct plan_request *request, struct err *e)
{
    const struct bus_device *d = &plan->devices[request->device];
    const struct bus_request q = {.unit = d->unit,
                                  .function = (uint8_t)request->table,
                                  .address = request->address,
                                  .count = request->count,
                                  .timeout_ms = d->timeout_ms};
    char memory[256];
    struct buf why;
    int rc = reach_ask(r, &q, &answer, e);
    if (rc != 0)
        return rc;
    bool ok = answer.reply.outcome == BUS_OK;
    buf_init(&why, memory, sizeof(memory));
    reach_describe(&answer.reply, &why);
    v->failed |= !ok;
    if (ok && request->role != PLAN_POINTS && request->count <= PROFILE_SLOTS_MAX)
        memcpy(request->role == PLAN_CODES ? v->codes : v->status, answer.values,
               request->count * sizeof(answer.values[0]));
    show_points(v, plan, request, ok ? NULL : buf_cstr(&why));
    return 0;
}

static int select_point(const struct gateway_device *d, const char *point, struct bus_device *out,
                        struct err *e)
{
    const struct point *p = profile_find(d->profile, point);
    if (!p)
        return err_set(e, ERR_INVALID, "device %s: its profile %s has no point \"%s\"", d->name,
                       d->profile_name, point);
    if (p->write_only)
        return err_set(e, ERR_DENIED, "device %s: point %s can only be written", d->name, point);
    size_t index = (size_t)(p - d->profile->points);
    memset(out->points, 0, sizeof(out->points));
    out->points[index / 64] = UINT64_C(1) << (index % 64);
    return 0;
}

static int show_device(struct read_verb *v, struct reach *r, const char *name, const char *point,
                       struct err *e)
{
    const struct gateway_device *d = reach_device(r, name);
    struct bus_device one = gateway_config_device(r->config, (size_t)(d - r->config->devices));
    struct plan *plan = NULL;
    int rc = point ? select_point(d, point, &one, e) : 0;
    if (rc == 0)
        rc = plan_create(&r->line, &one, 1, &plan, e);
    if (rc != 0)
        return rc;
    v->shown = 0;
    memset(v->codes, 0, sizeof(v->codes));
    memset(v->status, 0, sizeof(v->status));
    if (v->json) {
        printf("{\"v\":1,\"device\":\"%s\",\"unit\":%u,\"points\":[", name, one.unit);
    } else {
        printf(_("%s: %s, unit %u on bus %s\n"), name, d->profile->label, one.unit, d->bus_name);
        printf("  %-*s %*s %-7s %-8s %s\n", width_of(_("point"), 24), _("point"),
               width_of(_("value"), 14), _("value"), "", "", _("registers"));
    }
    for (size_t i = 0; rc == 0 && i < plan->request_count; i++)
        rc = show_request(v, r, plan, &plan->requests[i], e);
    if (v->json)
        printf("]}\n");
    plan_destroy(plan);
    return rc;
}

static int read_target(struct read_verb *v, const char *target, struct err *e)
{
    char name[2 * NAME_SIZE];
    struct reach r;
    snprintf(name, sizeof(name), "%s", target);
    char *point = strchr(name, '/');
    if (point)
        *point++ = '\0';
    int rc = reach_find(&r, &v->reach, name, e);
    if (rc == 0)
        rc = reach_open(&r, &v->reach, e);
    if (rc == 0)
        rc = show_device(v, &r, name, point, e);
    reach_close(&r);
    return rc;
}

/* --- raw --- */

static void show_raw(const struct read_verb *v, const struct bus_request *q)
{
    const char *table = point_table_name((enum point_table)q->function);
    if (v->json) {
        printf("{\"v\":1,\"unit\":%u,\"table\":\"%s\",\"address\":%u,\"turnaround_us\":%u,"
               "\"values\":[",
               q->unit, table, q->address, answer.turnaround_us);
        for (unsigned i = 0; i < q->count; i++)
            printf("%s%u", i ? "," : "", answer.values[i]);
        printf("]}\n");
        return;
    }
    for (unsigned i = 0; i < q->count; i++) {
        unsigned word = answer.values[i];
        if (q->function <= TABLE_DISCRETE)
            printf("%s %5u  %u\n", table, q->address + i, word);
        else
            printf("%s %5u  %04X  %5u  %6d\n", table, q->address + i, word, word, (int16_t)word);
    }
}

static int read_raw(struct read_verb *v, struct err *e)
{
    struct reach r;
    struct bus_request q;
    char memory[256];
    struct buf why;
    int rc = raw_request(&v->raw, &q, e);
    if (rc != 0)
        return rc;
    rc = reach_find(&r, &v->reach, NULL, e);
    if (rc == 0)
        rc = reach_open(&r, &v->reach, e);
    if (rc == 0)
        rc = reach_ask(&r, &q, &answer, e);
    reach_close(&r);
    if (rc != 0)
        return rc;
    if (answer.reply.outcome == BUS_OK) {
        show_raw(v, &q);
        return 0;
    }
    buf_init(&why, memory, sizeof(memory));
    reach_describe(&answer.reply, &why);
    return err_set(e, ERR_IO, "unit %u: %s", q.unit, buf_cstr(&why));
}

static int run(struct read_verb *v, struct err *e)
{
    if (raw_given(&v->raw) && v->targets[0])
        return err_set(e, ERR_INVALID, "give devices, or registers with --unit, not both");
    if (!v->targets[0])
        return read_raw(v, e);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < TARGETS_MAX && v->targets[i]; i++)
        rc = read_target(v, v->targets[i], e);
    return rc;
}

int gatewayctl_read(int argc, char **argv)
{
    static struct read_verb v;
    struct cli_option options[REACH_OPTIONS + RAW_OPTIONS + 2] = {
        {.name = "json",
         .type = CLI_FLAG,
         .out = &v.json,
         .help = N_("print one JSON object a device")},
    };
    reach_put_options(&v.reach, options + 1);
    raw_put_options(&v.raw, options + 1 + REACH_OPTIONS);
    const struct cli_command command = {
        .name = PROGRAM,
        .operands = "[DEVICE[/POINT]...]",
        .summary =
            "Reads what devices hold now: points of the configuration's devices, or registers "
            "of any\ndevice (--bus or --port, --unit, and --holding, --input, --coil or "
            "--discrete). Beside a\nrunning gatewayd it asks through it.",
        .options = options,
        .operand_max = TARGETS_MAX};
    struct err e = {0};
    int exit_code;
    if (!cli_parse(&command, argc, argv, v.targets, &exit_code))
        return exit_code;
    if (run(&v, &e) != 0)
        return cli_fail(PROGRAM, &e);
    return v.failed ? CLI_FAILED : CLI_OK;
}
