/*
 * Objects and their watches: areas, gateways, points, and which rules watch what.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "collector/core/alarm/alarm_engine.h"

/* --- names --- */

/* FNV-1a, then splitmix64's finish so that near names land far apart. */
static uint64_t hash(const char *rule, const char *object)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (const char *p = rule; *p; p++)
        h = (h ^ (uint8_t)*p) * 0x100000001b3u;
    h = (h ^ '\n') * 0x100000001b3u;
    for (const char *p = object; *p; p++)
        h = (h ^ (uint8_t)*p) * 0x100000001b3u;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}

void alarm_id(const char *rule, const char *object, char id[NAME_SIZE])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    enum { HASH_CHARS = 12, READABLE = NAME_MAX_LEN - HASH_CHARS - 1 };
    uint64_t h = hash(rule, object);
    int len = snprintf(id, NAME_SIZE, "%.*s-", READABLE, rule);
    for (int i = 0; i < HASH_CHARS; i++, h >>= 5)
        id[len++] = letters[h & 31];
    id[len] = '\0';
}

/* FNV-1a of an id; ids end in a hash already, but the table must not depend on it. */
static uint64_t id_hash(const char *id)
{
    return hash(id, "");
}

/* --- watches --- */

uint32_t watch_index(const struct alarm_engine *eng, const struct watch *w)
{
    return (uint32_t)(w - eng->watches);
}

/* The slot of the id, or the free one where it belongs. */
static uint32_t *id_slot(const struct alarm_engine *eng, const char *id)
{
    uint64_t at = id_hash(id);
    for (;; at++) {
        uint32_t *slot = &eng->by_id[at & eng->by_id_mask];
        if (*slot == 0 || strcmp(eng->watches[*slot - 1].id, id) == 0)
            return slot;
    }
}

struct watch *watch_find(const struct alarm_engine *eng, const char *id)
{
    uint32_t found = *id_slot(eng, id);
    return found ? &eng->watches[found - 1] : NULL;
}

struct watch *watch_add(struct alarm_engine *eng, const struct rule *rule, const char *object,
                        uint32_t gateway, struct err *e)
{
    if (eng->watch_count == eng->limits.alarms) {
        err_set(e, ERR_FULL,
                "%zu alarms (rule and object) is the limit; raise alarms_max or watch "
                "less",
                eng->limits.alarms);
        return NULL;
    }
    assert(eng->watches && gateway < eng->gateway_count);
    struct gateway *home = &eng->gateways[gateway];
    struct watch *w = &eng->watches[eng->watch_count];
    *w = (struct watch){.rule = rule,
                        .gateway = gateway,
                        .next_of_gateway = home->first_watch,
                        .series = {NONE, NONE},
                        .priority = (enum alarm_priority)rule->priority,
                        .floor_ms = INT64_MIN,
                        .judged_ms = INT64_MIN};
    alarm_id(rule->name, object, w->id);
    snprintf(w->object, sizeof(w->object), "%s", object);
    judge_forget(eng, w);
    *id_slot(eng, w->id) = (uint32_t)++eng->watch_count;
    home->first_watch = watch_index(eng, w);
    return w;
}

/* The watch of (rule, object), made if there is none. */
static struct watch *watch_get(struct alarm_engine *eng, const struct rule *rule,
                               const char *object, uint32_t gateway, struct err *e)
{
    char id[NAME_SIZE];
    alarm_id(rule->name, object, id);
    struct watch *w = watch_find(eng, id);
    if (!w)
        return watch_add(eng, rule, object, gateway, e);
    if (w->rule == rule && strcmp(w->object, object) == 0)
        return w;
    err_set(e, ERR_EXISTS, "alert id %s stands for %s of %s already; rename rule %s", id,
            w->rule->name, w->object, rule->name);
    return NULL;
}

/* Lets the chain feed the watch, and starts it if this is its first source. */
static int link_add(struct alarm_engine *eng, uint32_t *chain, struct watch *w, enum side side,
                    struct alarm_now now, struct err *e)
{
    uint32_t watch = watch_index(eng, w);
    for (uint32_t i = *chain; i != NONE; i = eng->links[i].next)
        if (eng->links[i].watch == watch && eng->links[i].side == side)
            return 0;
    uint32_t link = eng->free_link;
    if (link == NONE)
        return err_set(e, ERR_FULL,
                       "%zu links between points and rules is the limit; raise series_max",
                       eng->links_max);
    eng->free_link = eng->links[link].next;
    eng->links[link] = (struct link){.watch = watch, .next = *chain, .side = side};
    *chain = link;
    w->awaited = false;
    if (w->links++ == 0 && w->rule->type == RULE_NO_DATA && !w->active)
        judge_hold(eng, w, now);
    return 0;
}

/* --- areas and gateways --- */

int64_t area_bind(struct alarm_engine *eng, const char *name, struct err *e)
{
    for (size_t i = 0; i < eng->area_count; i++)
        if (strcmp(eng->areas[i].name, name) == 0)
            return (int64_t)i;
    if (eng->area_count == eng->limits.areas)
        return err_set(e, ERR_FULL, "%zu areas is the limit; raise areas_max", eng->limits.areas);
    struct area *area = &eng->areas[eng->area_count];
    snprintf(area->name, sizeof(area->name), "%s", name);
    return (int64_t)eng->area_count++;
}

static int64_t gateway_find(const struct alarm_engine *eng, const char *name)
{
    for (size_t i = 0; i < eng->gateway_count; i++)
        if (strcmp(eng->gateways[i].name, name) == 0)
            return (int64_t)i;
    return ERR_NOTFOUND;
}

int64_t gateway_bind(struct alarm_engine *eng, const char *area, const char *name, struct err *e)
{
    int64_t home = area_bind(eng, area, e);
    if (home < 0)
        return home;
    int64_t found = gateway_find(eng, name);
    if (found >= 0)
        return found;
    if (eng->gateway_count == eng->limits.gateways)
        return err_set(e, ERR_FULL, "%zu gateways is the limit; raise gateways_max",
                       eng->limits.gateways);
    struct gateway *gateway = &eng->gateways[eng->gateway_count];
    *gateway = (struct gateway){
        .area = (uint32_t)home, .first_watch = NONE, .first_series = NONE, .first_link = NONE};
    gateway->judged_from.ms = INT64_MIN;
    snprintf(gateway->name, sizeof(gateway->name), "%s", name);
    return (int64_t)eng->gateway_count++;
}

/* Takes the listed alarms of a gateway along to its new area: told, but not raised again. */
static void move_gateway(struct alarm_engine *eng, struct gateway *gateway, uint32_t to,
                         struct alarm_now now)
{
    struct area *before = &eng->areas[gateway->area];
    struct area *after = &eng->areas[to];
    const struct change c = {
        .verb = "move", .who = "process", .why = "the gateway was moved to another area"};
    gateway->area = to;
    for (uint32_t i = gateway->first_watch; i != NONE; i = eng->watches[i].next_of_gateway) {
        struct watch *w = &eng->watches[i];
        if (!lifecycle_listed(w->state))
            continue;
        before->list_revision++;
        before->listed--;
        after->listed++;
        w->revision++;
        w->list_revision = ++after->list_revision;
        w->changed = now.utc;
        snprintf(eng->out.area_before, NAME_SIZE, "%s", before->name);
        watch_announce(eng, w, w->state, false, &c);
    }
}

int64_t alarm_bind_gateway(struct alarm_engine *eng, const char *area, const char *name,
                           struct alarm_now now, struct err *e)
{
    int64_t handle = gateway_bind(eng, area, name, e);
    if (handle < 0)
        return handle;
    struct gateway *gateway = &eng->gateways[handle];
    int64_t home = area_bind(eng, area, e);
    if (home < 0)
        return home;
    if (gateway->area != (uint32_t)home)
        move_gateway(eng, gateway, (uint32_t)home, now);
    const struct rule_object o = {.area = area, .gateway = name};
    for (size_t i = 0; i < eng->rules->count; i++) {
        const struct rule *rule = &eng->rules->list[i];
        if (rule->type != RULE_OFFLINE || !rule_selects(rule, &o))
            continue;
        struct watch *w = watch_get(eng, rule, name, (uint32_t)handle, e);
        int rc = w ? link_add(eng, &gateway->first_link, w, SIDE_EXPECT, now, e) : ERR_FULL;
        if (rc < 0)
            return rc;
    }
    return handle;
}

/* --- points --- */

static void object_text(const struct alarm_engine *eng, const struct series *s, enum rule_per per,
                        char object[OBJECT_SIZE])
{
    struct buf b;
    buf_init(&b, object, OBJECT_SIZE);
    buf_str(&b, eng->gateways[s->gateway].name);
    if (per != RULE_PER_GATEWAY)
        buf_fmt(&b, "/%s", s->device);
    if (per == RULE_PER_POINT)
        buf_fmt(&b, "/%s", s->point);
    buf_cstr(&b);
}

/* What an alarm of the rule is about. */
static enum rule_per rule_per_of(const struct rule *rule)
{
    bool chooses = rule->type == RULE_NO_DATA || rule->type == RULE_FAULT;
    return chooses ? (enum rule_per)rule->per : RULE_PER_POINT;
}

static struct rule_object rule_object_of(const struct alarm_engine *eng, const struct series *s)
{
    const struct gateway *gateway = &eng->gateways[s->gateway];
    return (struct rule_object){.area = eng->areas[gateway->area].name,
                                .gateway = gateway->name,
                                .device = s->device,
                                .point = s->point,
                                .kind = s->kind};
}

static int bind_simple(struct alarm_engine *eng, const struct rule *rule, uint32_t index,
                       struct alarm_now now, struct err *e)
{
    struct series *s = &eng->series[index];
    const struct rule_object o = rule_object_of(eng, s);
    char object[OBJECT_SIZE];
    if (!rule_selects(rule, &o))
        return 0;
    enum rule_per per = rule_per_of(rule);
    object_text(eng, s, per, object);
    struct watch *w = watch_get(eng, rule, object, s->gateway, e);
    if (!w)
        return e ? e->code : ERR_FULL;
    if (per == RULE_PER_POINT)
        w->series[SIDE_EXPECT] = index;
    return link_add(eng, &s->first_link, w, SIDE_EXPECT, now, e);
}

static int pair(struct alarm_engine *eng, const struct rule *rule, uint32_t when, uint32_t expect,
                struct alarm_now now, struct err *e)
{
    char object[OBJECT_SIZE];
    object_text(eng, &eng->series[expect], RULE_PER_POINT, object);
    struct watch *w = watch_get(eng, rule, object, eng->series[expect].gateway, e);
    if (!w)
        return e ? e->code : ERR_FULL;
    if (w->series[SIDE_WHEN] != NONE && w->series[SIDE_WHEN] != when)
        return 0; /* the first that demands is the one that counts */
    w->series[SIDE_WHEN] = when;
    w->series[SIDE_EXPECT] = expect;
    int rc = link_add(eng, &eng->series[when].first_link, w, SIDE_WHEN, now, e);
    return rc < 0 ? rc : link_add(eng, &eng->series[expect].first_link, w, SIDE_EXPECT, now, e);
}

/* Looks in the point's device for the other side of the mismatch. */
static int bind_mismatch(struct alarm_engine *eng, const struct rule *rule, uint32_t index,
                         struct alarm_now now, struct err *e)
{
    const struct rule_operand *sides[] = {&rule->when, &rule->expect};
    const struct series *s = &eng->series[index];
    const struct rule_object mine = rule_object_of(eng, s);
    for (int side = SIDE_WHEN; side <= SIDE_EXPECT; side++) {
        char star[NAME_SIZE];
        if (!rule_operand_selects(rule, sides[side], &mine, star))
            continue;
        for (uint32_t i = eng->gateways[s->gateway].first_series; i != NONE;
             i = eng->series[i].next_of_gateway) {
            const struct rule_object other = rule_object_of(eng, &eng->series[i]);
            char other_star[NAME_SIZE];
            if (i == index || !other.kind || strcmp(other.device, mine.device) != 0 ||
                !rule_operand_selects(rule, sides[!side], &other, other_star) ||
                strcmp(star, other_star) != 0)
                continue;
            int rc = side == SIDE_WHEN ? pair(eng, rule, index, i, now, e)
                                       : pair(eng, rule, i, index, now, e);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

static void withdraw(struct alarm_engine *eng, struct watch *w, const char *why,
                     struct alarm_now now)
{
    const struct change c = {.event = LIFECYCLE_WITHDRAW, .who = "rules", .why = why};
    timer_stop(eng, w);
    if (lifecycle_listed(w->state))
        watch_change(eng, w, &c, now);
}

static int watch_series(struct alarm_engine *eng, uint32_t index, struct alarm_now now,
                        struct err *e)
{
    for (size_t i = 0; i < eng->rules->count; i++) {
        const struct rule *rule = &eng->rules->list[i];
        int rc = 0;
        if (rule->where.found && rule->where.found != eng->series[index].kind)
            continue;
        if (rule->type == RULE_MISMATCH)
            rc = bind_mismatch(eng, rule, index, now, e);
        else if (rule->type != RULE_OFFLINE)
            rc = bind_simple(eng, rule, index, now, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static uint32_t series_find(const struct alarm_engine *eng, uint32_t gateway, const char *device,
                            const char *point)
{
    for (uint32_t i = eng->gateways[gateway].first_series; i != NONE;
         i = eng->series[i].next_of_gateway)
        if (strcmp(eng->series[i].point, point) == 0 && strcmp(eng->series[i].device, device) == 0)
            return i;
    return NONE;
}

int64_t alarm_bind_series(struct alarm_engine *eng, int64_t gateway, const char *device,
                          const char *point, const struct kind *kind, struct alarm_now now,
                          struct err *e)
{
    struct gateway *home = &eng->gateways[gateway];
    uint32_t index = series_find(eng, (uint32_t)gateway, device, point);
    if (index != NONE && eng->series[index].kind == kind)
        return index;
    if (index == NONE) {
        if (eng->series_count == eng->limits.series)
            return err_set(e, ERR_FULL, "%zu points is the limit; raise series_max",
                           eng->limits.series);
        index = (uint32_t)eng->series_count++;
        struct series *s = &eng->series[index];
        *s = (struct series){.gateway = (uint32_t)gateway,
                             .next_of_gateway = home->first_series,
                             .first_link = NONE};
        snprintf(s->device, sizeof(s->device), "%s", device);
        snprintf(s->point, sizeof(s->point), "%s", point);
        home->first_series = index;
    } else {
        alarm_retire_series(eng, index, now); /* another kind: another series (PROTOCOL) */
    }
    eng->series[index].kind = kind;
    int rc = watch_series(eng, index, now, e);
    return rc < 0 ? rc : (int64_t)index;
}

void alarm_pace_series(struct alarm_engine *eng, int64_t series, uint32_t period_ms)
{
    assert(series >= 0 && (size_t)series < eng->series_count);
    eng->series[series].period_ms = period_ms;
}

void alarm_settle_gateway(struct alarm_engine *eng, int64_t handle, struct alarm_now now)
{
    for (uint32_t i = eng->gateways[handle].first_watch; i != NONE;
         i = eng->watches[i].next_of_gateway) {
        struct watch *w = &eng->watches[i];
        if (w->awaited)
            withdraw(eng, w, "no rule selects it any more, or it is gone", now);
        w->awaited = false;
    }
}

void alarm_retire_series(struct alarm_engine *eng, int64_t series, struct alarm_now now)
{
    struct series *s = &eng->series[series];
    while (s->first_link != NONE) {
        uint32_t link = s->first_link;
        struct watch *w = &eng->watches[eng->links[link].watch];
        enum side side = eng->links[link].side;
        w->marked -= eng->links[link].marked;
        w->faulty -= eng->links[link].faulty;
        s->first_link = eng->links[link].next;
        eng->links[link].next = eng->free_link;
        eng->free_link = link;
        if (--w->links > 0 && rule_per_of(w->rule) != RULE_PER_POINT)
            continue; /* its other points still feed it */
        withdraw(eng, w, "the point is gone", now);
        judge_forget(eng, w);
        w->series[side] = NONE;
    }
    s->kind = NULL;
}
