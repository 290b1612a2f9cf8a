#include "gateway/core/config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/core/config/config_table.h"

#define PRINT_MAX (4 * CONFIG_FILE_MAX)

struct loader {
    const struct json_doc *doc;
    const struct config_files *files;
    struct gateway_config *c;
    struct buf *warnings;
    struct err *e;
};

/* Refuses PREFIX[i].key. */
__attribute__((format(printf, 5, 6))) static int refuse(struct loader *l, const char *prefix,
                                                        size_t i, const char *key, const char *fmt,
                                                        ...)
{
    char path[96], why[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    snprintf(path, sizeof(path), "%s[%zu].%s", prefix, i, key);
    return schema_refuse(l->doc, path, l->e, "%s", why);
}

/* --- buses --- */

static int check_rtu(struct loader *l, size_t i)
{
    struct gateway_bus *b = &l->c->buses[i];
    if (!*b->device)
        return refuse(l, "buses", i, "device",
                      "is missing; an rtu bus needs its port, such as /dev/serial/by-id/...");
    if (*b->host || b->has_port || b->has_round_trip)
        return refuse(l, "buses", i,
                      *b->host      ? "host"
                      : b->has_port ? "port"
                                    : "round_trip_ms",
                      "belongs to a tcp bus; remove it, or set type to tcp");
    b->has_baud = b->has_parity = b->has_stop_bits = b->has_direction = true;
    return 0;
}

/* Four numbers up to 255. */
static bool is_ipv4(const char *p)
{
    for (int part = 0; part < 4; part++) {
        unsigned n = 0;
        size_t digits = strspn(p, "0123456789");
        for (size_t i = 0; i < digits && i < 4; i++)
            n = n * 10 + (unsigned)(p[i] - '0');
        if (digits == 0 || digits > 3 || n > 255 || p[digits] != (part < 3 ? '.' : '\0'))
            return false;
        p += digits + 1;
    }
    return true;
}

/* Of an IPv6 address only what no host name can have is looked at: connecting checks the rest. */
static bool is_address(const char *host)
{
    bool ipv6 = strchr(host, ':') && host[strspn(host, "0123456789abcdefABCDEF:.")] == '\0';
    return ipv6 || is_ipv4(host);
}

static int check_tcp(struct loader *l, size_t i)
{
    struct gateway_bus *b = &l->c->buses[i];
    const char *foreign = *b->device         ? "device"
                          : b->has_parity    ? "parity"
                          : b->has_stop_bits ? "stop_bits"
                          : b->has_direction ? "direction"
                                             : NULL;
    if (foreign)
        return refuse(l, "buses", i, foreign, "belongs to an rtu bus; remove it");
    if (!*b->host)
        return refuse(l, "buses", i, "host", "is missing; a bus over tcp needs its peer's address");
    if (!is_address(b->host))
        return refuse(l, "buses", i, "host",
                      "\"%s\" is no numeric address; a name could hang the bus while it is looked "
                      "up",
                      b->host);
    if (b->type == BUS_RTU_TCP)
        b->has_baud = true;
    if (!b->has_baud)
        b->baud = 0;
    b->has_port = b->has_round_trip = true;
    return 0;
}

static bool same_peer(const struct gateway_bus *a, const struct gateway_bus *b)
{
    if (a->type != b->type)
        return false;
    if (a->type == BUS_RTU)
        return strcmp(a->device, b->device) == 0;
    return strcmp(a->host, b->host) == 0 && a->port == b->port;
}

static int check_buses(struct loader *l)
{
    const struct gateway_config *c = l->c;
    for (size_t i = 0; i < c->bus_count; i++) {
        bool rtu = c->buses[i].type == BUS_RTU;
        int rc = rtu ? check_rtu(l, i) : check_tcp(l, i);
        for (size_t j = 0; rc == 0 && j < i; j++)
            if (same_peer(&c->buses[i], &c->buses[j]))
                rc = refuse(l, "buses", i, rtu ? "device" : "host",
                            "buses[%zu] has the same; put the devices of both on one bus", j);
        if (rc)
            return rc;
    }
    return 0;
}

/* --- devices --- */

static int find_bus(struct loader *l, size_t i)
{
    struct gateway_device *d = &l->c->devices[i];
    for (d->bus = 0; d->bus < l->c->bus_count; d->bus++)
        if (strcmp(l->c->buses[d->bus].name, d->bus_name) == 0)
            return 0;
    return refuse(l, "devices", i, "bus", "there is no bus \"%s\"; add it to buses", d->bus_name);
}

static int check_unit(struct loader *l, size_t i)
{
    const struct gateway_device *d = &l->c->devices[i];
    bool serial = l->c->buses[d->bus].type != BUS_TCP;
    if (serial && d->unit > BUS_UNIT_MAX)
        return refuse(l, "devices", i, "unit",
                      "%d is no unit of a serial line; give 1 to %d, or 0 to write to all of them",
                      (int)d->unit, BUS_UNIT_MAX);
    if (d->unit > BUS_UNIT_MAX && d->unit != 255)
        return refuse(l, "devices", i, "unit", "%d is reserved; give 0 to %d, or 255", (int)d->unit,
                      BUS_UNIT_MAX);
    for (size_t j = 0; j < i; j++)
        if (l->c->devices[j].bus == d->bus && l->c->devices[j].unit == d->unit)
            return refuse(l, "devices", i, "unit", "%d on bus %s is already devices[%zu] (%s)",
                          (int)d->unit, d->bus_name, j, l->c->devices[j].name);
    return 0;
}

static int load_profile(struct loader *l, size_t i, struct profile **out)
{
    const char *name = l->c->devices[i].profile_name;
    char *text = NULL;
    size_t len = 0;
    struct err why = {0};
    int rc = l->files->read_profile(l->files->user, l->c->profiles, name, &text, &len, &why);
    if (rc == 0) {
        rc = profile_parse(text, len, out, &why);
        if (rc)
            err_prefix(&why, "%s/%s.json", l->c->profiles, name);
        free(text);
    }
    if (rc == ERR_NOMEM)
        return err_set(l->e, rc, "no memory for the profile %s", name);
    if (rc)
        return refuse(l, "devices", i, "profile", "%s", why.text);
    if (strcmp((*out)->name, name) == 0)
        return 0;
    rc = refuse(l, "devices", i, "profile", "%s/%s.json calls itself \"%s\"; rename one of them",
                l->c->profiles, name, (*out)->name);
    profile_free(*out);
    return rc;
}

static int find_profile(struct loader *l, size_t i)
{
    struct gateway_config *c = l->c;
    struct gateway_device *d = &c->devices[i];
    for (size_t k = 0; k < c->loaded_count && !d->profile; k++)
        if (strcmp(c->loaded[k]->name, d->profile_name) == 0)
            d->profile = c->loaded[k];
    if (d->profile)
        return 0;
    int rc = load_profile(l, i, &c->loaded[c->loaded_count]);
    if (rc)
        return rc;
    d->profile = c->loaded[c->loaded_count++];
    return 0;
}

/* Gives the device a profile with its overrides: that of an earlier device with the same, or its
 * own copy. */
static int apply_overrides(struct loader *l, size_t i)
{
    struct gateway_device *d = &l->c->devices[i];
    if (d->override_count == 0)
        return 0;
    for (size_t k = 0; k < i; k++) {
        const struct gateway_device *same = &l->c->devices[k];
        if (same->own && strcmp(same->profile_name, d->profile_name) == 0 &&
            overrides_equal(same->overrides, same->override_count, d->overrides,
                            d->override_count)) {
            d->profile = same->own;
            return 0;
        }
    }
    d->own = profile_copy(d->profile);
    if (!d->own)
        return err_set(l->e, ERR_NOMEM, "no memory for the overrides of %s", d->name);
    for (size_t k = 0; k < d->override_count; k++) {
        char key[OVERRIDE_KEY_SIZE], path[OVERRIDE_KEY_SIZE + 32];
        struct err why = {0};
        if (override_apply(&d->overrides[k], d->own, key, &why)) {
            snprintf(path, sizeof(path), "overrides[%zu].%s", k, key);
            return refuse(l, "devices", i, path, "%s", why.text);
        }
    }
    d->profile = d->own;
    return 0;
}

static int select_points(struct loader *l, size_t i)
{
    struct gateway_device *d = &l->c->devices[i];
    if (d->has_points && d->point_name_count == 0)
        return refuse(l, "devices", i, "points", "is empty; leave it out to read all points");
    for (size_t k = 0; k < d->profile->point_count && !d->has_points; k++)
        if (!d->profile->points[k].write_only)
            d->points[k / 64] |= UINT64_C(1) << (k % 64);
    for (size_t k = 0; k < d->point_name_count; k++) {
        char key[32];
        const struct point *p = profile_find(d->profile, d->point_names[k].name);
        snprintf(key, sizeof(key), "points[%zu]", k);
        if (!p)
            return refuse(l, "devices", i, key, "the profile %s has no point \"%s\"",
                          d->profile_name, d->point_names[k].name);
        if (p->write_only)
            return refuse(l, "devices", i, key, "%s can be written only; remove it", p->name);
        size_t index = (size_t)(p - d->profile->points);
        d->points[index / 64] |= UINT64_C(1) << (index % 64);
    }
    return 0;
}

static int check_devices(struct loader *l)
{
    for (size_t i = 0; i < l->c->device_count; i++) {
        int rc = find_bus(l, i);
        if (rc == 0)
            rc = check_unit(l, i);
        if (rc == 0)
            rc = find_profile(l, i);
        if (rc == 0)
            rc = apply_overrides(l, i);
        if (rc == 0)
            rc = select_points(l, i);
        if (rc)
            return rc;
    }
    return 0;
}

static void warn_idle_buses(struct loader *l)
{
    for (size_t b = 0; l->warnings && b < l->c->bus_count; b++) {
        bool used = false;
        char path[32];
        for (size_t d = 0; d < l->c->device_count; d++)
            used |= l->c->devices[d].bus == b;
        if (used)
            continue;
        snprintf(path, sizeof(path), "buses[%zu]", b);
        buf_fmt(l->warnings, "line %u: %s: %s has no devices; it will not be opened\n",
                schema_line(l->doc, path), path, l->c->buses[b].name);
    }
}

/* --- the hash --- */

static uint64_t hash_point(uint64_t hash, const struct point *p)
{
    char text[512];
    struct buf b;
    buf_init(&b, text, sizeof(text));
    buf_fmt(&b, "%s %s %d %u %u %d %d ", p->name, p->kind->name, (int)p->table, p->address,
            p->count, (int)p->type, (int)p->order);
    json_write_number(&b, p->scale);
    buf_char(&b, ' ');
    json_write_number(&b, p->offset);
    buf_fmt(&b, " %u %d %s %u %u ", p->period_ms, p->writable, p->readback, p->bit, p->code);
    json_write_number(&b, p->wrap);
    for (unsigned i = 0; i < p->invalid_count; i++)
        buf_fmt(&b, " %llx", (unsigned long long)p->invalid[i]);
    return hash64_add(hash, buf_cstr(&b),
                      b.len + 1); /* with its end: points must not run together */
}

static int compute_conf(struct gateway_config *c, struct err *e)
{
    struct buf b;
    char *text = calloc(1, PRINT_MAX);
    if (!text)
        return err_set(e, ERR_NOMEM, "no memory to print the configuration");
    buf_init(&b, text, PRINT_MAX);
    gateway_config_print(c, &b);
    uint64_t hash = hash64_add(HASH64_START, text, b.len);
    free(text);
    if (b.overflow)
        return err_set(e, ERR_LIMIT, "the configuration prints to more than %d bytes", PRINT_MAX);
    for (size_t k = 0; k < c->loaded_count; k++) {
        hash = hash64_add(hash, c->loaded[k]->name, NAME_SIZE);
        for (size_t i = 0; i < c->loaded[k]->point_count; i++)
            hash = hash_point(hash, &c->loaded[k]->points[i]);
    }
    hash64_format(hash, c->conf);
    return 0;
}

/* --- the whole --- */

/* A sample waits for its pack to close and then for the sync: the promise is five seconds. */
static int check_durable(struct loader *l)
{
    const struct gateway_config *c = l->c;
    if (c->pack.age_ms + c->spool.sync_ms <= GATEWAY_DURABLE_MS)
        return 0;
    return schema_refuse(l->doc, "pack.age_ms", l->e,
                         "%d with spool.sync_ms of %d is more than %d ms until a sample is on the "
                         "disk; lower one",
                         (int)c->pack.age_ms, (int)c->spool.sync_ms, GATEWAY_DURABLE_MS);
}

/* Whether the document is good is looked at where it is loaded: a bad one stops no sampling. */
static int check_control(struct loader *l)
{
    const struct gateway_control *control = &l->c->control;
    if (!l->c->has_control)
        return 0;
    if (!*control->file)
        return schema_refuse(l->doc, "control.file", l->e,
                             "may not be empty; name the signed document, or leave out control");
    struct err why = {0};
    if (l->files->check_file(l->files->user, control->trust, &why) == 0)
        return 0;
    return schema_refuse(l->doc, "control.trust", l->e, "%s", why.text);
}

static int load(struct loader *l)
{
    int rc = schema_read(gateway_config_fields, l->doc, json_root(l->doc), l->c, l->e);
    if (rc == 0)
        rc = check_durable(l);
    if (rc == 0)
        rc = check_buses(l);
    if (rc == 0)
        rc = check_devices(l);
    if (rc == 0)
        rc = config_edge_check(l->c, l->doc, l->e);
    if (rc == 0)
        rc = check_control(l);
    if (rc == 0)
        rc = broker_config_check_files(&l->c->broker, l->files, l->doc, l->e);
    if (rc == 0)
        rc = compute_conf(l->c, l->e);
    if (rc == 0)
        warn_idle_buses(l);
    return rc;
}

int gateway_config_parse(const char *text, size_t len, const struct config_files *files,
                         struct gateway_config **out, struct buf *warnings, struct err *e)
{
    struct json_doc *doc;
    *out = NULL;
    int rc = json_parse(text, len, CONFIG_FILE_MAX, JSON_COMMENTS | JSON_LINES, &doc, e);
    if (rc)
        return rc;
    struct loader l = {.doc = doc, .files = files, .warnings = warnings, .e = e};
    l.c = calloc(1, sizeof(*l.c));
    rc = l.c ? load(&l) : err_set(e, ERR_NOMEM, "no memory for the configuration");
    json_free(doc);
    if (rc)
        gateway_config_free(l.c);
    else
        *out = l.c;
    return rc;
}

void gateway_config_free(struct gateway_config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->loaded_count; i++)
        profile_free(c->loaded[i]);
    for (size_t i = 0; i < c->device_count; i++)
        profile_free(c->devices[i].own);
    schema_free(gateway_config_fields, c);
    free(c);
}

void gateway_config_print(const struct gateway_config *c, struct buf *out)
{
    schema_print(gateway_config_fields, c, out);
}

enum log_level gateway_config_log_level(const struct gateway_config *c)
{
    enum log_level level = LOG_LEVEL_INFO;
    (void)log_level_parse(log_words[c->log], &level);
    return level;
}

struct bus_line gateway_config_line(const struct gateway_config *c, size_t bus)
{
    static const char parity_letters[] = "NEO";
    /* in the order of enum gateway_direction */
    static const enum bus_direction directions[] = {BUS_DIRECTION_AUTO, BUS_DIRECTION_KERNEL,
                                                    BUS_DIRECTION_NONE};
    const struct gateway_bus *b = &c->buses[bus];
    return (struct bus_line){.name = b->name,
                             .kind = (enum bus_kind)b->type,
                             .path = b->device,
                             .baud = (uint32_t)b->baud,
                             .parity = parity_letters[b->parity],
                             .stop_bits = (uint8_t)b->stop_bits,
                             .direction = directions[b->direction],
                             .host = b->host,
                             .port = (uint16_t)b->port,
                             .round_trip_ms = (uint32_t)b->round_trip_ms,
                             .timeout_ms = (uint32_t)b->timeout_ms};
}

struct bus_device gateway_config_device(const struct gateway_config *c, size_t device)
{
    const struct gateway_device *d = &c->devices[device];
    struct bus_device out = {.name = d->name,
                             .index = (uint16_t)device,
                             .unit = (uint8_t)d->unit,
                             .profile = d->profile,
                             .period_ms = (uint32_t)d->period_ms,
                             .timeout_ms = (uint32_t)d->timeout_ms,
                             .turnaround_ms = (uint32_t)d->turnaround_ms};
    if (!bus_is_broadcast((enum bus_kind)c->buses[d->bus].type, out.unit))
        memcpy(out.points, d->points, sizeof(out.points));
    return out;
}

uint32_t gateway_config_period_ms(const struct gateway_device *d, const struct point *p)
{
    return p->period_ms ? p->period_ms : (uint32_t)d->period_ms;
}
