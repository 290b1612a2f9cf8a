/* Promise: a text is given in the language asked for when there is a translation, in English
 * otherwise, and no catalogue, however damaged, makes it anything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

#define PAIRS 3

static const char *const pairs[PAIRS][2] = {
    {"", "Language: vi\n"}, {"buses", "tuyến"}, {"devices", "thiết bị"}}; /* sorted */

static void put_word(uint8_t *at, size_t n)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(n >> 8 * i);
}

/* A .mo file of the pairs, as msgfmt writes one. */
static size_t write_catalogue(uint8_t *out)
{
    size_t at = 28 + PAIRS * 16;
    put_word(out, 0x950412de);
    put_word(out + 4, 0);
    put_word(out + 8, PAIRS);
    put_word(out + 12, 28);
    put_word(out + 16, 28 + PAIRS * 8);
    put_word(out + 20, 0);
    put_word(out + 24, 0);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < PAIRS; i++) {
            uint8_t *entry = out + 28 + k * PAIRS * 8 + i * 8;
            size_t len = strlen(pairs[i][k]);
            put_word(entry, len);
            put_word(entry + 4, at);
            memcpy(out + at, pairs[i][k], len + 1);
            at += len + 1;
        }
    return at;
}

static int teardown(void **state)
{
    (void)state;
    text_finish();
    return 0;
}

static void a_text_is_translated_when_the_catalogue_has_it(void **state)
{
    uint8_t mo[512];
    (void)state;
    assert_int_equal(text_load(mo, write_catalogue(mo), NULL), 0);
    assert_string_equal(text_get("buses"), "tuyến");
    assert_string_equal(text_get("devices"), "thiết bị");
    assert_string_equal(text_get("alarms"), "alarms");
    assert_string_equal(text_get("zones"), "zones");
    assert_string_equal(text_get(""), "");
}

static void without_a_catalogue_everything_is_english(void **state)
{
    (void)state;
    assert_string_equal(text_get("buses"), "buses");
    assert_string_equal(text_language(), "en");
}

static void a_damaged_catalogue_is_refused_or_harmless(void **state)
{
    uint8_t mo[512], damaged[512];
    (void)state;
    size_t len = write_catalogue(mo);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(text_load(mo, cut, NULL), ERR_CORRUPT);
    for (size_t at = 0; at < len; at++) {
        memcpy(damaged, mo, len);
        damaged[at] ^= 0xff;
        if (text_load(damaged, len, NULL) == 0)
            assert_non_null(text_get("devices"));
    }
}

static void a_language_nobody_translated_is_refused_only_when_asked_for(void **state)
{
    struct err e = {0};
    (void)state;
    assert_int_equal(text_init("tlh", &e), ERR_NOTFOUND);
    assert_non_null(strstr(e.text, "tlh"));
    assert_int_equal(text_init("-", &e), ERR_NOTFOUND);
    setenv("LANGUAGE", "tlh", 1);
    assert_int_equal(text_init(NULL, &e), 0);
    setenv("LANGUAGE", "C", 1);
    assert_int_equal(text_init(NULL, &e), 0);
    assert_int_equal(text_init("en", &e), 0);
    unsetenv("LANGUAGE");
}

static void columns_count_characters_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(text_columns("buses"), 5);
    assert_int_equal(text_columns("thiết bị"), 8);
    assert_int_equal(text_columns("e\xcc\x81"), 1);
    assert_int_equal(text_columns(""), 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_text_is_translated_when_the_catalogue_has_it),
        TEST(without_a_catalogue_everything_is_english),
        TEST(a_damaged_catalogue_is_refused_or_harmless),
        TEST(a_language_nobody_translated_is_refused_only_when_asked_for),
        TEST(columns_count_characters_not_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
