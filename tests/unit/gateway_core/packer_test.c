/* Promise: every sample is in exactly one pack; packs are numbered without a hole and read back as
 * they were written; a pack closes in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "gateway/core/packer.h"

static struct packer packer;

static void start(int64_t age_ms, unsigned records_max)
{
    packer_init(&packer, "air-01", "00000000000000aa", 42, age_ms, records_max);
}

static struct sample number(double v, int64_t at_ms)
{
    return (struct sample){.at = {at_ms}, .value = {.type = VALUE_NUMBER, .number = v}};
}

static unsigned records_of(const struct packed *packed, uint64_t seq, enum pack_kind kind)
{
    struct pack pack;
    struct pack_record r;
    struct err e = {0};
    if (pack_parse(packed->bytes, packed->len, "air-01", &pack, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(pack.head.epoch, 42);
    assert_int_equal(pack.head.seq, seq);
    assert_int_equal(pack.head.kind, kind);
    unsigned n = 0;
    while (pack_next(&pack, &r) == 1)
        n++;
    pack_free(&pack);
    return n;
}

static void closes_by_age(void **state)
{
    (void)state;
    start(1000, 200);
    assert_int_equal(packer_due(&packer).ms, CLK_NEVER.ms);
    struct sample s = number(1, 5000);
    assert_int_equal(packer_add(&packer, "air", "pm2-5", &s, (struct clk_mono){100}), 0);
    s.at.ms = 4000; /* out of order: the pack's span grows to both sides */
    assert_int_equal(packer_add(&packer, "air", "pm10", &s, (struct clk_mono){900}), 0);
    assert_int_equal(packer_due(&packer).ms, 1100);
    struct packed out;
    assert_true(packer_take(&packer, &out));
    assert_int_equal(out.samples, 2);
    assert_int_equal(out.first.ms, 4000);
    assert_int_equal(out.last.ms, 5000);
    assert_int_equal(records_of(&out, 1, PACK_DATA), 2);
    assert_false(packer_take(&packer, &out));
}

static void the_rest_of_a_burst_does_not_wait_for_the_next_one(void **state)
{
    (void)state;
    start(1000, 200);
    struct sample s = number(1, 5000);
    int64_t at_ms = 100;
    for (int i = 1; i < PACKER_QUIET_RECORDS; i++)
        assert_int_equal(packer_add(&packer, "air", "pm2-5", &s, (struct clk_mono){at_ms}), 0);
    assert_int_equal(packer_due(&packer).ms, 1100); /* few: they share a pack with what comes */
    for (at_ms = 101; at_ms < 110; at_ms++) {
        assert_int_equal(packer_add(&packer, "air", "pm2-5", &s, (struct clk_mono){at_ms}), 0);
        assert_int_equal(packer_due(&packer).ms, at_ms + PACKER_QUIET_MS);
    }
    assert_int_equal(packer_add(&packer, "air", "pm2-5", &s, (struct clk_mono){1099}), 0);
    assert_int_equal(packer_due(&packer).ms, 1100); /* its age still holds */
}

static void is_due_at_once_when_full_and_refuses_more(void **state)
{
    (void)state;
    start(1000, 3);
    struct sample s = number(1, 5000);
    for (int i = 0; i < 3; i++)
        assert_int_equal(packer_add(&packer, "air", "pm2-5", &s, (struct clk_mono){100}), 0);
    assert_int_equal(packer_due(&packer).ms, 100);
    assert_int_equal(packer_add(&packer, "air", "pm2-5", &s, (struct clk_mono){100}), ERR_FULL);
}

static void no_sample_is_lost_between_packs(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 7);
    start(1000, 1000);
    unsigned added = 0, packed = 0;
    uint64_t seq = 0;
    struct packed out;
    for (int i = 0; i < 20000; i++) {
        char point[NAME_SIZE];
        snprintf(point, sizeof(point), "point-%llu", (unsigned long long)rng_below(&rng, 100000));
        struct sample s = number(rng_unit(&rng) * 1e6, 1000000 + i);
        int rc = packer_add(&packer, "a-device-with-a-rather-long-name", point, &s,
                            (struct clk_mono){i});
        if (rc == ERR_FULL) {
            assert_true(packer_take(&packer, &out));
            packed += records_of(&out, ++seq, PACK_DATA);
            rc = packer_add(&packer, "a-device-with-a-rather-long-name", point, &s,
                            (struct clk_mono){i});
        }
        assert_int_equal(rc, 0);
        added++;
    }
    assert_true(packer_take(&packer, &out));
    packed += records_of(&out, ++seq, PACK_DATA);
    assert_int_equal(packed, added);
    assert_true(seq > 20);
}

static void other_kinds_share_the_numbering_and_tell_low(void **state)
{
    (void)state;
    start(1000, 10);
    struct packed out;
    struct clk_utc at = {1000};
    assert_int_equal(packer_description(&packer, "air", "{\"v\":1}", at, &out), 0);
    assert_int_equal(records_of(&out, 1, PACK_DESCRIPTION), 1);
    assert_int_equal(packer_event(&packer, "uplink", "an ack beyond what was sent", at, &out), 0);
    assert_int_equal(records_of(&out, 2, PACK_EVENT), 1);
    const struct pack_gap gap = {
        .epoch = 41, .from = 3, .to = 9, .cause = "evicted", .first = at, .last = at, .count = 70};
    size_t told;
    packer_set_low(&packer, 2);
    assert_int_equal(packer_gaps(&packer, &gap, 1, at, &out, &told), 0);
    assert_int_equal(told, 1);
    assert_int_equal(records_of(&out, 3, PACK_GAP), 1);
    struct pack pack;
    assert_int_equal(pack_parse(out.bytes, out.len, "air-01", &pack, NULL), 0);
    assert_int_equal(pack.head.low, 2);
    pack_free(&pack);
}

static void a_description_too_long_is_refused_and_costs_no_number(void **state)
{
    (void)state;
    static char json[PACK_SIZE_MAX + 10];
    memset(json, 'x', sizeof(json) - 1);
    start(1000, 10);
    struct packed out;
    assert_int_equal(packer_description(&packer, "air", json, (struct clk_utc){1}, &out),
                     ERR_LIMIT);
    assert_int_equal(packer_event(&packer, "uplink", "text", (struct clk_utc){1}, &out), 0);
    assert_int_equal(out.seq, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closes_by_age),
        cmocka_unit_test(the_rest_of_a_burst_does_not_wait_for_the_next_one),
        cmocka_unit_test(is_due_at_once_when_full_and_refuses_more),
        cmocka_unit_test(no_sample_is_lost_between_packs),
        cmocka_unit_test(other_kinds_share_the_numbering_and_tell_low),
        cmocka_unit_test(a_description_too_long_is_refused_and_costs_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
