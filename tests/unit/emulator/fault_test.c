/* Promise: noise is always noise: no damaged reply is a valid one, so a value stored from it is the
 * gateway's fault and nobody else's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boards/emulator/fault.h"
#include "boards/emulator/wire.h"

static void the_words_are_read_and_written_back(void **state)
{
    (void)state;
    const char *const good[] = {"none",  "dead",       "late 1500",   "noise 5",
                                "stuck", "wrong-unit", "exception 6", "dribble 400"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct fault f;
        char text[32];
        struct buf b;
        assert_int_equal(fault_parse(good[i], &f, NULL), 0);
        buf_init(&b, text, sizeof(text));
        fault_print(&f, &b);
        assert_string_equal(buf_cstr(&b), good[i]);
    }
}

static void wrong_words_leave_the_fault_as_it_was(void **state)
{
    (void)state;
    const char *const bad[] = {"",       "deadly",  "late",      "late x",      "late -1",
                               "late 0", "noise 0", "noise 101", "exception 0", "none 1",
                               "dead 5", "LATE 5",  "late 5 6"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fault f = {FAULT_STUCK, 9};
        struct err e = {0};
        assert_int_equal(fault_parse(bad[i], &f, &e), ERR_INVALID);
        assert_true(e.text[0] != '\0');
        assert_int_equal(f.kind, FAULT_STUCK);
    }
}

static bool first_part_is_a_frame(const uint8_t *frame, size_t len)
{
    for (size_t n = 4; n <= len; n++) {
        unsigned sent = frame[n - 2] | (unsigned)frame[n - 1] << 8;
        if (wire_crc16(frame, n - 2) == sent && n >= 5)
            return true;
    }
    return false;
}

static void a_damaged_serial_reply_never_passes(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 3);
    unsigned passed = 0;
    for (int i = 0; i < 20000; i++) {
        uint8_t pdu[2 + 20] = {3, 20};
        uint8_t frame[WIRE_FRAME_MAX + 1];
        for (size_t b = 2; b < sizeof(pdu); b++)
            pdu[b] = (uint8_t)rng_below(&rng, 256);
        size_t len = wire_wrap(WIRE_RTU, 0, 17, pdu, sizeof(pdu), frame);
        uint8_t whole[WIRE_FRAME_MAX + 1];
        memcpy(whole, frame, len);
        size_t damaged = fault_damage_rtu(&rng, frame, len);
        assert_true(damaged != len || memcmp(whole, frame, len) != 0);
        /* as long as a reader expects it: by its own byte count or as an exception */
        size_t wanted = frame[1] & 0x80 ? 5 : (size_t)frame[2] + 5;
        if (frame[0] == 17 && wanted <= damaged)
            passed += first_part_is_a_frame(frame, wanted) &&
                      wire_crc16(frame, wanted - 2) ==
                          (frame[wanted - 2] | (unsigned)frame[wanted - 1] << 8);
    }
    assert_int_equal(passed, 0);
}

static void a_damaged_tcp_reply_can_be_told(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 3);
    for (int i = 0; i < 1000; i++) {
        const uint8_t pdu[] = {3, 2, 0, 1};
        uint8_t frame[WIRE_FRAME_MAX + 1];
        size_t len = wire_wrap(WIRE_TCP, 0x1234, 1, pdu, sizeof(pdu), frame);
        size_t damaged = fault_damage_tcp(&rng, frame, len);
        bool transaction = frame[0] == 0x12 && frame[1] == 0x34;
        bool protocol = frame[2] == 0 && frame[3] == 0;
        assert_true(!transaction || !protocol || damaged < len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_words_are_read_and_written_back),
        cmocka_unit_test(wrong_words_leave_the_fault_as_it_was),
        cmocka_unit_test(a_damaged_serial_reply_never_passes),
        cmocka_unit_test(a_damaged_tcp_reply_can_be_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
