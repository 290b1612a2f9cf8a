/*
 * Differences of a counter that is stored as read: it wraps where its register ends and falls to
 * zero when its device restarts, and neither is a negative rate.
 */
#ifndef MODEL_COUNTER_H
#define MODEL_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

struct counter {
    bool known;
    double last;
    uint64_t resets;
};

enum counter_step {
    COUNTER_FIRST, /* nothing to compare with */
    COUNTER_RISE,  /* *increase is the difference, a wrap undone */
    COUNTER_RESET, /* it fell where no wrap explains it; what it had counted meanwhile is unknown */
};

/* `wrap`: the value at which the register starts again at 0, in the counter's unit; 0: unknown. A
 * fall is a wrap only from the last quarter of the register into its first: a device that restarts
 * rarely does so just there. */
enum counter_step counter_step(struct counter *c, double reading, double wrap, double *increase);

#endif
