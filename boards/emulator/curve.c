#include "boards/emulator/curve.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/rng.h"

#define DAY_MS     86400000
#define HOUR_MS    3600000.0
#define HOURS      24
#define ORIGIN_DAY 20454 /* 2026-01-01: where counters start */
#define SUNRISE_H  5.75
#define SUNSET_H   18.25
#define PI         3.14159265358979323846

enum shape {
    STEADY, /* base */
    SUN,    /* base + swing, by the sun's height; 0 at night */
    WARMTH, /* base + swing at 14:00, base - swing at 02:00 */
    RUSH,   /* base + swing at the peaks of traffic */
    LOAD,   /* base + swing at the peak of the load */
    NIGHT,  /* base by day, base + swing from sunset to sunrise */
    SEASON, /* base + swing over five days: rivers, soil */
    TURN,   /* anything between base and base + swing, a new value each wobble period */
    STAY,   /* 1 for swing of the hours, drawn for each hour: parked vehicles */
};

/* Flags of a curve. */
enum { FLOWS = 1, SUMS = 2 }; /* times the site's factor; the integral of the rate an hour */

struct curve {
    const char *kind;
    enum shape shape;
    double base, swing;
    double wobble; /* largest random deviation, in the kind's unit */
    unsigned period_s;
    unsigned flags;
};

static const struct curve curves[] = {
    /* clang-format off */
    {"pm2_5", RUSH, 16, 28, 3, 300, 0},        {"pm10", RUSH, 30, 50, 5, 300, 0},
    {"tsp", RUSH, 50, 90, 8, 300, 0},          {"so2", RUSH, 12, 10, 2, 600, 0},
    {"no2", RUSH, 15, 35, 3, 300, 0},          {"o3", SUN, 35, 70, 4, 600, 0},
    {"co", RUSH, 400, 900, 60, 300, 0},        {"co2", RUSH, 415, 60, 6, 300, 0},
    {"tvoc", RUSH, 120, 150, 20, 300, 0},      {"noise", RUSH, 46, 22, 4, 20, 0},
    {"air_temperature", WARMTH, 21, 5, 0.4, 600, 0}, {"humidity", WARMTH, 74, -16, 2, 600, 0},
    {"pressure", WARMTH, 905, -2, 0.4, 1800, 0},     {"wind_speed", SUN, 1.2, 2, 0.9, 30, 0},
    {"wind_gust", SUN, 2.6, 3.5, 1.5, 30, 0},  {"wind_direction", TURN, 120, 110, 0, 120, 0},
    {"wind_sector", TURN, 5, 5, 0, 120, 0},    {"wind_force", SUN, 1, 1, 0.4, 60, 0},
    {"rain", STEADY, 0.05, 0, 0, 60, SUMS},    {"rain_rate", STEADY, 0, 0, 0, 60, 0},
    {"illuminance", SUN, 0, 95000, 0, 60, 0},  {"solar", SUN, 0, 880, 0, 60, 0},
    {"water_temperature", WARMTH, 22, 1.5, 0.1, 1800, 0}, {"ph", WARMTH, 7.4, 0.2, 0.03, 1800, 0},
    {"dissolved_oxygen", SUN, 6.4, 1.6, 0.1, 900, 0},     {"conductivity", SEASON, 240, 30, 3, 900, 0},
    {"turbidity", SEASON, 22, 12, 2, 600, 0},  {"orp", SEASON, 210, 20, 3, 900, 0},
    {"ammonium", SEASON, 0.22, 0.08, 0.02, 900, 0}, {"nitrate", SEASON, 1.4, 0.4, 0.05, 900, 0},
    {"cod", SEASON, 9, 3, 0.5, 900, 0},        {"bod5", SEASON, 4, 1.2, 0.2, 900, 0},
    {"tss", SEASON, 28, 10, 2, 900, 0},        {"water_level", SEASON, 2.4, 0.3, 0.01, 300, 0},
    {"flow", SEASON, 180, 25, 4, 300, 0},
    {"soil_moisture", SEASON, 34, 4, 0.3, 1800, 0}, {"soil_temperature", WARMTH, 20, 2, 0.1, 1800, 0},
    {"soil_ec", SEASON, 420, 30, 4, 1800, 0},
    {"voltage", LOAD, 233, -6, 1.2, 20, 0},    {"current", LOAD, 6, 26, 0.6, 20, FLOWS},
    {"power", LOAD, 1400, 6000, 140, 20, FLOWS}, {"reactive_power", LOAD, 300, 1200, 40, 20, FLOWS},
    {"apparent_power", LOAD, 1450, 6100, 140, 20, FLOWS},
    {"power_factor", LOAD, 0.93, 0.04, 0.01, 60, 0}, {"phase_angle", LOAD, 14, 4, 1, 60, 0},
    {"frequency", STEADY, 50, 0, 0.04, 10, 0}, {"thd", LOAD, 2.5, 1.5, 0.3, 60, 0},
    {"energy", LOAD, 1.4, 6, 0, 60, FLOWS | SUMS}, {"reactive_energy", LOAD, 0.3, 1.2, 0, 60, FLOWS | SUMS},
    {"lamp_state", NIGHT, 0, 1, 0, 60, 0},     {"lamp_command", NIGHT, 0, 1, 0, 60, 0},
    {"dim_level", NIGHT, 0, 100, 0, 60, 0},    {"lamp_hours", NIGHT, 0, 1, 0, 60, SUMS},
    {"circuit_current", NIGHT, 0, 11.5, 0.15, 20, FLOWS},
    {"cabinet_door", STEADY, 0, 0, 0, 60, 0},  {"breaker", STEADY, 1, 0, 0, 60, 0},
    {"leakage", NIGHT, 1, 4, 0.6, 120, 0},
    {"vehicle_count", RUSH, 12, 620, 0, 60, FLOWS | SUMS}, {"occupancy", RUSH, 2, 34, 3, 20, 0},
    {"speed", RUSH, 46, -17, 5, 20, 0},        {"headway", RUSH, 14, -9, 2, 20, 0},
    {"queue_length", RUSH, 0, 45, 6, 30, 0},   {"weight", TURN, 1200, 24000, 0, 15, 0},
    {"axle_weight", TURN, 700, 8500, 0, 15, 0}, {"parking_occupied", STAY, 0, 0.6, 0, 60, 0},
    {"vms_fault", STEADY, 0, 0, 0, 60, 0},
    {"uptime", STEADY, 3600, 0, 0, 60, SUMS},  {"rssi", STEADY, -71, 0, 4, 20, 0},
    {"supply_voltage", STEADY, 24.1, 0, 0.15, 60, 0}, {"enclosure_temperature", WARMTH, 31, 8, 0.4, 600, 0},
    {"storage_free", STEADY, 72, 0, 0.4, 3600, 0}, {"clock_offset", STEADY, 0, 0, 3, 60, 0},
    {"contact", STAY, 0, 0.3, 0, 60, 0},       {"pulse_count", RUSH, 12, 620, 0, 60, FLOWS | SUMS},
    {"pulse_rate", RUSH, 0.01, 0.2, 0.01, 20, FLOWS}, {"device_status", STEADY, 0, 0, 0, 60, 0},
    {"precipitation_type", STEADY, 0, 0, 0, 60, 0}, {"absolute_humidity", WARMTH, 14, 2, 0.3, 600, 0},
    {"dew_point", WARMTH, 16, 1, 0.3, 600, 0}, {"uv_index", SUN, 0, 9, 0, 60, 0},
    {"sun_azimuth", TURN, 90, 180, 0, 3600, 0}, {"compass", STEADY, 2, 0, 0.5, 60, 0},
    {"oxygen_saturation", SUN, 82, 16, 1, 900, 0}, {"specific_conductance", SEASON, 255, 30, 3, 900, 0},
    {"turbidity_fnu", SEASON, 21, 11, 2, 600, 0}, {"chlorophyll", SUN, 3, 2, 0.3, 900, 0},
    {"blue_green_algae", SUN, 0.8, 0.5, 0.1, 900, 0}, {"water_depth", SEASON, 1.2, 0.3, 0.01, 300, 0},
    {"apparent_energy", LOAD, 1.5, 6.1, 0, 60, FLOWS | SUMS}, {"arc_power", NIGHT, 0, 254, 0, 60, 0},
    {"axle_count", TURN, 2, 3, 0, 15, 0},      {"overload", STEADY, 0, 0, 0, 60, 0},
    {"wrong_way", STEADY, 0, 0, 0, 60, 0},     {"parking_free", RUSH, 150, -90, 3, 60, 0},
    {"brightness", SUN, 20, 80, 0, 60, 0},     {"device_fault", STEADY, 0, 0, 0, 60, 0},
    {"bus_load", STEADY, 12, 0, 4, 20, 0},     {"interval", STEADY, 60, 0, 0, 60, 0},
    {"raw", STEADY, 40, 0, 8, 60, 0},
    /* clang-format on */
};

/* Shares of the peak at each full hour. */
static const double rush_hours[HOURS] = {.03, .02, .02, .03, .08, .25, .70, 1.0,
                                         .72, .45, .42, .60, .58, .44, .45, .60,
                                         .85, .98, .66, .45, .32, .20, .11, .06};
static const double town_hours[HOURS] = {.22, .20, .19, .19, .22, .34, .48, .55,
                                         .60, .64, .66, .62, .55, .58, .62, .65,
                                         .70, .82, 1.0, .97, .85, .62, .42, .30};

static const struct curve *curve_of(const struct kind *kind)
{
    static const struct curve flat = {"", STEADY, 0, 0, 0, 60, 0};
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
        if (strcmp(curves[i].kind, kind->name) == 0)
            return &curves[i];
    return &flat;
}

/* --- randomness that is a function of time --- */

static uint64_t mix(uint64_t a, uint64_t b)
{
    struct rng r;
    rng_init(&r, a ^ (b * 0x9e3779b97f4a7c15u));
    return rng_next(&r);
}

/* In [-1, 1): one draw for each period. */
static double draw(uint64_t seed, int64_t period)
{
    return (double)(mix(seed, (uint64_t)period) >> 11) * 0x1.0p-52 - 1;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Smooth: straight lines between the draws of neighbouring periods. */
static double wobble(uint64_t seed, int64_t ms, unsigned period_s)
{
    int64_t width = (int64_t)period_s * 1000;
    int64_t period = floor_div(ms, width);
    double part = (double)(ms - period * width) / (double)width;
    return draw(seed, period) * (1 - part) + draw(seed, period + 1) * part;
}

/* --- shapes and their integrals over the hours of a day --- */

/* The table's value at hour h, straight lines between full hours. */
static double hourly(const double table[HOURS], double h)
{
    int at = (int)h % HOURS;
    double part = h - floor(h);
    return table[at] * (1 - part) + table[(at + 1) % HOURS] * part;
}

static double hourly_sum(const double table[HOURS], double h)
{
    double sum = 0;
    for (int i = 0; i < (int)h; i++)
        sum += (table[i] + table[(i + 1) % HOURS]) / 2;
    double part = h - floor(h);
    return part > 0 ? sum + part * (table[(int)h] + hourly(table, h)) / 2 : sum;
}

static bool is_night(double h)
{
    return h < SUNRISE_H || h >= SUNSET_H;
}

static double night_sum(double h)
{
    return fmin(h, SUNRISE_H) + fmax(h - SUNSET_H, 0);
}

static double sun_height(double h)
{
    return is_night(h) ? 0 : sin(PI * (h - SUNRISE_H) / (SUNSET_H - SUNRISE_H));
}

/* 0 to 1, or -1 to 1; only shapes with an integral may have SUMS. */
static double shape_value(enum shape shape, enum curve_load load, double h, int64_t ms)
{
    switch (shape) {
    case SUN:
        return sun_height(h);
    case WARMTH:
        return cos(2 * PI * (h - 14) / HOURS);
    case RUSH:
        return hourly(rush_hours, h);
    case LOAD:
        return load == CURVE_LOAD_TOWN ? hourly(town_hours, h) : is_night(h);
    case NIGHT:
        return is_night(h);
    case SEASON:
        return sin(2 * PI * (double)ms / (5.0 * DAY_MS));
    case STEADY:
    case TURN:
    case STAY:
        break;
    }
    return 0;
}

static double shape_sum(enum shape shape, enum curve_load load, double h)
{
    if (shape == RUSH)
        return hourly_sum(rush_hours, h);
    if (shape == LOAD && load == CURVE_LOAD_TOWN)
        return hourly_sum(town_hours, h);
    return shape == NIGHT || shape == LOAD ? night_sum(h) : 0;
}

/* A lamp feeder carries by day only the cabinet's own electronics. */
static double base_of(const struct curve *c, const struct curve_site *site)
{
    bool lamps = c->shape == LOAD && site->load == CURVE_LOAD_LAMPS && (c->flags & FLOWS);
    return lamps ? c->base * 0.02 : c->base;
}

static double total(const struct curve *c, const struct curve_site *site, int64_t day, double h)
{
    double days = (double)(day >= ORIGIN_DAY ? day - ORIGIN_DAY : day);
    double base = base_of(c, site);
    double a_day = base * HOURS + c->swing * shape_sum(c->shape, site->load, HOURS);
    return days * a_day + base * h + c->swing * shape_sum(c->shape, site->load, h);
}

/* Dark lamps draw no wobbling current. */
static double wobble_of(const struct curve *c, const struct curve_site *site, double h)
{
    bool lamps = c->shape == NIGHT || (c->shape == LOAD && site->load == CURVE_LOAD_LAMPS);
    return lamps && !is_night(h) ? 0 : c->wobble;
}

static double instant(const struct curve *c, const struct curve_site *site, int64_t ms, double h)
{
    int64_t period = floor_div(ms, (int64_t)c->period_s * 1000);
    if (c->shape == TURN)
        return c->base + c->swing * (draw(site->seed, period) + 1) / 2;
    if (c->shape == STAY)
        return (draw(site->seed, floor_div(ms, (int64_t)HOUR_MS)) + 1) / 2 < c->swing;
    return base_of(c, site) + c->swing * shape_value(c->shape, site->load, h, ms) +
           wobble_of(c, site, h) * wobble(site->seed, ms, c->period_s);
}

/* Lanes and loops do not see the same traffic. */
static double lane_share(const struct kind *kind, uint64_t seed)
{
    bool counted = kind->class == CLASS_TRAFFIC || strncmp(kind->name, "pulse_", 6) == 0;
    return counted ? 1 + 0.4 * draw(seed, 0) : 1;
}

double curve_value(const struct kind *kind, const struct curve_site *site, int64_t local_ms)
{
    const struct curve *c = curve_of(kind);
    int64_t day = floor_div(local_ms, DAY_MS);
    double h = (double)(local_ms - day * DAY_MS) / HOUR_MS;
    double v = c->flags & SUMS ? total(c, site, day, h) : instant(c, site, local_ms, h);
    if (c->flags & FLOWS)
        v *= site->factor * lane_share(kind, site->seed);
    if (kind->type == KIND_BOOL)
        return v >= 0.5;
    return fmin(fmax(v, kind->min), kind->max);
}

/* FNV-1a, so that a name's place in the configuration does not change its day. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return (hash ^ '/') * 0x100000001b3u;
}

uint64_t curve_seed(uint64_t seed, const char *gateway, const char *device, const char *point)
{
    uint64_t hash = 0xcbf29ce484222325u;
    hash = hash_text(hash, gateway);
    hash = hash_text(hash, device);
    return mix(seed, hash_text(hash, point));
}
