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
    TYPE_BCD16, /* four decimal digits, a nibble each */
    TYPE_BCD32,
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
    double wrap;   /* counters: where it starts again at 0, in unit; 0: see point_wrap */
    bool writable;
    bool write_only; /* never polled: a read of it is refused; `readback` names another point */
    uint8_t write_function;   /* 5, 6, 15, 16, 22 or 23 */
    uint16_t write_address;   /* apart from `address` in some devices */
    char readback[NAME_SIZE]; /* the point that shows what a write really did; empty: itself */
};

/* A stretch a device answers in one read; reads that cross its border are refused by it. */
struct profile_block {
    enum point_table table;
    uint16_t address;
    uint32_t count; /* up to the whole table */
};

/* A dynamic map (YSI EXO): slot i of `values` holds what the code in slot i of `codes` says. A
 * point with a code covers all of `values`; which part of it counts is known once the codes were
 * read. */
struct profile_map {
    enum point_table table;
    uint16_t codes, values; /* first registers */
    uint16_t status;        /* first register of the slots' states; a value counts at 0 only */
    bool has_status;
    uint16_t slots;     /* at most PROFILE_SLOTS_MAX; 0: the profile has no dynamic map */
    uint16_t stride;    /* registers of a value */
    uint32_t period_ms; /* how often the codes are read again */
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

/*
 * Parses a profile file's text. e names line and path ("line 12: points[3].address: ..."). Refuses
 * unknown and duplicate keys, unknown kinds, overlapping registers, addresses past 65535, duplicate
 * names, points that cross a block's border. Two things may overlap: a bit shares its register with
 * other bits and with points that hold it whole; the points of a dynamic map all cover its values.
 */
int profile_parse(const char *text, size_t len, struct profile **out, struct err *e);
void profile_free(struct profile *p); /* NULL is fine */
/* A profile of its own, to be changed and freed by the caller; NULL without memory. */
struct profile *profile_copy(const struct profile *p);
const struct point *profile_find(const struct profile *p, const char *name);
/* The words of profile files: "holding", "u16", "CDAB". */
const char *point_table_name(enum point_table table);
const char *point_type_name(enum point_type type);
const char *point_order_name(enum point_order order);
/* Registers a value of this type has; 0 for a string, which says its own. A point of a dynamic map
 * has more in `count`: all slots. */
uint16_t point_type_width(enum point_type type);
/* Whether a raw pattern can stand in the point's registers at all. */
bool point_pattern_fits(const struct point *p, uint64_t raw);
/* Where a counter starts again at 0, in unit: what its profile says, else where an unsigned
 * register or a BCD number ends. 0: nowhere in practice (64 bits, floats, other kinds). */
double point_wrap(const struct point *p);

/*
 * Turns the point's registers (host order, as libmodbus gives them) or bit (regs[0] != 0) into a
 * value; for a point of a dynamic map, regs are those of its slot. Fills value, quality and cause
 * of *s and nothing else: invalid sentinels, NaN and BCD nibbles above 9 give CAUSE_INVALID, values
 * outside the kind's range CAUSE_RANGE. Decimal scales (0.1, 0.001) divide, so that 235 * 0.1 reads
 * 23.5; an f32 becomes the double of its shortest decimal.
 */
void point_decode(const struct point *p, const uint16_t *regs, struct sample *s);
/* The inverse, for writing: registers for a value; ERR_LIMIT when it does not fit the type. A bit
 * in a register gives 0 or 1, as a coil does: it is written under its mask. */
int point_encode(const struct point *p, const struct value *v, uint16_t *regs, struct err *e);

#endif
