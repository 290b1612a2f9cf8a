/* Promise: a pack says exactly what was sampled, an error is never a number, and a pack that breaks
 * its rules is refused with a reason a person understands and, where it can be read, its number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/pack.h"

#define BASE_MS INT64_C(1795000000123)

static const struct pack_head head = {
    .gateway = "gw-1",
    .epoch = 9007199254740993, /* 2^53 + 1: lost when read as a double */
    .seq = 7,
    .low = 1,
    .kind = PACK_DATA,
    .conf = "0123456789abcdef",
    .base = {BASE_MS},
};

#define HEAD                                                                                       \
    "\"bn\":\"urn:dev:ops:gw-1:\",\"bt\":1795000000.123,\"epoch\":\"9007199254740993\",\"seq\":"   \
    "\"7\",\"low\":\"1\",\"kind\":\"data\",\"conf\":\"0123456789abcdef\","

static struct sample number(double v, int64_t at_ms)
{
    return (struct sample){.at = {at_ms}, .value = {.type = VALUE_NUMBER, .number = v}};
}

static void writes_what_the_protocol_shows(void **state)
{
    (void)state;
    char memory[2048];
    struct pack_writer w;
    struct sample good = number(23.5, BASE_MS);
    struct sample unsure = number(-0.1, BASE_MS - 1);
    struct sample bad = {
        .quality = QUALITY_BAD, .cause = CAUSE_EXCEPTION, .exception = 2, .at = {BASE_MS + 250}};
    struct sample lamp = {.at = {BASE_MS + 3000}, .value = {.type = VALUE_BOOL, .boolean = true}};
    struct sample sign = {.at = {BASE_MS + 61005}, .value = {VALUE_STRING, .string = "\"Đèo\""}};
    unsure.quality = QUALITY_UNCERTAIN;
    pack_begin(&w, memory, sizeof(memory), &head);
    assert_int_equal(pack_add(&w, "air-1", "pm2-5", &good), 0);
    assert_int_equal(pack_add(&w, "air-1", "pm10", &unsure), 0);
    assert_int_equal(pack_add(&w, "air-1", "co", &bad), 0);
    assert_int_equal(pack_add(&w, "cab-1", "lamp", &lamp), 0);
    assert_int_equal(pack_add(&w, "vms-1", "text", &sign), 0);
    int64_t len = pack_end(&w);
    static const char expected[] =
        "[{" HEAD "\"n\":\"air-1/pm2-5\",\"t\":0,\"v\":23.5},"
        "{\"n\":\"air-1/pm10\",\"t\":-0.001,\"v\":-0.1,\"q\":\"uncertain\"},"
        "{\"n\":\"air-1/co/q\",\"t\":0.25,\"vs\":\"exception-2\"},"
        "{\"n\":\"cab-1/lamp\",\"t\":3,\"vb\":true},"
        "{\"n\":\"vms-1/text\",\"t\":61.005,\"vs\":\"\\\"Đèo\\\"\"}]";
    assert_int_equal(len, sizeof(expected) - 1);
    assert_memory_equal(memory, expected, sizeof(expected) - 1);
}

static void reads_back_every_millisecond_and_value(void **state)
{
    (void)state;
    static char memory[PACK_SIZE_MAX];
    struct rng rng;
    rng_init(&rng, 3);
    for (int round = 0; round < 20; round++) {
        struct pack_writer w;
        struct sample samples[200];
        struct pack_head h = head;
        h.base.ms = (int64_t)rng_below(&rng, 4133980799999);
        pack_begin(&w, memory, sizeof(memory), &h);
        for (size_t i = 0; i < 200; i++) {
            samples[i] =
                number((rng_unit(&rng) - 0.5) * 1e6, (int64_t)rng_below(&rng, 4133980799999));
            assert_int_equal(pack_add(&w, "d", "p", &samples[i]), 0);
        }
        struct pack p;
        struct pack_record r;
        struct err e = {0};
        int64_t len = pack_end(&w);
        if (pack_parse(memory, (size_t)len, "gw-1", &p, &e))
            fail_msg("%s", e.text);
        assert_int_equal(p.head.base.ms, h.base.ms);
        assert_int_equal(p.records, 200);
        int64_t latest = 0;
        for (size_t i = 0; i < 200; i++) {
            assert_int_equal(pack_next(&p, &r), 1);
            latest = r.at.ms > latest ? r.at.ms : latest;
            assert_int_equal(r.at.ms, samples[i].at.ms);
            assert_true(r.number == samples[i].value.number);
            assert_int_equal(r.quality, QUALITY_GOOD);
        }
        assert_int_equal(pack_next(&p, &r), 0);
        assert_int_equal(p.latest.ms, latest);
        pack_rewind(&p);
        assert_int_equal(pack_next(&p, &r), 1);
        assert_true(r.number == samples[0].value.number);
        pack_free(&p);
    }
}

static void a_full_pack_refuses_and_stays_whole(void **state)
{
    (void)state;
    static char memory[PACK_SIZE_MAX];
    struct sample s = number(1, BASE_MS);
    struct pack p;
    struct err e = {0};
    for (size_t cap = 1024; cap < 1100; cap++) {
        struct pack_writer w;
        pack_begin(&w, memory, cap, &head);
        while (pack_add(&w, "device", "point", &s) == 0)
            ;
        int64_t len = pack_end(&w);
        assert_true(len > 0 && (size_t)len <= cap);
        if (pack_parse(memory, (size_t)len, "gw-1", &p, &e))
            fail_msg("%s", e.text);
        assert_int_equal(p.records, w.records);
        pack_free(&p);
    }
}

static void holds_a_thousand_records_and_no_more(void **state)
{
    (void)state;
    static char memory[PACK_SIZE_MAX];
    struct pack_writer w;
    struct sample s = number(1, BASE_MS);
    struct pack p;
    struct err e = {0};
    pack_begin(&w, memory, sizeof(memory), &head);
    for (int i = 0; i < PACK_RECORDS_MAX; i++)
        assert_int_equal(pack_add(&w, "d", "p", &s), 0);
    assert_int_equal(pack_add(&w, "d", "p", &s), ERR_FULL);
    size_t len = (size_t)pack_end(&w);
    assert_int_equal(pack_parse(memory, len, "gw-1", &p, &e), 0);
    pack_free(&p);

    static const char one_more[] = ",{\"n\":\"d/p\",\"v\":1}]";
    memcpy(memory + len - 1, one_more, sizeof(one_more));
    len += sizeof(one_more) - 2;
    assert_int_equal(pack_parse(memory, len, "gw-1", &p, &e), ERR_LIMIT);
    assert_int_equal(p.head.seq, 7);
}

static void the_writer_refuses_what_no_reader_takes(void **state)
{
    (void)state;
    char memory[1024];
    struct pack_writer w;
    struct sample s = number(1.0 / 0.0, BASE_MS);
    pack_begin(&w, memory, sizeof(memory), &head);
    assert_int_equal(pack_add(&w, "d", "p", &s), ERR_INVALID);
    s = number(1, -1);
    assert_int_equal(pack_add(&w, "d", "p", &s), ERR_INVALID);
    s = number(1, 4133980800000);
    assert_int_equal(pack_add(&w, "d", "p", &s), ERR_INVALID);
    assert_int_equal(pack_end(&w), ERR_INVALID); /* a pack without a record */
}

static void a_bad_sample_has_a_cause_and_no_value(void **state)
{
    (void)state;
    static const char body[] = "[{" HEAD "\"n\":\"a/b/q\",\"vs\":\"exception-6\"},"
                               "{\"n\":\"a/b\",\"vb\":false,\"q\":\"maintenance\"},"
                               "{\"n\":\"a/c\",\"vs\":\"timeout\",\"note\":{\"x\":[1]}}]";
    struct pack p;
    struct pack_record r;
    struct err e = {0};
    if (pack_parse(body, sizeof(body) - 1, "gw-1", &p, &e))
        fail_msg("%s", e.text);
    assert_int_equal(p.head.epoch, 9007199254740993);
    assert_int_equal(p.head.kind, PACK_DATA);
    assert_int_equal(pack_next(&p, &r), 1);
    assert_string_equal(r.device, "a");
    assert_string_equal(r.point, "b");
    assert_int_equal(r.quality, QUALITY_BAD);
    assert_int_equal(r.cause, CAUSE_EXCEPTION);
    assert_int_equal(r.exception, 6);
    assert_int_equal(r.type, VALUE_NONE);
    assert_null(r.string);
    assert_int_equal(pack_next(&p, &r), 1);
    assert_int_equal(r.type, VALUE_BOOL);
    assert_false(r.boolean);
    assert_int_equal(r.quality, QUALITY_MAINTENANCE);
    assert_int_equal(pack_next(&p, &r), 1);
    assert_int_equal(r.type, VALUE_STRING); /* a text that happens to read like a cause is a text */
    assert_string_equal(r.string, "timeout");
    assert_int_equal(r.quality, QUALITY_GOOD);
    pack_free(&p);
}

static void gaps_events_and_descriptions_travel_as_packs(void **state)
{
    (void)state;
    char memory[2048];
    struct pack_writer w;
    struct pack_head h = head;
    struct pack p;
    struct pack_record r;
    struct err e = {0};
    struct pack_gap gap = {.epoch = 3,
                           .from = 5,
                           .to = 9,
                           .cause = "evicted",
                           .first = {BASE_MS - 90000001},
                           .last = {BASE_MS},
                           .count = 120};
    struct pack_gap unknown = {.epoch = 4, .from = 1, .to = 1, .cause = "corrupt"};
    struct pack_gap back;
    h.kind = PACK_GAP;
    pack_begin(&w, memory, sizeof(memory), &h);
    assert_int_equal(pack_add_gap(&w, &gap), 0);
    assert_int_equal(pack_add_gap(&w, &unknown), 0);
    int64_t len = pack_end(&w);
    if (pack_parse(memory, (size_t)len, "gw-1", &p, &e))
        fail_msg("%s", e.text);
    assert_int_equal(pack_next(&p, &r), 1);
    assert_string_equal(r.device, "");
    assert_int_equal(pack_record_gap(&r, &back), 0);
    assert_int_equal(back.epoch, 3);
    assert_int_equal(back.from, 5);
    assert_int_equal(back.to, 9);
    assert_string_equal(back.cause, "evicted");
    assert_int_equal(back.first.ms, gap.first.ms);
    assert_int_equal(back.last.ms, gap.last.ms);
    assert_int_equal(back.count, 120);
    assert_int_equal(pack_next(&p, &r), 1);
    assert_int_equal(pack_record_gap(&r, &back), 0);
    assert_int_equal(back.epoch, 4);
    assert_int_equal(back.first.ms, 0);
    assert_int_equal(back.count, 0);
    pack_free(&p);

    h.kind = PACK_DESCRIPTION;
    pack_begin(&w, memory, sizeof(memory), &h);
    assert_int_equal(pack_add_string(&w, "air-1", (struct clk_utc){BASE_MS}, "{\"points\":[]}"), 0);
    len = pack_end(&w);
    assert_int_equal(pack_parse(memory, (size_t)len, "gw-1", &p, &e), 0);
    assert_int_equal(p.head.kind, PACK_DESCRIPTION);
    assert_int_equal(pack_next(&p, &r), 1);
    assert_string_equal(r.device, "air-1");
    assert_string_equal(r.point, "");
    assert_string_equal(r.string, "{\"points\":[]}");
    pack_free(&p);
}

struct refusal {
    const char *body;
    int code;
    uint64_t seq; /* known in spite of the error */
    const char *why;
};

#define RECORD ",\"n\":\"a/b\",\"v\":1}"
#define GW     "\"bn\":\"urn:dev:ops:gw-1:\","
#define REST   "\"kind\":\"data\",\"conf\":\"0123456789abcdef\",\"bt\":1"
#define NUMBER "\"epoch\":\"1\",\"seq\":\"2\",\"low\":\"1\","

static const struct refusal refusals[] = {
    {"", ERR_INVALID, 0, ""},
    {"{}", ERR_INVALID, 0, "a pack must be an array"},
    {"[]", ERR_INVALID, 0, "has no records"},
    {"[1]", ERR_INVALID, 0, "record 1: is of type number, not an object"},
    {"[{" NUMBER REST RECORD "]", ERR_INVALID, 2, "bn must be urn:dev:ops:{gateway}:"},
    {"[{\"bn\":\"urn:dev:ops:gw-1\"," NUMBER REST RECORD "]", ERR_INVALID, 2, "bn must be"},
    {"[{\"bn\":\"urn:dev:ops:gw-1:x\"," NUMBER REST RECORD "]", ERR_INVALID, 2, "bn must be"},
    {"[{\"bn\":\"urn:dev:ops:gw-2:\"," NUMBER REST RECORD "]", ERR_DENIED, 2,
     "bn is of \"gw-2\", the topic of \"gw-1\""},
    {"[{" GW "\"epoch\":1,\"seq\":\"2\",\"low\":\"1\"," REST RECORD "]", ERR_INVALID, 2,
     "epoch must be a decimal string from 1 to 2^63-1"},
    {"[{" GW "\"epoch\":\"1\",\"seq\":\"9223372036854775808\",\"low\":\"1\"," REST RECORD "]",
     ERR_INVALID, 0, "seq must be a decimal string"},
    {"[{" GW "\"epoch\":\"0\",\"seq\":\"2\",\"low\":\"1\"," REST RECORD "]", ERR_INVALID, 2,
     "epoch must be"},
    {"[{" GW "\"epoch\":\"1\",\"seq\":\"2\",\"low\":\"3\"," REST RECORD "]", ERR_INVALID, 2,
     "low 3 is above seq 2"},
    {"[{" GW NUMBER "\"conf\":\"0123456789abcdef\",\"bt\":1" RECORD "]", ERR_INVALID, 2,
     "kind must be a string"},
    {"[{" GW NUMBER "\"kind\":\"x\",\"conf\":\"0123456789abcdef\",\"bt\":1" RECORD "]", ERR_INVALID,
     2, "kind \"x\" is unknown"},
    {"[{" GW NUMBER "\"kind\":\"data\",\"conf\":\"0123456789ABCDEF\",\"bt\":1" RECORD "]",
     ERR_INVALID, 2, "conf must be 16 lower-case"},
    {"[{" GW NUMBER "\"kind\":\"data\",\"conf\":\"0123456789abcdef\",\"bt\":-1" RECORD "]",
     ERR_INVALID, 2, "bt is outside the years 1970 to 2100"},
    {"[{" GW NUMBER "\"kind\":\"data\",\"conf\":\"0123456789abcdef\",\"bt\":4133980800" RECORD "]",
     ERR_INVALID, 2, "1970 to 2100"},
    {"[{" GW NUMBER "\"bt_\":1," REST RECORD "]", ERR_INVALID, 2,
     "must-understand field bt_ is unknown"},
    {"[{\"bu\":\"Cel\"," GW NUMBER REST RECORD "]", ERR_INVALID, 2,
     "SenML field bu is not used in packs"},
    {"[{" GW NUMBER REST RECORD ",{\"bt\":1,\"n\":\"a/b\",\"v\":1}]", ERR_INVALID, 2,
     "record 2: bt may stand in the first record only"},
    {"[{" GW NUMBER REST RECORD ",{\"seq\":\"9\",\"n\":\"a/b\",\"v\":1}]", ERR_INVALID, 2,
     "record 2: seq may stand in the first record only"},
    {"[{" GW NUMBER REST "}]", ERR_INVALID, 2, "record 1: n must be"},
    {"[{" GW NUMBER REST ",\"n\":\"a\",\"v\":1}]", ERR_INVALID, 2, "n has no point"},
    {"[{" GW NUMBER REST ",\"n\":\"A/b\",\"v\":1}]", ERR_INVALID, 2, "n must be"},
    {"[{" GW NUMBER REST ",\"n\":\"a/b/c\",\"v\":1}]", ERR_INVALID, 2, "n must be"},
    {"[{" GW NUMBER REST ",\"n\":\"a/b/\",\"v\":1}]", ERR_INVALID, 2, "n must be"},
    {"[{" GW NUMBER REST ",\"n\":\"a/b\"}]", ERR_INVALID, 2, "exactly one of v, vb and vs"},
    {"[{" GW NUMBER REST ",\"n\":\"a/b\",\"v\":1,\"vb\":true}]", ERR_INVALID, 2, "exactly one"},
    {"[{" GW NUMBER REST ",\"n\":\"a/b\",\"v\":\"1\"}]", ERR_INVALID, 2, "v must be a finite"},
    {"[{" GW NUMBER REST ",\"n\":\"a/b\",\"vb\":1}]", ERR_INVALID, 2, "vb must be true or false"},
    {"[{" GW NUMBER REST ",\"n\":\"a/b\",\"vs\":1}]", ERR_INVALID, 2, "vs must be a string"},
    {"[{" GW NUMBER REST ",\"n\":\"a/b\",\"v\":1,\"q\":\"good\"}]", ERR_INVALID, 2,
     "q must be substituted, uncertain, maintenance or calibration"},
    {"[{" GW NUMBER REST ",\"n\":\"a/b\",\"v\":1,\"q\":\"bad\"}]", ERR_INVALID, 2, "q must be"},
    {"[{" GW NUMBER REST ",\"n\":\"a/b/q\",\"v\":1}]", ERR_INVALID, 2, "a bad sample needs"},
    {"[{" GW NUMBER REST ",\"n\":\"a/b/q\",\"vs\":\"broken\"}]", ERR_INVALID, 2,
     "a bad sample needs"},
    {"[{" GW NUMBER REST ",\"n\":\"a/b\",\"t\":\"1\",\"v\":1}]", ERR_INVALID, 2,
     "t must be a number of seconds"},
    {"[{" GW NUMBER REST ",\"n\":\"a/b\",\"t\":-2,\"v\":1}]", ERR_INVALID, 2,
     "its time is outside the years 1970 to 2100"},
    {"[{" GW NUMBER REST ",\"n\":\"a/b\",\"t\":1e300,\"v\":1}]", ERR_INVALID, 2, "t is outside"},
    {"[{" GW NUMBER REST ",\"n\":\"a/b\",\"vs\":"
     "\"0123456789012345678901234567890123456789012345678901234567890123\"}]",
     ERR_INVALID, 2, "vs is longer than 63 bytes"},
    {"[{" GW NUMBER "\"kind\":\"gap\",\"conf\":\"0123456789abcdef\",\"bt\":1,\"n\":\"gap\","
     "\"vs\":\"evicted\",\"lost\":\"1\",\"from\":\"9\",\"to\":\"5\"}]",
     ERR_INVALID, 2, "from is above to"},
    {"[{" GW NUMBER "\"kind\":\"gap\",\"conf\":\"0123456789abcdef\",\"bt\":1,\"n\":\"a\","
     "\"vs\":\"evicted\",\"lost\":\"1\",\"from\":\"1\",\"to\":\"5\"}]",
     ERR_INVALID, 2, "n must be gap in a gap pack"},
    {"[{" GW NUMBER "\"kind\":\"description\",\"conf\":\"0123456789abcdef\",\"bt\":1" RECORD "]",
     ERR_INVALID, 2, "n must be the device alone"},
};

static void each_refusal_says_why_and_for_which_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *x = &refusals[i];
        struct pack p;
        struct err e = {0};
        int rc = pack_parse(x->body, strlen(x->body), "gw-1", &p, &e);
        if (rc != x->code || !strstr(e.text, x->why) || p.head.seq != x->seq)
            fail_msg("%s\n  gave %d \"%s\" seq %llu", x->body, rc, e.text,
                     (unsigned long long)p.head.seq);
        assert_null(p.doc);
    }
}

static void every_reason_fits_an_ack(void **state)
{
    (void)state;
    static const char body[] =
        "[{\"bn\":\"urn:dev:ops:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:\"," NUMBER REST RECORD "]";
    struct pack p;
    struct err e = {0};
    assert_int_equal(pack_parse(body, sizeof(body) - 1, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", &p, &e),
                     ERR_DENIED);
    assert_true(strlen(e.text) < PACK_REASON_SIZE);
    assert_non_null(strstr(e.text, "bbbbbbbbbbbbbbb"));

    static const char unknown[] = "[{" GW NUMBER "\"kind\":\"xĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐ\"" RECORD "]";
    assert_int_equal(pack_parse(unknown, sizeof(unknown) - 1, "gw-1", &p, &e), ERR_INVALID);
    for (const char *c = e.text; *c; c++) /* a cut letter would grow when the ack is written */
        assert_true(*c >= ' ' && *c <= '~');
}

static void too_large_a_body_is_refused_unread(void **state)
{
    (void)state;
    static char body[PACK_SIZE_MAX + 1];
    struct pack p;
    struct err e = {0};
    memset(body, '[', sizeof(body));
    assert_int_equal(pack_parse(body, sizeof(body), "gw-1", &p, &e), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_the_protocol_shows),
        cmocka_unit_test(reads_back_every_millisecond_and_value),
        cmocka_unit_test(a_full_pack_refuses_and_stays_whole),
        cmocka_unit_test(holds_a_thousand_records_and_no_more),
        cmocka_unit_test(the_writer_refuses_what_no_reader_takes),
        cmocka_unit_test(a_bad_sample_has_a_cause_and_no_value),
        cmocka_unit_test(gaps_events_and_descriptions_travel_as_packs),
        cmocka_unit_test(each_refusal_says_why_and_for_which_number),
        cmocka_unit_test(every_reason_fits_an_ack),
        cmocka_unit_test(too_large_a_body_is_refused_unread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
