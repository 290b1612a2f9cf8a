/* Promise: the emulated slave frames Modbus as the specification says, whatever pieces the line
 * delivers, so that what a gateway is tested against is Modbus and not our idea of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "boards/emulator/wire.h"

static void feed(struct wire *w, const uint8_t *bytes, size_t n)
{
    size_t room;
    uint8_t *at = wire_room(w, &room);
    assert_true(n <= room);
    memcpy(at, bytes, n);
    wire_fed(w, n);
}

/* V1.02 appendix B prints 02 07 with the CRC 41 12; the others are requests seen on real lines. */
static void crc_vectors(void **state)
{
    (void)state;
    const uint8_t exception_status[] = {0x02, 0x07};
    const uint8_t read_ten[] = {0x01, 0x03, 0x00, 0x00, 0x00, 0x0a};
    const uint8_t read_107[] = {0x11, 0x03, 0x00, 0x6b, 0x00, 0x03};
    assert_int_equal(wire_crc16(exception_status, 2), 0x1241);
    assert_int_equal(wire_crc16(read_ten, 6), 0xcdc5);
    assert_int_equal(wire_crc16(read_107, 6), 0x8776);
    assert_int_equal(wire_crc16((const uint8_t *)"123456789", 9), 0x4b37);
    assert_int_equal(wire_crc16(NULL, 0), 0xffff);
}

static const uint8_t rtu_read[] = {0x11, 0x03, 0x00, 0x6b, 0x00, 0x03, 0x76, 0x87};

static size_t rtu_write_many(uint8_t *frame)
{
    const uint8_t pdu[] = {0x10, 0x00, 0x01, 0x00, 0x02, 0x04, 0x00, 0x0a, 0x01, 0x02};
    return wire_wrap(WIRE_RTU, 0, 0x11, pdu, sizeof(pdu), frame);
}

static void rtu_request_at_every_split(void **state)
{
    (void)state;
    const uint8_t mask[] = {0x16, 0x00, 0x04, 0x00, 0xf2, 0x00, 0x25};
    const uint8_t read_write[] = {0x17, 0, 3, 0, 6, 0, 14, 0, 1, 2, 0, 255};
    uint8_t both[96];
    memcpy(both, rtu_read, sizeof(rtu_read));
    size_t len = sizeof(rtu_read) + rtu_write_many(both + sizeof(rtu_read));
    len += wire_wrap(WIRE_RTU, 0, 0x11, mask, sizeof(mask), both + len);
    len += wire_wrap(WIRE_RTU, 0, 0x11, read_write, sizeof(read_write), both + len);
    for (size_t cut = 0; cut <= len; cut++) {
        struct wire w;
        struct wire_request r;
        uint8_t functions[4];
        int found = 0;
        wire_init(&w, WIRE_RTU);
        feed(&w, both, cut);
        while (wire_take(&w, &r) == 1)
            functions[found++] = r.pdu[0];
        feed(&w, both + cut, len - cut);
        while (wire_take(&w, &r) == 1) {
            functions[found++] = r.pdu[0];
            assert_int_equal(r.unit, 0x11);
        }
        assert_int_equal(found, 4);
        assert_memory_equal(functions, ((uint8_t[]){3, 16, 22, 23}), 4);
        assert_false(wire_pending(&w));
        assert_int_equal(w.refused, 0);
    }
}

static void rtu_frame_with_a_flipped_bit_is_dropped_at_silence(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < sizeof(rtu_read) * 8; bit++) {
        struct wire w;
        struct wire_request r;
        uint8_t bad[sizeof(rtu_read)];
        memcpy(bad, rtu_read, sizeof(bad));
        bad[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        wire_init(&w, WIRE_RTU);
        feed(&w, bad, sizeof(bad));
        assert_int_equal(wire_take(&w, &r), 0);
        assert_true(wire_pending(&w));
        assert_int_equal(wire_silence(&w, &r), 0);
        assert_int_equal(w.refused, 1);
        feed(&w, rtu_read, sizeof(rtu_read));
        assert_int_equal(wire_take(&w, &r), 1);
    }
}

static void rtu_unknown_function_ends_at_silence(void **state)
{
    (void)state;
    struct wire w;
    struct wire_request r;
    const uint8_t pdu[] = {0x2b, 0x0e, 0x01, 0x00};
    uint8_t frame[WIRE_FRAME_MAX];
    size_t len = wire_wrap(WIRE_RTU, 0, 9, pdu, sizeof(pdu), frame);
    wire_init(&w, WIRE_RTU);
    feed(&w, frame, len);
    assert_int_equal(wire_take(&w, &r), 0);
    assert_int_equal(wire_silence(&w, &r), 1);
    assert_int_equal(r.unit, 9);
    assert_int_equal(r.pdu[0], 0x2b);
    assert_int_equal(r.pdu_len, sizeof(pdu));
}

static void rtu_flood_never_fills_the_buffer_for_good(void **state)
{
    (void)state;
    struct wire w;
    struct wire_request r;
    wire_init(&w, WIRE_RTU);
    for (int i = 0; i < 100; i++) {
        size_t room;
        uint8_t *at = wire_room(&w, &room);
        assert_true(room > 0);
        memset(at, 0xff, room);
        wire_fed(&w, room);
        assert_int_equal(wire_take(&w, &r), 0);
    }
    assert_int_equal(wire_silence(&w, &r), 0);
    feed(&w, rtu_read, sizeof(rtu_read));
    assert_int_equal(wire_take(&w, &r), 1);
}

static void tcp_requests_at_every_split(void **state)
{
    (void)state;
    const uint8_t one[] = {0x00, 0x01, 0,    0,    0, 6, 0x11, 0x04, 0x00, 0x08,
                           0x00, 0x01, 0xab, 0xcd, 0, 0, 0,    2,    0xff, 0x41};
    for (size_t cut = 0; cut <= sizeof(one); cut++) {
        struct wire w;
        struct wire_request r[3];
        int found = 0;
        wire_init(&w, WIRE_TCP);
        feed(&w, one, cut);
        while (wire_take(&w, &r[found]) == 1)
            found++;
        feed(&w, one + cut, sizeof(one) - cut);
        while (wire_take(&w, &r[found]) == 1)
            found++;
        assert_int_equal(found, 2);
        assert_int_equal(r[0].transaction, 1);
        assert_int_equal(r[0].unit, 0x11);
        assert_int_equal(r[0].pdu_len, 5);
        assert_int_equal(r[1].transaction, 0xabcd);
        assert_int_equal(r[1].pdu_len, 1);
    }
}

static void tcp_header_that_is_not_modbus_is_refused(void **state)
{
    (void)state;
    const uint8_t bad[][7] = {{0, 1, 0, 1, 0, 6, 1},   /* protocol id */
                              {0, 1, 0, 0, 0, 1, 1},   /* no function */
                              {0, 1, 0, 0, 0, 255, 1}, /* a PDU of 254 bytes */
                              {'G', 'E', 'T', ' ', '/', ' ', 'H'}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct wire w;
        struct wire_request r;
        wire_init(&w, WIRE_TCP);
        feed(&w, bad[i], sizeof(bad[i]));
        assert_int_equal(wire_take(&w, &r), ERR_INVALID);
    }
}

static void replies_carry_their_frame(void **state)
{
    (void)state;
    const uint8_t pdu[] = {0x81, 0x02};
    const uint8_t rtu[] = {0x0a, 0x81, 0x02, 0xb0, 0x53};
    const uint8_t tcp[] = {0x15, 0x01, 0, 0, 0, 3, 0x0a, 0x81, 0x02};
    uint8_t frame[WIRE_FRAME_MAX];
    assert_int_equal(wire_wrap(WIRE_RTU, 0, 10, pdu, 2, frame), sizeof(rtu));
    assert_memory_equal(frame, rtu, sizeof(rtu));
    assert_int_equal(wire_wrap(WIRE_TCP, 0x1501, 10, pdu, 2, frame), sizeof(tcp));
    assert_memory_equal(frame, tcp, sizeof(tcp));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_vectors),
        cmocka_unit_test(rtu_request_at_every_split),
        cmocka_unit_test(rtu_frame_with_a_flipped_bit_is_dropped_at_silence),
        cmocka_unit_test(rtu_unknown_function_ends_at_silence),
        cmocka_unit_test(rtu_flood_never_fills_the_buffer_for_good),
        cmocka_unit_test(tcp_requests_at_every_split),
        cmocka_unit_test(tcp_header_that_is_not_modbus_is_refused),
        cmocka_unit_test(replies_carry_their_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
