/*
 * The vocabulary of a Modbus bus, shared by what decides (plan, poll) and what does (gateway/io).
 *
 * A line is one serial port or one TCP peer; a device is one profile at one unit of a line. Both
 * are filled from the configuration and only borrowed here: they outlive plan, poll and worker.
 * Addresses are 0-based PDU addresses. Limits are the Modbus Application Protocol's (V1.1b3,
 * sections 6.1-6.4): a reply carries at most 125 registers or 2000 bits.
 */
#ifndef GATEWAY_CORE_BUS_BUS_H
#define GATEWAY_CORE_BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/profile.h"

#define BUS_REGISTERS_MAX      125
#define BUS_BITS_MAX           2000
#define BUS_DEVICES_MAX        247
#define BUS_UNIT_MAX           247 /* 248-255 are reserved; 255 on TCP means "the peer itself" */
#define BUS_UNIT_BROADCAST     0   /* on a serial line: all slaves do it, none answers */
#define BUS_TIMEOUT_DEFAULT_MS 500
#define BUS_TIMEOUT_MAX_MS     60000

/* BUS_RTU_TCP: RTU frames, CRC and all, through a TCP connection to a serial server. */
enum bus_kind { BUS_RTU, BUS_TCP, BUS_RTU_TCP };

/* Who turns an RS-485 driver around: the adapter by itself, the kernel (TIOCSRS485), or nobody
 * (RS-232). */
enum bus_direction { BUS_DIRECTION_AUTO, BUS_DIRECTION_KERNEL, BUS_DIRECTION_NONE };

struct bus_line {
    const char *name;
    enum bus_kind kind;
    /* RTU */
    const char *path; /* "/dev/ttyS1"; prefer /dev/serial/by-id, which survives a replug */
    uint32_t baud;    /* on TCP: the speed of a converter's serial side, 0 for a native peer */
    char parity;      /* 'N' 'E' 'O' */
    uint8_t stop_bits;
    enum bus_direction direction;
    /* TCP */
    const char *host; /* a numeric address: looking up a name could hang the bus */
    uint16_t port;
    uint32_t round_trip_ms; /* 0: 2 */
    /* both */
    uint32_t timeout_ms; /* from a request's end to its reply's start; 0: BUS_TIMEOUT_DEFAULT_MS */
};

#define BUS_POINT_WORDS (PROFILE_POINTS_MAX / 64)

struct bus_device {
    const char *name;
    uint16_t index; /* in the gateway's configuration; what a sample's `device` says */
    uint8_t unit;
    const struct profile *profile;
    uint64_t points[BUS_POINT_WORDS]; /* which of the profile's points are polled */
    uint32_t period_ms;               /* for points whose profile names no period */
    uint32_t timeout_ms;              /* 0: the line's */
    uint32_t turnaround_ms;           /* 0: the profile's */
};

/* Points that can only be written are never polled. */
static inline bool bus_device_polls(const struct bus_device *d, size_t point)
{
    return (d->points[point / 64] >> (point % 64) & 1) && !d->profile->points[point].write_only;
}

/* Selects all points of the profile. */
static inline void bus_device_poll_all(struct bus_device *d)
{
    for (size_t i = 0; i < BUS_POINT_WORDS; i++)
        d->points[i] = UINT64_MAX;
}

static inline uint32_t bus_turnaround_ms(const struct bus_device *d)
{
    return d->turnaround_ms ? d->turnaround_ms : d->profile->turnaround_ms;
}

/* One request on the wire. Functions 1-4 read; 5, 6, 15 and 16 write `values`; 22 writes (register
 * AND values[0]) OR (values[1] AND NOT values[0]); 23 writes `values`, then reads `count`. */
struct bus_request {
    uint8_t unit;
    uint8_t function;
    uint16_t address;
    uint16_t count;
    const uint16_t *values; /* `count` registers or bits to write (two words for 22); borrowed */
    uint16_t write_address, write_count; /* function 23 */
    uint32_t timeout_ms; /* total: from sending to the reply's last byte; 0 for a broadcast */
};

/* On a serial line, however it is reached, unit 0 is everybody: nobody answers (Modbus over Serial
 * Line V1.02, 2.1). On TCP it is the peer itself. */
static inline bool bus_is_broadcast(enum bus_kind kind, uint8_t unit)
{
    return kind != BUS_TCP && unit == BUS_UNIT_BROADCAST;
}

enum bus_outcome {
    BUS_OK,
    BUS_NO_REPLY,  /* the total deadline passed without a whole reply */
    BUS_DAMAGED,   /* CRC, length or framing */
    BUS_FOREIGN,   /* a well-formed reply to something else: unit, function, length, transaction */
    BUS_EXCEPTION, /* the slave refused */
    BUS_LOST,      /* the port failed: unplugged, reset, closed by the peer */
};

struct bus_reply {
    enum bus_outcome outcome;
    uint8_t exception; /* with BUS_EXCEPTION */
    bool sent;         /* false: nothing left the port, so nothing can come back */
    /* What the line looked like; 0 where the port cannot tell. */
    uint32_t turnaround_us; /* from the request's end to the reply's first byte; 0: no reply */
    bool pause;             /* a silence above T1.5 inside the reply */
    bool hasty;             /* the reply began before the silence after the request was over */
    uint16_t early_bytes;   /* that came when nobody was asked, thrown away before sending */
    uint16_t noise_bytes;   /* of this reply, which were no frame */
};

#endif
