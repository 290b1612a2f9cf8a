/* Promise: the collector reads from a description exactly what the gateway wrote, and refuses a
 * broken one with the member's name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/description.h"

static void what_is_written_is_read(void **state)
{
    (void)state;
    char text[1024];
    struct buf b;
    struct description d;
    struct err e = {0};
    struct point pm = {.name = "pm2-5", .kind = kind_find("pm2_5")};
    struct point k1 = {.name = "k1", .kind = kind_find("lamp_command")};
    buf_init(&b, text, sizeof(text));
    description_begin(&b, "air-1", "renke-rs-fsxcs");
    description_add(&b, &pm, 1000);
    description_add(&b, &k1, 250);
    description_end(&b);
    assert_false(b.overflow);
    if (description_parse(text, b.len, &d, &e))
        fail_msg("%s: %s", buf_cstr(&b), e.text);
    assert_string_equal(d.device, "air-1");
    assert_string_equal(d.profile, "renke-rs-fsxcs");
    assert_int_equal(d.point_count, 2);
    assert_string_equal(d.points[0].name, "pm2-5");
    assert_string_equal(d.points[0].kind, "pm2_5");
    assert_string_equal(d.points[0].unit, "ug/m3");
    assert_int_equal(d.points[0].period_ms, 1000);
    assert_int_equal(d.points[1].type, KIND_BOOL);
    description_free(&d);
    char hash[HASH64_TEXT_SIZE], other[HASH64_TEXT_SIZE];
    description_hash(text, b.len, hash);
    description_hash(text, b.len - 1, other);
    assert_int_equal(strlen(hash), 16);
    assert_string_not_equal(hash, other);
    description_hash("a", 1, hash);
    assert_string_equal(hash, "af63dc4c8601ec8c"); /* the published FNV-1a of "a" */
}

static void the_largest_device_fits(void **state)
{
    (void)state;
    static char text[DESCRIPTION_SIZE_MAX];
    struct buf b;
    struct description d;
    struct err e = {0};
    struct point p = {.kind = kind_find("enclosure_temperature")};
    buf_init(&b, text, sizeof(text));
    description_begin(&b, "d", "p");
    for (int i = 0; i < PROFILE_POINTS_MAX; i++) {
        snprintf(p.name, sizeof(p.name), "%032d", i);
        description_add(&b, &p, 86400000);
    }
    description_end(&b);
    assert_false(b.overflow);
    assert_int_equal(description_parse(text, b.len, &d, &e), 0);
    assert_int_equal(d.point_count, PROFILE_POINTS_MAX);
    description_free(&d);
}

#define POINT "{\"name\":\"a\",\"kind\":\"k\",\"unit\":\"u\",\"type\":\"number\",\"period_ms\":1}"

static void a_newer_gateway_may_say_more(void **state)
{
    (void)state;
    struct description d;
    const char *text = "{\"v\":2,\"device\":\"a\",\"profile\":\"b\",\"points\":[" POINT "]}";
    assert_int_equal(description_parse(text, strlen(text), &d, NULL), 0);
    assert_string_equal(d.points[0].kind, "k");
    description_free(&d);
}

static void broken_descriptions_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"", "line 1"},
        {"[]", "device is missing"},
        {"{\"device\":\"A\"}", "device \"A\" is no name"},
        {"{\"device\":\"a\",\"profile\":1}", "profile is missing or no string"},
        {"{\"device\":\"a\",\"profile\":\"b\"}", "points is missing"},
        {"{\"device\":\"a\",\"profile\":\"b\",\"points\":[1]}", "points[0]: name is missing"},
        {"{\"device\":\"a\",\"profile\":\"b\",\"points\":[" POINT "," POINT "]}",
         "points[1]: name \"a\" stands twice"},
        {"{\"device\":\"a\",\"profile\":\"b\",\"points\":[{\"name\":\"a\",\"kind\":\"k\","
         "\"unit\":\"u\",\"type\":\"int\",\"period_ms\":1}]}",
         "points[0]: type \"int\" is none of"},
        {"{\"device\":\"a\",\"profile\":\"b\",\"points\":[{\"name\":\"a\",\"kind\":\"k\","
         "\"unit\":\"u\",\"type\":\"bool\",\"period_ms\":0}]}",
         "points[0]: period_ms is missing"},
        {"{\"device\":\"a\",\"profile\":\"b\",\"points\":[{\"name\":\"a\",\"kind\":\"k\","
         "\"unit\":\"0123456789abcdef\"}]}",
         "points[0]: unit is longer than 15 bytes"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct description d;
        struct err e = {0};
        assert_int_equal(description_parse(bad[i][0], strlen(bad[i][0]), &d, &e), ERR_INVALID);
        if (!strstr(e.text, bad[i][1]))
            fail_msg("\"%s\" does not say \"%s\"", e.text, bad[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_largest_device_fits),
        cmocka_unit_test(a_newer_gateway_may_say_more),
        cmocka_unit_test(broken_descriptions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
