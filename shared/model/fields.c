#include "model/fields.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/clk.h"
#include "model/message.h"
#include "model/name.h"

#define COUNT_MAX (INT64_C(1) << 53)

int words_find(const char *const *words, const char *text, unsigned *place)
{
    for (unsigned i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0) {
            *place = i;
            return 0;
        }
    }
    return ERR_INVALID;
}

/* --- writing --- */

static bool is_empty(const struct field *f, const void *value)
{
    static const char zeros[sizeof(double)];
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_WORD:
    case FIELD_NAME:
    case FIELD_HEX:
        return *(const char *)value == '\0';
    default:
        assert(f->size <= sizeof(zeros));
        return memcmp(value, zeros, f->size) == 0;
    }
}

static void write_time(const struct clk_utc *at, struct buf *out)
{
    char text[CLK_UTC_TEXT];
    clk_utc_format(*at, text);
    buf_char(out, '"');
    buf_str(out, text);
    buf_char(out, '"');
}

static void write_value(const struct field *f, const void *value, struct buf *out)
{
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_WORD:
    case FIELD_NAME:
    case FIELD_HEX:
        json_write_string(out, value);
        break;
    case FIELD_BOOL:
        buf_str(out, *(const bool *)value ? "true" : "false");
        break;
    case FIELD_U32:
        buf_u64(out, *(const uint32_t *)value);
        break;
    case FIELD_COUNT:
        assert(*(const uint64_t *)value <= COUNT_MAX);
        buf_u64(out, *(const uint64_t *)value);
        break;
    case FIELD_U63:
        buf_char(out, '"');
        buf_u64(out, *(const uint64_t *)value);
        buf_char(out, '"');
        break;
    case FIELD_TIME:
        write_time(value, out);
        break;
    case FIELD_NUMBER:
        json_write_number(out, *(const double *)value);
        break;
    case FIELD_ENUM:
        json_write_string(out, f->words[*(const unsigned *)value]);
        break;
    }
}

void fields_encode(const struct field *fields, size_t count, const void *from, bool comma,
                   struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct field *f = &fields[i];
        const void *value = (const char *)from + f->offset;
        if (f->optional && is_empty(f, value))
            continue;
        if (comma)
            buf_char(out, ',');
        json_write_string(out, f->key);
        buf_char(out, ':');
        write_value(f, value, out);
        comma = true;
    }
}

void message_begin(struct buf *out)
{
    buf_fmt(out, "{\"v\":%d", MESSAGE_VERSION);
}

int message_end(struct buf *out)
{
    buf_char(out, '}');
    return out->overflow || out->len > MESSAGE_SIZE_MAX ? ERR_LIMIT : 0;
}

/* --- reading --- */

static int read_text(const struct field *f, const struct json *v, char *into, struct err *e)
{
    const char *text;
    unsigned place;
    if (json_string(v, &text))
        return err_set(e, ERR_INVALID, "%s must be a string", f->key);
    size_t len = strlen(text);
    if (len >= f->size)
        return err_set(e, ERR_INVALID, "%s is longer than %zu bytes", f->key, f->size - 1);
    if (f->type == FIELD_NAME && !name_valid(text))
        return err_set(e, ERR_INVALID, "%s must be a name of a-z, 0-9 and -", f->key);
    if (f->type == FIELD_HEX && (len != f->size - 1 || strspn(text, "0123456789abcdef") != len))
        return err_set(e, ERR_INVALID, "%s must be %zu lower-case hexadecimal digits", f->key,
                       f->size - 1);
    if (f->type == FIELD_WORD && words_find(f->words, text, &place))
        return err_set(e, ERR_INVALID, "%s \"%.24s\" is unknown", f->key, text);
    memcpy(into, text, len + 1);
    return 0;
}

static int read_whole(const struct field *f, const struct json *v, int64_t max, int64_t *n,
                      struct err *e)
{
    if (json_int(v, n) || *n < 0 || *n > max)
        return err_set(e, ERR_INVALID, "%s must be a whole number from 0 to %lld", f->key,
                       (long long)max);
    return 0;
}

static int read_enum(const struct field *f, const struct json *v, unsigned *place, struct err *e)
{
    const char *text;
    if (json_string(v, &text))
        return err_set(e, ERR_INVALID, "%s must be a string", f->key);
    if (words_find(f->words, text, place))
        return err_set(e, ERR_INVALID, "%s \"%.24s\" is unknown", f->key, text);
    return 0;
}

static int read_time(const struct field *f, const struct json *v, struct clk_utc *at, struct err *e)
{
    const char *text;
    if (json_string(v, &text) || clk_utc_parse(text, at))
        return err_set(e, ERR_INVALID, "%s must be a time like 2026-11-21T18:23:55.123Z", f->key);
    return 0;
}

static int read_value(const struct field *f, const struct json *v, void *into, struct err *e)
{
    int64_t n = 0;
    int rc = 0;
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_WORD:
    case FIELD_NAME:
    case FIELD_HEX:
        return read_text(f, v, into, e);
    case FIELD_BOOL:
        rc = json_bool(v, into);
        return rc ? err_set(e, ERR_INVALID, "%s must be true or false", f->key) : 0;
    case FIELD_U32:
        rc = read_whole(f, v, UINT32_MAX, &n, e);
        *(uint32_t *)into = (uint32_t)n;
        return rc;
    case FIELD_COUNT:
        rc = read_whole(f, v, COUNT_MAX, &n, e);
        *(uint64_t *)into = (uint64_t)n;
        return rc;
    case FIELD_U63:
        if (json_u63(v, into) || *(uint64_t *)into == 0)
            return err_set(e, ERR_INVALID, "%s must be a decimal string from 1 to 2^63-1", f->key);
        return 0;
    case FIELD_TIME:
        return read_time(f, v, into, e);
    case FIELD_NUMBER:
        if (json_number(v, into) || !isfinite(*(double *)into))
            return err_set(e, ERR_INVALID, "%s must be a finite number", f->key);
        return 0;
    case FIELD_ENUM:
        return read_enum(f, v, into, e);
    }
    return 0;
}

int fields_decode(const struct field *fields, size_t count, const struct json *v, void *into,
                  struct err *e)
{
    if (!v || json_type(v) != JSON_OBJECT)
        return err_set(e, ERR_INVALID, "must be an object");
    for (size_t i = 0; i < count; i++) {
        const struct field *f = &fields[i];
        const struct json *member = json_get(v, f->key);
        void *value = (char *)into + f->offset;
        memset(value, 0, f->size);
        if (!member && f->optional)
            continue;
        if (!member)
            return err_set(e, ERR_INVALID, "%s is missing", f->key);
        int rc = read_value(f, member, value, e);
        if (rc)
            return rc;
    }
    return 0;
}

/* --- a value of a command or its result --- */

void value_encode(const struct value *v, struct buf *out)
{
    if (v->type == VALUE_NONE)
        return;
    buf_str(out, ",\"value\":");
    if (v->type == VALUE_NUMBER)
        json_write_number(out, v->number);
    else if (v->type == VALUE_BOOL)
        buf_str(out, v->boolean ? "true" : "false");
    else
        json_write_string(out, v->string);
}

int value_decode(const struct json *v, struct value *out, struct err *e)
{
    const char *text;
    *out = (struct value){.type = VALUE_NONE};
    if (!v)
        return 0;
    if (json_bool(v, &out->boolean) == 0) {
        out->type = VALUE_BOOL;
    } else if (json_number(v, &out->number) == 0 && isfinite(out->number)) {
        out->type = VALUE_NUMBER;
    } else if (json_string(v, &text) == 0 && strlen(text) < sizeof(out->string)) {
        out->type = VALUE_STRING;
        memcpy(out->string, text, strlen(text) + 1);
    } else {
        return err_set(e, ERR_INVALID,
                       "value must be true, false, a number or a text below %zu bytes",
                       sizeof(out->string));
    }
    return 0;
}

int message_open(const char *body, size_t len, struct json_doc **doc, struct err *e)
{
    int rc = json_parse(body, len, MESSAGE_SIZE_MAX, JSON_STRICT, doc, e);
    if (rc)
        return rc;
    const struct json *root = json_root(*doc);
    int64_t version = 0;
    if (json_type(root) != JSON_OBJECT)
        rc = err_set(e, ERR_INVALID, "a message must be an object, not of type %s",
                     json_type_name(json_type(root)));
    else if (json_int(json_get(root, "v"), &version))
        rc = err_set(e, ERR_INVALID, "v (the message's version) must be a whole number");
    else if (version != MESSAGE_VERSION)
        rc = err_set(e, ERR_INVALID, "version %lld is unknown; this program reads version %d",
                     (long long)version, MESSAGE_VERSION);
    if (rc)
        json_free(*doc);
    return rc;
}

int message_list(const struct json *v, const char *key, size_t max, size_t *count, struct err *e)
{
    if (!v || json_type(v) != JSON_ARRAY)
        return err_set(e, ERR_INVALID, "%s must be a list", key);
    *count = json_count(v);
    if (*count > max)
        return err_set(e, ERR_INVALID, "%s has %zu entries, more than %zu", key, *count, max);
    return 0;
}
