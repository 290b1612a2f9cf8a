/*
 * A Modbus slave for tests, on a pseudo-terminal, a TCP port or a serial server's, with a thread
 * and framing of its own (nothing of the product's), that can misbehave.
 *
 * Every register of the reply to the n-th request received reads n, unless it was written before;
 * so a value says which request it answers. For each request the test's `fate` function, run on
 * the slave's thread, decides what becomes of its reply. Answers for every unit.
 */
#ifndef TESTS_SUPPORT_MODBUS_SLAVE_H
#define TESTS_SUPPORT_MODBUS_SLAVE_H

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define SLAVE_FLYING    64
#define SLAVE_FRAME     300
#define SLAVE_REGISTERS 256

/* What becomes of one reply; all zero is a good one at once. */
struct slave_fate {
    unsigned delay_ms;
    unsigned dribble_ms; /* one byte each */
    bool drop;
    bool damage; /* one bit of the frame */
    bool other_unit;
    bool other_length; /* one register more, well-formed */
    bool other_transaction;
    uint8_t exception;
    unsigned noise; /* bytes before it */
    unsigned tail;  /* and behind it */
    unsigned cut;   /* bytes missing at its end */
};

enum slave_kind { SLAVE_RTU, SLAVE_TCP, SLAVE_RTU_TCP };

struct slave_flying {
    int64_t at_ms;
    unsigned dribble_ms;
    size_t len, done;
    uint8_t bytes[SLAVE_FRAME];
};

struct modbus_slave {
    bool mbap, socket;
    int listener, fd;
    int hold; /* RTU: the pty's slave side, so that closing it by the gateway is no hang-up */
    char path[64];
    uint16_t port;
    pthread_t thread;
    atomic_bool stop;
    atomic_uint received;
    atomic_llong sent_us;    /* when the last reply's end went out */
    atomic_llong min_gap_us; /* least time from then to the next request's arrival */
    uint8_t unit, function;  /* of the last request */
    void (*fate)(unsigned request, const uint8_t *pdu, struct slave_fate *fate);
    uint8_t in[SLAVE_FRAME];
    size_t in_len;
    struct slave_flying flying[SLAVE_FLYING];
    size_t flying_count;
    atomic_int
        held[SLAVE_REGISTERS]; /* value + 1; 0: none, it counts requests. The test holds, too */
};

static inline int64_t slave_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline int64_t slave_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline uint16_t slave_crc(const uint8_t *bytes, size_t len)
{
    uint16_t crc = 0xffff;
    for (size_t i = 0; i < len; i++) {
        crc = (uint16_t)(crc ^ bytes[i]);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
    }
    return crc;
}

static inline unsigned slave_get16(const uint8_t *b)
{
    return (unsigned)b[0] << 8 | b[1];
}

/* Length of the whole request at the head of the buffer; 0: more is needed. */
static inline size_t slave_request_len(const struct modbus_slave *s)
{
    if (s->mbap)
        return s->in_len < 7 ? 0 : 6 + slave_get16(&s->in[4]);
    if (s->in_len < 8)
        return 0;
    switch (s->in[1]) {
    case 15:
    case 16:
        return 9U + s->in[6];
    case 22:
        return 10;
    case 23:
        return s->in_len < 11 ? 0 : 13U + s->in[10];
    default:
        return 8;
    }
}

static inline size_t slave_read_data(struct modbus_slave *s, const uint8_t *pdu, unsigned count,
                                     uint8_t *out)
{
    unsigned n = atomic_load(&s->received);
    unsigned address = slave_get16(&pdu[1]);
    if (pdu[0] <= 2) { /* bits */
        out[0] = (uint8_t)((count + 7) / 8);
        memset(&out[1], (int)(n & 1 ? 0xff : 0), out[0]);
        return 1U + out[0];
    }
    out[0] = (uint8_t)(2 * count);
    for (unsigned i = 0; i < count; i++) {
        unsigned at = (address + i) % SLAVE_REGISTERS;
        int held = atomic_load(&s->held[at]);
        unsigned v = held ? (unsigned)held - 1 : n;
        out[1 + 2 * i] = (uint8_t)(v >> 8);
        out[2 + 2 * i] = (uint8_t)v;
    }
    return 1U + out[0];
}

static inline void slave_hold(struct modbus_slave *s, unsigned address, unsigned count,
                              const uint8_t *values)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned at = (address + i) % SLAVE_REGISTERS;
        atomic_store(&s->held[at], (int)slave_get16(&values[2 * i]) + 1);
    }
}

static inline void slave_write(struct modbus_slave *s, const uint8_t *pdu)
{
    unsigned address = slave_get16(&pdu[1]);
    unsigned at = address % SLAVE_REGISTERS;
    if (pdu[0] == 6)
        slave_hold(s, address, 1, &pdu[3]);
    if (pdu[0] == 16)
        slave_hold(s, address, slave_get16(&pdu[3]), &pdu[6]);
    if (pdu[0] == 23)
        slave_hold(s, slave_get16(&pdu[5]), slave_get16(&pdu[7]), &pdu[10]);
    if (pdu[0] == 22) {
        unsigned and_mask = slave_get16(&pdu[3]), or_mask = slave_get16(&pdu[5]);
        int held = atomic_load(&s->held[at]);
        unsigned before = held ? (unsigned)held - 1 : 0;
        unsigned after = ((before & and_mask) | (or_mask & ~and_mask)) & 0xffff;
        atomic_store(&s->held[at], (int)after + 1);
    }
}

/* Unit and PDU of the reply. */
static inline size_t slave_reply(struct modbus_slave *s, const uint8_t *request,
                                 const struct slave_fate *f, uint8_t *out)
{
    const uint8_t *pdu = &request[1];
    out[0] = (uint8_t)(request[0] + f->other_unit);
    out[1] = pdu[0];
    if (f->exception) {
        out[1] |= 0x80;
        out[2] = f->exception;
        return 3;
    }
    if (pdu[0] == 23)
        slave_write(s, pdu);
    if (pdu[0] <= 4 || pdu[0] == 23)
        return 2 + slave_read_data(s, pdu, slave_get16(&pdu[3]) + f->other_length, &out[2]);
    slave_write(s, pdu);
    size_t echo = pdu[0] == 22 ? 6 : 4;
    memcpy(&out[2], &pdu[1], echo);
    return 2 + echo;
}

static inline size_t slave_frame(struct modbus_slave *s, const uint8_t *adu,
                                 const struct slave_fate *f, uint8_t *out)
{
    size_t len;
    memset(out, 0x55, f->noise);
    uint8_t *frame = out + f->noise;
    if (s->mbap) {
        len = slave_reply(s, adu + 6, f, frame + 6);
        memcpy(frame, adu, 4);
        frame[1] = (uint8_t)(frame[1] + f->other_transaction);
        frame[4] = (uint8_t)(len >> 8);
        frame[5] = (uint8_t)len;
        len += 6;
    } else {
        len = slave_reply(s, adu, f, frame);
        uint16_t crc = slave_crc(frame, len);
        frame[len++] = (uint8_t)crc;
        frame[len++] = (uint8_t)(crc >> 8);
    }
    if (f->damage)
        frame[len - 1] ^= 0x10;
    memset(&frame[len], 0xaa, f->tail);
    return f->noise + len + f->tail - f->cut;
}

static inline void slave_answer(struct modbus_slave *s, const uint8_t *adu)
{
    struct slave_fate f = {0};
    unsigned n = atomic_fetch_add(&s->received, 1) + 1;
    int64_t gap_us = slave_now_us() - atomic_load(&s->sent_us);
    if (n > 1 && gap_us < atomic_load(&s->min_gap_us))
        atomic_store(&s->min_gap_us, gap_us);
    const uint8_t *request = s->mbap ? adu + 6 : adu;
    s->unit = request[0];
    s->function = request[1];
    if (s->fate)
        s->fate(n, request + 1, &f);
    if (!s->mbap && s->unit == 0) { /* a broadcast: done, not answered */
        slave_write(s, request + 1);
        return;
    }
    if (f.drop)
        return;
    assert(s->flying_count < SLAVE_FLYING);
    struct slave_flying *fly = &s->flying[s->flying_count++];
    *fly = (struct slave_flying){.at_ms = slave_now_ms() + f.delay_ms, .dribble_ms = f.dribble_ms};
    fly->len = slave_frame(s, adu, &f, fly->bytes);
}

static inline void slave_take_requests(struct modbus_slave *s)
{
    size_t len;
    while ((len = slave_request_len(s)) > 0 && len <= s->in_len) {
        slave_answer(s, s->in);
        memmove(s->in, s->in + len, s->in_len - len);
        s->in_len -= len;
    }
}

/* Sends what is due; returns milliseconds until the next, at most 10. */
static inline int slave_send_due(struct modbus_slave *s)
{
    int64_t now = slave_now_ms(), next = now + 10;
    for (size_t i = 0; i < s->flying_count;) {
        struct slave_flying *f = &s->flying[i];
        if (f->at_ms <= now && s->fd >= 0) {
            size_t n = f->dribble_ms ? 1 : f->len - f->done;
            ssize_t sent = s->socket ? send(s->fd, f->bytes + f->done, n, MSG_NOSIGNAL)
                                     : write(s->fd, f->bytes + f->done, n);
            f->done += sent > 0 ? (size_t)sent : n;
            f->at_ms = now + f->dribble_ms;
            atomic_store(&s->sent_us, slave_now_us());
        }
        if (f->done == f->len) {
            *f = s->flying[--s->flying_count];
            continue;
        }
        if (f->at_ms < next)
            next = f->at_ms;
        i++;
    }
    return next > now ? (int)(next - now) : 0;
}

static inline void slave_accept(struct modbus_slave *s)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = fd; /* replies in flight go out on it: what a careless converter does */
    s->in_len = 0;
}

static inline void slave_receive(struct modbus_slave *s)
{
    ssize_t n = read(s->fd, s->in + s->in_len, sizeof(s->in) - s->in_len);
    if (n > 0) {
        s->in_len += (size_t)n;
        slave_take_requests(s);
    } else if (s->socket) {
        close(s->fd);
        s->fd = -1;
    }
}

static inline void *slave_run(void *arg)
{
    struct modbus_slave *s = arg;
    while (!atomic_load(&s->stop)) {
        struct pollfd p[2] = {{.fd = s->fd, .events = POLLIN},
                              {.fd = s->listener, .events = POLLIN}};
        int wait_ms = slave_send_due(s);
        if (poll(p, 2, wait_ms) <= 0)
            continue;
        if (p[1].revents)
            slave_accept(s);
        else if (p[0].revents)
            slave_receive(s);
    }
    return NULL;
}

static inline void slave_start_pty(struct modbus_slave *s)
{
    struct termios t;
    s->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert(s->fd >= 0 && grantpt(s->fd) == 0 && unlockpt(s->fd) == 0);
    int rc = ptsname_r(s->fd, s->path, sizeof(s->path));
    assert(rc == 0);
    s->hold = open(s->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert(s->hold >= 0 && tcgetattr(s->hold, &t) == 0);
    cfmakeraw(&t);
    tcsetattr(s->hold, TCSANOW, &t);
}

static inline void slave_start_tcp(struct modbus_slave *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = bind(s->listener, (struct sockaddr *)&a, len);
    assert(s->listener >= 0 && rc == 0);
    rc = listen(s->listener, 4);
    assert(rc == 0);
    getsockname(s->listener, (struct sockaddr *)&a, &len);
    s->port = ntohs(a.sin_port);
}

static inline struct modbus_slave *slave_create(enum slave_kind kind,
                                                void (*fate)(unsigned, const uint8_t *,
                                                             struct slave_fate *))
{
    struct modbus_slave *s = calloc(1, sizeof(*s));
    assert(s);
    s->mbap = kind == SLAVE_TCP;
    s->socket = kind != SLAVE_RTU;
    atomic_store(&s->min_gap_us, INT64_MAX);
    s->fate = fate;
    s->listener = s->fd = s->hold = -1;
    if (s->socket)
        slave_start_tcp(s);
    else
        slave_start_pty(s);
    int rc = pthread_create(&s->thread, NULL, slave_run, s);
    assert(rc == 0);
    return s;
}

static inline void slave_destroy(struct modbus_slave *s)
{
    atomic_store(&s->stop, true);
    pthread_join(s->thread, NULL);
    int fds[] = {s->fd, s->hold, s->listener};
    for (size_t i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(s);
}

#endif
