/*
 * The messages that are not packs: state, birth, ack, request, collector state, alert, operator
 * request and reply. One struct each, one encoder, one strict decoder; the JSON Schemas of all of
 * them are in shared/data/messages. Encoders write into a bounded buf and check its overflow;
 * decoders refuse unknown versions and wrong types with a path.
 */
#ifndef MODEL_MESSAGE_H
#define MODEL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/err.h"
#include "model/command.h"
#include "model/name.h"
#include "model/pack.h"
#include "model/rangeset.h"

#define MESSAGE_SIZE_MAX 65536

/* --- gw/…/ack --- */

#define ACK_EPOCHS_MAX  8
#define ACK_ALSO_MAX    64
#define ACK_REFUSED_MAX 32
#define STORE_ID_SIZE   33 /* 32 hexadecimal digits */

struct ack_epoch {
    uint64_t epoch, upto; /* all of 1..upto is committed (or refused, or in a gap); upto may be 0 */
    size_t also_count;
    struct range also[ACK_ALSO_MAX]; /* committed above upto */
    size_t refused_count;
    struct {
        uint64_t seq;
        char reason[PACK_REASON_SIZE];
    } refused[ACK_REFUSED_MAX];
};

struct ack {
    char store[STORE_ID_SIZE];
    uint32_t credit; /* packs the gateway may have in flight, >= 1 */
    size_t epoch_count;
    struct ack_epoch epochs[ACK_EPOCHS_MAX];
};

int ack_encode(const struct ack *a, struct buf *out);
int ack_decode(const char *body, size_t len, struct ack *a, struct err *e);

/* --- gw/…/state (retained, and the will) --- */

#define STATE_EPOCHS_MAX 16

struct gateway_state {
    bool online;
    char session[17]; /* random a connection; the will repeats it, so a late will is told from a new
                         session */
    char firmware[32];
    uint64_t epoch; /* the running one */
    size_t epoch_count;
    struct {
        uint64_t epoch, lowest, highest; /* held in the spool */
    } epochs[STATE_EPOCHS_MAX];
    char clock[16]; /* "synchronised" "unsynchronised" "unknown" */
    char nonce[33]; /* command nonce, renewed each minute; empty until commands exist */
};

int gateway_state_encode(const struct gateway_state *s, struct buf *out);
int gateway_state_decode(const char *body, size_t len, struct gateway_state *s, struct err *e);

/* --- gw/…/birth (retained) --- */

#define BIRTH_DEVICES_MAX 256

struct gateway_birth {
    char board[64];
    char conf[PACK_CONF_SIZE];
    size_t device_count;
    struct {
        char name[NAME_SIZE];
        char hash[PACK_CONF_SIZE]; /* of its description */
    } devices[BIRTH_DEVICES_MAX];
};

int gateway_birth_encode(const struct gateway_birth *b, struct buf *out);
int gateway_birth_decode(const char *body, size_t len, struct gateway_birth *b, struct err *e);

/* --- gw/…/request --- */

enum gateway_request { REQUEST_DESCRIPTIONS, REQUEST_RESEND };
int gateway_request_encode(enum gateway_request r, struct buf *out);
int gateway_request_decode(const char *body, size_t len, enum gateway_request *r, struct err *e);

/* --- collector/{area}/state (retained, and the will) --- */

struct collector_state {
    bool online;
    char store[STORE_ID_SIZE];
    uint64_t owner_epoch;
    uint64_t list_revision; /* of the area's alert list */
    uint32_t standing;      /* alerts retained in the area */
    struct clk_utc at;      /* heartbeat, every 10 s */
};

int collector_state_encode(const struct collector_state *s, struct buf *out);
int collector_state_decode(const char *body, size_t len, struct collector_state *s, struct err *e);

/* --- alerts/{area}/{alert} (retained) --- */

enum alarm_state {                       /* ISA-18.2-2016 figure 2, letters as there */
                   ALARM_NORMAL,         /* A */
                   ALARM_UNACKNOWLEDGED, /* B */
                   ALARM_ACKNOWLEDGED,   /* C */
                   ALARM_RETURNED,       /* D: returned to normal, unacknowledged */
                   ALARM_SHELVED,        /* G */
                   ALARM_SUPPRESSED,     /* H: by design */
                   ALARM_OUT_OF_SERVICE, /* I */
};
enum alarm_class {
    ALARM_ENVIRONMENT,
    ALARM_LIGHTING,
    ALARM_ENERGY,
    ALARM_TRAFFIC,
    ALARM_SYSTEM,
    ALARM_SECURITY
};
enum alarm_priority { PRIORITY_LOW, PRIORITY_MEDIUM, PRIORITY_HIGH, PRIORITY_CRITICAL };

#define ALERT_POINTS_MAX 8
#define ALERT_TEXT_SIZE  256

struct alert {
    char id[NAME_SIZE];
    char area[NAME_SIZE];
    char rule[NAME_SIZE];
    char object[3 * NAME_SIZE]; /* "gateway", "gateway/device" or "gateway/device/point" */
    char talq_event[64];        /* empty when it has none */
    enum alarm_class class;
    enum alarm_priority priority;
    enum alarm_state state;
    uint64_t occurrence, revision, list_revision;
    size_t point_count;
    char points[ALERT_POINTS_MAX][3 * NAME_SIZE];
    struct clk_utc raised, changed, acknowledged, cleared; /* ms 0: has not happened */
    char acknowledged_by[NAME_SIZE];
    bool has_value, has_limit;
    double value, limit;
    char unit[16];
    char cause[64];
    uint32_t suppressed_children;
    char agency[96];
    char text_vi[ALERT_TEXT_SIZE];
    char text_en[ALERT_TEXT_SIZE];
    bool durable;
};

const char *alarm_state_name(enum alarm_state s); /* "normal", "unacknowledged", ... */
int alarm_state_parse(const char *text, enum alarm_state *s);
const char *alarm_class_name(enum alarm_class c);
int alarm_class_parse(const char *text, enum alarm_class *c);
const char *alarm_priority_name(enum alarm_priority p);
int alarm_priority_parse(const char *text, enum alarm_priority *p);

int alert_encode(const struct alert *a, struct buf *out);
int alert_decode(const char *body, size_t len, struct alert *a, struct err *e);

/* --- operators/{user}/request and /reply --- */

enum operator_verb {
    OPERATOR_ACKNOWLEDGE,
    OPERATOR_SNAPSHOT,
    OPERATOR_COMMAND, /* relay a signed command (model/command.h) to a gateway */
};

struct operator_request {
    char id[65]; /* chosen by the client; a repeated id gets the stored reply */
    enum operator_verb verb;
    struct clk_utc expires; /* ms 0: never */
    char area[NAME_SIZE];   /* snapshot, command: the gateway's */
    uint32_t page;          /* snapshot, from 0 */
    char alert[NAME_SIZE];
    uint64_t occurrence, revision; /* as seen by the operator */
    char verdict[8];               /* "true" "false" "test" or empty */
    char comment[256];
    char gateway[NAME_SIZE];        /* command */
    char jws[COMMAND_SIZE_MAX + 1]; /* command: compact; its payload repeats the request's id */
};

int operator_request_encode(const struct operator_request *r, struct buf *out);
int operator_request_decode(const char *body, size_t len, struct operator_request *r,
                            struct err *e);

/* A command is answered twice under one id, and the second answer replaces the first, also for a
 * repeated request: "relayed" once it is on its way to the gateway, then what came of it: "done",
 * "sent", "failed", "mismatched" or "refused" as the gateway says, or "unknown" while it is silent,
 * which a result that comes later replaces in turn. A refusal by the collector is the only answer.
 */
struct operator_reply {
    char id[65];
    char result[16]; /* "done" "refused" "unknown" "expired" "stale" "relayed" "sent" "failed"
                        "mismatched" */
    char reason[160];
    struct value value; /* of a command: as read back; VALUE_NONE when nothing was */
    bool has_alert;     /* the alert as it stands now */
    struct alert alert;
};

int operator_reply_encode(const struct operator_reply *r, struct buf *out);
int operator_reply_decode(const char *body, size_t len, struct operator_reply *r, struct err *e);

#endif
