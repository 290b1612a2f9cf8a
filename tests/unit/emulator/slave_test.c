/* Promise: an emulated device answers as a real one does, and what it notes for the ledger is what
 * its registers say: nothing half read, nothing refused half done, no value twice in unique mode.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boards/emulator/pdu.h"
#include "boards/emulator/registers.h"
#include "boards/emulator/slave.h"

#define NOON   (20700LL * 86400000 + 12 * 3600000)
#define MINUTE 60000

static const char profile_text[] =
    "{\"name\":\"probe\",\"label\":\"a probe\",\"source\":\"a test\",\"confidence\":\"high\","
    "\"serial\":{\"baud\":9600,\"parity\":\"none\",\"stop_bits\":1},\"points\":["
    "{\"name\":\"k1\",\"kind\":\"lamp_command\",\"table\":\"coil\",\"address\":0,\"type\":\"bit\","
    "\"writable\":true,\"readback\":\"k1-real\"},"
    "{\"name\":\"k1-real\",\"kind\":\"lamp_state\",\"table\":\"discrete\",\"address\":96,"
    "\"type\":\"bit\"},"
    "{\"name\":\"temp\",\"kind\":\"air_temperature\",\"table\":\"input\",\"address\":10,"
    "\"type\":\"s16\",\"scale\":0.1,\"invalid\":[\"0x7fff\"]},"
    "{\"name\":\"power\",\"kind\":\"power\",\"table\":\"input\",\"address\":11,\"type\":\"f32\"},"
    "{\"name\":\"count\",\"kind\":\"vehicle_count\",\"table\":\"input\",\"address\":14,"
    "\"type\":\"u32\",\"order\":\"CDAB\"},"
    "{\"name\":\"dim\",\"kind\":\"dim_level\",\"table\":\"holding\",\"address\":5,"
    "\"type\":\"u32\",\"writable\":true},"
    "{\"name\":\"rh\",\"kind\":\"humidity\",\"table\":\"input\",\"address\":16,\"type\":\"u16\"}"
    "]}";

static struct profile *profile;
static struct slave slave;

static void make(enum slave_mode mode, enum slave_gaps gaps)
{
    struct slave_options options = {.gateway = "g",
                                    .name = "d",
                                    .unit = 1,
                                    .profile = profile,
                                    .mode = mode,
                                    .gaps = gaps,
                                    .factor = 1,
                                    .seed = 7};
    slave_finish(&slave);
    assert_int_equal(slave_init(&slave, &options, NULL), 0);
}

static int setup(void **state)
{
    struct err e = {0};
    (void)state;
    if (profile_parse(profile_text, sizeof(profile_text) - 1, &profile, &e) != 0)
        fail_msg("%s", e.text);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    slave_finish(&slave);
    profile_free(profile);
    return 0;
}

static struct slave_reply reply;

static void ask(int64_t at, uint8_t function, unsigned address, unsigned count)
{
    const uint8_t pdu[5] = {function, (uint8_t)(address >> 8), (uint8_t)(address & 0xff),
                            (uint8_t)(count >> 8), (uint8_t)(count & 0xff)};
    slave_answer(&slave, pdu, sizeof(pdu), at, &reply);
}

static void assert_exception(int exception)
{
    assert_int_equal(reply.pdu_len, 2);
    assert_true(reply.pdu[0] & 0x80);
    assert_int_equal(reply.pdu[1], exception);
    assert_int_equal(reply.reading_count, 0);
}

static unsigned reg(unsigned i)
{
    return (unsigned)reply.pdu[2 + 2 * i] << 8 | reply.pdu[3 + 2 * i];
}

static const char *name_of(size_t reading)
{
    return profile->points[reply.readings[reading].point].name;
}

static void only_points_wholly_inside_are_readings(void **state)
{
    (void)state;
    make(SLAVE_CURVES, SLAVE_GAPS_ZERO);
    ask(NOON, PDU_READ_INPUT, 10, 7);
    assert_int_equal(reply.reading_count, 4);
    ask(NOON, PDU_READ_INPUT, 10, 2); /* half of power */
    assert_int_equal(reply.reading_count, 1);
    assert_string_equal(name_of(0), "temp");
    ask(NOON, PDU_READ_INPUT, 12, 3); /* the other half, and half of count */
    assert_int_equal(reply.reading_count, 0);
    assert_int_equal(reply.pdu_len, 2 + 6);
}

static void readings_are_what_the_registers_say(void **state)
{
    (void)state;
    for (int mode = SLAVE_CURVES; mode <= SLAVE_UNIQUE; mode++) {
        make((enum slave_mode)mode, SLAVE_GAPS_ZERO);
        for (int i = 0; i < 500; i++) {
            ask(NOON + i * MINUTE, PDU_READ_INPUT, 10, 7);
            for (size_t r = 0; r < reply.reading_count; r++) {
                const struct point *p = &profile->points[reply.readings[r].point];
                uint16_t regs[2] = {(uint16_t)reg(p->address - 10u),
                                    (uint16_t)(p->count > 1 ? reg(p->address - 9u) : 0)};
                assert_true(registers_get(p, regs) == reply.readings[r].raw);
                double v = registers_value(p, reply.readings[r].raw);
                assert_true(v >= p->kind->min && v <= p->kind->max);
            }
        }
    }
}

static void unique_values_never_repeat_within_their_range(void **state)
{
    (void)state;
    static uint64_t seen[4][3000];
    make(SLAVE_UNIQUE, SLAVE_GAPS_ZERO);
    for (int i = 0; i < 3000; i++) {
        ask(NOON, PDU_READ_INPUT, 10, 7);
        assert_int_equal(reply.reading_count, 4);
        for (size_t r = 0; r < 4; r++) {
            seen[r][i] = reply.readings[r].raw;
            assert_int_not_equal(reply.readings[r].raw, 32767);
            unsigned span = strcmp(name_of(r), "rh") == 0     ? 101
                            : strcmp(name_of(r), "temp") == 0 ? 1301
                                                              : 3000;
            for (int back = 1; back < (int)span && back <= i && back < 100; back++)
                assert_true(seen[r][i] != seen[r][i - back]);
            assert_true(i < (int)span || seen[r][i] == seen[r][i - (int)span]);
        }
    }
}

static void a_partial_read_does_not_use_up_a_unique_value(void **state)
{
    (void)state;
    make(SLAVE_UNIQUE, SLAVE_GAPS_ZERO);
    ask(NOON, PDU_READ_INPUT, 14, 2);
    uint64_t first = reply.readings[0].raw;
    ask(NOON, PDU_READ_INPUT, 14, 1);
    assert_int_equal(reg(0), first & 0xffff);
    ask(NOON, PDU_READ_INPUT, 14, 2);
    assert_true(reply.readings[0].raw == first + 1);
}

static void addresses_nobody_has_are_exception_02(void **state)
{
    (void)state;
    make(SLAVE_CURVES, SLAVE_GAPS_ZERO);
    ask(NOON, PDU_READ_INPUT, 13, 1); /* a gap between points */
    assert_int_equal(reply.pdu_len, 4);
    assert_int_equal(reg(0), 0);
    ask(NOON, PDU_READ_INPUT, 9, 2);
    assert_exception(PDU_ILLEGAL_ADDRESS);
    ask(NOON, PDU_READ_INPUT, 16, 2);
    assert_exception(PDU_ILLEGAL_ADDRESS);
    ask(NOON, PDU_READ_INPUT, 65535, 125);
    assert_exception(PDU_ILLEGAL_ADDRESS);
    ask(NOON, PDU_READ_HOLDING, 10, 1);
    assert_exception(PDU_ILLEGAL_ADDRESS);
    make(SLAVE_CURVES, SLAVE_GAPS_REFUSE);
    ask(NOON, PDU_READ_INPUT, 13, 1);
    assert_exception(PDU_ILLEGAL_ADDRESS);
    ask(NOON, PDU_READ_INPUT, 10, 3);
    assert_int_equal(reply.pdu_len, 8);
}

static void exceptions_01_and_03(void **state)
{
    (void)state;
    make(SLAVE_CURVES, SLAVE_GAPS_ZERO);
    ask(NOON, 7, 0, 0);
    assert_exception(PDU_ILLEGAL_FUNCTION);
    ask(NOON, PDU_READ_INPUT, 10, 0);
    assert_exception(PDU_ILLEGAL_VALUE);
    ask(NOON, PDU_WRITE_COIL, 0, 1);
    assert_exception(PDU_ILLEGAL_VALUE);
    assert_int_equal(slave.exceptions, 3);
}

static void a_written_relay_shows_in_its_contact_and_its_load(void **state)
{
    (void)state;
    for (int mode = SLAVE_CURVES; mode <= SLAVE_UNIQUE; mode++) {
        make((enum slave_mode)mode, SLAVE_GAPS_ZERO);
        for (unsigned on = 0; on < 4; on++) {
            ask(NOON, PDU_WRITE_COIL, 0, on % 2 ? 0xff00 : 0);
            assert_int_equal(reply.pdu_len, 5);
            ask(NOON, PDU_READ_DISCRETE, 96, 1);
            assert_int_equal(reply.pdu[2], on % 2);
            ask(NOON, PDU_READ_COILS, 0, 1);
            assert_int_equal(reply.pdu[2], on % 2);
        }
    }
    make(SLAVE_CURVES, SLAVE_GAPS_ZERO);
    assert_int_equal(slave_feed_from(&slave, &slave, "k1", NULL), 0);
    ask(NOON, PDU_WRITE_COIL, 0, 0);
    ask(NOON, PDU_READ_INPUT, 11, 2);
    assert_int_equal(reply.readings[0].raw, 0);
    ask(NOON, PDU_WRITE_COIL, 0, 0xff00);
    ask(NOON, PDU_READ_INPUT, 11, 2);
    assert_true(registers_value(profile_find(profile, "power"), reply.readings[0].raw) > 100);
}

static void a_refused_write_changes_nothing(void **state)
{
    (void)state;
    make(SLAVE_CURVES, SLAVE_GAPS_ZERO);
    const uint8_t good[] = {PDU_WRITE_HOLDINGS, 0, 5, 0, 2, 4, 0, 0, 0, 42};
    const uint8_t too_far[] = {PDU_WRITE_HOLDINGS, 0, 6, 0, 2, 4, 0, 7, 0, 7};
    const uint8_t half[] = {PDU_WRITE_HOLDING, 0, 5, 0, 1};
    slave_answer(&slave, good, sizeof(good), NOON, &reply);
    assert_int_equal(reply.pdu_len, 5);
    slave_answer(&slave, too_far, sizeof(too_far), NOON, &reply);
    assert_exception(PDU_ILLEGAL_ADDRESS);
    ask(NOON, PDU_READ_HOLDING, 5, 2);
    assert_true(reply.readings[0].raw == 42);
    slave_answer(&slave, half, sizeof(half), NOON, &reply);
    ask(NOON, PDU_READ_HOLDING, 5, 2);
    assert_true(reply.readings[0].raw == 0x1002a);
}

static void overrides_and_their_release(void **state)
{
    (void)state;
    struct err e;
    make(SLAVE_CURVES, SLAVE_GAPS_ZERO);
    assert_int_equal(slave_set(&slave, "temp", "-12.3", NOON, NULL), 0);
    ask(NOON, PDU_READ_INPUT, 10, 1);
    assert_int_equal(reg(0), 0xff85);
    assert_int_equal(slave_set(&slave, "temp", "invalid", NOON, NULL), 0);
    ask(NOON, PDU_READ_INPUT, 10, 1);
    assert_int_equal(reg(0), 32767);
    assert_int_equal(slave_set(&slave, "temp", "auto", NOON, NULL), 0);
    ask(NOON, PDU_READ_INPUT, 10, 1);
    assert_in_range(reg(0), 150, 350);
    assert_int_equal(slave_set(&slave, "temp", "99999", NOON, &e), ERR_LIMIT);
    assert_int_equal(slave_set(&slave, "temp", "warm", NOON, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "Cel"));
    assert_int_equal(slave_set(&slave, "nothing", "1", NOON, &e), ERR_NOTFOUND);
    assert_int_equal(slave_set(&slave, "rh", "invalid", NOON, &e), ERR_INVALID);
}

static uint64_t count_at(int64_t at)
{
    ask(at, PDU_READ_INPUT, 14, 2);
    return reply.readings[0].raw;
}

static void a_held_counter_goes_on_from_where_it_stood(void **state)
{
    (void)state;
    make(SLAVE_CURVES, SLAVE_GAPS_ZERO);
    uint64_t before = count_at(NOON);
    assert_true(count_at(NOON + 10 * MINUTE) > before);
    assert_int_equal(slave_set(&slave, "count", "hold", NOON + 10 * MINUTE, NULL), 0);
    uint64_t held = count_at(NOON + 20 * MINUTE);
    assert_true(held == count_at(NOON + 60 * MINUTE));
    assert_int_equal(slave_set(&slave, "count", "auto", NOON + 60 * MINUTE, NULL), 0);
    uint64_t released = count_at(NOON + 60 * MINUTE);
    assert_in_range(released, held, held + 1);
    assert_in_range(count_at(NOON + 70 * MINUTE), released + 20, released + 200);
}

static void faults_of_the_device_itself(void **state)
{
    (void)state;
    make(SLAVE_UNIQUE, SLAVE_GAPS_ZERO);
    ask(NOON, PDU_READ_INPUT, 14, 2);
    uint64_t first = reply.readings[0].raw;
    assert_int_equal(fault_parse("stuck", &slave.fault, NULL), 0);
    ask(NOON, PDU_READ_INPUT, 14, 2);
    assert_true(reply.readings[0].raw == first);
    assert_int_equal(fault_parse("exception 6", &slave.fault, NULL), 0);
    ask(NOON, PDU_READ_INPUT, 14, 2);
    assert_exception(6);
    assert_int_equal(fault_parse("none", &slave.fault, NULL), 0);
    ask(NOON, PDU_READ_INPUT, 14, 2);
    assert_true(reply.readings[0].raw == first + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_points_wholly_inside_are_readings),
        cmocka_unit_test(readings_are_what_the_registers_say),
        cmocka_unit_test(unique_values_never_repeat_within_their_range),
        cmocka_unit_test(a_partial_read_does_not_use_up_a_unique_value),
        cmocka_unit_test(addresses_nobody_has_are_exception_02),
        cmocka_unit_test(exceptions_01_and_03),
        cmocka_unit_test(a_written_relay_shows_in_its_contact_and_its_load),
        cmocka_unit_test(a_refused_write_changes_nothing),
        cmocka_unit_test(overrides_and_their_release),
        cmocka_unit_test(a_held_counter_goes_on_from_where_it_stood),
        cmocka_unit_test(faults_of_the_device_itself),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
