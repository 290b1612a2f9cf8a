#include "gateway/io/bus/bus_wire.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "gateway/core/bus/frame.h"
#include "gateway/core/bus/plan.h"

#define EARLY_MAX       16   /* reads of unasked bytes; then the line counts as never quiet */
#define AWAKE_US        100  /* of a silence's end: a sleep ends that late on an idle machine */
#define AWAKE_WITHIN_US 5000 /* in silences up to this; in longer ones it does not matter */
#define REPLY_ROOM      512  /* the longest reply, and what may lie behind it */
#define FIFO_CHARACTERS 4    /* a UART's FIFO hands its rest over after so many (16550) */
#define PAUSE_SLACK_US  1000 /* USB adapters send once a millisecond */
#define CHARACTER_BITS  11
#define PAUSE_FAST_BAUD 19200
#define PAUSE_FAST_US   750

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- life --- */

static uint32_t character_ns(const struct bus_line *line)
{
    uint32_t bits = CHARACTER_BITS;
    if (line->baud == 0)
        return 0;
    if (line->kind == BUS_RTU) /* start, eight data bits, and what the line adds */
        bits = 9U + (line->parity != 'N') + line->stop_bits;
    return (uint32_t)(bits * UINT64_C(1000000000) / line->baud);
}

/* T1.5, and what hides it from a program: a FIFO, an adapter that sends once a millisecond. */
static uint32_t pause_us(const struct bus_line *line, uint32_t char_ns)
{
    uint32_t t15_us = line->baud > PAUSE_FAST_BAUD ? PAUSE_FAST_US : char_ns * 3 / 2000;
    return t15_us + FIFO_CHARACTERS * char_ns / 1000 + PAUSE_SLACK_US;
}

void bus_wire_init(struct bus_wire *w, const struct bus_line *line)
{
    *w = (struct bus_wire){.fd = -1, .kind = line->kind};
    w->character_ns = character_ns(line);
    w->silence_us = plan_silence_us(line);
    w->awake_us = w->silence_us <= AWAKE_WITHIN_US ? AWAKE_US : 0;
    w->pause_us = line->kind == BUS_RTU ? pause_us(line, w->character_ns) : 0;
}

void bus_wire_use(struct bus_wire *w, int fd)
{
    w->fd = fd;
    w->patience_ms = 0;
    w->quiet_since_us = now_us();
}

/* --- bytes --- */

/* 1: something can be read; 0: nothing came in time; -1: the port is gone. */
static int wait_readable(const struct bus_wire *w, int64_t us)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    if (us < 0)
        us = 0;
    struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    int rc = ppoll(&p, 1, &t, NULL);
    if (rc < 0)
        return errno == EINTR ? 0 : -1;
    return rc == 0 ? 0 : p.revents & POLLIN ? 1 : -1;
}

/* More than 0: bytes; 0: nothing came in time; -1: the port is gone. */
static ssize_t get(const struct bus_wire *w, uint8_t *bytes, size_t room, int64_t until_us)
{
    int ready = wait_readable(w, until_us - now_us());
    if (ready <= 0)
        return ready;
    ssize_t n = read(w->fd, bytes, room);
    return n > 0 ? n : -1;
}

/* A fresh request's first bytes: the receive itself waits, which saves a call. */
static ssize_t get_first(const struct bus_wire *w, uint8_t *bytes, size_t room, int64_t until_us)
{
    if (w->kind != BUS_TCP)
        return get(w, bytes, room, until_us);
    ssize_t n = recv(w->fd, bytes, room, 0);
    if (n < 0 && errno == EINTR)
        return get(w, bytes, room, until_us);
    if (n < 0 && errno == EAGAIN)
        return 0;
    return n > 0 ? n : -1;
}

static bool put(const struct bus_wire *w, const uint8_t *bytes, size_t len)
{
    ssize_t n = w->kind == BUS_RTU ? write(w->fd, bytes, len)
                                   : send(w->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n == (ssize_t)len;
}

/* --- before sending --- */

/* What lies unread on TCP means that the connection is out of step, or closed. */
static bool is_in_step(const struct bus_wire *w, struct bus_reply *reply)
{
    uint8_t byte;
    ssize_t n = recv(w->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0)
        reply->outcome = BUS_FOREIGN;
    return n < 0 && errno == EAGAIN;
}

/* As get, until the silence is over: asleep, then awake, so that a late wake-up does not lengthen
 * it. That costs AWAKE_US of a processor a request, below one percent of a line's time. */
static ssize_t get_early(const struct bus_wire *w, uint8_t *bytes, size_t room)
{
    int64_t end_us = w->quiet_since_us + w->silence_us;
    ssize_t n = get(w, bytes, room, end_us - w->awake_us);
    if (n != 0 || w->awake_us == 0)
        return n;
    while (now_us() < end_us)
        ;
    return get(w, bytes, room, end_us);
}

/* What comes on a serial line before anything was asked can only answer something older, or be
 * noise; the silence begins anew behind it. */
static bool is_silent(struct bus_wire *w, struct bus_reply *reply)
{
    uint8_t waste[REPLY_ROOM];
    for (int i = 0; i < EARLY_MAX; i++) {
        ssize_t n = get_early(w, waste, sizeof(waste));
        if (n < 0)
            return false;
        if (n == 0 && now_us() >= w->quiet_since_us + w->silence_us)
            return true;
        if (n > 0)
            w->quiet_since_us = now_us();
        reply->early_bytes = (uint16_t)(reply->early_bytes + n);
    }
    reply->outcome = BUS_FOREIGN;
    return false;
}

static void set_patience(struct bus_wire *w, uint32_t ms)
{
    if (w->kind != BUS_TCP || w->patience_ms == ms)
        return;
    struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    if (setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0)
        w->patience_ms = ms;
}

/* --- the reply --- */

/* `n` bytes came, behind `had` of the reply's; the request was over at end_us. */
static void note_arrival(struct bus_wire *w, size_t had, size_t n, int64_t end_us,
                         struct bus_reply *reply)
{
    int64_t now = now_us();
    int64_t spent_us = (int64_t)n * w->character_ns / 1000;
    if (had == 0) {
        int64_t turnaround_us = now - spent_us - end_us;
        reply->turnaround_us = turnaround_us > 1 ? (uint32_t)turnaround_us : 1;
        reply->hasty = w->paced && reply->turnaround_us < w->silence_us;
    } else if (w->pause_us > 0 && now - w->quiet_since_us - spent_us > w->pause_us) {
        reply->pause = true;
    }
    w->quiet_since_us = now;
}

static void receive(struct bus_wire *w, const struct bus_request *q, int64_t end_us,
                    int64_t until_us, uint16_t *values, struct bus_reply *reply)
{
    uint8_t adu[REPLY_ROOM];
    size_t len = 0;
    int need = 1;
    while (need > (int)len) {
        ssize_t n = len == 0 ? get_first(w, adu, sizeof(adu), until_us)
                             : get(w, adu + len, sizeof(adu) - len, until_us);
        if (n <= 0) {
            reply->outcome = n == 0 ? BUS_NO_REPLY : BUS_LOST;
            reply->noise_bytes = (uint16_t)len;
            return;
        }
        note_arrival(w, len, (size_t)n, end_us, reply);
        len += (size_t)n;
        /* A thread that was not run in time cannot tell when it came: then it came too late. */
        if (w->quiet_since_us > until_us) {
            reply->outcome = BUS_NO_REPLY;
            reply->noise_bytes = (uint16_t)len;
            return;
        }
        need = frame_adu_need(w->kind, adu, len);
    }
    frame_judge_adu(q, w->kind, w->transaction, adu, len, values, reply);
    if (reply->outcome == BUS_DAMAGED)
        reply->noise_bytes = (uint16_t)len;
}

void bus_wire_transact(struct bus_wire *w, const struct bus_request *q, uint16_t *values,
                       struct bus_reply *reply)
{
    uint8_t adu[FRAME_ADU_MAX];
    *reply = (struct bus_reply){.outcome = BUS_LOST};
    if (w->fd < 0)
        return;
    size_t len = frame_adu(q, w->kind, ++w->transaction, adu);
    if (len == 0 || !(w->kind == BUS_TCP ? is_in_step(w, reply) : is_silent(w, reply)))
        return;
    set_patience(w, q->timeout_ms);
    int64_t sent_us = now_us();
    reply->sent = true; /* from here on a part of it may be on the wire */
    if (!put(w, adu, len))
        return;
    int64_t end_us = sent_us + (int64_t)len * w->character_ns / 1000;
    w->quiet_since_us = w->paced ? end_us : sent_us;
    if (bus_is_broadcast(w->kind, q->unit))
        reply->outcome = BUS_OK;
    else
        receive(w, q, end_us, sent_us + (int64_t)q->timeout_ms * 1000, values, reply);
}

bool bus_wire_drain(struct bus_wire *w, uint32_t quiet_ms, uint32_t limit_ms, size_t *bytes)
{
    int64_t end_us = now_us() + (int64_t)limit_ms * 1000;
    uint8_t waste[REPLY_ROOM];
    *bytes = 0;
    while (w->fd >= 0 && now_us() < end_us) {
        ssize_t n = get(w, waste, sizeof(waste), now_us() + (int64_t)quiet_ms * 1000);
        if (n <= 0)
            return true; /* gone is quiet, too: the next request finds out */
        w->quiet_since_us = now_us();
        *bytes += (size_t)n;
    }
    return w->fd < 0;
}
