/*
 * The watches that wait for a moment: a binary heap by `due`, each watch knowing its slot.
 */
#include <assert.h>

#include "collector/core/alarm/alarm_engine.h"

static int64_t due_at(const struct alarm_engine *eng, size_t slot)
{
    return eng->watches[eng->heap[slot - 1]].due.ms;
}

static void put(struct alarm_engine *eng, size_t slot, uint32_t watch)
{
    eng->heap[slot - 1] = watch;
    eng->watches[watch].slot = (uint32_t)slot;
}

/* Moves the watch in `slot` towards the root, then towards the leaves, to where it belongs. */
static void settle(struct alarm_engine *eng, size_t slot)
{
    uint32_t watch = eng->heap[slot - 1];
    int64_t due = eng->watches[watch].due.ms;
    while (slot > 1 && due < due_at(eng, slot / 2)) {
        put(eng, slot, eng->heap[slot / 2 - 1]);
        slot /= 2;
    }
    for (;;) {
        size_t child = slot * 2;
        if (child > eng->heap_count)
            break;
        if (child < eng->heap_count && due_at(eng, child + 1) < due_at(eng, child))
            child++;
        if (due <= due_at(eng, child))
            break;
        put(eng, slot, eng->heap[child - 1]);
        slot = child;
    }
    put(eng, slot, watch);
}

void timer_start(struct alarm_engine *eng, struct watch *w, enum pending what, struct clk_mono due)
{
    w->pending = what;
    w->due = due;
    if (w->slot == 0) {
        assert(eng->heap_count < eng->limits.alarms);
        eng->heap_count++;
        put(eng, eng->heap_count, watch_index(eng, w));
    }
    settle(eng, w->slot);
}

void timer_park(struct alarm_engine *eng, struct watch *w)
{
    size_t slot = w->slot;
    if (slot == 0)
        return;
    w->slot = 0;
    uint32_t last = eng->heap[--eng->heap_count];
    if (slot > eng->heap_count)
        return; /* it was the last one */
    put(eng, slot, last);
    settle(eng, slot);
}

void timer_stop(struct alarm_engine *eng, struct watch *w)
{
    timer_park(eng, w);
    w->pending = PENDING_NOTHING;
}

struct watch *timer_due(struct alarm_engine *eng, struct clk_mono now)
{
    if (eng->heap_count == 0)
        return NULL;
    struct watch *w = &eng->watches[eng->heap[0]];
    return clk_mono_due(w->due, now) ? w : NULL;
}
