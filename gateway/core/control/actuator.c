/* What every actuator is wanted to be, and the writes that make it so. */
#include "gateway/core/control/actuator.h"

#include <stdio.h>
#include <string.h>

#include "gateway/core/control/actuator_inside.h"

#define DOUBLINGS_MAX 10

/* --- aiming --- */

bool hold_ends(const struct actuator_hold *o, struct clk_mono now)
{
    return o->active && clk_mono_due(o->until, now);
}

/* Has the point written at `due`; what is under way is written over when it has ended. */
void actuator_aim(struct actuator *a, struct actuated *p, struct clk_mono due)
{
    (void)a;
    if (p->phase == POINT_WRITING) {
        p->stale = true;
        return;
    }
    p->phase = POINT_DUE;
    p->due = due;
}

static int64_t again_ms(const struct actuated *p)
{
    unsigned doublings = p->tries > 1 ? p->tries - 1 : 0;
    int64_t ms = ACTUATOR_AGAIN_MS << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX);
    return ms < ACTUATOR_AGAIN_MAX_MS ? ms : ACTUATOR_AGAIN_MAX_MS;
}

static bool same_setting(const struct value *a, const struct value *b)
{
    if (a->type != b->type)
        return false;
    if (a->type == VALUE_BOOL)
        return a->boolean == b->boolean;
    return a->type != VALUE_NUMBER || !(a->number < b->number || a->number > b->number);
}

static void change_wanted(struct actuator *a, struct actuated *p, const struct value *wanted,
                          struct clk_mono due)
{
    p->wanted = *wanted;
    p->tries = 0;
    p->in_trouble = p->say = false;
    if (wanted->type != VALUE_NONE)
        actuator_aim(a, p, due);
    else if (p->phase == POINT_DUE)
        p->phase = POINT_IDLE;
}

/* --- groups --- */

/* Keeps the schedule's answer until it changes or the clock was stepped out of it. True: the
 * schedule took a step. */
static bool follow_schedule(struct actuator *a, struct group *g, const struct actuator_now *now)
{
    const struct schedule_state was = g->schedule;
    bool had = g->asked;
    if (!now->clock_known) {
        g->asked = false;
        return false;
    }
    if (had && now->utc.ms >= was.since.ms && now->utc.ms < was.next.ms)
        return false;
    schedule_at(g->control->schedule, a->control, now->utc, &g->schedule);
    g->asked = true;
    return had && g->schedule.since.ms != was.since.ms;
}

static struct value group_wants(const struct group *g)
{
    if (g->override.active)
        return g->override.value;
    return g->asked && g->schedule.known ? g->schedule.value : g->control->safe;
}

static void step_group(struct actuator *a, struct group *g, const struct actuator_now *now)
{
    bool stepped = follow_schedule(a, g, now);
    bool ended = hold_ends(&g->override, now->mono) ||
                 (g->override.active && g->override.until_step && stepped);
    if (ended)
        g->override.active = false;
    for (size_t i = 0; stepped && i < g->control->point_count; i++)
        if (a->points[g->first + i].override.until_step)
            a->points[g->first + i].override.active = false;
    struct value wanted = group_wants(g);
    if (same_setting(&wanted, &g->wanted) && !ended)
        return;
    g->wanted = wanted;
    g->say = g->override.active ? GROUP_COMMAND : g->asked ? GROUP_SCHEDULE : GROUP_SAFE;
}

/* --- points --- */

static struct value point_wants(const struct actuator *a, const struct actuated *p)
{
    struct value wanted = {.type = VALUE_NONE};
    if (p->override.active)
        wanted = p->override.value;
    else if (p->group != NO_GROUP)
        wanted = a->groups[p->group].wanted;
    return value_for(actuated_profile(a, p), &wanted);
}

static void end_flight(struct actuator *a, struct actuated *p, const struct actuator_end *end,
                       struct clk_mono now);

static void lose_flight(struct actuator *a, struct actuated *p, enum cause cause,
                        struct clk_mono now)
{
    const struct actuator_end end = {.read_back = {.quality = QUALITY_BAD, .cause = cause}};
    end_flight(a, p, &end, now);
}

void actuator_step(struct actuator *a, const struct actuator_now *now)
{
    size_t group = NO_GROUP;
    int64_t wait_ms = 0;
    for (size_t i = 0; i < a->group_count; i++)
        step_group(a, &a->groups[i], now);
    for (size_t i = 0; i < a->point_count; i++) {
        struct actuated *p = &a->points[i];
        if (hold_ends(&p->override, now->mono))
            p->override.active = false;
        if (p->phase == POINT_WRITING &&
            clk_mono_due(clk_mono_add(p->due, ACTUATOR_FLIGHT_MS), now->mono))
            lose_flight(a, p, CAUSE_WEDGED, now->mono);
        if (p->group != group)
            wait_ms = 0;
        group = p->group;
        struct value wanted = point_wants(a, p);
        if (same_setting(&wanted, &p->wanted))
            continue;
        change_wanted(a, p, &wanted, clk_mono_add(now->mono, wait_ms));
        wait_ms += group == NO_GROUP ? 0 : a->groups[group].control->stagger_ms;
    }
}

/* --- what comes back --- */

/* Right for long: what was before is forgotten. */
static void calm(struct actuated *p)
{
    p->tries = 0;
    p->say = p->say || p->in_trouble;
    p->in_trouble = false;
}

static void disagrees(struct actuated *p)
{
    if (p->in_trouble || p->tries < ACTUATOR_TROUBLE)
        return;
    p->in_trouble = p->say = true;
}

static bool follows(const struct actuator *a, const struct actuated *p, const struct sample *s)
{
    return s->quality != QUALITY_BAD && value_same(actuated_profile(a, p), &p->wanted, &s->value);
}

static void end_flight(struct actuator *a, struct actuated *p, const struct actuator_end *end,
                       struct clk_mono now)
{
    a->flights[a->config->devices[p->device].bus]--;
    p->flight = 0;
    p->ended = now;
    p->phase = POINT_IDLE;
    bool stale = p->stale;
    p->stale = false;
    if (p->wanted.type == VALUE_NONE)
        return;
    if (stale) {
        actuator_aim(a, p, now);
        return;
    }
    bool right = end->broadcast || follows(a, p, &end->read_back);
    p->silent = !end->broadcast && end->read_back.quality == QUALITY_BAD;
    if (!right) {
        disagrees(p);
        actuator_aim(a, p, clk_mono_add(now, again_ms(p)));
    }
    if (p->job != NO_JOB && (right || ++p->job_tries >= ACTUATOR_JOB_TRIES))
        job_point_ended(a, p, end);
}

static struct actuated *find_flight(struct actuator *a, uint64_t id)
{
    for (size_t i = 0; i < a->point_count; i++)
        if (a->points[i].phase == POINT_WRITING && a->points[i].flight == id)
            return &a->points[i];
    return NULL;
}

void actuator_written(struct actuator *a, uint64_t id, const struct actuator_end *end,
                      struct clk_mono now)
{
    struct actuated *p = find_flight(a, id);
    if (p) /* else it was given up before */
        end_flight(a, p, end, now);
}

void actuator_unwritten(struct actuator *a, uint64_t id, struct clk_mono now)
{
    struct actuated *p = find_flight(a, id);
    if (p)
        lose_flight(a, p, CAUSE_WEDGED, now);
}

static void sample_right(struct actuated *p, struct clk_mono now)
{
    if (clk_mono_due(clk_mono_add(p->ended, ACTUATOR_CALM_MS), now))
        calm(p);
    if (p->phase == POINT_DUE && p->job == NO_JOB)
        p->phase = POINT_IDLE;
}

static void sample_wrong(struct actuator *a, struct actuated *p, struct clk_mono now)
{
    struct clk_mono due = p->tries ? clk_mono_add(p->ended, again_ms(p)) : now;
    if (p->silent) {
        p->tries = 0;
        due = now;
    }
    disagrees(p);
    if (p->phase == POINT_IDLE || p->silent)
        actuator_aim(a, p, due);
}

void actuator_sample(struct actuator *a, const struct sample *s, struct clk_mono now)
{
    uint16_t index = a->watched[s->device][s->point];
    struct actuated *p = index == NO_CONTROL ? NULL : &a->points[index];
    if (!p || p->wanted.type == VALUE_NONE || p->phase == POINT_WRITING)
        return;
    if (s->quality == QUALITY_BAD) {
        p->silent = true;
        return;
    }
    if (p->flight == 0 && p->ended.ms && s->mono.ms <= p->ended.ms)
        return; /* read before it was written */
    if (follows(a, p, s))
        sample_right(p, now);
    else
        sample_wrong(a, p, now);
    p->silent = false;
}

/* --- what to do --- */

static bool next_write(struct actuator *a, struct clk_mono now, struct actuator_action *out)
{
    struct actuated *first = NULL;
    for (size_t i = 0; i < a->point_count; i++) {
        struct actuated *p = &a->points[i];
        if (p->phase == POINT_DUE && clk_mono_due(p->due, now) &&
            a->flights[a->config->devices[p->device].bus] < ACTUATOR_FLIGHTS_MAX &&
            (!first || p->due.ms < first->due.ms))
            first = p;
    }
    if (!first)
        return false;
    first->phase = POINT_WRITING;
    first->flight = ++a->next_id;
    first->due = now;
    first->tries++;
    a->flights[a->config->devices[first->device].bus]++;
    *out = (struct actuator_action){.verb = ACTUATOR_WRITE,
                                    .id = first->flight,
                                    .device = first->device,
                                    .point = first->point,
                                    .value = first->wanted};
    return true;
}

static void say_group(struct actuator *a, struct group *g, struct actuator_action *out)
{
    static const char *const why[] = {[GROUP_SCHEDULE] = "by its schedule",
                                      [GROUP_SAFE] = "its safe state: the clock is unknown",
                                      [GROUP_COMMAND] = "by command"};
    char value[32];
    value_text(&g->wanted, value, sizeof(value));
    snprintf(a->object, sizeof(a->object), "%s", g->control->name);
    snprintf(a->text, sizeof(a->text), "%s, %s", value, why[g->say]);
    g->say = GROUP_QUIET;
    *out = (struct actuator_action){.verb = ACTUATOR_SAY, .object = a->object, .text = a->text};
}

static void say_point(struct actuator *a, struct actuated *p, struct actuator_action *out)
{
    char value[32];
    value_text(&p->wanted, value, sizeof(value));
    actuated_name(a, p, a->object);
    if (p->in_trouble)
        snprintf(a->text, sizeof(a->text),
                 "does not follow: wanted %s, %s; look at its controller, contactor and local "
                 "switch",
                 value, p->silent ? "no answer" : "read otherwise");
    else
        snprintf(a->text, sizeof(a->text), "follows again: %s", value);
    p->say = false;
    *out = (struct actuator_action){
        .verb = ACTUATOR_SAY, .object = a->object, .text = a->text, .trouble = p->in_trouble};
}

static bool next_word(struct actuator *a, struct actuator_action *out)
{
    for (size_t i = 0; i < a->group_count; i++) {
        if (a->groups[i].say == GROUP_QUIET)
            continue;
        say_group(a, &a->groups[i], out);
        return true;
    }
    for (size_t i = 0; i < a->point_count; i++) {
        if (!a->points[i].say)
            continue;
        say_point(a, &a->points[i], out);
        return true;
    }
    return false;
}

bool actuator_next(struct actuator *a, struct clk_mono now, struct actuator_action *out)
{
    return next_write(a, now, out) || job_result(a, out) || next_word(a, out);
}

static struct clk_mono point_wake(const struct actuator *a, const struct actuated *p)
{
    struct clk_mono at = p->override.active ? p->override.until : CLK_NEVER;
    bool room = a->flights[a->config->devices[p->device].bus] < ACTUATOR_FLIGHTS_MAX;
    if (p->phase == POINT_WRITING)
        at = clk_mono_min(at, clk_mono_add(p->due, ACTUATOR_FLIGHT_MS));
    else if (p->phase == POINT_DUE && room)
        at = clk_mono_min(at, p->due);
    return at;
}

struct clk_mono actuator_wake(const struct actuator *a, const struct actuator_now *now)
{
    struct clk_mono at = CLK_NEVER;
    for (size_t i = 0; i < a->group_count; i++) {
        const struct group *g = &a->groups[i];
        at = clk_mono_min(at, clk_mono_add(now->mono, ACTUATOR_CLOCK_MS));
        if (g->asked)
            at = clk_mono_min(at, clk_mono_add(now->mono, g->schedule.next.ms - now->utc.ms));
        if (g->override.active)
            at = clk_mono_min(at, g->override.until);
    }
    for (size_t i = 0; i < a->point_count; i++)
        at = clk_mono_min(at, point_wake(a, &a->points[i]));
    return at;
}
