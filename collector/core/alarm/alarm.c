#include "collector/core/alarm/alarm.h"

#include <assert.h>
#include <string.h>

#include "collector/core/alarm/alarm_engine.h"

static int allocate(struct alarm_engine *eng, struct err *e)
{
    const struct alarm_limits *l = &eng->limits;
    size_t slots = 16;
    while (slots < l->alarms * 2)
        slots *= 2;
    eng->by_id_mask = slots - 1;
    eng->links_max = l->series * LINKS_PER_SERIES + l->gateways;
    eng->areas = calloc(l->areas, sizeof(*eng->areas));
    eng->gateways = calloc(l->gateways, sizeof(*eng->gateways));
    eng->series = calloc(l->series, sizeof(*eng->series));
    eng->watches = calloc(l->alarms, sizeof(*eng->watches));
    eng->links = calloc(eng->links_max, sizeof(*eng->links));
    eng->heap = calloc(l->alarms, sizeof(*eng->heap));
    eng->by_id = calloc(slots, sizeof(*eng->by_id));
    if (eng->areas && eng->gateways && eng->series && eng->watches && eng->links && eng->heap &&
        eng->by_id) {
        for (size_t i = 0; i < eng->links_max; i++)
            eng->links[i].next = i + 1 < eng->links_max ? (uint32_t)(i + 1) : NONE;
        return 0;
    }
    return err_set(e, ERR_NOMEM, "no memory for %zu alarms of %zu points", l->alarms, l->series);
}

int alarm_create(const struct rules *rules, const struct alarm_limits *limits,
                 const struct alarm_sink *sink, struct alarm_engine **out, struct err *e)
{
    assert(limits->areas && limits->gateways && limits->series && limits->alarms);
    assert(limits->alarms < NONE && limits->series < NONE / LINKS_PER_SERIES);
    *out = NULL;
    struct alarm_engine *eng = calloc(1, sizeof(*eng));
    if (!eng)
        return err_set(e, ERR_NOMEM, "no memory for the alarm engine");
    eng->rules = rules;
    eng->limits = *limits;
    eng->sink = *sink;
    eng->judged_from.ms = INT64_MIN;
    int rc = allocate(eng, e);
    if (rc < 0) {
        alarm_destroy(eng);
        return rc;
    }
    *out = eng;
    return 0;
}

void alarm_destroy(struct alarm_engine *eng)
{
    if (!eng)
        return;
    free(eng->areas);
    free(eng->gateways);
    free(eng->series);
    free(eng->watches);
    free(eng->links);
    free(eng->heap);
    free(eng->by_id);
    free(eng);
}

void alarm_step_sample(struct alarm_engine *eng, int64_t series, const struct alarm_sample *sample,
                       struct alarm_now now)
{
    assert(series >= 0 && (size_t)series < eng->series_count);
    const struct series *s = &eng->series[series];
    if (!sample->present || eng->gateways[s->gateway].dark)
        return;
    for (uint32_t i = s->first_link; i != NONE; i = eng->links[i].next)
        judge_sample(eng, &eng->links[i], sample, now);
}

/* What the children would have shown was not seen: their delays begin anew, what stands stands. */
static void freeze_children(struct alarm_engine *eng, const struct gateway *gateway)
{
    for (uint32_t i = gateway->first_watch; i != NONE; i = eng->watches[i].next_of_gateway)
        if (eng->watches[i].rule->type != RULE_OFFLINE)
            judge_forget(eng, &eng->watches[i]);
}

void alarm_step_gateway(struct alarm_engine *eng, int64_t handle, bool online, struct alarm_now now)
{
    assert(handle >= 0 && (size_t)handle < eng->gateway_count);
    struct gateway *gateway = &eng->gateways[handle];
    bool dark = !online && gateway->first_link != NONE;
    if (dark != gateway->dark) {
        gateway->dark = dark;
        gateway->judged_from = now.mono;
        freeze_children(eng, gateway);
    }
    for (uint32_t i = gateway->first_link; i != NONE; i = eng->links[i].next)
        judge_condition(eng, &eng->watches[eng->links[i].watch],
                        online ? CONDITION_FALSE : CONDITION_TRUE, now);
}

void alarm_step_sight(struct alarm_engine *eng, bool sight, struct alarm_now now)
{
    if (sight == !eng->blind)
        return;
    eng->blind = !sight;
    if (!sight)
        return;
    eng->judged_from = now.mono;
    for (size_t i = 0; i < eng->watch_count; i++)
        judge_forget(eng, &eng->watches[i]);
}

void alarm_step_time(struct alarm_engine *eng, struct alarm_now now)
{
    struct watch *w;
    while ((w = timer_due(eng, now.mono)))
        judge_due(eng, w, now);
}

struct clk_mono alarm_next(const struct alarm_engine *eng)
{
    return eng->heap_count ? eng->watches[eng->heap[0]].due : CLK_NEVER;
}

int alarm_find(const struct alarm_engine *eng, const char *id, struct alert *out)
{
    const struct watch *w = watch_find(eng, id);
    if (!w)
        return ERR_NOTFOUND;
    watch_alert(eng, w, out);
    return 0;
}

bool alarm_next_listed(const struct alarm_engine *eng, const char *area, size_t *cursor,
                       struct alert *out)
{
    while (*cursor < eng->watch_count) {
        const struct watch *w = &eng->watches[(*cursor)++];
        const char *home = eng->areas[eng->gateways[w->gateway].area].name;
        if (!lifecycle_listed(w->state) || (area && strcmp(home, area) != 0))
            continue;
        watch_alert(eng, w, out);
        return true;
    }
    return false;
}

bool alarm_repeat(struct alarm_engine *eng, size_t *cursor)
{
    const struct change c = {.verb = "repeat", .who = "process", .why = "told again"};
    while (*cursor < eng->watch_count) {
        struct watch *w = &eng->watches[(*cursor)++];
        if (w->revision == 0)
            continue;
        watch_announce(eng, w, w->state, false, &c);
        return true;
    }
    return false;
}

bool alarm_area_at(const struct alarm_engine *eng, size_t index, const char **area,
                   uint64_t *list_revision, uint32_t *listed)
{
    if (index >= eng->area_count)
        return false;
    *area = eng->areas[index].name;
    *list_revision = eng->areas[index].list_revision;
    *listed = eng->areas[index].listed;
    return true;
}
