/*
 * Kinds: the one vocabulary of what is measured, for profiles, rules, indices, detectors and
 * export. Unit (SenML, RFC 8428 / RFC 8798 where they have one) and plausible range follow from the
 * kind. One table in kind.c; extend it there and nowhere else.
 */
#ifndef MODEL_KIND_H
#define MODEL_KIND_H

#include <stdbool.h>

enum kind_class {
    CLASS_AIR,
    CLASS_WEATHER,
    CLASS_WATER,
    CLASS_SOIL,
    CLASS_ENERGY,
    CLASS_LIGHTING,
    CLASS_TRAFFIC,
    CLASS_SYSTEM
};
enum kind_type { KIND_NUMBER, KIND_BOOL, KIND_COUNTER, KIND_STRING };

struct kind {
    const char *name; /* "pm2_5" */
    enum kind_class class;
    enum kind_type type;
    const char *unit; /* "ug/m3"; "" for bool and string */
    double min,
        max; /* plausible values, in unit; outside them a sample is bad with cause `range` */
    const char *label_vi;
    const char *label_en;
};

const struct kind *kind_find(const char *name); /* NULL when unknown */
const struct kind *kind_at(unsigned index);     /* NULL past the end: how the table is walked */
const char *kind_class_name(enum kind_class class);
const char *kind_type_name(enum kind_type type); /* "number", "bool", "counter", "string" */

#endif
