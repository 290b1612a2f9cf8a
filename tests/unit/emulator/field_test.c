/* Promise: the emulated devices are as awkward as the field's: bits that share a register, blocks
 * that answer alone, a sonde that says what it holds, writes that go elsewhere, lag or come to
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "boards/emulator/journal.h"
#include "boards/emulator/pdu.h"
#include "boards/emulator/registers.h"
#include "boards/emulator/slave.h"

#define NOON (20700LL * 86400000 + 12 * 3600000)

#define P(name_, kind_, table_, address_, type_)                                                   \
    "{\"name\":\"" name_ "\",\"kind\":\"" kind_ "\",\"table\":\"" table_                           \
    "\",\"address\":" #address_ ",\"type\":\"" type_ "\""
#define C(name_, kind_, code_)                                                                     \
    "{\"name\":\"" name_ "\",\"kind\":\"" kind_ "\",\"table\":\"holding\",\"code\":" #code_        \
    ",\"type\":\"f32\",\"order\":\"CDAB\"}"

static const char profile_text[] =
    "{\"name\":\"probe\",\"label\":\"a probe\",\"source\":\"a test\",\"confidence\":\"high\","
    "\"blocks\":[{\"table\":\"input\",\"address\":0,\"count\":4},"
    "{\"table\":\"input\",\"address\":4,\"count\":8}],"
    "\"map\":{\"table\":\"holding\",\"codes\":100,\"status\":120,\"values\":140,\"slots\":8},"
    "\"points\":["
    /* blocks, BCD, 64 bits */
    P("energy", "energy", "input", 0, "bcd32") ",\"scale\":0.1}," P(
        "serial", "raw", "input", 2,
        "bcd16") "}," P("total", "pulse_count", "input", 4,
                        "u64") ",\"order\":\"CDAB\"}," P("mean", "power", "input", 8,
                                                         "f64") ",\"order\":\"DCBA\"},"
    /* a register of relays */
    P("outputs", "device_status", "holding", 10, "u16") "}," P(
        "r#", "lamp_command", "holding", 10, "bit") ",\"bit\":0,\"repeat\":4,\"writable\":true},"
    /* a lamp written at 20 and read at 24; a command that cannot be read; a relay */
    P("lamp", "arc_power", "holding", 24, "u16") ",\"writable\":true,\"write_address\":20}," P(
        "order", "device_command", "holding", 22,
        "u16") ",\"writable\":true,\"write_only\":true,"
               "\"readback\":\"outputs\"}," P(
                   "k", "lamp_command", "coil", 0,
                   "bit") ",\"writable\":true,\"readback\":\"k-real\"}," P("k-real", "lamp_state",
                                                                           "discrete", 0,
                                                                           "bit") "},"
    /* a sign */
    P("message", "vms_message", "holding", 30,
      "string") ",\"count\":4,\"writable\":true,"
                "\"readback\":\"shown\"}," P(
                    "message-ttl", "interval", "holding", 34,
                    "u16") ",\"writable\":true}," P("shown", "vms_message", "holding", 40,
                                                    "string") ",\"count\":4},"
    /* the sonde */
    C("ph", "ph", 18) "," C("tss", "tss", 190) "," C("oxygen", "dissolved_oxygen", 212) "]}";

static struct profile *profile;
static struct slave slave;
static struct slave_reply reply;

static int setup(void **state)
{
    struct err e = {0};
    (void)state;
    if (profile_parse(profile_text, sizeof(profile_text) - 1, &profile, &e) != 0)
        fail_msg("%s", e.text);
    struct slave_options options = {.gateway = "g",
                                    .name = "d",
                                    .unit = 1,
                                    .profile = profile,
                                    .mode = SLAVE_CURVES,
                                    .factor = 1,
                                    .seed = 7};
    return slave_init(&slave, &options, NULL);
}

static int teardown(void **state)
{
    (void)state;
    slave_finish(&slave);
    profile_free(profile);
    return 0;
}

#define TELL(at, ...)                                                                              \
    do {                                                                                           \
        const uint8_t told[] = {__VA_ARGS__};                                                      \
        slave_answer(&slave, told, sizeof(told), at, &reply);                                      \
    } while (0)

static unsigned read_one(int64_t at, uint8_t function, unsigned address)
{
    TELL(at, function, (uint8_t)(address >> 8), (uint8_t)address, 0, 1);
    assert_int_equal(reply.pdu[0], function);
    return function <= PDU_READ_DISCRETE ? reply.pdu[2]
                                         : (unsigned)reply.pdu[2] << 8 | reply.pdu[3];
}

static unsigned word(unsigned i)
{
    return (unsigned)reply.pdu[2 + 2 * i] << 8 | reply.pdu[3 + 2 * i];
}

static void refused_with(int exception)
{
    assert_int_equal(reply.pdu_len, 2);
    assert_int_equal(reply.pdu[1], exception);
}

static void set(const char *point, const char *value)
{
    struct err e = {0};
    if (slave_set(&slave, point, value, NOON, &e))
        fail_msg("%s", e.text);
}

static void a_read_across_a_blocks_border_is_refused(void **state)
{
    (void)state;
    TELL(NOON, PDU_READ_INPUT, 0, 0, 0, 4);
    assert_int_equal(reply.pdu_len, 2 + 8);
    TELL(NOON, PDU_READ_INPUT, 0, 2, 0, 4);
    refused_with(PDU_ILLEGAL_ADDRESS);
    TELL(NOON, PDU_READ_INPUT, 0, 4, 0, 8);
    assert_int_equal(reply.pdu_len, 2 + 16);
}

static void digits_and_64_bits_stand_as_devices_have_them(void **state)
{
    (void)state;
    set("energy", "1234567.8");
    set("serial", "9041");
    set("total", "4294967297");
    set("mean", "-1.5");
    TELL(NOON, PDU_READ_INPUT, 0, 0, 0, 3);
    assert_int_equal(word(0), 0x1234);
    assert_int_equal(word(1), 0x5678);
    assert_int_equal(word(2), 0x9041);
    TELL(NOON, PDU_READ_INPUT, 0, 4, 0, 8);
    assert_memory_equal(reply.pdu + 2, ((uint8_t[]){0, 1, 0, 0, 0, 1, 0, 0}), 8);
    assert_memory_equal(reply.pdu + 10, ((uint8_t[]){0, 0, 0, 0, 0, 0, 0xf8, 0xbf}), 8);
}

static void a_mask_write_leaves_the_other_bits_alone(void **state)
{
    (void)state;
    set("outputs", "64");
    TELL(NOON, PDU_WRITE_HOLDING, 0, 10, 0, 0x5);
    TELL(NOON, PDU_MASK_WRITE, 0, 10, 0xff, 0xfd, 0, 2); /* bit 1 on */
    assert_memory_equal(reply.pdu, ((uint8_t[]){22, 0, 10, 0xff, 0xfd, 0, 2}), 7);
    TELL(NOON, PDU_MASK_WRITE, 0, 10, 0xff, 0xfe, 0, 0); /* bit 0 off */
    assert_int_equal(read_one(NOON, PDU_READ_HOLDING, 10), 0x46);
    assert_int_equal(reply.reading_count, 5);
    assert_int_equal(reply.readings[0].raw, 0x46);
    TELL(NOON, PDU_MASK_WRITE, 0, 24, 0, 0, 0, 0);
    refused_with(PDU_ILLEGAL_ADDRESS);
}

static void one_request_writes_and_reads(void **state)
{
    (void)state;
    TELL(NOON, PDU_READ_WRITE, 0, 24, 0, 1, 0, 20, 0, 1, 2, 0, 99);
    assert_int_equal(reply.pdu_len, 4);
    assert_int_equal(word(0), 99);
    TELL(NOON, PDU_READ_WRITE, 0x40, 0, 0, 1, 0, 20, 0, 1, 2, 0, 11);
    refused_with(PDU_ILLEGAL_ADDRESS);
    assert_int_equal(read_one(NOON, PDU_READ_HOLDING, 24), 99);
}

static void what_is_only_written_is_not_read(void **state)
{
    (void)state;
    TELL(NOON, PDU_WRITE_HOLDING, 0, 22, 0, 8);
    assert_int_equal(reply.pdu_len, 5);
    TELL(NOON, PDU_READ_HOLDING, 0, 22, 0, 1);
    refused_with(PDU_ILLEGAL_ADDRESS);
    TELL(NOON, PDU_READ_HOLDING, 0, 20, 0, 5);
    refused_with(PDU_ILLEGAL_ADDRESS);
}

static void a_lamp_lags_behind_its_echo(void **state)
{
    (void)state;
    TELL(NOON, PDU_WRITE_HOLDING, 0, 20, 0, 10);
    TELL(NOON, PDU_WRITE_COIL, 0, 0, 0, 0);
    slave.fault = (struct fault){FAULT_LAG, 2000};
    TELL(NOON, PDU_WRITE_HOLDING, 0, 20, 0, 200);
    assert_memory_equal(reply.pdu, ((uint8_t[]){6, 0, 20, 0, 200}), 5);
    TELL(NOON, PDU_WRITE_COIL, 0, 0, 0xff, 0);
    assert_int_equal(read_one(NOON + 1999, PDU_READ_HOLDING, 24), 10);
    assert_int_equal(read_one(NOON + 1999, PDU_READ_COILS, 0), 1); /* the command */
    assert_int_equal(read_one(NOON + 1999, PDU_READ_DISCRETE, 0), 0);
    assert_int_equal(read_one(NOON + 2000, PDU_READ_HOLDING, 24), 200);
    assert_int_equal(read_one(NOON + 2000, PDU_READ_DISCRETE, 0), 1);
}

static void a_failed_lamp_acknowledges_and_stays(void **state)
{
    (void)state;
    TELL(NOON, PDU_WRITE_HOLDING, 0, 20, 0, 10);
    slave.fault = (struct fault){FAULT_DEAF, 0};
    TELL(NOON, PDU_WRITE_HOLDING, 0, 20, 0, 200);
    assert_int_equal(reply.pdu_len, 5);
    slave.fault = (struct fault){FAULT_NONE, 0};
    assert_int_equal(read_one(NOON + 86400000, PDU_READ_HOLDING, 24), 10);
    TELL(NOON, PDU_WRITE_HOLDING, 0, 20, 0, 30);
    assert_int_equal(read_one(NOON, PDU_READ_HOLDING, 24), 30);
}

static void a_message_goes_when_its_time_is_over(void **state)
{
    (void)state;
    TELL(NOON, PDU_WRITE_HOLDING, 0, 34, 0, 60);
    TELL(NOON, PDU_WRITE_HOLDINGS, 0, 30, 0, 4, 8, 'D', 'U', 'O', 'N', 'G', 0, 0, 0);
    assert_int_equal(reply.pdu_len, 5);
    TELL(NOON + 59999, PDU_READ_HOLDING, 0, 40, 0, 4);
    assert_memory_equal(reply.pdu + 2, "DUONG\0\0", 8);
    TELL(NOON + 60000, PDU_READ_HOLDING, 0, 40, 0, 4);
    assert_memory_equal(reply.pdu + 2, "\0\0\0\0\0\0\0", 8);
}

/* The slot that holds a code, or -1. */
static int find_slot(unsigned code)
{
    TELL(NOON, PDU_READ_HOLDING, 0, 100, 0, 8);
    for (unsigned i = 0; i < 8; i++)
        if (word(i) == code)
            return (int)i;
    return -1;
}

static double value_of_slot(int slot)
{
    const struct point *ph = profile_find(profile, "ph");
    uint16_t regs[2];
    TELL(NOON, PDU_READ_HOLDING, 0, 140, 0, 16);
    assert_int_equal(reply.reading_count, 3);
    for (unsigned k = 0; k < 2; k++)
        regs[k] = (uint16_t)word(2 * (unsigned)slot + k);
    return registers_value(ph, registers_get(ph, regs));
}

static void a_sonde_says_what_its_slots_hold(void **state)
{
    (void)state;
    set("ph", "6.5");
    int slot = find_slot(18);
    assert_true(slot >= 0 && find_slot(190) >= 0 && find_slot(212) >= 0);
    assert_int_equal(find_slot(5), -1);
    assert_float_equal(value_of_slot(slot), 6.5, 0);
    assert_int_equal(slave_remap(&slave, NULL), 0);
    assert_int_equal(find_slot(18), (slot + 1) % 8);
    assert_float_equal(value_of_slot((slot + 1) % 8), 6.5, 0);
}

static void the_ledger_notes_a_slots_own_registers(void **state)
{
    (void)state;
    char line[256];
    struct buf b;
    buf_init(&b, line, sizeof(line));
    set("ph", "7");
    TELL(NOON, PDU_READ_HOLDING, 0, 140, 0, 16);
    const struct point *ph = profile_find(profile, "ph");
    for (size_t i = 0; i < reply.reading_count; i++)
        if (&profile->points[reply.readings[i].point] == ph)
            journal_format(&b, (struct clk_utc){1}, &slave, &reply.readings[i], "ok");
    assert_string_equal(buf_cstr(&b),
                        "{\"t\":1,\"gateway\":\"g\",\"device\":\"d\",\"point\":\"ph\","
                        "\"v\":7,\"fate\":\"ok\",\"raw\":[0,16608]}\n");
}

static void a_slot_says_whether_it_counts(void **state)
{
    (void)state;
    unsigned slot = (unsigned)find_slot(18), states[3] = {0};
    set("ph", "invalid");
    TELL(NOON, PDU_READ_HOLDING, 0, 120, 0, 8);
    for (unsigned i = 0; i < 8; i++)
        states[word(i)]++;
    assert_int_equal(word(slot), SLAVE_SLOT_MISSING);
    assert_int_equal(states[SLAVE_SLOT_AVAILABLE], 2);
    assert_int_equal(states[SLAVE_SLOT_UNSET], 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_read_across_a_blocks_border_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(digits_and_64_bits_stand_as_devices_have_them, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_mask_write_leaves_the_other_bits_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(one_request_writes_and_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_only_written_is_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lamp_lags_behind_its_echo, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_lamp_acknowledges_and_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(a_message_goes_when_its_time_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sonde_says_what_its_slots_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(the_ledger_notes_a_slots_own_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_slot_says_whether_it_counts, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
