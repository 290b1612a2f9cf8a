#include "gateway/core/control/sun.h"

#include <math.h>

#define DAY_MS         86400000.0
#define UNIX_JD        2440587.5 /* Julian date of 1970-01-01T00:00Z */
#define J2000_JD       2451545.0
#define CENTURY_DAYS   36525.0
#define HORIZON        (-50.0 / 60)    /* of the centre of the sun, degrees */
#define TURN_PER_DAY   360.98564736629 /* of the earth against the stars, degrees (Meeus 12.4) */
#define ROUNDS_MAX     8
#define CLOSE_ENOUGH_D 1e-7 /* days: 9 ms */

/* Where the sun stands among the stars, degrees. */
struct place {
    double ascension, declination;
};

static double radians(double degrees)
{
    return degrees * (M_PI / 180);
}

static double degrees(double radians)
{
    return radians * (180 / M_PI);
}

/* -180..180 */
static double wrap(double degrees)
{
    return remainder(degrees, 360);
}

/* The sun's apparent place, Meeus chapter 25, low accuracy. The difference between dynamical and
 * universal time, about a minute, moves it by less than an arc second. */
static struct place sun_place(double jd)
{
    double t = (jd - J2000_JD) / CENTURY_DAYS;
    double mean_longitude = 280.46646 + t * (36000.76983 + t * 0.0003032);
    double anomaly = radians(357.52911 + t * (35999.05029 - t * 0.0001537));
    double centre = (1.914602 - t * (0.004817 + t * 0.000014)) * sin(anomaly) +
                    (0.019993 - t * 0.000101) * sin(2 * anomaly) + 0.000289 * sin(3 * anomaly);
    double node = radians(125.04 - 1934.136 * t);
    double longitude = radians(mean_longitude + centre - 0.00569 - 0.00478 * sin(node));
    double obliquity = radians(23.4392911 - t * (0.0130042 + t * 1.64e-7) + 0.00256 * cos(node));
    return (struct place){.ascension =
                              degrees(atan2(cos(obliquity) * sin(longitude), cos(longitude))),
                          .declination = degrees(asin(sin(obliquity) * sin(longitude)))};
}

/* Local mean sidereal time, degrees (Meeus 12.4). */
static double sidereal(double jd, double longitude)
{
    double t = (jd - J2000_JD) / CENTURY_DAYS;
    return 280.46061837 + TURN_PER_DAY * (jd - J2000_JD) + t * t * 0.000387933 + longitude;
}

/* The hour angle at which the sun stands at the horizon; beyond 1 or -1 it never does. */
static double cos_hour_angle(double latitude, double declination)
{
    double horizon = sin(radians(HORIZON)) - sin(radians(latitude)) * sin(radians(declination));
    return horizon / (cos(radians(latitude)) * cos(radians(declination)));
}

/* Moves from `jd` to where the hour angle is `side` times the horizon's (0: noon), the sun's place
 * being taken at the moment found (Meeus chapter 15, iterated). */
static double settle(double jd, double latitude, double longitude, double side, double *cos_angle)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        struct place sun = sun_place(jd);
        *cos_angle = cos_hour_angle(latitude, sun.declination);
        double angle = *cos_angle >= 1 ? 0 : *cos_angle <= -1 ? 180 : degrees(acos(*cos_angle));
        double off = wrap(side * angle - (sidereal(jd, longitude) - sun.ascension));
        jd += off / TURN_PER_DAY;
        if (fabs(off) < CLOSE_ENOUGH_D * TURN_PER_DAY)
            break;
    }
    return jd;
}

static struct clk_utc from_jd(double jd)
{
    return (struct clk_utc){llround((jd - UNIX_JD) * DAY_MS)};
}

void sun_day(int64_t day, double latitude, double longitude, struct sun_day *out)
{
    double ignored, rise_angle, set_angle;
    double noon =
        settle(UNIX_JD + (double)day + 0.5 - longitude / 360, latitude, longitude, 0, &ignored);
    double cos_noon = cos_hour_angle(latitude, sun_place(noon).declination);
    double quarter = cos_noon >= 1 || cos_noon <= -1 ? 0 : acos(cos_noon) / (2 * M_PI);
    double rise = settle(noon - quarter, latitude, longitude, -1, &rise_angle);
    double set = settle(noon + quarter, latitude, longitude, 1, &set_angle);
    *out =
        (struct sun_day){.course = SUN_RISES_AND_SETS, .rise = from_jd(rise), .set = from_jd(set)};
    if (cos_noon >= 1 || rise_angle >= 1 || set_angle >= 1)
        *out = (struct sun_day){.course = SUN_STAYS_DOWN, .set = from_jd(noon)};
    else if (cos_noon <= -1 || rise_angle <= -1 || set_angle <= -1)
        *out = (struct sun_day){.course = SUN_STAYS_UP, .rise = from_jd(noon - 0.5)};
}
