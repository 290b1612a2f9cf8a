/*
 * Errors: every fallible function returns 0 (or a count) or a negative enum err_code.
 *
 * A function whose failure a person will read also takes a struct err and fills its text with what
 * was wrong, where, and what to do. An error is returned or logged, never both. A struct err
 * belongs to the caller, is never shared between threads, and may be NULL wherever one is taken.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>

enum err_code {
    ERR_OK = 0,
    ERR_INVALID = -1,   /* input breaks its rules: the text says which */
    ERR_LIMIT = -2,     /* a named limit would be passed */
    ERR_NOMEM = -3,     /* allocation failed */
    ERR_IO = -4,        /* the system or a device failed; errno is in the text */
    ERR_TIMEOUT = -5,   /* the other side did not answer in time */
    ERR_NOTFOUND = -6,  /* no such thing */
    ERR_EXISTS = -7,    /* it is there already */
    ERR_DENIED = -8,    /* not allowed */
    ERR_CORRUPT = -9,   /* a checksum or a structure does not hold */
    ERR_AGAIN = -10,    /* not now; try later */
    ERR_FULL = -11,     /* no room; the caller decides what to drop */
    ERR_CLOSED = -12,   /* the other side went away */
    ERR_MISMATCH = -13, /* an answer that belongs to another question */
};

#define ERR_TEXT_MAX 512

struct err {
    int code;
    char text[ERR_TEXT_MAX]; /* empty when code is 0 */
};

/* Fills e (may be NULL) and returns code, so that a caller can write `return err_set(...)`. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set with ": strerror(errno)" appended; code is ERR_IO. */
int err_set_errno(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "prefix: " before the text already there; returns e's code (ERR_INVALID when e is NULL). */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A stable, untranslated name such as "invalid" for logs, metrics and --json. */
const char *err_name(int code);

#endif
