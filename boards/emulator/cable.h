/*
 * A board's uplink cable: a TCP relay in user space that can be cut or stalled.
 *
 *   up     moves bytes both ways
 *   cut    closes what there is and refuses what comes
 *   stall  keeps every connection and moves no byte: a half-open link
 *
 * Runs on the loop; at most CABLE_PAIRS_MAX connections, one more is closed at once.
 */
#ifndef EMULATOR_CABLE_H
#define EMULATOR_CABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "boards/emulator/config.h"
#include "boards/emulator/net.h"
#include "io/loop.h"

#define CABLE_PAIRS_MAX   64
#define CABLE_BUFFER_SIZE 32768

enum cable_state { CABLE_UP, CABLE_CUT, CABLE_STALL };

struct cable_pair;

struct cable {
    const struct config_link *config; /* borrowed */
    struct loop *loop;
    enum cable_state state;
    struct net_address to;
    struct loop_watch listener; /* fd -1: refuses */
    uint16_t port;
    struct cable_pair *pairs[CABLE_PAIRS_MAX];
    uint64_t moved; /* bytes, both ways */
};

/* Resolves the other end and listens. */
int cable_init(struct cable *c, const struct config_link *config, struct loop *loop, struct err *e);
void cable_finish(struct cable *c); /* of a zeroed struct is fine */
/* ERR_IO when the port was taken while the cable was cut. */
int cable_set(struct cable *c, enum cable_state state, struct err *e);
size_t cable_connections(const struct cable *c);

int cable_state_parse(const char *text, enum cable_state *state);
const char *cable_state_name(enum cable_state state);

#endif
