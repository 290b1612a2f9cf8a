/*
 * Strict JSON over cJSON: the only file that includes cJSON is json.c.
 *
 * Before cJSON sees a byte, json_parse checks size, depth, UTF-8, control characters, number
 * syntax, duplicate keys and trailing bytes, and (for files a person edits) turns comments into
 * blanks. Errors name line and column. A parsed value is a `struct json` owned by its document;
 * pointers into a document live until json_free. No thread may share a document.
 */
#ifndef MODEL_JSON_H
#define MODEL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define JSON_DEPTH_MAX 16

struct json;     /* one value */
struct json_doc; /* a parsed text */

enum json_flags {
    JSON_STRICT = 0,
    JSON_COMMENTS = 1, /* allow // and slash-star comments, as in configuration files */
    JSON_LINES = 2,    /* remember where each value stood, for json_line */
};

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* Parses len bytes of at most size_max; the text need not end in NUL and is not kept. Fails with
 * ERR_LIMIT (size, depth), ERR_INVALID ("line 3, column 7: ...") or ERR_NOMEM. */
int json_parse(const char *text, size_t len, size_t size_max, unsigned flags, struct json_doc **out,
               struct err *e);
void json_free(struct json_doc *doc); /* NULL is fine */
const struct json *json_root(const struct json_doc *doc);

enum json_type json_type(const struct json *v);
const char *json_type_name(enum json_type type); /* "string", ... */

/* Members by exact, case-sensitive key; NULL when v is no object or has none. */
const struct json *json_get(const struct json *v, const char *key);
/* First child, next sibling, key of a member: how arrays and objects are walked. NULL at the end.
 */
const struct json *json_first(const struct json *v);
const struct json *json_next(const struct json *v);
const char *json_key(const struct json *v);
size_t json_count(const struct json *v);

/* The getters return 0, or ERR_INVALID when v is NULL or of another type. Integers must be whole
 * and exactly representable (|n| <= 2^53). */
int json_string(const struct json *v, const char **out);
int json_number(const struct json *v, double *out);
int json_int(const struct json *v, int64_t *out);
int json_bool(const struct json *v, bool *out);
/* A decimal string below 2^63, as epoch and seq travel. */
int json_u63(const struct json *v, uint64_t *out);

/* The 1-based line v stood on; 0 without JSON_LINES. */
unsigned json_line(const struct json_doc *doc, const struct json *v);

/* Writing: into a bounded buf, nothing allocated. */
void json_write_string(struct buf *b,
                       const char *text); /* quoted and escaped; bad UTF-8 becomes U+FFFD */
/* Shortest decimal that reads back as the same double; nan and inf are the caller's bug and write
 * null. */
void json_write_number(struct buf *b, double v);

#endif
