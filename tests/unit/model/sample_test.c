/* Promise: names stay inside what topics, files and certificates can carry, and every quality and
 * cause survives being written and read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "model/name.h"
#include "model/sample.h"

static void names_are_lower_case_and_short(void **state)
{
    (void)state;
    static const char *const good[] = {"a",     "0",  "gw-1",
                                       "pm2-5", "a-", "12345678901234567890123456789012"};
    static const char *const bad[] = {
        "",    "-a",  "A", "a_b",      "a.b", "a/b",
        "a+b", "a b", "#", "\xc3\xa9", "a\n", "123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(name_valid(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(name_valid(bad[i]));
    assert_false(name_valid(NULL));
    assert_true(name_valid_n("gw-1/x", 4));
    assert_false(name_valid_n("gw-1/x", 5));
}

static void qualities_read_back(void **state)
{
    (void)state;
    enum quality q;
    for (unsigned i = 0; i <= QUALITY_BAD; i++) {
        assert_int_equal(quality_parse(quality_name((enum quality)i), &q), 0);
        assert_int_equal(q, i);
    }
    assert_int_equal(quality_parse("Good", &q), ERR_INVALID);
    assert_int_equal(quality_parse("", &q), ERR_INVALID);
}

static void causes_read_back(void **state)
{
    (void)state;
    enum cause c;
    uint8_t exception;
    char text[CAUSE_TEXT];
    for (unsigned i = CAUSE_TIMEOUT; i <= CAUSE_MAINTENANCE; i++) {
        assert_int_equal(cause_parse(cause_text((enum cause)i, 255, text), &c, &exception), 0);
        assert_int_equal(c, i);
        assert_int_equal(exception, i == CAUSE_EXCEPTION ? 255 : 0);
    }
    for (unsigned i = 1; i <= 255; i++) {
        cause_text(CAUSE_EXCEPTION, (uint8_t)i, text);
        assert_int_equal(cause_parse(text, &c, &exception), 0);
        assert_int_equal(exception, i);
    }
    static const char *const bad[] = {"",
                                      "good",
                                      "exception",
                                      "exception-",
                                      "exception-0",
                                      "exception-01",
                                      "exception-256",
                                      "exception-2x",
                                      "exception-9999999999",
                                      "Timeout"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(cause_parse(bad[i], &c, &exception), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_lower_case_and_short),
        cmocka_unit_test(qualities_read_back),
        cmocka_unit_test(causes_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
