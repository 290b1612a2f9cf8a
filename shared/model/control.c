#include "model/control.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "model/control_parts.h"
#include "model/glob.h"

#define DAY_MS       86400000
#define ALL_WEEKDAYS 0x7fu
#define PATH_SIZE    96

/* --- texts with a meaning --- */

/* Exactly two digits below `end`; -1 for anything else. */
static int two_digits(const char *p, int end)
{
    if (!isdigit((unsigned char)p[0]) || !isdigit((unsigned char)p[1]))
        return -1;
    int n = (p[0] - '0') * 10 + (p[1] - '0');
    return n < end ? n : -1;
}

/* HH:MM and the text's end, as minutes; -1 for anything else. */
static int clock_minutes(const char *p)
{
    if (strlen(p) != 5 || p[2] != ':')
        return -1;
    int hours = two_digits(p, 24);
    int minutes = two_digits(p + 3, 60);
    return hours < 0 || minutes < 0 ? -1 : hours * 60 + minutes;
}

static const char *read_anchor(const char *at, enum control_anchor *anchor)
{
    static const char sunrise[] = "sunrise", sunset[] = "sunset";
    *anchor = CONTROL_CLOCK;
    if (strncmp(at, sunrise, sizeof(sunrise) - 1) == 0) {
        *anchor = CONTROL_SUNRISE;
        return at + sizeof(sunrise) - 1;
    }
    if (strncmp(at, sunset, sizeof(sunset) - 1) == 0) {
        *anchor = CONTROL_SUNSET;
        return at + sizeof(sunset) - 1;
    }
    return at;
}

int control_step_resolve(struct control_step *s, struct err *e)
{
    const char *rest = read_anchor(s->at, &s->anchor);
    if (s->anchor != CONTROL_CLOCK && *rest == '\0') {
        s->offset_min = 0;
        return 0;
    }
    bool before = s->anchor != CONTROL_CLOCK && *rest == '-';
    if (s->anchor != CONTROL_CLOCK)
        rest = *rest == '-' || *rest == '+' ? rest + 1 : "";
    int minutes = clock_minutes(rest);
    if (minutes < 0)
        return err_set(e, ERR_INVALID,
                       "\"%.16s\" is no time: write 23:00, sunset, sunrise, sunset-00:15 or "
                       "sunrise+00:10",
                       s->at);
    s->offset_min = before ? -minutes : minutes;
    return 0;
}

int control_date_parse(const char *text, int64_t *day, struct err *e)
{
    char whole[CLK_UTC_TEXT];
    struct clk_utc t;
    if (strlen(text) == CONTROL_DATE_SIZE - 1) {
        snprintf(whole, sizeof(whole), "%.10sT00:00:00.000Z", text);
        if (clk_utc_parse(whole, &t) == 0 && t.ms >= 0) {
            *day = t.ms / DAY_MS;
            return 0;
        }
    }
    return err_set(e, ERR_INVALID, "\"%.10s\" is no day; write it as 2027-02-06", text);
}

const char *control_target_cut(const char *text, char before[CONTROL_TARGET_SIZE])
{
    size_t len = strcspn(text, "/");
    snprintf(before, CONTROL_TARGET_SIZE, "%.*s", (int)len, text);
    return text[len] ? text + len + 1 : NULL;
}

bool control_target_valid(const char *text)
{
    char device[CONTROL_TARGET_SIZE];
    const char *point = control_target_cut(text, device);
    return point && name_valid(device) && name_valid(point);
}

/* --- relations --- */

struct checker {
    const struct json_doc *doc;
    struct control *c;
    struct err *e;
};

static int resolve_steps(struct control_step *steps, size_t count)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = control_step_resolve(&steps[i], NULL);
    return rc;
}

/* Two steps of a day that name the same moment leave open which one counts. */
static int check_moments(struct checker *k, const char *path, const struct control_step *steps,
                         size_t count)
{
    char where[PATH_SIZE];
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (steps[i].anchor != steps[j].anchor || steps[i].offset_min != steps[j].offset_min)
                continue;
            snprintf(where, sizeof(where), "%s.steps[%zu].at", path, i);
            return schema_refuse(k->doc, where, k->e,
                                 "the same moment as steps[%zu]; keep one of them", j);
        }
    }
    return 0;
}

static int finish_exception(struct checker *k, const char *path, struct control_exception *x)
{
    char where[PATH_SIZE];
    x->first_day = 0;
    x->last_day = INT64_MAX;
    x->weekday_mask = x->weekday_count ? 0 : ALL_WEEKDAYS;
    for (size_t i = 0; i < x->weekday_count; i++)
        x->weekday_mask |= 1u << x->weekdays[i].day;
    int rc = *x->from ? control_date_parse(x->from, &x->first_day, k->e) : 0;
    if (rc == 0 && *x->to)
        rc = control_date_parse(x->to, &x->last_day, k->e);
    if (rc)
        return rc;
    if (x->first_day > x->last_day) {
        snprintf(where, sizeof(where), "%s.to", path);
        return schema_refuse(k->doc, where, k->e, "%s is before %s, its first day", x->to, x->from);
    }
    rc = resolve_steps(x->steps, x->step_count);
    return rc ? rc : check_moments(k, path, x->steps, x->step_count);
}

static int finish_schedule(struct checker *k, size_t i)
{
    struct control_schedule *s = &k->c->schedules[i];
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "schedules[%zu]", i);
    int rc = resolve_steps(s->steps, s->step_count);
    if (rc == 0)
        rc = check_moments(k, path, s->steps, s->step_count);
    for (size_t x = 0; rc == 0 && x < s->exception_count; x++) {
        snprintf(path, sizeof(path), "schedules[%zu].exceptions[%zu]", i, x);
        rc = finish_exception(k, path, &s->exceptions[x]);
    }
    return rc;
}

static const struct control_schedule *find_schedule(const struct control *c, const char *name)
{
    for (size_t i = 0; i < c->schedule_count; i++)
        if (strcmp(c->schedules[i].name, name) == 0)
            return &c->schedules[i];
    return NULL;
}

static const struct control_group *owner_of(const struct control *c, const char *target,
                                            size_t before)
{
    for (size_t g = 0; g < before; g++)
        for (size_t p = 0; p < c->groups[g].point_count; p++)
            if (strcmp(c->groups[g].points[p].name, target) == 0)
                return &c->groups[g];
    return NULL;
}

static int finish_group(struct checker *k, size_t i)
{
    struct control_group *g = &k->c->groups[i];
    char path[PATH_SIZE];
    g->schedule = find_schedule(k->c, g->schedule_name);
    if (!g->schedule) {
        snprintf(path, sizeof(path), "groups[%zu].schedule", i);
        return schema_refuse(k->doc, path, k->e, "there is no schedule \"%s\"; add it to schedules",
                             g->schedule_name);
    }
    for (size_t p = 0; p < g->point_count; p++) {
        const struct control_group *other = owner_of(k->c, g->points[p].name, i);
        if (!other)
            continue;
        snprintf(path, sizeof(path), "groups[%zu].points[%zu]", i, p);
        return schema_refuse(k->doc, path, k->e,
                             "%s is already in the group %s; two schedules would fight over it",
                             g->points[p].name, other->name);
    }
    return 0;
}

static int check_key(struct checker *k, size_t i)
{
    const struct control_key *key = &k->c->keys[i];
    char path[PATH_SIZE];
    for (size_t m = 0; m < key->may_count; m++) {
        if (key->may[m].min <= key->may[m].max)
            continue;
        snprintf(path, sizeof(path), "keys[%zu].may[%zu].max", i, m);
        return schema_refuse(k->doc, path, k->e, "%g is below min, %g", key->may[m].max,
                             key->may[m].min);
    }
    return 0;
}

static int finish(struct checker *k)
{
    int rc = 0;
    assert(k->c);
    for (size_t i = 0; rc == 0 && i < k->c->key_count; i++)
        rc = check_key(k, i);
    for (size_t i = 0; rc == 0 && i < k->c->schedule_count; i++)
        rc = finish_schedule(k, i);
    for (size_t i = 0; rc == 0 && i < k->c->group_count; i++)
        rc = finish_group(k, i);
    return rc;
}

/* --- the whole --- */

int control_parse(const char *text, size_t len, struct control **out, struct err *e)
{
    struct json_doc *doc;
    *out = NULL;
    int rc = json_parse(text, len, CONTROL_FILE_MAX, JSON_COMMENTS | JSON_LINES, &doc, e);
    if (rc)
        return rc;
    struct checker k = {.doc = doc, .c = calloc(1, sizeof(*k.c)), .e = e};
    rc = k.c ? schema_read(control_fields, doc, json_root(doc), k.c, e)
             : err_set(e, ERR_NOMEM, "no memory for the control document");
    if (rc == 0)
        rc = finish(&k);
    json_free(doc);
    if (rc)
        control_free(k.c);
    else
        *out = k.c;
    return rc;
}

void control_free(struct control *c)
{
    if (!c)
        return;
    schema_free(control_fields, c);
    free(c);
}

const struct control_key *control_find_key(const struct control *c, const char *kid)
{
    for (size_t i = 0; i < c->key_count; i++)
        if (strcmp(c->keys[i].kid, kid) == 0)
            return &c->keys[i];
    return NULL;
}

const struct control_group *control_find_group(const struct control *c, const char *name)
{
    for (size_t i = 0; i < c->group_count; i++)
        if (strcmp(c->groups[i].name, name) == 0)
            return &c->groups[i];
    return NULL;
}

/* --- what a key may --- */

static bool covers(const struct control_may *may, const char *target)
{
    char device[CONTROL_TARGET_SIZE], device_pattern[CONTROL_TARGET_SIZE];
    const char *point = control_target_cut(target, device);
    const char *point_pattern = control_target_cut(may->target, device_pattern);
    if (!point != !point_pattern || !glob_match(device_pattern, device))
        return false;
    return !point || glob_match(point_pattern, point);
}

double control_value_number(const struct value *v)
{
    return v->type == VALUE_BOOL ? v->boolean : v->number;
}

int control_allows(const struct control_key *key, const char *target, const struct value *value,
                   struct err *e)
{
    const struct control_may *near = NULL;
    double wanted = value ? control_value_number(value) : 0;
    for (size_t i = 0; i < key->may_count; i++) {
        const struct control_may *may = &key->may[i];
        if (!covers(may, target))
            continue;
        if (!value || (wanted >= may->min && wanted <= may->max))
            return 0;
        near = may;
    }
    if (near)
        return err_set(e, ERR_DENIED, "%g is out of range: the key may set %s to %g to %g", wanted,
                       target, near->min, near->max);
    return err_set(e, ERR_DENIED, "the key may not command %s", target);
}
