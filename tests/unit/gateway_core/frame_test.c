/*
 * Promise: a reply is believed only when unit, function, length and echo are its request's; any
 * other bytes are refused, and none of them is read past its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/core/frame.h"

static const uint16_t two[] = {0x0102, 0x0304};

static void assert_frame(struct bus_request q, const uint8_t *expected, size_t len)
{
    uint8_t frame[FRAME_MAX];
    assert_int_equal(frame_request(&q, frame), len);
    assert_memory_equal(frame, expected, len);
}

/* The examples of the Modbus Application Protocol V1.1b3, sections 6.3, 6.5, 6.6, 6.11, 6.12. */
static void requests_are_the_standards_examples(void **state)
{
    (void)state;
    static const uint16_t on[] = {1}, three[] = {3}, registers[] = {0x000a, 0x0102};
    static const uint16_t coils[] = {1, 0, 1, 1, 0, 0, 1, 1, 1, 0};
    assert_frame((struct bus_request){1, 3, 0x6b, 3, NULL, 0},
                 (const uint8_t[]){1, 3, 0, 0x6b, 0, 3}, 6);
    assert_frame((struct bus_request){1, 5, 0xac, 1, on, 0},
                 (const uint8_t[]){1, 5, 0, 0xac, 0xff, 0}, 6);
    assert_frame((struct bus_request){1, 6, 1, 1, three, 0}, (const uint8_t[]){1, 6, 0, 1, 0, 3},
                 6);
    assert_frame((struct bus_request){1, 15, 0x13, 10, coils, 0},
                 (const uint8_t[]){1, 15, 0, 0x13, 0, 10, 2, 0xcd, 1}, 9);
    assert_frame((struct bus_request){1, 16, 1, 2, registers, 0},
                 (const uint8_t[]){1, 16, 0, 1, 0, 2, 4, 0, 10, 1, 2}, 11);
}

static void requests_that_have_no_frame_get_none(void **state)
{
    (void)state;
    uint8_t frame[FRAME_MAX];
    static const struct bus_request wrong[] = {
        {1, 3, 0, 0, NULL, 0},     {1, 3, 0, 126, NULL, 0}, {1, 1, 0, 2001, NULL, 0},
        {1, 3, 65535, 2, NULL, 0}, {1, 7, 0, 1, NULL, 0},   {1, 6, 0, 2, two, 0},
        {1, 16, 0, 124, NULL, 0},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(frame_request(&wrong[i], frame), 0);
}

static struct bus_reply judge(uint8_t unit, uint8_t function, enum bus_kind kind,
                              const uint8_t *reply, size_t len, uint16_t *values)
{
    struct bus_request q = {unit, function, 0x20, 2, two, 0};
    struct bus_reply out = {0};
    if (function == 6)
        q.count = 1;
    frame_judge(&q, kind, reply, len, values, &out);
    return out;
}

static void only_the_reply_to_the_request_is_believed(void **state)
{
    (void)state;
    static const struct {
        uint8_t function, len, reply[8];
        enum bus_outcome outcome;
    } cases[] = {
        {3, 7, {7, 3, 4, 0x12, 0x34, 0xab, 0xcd}, BUS_OK},
        {3, 7, {8, 3, 4, 0x12, 0x34, 0xab, 0xcd}, BUS_FOREIGN}, /* unit */
        {3, 7, {7, 4, 4, 0x12, 0x34, 0xab, 0xcd}, BUS_FOREIGN}, /* function */
        {3, 5, {7, 3, 2, 0x12, 0x34}, BUS_FOREIGN},             /* length */
        {3, 6, {7, 3, 4, 0x12, 0x34, 0xab}, BUS_FOREIGN},       /* cut off */
        {3, 8, {7, 3, 4, 0x12, 0x34, 0xab, 0xcd, 0}, BUS_FOREIGN},
        {3, 3, {7, 0x83, 2}, BUS_EXCEPTION},
        {3, 3, {7, 0x84, 2}, BUS_FOREIGN},
        {3, 3, {7, 0x83, 0}, BUS_FOREIGN}, /* no such exception */
        {3, 2, {7, 3}, BUS_FOREIGN},
        {3, 0, {0}, BUS_FOREIGN},
        {6, 6, {7, 6, 0, 0x20, 1, 2}, BUS_OK},
        {6, 6, {7, 6, 0, 0x20, 1, 3}, BUS_FOREIGN}, /* another value */
        {6, 6, {7, 6, 0, 0x21, 1, 2}, BUS_FOREIGN}, /* another address */
        {16, 6, {7, 16, 0, 0x20, 0, 2}, BUS_OK},
        {16, 6, {7, 16, 0, 0x20, 0, 1}, BUS_FOREIGN}, /* another count */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint16_t values[2] = {0};
        struct bus_reply out =
            judge(7, cases[i].function, BUS_RTU, cases[i].reply, cases[i].len, values);
        assert_int_equal(out.outcome, cases[i].outcome);
        if (cases[i].function == 3)
            assert_int_equal(values[1], out.outcome == BUS_OK ? 0xabcd : 0);
    }
}

static void bits_come_lowest_first(void **state)
{
    (void)state;
    static const uint8_t reply[] = {7, 1, 1, 0x02};
    uint16_t values[2];
    assert_int_equal(judge(7, 1, BUS_RTU, reply, sizeof(reply), values).outcome, BUS_OK);
    assert_int_equal(values[0], 0);
    assert_int_equal(values[1], 1);
}

static void any_unit_may_answer_for_a_tcp_peer_itself(void **state)
{
    (void)state;
    static const uint8_t reply[] = {1, 3, 4, 0, 0, 0, 0};
    uint16_t values[2];
    assert_int_equal(judge(255, 3, BUS_TCP, reply, sizeof(reply), values).outcome, BUS_OK);
    assert_int_equal(judge(0, 3, BUS_TCP, reply, sizeof(reply), values).outcome, BUS_OK);
    assert_int_equal(judge(2, 3, BUS_TCP, reply, sizeof(reply), values).outcome, BUS_FOREIGN);
    assert_int_equal(judge(255, 3, BUS_RTU, reply, sizeof(reply), values).outcome, BUS_FOREIGN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_the_standards_examples),
        cmocka_unit_test(requests_that_have_no_frame_get_none),
        cmocka_unit_test(only_the_reply_to_the_request_is_believed),
        cmocka_unit_test(bits_come_lowest_first),
        cmocka_unit_test(any_unit_may_answer_for_a_tcp_peer_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
