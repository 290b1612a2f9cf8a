/*
 * Promise: a line is read in the fewest milliseconds its speed allows, no point is ever split, and
 * a line that cannot carry its devices is refused with the arithmetic a technician can act on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "gateway/core/bus/plan.h"
#include "tests/support/bus_fixture.h"

static struct bus_line rtu(uint32_t baud)
{
    return (struct bus_line){.name = "rs485-1", .kind = BUS_RTU, .baud = baud};
}

static struct bus_line tcp(void)
{
    return (struct bus_line){.name = "plc", .kind = BUS_TCP};
}

static size_t requests_across_gap(const struct bus_line *line, uint32_t turnaround_ms, uint16_t gap)
{
    struct bus_fixture f;
    bus_fixture_init(&f, turnaround_ms);
    bus_fixture_add(&f, TABLE_HOLDING, 0, 1);
    bus_fixture_add(&f, TABLE_HOLDING, (uint16_t)(1 + gap), 1);
    struct bus_device d = bus_fixture_device(&f, "air-1", 1, 1000);
    struct plan *plan;
    assert_int_equal(plan_create(line, &d, 1, &plan, NULL), 0);
    size_t n = plan->request_count;
    plan_destroy(plan);
    return n;
}

/* (13 * 11/9600 + 2 * 38.5/9600 + 8 registers' 22 bits) by hand. */
static void line_time_is_the_standards(void **state)
{
    (void)state;
    struct bus_line slow = rtu(9600), fast = rtu(115200);
    assert_in_range(plan_time_us(&slow, 0, TABLE_HOLDING, 8), 41240, 41260);
    assert_in_range(plan_time_us(&slow, 20, TABLE_HOLDING, 8), 61240, 61260);
    assert_in_range(plan_time_us(&fast, 0, TABLE_HOLDING, 0), 4735, 4745);
    struct bus_line plc = tcp();
    assert_in_range(plan_silence_us(&slow), 4010, 4011);
    assert_int_equal(plan_silence_us(&fast), 1750);
    assert_int_equal(plan_silence_us(&plc), 0);
    assert_int_equal(plan_reply_bytes(TABLE_COIL, 9), 2);
    assert_int_equal(plan_reply_bytes(TABLE_INPUT, 125), 250);
}

static void a_gap_is_read_over_exactly_while_it_is_cheaper(void **state)
{
    (void)state;
    static const struct {
        uint32_t baud, turnaround_ms;
        uint16_t widest; /* the widest gap worth reading over */
    } cases[] = {{9600, 0, 10}, {9600, 20, 18}, {115200, 0, 24}, {115200, 20, 123}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bus_line line = rtu(cases[i].baud);
        assert_int_equal(requests_across_gap(&line, cases[i].turnaround_ms, cases[i].widest), 1);
        assert_int_equal(
            requests_across_gap(&line, cases[i].turnaround_ms, (uint16_t)(cases[i].widest + 1)), 2);
    }
}

static void over_tcp_every_gap_within_a_reply_is_read_over(void **state)
{
    (void)state;
    struct bus_line line = tcp();
    assert_int_equal(requests_across_gap(&line, 0, 123), 1);
    assert_int_equal(requests_across_gap(&line, 0, 124), 2);
}

static void tables_and_periods_are_never_mixed(void **state)
{
    (void)state;
    struct bus_fixture f;
    bus_fixture_init(&f, 20);
    bus_fixture_add(&f, TABLE_COIL, 0, 1);
    bus_fixture_add(&f, TABLE_DISCRETE, 0, 1);
    bus_fixture_add(&f, TABLE_HOLDING, 0, 2);
    bus_fixture_add(&f, TABLE_HOLDING, 2, 2)->period_ms = 60000;
    bus_fixture_add(&f, TABLE_HOLDING, 4, 2);
    bus_fixture_add(&f, TABLE_INPUT, 0, 1);
    struct bus_device d = bus_fixture_device(&f, "air-1", 1, 1000);
    struct bus_line line = rtu(9600);
    struct plan *plan;
    assert_int_equal(plan_create(&line, &d, 1, &plan, NULL), 0);
    assert_int_equal(plan->request_count, 5);
    assert_int_equal(plan->point_count, 6);
    assert_int_equal(plan->requests[2].points, 2); /* over the slow point between them */
    assert_int_equal(plan->requests[2].count, 6);
    assert_int_equal(plan->requests[3].period_ms, 60000);
    plan_destroy(plan);
}

static void unselected_points_are_not_read(void **state)
{
    (void)state;
    struct bus_fixture f;
    bus_fixture_init(&f, 0);
    for (uint16_t i = 0; i < 100; i++)
        bus_fixture_add(&f, TABLE_HOLDING, i, 1);
    struct bus_device d = bus_fixture_device(&f, "air-1", 1, 1000);
    memset(d.points, 0, sizeof(d.points));
    d.points[1] = 1; /* point 64 */
    struct bus_line line = rtu(9600);
    struct plan *plan;
    assert_int_equal(plan_create(&line, &d, 1, &plan, NULL), 0);
    assert_int_equal(plan->request_count, 1);
    assert_int_equal(plan->requests[0].address, 64);
    assert_int_equal(plan->requests[0].count, 1);
    plan_destroy(plan);
}

/* Any map: every point is covered whole by exactly one request, limits hold, and no neighbouring
 * pair of requests would have been cheaper as one. */
static void every_map_is_covered_once_and_within_limits(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 14);
    for (int round = 0; round < 200; round++) {
        struct bus_fixture f;
        bus_fixture_init(&f, (uint32_t)rng_below(&rng, 60));
        bool bits = rng_below(&rng, 4) == 0;
        enum point_table table = bits ? TABLE_COIL : TABLE_HOLDING;
        uint32_t address = (uint32_t)rng_below(&rng, 100);
        size_t points = 1 + rng_below(&rng, PROFILE_POINTS_MAX);
        for (size_t i = 0; i < points; i++) {
            uint16_t count = bits ? 1 : (uint16_t)(1 + rng_below(&rng, 4));
            bus_fixture_add(&f, table, (uint16_t)address, count);
            address += count + (uint32_t)rng_below(&rng, bits ? 200 : 30);
        }
        struct bus_device d = bus_fixture_device(&f, "any", 1, 1000);
        struct bus_line line = rng_below(&rng, 2) ? rtu(9600) : rtu(115200);
        struct plan *plan;
        assert_int_equal(plan_create(&line, &d, 1, &plan, NULL), 0);
        assert_int_equal(plan->point_count, points);
        size_t next = 0;
        for (size_t i = 0; i < plan->request_count; i++) {
            const struct plan_request *r = &plan->requests[i];
            assert_int_equal(r->first, next);
            assert_in_range(r->count, 1, bits ? BUS_BITS_MAX : BUS_REGISTERS_MAX);
            for (size_t k = 0; k < r->points; k++, next++) {
                const struct point *p = &f.points[plan->points[next]];
                assert_in_range(p->address, r->address, r->address + r->count - p->count);
            }
        }
        assert_int_equal(next, points);
        for (size_t i = 1; i < plan->request_count; i++) {
            const struct plan_request *a = &plan->requests[i - 1], *b = &plan->requests[i];
            uint32_t joined = (uint32_t)b->address + b->count - a->address;
            if (joined > (bits ? BUS_BITS_MAX : BUS_REGISTERS_MAX))
                continue;
            uint32_t slave = f.profile.turnaround_ms;
            assert_true(plan_time_us(&line, slave, table, joined) >=
                        plan_time_us(&line, slave, table, a->count) +
                            plan_time_us(&line, slave, table, b->count));
        }
        plan_destroy(plan);
    }
}

static struct plan *plan_of(const struct bus_line *line, const struct bus_device *d)
{
    struct plan *plan;
    struct err e = {0};
    if (plan_create(line, d, 1, &plan, &e) != 0)
        fail_msg("%s", e.text);
    return plan;
}

/* Eight neighbours, as cheap in one read as can be; a border between the third and the fourth. */
static void no_request_crosses_the_border_of_a_block(void **state)
{
    (void)state;
    struct bus_fixture f;
    bus_fixture_init(&f, 100);
    for (uint16_t i = 0; i < 8; i++)
        bus_fixture_add(&f, TABLE_HOLDING, (uint16_t)(100 + i), 1);
    f.profile.blocks[f.profile.block_count++] = (struct profile_block){TABLE_HOLDING, 90, 13};
    f.profile.blocks[f.profile.block_count++] = (struct profile_block){TABLE_HOLDING, 103, 10};
    f.profile.blocks[f.profile.block_count++] = (struct profile_block){TABLE_INPUT, 100, 1};
    struct bus_device d = bus_fixture_device(&f, "air-1", 1, 1000);
    struct bus_line line = rtu(9600);
    struct plan *plan = plan_of(&line, &d);
    assert_int_equal(plan->request_count, 2);
    assert_int_equal(plan->requests[0].count, 3);
    assert_int_equal(plan->requests[1].address, 103);
    assert_int_equal(plan->requests[1].count, 5);
    plan_destroy(plan);
}

static void no_request_reads_over_what_can_only_be_written(void **state)
{
    (void)state;
    struct bus_fixture f;
    bus_fixture_init(&f, 100);
    for (uint16_t i = 0; i < 5; i++)
        bus_fixture_add(&f, TABLE_HOLDING, (uint16_t)(24 + i), 1);
    f.points[1].write_only = true;
    struct bus_device d = bus_fixture_device(&f, "dali-1", 1, 1000);
    d.points[0] &= ~UINT64_C(2);
    struct bus_line line = rtu(9600);
    struct plan *plan = plan_of(&line, &d);
    assert_int_equal(plan->request_count, 2);
    assert_int_equal(plan->requests[0].count, 1);
    assert_int_equal(plan->requests[1].address, 26);
    assert_int_equal(plan->requests[1].count, 3);
    plan_destroy(plan);
}

static void points_that_share_registers_are_read_once_and_never_torn_apart(void **state)
{
    (void)state;
    struct bus_fixture f;
    bus_fixture_init(&f, 20);
    bus_fixture_add(&f, TABLE_HOLDING, 10, 2);
    for (uint8_t bit = 0; bit < 5; bit++) {
        struct point *p = bus_fixture_add(&f, TABLE_HOLDING, 10, 1);
        p->type = TYPE_BIT;
        p->bit = bit;
    }
    bus_fixture_add(&f, TABLE_HOLDING, 12, 1);
    struct bus_device d = bus_fixture_device(&f, "light-1", 1, 1000);
    struct bus_line line = rtu(9600);
    struct plan *plan = plan_of(&line, &d);
    assert_int_equal(plan->request_count, 1);
    struct plan_request r = plan->requests[0];
    assert_int_equal(r.count, 3);
    assert_int_equal(r.points, 7);
    assert_int_equal(plan_cut(plan, &r), 6);
    struct plan_request head = plan_slice(plan, &r, 0, 6);
    assert_int_equal(head.count, 2);
    assert_int_equal(plan_cut(plan, &head), 0);
    plan_destroy(plan);
}

static void a_dynamic_maps_values_are_one_read_between_their_codes(void **state)
{
    (void)state;
    struct bus_fixture f;
    bus_fixture_init(&f, 20);
    bus_fixture_map(&f);
    bus_fixture_add(&f, TABLE_HOLDING, 0, 1);
    for (uint16_t code = 1; code <= 5; code++)
        bus_fixture_add(&f, TABLE_HOLDING, 384, 8)->code = code;
    struct bus_device d = bus_fixture_device(&f, "water-1", 1, 1000);
    struct bus_line line = rtu(9600);
    struct plan *plan = plan_of(&line, &d);
    static const struct {
        enum plan_role role;
        uint16_t address, count, points;
        uint32_t period_ms;
    } wanted[] = {{PLAN_CODES, 128, 4, 0, 60000},
                  {PLAN_STATUS, 256, 4, 0, 1000},
                  {PLAN_POINTS, 0, 1, 1, 1000},
                  {PLAN_POINTS, 384, 8, 5, 1000},
                  {PLAN_CODES, 128, 4, 0, 1000}};
    assert_int_equal(plan->request_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(plan->requests[i].behind, i == 4);
        assert_int_equal(plan->requests[i].role, wanted[i].role);
        assert_int_equal(plan->requests[i].address, wanted[i].address);
        assert_int_equal(plan->requests[i].count, wanted[i].count);
        assert_int_equal(plan->requests[i].points, wanted[i].points);
        assert_int_equal(plan->requests[i].period_ms, wanted[i].period_ms);
    }
    assert_int_equal(plan_cut(plan, &plan->requests[0]), 0);
    assert_int_equal(plan_cut(plan, &plan->requests[3]), 0);
    assert_int_equal(plan_phase_ms(plan, 4), plan_phase_ms(plan, 3));
    plan_destroy(plan);
}

static void a_request_falls_apart_at_its_widest_gap(void **state)
{
    (void)state;
    struct bus_fixture f;
    bus_fixture_init(&f, 100);
    static const uint16_t addresses[] = {0, 1, 2, 9, 12, 13};
    for (size_t i = 0; i < 6; i++)
        bus_fixture_add(&f, TABLE_HOLDING, addresses[i], 1);
    struct bus_device d = bus_fixture_device(&f, "air-1", 1, 1000);
    struct bus_line line = rtu(9600);
    struct plan *plan;
    assert_int_equal(plan_create(&line, &d, 1, &plan, NULL), 0);
    assert_int_equal(plan->request_count, 1);
    assert_int_equal(plan_cut(plan, &plan->requests[0]), 3);
    struct plan_request tail = plan_slice(plan, &plan->requests[0], 3, 3);
    assert_int_equal(tail.address, 9);
    assert_int_equal(tail.count, 5);
    struct plan_request dense = plan_slice(plan, &plan->requests[0], 0, 3);
    assert_int_equal(plan_cut(plan, &dense), 1);
    plan_destroy(plan);
}

static void an_overfull_bus_is_refused_with_its_arithmetic(void **state)
{
    (void)state;
    struct bus_fixture f, heavy;
    bus_fixture_init(&f, 20);
    bus_fixture_add(&f, TABLE_HOLDING, 0, 1);
    bus_fixture_init(&heavy, 20);
    bus_fixture_add(&heavy, TABLE_HOLDING, 0, 1);
    bus_fixture_add(&heavy, TABLE_HOLDING, 5000, 1);
    struct bus_device devices[30];
    for (uint8_t i = 0; i < 30; i++)
        devices[i] = bus_fixture_device(&f, "lamp", (uint8_t)(i + 1), 1000);
    devices[7] = bus_fixture_device(&heavy, "meter-7", 8, 1000);
    struct bus_line line = rtu(9600);
    struct err e = {0};
    assert_int_equal(plan_check(&line, devices, 30, &e), ERR_LIMIT);
    assert_non_null(strstr(e.text, "bus rs485-1: its 30 devices need 1402 ms"));
    assert_non_null(strstr(e.text, "at 9600 baud"));
    assert_non_null(strstr(e.text, "at most 900 ms"));
    assert_non_null(strstr(e.text, "Device meter-7 needs most, 91 ms"));
    assert_int_equal(plan_check(&line, devices, 15, &e), 0);
}

static void wrong_devices_are_refused_by_name(void **state)
{
    (void)state;
    struct bus_fixture f;
    bus_fixture_init(&f, 20);
    bus_fixture_add(&f, TABLE_HOLDING, 0, 1);
    struct bus_device d = bus_fixture_device(&f, "air-1", 248, 1000);
    struct bus_line line = rtu(9600), plc = tcp();
    struct err e = {0};
    assert_int_equal(plan_check(&line, &d, 1, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "device air-1: unit 248"));
    d.unit = 0; /* everybody: written, never read */
    assert_int_equal(plan_check(&line, &d, 1, &e), 0);
    assert_int_equal(plan_check(&plc, &d, 1, &e), 0);
    struct bus_device twins[] = {bus_fixture_device(&f, "air-1", 4, 1000),
                                 bus_fixture_device(&f, "air-2", 4, 1000)};
    assert_int_equal(plan_check(&line, twins, 2, &e), ERR_EXISTS);
    assert_non_null(strstr(e.text, "devices air-1 and air-2 are both unit 4"));
    d = bus_fixture_device(&f, "air-1", 1, 5);
    assert_int_equal(plan_check(&line, &d, 1, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "point p0: period_ms 5"));
    line.baud = 0;
    assert_int_equal(plan_check(&line, &d, 1, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "baud 0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_time_is_the_standards),
        cmocka_unit_test(a_gap_is_read_over_exactly_while_it_is_cheaper),
        cmocka_unit_test(over_tcp_every_gap_within_a_reply_is_read_over),
        cmocka_unit_test(tables_and_periods_are_never_mixed),
        cmocka_unit_test(unselected_points_are_not_read),
        cmocka_unit_test(every_map_is_covered_once_and_within_limits),
        cmocka_unit_test(no_request_crosses_the_border_of_a_block),
        cmocka_unit_test(no_request_reads_over_what_can_only_be_written),
        cmocka_unit_test(points_that_share_registers_are_read_once_and_never_torn_apart),
        cmocka_unit_test(a_dynamic_maps_values_are_one_read_between_their_codes),
        cmocka_unit_test(a_request_falls_apart_at_its_widest_gap),
        cmocka_unit_test(an_overfull_bus_is_refused_with_its_arithmetic),
        cmocka_unit_test(wrong_devices_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
