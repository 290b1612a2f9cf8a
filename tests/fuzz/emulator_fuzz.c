/* Promise: whatever bytes a client sends, an emulated board neither crashes nor answers anything
 * but a well-formed reply, and its relays and registers stay readable. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "boards/emulator/pdu.h"
#include "boards/emulator/slave.h"
#include "boards/emulator/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char profile_text[] =
    "{\"name\":\"probe\",\"label\":\"a probe\",\"source\":\"a test\",\"confidence\":\"high\","
    "\"map\":{\"table\":\"input\",\"codes\":100,\"status\":110,\"values\":120,\"slots\":8},"
    "\"points\":["
    "{\"name\":\"k#\",\"kind\":\"lamp_command\",\"table\":\"coil\",\"address\":0,\"type\":\"bit\","
    "\"repeat\":6,\"writable\":true},"
    "{\"name\":\"in\",\"kind\":\"contact\",\"table\":\"discrete\",\"address\":9,\"type\":\"bit\"},"
    "{\"name\":\"power\",\"kind\":\"power\",\"table\":\"input\",\"address\":1,\"type\":\"f32\"},"
    "{\"name\":\"r#\",\"kind\":\"lamp_command\",\"table\":\"holding\",\"address\":10,"
    "\"bit\":3,\"type\":\"bit\",\"repeat\":20,\"writable\":true},"
    "{\"name\":\"digits\",\"kind\":\"raw\",\"table\":\"holding\",\"address\":20,"
    "\"type\":\"bcd32\",\"writable\":true,\"write_address\":30},"
    "{\"name\":\"sign\",\"kind\":\"vms_message\",\"table\":\"holding\",\"address\":40,"
    "\"type\":\"string\",\"count\":8,\"writable\":true},"
    "{\"name\":\"ph\",\"kind\":\"ph\",\"table\":\"input\",\"code\":18,\"type\":\"f32\"},"
    "{\"name\":\"level\",\"kind\":\"dim_level\",\"table\":\"holding\",\"address\":65533,"
    "\"type\":\"u32\",\"writable\":true}]}";

static struct slave *the_slave(void)
{
    static struct slave slave;
    static struct profile *profile;
    if (profile)
        return &slave;
    int r = profile_parse(profile_text, sizeof(profile_text) - 1, &profile, NULL);
    assert(r == 0);
    struct slave_options options = {.gateway = "g",
                                    .name = "d",
                                    .unit = 1,
                                    .profile = profile,
                                    .mode = SLAVE_UNIQUE,
                                    .factor = 1};
    r = slave_init(&slave, &options, NULL);
    assert(r == 0);
    return &slave;
}

static void handle(const struct wire_request *request)
{
    static struct slave_reply reply;
    uint8_t frame[WIRE_FRAME_MAX];
    assert(request->pdu_len >= 1);
    slave_answer(the_slave(), request->pdu, request->pdu_len, 1788480000000, &reply);
    assert(reply.pdu_len >= 2 && reply.pdu_len <= WIRE_PDU_MAX);
    assert((reply.pdu[0] & 0x7f) == (request->pdu[0] & 0x7f));
    assert(reply.reading_count <= PROFILE_POINTS_MAX);
    wire_wrap(WIRE_TCP, request->transaction, request->unit, reply.pdu, reply.pdu_len, frame);
}

static void feed(struct wire *w, const uint8_t *data, size_t size, size_t piece)
{
    struct wire_request request;
    while (size > 0) {
        size_t room;
        uint8_t *at = wire_room(w, &room);
        size_t n = size < piece ? size : piece;
        n = n < room ? n : room;
        assert(n > 0);
        memcpy(at, data, n);
        wire_fed(w, n);
        data += n;
        size -= n;
        int r;
        while ((r = wire_take(w, &request)) == 1)
            handle(&request);
        if (r < 0)
            return;
    }
    if (wire_silence(w, &request) == 1)
        handle(&request);
}

/* The first byte says how the rest arrives: framing, piece size, or a bare PDU with its CRC or
 * header made right, so that what is behind the frame is reached too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wire w;
    if (size < 2)
        return 0;
    enum wire_kind kind = data[0] & 1 ? WIRE_TCP : WIRE_RTU;
    size_t piece = 1u + (data[0] >> 2);
    wire_init(&w, kind);
    if ((data[0] & 2) && size - 1 <= WIRE_PDU_MAX) {
        uint8_t frame[WIRE_FRAME_MAX];
        size_t len = wire_wrap(kind, 1, 1, data + 1, size - 1, frame);
        feed(&w, frame, len, piece);
    } else {
        feed(&w, data + 1, size - 1, piece);
    }
    return 0;
}
