/* Promise: lamps know the sun. Rise and set agree with the published times of Lai Chau to the
 * minute, and within 10 s with an independent ephemeris (VSOP87, horizon -0:50, no refraction of
 * its own) from 60 degrees south to 65 north; beyond the polar circles there is no time at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/core/control/sun.h"

#define LAI_CHAU    22.3992, 103.4392
#define DAY_MS      86400000
#define TOLERANCE_S 10

struct vector {
    const char *where;
    int64_t day;
    double latitude, longitude;
    int64_t rise_s, set_s;
};

/* clang-format off */
static const struct vector vectors[] = {
    {"Lai Chau 2026-01-03", 20456, 22.3992, 103.4392, 1767397592, 1767436485},
    {"Lai Chau 2026-03-20", 20532, 22.3992, 103.4392, 1773961840, 1774005431},
    {"Lai Chau 2026-06-21", 20625, 22.3992, 103.4392, 1781994167, 1782042793},
    {"Lai Chau 2026-09-23", 20719, 22.3992, 103.4392, 1790117711, 1790161316},
    {"Lai Chau 2026-12-22", 20809, 22.3992, 103.4392, 1797896505, 1797935255},
    {"Lai Chau 2035-02-28", 23799, 22.3992, 103.4392, 2056231722, 2056273753},
    {"Helsinki 2026-01-03", 20456, 60.1699, 24.9384, 1767424977, 1767446805},
    {"Helsinki 2026-03-20", 20532, 60.1699, 24.9384, 1773980537, 1774024471},
    {"Helsinki 2026-06-21", 20625, 60.1699, 24.9384, 1782003242, 1782071403},
    {"Helsinki 2026-09-23", 20719, 60.1699, 24.9384, 1790136391, 1790180244},
    {"Helsinki 2026-12-22", 20809, 60.1699, 24.9384, 1797924260, 1797945193},
    {"Helsinki 2035-02-28", 23799, 60.1699, 24.9384, 2056252969, 2056290233},
    {"Quito 2026-01-03", 20456, -0.1807, -78.4678, 1767438866, 1767482549},
    {"Quito 2026-03-20", 20532, -0.1807, -78.4678, 1774005480, 1774049069},
    {"Quito 2026-06-21", 20625, -0.1807, -78.4678, 1782040342, 1782083946},
    {"Quito 2026-09-23", 20719, -0.1807, -78.4678, 1790161376, 1790204965},
    {"Quito 2026-12-22", 20809, -0.1807, -78.4678, 1797937709, 1797981396},
    {"Quito 2035-02-28", 23799, -0.1807, -78.4678, 2056274575, 2056318184},
    {"Sydney 2026-01-03", 20456, -33.8688, 151.2093, 1767379742, 1767431382},
    {"Sydney 2026-03-20", 20532, -33.8688, 151.2093, 1773950278, 1773994017},
    {"Sydney 2026-06-21", 20625, -33.8688, 151.2093, 1781989198, 1782024829},
    {"Sydney 2026-09-23", 20719, -33.8688, 151.2093, 1790106238, 1790149916},
    {"Sydney 2026-12-22", 20809, -33.8688, 151.2093, 1797878468, 1797930354},
    {"Sydney 2035-02-28", 23799, -33.8688, 151.2093, 2056218095, 2056264401},
    {"South Orkney 2026-01-03", 20456, -60.7000, -45.6000, 1767418863, 1767486707},
    {"South Orkney 2026-03-20", 20532, -60.7000, -45.6000, 1773997345, 1774041345},
    {"South Orkney 2026-06-21", 20625, -60.7000, -45.6000, 1782044113, 1782064396},
    {"South Orkney 2026-09-23", 20719, -60.7000, -45.6000, 1790153221, 1790197431},
    {"South Orkney 2026-12-22", 20809, -60.7000, -45.6000, 1797917188, 1797986131},
    {"South Orkney 2035-02-28", 23799, -60.7000, -45.6000, 2056262996, 2056313888},
    {"Anadyr 2026-01-03", 20456, 64.7300, 177.5000, 1767391775, 1767406756},
    {"Anadyr 2026-03-20", 20532, 64.7300, 177.5000, 1773943964, 1773987847},
    {"Anadyr 2026-06-21", 20625, 64.7300, 177.5000, 1781961623, 1782039786},
    {"Anadyr 2026-09-23", 20719, 64.7300, 177.5000, 1790099640, 1790143765},
    {"Anadyr 2026-12-22", 20809, 64.7300, 177.5000, 1797891329, 1797904869},
    {"Anadyr 2035-02-28", 23799, 64.7300, 177.5000, 2056217122, 2056252873},
};
/* clang-format on */

/* UTC+7, rounded to the minute of the day. */
static int local_minute(struct clk_utc t)
{
    return (int)((t.ms + 7 * 3600000 + 30000) / 60000 % 1440);
}

static void agrees_with_an_independent_ephemeris(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
        const struct vector *v = &vectors[i];
        struct sun_day sun;
        sun_day(v->day, v->latitude, v->longitude, &sun);
        assert_int_equal(sun.course, SUN_RISES_AND_SETS);
        int64_t rise_off = llabs(sun.rise.ms - v->rise_s * 1000);
        int64_t set_off = llabs(sun.set.ms - v->set_s * 1000);
        if (rise_off > TOLERANCE_S * 1000 || set_off > TOLERANCE_S * 1000)
            fail_msg("%s: rise off by %lld ms, set by %lld ms", v->where, (long long)rise_off,
                     (long long)set_off);
    }
}

static void gives_the_published_times_of_lai_chau(void **state)
{
    static const struct {
        int64_t day;
        int rise, set;
    } days[] = {
        {20532, 6 * 60 + 11, 18 * 60 + 17}, /* 2026-03-20 */
        {20625, 5 * 60 + 23, 18 * 60 + 53}, /* 2026-06-21 */
        {20719, 5 * 60 + 55, 18 * 60 + 2},  /* 2026-09-23 */
        {20809, 6 * 60 + 42, 17 * 60 + 28}, /* 2026-12-22 */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(days) / sizeof(*days); i++) {
        struct sun_day sun;
        sun_day(days[i].day, LAI_CHAU, &sun);
        assert_in_range(local_minute(sun.rise), days[i].rise - 1, days[i].rise + 1);
        assert_in_range(local_minute(sun.set), days[i].set - 1, days[i].set + 1);
    }
}

static void has_no_times_in_polar_day_and_night(void **state)
{
    struct sun_day sun;
    (void)state;
    sun_day(20625, 78.22, 15.65, &sun); /* Longyearbyen, June */
    assert_int_equal(sun.course, SUN_STAYS_UP);
    sun_day(20809, 78.22, 15.65, &sun); /* and December */
    assert_int_equal(sun.course, SUN_STAYS_DOWN);
    sun_day(20625, -78.22, 15.65, &sun);
    assert_int_equal(sun.course, SUN_STAYS_DOWN);
    sun_day(20625, 90, 0, &sun);
    assert_int_equal(sun.course, SUN_STAYS_UP);
    sun_day(20625, -90, 0, &sun);
    assert_int_equal(sun.course, SUN_STAYS_DOWN);
}

/* No day is skipped or had twice, wherever one stands. */
static void each_day_has_its_own_rise_and_set(void **state)
{
    static const double longitudes[] = {-180, -75, 0, 103.4392, 180};
    (void)state;
    for (size_t i = 0; i < sizeof(longitudes) / sizeof(*longitudes); i++) {
        struct sun_day before, sun;
        sun_day(20453, 22.4, longitudes[i], &before);
        for (int64_t day = 20454; day < 20454 + 2 * 366; day++) {
            sun_day(day, 22.4, longitudes[i], &sun);
            assert_true(sun.rise.ms < sun.set.ms);
            assert_in_range(sun.rise.ms - before.rise.ms, DAY_MS - 120000, DAY_MS + 120000);
            assert_in_range(sun.set.ms - before.set.ms, DAY_MS - 120000, DAY_MS + 120000);
            before = sun;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_an_independent_ephemeris),
        cmocka_unit_test(gives_the_published_times_of_lai_chau),
        cmocka_unit_test(has_no_times_in_polar_day_and_night),
        cmocka_unit_test(each_day_has_its_own_rise_and_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
