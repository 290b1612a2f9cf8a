/* gatewayctl check: whether files a person wrote are right, and what they say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "gateway/core/bus/lines.h"
#include "gateway/core/bus/plan.h"
#include "gateway/gatewayctl/ask.h"
#include "gateway/gatewayctl/gatewayctl.h"
#include "gateway/gatewayctl/human.h"
#include "gateway/io/config_file.h"
#include "io/fsx.h"
#include "model/control.h"
#include "model/profile.h"

#define PROGRAM   "gatewayctl check"
#define FILES_MAX 64

enum file_kind { KIND_CONFIGURATION, KIND_PROFILE, KIND_CONTROL };
static const char *const kind_words[] = {"configuration", "profile", "control"};

struct check {
    const char *files[FILES_MAX];
    bool json, quiet;
    unsigned bad;
};

/* --- profiles --- */

static const char *const order_words[] = {"ABCD", "CDAB", "BADC", "DCBA"};
static const char *const type_words[] = {"bit", "u16", "s16", "u32", "s32",
                                         "u64", "s64", "f32", "f64", "string"};

static void point_row(struct table *t, const struct point *p)
{
    char text[HUMAN_SIZE];
    size_t type = (size_t)p->type;
    table_cell(t, p->name);
    table_cell(t, p->kind->name);
    table_cell(t, p->kind->unit);
    table_cell(t, point_table_name(p->table));
    snprintf(text, sizeof(text), "%u", p->address);
    table_cell(t, text);
    table_cell(t, type < sizeof(type_words) / sizeof(*type_words) ? type_words[type] : "bcd");
    table_cell(t, p->count > 1 ? order_words[p->order] : "");
    snprintf(text, sizeof(text), "%.10g", p->scale);
    table_cell(t, text);
    table_cell(t, p->writable ? _("yes") : "");
}

static void show_profile(const struct profile *p)
{
    static const char *const heads[] = {N_("POINT"),    N_("KIND"), N_("UNIT"),  N_("TABLE"),
                                        N_("ADDR"),     N_("TYPE"), N_("ORDER"), N_("SCALE"),
                                        N_("WRITABLE"), NULL};
    printf(_("%s: %u baud, parity %c, %u stop bits as delivered; answers within %u ms\n"), p->label,
           p->serial.baud, p->serial.parity, p->serial.stop_bits, p->turnaround_ms);
    if (p->confidence && *p->confidence)
        printf(_("confidence: %s\n"), p->confidence);
    if (p->ours)
        puts(_("a map of this project's own; no maker's device has it"));
    struct table *t = table_create(heads, 0x90);
    for (size_t i = 0; i < p->point_count; i++)
        point_row(t, &p->points[i]);
    table_print(t);
    table_destroy(t);
}

static int check_profile(const struct check *c, const char *file, const char *text, size_t len,
                         struct err *e)
{
    struct profile *p;
    int rc = profile_parse(text, len, &p, e);
    if (rc)
        return err_prefix(e, "%s", file);
    if (!c->json && !c->quiet)
        show_profile(p);
    profile_free(p);
    return 0;
}

/* --- configurations --- */

static void show_lines(const struct gateway_config *config, const struct lines *lines)
{
    static const char *const heads[] = {N_("BUS"), N_("PORT"), N_("DEVICES"), N_("USE"), NULL};
    struct table *t = table_create(heads, 0xc);
    for (size_t i = 0; i < lines->count; i++) {
        char text[HUMAN_SIZE];
        const struct gateway_bus *b = &config->buses[i];
        table_cell(t, b->name);
        table_cell(t, *b->device ? b->device : b->host);
        snprintf(text, sizeof(text), "%zu", lines->bus[i].device_count);
        table_cell(t, text);
        int64_t use_us = lines->bus[i].plan ? plan_use_us(lines->bus[i].plan) : 0;
        snprintf(text, sizeof(text), "%.1f %%", (double)use_us / 1e4);
        table_cell(t, text);
    }
    table_print(t);
    table_destroy(t);
}

static int check_config(const struct check *c, const char *file, struct err *e)
{
    struct gateway_config *config;
    struct lines *lines;
    int rc = config_file_read(file, &config, e);
    if (rc)
        return rc;
    rc = lines_create(config, &lines, e);
    if (rc)
        err_prefix(e, "%s", file);
    if (rc == 0 && !c->json && !c->quiet) {
        printf(_("gateway %s in %s, %zu devices, broker %s:%lld\n"), config->gateway, config->area,
               config->device_count, config->broker.host, (long long)config->broker.port);
        show_lines(config, lines);
    }
    if (rc == 0)
        lines_destroy(lines);
    gateway_config_free(config);
    return rc;
}

/* --- control documents --- */

static int check_control(const struct check *c, const char *file, const char *text, size_t len,
                         struct err *e)
{
    struct control *control;
    int rc = control_parse(text, len, &control, e);
    if (rc)
        return err_prefix(e, "%s", file);
    if (!c->json && !c->quiet)
        printf(_("control document of %s, revision %lld: %zu keys, %zu groups, %zu schedules\n"),
               control->gateway, (long long)control->revision, control->key_count,
               control->group_count, control->schedule_count);
    control_free(control);
    return 0;
}

/* --- files --- */

/* What a file is, by the members only one kind has. */
static int find_kind(const char *file, const char *text, size_t len, enum file_kind *kind,
                     struct err *e)
{
    struct json_doc *doc;
    int rc = json_parse(text, len, CONFIG_FILE_MAX, JSON_COMMENTS, &doc, e);
    if (rc)
        return err_prefix(e, "%s", file);
    const struct json *root = json_root(doc);
    if (json_get(root, "points"))
        *kind = KIND_PROFILE;
    else if (json_get(root, "revision") || json_get(root, "groups"))
        *kind = KIND_CONTROL;
    else if (json_get(root, "buses") || json_get(root, "gateway") || json_get(root, "broker"))
        *kind = KIND_CONFIGURATION;
    else
        rc = err_set(e, ERR_INVALID,
                     _("%s: is neither a gateway's configuration (buses, devices), nor a device "
                       "profile (points), nor a control document (groups, revision)"),
                     file);
    json_free(doc);
    return rc;
}

static int check_file(const struct check *c, const char *file, enum file_kind *kind, struct err *e)
{
    char *text = NULL;
    size_t len = 0;
    int rc = fsx_read_file(file, CONFIG_FILE_MAX, &text, &len, e);
    rc = rc ? rc : find_kind(file, text, len, kind, e);
    if (rc == 0 && *kind == KIND_PROFILE)
        rc = check_profile(c, file, text, len, e);
    else if (rc == 0 && *kind == KIND_CONTROL)
        rc = check_control(c, file, text, len, e);
    else if (rc == 0)
        rc = check_config(c, file, e);
    free(text);
    return rc;
}

static void say_json(const char *file, int rc, enum file_kind kind, const struct err *e, bool first)
{
    char memory[2 * ERR_TEXT_MAX + 1024];
    struct buf out;
    buf_init(&out, memory, sizeof(memory));
    buf_str(&out, first ? "{\"file\":" : ",{\"file\":");
    json_write_string(&out, file);
    if (rc == 0)
        buf_fmt(&out, ",\"good\":true,\"kind\":\"%s\"}", kind_words[kind]);
    else {
        buf_fmt(&out, ",\"good\":false,\"code\":\"%s\",\"text\":", err_name(rc));
        json_write_string(&out, e->text);
        buf_char(&out, '}');
    }
    fputs(buf_cstr(&out), stdout);
}

static void check_one(struct check *c, size_t i)
{
    struct err e = {0};
    enum file_kind kind = KIND_CONFIGURATION;
    if (!c->json && !c->quiet)
        printf("%s%s:\n", i ? "\n" : "", c->files[i]);
    int rc = check_file(c, c->files[i], &kind, &e);
    c->bad += rc != 0;
    if (c->json) {
        say_json(c->files[i], rc, kind, &e, i == 0);
    } else if (rc) {
        human_print(e.text, TONE_FAIL);
        putchar('\n');
    } else if (!c->quiet) {
        puts(_("good"));
    }
}

int gatewayctl_check(int argc, char **argv)
{
    struct check c = {.bad = 0};
    const struct cli_option options[] = {
        {.name = "json", .type = CLI_FLAG, .out = &c.json, .help = N_("print one JSON object")},
        {.name = "quiet",
         .type = CLI_FLAG,
         .out = &c.quiet,
         .letter = 'q',
         .help = N_("print only what is wrong")},
        {.name = NULL}};
    const struct cli_command command = {
        .name = PROGRAM,
        .operands = "FILE...",
        .summary = N_("Checks configurations, device profiles and control documents, and shows "
                      "what they say.\nExit code 2 when one is wrong."),
        .options = options,
        .operand_min = 1,
        .operand_max = FILES_MAX};
    int exit_code;
    if (!cli_parse(&command, argc, argv, c.files, &exit_code))
        return exit_code;
    if (c.json)
        printf("{\"v\":1,\"files\":[");
    for (size_t i = 0; i < FILES_MAX && c.files[i]; i++)
        check_one(&c, i);
    if (c.json)
        printf("],\"bad\":%u}\n", c.bad);
    return c.bad ? CLI_BAD_INPUT : CLI_OK;
}
