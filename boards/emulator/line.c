#include "boards/emulator/line.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "boards/emulator/pdu.h"

#define UNIT_BROADCAST  0
#define UNIT_TCP_DEVICE 255  /* "the device itself" on TCP: Messaging V1.0b, section 4.4.2.1 */
#define SILENCE_US_MIN  1750 /* t3.5 above 19,200 baud: V1.02, section 2.5.1.1 */

int line_init(struct line *l, const struct config_bus *config, struct loop *loop,
              struct journal *journal, const struct scene *scene, struct slave *slaves,
              size_t slave_count, struct err *e)
{
    *l = (struct line){.config = config,
                       .loop = loop,
                       .journal = journal,
                       .scene = scene,
                       .slaves = slaves,
                       .slave_count = slave_count,
                       .listener = {.fd = -1},
                       .port = (uint16_t)config->port};
    int r = line_plug(l, e);
    return r < 0 ? err_prefix(e, "bus %s of %s", config->name, config->gateway) : 0;
}

void line_finish(struct line *l)
{
    if (l->loop)
        line_pull(l);
    l->loop = NULL;
}

int line_plug(struct line *l, struct err *e)
{
    if (l->plugged)
        return 0;
    if (l->config->pace)
        prctl(PR_SET_TIMERSLACK, 1UL); /* nanoseconds: paced replies are to be exact */
    int r = l->config->type == WIRE_RTU ? line_rtu_open(l, e) : line_tcp_open(l, e);
    l->plugged = r == 0;
    return r;
}

void line_pull(struct line *l)
{
    if (!l->plugged)
        return;
    if (l->config->type == WIRE_RTU)
        line_rtu_close(l);
    else
        line_tcp_close(l);
    l->plugged = false;
}

struct line_end *line_end_create(struct line *l, int fd,
                                 void (*ready)(struct loop_watch *, uint32_t))
{
    struct line_end *end = calloc(1, sizeof(*end));
    bool rtu = l->config->type == WIRE_RTU;
    if (!end || outbox_init(&end->outbox, l->loop, l->journal, !rtu) < 0) {
        free(end);
        return NULL;
    }
    end->line = l;
    end->watch = (struct loop_watch){.ready = ready, .owner = end, .fd = fd};
    end->outbox.fd = fd;
    end->outbox.owner = end;
    wire_init(&end->wire, (enum wire_kind)l->config->type);
    return end;
}

void line_end_destroy(struct line_end *end)
{
    if (!end)
        return;
    loop_timer_stop(end->line->loop, &end->silence);
    loop_watch_remove(end->line->loop, &end->watch);
    outbox_finish(&end->outbox);
    close(end->watch.fd);
    free(end);
}

uint64_t line_time_us(const struct line *l, size_t n)
{
    if (l->config->type != WIRE_RTU || !l->config->pace)
        return 0;
    return n * (uint64_t)l->config->char_bits * 1000000 / (uint64_t)l->config->baud;
}

/* The quiet around a frame: 3.5 characters, or the fixed time of fast lines. */
static uint64_t silence_us(const struct line *l)
{
    uint64_t us = line_time_us(l, 7) / 2;
    return us > 0 && us < SILENCE_US_MIN ? SILENCE_US_MIN : us;
}

/* A pseudo terminal carries a request in no time; what the real line would have taken for it, for
 * the reply and for the quiet by which the slave knows the request's end goes into the reply's
 * delay. The quiet behind the reply is the master's to keep. */
static int64_t delay_us(const struct line *l, const struct slave *s, size_t request_len,
                        size_t reply_len)
{
    return (int64_t)(s->options.turnaround_ms * UINT64_C(1000) +
                     line_time_us(l, request_len + reply_len) + silence_us(l));
}

static void set_due(const struct line_end *end, struct outbox_job *job, int64_t us)
{
    const struct line *l = end->line;
    job->due = clk_mono_add(clk_mono(loop_clk(l->loop)), (us + 500) / 1000);
    if (l->config->type == WIRE_RTU && l->config->pace)
        outbox_due_exact(job, end->heard_us + us);
}

static struct slave *find_slave(const struct line *l, uint8_t unit)
{
    for (size_t i = 0; i < l->slave_count; i++)
        if (l->slaves[i].options.unit == unit)
            return &l->slaves[i];
    bool itself = l->config->type == WIRE_TCP && (unit == UNIT_TCP_DEVICE || unit == 0);
    return itself && l->slave_count == 1 ? &l->slaves[0] : NULL;
}

/* How a slave with serial settings of its own takes what the port sends: at another speed it is
 * deaf; with other stop bits it hears, and its reply arrives in pieces. */
enum hearing { HEARS, HEARS_IN_PIECES, DEAF };

static enum hearing hearing_of(const struct line *l, const struct slave *s)
{
    uint32_t baud;
    uint8_t stop_bits;
    if (l->config->type != WIRE_RTU || (s->options.baud == 0 && s->options.stop_bits == 0))
        return HEARS;
    line_rtu_settings(l, &baud, &stop_bits);
    if (s->options.baud != 0 && s->options.baud != baud)
        return DEAF;
    return s->options.stop_bits != 0 && s->options.stop_bits != stop_bits ? HEARS_IN_PIECES : HEARS;
}

/* What the slave's fault makes of the reply. Fates say which replies a gateway may not believe. */
static void apply_fault(const struct line *l, struct slave *s, struct outbox_job *job)
{
    bool rtu = l->config->type == WIRE_RTU;
    switch (s->fault.kind) {
    case FAULT_LATE:
        job->due = clk_mono_add(job->due, s->fault.parameter);
        job->exact_us = 0;
        job->fate = "late";
        break;
    case FAULT_DRIBBLE:
        job->byte_gap_ms = s->fault.parameter;
        job->fate = "dribble";
        break;
    case FAULT_WRONG_UNIT:
        job->fate = "wrong-unit";
        break;
    case FAULT_NOISE:
        if (rng_below(&s->rng, 100) >= s->fault.parameter)
            break;
        job->len = rtu ? fault_damage_rtu(&s->rng, job->frame, job->len)
                       : fault_damage_tcp(&s->rng, job->frame, job->len);
        job->fate = "noise";
        break;
    case FAULT_NONE:
    case FAULT_DEAD:
    case FAULT_STUCK:
    case FAULT_EXCEPTION:
    case FAULT_LAG:
    case FAULT_DEAF:
        break;
    }
}

static void send_reply(struct line_end *end, const struct wire_request *request, struct slave *s,
                       const struct slave_reply *reply)
{
    struct line *l = end->line;
    struct outbox_job *job = outbox_room(&end->outbox);
    if (!job)
        return;
    uint8_t unit = request->unit;
    if (s->fault.kind == FAULT_WRONG_UNIT)
        unit = (uint8_t)(unit % 247 + 1);
    job->len = wire_wrap(end->wire.kind, request->transaction, unit, reply->pdu, reply->pdu_len,
                         job->frame);
    set_due(end, job, delay_us(l, s, request->frame_len, job->len));
    job->fate = "ok";
    job->slave = s;
    job->reading_count = reply->reading_count;
    memcpy(job->readings, reply->readings, reply->reading_count * sizeof(reply->readings[0]));
    apply_fault(l, s, job);
    if (hearing_of(l, s) == HEARS_IN_PIECES) {
        job->len = fault_damage_rtu(&s->rng, job->frame, job->len);
        job->fate = "noise";
    }
    outbox_push(&end->outbox);
}

static void broadcast(struct line *l, const struct wire_request *request, int64_t local_ms)
{
    struct slave_reply unsent;
    for (size_t i = 0; i < l->slave_count; i++)
        if (l->slaves[i].fault.kind != FAULT_DEAD && hearing_of(l, &l->slaves[i]) != DEAF)
            slave_answer(&l->slaves[i], request->pdu, request->pdu_len, local_ms, &unsent);
}

static void answer_for_silent(struct line_end *end, const struct wire_request *request)
{
    struct outbox_job *job = outbox_room(&end->outbox);
    uint8_t pdu[2];
    if (!job)
        return;
    pdu_reply_exception(request->pdu[0], PDU_GATEWAY_TARGET_SILENT, pdu);
    job->len =
        wire_wrap(WIRE_TCP, request->transaction, request->unit, pdu, sizeof(pdu), job->frame);
    job->due = clk_mono(loop_clk(end->line->loop));
    outbox_push(&end->outbox);
}

void line_handle(struct line_end *end, const struct wire_request *request)
{
    struct line *l = end->line;
    bool rtu = l->config->type == WIRE_RTU;
    int64_t local_ms = scene_local_ms(l->scene, clk_mono(loop_clk(l->loop)));
    struct slave_reply reply;
    if (rtu)
        outbox_hush(&end->outbox);
    if (rtu && request->unit == UNIT_BROADCAST) {
        broadcast(l, request, local_ms);
        return;
    }
    struct slave *s = find_slave(l, request->unit);
    if (!s) {
        l->foreign++;
        if (!rtu)
            answer_for_silent(end, request);
        return;
    }
    if (s->fault.kind == FAULT_DEAD || hearing_of(l, s) == DEAF)
        return;
    slave_answer(s, request->pdu, request->pdu_len, local_ms, &reply);
    send_reply(end, request, s, &reply);
}
