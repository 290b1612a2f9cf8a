/*
 * Commands on their way through the collector: who may send one, which are under way, and whose a
 * result is. PROTOCOL "Commands".
 *
 * The collector only carries. It holds no operator's key, so it can neither make a command nor
 * change one, and whether a signature holds only the gateway can say. It refuses what could never
 * arrive or what the operators file does not allow, so that a person hears it at once.
 *
 * A command under way is remembered to match its result to who asked, and to say so when the
 * gateway is silent. The table is in memory: after a restart a result still finds its operator by
 * the name the gateway gives with it. At most RELAY_MAX, RELAY_OPERATOR_MAX of one operator; one
 * more is refused. Pure, no allocation, one thread.
 */
#ifndef COLLECTOR_CORE_OPERATORS_RELAY_H
#define COLLECTOR_CORE_OPERATORS_RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clk.h"
#include "collector/core/operators/access.h"
#include "model/command.h"
#include "model/message.h"

#define RELAY_MAX          256
#define RELAY_OPERATOR_MAX 16
#define RELAY_TIMEOUT_MS   INT64_C(60000) /* without a result the answer is "unknown" */

/* Actuators belong to these; an operator answers for one of them or may not command. */
#define RELAY_CLASSES (1U << ALARM_LIGHTING | 1U << ALARM_ENERGY | 1U << ALARM_TRAFFIC)

struct relay_entry {
    char operator_name[NAME_SIZE];
    char gateway[NAME_SIZE];
    char target[2 * NAME_SIZE];
    char id[COMMAND_ID_SIZE];
    struct clk_mono until;
};

struct relay {
    size_t count;
    struct relay_entry entries[RELAY_MAX]; /* oldest first */
};

void relay_init(struct relay *r);

struct relay_request {
    const struct access_member *who;
    const struct operator_request *request; /* of verb OPERATOR_COMMAND */
    const char *area;                       /* where the gateway is heard; NULL: nowhere */
    bool online;
    struct clk_utc utc;
    struct clk_mono mono;
};

/* Fills the reply: "relayed", "expired" or "refused" with the reason, and the command as far as it
 * can be read. True: request->jws is to be published to the gateway, once. */
bool relay_step_request(struct relay *r, const struct relay_request *q, struct command *c,
                        struct operator_reply *reply);

/* A gateway's result. Fills the reply and who gets it; false when nobody asked that we know of. */
bool relay_step_result(struct relay *r, const char *gateway, const struct command_result *result,
                       char operator_name[NAME_SIZE], struct operator_reply *reply);

/* Takes one command the gateway has not answered in time, with what its operator is told. */
bool relay_take_silent(struct relay *r, struct clk_mono now, struct relay_entry *entry,
                       struct operator_reply *reply);

#endif
