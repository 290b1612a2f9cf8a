/*
 * Changes of an alarm and how they are told: the alert as it stands, the row, the sink.
 */
#include <stdio.h>
#include <string.h>

#include "collector/core/alarm/alarm_engine.h"
#include "collector/core/rule/rule_text.h"

/* Splits "gateway/device/point" into v; the parts live in copy. */
static void name_parts(const char *object, char copy[OBJECT_SIZE], struct rule_text_values *v)
{
    char *rest = copy;
    snprintf(copy, OBJECT_SIZE, "%s", object);
    v->gateway = strsep(&rest, "/");
    v->device = strsep(&rest, "/");
    v->point = strsep(&rest, "/");
}

static const struct kind *kind_of(const struct alarm_engine *eng, const struct watch *w)
{
    uint32_t series = w->series[SIDE_EXPECT];
    if (series != NONE && eng->series[series].kind)
        return eng->series[series].kind;
    return w->rule->type == RULE_MISMATCH ? w->rule->expect.found : w->rule->where.found;
}

static void fill_texts(const struct alarm_engine *eng, const struct watch *w, struct alert *a)
{
    char copy[OBJECT_SIZE];
    struct rule_text_values v = {
        .area = a->area,
        .unit = a->unit,
        .has_value = w->has_value,
        .value = w->value,
        .has_limit = w->has_limit,
        .limit = w->limit,
        .count = w->suppressed_children,
    };
    (void)eng;
    name_parts(w->object, copy, &v);
    rule_text_fill(w->rule->text_vi, RULE_VI, &v, a->text_vi);
    rule_text_fill(w->rule->text_en, RULE_EN, &v, a->text_en);
}

static void fill_points(const struct alarm_engine *eng, const struct watch *w, struct alert *a)
{
    for (int side = SIDE_WHEN; side <= SIDE_EXPECT; side++) {
        if (w->series[side] == NONE)
            continue;
        const struct series *s = &eng->series[w->series[side]];
        snprintf(a->points[a->point_count++], sizeof(a->points[0]), "%s/%s/%s",
                 eng->gateways[s->gateway].name, s->device, s->point);
    }
}

static void fill_life(const struct watch *w, struct alert *a)
{
    a->state = w->state;
    a->priority = w->priority;
    a->occurrence = w->occurrence;
    a->revision = w->revision;
    a->list_revision = w->list_revision;
    a->raised = w->raised;
    a->changed = w->changed;
    a->acknowledged = w->acknowledged;
    a->cleared = w->cleared;
    snprintf(a->acknowledged_by, sizeof(a->acknowledged_by), "%s", w->acknowledged_by);
    a->has_value = w->has_value;
    a->value = w->has_value ? w->value : 0;
    a->has_limit = w->has_limit;
    a->limit = w->has_limit ? w->limit : 0;
    a->suppressed_children = w->suppressed_children;
}

void watch_alert(const struct alarm_engine *eng, const struct watch *w, struct alert *a)
{
    const struct rule *rule = w->rule;
    const struct kind *kind = kind_of(eng, w);
    *a = (struct alert){.class = (enum alarm_class)rule->class, .durable = true};
    snprintf(a->id, sizeof(a->id), "%s", w->id);
    snprintf(a->area, sizeof(a->area), "%s", eng->areas[eng->gateways[w->gateway].area].name);
    snprintf(a->rule, sizeof(a->rule), "%s", rule->name);
    snprintf(a->object, sizeof(a->object), "%s", w->object);
    snprintf(a->talq_event, sizeof(a->talq_event), "%s", rule->talq_event);
    snprintf(a->unit, sizeof(a->unit), "%s", kind && w->has_value ? kind->unit : "");
    snprintf(a->cause, sizeof(a->cause), "%s", rule->cause);
    snprintf(a->agency, sizeof(a->agency), "%s", rule->agency);
    fill_life(w, a);
    fill_points(eng, w, a);
    fill_texts(eng, w, a);
}

/* A new occurrence knows nothing of the one before. */
static void begin_occurrence(struct watch *w, struct alarm_now now)
{
    w->active = true;
    w->occurrence++;
    w->serious_revision = w->revision;
    w->raised = now.utc;
    w->cleared = (struct clk_utc){0};
    w->acknowledged = (struct clk_utc){0};
    w->acknowledged_by[0] = '\0';
}

static void apply(struct watch *w, const struct change *c, struct alarm_now now)
{
    switch (c->event) {
    case LIFECYCLE_ABNORMAL:
        begin_occurrence(w, now);
        break;
    case LIFECYCLE_NORMAL:
        w->active = false;
        w->cleared = now.utc;
        break;
    case LIFECYCLE_ESCALATE: /* what was acknowledged was something smaller */
        w->serious_revision = w->revision;
        w->acknowledged = (struct clk_utc){0};
        w->acknowledged_by[0] = '\0';
        break;
    case LIFECYCLE_ACKNOWLEDGE:
        w->acknowledged = now.utc;
        snprintf(w->acknowledged_by, sizeof(w->acknowledged_by), "%s", c->who);
        break;
    case LIFECYCLE_WITHDRAW:
        w->active = false;
        w->cleared = now.utc;
        break;
    default:
        break;
    }
}

enum lifecycle_result watch_change(struct alarm_engine *eng, struct watch *w,
                                   const struct change *c, struct alarm_now now)
{
    enum alarm_state from = w->state;
    bool abnormal = c->event == LIFECYCLE_ABNORMAL || (w->active && c->event != LIFECYCLE_NORMAL);
    if (lifecycle_step(&w->state, c->event, abnormal) == LIFECYCLE_REFUSED)
        return LIFECYCLE_REFUSED;
    struct area *area = &eng->areas[eng->gateways[w->gateway].area];
    w->revision++;
    w->list_revision = ++area->list_revision;
    w->changed = now.utc;
    apply(w, c, now);
    if (lifecycle_listed(w->state) && !lifecycle_listed(from))
        area->listed++;
    if (!lifecycle_listed(w->state) && lifecycle_listed(from))
        area->listed--;
    watch_announce(eng, w, from, c->event == LIFECYCLE_ABNORMAL, c);
    return LIFECYCLE_MOVED;
}

void watch_announce(struct alarm_engine *eng, struct watch *w, enum alarm_state from, bool raise,
                    const struct change *c)
{
    struct alarm_transition *t = &eng->out;
    watch_alert(eng, w, &t->alert);
    t->from = from;
    t->to = w->state;
    t->raise = raise;
    t->verb = c->verb ? c->verb : lifecycle_event_name(c->event);
    t->who = c->who;
    snprintf(t->why, sizeof(t->why), "%s", c->why);
    t->request = c->request;
    t->row_len = row_encode(eng, w, t->row);
    eng->sink.transition(eng->sink.user, t);
    t->area_before[0] = '\0';
}
