/*
 * Sunrise and sunset for a place and a day.
 *
 * Pure arithmetic after J. Meeus, Astronomical Algorithms (2nd edition), chapters 15, 25 and 28:
 * the sun's apparent place to 0.01 degrees, which is a few seconds of time at latitudes people
 * live at. The sun rises when its upper limb touches a level horizon through standard refraction:
 * its centre then stands 50 arc minutes (0.833 degrees) below it (ibid., page 102). Mountains are
 * not known here; a schedule's offsets allow for them.
 *
 * A day is one of local mean solar time: its noon is 12:00 minus four minutes a degree of eastern
 * longitude, UTC. Where the legal time is within hours of that, it is the calendar's day.
 */
#ifndef GATEWAY_CORE_CONTROL_SUN_H
#define GATEWAY_CORE_CONTROL_SUN_H

#include <stdint.h>

#include "base/clk.h"

enum sun_course {
    SUN_RISES_AND_SETS,
    SUN_STAYS_UP,   /* polar day: it counts as risen from midnight on, and does not set */
    SUN_STAYS_DOWN, /* polar night: it counts as set from noon on, and does not rise */
};

struct sun_day {
    enum sun_course course;
    struct clk_utc rise; /* not with SUN_STAYS_DOWN */
    struct clk_utc set;  /* not with SUN_STAYS_UP */
};

/* day: days since 1970-01-01; latitude -90..90 and longitude -180..180 degrees, north and east
 * positive. */
void sun_day(int64_t day, double latitude, double longitude, struct sun_day *out);

#endif
