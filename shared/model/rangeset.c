#include "model/rangeset.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void rangeset_init(struct rangeset *s, size_t limit)
{
    *s = (struct rangeset){.limit = limit};
}

void rangeset_finish(struct rangeset *s)
{
    free(s->ranges);
    *s = (struct rangeset){.limit = s->limit};
}

void rangeset_clear(struct rangeset *s)
{
    s->count = 0;
}

/* Index of the first range that ends at n or later; count when none does. */
static size_t first_ending_from(const struct rangeset *s, uint64_t n)
{
    size_t low = 0;
    size_t high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->ranges[middle].to < n)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int rangeset_reserve(struct rangeset *s, size_t count)
{
    if (count > s->limit)
        return ERR_FULL;
    if (count <= s->capacity)
        return 0;
    size_t capacity = s->capacity ? 2 * s->capacity : 4;
    capacity = capacity < count ? count : capacity;
    capacity = capacity < s->limit ? capacity : s->limit;
    struct range *ranges = realloc(s->ranges, capacity * sizeof(*ranges));
    if (!ranges)
        return ERR_NOMEM;
    s->ranges = ranges;
    s->capacity = capacity;
    return 0;
}

static int insert_at(struct rangeset *s, size_t at, struct range r)
{
    int rc = rangeset_reserve(s, s->count + 1);
    if (rc)
        return rc;
    memmove(&s->ranges[at + 1], &s->ranges[at], (s->count - at) * sizeof(r));
    s->ranges[at] = r;
    s->count++;
    return 0;
}

static void delete_range(struct rangeset *s, size_t from, size_t to)
{
    if (from == to)
        return;
    memmove(&s->ranges[from], &s->ranges[to], (s->count - to) * sizeof(*s->ranges));
    s->count -= to - from;
}

int rangeset_add(struct rangeset *s, uint64_t from, uint64_t to)
{
    if (from > to)
        return ERR_INVALID;
    /* Ranges that overlap or touch [from, to] are [low, high); they become one. */
    size_t low = first_ending_from(s, from ? from - 1 : 0);
    size_t high = low;
    while (high < s->count && (to == UINT64_MAX || s->ranges[high].from <= to + 1))
        high++;
    if (low == high)
        return insert_at(s, low, (struct range){from, to});
    struct range *merged = &s->ranges[low];
    uint64_t last = s->ranges[high - 1].to;
    merged->from = merged->from < from ? merged->from : from;
    merged->to = last > to ? last : to;
    delete_range(s, low + 1, high);
    return 0;
}

int rangeset_remove(struct rangeset *s, uint64_t from, uint64_t to)
{
    if (from > to)
        return ERR_INVALID;
    size_t low = first_ending_from(s, from);
    size_t high = low;
    while (high < s->count && s->ranges[high].from <= to)
        high++;
    if (low == high)
        return 0;
    bool left = s->ranges[low].from < from;
    bool right = s->ranges[high - 1].to > to;
    if (left && right && high - low == 1) {
        struct range tail = {to + 1, s->ranges[low].to};
        int rc = insert_at(s, high, tail);
        if (rc)
            return rc;
        s->ranges[low].to = from - 1;
        return 0;
    }
    if (left)
        s->ranges[low++].to = from - 1;
    if (right)
        s->ranges[--high].from = to + 1;
    delete_range(s, low, high);
    return 0;
}

bool rangeset_covers(const struct rangeset *s, uint64_t from, uint64_t to)
{
    size_t i = first_ending_from(s, from);
    return from <= to && i < s->count && s->ranges[i].from <= from && to <= s->ranges[i].to;
}

bool rangeset_has(const struct rangeset *s, uint64_t n)
{
    return rangeset_covers(s, n, n);
}

uint64_t rangeset_upto(const struct rangeset *s, uint64_t from)
{
    size_t i = first_ending_from(s, from);
    return i < s->count && s->ranges[i].from <= from ? s->ranges[i].to : from - 1;
}

bool rangeset_hole_below(const struct rangeset *s, uint64_t n, uint64_t floor, uint64_t *hole)
{
    size_t i = first_ending_from(s, n);
    if (i < s->count && s->ranges[i].from <= n) {
        if (s->ranges[i].from == 0)
            return false;
        n = s->ranges[i].from - 1; /* ranges never touch, so this one is free */
    }
    if (n < floor)
        return false;
    *hole = n;
    return true;
}

uint64_t rangeset_total(const struct rangeset *s)
{
    uint64_t total = 0;
    for (size_t i = 0; i < s->count; i++)
        total += s->ranges[i].to - s->ranges[i].from + 1;
    return total == 0 && s->count ? UINT64_MAX : total; /* all 2^64 of them do not fit */
}
