/*
 * The alarm engine: samples, gateway states, time and operators' requests in; transitions out.
 *
 * Pure: it is handed `now`, calls nothing that can wait, and allocates at creation only. There is
 * at most one alarm per (rule, object) and its life is lifecycle.h's table. Each transition is
 * handed to the sink inside the step that caused it, with the row to store: alert row, audit and
 * outbox belong in one commit. A struct alarm_transition is valid only during the call. One thread.
 *
 * What raises and clears:
 * - Only samples the caller calls *present* (presence.h), whatever lane they came by; only of good
 *   or uncertain quality. Bad quality never clears and never confirms a raise: a delay that runs
 * out meanwhile waits for the next usable sample. Substituted values prove that the device talks
 *   and nothing else.
 * - Samples of quality maintenance or calibration, and bad ones for the cause maintenance, suppress
 *   the alarms of their point and device by design (state H) until the first other sample, which is
 *   judged afresh and without delay: what stood and is so no longer is normal.
 * - A rule of type fault looks at the cause of bad samples and at nothing else. While it holds of a
 *   point, that point's silence is no second problem.
 * - Delays and holds run on the monotonic clock from the moment of receipt.
 * - A gateway that is cut off and has an offline rule is one alarm: its children are frozen, their
 *   silence is counted in suppressed_children, and on return each is given its whole hold again.
 *   A collector without its broker is blind: nobody's silence counts then either.
 *
 * Restart: rows are given back with alarm_restore before anything is bound. What stood stands, and
 * only present samples newer than those judged before clear it. No timer is stored: on-delays,
 * off-delays and holds start again in full, which can only keep an alarm longer, never raise twice.
 *
 * Limits: struct alarm_limits, named when reached; object handles are dense from 0.
 */
#ifndef COLLECTOR_CORE_ALARM_ALARM_H
#define COLLECTOR_CORE_ALARM_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/err.h"
#include "collector/core/operators/operators.h"
#include "collector/core/rule/rule.h"
#include "model/kind.h"
#include "model/message.h"
#include "model/sample.h"

#define ALARM_ROW_SIZE 512 /* most bytes of a row */
#define ALARM_WHY_SIZE 128

struct alarm_engine;

struct alarm_limits {
    size_t areas;    /* that can have alarms */
    size_t gateways; /* known at once */
    size_t series;   /* points known at once */
    size_t alarms;   /* (rule, object) pairs, standing or not */
};

struct alarm_now {
    struct clk_utc utc; /* the collector's trusted clock */
    struct clk_mono mono;
};

struct alarm_sample {
    bool present;
    struct clk_utc at;
    enum quality quality;
    enum cause cause; /* of a bad one */
    enum value_type type;
    double number;
    bool boolean;
    bool has_increase; /* counters: the difference to the sample before, wrap undone; false for the
                          first one and after a reset */
    double increase;
};

struct alarm_transition {
    struct alert alert; /* as it stands now */
    enum alarm_state from, to;
    bool raise;                  /* a new occurrence */
    char area_before[NAME_SIZE]; /* the alarm moved here from there; else empty */
    const char *verb; /* for the audit: "raise" "clear" "escalate" "acknowledge" "withdraw" ... */
    const char *who;  /* "process", "rules" or an operator's name */
    char why[ALARM_WHY_SIZE];               /* for the audit: "23.5 above 20 for 10 s" */
    const struct operator_request *request; /* verdict and comment; NULL unless asked for */
    size_t row_len;
    uint8_t row[ALARM_ROW_SIZE]; /* what alarm_restore takes; keyed by alert.id */
};

struct alarm_sink {
    void (*transition)(void *user, const struct alarm_transition *t);
    void *user;
};

/* The rules are borrowed until alarm_destroy. */
int alarm_create(const struct rules *rules, const struct alarm_limits *limits,
                 const struct alarm_sink *sink, struct alarm_engine **out, struct err *e);
void alarm_destroy(struct alarm_engine *engine); /* NULL is fine */

/* Gives back what transitions stored: first the areas' list revisions, then the rows. A row of a
 * rule that is gone, and stood, is withdrawn at once (a transition). ERR_CORRUPT, ERR_FULL. */
int alarm_restore_area(struct alarm_engine *engine, const char *area, uint64_t list_revision,
                       struct err *e);
int alarm_restore(struct alarm_engine *engine, const void *row, size_t len, struct alarm_now now,
                  struct err *e);

/* Makes objects known; the rules that select them watch from now on. Binding again is fine and
 * gives the same handle. A gateway in another area than before takes its alarms with it, without a
 * raise; which rules watch its points stays as it was bound. Handle or ERR_FULL. */
int64_t alarm_bind_gateway(struct alarm_engine *engine, const char *area, const char *gateway,
                           struct alarm_now now, struct err *e);
int64_t alarm_bind_series(struct alarm_engine *engine, int64_t gateway, const char *device,
                          const char *point, const struct kind *kind, struct alarm_now now,
                          struct err *e);
/* How often the point tells something, as its description says: silence is judged no sooner than
 * after twice that. */
void alarm_pace_series(struct alarm_engine *engine, int64_t series, uint32_t period_ms);
/* The gateway and all its points are bound: what stood before a restart and is not watched any more
 * is withdrawn. Call it once the gateway's descriptions have been bound. */
void alarm_settle_gateway(struct alarm_engine *engine, int64_t gateway, struct alarm_now now);
/* The point no longer exists: its alarms are withdrawn and it is watched no more. */
void alarm_retire_series(struct alarm_engine *engine, int64_t series, struct alarm_now now);

void alarm_step_sample(struct alarm_engine *engine, int64_t series,
                       const struct alarm_sample *sample, struct alarm_now now);
/* What the gateway's own state topic, or its will, says. */
void alarm_step_gateway(struct alarm_engine *engine, int64_t gateway, bool online,
                        struct alarm_now now);
/* The collector lost or regained its broker. It starts with sight. */
void alarm_step_sight(struct alarm_engine *engine, bool sight, struct alarm_now now);
/* Runs what is due; call at alarm_next or whenever. */
void alarm_step_time(struct alarm_engine *engine, struct alarm_now now);
struct clk_mono alarm_next(const struct alarm_engine *engine); /* CLK_NEVER: nothing is due */

/* Judges an acknowledgement, or gives one alert of a snapshot (`page` is its place in the area's
 * list as the operator sees it; past the last the reply has none). Fills *reply with "done",
 * "refused", "stale", "unknown" or "expired". The caller keeps replies and answers a repeated id
 * from there (replies.h). */
void alarm_step_request(struct alarm_engine *engine, const struct access_member *who,
                        const struct operator_request *request, struct alarm_now now,
                        struct operator_reply *reply);

/* The alarm as it stands; ERR_NOTFOUND. */
int alarm_find(const struct alarm_engine *engine, const char *id, struct alert *out);
/* Walks the listed alarms (not Normal) of an area, NULL: of all. Start with *cursor = 0. */
bool alarm_next_listed(const struct alarm_engine *engine, const char *area, size_t *cursor,
                       struct alert *out);
/* Hands the alarm after *cursor to the sink as it stands, for a sink that had to drop something.
 * Start with 0; false past the last. */
bool alarm_repeat(struct alarm_engine *engine, size_t *cursor);
/* Walks the areas; false past the last. `listed` counts its alarms that are not Normal. */
bool alarm_area_at(const struct alarm_engine *engine, size_t index, const char **area,
                   uint64_t *list_revision, uint32_t *listed);

/* The stable name of (rule, object): readable start, then twelve characters of hash. */
void alarm_id(const char *rule, const char *object, char id[NAME_SIZE]);

#endif
