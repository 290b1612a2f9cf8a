/* What uplink.c (the connection), uplink_lane.c (what is in flight) and uplink_ack.c (what comes
 * back) share. */
#ifndef GATEWAY_CORE_UPLINK_UPLINK_INSIDE_H
#define GATEWAY_CORE_UPLINK_UPLINK_INSIDE_H

#include "gateway/core/uplink/uplink.h"

/* Adds an action; never more than UPLINK_ACTIONS_MAX an event. */
struct uplink_action *uplink_push(struct uplink *u, enum uplink_verb verb);
void uplink_say_security(struct uplink *u, const char *text);

/* --- uplink_lane.c --- */

/* Nothing is in flight any more; what was may be taken again. */
void lane_reset(struct uplink *u, struct clk_mono now);
/* Asks the spool for what may be sent now. */
void lane_fill(struct uplink *u, struct clk_mono now);
/* Gives back what was not acknowledged in time. */
void lane_expire(struct uplink *u, struct clk_mono now);
void lane_measure(struct uplink *u, struct clk_mono now);
struct clk_mono lane_wake(const struct uplink *u);
/* The flights of that epoch up to `upto` or inside one of the ranges have arrived. */
void lane_arrived(struct uplink *u, uint64_t epoch, uint64_t upto, const struct range *also,
                  size_t n, struct clk_mono now);

/* --- uplink_ack.c --- */

/* Another store, or an older state of it: everything held is sent again. */
void ack_rewind(struct uplink *u, const char *store, const char *why, struct clk_mono now);

#endif
