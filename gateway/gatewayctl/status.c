/* gatewayctl status: what the running daemon says of itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/text.h"
#include "gateway/gatewayctl/ask.h"
#include "gateway/gatewayctl/gatewayctl.h"
#include "gateway/gatewayctl/human.h"
#include "gateway/gatewayctl/status.h"

#define PROGRAM "gatewayctl status"

static const char *const parts[STATUS_PARTS] = {"gateway", "uplink", "spool", "counts"};

/* --- asking --- */

static int keep(struct status *s, const char *key, const struct json *v)
{
    struct buf *out = &s->text;
    for (size_t i = 0; i < STATUS_PARTS; i++)
        if (strcmp(key, parts[i]) == 0) {
            buf_fmt(out, ",\"%s\":", key);
            human_write_json(out, v);
            return 0;
        }
    return 1;
}

/* Buses and devices become lists, the order of the lines kept. */
static void keep_listed(struct status *s, const char *list, const char *key, const struct json *v)
{
    bool first = strcmp(s->list, list) != 0;
    if (first && *s->list)
        buf_char(&s->text, ']');
    if (first)
        buf_fmt(&s->text, ",\"%s\":[", list);
    else
        buf_char(&s->text, ',');
    s->list = list;
    (void)key;
    human_write_json(&s->text, v);
}

static void keep_line(struct status *s, const struct json *line)
{
    for (const struct json *m = json_first(line); m; m = json_next(m)) {
        const char *key = json_key(m);
        if (json_type(m) != JSON_OBJECT || keep(s, key, m) == 0)
            continue;
        if (strcmp(key, "bus") == 0)
            keep_listed(s, "buses", key, m);
        else if (strcmp(key, "device") == 0)
            keep_listed(s, "devices", key, m);
    }
}

int status_ask(struct ask *a, struct status *s, struct err *e)
{
    const struct json *line;
    *s = (struct status){.list = ""};
    char *memory = malloc(STATUS_MAX);
    if (!memory)
        return err_set(e, ERR_NOMEM, "no memory for the status");
    s->memory = memory;
    buf_init(&s->text, memory, STATUS_MAX);
    buf_str(&s->text, "{\"v\":1");
    int rc = ask_send(a, "status", "", e);
    while (rc == 0 && (rc = ask_next(a, ASK_PATIENCE_MS, &line, e)) > 0) {
        keep_line(s, line);
        rc = 0;
    }
    if (rc == 0 && *s->list)
        buf_char(&s->text, ']');
    buf_char(&s->text, '}');
    if (rc == 0 && s->text.overflow)
        rc = err_set(e, ERR_LIMIT, "the daemon's status is longer than %d bytes", STATUS_MAX);
    rc = rc ? rc : json_parse(s->text.data, s->text.len, STATUS_MAX, JSON_STRICT, &s->doc, e);
    if (rc)
        status_finish(s);
    return rc;
}

void status_finish(struct status *s)
{
    json_free(s->doc);
    free(s->memory);
    *s = (struct status){.list = ""};
}

/* --- showing --- */

struct word {
    const char *word, *text;
};

/* What the daemon's stable words are in people's. */
static const struct word words[] = {
    {"online", N_("online")},
    {"down", N_("down")},
    {"connecting", N_("connecting")},
    {"subscribing", N_("subscribing")},
    {"stopping", N_("stopping")},
    {"off", N_("off")},
    {"open", N_("open")},
    {"noisy", N_("noisy")},
    {"released", N_("handed over")},
    {"wedged", N_("wedged")},
    {"unused", N_("unused")},
    {"ok", N_("ok")},
    {"silent", N_("silent")},
    {"refuses", N_("refuses")},
    {"unread", N_("not read yet")},
    {"bad", N_("bad")},
    {"good", N_("good")},
    {"maintenance", N_("maintenance")},
    {"calibration", N_("calibration")},
    {"substituted", N_("substituted")},
    {"uncertain", N_("uncertain")},
    {"synchronised", N_("synchronised")},
    {"unsynchronised", N_("not synchronised")},
    {"unknown", N_("unknown")},
};

const char *status_word(const char *word)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(words[i].word, word) == 0)
            return _(words[i].text);
    return word;
}

static void head(const char *text)
{
    printf("%s%*s", text, (int)(12 - text_columns(text)), "");
}

static void show_gateway(const struct json *g)
{
    char up[HUMAN_SIZE], local[CLK_LOCAL_TEXT] = "";
    struct clk_utc now;
    if (clk_utc_parse(ask_text(g, "time", ""), &now) == 0)
        clk_local_format(now, local);
    head(_("gateway"));
    printf(_("%s in %s, version %s, running for %s\n"), ask_text(g, "name", "?"),
           ask_text(g, "area", "?"), ask_text(g, "version", "?"),
           human_duration(ask_number(g, "uptime_ms", 0), up));
    head(_("clock"));
    const char *clock = ask_text(g, "clock", "unknown");
    human_print(status_word(clock), strcmp(clock, "synchronised") == 0 ? TONE_PLAIN : TONE_WARN);
    printf(", %s\n", local);
}

static void show_uplink(const struct json *u)
{
    char since[HUMAN_SIZE];
    const char *phase = ask_text(u, "phase", "unknown");
    bool online = strcmp(phase, "online") == 0;
    head(_("uplink"));
    human_print(status_word(phase), online ? TONE_PLAIN : TONE_FAIL);
    printf(_(" for %s, broker %s:%.0f"), human_duration(ask_number(u, "phase_ms", 0), since),
           ask_text(u, "host", "?"), ask_number(u, "port", 0));
    if (online)
        printf(_(", %.0f packs under way of %.0f, round trip %.0f ms"),
               ask_number(u, "in_flight", 0), ask_number(u, "credit", 0),
               ask_number(u, "round_trip_ms", 0));
    putchar('\n');
    if (!online && *ask_text(u, "said", ""))
        printf("%*s%s\n", 12, "", ask_text(u, "said", ""));
}

static void show_spool(const struct json *s)
{
    char used[HUMAN_SIZE], size[HUMAN_SIZE], pending[HUMAN_SIZE];
    double gaps = ask_number(s, "gaps", 0);
    head(_("spool"));
    printf(_("%s of %s, %s packs wait for the centre"),
           human_bytes(ask_number(s, "bytes", 0), used),
           human_bytes(ask_number(s, "bytes_max", 0), size),
           human_count(ask_number(s, "pending", 0), pending));
    if (gaps > 0)
        printf(_(", %.0f gaps"), gaps);
    struct clk_utc oldest;
    if (clk_utc_parse(ask_text(s, "oldest", ""), &oldest) == 0) {
        char local[CLK_LOCAL_TEXT];
        clk_local_format(oldest, local);
        printf(_(", oldest data of %s"), local);
    }
    putchar('\n');
    if (ask_flag(s, "memory_only"))
        human_print(_("            its directory cannot be used: samples are in memory only\n"),
                    TONE_FAIL);
    else if (ask_flag(s, "failing"))
        human_print(_("            writing fails: samples are in memory until it works again\n"),
                    TONE_FAIL);
    if (ask_flag(s, "disk_full"))
        human_print(_("            the disk is full\n"), TONE_FAIL);
}

static void show_counts(const struct json *c)
{
    char a[4][HUMAN_SIZE];
    double lost = ask_number(c, "lost", 0);
    head(_("samples"));
    printf(_("%s read, %s suppressed, %s kept"), human_count(ask_number(c, "read", 0), a[0]),
           human_count(ask_number(c, "suppressed", 0), a[1]),
           human_count(ask_number(c, "kept", 0), a[2]));
    if (lost > 0) {
        char text[HUMAN_SIZE * 2];
        snprintf(text, sizeof(text), _(", %s lost"), human_count(lost, a[3]));
        human_print(text, TONE_FAIL);
    }
    putchar('\n');
    head(_("packs"));
    printf(_("%s spooled, %s sent, %s acknowledged\n"),
           human_count(ask_number(c, "packs_spooled", 0), a[0]),
           human_count(ask_number(c, "packs_sent", 0), a[1]),
           human_count(ask_number(c, "packs_acked", 0), a[2]));
}

static void count_cell(struct table *t, const struct json *v, const char *key)
{
    char text[HUMAN_SIZE];
    bool there = json_get(v, key) != NULL;
    table_cell(t, there ? human_count(ask_number(v, key, 0), text) : "");
}

static void show_buses(const struct json *buses)
{
    static const char *const heads[] = {N_("BUS"),      N_("STATE"),   N_("USE"),  N_("ASKED"),
                                        N_("TIMEOUTS"), N_("DAMAGED"), N_("LATE"), N_("SKIPPED"),
                                        N_("PORT"),     NULL};
    struct table *t = table_create(heads, 0xfc);
    for (const struct json *b = json_first(buses); b; b = json_next(b)) {
        char use[HUMAN_SIZE] = "";
        const char *state = ask_text(b, "state", "");
        table_cell(t, ask_text(b, "name", ""));
        table_cell(t, status_word(state));
        if (json_get(b, "use_percent"))
            snprintf(use, sizeof(use), "%.1f %%", ask_number(b, "use_percent", 0));
        table_cell(t, use);
        count_cell(t, b, "requests");
        count_cell(t, b, "timeouts");
        count_cell(t, b, "damaged");
        count_cell(t, b, "foreign");
        count_cell(t, b, "skipped");
        table_cell(t, ask_text(b, "port", ""));
        bool fine = strcmp(state, "open") == 0 || strcmp(state, "unused") == 0;
        table_tone(t, fine ? TONE_PLAIN : TONE_FAIL);
    }
    putchar('\n');
    table_print(t);
    table_destroy(t);
}

static void show_device(struct table *t, const struct json *d)
{
    char text[HUMAN_SIZE], left[HUMAN_SIZE];
    const char *state = ask_text(d, "state", "");
    table_cell(t, ask_text(d, "name", ""));
    table_cell(t, status_word(state));
    table_cell(t, ask_text(d, "bus", ""));
    count_cell(t, d, "unit");
    bool read = json_get(d, "age_ms") != NULL;
    table_cell(t, read ? human_duration(ask_number(d, "age_ms", 0), text) : "");
    count_cell(t, d, "read");
    count_cell(t, d, "bad");
    text[0] = '\0';
    if (json_get(d, "maintained"))
        snprintf(text, sizeof(text), _("%s for %s"), status_word(ask_text(d, "maintained", "")),
                 human_duration(ask_number(d, "maintained_ms", 0), left));
    table_cell(t, text);
    table_tone(t,
               strcmp(state, "ok") == 0 || strcmp(state, "unread") == 0 ? TONE_PLAIN : TONE_FAIL);
}

static void show_devices(const struct json *devices)
{
    static const char *const heads[] = {N_("DEVICE"),  N_("STATE"),  N_("BUS"),
                                        N_("ADDRESS"), N_("AGE"),    N_("READ"),
                                        N_("BAD"),     N_("MARKED"), NULL};
    struct table *t = table_create(heads, 0x78);
    for (const struct json *d = json_first(devices); d; d = json_next(d))
        show_device(t, d);
    putchar('\n');
    table_print(t);
    table_destroy(t);
}

/* Troubles come last, where they stay visible. */
static unsigned show_troubles(const struct json *list, const char *fine)
{
    unsigned shown = 0;
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        const char *state = ask_text(v, "state", "");
        if (strcmp(state, fine) == 0 || !*ask_text(v, "said", ""))
            continue;
        printf("%s%s\n", shown++ ? "" : "\n", ask_text(v, "said", ""));
    }
    return shown;
}

static void show(const struct json *root)
{
    show_gateway(json_get(root, "gateway"));
    show_uplink(json_get(root, "uplink"));
    show_spool(json_get(root, "spool"));
    show_counts(json_get(root, "counts"));
    show_buses(json_get(root, "buses"));
    show_devices(json_get(root, "devices"));
    show_troubles(json_get(root, "buses"), "open");
    show_troubles(json_get(root, "devices"), "ok");
}

int gatewayctl_status(int argc, char **argv)
{
    struct ask_options o;
    bool json = false;
    struct cli_option options[ASK_OPTIONS + 2] = {
        {.name = "json", .type = CLI_FLAG, .out = &json, .help = N_("print one JSON object")}};
    ask_put_options(&o, options + 1);
    const struct cli_command command = {
        .name = PROGRAM,
        .summary = N_("Shows what the running gatewayd does: uplink, spool, buses and devices."),
        .options = options};
    int exit_code;
    if (!cli_parse(&command, argc, argv, NULL, &exit_code))
        return exit_code;
    struct err e = {0};
    struct ask *a = NULL;
    struct status s = {.list = ""};
    int rc = ask_open(&o, &a, &e);
    rc = rc ? rc : status_ask(a, &s, &e);
    if (rc == 0 && json)
        printf("%.*s\n", (int)s.text.len, s.text.data);
    else if (rc == 0)
        show(json_root(s.doc));
    status_finish(&s);
    ask_close(a);
    return rc ? cli_fail(PROGRAM, &e) : CLI_OK;
}
