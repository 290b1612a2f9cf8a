/*
 * The pass over a JSON text before cJSON sees it: everything cJSON lets through and should not
 * (RFC 8259 sections 6 to 8, RFC 7493): size, depth, UTF-8, control characters, U+0000 and lone
 * surrogates, number syntax, numbers beyond a double, duplicate keys, trailing bytes. One pass,
 * linear but for the sort of the keys of objects with more than sixteen. Allocates only when more
 * than sixty-four keys are open at once, or for `offsets`. Private to shared/model.
 */
#ifndef MODEL_JSON_SCAN_H
#define MODEL_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct json_scan {
    size_t values;       /* in document order a value's number is its ordinal */
    size_t string_count; /* keys included */
    size_t string_bytes; /* of all strings as written, without quotes */
    bool want_offsets;   /* set by the caller */
    uint32_t *offsets;   /* of each value, malloc'ed; the caller frees, on failure too */
    size_t offsets_cap;
};

/* ERR_LIMIT (depth), ERR_INVALID or ERR_NOMEM; e says line, column and remedy. len < 2^32. */
int json_scan(struct json_scan *s, const char *text, size_t len, struct err *e);
/* Overwrites comments with blanks, newlines kept, so that lines stay what they were. */
int json_blank_comments(char *text, size_t len, struct err *e);
/* 1-based line of an offset. */
unsigned json_line_at(const char *text, size_t offset);
/* Bytes of the well-formed UTF-8 character at p (Unicode 15 table 3-7), 0 when it is none. */
unsigned json_utf8_length(const char *p, const char *end);

#endif
