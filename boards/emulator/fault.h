/*
 * What can be wrong with one emulated device, and what that does to a reply about to be sent.
 *
 * Pure. The words are those of the control socket: dead, late MS, noise PERCENT, stuck, wrong-unit,
 * exception N, dribble MS, lag MS, deaf, none.
 */
#ifndef EMULATOR_FAULT_H
#define EMULATOR_FAULT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"

enum fault_kind {
    FAULT_NONE,
    FAULT_DEAD,       /* answers nothing */
    FAULT_LATE,       /* answers right, `parameter` ms late */
    FAULT_NOISE,      /* `parameter` percent of its replies are damaged on the line */
    FAULT_STUCK,      /* answers the same values for ever, as a hung sensor does */
    FAULT_WRONG_UNIT, /* answers in the name of the next unit */
    FAULT_EXCEPTION,  /* answers exception `parameter` */
    FAULT_DRIBBLE,    /* sends a byte each `parameter` ms */
    FAULT_LAG,        /* acknowledges writes at once, heeds them `parameter` ms later */
    FAULT_DEAF,       /* acknowledges writes and never heeds them: a lamp that failed */
};

#define FAULT_DELAY_MAX_MS 600000

struct fault {
    enum fault_kind kind;
    uint32_t parameter;
};

/* "late 1500"; e says what was expected. */
int fault_parse(const char *text, struct fault *fault, struct err *e);
void fault_print(const struct fault *fault, struct buf *out);

/* Damages a whole RTU frame so that no reader can take it, or any first part of it, for a reply: up
 * to three flipped bits (CRC-16 finds all of them), a lost byte, or a foreign byte in front.
 * Returns the new length; frame has room for one byte more. */
size_t fault_damage_rtu(struct rng *rng, uint8_t *frame, size_t len);
/* MBAP has no checksum: damages what a reader can check, transaction, protocol or length, or cuts
 * the end off. */
size_t fault_damage_tcp(struct rng *rng, uint8_t *frame, size_t len);

#endif
