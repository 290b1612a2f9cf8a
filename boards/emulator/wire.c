#include "boards/emulator/wire.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"

#define RTU_FRAME_MIN    4 /* unit, function, CRC */
#define RTU_READ_LEN     8 /* functions 1 to 6: unit, function, two words, CRC */
#define RTU_WRITE_HEAD   7 /* functions 15 and 16 up to and with the byte count */
#define RTU_MASK_LEN     10
#define RTU_BOTH_HEAD    11 /* function 23 up to and with the byte count */
#define MBAP_LEN         7
#define MBAP_LENGTH_MIN  2 /* unit and function */
#define MBAP_LENGTH_MAX  (WIRE_PDU_MAX + 1)
#define FUNCTION_COILS   15
#define FUNCTION_HOLDING 16
#define FUNCTION_MASK    22
#define FUNCTION_BOTH    23

/* V1.02 section 6.2.2: bit by bit, least significant first. */
uint16_t wire_crc16(const uint8_t *bytes, size_t n)
{
    unsigned crc = 0xffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
    }
    return (uint16_t)crc;
}

void wire_init(struct wire *w, enum wire_kind kind)
{
    memset(w, 0, sizeof(*w));
    w->kind = kind;
}

static void drop(struct wire *w, size_t n)
{
    memmove(w->bytes, w->bytes + n, w->len - n);
    w->len -= n;
}

static void drop_taken(struct wire *w)
{
    drop(w, w->taken);
    w->taken = 0;
}

static void refuse_all(struct wire *w)
{
    w->refused++;
    w->len = 0;
}

uint8_t *wire_room(struct wire *w, size_t *room)
{
    drop_taken(w);
    if (w->len == sizeof(w->bytes))
        refuse_all(w);
    *room = sizeof(w->bytes) - w->len;
    return w->bytes + w->len;
}

void wire_fed(struct wire *w, size_t n)
{
    assert(n <= sizeof(w->bytes) - w->len);
    w->len += n;
}

bool wire_pending(const struct wire *w)
{
    return w->len > w->taken;
}

/* How long the RTU request at the front is; 0 while too little of it is there, or when its function
 * is none whose length we know (only silence ends it then). */
static size_t rtu_expected(const struct wire *w)
{
    if (w->len < 2)
        return 0;
    uint8_t function = w->bytes[1];
    if (function >= 1 && function <= 6)
        return RTU_READ_LEN;
    if (function == FUNCTION_MASK)
        return RTU_MASK_LEN;
    if (function != FUNCTION_COILS && function != FUNCTION_HOLDING && function != FUNCTION_BOTH)
        return 0;
    size_t head = function == FUNCTION_BOTH ? RTU_BOTH_HEAD : RTU_WRITE_HEAD;
    return w->len < head ? 0 : head + (size_t)w->bytes[head - 1] + 2;
}

static bool rtu_crc_holds(const uint8_t *frame, size_t len)
{
    unsigned sent = frame[len - 2] | (unsigned)frame[len - 1] << 8;
    return wire_crc16(frame, len - 2) == sent;
}

static int rtu_give(struct wire *w, size_t len, struct wire_request *request)
{
    *request = (struct wire_request){
        .unit = w->bytes[0], .pdu = w->bytes + 1, .pdu_len = len - 3, .frame_len = len};
    w->taken = len;
    return 1;
}

static int rtu_take(struct wire *w, struct wire_request *request)
{
    size_t expected = rtu_expected(w);
    if (expected == 0 || w->len < expected || !rtu_crc_holds(w->bytes, expected))
        return 0;
    return rtu_give(w, expected, request);
}

int wire_silence(struct wire *w, struct wire_request *request)
{
    drop_taken(w);
    if (w->kind != WIRE_RTU || w->len == 0)
        return 0;
    if (w->len >= RTU_FRAME_MIN && w->len <= WIRE_PDU_MAX + 3 && rtu_crc_holds(w->bytes, w->len))
        return rtu_give(w, w->len, request);
    refuse_all(w);
    return 0;
}

static unsigned be16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static int tcp_take(struct wire *w, struct wire_request *request)
{
    if (w->len < MBAP_LEN)
        return 0;
    unsigned length = be16(w->bytes + 4);
    if (be16(w->bytes + 2) != 0 || length < MBAP_LENGTH_MIN || length > MBAP_LENGTH_MAX)
        return ERR_INVALID;
    size_t frame = MBAP_LEN - 1 + length;
    if (w->len < frame)
        return 0;
    *request = (struct wire_request){.transaction = (uint16_t)be16(w->bytes),
                                     .unit = w->bytes[6],
                                     .pdu = w->bytes + MBAP_LEN,
                                     .pdu_len = length - 1,
                                     .frame_len = frame};
    w->taken = frame;
    return 1;
}

int wire_take(struct wire *w, struct wire_request *request)
{
    drop_taken(w);
    return w->kind == WIRE_RTU ? rtu_take(w, request) : tcp_take(w, request);
}

static size_t rtu_wrap(uint8_t unit, const uint8_t *pdu, size_t pdu_len, uint8_t *frame)
{
    frame[0] = unit;
    memcpy(frame + 1, pdu, pdu_len);
    uint16_t crc = wire_crc16(frame, pdu_len + 1);
    frame[pdu_len + 1] = (uint8_t)(crc & 0xff);
    frame[pdu_len + 2] = (uint8_t)(crc >> 8);
    return pdu_len + 3;
}

static size_t tcp_wrap(uint16_t transaction, uint8_t unit, const uint8_t *pdu, size_t pdu_len,
                       uint8_t *frame)
{
    size_t length = pdu_len + 1;
    const uint8_t header[MBAP_LEN] = {
        (uint8_t)(transaction >> 8), (uint8_t)(transaction & 0xff), 0,   0,
        (uint8_t)(length >> 8),      (uint8_t)(length & 0xff),      unit};
    memcpy(frame, header, sizeof(header));
    memcpy(frame + MBAP_LEN, pdu, pdu_len);
    return MBAP_LEN + pdu_len;
}

size_t wire_wrap(enum wire_kind kind, uint16_t transaction, uint8_t unit, const uint8_t *pdu,
                 size_t pdu_len, uint8_t *frame)
{
    assert(pdu_len >= 1 && pdu_len <= WIRE_PDU_MAX);
    if (kind == WIRE_RTU)
        return rtu_wrap(unit, pdu, pdu_len, frame);
    return tcp_wrap(transaction, unit, pdu, pdu_len, frame);
}
