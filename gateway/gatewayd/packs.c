/* Packs: samples are frozen into them, the spool keeps them, the uplink is told when they may go.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gateway/gatewayd/gatewayd.h"
#include "gateway/io/spool/spool_lock.h"
#include "gateway/io/timesync.h"

#define DESCRIPTION_MAX (48 * 1024)

/* --- into the spool --- */

/* Gives the pack that waits, if one does, to the spool, and at once to the uplink if it can be sent
 * now: the disk then works beside the network, and the spool stays the one owner of the pack. False
 * while the spool's order queue is full. */
static bool append_pending(struct gatewayd *g)
{
    struct spool_pack *p = &g->waiting;
    if (!g->pack_waits)
        return true;
    p->taken = uplink_wants_fresh(&g->uplink);
    if (spool_writer_append(g->spool, p) == ERR_FULL)
        return false;
    g->pack_waits = false;
    if (!p->taken)
        return true;
    const struct uplink_pack fresh = {
        .epoch = spool_writer_epoch(g->spool), .seq = p->seq, .bytes = p->bytes, .len = p->len};
    uplink_fresh(&g->uplink, &fresh, clk_mono(g->clk));
    gatewayd_uplink_run(g);
    return true;
}

/* The pack's bytes stay in the packer until the spool has taken them; nothing else is packed
 * before. */
static void append(struct gatewayd *g, const struct packed *p, uint64_t gap_mark)
{
    assert(!g->pack_waits);
    g->waiting = (struct spool_pack){.seq = p->seq,
                                     .kind = p->kind,
                                     .samples = p->samples,
                                     .first = p->first,
                                     .last = p->last,
                                     .bytes = p->bytes,
                                     .len = p->len,
                                     .gap_mark = gap_mark};
    g->pack_waits = true;
    append_pending(g);
}

/* Makes the packer free for a new pack: the waiting one and the open one are with the spool. */
static bool make_room(struct gatewayd *g)
{
    struct packed packed;
    if (!append_pending(g))
        return false;
    if (packer_take(&g->packer, &packed))
        append(g, &packed, 0);
    return !g->pack_waits;
}

static void set_pack_timer(struct gatewayd *g)
{
    struct clk_mono due = packer_due(&g->packer);
    if (g->pack_waits || g->forget[0])
        due = clk_mono_add(clk_mono(g->clk), GATEWAYD_APPEND_AGAIN_MS);
    if (due.ms == CLK_NEVER.ms)
        loop_timer_stop(g->loop, &g->pack_timer);
    else if (loop_timer_start(g->loop, &g->pack_timer, due) != 0)
        loop_stop(g->loop, 1);
}

static void on_pack_due(struct loop_timer *timer, struct clk_mono now)
{
    struct gatewayd *g = timer->owner;
    (void)now;
    make_room(g);
    if (g->forget[0])
        gatewayd_packs_forget(g, g->forget);
    set_pack_timer(g);
}

/* What the edge keeps is packed. */
static void pack_sample(void *owner, const struct sample *s)
{
    struct gatewayd *g = owner;
    const char *device = g->config->devices[s->device].name;
    if (s->point >= g->config->devices[s->device].profile->point_count)
        gatewayd_ctl_derived(g, s);
    const char *point = gateway_config_point(g->config, s->device, s->point).name;
    int rc =
        append_pending(g) ? packer_add(&g->packer, device, point, s, g->packing_at) : ERR_AGAIN;
    if (rc == ERR_FULL && make_room(g))
        rc = packer_add(&g->packer, device, point, s, g->packing_at);
    if (rc)
        g->samples_lost++; /* no room, or a time no pack can carry */
}

void gatewayd_packs_samples(struct gatewayd *g, const struct sample *samples, size_t count)
{
    g->packing_at = clk_mono(g->clk);
    for (size_t i = 0; i < count; i++)
        edge_take(g->edge, &samples[i]);
    set_pack_timer(g);
}

static void describe_device(struct gatewayd *g, size_t device)
{
    static char json[DESCRIPTION_MAX]; /* the loop's thread alone; too large for its stack */
    struct packed packed;
    struct buf out;
    buf_init(&out, json, sizeof(json));
    gateway_describe_device(g->config, device, &out);
    if (!make_room(g))
        return; /* the collector asks again */
    if (packer_description(&g->packer, g->config->devices[device].name, buf_cstr(&out),
                           clk_utc(g->clk), &packed) == 0)
        append(g, &packed, 0);
    else
        log_warn("device %s: its description is too long to send; poll fewer points",
                 g->config->devices[device].name);
}

void gatewayd_packs_describe(struct gatewayd *g)
{
    for (size_t i = 0; i < g->config->device_count; i++)
        describe_device(g, i);
    spool_writer_sync(g->spool);
    set_pack_timer(g);
}

void gatewayd_packs_event(struct gatewayd *g, const char *name, const char *text)
{
    struct packed packed;
    if (make_room(g) && packer_event(&g->packer, name, text, clk_utc(g->clk), &packed) == 0) {
        append(g, &packed, 0);
        spool_writer_sync(g->spool);
    }
    set_pack_timer(g);
}

void gatewayd_packs_result(struct gatewayd *g, const struct command_result *r,
                           const struct sample *samples, size_t count)
{
    struct packer_reading read[CONTROL_POINTS_MAX];
    char text[COMMAND_SIZE_MAX];
    struct packed packed;
    struct buf json;
    buf_init(&json, text, sizeof(text));
    for (size_t i = 0; i < count && i < CONTROL_POINTS_MAX; i++) {
        const struct gateway_device *device = &g->config->devices[samples[i].device];
        read[i] = (struct packer_reading){
            device->name, device->profile->points[samples[i].point].name, &samples[i]};
    }
    int rc = command_result_encode(r, &json);
    if (rc == 0 && !make_room(g))
        rc = ERR_FULL;
    if (rc == 0)
        rc = packer_result(&g->packer, buf_cstr(&json), read, count, clk_utc(g->clk), &packed);
    if (rc == 0) {
        append(g, &packed, 0);
        spool_writer_sync(g->spool);
    } else {
        log_warn("the result of the command %s could not be packed", r->id);
    }
    set_pack_timer(g);
}

/* --- what the spool says --- */

static void take_batch(struct gatewayd *g, uint64_t tag, const struct spool_batch *batch)
{
    static struct uplink_pack packs[SPOOL_BATCH_PACKS_MAX]; /* the loop's thread alone */
    size_t n = batch ? batch->count : 0;
    for (size_t i = 0; i < n; i++)
        packs[i] = (struct uplink_pack){.epoch = batch->items[i].epoch,
                                        .seq = batch->items[i].seq,
                                        .bytes = spool_batch_bytes(batch, i),
                                        .len = batch->items[i].len};
    uplink_batch(&g->uplink, tag, packs, n, clk_mono(g->clk));
    gatewayd_uplink_run(g);
}

void gatewayd_packs_take(struct gatewayd *g, const struct spool_wish *wish)
{
    if (spool_writer_take(g->spool, wish) != 0)
        uplink_batch(&g->uplink, wish->tag, NULL, 0, clk_mono(g->clk));
}

/* Tried until the spool has heard it: else spool and uplink would count by different stores. */
void gatewayd_packs_forget(struct gatewayd *g, const char *store)
{
    if (store != g->forget)
        snprintf(g->forget, sizeof(g->forget), "%s", store);
    if (spool_writer_forget_acks(g->spool, g->forget) == 0)
        g->forget[0] = '\0';
}

static void tell_gaps(struct gatewayd *g, uint64_t mark, const struct spool_gap *gaps, size_t n)
{
    struct pack_gap told[SPOOL_GAPS_OFFER_MAX];
    struct packed packed;
    size_t fitted;
    if (n == 0 || n > SPOOL_GAPS_OFFER_MAX || !make_room(g))
        return; /* offered again */
    for (size_t i = 0; i < n; i++)
        told[i] = (struct pack_gap){.epoch = gaps[i].epoch,
                                    .from = gaps[i].from,
                                    .to = gaps[i].to,
                                    .cause = spool_cause_name(gaps[i].cause),
                                    .first = gaps[i].first,
                                    .last = gaps[i].last,
                                    .count = gaps[i].count};
    if (packer_gaps(&g->packer, told, n, clk_utc(g->clk), &packed, &fitted) == 0)
        append(g, &packed, fitted == n ? mark : 0);
    set_pack_timer(g);
}

static void take_state(struct gatewayd *g, const struct spool_state *s)
{
    struct gateway_state *state = &g->uplink.state;
    packer_set_low(&g->packer, s->low);
    gatewayd_ctl_spool(g, s);
    state->epoch = s->epoch;
    /* What is on a card that cannot be read now is not gone. */
    state->epoch_count = s->memory_only ? 0 : s->epoch_count;
    for (size_t i = 0; i < state->epoch_count; i++) {
        state->epochs[i].epoch = s->epochs[i].epoch;
        state->epochs[i].lowest = s->epochs[i].lowest;
        state->epochs[i].highest = s->epochs[i].highest;
    }
    snprintf(state->clock, sizeof(state->clock), "%s", timesync_word());
    uplink_say_state(&g->uplink);
    gatewayd_uplink_run(g);
}

static void take_fault(struct gatewayd *g, const struct mail *m)
{
    if (m->a)
        log_error("spool: %s; samples are kept in memory meanwhile", (const char *)m->data);
    else
        log_info("spool: writing works again");
    gatewayd_packs_event(g, "spool", m->a ? m->data : "writing works again");
}

void gatewayd_packs_mail(struct gatewayd *g, const struct mail *m)
{
    switch ((enum spool_mail)(m->type - GATEWAYD_SPOOL_MAIL)) {
    case SPOOL_TAKEABLE:
        uplink_durable(&g->uplink, m->b, clk_mono(g->clk));
        gatewayd_uplink_run(g);
        break;
    case SPOOL_PACKS:
        take_batch(g, m->b, m->data);
        break;
    case SPOOL_GAPS:
        tell_gaps(g, m->a, m->data, (size_t)m->b);
        break;
    case SPOOL_STATE:
        take_state(g, m->data);
        break;
    case SPOOL_FAULT:
        take_fault(g, m);
        break;
    }
}

/* --- start and end --- */

int gatewayd_packs_start(struct gatewayd *g, struct err *e)
{
    const struct gateway_config *c = g->config;
    const struct spool_writer_options options = {
        .spool = {.dir = c->spool.path,
                  .size_max = (uint64_t)c->spool.size_mib << 20,
                  .segment_size = (uint32_t)c->spool.segment_kib << 10},
        .mailbox = g->mailbox,
        .mail_base = GATEWAYD_SPOOL_MAIL,
        .sync_ms = (unsigned)c->spool.sync_ms};
    int rc = spool_lock(c->spool.path, &g->spool_lock, e);
    rc = rc ? rc : spool_writer_create(&options, &g->spool, e);
    if (rc)
        return err_prefix(e, "spool %s", c->spool.path);
    packer_init(&g->packer, c->gateway, c->conf, spool_writer_epoch(g->spool), c->pack.age_ms,
                (unsigned)c->pack.records);
    g->pack_timer = (struct loop_timer){.fire = on_pack_due, .owner = g};
    return edge_create(c, pack_sample, g, &g->edge, e);
}

void gatewayd_packs_stop(struct gatewayd *g)
{
    if (!g->spool)
        return;
    make_room(g);
    loop_timer_stop(g->loop, &g->pack_timer);
    edge_destroy(g->edge);
    g->edge = NULL;
    spool_writer_destroy(g->spool);
    g->spool = NULL;
    spool_unlock(g->spool_lock);
}
