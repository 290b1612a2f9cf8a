#include "gateway/core/uplink/uplink.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "gateway/core/uplink/uplink_inside.h"

enum tag { TAG_PACK, TAG_ACK, TAG_REQUEST, TAG_COMMAND, TAG_STATE, TAG_BIRTH, TAG_GOODBYE };

#define LONG_AGO    ((struct clk_mono){INT64_MIN / 2})
#define COMPLAIN_MS 60000 /* between two lines about the same refusal */

const char *uplink_phase_name(enum uplink_phase phase)
{
    static const char *const names[] = {"down",   "connecting", "subscribing",
                                        "online", "stopping",   "off"};
    return names[phase];
}

/* --- actions --- */

struct uplink_action *uplink_push(struct uplink *u, enum uplink_verb verb)
{
    assert(u->action_count < UPLINK_ACTIONS_MAX);
    size_t at = (u->action_first + u->action_count++) % UPLINK_ACTIONS_MAX;
    u->actions[at] = (struct uplink_action){.verb = verb};
    return &u->actions[at];
}

bool uplink_next(struct uplink *u, struct uplink_action *out)
{
    if (u->action_count == 0)
        return false;
    *out = u->actions[u->action_first];
    u->action_first = (u->action_first + 1) % UPLINK_ACTIONS_MAX;
    u->action_count--;
    return true;
}

void uplink_say_security(struct uplink *u, const char *text)
{
    log_warn("uplink: security: %s", text);
    snprintf(u->security, sizeof(u->security), "%s", text);
    uplink_push(u, UPLINK_SECURITY)->text = u->security;
}

static void push_publish(struct uplink *u, enum tag tag, enum topic_kind topic, const void *payload,
                         size_t len)
{
    struct uplink_action *a = uplink_push(u, UPLINK_PUBLISH);
    a->tag = tag;
    a->topic = u->topics[topic];
    a->payload = payload;
    a->len = len;
    a->retain = true;
}

static void push_subscribe(struct uplink *u, enum tag tag, enum topic_kind topic)
{
    struct uplink_action *a = uplink_push(u, UPLINK_SUBSCRIBE);
    a->tag = tag;
    a->topic = u->topics[topic];
    u->waiting++;
}

/* --- phases --- */

static void change_phase(struct uplink *u, enum uplink_phase to, const char *why,
                         struct clk_mono now)
{
    if (why)
        log_info("uplink: %s -> %s: %s", uplink_phase_name(u->phase), uplink_phase_name(to), why);
    else
        log_debug("uplink: %s -> %s", uplink_phase_name(u->phase), uplink_phase_name(to));
    u->phase = to;
    u->since = now;
}

static void init_topics(struct uplink *u)
{
    for (int kind = TOPIC_STATE; kind <= TOPIC_COMMAND; kind++)
        topic_format((enum topic_kind)kind, u->options.area, u->options.gateway, u->topics[kind]);
}

void uplink_init(struct uplink *u, const struct uplink_options *o, struct clk_mono now)
{
    *u = (struct uplink){.options = *o, .since = now, .retry_at = now, .rate = UPLINK_RATE_FIRST};
    if (u->options.inflight_max > UPLINK_FLIGHTS_MAX)
        u->options.inflight_max = UPLINK_FLIGHTS_MAX;
    snprintf(u->store, sizeof(u->store), "%s", o->store);
    snprintf(u->state.firmware, sizeof(u->state.firmware), "%s", o->firmware);
    snprintf(u->state.clock, sizeof(u->state.clock), "unknown"); /* until the owner says */
    u->state.epoch = o->epoch;
    rng_init(&u->rng, o->seed);
    backoff_init(&u->backoff, UPLINK_RETRY_MS, UPLINK_RETRY_MAX_MS, rng_next(&u->rng));
    u->rewound_at = u->complained_at = LONG_AGO;
    u->asked_at[REQUEST_DESCRIPTIONS] = u->asked_at[REQUEST_RESEND] = LONG_AGO;
    init_topics(u);
}

static size_t encode_state(struct uplink *u, bool online)
{
    struct buf b;
    u->state.online = online;
    buf_init(&b, u->message, sizeof(u->message));
    int r = gateway_state_encode(&u->state, &b);
    assert(r == 0 && !b.overflow);
    return b.len;
}

static void begin_connect(struct uplink *u, struct clk_mono now)
{
    snprintf(u->state.session, sizeof(u->state.session), "%016llx",
             (unsigned long long)rng_next(&u->rng));
    struct uplink_action *a = uplink_push(u, UPLINK_CONNECT);
    a->topic = u->topics[TOPIC_STATE];
    a->len = encode_state(u, false);
    a->payload = u->message;
    change_phase(u, UPLINK_CONNECTING, NULL, now);
}

static void end_connection(struct uplink *u, const char *reason, struct clk_mono now)
{
    lane_reset(u, now);
    u->waiting = 0;
    if (u->phase == UPLINK_ONLINE)
        backoff_ended(&u->backoff, u->since, now);
    u->retry_at = backoff_fail(&u->backoff, now);
    change_phase(u, UPLINK_DOWN, reason, now);
    log_info("uplink: next try in %.1f s at the earliest; data is kept in the spool",
             (double)(u->retry_at.ms - now.ms) / 1000.0);
}

static void give_up(struct uplink *u, const char *reason, struct clk_mono now)
{
    uplink_push(u, UPLINK_DISCONNECT);
    end_connection(u, reason, now);
    struct clk_mono left = clk_mono_add(now, UPLINK_LEAVE_MS);
    u->retry_at = u->retry_at.ms > left.ms ? u->retry_at : left;
}

static void end_for_good(struct uplink *u, struct clk_mono now)
{
    uplink_push(u, UPLINK_DISCONNECT);
    lane_reset(u, now);
    uplink_push(u, UPLINK_STOPPED);
    change_phase(u, UPLINK_OFF, NULL, now);
}

static bool phase_lasts(const struct uplink *u, int64_t ms, struct clk_mono now)
{
    return clk_mono_due(clk_mono_add(u->since, ms), now);
}

void uplink_step(struct uplink *u, struct clk_mono now)
{
    switch (u->phase) {
    case UPLINK_DOWN:
        if (clk_mono_due(u->retry_at, now))
            begin_connect(u, now);
        break;
    case UPLINK_CONNECTING:
        if (phase_lasts(u, UPLINK_CONNECT_MS, now))
            give_up(u, "connecting took too long", now);
        break;
    case UPLINK_SUBSCRIBING:
        if (phase_lasts(u, UPLINK_SUBSCRIBE_MS, now))
            give_up(u, "the broker does not answer the subscriptions", now);
        break;
    case UPLINK_ONLINE:
        lane_expire(u, now);
        lane_measure(u, now);
        lane_fill(u, now);
        break;
    case UPLINK_STOPPING:
        if (phase_lasts(u, UPLINK_STOP_MS, now))
            end_for_good(u, now);
        break;
    case UPLINK_OFF:
        break;
    }
}

struct clk_mono uplink_wake(const struct uplink *u)
{
    switch (u->phase) {
    case UPLINK_DOWN:
        return u->retry_at;
    case UPLINK_CONNECTING:
        return clk_mono_add(u->since, UPLINK_CONNECT_MS);
    case UPLINK_SUBSCRIBING:
        return clk_mono_add(u->since, UPLINK_SUBSCRIBE_MS);
    case UPLINK_ONLINE:
        return lane_wake(u);
    case UPLINK_STOPPING:
        return clk_mono_add(u->since, UPLINK_STOP_MS);
    case UPLINK_OFF:
        break;
    }
    return CLK_NEVER;
}

/* --- what the client says --- */

void uplink_connected(struct uplink *u, struct clk_mono now)
{
    if (u->phase != UPLINK_CONNECTING)
        return;
    u->stats.connects++;
    u->credit = UPLINK_CREDIT_FIRST;
    change_phase(u, UPLINK_SUBSCRIBING, NULL, now);
    push_subscribe(u, TAG_ACK, TOPIC_ACK);
    push_subscribe(u, TAG_REQUEST, TOPIC_REQUEST);
    push_subscribe(u, TAG_COMMAND, TOPIC_COMMAND);
}

void uplink_down(struct uplink *u, const char *reason, struct clk_mono now)
{
    if (u->phase == UPLINK_STOPPING)
        end_for_good(u, now);
    if (u->phase == UPLINK_DOWN || u->phase == UPLINK_OFF)
        return;
    u->stats.losses += u->phase != UPLINK_CONNECTING;
    end_connection(u, reason, now);
}

static void go_online(struct uplink *u, struct clk_mono now)
{
    change_phase(u, UPLINK_ONLINE, "connected and subscribed", now);
    uplink_say_state(u);
    push_publish(u, TAG_BIRTH, TOPIC_BIRTH, u->options.birth, u->options.birth_len);
    u->window_start = now;
    u->window_bytes = 0;
    u->window_limited = false;
    lane_fill(u, now);
}

void uplink_subscribed(struct uplink *u, uint64_t tag, struct clk_mono now)
{
    (void)tag;
    if (u->phase == UPLINK_SUBSCRIBING && u->waiting > 0 && --u->waiting == 0)
        go_online(u, now);
}

void uplink_unsubscribed(struct uplink *u, uint64_t tag, const char *reason, struct clk_mono now)
{
    char text[256];
    if (u->phase != UPLINK_SUBSCRIBING)
        return;
    snprintf(text, sizeof(text), "the broker refuses the subscription to %s (%s): check its ACL",
             u->topics[tag == TAG_ACK       ? TOPIC_ACK
                       : tag == TAG_REQUEST ? TOPIC_REQUEST
                                            : TOPIC_COMMAND],
             reason);
    give_up(u, text, now);
}

void uplink_published(struct uplink *u, uint64_t tag, struct clk_mono now)
{
    if (u->phase == UPLINK_STOPPING && tag == TAG_GOODBYE)
        end_for_good(u, now);
}

/* The pack stays in flight: its timeout sends it again, at a rate that harms nobody. */
void uplink_refused(struct uplink *u, uint64_t tag, const char *reason, struct clk_mono now)
{
    u->stats.refused++;
    if (u->phase == UPLINK_STOPPING && tag == TAG_GOODBYE) {
        end_for_good(u, now);
    } else if (clk_mono_due(clk_mono_add(u->complained_at, COMPLAIN_MS), now)) {
        u->complained_at = now;
        log_warn("uplink: the broker refuses a publish (%s): check its ACL for %s; kept and sent "
                 "again (%llu so far)",
                 reason, u->options.gateway, (unsigned long long)u->stats.refused);
    }
}

void uplink_say_state(struct uplink *u)
{
    if (u->phase == UPLINK_ONLINE)
        push_publish(u, TAG_STATE, TOPIC_STATE, u->message, encode_state(u, true));
}

void uplink_stop(struct uplink *u, struct clk_mono now)
{
    if (u->phase == UPLINK_OFF || u->phase == UPLINK_STOPPING)
        return;
    if (u->phase != UPLINK_ONLINE) {
        end_for_good(u, now);
        return;
    }
    change_phase(u, UPLINK_STOPPING, NULL, now);
    push_publish(u, TAG_GOODBYE, TOPIC_STATE, u->message, encode_state(u, false));
}

void uplink_requested(struct uplink *u, enum gateway_request r, struct clk_mono now)
{
    if (u->phase != UPLINK_ONLINE ||
        !clk_mono_due(clk_mono_add(u->asked_at[r], UPLINK_ASK_MS), now))
        return;
    u->asked_at[r] = now;
    if (r == REQUEST_DESCRIPTIONS) {
        uplink_push(u, UPLINK_DESCRIBE);
        return;
    }
    log_info("uplink: the collector asks for everything unacknowledged again");
    lane_reset(u, now);
    lane_fill(u, now);
}
