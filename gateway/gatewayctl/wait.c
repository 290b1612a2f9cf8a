/* gatewayctl wait: for scripts, until something is so. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clk.h"
#include "base/text.h"
#include "gateway/gatewayctl/ask.h"
#include "gateway/gatewayctl/gatewayctl.h"
#include "gateway/gatewayctl/human.h"
#include "gateway/gatewayctl/status.h"

#define PROGRAM         "gatewayctl wait"
#define AGAIN_MS        250
#define TIMEOUT_DEFAULT "60s"
#define TIMEOUT_MAX_S   86400

struct wait {
    struct ask_options ask;
    const char *words[2]; /* what to wait for, and the device */
    const char *timeout;
};

/* 1: it is so; 0: not yet. `seen` says what is instead. */
static int look(const struct wait *w, const struct json *root, char *seen, size_t size,
                struct err *e)
{
    const struct json *uplink = json_get(root, "uplink"), *spool = json_get(root, "spool");
    const char *phase = ask_text(uplink, "phase", "?");
    if (strcmp(w->words[0], "online") == 0) {
        snprintf(seen, size, _("the uplink is %s: %s"), status_word(phase),
                 ask_text(uplink, "said", ""));
        return strcmp(phase, "online") == 0;
    }
    if (strcmp(w->words[0], "acked") == 0) {
        double pending = ask_number(spool, "pending", -1);
        snprintf(seen, size, _("%.0f packs wait for the centre"), pending);
        return pending == 0 && ask_number(spool, "appended", 0) > 0;
    }
    const struct json *d = json_first(json_get(root, "devices"));
    while (d && strcmp(ask_text(d, "name", ""), w->words[1]) != 0)
        d = json_next(d);
    if (!d)
        return err_set(e, ERR_INVALID, _("there is no device '%s'"), w->words[1]);
    snprintf(seen, size, _("device %s is %s: %s"), w->words[1],
             status_word(ask_text(d, "state", "?")), ask_text(d, "said", ""));
    return strcmp(ask_text(d, "state", "?"), "ok") == 0;
}

/* A daemon that is being started is waited for as well. */
static int look_once(const struct wait *w, char *seen, size_t size, struct err *e)
{
    struct ask *a = NULL;
    struct status s = {.list = ""};
    int rc = ask_open(&w->ask, &a, e);
    rc = rc ? rc : status_ask(a, &s, e);
    if (rc == ERR_NOTFOUND || rc == ERR_TIMEOUT) {
        snprintf(seen, size, "%s", e->text);
        rc = 0;
    } else if (rc == 0) {
        rc = look(w, json_root(s.doc), seen, size, e);
    }
    status_finish(&s);
    ask_close(a);
    return rc;
}

static int run(const struct wait *w, int64_t timeout_s, struct err *e)
{
    const struct timespec again = {.tv_nsec = AGAIN_MS * 1000000L};
    struct clk_mono end = clk_mono_add(clk_mono(clk_system()), timeout_s * 1000);
    char seen[ERR_TEXT_MAX / 2] = "";
    int rc = look_once(w, seen, sizeof(seen), e);
    while (rc == 0 && !clk_mono_due(end, clk_mono(clk_system()))) {
        nanosleep(&again, NULL);
        rc = look_once(w, seen, sizeof(seen), e);
    }
    if (rc == 0)
        rc = err_set(e, ERR_TIMEOUT, _("not within %s: %s"), w->timeout, seen);
    return rc;
}

static int check(const struct wait *w, int64_t *timeout_s, struct err *e)
{
    const char *what = w->words[0];
    bool device = strcmp(what, "device") == 0;
    if (!device && strcmp(what, "online") != 0 && strcmp(what, "acked") != 0)
        return err_set(e, ERR_INVALID,
                       _("'%s' cannot be waited for: online, acked, or device NAME"), what);
    if (device == !w->words[1])
        return err_set(e, ERR_INVALID, "%s",
                       device ? _("which device? say: device NAME") : _("one word is enough"));
    *timeout_s = human_parse_duration(w->timeout);
    if (*timeout_s < 0 || *timeout_s > TIMEOUT_MAX_S)
        return err_set(e, ERR_INVALID, _("--timeout takes a time like 60s or 5m, not '%s'"),
                       w->timeout);
    return 0;
}

int gatewayctl_wait(int argc, char **argv)
{
    struct wait w = {.timeout = TIMEOUT_DEFAULT};
    struct cli_option options[ASK_OPTIONS + 2] = {
        {.name = "timeout",
         .type = CLI_TEXT,
         .out = &w.timeout,
         .value = "TIME",
         .help = N_("give up after so long (default 60s)")}};
    ask_put_options(&w.ask, options + 1);
    const struct cli_command command = {
        .name = PROGRAM,
        .operands = "online|acked|device [NAME]",
        .summary = N_("Waits until the uplink is online, until everything spooled is acknowledged, "
                      "or\nuntil a device is read. Exit code 1 when it does not come in time."),
        .options = options,
        .operand_min = 1,
        .operand_max = 2};
    int exit_code;
    int64_t timeout_s = 0;
    struct err e = {0};
    if (!cli_parse(&command, argc, argv, w.words, &exit_code))
        return exit_code;
    int rc = check(&w, &timeout_s, &e);
    rc = rc ? rc : run(&w, timeout_s, &e);
    return rc < 0 ? cli_fail(PROGRAM, &e) : CLI_OK;
}
