/* What `gatewayctl decode` shows of a block. */
#ifndef GATEWAY_GATEWAYCTL_DECODE_TEXT_H
#define GATEWAY_GATEWAYCTL_DECODE_TEXT_H

#include "gateway/core/commissioning/decode.h"

struct decode_text {
    enum point_table table; /* 0: the words came from a command line */
    uint16_t address;
    size_t count, reads;
    uint16_t words[DECODE_WORDS_MAX * DECODE_READS_MAX];
    struct decode_result result;
};

/* Every type and order of the last read, plausible values marked; `all`: also types without one. */
void decode_text_tables(const struct decode_text *t, bool all);
/* The likely reading, and how sure it is: last, where it stays in view. */
void decode_text_verdict(const struct decode_text *t);
void decode_text_json(const struct decode_text *t);

#endif
