/*
 * A device profile: which Modbus registers a device has and what each means. Profiles are data
 * files (shared/data/profiles/NAME.json); this reads one, refuses what cannot be right, and turns
 * registers into values. Pure: the caller reads the file. A profile owns its strings; free with
 * profile_free.
 *
 * Addresses are 0-based PDU addresses (Modbus Application Protocol V1.1b3, section 4.4).
 */
#ifndef MODEL_PROFILE_H
#define MODEL_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/kind.h"
#include "model/name.h"
#include "model/sample.h"

#define PROFILE_POINTS_MAX 256
#define PROFILE_FILE_MAX   (256 * 1024)
#define POINT_INVALID_MAX  4
#define POINT_REGS_MAX     32 /* a string of 64 bytes */
#define PROFILE_BLOCKS_MAX 16
#define PROFILE_SLOTS_MAX  62 /* two registers each, in one read */

/* Where a point lives; the values are the reading function codes. */
enum point_table {
    TABLE_COIL = 1,
    TABLE_DISCRETE = 2,
    TABLE_HOLDING = 3,
    TABLE_INPUT = 4,
};

enum point_type {
    TYPE_BIT,
    TYPE_U16,
    TYPE_S16,
    TYPE_U32,
    TYPE_S32,
    TYPE_U64,
    TYPE_S64,
    TYPE_F32,
    TYPE_F64,
    TYPE_STRING
};

/* Byte letters, most significant A: ABCD high word first, CDAB words swapped, BADC bytes swapped
 * inside words, DCBA fully reversed. 64-bit values follow the same four patterns. */
enum point_order { ORDER_ABCD, ORDER_CDAB, ORDER_BADC, ORDER_DCBA };

struct point {
    char name[NAME_SIZE];
    const struct kind *kind;
    enum point_table table;
    uint16_t address; /* first register or bit */
    uint16_t count;   /* registers (1 for a bit) */
    enum point_type type;
    enum point_order order;
    double scale, offset; /* value = raw * scale + offset, in the kind's unit */
    unsigned invalid_count;
    uint64_t invalid[POINT_INVALID_MAX]; /* raw patterns that mean "no reading" */
    uint32_t period_ms;                  /* default polling period; 0: the device's */
    uint8_t bit;   /* TYPE_BIT in a register table: 0 the least significant; in a bit table 0 */
    uint16_t code; /* dynamic maps: the parameter code it is found by; 0: it stands at `address` */
    double
        wrap; /* counters: where the register starts again at 0, in unit; 0: at its width's end */
    bool writable;
    uint8_t write_function;   /* 5, 6, 15, 16, 22 or 23 */
    uint16_t write_address;   /* apart from `address` in some devices */
    char readback[NAME_SIZE]; /* the point that shows what a write really did; empty: itself */
};

/* A stretch a device answers in one read; reads that cross its border are refused by it. */
struct profile_block {
    enum point_table table;
    uint16_t address, count;
};

/* A dynamic map (YSI EXO): slot i of `values` holds what the code in slot i of `codes` says. A
 * point with a code covers all of `values`; which part of it counts is known once the codes were
 * read. */
struct profile_map {
    enum point_table table;
    uint16_t codes, values; /* first registers */
    uint16_t slots;         /* at most PROFILE_SLOTS_MAX; 0: the profile has no dynamic map */
    uint16_t stride;        /* registers of a value */
    uint32_t period_ms;     /* how often the codes are read again */
};

struct profile {
    char name[NAME_SIZE]; /* "renke-rs-fsxcs" */
    char *label;          /* "Renke RS-FSXCS-N01 all-in-one weather/air station" */
    char *source;
    char *confidence;
    struct {
        uint32_t baud;
        char parity; /* 'N' 'E' 'O' */
        uint8_t stop_bits;
    } serial;               /* as delivered */
    uint32_t turnaround_ms; /* longest time from request's end to reply's start, as delivered */
    size_t block_count;     /* none: any read is answered */
    struct profile_block blocks[PROFILE_BLOCKS_MAX];
    struct profile_map map;
    bool ours; /* a map the project made for a site's own controller; no maker's device has it */
    size_t point_count;
    struct point *points; /* sorted by (table, address) */
};

/* Parses a profile file's text. e names line and path ("line 12: points[3].addr: ..."). Refuses
 * unknown and duplicate keys, unknown kinds, overlapping registers, addresses past 65535, duplicate
 * names. */
int profile_parse(const char *text, size_t len, struct profile **out, struct err *e);
void profile_free(struct profile *p); /* NULL is fine */
const struct point *profile_find(const struct profile *p, const char *name);
/* The table's word in profile files: "holding". */
const char *point_table_name(enum point_table table);

/* Turns the point's registers (host order, as libmodbus gives them) or bit (regs[0] != 0) into a
 * value. Fills value, quality and cause of *s and nothing else: invalid sentinels and NaN give
 * CAUSE_INVALID, values outside the kind's range CAUSE_RANGE. Decimal scales (0.1, 0.001) divide,
 * so that 235 * 0.1 reads 23.5; an f32 becomes the double of its shortest decimal. */
void point_decode(const struct point *p, const uint16_t *regs, struct sample *s);
/* The inverse, for writing: registers for a value; ERR_LIMIT when it does not fit the type. */
int point_encode(const struct point *p, const struct value *v, uint16_t *regs, struct err *e);

#endif
