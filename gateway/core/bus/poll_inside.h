/*
 * The inside of struct poll, for the files that make it up and for nobody else:
 *
 *   poll.c         the machine: what is asked next, what an event changes
 *   poll_turn.c    whose turn it is: readings, their slots, probes, readings that get no turn
 *   poll_answer.c  what an answer means: for a reading and its device
 *   poll_job.c     what a person or a command wants: writes, asks
 *   poll_state.c   the outgoing queue, the times of this line
 *
 * One thread; nothing here allocates.
 */
#ifndef GATEWAY_CORE_BUS_POLL_INSIDE_H
#define GATEWAY_CORE_BUS_POLL_INSIDE_H

#include "base/rng.h"
#include "gateway/core/bus/late.h"
#include "gateway/core/bus/poll.h"

#define POLL_OUT_MAX    8
#define POLL_NO_READING SIZE_MAX
#define POLL_SLACK_MS   2 /* in a deadline: rounding, and the system's timers */

enum poll_state { CLOSED, OPENING, READY, BUSY, POISONED, DRAINING };
enum part { WHOLE, HEAD, TAIL };
enum job_stage { JOB_NONE, JOB_WRITE, JOB_READ_BACK, JOB_ASK };

struct device {
    unsigned failures;
    bool silent, late_told;
    enum cause cause; /* of the last failure, for readings that get no turn */
    uint8_t exception;
    struct clk_mono probe_at;
    uint32_t probe_delay_ms;
    struct late late;
};

struct reading {
    struct plan_request plan;
    struct clk_mono grid;  /* slots begin at grid + k * period */
    struct clk_mono slot;  /* the slot it is to serve */
    struct clk_mono ready; /* not before; later than slot after "busy" */
    enum part part;        /* TAIL: the first half is done */
    unsigned tries;        /* in this slot */
    bool told;             /* the configuration error was said */
};

/* What is on the wire. A unit that is no device of the plan is the stranger, the device after the
 * last; its late replies are told apart by their unit, which then stands in `function`. */
struct sent {
    size_t reading;
    enum part part;
    uint16_t device;
    uint8_t function, bytes;
    bool broadcast;
    uint32_t timeout_ms;
    int64_t line_us;
    struct clk_mono at;
};

struct job {
    enum job_stage stage;
    struct poll_write write;
    struct poll_written result;
    uint16_t masks[2]; /* of function 22: what stays, what is set */
    uint64_t ask_id;
    struct bus_request ask;
    uint16_t ask_values[BUS_REGISTERS_MAX];
    struct bus_reply reply; /* to the ask */
};

struct poll {
    const struct plan *plan;
    struct rng rng;
    enum poll_state state;
    struct clk_mono open_at;
    uint32_t reopen_ms;
    struct clk_mono silent_until; /* after a broadcast */
    bool down, noisy, released;
    struct reading *readings;
    size_t reading_count, reading_cap;
    struct device *devices;
    struct sent sent;
    enum bus_outcome sent_outcome; /* of the request that poisoned the line */
    struct job job;
    int64_t use_us;    /* line time of all readings, in microseconds a second */
    int64_t budget_us; /* line time that probes may take from others */
    struct clk_mono budget_at;
    uint32_t late_max_ms; /* the latest a reply was ever seen, from its request */
    struct poll_action out[POLL_OUT_MAX];
    size_t out_head, out_count;
    struct poll_stats stats;
};

/* --- poll_state.c --- */

void poll_change_state(struct poll *p, enum poll_state to);
/* Adds an action to those poll_next gives first; never more than POLL_OUT_MAX an event. */
struct poll_action *poll_push(struct poll *p, enum poll_kind kind);
bool poll_pop(struct poll *p, struct poll_action *out);
struct poll_note *poll_say(struct poll *p, enum poll_note_kind kind, uint16_t device);
struct poll_report poll_report_of(const struct plan_request *r, enum cause cause,
                                  uint8_t exception);
/* From a request's end to its reply's start, at most. */
uint32_t poll_reply_wait_ms(const struct poll *p, uint16_t device);
/* How long the line must be silent to count as drained. */
uint32_t poll_quiet_ms(const struct poll *p);
/* Line time of one request, in microseconds of each second. */
int64_t poll_use_us(const struct poll *p, const struct plan_request *r);
/* What is on the wire went unanswered: nothing like it until its reply can no longer come. */
void poll_block_sent(struct poll *p, struct clk_mono now);

/* --- poll_turn.c --- */

struct plan_request reading_part(const struct poll *p, const struct reading *r, enum part part);
void reading_next_slot(struct poll *p, struct reading *r, struct clk_mono now);
/* The slot is over without values for what was left of it. */
void reading_give_up(struct poll *p, struct reading *r, struct clk_mono now, enum cause cause,
                     uint8_t exception);
/* Cuts a refused reading in two for good, so that only the register that is not there stays bad.
 * False when it cannot be cut, or the line could not carry the pieces. */
bool reading_split(struct poll *p, struct reading *r, struct clk_mono now);
/* Each fills *out and returns true, or lowers *wake to when it could. */
bool poll_send_job(struct poll *p, struct clk_mono now, struct clk_mono *wake,
                   struct poll_action *out);
bool poll_send_due(struct poll *p, struct clk_mono now, struct clk_mono *wake,
                   struct poll_action *out);
/* idle_until: when polling needs the line next. */
bool poll_send_probe(struct poll *p, struct clk_mono now, struct clk_mono idle_until,
                     struct clk_mono *wake, struct poll_action *out);
/* Reports one reading whose slot cannot be served; true when it did. */
bool poll_report_no_turn(struct poll *p, struct clk_mono now, struct clk_mono *wake);

/* --- poll_answer.c --- */

/* doubtful: an exception that may belong to an older request. */
void poll_reading_replied(struct poll *p, struct clk_mono now, const struct bus_reply *reply,
                          bool doubtful);
void poll_device_answered(struct poll *p, uint16_t device, struct clk_mono now);

/* --- poll_job.c --- */

void poll_job_replied(struct poll *p, struct clk_mono now, const struct bus_reply *reply,
                      bool doubtful);
/* The job's next request, and how its reply is told from others' in *sent. */
struct bus_request poll_job_request(const struct poll *p, struct sent *sent);
void poll_job_end(struct poll *p);

#endif
