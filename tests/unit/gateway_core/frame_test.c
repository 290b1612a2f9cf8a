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

#include "gateway/core/bus/frame.h"

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

/* Sections 6.16 and 6.17. */
static void functions_22_and_23_are_the_standards_examples(void **state)
{
    (void)state;
    static const uint16_t masks[] = {0x00f2, 0x0025}, three[] = {0xff, 0xff, 0xff};
    uint16_t got[6];
    struct bus_reply reply;
    struct bus_request mask = {
        .unit = 1, .function = 22, .address = 4, .count = 1, .values = masks};
    const uint8_t echo[] = {1, 22, 0, 4, 0, 0xf2, 0, 0x25};
    assert_frame(mask, echo, 8);
    frame_judge(&mask, BUS_RTU, echo, 8, got, &reply);
    assert_int_equal(reply.outcome, BUS_OK);
    frame_judge(&mask, BUS_RTU, (const uint8_t[]){1, 22, 0, 4, 0, 0xf2, 0, 0x24}, 8, got, &reply);
    assert_int_equal(reply.outcome, BUS_FOREIGN);
    assert_int_equal(frame_reply_bytes(&mask), 6);
    assert_int_equal(frame_written(&mask), 2);

    struct bus_request both = {.unit = 1,
                               .function = 23,
                               .address = 3,
                               .count = 6,
                               .values = three,
                               .write_address = 14,
                               .write_count = 3};
    assert_frame(
        both, (const uint8_t[]){1, 23, 0, 3, 0, 6, 0, 14, 0, 3, 6, 0, 0xff, 0, 0xff, 0, 0xff}, 17);
    const uint8_t read[] = {1, 23, 12, 0, 0xfe, 0x0a, 0xcd, 0, 1, 0, 3, 0, 13, 0, 0xff};
    frame_judge(&both, BUS_RTU, read, sizeof(read), got, &reply);
    assert_int_equal(reply.outcome, BUS_OK);
    assert_int_equal(got[1], 0x0acd);
    assert_int_equal(got[5], 0xff);
    uint8_t frame[FRAME_MAX];
    both.write_count = 122;
    assert_int_equal(frame_request(&both, frame), 0);
    both.write_count = 0;
    assert_int_equal(frame_request(&both, frame), 0);
}

static void what_travels_has_a_header_on_tcp_and_a_check_sum_on_rtu(void **state)
{
    (void)state;
    struct bus_request q = {.unit = 1, .function = 3, .count = 10};
    static const uint8_t rtu[] = {1, 3, 0, 0, 0, 10, 0xc5, 0xcd};
    static const uint8_t tcp[] = {0x12, 0x34, 0, 0, 0, 6, 1, 3, 0, 0, 0, 10};
    uint8_t adu[FRAME_ADU_MAX];
    assert_int_equal(frame_adu(&q, BUS_RTU, 9, adu), 8);
    assert_memory_equal(adu, rtu, 8);
    assert_int_equal(frame_adu(&q, BUS_RTU_TCP, 9, adu), 8);
    assert_memory_equal(adu, rtu, 8);
    assert_int_equal(frame_adu(&q, BUS_TCP, 0x1234, adu), 12);
    assert_memory_equal(adu, tcp, 12);
    q.count = 0;
    assert_int_equal(frame_adu(&q, BUS_TCP, 1, adu), 0);
}

static void a_replys_head_says_how_long_it_is(void **state)
{
    (void)state;
    static const uint8_t functions[] = {5, 6, 15, 16, 22};
    uint8_t adu[FRAME_ADU_MAX] = {1, 3, 10};
    assert_int_equal(frame_adu_need(BUS_RTU, adu, 0), 5);
    assert_int_equal(frame_adu_need(BUS_RTU, adu, 3), 15);
    adu[2] = 0;
    assert_int_equal(frame_adu_need(BUS_RTU, adu, 3), ERR_INVALID);
    for (size_t i = 0; i < sizeof(functions); i++) {
        adu[1] = functions[i];
        assert_int_equal(frame_adu_need(BUS_RTU, adu, 3), functions[i] == 22 ? 10 : 8);
    }
    adu[1] = 0x83;
    assert_int_equal(frame_adu_need(BUS_RTU, adu, 3), 5);
    adu[1] = 0x55;
    assert_int_equal(frame_adu_need(BUS_RTU, adu, 3), ERR_INVALID);
    const uint8_t tcp[] = {0, 1, 0, 0, 0, 23, 1, 3, 20};
    assert_int_equal(frame_adu_need(BUS_TCP, tcp, 5), 9);
    assert_int_equal(frame_adu_need(BUS_TCP, tcp, 6), 29);
    static const uint8_t wrong[][6] = {
        {0, 1, 0, 1, 0, 6}, {0, 1, 0, 0, 0, 2}, {0, 1, 0, 0, 0, 255}, {0, 1, 0, 0, 1, 3}};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(frame_adu_need(BUS_TCP, wrong[i], 6), ERR_INVALID);
}

static void a_check_sum_that_fails_is_damage_and_another_transaction_foreign(void **state)
{
    (void)state;
    struct bus_request q = {.unit = 1, .function = 3, .count = 1};
    struct bus_reply reply;
    uint16_t value;
    uint8_t rtu[] = {1, 3, 2, 0x12, 0x34, 0xb5, 0x33};
    frame_judge_adu(&q, BUS_RTU, 0, rtu, sizeof(rtu), &value, &reply);
    assert_int_equal(reply.outcome, BUS_OK);
    assert_int_equal(value, 0x1234);
    for (size_t bit = 0; bit < 8 * sizeof(rtu); bit++) {
        rtu[bit / 8] ^= (uint8_t)(1 << bit % 8);
        frame_judge_adu(&q, BUS_RTU_TCP, 0, rtu, sizeof(rtu), &value, &reply);
        assert_int_equal(reply.outcome, BUS_DAMAGED);
        rtu[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    frame_judge_adu(&q, BUS_RTU, 0, rtu, sizeof(rtu) - 1, &value, &reply);
    assert_int_equal(reply.outcome, BUS_DAMAGED);
    const uint8_t tcp[] = {0, 7, 0, 0, 0, 5, 1, 3, 2, 0x12, 0x34};
    frame_judge_adu(&q, BUS_TCP, 7, tcp, sizeof(tcp), &value, &reply);
    assert_int_equal(reply.outcome, BUS_OK);
    frame_judge_adu(&q, BUS_TCP, 8, tcp, sizeof(tcp), &value, &reply);
    assert_int_equal(reply.outcome, BUS_FOREIGN);
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
        cmocka_unit_test(functions_22_and_23_are_the_standards_examples),
        cmocka_unit_test(what_travels_has_a_header_on_tcp_and_a_check_sum_on_rtu),
        cmocka_unit_test(a_replys_head_says_how_long_it_is),
        cmocka_unit_test(a_check_sum_that_fails_is_damage_and_another_transaction_foreign),
        cmocka_unit_test(requests_that_have_no_frame_get_none),
        cmocka_unit_test(only_the_reply_to_the_request_is_believed),
        cmocka_unit_test(bits_come_lowest_first),
        cmocka_unit_test(any_unit_may_answer_for_a_tcp_peer_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
