/* Promise: no topic crashes the reader, and what it takes is written back byte for byte. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "model/topic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[512];
    char again[TOPIC_SIZE];
    struct topic t;
    if (size >= sizeof(text))
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (topic_parse(text, &t) == 0)
        assert(strcmp(topic_format(t.kind, t.area, t.name, again), text) == 0);
    return 0;
}
