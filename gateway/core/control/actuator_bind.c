/* The control document's names, bound to the configuration's devices and points. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/core/control/actuator_inside.h"

/* --- points by name --- */

static const struct point *find_point(const struct gateway_config *c, const char *target,
                                      size_t *device, struct err *e)
{
    size_t len = strcspn(target, "/");
    for (*device = 0; *device < c->device_count; ++*device) {
        const struct gateway_device *d = &c->devices[*device];
        if (strlen(d->name) != len || memcmp(d->name, target, len) != 0)
            continue;
        const struct point *p = profile_find(d->profile, target + len + (target[len] == '/'));
        if (!p)
            err_set(e, ERR_NOTFOUND, "%s: the device's profile, %s, has no such point", target,
                    d->profile_name);
        return p;
    }
    err_set(e, ERR_NOTFOUND, "%s: this gateway has no such device", target);
    return NULL;
}

static int check_writable(const char *target, const struct point *p, struct err *e)
{
    if (p->writable && (p->table == TABLE_COIL || p->table == TABLE_HOLDING))
        return 0;
    return err_set(e, ERR_DENIED, "%s cannot be written; its profile does not say `writable`",
                   target);
}

const struct point *actuated_profile(const struct actuator *a, const struct actuated *p)
{
    return &a->config->devices[p->device].profile->points[p->point];
}

const char *actuated_name(const struct actuator *a, const struct actuated *p,
                          char text[CONTROL_TARGET_SIZE])
{
    snprintf(text, CONTROL_TARGET_SIZE, "%s/%s", a->config->devices[p->device].name,
             actuated_profile(a, p)->name);
    return text;
}

struct actuated *actuator_find(struct actuator *a, const char *target)
{
    size_t device;
    const struct point *point = find_point(a->config, target, &device, NULL);
    for (size_t i = 0; point && i < a->point_count; i++)
        if (a->points[i].device == device && actuated_profile(a, &a->points[i]) == point)
            return &a->points[i];
    return NULL;
}

/* --- values --- */

struct value value_for(const struct point *point, const struct value *v)
{
    if (point->kind->type == KIND_BOOL && v->type == VALUE_NUMBER)
        return (struct value){.type = VALUE_BOOL, .boolean = v->number > 0};
    return *v;
}

bool value_same(const struct point *point, const struct value *a, const struct value *b)
{
    if (a->type != b->type)
        return false;
    if (a->type != VALUE_NUMBER)
        return a->type == VALUE_BOOL && a->boolean == b->boolean;
    double step = point->scale > 0 || point->scale < 0 ? fabs(point->scale) : 1;
    return fabs(a->number - b->number) <= step / 2 + 1e-6 * fabs(a->number);
}

void value_text(const struct value *v, char *text, size_t size)
{
    if (v->type == VALUE_BOOL)
        snprintf(text, size, "%s", v->boolean ? "on" : "off");
    else if (v->type == VALUE_NUMBER)
        snprintf(text, size, "%g", v->number);
    else
        snprintf(text, size, "nothing");
}

/* --- checking --- */

static int check_value(const struct point *p, const struct value *v, struct err *e)
{
    uint16_t registers[POINT_REGS_MAX];
    struct value told = value_for(p, v);
    return point_encode(p, &told, registers, e);
}

static int check_steps(const struct point *p, const struct control_step *steps, size_t count,
                       struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = check_value(p, &steps[i].value, e);
    return rc;
}

static int check_schedule(const struct point *p, const struct control_schedule *s, struct err *e)
{
    int rc = check_steps(p, s->steps, s->step_count, e);
    for (size_t i = 0; rc == 0 && i < s->exception_count; i++)
        rc = check_steps(p, s->exceptions[i].steps, s->exceptions[i].step_count, e);
    return rc ? err_prefix(e, "schedule %s", s->name) : 0;
}

static int check_member(const struct gateway_config *config, const struct control_group *g,
                        const char *target, struct err *e)
{
    size_t device;
    const struct point *p = find_point(config, target, &device, e);
    int rc = p ? check_writable(target, p, e) : ERR_NOTFOUND;
    rc = rc ? rc : check_value(p, &g->safe, e);
    return rc ? rc : check_schedule(p, g->schedule, e);
}

int actuator_check(const struct gateway_config *config, const struct control *control,
                   struct err *e)
{
    if (strcmp(control->gateway, config->gateway) != 0)
        return err_set(e, ERR_INVALID, "gateway: it is for %s, and this is %s", control->gateway,
                       config->gateway);
    for (size_t i = 0; i < control->group_count; i++) {
        const struct control_group *g = &control->groups[i];
        assert(g->points); /* a group has at least one */
        for (size_t k = 0; k < g->point_count; k++) {
            if (check_member(config, g, g->points[k].name, e) == 0)
                continue;
            err_prefix(e, "groups[%zu].points[%zu]", i, k);
            return ERR_INVALID;
        }
    }
    return 0;
}

/* --- binding --- */

static void add_point(struct actuator *a, size_t device, size_t point, size_t group)
{
    const struct profile *profile = a->config->devices[device].profile;
    const struct point *p = &profile->points[point];
    const struct point *readback = *p->readback ? profile_find(profile, p->readback) : p;
    assert(a->watched[device]);
    uint16_t index = (uint16_t)a->point_count++;
    a->points[index] = (struct actuated){.device = (uint16_t)device,
                                         .point = (uint16_t)point,
                                         .readback = (uint16_t)(readback - profile->points),
                                         .group = group,
                                         .due = CLK_NEVER,
                                         .job = NO_JOB};
    a->watched[device][a->points[index].readback] = index;
}

static void bind_groups(struct actuator *a)
{
    for (size_t i = 0; i < a->group_count; i++) {
        struct group *g = &a->groups[i];
        g->control = &a->control->groups[i];
        g->first = a->point_count;
        for (size_t k = 0; k < g->control->point_count; k++) {
            size_t device;
            const struct point *p =
                find_point(a->config, g->control->points[k].name, &device, NULL);
            add_point(a, device, (size_t)(p - a->config->devices[device].profile->points), i);
        }
    }
}

/* Whatever else can be written stands in no group. */
static void bind_loose(struct actuator *a, size_t device)
{
    const struct gateway_device *d = &a->config->devices[device];
    size_t grouped = a->point_count;
    for (size_t i = 0; i < d->profile->point_count; i++) {
        const struct point *p = &d->profile->points[i];
        bool taken = check_writable("", p, NULL) != 0;
        for (size_t k = 0; k < grouped && !taken; k++)
            taken = a->points[k].device == device && a->points[k].point == i;
        if (!taken)
            add_point(a, device, i, NO_GROUP);
    }
}

static size_t count_writable(const struct gateway_config *c)
{
    size_t n = 0;
    for (size_t d = 0; d < c->device_count; d++)
        for (size_t i = 0; i < c->devices[d].profile->point_count; i++)
            n += check_writable("", &c->devices[d].profile->points[i], NULL) == 0;
    return n;
}

static int make_room(struct actuator *a, struct err *e)
{
    size_t most = count_writable(a->config);
    bool all = most < NO_CONTROL;
    a->points = calloc(most + 1, sizeof(*a->points));
    a->groups = calloc(a->group_count + 1, sizeof(*a->groups));
    for (size_t d = 0; d < a->config->device_count; d++) {
        size_t size = a->config->devices[d].profile->point_count * sizeof(*a->watched[d]);
        a->watched[d] = malloc(size + 1);
        all = all && a->watched[d];
        if (a->watched[d])
            memset(a->watched[d], 0xff, size);
    }
    if (all && a->points && a->groups)
        return 0;
    return err_set(e, ERR_NOMEM, "no memory for %zu actuators", most);
}

int actuator_create(const struct gateway_config *config, const struct control *control,
                    struct actuator **out, struct err *e)
{
    *out = NULL;
    struct actuator *a = calloc(1, sizeof(*a));
    if (!a)
        return err_set(e, ERR_NOMEM, "no memory for the actuators");
    a->config = config;
    a->control = control;
    a->group_count = control->group_count;
    int rc = make_room(a, e);
    if (rc) {
        actuator_destroy(a);
        return rc;
    }
    bind_groups(a);
    for (size_t d = 0; d < config->device_count; d++)
        bind_loose(a, d);
    *out = a;
    return 0;
}

void actuator_destroy(struct actuator *a)
{
    if (!a)
        return;
    for (size_t d = 0; d < GATEWAY_DEVICES_MAX; d++)
        free(a->watched[d]);
    free(a->points);
    free(a->groups);
    free(a);
}
