/* Any bytes as a Modbus reply: judged without a read past their end, and believed only when their
 * length is the request's and, on a serial line, their check sum holds. Byte 0 picks function and
 * transport, byte 1 the count, the rest is the reply; with bit 6 of byte 0 its CRC is made right
 * first, so that what is behind it is reached. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/core/bus/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge_frame(const struct bus_request *q, enum bus_kind kind, const uint8_t *frame,
                        size_t len)
{
    static uint16_t got[BUS_BITS_MAX];
    struct bus_reply reply = {0};
    frame_judge(q, kind, frame, len, got, &reply);
    if (reply.outcome == BUS_OK && frame_reads(q->function))
        assert(len == 3U + frame[2] && frame[2] == frame_reply_bytes(q));
    if (reply.outcome == BUS_EXCEPTION)
        assert(len == 3 && reply.exception != 0);
}

/* What a head says of the length holds for every longer piece of the same bytes. */
static void measure(enum bus_kind kind, const uint8_t *adu, size_t len)
{
    int known = 0;
    for (size_t part = 0; part <= len; part++) {
        int need = frame_adu_need(kind, adu, part);
        assert(need < 0 || (need >= 5 && need <= FRAME_ADU_MAX));
        if (known)
            assert(need == known);
        else if (need >= 0 && need <= (int)part)
            known = need;
    }
}

static void judge_adu(const struct bus_request *q, enum bus_kind kind, const uint8_t *adu,
                      size_t len)
{
    static uint16_t got[BUS_BITS_MAX];
    struct bus_reply reply = {0};
    frame_judge_adu(q, kind, 0x0102, adu, len, got, &reply);
    if (reply.outcome != BUS_OK)
        return;
    assert(len == (size_t)frame_adu_need(kind, adu, len));
    if (kind == BUS_TCP)
        assert(adu[0] == 1 && adu[1] == 2);
    else
        assert(frame_crc(adu, len) == 0); /* over frame and check sum */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t functions[] = {1, 2, 3, 4, 5, 6, 15, 16, 22, 23};
    static const uint16_t values[BUS_BITS_MAX];
    uint8_t adu[512];
    if (size < 2 || size - 2 > sizeof(adu))
        return 0;
    struct bus_request q = {.unit = 1,
                            .function = functions[data[0] % 10],
                            .count = (uint16_t)(1 + data[1] % BUS_REGISTERS_MAX),
                            .values = values,
                            .write_count = 2};
    enum bus_kind kind = data[0] & 0x80 ? BUS_TCP : BUS_RTU;
    size_t len = size - 2;
    memcpy(adu, data + 2, len);
    judge_frame(&q, kind, adu, len);
    measure(kind, adu, len);
    if (data[0] & 0x40 && kind == BUS_RTU && len >= 5) {
        uint16_t crc = frame_crc(adu, len - 2);
        adu[len - 2] = (uint8_t)crc;
        adu[len - 1] = (uint8_t)(crc >> 8);
    }
    judge_adu(&q, kind, adu, len);
    return 0;
}
