#include "collector/core/rule/rule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/core/rule/rule_check.h"
#include "model/glob.h"

void rules_free(struct rules *r)
{
    if (!r)
        return;
    rule_fields_free(r);
    free(r);
}

const struct rule *rules_find(const struct rules *r, const char *name)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->list[i].name, name) == 0)
            return &r->list[i];
    return NULL;
}

/* An absent part of an object (a device has no point) only matches "any". */
static bool part_matches(const char *pattern, const char *text)
{
    return text ? glob_match(pattern, text) : strcmp(pattern, "*") == 0;
}

static bool place_matches(const struct rule_where *w, const struct rule_object *o)
{
    return part_matches(w->area, o->area) && part_matches(w->gateway, o->gateway) &&
           part_matches(w->device, o->device) && part_matches(w->point, o->point);
}

/* What a type can judge at all. */
static bool kind_fits(int type, const struct kind *kind)
{
    switch ((enum rule_type)type) {
    case RULE_THRESHOLD:
        return kind && kind->type == KIND_NUMBER;
    case RULE_STATE:
        return kind && kind->type == KIND_BOOL;
    case RULE_STALLED:
        return kind && kind->type == KIND_COUNTER;
    case RULE_NO_DATA:
    case RULE_FAULT:
        return kind != NULL;
    case RULE_OFFLINE:
        return kind == NULL;
    case RULE_MISMATCH:
        break;
    }
    return false;
}

bool rule_selects(const struct rule *r, const struct rule_object *o)
{
    return kind_fits(r->type, o->kind) && (!r->where.found || r->where.found == o->kind) &&
           place_matches(&r->where, o);
}

static bool operand_type_fits(const struct rule_operand *side, const struct kind *kind)
{
    if (!kind)
        return false;
    return kind->type == (side->has_equals ? KIND_BOOL : KIND_NUMBER);
}

/* "12" of "lamp-12-state": what pairs points when the rule does not say. */
static void first_number(const char *name, char star[NAME_SIZE])
{
    const char *digits = name + strcspn(name, "0123456789");
    snprintf(star, NAME_SIZE, "%.*s", (int)strspn(digits, "0123456789"), digits);
}

bool rule_operand_selects(const struct rule *r, const struct rule_operand *side,
                          const struct rule_object *o, char star[NAME_SIZE])
{
    star[0] = '\0';
    if (!operand_type_fits(side, o->kind) || !place_matches(&r->where, o))
        return false;
    if (side->found && side->found != o->kind)
        return false;
    if (side->point[0])
        return glob_capture(side->point, o->point, star);
    first_number(o->point, star);
    return true;
}

const struct rule_limit *rule_limit_at(const struct rule *r, struct clk_utc now)
{
    for (size_t i = 0; i < r->limit_count; i++)
        if (now.ms >= r->limits[i].from_ms && now.ms < r->limits[i].until_ms)
            return &r->limits[i];
    return NULL;
}

bool rule_hours_hold(const struct rule *r, struct clk_utc now)
{
    if (r->hours.from[0] == '\0')
        return true;
    int64_t minute = (now.ms + RULE_LOCAL_MS) / 60000 % 1440;
    int from = r->hours.from_min;
    int until = r->hours.until_min;
    if (from <= until)
        return minute >= from && minute < until;
    return minute >= from || minute < until;
}

bool rule_beyond(const struct rule *r, double v, double limit)
{
    return r->side == RULE_ABOVE ? v > limit : v < limit;
}
