/*
 * The control document: everything that may switch a light, in one file the control authority signs
 * (model/jws.h). Whose keys are accepted and for what, which points make a lighting group, when it
 * switches by the sun and the calendar, and what holds while the clock is unknown.
 *
 * Parsed strictly: whatever cannot be right is refused with line, path and remedy. Whether devices
 * and points exist only the gateway knows, and checks. The struct owns everything; control_free.
 * Pure, and the same for the gateway and for collectorctl, which signs. Limits are named below.
 */
#ifndef MODEL_CONTROL_H
#define MODEL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/jws.h"
#include "model/name.h"
#include "model/sample.h"
#include "model/schema.h"

#define CONTROL_FILE_MAX       (128 * 1024) /* of the document; in base64url it stays a JWS */
#define CONTROL_KEYS_MAX       8
#define CONTROL_MAY_MAX        16
#define CONTROL_GROUPS_MAX     32
#define CONTROL_POINTS_MAX     64 /* of one group */
#define CONTROL_SCHEDULES_MAX  16
#define CONTROL_STEPS_MAX      16
#define CONTROL_EXCEPTIONS_MAX 64
#define CONTROL_PEM_SIZE       512
#define CONTROL_TARGET_SIZE    (2 * NAME_SIZE)
#define CONTROL_AT_SIZE        16
#define CONTROL_DATE_SIZE      11
#define CONTROL_OVERRIDE_MAX_S 604800

/* What a key may command: targets by pattern, values within min..max (false is 0, true is 1). A
 * pattern without '/' means groups ("street-*"), one with '/' points ("cabinet-1/k?"). */
struct control_may {
    char target[CONTROL_TARGET_SIZE];
    double min, max;
};

struct control_key {
    char kid[JWS_KID_SIZE];
    char operator_name[NAME_SIZE];
    char public_key[CONTROL_PEM_SIZE]; /* PEM */
    struct control_may *may;
    size_t may_count;
};

enum control_anchor { CONTROL_CLOCK, CONTROL_SUNRISE, CONTROL_SUNSET };

struct control_step {
    char at[CONTROL_AT_SIZE]; /* "23:00", "sunset", "sunset-00:15", "sunrise+00:10" */
    struct value value;
    /* worked out from `at` */
    enum control_anchor anchor;
    int offset_min; /* CONTROL_CLOCK: minutes after midnight; else after the sun's event */
};

struct control_weekday {
    int day; /* 0 is Monday, as in ISO 8601 */
};

/* On the days it covers its steps stand in place of the schedule's. */
struct control_exception {
    char from[CONTROL_DATE_SIZE], to[CONTROL_DATE_SIZE]; /* local dates, inclusive; empty: open */
    struct control_weekday *weekdays;                    /* none: every day */
    size_t weekday_count;
    struct control_step *steps;
    size_t step_count;
    /* worked out: days since 1970-01-01, and a bit a weekday */
    int64_t first_day, last_day;
    unsigned weekday_mask;
};

struct control_schedule {
    char name[NAME_SIZE];
    struct control_step *steps;
    size_t step_count;
    struct control_exception *exceptions; /* the first that covers a day counts */
    size_t exception_count;
};

struct control_target {
    char name[CONTROL_TARGET_SIZE]; /* "device/point" */
};

struct control_group {
    char name[NAME_SIZE];
    struct control_target *points;
    size_t point_count;
    char schedule_name[NAME_SIZE];
    struct value safe; /* held while the clock is unknown */
    int64_t override_max_s;
    int64_t stagger_ms; /* between two of its lamps switching: the feeder's inrush */
    const struct control_schedule *schedule; /* worked out */
};

struct control {
    int64_t v;
    int64_t revision;
    char gateway[NAME_SIZE];
    struct control_position {
        double latitude, longitude; /* degrees, north and east positive */
    } position;
    int64_t utc_offset_min;
    struct control_key *keys;
    size_t key_count;
    struct control_group *groups;
    size_t group_count;
    struct control_schedule *schedules;
    size_t schedule_count;
};

extern const struct schema_field control_fields[];

/* ERR_INVALID, ERR_LIMIT or ERR_NOMEM with "line N: path: ..."; *out is NULL then. Comments are
 * allowed: a person writes it. */
int control_parse(const char *text, size_t len, struct control **out, struct err *e);
void control_free(struct control *c); /* NULL is fine */

const struct control_key *control_find_key(const struct control *c, const char *kid);
const struct control_group *control_find_group(const struct control *c, const char *name);

/* Whether the key may command this target at all, and this value of it (NULL: to release it).
 * ERR_DENIED; the text says which it is, and what would be allowed. */
int control_allows(const struct control_key *key, const char *target, const struct value *value,
                   struct err *e);

/* false and true as 0 and 1. */
double control_value_number(const struct value *v);

#endif
