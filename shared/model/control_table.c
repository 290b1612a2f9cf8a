/* Every key of the control document, with its range, default and meaning. */
#include <string.h>

#include "model/control.h"
#include "model/control_parts.h"
#include "model/glob.h"

#define LEVEL_MAX 1000000

static const char *const weekday_words[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};

static int check_version(const void *member, struct err *e)
{
    int64_t v = *(const int64_t *)member;
    return v == 1 ? 0 : err_set(e, ERR_INVALID, "%lld is not known here; give 1", (long long)v);
}

static int check_at(const void *member, struct err *e)
{
    struct control_step step = {0};
    memcpy(step.at, member, sizeof(step.at));
    return control_step_resolve(&step, e);
}

static int check_date(const void *member, struct err *e)
{
    int64_t day;
    return *(const char *)member ? control_date_parse(member, &day, e) : 0;
}

static int check_kid(const void *member, struct err *e)
{
    const char *kid = member;
    if (kid[strspn(kid, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] ==
        '\0')
        return 0;
    return err_set(e, ERR_INVALID, "\"%.64s\" is no key id: use letters, digits, '-', '_' and '.'",
                   kid);
}

static int check_key(const void *member, struct err *e)
{
    static const char begin[] = "-----BEGIN PUBLIC KEY-----";
    if (strncmp(member, begin, sizeof(begin) - 1) == 0)
        return 0;
    return err_set(e, ERR_INVALID, "is no public key in PEM (%s ...)", begin);
}

static int check_target(const void *member, struct err *e)
{
    if (control_target_valid(member))
        return 0;
    return err_set(e, ERR_INVALID, "\"%.70s\" is no point; write device/point",
                   (const char *)member);
}

static int check_pattern(const void *member, struct err *e)
{
    char device[CONTROL_TARGET_SIZE];
    const char *point = control_target_cut(member, device);
    if (glob_valid(device) && (!point || glob_valid(point)))
        return 0;
    return err_set(e, ERR_INVALID,
                   "\"%.70s\" is no pattern: write a group as in street-*, or points as in "
                   "cabinet-1/k?",
                   (const char *)member);
}

#define MAY(member) .offset = offsetof(struct control_may, member)
static const struct schema_field may_fields[] = {
    {.key = "target",
     .type = SCHEMA_STRING,
     MAY(target),
     .size = CONTROL_TARGET_SIZE,
     .check = check_pattern,
     .help = "a group, or device/point; * and ? stand for any characters of a name"},
    {.key = "min",
     .type = SCHEMA_NUMBER,
     MAY(min),
     .min = -LEVEL_MAX,
     .max = LEVEL_MAX,
     .preset = "0",
     .help = "lowest value allowed; off is 0"},
    {.key = "max",
     .type = SCHEMA_NUMBER,
     MAY(max),
     .min = -LEVEL_MAX,
     .max = LEVEL_MAX,
     .preset = "100",
     .help = "highest value allowed; on is 1"},
    SCHEMA_END};

#define KEY(member) .offset = offsetof(struct control_key, member)
static const struct schema_field key_fields[] = {
    {.key = "kid",
     .type = SCHEMA_STRING,
     KEY(kid),
     .size = JWS_KID_SIZE,
     .min = 1,
     .check = check_kid,
     .help = "the key's id, as commands name it"},
    {.key = "operator",
     .type = SCHEMA_NAME,
     KEY(operator_name),
     .help = "whose key it is; two keys of one person let the newer take over"},
    {.key = "public_key",
     .type = SCHEMA_STRING,
     KEY(public_key),
     .size = CONTROL_PEM_SIZE,
     .check = check_key,
     .help = "the public key (EC P-256) in PEM"},
    {.key = "may",
     .type = SCHEMA_ARRAY,
     KEY(may),
     .size = sizeof(struct control_may),
     .count_offset = offsetof(struct control_key, may_count),
     .min = 1,
     .max = CONTROL_MAY_MAX,
     .fields = may_fields,
     .help = "what it may command"},
    SCHEMA_END};

#define STEP(member) .offset = offsetof(struct control_step, member)
static const struct schema_field step_fields[] = {
    {.key = "at",
     .type = SCHEMA_STRING,
     STEP(at),
     .size = CONTROL_AT_SIZE,
     .check = check_at,
     .help = "local time 23:00, or sunset, sunrise, sunset-00:15, sunrise+00:10"},
    {.key = "value",
     .type = SCHEMA_VALUE,
     STEP(value),
     .max = LEVEL_MAX,
     .help = "true or false for what is switched, a level for what is dimmed (above 0 is on)"},
    SCHEMA_END};

static const struct schema_field weekday_fields[] = {
    {.key = "", .type = SCHEMA_ENUM, .words = weekday_words, .help = "a day of the week"},
    SCHEMA_END};

#define EXCEPTION(member) .offset = offsetof(struct control_exception, member)
static const struct schema_field exception_fields[] = {
    {.key = "from",
     .type = SCHEMA_STRING,
     EXCEPTION(from),
     .size = CONTROL_DATE_SIZE,
     .preset = "\"\"",
     .check = check_date,
     .help = "first local day it holds, YYYY-MM-DD; left out: it always did"},
    {.key = "to",
     .type = SCHEMA_STRING,
     EXCEPTION(to),
     .size = CONTROL_DATE_SIZE,
     .preset = "\"\"",
     .check = check_date,
     .help = "last local day it holds, YYYY-MM-DD; left out: it has no end"},
    {.key = "weekdays",
     .type = SCHEMA_ARRAY,
     EXCEPTION(weekdays),
     .size = sizeof(struct control_weekday),
     .count_offset = offsetof(struct control_exception, weekday_count),
     .max = 7,
     .preset = "[]",
     .fields = weekday_fields,
     .unique = "",
     .help = "only on these days of the week; left out: on all"},
    {.key = "steps",
     .type = SCHEMA_ARRAY,
     EXCEPTION(steps),
     .size = sizeof(struct control_step),
     .count_offset = offsetof(struct control_exception, step_count),
     .min = 1,
     .max = CONTROL_STEPS_MAX,
     .fields = step_fields,
     .help = "what such a day does instead"},
    SCHEMA_END};

#define SCHEDULE(member) .offset = offsetof(struct control_schedule, member)
static const struct schema_field schedule_fields[] = {
    {.key = "name", .type = SCHEMA_NAME, SCHEDULE(name), .help = "the schedule's name"},
    {.key = "steps",
     .type = SCHEMA_ARRAY,
     SCHEDULE(steps),
     .size = sizeof(struct control_step),
     .count_offset = offsetof(struct control_schedule, step_count),
     .min = 1,
     .max = CONTROL_STEPS_MAX,
     .fields = step_fields,
     .help = "what a day does; each value holds until the next step, also over midnight"},
    {.key = "exceptions",
     .type = SCHEMA_ARRAY,
     SCHEDULE(exceptions),
     .size = sizeof(struct control_exception),
     .count_offset = offsetof(struct control_schedule, exception_count),
     .max = CONTROL_EXCEPTIONS_MAX,
     .preset = "[]",
     .fields = exception_fields,
     .help = "days that do something else; the first that covers a day counts"},
    SCHEMA_END};

static const struct schema_field target_fields[] = {
    {.key = "",
     .type = SCHEMA_STRING,
     .size = CONTROL_TARGET_SIZE,
     .check = check_target,
     .help = "a point that can be written, as device/point"},
    SCHEMA_END};

#define GROUP(member) .offset = offsetof(struct control_group, member)
static const struct schema_field group_fields[] = {
    {.key = "name", .type = SCHEMA_NAME, GROUP(name), .help = "the group's name, for commands"},
    {.key = "points",
     .type = SCHEMA_ARRAY,
     GROUP(points),
     .size = sizeof(struct control_target),
     .count_offset = offsetof(struct control_group, point_count),
     .min = 1,
     .max = CONTROL_POINTS_MAX,
     .fields = target_fields,
     .unique = "",
     .help = "what switches together"},
    {.key = "schedule",
     .type = SCHEMA_NAME,
     GROUP(schedule_name),
     .help = "the schedule it follows"},
    {.key = "safe",
     .type = SCHEMA_VALUE,
     GROUP(safe),
     .max = LEVEL_MAX,
     .help = "what it holds while the gateway's clock is unknown"},
    {.key = "override_max_s",
     .type = SCHEMA_INT,
     GROUP(override_max_s),
     .min = 1,
     .max = CONTROL_OVERRIDE_MAX_S,
     .preset = "43200",
     .help = "longest time a command may hold it against its schedule, in seconds"},
    {.key = "stagger_ms",
     .type = SCHEMA_INT,
     GROUP(stagger_ms),
     .max = 10000,
     .preset = "20",
     .help = "milliseconds between two of its points switching, for the feeder's inrush current"},
    SCHEMA_END};

#define POSITION(member) .offset = offsetof(struct control_position, member)
static const struct schema_field position_fields[] = {{.key = "latitude",
                                                       .type = SCHEMA_NUMBER,
                                                       POSITION(latitude),
                                                       .min = -90,
                                                       .max = 90,
                                                       .help = "degrees north"},
                                                      {.key = "longitude",
                                                       .type = SCHEMA_NUMBER,
                                                       POSITION(longitude),
                                                       .min = -180,
                                                       .max = 180,
                                                       .help = "degrees east"},
                                                      SCHEMA_END};

#define CONTROL(member) .offset = offsetof(struct control, member)
const struct schema_field control_fields[] = {
    {.key = "v", .type = SCHEMA_INT, CONTROL(v), .check = check_version, .help = "1, the format"},
    {.key = "revision",
     .type = SCHEMA_INT,
     CONTROL(revision),
     .min = 1,
     .max = 9007199254740991,
     .help = "raised with every change; a gateway never goes back to a lower one"},
    {.key = "gateway", .type = SCHEMA_NAME, CONTROL(gateway), .help = "the one gateway it is for"},
    {.key = "position",
     .type = SCHEMA_OBJECT,
     CONTROL(position),
     .fields = position_fields,
     .help = "where its lamps stand, for sunrise and sunset"},
    {.key = "utc_offset_min",
     .type = SCHEMA_INT,
     CONTROL(utc_offset_min),
     .min = -720,
     .max = 840,
     .preset = "420",
     .help = "local time minus UTC, in minutes; there is no daylight saving"},
    {.key = "keys",
     .type = SCHEMA_ARRAY,
     CONTROL(keys),
     .size = sizeof(struct control_key),
     .count_offset = offsetof(struct control, key_count),
     .max = CONTROL_KEYS_MAX,
     .preset = "[]",
     .fields = key_fields,
     .unique = "kid",
     .help = "whose commands are obeyed; without any, schedules alone switch"},
    {.key = "groups",
     .type = SCHEMA_ARRAY,
     CONTROL(groups),
     .size = sizeof(struct control_group),
     .count_offset = offsetof(struct control, group_count),
     .max = CONTROL_GROUPS_MAX,
     .preset = "[]",
     .fields = group_fields,
     .unique = "name",
     .help = "lamps that follow a schedule together"},
    {.key = "schedules",
     .type = SCHEMA_ARRAY,
     CONTROL(schedules),
     .size = sizeof(struct control_schedule),
     .count_offset = offsetof(struct control, schedule_count),
     .max = CONTROL_SCHEDULES_MAX,
     .preset = "[]",
     .fields = schedule_fields,
     .unique = "name",
     .help = "when lamps switch"},
    SCHEMA_END};
