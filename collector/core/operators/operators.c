#include "collector/core/operators/operators.h"

#include <stdlib.h>
#include <string.h>

int operators_parse(const char *text, size_t len, struct operators *o, struct err *e)
{
    struct operators read = {0};
    int rc = access_parse_operators(text, len, &read.list, &read.count, e);
    if (rc == 0)
        *o = read;
    return rc;
}

void operators_free(struct operators *o)
{
    free(o->list);
    *o = (struct operators){0};
}

const struct access_member *operators_find(const struct operators *o, const char *name)
{
    for (size_t i = 0; i < o->count; i++)
        if (strcmp(o->list[i].name, name) == 0)
            return &o->list[i];
    return NULL;
}

bool operator_has_area(const struct access_member *who, const char *area)
{
    for (size_t i = 0; i < who->area_count; i++)
        if (strcmp(who->areas[i], ACCESS_ALL_AREAS) == 0 || strcmp(who->areas[i], area) == 0)
            return true;
    return false;
}

bool operator_sees(const struct access_member *who, const char *area, enum alarm_class class)
{
    return (who->classes & (1u << class)) && operator_has_area(who, area);
}
