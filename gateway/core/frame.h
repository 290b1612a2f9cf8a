/*
 * Modbus PDUs with their unit in front: a request written, a reply judged.
 *
 * Pure; the frame around them (CRC, MBAP header) is the port's. A reply is believed only when
 * unit, function, length and echo are those of its request; anything else is BUS_FOREIGN.
 * (Modbus Application Protocol V1.1b3, section 6.)
 */
#ifndef GATEWAY_CORE_FRAME_H
#define GATEWAY_CORE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/core/bus.h"

#define FRAME_MAX 254 /* unit, and a PDU of at most 253 bytes */

/* Functions 1-6, 15 and 16. Returns the length, or 0 for a request that has no frame. */
size_t frame_request(const struct bus_request *q, uint8_t frame[FRAME_MAX]);

/* Judges a reply to q. Fills outcome, exception and, on BUS_OK of a read, values[q->count]
 * (registers, or one word of 0 or 1 a bit). On TCP units 0 and 255 mean the peer itself, and any
 * unit may answer for it (Modbus on TCP/IP Implementation Guide V1.0b, 4.4.2.1). */
void frame_judge(const struct bus_request *q, enum bus_kind kind, const uint8_t *reply, size_t len,
                 uint16_t *values, struct bus_reply *out);

#endif
