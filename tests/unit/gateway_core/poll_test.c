/*
 * Promise: one bad slave stays one bad slave (under 2 % of the others' time), no reply is ever
 * taken for another request's however late it comes, and an error is reported as what it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/bus_sim.h"

/* --- schedule --- */

static void every_reading_has_its_period(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_RTU, 30, 4, 1000);
    run(l, 100 * 1000);
    struct poll_stats stats;
    poll_get_stats(l->poll, &stats);
    assert_int_equal(stats.skipped, 0);
    assert_int_equal(stats.timeouts, 0);
    for (size_t i = 0; i < 30; i++)
        assert_in_range(l->slaves[i].good, 4 * 99, 4 * 102);
    line_free(l);
}

static void a_stall_is_not_made_up_for_by_a_burst(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_RTU, 1, 1, 1000);
    run(l, 10 * 1000);
    unsigned before = l->slaves[0].asked;
    l->now.ms += 3600 * 1000;
    run(l, 10 * 1000);
    assert_in_range(l->slaves[0].asked - before, 10, 12);
    struct poll_stats stats;
    poll_get_stats(l->poll, &stats);
    assert_in_range(stats.skipped, 3598, 3600);
    line_free(l);
}

/* --- dead slaves --- */

static uint64_t healthy_readings(size_t devices, size_t dead, uint64_t *reported_bad)
{
    struct line *l = line_new(BUS_RTU, devices, 2, 1000);
    for (size_t i = 0; i < dead; i++)
        l->slaves[i].dead = true;
    run(l, 600 * 1000);
    uint64_t good = 0;
    for (size_t i = dead; i < devices; i++)
        good += l->slaves[i].good;
    *reported_bad = l->slaves[0].bad;
    line_free(l);
    return good;
}

static void one_dead_slave_of_fifty_costs_the_others_under_two_percent(void **state)
{
    (void)state;
    uint64_t bad;
    uint64_t all = healthy_readings(50, 0, &bad);
    assert_int_equal(bad, 0);
    uint64_t left = healthy_readings(50, 1, &bad);
    assert_true(left * 1000 > all * 49 / 50 * 980);
    assert_in_range(bad, 2 * 595, 2 * 601); /* both points, every second */
}

static void ten_dead_slaves_of_fifty_cost_the_others_under_two_percent_too(void **state)
{
    (void)state;
    uint64_t bad;
    uint64_t all = healthy_readings(50, 0, &bad);
    uint64_t left = healthy_readings(50, 10, &bad);
    assert_true(left * 1000 > all * 40 / 50 * 980);
    assert_in_range(bad, 2 * 590, 2 * 601);
}

/* The connection is not to blame for the slave: making a new one would cost the others its time. */
static void a_dead_slave_behind_a_serial_server_costs_no_connection(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_RTU_TCP, 50, 2, 1000);
    l->slaves[0].dead = true;
    run(l, 600 * 1000);
    assert_int_equal(l->opens, 1);
    uint64_t good = 0;
    for (size_t i = 1; i < 50; i++)
        good += l->slaves[i].good;
    assert_true(good * 1000 > 49 * 2 * UINT64_C(600) * 980);
    line_free(l);
}

static void a_dead_slave_is_given_up_reported_probed_and_taken_back(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_RTU, 2, 2, 1000);
    run(l, 10 * 1000);
    l->slaves[0].dead = true;
    run(l, 60 * 1000);
    assert_int_equal(l->slaves[0].notes[POLL_NOTE_DEVICE_SILENT], 1);
    assert_int_equal(l->slaves[0].cause, CAUSE_TIMEOUT);
    assert_in_range(l->slaves[0].bad, 2 * 57, 2 * 61);
    l->slaves[0].dead = false;
    uint64_t before = l->slaves[0].good;
    run(l, 15 * 1000);
    assert_int_equal(l->slaves[0].notes[POLL_NOTE_DEVICE_BACK], 1);
    assert_true(l->slaves[0].good > before);
    assert_int_equal(l->slaves[1].notes[POLL_NOTE_DEVICE_SILENT], 0);
    assert_int_equal(l->slaves[1].bad, 0);
    line_free(l);
}

/* --- late replies --- */

static void late_replies(enum bus_kind kind, size_t devices, size_t points, bool fifo)
{
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct line *l = line_new(kind, devices, points, 1000);
        rng_init(&l->rng, seed);
        l->fifo = fifo;
        for (size_t i = 0; i < devices; i++) {
            l->slaves[i].late_per_mille = 100 * (uint32_t)(1 + seed);
            l->slaves[i].late_max = 5.0;
        }
        run(l, 300 * 1000);
        assert_int_equal(l->wrong, 0);
        for (size_t i = 0; i < devices; i++) {
            assert_true(l->slaves[i].bad > 0);
            l->slaves[i].late_per_mille = 0;
        }
        run(l, 40 * 1000);
        uint64_t bad = l->slaves[0].bad, good = l->slaves[0].good;
        run(l, 20 * 1000);
        assert_int_equal(l->slaves[0].bad, bad);
        assert_in_range(l->slaves[0].good - good, points * 19, points * 21);
        assert_int_equal(l->wrong, 0);
        line_free(l);
    }
}

static void late_replies_of_a_lone_register_are_never_taken_for_anothers(void **state)
{
    (void)state;
    late_replies(BUS_RTU, 1, 1, false);
    late_replies(BUS_RTU, 1, 1, true);
}

static void late_replies_of_many_slaves_are_never_taken_for_anothers(void **state)
{
    (void)state;
    late_replies(BUS_RTU, 1, 8, false);
    late_replies(BUS_RTU, 5, 2, false);
    late_replies(BUS_RTU, 5, 3, true);
}

static void late_replies_over_tcp_are_never_taken_for_anothers(void **state)
{
    (void)state;
    late_replies(BUS_TCP, 1, 1, false);
    late_replies(BUS_TCP, 3, 4, false);
    late_replies(BUS_RTU_TCP, 1, 1, false);
    late_replies(BUS_RTU_TCP, 3, 4, true);
}

static void late_exceptions_are_never_taken_for_anothers(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct line *l = line_new(BUS_RTU, 2, 4, 1000);
        rng_init(&l->rng, seed);
        for (size_t i = 0; i < 2; i++) {
            l->slaves[i].late_per_mille = 400;
            l->slaves[i].late_max = 5.0;
        }
        for (int turn = 0; turn < 100; turn++) {
            l->slaves[0].exception = turn % 2 ? 4 : 0;
            run(l, 3000);
        }
        assert_int_equal(l->wrong, 0);
        line_free(l);
    }
}

static void a_slave_that_is_only_slow_is_named_with_its_delay(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_RTU, 1, 1, 5000);
    run(l, 100);
    l->slaves[0].late_per_mille = 1000;
    l->slaves[0].late_max = 1.1;
    l->fixture.profile.turnaround_ms = 200; /* so that the drain is long enough to see it */
    run(l, 60 * 1000);
    assert_int_equal(l->slaves[0].notes[POLL_NOTE_DEVICE_LATE], 1);
    line_free(l);
}

/* --- noise --- */

static void five_percent_noise_gives_no_wrong_value_and_most_of_the_right_ones(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_RTU, 10, 4, 2000);
    for (size_t i = 0; i < 10; i++)
        l->slaves[i].damaged_per_mille = 50;
    run(l, 600 * 1000);
    assert_int_equal(l->wrong, 0);
    for (size_t i = 0; i < 10; i++) {
        assert_true(l->slaves[i].good * 100 > 4 * 300 * 97);
        assert_int_equal(l->slaves[i].notes[POLL_NOTE_DEVICE_SILENT], 0);
    }
    line_free(l);
}

static struct bus_request expect_send(struct line *l)
{
    struct poll_action a;
    do {
        poll_next(l->poll, l->now, &a);
        if (a.kind == POLL_WAIT)
            l->now = a.until;
        assert_true(a.kind == POLL_WAIT || a.kind == POLL_REPORT || a.kind == POLL_SEND ||
                    a.kind == POLL_NOTE);
    } while (a.kind != POLL_SEND);
    return a.request;
}

static enum poll_kind next_kind(struct line *l)
{
    struct poll_action a;
    do {
        poll_next(l->poll, l->now, &a);
    } while (a.kind == POLL_REPORT || a.kind == POLL_NOTE);
    return a.kind;
}

static void after_any_error_the_line_is_cleaned_and_the_next_reply_has_another_length(void **state)
{
    (void)state;
    static const enum bus_outcome errors[] = {BUS_NO_REPLY, BUS_DAMAGED, BUS_FOREIGN};
    for (size_t i = 0; i < 3; i++) {
        struct line *l = line_new(BUS_RTU, 1, 5, 1000);
        assert_int_equal(next_kind(l), POLL_OPEN);
        poll_opened(l->poll, l->now, true);
        struct bus_request first = expect_send(l);
        int64_t sent_ms = l->now.ms;
        assert_int_equal(first.count, 5);
        l->now.ms += first.timeout_ms;
        poll_replied(l->poll, l->now, &(struct bus_reply){.outcome = errors[i], .sent = true});
        assert_int_equal(next_kind(l), POLL_DRAIN);
        poll_drained(l->poll, l->now, 0, true);
        for (;;) {
            struct bus_request q = expect_send(l);
            if (q.count == 5)
                break;
            poll_replied(l->poll, l->now, &(struct bus_reply){.outcome = BUS_OK, .sent = true});
        }
        assert_true(l->now.ms > sent_ms + 5 * (int64_t)first.timeout_ms);
        line_free(l);
    }
}

static void on_tcp_an_error_replaces_the_connection(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_TCP, 1, 5, 1000);
    assert_int_equal(next_kind(l), POLL_OPEN);
    poll_opened(l->poll, l->now, true);
    (void)expect_send(l);
    poll_replied(l->poll, l->now, &(struct bus_reply){.outcome = BUS_FOREIGN, .sent = true});
    assert_int_equal(next_kind(l), POLL_OPEN);
    line_free(l);
}

/* One timeout for the request, one for the connection that takes its place. */
static void a_half_open_peer_is_noticed_within_two_timeouts(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_TCP, 3, 5, 1000);
    assert_int_equal(next_kind(l), POLL_OPEN);
    poll_opened(l->poll, l->now, true);
    int64_t start_ms = l->now.ms;
    struct bus_request q = expect_send(l);
    l->now.ms += q.timeout_ms;
    poll_replied(l->poll, l->now, &(struct bus_reply){.outcome = BUS_NO_REPLY, .sent = true});
    assert_int_equal(next_kind(l), POLL_OPEN);
    l->now.ms += l->line.timeout_ms;
    poll_opened(l->poll, l->now, false);
    struct poll_action a;
    do {
        poll_next(l->poll, l->now, &a);
    } while (a.kind == POLL_REPORT);
    assert_int_equal(a.kind, POLL_NOTE);
    assert_int_equal(a.note.kind, POLL_NOTE_PORT_DOWN);
    assert_in_range(l->now.ms - start_ms, 1, 2 * q.timeout_ms);
    line_free(l);
}

static void a_line_that_is_never_quiet_is_said_once_and_its_readings_are_bad(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_RTU, 1, 1, 1000);
    assert_int_equal(next_kind(l), POLL_OPEN);
    poll_opened(l->poll, l->now, true);
    (void)expect_send(l);
    poll_replied(l->poll, l->now, &(struct bus_reply){.outcome = BUS_DAMAGED, .sent = true});
    unsigned noisy = 0, bad = 0;
    for (int drains = 0; drains < 20;) {
        struct poll_action a;
        poll_next(l->poll, l->now, &a);
        noisy += a.kind == POLL_NOTE && a.note.kind == POLL_NOTE_LINE_NOISY;
        bad += a.kind == POLL_REPORT && a.report.cause == CAUSE_CRC;
        if (a.kind == POLL_DRAIN) {
            l->now.ms += 1000;
            poll_drained(l->poll, l->now, 900, ++drains == 20);
        }
    }
    assert_int_equal(noisy, 1);
    assert_in_range(bad, 18, 21);
    line_free(l);
}

/* --- exceptions --- */

static void a_register_that_is_not_there_is_isolated_and_said_once(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_RTU, 2, 12, 1000);
    l->slaves[0].missing_from = 7;
    l->slaves[0].missing_below = 8;
    run(l, 60 * 1000);
    assert_int_equal(l->slaves[0].notes[POLL_NOTE_DEVICE_CONFIG], 1);
    assert_int_equal(l->slaves[0].cause, CAUSE_EXCEPTION);
    assert_int_equal(l->slaves[0].said, 2);
    assert_in_range(l->slaves[0].bad, 57, 61);
    assert_in_range(l->slaves[0].good, 11 * 57, 11 * 61);
    assert_int_equal(l->slaves[1].bad, 0);
    line_free(l);
}

static void a_busy_slave_is_asked_again_later_and_then_reported(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_RTU, 1, 1, 5000);
    l->slaves[0].exception = 6;
    run(l, 1000);
    assert_int_equal(l->slaves[0].asked, 1 + POLL_BUSY_RETRIES);
    assert_int_equal(l->slaves[0].bad, 1);
    assert_int_equal(l->slaves[0].said, 6);
    assert_int_equal(l->slaves[0].notes[POLL_NOTE_DEVICE_SILENT], 0);
    line_free(l);
}

static void a_converter_that_says_its_slave_is_silent_is_believed(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_TCP, 2, 1, 1000);
    l->slaves[0].exception = 11;
    run(l, 30 * 1000);
    assert_int_equal(l->slaves[0].notes[POLL_NOTE_DEVICE_SILENT], 1);
    assert_int_equal(l->slaves[0].cause, CAUSE_EXCEPTION);
    assert_int_equal(l->slaves[0].said, 11);
    assert_true(l->slaves[0].asked < 15);
    assert_int_equal(l->slaves[1].bad, 0);
    line_free(l);
}

/* --- the port --- */

static void a_pulled_port_is_tried_again_within_five_seconds_for_ever(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_RTU, 2, 1, 1000);
    run(l, 5000);
    l->port_gone = true;
    run(l, 600 * 1000);
    assert_true(l->opens > 600 / 5);
    assert_int_equal(l->slaves[0].notes[POLL_NOTE_PORT_DOWN], 1);
    assert_int_equal(l->slaves[0].cause, CAUSE_TIMEOUT);
    assert_in_range(l->slaves[1].bad, 595, 601);
    l->port_gone = false;
    uint64_t bad = l->slaves[1].bad;
    run(l, 5000);
    assert_int_equal(l->slaves[0].notes[POLL_NOTE_PORT_UP], 1);
    assert_in_range(l->slaves[1].bad - bad, 0, 4);
    assert_int_equal(l->slaves[1].notes[POLL_NOTE_DEVICE_SILENT], 0);
    line_free(l);
}

/* --- writes --- */

static void a_write_goes_first_and_is_read_back(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_RTU, 2, 3, 1000);
    run(l, 5000);
    uint64_t before = l->request;
    struct poll_write w = {.id = 42, .device = 1, .point = 2, .values = {7}};
    assert_int_equal(poll_write(l->poll, &w), 0);
    assert_int_equal(poll_write(l->poll, &w), ERR_AGAIN);
    run(l, 200);
    assert_int_equal(l->writes_ended, 1);
    assert_int_equal(l->written.id, 42);
    assert_int_equal(l->written.written, BUS_OK);
    assert_int_equal(l->written.read_back, BUS_OK);
    assert_int_equal(l->sent[before % HISTORY].function, 6);
    assert_int_equal(l->sent[before % HISTORY].unit, 2);
    assert_int_equal(l->sent[(before + 1) % HISTORY].function, 3);
    assert_int_equal(l->sent[(before + 1) % HISTORY].address, 2);
    line_free(l);
}

static void a_write_that_fails_says_how_and_is_not_repeated(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_RTU, 2, 1, 60000);
    run(l, 5000);
    struct poll_write w = {.id = 1, .device = 0, .point = 0, .values = {7}};
    l->slaves[0].dead = true;
    unsigned asked = l->slaves[0].asked;
    assert_int_equal(poll_write(l->poll, &w), 0);
    run(l, 2000);
    assert_int_equal(l->written.written, BUS_NO_REPLY);
    assert_int_equal(l->slaves[0].asked, asked + 1);
    l->port_gone = true;
    run(l, 60000);
    assert_int_equal(poll_write(l->poll, &w), 0);
    run(l, 5000);
    assert_int_equal(l->writes_ended, 2);
    assert_int_equal(l->written.written, BUS_LOST);
    line_free(l);
}

/* Writes point 0 of device 0 and gives the two requests it took. */
static void write_one(struct line *l, uint16_t value, struct bus_request *write,
                      struct bus_request *read)
{
    run(l, 5000);
    uint64_t before = l->request;
    struct poll_write w = {.id = 9, .device = 0, .point = 0, .values = {value}};
    assert_int_equal(poll_write(l->poll, &w), 0);
    run(l, 300);
    assert_int_equal(l->written.written, BUS_OK);
    assert_int_equal(l->written.read_back, BUS_OK);
    *write = l->sent[before % HISTORY];
    *read = l->sent[(before + 1) % HISTORY];
}

static void the_profile_says_how_and_where_a_point_is_written_and_shown(void **state)
{
    (void)state;
    struct bus_request write, read;
    struct line *l = line_new(BUS_RTU, 1, 3, 60000);
    struct point *p = l->fixture.points;
    p[0].write_function = 16;
    p[0].write_address = 700;
    snprintf(p[0].readback, sizeof(p[0].readback), "p2");
    write_one(l, 7, &write, &read);
    assert_int_equal(write.function, 16);
    assert_int_equal(write.address, 700);
    assert_int_equal(read.function, 3);
    assert_int_equal(read.address, 2);
    assert_int_equal(l->written.read_point, 2);
    line_free(l);

    l = line_new(BUS_RTU, 1, 1, 60000); /* a bit of a register, its neighbours left alone */
    l->fixture.points[0].type = TYPE_BIT;
    l->fixture.points[0].bit = 3;
    write_one(l, 1, &write, &read);
    assert_int_equal(write.function, 22);
    assert_int_equal(l->masks[0], 0xfff7);
    assert_int_equal(l->masks[1], 0x0008);
    assert_int_equal(read.function, 3);
    line_free(l);
}

static void function_23_writes_and_reads_back_in_one_request(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_RTU, 1, 2, 60000);
    l->fixture.points[0].write_function = 23;
    l->fixture.points[0].write_address = 40;
    snprintf(l->fixture.points[0].readback, NAME_SIZE, "p1");
    run(l, 5000);
    uint64_t before = l->request;
    struct poll_write w = {.id = 9, .values = {7}};
    assert_int_equal(poll_write(l->poll, &w), 0);
    run(l, 300);
    assert_int_equal(l->request, before + 1);
    const struct bus_request *q = &l->sent[before % HISTORY];
    assert_int_equal(q->function, 23);
    assert_int_equal(q->address, 1);
    assert_int_equal(q->write_address, 40);
    assert_int_equal(q->write_count, 1);
    assert_int_equal(l->written.read_back, BUS_OK);
    assert_int_equal(l->written.read_point, 1);
    line_free(l);
}

static struct line *line_with_everybody(void)
{
    struct line *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    bus_fixture_init(&l->fixture, 5);
    bus_fixture_add(&l->fixture, TABLE_HOLDING, 0, 1)->writable = true;
    line_start(l, BUS_RTU, 3, 1000);
    poll_destroy(l->poll);
    plan_destroy(l->plan);
    l->devices[2].unit = 0;
    struct err e;
    assert_int_equal(plan_create(&l->line, l->devices, 3, &l->plan, &e), 0);
    l->poll = poll_create(l->plan, 1, l->now);
    assert_non_null(l->poll);
    return l;
}

static void a_broadcast_expects_no_answer_and_holds_nobody_up(void **state)
{
    (void)state;
    struct line *l = line_with_everybody();
    run(l, 20 * 1000);
    for (uint64_t i = 0; i < l->request && i < HISTORY; i++)
        assert_int_not_equal(l->sent[i].unit, 0); /* nothing is polled from it */
    for (unsigned n = 1; n <= 20; n++) {
        uint64_t before = l->request;
        struct poll_write w = {.id = n, .device = 2, .values = {7}};
        assert_int_equal(poll_write(l->poll, &w), 0);
        while (l->writes_ended < n)
            line_step(l, l->now.ms + 1);
        assert_int_equal(l->written.written, BUS_OK);
        assert_true(l->written.broadcast);
        assert_int_equal(l->sent[before % HISTORY].unit, 0);
        run(l, 2000);
        int64_t pause_ms = l->sent_at[(before + 1) % HISTORY].ms - l->sent_at[before % HISTORY].ms;
        assert_true(pause_ms >= POLL_BROADCAST_MS);
    }
    struct poll_stats stats;
    poll_get_stats(l->poll, &stats);
    assert_int_equal(stats.timeouts + stats.foreign + stats.damaged + stats.drained, 0);
    assert_int_equal(stats.skipped, 0);
    assert_int_equal(l->drains, 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(l->slaves[i].bad, 0);
        assert_true(l->slaves[i].good >= 58);
    }
    line_free(l);
}

static void what_can_only_be_written_is_never_polled(void **state)
{
    (void)state;
    struct line *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    bus_fixture_init(&l->fixture, 5);
    bus_fixture_add(&l->fixture, TABLE_HOLDING, 0, 1);
    struct point *trigger = bus_fixture_add(&l->fixture, TABLE_HOLDING, 1, 1);
    trigger->writable = trigger->write_only = true;
    snprintf(trigger->readback, sizeof(trigger->readback), "p0");
    line_start(l, BUS_RTU, 1, 1000);
    run(l, 5000);
    for (uint64_t i = 0; i < l->request; i++)
        assert_int_equal(l->sent[i].count, 1);
    struct poll_write w = {.id = 1, .point = 1, .values = {7}};
    assert_int_equal(poll_write(l->poll, &w), 0);
    run(l, 300);
    assert_int_equal(l->written.read_back, BUS_OK);
    assert_int_equal(l->written.read_point, 0);
    line_free(l);
}

static void what_cannot_be_written_is_refused(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_RTU, 1, 2, 1000);
    l->fixture.points[1].writable = false;
    assert_int_equal(poll_write(l->poll, &(struct poll_write){.point = 1}), ERR_DENIED);
    assert_int_equal(poll_write(l->poll, &(struct poll_write){.point = 2}), ERR_NOTFOUND);
    assert_int_equal(poll_write(l->poll, &(struct poll_write){.device = 1}), ERR_NOTFOUND);
    line_free(l);
}

/* --- a person's requests --- */

static void a_persons_request_goes_first_to_any_unit(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_RTU, 2, 3, 1000);
    run(l, 5000);
    uint64_t before = l->request;
    struct bus_request q = {.unit = 40, .function = 4, .address = 9, .count = 2};
    assert_int_equal(poll_ask(l->poll, 5, &q), 0);
    assert_int_equal(poll_ask(l->poll, 6, &q), ERR_AGAIN);
    run(l, 200);
    assert_int_equal(l->answers, 1);
    assert_int_equal(l->answer.id, 5);
    assert_int_equal(l->answer.count, 2);
    assert_int_equal(l->sent[before % HISTORY].unit, 40);
    q.count = 126;
    assert_int_equal(poll_ask(l->poll, 7, &q), ERR_INVALID);
    q.count = 1;
    q.unit = 0; /* everybody at once could not be understood */
    assert_int_equal(poll_ask(l->poll, 8, &q), ERR_INVALID);
    line_free(l);
}

static void late_replies_to_a_person_are_never_taken_for_anothers(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct line *l = line_new(BUS_RTU, 3, 2, 1000);
        rng_init(&l->rng, seed);
        for (size_t i = 0; i < 5; i++) {
            l->slaves[i].late_per_mille = 300;
            l->slaves[i].late_max = 5.0;
        }
        for (unsigned asks = 0; asks < 200; asks++) {
            struct bus_request q = {.unit = (uint8_t)(1 + asks % 5), .function = 3, .count = 2};
            poll_ask(l->poll, asks, &q);
            run(l, 700);
        }
        assert_int_equal(l->wrong, 0);
        assert_true(l->answers > 30);
        line_free(l);
    }
}

static void a_port_given_away_is_not_touched(void **state)
{
    (void)state;
    struct line *l = line_new(BUS_RTU, 1, 2, 1000);
    run(l, 5000);
    poll_release(l->poll);
    uint64_t requests = l->request;
    unsigned opens = l->opens;
    run(l, 60 * 1000);
    assert_int_equal(l->request, requests);
    assert_int_equal(l->opens, opens);
    assert_int_equal(l->slaves[0].cause, CAUSE_STALE);
    assert_in_range(l->slaves[0].bad, 2 * 59, 2 * 61);
    poll_resume(l->poll, l->now);
    run(l, 5000);
    assert_int_equal(l->opens, opens + 1);
    assert_in_range(l->request - requests, 4, 6);
    line_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reading_has_its_period),
        cmocka_unit_test(a_stall_is_not_made_up_for_by_a_burst),
        cmocka_unit_test(one_dead_slave_of_fifty_costs_the_others_under_two_percent),
        cmocka_unit_test(ten_dead_slaves_of_fifty_cost_the_others_under_two_percent_too),
        cmocka_unit_test(a_dead_slave_behind_a_serial_server_costs_no_connection),
        cmocka_unit_test(a_dead_slave_is_given_up_reported_probed_and_taken_back),
        cmocka_unit_test(late_replies_of_a_lone_register_are_never_taken_for_anothers),
        cmocka_unit_test(late_replies_of_many_slaves_are_never_taken_for_anothers),
        cmocka_unit_test(late_replies_over_tcp_are_never_taken_for_anothers),
        cmocka_unit_test(late_exceptions_are_never_taken_for_anothers),
        cmocka_unit_test(a_slave_that_is_only_slow_is_named_with_its_delay),
        cmocka_unit_test(five_percent_noise_gives_no_wrong_value_and_most_of_the_right_ones),
        cmocka_unit_test(after_any_error_the_line_is_cleaned_and_the_next_reply_has_another_length),
        cmocka_unit_test(on_tcp_an_error_replaces_the_connection),
        cmocka_unit_test(a_half_open_peer_is_noticed_within_two_timeouts),
        cmocka_unit_test(a_line_that_is_never_quiet_is_said_once_and_its_readings_are_bad),
        cmocka_unit_test(a_register_that_is_not_there_is_isolated_and_said_once),
        cmocka_unit_test(a_busy_slave_is_asked_again_later_and_then_reported),
        cmocka_unit_test(a_converter_that_says_its_slave_is_silent_is_believed),
        cmocka_unit_test(a_pulled_port_is_tried_again_within_five_seconds_for_ever),
        cmocka_unit_test(a_write_goes_first_and_is_read_back),
        cmocka_unit_test(a_write_that_fails_says_how_and_is_not_repeated),
        cmocka_unit_test(the_profile_says_how_and_where_a_point_is_written_and_shown),
        cmocka_unit_test(function_23_writes_and_reads_back_in_one_request),
        cmocka_unit_test(a_broadcast_expects_no_answer_and_holds_nobody_up),
        cmocka_unit_test(what_can_only_be_written_is_never_polled),
        cmocka_unit_test(what_cannot_be_written_is_refused),
        cmocka_unit_test(a_persons_request_goes_first_to_any_unit),
        cmocka_unit_test(late_replies_to_a_person_are_never_taken_for_anothers),
        cmocka_unit_test(a_port_given_away_is_not_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
