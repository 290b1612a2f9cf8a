/*
 * Exact decimal numbers for the ledger: mantissa * 10^exponent.
 *
 * What registers mean is a decimal statement ("235 tenths of a degree"), so it is computed in
 * decimal: 235 * 0.1 is 23.5 here and never 23.500000000000004. This arithmetic shares nothing with
 * the gateway's. Pure, no allocation. Numbers too long for 128 bits are refused, never rounded.
 */
#ifndef EMULATOR_DECIMAL_H
#define EMULATOR_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECIMAL_TEXT 72 /* the longest text and its end */

struct decimal {
    __int128 mantissa;
    int exponent;
};

struct decimal decimal_from_int(__int128 v);
/* The shortest decimal that reads back as the same double (or float). False for NaN and inf. */
bool decimal_from_double(double v, struct decimal *out);
bool decimal_from_float(float v, struct decimal *out);
/* False when the exact result does not fit. */
bool decimal_mul(struct decimal a, struct decimal b, struct decimal *out);
bool decimal_add(struct decimal a, struct decimal b, struct decimal *out);
/* A JSON number: "23.5", "-40", "1e-30". */
const char *decimal_text(struct decimal d, char text[DECIMAL_TEXT]);

#endif
