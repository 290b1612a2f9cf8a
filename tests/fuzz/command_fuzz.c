/* Promise: no payload crashes the readers of commands and their results, and what they take is
 * written and read back the same. The first byte chooses which. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model/command.h"
#include "model/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes, encodes, decodes and encodes again: the two texts are the same. */
#define CHECK(message)                                                                             \
    static void check_##message(const char *body, size_t len)                                      \
    {                                                                                              \
        static char first[MESSAGE_SIZE_MAX], second[MESSAGE_SIZE_MAX];                             \
        struct message value;                                                                      \
        struct buf a, b;                                                                           \
        buf_init(&a, first, sizeof(first));                                                        \
        buf_init(&b, second, sizeof(second));                                                      \
        if (message##_decode(body, len, &value, NULL) || message##_encode(&value, &a))             \
            return;                                                                                \
        assert(message##_decode(a.data, a.len, &value, NULL) == 0);                                \
        assert(message##_encode(&value, &b) == 0);                                                 \
        assert(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);                              \
    }

CHECK(command)
CHECK(command_result)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] & 1)
        check_command_result((const char *)data + 1, size - 1);
    else
        check_command((const char *)data + 1, size - 1);
    return 0;
}
