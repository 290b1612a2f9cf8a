/*
 * Judging: what a sample says about the condition of a watch, and what follows from it at once or
 * after a delay.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "collector/core/alarm/alarm_engine.h"
#include "collector/core/rule/rule_text.h"

/* --- raising and clearing --- */

static void raise_text(const struct watch *w, char why[ALARM_WHY_SIZE])
{
    char value[RULE_NUMBER_SIZE];
    char limit[RULE_NUMBER_SIZE];
    double seconds = (double)w->rule->on_delay_ms / 1000.0;
    switch ((enum rule_type)w->rule->type) {
    case RULE_THRESHOLD:
        snprintf(why, ALARM_WHY_SIZE, "%s %s %s for %g s", rule_number(w->value, RULE_EN, value),
                 w->rule->side == RULE_ABOVE ? "above" : "below",
                 rule_number(w->limit, RULE_EN, limit), seconds);
        break;
    case RULE_STATE:
        snprintf(why, ALARM_WHY_SIZE, "%s for %g s", w->rule->equals ? "true" : "false", seconds);
        break;
    case RULE_MISMATCH:
        snprintf(why, ALARM_WHY_SIZE, "demanded and not so for %g s", seconds);
        break;
    case RULE_STALLED:
        snprintf(why, ALARM_WHY_SIZE, "increased by %s within %g s, less than %s",
                 rule_number(w->value, RULE_EN, value), (double)w->rule->within_ms / 1000.0,
                 rule_number(w->limit, RULE_EN, limit));
        break;
    case RULE_NO_DATA:
        snprintf(why, ALARM_WHY_SIZE, "nothing usable received for %g s",
                 (double)w->rule->hold_ms / 1000.0);
        break;
    case RULE_FAULT:
        snprintf(why, ALARM_WHY_SIZE, "%s for %g s",
                 cause_text(rule_fault(w->rule), 0, (char[CAUSE_TEXT]){0}), seconds);
        break;
    case RULE_OFFLINE:
        snprintf(why, ALARM_WHY_SIZE, "cut off for %g s; %u silent children folded in", seconds,
                 (unsigned)w->suppressed_children);
        break;
    }
}

/* A child whose own alarm would be raised by its gateway's death alone. */
static uint32_t count_children(const struct alarm_engine *eng, uint32_t gateway)
{
    uint32_t count = 0;
    for (uint32_t i = eng->gateways[gateway].first_watch; i != NONE;
         i = eng->watches[i].next_of_gateway) {
        const struct watch *w = &eng->watches[i];
        if (w->rule->type == RULE_NO_DATA && w->links > 0 && !w->active)
            count++;
    }
    return count;
}

/* The escalation the value has been beyond for the rule's on-delay; the rule's own priority if
 * none. */
static enum alarm_priority priority_due(const struct watch *w, struct alarm_now now)
{
    int priority = w->rule->priority;
    for (size_t i = 0; i < w->rule->escalation_count; i++) {
        struct clk_mono since = w->beyond_since[i];
        if (since.ms != CLK_NEVER.ms &&
            clk_mono_due(clk_mono_add(since, w->rule->on_delay_ms), now.mono))
            priority = w->rule->escalations[i].priority;
    }
    return (enum alarm_priority)priority;
}

static void take_value(struct watch *w, struct alarm_now now)
{
    const struct rule_limit *limit = NULL;
    w->has_value = w->has_latest;
    w->value = w->latest;
    w->has_limit = false;
    if (w->rule->type == RULE_THRESHOLD && (limit = rule_limit_at(w->rule, now.utc))) {
        w->has_limit = true;
        w->limit = limit->value;
    } else if (w->rule->type == RULE_STALLED) {
        w->has_limit = true;
        w->limit = w->rule->at_least;
    }
}

static void raise_alarm(struct alarm_engine *eng, struct watch *w, struct alarm_now now)
{
    char why[ALARM_WHY_SIZE];
    const struct change c = {.event = LIFECYCLE_ABNORMAL, .who = "process", .why = why};
    timer_stop(eng, w);
    take_value(w, now);
    w->priority = priority_due(w, now);
    w->suppressed_children = w->rule->type == RULE_OFFLINE ? count_children(eng, w->gateway) : 0;
    raise_text(w, why);
    watch_change(eng, w, &c, now);
}

static void clear_alarm(struct alarm_engine *eng, struct watch *w, struct alarm_now now)
{
    char why[ALARM_WHY_SIZE];
    const struct change c = {.event = LIFECYCLE_NORMAL, .who = "process", .why = why};
    timer_stop(eng, w);
    snprintf(why, sizeof(why), "normal for %g s", (double)w->rule->off_delay_ms / 1000.0);
    watch_change(eng, w, &c, now);
    if (w->rule->type == RULE_NO_DATA)
        judge_hold(eng, w, now);
}

static void escalate(struct alarm_engine *eng, struct watch *w, struct alarm_now now)
{
    enum alarm_priority due = priority_due(w, now);
    if (!w->active || due <= w->priority)
        return;
    char why[ALARM_WHY_SIZE];
    char value[RULE_NUMBER_SIZE];
    const struct change c = {.event = LIFECYCLE_ESCALATE, .who = "process", .why = why};
    snprintf(why, sizeof(why), "priority %s: %s", alarm_priority_name(due),
             rule_number(w->latest, RULE_EN, value));
    w->priority = due;
    take_value(w, now);
    watch_change(eng, w, &c, now);
}

/* --- delays --- */

/* Fires what has come due and is borne out by the newest evidence; without any it stays pending. */
static void fire(struct alarm_engine *eng, struct watch *w, struct alarm_now now)
{
    if (w->pending == PENDING_NOTHING || !clk_mono_due(w->due, now.mono))
        return;
    if (w->pending == PENDING_RAISE && w->evidence == CONDITION_TRUE) {
        if (rule_hours_hold(w->rule, now.utc))
            raise_alarm(eng, w, now);
        else
            timer_stop(eng, w);
    } else if (w->pending == PENDING_CLEAR && w->evidence == CONDITION_FALSE) {
        clear_alarm(eng, w, now);
    } else {
        timer_park(eng, w);
    }
}

void judge_condition(struct alarm_engine *eng, struct watch *w, enum condition c,
                     struct alarm_now now)
{
    w->evidence = c;
    if (c == CONDITION_UNKNOWN)
        return;
    bool abnormal = c == CONDITION_TRUE;
    enum pending wanted = abnormal ? PENDING_RAISE : PENDING_CLEAR;
    if (abnormal == w->active) {
        if (w->pending != PENDING_NOTHING)
            timer_stop(eng, w);
    } else if (w->pending != wanted && (!abnormal || rule_hours_hold(w->rule, now.utc))) {
        int64_t delay = abnormal ? w->rule->on_delay_ms : w->rule->off_delay_ms;
        timer_start(eng, w, wanted, clk_mono_add(now.mono, delay));
    }
    fire(eng, w, now);
}

/* --- silence --- */

void judge_hold(struct alarm_engine *eng, struct watch *w, struct alarm_now now)
{
    w->fed = now.mono;
    timer_start(eng, w, PENDING_SILENCE, clk_mono_add(now.mono, w->rule->hold_ms));
}

/* What the points that feed a watch let expect. */
struct expected {
    int64_t silence_ms; /* the longest that is none: twice the period of the most talkative */
    bool explained;     /* another alarm speaks for it: they are bad for a cause a rule looks for */
};

static bool series_feeds(const struct alarm_engine *eng, const struct series *s,
                         const struct watch *w, bool *faulty)
{
    bool feeds = false;
    *faulty = false;
    for (uint32_t i = s->first_link; i != NONE; i = eng->links[i].next) {
        feeds = feeds || &eng->watches[eng->links[i].watch] == w;
        *faulty = *faulty || eng->links[i].faulty;
    }
    return feeds;
}

/* Looked up when a hold has passed and at no other time. */
static struct expected expect_of(const struct alarm_engine *eng, const struct watch *w)
{
    struct expected x = {INT64_MAX, false};
    for (uint32_t i = eng->gateways[w->gateway].first_series; i != NONE;
         i = eng->series[i].next_of_gateway) {
        const struct series *s = &eng->series[i];
        bool faulty;
        if (!series_feeds(eng, s, w, &faulty))
            continue;
        x.explained = x.explained || faulty;
        if (2 * (int64_t)s->period_ms < x.silence_ms)
            x.silence_ms = 2 * (int64_t)s->period_ms;
    }
    if (x.silence_ms == INT64_MAX || x.silence_ms < w->rule->hold_ms)
        x.silence_ms = w->rule->hold_ms;
    return x;
}

/*
 * The timer is not moved at each sample; when it comes, it is asked whether the hold has really
 * passed since the last usable sample, the gateway's return and the broker's return.
 */
static void silence_due(struct alarm_engine *eng, struct watch *w, struct alarm_now now)
{
    const struct gateway *gateway = &eng->gateways[w->gateway];
    struct clk_mono from = w->fed;
    if (from.ms < gateway->judged_from.ms)
        from = gateway->judged_from;
    if (from.ms < eng->judged_from.ms)
        from = eng->judged_from;
    if (gateway->dark || eng->blind || w->state == ALARM_SUPPRESSED)
        from = now.mono;
    struct clk_mono due = clk_mono_add(from, w->rule->hold_ms);
    if (clk_mono_due(due, now.mono)) {
        struct expected x = expect_of(eng, w);
        due = clk_mono_add(x.explained ? now.mono : from, x.silence_ms);
    }
    if (!clk_mono_due(due, now.mono))
        timer_start(eng, w, PENDING_SILENCE, due);
    else if (!rule_hours_hold(w->rule, now.utc))
        judge_hold(eng, w, now);
    else
        raise_alarm(eng, w, now);
}

static void feed(struct alarm_engine *eng, struct watch *w, const struct alarm_sample *s,
                 struct alarm_now now)
{
    if (s->quality == QUALITY_BAD)
        return;
    w->fed = now.mono;
    if (w->active)
        judge_condition(eng, w, CONDITION_FALSE, now);
}

void judge_due(struct alarm_engine *eng, struct watch *w, struct alarm_now now)
{
    if (w->pending == PENDING_SILENCE)
        silence_due(eng, w, now);
    else if (eng->blind)
        timer_park(eng, w);
    else
        fire(eng, w, now);
}

void judge_forget(struct alarm_engine *eng, struct watch *w)
{
    w->evidence = CONDITION_UNKNOWN;
    w->operand[SIDE_WHEN] = w->operand[SIDE_EXPECT] = CONDITION_UNKNOWN;
    w->window_open = false;
    for (size_t i = 0; i < RULE_ESCALATIONS_MAX; i++)
        w->beyond_since[i] = CLK_NEVER;
    if (w->pending != PENDING_SILENCE)
        timer_stop(eng, w);
}

/* --- what a sample says, by type of rule --- */

static enum condition truth(bool b)
{
    return b ? CONDITION_TRUE : CONDITION_FALSE;
}

static void note_beyond(struct watch *w, double v, struct alarm_now now)
{
    for (size_t i = 0; i < w->rule->escalation_count; i++) {
        if (!rule_beyond(w->rule, v, w->rule->escalations[i].limit))
            w->beyond_since[i] = CLK_NEVER;
        else if (w->beyond_since[i].ms == CLK_NEVER.ms)
            w->beyond_since[i] = now.mono;
    }
}

static enum condition threshold_says(struct watch *w, const struct alarm_sample *s,
                                     struct alarm_now now)
{
    const struct rule_limit *limit = rule_limit_at(w->rule, now.utc);
    if (!limit || s->type != VALUE_NUMBER || !isfinite(s->number))
        return CONDITION_UNKNOWN;
    w->has_latest = true;
    w->latest = s->number;
    note_beyond(w, s->number, now);
    double edge = limit->value;
    if (w->active)
        edge += w->rule->side == RULE_ABOVE ? -w->rule->deadband : w->rule->deadband;
    return truth(rule_beyond(w->rule, s->number, edge));
}

static enum condition operand_says(const struct rule_operand *side, const struct alarm_sample *s)
{
    if (side->has_equals)
        return s->type == VALUE_BOOL ? truth(s->boolean == side->equals) : CONDITION_UNKNOWN;
    if (s->type != VALUE_NUMBER || !isfinite(s->number))
        return CONDITION_UNKNOWN;
    return truth(side->has_above ? s->number > side->above : s->number < side->below);
}

static enum condition mismatch_says(struct watch *w, enum side side, enum condition holds,
                                    const struct alarm_sample *s)
{
    w->operand[side] = holds;
    if (side == SIDE_EXPECT && s->type == VALUE_NUMBER) {
        w->has_latest = true;
        w->latest = s->number;
    }
    if (w->operand[SIDE_WHEN] == CONDITION_UNKNOWN || w->operand[SIDE_EXPECT] == CONDITION_UNKNOWN)
        return CONDITION_UNKNOWN;
    return truth(w->operand[SIDE_WHEN] == CONDITION_TRUE &&
                 w->operand[SIDE_EXPECT] == CONDITION_FALSE);
}

static void open_window(struct watch *w, struct alarm_now now)
{
    w->window_open = true;
    w->window_start = now.mono;
    w->progress = 0;
}

/* Windows follow one another: one that reaches at_least is movement, one that ends without is none.
 */
static enum condition stalled_says(struct watch *w, const struct alarm_sample *s,
                                   struct alarm_now now)
{
    if (!w->window_open || (!w->active && !rule_hours_hold(w->rule, now.utc)))
        open_window(w, now);
    if (!s->has_increase)
        return CONDITION_UNKNOWN;
    w->progress += s->increase;
    if (w->progress >= w->rule->at_least) {
        open_window(w, now);
        return CONDITION_FALSE;
    }
    struct clk_mono end = clk_mono_add(w->window_start, w->rule->within_ms);
    if (!clk_mono_due(end, now.mono))
        return CONDITION_UNKNOWN;
    w->has_latest = true;
    w->latest = w->progress;
    open_window(w, now);
    return s->number > 0 || w->active ? CONDITION_TRUE : CONDITION_UNKNOWN;
}

static enum condition sample_says(struct watch *w, enum side side, const struct alarm_sample *s,
                                  struct alarm_now now)
{
    bool evidence = s->quality == QUALITY_GOOD || s->quality == QUALITY_UNCERTAIN;
    if (w->rule->type == RULE_MISMATCH) {
        const struct rule_operand *o = side == SIDE_WHEN ? &w->rule->when : &w->rule->expect;
        return mismatch_says(w, side, evidence ? operand_says(o, s) : CONDITION_UNKNOWN, s);
    }
    if (!evidence)
        return CONDITION_UNKNOWN;
    if (w->rule->type == RULE_THRESHOLD)
        return threshold_says(w, s, now);
    if (w->rule->type == RULE_STALLED)
        return stalled_says(w, s, now);
    return s->type == VALUE_BOOL ? truth(s->boolean == w->rule->equals) : CONDITION_UNKNOWN;
}

/* A mismatch waits for its other side, unless that says nothing. */
static bool can_judge(const struct watch *w, const struct alarm_sample *s, enum condition c)
{
    return w->rule->type != RULE_MISMATCH || c != CONDITION_UNKNOWN || s->quality == QUALITY_BAD;
}

/* One bad point is enough; it is over when none is. */
static void judge_fault(struct alarm_engine *eng, struct watch *w, struct link *l,
                        const struct alarm_sample *s, struct alarm_now now)
{
    bool faulty = s->quality == QUALITY_BAD && s->cause == rule_fault(w->rule);
    if (faulty && !l->faulty)
        w->faulty++;
    if (!faulty && l->faulty)
        w->faulty--;
    l->faulty = faulty;
    judge_condition(eng, w, truth(w->faulty > 0), now);
}

void judge_sample(struct alarm_engine *eng, struct link *l, const struct alarm_sample *s,
                  struct alarm_now now)
{
    struct watch *w = &eng->watches[l->watch];
    if (s->at.ms <= w->floor_ms)
        return;
    if (s->at.ms > w->judged_ms)
        w->judged_ms = s->at.ms;
    if (w->rule->type == RULE_FAULT) {
        judge_fault(eng, w, l, s, now);
        return;
    }
    if (attend_sample(eng, w, l, s, now)) {
        if (!l->marked && w->rule->type == RULE_MISMATCH)
            sample_says(w, l->side, s, now); /* for when its other side is back */
        return;
    }
    bool silence = w->rule->type == RULE_NO_DATA;
    enum condition c = !silence                    ? sample_says(w, l->side, s, now)
                       : s->quality == QUALITY_BAD ? CONDITION_UNKNOWN
                                                   : CONDITION_FALSE;
    if (w->state == ALARM_SUPPRESSED) {
        if (!can_judge(w, s, c))
            return;
        attend_end(eng, w, c, now);
    }
    if (silence) {
        feed(eng, w, s, now);
        return;
    }
    judge_condition(eng, w, c, now);
    escalate(eng, w, now);
}
