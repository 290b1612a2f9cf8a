#include "gateway/core/ctl.h"

#include <string.h>

#include "model/fields.h"
#include "model/json.h"

#define ADDRESSES 65536u

static const char *const verb_names[] = {"status",  "watch",  "read",     "write", "timing",
                                         "release", "resume", "maintain", NULL};
static const char *const outcome_names[] = {"ok",        "no-reply", "damaged", "foreign",
                                            "exception", "lost",     NULL};
static const char *const maintain_names[] = {"maintenance", "calibration", NULL};

/* --- the members --- */

/* Members as they come, before it is known which of them the verb wants. */
struct members {
    char bus[NAME_SIZE], device[NAME_SIZE], point[NAME_SIZE];
    char quality[16];
    uint32_t unit, function, address, count, timeout_ms, for_s;
};

#define MEMBER(name, type, ...) FIELD(members, name, type, __VA_ARGS__)

static const struct field fields[] = {
    MEMBER(bus, FIELD_NAME, FIELD_OPTIONAL),
    MEMBER(device, FIELD_NAME, FIELD_OPTIONAL),
    MEMBER(point, FIELD_NAME, FIELD_OPTIONAL),
    MEMBER(quality, FIELD_WORD, .words = maintain_names, FIELD_OPTIONAL),
    MEMBER(unit, FIELD_U32, FIELD_OPTIONAL),
    MEMBER(function, FIELD_U32, FIELD_OPTIONAL),
    MEMBER(address, FIELD_U32, FIELD_OPTIONAL),
    MEMBER(count, FIELD_U32, FIELD_OPTIONAL),
    MEMBER(timeout_ms, FIELD_U32, FIELD_OPTIONAL),
    MEMBER(for_s, FIELD_U32, FIELD_OPTIONAL),
};

static int check_range(const char *key, uint32_t n, uint32_t least, uint32_t most, struct err *e)
{
    if (n >= least && n <= most)
        return 0;
    return err_set(e, ERR_INVALID, "%s must be from %u to %u, not %u", key, least, most, n);
}

static int read_value(const struct json *v, struct value *out, struct err *e)
{
    const char *text;
    if (!v)
        return 0;
    if (json_bool(v, &out->boolean) == 0) {
        out->type = VALUE_BOOL;
    } else if (json_number(v, &out->number) == 0) {
        out->type = VALUE_NUMBER;
    } else if (json_string(v, &text) == 0 && strlen(text) < VALUE_STRING_SIZE) {
        out->type = VALUE_STRING;
        memcpy(out->string, text, strlen(text) + 1);
    } else {
        return err_set(e, ERR_INVALID,
                       "value must be a number, true or false, or a string of at most %d bytes",
                       VALUE_STRING_SIZE - 1);
    }
    return 0;
}

static int read_values(const struct json *v, struct ctl_request *out, struct err *e)
{
    if (!v)
        return 0;
    int rc = message_list(v, "values", CTL_WRITE_MAX, &out->value_count, e);
    size_t i = 0;
    for (const struct json *n = rc ? NULL : json_first(v); n; n = json_next(n), i++) {
        int64_t word;
        if (json_int(n, &word) || word < 0 || word > UINT16_MAX)
            return err_set(e, ERR_INVALID, "values[%zu] must be a whole number from 0 to 65535", i);
        out->values[i] = (uint16_t)word;
    }
    return rc;
}

static int read_members(const struct json *root, struct ctl_request *out, struct err *e)
{
    struct members m;
    int rc = fields_decode(fields, sizeof(fields) / sizeof(*fields), root, &m, e);
    if (rc)
        return rc;
    memcpy(out->bus, m.bus, NAME_SIZE);
    memcpy(out->device, m.device, NAME_SIZE);
    memcpy(out->point, m.point, NAME_SIZE);
    out->unit = m.unit;
    out->function = m.function;
    out->address = m.address;
    out->count = m.count;
    out->timeout_ms = m.timeout_ms;
    out->for_s = m.for_s;
    out->quality =
        strcmp(m.quality, "calibration") == 0 ? QUALITY_CALIBRATION : QUALITY_MAINTENANCE;
    rc = read_value(json_get(root, "value"), &out->value, e);
    return rc ? rc : read_values(json_get(root, "values"), out, e);
}

/* --- what each verb wants --- */

static int want_text(const char *key, const char *text, struct err *e)
{
    return *text ? 0 : err_set(e, ERR_INVALID, "%s is missing", key);
}

/* A device, or a unit of a bus. */
static int want_target(const struct ctl_request *q, struct err *e)
{
    if (!*q->device == !*q->bus)
        return err_set(e, ERR_INVALID, "say either a device, or a bus and a unit of it");
    return check_range("unit", q->unit, 0, 255, e);
}

/* A stretch of addresses of at most `most`. */
static int want_stretch(const struct ctl_request *q, uint32_t count, uint32_t most, struct err *e)
{
    int rc = check_range("count", count, 1, most, e);
    rc = rc ? rc : check_range("address", q->address, 0, ADDRESSES - count, e);
    return rc ? rc : check_range("timeout_ms", q->timeout_ms, 0, BUS_TIMEOUT_MAX_MS, e);
}

static int want_read(const struct ctl_request *q, struct err *e)
{
    int rc = want_target(q, e);
    rc = rc ? rc : check_range("function", q->function, 1, 4, e);
    return rc ? rc
              : want_stretch(q, q->count, q->function < 3 ? BUS_BITS_MAX : BUS_REGISTERS_MAX, e);
}

static int want_raw_write(const struct ctl_request *q, struct err *e)
{
    int rc = want_target(q, e);
    uint32_t count = (uint32_t)q->value_count;
    if (rc)
        return rc;
    switch (q->function) {
    case 5:
    case 6:
        return want_stretch(q, count, 1, e);
    case 15:
    case 16:
        return want_stretch(q, count, CTL_WRITE_MAX, e);
    case 22:
        if (count != 2)
            return err_set(e, ERR_INVALID, "function 22 wants two values: the AND and the OR mask");
        return want_stretch(q, 1, 1, e);
    default:
        return err_set(e, ERR_INVALID, "function must be 5, 6, 15, 16 or 22, not %u", q->function);
    }
}

static int want_write(const struct ctl_request *q, struct err *e)
{
    if (q->function)
        return want_raw_write(q, e);
    int rc = want_text("device", q->device, e);
    rc = rc ? rc : want_text("point", q->point, e);
    if (rc == 0 && q->value.type == VALUE_NONE)
        rc = err_set(e, ERR_INVALID, "value is missing");
    return rc;
}

static int check_members(const struct ctl_request *q, struct err *e)
{
    int rc = 0;
    switch (q->verb) {
    case CTL_READ:
        return want_read(q, e);
    case CTL_WRITE:
        return want_write(q, e);
    case CTL_RELEASE:
        rc = want_text("bus", q->bus, e);
        return rc ? rc : check_range("for_s", q->for_s, 1, CTL_RELEASE_MAX_S, e);
    case CTL_RESUME:
        return want_text("bus", q->bus, e);
    case CTL_MAINTAIN:
        rc = want_text("device", q->device, e);
        return rc ? rc : check_range("for_s", q->for_s, 0, CTL_MAINTAIN_MAX_S, e);
    case CTL_WATCH:
        return *q->point ? want_text("device", q->device, e) : 0;
    case CTL_STATUS:
    case CTL_TIMING:
    case CTL_VERBS:
        break;
    }
    return 0;
}

/* --- requests --- */

static int read_verb(const struct json *root, struct ctl_request *out, struct err *e)
{
    const char *text;
    unsigned place;
    if (json_string(json_get(root, "verb"), &text))
        return err_set(e, ERR_INVALID, "verb must be a string");
    if (words_find(verb_names, text, &place))
        return err_set(e, ERR_NOTFOUND, "there is no verb \"%.24s\"", text);
    out->verb = (enum ctl_verb)place;
    return 0;
}

static int read_id(const struct json *root, struct ctl_request *out, struct err *e)
{
    int64_t id;
    if (json_int(json_get(root, "id"), &id) || id < 0)
        return err_set(e, ERR_INVALID, "id must be a whole number from 0 to 2^53");
    out->id = (uint64_t)id;
    return 0;
}

int ctl_request_parse(const char *line, size_t len, struct ctl_request *out, struct err *e)
{
    struct json_doc *doc;
    memset(out, 0, sizeof(*out));
    if (len > CTL_LINE_MAX)
        return err_set(e, ERR_LIMIT, "a request of %zu bytes; %d are the most", len, CTL_LINE_MAX);
    int rc = message_open(line, len, &doc, e);
    if (rc)
        return rc;
    rc = read_id(json_root(doc), out, e);
    rc = rc ? rc : read_verb(json_root(doc), out, e);
    rc = rc ? rc : read_members(json_root(doc), out, e);
    json_free(doc);
    return rc ? rc : check_members(out, e);
}

const char *ctl_verb_name(enum ctl_verb verb)
{
    return verb < CTL_VERBS ? verb_names[verb] : "unknown";
}

const char *ctl_outcome_name(enum bus_outcome outcome)
{
    return outcome <= BUS_LOST ? outcome_names[outcome] : "unknown";
}

int ctl_outcome_parse(const char *text, enum bus_outcome *out)
{
    unsigned place;
    if (words_find(outcome_names, text, &place))
        return ERR_INVALID;
    *out = (enum bus_outcome)place;
    return 0;
}

/* --- answers --- */

void ctl_answer_begin(struct buf *out, uint64_t id)
{
    message_begin(out);
    buf_str(out, ",\"id\":");
    buf_u64(out, id);
}

int ctl_answer_end(struct buf *out, bool last)
{
    if (last)
        buf_str(out, ",\"end\":true");
    return message_end(out);
}

void ctl_answer_error(struct buf *out, uint64_t id, const struct err *e)
{
    ctl_answer_begin(out, id);
    buf_str(out, ",\"error\":{\"code\":");
    json_write_string(out, err_name(e->code));
    buf_str(out, ",\"text\":");
    json_write_string(out, e->text);
    buf_char(out, '}');
    ctl_answer_end(out, true);
}

int ctl_code_parse(const char *code)
{
    for (int c = ERR_INVALID; c >= ERR_MISMATCH; c--)
        if (strcmp(err_name(c), code) == 0)
            return c;
    return ERR_IO;
}
