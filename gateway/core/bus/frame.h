/*
 * Modbus frames: a request written, a reply judged.
 *
 * A frame is a PDU with its unit in front; an ADU is what travels: the frame behind an MBAP header
 * on TCP, before a CRC on RTU and on RTU over TCP. Pure. A reply is believed only when unit,
 * function, length and echo are those of its request, and on TCP the transaction; anything else is
 * BUS_FOREIGN, and what is no frame at all BUS_DAMAGED. (Modbus Application Protocol V1.1b3,
 * section 6; Modbus over Serial Line V1.02, 2.5.1; Modbus on TCP/IP Implementation Guide V1.0b,
 * 3.1.3.)
 */
#ifndef GATEWAY_CORE_BUS_FRAME_H
#define GATEWAY_CORE_BUS_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/core/bus/bus.h"

#define FRAME_MAX     254 /* unit, and a PDU of at most 253 bytes */
#define FRAME_ADU_MAX 260

/* Functions 1-6, 15, 16, 22 and 23. Returns the length, or 0 for a request that has no frame. */
size_t frame_request(const struct bus_request *q, uint8_t frame[FRAME_MAX]);

/* Judges a reply to q. Fills outcome, exception and, on BUS_OK of a read, values[q->count]
 * (registers, or one word of 0 or 1 a bit). On TCP units 0 and 255 mean the peer itself, and any
 * unit may answer for it (Modbus on TCP/IP Implementation Guide V1.0b, 4.4.2.1). */
void frame_judge(const struct bus_request *q, enum bus_kind kind, const uint8_t *reply, size_t len,
                 uint16_t *values, struct bus_reply *out);

/* Whether the function's reply carries values: 1-4 and 23. */
bool frame_reads(uint8_t function);
/* How many words q->values has. */
size_t frame_written(const struct bus_request *q);
/* Bytes of data in the reply to q: what tells replies of one unit and function apart. */
uint8_t frame_reply_bytes(const struct bus_request *q);

/* CRC-16 of Modbus over Serial Line V1.02, 6.2.2. */
uint16_t frame_crc(const uint8_t *bytes, size_t len);
/* The request as it travels; returns its length, or 0 for a request that has no frame.
 * `transaction` counts on TCP only. */
size_t frame_adu(const struct bus_request *q, enum bus_kind kind, uint16_t transaction,
                 uint8_t adu[FRAME_ADU_MAX]);
/* How long the reply that begins with adu[len] is, as far as these bytes say: more than `len` when
 * more must come. ERR_INVALID: nothing begins like this. */
int frame_adu_need(enum bus_kind kind, const uint8_t *adu, size_t len);
/* As frame_judge, for a whole ADU. */
void frame_judge_adu(const struct bus_request *q, enum bus_kind kind, uint16_t transaction,
                     const uint8_t *adu, size_t len, uint16_t *values, struct bus_reply *out);

#endif
