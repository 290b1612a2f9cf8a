#include "gateway/core/uplink/backoff.h"

#define DOUBLINGS_MAX 20

void backoff_init(struct backoff *b, int64_t least_ms, int64_t most_ms, uint64_t seed)
{
    *b = (struct backoff){.least_ms = least_ms, .most_ms = most_ms};
    rng_init(&b->rng, seed);
}

struct clk_mono backoff_fail(struct backoff *b, struct clk_mono now)
{
    int64_t ceiling = b->least_ms << b->failures;
    if (b->failures < DOUBLINGS_MAX)
        b->failures++;
    if (ceiling > b->most_ms)
        ceiling = b->most_ms;
    int64_t floor = b->least_ms / 2;
    uint64_t spread = ceiling > floor ? (uint64_t)(ceiling - floor) : 0;
    return clk_mono_add(now, floor + (int64_t)rng_below(&b->rng, spread + 1));
}

void backoff_ended(struct backoff *b, struct clk_mono since, struct clk_mono now)
{
    if (now.ms - since.ms >= BACKOFF_STABLE_MS)
        b->failures = 0;
}
