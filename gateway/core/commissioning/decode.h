/*
 * What a block of unknown registers may mean: every type and order, and which of them is likely.
 *
 * Each reading of some words has a price in bits: how long its shortest description is. A small
 * count, a float of usual size with few decimals, a change that is small against the value are
 * cheap; 1.6e-23 is dear. The right type and order is the one that tells the whole block in the
 * fewest bits (minimum description length), and the distance to the next one says how sure that is:
 * 4 bits are odds of 16 to 1, less is called ambiguous. Several reads of one block help: what is
 * right changes little from read to read.
 *
 * Pure, allocates nothing, any thread. Words are in host order, as they came in the reply.
 */
#ifndef GATEWAY_CORE_COMMISSIONING_DECODE_H
#define GATEWAY_CORE_COMMISSIONING_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/core/bus/bus.h"
#include "model/kind.h"
#include "model/profile.h"

#define DECODE_WORDS_MAX  BUS_REGISTERS_MAX
#define DECODE_READS_MAX  32
#define DECODE_TEXT_SIZE  32
#define DECODE_CLEAR_BITS 4.0 /* a lead below this is no proof */
#define DECODE_ORDERS     4

enum decode_type {
    DECODE_U16,
    DECODE_S16,
    DECODE_BCD16,
    DECODE_ASCII, /* two characters a word */
    DECODE_U32,
    DECODE_S32,
    DECODE_F32,
    DECODE_BCD32,
    DECODE_U64,
    DECODE_S64,
    DECODE_F64,
    DECODE_TYPES,
    DECODE_RAW = DECODE_TYPES /* a word that fits nothing */
};

/* One reading of the words at one place. */
struct decode_value {
    bool is_number; /* false: not finite, no decimal digits (BCD), or text */
    double value;
    char text[DECODE_TEXT_SIZE]; /* "230.1", "-35", "nan", "PZ"; empty: not of this type at all */
    double bits;                 /* what it costs to say */
    bool plausible;
};

/* A run of values of one type in the likeliest reading of the block. */
struct decode_piece {
    enum decode_type type; /* may be DECODE_RAW */
    enum point_order order;
    uint16_t at, words; /* `words` is a multiple of the type's width */
};

enum decode_verdict {
    DECODE_EMPTY,     /* every word is 0, or every word 0xFFFF: says nothing */
    DECODE_SINGLE,    /* registers of 16 bits each */
    DECODE_ORDER,     /* wider values, in `order` */
    DECODE_EITHER,    /* registers of 16 bits, or wider values: those then surely in `order` */
    DECODE_AMBIGUOUS, /* `order` leads, but nothing is proved */
};

struct decode_result {
    enum decode_verdict verdict;
    enum decode_type type;            /* what most of the block is */
    enum point_order order;           /* the likeliest of wider values, also when it is ambiguous */
    double lead_bits;                 /* to the next order; of DECODE_SINGLE: to wider values */
    double order_bits[DECODE_ORDERS]; /* price of the block with wider values in that order */
    double single_bits;               /* price without any */
    bool may_single;
    size_t piece_count;
    struct decode_piece pieces[DECODE_WORDS_MAX];
};

/* "f32"; "raw" for DECODE_RAW. */
const char *decode_type_name(enum decode_type type);
const char *decode_order_name(enum point_order order); /* "CDAB" */
unsigned decode_type_words(enum decode_type type);
/* Whether the order makes a difference to the type: ABCD and BADC to one register, all four to
 * more. */
bool decode_type_has(enum decode_type type, enum point_order order);

/* Reads decode_type_words(type) words. */
void decode_value(enum decode_type type, enum point_order order, const uint16_t *words,
                  struct decode_value *out);

/* Judges `count` words (1 to DECODE_WORDS_MAX) read `reads` times (1 to DECODE_READS_MAX); read i
 * starts at words[i * count]. */
void decode_block(const uint16_t *words, size_t count, size_t reads, struct decode_result *out);

/* A kind that a value looks much like (mains voltage, mains frequency, air pressure), taken as it
 * is or, a whole number, in tenths or hundredths; NULL for most. */
const struct kind *decode_hint(double value, bool is_float, double *scale);

/* Words of four hexadecimal digits ("4366 199a", "0x4366,0x199A") as people copy them from tools.
 * Returns how many, or ERR_INVALID or ERR_LIMIT with what is wrong. */
int decode_parse_hex(const char *text, uint16_t *words, size_t max, struct err *e);

#endif
