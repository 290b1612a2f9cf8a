#include "boards/emulator/scene.h"

#define OFFSET_MS (7 * 3600 * 1000LL) /* Viet Nam: UTC+7, no daylight saving */
#define DAY_MS    86400000LL
#define MINUTE_MS 60000LL

void scene_init(struct scene *s, struct clk_utc now, struct clk_mono mono, int start_minutes,
                double speedup)
{
    int64_t local_ms = now.ms + OFFSET_MS;
    if (start_minutes >= 0)
        local_ms = local_ms - local_ms % DAY_MS + start_minutes * MINUTE_MS;
    *s = (struct scene){local_ms, mono, speedup};
}

int64_t scene_local_ms(const struct scene *s, struct clk_mono now)
{
    return s->local_ms + (int64_t)((double)(now.ms - s->begun.ms) * s->speedup);
}
