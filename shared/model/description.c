#include "model/description.h"

#include <stdlib.h>
#include <string.h>

#include "model/json.h"

void description_begin(struct buf *out, const char *device, const char *profile)
{
    buf_str(out, "{\"device\":");
    json_write_string(out, device);
    buf_str(out, ",\"profile\":");
    json_write_string(out, profile);
    buf_str(out, ",\"points\":[");
}

void description_add(struct buf *out, const struct point *p, uint32_t period_ms)
{
    if (out->len && out->data[out->len - 1] == '}')
        buf_char(out, ',');
    buf_str(out, "{\"name\":");
    json_write_string(out, p->name);
    buf_str(out, ",\"kind\":");
    json_write_string(out, p->kind->name);
    buf_str(out, ",\"unit\":");
    json_write_string(out, p->kind->unit);
    buf_str(out, ",\"type\":");
    json_write_string(out, kind_type_name(p->kind->type));
    buf_str(out, ",\"period_ms\":");
    buf_u64(out, period_ms);
    if (point_wrap(p) > 0) {
        buf_str(out, ",\"wrap\":");
        json_write_number(out, point_wrap(p));
    }
    buf_char(out, '}');
}

void description_end(struct buf *out)
{
    buf_str(out, "]}");
}

/* Copies a string member of at most size - 1 bytes. */
static int read_text(const struct json *v, const char *key, char *out, size_t size, struct err *e)
{
    const char *text;
    if (json_string(json_get(v, key), &text))
        return err_set(e, ERR_INVALID, "%s is missing or no string", key);
    if (strlen(text) >= size)
        return err_set(e, ERR_INVALID, "%s is longer than %zu bytes", key, size - 1);
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static int read_name(const struct json *v, const char *key, char out[NAME_SIZE], struct err *e)
{
    int rc = read_text(v, key, out, NAME_SIZE, e);
    if (rc == 0 && !name_valid(out))
        return err_set(e, ERR_INVALID, "%s \"%s\" is no name", key, out);
    return rc;
}

static int read_type(const struct json *v, enum kind_type *out, struct err *e)
{
    char text[8];
    int rc = read_text(v, "type", text, sizeof(text), e);
    if (rc)
        return rc;
    for (unsigned t = KIND_NUMBER; t <= KIND_STRING; t++) {
        if (strcmp(text, kind_type_name((enum kind_type)t)) == 0) {
            *out = (enum kind_type)t;
            return 0;
        }
    }
    return err_set(e, ERR_INVALID, "type \"%s\" is none of number, bool, counter, string", text);
}

static int read_point(const struct json *v, struct description_point *p, struct err *e)
{
    int64_t period;
    int rc = read_name(v, "name", p->name, e);
    if (rc == 0)
        rc = read_text(v, "kind", p->kind, sizeof(p->kind), e);
    if (rc == 0)
        rc = read_text(v, "unit", p->unit, sizeof(p->unit), e);
    if (rc == 0)
        rc = read_type(v, &p->type, e);
    if (rc)
        return rc;
    if (json_int(json_get(v, "period_ms"), &period) || period < 1 || period > UINT32_MAX)
        return err_set(e, ERR_INVALID, "period_ms is missing or no whole number from 1");
    p->period_ms = (uint32_t)period;
    const struct json *wrap = json_get(v, "wrap");
    if (wrap && (json_number(wrap, &p->wrap) || p->wrap <= 0))
        return err_set(e, ERR_INVALID, "wrap is no number above 0");
    return 0;
}

static int check_names(const struct description *d, size_t last, struct err *e)
{
    for (size_t i = 0; i < last; i++)
        if (strcmp(d->points[i].name, d->points[last].name) == 0)
            return err_set(e, ERR_INVALID, "name \"%s\" stands twice", d->points[last].name);
    return 0;
}

static int read_points(const struct json *v, struct description *d, struct err *e)
{
    size_t n = json_count(v), i = 0;
    if (!v || json_type(v) != JSON_ARRAY)
        return err_set(e, ERR_INVALID, "points is missing or no array");
    if (n > PROFILE_POINTS_MAX)
        return err_set(e, ERR_LIMIT, "points has %zu entries, more than %d", n, PROFILE_POINTS_MAX);
    d->points = calloc(n ? n : 1, sizeof(*d->points));
    if (!d->points)
        return err_set(e, ERR_NOMEM, "no memory for %zu points", n);
    d->point_count = n;
    for (const struct json *c = json_first(v); c; c = json_next(c), i++) {
        int rc = read_point(c, &d->points[i], e);
        if (rc == 0)
            rc = check_names(d, i, e);
        if (rc) {
            err_prefix(e, "points[%zu]", i);
            return rc;
        }
    }
    return 0;
}

int description_parse(const char *text, size_t len, struct description *d, struct err *e)
{
    struct json_doc *doc;
    struct description read = {0};
    int rc = json_parse(text, len, DESCRIPTION_SIZE_MAX, JSON_STRICT, &doc, e);
    if (rc)
        return rc;
    rc = read_name(json_root(doc), "device", read.device, e);
    if (rc == 0)
        rc = read_name(json_root(doc), "profile", read.profile, e);
    if (rc == 0)
        rc = read_points(json_get(json_root(doc), "points"), &read, e);
    json_free(doc);
    if (rc)
        description_free(&read);
    else
        *d = read;
    return rc;
}

void description_free(struct description *d)
{
    free(d->points);
    d->points = NULL;
    d->point_count = 0;
}

void description_hash(const char *text, size_t len, char hash[HASH64_TEXT_SIZE])
{
    hash64_format(hash64_add(HASH64_START, text, len), hash);
}
