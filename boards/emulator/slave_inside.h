/* A slave's points between slave.c, where values come from, and slave_table.c, where they stand. */
#ifndef EMULATOR_SLAVE_INSIDE_H
#define EMULATOR_SLAVE_INSIDE_H

#include "boards/emulator/slave.h"

enum source { SOURCE_AUTO, SOURCE_FIXED };

struct slave_point {
    enum source source;
    bool answered;   /* raw has been sent once */
    bool invalid;    /* set to "no reading" */
    uint64_t raw;    /* what it holds or answered last */
    double withheld; /* counters: what passed unseen while they were held */
    struct curve_site site;
    int leader;           /* the point whose effect this one reads back, or -1 */
    int64_t unique_first; /* the range unique values cycle through, in raw numbers or steps */
    uint64_t unique_span, unique_next;
    char text[2 * POINT_REGS_MAX + 1];
    /* A write takes effect at effect_ms; until then this is what it does not yet replace. */
    int64_t effect_ms;
    enum source source_before;
    uint64_t raw_before;
    char text_before[2 * POINT_REGS_MAX + 1];
    int64_t blank_ms; /* a message with a time to live: when it goes; 0: stays */
};

/* The pattern point i answers now. Only a whole reading counts as one in unique mode. */
uint64_t slave_sample(struct slave *s, size_t i, bool whole, int64_t local_ms);
/* The text a string point shows now. */
const char *slave_shown_text(struct slave *s, size_t i, int64_t local_ms);
/* What a write finds in the point: its last command, in effect or not. */
uint64_t slave_command(struct slave *s, size_t i, int64_t local_ms);

/* A write from the line; when it takes effect is the fault's business. */
void slave_write_raw(struct slave *s, size_t i, uint64_t raw, int64_t local_ms);
void slave_write_text(struct slave *s, size_t i, const char *text, int64_t local_ms);

/* The request's answer: 0 with *reply filled, or the exception. */
struct pdu_request;
int slave_table_answer(struct slave *s, const struct pdu_request *r, int64_t local_ms,
                       struct slave_reply *reply);

#endif
