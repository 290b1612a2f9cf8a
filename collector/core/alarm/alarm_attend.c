/*
 * Suppression by design while somebody works on a device (ISA-18.2, state H): its samples are
 * marked, so what they show is the work and not the process. A mark has an end at the gateway, and
 * after it a sample always comes, good or bad: nothing stays suppressed because someone forgot.
 */
#include <stdio.h>

#include "collector/core/alarm/alarm_engine.h"

static bool is_marked(const struct alarm_sample *s)
{
    return s->quality == QUALITY_MAINTENANCE || s->quality == QUALITY_CALIBRATION ||
           (s->quality == QUALITY_BAD && s->cause == CAUSE_MAINTENANCE);
}

static void suppress(struct alarm_engine *eng, struct watch *w, const struct alarm_sample *s,
                     struct alarm_now now)
{
    char why[ALARM_WHY_SIZE];
    const struct change c = {.event = LIFECYCLE_SUPPRESS, .who = "process", .why = why};
    bool open = w->state == ALARM_NORMAL || w->state == ALARM_UNACKNOWLEDGED ||
                w->state == ALARM_ACKNOWLEDGED || w->state == ALARM_RETURNED;
    judge_forget(eng, w);
    if (!open)
        return;
    snprintf(why, sizeof(why), "%s at the device",
             s->quality == QUALITY_CALIBRATION ? "calibration" : "maintenance");
    watch_change(eng, w, &c, now);
}

bool attend_sample(struct alarm_engine *eng, struct watch *w, struct link *l,
                   const struct alarm_sample *s, struct alarm_now now)
{
    bool marked = is_marked(s);
    if (marked && !l->marked)
        w->marked++;
    if (!marked && l->marked)
        w->marked--;
    l->marked = marked;
    if (w->marked == 0)
        return false;
    if (w->state != ALARM_SUPPRESSED)
        suppress(eng, w, s, now);
    return true;
}

void attend_end(struct alarm_engine *eng, struct watch *w, enum condition c, struct alarm_now now)
{
    const struct change clear = {
        .event = LIFECYCLE_NORMAL, .who = "process", .why = "normal when the work had ended"};
    const struct change end = {
        .event = LIFECYCLE_UNSUPPRESS, .who = "process", .why = "the work at the device has ended"};
    if (w->active && c == CONDITION_FALSE)
        watch_change(eng, w, &clear, now);
    watch_change(eng, w, &end, now);
    if (w->rule->type == RULE_NO_DATA && !w->active)
        judge_hold(eng, w, now);
}
