/*
 * A bus's timetable for people and for programs: what `gatewayctl plan` prints.
 *
 * For each request its device, function, registers, line time, period, phase and share; for the bus
 * how much of each second is in use; and, when that is more than may be planned, the sum a person
 * can check and what would help. Pure: writes into the caller's buffer, which is checked for
 * overflow once at the end; PLAN_TEXT_MAX is enough for a bus of BUS_DEVICES_MAX devices.
 */
#ifndef GATEWAY_CORE_BUS_PLAN_TEXT_H
#define GATEWAY_CORE_BUS_PLAN_TEXT_H

#include <stdbool.h>

#include "base/buf.h"
#include "gateway/core/bus/plan.h"

#define PLAN_TEXT_MAX (1024 * 1024)

struct plan_text_style {
    bool ascii;  /* no character outside ASCII */
    bool colour; /* red for what is too much */
};

/* More line time is needed than may be planned. */
bool plan_text_overfull(const struct plan *plan);
void plan_text_bus(const struct plan *plan, const struct plan_text_style *style, struct buf *out);
/* One object: {"bus":...,"use_ms":...,"limit_ms":...,"overfull":...,"devices":[],"requests":[]}. */
void plan_text_json(const struct plan *plan, struct buf *out);

#endif
