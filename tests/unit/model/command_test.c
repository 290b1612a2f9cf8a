/* Promise: an order means what the operator signed or is refused with the member that was wrong;
 * nothing of it is guessed, rounded or passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "model/command.h"

#define HEAD "{\"v\":1,\"id\":\"c1\",\"gateway\":\"pole-17\",\"target\":\"cabinet-1/k1\","
#define TAIL "\"nonce\":\"5f1c9b7e\",\"counter\":\"12\"}"
#define SET  HEAD "\"action\":\"set\","

static void targets_are_a_point_or_a_group(void **state)
{
    (void)state;
    static const char *const good[] = {"cabinet-1/k1", "group-1", "a/b"};
    static const char *const bad[] = {"", "/", "a/", "/b", "a/b/c", "A/b", "a b", "a/*"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(command_target_valid(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(command_target_valid(bad[i]));
}

static void refused(const char *payload, const char *why)
{
    struct command c;
    struct err e = {0};
    int rc = command_decode(payload, strlen(payload), &c, &e);
    if (rc == 0 || !strstr(e.text, why))
        fail_msg("%s\n  gave %d \"%s\", not \"%s\"", payload, rc, e.text, why);
}

static void a_refusal_names_the_member(void **state)
{
    (void)state;
    refused("", "line 1");
    refused("{\"v\":2}", "version 2 is unknown");
    refused(SET TAIL, "value must be true, false or a number");
    refused(SET "\"value\":\"on\"," TAIL, "value must be true, false or a number");
    refused(SET "\"value\":null," TAIL, "value must be");
    refused(SET "\"value\":1e999," TAIL, "");
    refused(SET "\"value\":true,\"value\":false," TAIL, "value");
    refused(SET "\"value\":true,\"fade_s\":5," TAIL, "'fade_s' is no member");
    refused(SET "\"value\":true,\"hold_s\":604801," TAIL, "hold_s must be at most 604800");
    refused(SET "\"value\":true,\"hold_s\":-1," TAIL, "hold_s must be a whole number");
    refused(SET "\"value\":true,\"hold_s\":1.5," TAIL, "hold_s must be a whole number");
    refused(HEAD "\"action\":\"toggle\",\"value\":true," TAIL, "\"toggle\" is unknown");
    refused(HEAD "\"action\":\"release\",\"value\":true," TAIL, "a release takes neither");
    refused(HEAD "\"action\":\"release\",\"hold_s\":5," TAIL, "a release takes neither");
    refused(SET "\"value\":true,\"nonce\":\"n\",\"counter\":12}", "counter must be");
    refused(SET "\"value\":true,\"nonce\":\"n\",\"counter\":\"0\"}", "counter must be");
    refused(SET "\"value\":true,\"nonce\":\"n\",\"counter\":\"9223372036854775808\"}",
            "counter must be");
    refused(SET "\"value\":true,\"nonce\":\"\",\"counter\":\"1\"}", "nonce must be");
    refused(SET "\"value\":true,\"counter\":\"1\"}", "nonce is missing");
    refused(
        "{\"v\":1,\"id\":\"a b\",\"gateway\":\"g\",\"target\":\"t\",\"action\":\"release\"," TAIL,
        "id must be");
    refused("{\"v\":1,\"id\":\"a\",\"gateway\":\"G\",\"target\":\"t\",\"action\":\"release\"," TAIL,
            "gateway must be a name");
    refused(
        "{\"v\":1,\"id\":\"a\",\"gateway\":\"g\",\"target\":\"a/b/c\",\"action\":\"release\"," TAIL,
        "target must be");
    char big[COMMAND_SIZE_MAX + 2];
    memset(big, ' ', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    refused(big, "at most 2048");
}

static void a_dimming_step_keeps_its_digits(void **state)
{
    (void)state;
    static const char text[] = SET "\"value\":0.1,\"hold_s\":604800," TAIL;
    struct command c;
    struct err e = {0};
    if (command_decode(text, strlen(text), &c, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(c.value.type, VALUE_NUMBER);
    assert_true(c.value.number == 0.1);
    assert_int_equal(c.hold_s, COMMAND_HOLD_MAX_S);
    assert_int_equal(c.counter, 12);
}

/* Whatever is in it, a command of the longest names fits into a signed text. */
static void the_longest_command_fits_when_signed(void **state)
{
    (void)state;
    struct command c = {.action = COMMAND_SET,
                        .value = {VALUE_NUMBER, .number = -2.2250738585072014e-308},
                        .hold_s = COMMAND_HOLD_MAX_S,
                        .counter = INT64_MAX};
    memset(c.id, 'i', sizeof(c.id) - 1);
    memset(c.gateway, 'g', sizeof(c.gateway) - 1);
    memset(c.target, 't', 2 * NAME_MAX_LEN + 1);
    c.target[NAME_MAX_LEN] = '/';
    memset(c.nonce, 'n', sizeof(c.nonce) - 1);
    char payload[COMMAND_SIZE_MAX], text[COMMAND_SIZE_MAX], kid[JWS_KID_SIZE] = "";
    uint8_t signature[JWS_SIGNATURE_SIZE] = {0};
    struct buf p, t;
    buf_init(&p, payload, sizeof(payload));
    buf_init(&t, text, sizeof(text));
    memset(kid, 'k', sizeof(kid) - 1);
    assert_int_equal(command_encode(&c, &p), 0);
    assert_int_equal(jws_open(&t, kid, p.data, p.len, NULL), 0);
    jws_seal(&t, signature);
    assert_false(t.overflow);
    assert_int_equal(command_decode(p.data, p.len, &c, NULL), 0);
    assert_true(c.value.number == -2.2250738585072014e-308);
}

static void a_result_says_what_was_read_back(void **state)
{
    (void)state;
    static const char text[] = "{\"v\":1,\"id\":\"c1\",\"result\":\"mismatched\",\"value\":false,"
                               "\"from_a_newer_version\":1}";
    struct command_result r;
    assert_int_equal(command_result_decode(text, strlen(text), &r, NULL), 0);
    assert_int_equal(r.outcome, COMMAND_MISMATCHED);
    assert_int_equal(r.value.type, VALUE_BOOL);
    assert_false(r.value.boolean);
    assert_string_equal(r.operator_name, "");
    static const char none[] = "{\"v\":1,\"result\":\"refused\",\"reason\":\"not signed\"}";
    assert_int_equal(command_result_decode(none, strlen(none), &r, NULL), 0);
    assert_int_equal(r.value.type, VALUE_NONE);
    assert_string_equal(r.id, "");
    static const char bad[] = "{\"v\":1,\"result\":\"maybe\"}";
    assert_int_equal(command_result_decode(bad, strlen(bad), &r, NULL), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_a_point_or_a_group),
        cmocka_unit_test(a_refusal_names_the_member),
        cmocka_unit_test(a_dimming_step_keeps_its_digits),
        cmocka_unit_test(the_longest_command_fits_when_signed),
        cmocka_unit_test(a_result_says_what_was_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
