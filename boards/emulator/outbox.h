/*
 * Replies on their way: each leaves when its time has come, whole or byte by byte, and is then
 * written into the ledger.
 *
 * On a serial bus replies are independent: a late slave does not hold up its neighbours. On a TCP
 * connection they leave in the order of the requests. A full outbox drops the new reply, as a
 * device that is too busy does; nothing of it reaches the ledger. Runs on the loop; a reply with an
 * exact moment holds the loop up for the last of its milliseconds.
 */
#ifndef EMULATOR_OUTBOX_H
#define EMULATOR_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "boards/emulator/journal.h"
#include "boards/emulator/slave.h"
#include "boards/emulator/wire.h"
#include "io/loop.h"

#define OUTBOX_MAX 16

struct outbox_job {
    struct clk_mono due;
    int64_t exact_us;     /* not before this moment of outbox_now_us; 0: `due` is exact enough */
    uint32_t byte_gap_ms; /* 0: all at once */
    size_t len, sent;
    uint8_t frame[WIRE_FRAME_MAX + 1]; /* noise may add a byte */
    const struct slave *slave;
    const char *fate; /* a literal */
    size_t reading_count;
    struct slave_reading readings[PROFILE_POINTS_MAX];
};

struct outbox {
    struct loop *loop;
    struct journal *journal;
    struct loop_timer timer;
    int fd;                           /* borrowed; -1: nobody is there, replies vanish */
    bool ordered;                     /* TCP */
    void (*broken)(struct outbox *o); /* a write failed; may be NULL */
    void *owner;
    size_t count;
    uint64_t dropped;
    struct outbox_job *jobs; /* OUTBOX_MAX; owned; in the order they came */
};

/* ERR_NOMEM. The caller sets fd, broken and owner. */
int outbox_init(struct outbox *o, struct loop *loop, struct journal *journal, bool ordered);
void outbox_finish(struct outbox *o); /* of a zeroed struct is fine */

/* The time line of exact moments: CLOCK_BOOTTIME, as the loop's. */
int64_t outbox_now_us(void);
/* The job is due at this moment of it, exactly. */
void outbox_due_exact(struct outbox_job *job, int64_t at_us);

/* The place of the next reply, zeroed; NULL when full. outbox_push sends it on its way. */
struct outbox_job *outbox_room(struct outbox *o);
void outbox_push(struct outbox *o);
/* Forgets replies half sent: on a bus a dribbling slave falls silent when it hears a new request.
 */
void outbox_hush(struct outbox *o);
/* Forgets all. */
void outbox_clear(struct outbox *o);

#endif
