/*
 * The emulated time of day: when a demo starts and how fast its day goes by.
 */
#ifndef EMULATOR_SCENE_H
#define EMULATOR_SCENE_H

#include <stdint.h>

#include "base/clk.h"

struct scene {
    int64_t local_ms;      /* on Lai Chau's clocks when the scene began */
    struct clk_mono begun; /* and then */
    double speedup;
};

/* start_minutes: from midnight, or -1 for the real time of day. */
void scene_init(struct scene *s, struct clk_utc now, struct clk_mono mono, int start_minutes,
                double speedup);
/* Local time since 1970, as curves take it. Never steps: it runs on the monotonic clock. */
int64_t scene_local_ms(const struct scene *s, struct clk_mono now);

#endif
