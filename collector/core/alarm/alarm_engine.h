/*
 * Private to alarm*.c: the engine's memory and the steps its files share.
 *
 * A watch is one (rule, object) pair and holds its alarm. Series and gateways lead to their watches
 * by links, so that a sample costs the watches of its own series and nothing else. Indices are
 * 32 bits; NONE ends a chain.
 */
#ifndef COLLECTOR_CORE_ALARM_ALARM_ENGINE_H
#define COLLECTOR_CORE_ALARM_ALARM_ENGINE_H

#include "collector/core/alarm/alarm.h"
#include "collector/core/alarm/lifecycle.h"

#define NONE             UINT32_MAX
#define OBJECT_SIZE      (3 * NAME_SIZE)
#define LINKS_PER_SERIES 8 /* rules that may watch one point */

enum condition {
    CONDITION_UNKNOWN,
    CONDITION_FALSE, /* normal; of an operand: does not hold */
    CONDITION_TRUE,  /* abnormal; of an operand: holds */
};

enum pending {
    PENDING_NOTHING,
    PENDING_RAISE,
    PENDING_CLEAR,
    PENDING_SILENCE, /* no_data: the hold runs */
};

/* Which side of a mismatch a series feeds; everything else is SIDE_EXPECT. */
enum side { SIDE_WHEN, SIDE_EXPECT };

struct watch {
    const struct rule *rule;
    char id[NAME_SIZE];
    char object[OBJECT_SIZE];
    uint32_t gateway;
    uint32_t next_of_gateway;
    uint32_t series[2]; /* by side; NONE for devices and gateways */
    uint32_t links;     /* how many sources feed it */
    uint32_t marked;    /* of them: somebody works there */
    uint32_t faulty;    /* of them, fault: their newest sample is bad so */
    bool awaited;       /* restored, and nothing feeds it yet */

    /* the alarm */
    enum alarm_state state;
    enum alarm_priority priority;
    bool active; /* the condition, after its delays */
    uint64_t occurrence, revision, list_revision;
    uint64_t serious_revision; /* of the last raise or priority increase */
    struct clk_utc raised, changed, acknowledged, cleared;
    char acknowledged_by[NAME_SIZE];
    bool has_value, has_limit;
    double value, limit;
    uint32_t suppressed_children;
    int64_t judged_ms; /* UTC of the newest sample judged */

    /* what leads to it; not stored */
    int64_t floor_ms; /* samples up to here were judged before the restart */
    enum condition evidence;
    enum condition operand[2];
    enum pending pending;
    struct clk_mono due;
    uint32_t slot; /* 1-based place in the heap; 0: not in it */
    bool has_latest;
    double latest;
    struct clk_mono fed;                                /* no_data: last usable receipt */
    struct clk_mono beyond_since[RULE_ESCALATIONS_MAX]; /* CLK_NEVER: not beyond */
    bool window_open;                                   /* stalled */
    struct clk_mono window_start;
    double progress;
};

struct link {
    uint32_t watch, next;
    enum side side;
    bool marked; /* the newest sample says that somebody works on the device */
    bool faulty; /* of a fault's watch: it is bad for the rule's cause */
};

struct series {
    char device[NAME_SIZE], point[NAME_SIZE];
    const struct kind *kind; /* NULL: retired */
    uint32_t gateway, next_of_gateway;
    uint32_t first_link;
    uint32_t period_ms; /* a sample is to be expected so often; 0: unknown */
};

struct gateway {
    char name[NAME_SIZE];
    uint32_t area;
    bool dark; /* cut off, and an offline alarm speaks for its children */
    struct clk_mono judged_from;
    uint32_t first_watch, first_series;
    uint32_t first_link; /* offline watches */
};

struct area {
    char name[NAME_SIZE];
    uint64_t list_revision;
    uint32_t listed;
};

struct alarm_engine {
    const struct rules *rules;
    struct alarm_limits limits;
    struct alarm_sink sink;
    bool blind;
    struct clk_mono judged_from; /* sight began */

    struct area *areas;
    struct gateway *gateways;
    struct series *series;
    struct watch *watches;
    struct link *links;
    size_t area_count, gateway_count, series_count, watch_count;
    size_t links_max;
    uint32_t free_link;

    uint32_t *heap;
    size_t heap_count;
    uint32_t *by_id; /* open addressing; watch + 1, 0: free */
    size_t by_id_mask;

    struct alarm_transition out; /* scratch: it is 3 KB */
};

/* alarm_timer.c */
void timer_start(struct alarm_engine *eng, struct watch *w, enum pending what, struct clk_mono due);
void timer_stop(struct alarm_engine *eng, struct watch *w);
/* Takes the watch out of the heap and leaves what is pending: it waits for evidence. */
void timer_park(struct alarm_engine *eng, struct watch *w);
struct watch *timer_due(struct alarm_engine *eng, struct clk_mono now);

/* alarm_bind.c */
int64_t area_bind(struct alarm_engine *eng, const char *name, struct err *e);
int64_t gateway_bind(struct alarm_engine *eng, const char *area, const char *name, struct err *e);
struct watch *watch_find(const struct alarm_engine *eng, const char *id);
/* Adds a watch that is not there yet. NULL when full, or when its id means another pair. */
struct watch *watch_add(struct alarm_engine *eng, const struct rule *rule, const char *object,
                        uint32_t gateway, struct err *e);
uint32_t watch_index(const struct alarm_engine *eng, const struct watch *w);

/* alarm_change.c */
struct change {
    enum lifecycle_event event;
    const char *verb; /* NULL: the event's */
    const char *who, *why;
    const struct operator_request *request;
};
/* The one place that changes an alarm's state, counts its revisions and tells the sink. */
enum lifecycle_result watch_change(struct alarm_engine *eng, struct watch *w,
                                   const struct change *c, struct alarm_now now);
/* Tells the sink of a change that is no transition of the table (a move). */
void watch_announce(struct alarm_engine *eng, struct watch *w, enum alarm_state from, bool raise,
                    const struct change *c);
void watch_alert(const struct alarm_engine *eng, const struct watch *w, struct alert *a);

/* alarm_judge.c */
void judge_condition(struct alarm_engine *eng, struct watch *w, enum condition c,
                     struct alarm_now now);
void judge_due(struct alarm_engine *eng, struct watch *w, struct alarm_now now);
void judge_sample(struct alarm_engine *eng, struct link *l, const struct alarm_sample *s,
                  struct alarm_now now);
/* The whole hold from now on. */
void judge_hold(struct alarm_engine *eng, struct watch *w, struct alarm_now now);
/* Forgets evidence and delays under way: what they would have shown was not seen. */
void judge_forget(struct alarm_engine *eng, struct watch *w);

/* alarm_attend.c */
/* True: somebody works at what the watch looks at, and the sample is no evidence. */
bool attend_sample(struct alarm_engine *eng, struct watch *w, struct link *l,
                   const struct alarm_sample *s, struct alarm_now now);
/* Ends the suppression by what the first unmarked sample says. */
void attend_end(struct alarm_engine *eng, struct watch *w, enum condition c, struct alarm_now now);

/* alarm_row.c */
size_t row_encode(const struct alarm_engine *eng, const struct watch *w,
                  uint8_t row[ALARM_ROW_SIZE]);

#endif
