/* Promise: no control document crashes the reader, what it refuses has a reason, and every schedule
 * it takes has an answer for any instant, with a next step in the future. */
#include <assert.h>
#include <stdint.h>

#include "gateway/core/control/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t instants[] = {0, 1795000000123, 4102444799999, -1};

static void drive(const struct control *c)
{
    for (size_t i = 0; i < c->schedule_count; i++) {
        for (size_t k = 0; k < sizeof(instants) / sizeof(*instants); k++) {
            struct schedule_state s;
            const struct clk_utc at = {instants[k]};
            schedule_at(&c->schedules[i], c, at, &s);
            assert(s.next.ms > at.ms && (!s.known || s.since.ms <= at.ms));
        }
    }
    for (size_t k = 0; k < c->key_count; k++)
        for (size_t g = 0; g < c->group_count; g++) {
            control_allows(&c->keys[k], c->groups[g].name, &c->groups[g].safe, NULL);
            control_allows(&c->keys[k], c->groups[g].points[0].name, NULL, NULL);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct control *c;
    struct err e = {0};
    if (control_parse((const char *)data, size, &c, &e) != 0) {
        assert(!c && e.text[0]);
        return 0;
    }
    drive(c);
    control_free(c);
    return 0;
}
