/*
 * The oracle of the fault tests: what the slaves answered against what the collector stored.
 *
 * Feed it every line of the ledger (one a point and reply) and every line of the store's dump (one
 * a record), in any order, then finish. For each (gateway, device, point) the two sequences are
 * laid side by side by time and value. Four verdicts count:
 *
 *   lost     an ok reply that is neither stored nor explained: by a bad-quality record of that
 * point near it (one record explains one reply), by a gap record over its time, or by an undecided
 * interval the caller knows of (a kill) doubled  a second record of one reply wrong    a stored
 * value no slave answered for that point at that time, in that order, with a reply that was fit to
 * be stored
 *
 * Pure but for its memory (about 40 bytes a line). One thread. n log n in the lines, and linear in
 * the replies within the tolerance of one record.
 */
#ifndef EMULATOR_LEDGER_H
#define EMULATOR_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define LEDGER_TOLERANCE_MS  2000 /* between reply sent and stored time, unless told otherwise */
#define LEDGER_LINE_MAX      4096 /* bytes */
#define LEDGER_OFFENDERS_MAX 10   /* told in words; all are counted */
#define LEDGER_INTERVALS_MAX 4096 /* undecided intervals, and gaps of one gateway */
#define LEDGER_TEXT_MAX      256

struct ledger;

struct ledger_result {
    uint64_t samples; /* ok replies in the ledger */
    uint64_t stored;  /* records with a value */
    uint64_t lost, doubled, wrong;
    uint64_t explained; /* not stored, but a bad record or a gap says so */
    uint64_t undecided; /* not stored, and the caller said so */
    size_t offender_count;
    char offenders[LEDGER_OFFENDERS_MAX][LEDGER_TEXT_MAX];
};

struct ledger *ledger_create(int64_t tolerance_ms); /* NULL without memory */
void ledger_destroy(struct ledger *l);              /* NULL is fine */

/* Points that match are left out: "gateway/device/point" with * and ? (fnmatch). Before any line.
 * The text is borrowed for the ledger's life. ERR_LIMIT past 64. */
int ledger_ignore(struct ledger *l, const char *pattern);
/* Replies of `gateway` (NULL: of all) sent in [from, to] may be absent. ERR_INVALID when it ends
 * before it starts or the name is none. */
int ledger_undecided(struct ledger *l, const char *gateway, int64_t from_ms, int64_t to_ms,
                     struct err *e);

/* {"t":ms,"gateway":..,"device":..,"point":..,"v":..,"fate":"ok",..} */
int ledger_add_reply(struct ledger *l, const char *line, size_t len, struct err *e);
/* {"t":ms,"gateway":..,"device":..,"point":..,"v":..,"q":"good",..}, with q "bad" and no v for a
 * bad sample, or {"gateway":..,"gap":{"from_t":ms,"to_t":ms,..}} */
int ledger_add_record(struct ledger *l, const char *line, size_t len, struct err *e);

void ledger_finish(struct ledger *l, struct ledger_result *result);
/* lost, doubled and wrong are all 0, and there was something to lose. */
bool ledger_holds(const struct ledger_result *result);

#endif
