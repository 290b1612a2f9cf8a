/*
 * When to try again: exponential with full jitter, on the monotonic clock (a wall clock that steps
 * back must not stop a reconnect). Full jitter spreads ten thousand gateways that lost the same
 * broker.
 *
 * Pure; owned by one step machine.
 */
#ifndef GATEWAY_CORE_UPLINK_BACKOFF_H
#define GATEWAY_CORE_UPLINK_BACKOFF_H

#include "base/clk.h"
#include "base/rng.h"

#define BACKOFF_STABLE_MS                                                                          \
    60000 /* a connection this old makes the next failure the first one again */

struct backoff {
    int64_t least_ms, most_ms;
    unsigned failures;
    struct rng rng;
};

void backoff_init(struct backoff *b, int64_t least_ms, int64_t most_ms, uint64_t seed);
/* A failure at now: when the next try is due. Uniform in [least/2, min(most, least * 2^failures)].
 */
struct clk_mono backoff_fail(struct backoff *b, struct clk_mono now);
/* A connection that began at `since` ends now; a stable one clears the count. */
void backoff_ended(struct backoff *b, struct clk_mono since, struct clk_mono now);

#endif
