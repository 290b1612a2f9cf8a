/*
 * Condition variables that wait by the monotonic clock: a step of the wall clock neither ends a
 * wait early nor makes it last. Used with pthread_cond_timedwait and a deadline from here.
 */
#ifndef IO_COND_H
#define IO_COND_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

void cond_init(pthread_cond_t *cond);
struct timespec cond_deadline(int64_t ms); /* that many milliseconds from now, >= 0 */

#endif
