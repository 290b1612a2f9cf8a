/*
 * Modbus requests and replies without their frame: functions 1 to 6, 15, 16, 22 and 23.
 *
 * pdu_parse checks what can be checked without knowing the device: the function (exception 01) and
 * the quantity, value and shape (exception 03), in the order of the state diagrams of Modbus
 * Application Protocol V1.1b3, section 6. Addresses (exception 02) are the device's business.
 */
#ifndef EMULATOR_PDU_H
#define EMULATOR_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PDU_READ_BITS_MAX  2000 /* section 6.1 */
#define PDU_READ_REGS_MAX  125  /* section 6.3 */
#define PDU_WRITE_BITS_MAX 1968 /* section 6.11 */
#define PDU_WRITE_REGS_MAX 123  /* section 6.12 */
#define PDU_BOTH_REGS_MAX  121  /* written by function 23: section 6.17 */

enum pdu_function {
    PDU_READ_COILS = 1,
    PDU_READ_DISCRETE = 2,
    PDU_READ_HOLDING = 3,
    PDU_READ_INPUT = 4,
    PDU_WRITE_COIL = 5,
    PDU_WRITE_HOLDING = 6,
    PDU_WRITE_COILS = 15,
    PDU_WRITE_HOLDINGS = 16,
    PDU_MASK_WRITE = 22,
    PDU_READ_WRITE = 23,
};

enum pdu_exception {
    PDU_ILLEGAL_FUNCTION = 1,
    PDU_ILLEGAL_ADDRESS = 2,
    PDU_ILLEGAL_VALUE = 3,
    PDU_GATEWAY_TARGET_SILENT = 11,
};

struct pdu_request {
    uint8_t function;
    uint16_t address;           /* first bit or register, 0-based */
    uint16_t count;             /* 1 for single writes */
    const uint8_t *data;        /* of writes: as on the wire; a single coil's is one byte, 0 or 1 */
    uint8_t coil;               /* where data points for a single coil */
    uint16_t and_mask, or_mask; /* function 22: (register AND and) OR (or AND NOT and) */
    uint16_t read_address, read_count; /* function 23, which reads after it wrote */
};

/* 0, or the exception to answer. pdu is borrowed by *request, which must not be copied. */
int pdu_parse(const uint8_t *pdu, size_t len, struct pdu_request *request);
bool pdu_is_write(const struct pdu_request *request);
bool pdu_is_bits(const struct pdu_request *request);
/* The i-th bit or register of a write. */
bool pdu_bit(const struct pdu_request *request, unsigned i);
uint16_t pdu_register(const struct pdu_request *request, unsigned i);

/* Replies; each returns the PDU's length. */
size_t pdu_reply_bits(const struct pdu_request *request, const bool *bits, uint8_t *out);
size_t pdu_reply_registers(const struct pdu_request *request, unsigned count, const uint16_t *regs,
                           uint8_t *out);
size_t pdu_reply_write(const struct pdu_request *request, uint8_t *out);
size_t pdu_reply_exception(uint8_t function, int exception, uint8_t *out);

#endif
