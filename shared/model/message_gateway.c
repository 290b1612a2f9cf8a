/* What a gateway and a collector say about themselves: state, birth, request, collector state. */
#include <string.h>

#include "model/fields.h"
#include "model/message.h"

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

/* --- gateway state --- */

static const char *const clock_words[] = {"synchronised", "unsynchronised", "unknown", NULL};

static const struct field state_fields[] = {
    FIELD(gateway_state, online, FIELD_BOOL),
    FIELD(gateway_state, session, FIELD_HEX),
    FIELD(gateway_state, firmware, FIELD_TEXT),
    FIELD(gateway_state, epoch, FIELD_U63),
    FIELD(gateway_state, clock, FIELD_WORD, .words = clock_words),
    FIELD(gateway_state, nonce, FIELD_TEXT, FIELD_OPTIONAL),
};

/* One element of `epochs`, in a shape a table can name. */
struct held_epoch {
    uint64_t epoch, lowest, highest;
};

static const struct field held_fields[] = {
    FIELD(held_epoch, epoch, FIELD_U63),
    FIELD(held_epoch, lowest, FIELD_U63),
    FIELD(held_epoch, highest, FIELD_U63),
};

int gateway_state_encode(const struct gateway_state *s, struct buf *out)
{
    message_begin(out);
    fields_encode(state_fields, COUNT_OF(state_fields), s, true, out);
    buf_str(out, ",\"epochs\":[");
    for (size_t i = 0; i < s->epoch_count; i++) {
        struct held_epoch held = {s->epochs[i].epoch, s->epochs[i].lowest, s->epochs[i].highest};
        buf_str(out, i ? ",{" : "{");
        fields_encode(held_fields, COUNT_OF(held_fields), &held, false, out);
        buf_char(out, '}');
    }
    buf_char(out, ']');
    return message_end(out);
}

static int decode_held(const struct json *list, struct gateway_state *s, struct err *e)
{
    size_t count;
    s->epoch_count = 0;
    int rc = message_list(list, "epochs", STATE_EPOCHS_MAX, &count, e);
    for (const struct json *v = rc ? NULL : json_first(list); v; v = json_next(v)) {
        struct held_epoch held;
        rc = fields_decode(held_fields, COUNT_OF(held_fields), v, &held, e);
        if (rc == 0 && held.lowest > held.highest)
            rc = err_set(e, ERR_INVALID, "lowest is above highest");
        if (rc) {
            err_prefix(e, "epochs[%zu]", s->epoch_count);
            return rc;
        }
        s->epochs[s->epoch_count].epoch = held.epoch;
        s->epochs[s->epoch_count].lowest = held.lowest;
        s->epochs[s->epoch_count++].highest = held.highest;
    }
    return rc;
}

int gateway_state_decode(const char *body, size_t len, struct gateway_state *s, struct err *e)
{
    struct json_doc *doc;
    int rc = message_open(body, len, &doc, e);
    if (rc)
        return rc;
    const struct json *root = json_root(doc);
    rc = fields_decode(state_fields, COUNT_OF(state_fields), root, s, e);
    if (rc == 0)
        rc = decode_held(json_get(root, "epochs"), s, e);
    json_free(doc);
    return rc;
}

/* --- gateway birth --- */

static const struct field birth_fields[] = {
    FIELD(gateway_birth, board, FIELD_TEXT),
    FIELD(gateway_birth, conf, FIELD_HEX),
};

struct born_device {
    char name[NAME_SIZE];
    char hash[PACK_CONF_SIZE];
};

static const struct field device_fields[] = {
    FIELD(born_device, name, FIELD_NAME),
    FIELD(born_device, hash, FIELD_HEX),
};

int gateway_birth_encode(const struct gateway_birth *b, struct buf *out)
{
    message_begin(out);
    fields_encode(birth_fields, COUNT_OF(birth_fields), b, true, out);
    buf_str(out, ",\"devices\":[");
    for (size_t i = 0; i < b->device_count; i++) {
        struct born_device device;
        memcpy(device.name, b->devices[i].name, sizeof(device.name));
        memcpy(device.hash, b->devices[i].hash, sizeof(device.hash));
        buf_str(out, i ? ",{" : "{");
        fields_encode(device_fields, COUNT_OF(device_fields), &device, false, out);
        buf_char(out, '}');
    }
    buf_char(out, ']');
    return message_end(out);
}

static int decode_devices(const struct json *list, struct gateway_birth *b, struct err *e)
{
    size_t count;
    b->device_count = 0;
    int rc = message_list(list, "devices", BIRTH_DEVICES_MAX, &count, e);
    for (const struct json *v = rc ? NULL : json_first(list); v; v = json_next(v)) {
        struct born_device device;
        rc = fields_decode(device_fields, COUNT_OF(device_fields), v, &device, e);
        if (rc) {
            err_prefix(e, "devices[%zu]", b->device_count);
            return rc;
        }
        memcpy(b->devices[b->device_count].name, device.name, sizeof(device.name));
        memcpy(b->devices[b->device_count++].hash, device.hash, sizeof(device.hash));
    }
    return rc;
}

int gateway_birth_decode(const char *body, size_t len, struct gateway_birth *b, struct err *e)
{
    struct json_doc *doc;
    int rc = message_open(body, len, &doc, e);
    if (rc)
        return rc;
    const struct json *root = json_root(doc);
    rc = fields_decode(birth_fields, COUNT_OF(birth_fields), root, b, e);
    if (rc == 0)
        rc = decode_devices(json_get(root, "devices"), b, e);
    json_free(doc);
    return rc;
}

/* --- request --- */

static const char *const request_words[] = {
    [REQUEST_DESCRIPTIONS] = "descriptions",
    [REQUEST_RESEND] = "resend",
    NULL,
};

struct request_body {
    enum gateway_request request;
};

static const struct field request_fields[] = {
    FIELD(request_body, request, FIELD_ENUM, .words = request_words),
};

int gateway_request_encode(enum gateway_request r, struct buf *out)
{
    struct request_body body = {r};
    message_begin(out);
    fields_encode(request_fields, COUNT_OF(request_fields), &body, true, out);
    return message_end(out);
}

/* For messages that are nothing but their table. */
static int decode_flat(const char *body, size_t len, const struct field *fields, size_t count,
                       void *into, struct err *e)
{
    struct json_doc *doc;
    int rc = message_open(body, len, &doc, e);
    if (rc)
        return rc;
    rc = fields_decode(fields, count, json_root(doc), into, e);
    json_free(doc);
    return rc;
}

int gateway_request_decode(const char *body, size_t len, enum gateway_request *r, struct err *e)
{
    struct request_body request;
    int rc = decode_flat(body, len, request_fields, COUNT_OF(request_fields), &request, e);
    if (rc == 0)
        *r = request.request;
    return rc;
}

/* --- collector state --- */

static const struct field collector_fields[] = {
    FIELD(collector_state, online, FIELD_BOOL),
    FIELD(collector_state, store, FIELD_HEX),
    FIELD(collector_state, owner_epoch, FIELD_COUNT),
    FIELD(collector_state, list_revision, FIELD_COUNT),
    FIELD(collector_state, standing, FIELD_U32),
    FIELD(collector_state, at, FIELD_TIME),
};

int collector_state_encode(const struct collector_state *s, struct buf *out)
{
    message_begin(out);
    fields_encode(collector_fields, COUNT_OF(collector_fields), s, true, out);
    return message_end(out);
}

int collector_state_decode(const char *body, size_t len, struct collector_state *s, struct err *e)
{
    return decode_flat(body, len, collector_fields, COUNT_OF(collector_fields), s, e);
}
