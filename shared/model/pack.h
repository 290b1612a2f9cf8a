/*
 * A pack: SenML JSON (RFC 8428), frozen when written and resent byte for byte. PROTOCOL "Packs".
 *
 *   [{"bn":"urn:dev:ops:gw-1:","bt":1795000000.123,"epoch":"…","seq":"7","low":"1","kind":"data","conf":"…",
 *     "n":"air-1/pm2-5","t":0,"v":23.5}, {"n":"air-1/pm10/q","t":0.2,"vs":"timeout"}, …]
 *
 * Writer: no allocation, into the caller's buffer. Reader: strict; every refusal says what was
 * wrong, and as far as it could be read, which (epoch, seq), so that it can be refused by number.
 */
#ifndef MODEL_PACK_H
#define MODEL_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/err.h"
#include "model/json.h"
#include "model/name.h"
#include "model/sample.h"

#define PACK_SIZE_MAX    65536
#define PACK_RECORDS_MAX 1000
#define PACK_CONF_SIZE   17 /* 16 hexadecimal digits and the end */
#define PACK_REASON_SIZE 96 /* why a pack is refused, as it travels in an ack */

enum pack_kind {
    PACK_DATA,
    PACK_EVENT,
    PACK_RESULT,
    PACK_GAP,
    PACK_CLOCK,
    PACK_DESCRIPTION, /* vs = a device's description as JSON text; answers the request
                         `descriptions` */
};

struct pack_head {
    char gateway[NAME_SIZE];
    uint64_t epoch, seq, low; /* all >= 1 and < 2^63; low <= seq */
    enum pack_kind kind;
    char conf[PACK_CONF_SIZE]; /* configuration hash, lower-case hexadecimal */
    struct clk_utc base;       /* bt */
};

const char *pack_kind_name(enum pack_kind kind);

/* --- writing --- */

struct pack_writer {
    struct buf out;
    struct pack_head head;
    unsigned records;
};

/* Starts a pack in memory[cap]; cap at least 1024, at most PACK_SIZE_MAX is used. */
void pack_begin(struct pack_writer *w, void *memory, size_t cap, const struct pack_head *head);
/* Adds one sample as a record; ERR_FULL (and the pack as before) at 1,000 records or when it does
 * not fit; ERR_INVALID for a value that is not finite or a time outside the years 1970 to 2100. */
int pack_add(struct pack_writer *w, const char *device, const char *point, const struct sample *s);
/* Adds a record with a string value: events, results, descriptions. n is the SenML name. */
int pack_add_string(struct pack_writer *w, const char *n, struct clk_utc at, const char *vs);
/* Closes the array; returns the length, or ERR_INVALID for a pack without a record. */
int64_t pack_end(struct pack_writer *w);

/* A gap record: packs that are gone, and why. One record of a PACK_GAP pack:
 *   {"n":"gap","vs":"evicted","lost":"{epoch}","from":"5","to":"9","first":s,"last":s,"count":"120"}
 */
struct pack_gap {
    uint64_t epoch, from, to;   /* packs of that epoch, inclusive */
    const char *cause;          /* "evicted" "corrupt" "erased" or another name; borrowed */
    struct clk_utc first, last; /* of the samples in them; ms 0 when not known */
    uint64_t count;             /* samples lost; 0 when it could not be known */
};
int pack_add_gap(struct pack_writer *w, const struct pack_gap *gap);

/* --- reading --- */

struct pack {
    struct pack_head head;
    struct json_doc *doc; /* owned; pack_free */
    const struct json *next;
    unsigned records;
    struct clk_utc latest; /* the newest time in it */
};

struct pack_record {
    char device[NAME_SIZE]; /* empty for records not about a point (gap) */
    char point[NAME_SIZE];  /* empty when n is the device alone */
    struct clk_utc at;
    enum quality quality;
    enum cause cause;
    uint8_t exception;
    enum value_type type; /* VALUE_NONE for a bad sample */
    double number;
    bool boolean;
    const char *string;     /* borrowed from the pack */
    const struct json *raw; /* the record itself, for gap fields */
};

/* Checks the whole pack, all records included. On failure out->head holds what could be read: epoch
 * and seq are 0 when unknown. `gateway` is the name the topic allows: another in bn is ERR_DENIED.
 * The reason is always shorter than PACK_REASON_SIZE. Fields RFC 8428 lets a reader ignore are
 * ignored; those it makes a reader understand are refused. */
int pack_parse(const char *body, size_t len, const char *gateway, struct pack *out, struct err *e);
void pack_free(struct pack *p);
/* The next record: 1, or 0 at the end. */
int pack_next(struct pack *p, struct pack_record *r);
/* Back to the first record. */
void pack_rewind(struct pack *p);
/* Reads a record of a PACK_GAP pack; cause is borrowed from the pack. */
int pack_record_gap(const struct pack_record *r, struct pack_gap *gap);

#endif
