/*
 * Promise: a parameter of a dynamic map is read from the slot its code stands in at the moment,
 * and from none while that is not known or its status says the value does not count. A value counts
 * only if the codes read before and behind it are the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/io/bus/bus_map.h"
#include "tests/support/bus_fixture.h"

struct rig {
    struct bus_fixture f;
    struct bus_line line;
    struct bus_device device;
    struct plan *plan;
    struct bus_maps *maps;
};

static void rig_start(struct rig *r, bool mapped)
{
    bus_fixture_init(&r->f, 20);
    if (mapped)
        bus_fixture_map(&r->f);
    bus_fixture_add(&r->f, TABLE_HOLDING, 384, 8)->code = mapped ? 5 : 0;
    r->line = (struct bus_line){.name = "b", .baud = 9600};
    r->device = bus_fixture_device(&r->f, "water-1", 1, 1000);
    assert_int_equal(plan_create(&r->line, &r->device, 1, &r->plan, NULL), 0);
    assert_int_equal(bus_maps_create(r->plan, &r->maps), 0);
}

static void rig_end(struct rig *r)
{
    bus_maps_destroy(r->maps);
    plan_destroy(r->plan);
}

static enum bus_map_word give(struct rig *r, enum plan_role role, const uint16_t *four,
                              enum cause cause)
{
    const struct poll_report report = {.role = role, .count = 4, .cause = cause};
    return bus_maps_take(r->maps, &report, four);
}

static const uint16_t values[8], fine[4], one_off[] = {0, 0, 2, 0};
static const uint16_t codes[] = {1, 18, 5, 0}, moved[] = {5, 18, 1, 0};

static void a_code_is_found_in_its_slot_once_codes_and_status_were_read(void **state)
{
    (void)state;
    struct rig r = {0};
    rig_start(&r, true);
    assert_null(bus_maps_find(r.maps, 0, 5, values));
    give(&r, PLAN_CODES, codes, CAUSE_NONE);
    assert_null(bus_maps_find(r.maps, 0, 5, values));
    give(&r, PLAN_STATUS, fine, CAUSE_NONE);
    assert_ptr_equal(bus_maps_find(r.maps, 0, 5, values), &values[4]);
    assert_ptr_equal(bus_maps_find(r.maps, 0, 1, values), &values[0]);
    assert_null(bus_maps_find(r.maps, 0, 7, values));
    give(&r, PLAN_CODES, moved, CAUSE_NONE);
    assert_ptr_equal(bus_maps_find(r.maps, 0, 5, values), &values[0]);
    rig_end(&r);
}

static void a_slot_counts_only_while_its_status_says_so(void **state)
{
    (void)state;
    struct rig r = {0};
    rig_start(&r, true);
    give(&r, PLAN_CODES, codes, CAUSE_NONE);
    give(&r, PLAN_STATUS, one_off, CAUSE_NONE);
    assert_null(bus_maps_find(r.maps, 0, 5, values));
    assert_non_null(bus_maps_find(r.maps, 0, 18, values));
    give(&r, PLAN_STATUS, fine, CAUSE_NONE);
    assert_non_null(bus_maps_find(r.maps, 0, 5, values));
    rig_end(&r);
}

static void a_failed_read_keeps_the_codes_and_doubts_the_status(void **state)
{
    (void)state;
    struct rig r = {0};
    rig_start(&r, true);
    give(&r, PLAN_CODES, codes, CAUSE_NONE);
    give(&r, PLAN_STATUS, fine, CAUSE_NONE);
    give(&r, PLAN_CODES, moved, CAUSE_TIMEOUT);
    assert_ptr_equal(bus_maps_find(r.maps, 0, 5, values), &values[4]);
    give(&r, PLAN_STATUS, fine, CAUSE_CRC);
    assert_null(bus_maps_find(r.maps, 0, 5, values));
    rig_end(&r);
}

static void codes_read_behind_values_say_whether_they_count(void **state)
{
    (void)state;
    struct rig r = {0};
    rig_start(&r, true);
    assert_int_equal(give(&r, PLAN_CODES, codes, CAUSE_TIMEOUT), BUS_MAP_UNREAD);
    assert_int_equal(give(&r, PLAN_CODES, codes, CAUSE_NONE), BUS_MAP_HELD);
    assert_int_equal(give(&r, PLAN_STATUS, fine, CAUSE_NONE), BUS_MAP_NOTHING);
    assert_int_equal(give(&r, PLAN_CODES, codes, CAUSE_NONE), BUS_MAP_HELD);
    assert_int_equal(give(&r, PLAN_CODES, moved, CAUSE_CRC), BUS_MAP_UNREAD);
    assert_int_equal(give(&r, PLAN_CODES, moved, CAUSE_NONE), BUS_MAP_MOVED);
    assert_int_equal(give(&r, PLAN_CODES, moved, CAUSE_NONE), BUS_MAP_HELD);
    rig_end(&r);
}

static void only_good_samples_of_the_map_are_lowered(void **state)
{
    (void)state;
    struct rig r = {0};
    rig_start(&r, true);
    bus_fixture_add(&r.f, TABLE_HOLDING, 0, 1); /* point 1: of a place of its own */
    static const struct {
        enum bus_map_word word;
        enum quality mapped;
    } cases[] = {{BUS_MAP_HELD, QUALITY_GOOD},
                 {BUS_MAP_UNREAD, QUALITY_UNCERTAIN},
                 {BUS_MAP_MOVED, QUALITY_BAD}};
    for (size_t i = 0; i < 3; i++) {
        struct sample s[] = {{.point = 0, .value.type = VALUE_NUMBER},
                             {.point = 1, .value.type = VALUE_NUMBER},
                             {.point = 0, .quality = QUALITY_BAD, .cause = CAUSE_TIMEOUT}};
        bus_map_judge(&r.f.profile, cases[i].word, s, 3);
        assert_int_equal(s[0].quality, cases[i].mapped);
        assert_int_equal(s[0].value.type == VALUE_NONE, cases[i].mapped == QUALITY_BAD);
        assert_int_equal(s[1].quality, QUALITY_GOOD);
        assert_int_equal(s[2].cause, CAUSE_TIMEOUT);
    }
    rig_end(&r);
}

static void a_bus_without_dynamic_maps_keeps_none(void **state)
{
    (void)state;
    struct rig r = {0};
    rig_start(&r, false);
    assert_null(r.maps);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_is_found_in_its_slot_once_codes_and_status_were_read),
        cmocka_unit_test(a_slot_counts_only_while_its_status_says_so),
        cmocka_unit_test(a_failed_read_keeps_the_codes_and_doubts_the_status),
        cmocka_unit_test(codes_read_behind_values_say_whether_they_count),
        cmocka_unit_test(only_good_samples_of_the_map_are_lowered),
        cmocka_unit_test(a_bus_without_dynamic_maps_keeps_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
