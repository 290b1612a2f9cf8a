/*
 * Promise: a scan finds every slave that answers, whatever its speed, parity and stop bits, likely
 * ones first; it is led neither astray by noise nor by slow slaves, and its end can be foreseen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/core/commissioning/scan.h"
#include "tests/support/bus_fixture.h"

#define TRACE_MAX 20000

struct slave {
    uint8_t unit;
    struct scan_settings settings;
    const struct bus_fixture *device; /* NULL: answers with `exception` */
    uint8_t exception;
    bool slow; /* its reply comes during the next probe, unless the wait is long */
};

/* A line with slaves, and all that was asked of it. */
struct world {
    const struct slave *slaves;
    size_t slave_count;
    uint32_t noise_baud; /* at this speed every reply is noise */
    uint32_t patience_ms;
    struct scan_settings open;
    size_t asked;
    struct scan_settings at[TRACE_MAX];
    struct bus_request requests[TRACE_MAX];
    const struct slave *late;
    uint64_t line_ms;
};

static bool same(const struct scan_settings *a, const struct scan_settings *b)
{
    return a->baud == b->baud && a->parity == b->parity && a->stop_bits == b->stop_bits;
}

static void read_device(const struct slave *s, const struct bus_request *q, struct bus_reply *reply,
                        uint16_t *values)
{
    reply->outcome = BUS_EXCEPTION;
    reply->exception = s->exception ? s->exception : 2;
    if (!s->device)
        return;
    for (unsigned i = 0; i < q->count; i++) {
        bool known = false;
        for (size_t k = 0; k < s->device->profile.point_count; k++) {
            const struct point *p = &s->device->points[k];
            known |= p->table == (enum point_table)q->function && q->address + i >= p->address &&
                     q->address + i < p->address + (unsigned)p->count;
        }
        if (!known)
            return;
        values[i] = (uint16_t)(q->address + i + 1);
    }
    reply->outcome = BUS_OK;
}

/* What the line gives back: the slave's reply, pieces when only the frame differs, or silence. */
static void ask(struct world *w, const struct scan_settings *at, const struct bus_request *q,
                struct bus_reply *reply, uint16_t *values)
{
    *reply = (struct bus_reply){.outcome = BUS_NO_REPLY, .sent = true};
    if (w->late) {
        reply->outcome = BUS_FOREIGN;
        w->late = NULL;
        return;
    }
    if (at->baud == w->noise_baud)
        reply->outcome = BUS_DAMAGED;
    for (size_t i = 0; i < w->slave_count; i++) {
        const struct slave *s = &w->slaves[i];
        if (s->unit != q->unit || s->settings.baud != at->baud)
            continue;
        if (!same(&s->settings, at))
            reply->outcome = BUS_DAMAGED;
        else if (s->slow && q->timeout_ms < 200)
            w->late = s;
        else
            read_device(s, q, reply, values);
    }
}

static void run(struct world *w, struct scan *scan, size_t most)
{
    struct scan_action action;
    while (w->asked < most) {
        scan_next(scan, &action);
        if (action.kind == SCAN_DONE)
            return;
        if (action.kind == SCAN_OPEN)
            w->open = action.settings;
        if (action.kind != SCAN_SEND)
            continue;
        struct bus_reply reply;
        uint16_t values[BUS_REGISTERS_MAX] = {0};
        assert_true(w->asked < TRACE_MAX);
        assert_true(same(&w->open, &action.settings));
        w->at[w->asked] = w->open;
        w->requests[w->asked++] = action.request;
        w->line_ms += action.request.timeout_ms;
        ask(w, &w->open, &action.request, &reply, values);
        scan_replied(scan, &reply, values);
    }
}

static struct scan *scan_of(const struct scan_options *options)
{
    struct scan *scan = NULL;
    struct err e = {0};
    if (scan_create(options, &scan, &e) != 0)
        fail_msg("%s", e.text);
    return scan;
}

static struct world world;

static struct scan *scan_all(const struct slave *slaves, size_t count, struct scan_options options)
{
    world = (struct world){.slaves = slaves, .slave_count = count, .noise_baud = world.noise_baud};
    struct scan *scan = scan_of(&options);
    run(&world, scan, TRACE_MAX);
    return scan;
}

static const struct scan_find *find_unit(const struct scan *scan, unsigned unit)
{
    size_t count;
    const struct scan_find *finds = scan_finds(scan, &count);
    for (size_t i = 0; i < count; i++)
        if (finds[i].unit == unit)
            return &finds[i];
    return NULL;
}

static void devices_of_different_speed_and_frame_are_found(void **state)
{
    (void)state;
    static const struct slave slaves[] = {{.unit = 3, .settings = {9600, 'N', 1}},
                                          {.unit = 17, .settings = {19200, 'E', 1}},
                                          {.unit = 200, .settings = {4800, 'N', 2}},
                                          {.unit = 247, .settings = {115200, 'O', 1}}};
    world.noise_baud = 0;
    struct scan *scan = scan_all(slaves, 4, (struct scan_options){.kind = BUS_RTU});
    size_t count;
    scan_finds(scan, &count);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct scan_find *f = find_unit(scan, slaves[i].unit);
        assert_non_null(f);
        assert_true(same(&f->settings, &slaves[i].settings));
    }
    scan_destroy(scan);
}

static void likely_settings_and_low_addresses_come_first(void **state)
{
    (void)state;
    struct scan *scan = scan_all(NULL, 0, (struct scan_options){.kind = BUS_RTU});
    static const struct scan_settings first[] = {
        {9600, 'N', 1}, {19200, 'E', 1}, {4800, 'N', 1}, {2400, 'N', 1}, {115200, 'N', 1}};
    for (size_t i = 0; i < 5; i++) {
        assert_true(same(&world.at[i * SCAN_LOW_UNITS], &first[i]));
        assert_int_equal(world.requests[i * SCAN_LOW_UNITS].unit, 1);
    }
    scan_destroy(scan);
}

static void each_address_is_asked_once_in_each_setting_and_never_after_it_was_found(void **state)
{
    (void)state;
    static const struct slave slaves[] = {{.unit = 5, .settings = {19200, 'E', 1}}};
    struct scan *scan = scan_all(slaves, 1, (struct scan_options){.kind = BUS_RTU});
    size_t probes_of_5 = 0;
    for (size_t i = 0; i < world.asked; i++) {
        probes_of_5 += world.requests[i].unit == 5;
        assert_int_not_equal(world.requests[i].unit, 0);
    }
    assert_int_equal(probes_of_5, 2); /* 9600 8N1, 19200 8E1 */
    assert_int_equal(world.asked, 246 * 32 + 2);
    scan_destroy(scan);
}

static void a_reply_in_pieces_leads_to_the_right_frame_at_once(void **state)
{
    (void)state;
    static const struct slave slaves[] = {{.unit = 9, .settings = {9600, 'E', 1}}};
    struct scan *scan = scan_all(slaves, 1, (struct scan_options){.kind = BUS_RTU});
    assert_non_null(find_unit(scan, 9));
    assert_int_equal(world.requests[8].unit, 9);
    assert_int_equal(world.requests[9].unit, 9);
    assert_int_equal(world.at[9].parity, 'E');
    scan_destroy(scan);
}

static void a_noisy_speed_is_put_off_and_nothing_is_lost(void **state)
{
    (void)state;
    static const struct slave slaves[] = {{.unit = 20, .settings = {9600, 'N', 1}},
                                          {.unit = 21, .settings = {4800, 'N', 1}}};
    world.noise_baud = 9600;
    struct scan *scan = scan_all(slaves, 2, (struct scan_options){.kind = BUS_RTU});
    world.noise_baud = 0;
    assert_non_null(find_unit(scan, 20));
    assert_non_null(find_unit(scan, 21));
    size_t count;
    assert_int_equal(scan_finds(scan, &count)[0].unit, 21);
    size_t at_9600 = 0;
    for (size_t i = 0; i < 20; i++)
        at_9600 += world.at[i].baud == 9600;
    assert_true(at_9600 < 12);
    scan_destroy(scan);
}

static void a_slow_slave_is_asked_again_with_patience(void **state)
{
    (void)state;
    static const struct slave slaves[] = {{.unit = 7, .settings = {9600, 'N', 1}, .slow = true}};
    struct scan *scan = scan_all(slaves, 1, (struct scan_options){.kind = BUS_RTU});
    assert_non_null(find_unit(scan, 7));
    scan_destroy(scan);
}

static void a_gateways_word_for_silence_is_no_find(void **state)
{
    (void)state;
    static const struct slave slaves[] = {{.unit = 1, .exception = 2},
                                          {.unit = 2, .exception = 0x0b},
                                          {.unit = 3, .exception = 0x0a},
                                          {.unit = 255, .exception = 1}};
    struct scan *scan = scan_all(slaves, 4, (struct scan_options){.kind = BUS_TCP});
    size_t count;
    const struct scan_find *finds = scan_finds(scan, &count);
    assert_int_equal(count, 2);
    assert_int_equal(finds[0].exception, 2);
    assert_int_equal(finds[1].unit, 255);
    scan_destroy(scan);
}

static void only_what_was_asked_for_is_tried(void **state)
{
    (void)state;
    struct scan_options options = {.kind = BUS_RTU,
                                   .baud_count = 1,
                                   .bauds = {19200},
                                   .parity_count = 1,
                                   .parities = {'E'},
                                   .stop_count = 1,
                                   .stops = {2},
                                   .unit_first = 10,
                                   .unit_last = 40};
    struct scan *scan = scan_all(NULL, 0, options);
    assert_int_equal(world.asked, 31);
    assert_int_equal(world.at[30].stop_bits, 2);
    scan_destroy(scan);
}

static void a_quick_scan_takes_less_than_half_a_minute(void **state)
{
    (void)state;
    struct scan *scan = scan_all(NULL, 0, (struct scan_options){.kind = BUS_RTU, .quick = true});
    assert_int_equal(world.asked, 5 * SCAN_LOW_UNITS);
    assert_true(world.line_ms < 30000);
    scan_destroy(scan);
}

static void progress_rises_to_its_end(void **state)
{
    (void)state;
    struct scan_options options = {.kind = BUS_RTU};
    struct scan *scan = scan_of(&options);
    struct scan_progress p;
    unsigned before = 0;
    world = (struct world){0};
    scan_get_progress(scan, &p);
    uint64_t promised_ms = p.left_ms;
    for (size_t most = 100; most < 9000; most += 100) {
        run(&world, scan, most);
        scan_get_progress(scan, &p);
        assert_true(p.percent >= before);
        before = p.percent;
    }
    assert_int_equal(p.percent, 100);
    assert_int_equal(p.left_ms, 0);
    assert_int_equal(world.line_ms, promised_ms);
    scan_destroy(scan);
}

static void options_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct scan_options wrong[] = {
        {.kind = BUS_RTU, .unit_first = 10, .unit_last = 9},
        {.kind = BUS_RTU, .unit_first = 0, .unit_last = 9},
        {.kind = BUS_RTU, .unit_first = 1, .unit_last = 248},
        {.kind = BUS_RTU, .baud_count = 1, .bauds = {7}},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct scan *scan = NULL;
        struct err e = {0};
        assert_int_equal(scan_create(&wrong[i], &scan, &e), ERR_INVALID);
        assert_true(e.text[0]);
    }
}

/* Three devices: holding 0-9, input 0-9, and holding 100-104. */
static void a_find_is_told_from_other_profiles_by_its_registers(void **state)
{
    (void)state;
    static struct bus_fixture devices[3];
    const struct profile *profiles[3];
    for (size_t i = 0; i < 3; i++) {
        bus_fixture_init(&devices[i], 10);
        for (uint16_t k = 0; k < 5; k++)
            bus_fixture_add(&devices[i], i == 1 ? TABLE_INPUT : TABLE_HOLDING,
                            (uint16_t)(2 * k + (i == 2 ? 100 : 0)), 2);
        profiles[i] = &devices[i].profile;
    }
    const struct slave slaves[] = {
        {.unit = 1, .settings = {9600, 'N', 1}, .device = &devices[1]},
        {.unit = 2, .settings = {9600, 'N', 1}, .device = &devices[2]},
        {.unit = 3, .settings = {9600, 'N', 1}},
    };
    struct scan *scan =
        scan_all(slaves, 3,
                 (struct scan_options){
                     .kind = BUS_RTU, .quick = true, .profiles = profiles, .profile_count = 3});
    for (unsigned unit = 1; unit <= 2; unit++) {
        const struct scan_find *f = find_unit(scan, unit);
        assert_int_equal(f->guess_count, 1);
        assert_ptr_equal(f->guesses[0].profile, profiles[unit]);
        assert_int_equal(f->guesses[0].percent, 100);
    }
    assert_int_equal(find_unit(scan, 3)->guess_count, 0);
    for (size_t i = 0; i < world.asked; i++)
        assert_true(world.requests[i].function <= 4); /* nothing is ever written */
    scan_destroy(scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_of_different_speed_and_frame_are_found),
        cmocka_unit_test(likely_settings_and_low_addresses_come_first),
        cmocka_unit_test(each_address_is_asked_once_in_each_setting_and_never_after_it_was_found),
        cmocka_unit_test(a_reply_in_pieces_leads_to_the_right_frame_at_once),
        cmocka_unit_test(a_noisy_speed_is_put_off_and_nothing_is_lost),
        cmocka_unit_test(a_slow_slave_is_asked_again_with_patience),
        cmocka_unit_test(a_gateways_word_for_silence_is_no_find),
        cmocka_unit_test(only_what_was_asked_for_is_tried),
        cmocka_unit_test(a_quick_scan_takes_less_than_half_a_minute),
        cmocka_unit_test(progress_rises_to_its_end),
        cmocka_unit_test(options_that_cannot_be_are_refused),
        cmocka_unit_test(a_find_is_told_from_other_profiles_by_its_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
