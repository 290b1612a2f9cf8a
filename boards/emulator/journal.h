/*
 * The ledger a running emulator writes: one JSON line a point and reply, with what the registers
 * meant as an exact decimal.
 *
 * Lines are gathered and written at least every JOURNAL_FLUSH_MS and at the end, so a kill of the
 * emulator loses at most that. A failed write is logged once and counted: a run whose ledger has
 * holes proves nothing, and status says so. Runs on the loop.
 */
#ifndef EMULATOR_JOURNAL_H
#define EMULATOR_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/err.h"
#include "boards/emulator/slave.h"
#include "io/loop.h"

#define JOURNAL_FLUSH_MS    100
#define JOURNAL_BUFFER_SIZE 65536

struct journal {
    struct loop *loop;
    int fd; /* -1: nothing is kept */
    struct loop_timer timer;
    struct buf buf;
    uint64_t lines, failed; /* lines taken; writes that failed */
    char memory[JOURNAL_BUFFER_SIZE];
};

/* Appends to `path`, creating it; "" keeps no ledger. ERR_IO. */
int journal_init(struct journal *j, struct loop *loop, const char *path, struct err *e);
void journal_finish(struct journal *j); /* of a zeroed struct is fine */

/* One line of a reply sent at `at`. fate: "ok", "late", "noise", ... ; a reading that is the
 * profile's "no reading" pattern becomes "invalid" by itself. */
void journal_write(struct journal *j, struct clk_utc at, const struct slave *s,
                   const struct slave_reading *reading, const char *fate);
void journal_flush(struct journal *j);

/* The line alone, for tests. */
void journal_format(struct buf *out, struct clk_utc at, const struct slave *s,
                    const struct slave_reading *reading, const char *fate);

#endif
