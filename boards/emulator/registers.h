/*
 * What stands in a point's registers: raw bits into words of any order, engineering values into raw
 * bits, and the exact decimal a raw pattern means.
 *
 * This is the emulated device's own understanding of a profile, written without the gateway's
 * point_encode and point_decode, so that each can prove the other wrong. `raw` is the pattern of
 * the type: two's complement cut to its width, IEEE 754 bits, or 0 and 1. Pure.
 */
#ifndef EMULATOR_REGISTERS_H
#define EMULATOR_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "boards/emulator/decimal.h"
#include "model/profile.h"

/* Bits of the type: 1, 16, 32 or 64; 0 for a string. */
unsigned registers_bits(enum point_type type);
/* Registers of a value; 1 for a bit and a string, which says its own. A point's count is none of
 * its value's: with a code it has all slots of the map. */
unsigned registers_words(enum point_type type);
bool registers_is_signed(enum point_type type);
bool registers_is_float(enum point_type type);
bool registers_is_bcd(enum point_type type);
/* How many whole numbers its bits or digits tell apart. */
double registers_numbers(enum point_type type);

/* raw to and from its registers, most significant word first or as p->order says:
 *   ABCD  [AB][CD]     CDAB  [CD][AB]     BADC  [BA][DC]     DCBA  [DC][BA]
 * 64-bit types alike: the order of the four words, and of the bytes inside each. */
void registers_put(const struct point *p, uint64_t raw, uint16_t *regs);
uint64_t registers_get(const struct point *p, const uint16_t *regs);
/* Two bytes a register, the rest zeros. text has room for 2 * POINT_REGS_MAX + 1. */
void registers_put_string(const struct point *p, const char *text, uint16_t *regs);
void registers_get_string(const struct point *p, const uint16_t *regs, char *text);

/* The raw pattern nearest to an engineering value; ERR_LIMIT when the type cannot hold it. */
int registers_from_value(const struct point *p, double value, uint64_t *raw, struct err *e);
/* What raw means, exactly: raw * scale + offset. False when it is no number (NaN, inf, a sentinel
 * of the profile is still a number here) or needs more than 128 bits. */
bool registers_decimal(const struct point *p, uint64_t raw, struct decimal *out);
/* The nearest double; NaN when raw is no finite number. Only where no exact decimal fits 128 bits
 * (huge floating-point numbers with an offset) is it computed in doubles. */
double registers_value(const struct point *p, uint64_t raw);
/* raw is one of the patterns by which the device says "no reading". */
bool registers_is_invalid(const struct point *p, uint64_t raw);

#endif
