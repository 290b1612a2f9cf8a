/*
 * Replies that may still come: which requests to one slave are unsafe to repeat, and until when.
 *
 * A reply names its unit, function and byte count, no more; two requests that agree in these are
 * told apart by nothing but time. An unanswered one is therefore blocked here until its reply can
 * no longer arrive. Holds LATE_MAX of them; when full, everything is blocked, which is safe. No
 * allocation; one thread.
 */
#ifndef GATEWAY_CORE_BUS_LATE_H
#define GATEWAY_CORE_BUS_LATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clk.h"

#define LATE_MAX 8

struct late {
    struct {
        uint8_t function, bytes;
        struct clk_mono until;
    } blocked[LATE_MAX];
    struct clk_mono all_until;
};

void late_init(struct late *l);
/* Nothing with this function and byte count is to be asked before `until`. */
void late_block(struct late *l, uint8_t function, uint8_t bytes, struct clk_mono until,
                struct clk_mono now);
/* When such a request is safe again; in the past when it is. */
struct clk_mono late_until(const struct late *l, uint8_t function, uint8_t bytes);
/* An exception carries no length: while any request of its function is unanswered, it may belong
 * to that one. */
bool late_exception_doubtful(const struct late *l, uint8_t function, struct clk_mono now);

#endif
