#include "gateway/core/bus/poll_inside.h"

/* --- devices --- */

static void hurry(struct poll *p, uint16_t device, struct clk_mono now)
{
    for (size_t i = 0; i < p->reading_count; i++) {
        struct reading *r = &p->readings[i];
        if (r->plan.device == device && !clk_mono_due(r->ready, now))
            r->slot = r->ready = now;
    }
}

void poll_device_answered(struct poll *p, uint16_t device, struct clk_mono now)
{
    struct device *d = &p->devices[device];
    d->failures = 0;
    d->cause = CAUSE_NONE;
    if (!d->silent)
        return;
    d->silent = d->late_told = false;
    p->stats.silent--;
    hurry(p, device, now);
    poll_say(p, POLL_NOTE_DEVICE_BACK, device);
}

static void plan_probe(struct poll *p, struct device *d, struct clk_mono now)
{
    uint64_t quarter = d->probe_delay_ms / 4;
    int64_t delay = (int64_t)(d->probe_delay_ms - quarter + rng_below(&p->rng, 2 * quarter + 1));
    d->probe_at = clk_mono_add(now, delay);
    d->probe_delay_ms *= 2;
    if (d->probe_delay_ms > POLL_PROBE_DELAY_MAX)
        d->probe_delay_ms = POLL_PROBE_DELAY_MAX;
}

/* Nobody answered: the slave itself, or (exceptions 10, 11) a converter says so for it. */
static void device_unanswered(struct poll *p, uint16_t device, struct clk_mono now)
{
    struct device *d = &p->devices[device];
    if (d->silent) {
        plan_probe(p, d, now);
        return;
    }
    if (++d->failures < POLL_FAILURES_MAX)
        return;
    d->silent = true;
    d->probe_delay_ms = POLL_PROBE_DELAY_MS;
    p->stats.silent++;
    plan_probe(p, d, now);
    poll_say(p, POLL_NOTE_DEVICE_SILENT, device);
}

/* --- replies to readings --- */

/* A damaged or lost reply is asked for once more within its slot; a slave that did not answer is
 * not, since that would cost the others another timeout. */
static void reading_failed(struct poll *p, struct reading *r, struct clk_mono now,
                           const struct bus_reply *reply)
{
    bool damaged = reply->outcome == BUS_DAMAGED || reply->outcome == BUS_FOREIGN;
    bool again = damaged || reply->outcome == BUS_LOST;
    struct device *d = &p->devices[r->plan.device];
    bool probe = d->silent; /* its readings are reported on their own rhythm */
    d->exception = reply->exception;
    d->cause = damaged                           ? CAUSE_CRC
               : reply->outcome == BUS_EXCEPTION ? CAUSE_EXCEPTION
                                                 : CAUSE_TIMEOUT;
    if (!probe && again && r->tries++ == 0)
        return;
    if (probe || !damaged)
        device_unanswered(p, r->plan.device, now);
    if (!probe)
        reading_give_up(p, r, now, d->cause, d->exception);
}

static void reading_answered(struct poll *p, struct reading *r, struct clk_mono now)
{
    struct plan_request got = reading_part(p, r, p->sent.part);
    poll_device_answered(p, got.device, now);
    p->devices[got.device].late_told = false;
    poll_push(p, POLL_REPORT)->report = poll_report_of(&got, CAUSE_NONE, 0);
    r->told = false;
    if (p->sent.part == HEAD) {
        r->part = TAIL;
        r->ready = now;
    } else {
        reading_next_slot(p, r, now);
    }
}

static void tell_refused(struct poll *p, struct reading *r, uint8_t exception)
{
    if (r->told)
        return;
    r->told = true;
    poll_say(p, POLL_NOTE_DEVICE_CONFIG, r->plan.device)->report =
        poll_report_of(&r->plan, CAUSE_EXCEPTION, exception);
}

/* Modbus Application Protocol V1.1b3, section 7. */
static void reading_refused(struct poll *p, struct reading *r, struct clk_mono now,
                            const struct bus_reply *reply, bool doubtful)
{
    uint8_t exception = reply->exception;
    if (exception == 10 || exception == 11) {
        reading_failed(p, r, now, reply);
        return;
    }
    poll_device_answered(p, r->plan.device, now);
    switch (doubtful ? 0 : exception) {
    case 2: /* illegal data address */
    case 3: /* illegal data value: the count */
        if (reading_split(p, r, now))
            return;
        tell_refused(p, r, exception);
        break;
    case 1: /* illegal function: smaller reads would not help */
        tell_refused(p, r, exception);
        break;
    case 5: /* acknowledge: working on it */
    case 6: /* busy */
        if (r->tries < POLL_BUSY_RETRIES) {
            r->ready = clk_mono_add(now, POLL_BUSY_DELAY_MS << r->tries++);
            return;
        }
        break;
    default:
        break;
    }
    reading_give_up(p, r, now, CAUSE_EXCEPTION, exception);
}

void poll_reading_replied(struct poll *p, struct clk_mono now, const struct bus_reply *reply,
                          bool doubtful)
{
    struct reading *r = &p->readings[p->sent.reading];
    switch (reply->outcome) {
    case BUS_OK:
        reading_answered(p, r, now);
        break;
    case BUS_EXCEPTION:
        reading_refused(p, r, now, reply, doubtful);
        break;
    case BUS_NO_REPLY:
    case BUS_DAMAGED:
    case BUS_FOREIGN:
    case BUS_LOST:
        reading_failed(p, r, now, reply);
        break;
    }
}
