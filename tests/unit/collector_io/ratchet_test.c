/* Promise: a number a key has signed under is never given out again: not after a clock that fell
 * back, not to two programs at once, not when its file is damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/io/ratchet.h"
#include "io/fsx.h"

static char dir[] = "/tmp/ratchet-test-XXXXXX";
static char key[64];

static void put(const char *suffix, const char *text)
{
    char path[96];
    snprintf(path, sizeof(path), "%s%s", key, suffix);
    assert_int_equal(fsx_replace_file(path, text, strlen(text), 0600, NULL), 0);
}

static uint64_t next(uint64_t floor)
{
    uint64_t n = 0;
    struct err e = {0};
    if (ratchet_next(key, "counter", floor, &n, &e) < 0)
        fail_msg("%s", e.text);
    return n;
}

static void numbers_rise_whatever_the_floor_does(void **state)
{
    (void)state;
    assert_int_equal(next(0), 1);
    assert_int_equal(next(1795000000000), 1795000000000);
    assert_int_equal(next(1795000000000), 1795000000001);
    assert_int_equal(next(5), 1795000000002); /* the clock fell back */
}

static void two_at_once_get_two_numbers(void **state)
{
    (void)state;
    enum { EACH = 50, CHILDREN = 4 };
    uint64_t before = next(0);
    for (int c = 0; c < CHILDREN; c++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            uint64_t n;
            int bad = 0;
            for (int i = 0; i < EACH; i++)
                bad |= ratchet_next(key, "counter", 0, &n, NULL);
            _exit(bad != 0);
        }
    }
    int status, failed = 0;
    while (wait(&status) > 0)
        failed |= status;
    assert_int_equal(failed, 0);
    assert_int_equal(next(0), before + EACH * CHILDREN + 1);
}

static void a_damaged_file_is_refused_with_the_remedy(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "x", "12", "-1 0", "12 0 x", "99999999999999999999999 0", "9223372036854775807 0"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t n = 0;
        struct err e = {0};
        put(".counter", bad[i]);
        assert_int_equal(ratchet_next(key, "counter", 5, &n, &e), ERR_CORRUPT);
        assert_non_null(strstr(e.text, "write the last number"));
    }
    put(".counter", "12 0");
    assert_int_equal(next(0), 13);
}

static void without_a_key_there_is_no_number(void **state)
{
    (void)state;
    uint64_t n = 0;
    struct err e = {0};
    assert_int_equal(ratchet_next("/nowhere/lan.key", "counter", 0, &n, &e), ERR_NOTFOUND);
}

static void a_revision_is_signed_for_one_content_only(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(ratchet_take(key, "gw-1", 7, "aa", &e), 0);
    assert_int_equal(ratchet_take(key, "gw-1", 7, "aa", &e), 0);
    assert_int_equal(ratchet_take(key, "gw-1", 7, "bb", &e), ERR_MISMATCH);
    assert_int_equal(ratchet_take(key, "gw-1", 6, "aa", &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "6 is not above 7"));
    assert_int_equal(ratchet_take(key, "gw-1", 8, "bb", &e), 0);
    assert_int_equal(ratchet_take(key, "gw-2", 1, "aa", &e), 0);
}

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(key, sizeof(key), "%s/lan.key", dir);
    return fsx_replace_file(key, "key\n", 4, 0600, NULL);
}

static int remove_dir(void **state)
{
    (void)state;
    char line[64];
    snprintf(line, sizeof(line), "rm -rf %s", dir);
    return system(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_rise_whatever_the_floor_does),
        cmocka_unit_test(two_at_once_get_two_numbers),
        cmocka_unit_test(a_damaged_file_is_refused_with_the_remedy),
        cmocka_unit_test(without_a_key_there_is_no_number),
        cmocka_unit_test(a_revision_is_signed_for_one_content_only),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
