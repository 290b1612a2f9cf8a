/*
 * Promise: on a real terminal and on real connections, a reply is believed
 * only when it is the answer to what was asked, and every request ends at its deadline.
 *
 * The slave numbers the requests it receives and answers with that number; the tests count what
 * they send. A value that is not the number of the request in hand is a wrong value.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "gateway/core/bus/poll.h"
#include "gateway/io/bus/bus_port.h"
#include "tests/support/bus_fixture.h"
#include "tests/support/modbus_slave.h"

#include <sys/resource.h>

#define TIMEOUT_MS 40

struct rig {
    struct modbus_slave *slave;
    struct bus_line line;
    struct bus_port *port;
    unsigned sent;
    uint16_t values[BUS_BITS_MAX];
};

static void rig_open(struct rig *r)
{
    struct err e = {0};
    if (r->port->ops->open(r->port, &e) != 0)
        fail_msg("%s", e.text);
}

static struct rig *rig_new(enum bus_kind kind,
                           void (*fate)(unsigned, const uint8_t *, struct slave_fate *))
{
    struct rig *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    r->slave = slave_create((enum slave_kind)kind, fate); /* in the same order */
    r->line = (struct bus_line){.name = "bus-1",
                                .kind = kind,
                                .path = r->slave->path,
                                .baud = kind == BUS_TCP ? 0 : 115200,
                                .parity = 'N',
                                .stop_bits = 1,
                                .host = "127.0.0.1",
                                .port = r->slave->port,
                                .timeout_ms = TIMEOUT_MS};
    r->port = bus_port_create(&r->line);
    assert_non_null(r->port);
    rig_open(r);
    return r;
}

static void rig_free(struct rig *r)
{
    r->port->ops->destroy(r->port);
    slave_destroy(r->slave);
    free(r);
}

static struct bus_reply ask(struct rig *r, struct bus_request q)
{
    struct bus_reply reply;
    if (q.timeout_ms == 0)
        q.timeout_ms = 5000;
    r->port->ops->transact(r->port, &q, r->values, &reply);
    r->sent += reply.sent;
    return reply;
}

static struct bus_reply ask_registers(struct rig *r, uint16_t count, uint32_t timeout_ms)
{
    return ask(r, (struct bus_request){
                      .unit = 7, .function = 3, .count = count, .timeout_ms = timeout_ms});
}

/* --- good replies --- */

static void reads_and_writes_every_table(enum bus_kind kind)
{
    struct rig *r = rig_new(kind, NULL);
    static const uint16_t out[] = {0x1234, 0xabcd, 1};
    for (uint8_t function = 1; function <= 4; function++) {
        uint16_t most = function <= 2 ? BUS_BITS_MAX : BUS_REGISTERS_MAX;
        struct bus_request q = {.unit = 7, .function = function, .address = 3, .count = most};
        assert_int_equal(ask(r, q).outcome, BUS_OK);
        uint16_t expected = (uint16_t)(function <= 2 ? r->sent & 1 : r->sent);
        for (size_t i = 0; i < most; i++)
            assert_int_equal(r->values[i], expected);
    }
    struct bus_request one = {.unit = 7, .function = 6, .address = 9, .count = 1, .values = out};
    assert_int_equal(ask(r, one).outcome, BUS_OK);
    struct bus_request many = {.unit = 7, .function = 16, .address = 10, .count = 3, .values = out};
    assert_int_equal(ask(r, many).outcome, BUS_OK);
    struct bus_request coil = {.unit = 7, .function = 5, .address = 1, .count = 1, .values = out};
    assert_int_equal(ask(r, coil).outcome, BUS_OK);
    struct bus_request back = {.unit = 7, .function = 3, .address = 9, .count = 4};
    assert_int_equal(ask(r, back).outcome, BUS_OK);
    assert_int_equal(r->values[0], 0x1234);
    assert_int_equal(r->values[1], 0x1234);
    assert_int_equal(r->values[2], 0xabcd);
    rig_free(r);
}

static void rtu_reads_and_writes_every_table(void **state)
{
    (void)state;
    reads_and_writes_every_table(BUS_RTU);
}

static void rtu_over_tcp_reads_and_writes_every_table(void **state)
{
    (void)state;
    reads_and_writes_every_table(BUS_RTU_TCP);
}

static void tcp_reads_and_writes_every_table(void **state)
{
    (void)state;
    reads_and_writes_every_table(BUS_TCP);
}

static void what_functions_22_and_23_write_is_read_back(void **state)
{
    (void)state;
    for (enum bus_kind kind = BUS_RTU; kind <= BUS_RTU_TCP; kind++) {
        struct rig *r = rig_new(kind, NULL);
        static const uint16_t set[] = {0x0f0f}, masks[] = {0xfff0, 0x0005};
        struct bus_request q = {.unit = 7, .function = 6, .address = 9, .count = 1, .values = set};
        assert_int_equal(ask(r, q).outcome, BUS_OK);
        q.function = 22;
        q.values = masks;
        assert_int_equal(ask(r, q).outcome, BUS_OK);
        static const uint16_t two[] = {11, 12};
        struct bus_request both = {.unit = 7,
                                   .function = 23,
                                   .address = 8,
                                   .count = 4,
                                   .values = two,
                                   .write_address = 10,
                                   .write_count = 2};
        assert_int_equal(ask(r, both).outcome, BUS_OK);
        assert_int_equal(r->values[1], 0x0f05);
        assert_int_equal(r->values[2], 11);
        assert_int_equal(r->values[3], 12);
        rig_free(r);
    }
}

static void nobody_answers_a_broadcast_and_the_next_request_is_whole(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct rig *r = rig_new(i ? BUS_RTU_TCP : BUS_RTU, NULL);
        static const uint16_t on[] = {55};
        struct bus_request all = {.unit = 0, .function = 6, .address = 4, .count = 1, .values = on};
        struct bus_reply reply = ask(r, all);
        assert_int_equal(reply.outcome, BUS_OK);
        assert_int_equal(reply.turnaround_us, 0);
        struct bus_request back = {.unit = 7, .function = 3, .address = 4, .count = 1};
        assert_int_equal(ask(r, back).outcome, BUS_OK);
        assert_int_equal(r->values[0], 55);
        rig_free(r);
    }
}

/* At 4800 baud: 8 ms. */
static void a_request_waits_for_the_silence_behind_the_last_reply(void **state)
{
    (void)state;
    struct modbus_slave *slave = slave_create(SLAVE_RTU, NULL);
    struct bus_line line = {
        .name = "b", .path = slave->path, .baud = 4800, .parity = 'N', .stop_bits = 1};
    struct rig r = {.line = line, .port = bus_port_create(&line)};
    rig_open(&r);
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask_registers(&r, 2, 0).outcome, BUS_OK);
    assert_true(atomic_load(&slave->min_gap_us) >= 8000);
    r.port->ops->destroy(r.port);
    slave_destroy(slave);
}

/* --- each fault by its name --- */

static struct slave_fate fate_of_all;

static void same_fate(unsigned request, const uint8_t *pdu, struct slave_fate *fate)
{
    (void)request;
    (void)pdu;
    *fate = fate_of_all;
}

static struct bus_reply ask_faulty(enum bus_kind kind, struct slave_fate fate)
{
    fate_of_all = fate;
    struct rig *r = rig_new(kind, same_fate);
    bool dead = fate.drop || fate.dribble_ms || fate.cut;
    struct bus_reply reply = ask_registers(r, 4, dead ? TIMEOUT_MS : 0);
    rig_free(r);
    return reply;
}

static void on_each_transport(struct slave_fate fate, enum bus_outcome outcome)
{
    assert_int_equal(ask_faulty(BUS_RTU, fate).outcome, outcome);
    assert_int_equal(ask_faulty(BUS_TCP, fate).outcome, outcome);
    assert_int_equal(ask_faulty(BUS_RTU_TCP, fate).outcome, outcome);
}

static void noise_is_damage(void **state)
{
    (void)state;
    struct slave_fate damaged = {.damage = true}; /* TCP has a checksum of its own */
    assert_int_equal(ask_faulty(BUS_RTU, damaged).outcome, BUS_DAMAGED);
    assert_int_equal(ask_faulty(BUS_RTU_TCP, damaged).outcome, BUS_DAMAGED);
    on_each_transport((struct slave_fate){.noise = 7}, BUS_DAMAGED);
}

static void bytes_behind_a_reply_are_damage(void **state)
{
    (void)state;
    on_each_transport((struct slave_fate){.tail = 5}, BUS_DAMAGED);
}

static void a_reply_that_stops_halfway_is_no_reply(void **state)
{
    (void)state;
    on_each_transport((struct slave_fate){.cut = 3}, BUS_NO_REPLY);
}

static void a_reply_from_another_unit_is_refused(void **state)
{
    (void)state;
    struct slave_fate other = {.other_unit = true};
    on_each_transport(other, BUS_FOREIGN);
}

static void a_reply_of_another_length_is_refused(void **state)
{
    (void)state;
    struct slave_fate other = {.other_length = true};
    on_each_transport(other, BUS_FOREIGN);
}

static void a_reply_to_another_transaction_is_refused(void **state)
{
    (void)state;
    struct slave_fate other = {.other_transaction = true};
    assert_int_equal(ask_faulty(BUS_TCP, other).outcome, BUS_FOREIGN);
}

static void every_exception_keeps_its_number(void **state)
{
    (void)state;
    static const uint8_t codes[] = {1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 77, 255};
    for (size_t i = 0; i < sizeof(codes); i++) {
        struct bus_reply reply =
            ask_faulty((enum bus_kind)(i % 3), (struct slave_fate){.exception = codes[i]});
        assert_int_equal(reply.outcome, BUS_EXCEPTION);
        assert_int_equal(reply.exception, codes[i]);
    }
}

/* 13 bytes at one a 30 ms would take ten times the deadline. */
static void a_dribble_ends_at_the_total_deadline(void **state)
{
    (void)state;
    struct slave_fate dribble = {.dribble_ms = 30};
    on_each_transport(dribble, BUS_NO_REPLY);
}

static void silence_is_no_reply(void **state)
{
    (void)state;
    on_each_transport((struct slave_fate){.drop = true}, BUS_NO_REPLY);
}

static void draining_ends_when_the_line_is_quiet(void **state)
{
    (void)state;
    fate_of_all = (struct slave_fate){.delay_ms = 2 * TIMEOUT_MS};
    struct rig *r = rig_new(BUS_RTU, same_fate);
    assert_int_equal(ask_registers(r, 4, TIMEOUT_MS).outcome, BUS_NO_REPLY);
    size_t bytes = 0;
    assert_true(r->port->ops->drain(r->port, 20 * TIMEOUT_MS, 60000, &bytes));
    assert_int_equal(bytes, 13);
    rig_free(r);
}

static void draining_a_line_that_is_never_quiet_ends_at_its_limit(void **state)
{
    (void)state;
    fate_of_all = (struct slave_fate){.noise = 200, .dribble_ms = 5};
    struct rig *r = rig_new(BUS_RTU, same_fate);
    assert_int_not_equal(ask_registers(r, 4, TIMEOUT_MS).outcome, BUS_OK);
    size_t bytes = 0;
    assert_false(r->port->ops->drain(r->port, 500, 100, &bytes));
    assert_true(bytes > 0);
    rig_free(r);
}

/* --- late replies, through the machine --- */

static struct rng fate_rng;

static void late_fate(unsigned request, const uint8_t *pdu, struct slave_fate *fate)
{
    (void)pdu;
    if (request % 3 != 0) /* every third in time, so that the slave is not given up */
        fate->delay_ms = (unsigned)(TIMEOUT_MS * (1.1 + 3.9 * rng_unit(&fate_rng)));
}

static void noisy_fate(unsigned request, const uint8_t *pdu, struct slave_fate *fate)
{
    (void)request;
    (void)pdu;
    uint64_t dice = rng_below(&fate_rng, 100);
    fate->damage = dice < 5;
    fate->other_unit = dice == 5;
    fate->noise = dice == 6 ? 3 : 0;
    fate->drop = dice == 7;
}

struct tally {
    unsigned good, wrong, bad, sent_at_reply;
    enum bus_outcome last;
};

static void tally_report(struct rig *r, const struct poll_report *report, struct tally *t)
{
    if (report->cause != CAUSE_NONE) {
        t->bad++;
        return;
    }
    t->good++;
    t->wrong += r->values[0] != (uint16_t)t->sent_at_reply;
}

static void act(struct rig *r, struct poll *p, const struct poll_action *a, struct tally *t)
{
    struct bus_reply reply;
    size_t bytes;
    switch (a->kind) {
    case POLL_OPEN:
        poll_opened(p, clk_mono(clk_system()), r->port->ops->open(r->port, NULL) == 0);
        break;
    case POLL_SEND:
        reply = ask(r, a->request);
        t->sent_at_reply = r->sent;
        poll_replied(p, clk_mono(clk_system()), &reply);
        break;
    case POLL_DRAIN: {
        bool quiet = r->port->ops->drain(r->port, a->quiet_ms, a->limit_ms, &bytes);
        poll_drained(p, clk_mono(clk_system()), bytes, quiet);
        break;
    }
    case POLL_WAIT:
        poll(NULL, 0, 1);
        break;
    case POLL_REPORT:
        tally_report(r, &a->report, t);
        break;
    default:
        break;
    }
}

/* Polls until `requests` went out. */
static struct tally poll_faulty(enum bus_kind kind, uint16_t points, unsigned requests,
                                void (*fate)(unsigned, const uint8_t *, struct slave_fate *))
{
    rng_init(&fate_rng, points);
    struct rig *r = rig_new(kind, fate);
    struct tally t = {0};
    struct bus_fixture f;
    bus_fixture_init(&f, 1);
    for (uint16_t i = 0; i < points; i++)
        bus_fixture_add(&f, TABLE_HOLDING, i, 1);
    struct bus_device d = bus_fixture_device(&f, "air-1", 7, 100);
    struct plan *plan;
    struct err e;
    assert_int_equal(plan_create(&r->line, &d, 1, &plan, &e), 0);
    struct poll *p = poll_create(plan, 1, clk_mono(clk_system()));
    assert_non_null(p);
    while (r->sent < requests) {
        struct poll_action a;
        poll_next(p, clk_mono(clk_system()), &a);
        act(r, p, &a, &t);
    }
    poll_destroy(p);
    plan_destroy(plan);
    rig_free(r);
    return t;
}

static void late_replies_give_no_wrong_value(void **state)
{
    (void)state;
    static const struct {
        enum bus_kind kind;
        uint16_t points;
    } cases[] = {{BUS_RTU, 1}, {BUS_RTU, 5},     {BUS_TCP, 1},
                 {BUS_TCP, 5}, {BUS_RTU_TCP, 1}, {BUS_RTU_TCP, 5}};
    for (size_t i = 0; i < 6; i++) {
        struct tally t = poll_faulty(cases[i].kind, cases[i].points, 16, late_fate);
        assert_int_equal(t.wrong, 0);
        assert_true(t.good > 0);
        assert_true(t.bad > 0);
    }
}

static void noise_gives_no_wrong_value(void **state)
{
    (void)state;
    struct tally t = poll_faulty(BUS_RTU, 5, 40, noisy_fate);
    assert_int_equal(t.wrong, 0);
    assert_true(t.good > 0);
}

/* Half of the replies are wrong in one of these ways, one of them a byte every 400 ms. */
static void bad_fate(unsigned request, const uint8_t *pdu, struct slave_fate *fate)
{
    (void)request;
    (void)pdu;
    switch (rng_below(&fate_rng, 14)) {
    case 0:
        fate->other_unit = true;
        break;
    case 1:
        fate->other_length = true;
        break;
    case 2:
        fate->tail = 9;
        break;
    case 3:
        fate->cut = 4;
        break;
    case 4:
        fate->dribble_ms = 400;
        break;
    case 5:
        fate->noise = 3;
        break;
    case 6:
        fate->exception = 4;
        break;
    default:
        break;
    }
}

static void a_bad_slave_gives_no_wrong_value_on_any_transport(void **state)
{
    (void)state;
    for (enum bus_kind kind = BUS_RTU; kind <= BUS_RTU_TCP; kind++) {
        struct tally t = poll_faulty(kind, 5, 40, bad_fate);
        assert_int_equal(t.wrong, 0);
        assert_true(t.good > 0);
        assert_true(t.bad > 0);
    }
}

/* --- ports that will not open, or go away --- */

static void refusal(struct bus_line line, const char *text)
{
    struct bus_port *port = bus_port_create(&line);
    struct err e = {0};
    struct bus_reply reply;
    uint16_t value;
    assert_non_null(port);
    assert_int_not_equal(port->ops->open(port, &e), 0);
    if (!strstr(e.text, text))
        fail_msg("\"%s\" does not say \"%s\"", e.text, text);
    struct bus_request q = {.unit = 1, .function = 3, .count = 1, .timeout_ms = 10};
    port->ops->transact(port, &q, &value, &reply);
    assert_int_equal(reply.outcome, BUS_LOST);
    assert_false(reply.sent);
    port->ops->destroy(port);
}

static void a_port_that_cannot_be_opened_says_why_and_what_to_do(void **state)
{
    (void)state;
    refusal(
        (struct bus_line){
            .name = "b", .path = "/dev/no-such-tty", .baud = 9600, .parity = 'N', .stop_bits = 1},
        "is the adapter plugged in?");
    refusal((struct bus_line){.name = "b", .kind = BUS_TCP, .host = "plc.lan", .port = 502},
            "\"plc.lan\" is not an IP address");
    refusal((struct bus_line){.name = "b", .kind = BUS_TCP, .host = "127.0.0.1", .port = 1},
            "cannot connect to 127.0.0.1 port 1: Connection refused");
}

static void parity_and_direction_are_left_out_on_a_pseudo_terminal(void **state)
{
    (void)state;
    struct rig *r = rig_new(BUS_RTU, NULL);
    r->line.parity = 'E';
    r->line.direction = BUS_DIRECTION_KERNEL;
    rig_open(r);
    assert_int_equal(ask_registers(r, 2, 0).outcome, BUS_OK);
    assert_int_equal(r->values[0], r->sent);
    rig_free(r);
}

static void a_pulled_adapter_is_lost_and_opens_again_when_it_is_back(void **state)
{
    (void)state;
    char link[] = "/tmp/bus-test-XXXXXX";
    assert_non_null(mkdtemp(link));
    char path[64];
    snprintf(path, sizeof(path), "%s/tty", link);
    struct modbus_slave *first = slave_create(SLAVE_RTU, NULL);
    assert_int_equal(symlink(first->path, path), 0);
    struct bus_line line = {.name = "b", .path = path, .baud = 9600, .parity = 'N', .stop_bits = 1};
    struct rig r = {.line = line, .port = bus_port_create(&line)};
    rig_open(&r);
    assert_int_equal(ask_registers(&r, 1, 0).outcome, BUS_OK);

    slave_destroy(first);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ask_registers(&r, 1, 0).outcome, BUS_LOST);
    assert_int_equal(r.port->ops->open(r.port, NULL), ERR_IO);

    struct modbus_slave *second = slave_create(SLAVE_RTU, NULL);
    assert_int_equal(symlink(second->path, path), 0);
    rig_open(&r);
    assert_int_equal(ask_registers(&r, 1, 0).outcome, BUS_OK);
    r.port->ops->destroy(r.port);
    slave_destroy(second);
    unlink(path);
    rmdir(link);
}

static void a_connection_the_peer_closed_is_noticed_before_sending(void **state)
{
    (void)state;
    struct rig *r = rig_new(BUS_TCP, NULL);
    assert_int_equal(ask_registers(r, 1, 0).outcome, BUS_OK);
    slave_destroy(r->slave);
    struct bus_reply reply = ask_registers(r, 1, 0);
    assert_int_equal(reply.outcome, BUS_LOST);
    assert_false(reply.sent);
    r->slave = slave_create(SLAVE_TCP, NULL);
    rig_free(r);
}

/* Nobody accepts, and the queue of connections is full: what a dead host looks like. */
static void connecting_to_a_host_that_swallows_packets_ends_in_time(void **state)
{
    (void)state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(listener, 0), 0);
    getsockname(listener, (struct sockaddr *)&a, &len);
    struct bus_line line = {.name = "b",
                            .kind = BUS_TCP,
                            .host = "127.0.0.1",
                            .port = ntohs(a.sin_port),
                            .timeout_ms = TIMEOUT_MS};
    struct bus_port *ports[8];
    struct err e = {0};
    size_t n = 0;
    int rc;
    do {
        ports[n] = bus_port_create(&line);
        rc = ports[n]->ops->open(ports[n], &e);
    } while (++n < 8 && rc == 0);
    assert_int_equal(rc, ERR_IO);
    assert_non_null(strstr(e.text, "timed out"));
    struct bus_request q = {.unit = 1, .function = 3, .count = 1, .timeout_ms = TIMEOUT_MS};
    struct bus_reply reply;
    uint16_t value;
    ports[0]->ops->transact(ports[0], &q, &value, &reply); /* half open */
    assert_int_equal(reply.outcome, BUS_NO_REPLY);
    while (n-- > 0)
        ports[n]->ops->destroy(ports[n]);
    close(listener);
}

static void descriptors_beyond_what_select_can_hold_are_fine(void **state)
{
    (void)state;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < 1100)
        skip();
    struct rlimit more = {.rlim_cur = 1100, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &more), 0);
    int low[1100];
    size_t n = 0;
    low[n] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    while (low[n] < 1024) {
        low[n + 1] = dup(low[n]);
        n++;
    }
    for (enum bus_kind kind = BUS_RTU; kind <= BUS_RTU_TCP; kind++) {
        struct rig *r = rig_new(kind, NULL);
        assert_int_equal(ask_registers(r, 2, 0).outcome, BUS_OK);
        rig_free(r);
    }
    for (size_t i = 0; i <= n; i++)
        close(low[i]);
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rtu_reads_and_writes_every_table),
        cmocka_unit_test(tcp_reads_and_writes_every_table),
        cmocka_unit_test(rtu_over_tcp_reads_and_writes_every_table),
        cmocka_unit_test(what_functions_22_and_23_write_is_read_back),
        cmocka_unit_test(nobody_answers_a_broadcast_and_the_next_request_is_whole),
        cmocka_unit_test(a_request_waits_for_the_silence_behind_the_last_reply),
        cmocka_unit_test(noise_is_damage),
        cmocka_unit_test(bytes_behind_a_reply_are_damage),
        cmocka_unit_test(a_reply_that_stops_halfway_is_no_reply),
        cmocka_unit_test(a_reply_from_another_unit_is_refused),
        cmocka_unit_test(a_reply_of_another_length_is_refused),
        cmocka_unit_test(a_reply_to_another_transaction_is_refused),
        cmocka_unit_test(every_exception_keeps_its_number),
        cmocka_unit_test(a_dribble_ends_at_the_total_deadline),
        cmocka_unit_test(silence_is_no_reply),
        cmocka_unit_test(draining_ends_when_the_line_is_quiet),
        cmocka_unit_test(draining_a_line_that_is_never_quiet_ends_at_its_limit),
        cmocka_unit_test(late_replies_give_no_wrong_value),
        cmocka_unit_test(noise_gives_no_wrong_value),
        cmocka_unit_test(a_bad_slave_gives_no_wrong_value_on_any_transport),
        cmocka_unit_test(a_port_that_cannot_be_opened_says_why_and_what_to_do),
        cmocka_unit_test(parity_and_direction_are_left_out_on_a_pseudo_terminal),
        cmocka_unit_test(a_pulled_adapter_is_lost_and_opens_again_when_it_is_back),
        cmocka_unit_test(a_connection_the_peer_closed_is_noticed_before_sending),
        cmocka_unit_test(connecting_to_a_host_that_swallows_packets_ends_in_time),
        cmocka_unit_test(descriptors_beyond_what_select_can_hold_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
