/*
 * Who may do what to which alarm: the one file from which the broker's access lists are written as
 * well. JSON with comments:
 *
 *   {"version": 1, "operators": [
 *     {"name": "lan", "role": "operator", "areas": ["tan-phong"], "classes": ["lighting"]},
 *     {"name": "wall-display", "role": "viewer", "areas": ["*"], "classes": ["*"]}]}
 *
 * Strict; errors name line and path. Limits: OPERATORS_MAX people, OPERATOR_AREAS_MAX areas each.
 * Read-only once parsed; freed with operators_free.
 */
#ifndef COLLECTOR_CORE_OPERATORS_H
#define COLLECTOR_CORE_OPERATORS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/message.h"
#include "model/name.h"

#define OPERATORS_MAX      1024
#define OPERATORS_FILE_MAX (1024 * 1024)
#define OPERATOR_AREAS_MAX 64

enum operator_role { OPERATOR_ROLE_VIEWER, OPERATOR_ROLE_OPERATOR };

struct operator_area {
    char name[NAME_SIZE]; /* "*": all */
};

struct operator_class {
    int class; /* enum alarm_class; one past the last: all */
};

struct operator_entry {
    char name[NAME_SIZE];
    int role; /* enum operator_role */
    size_t area_count;
    struct operator_area *areas;
    size_t class_count;
    struct operator_class *classes;
};

struct operators {
    size_t count;
    struct operator_entry *list;
};

int operators_parse(const char *text, size_t len, struct operators **out, struct err *e);
void operators_free(struct operators *o); /* NULL is fine */
const struct operator_entry *operators_find(const struct operators *o, const char *name);

/* May see alarms of the area and class (every role). */
bool operator_sees(const struct operator_entry *op, const char *area, enum alarm_class class);
bool operator_sees_area(const struct operator_entry *op, const char *area);

/* The reference page of the file. */
void operators_document(struct buf *out);

#endif
