/* Promise: no line crashes the control socket's reader, what it takes is within its limits, and
 * what it refuses can be answered. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/core/ctl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ctl_request q;
    struct err e = {0};
    char answer[4096];
    struct buf out;
    if (ctl_request_parse((const char *)data, size, &q, &e) == 0) {
        assert(q.verb < CTL_VERBS && q.id <= CTL_ID_MAX);
        assert(q.unit <= 255 && q.address <= 65535 && q.value_count <= CTL_WRITE_MAX);
        return 0;
    }
    assert(e.code < 0 && *e.text);
    buf_init(&out, answer, sizeof(answer));
    ctl_answer_error(&out, q.id, &e);
    assert(!out.overflow);
    return 0;
}
