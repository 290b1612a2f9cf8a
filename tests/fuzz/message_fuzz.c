/* Promise: no body crashes a message's reader, and what it takes is written and read back the same.
 * The first byte chooses the message. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "model/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes, encodes, decodes and encodes again: the two texts are the same. */
#define CHECK(message, type)                                                                       \
    static void check_##message(const char *body, size_t len)                                      \
    {                                                                                              \
        static type value;                                                                         \
        static char first[MESSAGE_SIZE_MAX], second[MESSAGE_SIZE_MAX];                             \
        struct buf a, b;                                                                           \
        buf_init(&a, first, sizeof(first));                                                        \
        buf_init(&b, second, sizeof(second));                                                      \
        if (message##_decode(body, len, &value, NULL) || message##_encode(&value, &a))             \
            return;                                                                                \
        assert(message##_decode(a.data, a.len, &value, NULL) == 0);                                \
        assert(message##_encode(&value, &b) == 0);                                                 \
        assert(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);                              \
    }

CHECK(gateway_state, struct gateway_state)
CHECK(gateway_birth, struct gateway_birth)
CHECK(collector_state, struct collector_state)
CHECK(alert, struct alert)
CHECK(operator_request, struct operator_request)
CHECK(operator_reply, struct operator_reply)

static void check_gateway_request(const char *body, size_t len)
{
    enum gateway_request r = REQUEST_RESEND;
    if (gateway_request_decode(body, len, &r, NULL) == 0)
        assert(r == REQUEST_DESCRIPTIONS || r == REQUEST_RESEND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const checks[])(const char *, size_t) = {
        check_gateway_state, check_gateway_birth,    check_gateway_request, check_collector_state,
        check_alert,         check_operator_request, check_operator_reply,
    };
    if (size == 0)
        return 0;
    checks[data[0] % (sizeof(checks) / sizeof(checks[0]))]((const char *)data + 1, size - 1);
    return 0;
}
