/*
 * What an operator sees on a terminal: gateways, latest values, standing alerts and what changed.
 *
 * view_message takes what arrives from the broker; view_render turns the model into lines that fit
 * the window. Every change also becomes one event line, which is all a log or a pipe shows. Pure:
 * `now` is handed in. One allocation at creation; every table has a limit, and what does not fit is
 * counted and shown. One thread.
 */
#ifndef COLLECTOR_CORE_VIEW_VIEW_H
#define COLLECTOR_CORE_VIEW_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/err.h"
#include "model/message.h"
#include "model/name.h"
#include "model/sample.h"

#define VIEW_AREAS_MAX    64
#define VIEW_GATEWAYS_MAX 512
#define VIEW_SERIES_MAX   4096
#define VIEW_ALERTS_MAX   1024
#define VIEW_EVENTS_MAX   32 /* the newest are kept */
#define VIEW_EVENT_SIZE   400
#define VIEW_TREND        16 /* values in a little chart */
#define VIEW_RATE_S       10 /* values a second are averaged over so long */

struct view_area {
    char name[NAME_SIZE];
    struct collector_state state;
};

struct view_gateway {
    char area[NAME_SIZE], name[NAME_SIZE];
    bool known, online; /* known: its state has been seen */
    char clock[16];
    struct clk_utc newest;         /* time of its newest sample; ms 0: none yet */
    int64_t second;                /* of the newest bucket, monotonic */
    uint32_t buckets[VIEW_RATE_S]; /* values a second */
};

struct view_series {
    uint16_t gateway; /* index */
    char device[NAME_SIZE], point[NAME_SIZE];
    struct clk_utc at;
    enum quality quality;
    enum cause cause;
    uint8_t exception;
    struct value value;
    unsigned trend_count;
    double trend[VIEW_TREND]; /* oldest first */
};

struct view_event {
    struct clk_utc at;
    char text[VIEW_EVENT_SIZE];
};

enum view_language { VIEW_VI = 1, VIEW_EN = 2, VIEW_BOTH = 3 };

struct view {
    enum view_language language;
    bool connected;
    char link[128]; /* why not connected */
    struct clk_utc link_since;
    size_t area_count, gateway_count, series_count, alert_count;
    struct view_area areas[VIEW_AREAS_MAX];
    struct view_gateway gateways[VIEW_GATEWAYS_MAX]; /* by area, then name */
    struct view_series series[VIEW_SERIES_MAX];      /* by gateway, device, point as they came */
    struct alert alerts[VIEW_ALERTS_MAX];            /* the one to see first is first */
    uint64_t event_count;                            /* ever; the last VIEW_EVENTS_MAX are kept */
    struct view_event events[VIEW_EVENTS_MAX];
    uint64_t dropped; /* gateways, series and alerts that found no room */
    uint64_t refused; /* messages that could not be read */
};

struct view *view_create(enum view_language language); /* NULL without memory */
void view_destroy(struct view *v);                     /* NULL is fine */

/* The connection came or went; alerts are forgotten with it, because the list must not outlive its
 * link (PROTOCOL "Alerts"). why: for a person, when down. */
void view_set_link(struct view *v, bool up, const char *why, struct clk_utc now);
/* One message from the broker. ERR_INVALID (counted) when it cannot be read. */
int view_message(struct view *v, const char *topic, const char *payload, size_t len,
                 struct clk_utc utc, struct clk_mono mono, struct err *e);
/* A line of the caller's own in the event log. */
void view_add_event(struct view *v, struct clk_utc at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The n-th event ever, 0-based; NULL when it is no longer or not yet there. */
const struct view_event *view_event_at(const struct view *v, uint64_t n);
/* What a person calls it in the view's language: Vietnamese unless it is English alone. */
const char *view_priority_word(const struct view *v, enum alarm_priority priority);
const char *view_state_word(const struct view *v, enum alarm_state state);
/* The alert's text in the view's language, both joined by " / ". Returns text. */
const char *view_alert_text(const struct view *v, const struct alert *a, char *text, size_t size);

/* --- drawing --- */

#define VIEW_LINES_MAX 200
#define VIEW_LINE_SIZE 2048

struct view_style {
    unsigned width, height; /* of the window, in cells; at least 20 by 4 is drawn */
    bool colour, utf8;
    const char *title; /* who looks at what: "lan @ ioc.example:8884" */
};

struct view_screen {
    unsigned count;
    char lines[VIEW_LINES_MAX][VIEW_LINE_SIZE];
};

void view_render(const struct view *v, const struct view_style *style, struct clk_utc utc,
                 struct clk_mono mono, struct view_screen *screen);
/* "5s", "12m", "3h", "2d"; "-" for a time that never was. */
#define VIEW_AGE_SIZE 16
const char *view_age(struct clk_utc at, struct clk_utc now, char text[VIEW_AGE_SIZE]);

#endif
