#include "collector/core/rule/rule_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/glob.h"
#include "model/schema.h"

/* Where a complaint points: the document and the rule's path in it. */
struct place {
    const struct json_doc *doc;
    const char *rule; /* "rules[3]" */
    struct err *e;
};

__attribute__((format(printf, 3, 4))) static int refuse(const struct place *at, const char *key,
                                                        const char *fmt, ...)
{
    char path[96];
    char text[ERR_TEXT_MAX / 2];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    snprintf(path, sizeof(path), "%s%s%s", at->rule, *key ? "." : "", key);
    return schema_refuse(at->doc, path, at->e, "%s", text);
}

/* --- which keys belong to which type --- */

#define FOR(type) (1u << (type))

static int check_keys(const struct rule *r, const struct place *at)
{
    const struct {
        const char *key;
        bool given;
        unsigned allowed, needed;
    } keys[] = {
        {"side", r->has.side, FOR(RULE_THRESHOLD), FOR(RULE_THRESHOLD)},
        {"limits", r->has.limits, FOR(RULE_THRESHOLD), FOR(RULE_THRESHOLD)},
        {"deadband", r->has.deadband, FOR(RULE_THRESHOLD), 0},
        {"escalations", r->has.escalations, FOR(RULE_THRESHOLD), 0},
        {"equals", r->has.equals, FOR(RULE_STATE), FOR(RULE_STATE)},
        {"when", r->has.when, FOR(RULE_MISMATCH), FOR(RULE_MISMATCH)},
        {"expect", r->has.expect, FOR(RULE_MISMATCH), FOR(RULE_MISMATCH)},
        {"at_least", r->has.at_least, FOR(RULE_STALLED), 0},
        {"within_s", r->has.within, FOR(RULE_STALLED), FOR(RULE_STALLED)},
        {"hold_s", r->has.hold, FOR(RULE_NO_DATA), FOR(RULE_NO_DATA)},
        {"per", r->has.per, FOR(RULE_NO_DATA) | FOR(RULE_FAULT), 0},
        {"fault", r->has.fault, FOR(RULE_FAULT), FOR(RULE_FAULT)},
        {"on_delay_s", r->has.on_delay,
         FOR(RULE_THRESHOLD) | FOR(RULE_STATE) | FOR(RULE_MISMATCH) | FOR(RULE_OFFLINE) |
             FOR(RULE_FAULT),
         0},
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (keys[i].given && !(keys[i].allowed & FOR(r->type)))
            return refuse(at, keys[i].key, "has no meaning for a rule of type \"%s\"; remove it",
                          rule_type_name(r->type));
        if (!keys[i].given && (keys[i].needed & FOR(r->type)))
            return refuse(at, "", "needs the key \"%s\" because its type is \"%s\"", keys[i].key,
                          rule_type_name(r->type));
    }
    return 0;
}

/* --- dates and hours --- */

/* Days since 1970-01-01 of a proleptic Gregorian date (years 1970 to 9999). */
static int64_t days_of(int year, int month, int day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int y = year - 1;
    int64_t days = (int64_t)y * 365 + y / 4 - y / 100 + y / 400 - 719162;
    return days + before[month - 1] + (leap && month > 2 ? 1 : 0) + day - 1;
}

static int days_in(int year, int month)
{
    int64_t next = month == 12 ? days_of(year + 1, 1, 1) : days_of(year, month + 1, 1);
    return (int)(next - days_of(year, month, 1));
}

static bool digits(const char *text, const char *shape, int *numbers)
{
    size_t i = 0;
    *numbers = 0;
    for (; shape[i]; i++) {
        if (shape[i] == '9') {
            if (text[i] < '0' || text[i] > '9')
                return false;
            *numbers = *numbers * 10 + (text[i] - '0');
        } else if (text[i] != shape[i]) {
            return false;
        }
    }
    return text[i] == '\0';
}

/* Local midnight at the start of the day, in UTC. */
static bool date_parse(const char *text, int64_t *ms)
{
    int n;
    if (!digits(text, "9999-99-99", &n))
        return false;
    int year = n / 10000;
    int month = n / 100 % 100;
    int day = n % 100;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
        return false;
    *ms = days_of(year, month, day) * 86400000 - RULE_LOCAL_MS;
    return true;
}

static bool hour_parse(const char *text, int *minutes)
{
    int n;
    if (!digits(text, "99:99", &n) || n / 100 > 23 || n % 100 > 59)
        return false;
    *minutes = n / 100 * 60 + n % 100;
    return true;
}

static int check_hours(struct rule *r, const struct place *at)
{
    struct rule_hours *h = &r->hours;
    if (!h->from[0] && !h->until[0])
        return 0;
    if (!hour_parse(h->from, &h->from_min))
        return refuse(at, "hours", "\"from\" is \"%s\"; write a time of day as HH:MM", h->from);
    if (!hour_parse(h->until, &h->until_min))
        return refuse(at, "hours", "\"until\" is \"%s\"; write a time of day as HH:MM", h->until);
    if (h->from_min == h->until_min)
        return refuse(at, "hours", "from and until are the same; leave hours out for always");
    return 0;
}

/* --- thresholds --- */

static int check_limit(struct rule_limit *limit, const char *key, const struct place *at)
{
    limit->from_ms = INT64_MIN;
    limit->until_ms = INT64_MAX;
    if (limit->from[0] && !date_parse(limit->from, &limit->from_ms))
        return refuse(at, key, "\"from\" is \"%s\", no day of the calendar as YYYY-MM-DD",
                      limit->from);
    if (limit->until[0]) {
        if (!date_parse(limit->until, &limit->until_ms))
            return refuse(at, key, "\"until\" is \"%s\", no day of the calendar as YYYY-MM-DD",
                          limit->until);
        limit->until_ms += 86400000; /* the last day counts */
    }
    if (limit->from_ms >= limit->until_ms)
        return refuse(at, key, "ends (%s) before it begins (%s)", limit->until, limit->from);
    return 0;
}

static int check_limits(struct rule *r, const struct place *at)
{
    if (r->limit_count == 0)
        return refuse(at, "limits", "is empty; a threshold needs a limit");
    for (size_t i = 0; i < r->limit_count; i++) {
        char key[40];
        snprintf(key, sizeof(key), "limits[%zu]", i);
        int rc = check_limit(&r->limits[i], key, at);
        if (rc < 0)
            return rc;
        for (size_t j = 0; j < i; j++)
            if (r->limits[i].from_ms < r->limits[j].until_ms &&
                r->limits[j].from_ms < r->limits[i].until_ms)
                return refuse(at, key, "is in force on days on which limits[%zu] is as well", j);
    }
    return 0;
}

static int check_escalations(const struct rule *r, const struct place *at)
{
    int priority = r->priority;
    for (size_t i = 0; i < r->escalation_count; i++) {
        const struct rule_escalation *step = &r->escalations[i];
        char key[40];
        snprintf(key, sizeof(key), "escalations[%zu]", i);
        if (step->priority <= priority)
            return refuse(at, key, "must have a higher priority than what comes before it");
        priority = step->priority;
        for (size_t j = 0; j < r->limit_count; j++)
            if (!rule_beyond(r, step->limit, r->limits[j].value))
                return refuse(at, key, "%g is not beyond limits[%zu], which is %g", step->limit, j,
                              r->limits[j].value);
        if (i > 0 && !rule_beyond(r, step->limit, r->escalations[i - 1].limit))
            return refuse(at, key, "%g is not beyond the escalation before it, which is %g",
                          step->limit, r->escalations[i - 1].limit);
    }
    return 0;
}

/* --- mismatches --- */

static int check_operand(struct rule_operand *side, const char *key, const struct place *at)
{
    if (side->has_equals + side->has_above + side->has_below != 1)
        return refuse(at, key, "needs exactly one of \"equals\", \"above\" and \"below\"");
    if (!side->kind[0] && !side->point[0])
        return refuse(at, key, "needs a \"kind\" or a \"point\" to say which point it is");
    if (side->point[0] && !glob_capture_valid(side->point))
        return refuse(at, key, "\"point\" is \"%s\"; a name with at most one * is wanted here",
                      side->point);
    side->found = side->kind[0] ? kind_find(side->kind) : NULL;
    if (side->found && (side->found->type == KIND_BOOL) != side->has_equals)
        return refuse(at, key, "the kind %s is %s bool, so it wants \"%s\"", side->kind,
                      side->has_equals ? "no" : "a", side->has_equals ? "above" : "equals");
    return 0;
}

static int check_mismatch(struct rule *r, const struct place *at)
{
    int rc = check_operand(&r->when, "when", at);
    if (rc == 0)
        rc = check_operand(&r->expect, "expect", at);
    if (rc < 0)
        return rc;
    if (r->where.kind[0] || strcmp(r->where.point, "*") != 0)
        return refuse(at, "where",
                      "a mismatch names its points in \"when\" and \"expect\"; here "
                      "only area, gateway and device have a meaning");
    if (!strchr(r->when.point, '*') != !strchr(r->expect.point, '*') && r->expect.point[0] &&
        r->when.point[0])
        return refuse(at, "expect",
                      "\"when\" and \"expect\" must both have a * in their point, "
                      "or neither");
    return 0;
}

/* --- what kind a type can judge --- */

static int check_kind_fits(const struct rule *r, const struct place *at)
{
    static const struct {
        enum rule_type type;
        enum kind_type wanted;
        const char *text;
    } rows[] = {
        {RULE_THRESHOLD, KIND_NUMBER, "a number"},
        {RULE_STATE, KIND_BOOL, "a bool"},
        {RULE_STALLED, KIND_COUNTER, "a counter"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].type != (enum rule_type)r->type)
            continue;
        if (r->where.found && r->where.found->type != rows[i].wanted)
            return refuse(at, "where", "the kind %s is not %s, so \"%s\" cannot judge it",
                          r->where.kind, rows[i].text, rule_type_name(r->type));
        if (!r->where.found && strcmp(r->where.point, "*") == 0)
            return refuse(at, "where",
                          "needs a \"kind\" or a \"point\": this would compare "
                          "everything there is with one limit");
    }
    return 0;
}

static int check_offline(const struct rule *r, const struct place *at)
{
    if (r->where.kind[0] || strcmp(r->where.device, "*") != 0 || strcmp(r->where.point, "*") != 0)
        return refuse(at, "where",
                      "a gateway has no kind, device or point; only area and gateway "
                      "have a meaning here");
    return 0;
}

static int check_by_type(struct rule *r, const struct place *at)
{
    int rc;
    switch ((enum rule_type)r->type) {
    case RULE_THRESHOLD:
        rc = check_limits(r, at);
        return rc < 0 ? rc : check_escalations(r, at);
    case RULE_MISMATCH:
        return check_mismatch(r, at);
    case RULE_STALLED:
        return r->within_ms > 0 ? 0 : refuse(at, "within_s", "must be a millisecond at least");
    case RULE_NO_DATA:
        if (r->per == RULE_PER_GATEWAY)
            return refuse(at, "per", "a gateway's silence is for a rule of type \"offline\"");
        return r->hold_ms > 0 ? 0 : refuse(at, "hold_s", "must be a millisecond at least");
    case RULE_OFFLINE:
        return check_offline(r, at);
    case RULE_STATE:
    case RULE_FAULT:
        break;
    }
    return 0;
}

int rule_check(struct rule *r, const char *path, const struct json_doc *doc, struct err *e)
{
    const struct place at = {doc, path, e};
    r->where.found = r->where.kind[0] ? kind_find(r->where.kind) : NULL;
    r->on_delay_ms = (int64_t)(r->on_delay_s * 1000 + 0.5);
    r->off_delay_ms = (int64_t)(r->off_delay_s * 1000 + 0.5);
    r->within_ms = (int64_t)(r->within_s * 1000 + 0.5);
    r->hold_ms = (int64_t)(r->hold_s * 1000 + 0.5);
    int rc = check_keys(r, &at);
    if (rc == 0)
        rc = check_kind_fits(r, &at);
    if (rc == 0)
        rc = check_by_type(r, &at);
    return rc < 0 ? rc : check_hours(r, &at);
}
