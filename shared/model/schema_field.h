/* How a schema table's entries are read; private to schema.c and schema_write.c. */
#ifndef MODEL_SCHEMA_FIELD_H
#define MODEL_SCHEMA_FIELD_H

#include <string.h>

#include "model/schema.h"

static inline bool field_has_range(const struct schema_field *f)
{
    return f->min < 0 || f->min > 0 || f->max < 0 || f->max > 0;
}

static inline bool field_is_text(const struct schema_field *f)
{
    return f->type == SCHEMA_STRING || f->type == SCHEMA_NAME || f->type == SCHEMA_PATH;
}

/* A text whose absence means "none". */
static inline bool field_is_optional_text(const struct schema_field *f)
{
    return field_is_text(f) && f->preset && strcmp(f->preset, "\"\"") == 0;
}

/* Absent, it has no value at all. */
static inline bool field_is_optional(const struct schema_field *f)
{
    return f->preset && strcmp(f->preset, "null") == 0;
}

/* The elements of an array are plain values, not objects. */
static inline bool fields_are_plain(const struct schema_field *fields)
{
    return fields[0].key && fields[0].key[0] == '\0';
}

#endif
