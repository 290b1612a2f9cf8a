/* Commands: what they change, and the result each ends with. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/core/control/actuator_inside.h"

/* The points a target names, which lie together. */
struct aim {
    struct group *group; /* the target itself; NULL: one point */
    struct actuated *points;
    size_t count;
};

/* --- refusing --- */

static int find_target(struct actuator *a, const char *target, struct aim *aim, struct err *e)
{
    *aim = (struct aim){0};
    for (size_t i = 0; i < a->group_count; i++) {
        struct group *g = &a->groups[i];
        if (strcmp(g->control->name, target) != 0)
            continue;
        *aim = (struct aim){g, &a->points[g->first], g->control->point_count};
        return 0;
    }
    if (strchr(target, '/')) {
        *aim = (struct aim){.points = actuator_find(a, target), .count = 1};
        if (aim->points)
            return 0;
        return err_set(e, ERR_NOTFOUND, "there is no point %s here that can be written", target);
    }
    return err_set(e, ERR_NOTFOUND, "there is no group %s here", target);
}

static const struct control_group *owner(const struct actuator *a, const struct aim *aim)
{
    assert(aim->points);
    size_t group = aim->points[0].group;
    return group == NO_GROUP ? NULL : a->groups[group].control;
}

static int check_setting(const struct actuator *a, const struct command *c, const struct aim *aim,
                         struct err *e)
{
    const struct control_group *group = owner(a, aim);
    if (group && c->hold_s > (uint64_t)group->override_max_s)
        return err_set(e, ERR_LIMIT, "a hold of %u s is longer than the %lld s of the group %s",
                       c->hold_s, (long long)group->override_max_s, group->name);
    for (size_t i = 0; i < aim->count; i++) {
        const struct point *point = actuated_profile(a, &aim->points[i]);
        uint16_t registers[POINT_REGS_MAX];
        struct value told = value_for(point, &c->value);
        int rc = point_encode(point, &told, registers, e);
        if (rc)
            return rc;
    }
    return 0;
}

static struct job *free_job(struct actuator *a, struct err *e)
{
    for (size_t i = 0; i < ACTUATOR_JOBS_MAX; i++)
        if (!a->jobs[i].active)
            return &a->jobs[i];
    err_set(e, ERR_FULL, "%d commands are under way; try again", ACTUATOR_JOBS_MAX);
    return NULL;
}

/* --- carrying out --- */

static struct actuator_hold make_override(const struct actuator *a, const struct command *c,
                                          const struct aim *aim, struct clk_mono now)
{
    const struct control_group *group = owner(a, aim);
    struct actuator_hold o = {.active = true, .value = c->value, .until = CLK_NEVER};
    if (c->hold_s)
        o.until = clk_mono_add(now, (int64_t)c->hold_s * 1000);
    else if (group)
        o.until = clk_mono_add(now, group->override_max_s * 1000);
    o.until_step = group && c->hold_s == 0;
    return o;
}

/* The last word counts: a group's command ends what was said to its points before. */
static void apply(struct actuator *a, const struct command *c, const struct aim *aim,
                  struct clk_mono now)
{
    struct actuator_hold o = {0};
    if (c->action == COMMAND_SET)
        o = make_override(a, c, aim, now);
    if (aim->group)
        aim->group->override = o;
    for (size_t i = 0; i < aim->count; i++)
        aim->points[i].override = aim->group ? (struct actuator_hold){0} : o;
}

static void open_job(struct job *j, const struct command *c, const struct control_key *key)
{
    memset(j, 0, sizeof(*j));
    j->active = true;
    snprintf(j->result.id, sizeof(j->result.id), "%s", c->id);
    snprintf(j->result.kid, sizeof(j->result.kid), "%s", key->kid);
    snprintf(j->result.operator_name, sizeof(j->result.operator_name), "%s", key->operator_name);
    snprintf(j->result.target, sizeof(j->result.target), "%s", c->target);
}

/* Every point is written, also one that stands right already: who commands wants to see it read
 * back. */
static void take_points(struct actuator *a, struct job *j, const struct aim *aim,
                        struct clk_mono now)
{
    int64_t wait_ms = 0;
    const struct control_group *group = owner(a, aim);
    for (size_t i = 0; i < aim->count; i++) {
        struct actuated *p = &aim->points[i];
        if (p->job != NO_JOB)
            job_point_left(a, p);
        if (p->wanted.type == VALUE_NONE)
            continue;
        p->job = (int)(j - a->jobs);
        p->job_tries = 0;
        j->pending++;
        if (p->phase == POINT_IDLE)
            actuator_aim(a, p, clk_mono_add(now, wait_ms));
        wait_ms += group ? group->stagger_ms : 0;
    }
}

int actuator_command(struct actuator *a, const struct command *c, const struct control_key *key,
                     const struct actuator_now *now, struct err *e)
{
    struct aim aim;
    int rc = find_target(a, c->target, &aim, e);
    if (rc == 0 && c->action == COMMAND_SET)
        rc = check_setting(a, c, &aim, e);
    struct job *j = rc == 0 ? free_job(a, e) : NULL;
    if (!j)
        return rc ? rc : ERR_FULL;
    actuator_step(a, now); /* so that a step of the schedule is not taken for the command's */
    apply(a, c, &aim, now->mono);
    open_job(j, c, key);
    actuator_step(a, now);
    take_points(a, j, &aim, now->mono);
    return 0;
}

/* --- ending --- */

static void add_reason(struct job *j, const char *name, const char *what)
{
    size_t len = strlen(j->result.reason);
    if (j->bad + j->foreign == 1)
        snprintf(j->result.reason, sizeof(j->result.reason), "%s: %s", name, what);
    else if (len + sizeof(", ...") <= sizeof(j->result.reason) && !strstr(j->result.reason, "..."))
        memcpy(j->result.reason + len, ", ...", sizeof(", ..."));
}

static void keep_value(struct job *j, const struct point *point, const struct sample *s)
{
    if (j->count == 1)
        j->result.value = s->value;
    else if (!value_same(point, &j->result.value, &s->value))
        j->result.value = (struct value){.type = VALUE_NONE};
}

static void judge(struct actuator *a, struct job *j, const struct actuated *p,
                  const struct actuator_end *end)
{
    char name[CONTROL_TARGET_SIZE], cause[CAUSE_TEXT], value[32], text[96];
    const struct sample *s = &end->read_back;
    actuated_name(a, p, name);
    if (end->broadcast) {
        j->sent++;
    } else if (s->quality == QUALITY_BAD) {
        j->bad++;
        snprintf(text, sizeof(text), "not read back (%s)",
                 cause_text(s->cause, s->exception, cause));
        add_reason(j, name, text);
    } else if (value_same(actuated_profile(a, p), &p->wanted, &s->value)) {
        j->agreeing++;
    } else {
        j->foreign++;
        value_text(&s->value, value, sizeof(value));
        snprintf(text, sizeof(text), "read back %s", value);
        add_reason(j, name, text);
    }
}

void job_point_ended(struct actuator *a, struct actuated *p, const struct actuator_end *end)
{
    struct job *j = &a->jobs[p->job];
    p->job = NO_JOB;
    j->pending--;
    judge(a, j, p, end);
    if (end->broadcast || end->read_back.at.ms == 0)
        return; /* nothing was read, not even an error */
    j->samples[j->count] = end->read_back;
    j->samples[j->count].device = p->device;
    j->samples[j->count++].point = p->readback;
    keep_value(j, actuated_profile(a, p), &end->read_back);
}

void job_point_left(struct actuator *a, struct actuated *p)
{
    char name[CONTROL_TARGET_SIZE];
    struct job *j = &a->jobs[p->job];
    p->job = NO_JOB;
    j->pending--;
    j->bad++;
    add_reason(j, actuated_name(a, p, name), "another command came before its end");
}

bool job_result(struct actuator *a, struct actuator_action *out)
{
    for (size_t i = 0; i < ACTUATOR_JOBS_MAX; i++) {
        struct job *j = &a->jobs[i];
        if (!j->active || j->pending)
            continue;
        j->active = false;
        j->result.outcome = j->bad       ? COMMAND_FAILED
                            : j->foreign ? COMMAND_MISMATCHED
                            : j->sent    ? COMMAND_SENT
                                         : COMMAND_DONE;
        *out = (struct actuator_action){.verb = ACTUATOR_RESULT,
                                        .result = &j->result,
                                        .samples = j->samples,
                                        .count = j->count};
        return true;
    }
    return false;
}
