/*
 * One thread a bus: runs its poll machine over its port and mails what comes of it to the loop.
 *
 * Owns the port and the machine; borrows plan, mailbox and clock, which outlive it. All functions
 * but create and destroy may be called from any thread and never wait for the bus. Samples travel
 * as bulk mail and are counted in `dropped` when the mailbox is full (FAULTS' "dropped from
 * memory"); states and results of writes travel as control mail. A sample's time is the moment its
 * reply was complete; values of a dynamic map are mailed once the codes behind them were read, one
 * request later. Allocates only what it mails.
 */
#ifndef GATEWAY_IO_BUS_BUS_WORKER_H
#define GATEWAY_IO_BUS_BUS_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/err.h"
#include "gateway/core/bus/poll.h"
#include "gateway/io/bus/bus_port.h"
#include "gateway/io/bus/bus_say.h"
#include "io/mailbox.h"

#define BUS_WRITES_MAX      16 /* waiting for one bus */
#define BUS_ASKS_MAX        8
#define BUS_WEDGED_GRACE_MS 2000 /* beyond the longest action there is */

/* Types of the mail, from 0x4200 on; mail.a is the bus, mail.data one of the structs below. */
enum bus_mail {
    BUS_REPORT = 0x4200, /* bulk: struct bus_report */
    BUS_STATE,           /* control: struct bus_state */
    BUS_WRITTEN,         /* control: struct bus_written */
    BUS_ANSWER,          /* control: struct bus_answer */
    BUS_RELEASED,        /* control: no data; the port is closed and free for another program */
    BUS_RAW,             /* bulk, while shown: struct bus_raw, before its BUS_REPORT */
};

struct bus_report {
    unsigned bus;
    size_t count;
    struct sample samples[]; /* device: as in the configuration */
};

/* What the readings of the report behind it were made of. */
struct bus_raw {
    uint16_t device;         /* as in the configuration */
    uint16_t address, count; /* registers, or a word of 0 or 1 a bit */
    uint16_t values[];
};

struct bus_state {
    unsigned bus;
    enum poll_note_kind kind;
    uint16_t device;           /* as in the configuration; with POLL_NOTE_DEVICE_* */
    uint8_t exception;         /* with POLL_NOTE_DEVICE_CONFIG */
    char text[BUS_STATE_TEXT]; /* for the log and the operator: what, where, what to do */
};

struct bus_written {
    unsigned bus;
    uint64_t id;
    struct sample read_back; /* bad, with its cause, unless it was written and read back; its point
                                is the one read, which the profile may say is another */
    bool maybe_written;      /* with a bad one: it may have taken effect all the same */
    bool broadcast;          /* sent to all; nobody answers, so read_back has no value */
};

/* The answer to bus_worker_ask. */
struct bus_answer {
    unsigned bus;
    uint64_t id;
    struct bus_reply reply;
    uint32_t turnaround_us; /* from the request's end to the reply's first byte; 0: no reply */
    size_t count;
    uint16_t values[]; /* registers, or a word of 0 or 1 a bit */
};

/* What a line's timing looked like since the worker started: `gatewayctl timing`. */
/* Bucket i holds turnarounds below 250 us * 2^(i/2); the last one all above as well. */
#define BUS_TIMING_BUCKETS 24
struct bus_timing {
    uint64_t turnaround[BUS_TIMING_BUCKETS];
    uint64_t replies;
    uint64_t pauses;      /* replies with a silence above T1.5 inside: the frame is in pieces */
    uint64_t early;       /* bytes that came when nobody was asked, or before T3.5 was over */
    uint64_t noise_bytes; /* thrown away */
    uint32_t longest_us;
};

struct bus_worker_config {
    unsigned bus; /* index in the configuration */
    const struct plan *plan;
    struct bus_port *port; /* taken, also when create fails */
    struct mailbox *mailbox;
    const struct clk *clk;
    uint64_t seed;
};

struct bus_worker;

/* Starts the thread. ERR_NOMEM or ERR_IO. */
int bus_worker_create(const struct bus_worker_config *config, struct bus_worker **out,
                      struct err *e);
/* Stops the thread, which ends within bus_worker_limit_ms, and frees everything. ERR_TIMEOUT, after
 * a line in the log, for a thread that is stuck in the kernel: it is left behind, and plan, mailbox
 * and clock must be left to it. NULL is fine. */
int bus_worker_destroy(struct bus_worker *w);

/* Queues a write of `value` to a point of the plan's device; its end is a BUS_WRITTEN. ERR_FULL, or
 * what poll_write and point_encode refuse, with e. */
int bus_worker_write(struct bus_worker *w, uint64_t id, uint16_t plan_device, uint16_t point,
                     const struct value *value, struct err *e);

/* Queues one request of a person's, which goes before all polling; its end is a BUS_ANSWER. Reads
 * only, or what `q` writes is the caller's to answer for; at most BUS_REGISTERS_MAX words of it.
 * q is copied; see poll_ask for its timeout. ERR_FULL, ERR_INVALID for what is no request. */
int bus_worker_ask(struct bus_worker *w, uint64_t id, const struct bus_request *q, struct err *e);

/* Hands the port over: closed between two requests, BUS_RELEASED says when; until
 * bus_worker_resume nothing is opened, writes and asks end at once as not sent, and points are bad
 * with CAUSE_STALE. Safe to repeat: each release is answered by a BUS_RELEASED, unless it was taken
 * back before. */
void bus_worker_release(struct bus_worker *w);
void bus_worker_resume(struct bus_worker *w);

/* Whether somebody watches: then, and only then, registers are mailed with the readings. */
void bus_worker_show(struct bus_worker *w, bool on);

void bus_worker_get_timing(struct bus_worker *w, struct bus_timing *out);

/* The longest the thread may go without a sign of life, and whether it has gone longer: then it is
 * wedged in the kernel or a library, and its points are CAUSE_WEDGED. */
int64_t bus_worker_limit_ms(const struct bus_worker *w);
bool bus_worker_wedged(const struct bus_worker *w, struct clk_mono now);

void bus_worker_get_stats(struct bus_worker *w, struct poll_stats *out);
/* Samples that found the mailbox full, or no memory. */
uint64_t bus_worker_dropped(const struct bus_worker *w);

#endif
