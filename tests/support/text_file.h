/* Test files: read whole, compare with what a generator writes. */
#ifndef TESTS_SUPPORT_TEXT_FILE_H
#define TESTS_SUPPORT_TEXT_FILE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define TEXT_FILE_MAX (256 * 1024)

/* The file's text, NUL-terminated, to be freed; fails the test when it cannot be read. */
static inline char *text_file_read(const char *path)
{
    char *text = malloc(TEXT_FILE_MAX + 1);
    assert_non_null(text);
    FILE *f = fopen(path, "re");
    if (!f)
        fail_msg("%s cannot be read", path);
    size_t n = fread(text, 1, TEXT_FILE_MAX, f);
    fclose(f);
    text[n] = '\0';
    return text;
}

/* Fails when the file is not exactly `text`; with IOC_UPDATE=1 in the environment it is rewritten.
 */
static inline void text_file_matches(const char *path, const char *text)
{
    if (getenv("IOC_UPDATE")) {
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        fclose(f);
    }
    char *old = text_file_read(path);
    if (strcmp(old, text) != 0)
        fail_msg("%s is older than the table it is made from; run the test with IOC_UPDATE=1",
                 path);
    free(old);
}

#endif
