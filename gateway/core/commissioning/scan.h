/*
 * Finding the slaves of an unknown bus: which addresses answer, at which speed, parity and stop
 * bits, and what devices they probably are.
 *
 * A pure step machine: ask scan_next what to do, do it, report with scan_replied (SCAN_OPEN and
 * SCAN_FOUND need no answer). Likely settings and low addresses come first. Any well-formed reply
 * or exception is a find; a found address is not probed again. A reply in pieces says that somebody
 * at that address hears the speed but not the frame: the other frames of that speed are tried at
 * once. A line that is damaged probe after probe is left for the end. A reply to another address
 * is a slow slave's: the last two are asked again with more patience.
 *
 * After a find the shipped profiles are tried: registers each of them says the device has are read
 * and judged. Nothing is ever written. Time is bounded: a probe takes at most its line time, the
 * wait and SCAN_SLACK_MS. One thread; allocates in scan_create only; borrows the profiles.
 */
#ifndef GATEWAY_CORE_COMMISSIONING_SCAN_H
#define GATEWAY_CORE_COMMISSIONING_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "gateway/core/bus/bus.h"

#define SCAN_BAUDS_MAX    16
#define SCAN_SETTINGS_MAX (SCAN_BAUDS_MAX * 6)
#define SCAN_GUESSES_MAX  3
#define SCAN_WAIT_RTU_MS  100  /* what a slave may take to begin its reply */
#define SCAN_WAIT_TCP_MS  1000 /* a gateway waits for its own slave first */
#define SCAN_SLACK_MS     20   /* a USB adapter hands over what came every 16 ms */
#define SCAN_NOISY_MAX    3    /* damaged replies in a row after which a setting is put off */
#define SCAN_LOW_UNITS    32   /* tried in every setting before the rest is */
#define SCAN_GUESS_NEAR   15   /* percent behind the best at which another is left out */
#define SCAN_GUESS_MIN    60   /* percent below which a guess is not worth saying */

struct scan_options {
    enum bus_kind kind;
    /* RTU; empty lists mean the usual ones */
    size_t baud_count, parity_count, stop_count;
    uint32_t bauds[SCAN_BAUDS_MAX];
    char parities[3];
    uint8_t stops[2];
    uint8_t unit_first, unit_last;         /* both 0: 1 to 247 and, on TCP, the peer itself (255) */
    bool quick;                            /* the likeliest settings and low addresses only */
    uint32_t wait_ms;                      /* 0: SCAN_WAIT_*_MS */
    const struct profile *const *profiles; /* borrowed; what a find may be */
    size_t profile_count;
};

struct scan_settings {
    uint32_t baud;
    char parity;
    uint8_t stop_bits;
};

struct scan_guess {
    const struct profile *profile;
    unsigned percent;  /* of what was read that fits */
    unsigned evidence; /* how much that says; the better of two equal guesses has more */
};

struct scan_find {
    struct scan_settings settings;
    uint8_t unit;
    uint8_t exception; /* it answered the probe with one; 0: with a value */
    size_t guess_count;
    struct scan_guess guesses[SCAN_GUESSES_MAX]; /* best first */
};

enum scan_kind {
    SCAN_OPEN,  /* open the line with `settings` */
    SCAN_SEND,  /* send `request`; answer scan_replied. When the reply was damaged or foreign, drain
                   the line before the next */
    SCAN_FOUND, /* a device answers: `find`, not yet identified */
    SCAN_KNOWN, /* the same find with its guesses */
    SCAN_DONE
};

struct scan_action {
    enum scan_kind kind;
    struct scan_settings settings;
    struct bus_request request;
    const struct scan_find *find; /* lives until the next scan_next */
};

struct scan_progress {
    struct scan_settings settings;
    uint8_t unit;
    unsigned percent;
    uint64_t left_ms; /* if nothing more is found */
    size_t found, damaged;
    bool identifying;
};

struct scan;

/* ERR_INVALID: the options contradict each other or name what cannot be; ERR_NOMEM. */
int scan_create(const struct scan_options *options, struct scan **out, struct err *e);
void scan_destroy(struct scan *s); /* NULL is fine */
void scan_next(struct scan *s, struct scan_action *out);
/* values: of a read that was answered. */
void scan_replied(struct scan *s, const struct bus_reply *reply, const uint16_t *values);
void scan_get_progress(const struct scan *s, struct scan_progress *out);
/* In the order they were found; borrowed. */
const struct scan_find *scan_finds(const struct scan *s, size_t *count);

#endif
