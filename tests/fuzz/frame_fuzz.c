/* Any bytes as a Modbus reply: judged without a read past their end, and believed only when their
 * length is the request's. Byte 0 picks the function, byte 1 the count, the rest is the reply. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/core/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t values[BUS_REGISTERS_MAX];
    static uint16_t got[BUS_BITS_MAX];
    if (size < 2)
        return 0;
    struct bus_request q = {.unit = 1,
                            .function = (uint8_t)(1 + data[0] % 16),
                            .count = (uint16_t)(1 + data[1] % BUS_REGISTERS_MAX),
                            .values = values};
    struct bus_reply reply = {0};
    frame_judge(&q, data[0] & 0x80 ? BUS_TCP : BUS_RTU, data + 2, size - 2, got, &reply);
    if (reply.outcome == BUS_OK && q.function <= 4)
        assert(size - 2 == 3U + data[4]);
    if (reply.outcome == BUS_EXCEPTION)
        assert(size - 2 == 3 && reply.exception != 0);
    return 0;
}
