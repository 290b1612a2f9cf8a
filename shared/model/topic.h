/*
 * Topics under ioc/v1, built and taken apart in one place. PROTOCOL "Names and doors".
 */
#ifndef MODEL_TOPIC_H
#define MODEL_TOPIC_H

#include "base/err.h"
#include "model/name.h"

#define TOPIC_ROOT "ioc/v1"
#define TOPIC_SIZE 160

enum topic_kind {
    TOPIC_STATE,            /* gw/{area}/{name}/state */
    TOPIC_BIRTH,            /* gw/{area}/{name}/birth */
    TOPIC_LIVE,             /* gw/{area}/{name}/live */
    TOPIC_BACKFILL,         /* gw/{area}/{name}/backfill */
    TOPIC_ACK,              /* gw/{area}/{name}/ack */
    TOPIC_REQUEST,          /* gw/{area}/{name}/request */
    TOPIC_COMMAND,          /* gw/{area}/{name}/command */
    TOPIC_ALERT,            /* alerts/{area}/{name} */
    TOPIC_INDEX,            /* index/{area}/{name} */
    TOPIC_OPERATOR_REQUEST, /* operators/{name}/request */
    TOPIC_OPERATOR_REPLY,   /* operators/{name}/reply */
    TOPIC_COLLECTOR_STATE,  /* collector/{area}/state */
};

struct topic {
    enum topic_kind kind;
    char area[NAME_SIZE]; /* empty for operators */
    char name[NAME_SIZE]; /* gateway, alert, station or operator; empty for the collector's state */
};

/* ERR_INVALID for anything that is not exactly one of the above. */
int topic_parse(const char *text, struct topic *t);
/* Writes the topic; area or name may be "+" for a subscription. Returns text. */
const char *topic_format(enum topic_kind kind, const char *area, const char *name,
                         char text[TOPIC_SIZE]);

#endif
