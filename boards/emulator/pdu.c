#include "boards/emulator/pdu.h"

#include <string.h>

#define EXCEPTION_FLAG 0x80
#define COIL_ON        0xff00

static unsigned be16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static int parse_read(const uint8_t *pdu, size_t len, unsigned max, struct pdu_request *request)
{
    if (len != 5)
        return PDU_ILLEGAL_VALUE;
    unsigned count = be16(pdu + 3);
    if (count < 1 || count > max)
        return PDU_ILLEGAL_VALUE;
    request->count = (uint16_t)count;
    return 0;
}

static int parse_write_coil(const uint8_t *pdu, size_t len, struct pdu_request *request)
{
    if (len != 5 || (be16(pdu + 3) != 0 && be16(pdu + 3) != COIL_ON))
        return PDU_ILLEGAL_VALUE;
    request->count = 1;
    request->coil = be16(pdu + 3) == COIL_ON;
    request->data = &request->coil;
    return 0;
}

static int parse_write_holding(const uint8_t *pdu, size_t len, struct pdu_request *request)
{
    if (len != 5)
        return PDU_ILLEGAL_VALUE;
    request->count = 1;
    request->data = pdu + 3;
    return 0;
}

static int parse_write_many(const uint8_t *pdu, size_t len, struct pdu_request *request)
{
    if (len < 6)
        return PDU_ILLEGAL_VALUE;
    bool bits = pdu[0] == PDU_WRITE_COILS;
    unsigned count = be16(pdu + 3);
    unsigned bytes = bits ? (count + 7) / 8 : count * 2;
    if (count < 1 || count > (bits ? PDU_WRITE_BITS_MAX : PDU_WRITE_REGS_MAX))
        return PDU_ILLEGAL_VALUE;
    if (pdu[5] != bytes || len != 6 + bytes)
        return PDU_ILLEGAL_VALUE;
    request->count = (uint16_t)count;
    request->data = pdu + 6;
    return 0;
}

/* Section 6.16. The data is the or mask, for lack of any other. */
static int parse_mask(const uint8_t *pdu, size_t len, struct pdu_request *request)
{
    if (len != 7)
        return PDU_ILLEGAL_VALUE;
    request->count = 1;
    request->and_mask = (uint16_t)be16(pdu + 3);
    request->or_mask = (uint16_t)be16(pdu + 5);
    request->data = pdu + 5;
    return 0;
}

static int parse_read_write(const uint8_t *pdu, size_t len, struct pdu_request *request)
{
    if (len < 10)
        return PDU_ILLEGAL_VALUE;
    unsigned read = be16(pdu + 3), written = be16(pdu + 7);
    if (read < 1 || read > PDU_READ_REGS_MAX || written < 1 || written > PDU_BOTH_REGS_MAX)
        return PDU_ILLEGAL_VALUE;
    if (pdu[9] != written * 2 || len != 10 + written * 2)
        return PDU_ILLEGAL_VALUE;
    request->read_address = request->address;
    request->read_count = (uint16_t)read;
    request->address = (uint16_t)be16(pdu + 5);
    request->count = (uint16_t)written;
    request->data = pdu + 10;
    return 0;
}

int pdu_parse(const uint8_t *pdu, size_t len, struct pdu_request *request)
{
    memset(request, 0, sizeof(*request));
    if (len < 1)
        return PDU_ILLEGAL_FUNCTION;
    request->function = pdu[0];
    if (len >= 3)
        request->address = (uint16_t)be16(pdu + 1);
    switch (pdu[0]) {
    case PDU_READ_COILS:
    case PDU_READ_DISCRETE:
        return parse_read(pdu, len, PDU_READ_BITS_MAX, request);
    case PDU_READ_HOLDING:
    case PDU_READ_INPUT:
        return parse_read(pdu, len, PDU_READ_REGS_MAX, request);
    case PDU_WRITE_COIL:
        return parse_write_coil(pdu, len, request);
    case PDU_WRITE_HOLDING:
        return parse_write_holding(pdu, len, request);
    case PDU_WRITE_COILS:
    case PDU_WRITE_HOLDINGS:
        return parse_write_many(pdu, len, request);
    case PDU_MASK_WRITE:
        return parse_mask(pdu, len, request);
    case PDU_READ_WRITE:
        return parse_read_write(pdu, len, request);
    default:
        return PDU_ILLEGAL_FUNCTION;
    }
}

bool pdu_is_write(const struct pdu_request *request)
{
    return request->function >= PDU_WRITE_COIL;
}

bool pdu_is_bits(const struct pdu_request *request)
{
    return request->function == PDU_READ_COILS || request->function == PDU_READ_DISCRETE ||
           request->function == PDU_WRITE_COIL || request->function == PDU_WRITE_COILS;
}

bool pdu_bit(const struct pdu_request *request, unsigned i)
{
    return request->data[i / 8] >> (i % 8) & 1;
}

uint16_t pdu_register(const struct pdu_request *request, unsigned i)
{
    return (uint16_t)be16(request->data + 2 * (size_t)i);
}

size_t pdu_reply_bits(const struct pdu_request *request, const bool *bits, uint8_t *out)
{
    size_t bytes = (request->count + 7u) / 8;
    out[0] = request->function;
    out[1] = (uint8_t)bytes;
    memset(out + 2, 0, bytes);
    for (unsigned i = 0; i < request->count; i++)
        if (bits[i])
            out[2 + i / 8] |= (uint8_t)(1u << (i % 8));
    return 2 + bytes;
}

size_t pdu_reply_registers(const struct pdu_request *request, unsigned count, const uint16_t *regs,
                           uint8_t *out)
{
    out[0] = request->function;
    out[1] = (uint8_t)(count * 2u);
    for (unsigned i = 0; i < count; i++) {
        out[2 + 2 * i] = (uint8_t)(regs[i] >> 8);
        out[3 + 2 * i] = (uint8_t)(regs[i] & 0xff);
    }
    return 2 + 2 * (size_t)count;
}

/* Sections 6.5, 6.6, 6.11, 6.12, 6.16: single and mask writes are echoed, multiple ones answer
 * address and quantity. */
size_t pdu_reply_write(const struct pdu_request *request, uint8_t *out)
{
    unsigned last = request->count;
    if (request->function == PDU_WRITE_COIL)
        last = request->coil ? COIL_ON : 0;
    if (request->function == PDU_WRITE_HOLDING)
        last = pdu_register(request, 0);
    if (request->function == PDU_MASK_WRITE)
        last = request->and_mask;
    const uint8_t reply[5] = {request->function, (uint8_t)(request->address >> 8),
                              (uint8_t)(request->address & 0xff), (uint8_t)(last >> 8),
                              (uint8_t)(last & 0xff)};
    memcpy(out, reply, sizeof(reply));
    if (request->function != PDU_MASK_WRITE)
        return sizeof(reply);
    out[5] = (uint8_t)(request->or_mask >> 8);
    out[6] = (uint8_t)(request->or_mask & 0xff);
    return sizeof(reply) + 2;
}

size_t pdu_reply_exception(uint8_t function, int exception, uint8_t *out)
{
    out[0] = function | EXCEPTION_FLAG;
    out[1] = (uint8_t)exception;
    return 2;
}
