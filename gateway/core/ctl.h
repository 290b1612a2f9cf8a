/*
 * What gatewayctl and gatewayd say to each other through the control socket (io/ctlsock.h): one
 * JSON object a line. Every request is {"v":1,"id":N,"verb":"...", members}; each line that answers
 * it begins with {"v":1,"id":N and its last one has "end":true. A refusal is one line
 * {"v":1,"id":N,"error":{"code":"missing","text":"..."},"end":true}; codes are err_name()'s, stable
 * and never translated; the text is English and says what to do. A request whose id cannot be read
 * is answered with id 0.
 *
 * status: {"gateway":{}}, {"uplink":{}}, {"spool":{}}, {"counts":{}}, then a {"bus":{}} and a
 *     {"device":{}} for each of them.
 * watch, with or without device and point: a {"sample":{}} for each reading until the client goes.
 * read, with device (or bus and unit), function 1-4, address, count, perhaps timeout_ms:
 *     {"outcome":"ok","turnaround_us":N,"values":[N,...]}; other outcomes: ctl_outcome_name, with
 *     "exception":N where that is it.
 * write, with device, point and value (number, bool or string):
 *     {"outcome":"ok","quality":"good","value":V,"maybe_written":true}; outcome "failed"
 *     has a "cause" and no value; "broadcast":true when nobody could answer.
 * write, with device (or bus and unit), function 5, 6, 15, 16 or 22, address, values: as read. For
 *     22 the values are the AND and the OR mask.
 * timing, with or without bus: a {"bus":"NAME","replies":N,"pauses":N,"early":N,"noise_bytes":N,
 *     "longest_us":N,"turnaround":[...]} each, as struct bus_timing.
 * release, with bus and for_s (1-CTL_RELEASE_MAX_S): {"released":true,"device":"/dev/..."} once
 *     the port is closed. It is polled again after `resume`, after for_s, or when the asking
 *     client's connection ends, whichever is first.
 * resume, with bus: {"resumed":true}.
 * maintain, with device, for_s (0-CTL_MAINTAIN_MAX_S; 0 ends it) and quality (maintenance or
 *     calibration): {"device":"NAME","quality":"maintenance","until":"2026-11-21T18:23:55.123Z"};
 *     the last two are left out when it was ended.
 *
 * Register addresses are 0-based PDU addresses. Values are registers, or 0 and 1 for bits.
 *
 * This module is the parser of requests and the frame of answers. Pure; one thread; no allocation
 * but the JSON document's.
 */
#ifndef GATEWAY_CORE_CTL_H
#define GATEWAY_CORE_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "gateway/core/bus/bus.h"
#include "model/name.h"
#include "model/sample.h"

#define CTL_LINE_MAX       65536 /* a request; io/ctlsock.h cuts longer ones off as well */
#define CTL_ID_MAX         9007199254740992u /* 2^53 */
#define CTL_WRITE_MAX      123               /* registers (function 16 carries no more) or bits */
#define CTL_RELEASE_MAX_S  3600
#define CTL_MAINTAIN_MAX_S 86400

enum ctl_verb {
    CTL_STATUS,
    CTL_WATCH,
    CTL_READ,
    CTL_WRITE,
    CTL_TIMING,
    CTL_RELEASE,
    CTL_RESUME,
    CTL_MAINTAIN,
    CTL_VERBS
};

struct ctl_request {
    uint64_t id;
    enum ctl_verb verb;
    char bus[NAME_SIZE], device[NAME_SIZE], point[NAME_SIZE]; /* empty: not given */
    uint32_t unit;                                            /* with `bus`; 0-255 */
    uint32_t function;                                        /* 0: not given */
    uint32_t address;                                         /* 0-65535 */
    uint32_t count;                                           /* of registers or bits to read */
    uint32_t timeout_ms;                                      /* 0: as the bus says */
    uint32_t for_s;
    enum quality quality; /* QUALITY_MAINTENANCE unless it says calibration */
    struct value value;   /* VALUE_NONE: not given */
    size_t value_count;
    uint16_t values[CTL_WRITE_MAX];
};

/* ERR_INVALID: malformed, another version, a member that is missing, mistyped or out of range;
 * ERR_NOTFOUND: no such verb. out->id is set as soon as it could be read, else 0. */
int ctl_request_parse(const char *line, size_t len, struct ctl_request *out, struct err *e);

const char *ctl_verb_name(enum ctl_verb verb);
/* "ok", "no-reply", "damaged", "foreign", "exception", "lost". */
const char *ctl_outcome_name(enum bus_outcome outcome);
/* ERR_INVALID for any other word. */
int ctl_outcome_parse(const char *text, enum bus_outcome *out);

/* {"v":1,"id":N - members follow, each with a comma before it. */
void ctl_answer_begin(struct buf *out, uint64_t id);
/* Closes the object, with "end":true when it is the last. ERR_LIMIT when it did not fit. */
int ctl_answer_end(struct buf *out, bool last);
/* The whole line of a refusal; always fits 4 KiB. */
void ctl_answer_error(struct buf *out, uint64_t id, const struct err *e);
/* Of the code in an answer's error object; ERR_IO for an unknown one. */
int ctl_code_parse(const char *code);

#endif
