/*
 * Site overrides: what a device on this site reads otherwise than its profile says, such as a scale
 * another firmware uses, or the unit a source left open.
 *
 * They stand in the gateway's configuration (devices[].overrides) and are applied to the device's
 * own copy of the profile, so that everything behind it (plan, poller, description) needs to know
 * of no override. Pure.
 */
#ifndef GATEWAY_CORE_CONFIG_OVERRIDE_H
#define GATEWAY_CORE_CONFIG_OVERRIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/name.h"
#include "model/profile.h"
#include "model/profile_file.h"
#include "model/schema.h"

#define OVERRIDE_KEY_SIZE 24

struct override {
    char point[NAME_SIZE];
    char kind[NAME_SIZE]; /* empty: the profile's */
    double scale, offset;
    int order;
    struct profile_pattern *invalid;
    size_t invalid_count;
    int64_t period_ms;
    bool has_scale, has_offset, has_order, has_invalid, has_period;
};

extern const struct schema_field override_fields[];

/* Changes the point it names in *p. ERR_INVALID with the reason in e and in key the override's key
 * at fault ("scale"). */
int override_apply(const struct override *o, struct profile *p, char key[OVERRIDE_KEY_SIZE],
                   struct err *e);
/* Whether two devices' overrides, in the order they are written, say the same. */
bool overrides_equal(const struct override *a, size_t a_count, const struct override *b,
                     size_t b_count);

#endif
