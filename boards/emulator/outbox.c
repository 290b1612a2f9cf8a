#include "boards/emulator/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS 2 /* the other side does not read */
#define AWAKE_US 200

static void run(struct outbox *o, struct clk_mono now);

static void timer_fired(struct loop_timer *timer, struct clk_mono now)
{
    run(timer->owner, now);
}

int outbox_init(struct outbox *o, struct loop *loop, struct journal *journal, bool ordered)
{
    memset(o, 0, sizeof(*o));
    o->jobs = calloc(OUTBOX_MAX, sizeof(*o->jobs));
    if (!o->jobs)
        return ERR_NOMEM;
    o->loop = loop;
    o->journal = journal;
    o->ordered = ordered;
    o->fd = -1;
    o->timer = (struct loop_timer){.fire = timer_fired, .owner = o};
    return 0;
}

void outbox_finish(struct outbox *o)
{
    if (o->loop)
        loop_timer_stop(o->loop, &o->timer);
    free(o->jobs);
    memset(o, 0, sizeof(*o));
}

struct outbox_job *outbox_room(struct outbox *o)
{
    if (o->count == OUTBOX_MAX) {
        o->dropped++;
        return NULL;
    }
    memset(&o->jobs[o->count], 0, sizeof(o->jobs[0]));
    return &o->jobs[o->count];
}

static void remove_job(struct outbox *o, size_t i)
{
    o->count--;
    memmove(&o->jobs[i], &o->jobs[i + 1], (o->count - i) * sizeof(o->jobs[0]));
}

void outbox_hush(struct outbox *o)
{
    for (size_t i = o->count; i-- > 0;)
        if (o->jobs[i].sent > 0)
            remove_job(o, i);
}

void outbox_clear(struct outbox *o)
{
    o->count = 0;
    loop_timer_stop(o->loop, &o->timer);
}

/* The job that leaves next: the first in line, or the one due first. */
static size_t next_job(const struct outbox *o)
{
    size_t next = 0;
    for (size_t i = 1; i < o->count && !o->ordered; i++)
        if (o->jobs[i].due.ms < o->jobs[next].due.ms)
            next = i;
    return next;
}

static void arm(struct outbox *o)
{
    if (o->count > 0)
        loop_timer_start(o->loop, &o->timer, o->jobs[next_job(o)].due);
    else
        loop_timer_stop(o->loop, &o->timer);
}

static void enter_in_ledger(const struct outbox *o, const struct outbox_job *job, struct clk_utc at)
{
    for (size_t i = 0; i < job->reading_count; i++)
        journal_write(o->journal, at, job->slave, &job->readings[i], job->fate);
}

int64_t outbox_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The loop's timers are milliseconds: it wakes one early, and the rest is waited out here. */
void outbox_due_exact(struct outbox_job *job, int64_t at_us)
{
    job->exact_us = at_us;
    job->due.ms = job->exact_us / 1000 - 1;
}

/* A sleep ends late by what the scheduler takes, so its last part is spent awake. */
static void wait_exact(const struct outbox_job *job)
{
    int64_t us = job->exact_us - AWAKE_US;
    struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    if (job->exact_us == 0 || job->sent > 0)
        return;
    clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &t, NULL);
    while (outbox_now_us() < job->exact_us)
        ;
}

/* Sends what is due of the job. 1: all of it has left; 0: more to come, due is moved; or
 * ERR_CLOSED. The time in the ledger is taken before the write, so it is never after the reply's
 * arrival. */
static int send_job(struct outbox *o, struct outbox_job *job, struct clk_mono now)
{
    size_t n = job->byte_gap_ms ? 1 : job->len - job->sent;
    wait_exact(job);
    struct clk_utc at = clk_utc(loop_clk(o->loop));
    ssize_t written = o->fd < 0 ? (ssize_t)n : write(o->fd, job->frame + job->sent, n);
    if (written < 0 && errno != EAGAIN && errno != EINTR)
        return ERR_CLOSED;
    if (written > 0)
        job->sent += (size_t)written;
    if (job->sent == job->len) {
        if (o->fd >= 0)
            enter_in_ledger(o, job, at);
        return 1;
    }
    job->due = clk_mono_add(now, written > 0 && job->byte_gap_ms ? job->byte_gap_ms : RETRY_MS);
    return 0;
}

static void run(struct outbox *o, struct clk_mono now)
{
    while (o->count > 0) {
        size_t i = next_job(o);
        if (!clk_mono_due(o->jobs[i].due, now))
            break;
        int r = send_job(o, &o->jobs[i], now);
        if (r < 0) {
            outbox_clear(o);
            if (o->broken)
                o->broken(o); /* may have freed o */
            return;
        }
        if (r == 1)
            remove_job(o, i);
    }
    arm(o);
}

void outbox_push(struct outbox *o)
{
    o->count++;
    run(o, clk_mono(loop_clk(o->loop)));
}
