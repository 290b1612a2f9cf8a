/*
 * One sample: what a slave answered for one point, when its reply arrived, and how good it is.
 *
 * An error is never a 0: a bad sample has no value, only a cause. `at` is the UTC time the reply
 * arrived (for a failure, the time it was given up), `mono` the same instant on the monotonic
 * clock.
 */
#ifndef MODEL_SAMPLE_H
#define MODEL_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clk.h"

/* PROTOCOL "Packs": `q` when usable but not good; a bad sample is its own record. */
enum quality {
    QUALITY_GOOD,
    QUALITY_SUBSTITUTED,
    QUALITY_UNCERTAIN,
    QUALITY_MAINTENANCE,
    QUALITY_CALIBRATION,
    QUALITY_BAD,
};

enum cause {
    CAUSE_NONE,
    CAUSE_TIMEOUT, /* no reply within the request's total deadline */
    CAUSE_CRC, /* a reply that failed its check, came from another unit, or had the wrong shape */
    CAUSE_EXCEPTION,   /* a Modbus exception; its number is in `exception` */
    CAUSE_RANGE,       /* outside the plausible range of its kind */
    CAUSE_INVALID,     /* the device's own "no reading" sentinel, or NaN */
    CAUSE_STALE,       /* older than twice its period when it could be packed */
    CAUSE_WEDGED,      /* the bus worker does not answer */
    CAUSE_MAINTENANCE, /* whatever it was: somebody is working on the device */
};

enum value_type { VALUE_NONE, VALUE_NUMBER, VALUE_BOOL, VALUE_STRING };

#define VALUE_STRING_SIZE 64

struct value {
    enum value_type type;
    union {
        double number;
        bool boolean;
        char string[VALUE_STRING_SIZE]; /* UTF-8, NUL-terminated */
    };
};

struct sample {
    uint16_t device; /* index in the gateway's configuration */
    uint16_t point;  /* index in the device's profile */
    enum quality quality;
    enum cause cause;
    uint8_t exception; /* 1-255 with CAUSE_EXCEPTION */
    struct clk_utc at;
    struct clk_mono mono;
    struct value value; /* VALUE_NONE exactly when quality is QUALITY_BAD */
};

const char *quality_name(enum quality q); /* "good", "substituted", ..., "bad" */
int quality_parse(const char *text, enum quality *q);
/* "timeout", "crc", "exception-2", ...: the text of a bad sample's record. Static or in `text`. */
#define CAUSE_TEXT 16
const char *cause_text(enum cause cause, uint8_t exception, char text[CAUSE_TEXT]);
int cause_parse(const char *text, enum cause *cause, uint8_t *exception);

#endif
