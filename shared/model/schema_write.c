/* What a schema table writes: the configuration that would run, its reference page, its JSON
 * Schema. */
#include <stdio.h>

#include "model/sample.h"
#include "model/schema_field.h"

#define PATH_TEXT 128

static const void *at(const void *object, size_t offset)
{
    return (const char *)object + offset;
}

static void indent(struct buf *out, unsigned depth)
{
    buf_char(out, '\n');
    while (depth--)
        buf_str(out, "  ");
}

/* --- what would run --- */

static void print_object(const struct schema_field *fields, const void *object, struct buf *out,
                         unsigned depth);

static void print_setting(const struct value *v, struct buf *out)
{
    if (v->type == VALUE_NUMBER)
        json_write_number(out, v->number);
    else
        buf_str(out, v->boolean ? "true" : "false");
}

static void print_scalar(const struct schema_field *f, const void *member, struct buf *out)
{
    switch (f->type) {
    case SCHEMA_STRING:
    case SCHEMA_NAME:
    case SCHEMA_PATH:
        json_write_string(out, member);
        break;
    case SCHEMA_INT:
        buf_i64(out, *(const int64_t *)member);
        break;
    case SCHEMA_NUMBER:
        json_write_number(out, *(const double *)member);
        break;
    case SCHEMA_BOOL:
        buf_str(out, *(const bool *)member ? "true" : "false");
        break;
    case SCHEMA_ENUM:
        json_write_string(out, f->words[*(const int *)member]);
        break;
    case SCHEMA_VALUE:
        print_setting(member, out);
        break;
    case SCHEMA_OBJECT:
    case SCHEMA_ARRAY:
        break;
    }
}

static void print_array(const struct schema_field *f, const void *object, struct buf *out,
                        unsigned depth)
{
    const void *elements = *(void *const *)at(object, f->offset);
    size_t count = *(const size_t *)at(object, f->count_offset);
    buf_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        const void *element = at(elements, i * f->size);
        if (i)
            buf_char(out, ',');
        if (fields_are_plain(f->fields)) {
            buf_str(out, i ? " " : "");
            print_scalar(f->fields, at(element, f->fields->offset), out);
        } else {
            indent(out, depth + 1);
            print_object(f->fields, element, out, depth + 1);
        }
    }
    if (count && !fields_are_plain(f->fields))
        indent(out, depth);
    buf_char(out, ']');
}

static bool is_printed(const struct schema_field *f, const void *object)
{
    if (f->present_offset && !*(const bool *)at(object, f->present_offset - 1))
        return false;
    return !field_is_optional_text(f) || *(const char *)at(object, f->offset);
}

static void print_object(const struct schema_field *fields, const void *object, struct buf *out,
                         unsigned depth)
{
    bool first = true;
    buf_char(out, '{');
    for (const struct schema_field *f = fields; f->key; f++) {
        if (!is_printed(f, object))
            continue;
        if (!first)
            buf_char(out, ',');
        first = false;
        indent(out, depth + 1);
        json_write_string(out, f->key);
        buf_str(out, ": ");
        if (f->type == SCHEMA_OBJECT)
            print_object(f->fields, at(object, f->offset), out, depth + 1);
        else if (f->type == SCHEMA_ARRAY)
            print_array(f, object, out, depth + 1);
        else
            print_scalar(f, at(object, f->offset), out);
    }
    if (!first)
        indent(out, depth);
    buf_char(out, '}');
}

void schema_print(const struct schema_field *fields, const void *object, struct buf *out)
{
    print_object(fields, object, out, 0);
    buf_char(out, '\n');
}

/* --- the reference page --- */

static void write_type(const struct schema_field *f, struct buf *out)
{
    static const char *const names[] = {
        "string",        "name",   "path",   "whole number", "number",
        "true or false", "one of", "object", "array of ",    "true, false or number"};
    buf_str(out, names[f->type]);
    if (f->type == SCHEMA_ENUM)
        for (int i = 0; f->words[i]; i++)
            buf_fmt(out, "%s `%s`", i ? "," : "", f->words[i]);
    if (f->type == SCHEMA_ARRAY) {
        if (fields_are_plain(f->fields))
            write_type(f->fields, out);
        else
            buf_str(out, "objects");
    }
}

static void write_range(const struct schema_field *f, struct buf *out)
{
    bool number = f->type == SCHEMA_INT || f->type == SCHEMA_NUMBER || f->type == SCHEMA_VALUE;
    if (f->type == SCHEMA_STRING || f->type == SCHEMA_PATH)
        buf_fmt(out, ", up to %zu bytes", f->size - 1);
    if (!field_has_range(f) || !(number || f->type == SCHEMA_ARRAY))
        return;
    buf_str(out, ", ");
    json_write_number(out, f->min);
    buf_str(out, " to ");
    json_write_number(out, f->max);
    if (f->type == SCHEMA_ARRAY)
        buf_str(out, " of them");
}

static void document_rows(const struct schema_field *fields, struct buf *out)
{
    buf_str(out, "\n| key | value | default | meaning |\n|---|---|---|---|\n");
    for (const struct schema_field *f = fields; f->key; f++) {
        buf_fmt(out, "| `%s` | ", f->key);
        write_type(f, out);
        write_range(f, out);
        bool shown = f->preset && !field_is_optional_text(f) && !field_is_optional(f);
        const char *quote = shown ? "`" : "";
        buf_fmt(out, " | %s%s%s | %s |\n", quote,
                shown       ? f->preset
                : f->preset ? "none"
                            : "**required**",
                quote, f->help);
    }
}

static void document_object(const struct schema_field *fields, const char *path, struct buf *out)
{
    if (*path)
        buf_fmt(out, "\n## `%s`\n", path);
    document_rows(fields, out);
    for (const struct schema_field *f = fields; f->key; f++) {
        bool array = f->type == SCHEMA_ARRAY && !fields_are_plain(f->fields);
        if (f->type != SCHEMA_OBJECT && !array)
            continue;
        char inner[PATH_TEXT];
        snprintf(inner, sizeof(inner), "%s%s%s%s", path, *path ? "." : "", f->key,
                 array ? "[]" : "");
        document_object(f->fields, inner, out);
    }
}

void schema_document(const struct schema_field *fields, const char *title, struct buf *out)
{
    buf_fmt(out, "# %s\n", title);
    document_object(fields, "", out);
}

/* --- JSON Schema --- */

static void export_object(const struct schema_field *fields, struct buf *out, unsigned depth);

static void export_limits(const struct schema_field *f, struct buf *out, const char *low,
                          const char *high)
{
    if (!field_has_range(f))
        return;
    buf_fmt(out, ", \"%s\": ", low);
    json_write_number(out, f->min);
    buf_fmt(out, ", \"%s\": ", high);
    json_write_number(out, f->max);
}

static void export_words(const struct schema_field *f, struct buf *out)
{
    buf_str(out, "\"enum\": [");
    for (int i = 0; f->words[i]; i++) {
        buf_str(out, i ? ", " : "");
        json_write_string(out, f->words[i]);
    }
    buf_char(out, ']');
}

static void export_type(const struct schema_field *f, struct buf *out, unsigned depth)
{
    switch (f->type) {
    case SCHEMA_STRING:
    case SCHEMA_PATH:
        buf_fmt(out, "\"type\": \"string\", \"maxLength\": %zu", f->size - 1);
        break;
    case SCHEMA_NAME:
        buf_fmt(out, "\"type\": \"string\", \"pattern\": \"^%s[a-z0-9][a-z0-9-]{0,31}%s$\"",
                f->preset ? "(" : "", f->preset ? ")?" : "");
        break;
    case SCHEMA_INT:
    case SCHEMA_NUMBER:
        buf_fmt(out, "\"type\": \"%s\"", f->type == SCHEMA_INT ? "integer" : "number");
        export_limits(f, out, "minimum", "maximum");
        break;
    case SCHEMA_BOOL:
        buf_str(out, "\"type\": \"boolean\"");
        break;
    case SCHEMA_ENUM:
        export_words(f, out);
        break;
    case SCHEMA_VALUE:
        buf_str(out, "\"type\": [\"boolean\", \"number\"]");
        export_limits(f, out, "minimum", "maximum");
        break;
    case SCHEMA_OBJECT:
        export_object(f->fields, out, depth);
        break;
    case SCHEMA_ARRAY:
        buf_str(out, "\"type\": \"array\"");
        export_limits(f, out, "minItems", "maxItems");
        buf_str(out, ", \"items\": {");
        if (fields_are_plain(f->fields))
            export_type(f->fields, out, depth);
        else
            export_object(f->fields, out, depth);
        buf_char(out, '}');
        break;
    }
}

static void export_required(const struct schema_field *fields, struct buf *out, unsigned depth)
{
    bool first = true;
    for (const struct schema_field *f = fields; f->key; f++) {
        if (f->preset)
            continue;
        if (first) {
            buf_char(out, ',');
            indent(out, depth);
            buf_str(out, "\"required\": [");
        }
        buf_str(out, first ? "" : ", ");
        json_write_string(out, f->key);
        first = false;
    }
    if (!first)
        buf_char(out, ']');
}

static void export_object(const struct schema_field *fields, struct buf *out, unsigned depth)
{
    indent(out, depth + 1);
    buf_str(out, "\"type\": \"object\", \"additionalProperties\": false,");
    indent(out, depth + 1);
    buf_str(out, "\"properties\": {");
    for (const struct schema_field *f = fields; f->key; f++) {
        indent(out, depth + 2);
        json_write_string(out, f->key);
        buf_str(out, ": {\"description\": ");
        json_write_string(out, f->help);
        if (f->preset && !field_is_optional(f))
            buf_fmt(out, ", \"default\": %s", f->preset);
        buf_str(out, ", ");
        export_type(f, out, depth + 2);
        buf_str(out, f[1].key ? "}," : "}");
    }
    indent(out, depth + 1);
    buf_char(out, '}');
    export_required(fields, out, depth + 1);
    indent(out, depth);
}

void schema_export(const struct schema_field *fields, const char *title, struct buf *out)
{
    buf_str(out,
            "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": ");
    json_write_string(out, title);
    buf_char(out, ',');
    export_object(fields, out, 0);
    buf_str(out, "}\n");
}
