/* Promise: no profile file makes the reader crash or leak, and no registers make a profile it
 * accepted decode into anything but a plausible value or a named cause. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "model/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const struct point *p, const uint16_t *regs)
{
    struct sample s = {0};
    uint16_t back[POINT_REGS_MAX];
    point_decode(p, regs, &s);
    assert((s.quality == QUALITY_BAD) == (s.value.type == VALUE_NONE));
    assert((s.quality == QUALITY_BAD) == (s.cause != CAUSE_NONE));
    if (s.value.type == VALUE_NUMBER)
        assert(s.value.number >= p->kind->min && s.value.number <= p->kind->max);
    if (s.value.type != VALUE_NONE)
        (void)point_encode(p, &s.value, back, NULL);
    assert(point_wrap(p) >= 0);
    assert(p->address + p->count <= 65536 &&
           p->write_address + (p->writable ? p->count : 0) <= 65536);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct profile *profile;
    struct err e;
    if (profile_parse((const char *)data, size, &profile, &e)) {
        assert(e.text[0]);
        return 0;
    }
    uint16_t regs[POINT_REGS_MAX + 8] = {0};
    memcpy(regs, data, size < sizeof(regs) ? size : sizeof(regs));
    for (size_t i = 0; i < profile->point_count; i++)
        decode(&profile->points[i], regs + i % 8);
    profile_free(profile);
    return 0;
}
