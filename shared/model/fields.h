/*
 * A struct as a table of its JSON members: one table gives the encoder and the strict decoder of a
 * message, so the two cannot drift apart.
 *
 * Every message is an object that starts with "v":1. Missing, mistyped, overlong or out-of-range
 * members are refused with their name; unknown members are ignored, so that a newer sender may add
 * one without cutting off older receivers. Lists are written by hand around a table for their
 * elements. Nothing here allocates; errors are ERR_INVALID.
 */
#ifndef MODEL_FIELDS_H
#define MODEL_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/json.h"
#include "model/sample.h"

#define MESSAGE_VERSION 1

enum field_type {
    FIELD_TEXT,   /* char[]: any UTF-8 that fits */
    FIELD_WORD,   /* char[]: one of `words` */
    FIELD_NAME,   /* char[]: name_valid */
    FIELD_HEX,    /* char[]: lower-case hexadecimal digits that fill it */
    FIELD_BOOL,   /* bool */
    FIELD_U32,    /* uint32_t, a JSON number */
    FIELD_COUNT,  /* uint64_t up to 2^53, a JSON number */
    FIELD_U63,    /* uint64_t below 2^63, a decimal string, 0 refused */
    FIELD_TIME,   /* struct clk_utc, ISO 8601 in UTC with milliseconds */
    FIELD_NUMBER, /* double, finite */
    FIELD_ENUM,   /* an enum, as its place in `words` */
};

struct field {
    const char *key;
    const char *const *words; /* FIELD_WORD, FIELD_ENUM; NULL at the end */
    size_t offset, size;
    enum field_type type;
    bool optional; /* not written when empty or zero, and absent then */
};

#define FIELD(structure, member, field_type, ...)                                                  \
    {                                                                                              \
        .key = #member, .type = (field_type), .offset = offsetof(struct structure, member),        \
        .size = sizeof(((struct structure *)NULL)->member), __VA_ARGS__                            \
    }
#define FIELD_OPTIONAL .optional = true

/* Writes the members with commas between them, and one before the first when `comma`. */
void fields_encode(const struct field *fields, size_t count, const void *from, bool comma,
                   struct buf *out);
/* Reads the members of v, which must be an object, over `into`; what is absent becomes zero. */
int fields_decode(const struct field *fields, size_t count, const struct json *v, void *into,
                  struct err *e);

/* Writes {"v":1 */
void message_begin(struct buf *out);
/* Closes the object; ERR_LIMIT when it did not fit. */
int message_end(struct buf *out);
/* Parses a message and checks that it is an object of version 1. The caller frees *doc on success.
 */
int message_open(const char *body, size_t len, struct json_doc **doc, struct err *e);

/* The member "value" of a message: nothing for VALUE_NONE, and absent is VALUE_NONE. */
void value_encode(const struct value *v, struct buf *out);
int value_decode(const struct json *v, struct value *out, struct err *e);

/* v as a list of at most `max` elements; *count gets their number. */
int message_list(const struct json *v, const char *key, size_t max, size_t *count, struct err *e);

/* Place of text in words, or ERR_INVALID. */
int words_find(const char *const *words, const char *text, unsigned *place);

#endif
