/*
 * One transaction on an open descriptor, whatever it leads to: a serial port (RTU), a connection
 * (TCP), or a connection to a serial server (RTU over TCP).
 *
 * Times are microseconds of CLOCK_MONOTONIC. On a serial line the silence T3.5 (Modbus over Serial
 * Line V1.02, 2.5.1.1) is counted from the last byte that went or came, and waited out right before
 * sending; what arrives meanwhile was not asked for and is thrown away. On TCP a transaction costs
 * three system calls: a look for what lies unread, send, and a receive that waits.
 *
 *   ..reply][   T3.5   ][request][ >= T3.5, turnaround ][re..|..ply]
 *            early bytes           hasty                   pause
 *
 * A reply ends at the length its own head declares, or at the deadline, which is total: bytes that
 * trickle in do not move it. One thread; owns nothing; allocates nothing.
 */
#ifndef GATEWAY_IO_BUS_BUS_WIRE_H
#define GATEWAY_IO_BUS_BUS_WIRE_H

#include "gateway/io/bus/bus_port.h"

struct bus_wire {
    int fd; /* -1: closed */
    enum bus_kind kind;
    bool paced;            /* a real serial line: its bytes take their time */
    uint32_t character_ns; /* 0: nothing serial is known of */
    uint32_t silence_us;   /* T3.5; 0 on TCP */
    uint32_t awake_us;     /* its end that is waited for without sleeping */
    uint32_t pause_us;     /* longer inside a reply is a pause; 0: not looked at */
    int64_t quiet_since_us;
    uint32_t patience_ms; /* TCP: how long a receive waits; 0: not set yet */
    uint16_t transaction; /* goes on over connections: a converter may answer on the next one */
};

/* Closed, with the times of `line`. */
void bus_wire_init(struct bus_wire *w, const struct bus_line *line);
/* From now on over fd, which is non-blocking on a serial line and blocking otherwise. */
void bus_wire_use(struct bus_wire *w, int fd);

/* As in struct bus_port_ops; both are fine on a closed wire. */
void bus_wire_transact(struct bus_wire *w, const struct bus_request *q, uint16_t *values,
                       struct bus_reply *reply);
bool bus_wire_drain(struct bus_wire *w, uint32_t quiet_ms, uint32_t limit_ms, size_t *bytes);

#endif
