/*
 * One bus, polled: what to put on the wire next, and what each answer means.
 *
 * A pure step machine. The worker asks poll_next() what to do, does it, and reports back with
 * poll_opened / poll_replied / poll_drained; the other actions need no answer. One thread; no
 * clock, no system call; allocates only in poll_create.
 *
 *            +--------+ opened  +-------+  send   +------+ good reply, exception
 *   start -> | CLOSED | ------> | READY | ------> | BUSY | ---------------------> READY
 *            +--------+         +-------+         +------+
 *                ^                  ^ quiet          | timeout, CRC, foreign, lost
 *                |  TCP, or lost    |                v
 *                +------------------|----------- POISONED -- drain
 *
 * Late replies. libmodbus, and RTU itself, cannot tell a late reply from the one being waited for
 * except by unit, function and byte count. So a reply's *signature* (unit, function, byte count)
 * that went unanswered is blocked: nothing with the same signature is asked before
 * POLL_LATE_FACTOR timeouts have passed since it was sent (longer once a slave was seen to be
 * later). Meanwhile the same points are read in two parts, whose replies have other lengths. No
 * late reply up to that age can be taken for another's, in whatever order replies arrive. On TCP
 * the connection is replaced as well.
 *
 * Dead slaves. After POLL_FAILURES_MAX timeouts in a row a device is silent: its points are
 * reported bad on their own rhythm, and it is probed with a growing, jittered delay, either in a
 * gap that nobody needs or from POLL_PROBE_PER_MILLE of the bus's time.
 */
#ifndef GATEWAY_CORE_BUS_POLL_H
#define GATEWAY_CORE_BUS_POLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "gateway/core/bus/bus.h"
#include "gateway/core/bus/plan.h"
#include "model/sample.h"

#define POLL_FAILURES_MAX    3
#define POLL_LATE_FACTOR     6 /* promised up to 5; one more for jitter and the reply's own time */
#define POLL_PROBE_PER_MILLE 15
#define POLL_PROBE_DELAY_MS  1000
#define POLL_PROBE_DELAY_MAX 10000
#define POLL_REOPEN_MS       250
#define POLL_REOPEN_MAX_MS   2000
#define POLL_BUSY_RETRIES    3
#define POLL_BUSY_DELAY_MS   100
#define POLL_DRAIN_LIMIT_MS  1000
#define POLL_BROADCAST_MS    100  /* for slaves to act on it: V1.02, 2.4.1 (100 to 200 ms) */
#define POLL_ASK_MAX_MS      2000 /* a person's request: from its end to its reply's start */

enum poll_kind {
    POLL_OPEN,   /* close the port if it is open, then open it; answer poll_opened */
    POLL_SEND,   /* send `request`, wait for its reply; answer poll_replied */
    POLL_DRAIN,  /* read and throw away; answer poll_drained */
    POLL_WAIT,   /* nothing before `until` */
    POLL_REPORT, /* samples: values when cause is CAUSE_NONE (from the last reply), else bad ones */
    POLL_NOTE,   /* something a person or the health state must know */
    POLL_WRITTEN, /* the write given to poll_write has ended */
    POLL_ANSWER,  /* the request given to poll_ask has ended; what was read is the last reply's */
};

/* Points plan->points[first .. first + points - 1] of one device; the reply's first register or
 * bit is `address`. */
struct poll_report {
    uint16_t device;
    enum plan_role role; /* PLAN_CODES, PLAN_STATUS: no points; the reply is the map's `count` */
    uint32_t first;
    uint16_t points;
    uint16_t address, count;
    enum cause cause;
    uint8_t exception;
};

enum poll_note_kind {
    POLL_NOTE_PORT_DOWN,     /* opening failed; said once until PORT_UP */
    POLL_NOTE_PORT_UP,       /* open, after it was down */
    POLL_NOTE_LINE_NOISY,    /* bytes never stop: another master, or a stuck transmitter */
    POLL_NOTE_DEVICE_SILENT, /* given up after POLL_FAILURES_MAX timeouts in a row */
    POLL_NOTE_DEVICE_BACK,   /* answers again */
    POLL_NOTE_DEVICE_LATE,   /* answered `ms` after being asked, past its deadline: said once */
    POLL_NOTE_DEVICE_CONFIG, /* refuses `report`'s points (exception 1-3): said once */
};

struct poll_note {
    enum poll_note_kind kind;
    uint16_t device; /* DEVICE_* */
    uint32_t ms;
    struct poll_report report; /* DEVICE_CONFIG */
};

struct poll_write {
    uint64_t id; /* the caller's */
    uint16_t device;
    uint16_t point; /* index in the profile; a coil or holding register */
    uint16_t values[POINT_REGS_MAX];
};

/* How a write ended: it was written and read back only when both say BUS_OK; the registers read
 * back are then the last reply's. A write is tried once: its cause says whether it may have
 * happened. */
struct poll_written {
    uint64_t id;
    uint16_t device, point;
    uint16_t read_point; /* what shows its effect; the values are this one's */
    bool broadcast;      /* sent to all: nobody answers, nothing is read back */
    enum bus_outcome written, read_back;
    uint8_t exception;
};

struct poll_answer {
    uint64_t id;
    struct bus_reply reply;
    uint16_t count; /* values read; 0 unless the outcome is BUS_OK */
};

struct poll_action {
    enum poll_kind kind;
    struct bus_request request;  /* SEND */
    uint32_t quiet_ms, limit_ms; /* DRAIN: until nothing came for quiet_ms, at most limit_ms */
    struct clk_mono until;       /* WAIT */
    struct poll_report report;   /* REPORT */
    struct poll_note note;       /* NOTE */
    struct poll_written written; /* WRITTEN */
    struct poll_answer answer;   /* ANSWER */
};

struct poll_stats {
    uint64_t requests, replies, timeouts, damaged, foreign, exceptions, lost;
    uint64_t skipped;  /* readings that had no turn: the bus is slower than planned */
    uint64_t drained;  /* bytes thrown away */
    size_t silent;     /* devices silent now */
    uint32_t worst_ms; /* longest turnaround seen in a good reply */
};

struct poll;

/* Borrows plan for the poll's life. `seed` spreads jitter. NULL without memory. */
struct poll *poll_create(const struct plan *plan, uint64_t seed, struct clk_mono now);
void poll_destroy(struct poll *p); /* NULL is fine */

void poll_next(struct poll *p, struct clk_mono now, struct poll_action *out);
void poll_opened(struct poll *p, struct clk_mono now, bool ok);
void poll_replied(struct poll *p, struct clk_mono now, const struct bus_reply *reply);
/* bytes: how many were thrown away; quiet: false when they never stopped. */
void poll_drained(struct poll *p, struct clk_mono now, size_t bytes, bool quiet);

/* Takes one write; it goes before all polling. ERR_AGAIN while another is under way, ERR_DENIED
 * for a point that cannot be written, ERR_NOTFOUND for a device or point that is not there. */
int poll_write(struct poll *p, const struct poll_write *w);

/* Takes one request of a person's, to any unit; it goes before all polling and is protected from
 * late replies like a reading. q is copied; its timeout_ms is the time to the reply's start (0: the
 * line's), at most POLL_ASK_MAX_MS. ERR_AGAIN while another or a write is under way, ERR_INVALID
 * for what poll_askable refuses: no frame, too many values, a read from everybody. */
int poll_ask(struct poll *p, uint64_t id, const struct bus_request *q);
bool poll_askable(const struct plan *plan, const struct bus_request *q);

/* The caller has closed the port and gives it away; not while an action waits for its answer. Until
 * poll_resume nothing is opened, writes and asks end as BUS_LOST, and readings are bad with
 * CAUSE_STALE on their own rhythm. Both are safe to repeat. */
void poll_release(struct poll *p);
void poll_resume(struct poll *p, struct clk_mono now);

/* Whether a point can be written at all: writable, and a coil or holding register. */
bool poll_writable(const struct plan *plan, uint16_t device, uint16_t point);

void poll_get_stats(const struct poll *p, struct poll_stats *out);
/* The longest any one action can take: what a watchdog must allow. */
uint32_t poll_action_max_ms(const struct poll *p);

#endif
