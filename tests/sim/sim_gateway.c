/* A gateway: packer, spool and uplink joined as gatewayd and its spool writer join them, with the
 * spool driven directly in place of the writer's thread. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/io/spool/spool_inner.h"
#include "tests/sim/sim_inside.h"

#define SYNC_MS      1000
#define SYNC_MAX_MS  30000
#define STATE_MS     5000
#define OFFER_MS     60000
#define RECORDS_MAX  200
#define MEMORY_MAX   (256 * 1024)
#define TAKE_MAX_MS  500 /* a spool answers a take within */
#define REFUSED_MS   500
#define UNREACHED_MS 15000

static uint32_t spool_random(void *ctx)
{
    return (uint32_t)rng_next(ctx);
}

static struct clk_utc utc(const struct sim_gateway *g)
{
    return (struct clk_utc){SIM_UTC + g->sim->now_ms + g->utc_offset};
}

static struct sim_event *schedule(struct sim_gateway *g, enum sim_event_type type, int64_t delay_ms)
{
    struct sim_event *e = sim_schedule(g->sim, type, delay_ms);
    e->gateway = g->index;
    e->process = g->process;
    e->session = g->link.session;
    return e;
}

void gateway_set_timer(struct sim_gateway *g, enum sim_timer timer, int64_t at_ms)
{
    if (g->timers[timer] == at_ms)
        return;
    g->timers[timer] = at_ms;
    if (at_ms == INT64_MAX)
        return;
    struct sim_event *e =
        schedule(g, EVENT_GATEWAY_TIMER, at_ms > g->sim->now_ms ? at_ms - g->sim->now_ms : 0);
    e->timer = timer;
    g->timers[timer] = e->at_ms;
}

/* --- packs --- */

static void run_actions(struct sim_gateway *g);

/* Sent before the disk has it: a kill up to the next commit leaves it with the collector alone. */
static void send_fresh(struct sim_gateway *g, const struct packed *p)
{
    const struct uplink_pack fresh = {spool_epoch(g->spool), p->seq, p->bytes, p->len};
    uplink_fresh(&g->uplink, &fresh, sim_mono(g->sim));
    run_actions(g);
    g->sim->counts.fresh++;
}

static void append(struct sim_gateway *g, const struct packed *p, uint64_t mark)
{
    const struct spool_pack pack = {.seq = p->seq,
                                    .kind = p->kind,
                                    .samples = p->samples,
                                    .first = p->first,
                                    .last = p->last,
                                    .bytes = p->bytes,
                                    .len = p->len,
                                    .gap_mark = mark,
                                    .taken = uplink_wants_fresh(&g->uplink)};
    ledger_append(g, p);
    if (spool_append(g->spool, &pack) != 0)
        sim_fail(g->sim, "%s: the spool refuses pack %llu", g->name, (unsigned long long)p->seq);
    if (pack.taken)
        send_fresh(g, p);
}

static void flush(struct sim_gateway *g)
{
    struct packed packed;
    if (packer_take(&g->packer, &packed))
        append(g, &packed, 0);
}

static void take_sample(struct sim_gateway *g)
{
    struct sample s;
    ledger_make(g->ledger.samples, &s);
    s.at = utc(g);
    int rc = packer_add(&g->packer, "meter", "count", &s, sim_mono(g->sim));
    if (rc == ERR_FULL) {
        flush(g);
        rc = packer_add(&g->packer, "meter", "count", &s, sim_mono(g->sim));
    }
    if (rc)
        sim_fail(g->sim, "%s: the packer refuses a sample (%d)", g->name, rc);
    ledger_sample(g, s.at);
    gateway_set_timer(g, TIMER_PACK, packer_due(&g->packer).ms);
}

static void tell_gaps(struct sim_gateway *g)
{
    struct spool_gap gaps[SPOOL_GAPS_OFFER_MAX];
    struct pack_gap told[SPOOL_GAPS_OFFER_MAX];
    struct packed packed;
    uint64_t mark;
    size_t fitted;
    size_t n = spool_offer_gaps(g->spool, gaps, SPOOL_GAPS_OFFER_MAX, &mark);
    for (size_t i = 0; i < n; i++)
        told[i] = (struct pack_gap){.epoch = gaps[i].epoch,
                                    .from = gaps[i].from,
                                    .to = gaps[i].to,
                                    .cause = spool_cause_name(gaps[i].cause),
                                    .first = gaps[i].first,
                                    .last = gaps[i].last,
                                    .count = gaps[i].count};
    flush(g);
    if (n > 0 && packer_gaps(&g->packer, told, n, utc(g), &packed, &fitted) == 0)
        append(g, &packed, fitted == n ? mark : 0);
}

static void say_security(struct sim_gateway *g, const char *text)
{
    struct packed packed;
    g->security++;
    g->sim->counts.security++;
    flush(g);
    if (packer_event(&g->packer, "security", text, utc(g), &packed) == 0)
        append(g, &packed, 0);
}

/* --- the spool --- */

/* What the writer does after its orders: true when the uplink was told something new. */
static bool tell_uplink(struct sim_gateway *g)
{
    ledger_durable(g);
    if (g->timers[TIMER_COMMIT] == INT64_MAX && spool_uncommitted(g->spool))
        gateway_set_timer(g, TIMER_COMMIT, g->sim->now_ms + SYNC_MS);
    if (spool_takeable(g->spool) == g->takeable_told)
        return false;
    g->takeable_told = spool_takeable(g->spool);
    uplink_durable(&g->uplink, g->takeable_told, sim_mono(g->sim));
    return true;
}

static void commit(struct sim_gateway *g)
{
    if (spool_commit(g->spool) == 0) {
        g->retry_ms = 0;
    } else {
        g->retry_ms = g->retry_ms ? 2 * g->retry_ms : SYNC_MS;
        g->retry_ms = g->retry_ms < SYNC_MAX_MS ? g->retry_ms : SYNC_MAX_MS;
        gateway_set_timer(g, TIMER_COMMIT, g->sim->now_ms + g->retry_ms);
    }
}

static void take_state(struct sim_gateway *g)
{
    struct spool_state s;
    struct gateway_state *state = &g->uplink.state;
    spool_get_state(g->spool, &s);
    packer_set_low(&g->packer, s.low);
    state->epoch_count = s.memory_only ? 0 : s.epoch_count;
    for (size_t i = 0; i < state->epoch_count; i++) {
        state->epochs[i].epoch = s.epochs[i].epoch;
        state->epochs[i].lowest = s.epochs[i].lowest;
        state->epochs[i].highest = s.epochs[i].highest;
    }
    snprintf(state->clock, sizeof(state->clock), "synchronised");
    uplink_say_state(&g->uplink);
}

static void take_packs(struct sim_gateway *g, const struct uplink_action *a)
{
    const struct spool_wish wish = {.packs = a->packs, .bytes = a->bytes, .since = a->since};
    struct uplink *u = &g->uplink;
    if (u->flight_count + a->packs > (u->credit > SIM_INFLIGHT ? SIM_INFLIGHT : u->credit))
        sim_fail(g->sim, "I6: %s wants %zu packs more than its %zu, with a credit of %u", g->name,
                 a->packs, u->flight_count, u->credit);
    struct sim_event *e =
        schedule(g, EVENT_BATCH, (int64_t)rng_below(&g->sim->rng, TAKE_MAX_MS + 1));
    e->tag = a->tag;
    e->bytes = spool_take(g->spool, &wish);
}

static void answer_take(struct sim_gateway *g, const struct sim_event *e)
{
    static struct uplink_pack packs[SPOOL_BATCH_PACKS_MAX];
    const struct spool_batch *b = e->bytes;
    size_t n = b ? b->count : 0;
    for (size_t i = 0; i < n; i++)
        packs[i] = (struct uplink_pack){b->items[i].epoch, b->items[i].seq, spool_batch_bytes(b, i),
                                        b->items[i].len};
    uplink_batch(&g->uplink, e->tag, packs, n, sim_mono(g->sim));
}

/* --- the network, this end --- */

static void *copy_of(const void *bytes, size_t len)
{
    void *copy = sim_alloc(NULL, len ? len : 1);
    memcpy(copy, bytes, len);
    return copy;
}

static void post_to_collector(struct sim_gateway *g, enum topic_kind topic, const void *bytes,
                              size_t len, int64_t delay_ms)
{
    struct sim_event *e = schedule(g, EVENT_TO_COLLECTOR, delay_ms);
    e->topic = topic;
    e->bytes = copy_of(bytes, len);
    e->len = len;
}

/* In order on its lane, across lanes in any order. */
static int64_t arrival(struct sim_gateway *g, enum sim_lane lane, size_t len)
{
    struct sim_link *l = &g->link;
    int64_t now = g->sim->now_ms;
    uint64_t rate = g->sim->options.byte_rate;
    if (rate) {
        l->free_ms = (l->free_ms > now ? l->free_ms : now) + (int64_t)(len * 1000 / rate);
        now = l->free_ms;
    }
    int64_t at = now + sim_delay(g->sim) + sim_delay(g->sim);
    l->arrived[lane] = at > l->arrived[lane] ? at : l->arrived[lane];
    return l->arrived[lane] - g->sim->now_ms;
}

static void keep(char **to, size_t *to_len, const void *bytes, size_t len)
{
    free(*to);
    *to = copy_of(bytes, len);
    *to_len = len;
}

static void publish(struct sim_gateway *g, const struct uplink_action *a)
{
    struct topic topic;
    if (!g->link.connected || g->link.half_open_until > g->sim->now_ms)
        return; /* into the void: the gateway does not know yet */
    if (topic_parse(a->topic, &topic) != 0 || strcmp(topic.name, g->name) != 0)
        sim_fail(g->sim, "%s publishes on %s", g->name, a->topic);
    if (topic.kind == TOPIC_STATE) {
        keep(&g->link.retained, &g->link.retained_len, a->payload, a->len);
        post_to_collector(g, topic.kind, a->payload, a->len, arrival(g, SIM_LANE_STATE, a->len));
    } else if (topic.kind == TOPIC_LIVE || topic.kind == TOPIC_BACKFILL) {
        bool live = topic.kind == TOPIC_LIVE;
        int64_t after = arrival(g, live ? SIM_LANE_LIVE : SIM_LANE_BACKFILL, a->len);
        post_to_collector(g, topic.kind, a->payload, a->len, after);
        if (sim_chance(g->sim, g->sim->options.faults.duplicate))
            post_to_collector(g, topic.kind, a->payload, a->len,
                              after + sim_between(g->sim, 0, 60 * SIM_SECOND));
    }
}

/* The broker notices that the connection is over, and says the will. */
static void end_session(struct sim_gateway *g)
{
    struct sim_link *l = &g->link;
    if (!l->connected)
        return;
    l->connected = false;
    l->half_open_until = 0;
    keep(&l->retained, &l->retained_len, l->will, l->will_len);
    post_to_collector(g, TOPIC_STATE, l->will, l->will_len, arrival(g, SIM_LANE_STATE, 0));
    l->session++;
}

void gateway_break(struct sim_gateway *g)
{
    if (!g->link.connected)
        return;
    end_session(g);
    g->sim->counts.cuts++;
    schedule(g, EVENT_DOWN, sim_between(g->sim, 0, 3 * SIM_SECOND));
}

static void connect_link(struct sim_gateway *g, const struct uplink_action *a)
{
    struct sim_link *l = &g->link;
    end_session(g);
    l->session++;
    keep(&l->will, &l->will_len, a->payload, a->len);
    if (l->up)
        schedule(g, EVENT_CONNECTED, 4 * sim_delay(g->sim) + 1);
    else
        schedule(g, EVENT_CONNECT_FAILED, sim_between(g->sim, REFUSED_MS, UNREACHED_MS));
}

/* --- the uplink's hands --- */

static void act(struct sim_gateway *g, const struct uplink_action *a)
{
    switch (a->verb) {
    case UPLINK_CONNECT:
        connect_link(g, a);
        break;
    case UPLINK_DISCONNECT:
        end_session(g);
        break;
    case UPLINK_SUBSCRIBE:
        schedule(g, EVENT_SUBSCRIBED, 2 * sim_delay(g->sim))->tag = a->tag;
        break;
    case UPLINK_PUBLISH:
        publish(g, a);
        break;
    case UPLINK_TAKE:
        take_packs(g, a);
        break;
    case UPLINK_RELEASE:
        spool_release(g->spool, a->epoch, a->seq);
        break;
    case UPLINK_RELEASE_ALL:
        spool_release_all(g->spool);
        break;
    case UPLINK_ACK:
        if (spool_ack(g->spool, a->epoch, a->seq, a->also, a->also_count) != 0)
            uplink_ack_denied(&g->uplink, a->epoch, a->seq, sim_mono(g->sim));
        break;
    case UPLINK_FORGET:
        spool_forget_acks(g->spool, a->text);
        break;
    case UPLINK_SECURITY:
        say_security(g, a->text);
        break;
    case UPLINK_DESCRIBE: /* the collector knows the configuration */
    case UPLINK_STOPPED:  /* gateways are killed, never stopped */
        break;
    }
}

static void run_actions(struct sim_gateway *g)
{
    struct uplink_action action;
    while (uplink_next(&g->uplink, &action))
        act(g, &action);
}

static void run_uplink(struct sim_gateway *g)
{
    do
        run_actions(g);
    while (tell_uplink(g));
    gateway_set_timer(g, TIMER_UPLINK, uplink_wake(&g->uplink).ms);
    gateway_check_power(g);
}

/* --- events --- */

static void take_ack(struct sim_gateway *g, const struct sim_event *e)
{
    static struct ack ack;
    struct err err = {0};
    if (!g->link.connected || e->session != g->link.session ||
        g->link.half_open_until > g->sim->now_ms)
        return;
    if (ack_decode(e->bytes, e->len, &ack, &err) != 0) {
        sim_fail(g->sim, "%s cannot read an ack: %s", g->name, err.text);
        return;
    }
    g->credit = ack.credit;
    uplink_acked(&g->uplink, &ack, sim_mono(g->sim));
}

void gateway_event(struct sim_gateway *g, const struct sim_event *e)
{
    struct clk_mono now = sim_mono(g->sim);
    if (!g->spool || e->process != g->process)
        return;
    switch (e->type) {
    case EVENT_CONNECTED:
        if (e->session != g->link.session)
            return;
        g->link.connected = g->link.up;
        if (g->link.up)
            uplink_connected(&g->uplink, now);
        else
            uplink_down(&g->uplink, "unreachable", now);
        break;
    case EVENT_CONNECT_FAILED:
        if (e->session == g->link.session)
            uplink_down(&g->uplink, "unreachable", now);
        break;
    case EVENT_SUBSCRIBED:
        if (e->session == g->link.session && g->link.connected)
            uplink_subscribed(&g->uplink, e->tag, now);
        break;
    case EVENT_DOWN:
        if (e->session == g->link.session)
            uplink_down(&g->uplink, "lost", now);
        break;
    case EVENT_BATCH:
        answer_take(g, e);
        break;
    case EVENT_ACK:
        take_ack(g, e);
        break;
    default:
        break;
    }
    run_uplink(g);
}

static void start(struct sim_gateway *g)
{
    const struct sim_options *o = &g->sim->options;
    const struct spool_options options = {.fsx = &g->disk.fsx,
                                          .dir = "spool",
                                          .size_max = o->segments * SPOOL_SEGMENT_MIN,
                                          .segment_size = SPOOL_SEGMENT_MIN,
                                          .memory_max = MEMORY_MAX,
                                          .random = spool_random,
                                          .random_ctx = &g->spool_rng};
    struct err e = {0};
    g->disk.fail_dir = g->gone;
    if (spool_open(&options, &g->spool, &e) != 0) {
        sim_fail(g->sim, "%s: %s", g->name, e.text);
        return;
    }
    g->disk.fail_dir = false;
    ledger_new_epoch(g, spool_epoch(g->spool));
    g->takeable_told = 0;
    g->retry_ms = 0;
    packer_init(&g->packer, g->name, SIM_CONF, spool_epoch(g->spool), o->pack_ms, RECORDS_MAX);
    const struct uplink_options uplink = {.gateway = g->name,
                                          .area = SIM_AREA,
                                          .firmware = "sim",
                                          .epoch = spool_epoch(g->spool),
                                          .store = spool_store(g->spool),
                                          .inflight_max = SIM_INFLIGHT,
                                          .birth = "{}",
                                          .birth_len = 2,
                                          .seed = rng_next(&g->sim->rng)};
    uplink_init(&g->uplink, &uplink, sim_mono(g->sim));
    take_state(g);
    gateway_set_timer(g, TIMER_SAMPLE, g->sim->now_ms + sim_between(g->sim, 0, o->sample_ms));
    gateway_set_timer(g, TIMER_STATE, g->sim->now_ms + STATE_MS);
    gateway_set_timer(g, TIMER_GAPS, g->sim->now_ms + SIM_SECOND);
    gateway_set_timer(g, TIMER_UPLINK, uplink_wake(&g->uplink).ms);
    gateway_check_power(g);
}

static void gateway_run_timer(struct sim_gateway *g, enum sim_timer timer)
{
    struct sim *s = g->sim;
    switch (timer) {
    case TIMER_SAMPLE:
        if (s->settling)
            break;
        take_sample(g);
        gateway_set_timer(g, TIMER_SAMPLE, s->now_ms + s->options.sample_ms);
        break;
    case TIMER_PACK:
        flush(g);
        break;
    case TIMER_COMMIT:
        commit(g);
        break;
    case TIMER_STATE:
        take_state(g);
        gateway_set_timer(g, TIMER_STATE, s->now_ms + STATE_MS);
        break;
    case TIMER_GAPS:
        if (spool_has_untold(g->spool)) {
            tell_gaps(g);
            gateway_set_timer(g, TIMER_GAPS, s->now_ms + OFFER_MS);
        } else {
            gateway_set_timer(g, TIMER_GAPS, s->now_ms + SIM_SECOND);
        }
        break;
    case TIMER_UPLINK:
        uplink_step(&g->uplink, sim_mono(s));
        break;
    default:
        break;
    }
    run_uplink(g);
}

void gateway_timer(struct sim_gateway *g, enum sim_timer timer)
{
    g->timers[timer] = INT64_MAX;
    if (timer == TIMER_START)
        start(g);
    else if (timer == TIMER_DISK)
        sim_set_disk(g->sim, g->index, 0);
    else if (timer == TIMER_HALF_OPEN)
        gateway_break(g);
    else if (g->spool)
        gateway_run_timer(g, timer);
}

/* --- life and death --- */

void gateway_kill(struct sim_gateway *g, bool power, int64_t back_ms)
{
    if (!g->spool)
        return;
    g->memory_only = g->spool->memory_only;
    g->disk.dead = true; /* so that closing writes nothing */
    spool_close(g->spool);
    g->spool = NULL;
    g->process++;
    g->disk.dead = false;
    g->disk.cut_at = FAULT_NEVER;
    if (power)
        fsx_fault_reboot(&g->disk);
    end_session(g);
    g->link.session++;
    ledger_forget_open(g);
    for (int timer = TIMER_SAMPLE; timer <= TIMER_UPLINK; timer++)
        g->timers[timer] = INT64_MAX;
    gateway_set_timer(g, TIMER_START, g->sim->now_ms + back_ms);
}

/* The power went at a write: now that the call is over, the process goes as well. */
void gateway_check_power(struct sim_gateway *g)
{
    if (!g->disk.dead || !g->spool)
        return;
    g->sim->counts.powers++;
    gateway_kill(g, true, sim_between(g->sim, SIM_SECOND, 20 * SIM_SECOND));
}

void gateway_create(struct sim *s, size_t index)
{
    struct sim_gateway *g = &s->gateways[index];
    memset(g, 0, sizeof(*g));
    g->sim = s;
    g->index = index;
    g->link.up = true;
    snprintf(g->name, sizeof(g->name), "gw-%zu", index);
    fsx_fault_init(&g->disk, rng_next(&s->rng));
    rng_init(&g->spool_rng, rng_next(&s->rng));
    for (int timer = 0; timer < TIMERS; timer++)
        g->timers[timer] = INT64_MAX;
    gateway_set_timer(g, TIMER_START, sim_between(s, 0, SIM_SECOND));
}

void gateway_finish(struct sim_gateway *g)
{
    spool_close(g->spool);
    fsx_fault_finish(&g->disk);
    ledger_finish(&g->ledger);
    free(g->link.will);
    free(g->link.retained);
}

bool gateway_idle(const struct sim_gateway *g)
{
    struct spool_state state;
    if (!g->spool || g->uplink.phase != UPLINK_ONLINE || g->packer.writer.records ||
        spool_uncommitted(g->spool))
        return false;
    spool_get_state(g->spool, &state);
    return state.pending == 0 && state.gaps == 0;
}
