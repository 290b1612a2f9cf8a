/* alerts/{area}/{alert} and what operators ask and are told: PROTOCOL "Alerts". */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "model/fields.h"
#include "model/message.h"

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

static const char *const state_words[] = {
    [ALARM_NORMAL] = "normal",
    [ALARM_UNACKNOWLEDGED] = "unacknowledged",
    [ALARM_ACKNOWLEDGED] = "acknowledged",
    [ALARM_RETURNED] = "returned",
    [ALARM_SHELVED] = "shelved",
    [ALARM_SUPPRESSED] = "suppressed",
    [ALARM_OUT_OF_SERVICE] = "out-of-service",
    NULL,
};
static const char *const class_words[] = {
    [ALARM_ENVIRONMENT] = "environment",
    [ALARM_LIGHTING] = "lighting",
    [ALARM_ENERGY] = "energy",
    [ALARM_TRAFFIC] = "traffic",
    [ALARM_SYSTEM] = "system",
    [ALARM_SECURITY] = "security",
    NULL,
};
static const char *const priority_words[] = {
    [PRIORITY_LOW] = "low",
    [PRIORITY_MEDIUM] = "medium",
    [PRIORITY_HIGH] = "high",
    [PRIORITY_CRITICAL] = "critical",
    NULL,
};

const char *alarm_state_name(enum alarm_state s)
{
    assert((size_t)s < COUNT_OF(state_words) - 1);
    return state_words[s];
}

int alarm_state_parse(const char *text, enum alarm_state *s)
{
    unsigned place = 0;
    int rc = words_find(state_words, text, &place);
    if (rc == 0)
        *s = (enum alarm_state)place;
    return rc;
}

const char *alarm_class_name(enum alarm_class c)
{
    assert((size_t)c < COUNT_OF(class_words) - 1);
    return class_words[c];
}

int alarm_class_parse(const char *text, enum alarm_class *c)
{
    unsigned place = 0;
    int rc = words_find(class_words, text, &place);
    if (rc == 0)
        *c = (enum alarm_class)place;
    return rc;
}

const char *alarm_priority_name(enum alarm_priority p)
{
    assert((size_t)p < COUNT_OF(priority_words) - 1);
    return priority_words[p];
}

int alarm_priority_parse(const char *text, enum alarm_priority *p)
{
    unsigned place = 0;
    int rc = words_find(priority_words, text, &place);
    if (rc == 0)
        *p = (enum alarm_priority)place;
    return rc;
}

/* --- alert --- */

static const struct field alert_fields[] = {
    FIELD(alert, id, FIELD_NAME),
    FIELD(alert, area, FIELD_NAME),
    FIELD(alert, rule, FIELD_NAME),
    FIELD(alert, object, FIELD_TEXT),
    FIELD(alert, talq_event, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(alert, class, FIELD_ENUM, .words = class_words),
    FIELD(alert, priority, FIELD_ENUM, .words = priority_words),
    FIELD(alert, state, FIELD_ENUM, .words = state_words),
    FIELD(alert, occurrence, FIELD_COUNT),
    FIELD(alert, revision, FIELD_COUNT),
    FIELD(alert, list_revision, FIELD_COUNT),
    FIELD(alert, raised, FIELD_TIME, FIELD_OPTIONAL),
    FIELD(alert, changed, FIELD_TIME, FIELD_OPTIONAL),
    FIELD(alert, acknowledged, FIELD_TIME, FIELD_OPTIONAL),
    FIELD(alert, acknowledged_by, FIELD_NAME, FIELD_OPTIONAL),
    FIELD(alert, cleared, FIELD_TIME, FIELD_OPTIONAL),
    FIELD(alert, unit, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(alert, cause, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(alert, suppressed_children, FIELD_U32),
    FIELD(alert, agency, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(alert, text_vi, FIELD_TEXT),
    FIELD(alert, text_en, FIELD_TEXT),
    FIELD(alert, durable, FIELD_BOOL),
};

static void encode_number(const char *key, double v, struct buf *out)
{
    buf_fmt(out, ",\"%s\":", key);
    json_write_number(out, v);
}

/* The members alone, without braces: an alert also stands inside a reply. */
static void encode_alert(const struct alert *a, bool comma, struct buf *out)
{
    fields_encode(alert_fields, COUNT_OF(alert_fields), a, comma, out);
    if (a->has_value)
        encode_number("value", a->value, out);
    if (a->has_limit)
        encode_number("limit", a->limit, out);
    buf_str(out, ",\"points\":[");
    for (size_t i = 0; i < a->point_count; i++) {
        if (i)
            buf_char(out, ',');
        json_write_string(out, a->points[i]);
    }
    buf_char(out, ']');
}

static int decode_number(const struct json *root, const char *key, bool *has, double *v,
                         struct err *e)
{
    const struct json *member = json_get(root, key);
    *has = member != NULL;
    *v = 0;
    if (member && (json_number(member, v) || !isfinite(*v)))
        return err_set(e, ERR_INVALID, "%s must be a finite number", key);
    return 0;
}

static int decode_points(const struct json *list, struct alert *a, struct err *e)
{
    size_t count;
    a->point_count = 0;
    int rc = message_list(list, "points", ALERT_POINTS_MAX, &count, e);
    for (const struct json *v = rc ? NULL : json_first(list); v; v = json_next(v)) {
        const char *text;
        if (json_string(v, &text) || strlen(text) >= sizeof(a->points[0]))
            return err_set(e, ERR_INVALID, "points[%zu] must be a string below %zu bytes",
                           a->point_count, sizeof(a->points[0]));
        memcpy(a->points[a->point_count++], text, strlen(text) + 1);
    }
    return rc;
}

static int decode_alert(const struct json *v, struct alert *a, struct err *e)
{
    int rc;
    if ((rc = fields_decode(alert_fields, COUNT_OF(alert_fields), v, a, e)) ||
        (rc = decode_number(v, "value", &a->has_value, &a->value, e)) ||
        (rc = decode_number(v, "limit", &a->has_limit, &a->limit, e)))
        return rc;
    return decode_points(json_get(v, "points"), a, e);
}

int alert_encode(const struct alert *a, struct buf *out)
{
    message_begin(out);
    encode_alert(a, true, out);
    return message_end(out);
}

int alert_decode(const char *body, size_t len, struct alert *a, struct err *e)
{
    struct json_doc *doc;
    int rc = message_open(body, len, &doc, e);
    if (rc)
        return rc;
    rc = decode_alert(json_root(doc), a, e);
    json_free(doc);
    return rc;
}

/* --- operator request --- */

static const char *const verb_words[] = {
    [OPERATOR_ACKNOWLEDGE] = "acknowledge",
    [OPERATOR_SNAPSHOT] = "snapshot",
    [OPERATOR_COMMAND] = "command",
    NULL,
};
static const char *const verdict_words[] = {"true", "false", "test", NULL};

static const struct field request_fields[] = {
    FIELD(operator_request, id, FIELD_TEXT),
    FIELD(operator_request, verb, FIELD_ENUM, .words = verb_words),
    FIELD(operator_request, expires, FIELD_TIME, FIELD_OPTIONAL),
};
static const struct field acknowledge_fields[] = {
    FIELD(operator_request, alert, FIELD_NAME),
    FIELD(operator_request, occurrence, FIELD_COUNT),
    FIELD(operator_request, revision, FIELD_COUNT),
    FIELD(operator_request, verdict, FIELD_WORD, FIELD_OPTIONAL, .words = verdict_words),
    FIELD(operator_request, comment, FIELD_TEXT, FIELD_OPTIONAL),
};
static const struct field snapshot_fields[] = {
    FIELD(operator_request, area, FIELD_NAME),
    FIELD(operator_request, page, FIELD_U32),
};
static const struct field relay_fields[] = {
    FIELD(operator_request, area, FIELD_NAME),
    FIELD(operator_request, gateway, FIELD_NAME),
    FIELD(operator_request, jws, FIELD_TEXT),
};

/* What each verb carries beside request_fields. */
static const struct {
    const struct field *fields;
    size_t count;
} verb_fields[] = {
    [OPERATOR_ACKNOWLEDGE] = {acknowledge_fields, COUNT_OF(acknowledge_fields)},
    [OPERATOR_SNAPSHOT] = {snapshot_fields, COUNT_OF(snapshot_fields)},
    [OPERATOR_COMMAND] = {relay_fields, COUNT_OF(relay_fields)},
};

int operator_request_encode(const struct operator_request *r, struct buf *out)
{
    message_begin(out);
    fields_encode(request_fields, COUNT_OF(request_fields), r, true, out);
    fields_encode(verb_fields[r->verb].fields, verb_fields[r->verb].count, r, true, out);
    return message_end(out);
}

int operator_request_decode(const char *body, size_t len, struct operator_request *r, struct err *e)
{
    struct json_doc *doc;
    *r = (struct operator_request){0};
    int rc = message_open(body, len, &doc, e);
    if (rc)
        return rc;
    const struct json *root = json_root(doc);
    rc = fields_decode(request_fields, COUNT_OF(request_fields), root, r, e);
    if (rc == 0 && r->id[0] == '\0')
        rc = err_set(e, ERR_INVALID, "id must not be empty");
    if (rc == 0)
        rc = fields_decode(verb_fields[r->verb].fields, verb_fields[r->verb].count, root, r, e);
    json_free(doc);
    return rc;
}

/* --- operator reply --- */

static const char *const result_words[] = {"done",    "refused", "unknown", "expired",    "stale",
                                           "relayed", "sent",    "failed",  "mismatched", NULL};

static const struct field reply_fields[] = {
    FIELD(operator_reply, id, FIELD_TEXT),
    FIELD(operator_reply, result, FIELD_WORD, .words = result_words),
    FIELD(operator_reply, reason, FIELD_TEXT, FIELD_OPTIONAL),
};

int operator_reply_encode(const struct operator_reply *r, struct buf *out)
{
    message_begin(out);
    fields_encode(reply_fields, COUNT_OF(reply_fields), r, true, out);
    value_encode(&r->value, out);
    if (r->has_alert) {
        buf_str(out, ",\"alert\":{");
        encode_alert(&r->alert, false, out);
        buf_char(out, '}');
    }
    return message_end(out);
}

int operator_reply_decode(const char *body, size_t len, struct operator_reply *r, struct err *e)
{
    struct json_doc *doc;
    *r = (struct operator_reply){0};
    int rc = message_open(body, len, &doc, e);
    if (rc)
        return rc;
    const struct json *root = json_root(doc);
    const struct json *alert = json_get(root, "alert");
    rc = fields_decode(reply_fields, COUNT_OF(reply_fields), root, r, e);
    if (rc == 0)
        rc = value_decode(json_get(root, "value"), &r->value, e);
    r->has_alert = alert != NULL;
    if (rc == 0 && alert && (rc = decode_alert(alert, &r->alert, e)))
        err_prefix(e, "alert");
    json_free(doc);
    return rc;
}
