#include "collector/core/complaint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/hash64.h"

static uint64_t subject_of(const char *who, const char *what)
{
    uint64_t hash = hash64_add(HASH64_START, who ? who : "", who ? strlen(who) + 1 : 1);
    hash = hash64_add(hash, what ? what : "", what ? strlen(what) : 0);
    return hash ? hash : 1;
}

bool complaint_may(struct complaint *c, const char *who, const char *what, struct clk_mono now,
                   char more[COMPLAINT_MORE_SIZE])
{
    uint64_t subject = subject_of(who, what);
    size_t room = COMPLAINT_SUBJECTS;
    for (size_t i = 0; i < COMPLAINT_SUBJECTS; i++) {
        bool fresh = c->recent[i].subject &&
                     !clk_mono_due(clk_mono_add(c->recent[i].said, COMPLAINT_MS), now);
        if (fresh && c->recent[i].subject == subject) {
            c->muted++;
            return false;
        }
        if (!fresh)
            room = i;
    }
    if (room == COMPLAINT_SUBJECTS) {
        c->muted++;
        return false;
    }
    c->recent[room].subject = subject;
    c->recent[room].said = now;
    more[0] = '\0';
    if (c->muted > 0)
        snprintf(more, COMPLAINT_MORE_SIZE, " (%" PRIu64 " more not shown)", c->muted);
    c->muted = 0;
    return true;
}
