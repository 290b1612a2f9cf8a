#include "model/counter.h"

static bool wrapped(double last, double reading, double wrap)
{
    return wrap > 0 && last < wrap && last >= wrap * 0.75 && reading < wrap * 0.25;
}

enum counter_step counter_step(struct counter *c, double reading, double wrap, double *increase)
{
    double last = c->last;
    bool known = c->known;
    c->last = reading;
    c->known = true;
    *increase = 0;
    if (!known)
        return COUNTER_FIRST;
    if (reading >= last) {
        *increase = reading - last;
        return COUNTER_RISE;
    }
    if (wrapped(last, reading, wrap)) {
        *increase = reading + wrap - last;
        return COUNTER_RISE;
    }
    c->resets++;
    return COUNTER_RESET;
}
