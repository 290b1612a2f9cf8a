/* gatewayctl doctor: is everything as it must be, and if not, what is to be done. */
#include "gateway/gatewayctl/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "gateway/core/bus/lines.h"
#include "gateway/gatewayctl/gatewayctl.h"
#include "gateway/gatewayctl/human.h"
#include "gateway/io/config_file.h"

#define PROGRAM "gatewayctl doctor"

static const char *const state_words[] = {"PASS", "UNKNOWN", "WARN", "FAIL"};
static const char *const state_json[] = {"pass", "unknown", "warn", "fail"};

int doctor_say(struct doctor *d, enum doctor_state state, const char *name, const char *fix,
               const char *fmt, ...)
{
    va_list ap;
    if (d->count == DOCTOR_FINDINGS_MAX)
        return (int)d->count - 1;
    struct doctor_finding *f = &d->findings[d->count];
    *f = (struct doctor_finding){.state = state, .because = -1};
    snprintf(f->name, sizeof(f->name), "%s", name);
    snprintf(f->fix, sizeof(f->fix), "%s", fix ? fix : "");
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof(f->text), fmt, ap);
    va_end(ap);
    return (int)d->count++;
}

void doctor_because(struct doctor *d, int root)
{
    if (d->count)
        d->findings[d->count - 1].because = root;
}

const struct json *doctor_status(const struct doctor *d, const char *part)
{
    return d->status.doc ? json_get(json_root(d->status.doc), part) : NULL;
}

bool doctor_failed(const struct doctor *d, int finding)
{
    return finding >= 0 && d->findings[finding].state == DOCTOR_FAIL;
}

/* --- configuration and daemon: what the rest stands on --- */

static void look_at_config(struct doctor *d)
{
    struct err e = {0};
    struct lines *lines;
    if (config_file_read(d->ask.config, &d->config, &e) != 0) {
        d->config_finding = doctor_say(
            d, DOCTOR_FAIL, "configuration",
            _("mend it; 'gatewayctl check FILE' tells whether it is right"), "%s", e.text);
        return;
    }
    if (lines_create(d->config, &lines, &e) != 0) {
        d->config_finding =
            doctor_say(d, DOCTOR_FAIL, "configuration",
                       _("see 'gatewayctl plan'; gatewayd refuses to start"), "%s", e.text);
        return;
    }
    lines_destroy(lines);
    d->config_finding = doctor_say(
        d, DOCTOR_PASS, "configuration", NULL, _("%s: %zu buses, %zu devices, %zu profiles"),
        d->ask.config, d->config->bus_count, d->config->device_count, d->config->loaded_count);
}

static void look_for_daemon(struct doctor *d)
{
    struct err e = {0};
    struct ask *a = NULL;
    int rc = ask_open(&d->ask, &a, &e);
    rc = rc ? rc : status_ask(a, &d->status, &e);
    ask_close(a);
    if (rc == ERR_DENIED)
        d->daemon_finding =
            doctor_say(d, DOCTOR_UNKNOWN, "daemon",
                       _("run this as root, or join the socket's group"), "%s", e.text);
    else if (rc)
        d->daemon_finding = doctor_say(
            d, DOCTOR_FAIL, "daemon",
            _("systemctl start gatewayd; journalctl -u gatewayd says why it ended"), "%s", e.text);
    else
        d->daemon_finding =
            doctor_say(d, DOCTOR_PASS, "daemon", NULL, _("gatewayd %s answers, process %.0f"),
                       ask_text(doctor_status(d, "gateway"), "version", "?"),
                       ask_number(doctor_status(d, "gateway"), "pid", 0));
    /* Without a right configuration there can be no daemon. */
    if (rc && doctor_failed(d, d->config_finding))
        doctor_because(d, d->config_finding);
}

/* --- showing --- */

static bool folded(const struct doctor *d, const struct doctor_finding *f)
{
    return f->because >= 0 && d->findings[f->because].state >= DOCTOR_WARN;
}

static size_t count_following(const struct doctor *d, int root)
{
    size_t n = 0;
    for (size_t i = 0; i < d->count; i++)
        n += d->findings[i].because == root;
    return n;
}

static void show_finding(const struct doctor *d, size_t i)
{
    static const enum human_tone tones[] = {TONE_PLAIN, TONE_PLAIN, TONE_WARN, TONE_FAIL};
    const struct doctor_finding *f = &d->findings[i];
    char word[16];
    snprintf(word, sizeof(word), "%-8s", state_words[f->state]);
    human_print(word, tones[f->state]);
    printf("%-22s %s\n", f->name, f->text);
    if (*f->fix && f->state != DOCTOR_PASS)
        printf(_("        remedy: %s\n"), f->fix);
    size_t following = count_following(d, (int)i);
    if (following && f->state >= DOCTOR_WARN)
        printf(_("        %zu more could not be told, or follow from this\n"), following);
}

/* Problems come last, where they stay visible. */
static void show(const struct doctor *d, const size_t *counts)
{
    for (int state = DOCTOR_PASS; state <= DOCTOR_FAIL; state++)
        for (size_t i = 0; i < d->count; i++)
            if ((int)d->findings[i].state == state && !folded(d, &d->findings[i]))
                show_finding(d, i);
    printf(_("%zu passed, %zu unknown, %zu warnings, %zu failed\n"), counts[DOCTOR_PASS],
           counts[DOCTOR_UNKNOWN], counts[DOCTOR_WARN], counts[DOCTOR_FAIL]);
}

static void show_json(const struct doctor *d, const size_t *counts)
{
    char memory[4 * DOCTOR_TEXT_SIZE];
    const char *verdict = counts[DOCTOR_FAIL] ? "fail" : counts[DOCTOR_WARN] ? "warn" : "pass";
    printf("{\"v\":1,\"verdict\":\"%s\",\"checks\":[", verdict);
    for (size_t i = 0; i < d->count; i++) {
        const struct doctor_finding *f = &d->findings[i];
        struct buf out;
        buf_init(&out, memory, sizeof(memory));
        buf_fmt(&out, "%s{\"name\":", i ? "," : "");
        json_write_string(&out, f->name);
        buf_fmt(&out, ",\"state\":\"%s\",\"text\":", state_json[f->state]);
        json_write_string(&out, f->text);
        if (*f->fix) {
            buf_str(&out, ",\"remedy\":");
            json_write_string(&out, f->fix);
        }
        if (f->because >= 0) {
            buf_str(&out, ",\"because\":");
            json_write_string(&out, d->findings[f->because].name);
        }
        buf_char(&out, '}');
        fputs(buf_cstr(&out), stdout);
    }
    puts("]}");
}

static int examine(struct doctor *d, bool json)
{
    size_t counts[DOCTOR_FAIL + 1] = {0};
    look_at_config(d);
    look_for_daemon(d);
    doctor_host(d);
    doctor_link(d);
    doctor_daemon(d);
    for (size_t i = 0; i < d->count; i++)
        counts[d->findings[i].state] += !folded(d, &d->findings[i]);
    (json ? show_json : show)(d, counts);
    return counts[DOCTOR_FAIL] ? CLI_FAILED : CLI_OK;
}

int gatewayctl_doctor(int argc, char **argv)
{
    struct doctor d = {.status = {.list = ""}, .clock_finding = -1};
    bool json = false;
    struct cli_option options[ASK_OPTIONS + 2] = {
        {.name = "json", .type = CLI_FLAG, .out = &json, .help = N_("print one JSON object")}};
    ask_put_options(&d.ask, options + 1);
    const struct cli_command command = {
        .name = PROGRAM,
        .summary = N_("Examines this gateway: configuration, daemon, clock, ports, certificates, "
                      "broker,\ndisk, buses and devices, each with a remedy. Exit code 1 when one "
                      "fails."),
        .options = options};
    int exit_code;
    if (!cli_parse(&command, argc, argv, NULL, &exit_code))
        return exit_code;
    d.findings = calloc(DOCTOR_FINDINGS_MAX, sizeof(*d.findings));
    exit_code = d.findings ? examine(&d, json) : CLI_FAILED;
    status_finish(&d.status);
    gateway_config_free(d.config);
    free(d.findings);
    return exit_code;
}
