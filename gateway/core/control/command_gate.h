/*
 * Whether a command may be obeyed: fresh, allowed, and never twice.
 *
 *   a message -> gate_admits -> [signature: the shell's] -> gate_judge -> ACCEPTED: carry it out
 *                  flood: not                                |             then gate_remember
 *                  even looked at                            '-> REPEATED, REFUSED: answer, audit
 *
 * Fresh without a clock: the gateway's state carries a random nonce, renewed every GATE_NONCE_MS;
 * the current and the previous one count. Within a key, (nonce, counter) must rise from one
 * accepted command to the next: so no command can be replayed, reordered or kept back past a newer
 * one. Counters live no longer than the process, because nonces do not: after a restart every
 * nonce handed out before is unknown, and with it every command signed before.
 *
 * A command's id, per key, is remembered among the last GATE_RESULTS_MAX carried out: a repeated
 * one gets its stored result and switches nothing. Refusals are not remembered: asked again with a
 * fresh nonce, a command is judged anew.
 *
 * Pure; one thread; owns no memory. Borrows the control document, which outlives it; without one
 * every command is refused.
 */
#ifndef GATEWAY_CORE_CONTROL_COMMAND_GATE_H
#define GATEWAY_CORE_CONTROL_COMMAND_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/err.h"
#include "model/command.h"
#include "model/control.h"

#define GATE_NONCE_BYTES    16
#define GATE_NONCE_MS       60000
#define GATE_RESULTS_MAX    32
#define GATE_LOOKS_BURST    20  /* messages looked at in a row: a signature costs milliseconds */
#define GATE_LOOK_EVERY_MS  100 /* then one in so long */
#define GATE_AUDITS_BURST   20 /* refusals recorded in a row: nobody may fill the spool with them */
#define GATE_AUDIT_EVERY_MS 10000

/* What arrived, as far as the shell could read it. */
struct gate_offer {
    bool retained;
    const struct control_key *key; /* whose signature was checked and holds; NULL: nobody's */
    const struct command *command; /* NULL: unreadable */
    const char *why;               /* without key or command: why not */
};

enum gate_verdict { GATE_ACCEPTED, GATE_REPEATED, GATE_REFUSED };

struct gate_budget {
    int64_t left_ms; /* what is saved up, as time */
    struct clk_mono at;
};

struct command_gate {
    const struct control *control;
    const char *gateway;                /* borrowed */
    char nonces[2][COMMAND_NONCE_SIZE]; /* current, previous; empty: none */
    uint64_t generation;                /* of the current one */
    struct clk_mono renew_at;
    struct {
        uint64_t generation, counter; /* of the last command accepted */
    } keys[CONTROL_KEYS_MAX];
    struct gate_memory {
        char kid[JWS_KID_SIZE], id[COMMAND_ID_SIZE];
        bool ended;
        struct command_result result; /* once ended */
    } memory[GATE_RESULTS_MAX];       /* a ring */
    size_t memory_next;
    struct gate_budget looks, audits;
    uint64_t unseen;                      /* messages not even looked at, since last said */
    uint64_t unsaid;                      /* refusals not recorded, since last said */
    uint64_t accepted, repeated, refused; /* since the start */
};

/* control may be NULL. The first gate_renew is due at once. */
void gate_init(struct command_gate *g, const struct control *control, const char *gateway,
               struct clk_mono now);
/* Takes a new nonce. */
void gate_renew(struct command_gate *g, const uint8_t random[GATE_NONCE_BYTES],
                struct clk_mono now);

/* Whether the next message is to be looked at; false: drop it, it is counted. */
bool gate_admits(struct command_gate *g, struct clk_mono now);
/* REFUSED fills e with why; REPEATED gives the stored result, or NULL while the command is still
 * being carried out (its result comes by itself). ACCEPTED takes nonce, counter and id. */
enum gate_verdict gate_judge(struct command_gate *g, const struct gate_offer *o,
                             const struct command_result **stored, struct err *e);
/* The command's end, for those who ask again. */
void gate_remember(struct command_gate *g, const struct command_result *r);

/* Whether a refusal (or a repeated answer) may be recorded; false: it is counted in `unsaid`. */
bool gate_may_say(struct command_gate *g, struct clk_mono now);
/* What was not recorded or looked at since the last call, as a sentence; false: nothing, or it may
 * not be said yet. */
bool gate_unsaid(struct command_gate *g, char *text, size_t size, struct clk_mono now);

#endif
