#include "collector/core/rule/rule.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/core/rule/rule_check.h"
#include "collector/core/rule/rule_text.h"
#include "collector/core/rule/talq.h"
#include "model/glob.h"
#include "model/schema.h"

struct file {
    int64_t version;
    struct rules rules;
};

static const char *const type_words[] = {"threshold", "state",   "mismatch", "stalled",
                                         "no_data",   "offline", "fault",    NULL};
static const char *const side_words[] = {"above", "below", NULL};
static const char *const per_words[] = {"point", "device", "gateway", NULL};
/* In the order of enum cause, from CAUSE_TIMEOUT to CAUSE_WEDGED. */
static const char *const fault_words[] = {"timeout", "crc",   "exception", "range",
                                          "invalid", "stale", "wedged",    NULL};
static const char *const class_words[] = {"environment", "lighting", "energy", "traffic",
                                          "system",      "security", NULL};
static const char *const priority_words[] = {"low", "medium", "high", "critical", NULL};

static int check_pattern(const void *member, struct err *e)
{
    if (glob_valid(member))
        return 0;
    return err_set(e, ERR_INVALID,
                   "\"%.40s\" is no pattern over names: use a-z 0-9 - with * and ?, at most %d "
                   "characters",
                   (const char *)member, NAME_MAX_LEN);
}

static int check_text(const void *member, struct err *e)
{
    return rule_text_check(member, e);
}

static int check_kind(const void *member, struct err *e)
{
    const char *name = member;
    if (name[0] == '\0' || kind_find(name))
        return 0;
    return err_set(e, ERR_INVALID, "\"%.40s\" is no known kind (they are named like pm2_5)", name);
}

static int check_talq(const void *member, struct err *e)
{
    const char *name = member;
    if (name[0] == '\0' || talq_event_known(name))
        return 0;
    return err_set(e, ERR_INVALID,
                   "\"%.40s\" is no TALQ event name (they are written like "
                   "lampFailure)",
                   name);
}

#define PATTERN(name, text)                                                                        \
    {                                                                                              \
        .key = #name, .type = SCHEMA_STRING, .offset = offsetof(struct rule_where, name),          \
        .size = NAME_SIZE, .preset = "\"*\"", .check = check_pattern, .help = (text)               \
    }

static const struct schema_field where_fields[] = {
    {.key = "kind",
     .type = SCHEMA_STRING,
     .offset = offsetof(struct rule_where, kind),
     .size = sizeof(((struct rule_where *)0)->kind),
     .preset = "\"\"",
     .check = check_kind,
     .help = "What is measured, e.g. pm2_5; empty: any kind the type can judge."},
    PATTERN(area, "Areas, by name or pattern."),
    PATTERN(gateway, "Gateways, by name or pattern."),
    PATTERN(device, "Devices, by name or pattern."),
    PATTERN(point, "Points, by name or pattern."),
    SCHEMA_END,
};

static const struct schema_field limit_fields[] = {
    {.key = "value",
     .type = SCHEMA_NUMBER,
     .offset = offsetof(struct rule_limit, value),
     .min = -1e12,
     .max = 1e12,
     .help = "The limit, in the kind's unit; only what is strictly beyond it is abnormal."},
    {.key = "from",
     .type = SCHEMA_STRING,
     .offset = offsetof(struct rule_limit, from),
     .size = RULE_DATE_SIZE,
     .preset = "\"\"",
     .help = "First local day on which the limit is in force, YYYY-MM-DD; empty: always was."},
    {.key = "until",
     .type = SCHEMA_STRING,
     .offset = offsetof(struct rule_limit, until),
     .size = RULE_DATE_SIZE,
     .preset = "\"\"",
     .help = "Last local day on which the limit is in force, YYYY-MM-DD; empty: open."},
    SCHEMA_END,
};

static const struct schema_field escalation_fields[] = {
    {.key = "limit",
     .type = SCHEMA_NUMBER,
     .offset = offsetof(struct rule_escalation, limit),
     .min = -1e12,
     .max = 1e12,
     .help = "Beyond it, for on_delay_s, the alarm has the priority given here."},
    {.key = "priority",
     .type = SCHEMA_ENUM,
     .offset = offsetof(struct rule_escalation, priority),
     .words = priority_words,
     .help = "Higher than the rule's and than that of the escalation before it."},
    SCHEMA_END,
};

#define OPERAND(name) offsetof(struct rule_operand, name)
static const struct schema_field operand_fields[] = {
    {.key = "kind",
     .type = SCHEMA_STRING,
     .offset = OPERAND(kind),
     .size = sizeof(((struct rule_operand *)0)->kind),
     .preset = "\"\"",
     .check = check_kind,
     .help = "The point's kind."},
    {.key = "point",
     .type = SCHEMA_STRING,
     .offset = OPERAND(point),
     .size = NAME_SIZE,
     .preset = "\"\"",
     .help = "The point's name; one * stands for what pairs the two sides (lamp-*-command with "
             "lamp-*-state). Empty: points of the kind pair by the first number in their "
             "names."},
    {.key = "equals",
     .type = SCHEMA_BOOL,
     .offset = OPERAND(equals),
     .present_offset = OPERAND(has_equals) + 1,
     .preset = "true",
     .help = "Holds when a bool point has this value."},
    {.key = "above",
     .type = SCHEMA_NUMBER,
     .offset = OPERAND(above),
     .present_offset = OPERAND(has_above) + 1,
     .preset = "0",
     .min = -1e12,
     .max = 1e12,
     .help = "Holds when a number is above this."},
    {.key = "below",
     .type = SCHEMA_NUMBER,
     .offset = OPERAND(below),
     .present_offset = OPERAND(has_below) + 1,
     .preset = "0",
     .min = -1e12,
     .max = 1e12,
     .help = "Holds when a number is below this."},
    SCHEMA_END,
};

static const struct schema_field hours_fields[] = {
    {.key = "from",
     .type = SCHEMA_STRING,
     .offset = offsetof(struct rule_hours, from),
     .size = 6,
     .preset = "\"\"",
     .help = "Local time HH:MM from which the rule may raise."},
    {.key = "until",
     .type = SCHEMA_STRING,
     .offset = offsetof(struct rule_hours, until),
     .size = 6,
     .preset = "\"\"",
     .help = "Local time HH:MM from which it may not; before `from` means over midnight."},
    SCHEMA_END,
};

#define AT(name)   offsetof(struct rule, name)
#define SEEN(name) (offsetof(struct rule, has.name) + 1)
#define SECONDS    .min = 0, .max = RULE_DELAY_MAX_S
#define STRING(name, otherwise, checker, text)                                                     \
    {                                                                                              \
        .key = #name, .type = SCHEMA_STRING, .offset = AT(name),                                   \
        .size = sizeof(((struct rule *)0)->name), .preset = (otherwise), .check = (checker),       \
        .help = (text)                                                                             \
    }

static const struct schema_field rule_fields[] = {
    {.key = "name",
     .type = SCHEMA_NAME,
     .offset = AT(name),
     .help = "The rule's own name; alarms keep their identity by it, so it never changes."},
    {.key = "type",
     .type = SCHEMA_ENUM,
     .offset = AT(type),
     .words = type_words,
     .help = "threshold: a number beyond its limit. state: a bool that equals `equals`. mismatch: "
             "`when` holds and `expect` does not. stalled: a counter that went up and no longer "
             "does. no_data: nothing usable received for hold_s. offline: a gateway cut off. "
             "fault: samples that are bad for the cause `fault`."},
    {.key = "where",
     .type = SCHEMA_OBJECT,
     .offset = AT(where),
     .size = sizeof(struct rule_where),
     .preset = "{}",
     .fields = where_fields,
     .help = "Which objects the rule watches; every part must match."},
    {.key = "side",
     .type = SCHEMA_ENUM,
     .offset = AT(side),
     .present_offset = SEEN(side),
     .preset = "\"above\"",
     .words = side_words,
     .help = "threshold: on which side of the limit a value is abnormal."},
    {.key = "limits",
     .type = SCHEMA_ARRAY,
     .offset = AT(limits),
     .size = sizeof(struct rule_limit),
     .count_offset = AT(limit_count),
     .present_offset = SEEN(limits),
     .preset = "[]",
     .max = RULE_LIMITS_MAX,
     .fields = limit_fields,
     .help = "threshold: the limits, each with the days on which it is in force."},
    {.key = "deadband",
     .type = SCHEMA_NUMBER,
     .offset = AT(deadband),
     .present_offset = SEEN(deadband),
     .preset = "0",
     .min = 0,
     .max = 1e12,
     .help = "threshold: how far inside the limit a value must come to clear, in the kind's "
             "unit."},
    {.key = "escalations",
     .type = SCHEMA_ARRAY,
     .offset = AT(escalations),
     .size = sizeof(struct rule_escalation),
     .count_offset = AT(escalation_count),
     .present_offset = SEEN(escalations),
     .preset = "[]",
     .max = RULE_ESCALATIONS_MAX,
     .fields = escalation_fields,
     .help = "threshold: limits further out that raise the priority."},
    {.key = "equals",
     .type = SCHEMA_BOOL,
     .offset = AT(equals),
     .present_offset = SEEN(equals),
     .preset = "true",
     .help = "state: the abnormal value."},
    {.key = "when",
     .type = SCHEMA_OBJECT,
     .offset = AT(when),
     .size = sizeof(struct rule_operand),
     .present_offset = SEEN(when),
     .preset = "{}",
     .fields = operand_fields,
     .help = "mismatch: the side that demands."},
    {.key = "expect",
     .type = SCHEMA_OBJECT,
     .offset = AT(expect),
     .size = sizeof(struct rule_operand),
     .present_offset = SEEN(expect),
     .preset = "{}",
     .fields = operand_fields,
     .help = "mismatch: what must then hold; the alarm is about this point."},
    {.key = "at_least",
     .type = SCHEMA_NUMBER,
     .offset = AT(at_least),
     .present_offset = SEEN(at_least),
     .preset = "1",
     .min = 1e-9,
     .max = 1e12,
     .help = "stalled: the increase that counts as movement, in the counter's unit."},
    {.key = "within_s",
     .type = SCHEMA_NUMBER,
     .offset = AT(within_s),
     .present_offset = SEEN(within),
     .preset = "0",
     SECONDS,
     .help = "stalled: the longest time without that increase, in seconds."},
    {.key = "hold_s",
     .type = SCHEMA_NUMBER,
     .offset = AT(hold_s),
     .present_offset = SEEN(hold),
     .preset = "0",
     SECONDS,
     .help = "no_data: the longest silence, in seconds of receipt time."},
    {.key = "per",
     .type = SCHEMA_ENUM,
     .offset = AT(per),
     .present_offset = SEEN(per),
     .preset = "\"device\"",
     .words = per_words,
     .help = "no_data: one alarm a point, or one a device when all its points are silent. fault: "
             "one a point, a device or a gateway of which any point is bad so."},
    {.key = "fault",
     .type = SCHEMA_ENUM,
     .offset = AT(fault),
     .present_offset = SEEN(fault),
     .preset = "\"wedged\"",
     .words = fault_words,
     .help = "fault: the cause. While it lasts, silence of the same points is no second alarm."},
    {.key = "on_delay_s",
     .type = SCHEMA_NUMBER,
     .offset = AT(on_delay_s),
     .present_offset = SEEN(on_delay),
     .preset = "0",
     SECONDS,
     .help = "How long the condition must last before the alarm is raised, in seconds."},
    {.key = "off_delay_s",
     .type = SCHEMA_NUMBER,
     .offset = AT(off_delay_s),
     .preset = "0",
     SECONDS,
     .help = "How long it must be gone before the alarm is cleared, in seconds."},
    {.key = "hours",
     .type = SCHEMA_OBJECT,
     .offset = AT(hours),
     .size = sizeof(struct rule_hours),
     .preset = "{}",
     .fields = hours_fields,
     .help = "Local hours in which the rule may raise; it may clear at any hour."},
    {.key = "class",
     .type = SCHEMA_ENUM,
     .offset = AT(class),
     .words = class_words,
     .help = "Whose matter it is; operators are given classes."},
    {.key = "priority",
     .type = SCHEMA_ENUM,
     .offset = AT(priority),
     .words = priority_words,
     .help = "By the consequence and the time left to act, not by the size of the number."},
    STRING(talq_event, "\"\"", check_talq, "The TALQ name of the event; empty: it has none."),
    STRING(agency, NULL, NULL, "Who has to act, as the operator reads it."),
    STRING(text_vi, NULL, check_text, "The sentence in Vietnamese; see the placeholders."),
    STRING(text_en, NULL, check_text, "The sentence in English; see the placeholders."),
    STRING(cause, "\"\"", NULL, "The likely cause, published with the alert."),
    STRING(consequence, "\"\"", NULL, "What happens when nobody acts."),
    STRING(action, "\"\"", NULL, "What the operator should do first."),
    SCHEMA_END,
};

static const struct schema_field file_fields[] = {
    {.key = "version",
     .type = SCHEMA_INT,
     .offset = offsetof(struct file, version),
     .min = 1,
     .max = 1,
     .help = "The version of this file's form; 1."},
    {.key = "rules",
     .type = SCHEMA_ARRAY,
     .offset = offsetof(struct file, rules.list),
     .size = sizeof(struct rule),
     .count_offset = offsetof(struct file, rules.count),
     .max = RULES_MAX,
     .fields = rule_fields,
     .unique = "name",
     .help = "The rules; their order has no meaning."},
    SCHEMA_END,
};

const char *rule_type_name(int type)
{
    return type_words[type];
}

enum cause rule_fault(const struct rule *r)
{
    return (enum cause)(CAUSE_TIMEOUT + r->fault);
}

void rule_fields_free(struct rules *r)
{
    struct file f = {.rules = *r};
    schema_free(file_fields, &f);
    *r = (struct rules){0};
}

void rules_document(struct buf *out)
{
    schema_document(file_fields, "Alarm rules", out);
}

static int check_all(struct rules *r, const struct json_doc *doc, struct err *e)
{
    for (size_t i = 0; i < r->count; i++) {
        char path[32];
        snprintf(path, sizeof(path), "rules[%zu]", i);
        int rc = rule_check(&r->list[i], path, doc, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int rules_parse(const char *text, size_t len, struct rules **out, struct err *e)
{
    struct json_doc *doc = NULL;
    struct file f = {0};
    *out = NULL;
    int rc = json_parse(text, len, RULES_FILE_MAX, JSON_COMMENTS | JSON_LINES, &doc, e);
    if (rc < 0)
        return rc;
    rc = schema_read(file_fields, doc, json_root(doc), &f, e);
    if (rc == 0)
        rc = check_all(&f.rules, doc, e);
    struct rules *rules = rc == 0 ? malloc(sizeof(*rules)) : NULL;
    if (rc == 0 && !rules)
        rc = err_set(e, ERR_NOMEM, "no memory for %zu rules", f.rules.count);
    if (rules)
        *rules = f.rules;
    else
        schema_free(file_fields, &f);
    *out = rules;
    json_free(doc);
    return rc;
}
