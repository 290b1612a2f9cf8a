/* Promise: an emulated day is plausible, the same on every machine, and its counters never run
 * backwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "boards/emulator/curve.h"
#include "boards/emulator/scene.h"

#define DAY_MS  86400000LL
#define HOUR_MS 3600000LL
#define DAY     (20700 * DAY_MS)

static const struct curve_site town = {.seed = 1, .load = CURVE_LOAD_TOWN, .factor = 1};
static const struct curve_site lamps = {.seed = 1, .load = CURVE_LOAD_LAMPS, .factor = 1};

static double at(const char *kind, const struct curve_site *site, double hour)
{
    const struct kind *k = kind_find(kind);
    assert_non_null(k);
    return curve_value(k, site, DAY + (int64_t)(hour * (double)HOUR_MS));
}

static void every_kind_stays_plausible_all_week(void **state)
{
    (void)state;
    for (unsigned i = 0; kind_at(i); i++) {
        const struct kind *k = kind_at(i);
        if (k->type == KIND_STRING)
            continue;
        for (int64_t t = DAY; t < DAY + 7 * DAY_MS; t += 1234567) {
            double v = curve_value(k, &town, t);
            if (!(v >= k->min && v <= k->max))
                fail_msg("%s is %g at %lld", k->name, v, (long long)t);
        }
    }
}

static void the_same_seed_and_time_give_the_same_value(void **state)
{
    (void)state;
    struct curve_site other = town;
    int differences = 0;
    other.seed = 2;
    for (unsigned i = 0; kind_at(i); i++) {
        assert_true(curve_value(kind_at(i), &town, DAY + 777) ==
                    curve_value(kind_at(i), &town, DAY + 777));
        differences +=
            curve_value(kind_at(i), &town, DAY + 777) != curve_value(kind_at(i), &other, DAY + 777);
    }
    assert_true(differences > 20);
    assert_true(curve_seed(1, "g", "d", "p") == curve_seed(1, "g", "d", "p"));
    assert_true(curve_seed(1, "g", "d", "p") != curve_seed(2, "g", "d", "p"));
    assert_true(curve_seed(1, "ab", "c", "p") != curve_seed(1, "a", "bc", "p"));
}

static void counters_never_run_backwards(void **state)
{
    (void)state;
    for (unsigned i = 0; kind_at(i); i++) {
        const struct kind *k = kind_at(i);
        if (k->type != KIND_COUNTER)
            continue;
        double before = curve_value(k, &town, DAY - HOUR_MS);
        for (int64_t t = DAY - HOUR_MS; t < DAY + 2 * DAY_MS; t += 30011) {
            double v = curve_value(k, &town, t);
            if (v < before)
                fail_msg("%s falls from %.9g to %.9g", k->name, before, v);
            before = v;
        }
    }
}

/* An energy meter whose energy is not its power's integral would look like a loss to the collector.
 */
static void energy_is_the_integral_of_power(void **state)
{
    (void)state;
    const struct curve_site *const sites[] = {&town, &lamps};
    for (size_t s = 0; s < 2; s++) {
        double sum_wh = 0;
        for (double h = 0; h < 24; h += 1.0 / 120)
            sum_wh += at("power", sites[s], h) / 120;
        double counted = at("energy", sites[s], 24) - at("energy", sites[s], 0);
        assert_true(fabs(sum_wh / 1000 - counted) < 0.01 * counted);
    }
}

static void the_day_has_a_sun_rush_hours_and_lamps(void **state)
{
    (void)state;
    assert_true(at("illuminance", &town, 12) > 50000);
    assert_true(at("illuminance", &town, 1) < 1);
    assert_true(at("air_temperature", &town, 14) > at("air_temperature", &town, 3) + 5);
    assert_true(at("vehicle_count", &town, 8) - at("vehicle_count", &town, 7) >
                5 * (at("vehicle_count", &town, 3) - at("vehicle_count", &town, 2)));
    assert_true(at("lamp_state", &town, 22) > 0 && at("lamp_state", &town, 12) < 1);
    assert_true(at("circuit_current", &town, 22) > 5);
    assert_true(at("current", &lamps, 22) > 10 && at("current", &lamps, 12) < 1);
    assert_true(fabs(at("voltage", &town, 19) - 228) < 8);
}

static void a_scene_starts_when_told_and_runs_as_fast_as_told(void **state)
{
    (void)state;
    struct scene s;
    struct clk_utc now = {DAY + 3 * HOUR_MS}; /* 10:00 in Lai Chau */
    struct clk_mono mono = {5000};
    scene_init(&s, now, mono, -1, 1);
    assert_true(scene_local_ms(&s, mono) == DAY + 10 * HOUR_MS);
    scene_init(&s, now, mono, 17 * 60 + 30, 60);
    assert_true(scene_local_ms(&s, mono) == DAY + 17 * HOUR_MS + HOUR_MS / 2);
    assert_true(scene_local_ms(&s, clk_mono_add(mono, 60000)) == DAY + 18 * HOUR_MS + HOUR_MS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_stays_plausible_all_week),
        cmocka_unit_test(the_same_seed_and_time_give_the_same_value),
        cmocka_unit_test(counters_never_run_backwards),
        cmocka_unit_test(energy_is_the_integral_of_power),
        cmocka_unit_test(the_day_has_a_sun_rush_hours_and_lamps),
        cmocka_unit_test(a_scene_starts_when_told_and_runs_as_fast_as_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
