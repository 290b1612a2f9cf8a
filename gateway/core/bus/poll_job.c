#include "gateway/core/bus/frame.h"
#include "gateway/core/bus/poll_inside.h"

#include <string.h>

static const struct point *device_point(const struct poll *p, uint16_t point)
{
    return &p->plan->devices[p->job.write.device].profile->points[point];
}

/* --- the next request --- */

static uint8_t write_function(const struct point *point)
{
    if (point->write_function)
        return point->write_function;
    if (point->table == TABLE_COIL)
        return 5;
    return point->type == TYPE_BIT ? 22 : point->count == 1 ? 6 : 16;
}

/* Function 23 reads back what it wrote, where that stands in a holding register. */
static bool reads_back_at_once(const struct poll *p)
{
    return write_function(device_point(p, p->job.write.point)) == 23 &&
           device_point(p, p->job.result.read_point)->table == TABLE_HOLDING;
}

static struct bus_request to_write(const struct poll *p)
{
    const struct point *point = device_point(p, p->job.write.point);
    const struct point *shown = device_point(p, p->job.result.read_point);
    struct bus_request q = {.function = write_function(point),
                            .address =
                                point->write_function ? point->write_address : point->address,
                            .count = point->count,
                            .values = p->job.write.values};
    if (q.function == 22)
        q.values = p->job.masks;
    if (q.function == 23) {
        q.write_address = q.address;
        q.write_count = q.count;
        if (shown->table == TABLE_HOLDING) {
            q.address = shown->address;
            q.count = shown->count;
        }
    }
    return q;
}

static struct bus_request to_read_back(const struct poll *p)
{
    const struct point *shown = device_point(p, p->job.result.read_point);
    return (struct bus_request){
        .function = (uint8_t)shown->table, .address = shown->address, .count = shown->count};
}

static struct bus_request write_request(const struct poll *p, struct sent *sent)
{
    struct bus_request q = p->job.stage == JOB_WRITE ? to_write(p) : to_read_back(p);
    q.unit = p->plan->devices[p->job.write.device].unit;
    q.timeout_ms = poll_reply_wait_ms(p, p->job.write.device);
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
    sent->broadcast = bus_is_broadcast(p->plan->line->kind, q.unit);
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
    if (p->job.stage == JOB_WRITE && outcome == BUS_OK && !p->sent.broadcast) {
        p->job.stage = JOB_READ_BACK;
        if (!reads_back_at_once(p))
            return;
        p->job.result.read_back = BUS_OK;
    }
    p->job.result.broadcast = p->sent.broadcast && outcome == BUS_OK;
    poll_job_end(p);
}

void poll_job_replied(struct poll *p, struct clk_mono now, const struct bus_reply *reply,
                      bool doubtful)
{
    enum bus_outcome outcome = doubtful ? BUS_FOREIGN : reply->outcome;
    if (outcome == BUS_OK && p->sent.device < p->plan->device_count && !p->sent.broadcast)
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
    bool everybody = bus_is_broadcast(plan->line->kind, d->unit);
    bool table = p->table == TABLE_COIL || p->table == TABLE_HOLDING;
    bool answer = write_function(p) == 23; /* which nobody gives to a broadcast */
    return p->writable && table && p->count <= POINT_REGS_MAX && !(everybody && answer);
}

/* The point that shows what a write really did: another one, or itself. */
static uint16_t shown_by(const struct profile *profile, uint16_t point)
{
    const char *name = profile->points[point].readback;
    const struct point *shown = *name ? profile_find(profile, name) : NULL;
    return shown ? (uint16_t)(shown - profile->points) : point;
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
    const struct profile *profile = p->plan->devices[w->device].profile;
    uint16_t bit = (uint16_t)(1U << profile->points[w->point].bit);
    p->job.write = *w;
    p->job.masks[0] = (uint16_t)~bit;
    p->job.masks[1] = w->values[0] ? bit : 0;
    p->job.result = (struct poll_written){.id = w->id,
                                          .device = w->device,
                                          .point = w->point,
                                          .read_point = shown_by(profile, w->point),
                                          .written = BUS_LOST,
                                          .read_back = BUS_LOST};
    p->job.stage = JOB_WRITE;
    return 0;
}

bool poll_askable(const struct plan *plan, const struct bus_request *q)
{
    uint8_t frame[FRAME_MAX];
    size_t words = frame_written(q);
    bool values = words == 0 || (q->values && words <= BUS_REGISTERS_MAX);
    bool answer = frame_reads(q->function) && bus_is_broadcast(plan->line->kind, q->unit);
    return values && !answer && frame_request(q, frame) > 0;
}

int poll_ask(struct poll *p, uint64_t id, const struct bus_request *q)
{
    if (!poll_askable(p->plan, q))
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
    if (q->values)
        memcpy(p->job.ask_values, q->values, frame_written(q) * sizeof(*q->values));
    p->job.ask.values = p->job.ask_values;
    p->job.reply = (struct bus_reply){.outcome = BUS_LOST};
    p->job.stage = JOB_ASK;
    return 0;
}
