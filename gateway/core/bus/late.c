#include "gateway/core/bus/late.h"

void late_init(struct late *l)
{
    *l = (struct late){.all_until = {INT64_MIN}};
    for (int i = 0; i < LATE_MAX; i++)
        l->blocked[i].until.ms = INT64_MIN;
}

static struct clk_mono later(struct clk_mono a, struct clk_mono b)
{
    return a.ms > b.ms ? a : b;
}

void late_block(struct late *l, uint8_t function, uint8_t bytes, struct clk_mono until,
                struct clk_mono now)
{
    int slot = -1;
    for (int i = 0; i < LATE_MAX; i++) {
        if (l->blocked[i].function == function && l->blocked[i].bytes == bytes) {
            l->blocked[i].until = later(l->blocked[i].until, until);
            return;
        }
        if (clk_mono_due(l->blocked[i].until, now))
            slot = i;
    }
    if (slot < 0) {
        l->all_until = later(l->all_until, until);
        return;
    }
    l->blocked[slot].function = function;
    l->blocked[slot].bytes = bytes;
    l->blocked[slot].until = until;
}

struct clk_mono late_until(const struct late *l, uint8_t function, uint8_t bytes)
{
    struct clk_mono until = l->all_until;
    for (int i = 0; i < LATE_MAX; i++)
        if (l->blocked[i].function == function && l->blocked[i].bytes == bytes)
            until = later(until, l->blocked[i].until);
    return until;
}

bool late_exception_doubtful(const struct late *l, uint8_t function, struct clk_mono now)
{
    if (!clk_mono_due(l->all_until, now))
        return true;
    for (int i = 0; i < LATE_MAX; i++)
        if (l->blocked[i].function == function && !clk_mono_due(l->blocked[i].until, now))
            return true;
    return false;
}
