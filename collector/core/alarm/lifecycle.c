#include "collector/core/alarm/lifecycle.h"

#include <assert.h>

/* What stands in a cell beside a state. */
enum { BY_CONDITION = LIFECYCLE_STATES, REFUSED, IMPOSSIBLE };

#define A    ALARM_NORMAL
#define B    ALARM_UNACKNOWLEDGED
#define C    ALARM_ACKNOWLEDGED
#define D    ALARM_RETURNED
#define G    ALARM_SHELVED
#define H    ALARM_SUPPRESSED
#define I    ALARM_OUT_OF_SERVICE
#define COND BY_CONDITION
#define no   REFUSED
#define XX   IMPOSSIBLE

/*
 * One row an event, one column a state, as the standard's figure is read: "in D, ABNORMAL leads to
 * B". In G, H and I the condition is followed without telling anyone; COND leads to B when it is
 * abnormal on leaving, to A when it is not.
 */
static const unsigned char table[LIFECYCLE_EVENTS][LIFECYCLE_STATES] = {
    /* clang-format off */
    /*                          A   B   C   D   G     H     I   */
    [LIFECYCLE_ABNORMAL]    = { B,  XX, XX, B,  G,    H,    I    },
    [LIFECYCLE_NORMAL]      = { XX, D,  A,  XX, G,    H,    I    },
    [LIFECYCLE_ESCALATE]    = { XX, B,  B,  XX, G,    H,    I    },
    [LIFECYCLE_ACKNOWLEDGE] = { no, C,  no, A,  no,   no,   no   },
    [LIFECYCLE_SHELVE]      = { G,  G,  G,  G,  no,   no,   no   },
    [LIFECYCLE_UNSHELVE]    = { no, no, no, no, COND, no,   no   },
    [LIFECYCLE_SUPPRESS]    = { H,  H,  H,  H,  XX,   XX,   XX   },
    [LIFECYCLE_UNSUPPRESS]  = { XX, XX, XX, XX, XX,   COND, XX   },
    [LIFECYCLE_REMOVE]      = { I,  I,  I,  I,  I,    I,    no   },
    [LIFECYCLE_RETURN]      = { no, no, no, no, no,   no,   COND },
    [LIFECYCLE_WITHDRAW]    = { A,  A,  A,  A,  A,    A,    A    },
    /* clang-format on */
};

#undef A
#undef B
#undef C
#undef D
#undef G
#undef H
#undef I
#undef COND
#undef no
#undef XX

_Static_assert(ALARM_NORMAL == 0 && ALARM_OUT_OF_SERVICE == LIFECYCLE_STATES - 1,
               "the table has a column for each state");
_Static_assert(LIFECYCLE_WITHDRAW == LIFECYCLE_EVENTS - 1, "the table has a row for each event");

static unsigned cell(enum alarm_state state, enum lifecycle_event event)
{
    assert((unsigned)state < LIFECYCLE_STATES && (unsigned)event < LIFECYCLE_EVENTS);
    return table[event][state];
}

enum lifecycle_result lifecycle_step(enum alarm_state *state, enum lifecycle_event event,
                                     bool abnormal)
{
    unsigned to = cell(*state, event);
    assert(to != IMPOSSIBLE);
    if (to == REFUSED)
        return LIFECYCLE_REFUSED;
    if (to == BY_CONDITION)
        *state = abnormal ? ALARM_UNACKNOWLEDGED : ALARM_NORMAL;
    else
        *state = (enum alarm_state)to;
    return LIFECYCLE_MOVED;
}

bool lifecycle_impossible(enum alarm_state state, enum lifecycle_event event)
{
    return cell(state, event) == IMPOSSIBLE;
}

const char *lifecycle_event_name(enum lifecycle_event event)
{
    static const char *const names[LIFECYCLE_EVENTS] = {
        "raise",    "clear",      "escalate", "acknowledge", "shelve",  "unshelve",
        "suppress", "unsuppress", "remove",   "return",      "withdraw"};
    assert((unsigned)event < LIFECYCLE_EVENTS);
    return names[event];
}

bool lifecycle_listed(enum alarm_state state)
{
    return state != ALARM_NORMAL;
}
