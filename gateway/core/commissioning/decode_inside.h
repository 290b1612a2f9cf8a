/* Shared by decode.c and decode_value.c only. */
#ifndef GATEWAY_CORE_COMMISSIONING_DECODE_INSIDE_H
#define GATEWAY_CORE_COMMISSIONING_DECODE_INSIDE_H

#include "gateway/core/commissioning/decode.h"

#define DECODE_RAW_BITS 16.5 /* a word that nothing explains */

/* What it costs to say `to` when `from` was said before. */
double decode_change_bits(enum decode_type type, const struct decode_value *from,
                          const struct decode_value *to);
/* What is added to b's price when a value a of the same type and order stands before it: neighbours
 * tend to be of one size. */
double decode_likeness_bits(enum decode_type type, const struct decode_value *a,
                            const struct decode_value *b);

#endif
