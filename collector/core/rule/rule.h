/*
 * Alarm rules: which objects are watched, what is abnormal, and what an operator then reads.
 *
 * A rules file is JSON with comments; rules_parse refuses whatever is not exactly understood, with
 * line and path. Pure: the caller reads the file. A struct rules owns its rules and is read-only
 * once parsed; the engine borrows it. Limits: RULES_MAX rules, RULES_FILE_MAX bytes.
 *
 * Durations are seconds with decimals in the file and milliseconds here. Dates and hours are Viet
 * Nam's (UTC+7, no daylight saving).
 */
#ifndef COLLECTOR_CORE_RULE_RULE_H
#define COLLECTOR_CORE_RULE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/err.h"
#include "model/kind.h"
#include "model/message.h"
#include "model/name.h"
#include "model/sample.h"

#define RULES_MAX            256
#define RULES_FILE_MAX       (1024 * 1024)
#define RULE_LIMITS_MAX      8
#define RULE_ESCALATIONS_MAX 3
#define RULE_DELAY_MAX_S     604800.0 /* a week */
#define RULE_DATE_SIZE       11       /* "2026-01-01" */

enum rule_type {
    RULE_THRESHOLD, /* a number beyond its limit */
    RULE_STATE,     /* a bool that equals what it should not */
    RULE_MISMATCH,  /* two points of one device that disagree: commanded, but not so */
    RULE_STALLED,   /* a counter that went up and no longer does */
    RULE_NO_DATA,   /* nothing usable received */
    RULE_OFFLINE,   /* a gateway cut off */
    RULE_FAULT,     /* bad samples for one cause */
};

enum rule_side { RULE_ABOVE, RULE_BELOW };
enum rule_per { RULE_PER_POINT, RULE_PER_DEVICE, RULE_PER_GATEWAY };

/* Which objects; every part must match. Area, gateway, device and point are patterns (glob.h). */
struct rule_where {
    char kind[NAME_SIZE + 32]; /* as written; empty: any */
    char area[NAME_SIZE], gateway[NAME_SIZE], device[NAME_SIZE], point[NAME_SIZE];
    const struct kind *found; /* of `kind`; NULL: any */
};

/* A limit and the days on which it is law. */
struct rule_limit {
    double value;
    char from[RULE_DATE_SIZE], until[RULE_DATE_SIZE]; /* inclusive; empty: open */
    int64_t from_ms, until_ms;                        /* UTC, [from, until) */
};

struct rule_escalation {
    double limit;
    int priority; /* enum alarm_priority */
};

/* One side of a mismatch: a point of the device, and when it holds. */
struct rule_operand {
    char kind[NAME_SIZE + 32], point[NAME_SIZE]; /* one of the two at least; point has one `*` */
    const struct kind *found;
    bool has_equals, has_above, has_below; /* exactly one */
    bool equals;
    double above, below;
};

/* Local hours in which a rule may raise; clearing is always allowed. */
struct rule_hours {
    char from[6], until[6];  /* "05:00"; both empty: always */
    int from_min, until_min; /* minutes of the day; from > until goes over midnight */
};

struct rule {
    char name[NAME_SIZE];
    int type; /* enum rule_type */
    struct rule_where where;

    int side; /* threshold: enum rule_side */
    size_t limit_count;
    struct rule_limit *limits;
    double deadband; /* in the kind's unit: an alarm clears only that far inside the limit */
    size_t escalation_count;
    struct rule_escalation *escalations; /* ever further out, ever higher priority */

    bool equals;                      /* state: the abnormal value */
    struct rule_operand when, expect; /* mismatch */
    double at_least, within_s;        /* stalled */
    double hold_s;                    /* no_data: longest silence */
    int per;                          /* no_data, fault: enum rule_per */
    int fault;                        /* fault: place in the words of `fault`, see rule_fault */

    double on_delay_s, off_delay_s;
    int64_t on_delay_ms, off_delay_ms, within_ms, hold_ms;
    struct rule_hours hours;

    int class;    /* enum alarm_class */
    int priority; /* enum alarm_priority */
    char talq_event[64];
    char agency[96];
    char text_vi[ALERT_TEXT_SIZE], text_en[ALERT_TEXT_SIZE]; /* templates, rule_text.h */
    char cause[64];                                          /* published with the alert */
    char consequence[ALERT_TEXT_SIZE], action[ALERT_TEXT_SIZE];

    struct { /* which keys were given */
        bool side, limits, deadband, escalations, equals, when, expect, at_least, within, hold, per,
            fault, on_delay;
    } has;
};

struct rules {
    size_t count;
    struct rule *list;
};

/* An object as rules select it; kind is NULL for devices and gateways. */
struct rule_object {
    const char *area, *gateway, *device, *point;
    const struct kind *kind;
};

int rules_parse(const char *text, size_t len, struct rules **out, struct err *e);
void rules_free(struct rules *r); /* NULL is fine */
const struct rule *rules_find(const struct rules *r, const char *name);

/* The rule watches this point (threshold, state, stalled, no_data) or gateway (offline). */
bool rule_selects(const struct rule *r, const struct rule_object *o);
/* The point is a side of the mismatch; star is what pairs it with the other side. */
bool rule_operand_selects(const struct rule *r, const struct rule_operand *side,
                          const struct rule_object *o, char star[NAME_SIZE]);

/* The limit in force; NULL when none is. */
const struct rule_limit *rule_limit_at(const struct rule *r, struct clk_utc now);
bool rule_hours_hold(const struct rule *r, struct clk_utc now);
/* v is strictly beyond limit, on the rule's side. */
bool rule_beyond(const struct rule *r, double v, double limit);

const char *rule_type_name(int type);
/* The cause a rule of type fault looks for. */
enum cause rule_fault(const struct rule *r);
/* The reference page of the rules file, generated from the table that reads it. */
void rules_document(struct buf *out);

#endif
