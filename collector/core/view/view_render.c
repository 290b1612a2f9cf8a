/* Drawing the view: what is wrong first, then who reports, then what is measured, then what
 * changed.
 *
 *     lan @ ioc.example:8884                        link up 12m   22/11 01:23:55
 *     muong-te: collector online 3s, 2 standing
 *     ALERTS 2 (1 unacknowledged)
 *       CRITICAL unacknowledged   4m pm25-high-3f  Bụi PM2.5 vượt ngưỡng ...
 *     GATEWAYS 2 (1 offline)
 *       muong-te/gw-01           online     2s    12.4/s  clock synchronised
 *     VALUES 24
 *       gw-01/air-1  pm2-5     35.2 ug/m3  2s ▁▂▃▅▇
 *     EVENTS
 *       01:23:50 gateway muong-te/gw-02 OFFLINE
 */
#include "collector/core/view/cells.h"
#include "collector/core/view/view.h"

#include <stdio.h>
#include <string.h>

#include "model/kind.h"

#define STALE_MS      INT64_C(60000) /* older data is marked: five minutes' values come oftener */
#define HEARTBEAT_MS  INT64_C(30000) /* three heartbeats of the collector (PROTOCOL) */
#define EVENTS_SHOWN  5
#define LABEL_COLUMNS 22
#define VALUE_COLUMNS 60 /* cells one value takes */

struct drawing {
    const struct view *v;
    const struct view_style *style;
    struct clk_utc utc;
    struct clk_mono mono;
    struct view_screen *screen;
    struct cells line;
};

const char *view_age(struct clk_utc at, struct clk_utc now, char text[VIEW_AGE_SIZE])
{
    int64_t s = (now.ms - at.ms) / 1000;
    if (at.ms == 0)
        snprintf(text, VIEW_AGE_SIZE, "-");
    else if (s < 0)
        snprintf(text, VIEW_AGE_SIZE, "future");
    else if (s < 120)
        snprintf(text, VIEW_AGE_SIZE, "%ds", (int)s);
    else if (s < 7200)
        snprintf(text, VIEW_AGE_SIZE, "%dm", (int)(s / 60));
    else if (s < 172800)
        snprintf(text, VIEW_AGE_SIZE, "%dh", (int)(s / 3600));
    else
        snprintf(text, VIEW_AGE_SIZE, "%lldd", (long long)(s / 86400));
    return text;
}

/* "Vietnamese" or "English", by the view's language; both when it is both. */
static const char *word(const struct drawing *d, const char *vi, const char *en)
{
    return d->v->language == VIEW_EN ? en : vi;
}

static void begin(struct drawing *d)
{
    cells_init(&d->line, d->screen->lines[d->screen->count], VIEW_LINE_SIZE, d->style->width,
               d->style->colour, d->style->utf8);
}

static void end(struct drawing *d)
{
    cells_end(&d->line);
    d->screen->count++;
}

static void draw_more(struct drawing *d, size_t hidden)
{
    begin(d);
    cells_style(&d->line, CELLS_DIM);
    cells_fmt(&d->line, "  + %zu %s", hidden, word(d, "nữa", "more"));
    end(d);
}

/* --- heading --- */

static void draw_title(struct drawing *d)
{
    char now[CLK_LOCAL_TEXT], age[VIEW_AGE_SIZE], right[192];
    clk_local_format(d->utc, now);
    view_age(d->v->link_since, d->utc, age);
    now[19] = '\0';
    now[10] = ' ';
    if (d->v->connected)
        snprintf(right, sizeof(right), "%s %s  %s", word(d, "kết nối", "link up"), age, now);
    else
        snprintf(right, sizeof(right), "%s %s: %s  %s", word(d, "MẤT KẾT NỐI", "NO LINK"), age,
                 d->v->link, now);
    begin(d);
    unsigned room =
        d->style->width > cells_width(right) + 1 ? d->style->width - cells_width(right) - 1 : 0;
    cells_style(&d->line, CELLS_BOLD);
    cells_column(&d->line, d->style->title, room);
    cells_style(&d->line, d->v->connected ? CELLS_PLAIN : CELLS_DANGER);
    cells_text(&d->line, room ? " " : "", 1);
    cells_text(&d->line, right, d->style->width);
    end(d);
}

static void draw_area(struct drawing *d, const struct view_area *a)
{
    char age[VIEW_AGE_SIZE];
    const struct collector_state *s = &a->state;
    bool silent = d->utc.ms - s->at.ms > HEARTBEAT_MS;
    view_age(s->at, d->utc, age);
    begin(d);
    cells_style(&d->line, !s->online ? CELLS_DANGER : silent ? CELLS_WARN : CELLS_DIM);
    cells_fmt(&d->line, "%s: %s %s, %s %s, %u %s", a->name, word(d, "trung tâm", "collector"),
              !s->online ? word(d, "NGỪNG", "OFFLINE")
              : silent   ? word(d, "IM LẶNG", "SILENT")
                         : word(d, "hoạt động", "online"),
              word(d, "nhịp", "heartbeat"), age, s->standing, word(d, "cảnh báo", "standing"));
    end(d);
}

static void draw_areas(struct drawing *d, size_t lines)
{
    size_t shown = d->v->area_count <= lines ? d->v->area_count : lines ? lines - 1 : 0;
    for (size_t i = 0; i < shown; i++)
        draw_area(d, &d->v->areas[i]);
    if (shown < d->v->area_count && lines > 0)
        draw_more(d, d->v->area_count - shown);
}

/* --- alerts --- */

static enum cells_style alert_style(const struct alert *a)
{
    if (a->state == ALARM_UNACKNOWLEDGED)
        return a->priority >= PRIORITY_HIGH ? CELLS_DANGER : CELLS_WARN;
    return a->state == ALARM_ACKNOWLEDGED ? CELLS_WARN : CELLS_DIM;
}

static void draw_alert(struct drawing *d, const struct alert *a)
{
    char text[2 * ALERT_TEXT_SIZE + 4], age[VIEW_AGE_SIZE];
    struct cells *c = &d->line;
    begin(d);
    cells_text(c, "  ", 2);
    cells_style(c, alert_style(a));
    cells_column(c, view_priority_word(d->v, a->priority), 9);
    cells_column(c, view_state_word(d->v, a->state), 15);
    cells_style(c, CELLS_PLAIN);
    cells_right(c, view_age(a->raised, d->utc, age), 4);
    cells_text(c, " ", 1);
    cells_column(c, a->id, d->style->width > 100 ? 24 : 12);
    cells_text(c, " ", 1);
    cells_text(c, view_alert_text(d->v, a, text, sizeof(text)), d->style->width);
    end(d);
}

static void draw_heading(struct drawing *d, const char *what, size_t total, size_t odd,
                         const char *odd_word)
{
    begin(d);
    cells_style(&d->line, CELLS_BOLD);
    cells_fmt(&d->line, "%s %zu", what, total);
    if (odd > 0) {
        cells_style(&d->line, CELLS_WARN);
        cells_fmt(&d->line, " (%zu %s)", odd, odd_word);
    }
    end(d);
}

static void draw_alerts(struct drawing *d, size_t lines)
{
    const struct view *v = d->v;
    size_t unanswered = 0;
    for (size_t i = 0; i < v->alert_count; i++)
        unanswered += v->alerts[i].state == ALARM_UNACKNOWLEDGED;
    draw_heading(d, word(d, "CẢNH BÁO", "ALERTS"), v->alert_count, unanswered,
                 word(d, "chưa xác nhận", "unacknowledged"));
    size_t shown = v->alert_count < lines ? v->alert_count : lines - 1;
    if (v->alert_count == lines)
        shown = lines;
    for (size_t i = 0; i < shown; i++)
        draw_alert(d, &v->alerts[i]);
    if (shown < v->alert_count)
        draw_more(d, v->alert_count - shown);
}

/* --- gateways --- */

/* The buckets that are not over yet or no longer count are left out. */
static double rate_of(const struct view_gateway *g, struct clk_mono now)
{
    uint64_t sum = 0;
    int64_t second = now.ms / 1000;
    for (int64_t s = second - VIEW_RATE_S + 1; s <= g->second; s++)
        if (s >= 0)
            sum += g->buckets[s % VIEW_RATE_S];
    return (double)sum / VIEW_RATE_S;
}

static void draw_gateway(struct drawing *d, const struct view_gateway *g)
{
    char name[2 * NAME_SIZE + 1], age[VIEW_AGE_SIZE], rate[32];
    struct cells *c = &d->line;
    bool stale = d->utc.ms - g->newest.ms > STALE_MS;
    snprintf(name, sizeof(name), "%s/%s", g->area, g->name);
    snprintf(rate, sizeof(rate), "%.1f/s", rate_of(g, d->mono));
    begin(d);
    cells_text(c, "  ", 2);
    cells_style(c, g->known && !g->online ? CELLS_DANGER : CELLS_PLAIN);
    cells_column(c, name, 28);
    cells_text(c, " ", 1);
    cells_column(c,
                 !g->known   ? "?"
                 : g->online ? word(d, "trực tuyến", "online")
                             : word(d, "MẤT LIÊN LẠC", "OFFLINE"),
                 13);
    cells_style(c, stale ? CELLS_WARN : CELLS_PLAIN);
    cells_right(c, view_age(g->newest, d->utc, age), 7);
    cells_style(c, CELLS_PLAIN);
    cells_right(c, rate, 10);
    if (g->known && g->clock[0] && strcmp(g->clock, "synchronised") != 0) {
        cells_style(c, CELLS_WARN);
        bool unknown = strcmp(g->clock, "unknown") == 0;
        cells_fmt(c, "  %s",
                  unknown ? word(d, "không rõ giờ", "clock unknown")
                          : word(d, "đồng hồ chưa đồng bộ", "clock unsynchronised"));
    }
    end(d);
}

static void draw_gateways(struct drawing *d, size_t lines)
{
    const struct view *v = d->v;
    size_t gone = 0, shown = 0;
    for (size_t i = 0; i < v->gateway_count; i++)
        gone += v->gateways[i].known && !v->gateways[i].online;
    draw_heading(d, word(d, "TRẠM", "GATEWAYS"), v->gateway_count, gone,
                 word(d, "mất liên lạc", "offline"));
    size_t room = v->gateway_count <= lines ? v->gateway_count : lines - 1;
    for (int pass = 0; pass < 2; pass++) /* those that are gone are seen first */
        for (size_t i = 0; i < v->gateway_count && shown < room; i++)
            if ((v->gateways[i].known && !v->gateways[i].online) == (pass == 0)) {
                draw_gateway(d, &v->gateways[i]);
                shown++;
            }
    if (shown < v->gateway_count)
        draw_more(d, v->gateway_count - shown);
}

/* --- values --- */

/* Operators get no descriptions; a point named like a kind ("pm2-5") tells its unit all the same.
 */
static const struct kind *kind_of(const struct view_series *s)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof(name), "%s", s->point);
    for (char *c = name; *c; c++)
        if (*c == '-')
            *c = '_';
    return kind_find(name);
}

/* A label in place of the name, where both mean the same. */
static const char *label_of(const struct drawing *d, const struct view_series *s)
{
    const struct kind *kind = kind_of(s);
    return kind ? word(d, kind->label_vi, kind->label_en) : s->point;
}

/* SenML's names of units (RFC 8428) as people write them. */
static const char *unit_of(const struct drawing *d, const struct view_series *s)
{
    const struct kind *kind = kind_of(s);
    if (!kind || strcmp(kind->unit, "1") == 0)
        return "";
    if (strcmp(kind->unit, "Cel") == 0)
        return d->style->utf8 ? "°C" : "C";
    if (strncmp(kind->unit, "ug/", 3) == 0 && d->style->utf8)
        return "µg/m³";
    return kind->unit;
}

static void value_text(const struct drawing *d, const struct view_series *s, char *text,
                       size_t size)
{
    char cause[CAUSE_TEXT];
    const char *unit = unit_of(d, s);
    switch (s->value.type) {
    case VALUE_NUMBER:
        snprintf(text, size, "%.6g%s%s", s->value.number, unit[0] ? " " : "", unit);
        break;
    case VALUE_BOOL:
        snprintf(text, size, "%s", s->value.boolean ? word(d, "bật", "on") : word(d, "tắt", "off"));
        break;
    case VALUE_STRING:
        snprintf(text, size, "%s", s->value.string);
        break;
    case VALUE_NONE:
        snprintf(text, size, "! %s", cause_text(s->cause, s->exception, cause));
        break;
    }
}

static void draw_trend(struct cells *c, const struct view_series *s, unsigned columns)
{
    unsigned from = s->trend_count > columns ? s->trend_count - columns : 0;
    double low = s->trend_count ? s->trend[from] : 0, high = low;
    for (unsigned i = from; i < s->trend_count; i++) {
        low = s->trend[i] < low ? s->trend[i] : low;
        high = s->trend[i] > high ? s->trend[i] : high;
    }
    for (unsigned i = from; i < s->trend_count; i++)
        cells_bar(c, high > low ? (unsigned)((s->trend[i] - low) / (high - low) * 7.0) : 3);
    for (unsigned i = s->trend_count - from; i < columns; i++)
        cells_text(c, " ", 1);
}

static void draw_value(struct drawing *d, const struct view_series *s, bool first)
{
    char text[VALUE_STRING_SIZE + 24], age[VIEW_AGE_SIZE];
    struct cells *c = &d->line;
    bool odd = s->quality != QUALITY_GOOD;
    cells_style(c, CELLS_DIM);
    cells_text(c, first ? "    " : "  ", 4);
    cells_column(c, label_of(d, s), LABEL_COLUMNS);
    value_text(d, s, text, sizeof(text));
    cells_style(c, odd ? CELLS_WARN : CELLS_PLAIN);
    cells_right(c, text, 16);
    if (odd && s->quality != QUALITY_BAD)
        cells_fmt(c, " %s", quality_name(s->quality));
    cells_style(c, d->utc.ms - s->at.ms > STALE_MS ? CELLS_WARN : CELLS_DIM);
    cells_right(c, view_age(s->at, d->utc, age), 6);
    cells_text(c, " ", 1);
    draw_trend(c, s, 10);
}

static bool same_device(const struct view_series *a, const struct view_series *b)
{
    return a->gateway == b->gateway && strcmp(a->device, b->device) == 0;
}

static void draw_device(struct drawing *d, const struct view_series *s)
{
    begin(d);
    cells_style(&d->line, CELLS_PLAIN);
    cells_fmt(&d->line, "  %s/%s", d->v->gateways[s->gateway].name, s->device);
    end(d);
}

/* Devices one below the other, their points as many beside each other as fit. */
static void draw_values(struct drawing *d, size_t lines)
{
    const struct view *v = d->v;
    unsigned across = d->style->width / VALUE_COLUMNS ? d->style->width / VALUE_COLUMNS : 1;
    unsigned last = d->screen->count + 1 + (unsigned)lines;
    draw_heading(d, word(d, "GIÁ TRỊ", "VALUES"), v->series_count, 0, "");
    size_t i = 0;
    while (i < v->series_count && d->screen->count + 2 < last) {
        if (i == 0 || !same_device(&v->series[i - 1], &v->series[i]))
            draw_device(d, &v->series[i]);
        begin(d);
        unsigned n = 0;
        do
            draw_value(d, &v->series[i++], n++ == 0);
        while (n < across && i < v->series_count && same_device(&v->series[i - 1], &v->series[i]));
        end(d);
    }
    if (i < v->series_count && d->screen->count < last)
        draw_more(d, v->series_count - i);
}

/* --- events --- */

static void draw_events(struct drawing *d, size_t lines)
{
    const struct view *v = d->v;
    char at[CLK_LOCAL_TEXT];
    draw_heading(d, word(d, "DIỄN BIẾN", "EVENTS"), (size_t)v->event_count,
                 (size_t)(v->refused + v->dropped), word(d, "bị bỏ", "not shown"));
    uint64_t from = v->event_count > lines ? v->event_count - lines : 0;
    for (uint64_t n = from; n < v->event_count; n++) {
        const struct view_event *event = view_event_at(v, n);
        if (!event)
            continue;
        clk_local_format(event->at, at);
        begin(d);
        cells_style(&d->line, CELLS_DIM);
        cells_fmt(&d->line, "  %.8s ", at + 11);
        cells_text(&d->line, event->text, d->style->width);
        end(d);
    }
}

/* --- the window --- */

static size_t at_most(size_t wanted, size_t room)
{
    return wanted < room ? wanted : room;
}

void view_render(const struct view *v, const struct view_style *style, struct clk_utc utc,
                 struct clk_mono mono, struct view_screen *screen)
{
    struct view_style s = *style;
    s.width = s.width < 20 ? 20 : s.width > VIEW_LINE_SIZE / 8 ? VIEW_LINE_SIZE / 8 : s.width;
    s.height = s.height < 4 ? 4 : s.height > VIEW_LINES_MAX ? VIEW_LINES_MAX : s.height;
    struct drawing d = {.v = v, .style = &s, .utc = utc, .mono = mono, .screen = screen};
    screen->count = 0;
    draw_title(&d);
    size_t left = s.height - 1;
    if (left < 16) { /* a very small window shows what matters most, and nothing else */
        draw_alerts(&d, left - 1);
        return;
    }
    draw_areas(&d, at_most(v->area_count, 2));
    left = s.height - screen->count;
    size_t events = at_most((size_t)at_most((size_t)v->event_count, EVENTS_SHOWN), left / 5);
    left -= 4 + events; /* four headings */
    size_t alerts = at_most(v->alert_count, left / 2);
    size_t gateways = at_most(v->gateway_count, (left - alerts) / 2);
    draw_alerts(&d, alerts ? alerts : 1);
    draw_gateways(&d, gateways ? gateways : 1);
    size_t used = screen->count + 2 + events;
    if (used < s.height)
        draw_values(&d, s.height - used);
    if (screen->count + 1 + events <= s.height)
        draw_events(&d, events);
}
