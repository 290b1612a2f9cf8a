/*
 * SIGTERM, SIGINT and SIGHUP as events of the loop (signalfd); SIGPIPE ignored.
 *
 * Call signals_init before the first thread is started: threads inherit the blocked mask, so the
 * signals reach the loop and nothing else. They stay blocked after signals_finish: a second SIGTERM
 * must not cut an orderly stop short. One user a process, on the loop's thread.
 */
#ifndef IO_SIGNALS_H
#define IO_SIGNALS_H

#include "base/err.h"
#include "io/loop.h"

struct signals {
    struct loop *loop; /* borrowed */
    struct loop_watch watch;
    void (*arrived)(struct signals *signals, int number); /* SIGTERM, SIGINT or SIGHUP */
    void *owner;
};

/* ERR_IO. */
int signals_init(struct signals *s, struct loop *loop,
                 void (*arrived)(struct signals *signals, int number), void *owner, struct err *e);
/* Of a zeroed struct is fine. */
void signals_finish(struct signals *s);

#endif
