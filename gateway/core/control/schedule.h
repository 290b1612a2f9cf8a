/*
 * What a lighting schedule wants at an instant, and the instant of its next step.
 *
 * Every local day takes its steps from the first exception that covers it, else from the schedule;
 * a step by the sun belongs to the day of that sunrise or sunset. The latest step that has come
 * holds, over midnight too; of two at one instant the one later in its day's list. In a
 * polar day the sun counts as risen at midnight, in a polar night as set at noon.
 *
 * Pure. Cost: a few dozen sun_day; ask again at `next`, not before.
 */
#ifndef GATEWAY_CORE_CONTROL_SCHEDULE_H
#define GATEWAY_CORE_CONTROL_SCHEDULE_H

#include <stdbool.h>

#include "base/clk.h"
#include "model/control.h"

#define SCHEDULE_LOOK_DAYS 200 /* how far back a step is sought: longer than any polar night */

struct schedule_state {
    bool known;                 /* false: no step within SCHEDULE_LOOK_DAYS; value means nothing */
    struct value value;         /* wanted from since until just before next */
    struct clk_utc since, next; /* next: at the latest a day on, even when nothing happens then */
};

void schedule_at(const struct control_schedule *s, const struct control *place, struct clk_utc at,
                 struct schedule_state *out);

#endif
