#include "gateway/core/frame.h"

#include <string.h>

#define EXCEPTION_BIT 0x80
#define COIL_ON       0xff00

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

static bool is_read(uint8_t function)
{
    return function >= 1 && function <= 4;
}

static bool is_bits(uint8_t function)
{
    return function == 1 || function == 2 || function == 5 || function == 15;
}

static unsigned data_bytes(const struct bus_request *q)
{
    return is_bits(q->function) ? (q->count + 7U) / 8 : 2U * q->count;
}

static size_t put_values(const struct bus_request *q, uint8_t *frame, size_t at)
{
    unsigned bytes = data_bytes(q);
    frame[at++] = (uint8_t)bytes;
    memset(&frame[at], 0, bytes);
    for (unsigned i = 0; i < q->count; i++) {
        if (is_bits(q->function))
            frame[at + i / 8] |= (uint8_t)((q->values[i] != 0) << (i % 8));
        else
            put16(frame, at + 2 * (size_t)i, q->values[i]);
    }
    return at + bytes;
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

/* A write is answered by the request's own first six bytes. */
static bool is_echo(const struct bus_request *q, const uint8_t *reply, size_t len)
{
    uint8_t request[FRAME_MAX];
    return len == 6 && frame_request(q, request) >= 6 && memcmp(&reply[1], &request[1], 5) == 0;
}

void frame_judge(const struct bus_request *q, enum bus_kind kind, const uint8_t *reply, size_t len,
                 uint16_t *values, struct bus_reply *out)
{
    out->outcome = BUS_FOREIGN;
    out->exception = 0;
    if (len < 3 || !unit_matches(q, kind, reply[0]))
        return;
    if (reply[1] == (q->function | EXCEPTION_BIT) && len == 3 && reply[2] != 0) {
        out->outcome = BUS_EXCEPTION;
        out->exception = reply[2];
        return;
    }
    if (reply[1] != q->function)
        return;
    if (!is_read(q->function)) {
        out->outcome = is_echo(q, reply, len) ? BUS_OK : BUS_FOREIGN;
        return;
    }
    if (reply[2] != data_bytes(q) || len != 3 + (size_t)data_bytes(q))
        return;
    take_values(q, &reply[3], values);
    out->outcome = BUS_OK;
}
