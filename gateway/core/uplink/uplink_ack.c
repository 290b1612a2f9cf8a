#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "gateway/core/uplink/uplink_inside.h"

/* The highest seq an acknowledgement speaks of. */
static uint64_t highest_named(const struct ack_epoch *e)
{
    uint64_t highest = e->upto;
    for (size_t i = 0; i < e->also_count; i++)
        if (e->also[i].to > highest)
            highest = e->also[i].to;
    for (size_t i = 0; i < e->refused_count; i++)
        if (e->refused[i].seq > highest)
            highest = e->refused[i].seq;
    return highest;
}

/* Of other epochs the spool lets go of what it holds, which is nothing of one that never was. Their
 * numbers prove nothing: one drawn at random, while there was no disk to count on, may be higher
 * than the running one, and its packs may have been on their way when this process began. */
static bool is_forged(const struct uplink *u, const struct ack_epoch *e)
{
    return e->epoch == u->options.epoch && highest_named(e) > u->sent_highest;
}

static void complain_forged(struct uplink *u, uint64_t epoch, uint64_t seq)
{
    char text[160];
    u->stats.forged++;
    snprintf(text, sizeof(text),
             "acknowledgement of epoch %llu up to %llu, beyond what was sent: refused",
             (unsigned long long)epoch, (unsigned long long)seq);
    uplink_say_security(u, text);
}

void uplink_ack_denied(struct uplink *u, uint64_t epoch, uint64_t upto, struct clk_mono now)
{
    (void)now;
    complain_forged(u, epoch, upto);
}

/* --- rewinding --- */

void ack_rewind(struct uplink *u, const char *store, const char *why, struct clk_mono now)
{
    log_warn("uplink: %s: sending everything still held again", why);
    u->stats.rewinds++;
    u->rewound_at = now;
    u->epoch_count = 0;
    if (store != u->store)
        snprintf(u->store, sizeof(u->store), "%s", store);
    uplink_push(u, UPLINK_FORGET)->text = u->store;
    lane_reset(u, now);
}

static bool rewound_lately(const struct uplink *u, struct clk_mono now)
{
    return !clk_mono_due(clk_mono_add(u->rewound_at, UPLINK_REWIND_MS), now);
}

/* False: an acknowledgement that is not to be heard, since two stores take turns. */
static bool meet_store(struct uplink *u, const char *store, struct clk_mono now)
{
    if (strcmp(store, u->store) == 0)
        return true;
    if (u->store[0] == '\0') {
        snprintf(u->store, sizeof(u->store), "%s", store);
        uplink_push(u, UPLINK_FORGET)->text = u->store;
        return true;
    }
    if (!rewound_lately(u, now)) {
        ack_rewind(u, store, "the collector's store is another one", now);
        return true;
    }
    if (clk_mono_due(clk_mono_add(u->complained_at, UPLINK_REWIND_MS), now)) {
        u->complained_at = now;
        uplink_say_security(u, "two stores acknowledge in turn: two collectors for one area?");
    }
    return false;
}

static struct uplink_epoch *find_epoch(struct uplink *u, uint64_t epoch)
{
    for (size_t i = 0; i < u->epoch_count; i++)
        if (u->epochs[i].epoch == epoch)
            return &u->epochs[i];
    if (u->epoch_count == STATE_EPOCHS_MAX) {
        memmove(u->epochs, u->epochs + 1, sizeof(u->epochs[0]) * (STATE_EPOCHS_MAX - 1));
        u->epoch_count--;
    }
    struct uplink_epoch *e = &u->epochs[u->epoch_count++];
    *e = (struct uplink_epoch){.epoch = epoch};
    return e;
}

/* A lower `upto` twice in a row: the store went back. Once is only an old message that came late.
 */
static bool went_back(struct uplink *u, const struct ack_epoch *e, bool *late)
{
    struct uplink_epoch *known = find_epoch(u, e->epoch);
    *late = false;
    if (e->upto >= known->upto) {
        known->upto = e->upto;
        known->fell = false;
        return false;
    }
    bool again = known->fell;
    known->fell = true;
    *late = true;
    return again;
}

/* --- applying --- */

static bool told_already(struct uplink *u, uint64_t epoch, uint64_t seq)
{
    for (size_t i = 0; i < ACK_REFUSED_MAX; i++)
        if (u->told[i].epoch == epoch && u->told[i].seq == seq)
            return true;
    u->told[u->told_next].epoch = epoch;
    u->told[u->told_next].seq = seq;
    u->told_next = (u->told_next + 1) % ACK_REFUSED_MAX;
    return false;
}

static void push_ack(struct uplink *u, uint64_t epoch, uint64_t upto, const struct range *also,
                     size_t n, struct clk_mono now)
{
    struct uplink_action *a = uplink_push(u, UPLINK_ACK);
    a->epoch = epoch;
    a->seq = upto;
    a->also = also;
    a->also_count = n;
    lane_arrived(u, epoch, upto, also, n, now);
}

/* Packs that can never be stored lie in the collector's quarantine: let go of like stored ones. */
static void apply_refused(struct uplink *u, const struct ack_epoch *e, struct range *ranges,
                          struct clk_mono now)
{
    for (size_t i = 0; i < e->refused_count; i++) {
        uint64_t seq = e->refused[i].seq;
        ranges[i] = (struct range){seq, seq};
        if (told_already(u, e->epoch, seq))
            continue;
        u->stats.quarantined++;
        log_warn("uplink: the collector cannot store pack %llu of epoch %llu: %s",
                 (unsigned long long)seq, (unsigned long long)e->epoch, e->refused[i].reason);
    }
    if (e->refused_count > 0)
        push_ack(u, e->epoch, 0, ranges, e->refused_count, now);
}

void uplink_acked(struct uplink *u, const struct ack *a, struct clk_mono now)
{
    if (u->phase != UPLINK_ONLINE)
        return;
    for (size_t i = 0; i < a->epoch_count; i++) {
        if (is_forged(u, &a->epochs[i])) {
            complain_forged(u, a->epochs[i].epoch, highest_named(&a->epochs[i]));
            return;
        }
    }
    if (!meet_store(u, a->store, now))
        return;
    u->credit = a->credit > 0 ? a->credit : 1;
    for (size_t i = 0; i < a->epoch_count; i++) {
        const struct ack_epoch *e = &a->epochs[i];
        bool late;
        if (went_back(u, e, &late) && !rewound_lately(u, now)) {
            ack_rewind(u, u->store, "the collector's store has gone back", now);
            break;
        }
        if (late)
            continue;
        push_ack(u, e->epoch, e->upto, e->also, e->also_count, now);
        apply_refused(u, e, u->quarantine[i], now);
    }
    lane_measure(u, now);
    lane_fill(u, now);
}
