#include "gateway/core/bus/frame.h"

#include <string.h>

#include "base/err.h"

#define EXCEPTION_BIT 0x80
#define COIL_ON       0xff00
#define MBAP_BYTES    6 /* transaction, protocol, length; the unit begins the frame */
#define CRC_BYTES     2
#define REPLY_MIN     3   /* unit, function, exception */
#define WRITE_23_MAX  121 /* registers; V1.1b3, 6.17 */

static size_t put16(uint8_t *frame, size_t at, unsigned value)
{
    frame[at] = (uint8_t)(value >> 8);
    frame[at + 1] = (uint8_t)value;
    return at + 2;
}

static unsigned get16(const uint8_t *frame)
{
    return (unsigned)frame[0] << 8 | frame[1];
}

bool frame_reads(uint8_t function)
{
    return (function >= 1 && function <= 4) || function == 23;
}

static bool is_bits(uint8_t function)
{
    return function == 1 || function == 2 || function == 5 || function == 15;
}

static unsigned data_bytes(const struct bus_request *q)
{
    return is_bits(q->function) ? (q->count + 7U) / 8 : 2U * q->count;
}

uint8_t frame_reply_bytes(const struct bus_request *q)
{
    if (frame_reads(q->function))
        return (uint8_t)data_bytes(q);
    return q->function == 22 ? 6 : 4;
}

size_t frame_written(const struct bus_request *q)
{
    switch (q->function) {
    case 5:
    case 6:
    case 15:
    case 16:
        return q->count;
    case 22:
        return 2;
    case 23:
        return q->write_count;
    default:
        return 0;
    }
}

static size_t put_values(const struct bus_request *q, uint8_t *frame, size_t at)
{
    size_t count = frame_written(q);
    unsigned bytes = (unsigned)(is_bits(q->function) ? (count + 7) / 8 : 2 * count);
    frame[at++] = (uint8_t)bytes;
    memset(&frame[at], 0, bytes);
    for (unsigned i = 0; i < count; i++) {
        if (is_bits(q->function))
            frame[at + i / 8] |= (uint8_t)((q->values[i] != 0) << (i % 8));
        else
            put16(frame, at + 2 * (size_t)i, q->values[i]);
    }
    return at + bytes;
}

static size_t put_read_write(const struct bus_request *q, uint8_t *frame, size_t at)
{
    bool fits = q->write_count >= 1 && q->write_count <= WRITE_23_MAX &&
                q->write_address + (unsigned)q->write_count <= 65536;
    if (!fits)
        return 0;
    at = put16(frame, put16(frame, at, q->count), q->write_address);
    return put_values(q, frame, put16(frame, at, q->write_count));
}

size_t frame_request(const struct bus_request *q, uint8_t frame[FRAME_MAX])
{
    unsigned most = is_bits(q->function) ? BUS_BITS_MAX : BUS_REGISTERS_MAX;
    frame[0] = q->unit;
    frame[1] = q->function;
    size_t at = put16(frame, 2, q->address);
    if (q->count == 0 || q->count > most || q->address + (unsigned)q->count > 65536)
        return 0;
    switch (q->function) {
    case 1:
    case 2:
    case 3:
    case 4:
        return put16(frame, at, q->count);
    case 5:
        return q->count == 1 ? put16(frame, at, q->values[0] ? COIL_ON : 0) : 0;
    case 6:
        return q->count == 1 ? put16(frame, at, q->values[0]) : 0;
    case 15:
    case 16:
        if (data_bytes(q) > FRAME_MAX - 7)
            return 0;
        return put_values(q, frame, put16(frame, at, q->count));
    case 22:
        return q->count == 1 ? put16(frame, put16(frame, at, q->values[0]), q->values[1]) : 0;
    case 23:
        return put_read_write(q, frame, at);
    default:
        return 0;
    }
}

static bool unit_matches(const struct bus_request *q, enum bus_kind kind, uint8_t unit)
{
    return unit == q->unit || (kind == BUS_TCP && (q->unit == 0 || q->unit == 255));
}

static void take_values(const struct bus_request *q, const uint8_t *data, uint16_t *values)
{
    for (unsigned i = 0; i < q->count; i++) {
        if (is_bits(q->function))
            values[i] = (uint16_t)(data[i / 8] >> (i % 8) & 1);
        else
            values[i] = (uint16_t)get16(&data[2 * (size_t)i]);
    }
}

/* A write is answered by the request's own first bytes. */
static bool is_echo(const struct bus_request *q, const uint8_t *reply, size_t len)
{
    uint8_t request[FRAME_MAX];
    size_t echo = 2 + (size_t)frame_reply_bytes(q);
    return len == echo && frame_request(q, request) >= echo &&
           memcmp(&reply[1], &request[1], echo - 1) == 0;
}

void frame_judge(const struct bus_request *q, enum bus_kind kind, const uint8_t *reply, size_t len,
                 uint16_t *values, struct bus_reply *out)
{
    out->outcome = BUS_FOREIGN;
    out->exception = 0;
    if (len < REPLY_MIN || !unit_matches(q, kind, reply[0]))
        return;
    if (reply[1] == (q->function | EXCEPTION_BIT) && len == 3 && reply[2] != 0) {
        out->outcome = BUS_EXCEPTION;
        out->exception = reply[2];
        return;
    }
    if (reply[1] != q->function)
        return;
    if (!frame_reads(q->function)) {
        out->outcome = is_echo(q, reply, len) ? BUS_OK : BUS_FOREIGN;
        return;
    }
    if (reply[2] != data_bytes(q) || len != 3 + (size_t)data_bytes(q))
        return;
    take_values(q, &reply[3], values);
    out->outcome = BUS_OK;
}

/* --- around the frame --- */

uint16_t frame_crc(const uint8_t *bytes, size_t len)
{
    uint16_t crc = 0xffff;
    for (size_t i = 0; i < len; i++) {
        crc = (uint16_t)(crc ^ bytes[i]);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
    }
    return crc;
}

size_t frame_adu(const struct bus_request *q, enum bus_kind kind, uint16_t transaction,
                 uint8_t adu[FRAME_ADU_MAX])
{
    size_t head = kind == BUS_TCP ? MBAP_BYTES : 0;
    size_t len = frame_request(q, adu + head);
    if (len == 0)
        return 0;
    if (kind == BUS_TCP) {
        put16(adu, put16(adu, put16(adu, 0, transaction), 0), (unsigned)len);
        return head + len;
    }
    uint16_t crc = frame_crc(adu, len);
    adu[len++] = (uint8_t)crc; /* the one number on the line whose low byte goes first */
    adu[len++] = (uint8_t)(crc >> 8);
    return len;
}

static int need_tcp(const uint8_t *adu, size_t len)
{
    if (len < MBAP_BYTES)
        return MBAP_BYTES + REPLY_MIN;
    unsigned protocol = get16(&adu[2]), following = get16(&adu[4]);
    bool possible = protocol == 0 && following >= REPLY_MIN && following <= FRAME_MAX;
    return possible ? (int)(MBAP_BYTES + following) : ERR_INVALID;
}

static int need_rtu(const uint8_t *adu, size_t len)
{
    if (len < REPLY_MIN || adu[1] & EXCEPTION_BIT)
        return REPLY_MIN + CRC_BYTES;
    if (frame_reads(adu[1]))
        return adu[2] ? REPLY_MIN + adu[2] + CRC_BYTES : ERR_INVALID;
    if (adu[1] == 22)
        return 8 + CRC_BYTES;
    return adu[1] == 5 || adu[1] == 6 || adu[1] == 15 || adu[1] == 16 ? 6 + CRC_BYTES : ERR_INVALID;
}

int frame_adu_need(enum bus_kind kind, const uint8_t *adu, size_t len)
{
    return kind == BUS_TCP ? need_tcp(adu, len) : need_rtu(adu, len);
}

void frame_judge_adu(const struct bus_request *q, enum bus_kind kind, uint16_t transaction,
                     const uint8_t *adu, size_t len, uint16_t *values, struct bus_reply *out)
{
    out->outcome = BUS_DAMAGED;
    out->exception = 0;
    int need = frame_adu_need(kind, adu, len);
    if (need < 0 || len != (size_t)need)
        return;
    if (kind != BUS_TCP) {
        size_t body = len - CRC_BYTES;
        if (frame_crc(adu, body) == ((unsigned)adu[body + 1] << 8 | adu[body]))
            frame_judge(q, kind, adu, body, values, out);
        return;
    }
    if (get16(adu) == transaction)
        frame_judge(q, kind, adu + MBAP_BYTES, len - MBAP_BYTES, values, out);
    else
        out->outcome = BUS_FOREIGN;
}
