/*
 * Who may see and acknowledge which alarm, from the same file and by the same parser (access.h)
 * from which the broker's access lists are written. Read-only once parsed; freed with
 * operators_free.
 */
#ifndef COLLECTOR_CORE_OPERATORS_OPERATORS_H
#define COLLECTOR_CORE_OPERATORS_OPERATORS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "collector/core/operators/access.h"
#include "model/message.h"

struct operators {
    size_t count;
    struct access_member *list;
};

/* *o is filled on success only. Errors as access_parse_operators gives them. */
int operators_parse(const char *text, size_t len, struct operators *o, struct err *e);
void operators_free(struct operators *o); /* a zeroed one is fine */
const struct access_member *operators_find(const struct operators *o, const char *name);

bool operator_has_area(const struct access_member *who, const char *area);
/* May see alarms of the area and class. */
bool operator_sees(const struct access_member *who, const char *area, enum alarm_class class);

#endif
