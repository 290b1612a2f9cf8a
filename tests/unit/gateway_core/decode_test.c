/*
 * Promise: unknown registers are told apart. For values real devices hold, in each of the four
 * orders, the right order is named from one block; where the block cannot say, it is called
 * ambiguous and nothing is claimed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "gateway/core/commissioning/decode.h"

#define ORDERS 4

/* Registers of a pattern, as a device of that order would send them: written apart from what is
 * tested. */
static void put(uint64_t pattern, unsigned words, enum point_order order, uint16_t *out)
{
    for (unsigned i = 0; i < words; i++) {
        unsigned place = order == ORDER_CDAB || order == ORDER_DCBA ? i : words - 1 - i;
        unsigned word = (unsigned)(pattern >> (16 * i)) & 0xffff;
        if (order == ORDER_BADC || order == ORDER_DCBA)
            word = word >> 8 | (word & 0xff) << 8;
        out[place] = (uint16_t)word;
    }
}

static uint64_t f32_bits(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return bits;
}

static uint64_t f64_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return bits;
}

static void assert_order(const uint16_t *words, size_t count, size_t reads, enum decode_type type,
                         int order)
{
    struct decode_result r;
    decode_block(words, count, reads, &r);
    bool named = r.verdict == DECODE_ORDER || r.verdict == DECODE_EITHER;
    if (!named || (int)r.order != order)
        fail_msg("%s %s: verdict %d, order %s, prices %.1f %.1f %.1f %.1f, single %.1f",
                 decode_type_name(type), decode_order_name((enum point_order)order), (int)r.verdict,
                 decode_order_name(r.order), r.order_bits[0], r.order_bits[1], r.order_bits[2],
                 r.order_bits[3], r.single_bits);
    if (r.verdict == DECODE_ORDER)
        assert_int_equal(r.type, type);
    assert_true(r.lead_bits >= DECODE_CLEAR_BITS);
}

static void one_float_of_a_meter_names_its_order(void **state)
{
    (void)state;
    static const float values[] = {230.1F,  49.98F, 12345.6F, -3.5F,  21.4F, 1013.2F, 0.87F,
                                   100.25F, 7.04F,  5.5F,     865.3F, 63.2F, 0.05F,   387.0F};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        for (int o = 0; o < ORDERS; o++) {
            uint16_t words[2];
            put(f32_bits(values[i]), 2, (enum point_order)o, words);
            assert_order(words, 2, 1, DECODE_F32, o);
        }
}

static void measured_floats_of_many_digits_name_their_order(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 7);
    for (int round = 0; round < 500; round++)
        for (int o = 0; o < ORDERS; o++) {
            uint16_t words[12];
            for (unsigned i = 0; i < 6; i++) { /* three voltages, three currents */
                float middle = i < 3 ? 230.0F : 12.0F;
                float v = middle * (0.9F + (float)rng_below(&rng, 1U << 20) * 0.2F / (1U << 20));
                put(f32_bits(v), 2, (enum point_order)o, words + 2 * (size_t)i);
            }
            assert_order(words, 12, 1, DECODE_F32, o);
        }
}

static void doubles_name_their_order(void **state)
{
    (void)state;
    static const double values[] = {230.1, 49.98, 12345.6, -3.7, 1234567.89, 0.012};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        for (int o = 0; o < ORDERS; o++) {
            uint16_t words[4];
            put(f64_bits(values[i]), 4, (enum point_order)o, words);
            assert_order(words, 4, 1, DECODE_F64, o);
        }
}

/* Of counters, which look like two registers each, chance now and then hides the order; it is then
 * not named, and hardly ever named wrongly. */
struct tally {
    unsigned tried, unnamed, wrong;
};

static void count_block(const uint16_t *words, size_t count, size_t reads, int order,
                        struct tally *tally)
{
    struct decode_result r;
    decode_block(words, count, reads, &r);
    bool named = r.verdict == DECODE_ORDER || r.verdict == DECODE_EITHER;
    tally->tried++;
    tally->unnamed += !named;
    tally->wrong += named && (int)r.order != order;
}

static void assert_tally(const struct tally *tally)
{
    if (tally->unnamed * 10 > tally->tried || tally->wrong * 100 > tally->tried)
        fail_msg("of %u: %u not named, %u wrong", tally->tried, tally->unnamed, tally->wrong);
}

static void counters_name_their_order(void **state)
{
    (void)state;
    struct rng rng;
    struct tally tally = {0};
    rng_init(&rng, 11);
    for (int round = 0; round < 500; round++)
        for (int o = 0; o < ORDERS; o++) {
            uint16_t words[6];
            for (unsigned i = 0; i < 3; i++)
                put(70000 + rng_below(&rng, UINT64_C(1) << (18 + rng_below(&rng, 4))), 2,
                    (enum point_order)o, words + 2 * (size_t)i);
            count_block(words, 6, 1, o, &tally);
        }
    assert_tally(&tally);
}

/* A counter too large to be told by its size is told by how it moves. */
static void a_counter_that_moves_names_its_order(void **state)
{
    (void)state;
    struct rng rng;
    struct tally tally = {0};
    rng_init(&rng, 13);
    for (int round = 0; round < 500; round++)
        for (int o = 0; o < ORDERS; o++) {
            uint16_t words[5 * 2];
            uint64_t counter = (UINT64_C(1) << 30) + rng_below(&rng, 1U << 30);
            for (size_t read = 0; read < 5; read++) {
                put(counter, 2, (enum point_order)o, words + 2 * read);
                counter += 40 + rng_below(&rng, 600);
            }
            count_block(words, 2, 5, o, &tally);
        }
    assert_tally(&tally);
}

static void small_negative_integers_name_their_order(void **state)
{
    (void)state;
    static const int32_t values[] = {-35, -1200, -99999};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        for (int o = 0; o < ORDERS; o++) {
            uint16_t words[4];
            put((uint32_t)values[i], 2, (enum point_order)o, words);
            put((uint32_t)(values[i] - 7), 2, (enum point_order)o, words + 2);
            assert_order(words, 4, 1, DECODE_S32, o);
        }
}

static void single_registers_are_called_single(void **state)
{
    (void)state;
    static const uint16_t weather[] = {235, 612, 10132, 17, 4, 260, 12, 33};
    static const uint16_t cold[] = {0xffdd, 0xfff0, 0xff9c, 0xffee};
    struct decode_result r;
    decode_block(weather, 8, 1, &r);
    assert_int_equal(r.verdict, DECODE_SINGLE);
    assert_int_equal(r.type, DECODE_U16);
    decode_block(cold, 4, 1, &r);
    assert_int_equal(r.verdict, DECODE_SINGLE);
    assert_int_equal(r.type, DECODE_S16);
}

static void a_block_of_two_sorts_is_cut_where_they_meet(void **state)
{
    (void)state;
    uint16_t words[10] = {235, 612};
    static const float values[] = {230.1F, 49.98F, 12345.6F, 1.25F};
    for (size_t i = 0; i < 4; i++)
        put(f32_bits(values[i]), 2, ORDER_CDAB, words + 2 + 2 * i);
    struct decode_result r;
    decode_block(words, 10, 1, &r);
    assert_int_equal(r.verdict, DECODE_ORDER);
    assert_int_equal(r.order, ORDER_CDAB);
    assert_int_equal(r.piece_count, 2);
    assert_int_equal(r.pieces[0].type, DECODE_U16);
    assert_int_equal(r.pieces[0].words, 2);
    assert_int_equal(r.pieces[1].type, DECODE_F32);
    assert_int_equal(r.pieces[1].at, 2);
    assert_int_equal(r.pieces[1].words, 8);
}

static void what_cannot_be_told_is_called_ambiguous(void **state)
{
    (void)state;
    struct decode_result r;
    static const uint16_t count_or_two[] = {0, 251}; /* one u32, or two registers */
    decode_block(count_or_two, 2, 1, &r);
    assert_int_equal(r.verdict, DECODE_EITHER);
    assert_int_equal(r.order, ORDER_ABCD);
    assert_true(r.may_single);
    static const uint16_t large[] = {0x5b07, 0x15cd}; /* one large number, read once */
    decode_block(large, 2, 1, &r);
    assert_int_equal(r.verdict, DECODE_AMBIGUOUS);
}

static void random_words_are_never_claimed_for_an_order(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 17);
    unsigned claimed = 0;
    for (int round = 0; round < 2000; round++) {
        uint16_t words[8];
        struct decode_result r;
        for (size_t i = 0; i < 8; i++)
            words[i] = (uint16_t)rng_below(&rng, 65536);
        decode_block(words, 8, 1, &r);
        claimed += r.verdict == DECODE_ORDER;
    }
    if (claimed > 2000 / 16)
        fail_msg("%u claims", claimed); /* what a lead of 4 bits promises */
}

static void nothing_is_read_into_an_empty_block(void **state)
{
    (void)state;
    uint16_t words[6] = {0};
    struct decode_result r;
    decode_block(words, 6, 1, &r);
    assert_int_equal(r.verdict, DECODE_EMPTY);
    memset(words, 0xff, sizeof(words));
    decode_block(words, 6, 1, &r);
    assert_int_equal(r.verdict, DECODE_EMPTY);
}

static void every_type_reads_its_value_in_every_order(void **state)
{
    (void)state;
    static const struct {
        enum decode_type type;
        uint64_t pattern;
        const char *text;
    } cases[] = {{DECODE_U16, 4660, "4660"},
                 {DECODE_S16, 0xffdd, "-35"},
                 {DECODE_BCD16, 0x1234, "1234"},
                 {DECODE_ASCII, 0x505a, "PZ"},
                 {DECODE_U32, 123456789, "123456789"},
                 {DECODE_S32, 0xfffffffe, "-2"},
                 {DECODE_F32, 0x4366199a, "230.1"},
                 {DECODE_BCD32, 0x12345678, "12345678"},
                 {DECODE_U64, UINT64_MAX, "18446744073709551615"},
                 {DECODE_S64, UINT64_MAX, "-1"},
                 {DECODE_F64, UINT64_C(0xc00c000000000000), "-3.5"},
                 {DECODE_BCD16, 0x12a4, ""},
                 {DECODE_F32, 0x7fc00000, "nan"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (int o = 0; o < ORDERS; o++) {
            enum point_order order = (enum point_order)o;
            uint16_t words[4];
            struct decode_value v;
            if (!decode_type_has(cases[i].type, order))
                continue;
            put(cases[i].pattern, decode_type_words(cases[i].type), order, words);
            decode_value(cases[i].type, order, words, &v);
            assert_string_equal(v.text, cases[i].text);
        }
}

static void text_is_found(void **state)
{
    (void)state;
    static const uint16_t words[] = {0x505a, 0x454d, 0x2d30, 0x3136, 0x2056, 0x3130};
    struct decode_result r;
    decode_block(words, 6, 1, &r);
    assert_int_equal(r.type, DECODE_ASCII);
}

static void packed_decimals_are_found(void **state)
{
    (void)state;
    static const uint16_t words[] = {0x2301, 0x2297, 0x2310, 0x4998,
                                     0x9871, 0x5012, 0x3456, 0x7193};
    struct decode_result r;
    decode_block(words, 8, 1, &r);
    assert_int_equal(r.type, DECODE_BCD16);
}

static void a_value_that_looks_like_the_mains_is_named(void **state)
{
    (void)state;
    double scale;
    assert_string_equal(decode_hint(230.1, true, &scale)->name, "voltage");
    assert_true(scale == 1);
    assert_string_equal(decode_hint(2301, false, &scale)->name, "voltage");
    assert_true(scale == 0.1);
    assert_string_equal(decode_hint(4998, false, &scale)->name, "frequency");
    assert_null(decode_hint(17, false, &scale));
}

static void hexadecimal_words_are_read_as_people_write_them(void **state)
{
    (void)state;
    uint16_t words[4];
    struct err e = {0};
    assert_int_equal(decode_parse_hex(" 4366 199a\n", words, 4, &e), 2);
    assert_int_equal(words[1], 0x199a);
    assert_int_equal(decode_parse_hex("0x4366,0x199A", words, 4, &e), 2);
    assert_int_equal(decode_parse_hex("4366199A4247EB85", words, 4, &e), 4);
    assert_int_equal(words[3], 0xeb85);
    assert_int_equal(decode_parse_hex("", words, 4, &e), 0);
    assert_int_equal(decode_parse_hex("4366 19", words, 4, &e), ERR_INVALID);
    assert_int_equal(decode_parse_hex("4366 wxyz", words, 4, &e), ERR_INVALID);
    assert_int_equal(decode_parse_hex("1111 2222 3333 4444 5555", words, 4, &e), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_float_of_a_meter_names_its_order),
        cmocka_unit_test(measured_floats_of_many_digits_name_their_order),
        cmocka_unit_test(doubles_name_their_order),
        cmocka_unit_test(counters_name_their_order),
        cmocka_unit_test(a_counter_that_moves_names_its_order),
        cmocka_unit_test(small_negative_integers_name_their_order),
        cmocka_unit_test(single_registers_are_called_single),
        cmocka_unit_test(a_block_of_two_sorts_is_cut_where_they_meet),
        cmocka_unit_test(what_cannot_be_told_is_called_ambiguous),
        cmocka_unit_test(random_words_are_never_claimed_for_an_order),
        cmocka_unit_test(nothing_is_read_into_an_empty_block),
        cmocka_unit_test(every_type_reads_its_value_in_every_order),
        cmocka_unit_test(text_is_found),
        cmocka_unit_test(packed_decimals_are_found),
        cmocka_unit_test(a_value_that_looks_like_the_mains_is_named),
        cmocka_unit_test(hexadecimal_words_are_read_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
