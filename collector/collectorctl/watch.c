/* collectorctl watch: the live view; on a pipe one line a change; --once the standing alerts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "collector/collectorctl/collectorctl.h"
#include "collector/collectorctl/screen.h"
#include "collector/collectorctl/session.h"
#include "collector/core/view/cells.h"
#include "collector/core/view/view.h"
#include "model/topic.h"

#define FRAME_MS  250  /* redraws are gathered: four a second at most */
#define SETTLE_MS 1000 /* --once: retained alerts have come when none came for so long */
#define ONCE_MS   15000
#define NOTES_MS  500

struct watch {
    struct session session;
    struct session_options options;
    struct screen screen;
    struct view *view;
    struct view_style style;
    struct loop_timer frame, finish, look;
    struct loop_watch keys;
    char title[256];
    uint64_t printed; /* events already shown as lines */
    bool live;        /* draws; else prints lines */
    bool once, json, ascii;
    int64_t seconds;
    const char *language;
    const char *notes; /* a file whose lines are shown among the events; NULL: none */
    FILE *notes_file;
};

static struct clk_utc utc_now(void)
{
    return clk_utc(clk_system());
}

static struct clk_mono mono_now(void)
{
    return clk_mono(clk_system());
}

/* --- what arrives --- */

/* New events, each a line with its time; the view writes a text safe for a terminal through cells.
 */
static void print_events(struct watch *w)
{
    for (; w->printed < w->view->event_count; w->printed++) {
        char at[CLK_LOCAL_TEXT];
        const struct view_event *event = view_event_at(w->view, w->printed);
        if (!event)
            continue;
        clk_local_format(event->at, at);
        char line[VIEW_LINE_SIZE];
        struct cells c;
        cells_init(&c, line, sizeof(line), VIEW_LINE_SIZE / 8, false, w->style.utf8);
        cells_text(&c, event->text, VIEW_EVENT_SIZE);
        printf("%s %s\n", at, cells_end(&c));
    }
    fflush(stdout);
}

static void changed(struct watch *w)
{
    if (!w->live && !w->once)
        print_events(w);
}

static void subscribe_area(struct session *s, const char *area, bool once)
{
    char topic[TOPIC_SIZE];
    session_subscribe(s, topic_format(TOPIC_COLLECTOR_STATE, area, "", topic), 1);
    session_subscribe(s, topic_format(TOPIC_ALERT, area, "+", topic), 1);
    if (once)
        return;
    session_subscribe(s, topic_format(TOPIC_STATE, area, "+", topic), 1);
    session_subscribe(s, topic_format(TOPIC_LIVE, area, "+", topic), 0);
}

static void went_up(struct session *s)
{
    struct watch *w = s->owner;
    const struct cli_list *areas = &w->options.areas;
    view_set_link(w->view, true, "", utc_now());
    if (areas->count == 0)
        subscribe_area(s, "+", w->once);
    for (size_t i = 0; i < areas->count; i++)
        subscribe_area(s, areas->items[i], w->once);
    changed(w);
}

static void went_down(struct session *s, const char *why)
{
    struct watch *w = s->owner;
    view_set_link(w->view, false, why, utc_now());
    changed(w);
}

static void settle(struct watch *w, int64_t ms)
{
    loop_timer_start(w->session.loop, &w->finish, clk_mono_add(mono_now(), ms));
}

static void subscribed(struct session *s)
{
    struct watch *w = s->owner;
    if (w->once)
        settle(w, SETTLE_MS);
}

static void was_refused(struct session *s, const char *why)
{
    struct watch *w = s->owner;
    view_add_event(w->view, utc_now(), "the broker refused: %s", why);
    changed(w);
}

static void were_lost(struct session *s, uint64_t messages)
{
    struct watch *w = s->owner;
    w->view->dropped += messages;
    view_add_event(w->view, utc_now(), "%llu messages came faster than they could be shown",
                   (unsigned long long)messages);
    changed(w);
}

static void message_came(struct session *s, const char *topic, const char *payload, size_t len)
{
    struct watch *w = s->owner;
    struct err e = {0};
    if (view_message(w->view, topic, payload, len, utc_now(), mono_now(), &e) < 0)
        view_add_event(w->view, utc_now(), "cannot read %s: %s", topic, e.text);
    if (w->once && s->waiting == 0)
        settle(w, SETTLE_MS);
    changed(w);
}

/* --- time --- */

static void draw(struct loop_timer *timer, struct clk_mono now)
{
    static struct view_screen lines;
    struct watch *w = timer->owner;
    screen_size(&w->style.width, &w->style.height);
    view_render(w->view, &w->style, utc_now(), now, &lines);
    screen_draw(&lines);
    loop_timer_start(w->session.loop, timer, clk_mono_add(now, FRAME_MS));
}

/* Lines that somebody (the demo, a drill's script) has added to the notes since the last look. Only
 * whole ones: a line still being written is read from its start the next time. */
static void look_at_notes(struct loop_timer *timer, struct clk_mono now)
{
    struct watch *w = timer->owner;
    char line[VIEW_EVENT_SIZE];
    if (!w->notes_file)
        w->notes_file = fopen(w->notes, "re");
    while (w->notes_file) {
        long from = ftell(w->notes_file);
        clearerr(w->notes_file);
        if (!fgets(line, sizeof(line), w->notes_file))
            break;
        size_t len = strcspn(line, "\n");
        if (!line[len] && len + 1 < sizeof(line)) {
            fseek(w->notes_file, from, SEEK_SET);
            break;
        }
        line[len] = '\0';
        view_add_event(w->view, utc_now(), "%s", line);
    }
    changed(w);
    loop_timer_start(w->session.loop, timer, clk_mono_add(now, NOTES_MS));
}

static void time_is_up(struct loop_timer *timer, struct clk_mono now)
{
    struct watch *w = timer->owner;
    (void)now;
    loop_stop(w->session.loop, w->once && !w->view->connected ? CLI_FAILED : CLI_OK);
}

static void key_pressed(struct loop_watch *watch, uint32_t events)
{
    struct watch *w = watch->owner;
    char key;
    ssize_t n = read(STDIN_FILENO, &key, 1);
    if ((n == 1 && (key == 'q' || key == 'Q')) || (n <= 0 && (events & (EPOLLHUP | EPOLLERR))))
        loop_stop(w->session.loop, CLI_OK);
}

/* --- the alerts as they stand --- */

static void print_json(const struct view *v)
{
    static char text[MESSAGE_SIZE_MAX];
    printf("{\"version\":1,\"alerts\":[");
    for (size_t i = 0; i < v->alert_count; i++) {
        struct buf b;
        buf_init(&b, text, sizeof(text));
        alert_encode(&v->alerts[i], &b);
        printf("%s%s", i ? "," : "", buf_cstr(&b));
    }
    printf("]}\n");
}

static void print_table(const struct watch *w)
{
    char text[2 * ALERT_TEXT_SIZE + 4], line[VIEW_LINE_SIZE], age[VIEW_AGE_SIZE];
    for (size_t i = 0; i < w->view->alert_count; i++) {
        const struct alert *a = &w->view->alerts[i];
        struct cells c;
        cells_init(&c, line, sizeof(line), VIEW_LINE_SIZE / 8, false, w->style.utf8);
        cells_column(&c, alarm_priority_name(a->priority), 9);
        cells_column(&c, alarm_state_name(a->state), 15);
        cells_right(&c, view_age(a->raised, utc_now(), age), 5);
        cells_fmt(&c, " %s/%s ", a->area, a->id);
        cells_text(&c, view_alert_text(w->view, a, text, sizeof(text)), VIEW_LINE_SIZE);
        puts(cells_end(&c));
    }
}

/* --- the command --- */

static int read_language(struct watch *w, enum view_language *language, struct err *e)
{
    const char *text = w->language;
    if (strcmp(text, "vi") == 0)
        *language = VIEW_VI;
    else if (strcmp(text, "en") == 0)
        *language = VIEW_EN;
    else if (strcmp(text, "both") == 0)
        *language = VIEW_BOTH;
    else
        return err_set(e, ERR_INVALID, "--lang takes vi, en or both, not '%.20s'", text);
    return 0;
}

static int prepare(struct watch *w, struct err *e)
{
    enum view_language language = VIEW_VI;
    int ret = read_language(w, &language, e);
    if (ret < 0)
        return ret;
    w->view = view_create(language);
    if (!w->view)
        return err_set(e, ERR_NOMEM, "no memory for the view");
    w->live = screen_possible() && !w->once;
    w->style.colour = w->live && screen_colour();
    w->style.utf8 = screen_utf8() && !w->ascii;
    w->style.title = w->title;
    w->session.owner = w;
    w->session.up = went_up;
    w->session.down = went_down;
    w->session.ready = subscribed;
    w->session.message = message_came;
    w->session.refused = was_refused;
    w->session.lost = were_lost;
    return session_open(&w->session, &w->options, e);
}

static int run(struct watch *w)
{
    struct session *s = &w->session;
    w->frame = (struct loop_timer){.fire = draw, .owner = w};
    w->finish = (struct loop_timer){.fire = time_is_up, .owner = w};
    w->look = (struct loop_timer){.fire = look_at_notes, .owner = w};
    w->keys = (struct loop_watch){key_pressed, w, STDIN_FILENO};
    snprintf(w->title, sizeof(w->title), "%s @ %s:%d", s->name, w->options.host,
             (int)w->options.port);
    if (w->once)
        settle(w, ONCE_MS);
    else if (w->seconds)
        settle(w, w->seconds * 1000);
    if (w->notes)
        look_at_notes(&w->look, mono_now());
    if (w->live) {
        screen_open(&w->screen);
        loop_watch_add(s->loop, &w->keys, EPOLLIN);
        loop_timer_start(s->loop, &w->frame, mono_now());
    }
    int code = loop_run(s->loop);
    screen_close(&w->screen);
    return code;
}

static int report_once(const struct watch *w, int code)
{
    if (!w->view->connected) {
        fprintf(stderr, "collectorctl watch: no connection to %s:%d: %s\n", w->options.host,
                (int)w->options.port, w->view->link[0] ? w->view->link : "no answer");
        return CLI_FAILED;
    }
    if (w->json)
        print_json(w->view);
    else
        print_table(w);
    return code;
}

static int execute(struct watch *w, const char *program)
{
    struct err e = {0};
    int code = prepare(w, &e) < 0 ? cli_fail(program, &e) : run(w);
    if (w->once && !e.code)
        code = report_once(w, code);
    session_close(&w->session);
    view_destroy(w->view);
    if (w->notes_file)
        fclose(w->notes_file);
    return code < 0 ? CLI_FAILED : code;
}

int collectorctl_watch(int argc, char **argv)
{
    static struct watch w;
    struct cli_option options[SESSION_OPTIONS + 7] = {{.name = NULL}};
    const struct cli_option own[] = {
        {.name = "lang",
         .type = CLI_TEXT,
         .out = &w.language,
         .value = "LANG",
         .help = "vi, en or both (vi)"},
        {.name = "for",
         .type = CLI_NUMBER,
         .out = &w.seconds,
         .value = "SECONDS",
         .min = 1,
         .max = 86400,
         .help = "end by itself; else with q or Ctrl-C"},
        {.name = "ascii",
         .type = CLI_FLAG,
         .out = &w.ascii,
         .help = "only ASCII, also where the locale has UTF-8"},
        {.name = "notes",
         .type = CLI_TEXT,
         .out = &w.notes,
         .value = "FILE",
         .help = "show lines added to this file among the events"},
        {.name = "once",
         .type = CLI_FLAG,
         .out = &w.once,
         .help = "print the standing alerts and end"},
        {.name = "json",
         .type = CLI_FLAG,
         .out = &w.json,
         .help = "with --once: as one JSON object"},
    };
    w = (struct watch){.language = "vi"};
    session_put_options(&w.options, options);
    memcpy(options + SESSION_OPTIONS, own, sizeof(own));
    const struct cli_command command = {
        .name = "collectorctl watch",
        .summary = "Shows gateways, latest values and standing alerts as they change. On a pipe: "
                   "one line a\nchange.",
        .options = options};
    int exit_code;
    if (!cli_parse(&command, argc, argv, NULL, &exit_code))
        return exit_code;
    struct err e = {0};
    if (w.json && !w.once) {
        err_set(&e, ERR_INVALID, "--json goes with --once");
        return cli_fail(command.name, &e);
    }
    return execute(&w, command.name);
}
