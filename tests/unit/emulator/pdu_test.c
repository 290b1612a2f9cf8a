/* Promise: a request a Modbus device must refuse is refused with the exception the specification
 * names, in the order of its state diagrams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boards/emulator/pdu.h"

#define PARSE(request, ...)                                                                        \
    pdu_parse((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), request)

static void functions_nobody_has_are_illegal(void **state)
{
    (void)state;
    struct pdu_request r;
    for (unsigned function = 0; function < 256; function++) {
        bool known = (function >= 1 && function <= 6) || function == 15 || function == 16 ||
                     function == 22 || function == 23;
        uint8_t pdu[5] = {(uint8_t)function, 0, 0, 0, 0};
        int exception = pdu_parse(pdu, sizeof(pdu), &r);
        assert_int_equal(exception == PDU_ILLEGAL_FUNCTION, !known);
    }
    assert_int_equal(pdu_parse(NULL, 0, &r), PDU_ILLEGAL_FUNCTION);
}

static void quantities_of_reads_have_their_limits(void **state)
{
    (void)state;
    struct pdu_request r;
    for (uint8_t function = 1; function <= 4; function++) {
        unsigned max = function <= 2 ? PDU_READ_BITS_MAX : PDU_READ_REGS_MAX;
        const struct {
            unsigned count;
            int exception;
        } cases[] = {{0, 3}, {1, 0}, {max, 0}, {max + 1, 3}, {0xffff, 3}};
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            uint8_t hi = (uint8_t)(cases[i].count >> 8), lo = (uint8_t)(cases[i].count & 0xff);
            assert_int_equal(PARSE(&r, function, 0x12, 0x34, hi, lo), cases[i].exception);
            assert_int_equal(r.address, 0x1234);
        }
        assert_int_equal(PARSE(&r, function, 0, 0, 0), PDU_ILLEGAL_VALUE);
        assert_int_equal(PARSE(&r, function, 0, 0, 0, 1, 0), PDU_ILLEGAL_VALUE);
    }
}

static void single_writes(void **state)
{
    (void)state;
    struct pdu_request r;
    uint8_t reply[5];
    assert_int_equal(PARSE(&r, 5, 0x00, 0xac, 0xff, 0x00), 0);
    assert_true(pdu_bit(&r, 0));
    assert_int_equal(pdu_reply_write(&r, reply), 5);
    assert_memory_equal(reply, ((uint8_t[]){5, 0x00, 0xac, 0xff, 0x00}), 5);
    assert_int_equal(PARSE(&r, 5, 0, 1, 0, 0), 0);
    assert_false(pdu_bit(&r, 0));
    assert_int_equal(PARSE(&r, 5, 0, 1, 0, 1), PDU_ILLEGAL_VALUE);
    assert_int_equal(PARSE(&r, 5, 0, 1, 0xff, 0xff), PDU_ILLEGAL_VALUE);
    assert_int_equal(PARSE(&r, 6, 0, 1, 0, 3), 0);
    assert_int_equal(pdu_register(&r, 0), 3);
    assert_int_equal(pdu_reply_write(&r, reply), 5);
    assert_memory_equal(reply, ((uint8_t[]){6, 0, 1, 0, 3}), 5);
    assert_int_equal(PARSE(&r, 6, 0, 1, 0), PDU_ILLEGAL_VALUE);
}

/* The examples of V1.1b3 sections 6.11 and 6.12. */
static void multiple_writes(void **state)
{
    (void)state;
    struct pdu_request r;
    uint8_t reply[5];
    assert_int_equal(PARSE(&r, 15, 0x00, 0x13, 0x00, 0x0a, 2, 0xcd, 0x01), 0);
    const bool coils[10] = {1, 0, 1, 1, 0, 0, 1, 1, 1, 0};
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(pdu_bit(&r, i), coils[i]);
    assert_int_equal(pdu_reply_write(&r, reply), 5);
    assert_memory_equal(reply, ((uint8_t[]){15, 0x00, 0x13, 0x00, 0x0a}), 5);
    assert_int_equal(PARSE(&r, 16, 0, 1, 0, 2, 4, 0x00, 0x0a, 0x01, 0x02), 0);
    assert_int_equal(pdu_register(&r, 0), 0x000a);
    assert_int_equal(pdu_register(&r, 1), 0x0102);
    assert_int_equal(pdu_reply_write(&r, reply), 5);
    assert_memory_equal(reply, ((uint8_t[]){16, 0, 1, 0, 2}), 5);
    assert_int_equal(PARSE(&r, 15, 0, 0x13, 0, 0x0a, 1, 0xcd), PDU_ILLEGAL_VALUE);
    assert_int_equal(PARSE(&r, 16, 0, 1, 0, 2, 4, 0, 10, 1), PDU_ILLEGAL_VALUE);
    assert_int_equal(PARSE(&r, 16, 0, 1, 0, 0, 0), PDU_ILLEGAL_VALUE);
    assert_int_equal(PARSE(&r, 16, 0, 1, 0, 124, 248), PDU_ILLEGAL_VALUE);
    assert_int_equal(PARSE(&r, 15, 0, 1, 0x07, 0xb1, 247), PDU_ILLEGAL_VALUE);
    assert_int_equal(PARSE(&r, 16, 0, 1), PDU_ILLEGAL_VALUE);
}

/* The examples of sections 6.16 and 6.17. */
static void mask_and_both(void **state)
{
    (void)state;
    struct pdu_request r;
    uint8_t out[253];
    assert_int_equal(PARSE(&r, 22, 0, 4, 0x00, 0xf2, 0x00, 0x25), 0);
    assert_true(pdu_is_write(&r));
    assert_int_equal(r.and_mask, 0x00f2);
    assert_int_equal(r.or_mask, 0x0025);
    assert_int_equal(pdu_reply_write(&r, out), 7);
    assert_memory_equal(out, ((uint8_t[]){22, 0, 4, 0x00, 0xf2, 0x00, 0x25}), 7);
    assert_int_equal(PARSE(&r, 22, 0, 4, 0, 1), PDU_ILLEGAL_VALUE);
    assert_int_equal(PARSE(&r, 23, 0, 3, 0, 6, 0, 14, 0, 3, 6, 0, 255, 0, 255, 0, 255), 0);
    assert_int_equal(r.read_address, 3);
    assert_int_equal(r.read_count, 6);
    assert_int_equal(r.address, 14);
    assert_int_equal(r.count, 3);
    assert_int_equal(pdu_register(&r, 2), 255);
    assert_int_equal(PARSE(&r, 23, 0, 3, 0, 0, 0, 14, 0, 1, 2, 0, 1), PDU_ILLEGAL_VALUE);
    assert_int_equal(PARSE(&r, 23, 0, 3, 0, 126, 0, 14, 0, 1, 2, 0, 1), PDU_ILLEGAL_VALUE);
    assert_int_equal(PARSE(&r, 23, 0, 3, 0, 1, 0, 14, 0, 2, 2, 0, 1), PDU_ILLEGAL_VALUE);
    assert_int_equal(PARSE(&r, 23, 0, 3, 0, 1, 0, 14, 0, 1), PDU_ILLEGAL_VALUE);
}

/* The examples of sections 6.1 and 6.3. */
static void read_replies(void **state)
{
    (void)state;
    struct pdu_request r;
    uint8_t out[253];
    assert_int_equal(PARSE(&r, 1, 0x00, 0x13, 0x00, 0x13), 0);
    const uint8_t packed[3] = {0xcd, 0x6b, 0x05};
    bool bits[19];
    for (unsigned i = 0; i < 19; i++)
        bits[i] = packed[i / 8] >> (i % 8) & 1;
    assert_int_equal(pdu_reply_bits(&r, bits, out), 5);
    assert_memory_equal(out, ((uint8_t[]){1, 3, 0xcd, 0x6b, 0x05}), 5);
    assert_int_equal(PARSE(&r, 3, 0x00, 0x6b, 0x00, 0x03), 0);
    const uint16_t regs[3] = {0x022b, 0x0000, 0x0064};
    assert_int_equal(pdu_reply_registers(&r, 3, regs, out), 8);
    assert_memory_equal(out, ((uint8_t[]){3, 6, 0x02, 0x2b, 0x00, 0x00, 0x00, 0x64}), 8);
    assert_int_equal(pdu_reply_exception(3, PDU_ILLEGAL_ADDRESS, out), 2);
    assert_memory_equal(out, ((uint8_t[]){0x83, 2}), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_nobody_has_are_illegal),
        cmocka_unit_test(quantities_of_reads_have_their_limits),
        cmocka_unit_test(single_writes),
        cmocka_unit_test(multiple_writes),
        cmocka_unit_test(mask_and_both),
        cmocka_unit_test(read_replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
