/*
 * For the alarm tests: an engine on virtual time with a store beside it. The store keeps each
 * alarm's last row and each area's list revision as one commit would; world_restart throws the
 * engine away, as kill -9 does, and builds a new one from the store.
 */
#ifndef TESTS_ALARM_WORLD_H
#define TESTS_ALARM_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/core/alarm/alarm.h"

#define WORLD_ROWS   64
#define WORLD_POINTS 32
#define WORLD_EPOCH  INT64_C(1795000000000) /* 2026-11-18 */

struct world_row {
    char id[NAME_SIZE], area[NAME_SIZE];
    size_t len;
    uint8_t bytes[ALARM_ROW_SIZE];
    uint64_t list_revision;
};

struct world_point {
    char device[NAME_SIZE], point[NAME_SIZE];
    const char *kind;
    int64_t gateway; /* index in the world, not the engine's handle */
    int64_t series;
    double counter;
};

struct world {
    struct rules *rules;
    struct alarm_engine *engine;
    struct alarm_now now;
    struct alarm_transition last;
    unsigned transitions, raises, clears;
    size_t row_count;
    struct world_row rows[WORLD_ROWS];
    size_t gateway_count;
    struct {
        char area[NAME_SIZE], name[NAME_SIZE];
        int64_t handle;
    } gateways[4];
    size_t point_count;
    struct world_point points[WORLD_POINTS];
};

static inline void world_store(void *user, const struct alarm_transition *t)
{
    struct world *w = user;
    w->last = *t;
    w->transitions++;
    w->raises += t->raise;
    w->clears += t->from != t->to && (t->to == ALARM_RETURNED || t->from == ALARM_ACKNOWLEDGED) &&
                 t->to != ALARM_UNACKNOWLEDGED;
    size_t i = 0;
    while (i < w->row_count && strcmp(w->rows[i].id, t->alert.id) != 0)
        i++;
    assert_true(i < WORLD_ROWS);
    if (i == w->row_count)
        w->row_count++;
    struct world_row *row = &w->rows[i];
    snprintf(row->id, sizeof(row->id), "%s", t->alert.id);
    snprintf(row->area, sizeof(row->area), "%s", t->alert.area);
    row->len = t->row_len;
    memcpy(row->bytes, t->row, t->row_len);
    row->list_revision = t->alert.list_revision;
}

static inline void world_create_engine(struct world *w)
{
    const struct alarm_limits limits = {.areas = 4, .gateways = 4, .series = 64, .alarms = 128};
    const struct alarm_sink sink = {.transition = world_store, .user = w};
    struct err e = {0};
    assert_int_equal(alarm_create(w->rules, &limits, &sink, &w->engine, &e), 0);
}

/* `rules` is the text between the brackets of "rules". */
static inline struct world *world_create(const char *rules)
{
    struct world *w = calloc(1, sizeof(*w));
    struct err e = {0};
    char *text = NULL;
    assert_non_null(w);
    assert_true(asprintf(&text, "{\"version\":1,\"rules\":[%s]}", rules) > 0);
    int rc = rules_parse(text, strlen(text), &w->rules, &e);
    if (rc < 0)
        fail_msg("%s", e.text);
    free(text);
    w->now = (struct alarm_now){.utc = {WORLD_EPOCH}, .mono = {1000}};
    world_create_engine(w);
    return w;
}

static inline void world_destroy(struct world *w)
{
    alarm_destroy(w->engine);
    rules_free(w->rules);
    free(w);
}

/* Moves time on, firing each timer at its own moment as the loop would. */
static inline void world_advance(struct world *w, int64_t ms)
{
    int64_t end = w->now.mono.ms + ms;
    for (;;) {
        struct clk_mono next = alarm_next(w->engine);
        int64_t to = next.ms < end ? next.ms : end;
        if (to > w->now.mono.ms) {
            w->now.utc.ms += to - w->now.mono.ms;
            w->now.mono.ms = to;
        }
        alarm_step_time(w->engine, w->now);
        if (next.ms > end)
            return;
    }
}

static inline void world_bind_gateway(struct world *w, size_t i)
{
    struct err e = {0};
    w->gateways[i].handle =
        alarm_bind_gateway(w->engine, w->gateways[i].area, w->gateways[i].name, w->now, &e);
    assert_true(w->gateways[i].handle >= 0);
}

static inline size_t world_gateway(struct world *w, const char *area, const char *name)
{
    size_t i = w->gateway_count++;
    snprintf(w->gateways[i].area, NAME_SIZE, "%s", area);
    snprintf(w->gateways[i].name, NAME_SIZE, "%s", name);
    world_bind_gateway(w, i);
    return i;
}

static inline void world_bind_point(struct world *w, size_t i)
{
    struct world_point *p = &w->points[i];
    struct err e = {0};
    p->series = alarm_bind_series(w->engine, w->gateways[p->gateway].handle, p->device, p->point,
                                  kind_find(p->kind), w->now, &e);
    if (p->series < 0)
        fail_msg("%s", e.text);
}

static inline size_t world_point(struct world *w, size_t gateway, const char *device,
                                 const char *point, const char *kind)
{
    size_t i = w->point_count++;
    assert_non_null(kind_find(kind));
    w->points[i].kind = kind;
    w->points[i].gateway = (int64_t)gateway;
    snprintf(w->points[i].device, NAME_SIZE, "%s", device);
    snprintf(w->points[i].point, NAME_SIZE, "%s", point);
    world_bind_point(w, i);
    return i;
}

/* kill -9 and a start: only what was committed is left. */
static inline void world_restart(struct world *w)
{
    struct err e = {0};
    alarm_destroy(w->engine);
    world_create_engine(w);
    w->now.mono.ms = 5000; /* another boot's clock */
    w->now.utc.ms += 3000;
    for (size_t i = 0; i < w->row_count; i++) {
        int rc = alarm_restore(w->engine, w->rows[i].bytes, w->rows[i].len, w->now, &e);
        if (rc < 0)
            fail_msg("%s", e.text);
    }
    for (size_t i = 0; i < w->gateway_count; i++)
        world_bind_gateway(w, i);
    for (size_t i = 0; i < w->point_count; i++)
        world_bind_point(w, i);
    for (size_t i = 0; i < w->gateway_count; i++)
        alarm_settle_gateway(w->engine, w->gateways[i].handle, w->now);
}

static inline void world_sample(struct world *w, size_t point, struct alarm_sample s)
{
    if (s.at.ms == 0)
        s.at = w->now.utc;
    alarm_step_sample(w->engine, w->points[point].series, &s, w->now);
}

static inline void world_number(struct world *w, size_t point, double v)
{
    world_sample(w, point,
                 (struct alarm_sample){.present = true, .type = VALUE_NUMBER, .number = v});
}

static inline void world_bool(struct world *w, size_t point, bool v)
{
    world_sample(w, point,
                 (struct alarm_sample){.present = true, .type = VALUE_BOOL, .boolean = v});
}

static inline void world_bad(struct world *w, size_t point)
{
    world_sample(w, point, (struct alarm_sample){.present = true, .quality = QUALITY_BAD});
}

static inline void world_counter(struct world *w, size_t point, double increase)
{
    w->points[point].counter += increase;
    world_sample(w, point,
                 (struct alarm_sample){.present = true,
                                       .type = VALUE_NUMBER,
                                       .number = w->points[point].counter,
                                       .has_increase = true,
                                       .increase = increase});
}

static inline void world_online(struct world *w, size_t gateway, bool online)
{
    alarm_step_gateway(w->engine, w->gateways[gateway].handle, online, w->now);
}

/* The state of the alert of (rule, object); Normal when there never was one. */
static inline enum alarm_state world_state(const struct world *w, const char *rule,
                                           const char *object)
{
    char id[NAME_SIZE];
    struct alert a;
    alarm_id(rule, object, id);
    return alarm_find(w->engine, id, &a) < 0 ? ALARM_NORMAL : a.state;
}

static inline size_t world_listed(const struct world *w)
{
    struct alert a;
    size_t cursor = 0;
    size_t count = 0;
    while (alarm_next_listed(w->engine, NULL, &cursor, &a))
        count++;
    return count;
}

/* One who may acknowledge everything. */
static inline struct access_member world_operator(const char *name)
{
    struct access_member who = {.role = ACCESS_OPERATOR,
                                .requests = true,
                                .area_count = 1,
                                .areas = {ACCESS_ALL_AREAS},
                                .classes = ~0u};
    snprintf(who.name, sizeof(who.name), "%s", name);
    return who;
}

#define RULE_TAIL                                                                                  \
    "\"class\":\"environment\",\"priority\":\"medium\",\"agency\":\"a\",\"text_vi\":\"v\","        \
    "\"text_en\":\"e\"}"

#endif
