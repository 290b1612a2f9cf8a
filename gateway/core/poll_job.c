#include "gateway/core/frame.h"
#include "gateway/core/poll_inside.h"

#include <string.h>

static const struct point *job_point(const struct poll *p)
{
    return &p->plan->devices[p->job.write.device].profile->points[p->job.write.point];
}

/* --- the next request --- */

static struct bus_request write_request(const struct poll *p, struct sent *sent)
{
    const struct point *point = job_point(p);
    struct bus_request q = {.unit = p->plan->devices[p->job.write.device].unit,
                            .function = (uint8_t)point->table,
                            .address = point->address,
                            .count = point->count,
                            .timeout_ms = poll_reply_wait_ms(p, p->job.write.device)};
    if (p->job.stage == JOB_WRITE) {
        q.values = p->job.write.values;
        q.function = point->table == TABLE_COIL ? 5 : point->count == 1 ? 6 : 16;
    }
    sent->device = p->job.write.device;
    sent->function = q.function;
    sent->line_us = plan_time_us(p->plan->line, 0, TABLE_HOLDING, POINT_REGS_MAX);
    return q;
}

static uint16_t device_of_unit(const struct poll *p, uint8_t unit)
{
    size_t device = 0;
    while (device < p->plan->device_count && p->plan->devices[device].unit != unit)
        device++;
    return (uint16_t)device;
}

static struct bus_request ask_request(const struct poll *p, struct sent *sent)
{
    sent->device = device_of_unit(p, p->job.ask.unit);
    sent->function = p->job.ask.function;
    sent->line_us = plan_time_us(p->plan->line, 0, TABLE_HOLDING, BUS_REGISTERS_MAX);
    return p->job.ask;
}

struct bus_request poll_job_request(const struct poll *p, struct sent *sent)
{
    struct bus_request q = p->job.stage == JOB_ASK ? ask_request(p, sent) : write_request(p, sent);
    sent->bytes = frame_reply_bytes(&q);
    if (sent->device == p->plan->device_count) {
        sent->function = q.unit;
        sent->bytes = 0;
    }
    return q;
}

/* --- its end --- */

static void ask_end(struct poll *p)
{
    const struct bus_request *q = &p->job.ask;
    bool read = p->job.reply.outcome == BUS_OK && frame_reads(q->function);
    poll_push(p, POLL_ANSWER)->answer = (struct poll_answer){
        .id = p->job.ask_id, .reply = p->job.reply, .count = read ? q->count : 0};
}

void poll_job_end(struct poll *p)
{
    if (p->job.stage == JOB_ASK)
        ask_end(p);
    else
        poll_push(p, POLL_WRITTEN)->written = p->job.result;
    p->job.stage = JOB_NONE;
}

static void write_replied(struct poll *p, const struct bus_reply *reply, enum bus_outcome outcome)
{
    p->job.result.exception = reply->exception;
    if (p->job.stage == JOB_WRITE)
        p->job.result.written = outcome;
    else
        p->job.result.read_back = outcome;
    if (p->job.stage == JOB_WRITE && outcome == BUS_OK)
        p->job.stage = JOB_READ_BACK;
    else
        poll_job_end(p);
}

void poll_job_replied(struct poll *p, struct clk_mono now, const struct bus_reply *reply,
                      bool doubtful)
{
    enum bus_outcome outcome = doubtful ? BUS_FOREIGN : reply->outcome;
    if (outcome == BUS_OK && p->sent.device < p->plan->device_count)
        poll_device_answered(p, p->sent.device, now);
    if (p->job.stage != JOB_ASK) {
        write_replied(p, reply, outcome);
        return;
    }
    p->job.reply = *reply;
    p->job.reply.outcome = outcome;
    poll_job_end(p);
}

/* --- its start --- */

bool poll_writable(const struct plan *plan, uint16_t device, uint16_t point)
{
    const struct bus_device *d = &plan->devices[device];
    const struct point *p = &d->profile->points[point];
    bool broadcast = bus_is_broadcast(plan->line->kind, d->unit); /* nothing to read back */
    bool table = p->table == TABLE_COIL || p->table == TABLE_HOLDING;
    return p->writable && table && p->count <= POINT_REGS_MAX && !broadcast;
}

int poll_write(struct poll *p, const struct poll_write *w)
{
    if (w->device >= p->plan->device_count ||
        w->point >= p->plan->devices[w->device].profile->point_count)
        return ERR_NOTFOUND;
    if (!poll_writable(p->plan, w->device, w->point))
        return ERR_DENIED;
    if (p->job.stage != JOB_NONE)
        return ERR_AGAIN;
    p->job.write = *w;
    p->job.result = (struct poll_written){.id = w->id,
                                          .device = w->device,
                                          .point = w->point,
                                          .written = BUS_LOST,
                                          .read_back = BUS_LOST};
    p->job.stage = JOB_WRITE;
    return 0;
}

int poll_ask(struct poll *p, uint64_t id, const struct bus_request *q)
{
    uint8_t frame[FRAME_MAX];
    if (frame_request(q, frame) == 0)
        return ERR_INVALID;
    if (p->job.stage != JOB_NONE)
        return ERR_AGAIN;
    uint32_t line_ms = p->plan->line->timeout_ms;
    p->job.ask_id = id;
    p->job.ask = *q;
    if (q->timeout_ms == 0)
        p->job.ask.timeout_ms = line_ms ? line_ms : BUS_TIMEOUT_DEFAULT_MS;
    if (p->job.ask.timeout_ms > POLL_ASK_MAX_MS)
        p->job.ask.timeout_ms = POLL_ASK_MAX_MS;
    if (q->values) {
        size_t words = frame_written(q);
        if (words > BUS_REGISTERS_MAX)
            return ERR_INVALID;
        memcpy(p->job.ask_values, q->values, words * sizeof(*q->values));
        p->job.ask.values = p->job.ask_values;
    }
    p->job.reply = (struct bus_reply){.outcome = BUS_LOST};
    p->job.stage = JOB_ASK;
    return 0;
}
