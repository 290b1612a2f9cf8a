/* Time, chance, and what goes wrong when. */
#include "tests/sim/sim_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tests/sim/sim_inside.h"

#define CHECK_STEPS 2000 /* every promise is checked at least so often, and after each fault */

void sim_fail(struct sim *s, const char *fmt, ...)
{
    char what[SIM_BREACH_MAX - 128];
    if (s->breach[0])
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    snprintf(s->breach, sizeof(s->breach), "IOC_SIM_SEED=%llu replays: at %.3f s, step %llu: %s",
             (unsigned long long)s->options.seed, (double)s->now_ms / 1000.0,
             (unsigned long long)s->counts.steps, what);
}

void *sim_alloc(void *old, size_t bytes)
{
    void *p = realloc(old, bytes);
    if (!p)
        abort();
    return p;
}

struct clk_mono sim_mono(const struct sim *s)
{
    return (struct clk_mono){s->now_ms};
}

int64_t sim_between(struct sim *s, int64_t from, int64_t to)
{
    return from + (int64_t)rng_below(&s->rng, (uint64_t)(to - from) + 1);
}

bool sim_chance(struct sim *s, unsigned per_mille)
{
    return per_mille && rng_below(&s->rng, 1000) < per_mille;
}

int64_t sim_delay(struct sim *s)
{
    return s->options.delay_ms + sim_between(s, 0, s->options.jitter_ms);
}

/* --- the heap of events, by time, then in the order they were made --- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order);
}

static void swap(struct sim_event *a, struct sim_event *b)
{
    struct sim_event c = *a;
    *a = *b;
    *b = c;
}

/* A new event stays where it was made, behind `heaped`, so that its maker can fill it in; it takes
 * its place when the next event is taken. */
static void sift_up(struct sim *s, size_t at)
{
    for (; at > 0 && before(&s->heap[at], &s->heap[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&s->heap[at], &s->heap[(at - 1) / 2]);
}

static void sift_down(struct sim *s)
{
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < s->event_count; child++)
            if (before(&s->heap[child], &s->heap[least]))
                least = child;
        if (least == at)
            return;
        swap(&s->heap[at], &s->heap[least]);
        at = least;
    }
}

struct sim_event *sim_schedule(struct sim *s, enum sim_event_type type, int64_t delay_ms)
{
    if (s->event_count == s->event_capacity) {
        s->event_capacity = s->event_capacity ? 2 * s->event_capacity : 1024;
        s->heap = sim_alloc(s->heap, s->event_capacity * sizeof(*s->heap));
    }
    struct sim_event *e = &s->heap[s->event_count++];
    *e = (struct sim_event){.at_ms = s->now_ms + delay_ms, .order = s->order++, .type = type};
    return e;
}

static bool take_event(struct sim *s, int64_t until_ms, struct sim_event *out)
{
    for (; s->heaped < s->event_count; s->heaped++)
        sift_up(s, s->heaped);
    if (s->event_count == 0 || s->heap[0].at_ms > until_ms)
        return false;
    *out = s->heap[0];
    s->heap[0] = s->heap[--s->event_count];
    s->heaped = s->event_count;
    sift_down(s);
    return true;
}

/* --- faults --- */

void sim_set_disk(struct sim *s, size_t gateway, int error)
{
    struct fsx_fault *disk = &s->gateways[gateway].disk;
    disk->fail_at = error ? disk->ops : FAULT_NEVER;
    disk->fail_count = error ? UINT64_MAX : 0;
    disk->fail_errno = error ? error : EIO;
}

void sim_set_directory(struct sim *s, size_t gateway, bool gone)
{
    s->gateways[gateway].gone = gone;
}

static void fail_disk(struct sim *s, struct sim_gateway *g, int error)
{
    s->counts.disks++;
    sim_set_disk(s, g->index, error);
    gateway_set_timer(g, TIMER_DISK, s->now_ms + sim_between(s, SIM_SECOND, 100 * SIM_SECOND));
}

static void step_clock(struct sim *s, struct sim_gateway *g)
{
    static const int64_t steps[] = {SIM_HOUR, -SIM_HOUR, -2 * SIM_MINUTE, SIM_SECOND, -SIM_UTC};
    s->counts.clocks++;
    g->utc_offset = g->utc_offset ? 0 : steps[rng_below(&s->rng, 5)];
}

void sim_kill_gateway(struct sim *s, size_t gateway)
{
    s->counts.kills++;
    gateway_kill(&s->gateways[gateway], false, sim_between(s, 200, 5 * SIM_SECOND));
}

static void harm_disk(struct sim *s, struct sim_gateway *g)
{
    const struct sim_faults *f = &s->options.faults;
    if (g->spool && sim_chance(s, f->power) && g->disk.cut_at == FAULT_NEVER)
        g->disk.cut_at = g->disk.ops + rng_below(&s->rng, 20);
    if (sim_chance(s, f->disk_error))
        fail_disk(s, g, EIO);
    if (sim_chance(s, f->disk_full))
        fail_disk(s, g, ENOSPC);
    if (sim_chance(s, f->disk_gone)) {
        g->gone = true;
        sim_kill_gateway(s, g->index);
    } else if (g->gone && sim_chance(s, 20)) {
        g->gone = false;
        sim_kill_gateway(s, g->index);
    }
}

static void harm_gateway(struct sim *s, struct sim_gateway *g)
{
    const struct sim_faults *f = &s->options.faults;
    if (sim_chance(s, f->cut))
        gateway_break(g);
    if (sim_chance(s, f->half_open) && g->link.connected) {
        int64_t ms = sim_between(s, 20 * SIM_SECOND, 90 * SIM_SECOND);
        g->link.half_open_until = s->now_ms + ms + 1;
        gateway_set_timer(g, TIMER_HALF_OPEN, s->now_ms + ms);
    }
    if (sim_chance(s, f->kill))
        sim_kill_gateway(s, g->index);
    if (sim_chance(s, f->clock_step))
        step_clock(s, g);
    harm_disk(s, g);
}

void sim_restore_collector(struct sim *s)
{
    s->counts.restores++;
    collector_kill(s, true);
}

static void harm_all(struct sim *s)
{
    const struct sim_faults *f = &s->options.faults;
    for (size_t i = 0; i < s->options.gateways; i++)
        harm_gateway(s, &s->gateways[i]);
    if (sim_chance(s, f->collector_kill)) {
        s->counts.collector_kills++;
        collector_kill(s, false);
    }
    if (sim_chance(s, f->collector_restore))
        sim_restore_collector(s);
    sim_schedule(s, EVENT_FAULTS, SIM_SECOND);
}

void sim_set_network(struct sim *s, bool up)
{
    for (size_t i = 0; i < s->options.gateways; i++) {
        s->gateways[i].link.up = up;
        if (!up)
            gateway_break(&s->gateways[i]);
    }
}

void sim_set_faults(struct sim *s, const struct sim_faults *faults)
{
    s->options.faults = *faults;
}

/* --- running --- */

static void dispatch(struct sim *s, struct sim_event *e)
{
    struct sim_gateway *g = &s->gateways[e->gateway];
    switch (e->type) {
    case EVENT_GATEWAY_TIMER:
        if (g->timers[e->timer] == e->at_ms)
            gateway_timer(g, e->timer);
        break;
    case EVENT_CONNECTED:
    case EVENT_CONNECT_FAILED:
    case EVENT_SUBSCRIBED:
    case EVENT_DOWN:
    case EVENT_BATCH:
    case EVENT_ACK:
        gateway_event(g, e);
        break;
    case EVENT_FAULTS:
        harm_all(s);
        break;
    default:
        collector_event(s, e);
        break;
    }
}

static uint64_t faults_so_far(const struct sim_counts *c)
{
    return c->cuts + c->kills + c->powers + c->disks + c->clocks + c->collector_kills +
           c->restores + c->withdrawn;
}

static void step(struct sim *s, struct sim_event *e)
{
    uint64_t faults = faults_so_far(&s->counts);
    s->now_ms = e->at_ms;
    s->counts.steps++;
    dispatch(s, e);
    free(e->bytes);
    if (faults != faults_so_far(&s->counts) || s->counts.steps % CHECK_STEPS == 0)
        ledger_check(s, false);
}

bool sim_run(struct sim *s, int64_t ms)
{
    struct sim_event e;
    int64_t until_ms = s->now_ms + ms;
    while (!s->breach[0] && take_event(s, until_ms, &e))
        step(s, &e);
    if (s->breach[0])
        return false;
    s->now_ms = until_ms;
    ledger_check(s, false);
    return !s->breach[0];
}

static void end_faults(struct sim *s)
{
    s->options.faults = (struct sim_faults){0};
    sim_set_network(s, true);
    for (size_t i = 0; i < s->options.gateways; i++) {
        struct sim_gateway *g = &s->gateways[i];
        g->disk.cut_at = g->disk.dead ? g->disk.cut_at : FAULT_NEVER;
        sim_set_disk(s, i, 0);
        g->utc_offset = 0;
        if (g->gone) {
            g->gone = false;
            sim_kill_gateway(s, i);
        }
    }
    s->settling = true;
}

static bool all_idle(const struct sim *s)
{
    if (!s->collector.ingest || s->collector.busy)
        return false;
    for (size_t i = 0; i < s->options.gateways; i++)
        if (!gateway_idle(&s->gateways[i]))
            return false;
    return true;
}

bool sim_settle(struct sim *s, int64_t limit_ms)
{
    int64_t until_ms = s->now_ms + limit_ms;
    end_faults(s);
    while (!all_idle(s) && s->now_ms < until_ms)
        if (!sim_run(s, SIM_SECOND))
            return false;
    if (!all_idle(s))
        sim_fail(s,
                 "I5: %llu packs are still pending %lld s after the last fault, %zu of %zu "
                 "gateways are online",
                 (unsigned long long)sim_pending(s), (long long)limit_ms / 1000, sim_online(s),
                 s->options.gateways);
    ledger_check(s, true);
    return !s->breach[0];
}

/* --- lifetime --- */

struct sim *sim_create(const struct sim_options *o)
{
    struct sim *s = sim_alloc(NULL, sizeof(*s));
    memset(s, 0, sizeof(*s));
    log_init("sim", getenv("IOC_SIM_LOG") ? LOG_LEVEL_DEBUG : (enum log_level)0);
    s->options = *o;
    if (!s->options.credit_total)
        s->options.credit_total = SIM_CREDIT_MAX * (uint32_t)o->gateways;
    rng_init(&s->rng, o->seed);
    s->gateways = sim_alloc(NULL, o->gateways * sizeof(*s->gateways));
    for (size_t i = 0; i < o->gateways; i++)
        gateway_create(s, i);
    collector_create(s);
    sim_schedule(s, EVENT_FAULTS, SIM_SECOND);
    return s;
}

void sim_destroy(struct sim *s)
{
    if (!s)
        return;
    collector_finish(s);
    for (size_t i = 0; i < s->options.gateways; i++)
        gateway_finish(&s->gateways[i]);
    for (size_t i = 0; i < s->event_count; i++)
        free(s->heap[i].bytes);
    free(s->gateways);
    free(s->heap);
    free(s);
}

/* --- what a test sees --- */

const char *sim_breach(const struct sim *s)
{
    return s->breach[0] ? s->breach : NULL;
}

int64_t sim_now(const struct sim *s)
{
    return s->now_ms;
}

static uint64_t lost_of(const struct sim *s, const struct sim_gateway *g)
{
    const struct sim_shelf *shelf = &s->collector.store.shelves[g->index];
    uint64_t lost = 0;
    for (size_t i = 0; i < shelf->count; i++)
        for (size_t k = 0; k < g->ledger.epochs[i].count; k++)
            lost +=
                g->ledger.epochs[i].packs[k].durable && rangeset_has(&shelf->rows[i].gaps, k + 1);
    return lost;
}

/* Of epochs that are over: packs the disk never had and the collector has. */
static uint64_t ahead_of(const struct sim_gateway *g)
{
    uint64_t ahead = 0;
    for (size_t i = 0; i + 1 < g->ledger.epoch_count; i++)
        for (size_t k = 0; k < g->ledger.epochs[i].count; k++) {
            const struct sim_pack *p = &g->ledger.epochs[i].packs[k];
            ahead += !p->durable && p->stored_ms >= 0;
        }
    return ahead;
}

void sim_count(const struct sim *s, struct sim_counts *out)
{
    *out = s->counts;
    for (size_t i = 0; i < s->options.gateways; i++)
        out->lost += lost_of(s, &s->gateways[i]);
    for (size_t i = 0; i < s->options.gateways; i++)
        out->ahead += ahead_of(&s->gateways[i]);
}

uint64_t sim_pending(const struct sim *s)
{
    uint64_t pending = 0;
    struct spool_state state;
    for (size_t i = 0; i < s->options.gateways; i++) {
        if (!s->gateways[i].spool)
            continue;
        spool_get_state(s->gateways[i].spool, &state);
        pending += state.pending;
    }
    return pending;
}

static bool is_online(const struct sim_gateway *g)
{
    return g->spool && g->uplink.phase == UPLINK_ONLINE;
}

size_t sim_online(const struct sim *s)
{
    size_t online = 0;
    for (size_t i = 0; i < s->options.gateways; i++)
        online += is_online(&s->gateways[i]);
    return online;
}

uint64_t sim_credits(const struct sim *s)
{
    uint64_t credits = 0;
    for (size_t i = 0; i < s->options.gateways; i++)
        credits += is_online(&s->gateways[i]) ? s->gateways[i].uplink.credit : 0;
    return credits;
}

size_t sim_flights(const struct sim *s)
{
    size_t flights = 0;
    for (size_t i = 0; i < s->options.gateways; i++)
        flights += is_online(&s->gateways[i]) ? s->gateways[i].uplink.flight_count : 0;
    return flights;
}

static void add_delivery(const struct sim_pack *p, struct sim_delivery *out)
{
    out->frozen++;
    if (p->stored_ms < 0)
        return;
    out->stored++;
    if (p->stored_ms - p->frozen_ms > out->slowest_ms)
        out->slowest_ms = p->stored_ms - p->frozen_ms;
}

void sim_delivered(const struct sim *s, int64_t from_ms, int64_t to_ms, struct sim_delivery *out)
{
    *out = (struct sim_delivery){0};
    for (size_t g = 0; g < s->options.gateways; g++)
        for (size_t i = 0; i < s->gateways[g].ledger.epoch_count; i++) {
            const struct sim_epoch *e = &s->gateways[g].ledger.epochs[i];
            for (size_t k = 0; k < e->count; k++)
                if (e->packs[k].frozen_ms >= from_ms && e->packs[k].frozen_ms < to_ms)
                    add_delivery(&e->packs[k], out);
        }
}

int64_t sim_stored_at(const struct sim *s, size_t gateway, int64_t frozen_ms)
{
    const struct sim_ledger *l = &s->gateways[gateway].ledger;
    for (size_t i = 0; i < l->epoch_count; i++)
        for (size_t k = 0; k < l->epochs[i].count; k++)
            if (l->epochs[i].packs[k].frozen_ms >= frozen_ms)
                return l->epochs[i].packs[k].stored_ms;
    return -1;
}

/* --- seeds --- */

static void run_seed(uint64_t seed, struct sim *(*run)(uint64_t seed))
{
    char breach[SIM_BREACH_MAX];
    struct sim *s = run(seed);
    snprintf(breach, sizeof(breach), "%s", sim_breach(s) ? sim_breach(s) : "");
    sim_destroy(s);
    if (breach[0])
        fail_msg("%s", breach);
}

void sim_each_seed(uint64_t first, uint64_t count, struct sim *(*run)(uint64_t seed))
{
    const char *only = getenv("IOC_SIM_SEED");
    const char *more = getenv("IOC_SIM_SEEDS");
    if (only) {
        run_seed(strtoull(only, NULL, 10), run);
        return;
    }
    count = more ? strtoull(more, NULL, 10) : count;
    for (uint64_t seed = first; seed < first + count; seed++)
        run_seed(seed, run);
}
