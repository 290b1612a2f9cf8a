/*
 * What a sensor of each kind sees over a day in Lai Chau: the sun, rush hours, the town's load and
 * its lamps, dust, weather.
 *
 * A curve is a pure function of the kind, the site's seed and the local time, so the same
 * configuration gives the same day on every machine, and two polls of one instant agree. Counters
 * are the exact integral of their rate from 2026-01-01: monotonic, also over midnight. Values stay
 * inside the kind's plausible range.
 */
#ifndef EMULATOR_CURVE_H
#define EMULATOR_CURVE_H

#include <stdint.h>

#include "model/kind.h"

/* What hangs on an energy device: the town by day, or lamps by night. */
enum curve_load { CURVE_LOAD_TOWN, CURVE_LOAD_LAMPS };

struct curve_site {
    uint64_t seed; /* of the point: what its small wobble is made from */
    enum curve_load load;
    double factor; /* times what flows: currents, powers, energies, vehicles */
};

/* local_ms: since 1970-01-01T00:00 on Lai Chau's clocks (UTC+7). Booleans are 0 and 1. */
double curve_value(const struct kind *kind, const struct curve_site *site, int64_t local_ms);

/* The seed of a point: the emulator's seed and the point's full name. */
uint64_t curve_seed(uint64_t seed, const char *gateway, const char *device, const char *point);

#endif
