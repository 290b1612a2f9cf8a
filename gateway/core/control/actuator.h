/*
 * The actuators: what each is wanted to be, who wants it, and making it so.
 *
 *   command -- actuator_command --> override --.
 *   schedule_at(group, utc) ------------------> wanted --differs--> DUE --> WRITE --> read back
 *   clock unknown: the group's safe value -----'    ^                                    |
 *   polled samples -- actuator_sample: differs -----'<--- again, later and later --------'
 *
 * A point's own override goes before its group's, that before the schedule. An override ends by its
 * time, at the schedule's next step when it was given none, or by a release. Overrides live in
 * memory: after a restart the schedule holds.
 *
 * A wanted value is written when it changes, and again when what is read back differs: at once
 * after a silence (its controller was without power), otherwise after ACTUATOR_AGAIN_MS, doubling
 * to ACTUATOR_AGAIN_MAX_MS, for as long as it is wanted. That a point does not follow is said once.
 * What a broadcast set cannot be read back and is taken as set.
 *
 * A pure step machine: the owner reports what happened, with now, then calls actuator_next until it
 * gives no more. One thread; allocates only in actuator_create. Borrows configuration and control
 * document, which outlive it.
 */
#ifndef GATEWAY_CORE_CONTROL_ACTUATOR_H
#define GATEWAY_CORE_CONTROL_ACTUATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/err.h"
#include "gateway/core/config/config.h"
#include "model/command.h"
#include "model/control.h"
#include "model/sample.h"

#define ACTUATOR_JOBS_MAX     8 /* commands under way */
#define ACTUATOR_FLIGHTS_MAX  4 /* writes under way on one bus */
#define ACTUATOR_FLIGHT_MS    30000
#define ACTUATOR_AGAIN_MS     2000
#define ACTUATOR_AGAIN_MAX_MS 300000
#define ACTUATOR_JOB_TRIES    2     /* writes of a point before its command is answered */
#define ACTUATOR_TROUBLE      3     /* writes in vain before it is said */
#define ACTUATOR_CALM_MS      60000 /* right for so long: what was before is forgotten */
#define ACTUATOR_CLOCK_MS     1000  /* a stepped clock is noticed within this */
#define ACTUATOR_TEXT_SIZE    256

struct actuator_now {
    struct clk_mono mono;
    struct clk_utc utc;
    bool clock_known;
};

enum actuator_verb {
    ACTUATOR_WRITE,  /* id, device, point, value; its end is actuator_written or _unwritten */
    ACTUATOR_RESULT, /* result, samples: a command's end */
    ACTUATOR_SAY,    /* text: for log and centre; trouble: it is a warning */
};

struct actuator_action {
    enum actuator_verb verb;
    uint64_t id;
    uint16_t device, point; /* as in the configuration */
    struct value value;
    const struct command_result *result; /* borrowed until the next call, as all below */
    const struct sample *samples;        /* what was read back, `point` as it was read */
    size_t count;
    const char *object; /* "street-a", "relay-1/k1" */
    const char *text;
    bool trouble;
};

/* How a write ended. */
struct actuator_end {
    bool broadcast;          /* nobody answers */
    struct sample read_back; /* bad with its cause, unless it was read back */
};

struct actuator;

/* Whether everything the document names is there, can be written, and takes what it is to be set
 * to. ERR_INVALID; e names the place in the document. */
int actuator_check(const struct gateway_config *config, const struct control *control,
                   struct err *e);
/* control has passed actuator_check. ERR_NOMEM. */
int actuator_create(const struct gateway_config *config, const struct control *control,
                    struct actuator **out, struct err *e);
void actuator_destroy(struct actuator *a); /* NULL is fine */

/* Carries out a command the gate accepted; its end is an ACTUATOR_RESULT. Refuses with e: no such
 * target, not writable, a value it does not take, a hold too long, ERR_FULL. */
int actuator_command(struct actuator *a, const struct command *c, const struct control_key *key,
                     const struct actuator_now *now, struct err *e);
/* A polled sample, of any point. */
void actuator_sample(struct actuator *a, const struct sample *s, struct clk_mono now);
void actuator_written(struct actuator *a, uint64_t id, const struct actuator_end *end,
                      struct clk_mono now);
/* The write could not even be queued. */
void actuator_unwritten(struct actuator *a, uint64_t id, struct clk_mono now);

void actuator_step(struct actuator *a, const struct actuator_now *now);
bool actuator_next(struct actuator *a, struct clk_mono now, struct actuator_action *out);
/* When actuator_step is to be called at the latest. */
struct clk_mono actuator_wake(const struct actuator *a, const struct actuator_now *now);

#endif
