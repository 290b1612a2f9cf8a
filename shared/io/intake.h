/*
 * The loop's way to its mail: takes it from a mailbox, and what comes shortly after some together.
 *
 * Waking a loop costs more than most mail does. So after a turn with mail the mailbox is not
 * watched for pause_ms, then emptied again, for as long as mail keeps coming; an idle one is
 * watched and wakes the loop at once. A turn takes at most turn_max mails, so that timers keep
 * their turn under a flood.
 *
 * Owned by the loop's thread, borrows loop and mailbox; both outlive it. Nothing is allocated.
 */
#ifndef IO_INTAKE_H
#define IO_INTAKE_H

#include "io/loop.h"
#include "io/mailbox.h"

struct intake_options {
    struct loop *loop;
    struct mailbox *mailbox;
    void (*mail)(void *owner, const struct mail *m); /* m->data is freed behind it */
    void (*turned)(void *owner);                     /* after each turn; may be NULL */
    void *owner;
    unsigned pause_ms, turn_max;
};

struct intake {
    struct intake_options options;
    struct loop_watch watch;
    struct loop_timer timer;
};

/* ERR_IO when the mailbox cannot be watched. */
int intake_init(struct intake *in, const struct intake_options *options);
void intake_finish(struct intake *in); /* one never initialised is fine */
/* Takes what is there now, a turn at most; returns how many. */
unsigned intake_take(struct intake *in);

#endif
