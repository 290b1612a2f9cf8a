/*
 * A set of sequence numbers as sorted, disjoint, non-adjacent closed ranges. It is what the
 * collector has committed, what the gateway has had acknowledged, and what is missing.
 *
 * Owns its array; grows up to `limit` ranges, then refuses with ERR_FULL and stays as it was.
 */
#ifndef MODEL_RANGESET_H
#define MODEL_RANGESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
    uint64_t from, to; /* inclusive, from <= to */
};

struct rangeset {
    struct range *ranges;
    size_t count, capacity, limit;
};

void rangeset_init(struct rangeset *s, size_t limit);
void rangeset_finish(struct rangeset *s);
void rangeset_clear(struct rangeset *s);
/* Claims memory for `count` ranges (limit permitting), so that growing up to there cannot fail. */
int rangeset_reserve(struct rangeset *s, size_t count);
/* Adding what is there already is fine. ERR_INVALID when from > to, ERR_FULL, ERR_NOMEM. */
int rangeset_add(struct rangeset *s, uint64_t from, uint64_t to);
/* Removing may split a range, and so may need room as well. */
int rangeset_remove(struct rangeset *s, uint64_t from, uint64_t to);
bool rangeset_has(const struct rangeset *s, uint64_t n);
bool rangeset_covers(const struct rangeset *s, uint64_t from, uint64_t to);
/* The end of the range that holds `from`; from - 1 when it is not in the set. */
uint64_t rangeset_upto(const struct rangeset *s, uint64_t from);
/* The largest number <= n that is not in the set and >= floor; false when there is none. */
bool rangeset_hole_below(const struct rangeset *s, uint64_t n, uint64_t floor, uint64_t *hole);
uint64_t rangeset_total(const struct rangeset *s); /* how many numbers are in it */

#endif
