/*
 * The life cycle of one alarm: ISA-18.2-2016 figure 2 (IEC 62682:2022 figure 3) as one table.
 *
 * Pure: a state and an event give the next state. Every pair has a cell. A pair the engine can
 * never produce is IMPOSSIBLE and stops the program (asserts stay on); a pair a person can ask for
 * but the standard does not have is REFUSED and changes nothing. The optional latched states (E, F)
 * are not used: nothing in the province needs a reset by hand.
 */
#ifndef COLLECTOR_CORE_ALARM_LIFECYCLE_H
#define COLLECTOR_CORE_ALARM_LIFECYCLE_H

#include <stdbool.h>

#include "model/message.h"

enum lifecycle_event {
    LIFECYCLE_ABNORMAL,    /* the condition became abnormal, its on-delay over */
    LIFECYCLE_NORMAL,      /* the condition became normal, its off-delay over */
    LIFECYCLE_ESCALATE,    /* the priority rose while the condition stays abnormal */
    LIFECYCLE_ACKNOWLEDGE, /* an operator has seen it */
    LIFECYCLE_SHELVE,      /* an operator puts it aside for a while */
    LIFECYCLE_UNSHELVE,    /* the operator, or the end of the while */
    LIFECYCLE_SUPPRESS,    /* suppressed by design: somebody works there */
    LIFECYCLE_UNSUPPRESS,
    LIFECYCLE_REMOVE,   /* taken out of service, e.g. for repair */
    LIFECYCLE_RETURN,   /* put back into service */
    LIFECYCLE_WITHDRAW, /* its rule or its object no longer exists */
};

#define LIFECYCLE_STATES 7
#define LIFECYCLE_EVENTS 11

enum lifecycle_result {
    LIFECYCLE_MOVED, /* *state changed, or stayed by the table's own arrow */
    LIFECYCLE_REFUSED,
};

/* Applies event to *state. `abnormal` is the condition now: leaving the states G, H and I leads to
 * B or A by it. */
enum lifecycle_result lifecycle_step(enum alarm_state *state, enum lifecycle_event event,
                                     bool abnormal);

/* The pair never happens: lifecycle_step would stop the program. For tests. */
bool lifecycle_impossible(enum alarm_state state, enum lifecycle_event event);

/* As the audit says it: "raise" "clear" "escalate" "acknowledge" "shelve" ... */
const char *lifecycle_event_name(enum lifecycle_event event);

/* The alarm is on the operators' list: every state but Normal. */
bool lifecycle_listed(enum alarm_state state);

#endif
