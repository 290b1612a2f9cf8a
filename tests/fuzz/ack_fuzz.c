/* Promise: no body crashes the ack reader, and what it takes is written and read back the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "model/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ack ack;
    static struct ack again;
    static char first[MESSAGE_SIZE_MAX];
    static char second[MESSAGE_SIZE_MAX];
    struct buf a;
    struct buf b;
    if (ack_decode((const char *)data, size, &ack, NULL))
        return 0;
    buf_init(&a, first, sizeof(first));
    buf_init(&b, second, sizeof(second));
    if (ack_encode(&ack, &a)) /* escapes may grow a reason beyond the message's size */
        return 0;
    assert(ack_decode(a.data, a.len, &again, NULL) == 0);
    assert(ack_encode(&again, &b) == 0);
    assert(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
    return 0;
}
