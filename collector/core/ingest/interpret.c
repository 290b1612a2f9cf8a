#include "collector/core/ingest/interpret.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/counter.h"
#include "model/description.h"

#define UNBOUND (-1)

struct ip_point {
    char name[NAME_SIZE];
    const struct kind *kind; /* NULL: a kind this program does not know; stored, not judged */
    double wrap;
    uint32_t period_ms;
    int64_t handle;
    int64_t last_ms; /* of the newest present sample */
    struct counter counter;
};

struct ip_device {
    char name[NAME_SIZE];
    char hash[PACK_CONF_SIZE]; /* the description the birth announced */
    bool described;
    size_t point_count;
    struct ip_point *points;
    size_t next; /* where the next record's point probably is */
};

struct ip_gateway {
    char name[NAME_SIZE], area[NAME_SIZE];
    char conf[PACK_CONF_SIZE]; /* the running configuration; empty: not known yet */
    bool born;                 /* its birth was seen since the start */
    size_t missing;
    size_t device_count;
    struct ip_device *devices; /* BIRTH_DEVICES_MAX of them, taken with the first */
    size_t known_next;
    char known[INTERPRET_CONFS_MAX][PACK_CONF_SIZE];
};

struct interpret {
    struct interpret_options options;
    struct interpret_ops ops;
    size_t gateway_count;
    struct ip_gateway *gateways;
};

int interpret_create(const struct interpret_options *options, const struct interpret_ops *ops,
                     struct interpret **out, struct err *e)
{
    struct interpret *ip = calloc(1, sizeof(*ip));
    *out = NULL;
    if (!ip)
        return err_set(e, ERR_NOMEM, "no memory for the registry of points");
    ip->options = *options;
    ip->ops = *ops;
    ip->gateways = calloc(options->gateways_max, sizeof(*ip->gateways));
    if (!ip->gateways) {
        free(ip);
        return err_set(e, ERR_NOMEM, "no memory for %zu gateways", options->gateways_max);
    }
    *out = ip;
    return 0;
}

static void device_empty(struct ip_device *d)
{
    free(d->points);
    *d = (struct ip_device){0};
}

void interpret_destroy(struct interpret *ip)
{
    if (!ip)
        return;
    for (size_t i = 0; i < ip->gateway_count; i++) {
        struct ip_gateway *g = &ip->gateways[i];
        for (size_t d = 0; d < g->device_count; d++)
            device_empty(&g->devices[d]);
        free(g->devices);
    }
    free(ip->gateways);
    free(ip);
}

/* --- gateways and configurations --- */

static struct ip_gateway *gateway_find(const struct interpret *ip, const char *name)
{
    for (size_t i = 0; i < ip->gateway_count; i++)
        if (strcmp(ip->gateways[i].name, name) == 0)
            return &ip->gateways[i];
    return NULL;
}

static struct ip_gateway *gateway_get(struct interpret *ip, const char *area, const char *name,
                                      struct err *e)
{
    struct ip_gateway *g = gateway_find(ip, name);
    if (!g) {
        if (ip->gateway_count == ip->options.gateways_max) {
            err_set(e, ERR_FULL, "%zu gateways is the limit; raise gateways_max",
                    ip->options.gateways_max);
            return NULL;
        }
        g = &ip->gateways[ip->gateway_count];
        g->devices = calloc(BIRTH_DEVICES_MAX, sizeof(*g->devices));
        if (!g->devices) {
            err_set(e, ERR_NOMEM, "no memory for the devices of %s", name);
            return NULL;
        }
        ip->gateway_count++;
        snprintf(g->name, sizeof(g->name), "%s", name);
    }
    snprintf(g->area, sizeof(g->area), "%s", area);
    return g;
}

static bool conf_known(const struct ip_gateway *g, const char *conf)
{
    for (size_t i = 0; i < INTERPRET_CONFS_MAX; i++)
        if (strcmp(g->known[i], conf) == 0)
            return true;
    return false;
}

static void conf_note_known(struct ip_gateway *g, const char *conf)
{
    if (conf_known(g, conf))
        return;
    snprintf(g->known[g->known_next], PACK_CONF_SIZE, "%s", conf);
    g->known_next = (g->known_next + 1) % INTERPRET_CONFS_MAX;
}

static struct ip_device *device_find(const struct ip_gateway *g, const char *name)
{
    for (size_t i = 0; i < g->device_count; i++)
        if (strcmp(g->devices[i].name, name) == 0)
            return &g->devices[i];
    return NULL;
}

/* --- binding --- */

static void point_bind(struct interpret *ip, const struct ip_gateway *g, const struct ip_device *d,
                       struct ip_point *p)
{
    if (g->born && p->kind && p->handle == UNBOUND)
        p->handle = ip->ops.bind(ip->ops.user, g->area, g->name, d->name, p->name, p->kind);
    if (g->born && p->handle >= 0)
        ip->ops.pace(ip->ops.user, p->handle, p->period_ms);
}

static void point_retire(struct interpret *ip, struct ip_point *p)
{
    if (p->handle >= 0)
        ip->ops.retire(ip->ops.user, p->handle);
    p->handle = UNBOUND;
}

static void device_retire(struct interpret *ip, struct ip_device *d)
{
    for (size_t i = 0; i < d->point_count; i++)
        point_retire(ip, &d->points[i]);
    device_empty(d);
}

static struct ip_point *device_point(const struct ip_device *d, const char *name)
{
    for (size_t i = 0; i < d->point_count; i++)
        if (strcmp(d->points[i].name, name) == 0)
            return &d->points[i];
    return NULL;
}

static bool same_meaning(const struct ip_point *a, const struct ip_point *b)
{
    return a->kind == b->kind && a->wrap == b->wrap;
}

/* Puts the described points in the place of the old ones. A point that means the same as before
 * stays what it was, with its last and its counter; any other is retired, then bound. */
static int device_describe(struct interpret *ip, struct ip_gateway *g, struct ip_device *d,
                           const struct description *described, struct err *e)
{
    struct ip_point *points = calloc(described->point_count + 1, sizeof(*points));
    if (!points)
        return err_set(e, ERR_NOMEM, "no memory for the points of %s", d->name);
    for (size_t i = 0; i < described->point_count; i++) {
        const struct description_point *from = &described->points[i];
        struct ip_point *p = &points[i];
        *p = (struct ip_point){.kind = kind_find(from->kind),
                               .wrap = from->wrap,
                               .period_ms = from->period_ms,
                               .handle = UNBOUND,
                               .last_ms = INT64_MIN};
        snprintf(p->name, sizeof(p->name), "%s", from->name);
        struct ip_point *old = device_point(d, p->name);
        if (old && same_meaning(old, p)) {
            *p = *old;
            p->period_ms = from->period_ms;
            old->handle = UNBOUND;
        }
    }
    for (size_t i = 0; i < d->point_count; i++)
        point_retire(ip, &d->points[i]);
    free(d->points);
    d->points = points;
    d->point_count = described->point_count;
    d->next = 0;
    d->described = true;
    for (size_t i = 0; i < d->point_count; i++)
        point_bind(ip, g, d, &points[i]);
    return 0;
}

static void settle_when_complete(struct interpret *ip, struct ip_gateway *g)
{
    if (!g->born || g->missing > 0)
        return;
    conf_note_known(g, g->conf);
    ip->ops.settled(ip->ops.user, g->name, g->conf);
}

/* --- start --- */

int interpret_restore(struct interpret *ip, const char *gateway, const char *conf, const char *text,
                      size_t len, struct err *e)
{
    struct description described = {0};
    struct ip_gateway *g = gateway_get(ip, "", gateway, e);
    if (!g)
        return ERR_FULL;
    assert(!g->born);
    int rc = description_parse(text, len, &described, e);
    if (rc < 0)
        return rc;
    if (strcmp(g->conf, conf) != 0) { /* a later configuration takes the place of all before it */
        for (size_t i = 0; i < g->device_count; i++)
            device_empty(&g->devices[i]);
        g->device_count = 0;
        snprintf(g->conf, sizeof(g->conf), "%s", conf);
    }
    conf_note_known(g, conf);
    struct ip_device *d = device_find(g, described.device);
    if (!d && g->device_count < BIRTH_DEVICES_MAX) {
        d = &g->devices[g->device_count++];
        snprintf(d->name, sizeof(d->name), "%s", described.device);
    }
    if (d) {
        description_hash(text, len, d->hash);
        rc = device_describe(ip, g, d, &described, e);
    }
    description_free(&described);
    return rc;
}

/* --- births and descriptions --- */

static bool birth_has(const struct gateway_birth *b, const char *device)
{
    for (size_t i = 0; i < b->device_count; i++)
        if (strcmp(b->devices[i].name, device) == 0)
            return true;
    return false;
}

/* Drops the devices the birth does not name. */
static void keep_born(struct interpret *ip, struct ip_gateway *g, const struct gateway_birth *birth)
{
    size_t kept = 0;
    for (size_t i = 0; i < g->device_count; i++) {
        if (!birth_has(birth, g->devices[i].name))
            device_retire(ip, &g->devices[i]);
        else if (kept++ != i)
            g->devices[kept - 1] = g->devices[i];
    }
    for (size_t i = kept; i < g->device_count; i++)
        g->devices[i] = (struct ip_device){0};
    g->device_count = kept;
}

int interpret_birth(struct interpret *ip, const char *area, const char *gateway,
                    const struct gateway_birth *birth, struct err *e)
{
    struct ip_gateway *g = gateway_get(ip, area, gateway, e);
    if (!g)
        return ERR_FULL;
    snprintf(g->conf, sizeof(g->conf), "%s", birth->conf);
    g->born = true;
    g->missing = 0;
    keep_born(ip, g, birth);
    for (size_t i = 0; i < birth->device_count; i++) {
        struct ip_device *d = device_find(g, birth->devices[i].name);
        if (!d) {
            assert(g->device_count < BIRTH_DEVICES_MAX);
            d = &g->devices[g->device_count++];
            snprintf(d->name, sizeof(d->name), "%s", birth->devices[i].name);
        }
        if (strcmp(d->hash, birth->devices[i].hash) != 0)
            d->described = false;
        snprintf(d->hash, sizeof(d->hash), "%s", birth->devices[i].hash);
        g->missing += !d->described;
        for (size_t p = 0; d->described && p < d->point_count; p++)
            point_bind(ip, g, d, &d->points[p]);
    }
    settle_when_complete(ip, g);
    return (int)g->missing;
}

static int describe(struct interpret *ip, struct ip_gateway *g, const char *text, size_t len,
                    const struct description *described, struct err *e)
{
    char hash[HASH64_TEXT_SIZE];
    struct ip_device *d = device_find(g, described->device);
    description_hash(text, len, hash);
    if (!d || strcmp(d->hash, hash) != 0)
        return err_set(e, ERR_MISMATCH, "%s describes its device %s as %s, its birth announced %s",
                       g->name, described->device, hash, d ? d->hash : "no such device");
    if (d->described)
        return 0;
    int rc = device_describe(ip, g, d, described, e);
    if (rc < 0)
        return rc;
    g->missing--;
    settle_when_complete(ip, g);
    return 0;
}

int interpret_description(struct interpret *ip, const char *gateway, const char *conf,
                          const char *text, size_t len, struct err *e)
{
    struct description described = {0};
    int rc = description_parse(text, len, &described, e);
    if (rc < 0)
        return rc;
    struct ip_gateway *g = gateway_find(ip, gateway);
    if (g && g->born && strcmp(g->conf, conf) == 0)
        rc = describe(ip, g, text, len, &described, e);
    description_free(&described);
    return rc;
}

/* --- packs --- */

/* Records come in the order of the description nearly always: look there first. */
static struct ip_point *record_point(struct ip_device *d, const char *name)
{
    if (d->next >= d->point_count)
        d->next = 0;
    struct ip_point *p = NULL;
    if (d->point_count > 0 && strcmp(d->points[d->next].name, name) == 0)
        p = &d->points[d->next];
    else
        p = device_point(d, name);
    if (p)
        d->next = (size_t)(p - d->points) + 1;
    return p;
}

static bool is_present(const struct interpret *ip, const struct ip_point *p, int64_t at_ms,
                       struct alarm_now now)
{
    return at_ms > p->last_ms && now.utc.ms - at_ms < ip->options.live_age_max_ms &&
           at_ms - now.utc.ms <= INTERPRET_FUTURE_MS;
}

static void take_record(struct interpret *ip, struct ip_point *p, const struct pack_record *r,
                        struct alarm_now now)
{
    struct alarm_sample s = {.present = is_present(ip, p, r->at.ms, now),
                             .at = r->at,
                             .quality = r->quality,
                             .cause = r->cause,
                             .type = r->type,
                             .number = r->number,
                             .boolean = r->boolean};
    if (s.present)
        p->last_ms = r->at.ms;
    if (s.present && p->kind->type == KIND_COUNTER && r->type == VALUE_NUMBER)
        s.has_increase = counter_step(&p->counter, r->number, p->wrap, &s.increase) == COUNTER_RISE;
    if (p->handle >= 0)
        ip->ops.sample(ip->ops.user, p->handle, &s);
}

enum interpret_result interpret_pack(struct interpret *ip, struct pack *pack, struct alarm_now now)
{
    struct ip_gateway *g = gateway_find(ip, pack->head.gateway);
    struct ip_device *d = NULL;
    struct pack_record r;
    enum interpret_result result = INTERPRET_DONE;
    if (pack->head.kind != PACK_DATA)
        return INTERPRET_DONE;
    if (!g || strcmp(g->conf, pack->head.conf) != 0)
        return g && conf_known(g, pack->head.conf) ? INTERPRET_DONE : INTERPRET_UNKNOWN;
    while (pack_next(pack, &r)) {
        if (!d || strcmp(d->name, r.device) != 0)
            d = device_find(g, r.device);
        if (!d || !d->described) {
            result = INTERPRET_UNKNOWN;
            continue;
        }
        struct ip_point *p = record_point(d, r.point);
        if (p && p->kind)
            take_record(ip, p, &r, now);
    }
    return result;
}
