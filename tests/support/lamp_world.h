/*
 * A street on virtual time: the real actuators over lamps that take a while to obey, can be without
 * power, stuck or switched by hand, and are polled. Group street-a: lamp-1/k1, lamp-1/k2,
 * dim-1/level; street-b: lamp-2/k1.
 */
#ifndef TESTS_SUPPORT_LAMP_WORLD_H
#define TESTS_SUPPORT_LAMP_WORLD_H

#include "tests/support/config_fixture.h"

#include "gateway/core/control/actuator.h"

#define LAMP_DEVICES  4
#define LAMP_POINTS   64
#define LAMP_FLYING   16
#define LAMP_WRITE_MS 60 /* a write and its read-back at 9600 baud */
#define LAMP_POLL_MS  1000

struct lamp_write {
    uint64_t id;
    uint16_t device, point;
    struct value value;
    int64_t at_ms;
};

struct lamp_world {
    struct gateway_config *config;
    struct control *control;
    struct actuator *actuator;
    struct actuator_now now;
    struct value lamps[LAMP_DEVICES][LAMP_POINTS]; /* by command point; what they really are */
    int64_t changed_ms[LAMP_DEVICES][LAMP_POINTS]; /* UTC, of the last change */
    bool off[LAMP_DEVICES];                        /* without power */
    bool stuck[LAMP_DEVICES];
    struct lamp_write flying[LAMP_FLYING];
    size_t flying_count;
    unsigned writes, results, troubles;
    struct command_result result;
    struct sample samples[CONTROL_POINTS_MAX];
    size_t sample_count;
    char said[2048]; /* all that was said, a line each */
    int64_t poll_ms;
};

static const char lamp_config[] =
    "{\"gateway\":\"gw-1\",\"area\":\"a-1\",\"profiles\":\"shared/data/profiles\","
    "\"broker\":{\"host\":\"b\",\"ca\":\"/ca\",\"cert\":\"/c\",\"key\":\"/k\"},"
    "\"buses\":[{\"name\":\"line\",\"type\":\"rtu\",\"device\":\"/dev/ttyS1\"}],"
    "\"devices\":["
    "{\"name\":\"lamp-1\",\"profile\":\"wb-mr6c\",\"bus\":\"line\",\"unit\":1},"
    "{\"name\":\"lamp-2\",\"profile\":\"wb-mr6c\",\"bus\":\"line\",\"unit\":2},"
    "{\"name\":\"dim-1\",\"profile\":\"dimmer\",\"bus\":\"line\",\"unit\":3}]}";

static const char lamp_dimmer[] =
    "{\"name\":\"dimmer\",\"label\":\"d\",\"source\":\"test\",\"confidence\":\"high\",\"points\":["
    "{\"name\":\"level\",\"kind\":\"dim_level\",\"table\":\"holding\",\"address\":0,"
    "\"type\":\"u16\",\"writable\":true}]}";

static inline int lamp_profile(void *user, const char *dir, const char *name, char **text,
                               size_t *len, struct err *e)
{
    if (strcmp(name, "dimmer") != 0)
        return fixture_read_profile(user, dir, name, text, len, e);
    *text = strdup(lamp_dimmer);
    *len = strlen(lamp_dimmer);
    return *text ? 0 : ERR_NOMEM;
}

/* Starts the daemon's part anew; lamps stay as they are. */
static inline void lamp_boot(struct lamp_world *w, const char *control)
{
    struct err e = {0};
    actuator_destroy(w->actuator);
    control_free(w->control);
    w->flying_count = 0;
    if (control_parse(control, strlen(control), &w->control, &e) != 0 ||
        actuator_check(w->config, w->control, &e) != 0 ||
        actuator_create(w->config, w->control, &w->actuator, &e) != 0)
        fail_msg("%s", e.text);
}

static inline struct lamp_world *lamp_world_new(const char *control, const char *utc)
{
    const struct config_files files = {.read_profile = lamp_profile,
                                       .check_file = fixture_check_file};
    struct err e = {0};
    struct lamp_world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    if (gateway_config_parse(lamp_config, strlen(lamp_config), &files, &w->config, NULL, &e) != 0)
        fail_msg("%s", e.text);
    w->now = (struct actuator_now){.mono = {1000000}, .clock_known = true};
    assert_int_equal(clk_utc_parse(utc, &w->now.utc), 0);
    for (size_t d = 0; d < LAMP_DEVICES; d++)
        for (size_t p = 0; p < LAMP_POINTS; p++)
            w->lamps[d][p] = (struct value){.type = d == 2 ? VALUE_NUMBER : VALUE_BOOL};
    lamp_boot(w, control);
    return w;
}

static inline void lamp_world_free(struct lamp_world *w)
{
    actuator_destroy(w->actuator);
    control_free(w->control);
    gateway_config_free(w->config);
    free(w);
}

/* --- lamps --- */

static inline size_t lamp_point(const struct lamp_world *w, size_t device, const char *name)
{
    const struct profile *p = w->config->devices[device].profile;
    const struct point *point = profile_find(p, name);
    assert_non_null(point);
    return (size_t)(point - p->points);
}

static inline struct value *lamp(struct lamp_world *w, size_t device, const char *name)
{
    return &w->lamps[device][lamp_point(w, device, name)];
}

static inline int64_t lamp_changed_ms(struct lamp_world *w, size_t device, const char *name)
{
    return w->changed_ms[device][lamp_point(w, device, name)];
}

static inline struct sample lamp_read(const struct lamp_world *w, uint16_t device, uint16_t point,
                                      uint16_t as)
{
    struct sample s = {.device = device, .point = as, .at = w->now.utc, .mono = w->now.mono};
    if (w->off[device]) {
        s.quality = QUALITY_BAD;
        s.cause = CAUSE_TIMEOUT;
    } else {
        s.value = w->lamps[device][point];
    }
    return s;
}

static inline void lamp_land(struct lamp_world *w, const struct lamp_write *f)
{
    struct value *v = &w->lamps[f->device][f->point];
    bool obeys = !w->off[f->device] && !w->stuck[f->device];
    if (obeys && memcmp(v, &f->value, sizeof(*v)) != 0) {
        *v = f->value;
        w->changed_ms[f->device][f->point] = w->now.utc.ms;
    }
    const struct actuator_end end = {.read_back = lamp_read(w, f->device, f->point, f->point)};
    actuator_written(w->actuator, f->id, &end, w->now.mono);
}

/* Reads every read-back point, as the polls do. */
static inline void lamp_poll(struct lamp_world *w)
{
    for (uint16_t d = 0; d < w->config->device_count; d++) {
        const struct profile *profile = w->config->devices[d].profile;
        for (uint16_t i = 0; i < profile->point_count; i++) {
            const struct point *p = &profile->points[i];
            if (!p->writable)
                continue;
            const struct point *as = *p->readback ? profile_find(profile, p->readback) : p;
            struct sample s = lamp_read(w, d, i, (uint16_t)(as - profile->points));
            actuator_sample(w->actuator, &s, w->now.mono);
        }
    }
}

/* --- time --- */

static inline void lamp_take(struct lamp_world *w, const struct actuator_action *a)
{
    size_t len = strlen(w->said);
    switch (a->verb) {
    case ACTUATOR_WRITE:
        w->writes++;
        assert_true(w->flying_count < LAMP_FLYING);
        w->flying[w->flying_count++] = (struct lamp_write){a->id, a->device, a->point, a->value,
                                                           w->now.mono.ms + LAMP_WRITE_MS};
        break;
    case ACTUATOR_RESULT:
        w->results++;
        w->result = *a->result;
        w->sample_count = a->count;
        memcpy(w->samples, a->samples, a->count * sizeof(*a->samples));
        break;
    case ACTUATOR_SAY:
        w->troubles += a->trouble;
        snprintf(w->said + len, sizeof(w->said) - len, "%s: %s\n", a->object, a->text);
        break;
    }
}

static inline void lamp_settle(struct lamp_world *w)
{
    struct actuator_action a;
    actuator_step(w->actuator, &w->now);
    while (actuator_next(w->actuator, w->now.mono, &a))
        lamp_take(w, &a);
}

/* The virtual clock jumps from event to event, as the loop's timers do. */
static inline void lamp_run(struct lamp_world *w, int64_t ms)
{
    int64_t end = w->now.mono.ms + ms;
    lamp_settle(w);
    while (w->now.mono.ms < end) {
        struct clk_mono at =
            clk_mono_min((struct clk_mono){end}, actuator_wake(w->actuator, &w->now));
        at = clk_mono_min(at, (struct clk_mono){w->poll_ms + LAMP_POLL_MS});
        for (size_t i = 0; i < w->flying_count; i++)
            at = clk_mono_min(at, (struct clk_mono){w->flying[i].at_ms});
        int64_t step = at.ms > w->now.mono.ms ? at.ms - w->now.mono.ms : 0;
        w->now.mono.ms += step;
        w->now.utc.ms += step;
        for (size_t i = w->flying_count; i-- > 0;) {
            if (w->flying[i].at_ms > w->now.mono.ms)
                continue;
            struct lamp_write f = w->flying[i];
            w->flying[i] = w->flying[--w->flying_count];
            lamp_land(w, &f);
        }
        if (w->now.mono.ms >= w->poll_ms + LAMP_POLL_MS) {
            w->poll_ms = w->now.mono.ms;
            lamp_poll(w);
        }
        lamp_settle(w);
    }
}

/* Runs until this UTC instant, "2026-12-22T10:13:00.000Z". */
static inline void lamp_run_until(struct lamp_world *w, const char *utc)
{
    struct clk_utc t;
    assert_int_equal(clk_utc_parse(utc, &t), 0);
    assert_true(t.ms >= w->now.utc.ms);
    lamp_run(w, t.ms - w->now.utc.ms);
}

#endif
