/*
 * A device's description: what the collector must know to interpret its samples. It travels as JSON
 * text in a PACK_DESCRIPTION record; its hash stands in the gateway's birth.
 *
 *   {"device":"air-1","profile":"renke-rs-fsxcs","points":[
 *     {"name":"pm2-5","kind":"pm2_5","unit":"ug/m3","type":"number","period_ms":1000}, …]}
 *
 * Written without allocation. A parsed description owns its points; free with description_free.
 * Unknown members are ignored, so that a newer gateway may say more; a kind this build does not
 * know is kept as text, with the unit and type the gateway gave.
 */
#ifndef MODEL_DESCRIPTION_H
#define MODEL_DESCRIPTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/hash64.h"
#include "model/kind.h"
#include "model/name.h"
#include "model/profile.h"

#define DESCRIPTION_SIZE_MAX  49152 /* so that it fits a pack after its quotes are escaped */
#define DESCRIPTION_UNIT_SIZE 16

struct description_point {
    char name[NAME_SIZE];
    char kind[NAME_SIZE];
    char unit[DESCRIPTION_UNIT_SIZE];
    enum kind_type type;
    uint32_t period_ms; /* how often it is read */
    double wrap;        /* counters: where the register starts again at 0, in unit; 0: unknown */
};

struct description {
    char device[NAME_SIZE];
    char profile[NAME_SIZE];
    size_t point_count;
    struct description_point *points;
};

/* Writing: begin, one add a point, end. Check out->overflow at the end. */
void description_begin(struct buf *out, const char *device, const char *profile);
void description_add(struct buf *out, const struct point *p, uint32_t period_ms);
void description_end(struct buf *out);

/* ERR_INVALID (the text says which member), ERR_LIMIT or ERR_NOMEM. *d is filled on success only.
 */
int description_parse(const char *text, size_t len, struct description *d, struct err *e);
void description_free(struct description *d); /* a zeroed one is fine */
/* The hash of a description's text. */
void description_hash(const char *text, size_t len, char hash[HASH64_TEXT_SIZE]);

#endif
