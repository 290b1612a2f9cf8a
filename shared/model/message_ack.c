/* gw/{area}/{gateway}/ack: PROTOCOL "Acknowledgement". Hand-written around the field tables,
 * because it is nearly all lists. */
#include <string.h>

#include "model/fields.h"
#include "model/message.h"

static const struct field ack_fields[] = {
    FIELD(ack, store, FIELD_HEX),
    FIELD(ack, credit, FIELD_U32),
};

static void put_string(struct buf *out, uint64_t v)
{
    buf_char(out, '"');
    buf_u64(out, v);
    buf_char(out, '"');
}

static void encode_also(const struct ack_epoch *a, struct buf *out)
{
    buf_str(out, ",\"also\":[");
    for (size_t i = 0; i < a->also_count; i++) {
        buf_str(out, i ? ",[" : "[");
        put_string(out, a->also[i].from);
        buf_char(out, ',');
        put_string(out, a->also[i].to);
        buf_char(out, ']');
    }
    buf_char(out, ']');
}

static void encode_refused(const struct ack_epoch *a, struct buf *out)
{
    buf_str(out, ",\"refused\":[");
    for (size_t i = 0; i < a->refused_count; i++) {
        buf_str(out, i ? ",[" : "[");
        put_string(out, a->refused[i].seq);
        buf_char(out, ',');
        json_write_string(out, a->refused[i].reason);
        buf_char(out, ']');
    }
    buf_char(out, ']');
}

static void encode_epoch(const struct ack_epoch *a, struct buf *out)
{
    buf_str(out, "{\"epoch\":");
    put_string(out, a->epoch);
    buf_str(out, ",\"upto\":");
    put_string(out, a->upto);
    if (a->also_count)
        encode_also(a, out);
    if (a->refused_count)
        encode_refused(a, out);
    buf_char(out, '}');
}

int ack_encode(const struct ack *a, struct buf *out)
{
    message_begin(out);
    fields_encode(ack_fields, sizeof(ack_fields) / sizeof(ack_fields[0]), a, true, out);
    buf_str(out, ",\"acks\":[");
    for (size_t i = 0; i < a->epoch_count; i++) {
        if (i)
            buf_char(out, ',');
        encode_epoch(&a->epochs[i], out);
    }
    buf_char(out, ']');
    return message_end(out);
}

/* The two strings of ["a","b"]. */
static int read_pair(const struct json *v, const struct json **a, const struct json **b)
{
    if (json_type(v) != JSON_ARRAY || json_count(v) != 2)
        return ERR_INVALID;
    *a = json_first(v);
    *b = json_next(*a);
    return 0;
}

static int decode_also(const struct json *list, struct ack_epoch *a, struct err *e)
{
    size_t count;
    int rc = message_list(list, "also", ACK_ALSO_MAX, &count, e);
    if (rc)
        return rc;
    uint64_t above = a->upto;
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        const struct json *from;
        const struct json *to;
        struct range *r = &a->also[a->also_count];
        if (read_pair(v, &from, &to) || json_u63(from, &r->from) || json_u63(to, &r->to))
            return err_set(e, ERR_INVALID, "also[%zu] must be two decimal strings", a->also_count);
        if (r->from <= above || r->to < r->from)
            return err_set(e, ERR_INVALID, "also[%zu] is not above what stands before it",
                           a->also_count);
        above = r->to;
        a->also_count++;
    }
    return 0;
}

static int decode_refused(const struct json *list, struct ack_epoch *a, struct err *e)
{
    size_t count;
    int rc = message_list(list, "refused", ACK_REFUSED_MAX, &count, e);
    if (rc)
        return rc;
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        const struct json *seq;
        const struct json *reason;
        const char *text;
        size_t i = a->refused_count;
        if (read_pair(v, &seq, &reason) || json_u63(seq, &a->refused[i].seq) ||
            a->refused[i].seq == 0 || json_string(reason, &text) ||
            strlen(text) >= PACK_REASON_SIZE)
            return err_set(e, ERR_INVALID,
                           "refused[%zu] must be a decimal string and a reason below %d bytes", i,
                           PACK_REASON_SIZE);
        memcpy(a->refused[i].reason, text, strlen(text) + 1);
        a->refused_count++;
    }
    return 0;
}

static int decode_epoch(const struct json *v, struct ack_epoch *a, struct err *e)
{
    *a = (struct ack_epoch){0};
    if (json_type(v) != JSON_OBJECT)
        return err_set(e, ERR_INVALID, "must be an object");
    if (json_u63(json_get(v, "epoch"), &a->epoch) || a->epoch == 0)
        return err_set(e, ERR_INVALID, "epoch must be a decimal string from 1 to 2^63-1");
    if (json_u63(json_get(v, "upto"), &a->upto))
        return err_set(e, ERR_INVALID, "upto must be a decimal string from 0 to 2^63-1");
    const struct json *also = json_get(v, "also");
    const struct json *refused = json_get(v, "refused");
    int rc = also ? decode_also(also, a, e) : 0;
    return rc || !refused ? rc : decode_refused(refused, a, e);
}

static int decode_root(const struct json *root, struct ack *a, struct err *e)
{
    size_t count;
    int rc = fields_decode(ack_fields, sizeof(ack_fields) / sizeof(ack_fields[0]), root, a, e);
    if (rc)
        return rc;
    if (a->credit == 0)
        return err_set(e, ERR_INVALID, "credit must be at least 1");
    const struct json *list = json_get(root, "acks");
    rc = message_list(list, "acks", ACK_EPOCHS_MAX, &count, e);
    for (const struct json *v = rc ? NULL : json_first(list); v; v = json_next(v)) {
        rc = decode_epoch(v, &a->epochs[a->epoch_count], e);
        if (rc) {
            err_prefix(e, "acks[%zu]", a->epoch_count);
            return rc;
        }
        a->epoch_count++;
    }
    return rc;
}

int ack_decode(const char *body, size_t len, struct ack *a, struct err *e)
{
    struct json_doc *doc;
    a->epoch_count = 0;
    int rc = message_open(body, len, &doc, e);
    if (rc)
        return rc;
    rc = decode_root(json_root(doc), a, e);
    json_free(doc);
    return rc;
}
