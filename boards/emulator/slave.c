#include "boards/emulator/slave_inside.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "boards/emulator/pdu.h"
#include "boards/emulator/registers.h"

/* Unique values stay exact in a float32: whole numbers up to 2^23, and for floating-point types
 * that many steps of 1/1024. */
#define UNIQUE_MAX  (1 << 23)
#define UNIQUE_STEP (1.0 / 1024)

/* --- creation --- */

/* The raw numbers whose values are plausible and exact. */
static void unique_range(const struct point *p, struct slave_point *state)
{
    double step = registers_is_float(p->type) ? UNIQUE_STEP : 1;
    double a = (p->kind->min - p->offset) / p->scale / step;
    double b = (p->kind->max - p->offset) / p->scale / step;
    double low = fmax(ceil(fmin(a, b)), -UNIQUE_MAX);
    double high = fmin(floor(fmax(a, b)), UNIQUE_MAX);
    if (!registers_is_float(p->type)) {
        double numbers = registers_numbers(p->type) / (registers_is_signed(p->type) ? 2 : 1);
        low = fmax(low, registers_is_signed(p->type) ? -numbers : 0);
        high = fmin(high, numbers - 1);
    }
    state->unique_first = (int64_t)low;
    state->unique_span = high > low ? (uint64_t)(high - low) + 1 : 1;
    state->unique_next = state->site.seed % state->unique_span;
}

/* Whether what is written to `from` can be seen in `to`: a relay's contact, a sign's message. A
 * status word, which commands may also name as their readback, says something else. */
static bool shows_effect(const struct point *from, const struct point *to)
{
    bool same = from->kind == to->kind && from->type == to->type;
    bool contacts = from->kind->type == KIND_BOOL && to->kind->type == KIND_BOOL;
    return from->writable && strcmp(from->readback, to->name) == 0 && (same || contacts);
}

/* The point that is switched by writing and read back in `p`, or -1. */
static int leader_of(const struct profile *profile, const struct point *p)
{
    for (size_t i = 0; i < profile->point_count; i++)
        if (shows_effect(&profile->points[i], p))
            return (int)i;
    return -1;
}

static void point_init(struct slave *s, size_t i)
{
    const struct point *p = &s->options.profile->points[i];
    struct slave_point *state = &s->points[i];
    /* Nothing here feeds into the grid: what is exported stays at zero. */
    bool exported = strstr(p->name, "export") != NULL;
    state->site = (struct curve_site){
        .seed = curve_seed(s->options.seed, s->gateway, s->name, p->name),
        .load = s->options.load,
        .factor = exported ? 0 : s->options.factor,
    };
    state->leader = leader_of(s->options.profile, p);
    if (p->type != TYPE_STRING)
        unique_range(p, state);
}

int slave_init(struct slave *s, const struct slave_options *options, struct err *e)
{
    memset(s, 0, sizeof(*s));
    s->options = *options;
    snprintf(s->gateway, sizeof(s->gateway), "%s", options->gateway);
    snprintf(s->name, sizeof(s->name), "%s", options->name);
    rng_init(&s->rng, curve_seed(options->seed, s->gateway, s->name, ""));
    s->points = calloc(options->profile->point_count, sizeof(*s->points));
    if (!s->points)
        return err_set(e, ERR_NOMEM, "no memory for the points of %s", s->name);
    for (size_t i = 0; i < options->profile->point_count; i++)
        point_init(s, i);
    return 0;
}

void slave_finish(struct slave *s)
{
    free(s->points);
    s->points = NULL;
}

static int find_point(const struct slave *s, const char *name, struct err *e)
{
    const struct point *p = profile_find(s->options.profile, name);
    if (!p)
        return err_set(e, ERR_NOTFOUND, "%s/%s has no point \"%.40s\" (its profile is %s)",
                       s->gateway, s->name, name, s->options.profile->name);
    return (int)(p - s->options.profile->points);
}

int slave_feed_from(struct slave *s, const struct slave *relay, const char *point, struct err *e)
{
    int i = find_point(relay, point, e);
    if (i < 0)
        return i;
    if (relay->options.profile->points[i].type != TYPE_BIT)
        return err_set(e, ERR_INVALID, "%s/%s/%s is no contact", relay->gateway, relay->name,
                       point);
    s->feeder = relay;
    s->feeder_point = (size_t)i;
    return 0;
}

/* --- where values come from --- */

static bool is_load(const struct kind *kind)
{
    static const char *const loads[] = {
        "current",         "power",      "reactive_power", "apparent_power",
        "circuit_current", "lamp_state", "leakage",        NULL};
    for (size_t i = 0; loads[i]; i++)
        if (strcmp(loads[i], kind->name) == 0)
            return true;
    return false;
}

/* The value the curve gives now, as registers hold it. Counters wrap as the device's would. */
static uint64_t curve_raw(const struct point *p, const struct slave_point *state, int64_t local_ms)
{
    double value = curve_value(p->kind, &state->site, local_ms) - state->withheld;
    uint64_t raw = 0;
    if (registers_from_value(p, value, &raw, NULL) == 0)
        return raw;
    double numbers = registers_numbers(p->type) * p->scale;
    if (p->kind->type == KIND_COUNTER && registers_from_value(p, fmod(value, numbers), &raw, NULL))
        return 0;
    return raw;
}

/* A write that lags, or is never heeded, has not replaced what was there. */
static bool is_waiting(const struct slave_point *state, int64_t local_ms)
{
    return state->effect_ms > local_ms;
}

/* What the point really does now, whatever it was last told. */
static uint64_t effect_raw(const struct slave *s, size_t i, int64_t local_ms)
{
    const struct slave_point *state = &s->points[i];
    bool waiting = is_waiting(state, local_ms);
    if ((waiting ? state->source_before : state->source) == SOURCE_AUTO)
        return curve_raw(&s->options.profile->points[i], state, local_ms);
    return waiting ? state->raw_before : state->raw;
}

static uint64_t day_raw(const struct slave *s, size_t i, int64_t local_ms)
{
    const struct point *p = &s->options.profile->points[i];
    const struct slave_point *state = &s->points[i];
    if (state->leader >= 0)
        return effect_raw(s, (size_t)state->leader, local_ms);
    uint64_t off = 0;
    if (s->feeder && is_load(p->kind) && effect_raw(s->feeder, s->feeder_point, local_ms) == 0 &&
        registers_from_value(p, 0, &off, NULL) == 0)
        return off;
    return curve_raw(p, state, local_ms);
}

static uint64_t unique_pattern(const struct point *p, struct slave_point *state)
{
    int64_t number = state->unique_first + (int64_t)(state->unique_next % state->unique_span);
    state->unique_next++;
    if (p->type == TYPE_BIT)
        return (uint64_t)number & 1;
    struct point raw_only = *p;
    raw_only.scale = 1;
    raw_only.offset = 0;
    uint64_t raw = 0;
    double v = (double)number * (registers_is_float(p->type) ? UNIQUE_STEP : 1);
    registers_from_value(&raw_only, v, &raw, NULL);
    return raw;
}

static uint64_t unique_raw(struct slave *s, size_t i, int64_t local_ms)
{
    const struct point *p = &s->options.profile->points[i];
    struct slave_point *state = &s->points[i];
    if (state->leader >= 0 && s->points[state->leader].source == SOURCE_FIXED)
        return effect_raw(s, (size_t)state->leader, local_ms);
    uint64_t raw = unique_pattern(p, state);
    for (unsigned tries = 0; registers_is_invalid(p, raw) && tries < POINT_INVALID_MAX; tries++)
        raw = unique_pattern(p, state);
    return raw;
}

/* A point whose effect is read elsewhere answers its command; any other, what it does. */
static uint64_t fixed_raw(const struct slave *s, size_t i, int64_t local_ms)
{
    const struct point *p = &s->options.profile->points[i];
    return *p->readback ? s->points[i].raw : effect_raw(s, i, local_ms);
}

uint64_t slave_sample(struct slave *s, size_t i, bool whole, int64_t local_ms)
{
    struct slave_point *state = &s->points[i];
    bool kept = state->answered &&
                (s->fault.kind == FAULT_STUCK || (s->options.mode == SLAVE_UNIQUE && !whole));
    state->answered = true;
    if (state->source == SOURCE_FIXED)
        return fixed_raw(s, i, local_ms);
    if (!kept)
        state->raw =
            s->options.mode == SLAVE_UNIQUE ? unique_raw(s, i, local_ms) : day_raw(s, i, local_ms);
    return state->raw;
}

uint64_t slave_command(struct slave *s, size_t i, int64_t local_ms)
{
    struct slave_point *state = &s->points[i];
    return state->source == SOURCE_FIXED ? state->raw : slave_sample(s, i, false, local_ms);
}

/* The text in effect; a message that has had its time is gone for good. */
static const char *effect_text(struct slave_point *state, int64_t local_ms)
{
    if (state->blank_ms && local_ms >= state->blank_ms) {
        state->text[0] = '\0';
        state->blank_ms = 0;
    }
    return is_waiting(state, local_ms) ? state->text_before : state->text;
}

const char *slave_shown_text(struct slave *s, size_t i, int64_t local_ms)
{
    struct slave_point *state = &s->points[i];
    if (state->leader >= 0 && s->points[state->leader].source == SOURCE_FIXED) {
        const char *shown = effect_text(&s->points[state->leader], local_ms);
        snprintf(state->text, sizeof(state->text), "%s", shown);
    } else if (!*s->options.profile->points[i].readback) {
        return effect_text(state, local_ms);
    }
    return state->text;
}

/* --- writes from the line --- */

/* Keeps what a write does not replace yet. A second write while the first still waits replaces
 * the first, not what was there before. */
static void begin_write(struct slave *s, size_t i, int64_t local_ms)
{
    struct slave_point *state = &s->points[i];
    if (!is_waiting(state, local_ms)) {
        state->source_before = state->source;
        state->raw_before = state->raw;
        memcpy(state->text_before, state->text, sizeof(state->text));
    }
    state->effect_ms = s->fault.kind == FAULT_DEAF  ? INT64_MAX
                       : s->fault.kind == FAULT_LAG ? local_ms + s->fault.parameter
                                                    : 0;
    state->source = SOURCE_FIXED;
    state->invalid = false;
}

void slave_write_raw(struct slave *s, size_t i, uint64_t raw, int64_t local_ms)
{
    begin_write(s, i, local_ms);
    s->points[i].raw = raw;
}

/* The seconds a message of point i lives, from the point NAME-ttl; 0: for ever. */
static int64_t life_ms(struct slave *s, size_t i, int64_t local_ms)
{
    char name[NAME_SIZE + 8];
    snprintf(name, sizeof(name), "%s-ttl", s->options.profile->points[i].name);
    const struct point *ttl = profile_find(s->options.profile, name);
    if (!ttl)
        return 0;
    size_t at = (size_t)(ttl - s->options.profile->points);
    return (int64_t)(registers_value(ttl, slave_command(s, at, local_ms)) * 1000);
}

void slave_write_text(struct slave *s, size_t i, const char *text, int64_t local_ms)
{
    begin_write(s, i, local_ms);
    snprintf(s->points[i].text, sizeof(s->points[i].text), "%s", text);
    int64_t life = life_ms(s, i, local_ms);
    s->points[i].blank_ms = life ? local_ms + life : 0;
}

/* --- requests --- */

void slave_answer(struct slave *s, const uint8_t *pdu, size_t len, int64_t local_ms,
                  struct slave_reply *reply)
{
    struct pdu_request r;
    reply->reading_count = 0;
    s->requests++;
    int exception = pdu_parse(pdu, len, &r);
    if (exception == 0 && s->fault.kind == FAULT_EXCEPTION)
        exception = (int)s->fault.parameter;
    if (exception == 0)
        exception = slave_table_answer(s, &r, local_ms, reply);
    if (exception == 0)
        return;
    s->exceptions++;
    reply->pdu_len = pdu_reply_exception(r.function, exception, reply->pdu);
}

/* --- overrides --- */

static void release(const struct point *p, struct slave_point *state, int64_t local_ms)
{
    if (state->source == SOURCE_FIXED && p->kind->type == KIND_COUNTER && state->answered)
        state->withheld =
            curve_value(p->kind, &state->site, local_ms) - registers_value(p, state->raw);
    state->source = SOURCE_AUTO;
    state->effect_ms = 0;
    state->invalid = false;
}

static int set_invalid(const struct point *p, struct slave_point *state, struct err *e)
{
    if (p->invalid_count > 0)
        state->raw = p->invalid[0];
    else if (!registers_is_float(p->type))
        return err_set(e, ERR_INVALID,
                       "the profile names no pattern by which %s says \"no reading\"", p->name);
    else
        state->raw = p->type == TYPE_F32 ? 0x7fc00000 : UINT64_C(0x7ff8000000000000);
    state->source = SOURCE_FIXED;
    state->invalid = true;
    return 0;
}

static int set_number(const struct point *p, struct slave_point *state, const char *value,
                      struct err *e)
{
    char *end;
    errno = 0;
    double v = strtod(value, &end);
    if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
        v = value[0] == 't';
    else if (errno || end == value || *end || !isfinite(v))
        return err_set(e, ERR_INVALID,
                       "\"%.40s\" is no number; say a value in %s, hold, invalid or auto", value,
                       p->kind->unit[0] ? p->kind->unit : "true or false");
    int r = registers_from_value(p, v, &state->raw, e);
    if (r == 0) {
        state->source = SOURCE_FIXED;
        state->invalid = false;
    }
    return r;
}

int slave_set(struct slave *s, const char *point, const char *value, int64_t local_ms,
              struct err *e)
{
    int i = find_point(s, point, e);
    if (i < 0)
        return i;
    const struct point *p = &s->options.profile->points[i];
    struct slave_point *state = &s->points[i];
    state->effect_ms = state->blank_ms = 0;
    if (p->type == TYPE_STRING) {
        snprintf(state->text, sizeof(state->text), "%s", value);
        return 0;
    }
    if (strcmp(value, "auto") == 0) {
        release(p, state, local_ms);
        return 0;
    }
    if (strcmp(value, "hold") == 0) {
        slave_sample(s, (size_t)i, false, local_ms);
        state->source = SOURCE_FIXED;
        return 0;
    }
    if (strcmp(value, "invalid") == 0)
        return set_invalid(p, state, e);
    return set_number(p, state, value, e);
}

int slave_remap(struct slave *s, struct err *e)
{
    if (s->options.profile->map.slots == 0)
        return err_set(e, ERR_INVALID, "the profile %s has no dynamic map",
                       s->options.profile->name);
    s->remapped++;
    return 0;
}

const char *slave_text(const struct slave *s, size_t point)
{
    return s->points[point].text;
}
