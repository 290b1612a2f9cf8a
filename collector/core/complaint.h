/*
 * Which troubles to write down when they come a thousand times a second: each different one at
 * once, the same one at most once in COMPLAINT_MS, and no more than COMPLAINT_SUBJECTS different
 * ones in that time. What is not written is counted, and the next line says how many.
 *
 * Pure: handed `now`. A zeroed struct is ready. One thread.
 */
#ifndef COLLECTOR_CORE_COMPLAINT_H
#define COLLECTOR_CORE_COMPLAINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"

#define COMPLAINT_MS        10000
#define COMPLAINT_SUBJECTS  16
#define COMPLAINT_MORE_SIZE 48

struct complaint {
    struct {
        uint64_t subject;
        struct clk_mono said;
    } recent[COMPLAINT_SUBJECTS]; /* subject 0: free */
    uint64_t muted;
};

/* True when a line about it may be written now: who and what (either may be NULL) tell one trouble
 * from another. `more` then says how many lines were not written meanwhile, or is empty. */
bool complaint_may(struct complaint *c, const char *who, const char *what, struct clk_mono now,
                   char more[COMPLAINT_MORE_SIZE]);

#endif
