/*
 * Modbus framing, slave side: RTU (address, PDU, CRC-16) and TCP (MBAP header, PDU).
 *
 * A struct wire eats the bytes of one line or connection as they come, in pieces of any size, and
 * gives whole requests. Pure: no descriptor, no clock; the owner says when the line has been
 * silent. The bytes live inside the struct; a request borrows them until the next wire_take. Rules:
 * Modbus over Serial Line V1.02, section 2.5.1; Modbus Messaging on TCP/IP V1.0b, section 3.1.3.
 */
#ifndef EMULATOR_WIRE_H
#define EMULATOR_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_PDU_MAX    253                /* bytes, V1.1b3 section 4.1 */
#define WIRE_FRAME_MAX  (WIRE_PDU_MAX + 7) /* the longer of RTU (+3) and MBAP (+7) */
#define WIRE_BUFFER_MAX (4 * WIRE_FRAME_MAX)

enum wire_kind { WIRE_RTU, WIRE_TCP };

struct wire {
    enum wire_kind kind;
    size_t len;
    size_t taken;     /* bytes of the request last given, dropped at the next take */
    uint64_t refused; /* frames thrown away: bad CRC, shapes no length is known for, overrun */
    uint8_t bytes[WIRE_BUFFER_MAX];
};

struct wire_request {
    uint16_t transaction; /* TCP only */
    uint8_t unit;
    const uint8_t *pdu; /* borrowed from the wire */
    size_t pdu_len;
    size_t frame_len; /* bytes it took on the line */
};

/* CRC-16 of Modbus (reflected 0x8005, start 0xFFFF); it goes low byte first onto the line. */
uint16_t wire_crc16(const uint8_t *bytes, size_t n);

void wire_init(struct wire *w, enum wire_kind kind);
/* How many bytes fit now, and where they go: read(2) straight into it, then say how many came. A
 * full buffer is emptied and counted as refused, so there is always room. */
uint8_t *wire_room(struct wire *w, size_t *room);
void wire_fed(struct wire *w, size_t n);

/* The next whole request: 1, or 0 when there is none yet. TCP: ERR_INVALID when the header cannot
 * be Modbus (protocol id, length); the connection is lost then, there is no way to find the next
 * header. RTU: a frame whose CRC fails stays until the line is silent. */
int wire_take(struct wire *w, struct wire_request *request);
/* RTU: the line has been silent for t3.5. A frame of unknown length ends here: 1 with a request
 * when its CRC holds; else what lies there is dropped and 0 is returned. */
int wire_silence(struct wire *w, struct wire_request *request);
/* Bytes lie there that are no whole request: silence must be watched for. */
bool wire_pending(const struct wire *w);

/* Wraps a reply's PDU; returns the frame's length. frame has room for WIRE_FRAME_MAX. */
size_t wire_wrap(enum wire_kind kind, uint16_t transaction, uint8_t unit, const uint8_t *pdu,
                 size_t pdu_len, uint8_t *frame);

#endif
