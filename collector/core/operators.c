#include "collector/core/operators.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/schema.h"

struct file {
    int64_t version;
    struct operators operators;
};

static const char *const role_words[] = {"viewer", "operator", NULL};
static const char *const class_words[] = {"environment", "lighting", "energy", "traffic",
                                          "system",      "security", "*",      NULL};
#define CLASS_ALL (ALARM_SECURITY + 1)

static int check_area(const void *member, struct err *e)
{
    const char *area = member;
    if (strcmp(area, "*") == 0 || name_valid(area))
        return 0;
    return err_set(e, ERR_INVALID, "\"%.40s\" is no name of an area; \"*\" means all", area);
}

static const struct schema_field area_fields[] = {
    {.key = "",
     .type = SCHEMA_STRING,
     .offset = offsetof(struct operator_area, name),
     .size = NAME_SIZE,
     .check = check_area,
     .help = "An area's name, or * for all."},
    SCHEMA_END,
};

static const struct schema_field class_fields[] = {
    {.key = "",
     .type = SCHEMA_ENUM,
     .offset = offsetof(struct operator_class, class),
     .words = class_words,
     .help = "A class of alarms, or * for all."},
    SCHEMA_END,
};

static const struct schema_field operator_fields[] = {
    {.key = "name",
     .type = SCHEMA_NAME,
     .offset = offsetof(struct operator_entry, name),
     .help = "The name in the operator's certificate."},
    {.key = "role",
     .type = SCHEMA_ENUM,
     .offset = offsetof(struct operator_entry, role),
     .words = role_words,
     .help = "viewer: may look; operator: may acknowledge as well."},
    {.key = "areas",
     .type = SCHEMA_ARRAY,
     .offset = offsetof(struct operator_entry, areas),
     .size = sizeof(struct operator_area),
     .count_offset = offsetof(struct operator_entry, area_count),
     .min = 1,
     .max = OPERATOR_AREAS_MAX,
     .fields = area_fields,
     .help = "Whose alarms are seen."},
    {.key = "classes",
     .type = SCHEMA_ARRAY,
     .offset = offsetof(struct operator_entry, classes),
     .size = sizeof(struct operator_class),
     .count_offset = offsetof(struct operator_entry, class_count),
     .min = 1,
     .max = CLASS_ALL + 1,
     .fields = class_fields,
     .help = "Which alarms are seen."},
    SCHEMA_END,
};

static const struct schema_field file_fields[] = {
    {.key = "version",
     .type = SCHEMA_INT,
     .offset = offsetof(struct file, version),
     .min = 1,
     .max = 1,
     .help = "The version of this file's form; 1."},
    {.key = "operators",
     .type = SCHEMA_ARRAY,
     .offset = offsetof(struct file, operators.list),
     .size = sizeof(struct operator_entry),
     .count_offset = offsetof(struct file, operators.count),
     .max = OPERATORS_MAX,
     .fields = operator_fields,
     .unique = "name",
     .help = "The operators; a certificate whose name is not here sees nothing."},
    SCHEMA_END,
};

int operators_parse(const char *text, size_t len, struct operators **out, struct err *e)
{
    struct json_doc *doc = NULL;
    struct file f = {0};
    *out = NULL;
    int rc = json_parse(text, len, OPERATORS_FILE_MAX, JSON_COMMENTS | JSON_LINES, &doc, e);
    if (rc < 0)
        return rc;
    rc = schema_read(file_fields, doc, json_root(doc), &f, e);
    json_free(doc);
    if (rc < 0)
        return rc;
    *out = malloc(sizeof(**out));
    if (!*out) {
        schema_free(file_fields, &f);
        return err_set(e, ERR_NOMEM, "no memory for %zu operators", f.operators.count);
    }
    **out = f.operators;
    return 0;
}

void operators_free(struct operators *o)
{
    if (!o)
        return;
    struct file f = {.operators = *o};
    schema_free(file_fields, &f);
    free(o);
}

void operators_document(struct buf *out)
{
    schema_document(file_fields, "Operators", out);
}

const struct operator_entry *operators_find(const struct operators *o, const char *name)
{
    for (size_t i = 0; i < o->count; i++)
        if (strcmp(o->list[i].name, name) == 0)
            return &o->list[i];
    return NULL;
}

bool operator_sees_area(const struct operator_entry *op, const char *area)
{
    for (size_t i = 0; i < op->area_count; i++)
        if (strcmp(op->areas[i].name, "*") == 0 || strcmp(op->areas[i].name, area) == 0)
            return true;
    return false;
}

bool operator_sees(const struct operator_entry *op, const char *area, enum alarm_class class)
{
    for (size_t i = 0; i < op->class_count; i++)
        if (op->classes[i].class == CLASS_ALL || op->classes[i].class == (int)class)
            return operator_sees_area(op, area);
    return false;
}
