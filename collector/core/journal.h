/*
 * What has to be committed and then published, in its order: a bounded queue in memory.
 *
 *      put --> [ waiting | batched | committed | sent ] --> gone when the broker has it
 *
 * An entry is one publication together with the rows that belong into its commit: an alarm's row, a
 * reply, an audit line. It leaves `waiting` with a batch and falls back when that batch is not
 * stored; nothing is sent before it is committed; what was sent and not confirmed is sent again on
 * a new connection. The bytes are copied into a ring taken at creation. A full journal refuses and
 * counts: the caller then tells everything again once it has emptied (alarm_repeat). One thread.
 */
#ifndef COLLECTOR_CORE_JOURNAL_H
#define COLLECTOR_CORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct journal;

enum journal_kind {
    JOURNAL_ALARM, /* rows: the alarm, its area's list revision */
    JOURNAL_REPLY, /* rows: the reply, which is the payload */
    JOURNAL_PLAIN, /* no row of its own */
};

struct journal_entry {
    enum journal_kind kind;
    uint64_t number; /* the store's outbox number: a new one with each batch it goes into */
    bool retain;
    int64_t at_ms;          /* UTC, of the change */
    uint64_t list_revision; /* JOURNAL_ALARM */
    /* NULL counts as empty; borrowed by put, and from the ring until the next call otherwise. */
    const char *topic;
    const char *key;                        /* the alert's or the request's id */
    const char *area;                       /* JOURNAL_ALARM */
    const char *who, *what, *object, *text; /* the audit line: a row of every kind, unless `what` is
                                               empty; who is also the reply's operator */
    const void *row;                        /* JOURNAL_ALARM */
    size_t row_len;
    const void *payload;
    size_t payload_len;
};

int journal_create(size_t entries_max, size_t bytes_max, struct journal **out, struct err *e);
void journal_destroy(struct journal *j); /* NULL is fine */

int journal_put(struct journal *j, const struct journal_entry *e); /* ERR_FULL, counted */
/* Already committed before the start: goes behind what is there, which must be committed too. */
int journal_put_committed(struct journal *j, const struct journal_entry *e);

/* The oldest waiting entry; journal_batched moves it on under the number it has in the batch. */
bool journal_peek_waiting(const struct journal *j, struct journal_entry *e);
void journal_batched(struct journal *j, uint64_t number);
void journal_committed(struct journal *j); /* all that is batched */
void journal_failed(struct journal *j);    /* nothing of it is stored: it waits again */

/* The oldest alarm that is not committed and was not given here before: while the store is ill it
 * is told all the same. */
bool journal_take_untold(struct journal *j, struct journal_entry *e);

bool journal_peek_committed(const struct journal *j, struct journal_entry *e);
void journal_sent(struct journal *j);
void journal_published(struct journal *j, uint64_t number); /* an unknown number is fine */
void journal_unsent(struct journal *j);                     /* the connection is gone: send again */

/* Something about the key is on its way, in whatever stage. */
bool journal_has_key(const struct journal *j, const char *key);
size_t journal_depth(const struct journal *j);
uint64_t journal_refused(const struct journal *j);

#endif
