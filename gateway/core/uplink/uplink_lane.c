/*
 *   credit, say 8     [ live and backfill, newest first ............ | reserved for live ]
 *                       <------------ backfill: at most 6 ---------->   <----- 2 ------>
 *
 * Live may use all that is free; backfill leaves the quarter, and takes nothing while live waits.
 */
#include <assert.h>

#include "base/log.h"
#include "gateway/core/uplink/uplink_inside.h"

#define RATE_WINDOW_MS 2000

/* --- in flight --- */

static void flight_count(struct uplink *u, enum uplink_lane lane, size_t len, bool add)
{
    u->lane_count[lane] += add ? 1 : (size_t)-1;
    u->lane_bytes[lane] += add ? len : (size_t)0 - len;
}

static void flight_remove(struct uplink *u, size_t at)
{
    flight_count(u, u->flights[at].lane, u->flights[at].len, false);
    u->flights[at] = u->flights[--u->flight_count];
}

void lane_reset(struct uplink *u, struct clk_mono now)
{
    u->flight_count = 0;
    for (int lane = 0; lane < UPLINK_LANES; lane++) {
        u->lane_count[lane] = u->lane_bytes[lane] = 0;
        u->dry[lane] = false;
    }
    u->taking = false;
    u->generation++;
    u->resends = 0;
    u->window_start = now;
    u->window_bytes = 0;
    uplink_push(u, UPLINK_RELEASE_ALL);
}

/* The first seq of the running epoch that is live. */
static uint64_t live_from(const struct uplink *u)
{
    return u->newest > UPLINK_LIVE_PACKS ? u->newest - UPLINK_LIVE_PACKS + 1 : 1;
}

static void send(struct uplink *u, const struct uplink_pack *pack, struct clk_mono now)
{
    bool running = pack->epoch == u->options.epoch;
    bool live = running && pack->seq >= live_from(u);
    struct uplink_flight *f = &u->flights[u->flight_count++];
    *f = (struct uplink_flight){.epoch = pack->epoch,
                                .seq = pack->seq,
                                .len = pack->len,
                                .lane = live ? UPLINK_LIVE : UPLINK_BACKFILL,
                                .sent = now};
    flight_count(u, f->lane, f->len, true);
    if (running && pack->seq > u->sent_highest)
        u->sent_highest = pack->seq;
    u->stats.sent++;
    u->stats.sent_bytes += pack->len;

    struct uplink_action *a = uplink_push(u, UPLINK_PUBLISH);
    a->topic = u->topics[live ? TOPIC_LIVE : TOPIC_BACKFILL];
    a->payload = pack->bytes;
    a->len = pack->len;
}

static size_t window(const struct uplink *u)
{
    return u->credit < u->options.inflight_max ? u->credit : u->options.inflight_max;
}

static void release(struct uplink *u, uint64_t epoch, uint64_t seq)
{
    u->stirred = true;
    u->dry[UPLINK_LIVE] = u->dry[UPLINK_BACKFILL] = false;
    struct uplink_action *a = uplink_push(u, UPLINK_RELEASE);
    a->epoch = epoch;
    a->seq = seq;
}

void uplink_batch(struct uplink *u, uint64_t tag, const struct uplink_pack *packs, size_t n,
                  struct clk_mono now)
{
    if (tag != u->generation || !u->taking)
        return; /* taken for a connection that is gone: released with it */
    u->taking = false;
    u->dry[u->asked] = n == 0 && !u->stirred;
    for (size_t i = 0; i < n; i++) {
        if (u->phase == UPLINK_ONLINE && u->flight_count < window(u))
            send(u, &packs[i], now);
        else
            release(u, packs[i].epoch, packs[i].seq);
    }
    if (u->phase == UPLINK_ONLINE)
        lane_fill(u, now);
}

void uplink_durable(struct uplink *u, uint64_t seq, struct clk_mono now)
{
    if (seq <= u->durable)
        return;
    u->durable = seq;
    u->newest = seq > u->newest ? seq : u->newest;
    u->dry[UPLINK_LIVE] = u->dry[UPLINK_BACKFILL] = false;
    if (u->phase == UPLINK_ONLINE)
        lane_fill(u, now);
}

bool uplink_wants_fresh(const struct uplink *u)
{
    return u->phase == UPLINK_ONLINE && u->flight_count < window(u);
}

void uplink_fresh(struct uplink *u, const struct uplink_pack *pack, struct clk_mono now)
{
    assert(uplink_wants_fresh(u) && pack->epoch == u->options.epoch && pack->seq > u->newest);
    u->newest = pack->seq;
    send(u, pack, now);
}

/* --- what may be sent --- */

static void take(struct uplink *u, enum uplink_lane lane, size_t packs, size_t bytes,
                 struct clk_mono now)
{
    struct uplink_action *a = uplink_push(u, UPLINK_TAKE);
    a->tag = u->generation;
    a->packs = packs;
    a->bytes = bytes < UPLINK_BATCH_BYTES_MAX ? bytes : UPLINK_BATCH_BYTES_MAX;
    a->since = lane == UPLINK_LIVE ? live_from(u) : 0;
    u->took = now;
    u->taking = true;
    u->stirred = false;
    u->asked = lane;
}

static void take_backfill(struct uplink *u, size_t room, struct clk_mono now)
{
    size_t size = window(u);
    size_t reserved = size > 1 ? (size + 3) / 4 : 0;
    size_t in_flight = u->lane_count[UPLINK_BACKFILL];
    size_t bytes_max = UPLINK_BACKFILL_S * (size_t)u->rate;
    size_t bytes = u->lane_bytes[UPLINK_BACKFILL];
    if (in_flight + reserved >= size || (in_flight > 0 && bytes >= bytes_max)) {
        u->window_limited = true;
        return;
    }
    size_t allowed = size - reserved - in_flight;
    take(u, UPLINK_BACKFILL, room < allowed ? room : allowed,
         bytes < bytes_max ? bytes_max - bytes : 1, now);
}

void lane_fill(struct uplink *u, struct clk_mono now)
{
    if (u->taking || u->flight_count >= window(u))
        return;
    size_t room = window(u) - u->flight_count;
    bool live_waits = u->durable > 0 && !u->dry[UPLINK_LIVE];
    if (live_waits)
        take(u, UPLINK_LIVE, room, UPLINK_BATCH_BYTES_MAX, now);
    else if (!u->dry[UPLINK_BACKFILL])
        take_backfill(u, room, now);
}

/* --- time --- */

static int64_t resend_ms(const struct uplink *u)
{
    int64_t ms = u->round_trip_ms * 4 > UPLINK_RESEND_MS ? u->round_trip_ms * 4 : UPLINK_RESEND_MS;
    for (unsigned i = 0; i < u->resends && ms < UPLINK_RESEND_MAX_MS; i++)
        ms *= 2;
    return ms < UPLINK_RESEND_MAX_MS ? ms : UPLINK_RESEND_MAX_MS;
}

void lane_expire(struct uplink *u, struct clk_mono now)
{
    if (u->taking && clk_mono_due(clk_mono_add(u->took, UPLINK_TAKE_MS), now)) {
        log_warn("uplink: the spool did not answer in %d s: asking again", UPLINK_TAKE_MS / 1000);
        lane_reset(u, now);
        return;
    }
    int64_t limit_ms = resend_ms(u);
    size_t expired = 0;
    for (size_t i = 0; i < u->flight_count;) {
        struct uplink_flight *f = &u->flights[i];
        if (!clk_mono_due(clk_mono_add(f->sent, limit_ms), now)) {
            i++;
            continue;
        }
        release(u, f->epoch, f->seq);
        flight_remove(u, i);
        expired++;
    }
    if (expired == 0)
        return;
    log_warn("uplink: %zu packs unacknowledged after %lld s: sending them again", expired,
             (long long)(limit_ms / 1000));
    u->stats.resent += expired;
    u->resends++;
}

/* What a window shows is the link's rate when backfill was held back by it; otherwise only a lower
 * bound of it. */
void lane_measure(struct uplink *u, struct clk_mono now)
{
    int64_t elapsed_ms = now.ms - u->window_start.ms;
    if (elapsed_ms < RATE_WINDOW_MS)
        return;
    uint64_t seen = u->window_bytes * 1000 / (uint64_t)elapsed_ms;
    if (seen > u->rate)
        u->rate = seen;
    else if (u->window_limited)
        u->rate = (u->rate * 3 + seen) / 4;
    if (u->rate < UPLINK_RATE_LEAST)
        u->rate = UPLINK_RATE_LEAST;
    u->window_start = now;
    u->window_bytes = 0;
    u->window_limited = false;
}

struct clk_mono lane_wake(const struct uplink *u)
{
    struct clk_mono wake = CLK_NEVER;
    int64_t limit_ms = resend_ms(u);
    for (size_t i = 0; i < u->flight_count; i++)
        wake = clk_mono_min(wake, clk_mono_add(u->flights[i].sent, limit_ms));
    if (u->taking)
        wake = clk_mono_min(wake, clk_mono_add(u->took, UPLINK_TAKE_MS));
    if (u->lane_count[UPLINK_BACKFILL] > 0)
        wake = clk_mono_min(wake, clk_mono_add(u->window_start, RATE_WINDOW_MS));
    return wake;
}

/* --- what came back --- */

static bool in_ranges(uint64_t seq, const struct range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (seq >= ranges[i].from && seq <= ranges[i].to)
            return true;
    return false;
}

static void smooth_round_trip(struct uplink *u, int64_t ms)
{
    u->round_trip_ms = u->round_trip_ms == 0 ? ms : (u->round_trip_ms * 7 + ms) / 8;
}

void lane_arrived(struct uplink *u, uint64_t epoch, uint64_t upto, const struct range *also,
                  size_t n, struct clk_mono now)
{
    for (size_t i = 0; i < u->flight_count;) {
        const struct uplink_flight *f = &u->flights[i];
        if (f->epoch != epoch || (f->seq > upto && !in_ranges(f->seq, also, n))) {
            i++;
            continue;
        }
        smooth_round_trip(u, now.ms - f->sent.ms);
        u->window_bytes += f->len;
        u->stats.acked++;
        u->resends = 0;
        flight_remove(u, i);
    }
}
