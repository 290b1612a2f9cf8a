/* gatewayctl maintain: a device's readings are marked while somebody works on it. */
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "base/text.h"
#include "gateway/core/ctl.h"
#include "gateway/gatewayctl/ask.h"
#include "gateway/gatewayctl/gatewayctl.h"
#include "gateway/gatewayctl/human.h"
#include "gateway/gatewayctl/status.h"

#define PROGRAM      "gatewayctl maintain"
#define MEMBERS_SIZE 256

struct maintain {
    struct ask_options ask;
    const char *device, *duration;
    bool calibration, end, json;
};

static int check(const struct maintain *m, int64_t *seconds, struct err *e)
{
    *seconds = 0;
    if (m->end && (m->duration || m->calibration))
        return err_set(e, ERR_INVALID, "%s", _("--end stands alone"));
    if (m->end)
        return 0;
    if (!m->duration)
        return err_set(e, ERR_INVALID, "%s", _("say for how long: --for 30m, or --end"));
    *seconds = human_parse_duration(m->duration);
    if (*seconds < 1 || *seconds > CTL_MAINTAIN_MAX_S)
        return err_set(e, ERR_INVALID,
                       _("--for takes a time like 90s, 30m or 1h30m, at most %d h, "
                         "not '%s'"),
                       CTL_MAINTAIN_MAX_S / 3600, m->duration);
    return 0;
}

static void show(const struct maintain *m, const struct json *line)
{
    struct clk_utc until;
    char local[CLK_LOCAL_TEXT];
    if (clk_utc_parse(ask_text(line, "until", ""), &until) != 0) {
        printf(_("%s: its readings count again\n"), m->device);
        return;
    }
    clk_local_format(until, local);
    printf(_("%s: readings are marked '%s' until %s and raise no alarm\n"), m->device,
           status_word(ask_text(line, "quality", "")), local);
    printf(_("End it sooner with: gatewayctl maintain %s --end\n"), m->device);
}

static int run(const struct maintain *m, struct err *e)
{
    struct ask *a = NULL;
    const struct json *line = NULL;
    char memory[MEMBERS_SIZE];
    struct buf members;
    int64_t seconds;
    int rc = check(m, &seconds, e);
    rc = rc ? rc : ask_open(&m->ask, &a, e);
    if (rc)
        return rc;
    buf_init(&members, memory, sizeof(memory));
    buf_str(&members, ",\"device\":");
    json_write_string(&members, m->device);
    buf_fmt(&members, ",\"for_s\":%lld,\"quality\":\"%s\"", (long long)seconds,
            m->calibration ? "calibration" : "maintenance");
    rc = ask_once(a, "maintain", buf_cstr(&members), ASK_PATIENCE_MS, &line, e);
    if (rc == 0 && m->json) {
        char text[512];
        struct buf out;
        buf_init(&out, text, sizeof(text));
        human_write_json(&out, line);
        printf("%s\n", buf_cstr(&out));
    } else if (rc == 0) {
        show(m, line);
    }
    ask_close(a);
    return rc;
}

int gatewayctl_maintain(int argc, char **argv)
{
    struct maintain m = {.end = false};
    struct cli_option options[ASK_OPTIONS + 5] = {
        {.name = "for",
         .type = CLI_TEXT,
         .out = &m.duration,
         .value = "TIME",
         .help = N_("how long: 90s, 30m, 1h30m; it ends by itself")},
        {.name = "calibration",
         .type = CLI_FLAG,
         .out = &m.calibration,
         .help = N_("mark as calibration instead of maintenance")},
        {.name = "end", .type = CLI_FLAG, .out = &m.end, .help = N_("end it now")},
        {.name = "json", .type = CLI_FLAG, .out = &m.json, .help = N_("print one JSON object")}};
    ask_put_options(&m.ask, options + 4);
    const struct cli_command command = {
        .name = PROGRAM,
        .operands = "DEVICE",
        .summary = N_("Marks a device's readings while somebody works on it: they are kept and "
                      "sent,\nand raise no alarm. It does not survive a restart of gatewayd."),
        .options = options,
        .operand_min = 1,
        .operand_max = 1};
    int exit_code;
    struct err e = {0};
    if (!cli_parse(&command, argc, argv, &m.device, &exit_code))
        return exit_code;
    return run(&m, &e) ? cli_fail(PROGRAM, &e) : CLI_OK;
}
