#include "model/pack.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Times a pack may carry: 1970-01-01 up to the last millisecond of 2100. */
#define TIME_MAX_MS     INT64_C(4133980799999)
#define URN             "urn:dev:ops:"
#define QUALITY_SEGMENT "q" /* third part of a bad sample's name */
#define GAP_NAME        "gap"

#define put_literal(b, text) buf_put((b), (text), sizeof(text) - 1)

static const char *const kind_names[] = {
    [PACK_DATA] = "data", [PACK_EVENT] = "event", [PACK_RESULT] = "result",
    [PACK_GAP] = "gap",   [PACK_CLOCK] = "clock", [PACK_DESCRIPTION] = "description",
};
#define KIND_COUNT (sizeof(kind_names) / sizeof(kind_names[0]))

const char *pack_kind_name(enum pack_kind kind)
{
    assert((size_t)kind < KIND_COUNT);
    return kind_names[kind];
}

static bool time_valid(int64_t ms)
{
    return ms >= 0 && ms <= TIME_MAX_MS;
}

/* --- writing --- */

/* Seconds with three decimals, from whole milliseconds: no float touches a time. */
static void put_seconds(struct buf *b, int64_t ms)
{
    uint64_t magnitude = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    unsigned rest = (unsigned)(magnitude % 1000);
    char digits[4] = {'.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10),
                      (char)('0' + rest % 10)};
    if (ms < 0)
        buf_char(b, '-');
    buf_u64(b, magnitude / 1000);
    buf_put(b, digits, sizeof(digits));
}

/* As put_seconds, without zeros at the end: t stands in every record and is mostly short. */
static void put_short_seconds(struct buf *b, int64_t ms)
{
    if (ms % 1000 == 0) {
        buf_i64(b, ms / 1000);
        return;
    }
    put_seconds(b, ms);
    while (!b->overflow && b->data[b->len - 1] == '0')
        b->len--;
}

static void put_decimal_string(struct buf *b, uint64_t v)
{
    buf_char(b, '"');
    buf_u64(b, v);
    buf_char(b, '"');
}

void pack_begin(struct pack_writer *w, void *memory, size_t cap, const struct pack_head *head)
{
    assert(cap >= 1024 && time_valid(head->base.ms));
    if (cap > PACK_SIZE_MAX)
        cap = PACK_SIZE_MAX;
    *w = (struct pack_writer){.head = *head};
    struct buf *b = &w->out;
    buf_init(b, memory, cap - 1); /* the last byte is kept for the closing bracket */
    put_literal(b, "[{\"bn\":\"" URN);
    buf_str(b, head->gateway);
    put_literal(b, ":\",\"bt\":");
    put_seconds(b, head->base.ms);
    put_literal(b, ",\"epoch\":");
    put_decimal_string(b, head->epoch);
    put_literal(b, ",\"seq\":");
    put_decimal_string(b, head->seq);
    put_literal(b, ",\"low\":");
    put_decimal_string(b, head->low);
    put_literal(b, ",\"kind\":\"");
    buf_str(b, pack_kind_name(head->kind));
    put_literal(b, "\",\"conf\":\"");
    buf_str(b, head->conf);
    put_literal(b, "\",");
    assert(!b->overflow);
}

static int record_begin(struct pack_writer *w)
{
    if (w->records == PACK_RECORDS_MAX)
        return ERR_FULL;
    if (w->records)
        put_literal(&w->out, ",{");
    return 0;
}

/* Closes the record, or takes it back to `start` when it did not fit. */
static int record_end(struct pack_writer *w, size_t start)
{
    buf_char(&w->out, '}');
    if (w->out.overflow) {
        buf_rewind(&w->out, start);
        return ERR_FULL;
    }
    w->records++;
    return 0;
}

static void put_time(struct pack_writer *w, struct clk_utc at)
{
    put_literal(&w->out, "\",\"t\":");
    put_short_seconds(&w->out, at.ms - w->head.base.ms);
}

static void put_sample_value(struct buf *b, const struct sample *s)
{
    char text[CAUSE_TEXT];
    if (s->quality == QUALITY_BAD) {
        put_literal(b, ",\"vs\":\"");
        buf_str(b, cause_text(s->cause, s->exception, text));
        buf_char(b, '"');
        return;
    }
    switch (s->value.type) {
    case VALUE_NUMBER:
        put_literal(b, ",\"v\":");
        json_write_number(b, s->value.number);
        break;
    case VALUE_BOOL:
        put_literal(b, ",\"vb\":");
        buf_str(b, s->value.boolean ? "true" : "false");
        break;
    case VALUE_STRING:
        put_literal(b, ",\"vs\":");
        json_write_string(b, s->value.string);
        break;
    case VALUE_NONE:
        abort(); /* a sample that is not bad has a value */
    }
    if (s->quality != QUALITY_GOOD) {
        put_literal(b, ",\"q\":\"");
        buf_str(b, quality_name(s->quality));
        buf_char(b, '"');
    }
}

int pack_add(struct pack_writer *w, const char *device, const char *point, const struct sample *s)
{
    bool number = s->quality != QUALITY_BAD && s->value.type == VALUE_NUMBER;
    if (!time_valid(s->at.ms) || (number && !isfinite(s->value.number)))
        return ERR_INVALID;
    size_t start = w->out.len;
    int rc = record_begin(w);
    if (rc)
        return rc;
    put_literal(&w->out, "\"n\":\"");
    buf_str(&w->out, device);
    buf_char(&w->out, '/');
    buf_str(&w->out, point);
    if (s->quality == QUALITY_BAD)
        put_literal(&w->out, "/" QUALITY_SEGMENT);
    put_time(w, s->at);
    put_sample_value(&w->out, s);
    return record_end(w, start);
}

int pack_add_string(struct pack_writer *w, const char *n, struct clk_utc at, const char *vs)
{
    if (!time_valid(at.ms))
        return ERR_INVALID;
    size_t start = w->out.len;
    int rc = record_begin(w);
    if (rc)
        return rc;
    put_literal(&w->out, "\"n\":\"");
    buf_str(&w->out, n);
    put_time(w, at);
    put_literal(&w->out, ",\"vs\":");
    json_write_string(&w->out, vs);
    return record_end(w, start);
}

int pack_add_gap(struct pack_writer *w, const struct pack_gap *gap)
{
    bool timed = gap->first.ms || gap->last.ms;
    if (gap->epoch == 0 || gap->from == 0 || gap->from > gap->to || !name_valid(gap->cause) ||
        !time_valid(gap->first.ms) || !time_valid(gap->last.ms) || gap->first.ms > gap->last.ms)
        return ERR_INVALID;
    size_t start = w->out.len;
    int rc = record_begin(w);
    if (rc)
        return rc;
    struct buf *b = &w->out;
    put_literal(b, "\"n\":\"" GAP_NAME "\",\"vs\":\"");
    buf_str(b, gap->cause);
    put_literal(b, "\",\"lost\":");
    put_decimal_string(b, gap->epoch);
    put_literal(b, ",\"from\":");
    put_decimal_string(b, gap->from);
    put_literal(b, ",\"to\":");
    put_decimal_string(b, gap->to);
    if (timed) {
        put_literal(b, ",\"first\":");
        put_seconds(b, gap->first.ms);
        put_literal(b, ",\"last\":");
        put_seconds(b, gap->last.ms);
    }
    if (gap->count) {
        put_literal(b, ",\"count\":");
        put_decimal_string(b, gap->count);
    }
    return record_end(w, start);
}

int64_t pack_end(struct pack_writer *w)
{
    if (w->records == 0)
        return ERR_INVALID;
    w->out.cap++;
    buf_char(&w->out, ']');
    return (int64_t)w->out.len;
}

/* --- reading --- */

/* In the order they are looked for: every record has n, t and v. */
enum label {
    LABEL_N,
    LABEL_T,
    LABEL_V,
    LABEL_VB,
    LABEL_VS,
    LABEL_Q,
    LABEL_LOST, /* up to LABEL_COUNT: gap records */
    LABEL_FROM,
    LABEL_TO,
    LABEL_FIRST,
    LABEL_LAST,
    LABEL_COUNT,
    LABEL_BN, /* from here on: the first record's alone */
    LABEL_BT,
    LABEL_EPOCH,
    LABEL_SEQ,
    LABEL_LOW,
    LABEL_KIND,
    LABEL_CONF,
    LABELS,
};

static const char *const label_names[LABELS] = {
    "n",    "t",     "v",  "vb", "vs",    "q",   "lost", "from", "to",   "first",
    "last", "count", "bn", "bt", "epoch", "seq", "low",  "kind", "conf",
};

/* RFC 8428 gives these a meaning that changes what a record says; no pack of ours uses them, so
 * ignoring one would misread it. */
static const char *const foreign_labels[] = {"bu", "bv", "bs", "bver", "u", "s", "ut", "vd"};

struct members {
    const struct json *of[LABELS];
};

static bool is_foreign(const char *key)
{
    for (size_t i = 0; i < sizeof(foreign_labels) / sizeof(foreign_labels[0]); i++)
        if (strcmp(key, foreign_labels[i]) == 0)
            return true;
    return false;
}

static int take_member(const struct json *v, bool first, struct members *m, struct err *e)
{
    const char *key = json_key(v);
    unsigned label = 0;
    while (label < LABELS && strcmp(key, label_names[label]) != 0)
        label++;
    if (label < LABELS) {
        if (label >= LABEL_BN && !first)
            return err_set(e, ERR_INVALID, "%s may stand in the first record only", key);
        m->of[label] = v;
        return 0;
    }
    if (is_foreign(key))
        return err_set(e, ERR_INVALID, "SenML field %s is not used in packs", key);
    size_t len = strlen(key);
    if (len && key[len - 1] == '_') /* RFC 8428, section 4.4: must be understood */
        return err_set(e, ERR_INVALID, "must-understand field %.32s is unknown", key);
    return 0;
}

/* Takes all members even past a wrong one, whose error it returns: epoch and seq may follow it. */
static int take_members(const struct json *record, bool first, struct members *m, struct err *e)
{
    *m = (struct members){0};
    if (json_type(record) != JSON_OBJECT)
        return err_set(e, ERR_INVALID, "is of type %s, not an object",
                       json_type_name(json_type(record)));
    int wrong = 0;
    for (const struct json *v = json_first(record); v; v = json_next(v)) {
        int rc = take_member(v, first, m, wrong ? NULL : e);
        wrong = wrong ? wrong : rc;
    }
    return wrong;
}

static int read_u63(const struct members *m, enum label label, uint64_t *out, struct err *e)
{
    if (json_u63(m->of[label], out) == 0 && *out > 0)
        return 0;
    *out = 0;
    return err_set(e, ERR_INVALID, "%s must be a decimal string from 1 to 2^63-1",
                   label_names[label]);
}

/* Seconds to milliseconds. A double holds today's seconds to 0.24 us, so rounding finds the exact
 * millisecond that was written. */
static int read_seconds(const struct json *v, const char *name, int64_t *ms, struct err *e)
{
    double seconds;
    if (json_number(v, &seconds) || !isfinite(seconds))
        return err_set(e, ERR_INVALID, "%s must be a number of seconds", name);
    if (fabs(seconds) > (double)TIME_MAX_MS / 1000)
        return err_set(e, ERR_INVALID, "%s is outside the years 1970 to 2100", name);
    *ms = llround(seconds * 1000);
    return 0;
}

static int read_bn(const struct json *v, const char *gateway, char out[NAME_SIZE], struct err *e)
{
    const char *bn;
    size_t prefix = sizeof(URN) - 1;
    if (json_string(v, &bn) || strncmp(bn, URN, prefix) != 0)
        return err_set(e, ERR_INVALID, "bn must be " URN "{gateway}:");
    size_t len = strcspn(bn + prefix, ":");
    if (!name_valid_n(bn + prefix, len) || strcmp(bn + prefix + len, ":") != 0)
        return err_set(e, ERR_INVALID, "bn must be " URN "{gateway}:");
    memcpy(out, bn + prefix, len);
    out[len] = '\0';
    if (strcmp(out, gateway) != 0)
        return err_set(e, ERR_DENIED, "bn is of \"%s\", the topic of \"%.32s\"", out, gateway);
    return 0;
}

static int read_kind(const struct json *v, enum pack_kind *kind, struct err *e)
{
    const char *text;
    if (json_string(v, &text))
        return err_set(e, ERR_INVALID, "kind must be a string");
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(text, kind_names[i]) == 0) {
            *kind = (enum pack_kind)i;
            return 0;
        }
    }
    return err_set(e, ERR_INVALID, "kind \"%.24s\" is unknown", text);
}

static int read_conf(const struct json *v, char out[PACK_CONF_SIZE], struct err *e)
{
    const char *text;
    if (json_string(v, &text) || strlen(text) != PACK_CONF_SIZE - 1 ||
        strspn(text, "0123456789abcdef") != PACK_CONF_SIZE - 1)
        return err_set(e, ERR_INVALID, "conf must be 16 lower-case hexadecimal digits");
    memcpy(out, text, PACK_CONF_SIZE);
    return 0;
}

static int read_base(const struct json *v, struct clk_utc *base, struct err *e)
{
    int rc = read_seconds(v, "bt", &base->ms, e);
    if (rc == 0 && base->ms < 0)
        rc = err_set(e, ERR_INVALID, "bt is outside the years 1970 to 2100");
    return rc;
}

/* Epoch and seq come first: with them whatever else is wrong can be refused by number. */
static int read_head(const struct members *m, const char *gateway, struct pack_head *h,
                     struct err *e)
{
    int epoch = read_u63(m, LABEL_EPOCH, &h->epoch, e);
    int seq = read_u63(m, LABEL_SEQ, &h->seq, epoch ? NULL : e);
    int rc = epoch ? epoch : seq;
    if (rc || (rc = read_bn(m->of[LABEL_BN], gateway, h->gateway, e)) ||
        (rc = read_u63(m, LABEL_LOW, &h->low, e)))
        return rc;
    if (h->low > h->seq)
        return err_set(e, ERR_INVALID, "low %llu is above seq %llu", (unsigned long long)h->low,
                       (unsigned long long)h->seq);
    if ((rc = read_kind(m->of[LABEL_KIND], &h->kind, e)) ||
        (rc = read_conf(m->of[LABEL_CONF], h->conf, e)))
        return rc;
    return read_base(m->of[LABEL_BT], &h->base, e);
}

/* Splits "{device}", "{device}/{point}" or "{device}/{point}/q". */
static int split_name(const char *n, struct pack_record *r, bool *bad)
{
    size_t device = strcspn(n, "/");
    if (!name_valid_n(n, device))
        return ERR_INVALID;
    memcpy(r->device, n, device);
    r->device[device] = '\0';
    n += device;
    if (*n == '\0')
        return 0;
    size_t point = strcspn(++n, "/");
    if (!name_valid_n(n, point))
        return ERR_INVALID;
    memcpy(r->point, n, point);
    r->point[point] = '\0';
    n += point;
    *bad = strcmp(n, "/" QUALITY_SEGMENT) == 0;
    return *n == '\0' || *bad ? 0 : ERR_INVALID;
}

static int read_name(const struct json *v, enum pack_kind kind, struct pack_record *r, bool *bad,
                     struct err *e)
{
    const char *n;
    if (json_string(v, &n) || split_name(n, r, bad))
        return err_set(e, ERR_INVALID, "n must be {device}/{point}, or that and /q when bad");
    switch (kind) {
    case PACK_DATA:
        return r->point[0] ? 0 : err_set(e, ERR_INVALID, "n has no point");
    case PACK_GAP:
        if (strcmp(n, GAP_NAME) != 0)
            return err_set(e, ERR_INVALID, "n must be " GAP_NAME " in a gap pack");
        r->device[0] = '\0';
        return 0;
    case PACK_DESCRIPTION:
        return r->point[0] ? err_set(e, ERR_INVALID, "n must be the device alone") : 0;
    case PACK_RESULT: /* beside the result stands what was read back, or why it was not */
        return 0;
    case PACK_EVENT:
    case PACK_CLOCK:
        return *bad ? err_set(e, ERR_INVALID, "a bad sample stands in a data or result pack only")
                    : 0;
    }
    return 0;
}

static int read_value(const struct members *m, struct pack_record *r, struct err *e)
{
    const struct json *v = m->of[LABEL_V];
    const struct json *vb = m->of[LABEL_VB];
    const struct json *vs = m->of[LABEL_VS];
    if (!!v + !!vb + !!vs != 1)
        return err_set(e, ERR_INVALID, "needs exactly one of v, vb and vs");
    if (v && (json_number(v, &r->number) || !isfinite(r->number)))
        return err_set(e, ERR_INVALID, "v must be a finite number");
    if (vb && json_bool(vb, &r->boolean))
        return err_set(e, ERR_INVALID, "vb must be true or false");
    if (vs && json_string(vs, &r->string))
        return err_set(e, ERR_INVALID, "vs must be a string");
    r->type = v ? VALUE_NUMBER : vb ? VALUE_BOOL : VALUE_STRING;
    return 0;
}

static int read_quality(const struct json *q, bool bad, struct pack_record *r, struct err *e)
{
    const char *text;
    if (bad) {
        if (r->type != VALUE_STRING || q || cause_parse(r->string, &r->cause, &r->exception))
            return err_set(e, ERR_INVALID,
                           "a bad sample needs a known cause in vs and nothing else");
        r->type = VALUE_NONE;
        r->string = NULL;
        r->quality = QUALITY_BAD;
        return 0;
    }
    r->quality = QUALITY_GOOD;
    if (!q)
        return 0;
    if (json_string(q, &text) || quality_parse(text, &r->quality) || r->quality == QUALITY_GOOD ||
        r->quality == QUALITY_BAD)
        return err_set(e, ERR_INVALID,
                       "q must be substituted, uncertain, maintenance or calibration");
    return 0;
}

static int read_gap(const struct members *m, struct pack_gap *gap, struct err *e)
{
    int rc;
    if (json_string(m->of[LABEL_VS], &gap->cause) || !name_valid(gap->cause))
        return err_set(e, ERR_INVALID, "vs must be the gap's cause");
    if ((rc = read_u63(m, LABEL_LOST, &gap->epoch, e)) ||
        (rc = read_u63(m, LABEL_FROM, &gap->from, e)) || (rc = read_u63(m, LABEL_TO, &gap->to, e)))
        return rc;
    if (gap->from > gap->to)
        return err_set(e, ERR_INVALID, "from is above to");
    if (m->of[LABEL_COUNT] && (rc = read_u63(m, LABEL_COUNT, &gap->count, e)))
        return rc;
    if (!m->of[LABEL_FIRST] && !m->of[LABEL_LAST])
        return 0;
    if ((rc = read_seconds(m->of[LABEL_FIRST], "first", &gap->first.ms, e)) ||
        (rc = read_seconds(m->of[LABEL_LAST], "last", &gap->last.ms, e)))
        return rc;
    if (gap->first.ms < 0 || gap->first.ms > gap->last.ms)
        return err_set(e, ERR_INVALID, "first must not be after last");
    return 0;
}

static int check_string(enum pack_kind kind, const struct pack_record *r, struct err *e)
{
    if (kind == PACK_DESCRIPTION && r->type != VALUE_STRING)
        return err_set(e, ERR_INVALID, "vs must be the device's description");
    if (kind == PACK_DATA && r->type == VALUE_STRING && strlen(r->string) >= VALUE_STRING_SIZE)
        return err_set(e, ERR_INVALID, "vs is longer than %d bytes", VALUE_STRING_SIZE - 1);
    return 0;
}

static int read_record(const struct pack_head *head, const struct members *m, struct pack_record *r,
                       struct err *e)
{
    bool bad = false;
    int rc;
    if ((rc = read_name(m->of[LABEL_N], head->kind, r, &bad, e)) || (rc = read_value(m, r, e)) ||
        (rc = read_quality(m->of[LABEL_Q], bad, r, e)) || (rc = check_string(head->kind, r, e)))
        return rc;
    int64_t offset_ms = 0;
    if (m->of[LABEL_T] && (rc = read_seconds(m->of[LABEL_T], "t", &offset_ms, e)))
        return rc;
    r->at.ms = head->base.ms + offset_ms;
    if (!time_valid(r->at.ms))
        return err_set(e, ERR_INVALID, "its time is outside the years 1970 to 2100");
    struct pack_gap gap = {0};
    return head->kind == PACK_GAP ? read_gap(m, &gap, e) : 0;
}

static int check_records(struct pack *p, const char *gateway, struct err *e)
{
    for (const struct json *v = p->next; v; v = json_next(v)) {
        struct members m;
        struct pack_record r = {0};
        if (++p->records > PACK_RECORDS_MAX)
            return err_set(e, ERR_LIMIT, "has more than %d records", PACK_RECORDS_MAX);
        int rc = take_members(v, p->records == 1, &m, e);
        if (p->records == 1) {
            int head = read_head(&m, gateway, &p->head, rc ? NULL : e);
            rc = rc ? rc : head;
        }
        if (rc == 0)
            rc = read_record(&p->head, &m, &r, e);
        if (rc) {
            err_prefix(e, "record %u", p->records);
            return rc;
        }
        if (r.at.ms > p->latest.ms)
            p->latest = r.at;
    }
    return p->records ? 0 : err_set(e, ERR_INVALID, "has no records");
}

/* The text becomes a reason in an ack: printable ASCII, so that no quoted fragment of a name can
 * grow when the ack is written, and cut to its size. */
static void fit_reason(struct err *e)
{
    if (!e)
        return;
    e->text[PACK_REASON_SIZE - 1] = '\0';
    for (char *p = e->text; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
}

int pack_parse(const char *body, size_t len, const char *gateway, struct pack *out, struct err *e)
{
    *out = (struct pack){0};
    int rc = json_parse(body, len, PACK_SIZE_MAX, JSON_STRICT, &out->doc, e);
    if (rc == 0) {
        const struct json *root = json_root(out->doc);
        out->next = json_type(root) == JSON_ARRAY ? json_first(root) : NULL;
        rc = json_type(root) == JSON_ARRAY ? check_records(out, gateway, e)
                                           : err_set(e, ERR_INVALID, "a pack must be an array");
    }
    if (rc) {
        fit_reason(e);
        pack_free(out);
    }
    return rc;
}

void pack_free(struct pack *p)
{
    json_free(p->doc);
    p->doc = NULL;
    p->next = NULL;
}

int pack_next(struct pack *p, struct pack_record *r)
{
    *r = (struct pack_record){0};
    if (!p->next)
        return 0;
    struct members m;
    r->raw = p->next;
    int rc = take_members(p->next, true, &m, NULL); /* base fields were checked by pack_parse */
    if (rc == 0)
        rc = read_record(&p->head, &m, r, NULL);
    assert(rc == 0);
    p->next = json_next(p->next);
    return 1;
}

void pack_rewind(struct pack *p)
{
    p->next = json_first(json_root(p->doc));
}

int pack_record_gap(const struct pack_record *r, struct pack_gap *gap)
{
    struct members m;
    *gap = (struct pack_gap){0};
    int rc = take_members(r->raw, true, &m, NULL);
    return rc ? rc : read_gap(&m, gap, NULL);
}
