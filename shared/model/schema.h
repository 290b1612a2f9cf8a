/*
 * Strict configuration from one table: path, type, range, default, help. The same table parses,
 * checks, prints what would run (-p) and generates the reference page, so they cannot disagree.
 *
 * An object type is an array of struct schema_field that ends with SCHEMA_END. Fields bind to
 * members of a struct by offset. Unknown and duplicate keys, wrong types and values out of range
 * are refused with the line and the path ("line 14: buses[1].baud: 4801 is no standard rate (…)");
 * the caller puts the file's name before it. An array of plain values has one field with the key
 * "". The tables are static; what is read belongs to the caller's struct.
 */
#ifndef MODEL_SCHEMA_H
#define MODEL_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/json.h"

enum schema_type {
    SCHEMA_STRING, /* char[size] */
    SCHEMA_NAME,   /* char[NAME_SIZE], checked by name_valid */
    SCHEMA_PATH,   /* char[size], a file or directory path */
    SCHEMA_INT,    /* int64_t */
    SCHEMA_NUMBER, /* double */
    SCHEMA_BOOL,   /* bool */
    SCHEMA_ENUM,   /* int, index in words */
    SCHEMA_OBJECT, /* a nested struct, described by fields */
    SCHEMA_ARRAY,  /* void * to a calloc'ed array of structs described by fields, and its size_t
                      count */
    SCHEMA_VALUE,  /* struct value (model/sample.h): true, false or a number */
};

struct schema_field {
    const char *key;
    enum schema_type type;
    size_t offset;         /* of the member */
    size_t size;           /* of the char array; of one element for arrays */
    size_t count_offset;   /* arrays: offset of the size_t count */
    size_t present_offset; /* offset + 1 of a bool set when the key was given; 0: none. Where it
                              is false schema_print leaves the key out */
    double min, max;       /* numbers, lengths of arrays; unchecked when both are 0. A string with
                              min 1 may not be empty */
    const char *preset;    /* default as JSON text, trusted; NULL: the key must be given. A string
                              with the preset "" is optional: empty, it is not printed. "null":
                              the member stays zeroed, and only present_offset tells */
    const char *const *words; /* enums: NULL-terminated */
    const struct schema_field *fields;
    const char *unique; /* arrays: the key whose values may not repeat, e.g. "name" */
    const char *help;   /* one sentence, with unit */
    int (*check)(const void *member, struct err *e); /* further rule on one value; may be NULL */
};

#define SCHEMA_END                                                                                 \
    {                                                                                              \
        .key = NULL                                                                                \
    }

/* Fills *object (zeroed by the caller) from v. Arrays are allocated and freed by schema_free; after
 * a failure they are freed already. ERR_INVALID or ERR_NOMEM. */
int schema_read(const struct schema_field *fields, const struct json_doc *doc, const struct json *v,
                void *object, struct err *e);
void schema_free(const struct schema_field *fields, void *object);
/* Prints what was read, defaults filled in, as JSON that reads back the same. */
void schema_print(const struct schema_field *fields, const void *object, struct buf *out);
/* The reference page in Markdown. */
void schema_document(const struct schema_field *fields, const char *title, struct buf *out);
/* The same as a JSON Schema (draft 2020-12) for editors. */
void schema_export(const struct schema_field *fields, const char *title, struct buf *out);
/* 1-based line of `path` for messages about relations between fields; 0 when unknown. */
unsigned schema_line(const struct json_doc *doc, const char *path);
/* Refuses a relation between fields: "line N: path: …", ERR_INVALID. An absent key has the line of
 * what should hold it. */
int schema_refuse(const struct json_doc *doc, const char *path, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
