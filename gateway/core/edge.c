#include "gateway/core/edge.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/counter.h"
#include "model/hash64.h"

/* A point of a device: what was kept of it last, and who works with it. All zero until something
 * happens to it, so that the memory of plain devices is never touched. */
struct slot {
    const struct gateway_report *report; /* NULL: every usable sample is kept */
    uint32_t first_use;                  /* 1-based; 0 ends the chain */
    bool seen;
    uint8_t quality, cause, exception; /* of the one kept last */
    double number;
    uint64_t text; /* a string's hash */
    struct clk_mono kept;
};

/* This slot is the source-th source of that derived point. */
struct use {
    uint32_t derived, source, next;
};

/* What a derived point knows of one of its sources. */
struct source {
    bool seen;
    bool fresh; /* came since the last value was worked out */
    bool paces; /* comes as often as the derived point does */
    uint32_t period_ms;
    struct sample_head {
        uint8_t quality, cause, exception;
        struct clk_utc at;
        struct clk_mono mono;
    } head;
    double number;
};

struct derived {
    const struct gateway_derived *config;
    uint16_t device, point;
    struct source sources[GATEWAY_SOURCES_MAX];
    bool started;
    struct clk_mono since; /* the first sample of any source */
    /* rate */
    struct counter counter;
    struct clk_mono counted; /* the last usable reading */
    struct clk_mono base;    /* `risen` is what it rose since then */
    double risen;
    uint8_t worst; /* quality since then */
};

/* `plain` is the only thing a sample of a device without settings asks for. */
struct device {
    bool plain;
    bool settings; /* points with `report`, or in derived points */
    bool marked;   /* maintained until `until` */
    enum quality quality;
    struct clk_mono until;
    uint32_t bad; /* points whose last kept sample is bad */
    struct slot *slots;
};

struct edge {
    const struct gateway_config *config;
    void (*keep)(void *owner, const struct sample *s);
    void *owner;
    struct edge_stats stats;
    struct device *devices;
    struct slot *slots;
    struct derived *derived;
    struct use *uses;
    uint32_t use_count;
};

/* --- start and end --- */

static size_t points_of(const struct gateway_device *d)
{
    return d->profile->point_count + d->derived_count;
}

static int allocate(struct edge *edge, const struct gateway_config *c)
{
    size_t slots = 0, derived = 0, uses = 0;
    assert(c->device_count > 0); /* the configuration has one at least */
    for (size_t d = 0; d < c->device_count; d++) {
        slots += points_of(&c->devices[d]);
        derived += c->devices[d].derived_count;
        for (size_t i = 0; i < c->devices[d].derived_count; i++)
            uses += c->devices[d].derived[i].source_count;
    }
    edge->devices = calloc(c->device_count, sizeof(*edge->devices));
    edge->slots = calloc(slots, sizeof(*edge->slots));
    edge->derived = calloc(derived + 1, sizeof(*edge->derived));
    edge->uses = calloc(uses + 1, sizeof(*edge->uses));
    return edge->devices && edge->slots && edge->derived && edge->uses ? 0 : ERR_NOMEM;
}

static void set_plain(struct device *d)
{
    d->plain = !d->settings && !d->marked && d->bad == 0;
}

static void set_device(struct edge *edge, size_t index, struct slot *slots)
{
    struct device *d = &edge->devices[index];
    d->slots = slots;
    d->settings = edge->config->devices[index].report_count > 0;
    for (size_t p = 0; d->settings && p < points_of(&edge->config->devices[index]); p++)
        slots[p].report = gateway_config_report(edge->config, index, p);
    set_plain(d);
}

static uint32_t period_of(const struct gateway_config *c, size_t device, size_t point)
{
    const struct gateway_device *d = &c->devices[device];
    if (point < d->profile->point_count)
        return gateway_config_period_ms(d, &d->profile->points[point]);
    return d->derived[point - d->profile->point_count].period_ms;
}

static void set_sources(struct edge *edge, uint32_t index)
{
    struct derived *v = &edge->derived[index];
    for (size_t i = 0; i < v->config->source_count; i++) {
        struct device *d = &edge->devices[v->config->sources[i].device];
        struct slot *slot = &d->slots[v->config->sources[i].point];
        struct source *s = &v->sources[i];
        s->period_ms =
            period_of(edge->config, v->config->sources[i].device, v->config->sources[i].point);
        s->paces = s->period_ms <= v->config->period_ms;
        edge->uses[edge->use_count] =
            (struct use){.derived = index, .source = (uint32_t)i, .next = slot->first_use};
        slot->first_use = ++edge->use_count;
        d->settings = true;
        set_plain(d);
    }
}

static void set_up(struct edge *edge)
{
    const struct gateway_config *c = edge->config;
    struct slot *slots = edge->slots;
    uint32_t derived = 0;
    for (size_t d = 0; d < c->device_count; d++) {
        set_device(edge, d, slots);
        slots += points_of(&c->devices[d]);
    }
    for (size_t d = 0; d < c->device_count; d++)
        for (size_t i = 0; i < c->devices[d].derived_count; i++) {
            edge->derived[derived] =
                (struct derived){.config = &c->devices[d].derived[i],
                                 .device = (uint16_t)d,
                                 .point = (uint16_t)(c->devices[d].profile->point_count + i)};
            set_sources(edge, derived++);
        }
}

int edge_create(const struct gateway_config *config,
                void (*keep)(void *owner, const struct sample *s), void *owner, struct edge **out,
                struct err *e)
{
    *out = NULL;
    struct edge *edge = calloc(1, sizeof(*edge));
    if (!edge || allocate(edge, config) != 0) {
        edge_destroy(edge);
        return err_set(e, ERR_NOMEM, "no memory for the points of %zu devices",
                       config->device_count);
    }
    edge->config = config;
    edge->keep = keep;
    edge->owner = owner;
    set_up(edge);
    *out = edge;
    return 0;
}

void edge_destroy(struct edge *edge)
{
    if (!edge)
        return;
    free(edge->devices);
    free(edge->slots);
    free(edge->derived);
    free(edge->uses);
    free(edge);
}

/* --- maintenance --- */

/* A bad sample cannot carry a quality: its cause says that somebody is working there. */
static void mark(struct device *d, struct sample *s)
{
    if (clk_mono_due(d->until, s->mono)) {
        d->marked = false;
        set_plain(d);
    } else if (s->quality != QUALITY_BAD) {
        s->quality = d->quality;
    } else {
        s->cause = CAUSE_MAINTENANCE;
        s->exception = 0;
    }
}

void edge_maintain(struct edge *edge, uint16_t device, enum quality quality, struct clk_mono until)
{
    assert(device < edge->config->device_count);
    assert(quality == QUALITY_MAINTENANCE || quality == QUALITY_CALIBRATION);
    struct device *d = &edge->devices[device];
    d->marked = true;
    d->quality = quality;
    d->until = until;
    set_plain(d);
}

struct clk_mono edge_maintained(const struct edge *edge, uint16_t device, enum quality *quality)
{
    assert(device < edge->config->device_count);
    const struct device *d = &edge->devices[device];
    *quality = d->marked ? d->quality : QUALITY_GOOD;
    return d->marked ? d->until : CLK_NEVER;
}

/* --- report by exception --- */

static double number_of(const struct value *v)
{
    if (v->type == VALUE_BOOL)
        return v->boolean;
    return v->type == VALUE_NUMBER ? v->number : 0;
}

static uint64_t text_of(const struct value *v)
{
    return v->type == VALUE_STRING ? hash64_add(HASH64_START, v->string, strlen(v->string)) : 0;
}

static bool left_deadband(const struct slot *slot, const struct sample *s)
{
    double band = 0; /* of states and texts every change counts */
    if (s->value.type == VALUE_NUMBER)
        band =
            fmax(fabs(slot->number) * slot->report->deadband_percent / 100, slot->report->deadband);
    return fabs(number_of(&s->value) - slot->number) > band || text_of(&s->value) != slot->text;
}

/* A bad sample says nothing new until its cause changes, whatever the settings. */
static bool is_news(const struct slot *slot, const struct sample *s)
{
    bool bad = s->quality == QUALITY_BAD;
    if (!slot->seen || slot->quality != s->quality || slot->cause != s->cause ||
        slot->exception != s->exception || (!bad && !slot->report))
        return true;
    int64_t heartbeat = slot->report ? slot->report->heartbeat_ms : EDGE_BAD_HEARTBEAT_MS;
    if (clk_mono_due(clk_mono_add(slot->kept, heartbeat), s->mono))
        return true;
    return !bad && left_deadband(slot, s);
}

static void note_kept(struct device *d, struct slot *slot, const struct sample *s)
{
    bool was_bad = slot->seen && slot->quality == QUALITY_BAD;
    bool is_bad = s->quality == QUALITY_BAD;
    slot->seen = true;
    slot->quality = (uint8_t)s->quality;
    slot->cause = (uint8_t)s->cause;
    slot->exception = s->exception;
    slot->number = number_of(&s->value);
    slot->text = text_of(&s->value);
    slot->kept = s->mono;
    d->bad += is_bad && !was_bad;
    d->bad -= was_bad && !is_bad;
    set_plain(d);
}

/* --- derived points --- */

static void pass(struct edge *edge, struct device *d, const struct sample *s);

static void emit(struct edge *edge, struct derived *v, struct sample *s)
{
    struct device *d = &edge->devices[v->device];
    const struct kind *kind = v->config->kind;
    s->device = v->device;
    s->point = v->point;
    if (s->quality != QUALITY_BAD && !isfinite(s->value.number))
        s->cause = CAUSE_INVALID;
    else if (s->quality != QUALITY_BAD &&
             (s->value.number < kind->min || s->value.number > kind->max))
        s->cause = CAUSE_RANGE;
    if (s->cause != CAUSE_NONE) {
        s->quality = QUALITY_BAD;
        s->value = (struct value){.type = VALUE_NONE};
    }
    if (d->marked)
        mark(d, s);
    edge->stats.derived++;
    pass(edge, d, s);
}

/* A source that is bad already keeps its cause. */
static bool is_stale(const struct derived *v, const struct source *s, struct clk_mono now)
{
    if (s->seen && s->head.quality == QUALITY_BAD)
        return false;
    struct clk_mono from = s->seen ? s->head.mono : v->since;
    return clk_mono_add(from, 2 * (int64_t)s->period_ms).ms < now.ms;
}

/* Quality the worst, cause the first bad one's, time the newest one's. False: a source has not
 * come yet. */
static bool judge(const struct derived *v, struct clk_mono now, struct sample *out)
{
    *out = (struct sample){.quality = QUALITY_GOOD, .mono = {INT64_MIN}};
    for (size_t i = 0; i < v->config->source_count; i++) {
        const struct source *s = &v->sources[i];
        bool stale = is_stale(v, s, now);
        if (!s->seen && !stale)
            return false;
        enum quality quality = stale ? QUALITY_BAD : (enum quality)s->head.quality;
        if (quality == QUALITY_BAD && out->cause == CAUSE_NONE) {
            out->cause = stale ? CAUSE_STALE : (enum cause)s->head.cause;
            out->exception = stale ? 0 : s->head.exception;
        }
        if (quality > out->quality)
            out->quality = quality;
        if (s->seen && s->head.mono.ms > out->mono.ms) {
            out->mono = s->head.mono;
            out->at = s->head.at;
        }
    }
    return true;
}

static double combine(const struct derived *v)
{
    size_t n = v->config->source_count;
    double value = v->sources[0].number;
    for (size_t i = 1; i < n; i++) {
        double next = v->sources[i].number;
        switch (v->config->how) {
        case DERIVE_SUM:
        case DERIVE_MEAN:
            value += next;
            break;
        case DERIVE_DIFFERENCE:
            value -= next;
            break;
        case DERIVE_MIN:
            value = next < value ? next : value;
            break;
        case DERIVE_MAX:
            value = next > value ? next : value;
            break;
        case DERIVE_RATE:
            break;
        }
    }
    return v->config->how == DERIVE_MEAN ? value / (double)n : value;
}

static void work_out(struct edge *edge, struct derived *v, struct clk_mono now)
{
    struct sample out;
    if (!judge(v, now, &out))
        return;
    if (out.quality != QUALITY_BAD)
        out.value = (struct value){.type = VALUE_NUMBER, .number = combine(v) * v->config->scale};
    emit(edge, v, &out);
}

static bool all_fresh(const struct derived *v)
{
    for (size_t i = 0; i < v->config->source_count; i++)
        if (v->sources[i].paces && !v->sources[i].fresh)
            return false;
    return true;
}

/* A round is whole when all that pace have come. One that comes again before is not made to wait
 * for another that stays away: it begins the next round. */
static void take_source(struct edge *edge, struct derived *v, struct source *s)
{
    bool again = s->fresh;
    s->fresh = true;
    bool whole = all_fresh(v);
    if (!s->paces || !(again || whole))
        return;
    for (size_t i = 0; i < v->config->source_count; i++)
        v->sources[i].fresh = false;
    s->fresh = !whole;
    work_out(edge, v, s->head.mono);
}

static double per_ms(const struct gateway_derived *c)
{
    static const double ms[] = {1000, 60000, 3600000};
    return ms[c->per];
}

static void rate_begin(struct derived *v, const struct source *s)
{
    v->base = s->head.mono;
    v->risen = 0;
    v->worst = s->head.quality;
}

/* The first reading, one after a restart of the device and one after a silence have nothing to be
 * compared with: no rate is worked out of them. */
static bool count(struct derived *v, const struct source *s)
{
    double rise;
    if (clk_mono_add(v->counted, 2 * (int64_t)s->period_ms).ms < s->head.mono.ms)
        v->counter.known = false;
    v->counted = s->head.mono;
    if (counter_step(&v->counter, s->number, v->config->wrap, &rise) != COUNTER_RISE) {
        rate_begin(v, s);
        return false;
    }
    v->risen += rise;
    if (s->head.quality > v->worst)
        v->worst = s->head.quality;
    return true;
}

static void take_rate(struct edge *edge, struct derived *v, const struct source *s)
{
    struct sample out = {.quality = QUALITY_BAD,
                         .cause = (enum cause)s->head.cause,
                         .exception = s->head.exception,
                         .at = s->head.at,
                         .mono = s->head.mono};
    if (s->head.quality != QUALITY_BAD) {
        bool rose = count(v, s);
        double passed = (double)(s->head.mono.ms - v->base.ms);
        if (!rose || passed <= 0 || passed < (double)v->config->over_ms)
            return;
        double rate = v->risen / passed * per_ms(v->config);
        out.quality = (enum quality)v->worst;
        out.value = (struct value){.type = VALUE_NUMBER, .number = rate * v->config->scale};
        rate_begin(v, s);
    }
    emit(edge, v, &out);
}

static void feed(struct edge *edge, const struct use *use, const struct sample *s)
{
    struct derived *v = &edge->derived[use->derived];
    struct source *source = &v->sources[use->source];
    source->seen = true;
    source->number = number_of(&s->value);
    source->head = (struct sample_head){.quality = (uint8_t)s->quality,
                                        .cause = (uint8_t)s->cause,
                                        .exception = s->exception,
                                        .at = s->at,
                                        .mono = s->mono};
    if (!v->started) {
        v->started = true;
        v->since = s->mono;
    }
    if (v->config->how == DERIVE_RATE)
        take_rate(edge, v, source);
    else
        take_source(edge, v, source);
}

/* --- samples --- */

/* Calls itself through derived points of derived points, GATEWAY_DERIVE_DEEP times at most. */
static void pass(struct edge *edge, struct device *d, const struct sample *s)
{
    struct slot *slot = &d->slots[s->point];
    if (is_news(slot, s)) {
        note_kept(d, slot, s);
        edge->keep(edge->owner, s);
    } else {
        edge->stats.suppressed++;
    }
    for (uint32_t i = slot->first_use; i != 0; i = edge->uses[i - 1].next)
        feed(edge, &edge->uses[i - 1], s);
}

void edge_take(struct edge *edge, const struct sample *s)
{
    struct device *d = &edge->devices[s->device];
    edge->stats.read++;
    if (d->plain && s->quality != QUALITY_BAD) {
        edge->keep(edge->owner, s);
        return;
    }
    struct sample copy = *s;
    if (d->marked)
        mark(d, &copy);
    pass(edge, d, &copy);
}

void edge_get_stats(const struct edge *edge, struct edge_stats *out)
{
    *out = edge->stats;
}
