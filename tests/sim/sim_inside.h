/* What the simulation's parts share: sim_world.c (time, faults), sim_gateway.c, sim_collector.c,
 * sim_store.c and sim_ledger.c (what is true). No test includes it. */
#ifndef TESTS_SIM_INSIDE_H
#define TESTS_SIM_INSIDE_H

#include "base/rng.h"
#include "collector/core/ingest/ingest.h"
#include "gateway/core/packer.h"
#include "gateway/core/uplink/uplink.h"
#include "gateway/io/spool/spool.h"
#include "model/rangeset.h"
#include "tests/sim/sim_world.h"
#include "tests/support/fsx_fault.h"

#define SIM_AREA       "lai-chau"
#define SIM_CONF       "0123456789abcdef"
#define SIM_UTC        1795000000000 /* when every run begins */
#define SIM_FUTURE_MS  300000
#define SIM_NO_EPOCH   SIZE_MAX
#define SIM_INFLIGHT   64
#define SIM_BREACH_MAX 512

/* --- the ledger --- */

struct sim_pack {
    uint64_t hash;
    enum pack_kind kind;
    uint64_t first; /* of its samples; they follow each other */
    uint32_t count;
    int64_t frozen_ms, stored_ms; /* stored_ms -1: never was */
    bool durable;                 /* the spool said so */
    uint64_t held, pending;       /* in the check of that number */
};

struct sim_epoch {
    uint64_t epoch;
    struct sim_pack *packs; /* seq 1 is packs[0] */
    size_t count, capacity, durable;
};

struct sim_ledger {
    struct sim_epoch *epochs;
    size_t epoch_count, epoch_capacity;
    int64_t *times; /* UTC of each sample */
    size_t samples, sample_capacity;
    uint64_t packed; /* samples in closed packs, and those a kill took */
};

/* --- the store --- */

struct sim_rows {
    struct rangeset packs, refused, gaps, done;
};

struct sim_shelf {         /* of one gateway */
    struct sim_rows *rows; /* an epoch of the ledger each */
    size_t count;
};

struct sim_store {
    char id[STORE_ID_SIZE];
    size_t gateways;
    struct sim_shelf *shelves;
};

enum sim_op_type { OP_PACK, OP_REFUSED, OP_GAP, OP_GAP_FILLED, OP_EPOCH, OP_EPOCH_FRESH };

struct sim_op {
    enum sim_op_type type;
    size_t gateway, epoch;
    uint64_t from, to;
    struct rangeset done;
};

struct sim_batch {
    struct sim_op *ops;
    size_t count, capacity;
};

/* --- who takes part --- */

enum sim_lane { SIM_LANE_STATE, SIM_LANE_LIVE, SIM_LANE_BACKFILL, SIM_LANE_ACK, SIM_LANES };

struct sim_link {
    bool up, connected;
    int64_t half_open_until;
    unsigned session;
    int64_t arrived[SIM_LANES]; /* the last on that lane, so that it keeps its order */
    int64_t free_ms;
    char *will, *retained; /* states */
    size_t will_len, retained_len;
};

enum sim_timer {
    TIMER_START,
    TIMER_SAMPLE,
    TIMER_PACK,
    TIMER_COMMIT,
    TIMER_STATE,
    TIMER_GAPS,
    TIMER_UPLINK,
    TIMER_DISK,
    TIMER_HALF_OPEN,
    TIMERS,
};

struct sim_gateway {
    struct sim *sim;
    size_t index;
    char name[NAME_SIZE];
    struct fsx_fault disk;
    struct rng spool_rng;
    struct spool *spool; /* NULL: not running */
    unsigned process;
    bool gone; /* the directory, at the next start */
    struct packer packer;
    struct uplink uplink;
    int64_t timers[TIMERS];
    int64_t retry_ms; /* of commits */
    bool memory_only; /* when it was killed, its spool had no disk */
    uint64_t takeable_told;
    int64_t utc_offset;
    struct sim_link link;
    struct sim_ledger ledger;
    uint32_t credit;
    uint64_t security;
};

struct sim_collector {
    struct ingest *ingest; /* NULL: not running */
    unsigned process;
    struct sim_store store, snapshot;
    struct sim_batch filling, at_store;
    bool busy;
    int64_t step_at, commit_at, start_at, snapshot_at;
};

/* --- events --- */

enum sim_event_type {
    EVENT_GATEWAY_TIMER,
    EVENT_CONNECTED,
    EVENT_CONNECT_FAILED,
    EVENT_SUBSCRIBED,
    EVENT_DOWN,
    EVENT_BATCH,
    EVENT_ACK,
    EVENT_TO_COLLECTOR,
    EVENT_COLLECTOR_START,
    EVENT_COLLECTOR_STEP,
    EVENT_COLLECTOR_COMMIT,
    EVENT_COLLECTOR_DONE,
    EVENT_COLLECTOR_SNAPSHOT,
    EVENT_FAULTS,
};

struct sim_event {
    int64_t at_ms;
    uint64_t order;
    enum sim_event_type type;
    size_t gateway;
    unsigned process, session;
    enum sim_timer timer;
    enum topic_kind topic;
    uint64_t tag;
    void *bytes; /* owned */
    size_t len;
};

struct sim {
    struct sim_options options;
    struct rng rng;
    int64_t now_ms;
    struct sim_event *heap;
    size_t event_count, event_capacity, heaped; /* heaped: the first so many are a heap */
    uint64_t order;
    struct sim_gateway *gateways;
    struct sim_collector collector;
    struct sim_counts counts;
    uint64_t checks;
    bool settling; /* no new samples */
    char breach[SIM_BREACH_MAX];
};

/* sim_world.c */
void sim_fail(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void *sim_alloc(void *old, size_t bytes); /* ends the program when there is none */
struct sim_event *sim_schedule(struct sim *s, enum sim_event_type type, int64_t delay_ms);
int64_t sim_between(struct sim *s, int64_t from, int64_t to);
bool sim_chance(struct sim *s, unsigned per_mille);
int64_t sim_delay(struct sim *s); /* one way */
struct clk_mono sim_mono(const struct sim *s);

/* sim_gateway.c */
void gateway_create(struct sim *s, size_t index);
void gateway_finish(struct sim_gateway *g);
void gateway_kill(struct sim_gateway *g, bool power, int64_t back_ms);
void gateway_timer(struct sim_gateway *g, enum sim_timer timer);
void gateway_event(struct sim_gateway *g, const struct sim_event *e);
void gateway_set_timer(struct sim_gateway *g, enum sim_timer timer, int64_t at_ms);
void gateway_check_power(struct sim_gateway *g);
void gateway_break(struct sim_gateway *g); /* its connection */
bool gateway_idle(const struct sim_gateway *g);

/* sim_collector.c */
void collector_create(struct sim *s);
void collector_finish(struct sim *s);
void collector_kill(struct sim *s, bool restore);
void collector_event(struct sim *s, struct sim_event *e);

/* sim_store.c */
void store_init(struct sim_store *st, size_t gateways);
void store_finish(struct sim_store *st);
void store_copy(struct sim_store *to, const struct sim_store *from); /* the id as well */
struct sim_rows *store_rows(struct sim_store *st, size_t gateway, size_t epoch);
void store_commit(struct sim *s, struct sim_batch *b);
struct sim_op *batch_add(struct sim_batch *b, enum sim_op_type type);
void batch_clear(struct sim_batch *b);
bool rows_settled(const struct sim_rows *r, uint64_t seq);
void range_must(int rc);

/* sim_ledger.c */
void ledger_finish(struct sim_ledger *l);
size_t ledger_epoch(const struct sim_ledger *l, uint64_t epoch);
void ledger_new_epoch(struct sim_gateway *g, uint64_t epoch);
void ledger_sample(struct sim_gateway *g, struct clk_utc at);
void ledger_make(uint64_t n, struct sample *out); /* what sample n says, but its time */
void ledger_append(struct sim_gateway *g, const struct packed *p);
void ledger_durable(struct sim_gateway *g);
void ledger_forget_open(struct sim_gateway *g); /* a kill takes the open pack's samples */
struct sim_pack *ledger_pack(const struct sim_ledger *l, uint64_t epoch, uint64_t seq);
/* What reaches the collector is what was frozen. */
bool ledger_check_arrival(struct sim_gateway *g, struct pack *p, const char *body, size_t len);
void ledger_check_ack(struct sim *s, struct sim_gateway *g, const struct ack *a);
void ledger_check_limits(struct sim_gateway *g);
void ledger_check(struct sim *s, bool settled);

#endif
