/* What the actuators' files share. */
#ifndef GATEWAY_CORE_CONTROL_ACTUATOR_INSIDE_H
#define GATEWAY_CORE_CONTROL_ACTUATOR_INSIDE_H

#include "gateway/core/control/actuator.h"
#include "gateway/core/control/schedule.h"

#define NO_GROUP   SIZE_MAX
#define NO_JOB     (-1)
#define NO_CONTROL UINT16_MAX

struct actuator_hold {
    bool active;
    bool until_step; /* of the group's schedule */
    struct value value;
    struct clk_mono until;
};

enum point_phase {
    POINT_IDLE,    /* nothing to write: as wanted, as far as is known, or nothing wanted */
    POINT_DUE,     /* to be written at `due` */
    POINT_WRITING, /* the write `flight` is under way, since `due` */
};

struct actuated {
    uint16_t device, point, readback; /* of the configuration's device */
    size_t group;
    enum point_phase phase;
    struct clk_mono due;
    uint64_t flight;
    bool stale;          /* wanted changed while it was being written */
    struct value wanted; /* VALUE_NONE: nothing */
    struct actuator_hold override;
    unsigned tries;        /* writes since it was last right for long */
    struct clk_mono ended; /* the last write */
    bool silent;           /* its last sample was bad */
    bool in_trouble, say;
    int job;
    unsigned job_tries;
};

/* Why a group's wanted value changed, for the record. */
enum group_cause { GROUP_QUIET, GROUP_SCHEDULE, GROUP_SAFE, GROUP_COMMAND };

struct group {
    const struct control_group *control;
    size_t first; /* its points are actuated[first .. first + control->point_count - 1] */
    struct schedule_state schedule;
    bool asked;       /* schedule holds something */
    bool clock_known; /* when it was last stepped */
    struct value wanted;
    struct actuator_hold override;
    enum group_cause say;
};

struct job {
    bool active;
    size_t pending; /* points still to end */
    size_t bad, foreign, sent, agreeing;
    struct command_result result;
    size_t count;
    struct sample samples[CONTROL_POINTS_MAX];
};

struct actuator {
    const struct gateway_config *config;
    const struct control *control;
    struct actuated *points;
    size_t point_count;
    struct group *groups;
    size_t group_count;
    uint16_t *watched[GATEWAY_DEVICES_MAX]; /* a profile point: whose read-back it is */
    unsigned flights[GATEWAY_BUSES_MAX];
    uint64_t next_id;
    struct job jobs[ACTUATOR_JOBS_MAX];
    char object[CONTROL_TARGET_SIZE];
    char text[ACTUATOR_TEXT_SIZE];
};

/* actuator_bind.c */
const struct point *actuated_profile(const struct actuator *a, const struct actuated *p);
const char *actuated_name(const struct actuator *a, const struct actuated *p,
                          char text[CONTROL_TARGET_SIZE]);
struct actuated *actuator_find(struct actuator *a, const char *target);
/* What `v` is for a point of this kind: a level above 0 switches a switch on. */
struct value value_for(const struct point *point, const struct value *v);
bool value_same(const struct point *point, const struct value *a, const struct value *b);
void value_text(const struct value *v, char *text, size_t size);

/* actuator.c */
void actuator_aim(struct actuator *a, struct actuated *p, struct clk_mono due);
bool hold_ends(const struct actuator_hold *o, struct clk_mono now);

/* actuator_job.c */
void job_point_ended(struct actuator *a, struct actuated *p, const struct actuator_end *end);
/* The point is wanted otherwise now: its command is answered with what is known. */
void job_point_left(struct actuator *a, struct actuated *p);
bool job_result(struct actuator *a, struct actuator_action *out);

#endif
