/*
 * A command to an actuator, and its result. PROTOCOL "Commands".
 *
 * The operator's key signs the command as a JWS (model/jws.h) whose payload is
 *
 *   {"v":1,"id":"…","gateway":"pole-17","target":"cabinet-1/k1","action":"set","value":true,
 *    "hold_s":3600,"nonce":"…","counter":"12"}
 *
 * Broker and collector only relay it. Fresh is what carries the nonce of the gateway's state
 * (current or previous) and a counter above the key's last: no clock is needed.
 *
 * The result travels as a pack of kind `result`: one record named "command" whose string is
 *
 *   {"v":1,"id":"…","kid":"…","operator":"lan","target":"cabinet-1/k1","result":"done",
 *    "value":true}
 *
 * followed by one ordinary record a point that was read back, bad with its cause where it could
 * not be. What could not be read of a refused command (its id, its target) is left out.
 *
 * A command is stricter than other messages: a member this program does not know is refused, for an
 * order half understood must not be carried out. Ids, nonces and kids are words (jws_word_valid).
 * Pure; nothing is allocated but by the JSON parser.
 */
#ifndef MODEL_COMMAND_H
#define MODEL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/jws.h"
#include "model/name.h"
#include "model/sample.h"

#define COMMAND_SIZE_MAX   2048 /* the whole JWS */
#define COMMAND_ID_SIZE    65
#define COMMAND_NONCE_SIZE 33
#define COMMAND_HOLD_MAX_S 604800

enum command_action {
    COMMAND_SET,     /* value, held for hold_s; then the schedule takes over again */
    COMMAND_RELEASE, /* gives the target back to its schedule now */
};

struct command {
    char id[COMMAND_ID_SIZE]; /* chosen by the sender; a repeated one gets the stored result */
    char gateway[NAME_SIZE];
    char target[2 * NAME_SIZE]; /* "device/point", or the name of a lighting group */
    enum command_action action;
    struct value value; /* number or boolean, with COMMAND_SET */
    uint32_t hold_s; /* 0: until the schedule's next step; a target without a schedule keeps it */
    char nonce[COMMAND_NONCE_SIZE];
    uint64_t counter;
};

/* "device/point", or one name. */
bool command_target_valid(const char *target);

/* The payload. ERR_LIMIT when it does not fit; decode: ERR_INVALID, ERR_LIMIT. */
int command_encode(const struct command *c, struct buf *out);
int command_decode(const char *payload, size_t len, struct command *c, struct err *e);

enum command_outcome {
    COMMAND_DONE,       /* written and read back as asked */
    COMMAND_SENT,       /* a broadcast: nobody answers */
    COMMAND_REFUSED,    /* nothing was done; reason says why */
    COMMAND_FAILED,     /* tried; reason and the read-back say what is known */
    COMMAND_MISMATCHED, /* written, but something else was read back */
};

struct command_result {
    char id[COMMAND_ID_SIZE];
    char kid[JWS_KID_SIZE];
    char operator_name[NAME_SIZE]; /* whose key it is; empty: unknown */
    char target[2 * NAME_SIZE];
    enum command_outcome outcome;
    char reason[160];
    struct value value; /* as read back; VALUE_NONE when nothing was */
};

const char *command_outcome_name(enum command_outcome o); /* "done" "sent" "refused" ... */
#define COMMAND_RECORD "command" /* the name of the result's record in its pack */
int command_result_encode(const struct command_result *r, struct buf *out);
int command_result_decode(const char *text, size_t len, struct command_result *r, struct err *e);

#endif
