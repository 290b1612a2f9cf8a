/* Promise: no catalogue, however made, crashes a look-up. */
#include <assert.h>
#include <stdint.h>

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (text_load(data, size, NULL) == 0) {
        assert(text_get("status"));
        assert(text_columns(text_get("")) == 0);
    }
    text_finish();
    return 0;
}
