#include "gateway/core/config/override.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(member)  .offset = offsetof(struct override, member)
#define HAS(member) .present_offset = offsetof(struct override, member) + 1

static int check_kind(const void *member, struct err *e)
{
    return *(const char *)member ? profile_check_kind(member, e) : 0;
}

static int check_period(const void *member, struct err *e)
{
    return *(const int64_t *)member >= 100 ? 0 : err_set(e, ERR_INVALID, "give 100 or more");
}

static const struct schema_field pattern_fields[] = {{.key = "",
                                                      .type = SCHEMA_STRING,
                                                      .size = PROFILE_HEX_SIZE,
                                                      .check = profile_check_pattern,
                                                      .help = "a raw pattern like 0xFFFF"},
                                                     SCHEMA_END};

const struct schema_field override_fields[] = {
    {.key = "point",
     .type = SCHEMA_NAME,
     AT(point),
     .help = "the point of the profile that reads otherwise on this site"},
    {.key = "kind",
     .type = SCHEMA_STRING,
     AT(kind),
     .size = NAME_SIZE,
     .preset = "\"\"",
     .check = check_kind,
     .help = "what it measures, where the profile leaves it open (raw)"},
    {.key = "scale",
     .type = SCHEMA_NUMBER,
     AT(scale),
     HAS(has_scale),
     .preset = "null",
     .check = profile_check_scale,
     .help = "value = raw * scale + offset, in the kind's unit"},
    {.key = "offset",
     .type = SCHEMA_NUMBER,
     AT(offset),
     HAS(has_offset),
     .preset = "null",
     .help = "added after scaling, in the kind's unit"},
    {.key = "order",
     .type = SCHEMA_ENUM,
     AT(order),
     HAS(has_order),
     .words = profile_orders,
     .preset = "null",
     .help = "byte order, most significant A"},
    {.key = "invalid",
     .type = SCHEMA_ARRAY,
     AT(invalid),
     .count_offset = offsetof(struct override, invalid_count),
     HAS(has_invalid),
     .size = sizeof(struct profile_pattern),
     .max = POINT_INVALID_MAX,
     .preset = "[]",
     .fields = pattern_fields,
     .unique = "",
     .help = "raw patterns that mean no reading, in place of the profile's"},
    {.key = "period_ms",
     .type = SCHEMA_INT,
     AT(period_ms),
     HAS(has_period),
     .max = 86400000,
     .preset = "null",
     .check = check_period,
     .help = "milliseconds between two readings"},
    SCHEMA_END};

/* Refuses the override because of one of its keys. */
#define REFUSE(key_, ...)                                                                          \
    (snprintf(key, OVERRIDE_KEY_SIZE, "%s", key_), err_set(e, ERR_INVALID, __VA_ARGS__))

static bool is_numeric(const struct kind *kind)
{
    return kind->type == KIND_NUMBER || kind->type == KIND_COUNTER;
}

static int apply_kind(const struct override *o, struct point *p, char key[OVERRIDE_KEY_SIZE],
                      struct err *e)
{
    const struct kind *kind = *o->kind ? kind_find(o->kind) : p->kind;
    if (is_numeric(kind) != is_numeric(p->kind) ||
        (!is_numeric(kind) && kind->type != p->kind->type))
        return REFUSE("kind", "%s is a %s; %s reads a %s", kind->name, kind_type_name(kind->type),
                      p->name, kind_type_name(p->kind->type));
    p->kind = kind;
    if ((o->has_scale || o->has_offset) && !is_numeric(kind))
        return REFUSE(o->has_scale ? "scale" : "offset", "%s reads a %s, which has none", p->name,
                      kind_type_name(kind->type));
    return 0;
}

static int apply_invalid(const struct override *o, struct point *p, char key[OVERRIDE_KEY_SIZE],
                         struct err *e)
{
    for (size_t i = 0; i < o->invalid_count; i++) {
        uint64_t raw = strtoull(o->invalid[i].hex, NULL, 16);
        if (!point_pattern_fits(p, raw)) {
            snprintf(key, OVERRIDE_KEY_SIZE, "invalid[%zu]", i);
            return err_set(e, ERR_INVALID, "%s does not fit a %s", o->invalid[i].hex,
                           point_type_name(p->type));
        }
        p->invalid[i] = raw;
    }
    p->invalid_count = (unsigned)o->invalid_count;
    return 0;
}

static bool says_something(const struct override *o)
{
    return *o->kind || o->has_scale || o->has_offset || o->has_order || o->has_invalid ||
           o->has_period;
}

int override_apply(const struct override *o, struct profile *profile, char key[OVERRIDE_KEY_SIZE],
                   struct err *e)
{
    const struct point *found = profile_find(profile, o->point);
    if (!found)
        return REFUSE("point", "the profile %s has no point \"%s\"", profile->name, o->point);
    if (!says_something(o))
        return REFUSE("point",
                      "nothing of %s is changed; give kind, scale, offset, order, invalid "
                      "or period_ms, or remove it",
                      o->point);
    struct point *p = &profile->points[found - profile->points];
    int rc = apply_kind(o, p, key, e);
    if (rc)
        return rc;
    if (o->has_order && (p->type == TYPE_BIT || (p->type == TYPE_STRING && o->order != ORDER_BADC &&
                                                 o->order != ORDER_ABCD)))
        return REFUSE("order", "a %s has no %s", point_type_name(p->type),
                      point_order_name((enum point_order)o->order));
    if (o->has_period && p->write_only)
        return REFUSE("period_ms", "%s can be written only; it is never read", p->name);
    if (o->has_scale) {
        p->wrap *= o->scale / p->scale; /* a declared end is a number of counts */
        p->scale = o->scale;
    }
    p->offset = o->has_offset ? o->offset : p->offset;
    p->order = o->has_order ? (enum point_order)o->order : p->order;
    p->period_ms = o->has_period ? (uint32_t)o->period_ms : p->period_ms;
    return o->has_invalid ? apply_invalid(o, p, key, e) : 0;
}

static bool same_number(bool a_has, double a, bool b_has, double b)
{
    return a_has == b_has && (!a_has || !(a < b || a > b));
}

static bool equal(const struct override *a, const struct override *b)
{
    if (strcmp(a->point, b->point) != 0 || strcmp(a->kind, b->kind) != 0 ||
        !same_number(a->has_scale, a->scale, b->has_scale, b->scale) ||
        !same_number(a->has_offset, a->offset, b->has_offset, b->offset) ||
        a->has_order != b->has_order || (a->has_order && a->order != b->order) ||
        a->has_period != b->has_period || (a->has_period && a->period_ms != b->period_ms) ||
        a->has_invalid != b->has_invalid || a->invalid_count != b->invalid_count)
        return false;
    for (size_t i = 0; i < a->invalid_count; i++)
        if (strcmp(a->invalid[i].hex, b->invalid[i].hex) != 0)
            return false;
    return true;
}

bool overrides_equal(const struct override *a, size_t a_count, const struct override *b,
                     size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (!equal(&a[i], &b[i]))
            return false;
    return true;
}
