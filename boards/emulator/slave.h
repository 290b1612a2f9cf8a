/*
 * One emulated Modbus device: a profile's points, where each value comes from, and the answer to a
 * request.
 *
 * A slave holds no clock and no line; it is handed the request's PDU and the local time. It answers
 * the reply's PDU and the readings in it: for each point wholly inside the request, the raw pattern
 * the reply carries, which is what the ledger records. The profile is borrowed. One thread.
 */
#ifndef EMULATOR_SLAVE_H
#define EMULATOR_SLAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rng.h"
#include "boards/emulator/curve.h"
#include "boards/emulator/fault.h"
#include "boards/emulator/wire.h"
#include "model/profile.h"

enum slave_mode {
    SLAVE_CURVES, /* a plausible day */
    SLAVE_UNIQUE, /* each reading of a point has another value, so that a ledger can be checked */
};

enum slave_gaps {
    SLAVE_GAPS_ZERO,   /* registers between the points of a table read 0, as in most devices */
    SLAVE_GAPS_REFUSE, /* they are exception 02 */
};

struct slave_options {
    const char *gateway, *name;
    uint8_t unit;
    const struct profile *profile; /* borrowed for the slave's life */
    enum slave_mode mode;
    enum slave_gaps gaps;
    enum curve_load load;
    double factor;
    uint64_t seed;
    uint32_t turnaround_ms;
    uint32_t baud;     /* rtu: its own serial settings; 0: hears any */
    uint8_t stop_bits; /* likewise */
};

/* What the status word of a dynamic map's slot says. */
enum { SLAVE_SLOT_AVAILABLE = 0, SLAVE_SLOT_UNSET = 1, SLAVE_SLOT_MISSING = 2 };

struct slave_point;

struct slave {
    struct slave_options options;
    char gateway[NAME_SIZE], name[NAME_SIZE];
    struct slave_point *points; /* owned; in the profile's order */
    const struct slave *feeder; /* borrowed: the relay whose contact switches this one's load */
    size_t feeder_point;
    struct fault fault;
    unsigned remapped; /* dynamic maps: how often the sensors changed their slots */
    struct rng rng;
    uint64_t requests, exceptions; /* handled; answered with an exception */
};

struct slave_reading {
    uint16_t point;
    uint64_t raw; /* strings: 0 */
};

struct slave_reply {
    uint8_t pdu[WIRE_PDU_MAX];
    size_t pdu_len;
    size_t reading_count;
    struct slave_reading readings[PROFILE_POINTS_MAX];
};

/* ERR_NOMEM. */
int slave_init(struct slave *s, const struct slave_options *options, struct err *e);
void slave_finish(struct slave *s); /* of a zeroed struct is fine */

/* Point `point` of `relay` switches this slave's currents, powers and lamps. */
int slave_feed_from(struct slave *s, const struct slave *relay, const char *point, struct err *e);

/* Always leaves a reply; `broadcast` ones are just not sent. */
void slave_answer(struct slave *s, const uint8_t *pdu, size_t len, int64_t local_ms,
                  struct slave_reply *reply);

/* `set`: overrides a point with an engineering value, a text for strings, "hold" (stay at the
 * present value; a held counter goes on from there when released), "invalid" (the profile's "no
 * reading" pattern) or "auto". */
int slave_set(struct slave *s, const char *point, const char *value, int64_t local_ms,
              struct err *e);

/* Moves the sensors of a dynamic map to other slots, as a sonde refitted in the field has them.
 * ERR_INVALID when the profile has none. */
int slave_remap(struct slave *s, struct err *e);

/* The text a string point holds. */
const char *slave_text(const struct slave *s, size_t point);

#endif
