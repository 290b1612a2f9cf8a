/*
 * Promise: what a slave answered reaches the loop decoded, named and timed; what went wrong is said
 * so that a technician can act; a full mailbox loses nothing uncounted; a worker always stops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>

#include "gateway/io/bus/bus_port.h"
#include "gateway/io/bus/bus_worker.h"
#include "tests/support/bus_fixture.h"
#include "tests/support/modbus_slave.h"

#define PATIENCE_MS 20000 /* only a broken worker makes a test wait this long */
#define POINTS      3
#define DEVICE      41 /* as in the configuration */

struct rig {
    struct modbus_slave *slave;
    struct bus_fixture fixture;
    struct bus_line line;
    struct bus_device device;
    struct plan *plan;
    struct mailbox *mailbox;
    struct bus_worker *worker;
};

static void rig_start(struct rig *r, struct bus_port *port, size_t slots)
{
    struct err e = {0};
    if (plan_create(&r->line, &r->device, 1, &r->plan, &e) != 0)
        fail_msg("%s", e.text);
    r->mailbox = mailbox_create(slots, 2);
    assert_non_null(r->mailbox);
    struct bus_worker_config config = {.bus = 5,
                                       .plan = r->plan,
                                       .port = port,
                                       .mailbox = r->mailbox,
                                       .clk = clk_system(),
                                       .seed = 1};
    if (bus_worker_create(&config, &r->worker, &e) != 0)
        fail_msg("%s", e.text);
}

static struct rig *rig_new(void (*fate)(unsigned, const uint8_t *, struct slave_fate *))
{
    struct rig *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    r->slave = slave_create(SLAVE_RTU, fate);
    r->line = (struct bus_line){.name = "rs485-1",
                                .path = r->slave->path,
                                .baud = 115200,
                                .parity = 'N',
                                .stop_bits = 1,
                                .timeout_ms = 2000};
    bus_fixture_init(&r->fixture, 1);
    for (uint16_t i = 0; i < POINTS; i++)
        bus_fixture_add(&r->fixture, TABLE_HOLDING, i, 1);
    r->fixture.points[2].writable = true;
    r->device = bus_fixture_device(&r->fixture, "air-1", 7, 100);
    r->device.index = DEVICE;
    return r;
}

static void rig_free(struct rig *r)
{
    assert_int_equal(bus_worker_destroy(r->worker), 0);
    mailbox_destroy(r->mailbox);
    plan_destroy(r->plan);
    if (r->slave)
        slave_destroy(r->slave);
    free(r);
}

/* The next mail of that type; what comes before it is thrown away. */
static struct mail next_mail(struct rig *r, int type)
{
    struct mail m;
    for (;;) {
        while (mailbox_take(r->mailbox, &m)) {
            if (m.type == type)
                return m;
            free(m.data);
        }
        struct pollfd p = {.fd = mailbox_fd(r->mailbox), .events = POLLIN};
        if (poll(&p, 1, PATIENCE_MS) != 1)
            fail_msg("no mail of type %d came", type);
    }
}

static void a_reply_becomes_samples_named_and_timed(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL);
    struct clk_mono before = clk_mono(clk_system());
    rig_start(r, bus_port_create(&r->line), 16);
    for (unsigned request = 1; request <= 3; request++) {
        struct mail m = next_mail(r, BUS_REPORT);
        const struct bus_report *report = m.data;
        assert_int_equal(m.a, 5);
        assert_int_equal(report->bus, 5);
        assert_int_equal(report->count, POINTS);
        for (uint16_t i = 0; i < POINTS; i++) {
            const struct sample *s = &report->samples[i];
            assert_int_equal(s->device, DEVICE);
            assert_int_equal(s->point, i);
            assert_int_equal(s->quality, QUALITY_GOOD);
            assert_int_equal(s->value.type, VALUE_NUMBER);
            assert_true(s->value.number == request);
            assert_true(s->mono.ms >= before.ms && s->mono.ms <= clk_mono(clk_system()).ms);
            assert_int_equal(s->mono.ms, report->samples[0].mono.ms);
        }
        before = report->samples[0].mono;
        free(m.data);
    }
    struct poll_stats stats;
    bus_worker_get_stats(r->worker, &stats);
    assert_true(stats.replies >= 2);
    assert_false(bus_worker_wedged(r->worker, clk_mono(clk_system())));
    rig_free(r);
}

static void drop_all(unsigned request, const uint8_t *pdu, struct slave_fate *fate)
{
    (void)request;
    (void)pdu;
    fate->drop = true;
}

static void a_silent_device_is_bad_with_its_cause_and_said_with_a_remedy(void **state)
{
    (void)state;
    struct rig *r = rig_new(drop_all);
    r->line.timeout_ms = 50;
    rig_start(r, bus_port_create(&r->line), 64);
    struct mail m = next_mail(r, BUS_REPORT);
    const struct bus_report *report = m.data;
    assert_int_equal(report->samples[0].quality, QUALITY_BAD);
    assert_int_equal(report->samples[0].cause, CAUSE_TIMEOUT);
    assert_int_equal(report->samples[0].value.type, VALUE_NONE);
    assert_int_equal(report->samples[0].device, DEVICE);
    free(m.data);
    m = next_mail(r, BUS_STATE);
    const struct bus_state *said = m.data;
    assert_int_equal(said->kind, POLL_NOTE_DEVICE_SILENT);
    assert_int_equal(said->device, DEVICE);
    assert_string_equal(said->text, "bus rs485-1: device air-1 (unit 7) does not answer; check "
                                    "power, wiring, unit and baud rate. It is asked now and then");
    free(m.data);
    rig_free(r);
}

/* Registers above 1 do not exist. */
static void refuse_last(unsigned request, const uint8_t *pdu, struct slave_fate *fate)
{
    (void)request;
    if (pdu[2] + pdu[4] > 2)
        fate->exception = 2;
}

static void a_register_the_device_lacks_is_named_and_the_others_are_read(void **state)
{
    (void)state;
    struct rig *r = rig_new(refuse_last);
    rig_start(r, bus_port_create(&r->line), 64);
    struct mail m = next_mail(r, BUS_STATE);
    const struct bus_state *said = m.data;
    assert_int_equal(said->kind, POLL_NOTE_DEVICE_CONFIG);
    assert_int_equal(said->exception, 2);
    assert_non_null(strstr(said->text, "device air-1 (unit 7) has no such address for point p2, "
                                       "holding address 2 (exception 2)"));
    assert_non_null(strstr(said->text, "profile fixture"));
    free(m.data);
    bool good[POINTS] = {false};
    while (!good[0] || !good[1]) {
        m = next_mail(r, BUS_REPORT);
        const struct bus_report *report = m.data;
        for (size_t i = 0; i < report->count; i++)
            good[report->samples[i].point] |= report->samples[i].quality == QUALITY_GOOD;
        free(m.data);
    }
    assert_false(good[2]);
    rig_free(r);
}

static void a_port_that_is_not_there_is_said_once_and_its_points_are_bad(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL);
    r->line.path = "/dev/no-such-tty";
    rig_start(r, bus_port_create(&r->line), 64);
    struct mail m = next_mail(r, BUS_STATE);
    const struct bus_state *said = m.data;
    assert_int_equal(said->kind, POLL_NOTE_PORT_DOWN);
    assert_string_equal(said->text, "bus rs485-1: cannot open /dev/no-such-tty (is the adapter "
                                    "plugged in?): No such file or directory; trying again every "
                                    "few seconds");
    free(m.data);
    m = next_mail(r, BUS_REPORT);
    assert_int_equal(((struct bus_report *)m.data)->samples[0].cause, CAUSE_TIMEOUT);
    free(m.data);
    rig_free(r);
}

static void a_write_is_read_back_and_mailed(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL);
    rig_start(r, bus_port_create(&r->line), 64);
    struct value value = {.type = VALUE_NUMBER, .number = 60000};
    struct err e = {0};
    assert_int_equal(bus_worker_write(r->worker, 99, 0, 2, &value, &e), 0);
    struct mail m = next_mail(r, BUS_WRITTEN);
    const struct bus_written *written = m.data;
    assert_int_equal(written->id, 99);
    assert_int_equal(written->read_back.quality, QUALITY_GOOD);
    assert_true(written->read_back.value.number == 60000);
    assert_int_equal(written->read_back.device, DEVICE);
    assert_int_equal(written->read_back.point, 2);
    free(m.data);

    assert_int_equal(bus_worker_write(r->worker, 1, 0, 0, &value, &e), ERR_DENIED);
    assert_non_null(strstr(e.text, "device air-1: point p0 cannot be written"));
    assert_int_equal(bus_worker_write(r->worker, 1, 1, 0, &value, &e), ERR_NOTFOUND);
    value.number = 70000;
    assert_int_equal(bus_worker_write(r->worker, 1, 0, 2, &value, &e), ERR_LIMIT);
    rig_free(r);
}

static void a_write_without_an_answer_may_have_happened(void **state)
{
    (void)state;
    struct rig *r = rig_new(drop_all);
    r->line.timeout_ms = 50;
    rig_start(r, bus_port_create(&r->line), 64);
    struct value value = {.type = VALUE_NUMBER, .number = 1};
    assert_int_equal(bus_worker_write(r->worker, 7, 0, 2, &value, NULL), 0);
    struct mail m = next_mail(r, BUS_WRITTEN);
    const struct bus_written *written = m.data;
    assert_int_equal(written->read_back.cause, CAUSE_TIMEOUT);
    assert_true(written->maybe_written);
    free(m.data);
    rig_free(r);
}

static void a_persons_request_goes_between_the_polls_and_is_answered_with_its_values(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL);
    rig_start(r, bus_port_create(&r->line), 64);
    const uint16_t two[] = {777, 888};
    struct bus_request write = {
        .unit = 200, .function = 16, .address = 20, .count = 2, .values = two};
    struct bus_request read = {.unit = 200, .function = 3, .address = 20, .count = 2};
    struct err e = {0};
    assert_int_equal(bus_worker_ask(r->worker, 1, &write, &e), 0);
    assert_int_equal(bus_worker_ask(r->worker, 2, &read, &e), 0);
    struct mail m = next_mail(r, BUS_ANSWER);
    const struct bus_answer *answer = m.data;
    assert_int_equal(answer->id, 1);
    assert_int_equal(answer->reply.outcome, BUS_OK);
    assert_int_equal(answer->count, 0);
    free(m.data);
    m = next_mail(r, BUS_ANSWER);
    answer = m.data;
    assert_int_equal(answer->bus, 5);
    assert_int_equal(answer->id, 2);
    assert_int_equal(answer->count, 2);
    assert_int_equal(answer->values[0], 777);
    assert_int_equal(answer->values[1], 888);
    free(m.data);

    read.count = 0;
    assert_int_equal(bus_worker_ask(r->worker, 3, &read, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "function 3, address 20, count 0 is no request"));
    rig_free(r);
}

static void a_port_handed_over_is_free_until_it_is_taken_back(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL);
    rig_start(r, bus_port_create(&r->line), 64);
    free(next_mail(r, BUS_REPORT).data);
    bus_worker_release(r->worker);
    assert_null(next_mail(r, BUS_RELEASED).data);
    int fd = open(r->slave->path, O_RDWR | O_NOCTTY | O_CLOEXEC); /* nobody has it exclusively */
    assert_true(fd >= 0);
    close(fd);
    unsigned received = atomic_load(&r->slave->received);

    struct bus_request read = {.unit = 7, .function = 3, .count = 1};
    assert_int_equal(bus_worker_ask(r->worker, 1, &read, NULL), 0);
    struct mail m = next_mail(r, BUS_ANSWER);
    assert_int_equal(((struct bus_answer *)m.data)->reply.outcome, BUS_LOST);
    assert_false(((struct bus_answer *)m.data)->reply.sent);
    free(m.data);
    struct value value = {.type = VALUE_NUMBER, .number = 1};
    assert_int_equal(bus_worker_write(r->worker, 2, 0, 2, &value, NULL), 0);
    m = next_mail(r, BUS_WRITTEN);
    assert_int_equal(((struct bus_written *)m.data)->read_back.quality, QUALITY_BAD);
    assert_false(((struct bus_written *)m.data)->maybe_written);
    free(m.data);
    m = next_mail(r, BUS_REPORT);
    assert_int_equal(((struct bus_report *)m.data)->samples[0].cause, CAUSE_STALE);
    free(m.data);
    assert_int_equal(atomic_load(&r->slave->received), received);
    bus_worker_release(r->worker);
    assert_null(next_mail(r, BUS_RELEASED).data);

    bus_worker_resume(r->worker);
    bool good = false;
    while (!good) {
        m = next_mail(r, BUS_REPORT);
        good = ((struct bus_report *)m.data)->samples[0].quality == QUALITY_GOOD;
        free(m.data);
    }
    rig_free(r);
}

static void a_broadcast_is_mailed_as_one(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL);
    r->device.unit = 0;
    rig_start(r, bus_port_create(&r->line), 64);
    struct value value = {.type = VALUE_NUMBER, .number = 60};
    assert_int_equal(bus_worker_write(r->worker, 3, 0, 2, &value, NULL), 0);
    struct mail m = next_mail(r, BUS_WRITTEN);
    const struct bus_written *written = m.data;
    assert_true(written->broadcast);
    assert_true(written->maybe_written);
    assert_int_equal(written->read_back.value.type, VALUE_NONE);
    free(m.data);
    struct bus_request back = {.unit = 9, .function = 3, .address = 2, .count = 1};
    assert_int_equal(bus_worker_ask(r->worker, 4, &back, NULL), 0);
    m = next_mail(r, BUS_ANSWER);
    assert_int_equal(((struct bus_answer *)m.data)->values[0], 60);
    free(m.data);
    rig_free(r);
}

/* Slot 1 holds code 18, slot 2 code 5, whose value is 120000; code 7 is nowhere. The slave's table
 * is 256 registers long, so the map's parts stand at 0, 16 and 32. */
static struct rig *map_rig(void (*fate)(unsigned, const uint8_t *, struct slave_fate *))
{
    struct rig *r = rig_new(fate);
    static const uint8_t codes[] = {0, 1, 0, 18, 0, 5, 0, 0}, status[8];
    static const uint8_t held[] = {0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0xd4, 0xc0, 0, 0, 0, 4};
    bus_fixture_init(&r->fixture, 1);
    bus_fixture_map(&r->fixture);
    r->fixture.profile.map.codes = 0;
    r->fixture.profile.map.status = 16;
    r->fixture.profile.map.values = 32;
    slave_hold(r->slave, 0, 4, codes);
    slave_hold(r->slave, 16, 4, status);
    slave_hold(r->slave, 32, 8, held);
    static const uint16_t wanted[] = {5, 7};
    for (size_t i = 0; i < 2; i++) {
        struct point *p = bus_fixture_add(&r->fixture, TABLE_HOLDING, 32, 8);
        p->type = TYPE_U32;
        p->code = wanted[i];
    }
    return r;
}

static void a_dynamic_maps_parameter_is_read_from_the_slot_of_its_code(void **state)
{
    (void)state;
    struct rig *r = map_rig(NULL);
    rig_start(r, bus_port_create(&r->line), 64);
    struct mail m = next_mail(r, BUS_REPORT);
    const struct bus_report *report = m.data;
    assert_int_equal(report->count, 2);
    assert_int_equal(report->samples[0].quality, QUALITY_GOOD);
    assert_true(report->samples[0].value.number == 120000);
    assert_int_equal(report->samples[1].quality, QUALITY_BAD);
    assert_int_equal(report->samples[1].cause, CAUSE_INVALID);
    free(m.data);
    rig_free(r);
}

static _Atomic(struct modbus_slave *) refitted; /* the slave's thread reads it */

/* Requests: codes, status, values, and the codes behind them. */
static void refit_behind_the_values(unsigned request, const uint8_t *pdu, struct slave_fate *fate)
{
    static const uint8_t codes[] = {0, 5, 0, 18, 0, 1, 0, 0};
    (void)pdu;
    (void)fate;
    if (request == 4)
        slave_hold(refitted, 0, 4, codes);
}

static void a_value_read_while_a_sonde_is_refitted_is_told_under_no_name(void **state)
{
    (void)state;
    struct rig *r = map_rig(refit_behind_the_values);
    refitted = r->slave;
    rig_start(r, bus_port_create(&r->line), 64);
    struct mail m = next_mail(r, BUS_REPORT);
    const struct bus_report *report = m.data;
    assert_int_equal(report->samples[0].quality, QUALITY_BAD);
    assert_int_equal(report->samples[0].cause, CAUSE_INVALID);
    assert_int_equal(report->samples[0].value.type, VALUE_NONE);
    free(m.data);
    m = next_mail(r, BUS_REPORT);
    report = m.data;
    assert_int_equal(report->samples[0].quality, QUALITY_GOOD);
    assert_true(report->samples[0].value.number == 1);
    free(m.data);
    rig_free(r);
}

static void lose_the_codes_behind_the_values(unsigned request, const uint8_t *pdu,
                                             struct slave_fate *fate)
{
    (void)pdu;
    fate->exception = request == 4 ? 4 : 0;
}

static void a_value_whose_codes_were_not_read_again_is_uncertain(void **state)
{
    (void)state;
    struct rig *r = map_rig(lose_the_codes_behind_the_values);
    rig_start(r, bus_port_create(&r->line), 64);
    struct mail m = next_mail(r, BUS_REPORT);
    const struct bus_report *report = m.data;
    assert_int_equal(report->samples[0].quality, QUALITY_UNCERTAIN);
    assert_true(report->samples[0].value.number == 120000);
    free(m.data);
    m = next_mail(r, BUS_REPORT);
    report = m.data;
    assert_int_equal(report->samples[0].quality, QUALITY_GOOD);
    free(m.data);
    rig_free(r);
}

static void samples_that_find_the_mailbox_full_are_counted(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL);
    rig_start(r, bus_port_create(&r->line), 3); /* one slot for bulk mail */
    int64_t end_ms = slave_now_ms() + PATIENCE_MS;
    while (bus_worker_dropped(r->worker) < POINTS && slave_now_ms() < end_ms)
        poll(NULL, 0, 10);
    assert_true(bus_worker_dropped(r->worker) >= POINTS);
    assert_int_equal(bus_worker_dropped(r->worker) % POINTS, 0);
    assert_int_equal(mailbox_depth(r->mailbox), 1);
    rig_free(r);
}

static void creep(unsigned request, const uint8_t *pdu, struct slave_fate *fate)
{
    (void)request;
    (void)pdu;
    fate->dribble_ms = 50;
}

static void a_worker_stops_in_the_middle_of_a_request(void **state)
{
    (void)state;
    struct rig *r = rig_new(creep);
    rig_start(r, bus_port_create(&r->line), 64);
    while (atomic_load(&r->slave->received) == 0)
        poll(NULL, 0, 1);
    rig_free(r);
}

/* --- a port that hangs --- */

struct stuck {
    struct bus_port port;
    sem_t entered, leave;
};

static int stuck_open(struct bus_port *port, struct err *e)
{
    (void)port;
    (void)e;
    return 0;
}

static void stuck_close(struct bus_port *port)
{
    (void)port;
}

static void stuck_transact(struct bus_port *port, const struct bus_request *q, uint16_t *values,
                           struct bus_reply *reply)
{
    struct stuck *s = (struct stuck *)port;
    memset(values, 0, q->count * sizeof(*values));
    sem_post(&s->entered);
    sem_wait(&s->leave);
    *reply = (struct bus_reply){.outcome = BUS_OK, .sent = true};
}

static bool stuck_drain(struct bus_port *port, uint32_t quiet_ms, uint32_t limit_ms, size_t *bytes)
{
    (void)port;
    (void)quiet_ms;
    (void)limit_ms;
    *bytes = 0;
    return true;
}

static void a_worker_that_hangs_is_seen_to_be_wedged_and_to_come_back(void **state)
{
    (void)state;
    static const struct bus_port_ops ops = {stuck_open, stuck_close, stuck_transact, stuck_drain,
                                            stuck_close};
    struct stuck s = {.port.ops = &ops};
    sem_init(&s.entered, 0, 0);
    sem_init(&s.leave, 0, 0);
    struct rig *r = rig_new(NULL);
    rig_start(r, &s.port, 64);
    sem_wait(&s.entered);
    struct clk_mono now = clk_mono(clk_system());
    struct clk_mono later = clk_mono_add(now, bus_worker_limit_ms(r->worker) + 1);
    assert_false(bus_worker_wedged(r->worker, now));
    assert_true(bus_worker_wedged(r->worker, later));
    for (int i = 0; i < 100; i++)
        sem_post(&s.leave);
    free(next_mail(r, BUS_REPORT).data);
    sem_wait(&s.entered); /* it has checked in since */
    assert_false(bus_worker_wedged(r->worker, clk_mono(clk_system())));
    rig_free(r);
    sem_destroy(&s.entered);
    sem_destroy(&s.leave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_becomes_samples_named_and_timed),
        cmocka_unit_test(a_silent_device_is_bad_with_its_cause_and_said_with_a_remedy),
        cmocka_unit_test(a_register_the_device_lacks_is_named_and_the_others_are_read),
        cmocka_unit_test(a_port_that_is_not_there_is_said_once_and_its_points_are_bad),
        cmocka_unit_test(a_write_is_read_back_and_mailed),
        cmocka_unit_test(a_write_without_an_answer_may_have_happened),
        cmocka_unit_test(a_persons_request_goes_between_the_polls_and_is_answered_with_its_values),
        cmocka_unit_test(a_port_handed_over_is_free_until_it_is_taken_back),
        cmocka_unit_test(a_broadcast_is_mailed_as_one),
        cmocka_unit_test(a_dynamic_maps_parameter_is_read_from_the_slot_of_its_code),
        cmocka_unit_test(a_value_read_while_a_sonde_is_refitted_is_told_under_no_name),
        cmocka_unit_test(a_value_whose_codes_were_not_read_again_is_uncertain),
        cmocka_unit_test(samples_that_find_the_mailbox_full_are_counted),
        cmocka_unit_test(a_worker_stops_in_the_middle_of_a_request),
        cmocka_unit_test(a_worker_that_hangs_is_seen_to_be_wedged_and_to_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
