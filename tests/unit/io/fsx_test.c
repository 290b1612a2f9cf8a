/* Promise: a whole file is replaced or left as it was, and a file that cannot be read says why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/fsx.h"

static char dir[PATH_MAX];

static const char *path_of(const char *name)
{
    static char path[PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/fsx-test-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    const char *names[] = {"a", "b", "seg"};
    for (size_t i = 0; i < 3; i++)
        unlink(path_of(names[i]));
    return rmdir(dir); /* fails when anything was left behind */
}

static void a_replaced_file_reads_back_with_its_mode(void **state)
{
    (void)state;
    struct err e;
    char *text = NULL;
    size_t len;
    struct stat st;
    assert_int_equal(fsx_replace_file(path_of("a"), "one", 3, 0644, &e), 0);
    assert_int_equal(fsx_replace_file(path_of("a"), "second", 6, 0600, &e), 0);
    assert_int_equal(fsx_read_file(path_of("a"), 100, &text, &len, &e), 0);
    assert_int_equal(len, 6);
    assert_string_equal(text, "second");
    free(text);
    assert_int_equal(stat(path_of("a"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void what_cannot_be_read_is_named_with_its_reason(void **state)
{
    (void)state;
    struct err e;
    char *text = NULL;
    size_t len;
    assert_int_equal(fsx_read_file(path_of("none"), 100, &text, &len, &e), ERR_NOTFOUND);
    assert_non_null(strstr(e.text, "/none: "));
    assert_non_null(strstr(e.text, strerror(ENOENT)));
    assert_int_equal(fsx_check_readable(path_of("none"), &e), ERR_NOTFOUND);
    assert_non_null(strstr(e.text, "/none cannot be read: "));
    assert_int_equal(fsx_replace_file(path_of("a"), "too long", 8, 0600, &e), 0);
    assert_int_equal(fsx_check_readable(path_of("a"), &e), 0);
    assert_int_equal(fsx_read_file(path_of("a"), 7, &text, &len, &e), ERR_LIMIT);
    assert_non_null(strstr(e.text, "8 bytes; at most 7"));
    assert_int_equal(fsx_read_file(dir, 100, &text, &len, &e), ERR_INVALID);
    assert_int_equal(fsx_replace_file(path_of("no/where"), "x", 1, 0600, &e), ERR_NOTFOUND);
    assert_null(text);
}

static void count_segment(void *user, const char *name, uint64_t size)
{
    assert_string_equal(name, "seg");
    assert_int_equal(size, 8192);
    (*(int *)user)++;
}

static void the_system_table_allocates_writes_renames_and_lists(void **state)
{
    (void)state;
    const struct fsx *fs = fsx_system();
    char back[8] = "";
    int found = 0;
    int at = fs->open_dir(fs->ctx, dir, true);
    assert_true(at >= 0);
    assert_int_equal(fs->open_file(fs->ctx, at, "b", false), -ENOENT);
    int fd = fs->open_file(fs->ctx, at, "b", true);
    assert_true(fd >= 0);
    assert_int_equal(fs->allocate(fs->ctx, fd, 8192), 0);
    assert_int_equal(fs->pwrite(fs->ctx, fd, "groups", 6, 4096), 6);
    assert_int_equal(fs->sync(fs->ctx, fd), 0);
    assert_int_equal(fs->pread(fs->ctx, fd, back, 6, 4096), 6);
    assert_string_equal(back, "groups");
    assert_int_equal(fs->pread(fs->ctx, fd, back, 8, 8190), 2);
    fs->close(fs->ctx, fd);
    assert_int_equal(fs->rename(fs->ctx, at, "b", "seg"), 0);
    assert_int_equal(fs->sync_dir(fs->ctx, at), 0);
    assert_int_equal(fs->list(fs->ctx, at, count_segment, &found), 0);
    assert_int_equal(found, 1);
    assert_int_equal(fs->unlink(fs->ctx, at, "seg"), 0);
    fs->close(fs->ctx, at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_replaced_file_reads_back_with_its_mode, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_named_with_its_reason, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_system_table_allocates_writes_renames_and_lists, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
