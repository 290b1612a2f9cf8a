/*
 * All emulated boards of one configuration: profiles, slaves, buses, cables, ledger and the
 * commands that make trouble.
 *
 * One thread, on the loop. The configuration and the loop are borrowed for the emulator's life.
 */
#ifndef EMULATOR_EMULATOR_H
#define EMULATOR_EMULATOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "boards/emulator/cable.h"
#include "boards/emulator/config.h"
#include "boards/emulator/control.h"
#include "boards/emulator/journal.h"
#include "boards/emulator/line.h"
#include "boards/emulator/scene.h"
#include "boards/emulator/slave.h"
#include "io/loop.h"
#include "model/profile.h"

struct emulator {
    const struct config *config; /* borrowed */
    struct loop *loop;           /* borrowed */
    struct scene scene;
    struct profile **profiles; /* owned, each once */
    size_t profile_count;
    struct slave *slaves; /* in the order of buses and their devices */
    size_t slave_count;
    struct line *lines; /* one a bus */
    struct cable *cables;
    struct control control;
    struct journal journal;
};

/* Reads the profiles and makes the slaves; opens nothing. e says what is wrong with which file. */
int emulator_prepare(struct emulator *m, const struct config *config, struct err *e);
/* Opens ledger, buses, cables and the control socket. */
int emulator_open(struct emulator *m, struct loop *loop, struct err *e);
/* Closes and frees all, the ledger flushed; of a zeroed or half-made struct is fine. */
void emulator_finish(struct emulator *m);

/* One JSON line a bus and link with the terminal or port it got, then {"ready":true}. */
void emulator_announce(const struct emulator *m, struct buf *out);

/* Executes a command of the control socket; the answer goes to out. ERR_INVALID or ERR_NOTFOUND
 * with what there is instead. */
int emulator_execute(struct emulator *m, const char *command, struct buf *out, struct err *e);
extern const char emulator_commands[]; /* the commands, for --help */

#endif
