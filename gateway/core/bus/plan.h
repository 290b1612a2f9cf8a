/*
 * Which reads a line needs: a device's points merged into as few milliseconds as possible.
 *
 * Pure. Points of one device, table and period are cut into requests so that the sum of their line
 * times is least (an exact search, not a fixed gap: reading over a gap of unused registers costs
 * 22 bits each, another request costs 13 characters, two silences and the slave's turnaround).
 * A point is never split, a request never crosses tables or the border of one of the device's
 * blocks, and 125 registers or 2000 bits hold. Points may share registers: the bits of one, or the
 * values of a dynamic map, which every point with a code covers as a whole. Before such values
 * their status is read, and now and then the map's codes.
 *
 * A plan owns its arrays and borrows line, devices and profiles.
 */
#ifndef GATEWAY_CORE_BUS_PLAN_H
#define GATEWAY_CORE_BUS_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "gateway/core/bus/bus.h"

/* Of each second, how much may be planned; the rest is for commands, retries and probes. */
#define PLAN_USE_MAX_PERCENT 90
#define PLAN_PERIOD_MIN_MS   100
#define PLAN_PERIOD_MAX_MS   (24 * 3600 * 1000)
/* Phases are whole steps: on a fast line those of one step go one behind the other, where each
 * would cost a wake of its own. */
#define PLAN_PHASE_STEP_MS 50

/* What a request is for. A dynamic map is found out by reads of its own, which have no points:
 * which code each slot holds, and whether each slot's value counts. The codes are read behind each
 * reading of values, too: what was refitted meanwhile shows before a value is told. */
enum plan_role { PLAN_POINTS, PLAN_CODES, PLAN_STATUS };

struct plan_request {
    uint16_t device; /* index in the plan's devices */
    enum plan_role role;
    enum point_table table;
    uint16_t address, count;
    uint32_t period_ms;
    uint32_t first;  /* its points: plan->points[first .. first + points - 1], by address */
    uint16_t points; /* at least 1 with PLAN_POINTS */
    bool behind;     /* PLAN_CODES that confirm the values of the request before it: its phase */
};

struct plan {
    const struct bus_line *line;
    const struct bus_device *devices;
    size_t device_count;
    struct plan_request *requests;
    size_t request_count;
    uint16_t *points; /* indices in their device's profile */
    size_t point_count;
};

/* Checks line and devices and cuts the requests. ERR_INVALID, ERR_LIMIT, ERR_EXISTS (two
 * devices at one unit) or ERR_NOMEM; e says which device. A
 * device without points is fine. */
int plan_create(const struct bus_line *line, const struct bus_device *devices, size_t device_count,
                struct plan **out, struct err *e);
void plan_destroy(struct plan *plan); /* NULL is fine */

/* The part of r that covers `points` of its points from its `from`-th on. */
struct plan_request plan_slice(const struct plan *plan, const struct plan_request *r, size_t from,
                               size_t points);
/* Where r falls apart most cheaply: the number of its points before its widest gap, or in the
 * middle when there is none. 0: nowhere, because its points share registers, or are one or none. */
size_t plan_cut(const struct plan *plan, const struct plan_request *r);

/* How long a read of `count` occupies the line, in microseconds: on RTU
 * T = (13 + 2n) * 11/baud + 2 * max(38.5/baud, 1.75 ms) + t_slave  (Modbus over Serial Line V1.02,
 * 2.5.1.1: 11-bit characters, silences of 3.5 of them, 1.75 ms above 19200 baud); on TCP bytes,
 * round trip and t_slave, plus a converter's serial side when the line has a baud. */
int64_t plan_time_us(const struct bus_line *line, uint32_t turnaround_ms, enum point_table table,
                     uint32_t count);

/* T3.5, the silence that ends a frame and must pass before the next (Modbus over Serial Line V1.02,
 * 2.5.1.1); 0 on TCP. The port waits it out: a line's clock is finer than the poller's. */
uint32_t plan_silence_us(const struct bus_line *line);

/* Bytes of data in the reply to a read: what tells replies of one unit and function apart. */
uint8_t plan_reply_bytes(enum point_table table, uint32_t count);

/* plan_time_us of a request of the plan. */
int64_t plan_request_us(const struct plan *plan, const struct plan_request *r);

/* How long after the start of its period plan->requests[index] stands in the timetable: requests of
 * one period are spread over it in proportion to their line time. */
uint32_t plan_phase_ms(const struct plan *plan, size_t index);

/* Line time planned, in microseconds of each second. */
int64_t plan_use_us(const struct plan *plan);

/* For `gatewayd -n`: whether the line can carry its devices. ERR_LIMIT with the arithmetic (what is
 * needed of each second, who needs most, what to change), or what plan_create says. */
int plan_check(const struct bus_line *line, const struct bus_device *devices, size_t device_count,
               struct err *e);

#endif
