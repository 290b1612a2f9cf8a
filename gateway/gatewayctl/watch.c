/*
 * gatewayctl watch: every reading as it comes, with what it was made of.
 *
 * On a terminal a table that is drawn again as readings come; elsewhere a line a change. The
 * alternate screen is left on every way out.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/text.h"
#include "gateway/gatewayctl/ask.h"
#include "gateway/gatewayctl/gatewayctl.h"
#include "gateway/gatewayctl/human.h"
#include "gateway/gatewayctl/status.h"
#include "gateway/gatewayctl/term.h"
#include "model/name.h"

#define PROGRAM      "gatewayctl watch"
#define POINTS_MAX   1024 /* of one view; more are counted, not shown */
#define DRAW_MS      250
#define RAW_WORDS    8
#define TEXT_SIZE    64
#define MEMBERS_SIZE 256

struct seen {
    char device[NAME_SIZE], point[NAME_SIZE], unit[16];
    char value[TEXT_SIZE], quality[16], cause[16], raw[RAW_WORDS * 5 + 4];
    struct clk_mono at; /* when it came here */
    struct clk_utc utc;
    uint64_t count;
};

struct watch {
    struct ask_options ask;
    const char *what;
    bool json, ascii, live;
    struct seen *seen;
    size_t count, unseen;
    struct clk_mono drawn;
};

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
    (void)number;
    stopped = 1;
}

/* --- a reading --- */

static void take_value(struct seen *s, const struct json *v)
{
    const struct json *value = json_get(v, "value");
    double n;
    bool flag;
    const char *text;
    if (json_number(value, &n) == 0)
        snprintf(s->value, sizeof(s->value), "%.10g", n);
    else if (json_bool(value, &flag) == 0)
        snprintf(s->value, sizeof(s->value), "%s", flag ? _("on") : _("off"));
    else if (json_string(value, &text) == 0)
        snprintf(s->value, sizeof(s->value), "\"%s\"", text);
    else
        snprintf(s->value, sizeof(s->value), "-");
}

static void take_raw(struct seen *s, const struct json *raw)
{
    struct buf out;
    unsigned words = 0;
    buf_init(&out, s->raw, sizeof(s->raw));
    for (const struct json *w = json_first(raw); w; w = json_next(w)) {
        int64_t n = 0;
        (void)json_int(w, &n);
        if (words++ == RAW_WORDS) {
            buf_str(&out, "..");
            break;
        }
        buf_fmt(&out, "%s%04x", words > 1 ? " " : "", (unsigned)n & 0xffff);
    }
    buf_cstr(&out);
}

static struct seen *find(struct watch *w, const char *device, const char *point)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->seen[i].device, device) == 0 && strcmp(w->seen[i].point, point) == 0)
            return &w->seen[i];
    if (w->count == POINTS_MAX) {
        w->unseen++;
        return NULL;
    }
    struct seen *s = &w->seen[w->count++];
    snprintf(s->device, sizeof(s->device), "%s", device);
    snprintf(s->point, sizeof(s->point), "%s", point);
    return s;
}

static enum human_tone tone_of(const struct seen *s)
{
    if (strcmp(s->quality, "bad") == 0)
        return TONE_FAIL;
    return strcmp(s->quality, "good") == 0 ? TONE_PLAIN : TONE_WARN;
}

/* The cause of a bad reading, the quality of another. */
static const char *judged(const struct seen *s)
{
    return *s->cause ? s->cause : status_word(s->quality);
}

static void print_line(const struct seen *s)
{
    char line[512], local[CLK_LOCAL_TEXT];
    clk_local_format(s->utc, local);
    snprintf(line, sizeof(line), "%s %s/%s %s%s%s %s%s%s%s\n", local, s->device, s->point, s->value,
             *s->unit ? " " : "", s->unit, judged(s), *s->raw ? " [" : "", s->raw,
             *s->raw ? "]" : "");
    human_print(line, tone_of(s));
    fflush(stdout);
}

/* False: it says what the last one said. */
static bool take(struct seen *s, const struct json *v)
{
    struct seen before = *s;
    take_value(s, v);
    take_raw(s, json_get(v, "raw"));
    const char *unit = ask_text(v, "unit", "");
    snprintf(s->unit, sizeof(s->unit), "%s", strcmp(unit, "1") == 0 ? "" : unit);
    snprintf(s->quality, sizeof(s->quality), "%s", ask_text(v, "quality", "?"));
    snprintf(s->cause, sizeof(s->cause), "%s", ask_text(v, "cause", ""));
    s->at = clk_mono(clk_system());
    if (clk_utc_parse(ask_text(v, "at", ""), &s->utc) != 0)
        s->utc = clk_utc(clk_system());
    return s->count++ == 0 || strcmp(before.value, s->value) != 0 ||
           strcmp(before.quality, s->quality) != 0 || strcmp(before.cause, s->cause) != 0;
}

static void take_line(struct watch *w, const struct json *line)
{
    static char memory[8192];
    const struct json *v = json_get(line, "sample");
    struct buf out;
    if (!v)
        return;
    if (w->json) {
        buf_init(&out, memory, sizeof(memory));
        buf_str(&out, "{\"v\":1,\"sample\":");
        human_write_json(&out, v);
        buf_char(&out, '}');
        printf("%s\n", buf_cstr(&out));
        fflush(stdout);
        return;
    }
    struct seen *s = find(w, ask_text(v, "device", "?"), ask_text(v, "point", "?"));
    if (s && take(s, v) && !w->live)
        print_line(s);
}

/* --- the live view --- */

static void screen(bool on)
{
    fputs(on ? "\033[?1049h\033[?25l" : "\033[?25h\033[?1049l", stdout);
    fflush(stdout);
}

static size_t screen_rows(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 5)
        return 24;
    return size.ws_row;
}

static void draw_row(struct table *t, const struct seen *s, struct clk_mono now)
{
    char text[HUMAN_SIZE], name[2 * NAME_SIZE];
    snprintf(name, sizeof(name), "%s/%s", s->device, s->point);
    table_cell(t, name);
    table_cell(t, s->value);
    table_cell(t, s->unit);
    table_cell(t, judged(s));
    table_cell(t, human_duration((double)(now.ms - s->at.ms), text));
    table_cell(t, s->raw);
    table_tone(t, tone_of(s));
}

static void draw(struct watch *w)
{
    static const char *const heads[] = {N_("POINT"), N_("VALUE"), N_("UNIT"), N_("QUALITY"),
                                        N_("AGE"),   N_("RAW"),   NULL};
    struct clk_mono now = clk_mono(clk_system());
    size_t rows = screen_rows() - 3, shown = w->count < rows ? w->count : rows;
    struct table *t = table_create(heads, 0x12);
    w->drawn = now;
    for (size_t i = 0; i < shown; i++)
        draw_row(t, &w->seen[i], now);
    fputs("\033[H\033[J", stdout);
    if (w->count == 0)
        fputs(_("waiting for the first reading"), stdout);
    table_print(t);
    if (shown < w->count || w->unseen)
        printf(_("%zu more points; name a DEVICE or DEVICE/POINT"), w->count - shown);
    printf("\n%s", _("Ctrl-C ends"));
    fflush(stdout);
    table_destroy(t);
}

/* --- following --- */

static int ask_watch(struct watch *w, struct ask *a, struct err *e)
{
    char memory[MEMBERS_SIZE], device[MEMBERS_SIZE / 4];
    struct buf members;
    buf_init(&members, memory, sizeof(memory));
    if (w->what) {
        size_t len = strcspn(w->what, "/");
        snprintf(device, sizeof(device), "%.*s", (int)len, w->what);
        buf_str(&members, ",\"device\":");
        json_write_string(&members, device);
        if (w->what[len]) {
            buf_str(&members, ",\"point\":");
            json_write_string(&members, w->what + len + 1);
        }
    }
    return ask_send(a, "watch", buf_cstr(&members), e);
}

static int follow(struct watch *w, struct ask *a, struct err *e)
{
    const struct json *line;
    int rc = 0;
    while (!stopped && rc == 0) {
        rc = ask_next(a, w->live ? DRAW_MS : 60000, &line, e);
        if (rc > 0)
            take_line(w, line);
        rc = rc > 0 || rc == ERR_TIMEOUT || rc == ERR_AGAIN ? 0 : rc;
        if (w->live && clk_mono(clk_system()).ms - w->drawn.ms >= DRAW_MS)
            draw(w);
    }
    return stopped ? 0 : rc;
}

static void catch_stop(void)
{
    struct sigaction action = {.sa_handler = on_stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static int run(struct watch *w, struct err *e)
{
    struct ask *a = NULL;
    int rc = ask_open(&w->ask, &a, e);
    rc = rc ? rc : ask_watch(w, a, e);
    if (rc == 0 && w->live)
        screen(true);
    rc = rc ? rc : follow(w, a, e);
    if (a && w->live)
        screen(false);
    ask_close(a);
    return rc;
}

int gatewayctl_watch(int argc, char **argv)
{
    struct watch w = {.json = false};
    struct cli_option options[ASK_OPTIONS + 3] = {
        {.name = "json", .type = CLI_FLAG, .out = &w.json, .help = N_("a JSON object a reading")},
        {.name = "ascii",
         .type = CLI_FLAG,
         .out = &w.ascii,
         .help = N_("a plain line a change, as for a serial console")}};
    ask_put_options(&w.ask, options + 2);
    const struct cli_command command = {
        .name = PROGRAM,
        .operands = "[DEVICE[/POINT]]",
        .summary = N_("Shows readings as they come: value, unit, quality, age, and the registers "
                      "they were\nmade of. Where no terminal watches, a line a change."),
        .options = options,
        .operand_max = 1};
    int exit_code;
    struct err e = {0};
    if (!cli_parse(&command, argc, argv, &w.what, &exit_code))
        return exit_code;
    w.live = !w.json && !w.ascii && term_live();
    w.seen = calloc(POINTS_MAX, sizeof(*w.seen));
    catch_stop();
    int rc = w.seen ? run(&w, &e) : err_set(&e, ERR_NOMEM, "no memory to watch");
    free(w.seen);
    return rc ? cli_fail(PROGRAM, &e) : CLI_OK;
}
