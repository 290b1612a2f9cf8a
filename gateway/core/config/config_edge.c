/* `report` and `derived` of a device: their keys, and whether what they name is there and fits. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/core/config/config_table.h"
#include "model/description.h"

#define REPORT(member)  .offset = offsetof(struct gateway_report, member)
#define DERIVED(member) .offset = offsetof(struct gateway_derived, member)

#define DAY_MS 86400000

/* --- keys --- */

static const char *const pers[] = {"second", "minute", "hour", NULL};

/* In the order of enum gateway_derive. */
static const char *const ways[] = {"sum", "difference", "mean", "min", "max", "rate"};

static const struct schema_field source_fields[] = {
    {.key = "",
     .type = SCHEMA_STRING,
     .size = GATEWAY_POINT_SIZE,
     .min = 1,
     .help = "POINT of this device, or DEVICE/POINT"},
    SCHEMA_END};

const struct schema_field gateway_report_fields[] = {
    {.key = "point",
     .type = SCHEMA_STRING,
     REPORT(point),
     .size = NAME_SIZE,
     .preset = "\"\"",
     .help = "the point; left out: every point of the device that has no entry of its own"},
    {.key = "deadband",
     .type = SCHEMA_NUMBER,
     REPORT(deadband),
     .max = 1e15,
     .preset = "0",
     .help = "a sample is kept when it differs by more than this from the one kept last, in the "
             "point's unit; 0: by anything"},
    {.key = "deadband_percent",
     .type = SCHEMA_NUMBER,
     REPORT(deadband_percent),
     .max = 100,
     .preset = "0",
     .help = "the same in percent of the value kept last; with both, the wider counts"},
    {.key = "heartbeat_ms",
     .type = SCHEMA_INT,
     REPORT(heartbeat_ms),
     .min = 1000,
     .max = DAY_MS,
     .preset = "60000",
     .help = "one sample is kept at least every so many milliseconds"},
    SCHEMA_END};

#define LIST(way, key_, max_, help_)                                                               \
    {                                                                                              \
        .key = (key_), .type = SCHEMA_ARRAY, DERIVED(lists[way]),                                  \
        .size = sizeof(struct gateway_source),                                                     \
        .count_offset = offsetof(struct gateway_derived, list_counts[way]),                        \
        .present_offset = offsetof(struct gateway_derived, has_list[way]) + 1, .max = (max_),      \
        .preset = "[]", .fields = source_fields, .unique = "", .help = (help_)                     \
    }

const struct schema_field gateway_derived_fields[] = {
    {.key = "name",
     .type = SCHEMA_NAME,
     DERIVED(name),
     .help = "the point's name; no point of the profile may have it"},
    {.key = "kind",
     .type = SCHEMA_NAME,
     DERIVED(kind_name),
     .help = "what it is; its unit must be that of the points it is worked out from, or `scale` "
             "given"},
    LIST(DERIVE_SUM, "sum", GATEWAY_SOURCES_MAX, "the sum of these points"),
    LIST(DERIVE_DIFFERENCE, "difference", 2, "the first of two points less the second"),
    LIST(DERIVE_MEAN, "mean", GATEWAY_SOURCES_MAX, "the mean of these points"),
    LIST(DERIVE_MIN, "min", GATEWAY_SOURCES_MAX, "the least of these points"),
    LIST(DERIVE_MAX, "max", GATEWAY_SOURCES_MAX, "the greatest of these points"),
    {.key = "rate",
     .type = SCHEMA_STRING,
     DERIVED(rate),
     .size = GATEWAY_POINT_SIZE,
     .preset = "\"\"",
     .help = "how fast this counter rises"},
    {.key = "per",
     .type = SCHEMA_ENUM,
     DERIVED(per),
     .present_offset = offsetof(struct gateway_derived, has_per) + 1,
     .words = pers,
     .preset = "\"hour\"",
     .help = "rate: in which time"},
    {.key = "over_ms",
     .type = SCHEMA_INT,
     DERIVED(over_ms),
     .present_offset = offsetof(struct gateway_derived, has_over) + 1,
     .max = DAY_MS,
     .preset = "0",
     .help = "rate: measured over at least so many milliseconds, so that a counter of coarse steps "
             "gives a calm rate; 0: from reading to reading"},
    {.key = "scale",
     .type = SCHEMA_NUMBER,
     DERIVED(scale),
     .min = -1e12,
     .max = 1e12,
     .preset = "1",
     .help = "what the result is multiplied by, such as 1000 for kWh an hour in W"},
    SCHEMA_END};

/* --- what is named --- */

struct checker {
    struct gateway_config *c;
    const struct json_doc *doc;
    struct err *e;
};

/* What is being checked: devices[device].derived[index]. */
struct place {
    size_t device, index;
};

/* Refuses devices[i].LIST[k].key. */
__attribute__((format(printf, 5, 6))) static int refuse(const struct checker *k, struct place at,
                                                        const char *list, const char *key,
                                                        const char *fmt, ...)
{
    char path[128], why[ERR_TEXT_MAX / 2];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    snprintf(path, sizeof(path), "devices[%zu].%s[%zu]%s%s", at.device, list, at.index,
             *key ? "." : "", key);
    return schema_refuse(k->doc, path, k->e, "%s", why);
}

static bool is_polled(const struct gateway_device *d, size_t point)
{
    return d->points[point / 64] >> (point % 64) & 1;
}

/* The point's index as in a sample; negative: the device has none of that name, or does not read
 * it. */
static int find_point(const struct gateway_device *d, const char *name)
{
    const struct point *p = profile_find(d->profile, name);
    if (p && is_polled(d, (size_t)(p - d->profile->points)))
        return (int)(p - d->profile->points);
    for (size_t i = 0; i < d->derived_count; i++)
        if (strcmp(d->derived[i].name, name) == 0)
            return (int)(d->profile->point_count + i);
    return p ? ERR_DENIED : ERR_NOTFOUND;
}

static const char *not_found(int rc)
{
    return rc == ERR_DENIED ? "is not read; add it to points" : "is no point of it";
}

static int check_reports(const struct checker *k, size_t device)
{
    const struct gateway_device *d = &k->c->devices[device];
    for (size_t i = 0; i < d->report_count; i++) {
        const struct place at = {device, i};
        int rc = *d->reports[i].point ? find_point(d, d->reports[i].point) : 0;
        if (rc < 0)
            return refuse(k, at, "report", "point", "%s/%s %s", d->name, d->reports[i].point,
                          not_found(rc));
    }
    return 0;
}

/* --- derived points --- */

static int find_way(const struct checker *k, struct place at, struct gateway_derived *v)
{
    int ways_given = 0;
    for (int w = 0; w < DERIVE_LISTS; w++)
        if (v->has_list[w]) {
            v->how = (enum gateway_derive)w;
            ways_given++;
        }
    if (*v->rate) {
        v->how = DERIVE_RATE;
        ways_given++;
    }
    if (ways_given != 1)
        return refuse(k, at, "derived", "",
                      "says %s it is worked out; give one of sum, difference, mean, min, max, rate",
                      ways_given ? "in more than one way how" : "not how");
    if (v->how != DERIVE_RATE && (v->has_per || v->has_over))
        return refuse(k, at, "derived", v->has_per ? "per" : "over_ms",
                      "belongs to a rate; remove it");
    if (v->how != DERIVE_RATE && v->list_counts[v->how] < 2)
        return refuse(k, at, "derived", ways[v->how], "needs two points");
    return 0;
}

static int check_identity(const struct checker *k, struct place at, struct gateway_derived *v)
{
    const struct gateway_device *d = &k->c->devices[at.device];
    int rc = find_way(k, at, v);
    if (rc)
        return rc;
    v->kind = kind_find(v->kind_name);
    if (profile_find(d->profile, v->name))
        return refuse(k, at, "derived", "name", "the profile %s has a point \"%s\" already",
                      d->profile_name, v->name);
    if (!v->kind)
        return refuse(k, at, "derived", "kind", "\"%s\" is no kind", v->kind_name);
    bool total = v->how == DERIVE_SUM && v->kind->type == KIND_COUNTER;
    if (v->kind->type != KIND_NUMBER && !total)
        return refuse(k, at, "derived", "kind", "%s is a %s; a %s is a number", v->kind_name,
                      kind_type_name(v->kind->type), ways[v->how]);
    if (!(v->scale < 0 || v->scale > 0))
        return refuse(k, at, "derived", "scale", "0 makes every value 0; give another");
    return 0;
}

/* The text of the i-th source, and its key for messages. */
static const char *source_text(const struct gateway_derived *v, size_t i, char key[32])
{
    if (v->how == DERIVE_RATE) {
        snprintf(key, 32, "rate");
        return v->rate;
    }
    snprintf(key, 32, "%s[%zu]", ways[v->how], i);
    return v->lists[v->how][i].text;
}

static int find_device(const struct gateway_config *c, const char *name, size_t len)
{
    for (size_t i = 0; i < c->device_count; i++)
        if (strlen(c->devices[i].name) == len && memcmp(c->devices[i].name, name, len) == 0)
            return (int)i;
    return ERR_NOTFOUND;
}

static int find_source(const struct checker *k, struct place at, struct gateway_derived *v,
                       size_t i)
{
    char key[32];
    const char *text = source_text(v, i, key);
    const char *slash = strchr(text, '/');
    int device = slash ? find_device(k->c, text, (size_t)(slash - text)) : (int)at.device;
    if (device < 0)
        return refuse(k, at, "derived", key, "\"%s\": there is no device \"%.*s\"", text,
                      (int)(slash - text), text);
    const struct gateway_device *d = &k->c->devices[device];
    int point = find_point(d, slash ? slash + 1 : text);
    if (point < 0)
        return refuse(k, at, "derived", key, "%s/%s %s", d->name, slash ? slash + 1 : text,
                      not_found(point));
    v->sources[i].device = (uint16_t)device;
    v->sources[i].point = (uint16_t)point;
    return 0;
}

static int find_sources(const struct checker *k, struct place at, struct gateway_derived *v)
{
    v->source_count = v->how == DERIVE_RATE ? 1 : v->list_counts[v->how];
    for (size_t i = 0; i < v->source_count; i++) {
        int rc = find_source(k, at, v, i);
        if (rc)
            return rc;
    }
    return 0;
}

/* --- what fits together --- */

static struct gateway_derived *derived_at(const struct gateway_config *c, size_t device,
                                          size_t point)
{
    const struct gateway_device *d = &c->devices[device];
    return point < d->profile->point_count ? NULL : &d->derived[point - d->profile->point_count];
}

/* A wrap nobody knows looks like a restart of the device: half the rate's readings would be
 * guesses. A 64-bit counter does not live to wrap. */
static int check_rate(const struct checker *k, struct place at, struct gateway_derived *v,
                      const struct gateway_device *d, const struct point *p)
{
    if (!p || p->kind->type != KIND_COUNTER)
        return refuse(k, at, "derived", "rate", "%s is no counter that is read; a rate needs one",
                      v->rate);
    v->wrap = point_wrap(p);
    if (v->wrap <= 0 && p->type != TYPE_U64)
        return refuse(k, at, "derived", "rate",
                      "nobody knows where %s starts again at 0; give the point its wrap in the "
                      "profile %s",
                      v->rate, d->profile_name);
    return 0;
}

static int check_source(const struct checker *k, struct place at, struct gateway_derived *v,
                        size_t i)
{
    char key[32];
    size_t device = v->sources[i].device, point = v->sources[i].point;
    const struct gateway_device *d = &k->c->devices[device];
    const struct kind *kind = gateway_config_point(k->c, device, point).kind;
    const char *text = source_text(v, i, key);
    if (v->how == DERIVE_RATE)
        return check_rate(k, at, v, d,
                          derived_at(k->c, device, point) ? NULL : &d->profile->points[point]);
    if (kind->type != KIND_NUMBER && kind->type != KIND_COUNTER)
        return refuse(k, at, "derived", key, "%s is a %s; a %s needs numbers", text,
                      kind_type_name(kind->type), ways[v->how]);
    bool scaled = v->scale < 1 || v->scale > 1;
    const char *unit =
        gateway_config_point(k->c, v->sources[0].device, v->sources[0].point).kind->unit;
    if (strcmp(kind->unit, unit) != 0)
        return refuse(k, at, "derived", key, "%s is in %s, the first in %s", text, kind->unit,
                      unit);
    if (!scaled && strcmp(kind->unit, v->kind->unit) != 0)
        return refuse(k, at, "derived", key, "%s is in %s, a %s in %s; give a scale", text,
                      kind->unit, v->kind_name, v->kind->unit);
    return 0;
}

static uint32_t period_of(const struct gateway_config *c, size_t device, size_t point)
{
    const struct gateway_derived *v = derived_at(c, device, point);
    const struct gateway_device *d = &c->devices[device];
    return v ? v->period_ms : gateway_config_period_ms(d, &d->profile->points[point]);
}

/* A derived point comes as often as the fastest of what it is worked out from. */
static void find_period(const struct gateway_config *c, struct gateway_derived *v)
{
    v->period_ms = UINT32_MAX;
    for (size_t i = 0; i < v->source_count; i++) {
        uint32_t period = period_of(c, v->sources[i].device, v->sources[i].point);
        if (period < v->period_ms)
            v->period_ms = period;
    }
    if (v->period_ms < v->over_ms)
        v->period_ms = (uint32_t)v->over_ms;
}

/* Depth first: what a point is worked out from is settled before it. `deep` runs down from what is
 * left of GATEWAY_DERIVE_DEEP, so a circle ends there as well. */
static int settle(const struct checker *k, struct place at, unsigned left)
{
    struct gateway_derived *v = &k->c->devices[at.device].derived[at.index];
    if (v->deep)
        return 0;
    if (left == 0)
        return refuse(k, at, "derived", "name",
                      "%s/%s is worked out from itself, or from derived points more than %d deep",
                      k->c->devices[at.device].name, v->name, GATEWAY_DERIVE_DEEP);
    unsigned deep = 1;
    for (size_t i = 0; i < v->source_count; i++) {
        size_t device = v->sources[i].device;
        const struct gateway_derived *from = derived_at(k->c, device, v->sources[i].point);
        int rc = 0;
        if (from)
            rc = settle(k, (struct place){device, (size_t)(from - k->c->devices[device].derived)},
                        left - 1);
        if (rc == 0)
            rc = check_source(k, at, v, i);
        if (rc)
            return rc;
        if (from && from->deep >= deep)
            deep = from->deep + 1;
    }
    if (deep > GATEWAY_DERIVE_DEEP)
        return settle(k, at, 0);
    find_period(k->c, v);
    v->deep = deep;
    return 0;
}

/* --- the whole --- */

static int each_derived(const struct checker *k,
                        int (*check)(const struct checker *k, struct place at,
                                     struct gateway_derived *v))
{
    for (size_t d = 0; d < k->c->device_count; d++)
        for (size_t i = 0; i < k->c->devices[d].derived_count; i++) {
            int rc = check(k, (struct place){d, i}, &k->c->devices[d].derived[i]);
            if (rc)
                return rc;
        }
    return 0;
}

static int settle_whole(const struct checker *k, struct place at, struct gateway_derived *v)
{
    (void)v;
    return settle(k, at, GATEWAY_DERIVE_DEEP);
}

/* A description has room for so many points. */
static int check_count(const struct checker *k, size_t device)
{
    const struct gateway_device *d = &k->c->devices[device];
    size_t count = d->derived_count;
    for (size_t i = 0; i < d->profile->point_count; i++)
        count += is_polled(d, i);
    if (count <= PROFILE_POINTS_MAX)
        return 0;
    return refuse(k, (struct place){device, d->derived_count - 1}, "derived", "",
                  "makes %zu points of %s, more than %d; read fewer", count, d->name,
                  PROFILE_POINTS_MAX);
}

int config_edge_check(struct gateway_config *c, const struct json_doc *doc, struct err *e)
{
    const struct checker k = {c, doc, e};
    int rc = each_derived(&k, check_identity);
    rc = rc ? rc : each_derived(&k, find_sources);
    rc = rc ? rc : each_derived(&k, settle_whole);
    for (size_t d = 0; rc == 0 && d < c->device_count; d++) {
        rc = check_reports(&k, d);
        rc = rc ? rc : check_count(&k, d);
    }
    return rc;
}

/* --- for those who run it --- */

struct gateway_point gateway_config_point(const struct gateway_config *c, size_t device,
                                          size_t point)
{
    const struct gateway_device *d = &c->devices[device];
    if (point < d->profile->point_count)
        return (struct gateway_point){d->profile->points[point].name,
                                      d->profile->points[point].kind};
    size_t i = point - d->profile->point_count;
    assert(d->derived && i < d->derived_count);
    return (struct gateway_point){d->derived[i].name, d->derived[i].kind};
}

const struct gateway_report *gateway_config_report(const struct gateway_config *c, size_t device,
                                                   size_t point)
{
    const struct gateway_device *d = &c->devices[device];
    const char *name = gateway_config_point(c, device, point).name;
    const struct gateway_report *others = NULL;
    for (size_t i = 0; i < d->report_count; i++) {
        if (strcmp(d->reports[i].point, name) == 0)
            return &d->reports[i];
        if (!*d->reports[i].point)
            others = &d->reports[i];
    }
    return others;
}

/* What the collector may expect of the point: a sample at least so often. */
static uint32_t described_period_ms(const struct gateway_config *c, size_t device, size_t point)
{
    const struct gateway_report *report = gateway_config_report(c, device, point);
    uint32_t period = period_of(c, device, point);
    return report && report->heartbeat_ms > period ? (uint32_t)report->heartbeat_ms : period;
}

void gateway_describe_device(const struct gateway_config *c, size_t device, struct buf *out)
{
    const struct gateway_device *d = &c->devices[device];
    description_begin(out, d->name, d->profile_name);
    for (size_t i = 0; i < d->profile->point_count; i++)
        if (is_polled(d, i))
            description_add(out, &d->profile->points[i], described_period_ms(c, device, i));
    for (size_t i = 0; i < d->derived_count; i++) {
        struct point p = {.kind = d->derived[i].kind, .type = TYPE_F64};
        memcpy(p.name, d->derived[i].name, sizeof(p.name));
        description_add(out, &p, described_period_ms(c, device, d->profile->point_count + i));
    }
    description_end(out);
}
