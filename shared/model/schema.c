#include "model/schema.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/name.h"
#include "model/sample.h"
#include "model/schema_field.h"

#define PATH_MAX_LEN 256
#define PRESET_MAX   1024
#define GUESS_MAX    32 /* keys longer than this get no suggestion */
#define GUESS_EDITS  2

struct reader {
    const struct json_doc *doc;
    const struct json *owner; /* the nearest object that stands in the text: presets do not */
    struct buf path;
    char path_text[PATH_MAX_LEN];
    struct err *e;
};

/* --- refusing --- */

static unsigned line_of(const struct reader *r, const struct json *v)
{
    unsigned line = json_line(r->doc, v);
    return line ? line : json_line(r->doc, r->owner);
}

static int set_message(struct err *e, unsigned line, const char *path, const char *why)
{
    char where[24] = "";
    if (line)
        snprintf(where, sizeof(where), "line %u: ", line);
    return err_set(e, ERR_INVALID, "%s%s%s%s", where, path, *path ? ": " : "", why);
}

__attribute__((format(printf, 3, 4))) static int refuse(struct reader *r, const struct json *v,
                                                        const char *fmt, ...)
{
    char why[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    return set_message(r->e, line_of(r, v), buf_cstr(&r->path), why);
}

static int refuse_type(struct reader *r, const struct json *v, const char *wanted)
{
    return refuse(r, v, "%s is wanted here, not %s", wanted, json_type_name(json_type(v)));
}

static size_t push_key(struct reader *r, const char *key)
{
    size_t mark = r->path.len;
    if (*key)
        buf_fmt(&r->path, "%s%s", mark ? "." : "", key);
    return mark;
}

static size_t push_index(struct reader *r, size_t index)
{
    size_t mark = r->path.len;
    buf_fmt(&r->path, "[%zu]", index);
    return mark;
}

/* Levenshtein's distance, for "did you mean". Both at most GUESS_MAX long. */
static unsigned edits(const char *a, const char *b)
{
    unsigned row[GUESS_MAX + 1];
    size_t n = strlen(b);
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; a[i]; i++) {
        unsigned corner = row[0]++;
        for (size_t j = 0; j < n; j++) {
            unsigned best = corner + (a[i] != b[j]);
            corner = row[j + 1];
            best = corner + 1 < best ? corner + 1 : best;
            row[j + 1] = row[j] + 1 < best ? row[j] + 1 : best;
        }
    }
    return row[n];
}

static const char *nearest(const struct schema_field *fields, const char *key)
{
    const char *best = NULL;
    unsigned best_edits = GUESS_EDITS + 1;
    for (const struct schema_field *f = fields; f->key && strlen(key) <= GUESS_MAX; f++) {
        unsigned n = strlen(f->key) <= GUESS_MAX ? edits(key, f->key) : best_edits;
        if (n < best_edits) {
            best = f->key;
            best_edits = n;
        }
    }
    return best;
}

static int refuse_unknown(struct reader *r, const struct schema_field *fields, const struct json *v)
{
    char known[256];
    struct buf b;
    buf_init(&b, known, sizeof(known));
    const char *guess = nearest(fields, json_key(v));
    if (guess) {
        buf_fmt(&b, "did you mean \"%s\"?", guess);
    } else {
        buf_str(&b, "known here:");
        for (const struct schema_field *f = fields; f->key; f++)
            buf_fmt(&b, "%s %s", f == fields ? "" : ",", f->key);
    }
    push_key(r, json_key(v));
    return refuse(r, v, "unknown key; %s", buf_cstr(&b));
}

/* --- reading --- */

static void *at(const void *object, size_t offset)
{
    return (char *)(uintptr_t)object + offset;
}

static int read_text(struct reader *r, const struct schema_field *f, const struct json *v,
                     char *member)
{
    const char *text;
    size_t size = f->type == SCHEMA_NAME ? NAME_SIZE : f->size;
    if (json_string(v, &text))
        return refuse_type(r, v, "a string");
    if (*text == '\0' && field_is_optional_text(f))
        return 0;
    if (f->type == SCHEMA_NAME && !name_valid(text))
        return refuse(r, v, "\"%.40s\" is no name; use 1 to %d of a-z, 0-9 and -, no - first", text,
                      NAME_MAX_LEN);
    if (*text == '\0' && (f->min >= 1 || f->type == SCHEMA_PATH))
        return refuse(r, v, "may not be empty; give %s", f->help);
    if (strlen(text) >= size)
        return refuse(r, v, "is longer than %zu bytes; shorten it", size - 1);
    memcpy(member, text, strlen(text) + 1);
    return 0;
}

static int refuse_range(struct reader *r, const struct schema_field *f, const struct json *v,
                        double given)
{
    char text[96];
    struct buf b;
    buf_init(&b, text, sizeof(text));
    json_write_number(&b, given);
    buf_str(&b, " is out of range; give ");
    json_write_number(&b, f->min);
    buf_str(&b, " to ");
    json_write_number(&b, f->max);
    return refuse(r, v, "%s", buf_cstr(&b));
}

static int read_number(struct reader *r, const struct schema_field *f, const struct json *v,
                       void *member)
{
    double number;
    int64_t whole = 0;
    if (json_number(v, &number))
        return refuse_type(r, v, f->type == SCHEMA_INT ? "a whole number" : "a number");
    if (f->type == SCHEMA_INT && json_int(v, &whole))
        return refuse(r, v, "%g is no whole number", number);
    if (field_has_range(f) && (number < f->min || number > f->max))
        return refuse_range(r, f, v, number);
    if (f->type == SCHEMA_INT)
        *(int64_t *)member = whole;
    else
        *(double *)member = number;
    return 0;
}

/* What an actuator can be told: a switch's state, or a level within the field's range. */
static int read_setting(struct reader *r, const struct schema_field *f, const struct json *v,
                        struct value *member)
{
    if (json_bool(v, &member->boolean) == 0) {
        member->type = VALUE_BOOL;
        return 0;
    }
    if (json_type(v) != JSON_NUMBER)
        return refuse_type(r, v, "true, false or a number");
    member->type = VALUE_NUMBER;
    return read_number(r, f, v, &member->number);
}

static int read_enum(struct reader *r, const struct schema_field *f, const struct json *v,
                     int *member)
{
    const char *text;
    char all[192];
    struct buf b;
    if (json_string(v, &text))
        return refuse_type(r, v, "a string");
    buf_init(&b, all, sizeof(all));
    for (int i = 0; f->words[i]; i++) {
        if (strcmp(f->words[i], text) == 0) {
            *member = i;
            return 0;
        }
        buf_fmt(&b, "%s%s", i ? ", " : "", f->words[i]);
    }
    return refuse(r, v, "\"%.40s\" is not known; choose one of: %s", text, buf_cstr(&b));
}

static int read_object(struct reader *r, const struct schema_field *fields, const struct json *v,
                       void *object);
static int read_value(struct reader *r, const struct schema_field *f, const struct json *v,
                      void *member);

static const struct schema_field *find_field(const struct schema_field *fields, const char *key)
{
    for (; fields->key; fields++)
        if (strcmp(fields->key, key) == 0)
            return fields;
    return NULL;
}

static bool same_value(const struct schema_field *f, const void *a, const void *b)
{
    if (f->type == SCHEMA_INT)
        return *(const int64_t *)a == *(const int64_t *)b;
    if (f->type == SCHEMA_ENUM)
        return *(const int *)a == *(const int *)b;
    return strcmp(a, b) == 0;
}

/* Refuses element `last` when an earlier one has the same value of the array's unique key. */
static int check_unique(struct reader *r, const struct schema_field *f, const struct json *v,
                        const char *elements, size_t last)
{
    const struct schema_field *key = f->unique ? find_field(f->fields, f->unique) : NULL;
    for (size_t i = 0; key && i < last; i++) {
        if (!same_value(key, at(elements, i * f->size + key->offset),
                        at(elements, last * f->size + key->offset)))
            continue;
        push_key(r, key->key);
        return refuse(r, *key->key ? json_get(v, key->key) : v,
                      "the same as in %s[%zu]; each must be different", f->key, i);
    }
    return 0;
}

static int run_check(struct reader *r, const struct schema_field *f, const struct json *v,
                     const void *member)
{
    struct err why = {0};
    return f->check && f->check(member, &why) ? refuse(r, v, "%s", why.text) : 0;
}

static int read_element(struct reader *r, const struct schema_field *fields, const struct json *v,
                        void *element)
{
    if (!fields_are_plain(fields))
        return read_object(r, fields, v, element);
    void *member = at(element, fields->offset);
    int rc = read_value(r, fields, v, member);
    return rc ? rc : run_check(r, fields, v, member);
}

static int read_elements(struct reader *r, const struct schema_field *f, const struct json *v,
                         char *elements)
{
    size_t i = 0;
    for (const struct json *c = json_first(v); c; c = json_next(c), i++) {
        size_t mark = push_index(r, i);
        char *element = elements + i * f->size;
        int rc = read_element(r, f->fields, c, element);
        if (rc == 0)
            rc = check_unique(r, f, c, elements, i);
        if (rc)
            return rc;
        buf_rewind(&r->path, mark);
    }
    return 0;
}

static int read_array(struct reader *r, const struct schema_field *f, const struct json *v,
                      void *object)
{
    if (json_type(v) != JSON_ARRAY)
        return refuse_type(r, v, "an array [ ]");
    size_t n = json_count(v);
    if (field_has_range(f) && ((double)n < f->min || (double)n > f->max))
        return refuse(r, v, "has %zu entries; give %g to %g", n, f->min, f->max);
    char *elements = calloc(n ? n : 1, f->size);
    if (!elements)
        return err_set(r->e, ERR_NOMEM, "no memory for %zu entries", n);
    *(void **)at(object, f->offset) = elements;
    *(size_t *)at(object, f->count_offset) = n;
    return read_elements(r, f, v, elements);
}

/* Everything but arrays, which need their owner for the count. */
static int read_value(struct reader *r, const struct schema_field *f, const struct json *v,
                      void *member)
{
    switch (f->type) {
    case SCHEMA_STRING:
    case SCHEMA_NAME:
    case SCHEMA_PATH:
        return read_text(r, f, v, member);
    case SCHEMA_INT:
    case SCHEMA_NUMBER:
        return read_number(r, f, v, member);
    case SCHEMA_BOOL:
        return json_bool(v, member) ? refuse_type(r, v, "true or false") : 0;
    case SCHEMA_ENUM:
        return read_enum(r, f, v, member);
    case SCHEMA_OBJECT:
        return read_object(r, f->fields, v, member);
    case SCHEMA_VALUE:
        return read_setting(r, f, v, member);
    case SCHEMA_ARRAY:
        break;
    }
    assert(false && "an array of arrays is not described");
    return ERR_INVALID;
}

static int read_field(struct reader *r, const struct schema_field *f, const struct json *v,
                      void *object)
{
    void *member = at(object, f->offset);
    size_t mark = push_key(r, f->key);
    int rc = f->type == SCHEMA_ARRAY ? read_array(r, f, v, object) : read_value(r, f, v, member);
    if (rc == 0)
        rc = run_check(r, f, v, member);
    if (rc == 0)
        buf_rewind(&r->path, mark);
    return rc;
}

static int read_preset(struct reader *r, const struct schema_field *f, void *object)
{
    struct json_doc *preset;
    if (!f->preset) {
        push_key(r, f->key);
        return refuse(r, NULL, "is missing; give %s", f->help);
    }
    if (field_is_optional(f))
        return 0;
    int rc = json_parse(f->preset, strlen(f->preset), PRESET_MAX, JSON_STRICT, &preset, r->e);
    assert(rc != ERR_INVALID);
    if (rc)
        return rc;
    rc = read_field(r, f, json_root(preset), object);
    json_free(preset);
    return rc;
}

static int read_fields(struct reader *r, const struct schema_field *fields, const struct json *v,
                       void *object)
{
    for (const struct json *c = json_first(v); c; c = json_next(c))
        if (!find_field(fields, json_key(c)))
            return refuse_unknown(r, fields, c);
    for (const struct schema_field *f = fields; f->key; f++) {
        const struct json *c = json_get(v, f->key);
        int rc = c ? read_field(r, f, c, object) : read_preset(r, f, object);
        if (rc)
            return rc;
        if (f->present_offset)
            *(bool *)at(object, f->present_offset - 1) = c != NULL;
    }
    return 0;
}

static int read_object(struct reader *r, const struct schema_field *fields, const struct json *v,
                       void *object)
{
    if (json_type(v) != JSON_OBJECT)
        return refuse_type(r, v, "an object { }");
    const struct json *outer = r->owner;
    if (json_line(r->doc, v))
        r->owner = v;
    int rc = read_fields(r, fields, v, object);
    if (rc == 0)
        r->owner = outer;
    return rc;
}

int schema_read(const struct schema_field *fields, const struct json_doc *doc, const struct json *v,
                void *object, struct err *e)
{
    struct reader r = {.doc = doc, .owner = v, .e = e};
    buf_init(&r.path, r.path_text, sizeof(r.path_text));
    int rc = read_object(&r, fields, v, object);
    if (rc)
        schema_free(fields, object);
    return rc;
}

void schema_free(const struct schema_field *fields, void *object)
{
    for (const struct schema_field *f = fields; f->key; f++) {
        if (f->type == SCHEMA_OBJECT)
            schema_free(f->fields, at(object, f->offset));
        if (f->type != SCHEMA_ARRAY)
            continue;
        void **elements = at(object, f->offset);
        size_t *count = at(object, f->count_offset);
        for (size_t i = 0; *elements && i < *count; i++)
            schema_free(f->fields, at(*elements, i * f->size));
        free(*elements);
        *elements = NULL;
        *count = 0;
    }
}

/* --- lines of paths --- */

/* The value of one step of a path ("buses", "[1]"), or NULL; *path moves behind the step. */
static const struct json *step(const struct json *v, const char **path)
{
    char key[64];
    const char *p = *path;
    if (*p == '[') {
        unsigned long index = strtoul(p + 1, NULL, 10);
        *path = p + strcspn(p, "]");
        *path += **path == ']';
        for (v = json_first(v); v && index; index--)
            v = json_next(v);
        return v;
    }
    p += *p == '.';
    size_t n = strcspn(p, ".[");
    *path = p + n;
    snprintf(key, sizeof(key), "%.*s", (int)(n < sizeof(key) ? n : sizeof(key) - 1), p);
    return json_get(v, key);
}

unsigned schema_line(const struct json_doc *doc, const char *path)
{
    const struct json *v = json_root(doc);
    while (v && *path) {
        const struct json *inner = step(v, &path);
        if (!inner)
            break;
        v = inner;
    }
    return json_line(doc, v);
}

int schema_refuse(const struct json_doc *doc, const char *path, struct err *e, const char *fmt, ...)
{
    char why[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    return set_message(e, schema_line(doc, path), path, why);
}
