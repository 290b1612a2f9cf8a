#include "model/profile.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/json.h"
#include "model/profile_file.h"
#include "model/schema.h"

#define REGISTERS_MAX 125 /* of one read, Modbus Application Protocol V1.1b3, 6.3 */

_Static_assert(2 * PROFILE_STRING_REGS < VALUE_STRING_SIZE, "a value holds the longest string");
_Static_assert(2 * PROFILE_SLOTS_MAX <= REGISTERS_MAX, "all floats of a map come in one read");

struct maker {
    const struct json_doc *doc;
    const struct profile_file *file;
    struct profile *profile;
    uint16_t *origin; /* of each profile point: its index in the file */
    struct err *e;
};

__attribute__((format(printf, 4, 5))) static int refuse(struct maker *m, size_t point,
                                                        const char *key, const char *fmt, ...)
{
    char path[64], why[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    snprintf(path, sizeof(path), "points[%zu].%s", point, key);
    return schema_refuse(m->doc, path, m->e, "%s", why);
}

static enum point_table table_of(int word)
{
    return (enum point_table)(word + TABLE_COIL);
}

static bool is_bit_table(enum point_table table)
{
    return table == TABLE_COIL || table == TABLE_DISCRETE;
}

/* Two stretches of one table share an address. */
static bool meet(int64_t a, int64_t a_count, int64_t b, int64_t b_count)
{
    return a < b + b_count && b < a + a_count;
}

/* --- what one key alone cannot say --- */

static int check_type(struct maker *m, size_t i)
{
    const struct profile_file_point *f = &m->file->points[i];
    const struct kind *kind = kind_find(f->kind);
    const char *type = profile_types[f->type];
    bool bits = is_bit_table(table_of(f->table));
    if (bits && f->type != TYPE_BIT)
        return refuse(m, i, "type", "%s does not stand in the %s table; use holding or input", type,
                      profile_tables[f->table]);
    if ((kind->type == KIND_STRING) != (f->type == TYPE_STRING) ||
        (f->type == TYPE_BIT && kind->type != KIND_BOOL))
        return refuse(m, i, "type", "%s does not fit the kind %s, which is a %s", type, kind->name,
                      kind_type_name(kind->type));
    if ((f->type == TYPE_STRING) != (f->count > 0))
        return refuse(m, i, "count",
                      f->count ? "only a string has a count; remove it"
                               : "a string needs one: 1 to 31 registers");
    if (f->has_bit && (bits || f->type != TYPE_BIT))
        return refuse(m, i, "bit", "only the type bit in a register has one; remove it");
    if (f->type == TYPE_BIT && !bits && !f->has_bit)
        return refuse(m, i, "bit", "is missing; a bit in a register needs one, 0 to 15");
    if (f->type == TYPE_BIT && f->order != ORDER_ABCD)
        return refuse(m, i, "order", "a bit has none; give its number in the register as it comes");
    return 0;
}

static int check_place(struct maker *m, size_t i)
{
    const struct profile_file_point *f = &m->file->points[i];
    const struct profile_file_map *map = &m->file->map;
    if (f->has_address == f->has_code)
        return refuse(m, i, "address",
                      f->has_code ? "a point with a code stands where the map says; remove one"
                                  : "is missing; give its first register or bit, or a code");
    if (!f->has_code)
        return 0;
    if (!m->file->has_map)
        return refuse(m, i, "code", "the profile has no map that codes stand in");
    if (f->table != map->table)
        return refuse(m, i, "table", "the map stands in the %s table", profile_tables[map->table]);
    if (f->type == TYPE_BIT || f->type == TYPE_STRING)
        return refuse(m, i, "type", "a slot of the map holds a number, no %s",
                      profile_types[f->type]);
    if (point_type_width((enum point_type)f->type) > map->stride)
        return refuse(m, i, "type", "%s is wider than a slot of the map, which has %d registers",
                      profile_types[f->type], (int)map->stride);
    if (f->writable)
        return refuse(m, i, "writable", "a slot of the map may hold something else tomorrow");
    if (f->repeat > 1)
        return refuse(m, i, "repeat", "a code stands for one point; remove one");
    return 0;
}

static int check_bank(struct maker *m, size_t i)
{
    const struct profile_file_point *f = &m->file->points[i];
    if ((f->repeat > 1) != (strchr(f->name, '#') != NULL))
        return refuse(m, i, "name",
                      "a # stands in the name of a bank (repeat above 1), only there");
    if (f->has_stride && f->repeat == 1)
        return refuse(m, i, "stride", "belongs to a bank (repeat above 1); remove it");
    return 0;
}

/* Whether a write with this function reaches the point. */
static bool function_fits(const struct point *p, int64_t function)
{
    if (p->table == TABLE_COIL)
        return function == 5 || function == 15;
    if (p->type == TYPE_BIT)
        return function == 22;
    return (function == 6 && p->count == 1) || function == 16 || function == 23;
}

static const char *functions_for(const struct point *p)
{
    if (p->table == TABLE_COIL)
        return "5 or 15";
    if (p->type == TYPE_BIT)
        return "22, which leaves its neighbours alone";
    return p->count == 1 ? "6, 16 or 23" : "16 or 23";
}

static int make_write(struct maker *m, size_t i, struct point *p)
{
    const struct profile_file_point *f = &m->file->points[i];
    if (!f->writable) {
        const char *key = f->has_write_function  ? "write_function"
                          : f->has_write_address ? "write_address"
                          : f->write_only        ? "write_only"
                                                 : NULL;
        return key ? refuse(m, i, key, "belongs to a writable point; set writable") : 0;
    }
    if (p->table != TABLE_COIL && p->table != TABLE_HOLDING)
        return refuse(m, i, "writable", "the %s table cannot be written",
                      point_table_name(p->table));
    int64_t usual = p->table == TABLE_COIL ? 5 : p->type == TYPE_BIT ? 22 : p->count == 1 ? 6 : 16;
    p->write_function = (uint8_t)(f->has_write_function ? f->write_function : usual);
    if (!function_fits(p, p->write_function))
        return refuse(m, i, "write_function", "%u does not write a %s in the %s table; use %s",
                      p->write_function, point_type_name(p->type), point_table_name(p->table),
                      functions_for(p));
    int64_t apart = f->has_write_address ? f->write_address - f->address : 0;
    if (p->address + apart < 0 || p->address + apart + p->count > 65536)
        return refuse(m, i, "write_address", "it would end past 65535");
    p->write_address = (uint16_t)(p->address + apart);
    p->write_only = f->write_only;
    if (p->write_only && (!*p->readback || strcmp(p->readback, p->name) == 0))
        return refuse(m, i, "readback",
                      "is missing; what cannot be read needs another point that shows its effect");
    return 0;
}

static int make_wrap(struct maker *m, size_t i, struct point *p)
{
    const struct profile_file_point *f = &m->file->points[i];
    if (!f->has_wrap)
        return 0;
    if (p->kind->type != KIND_COUNTER)
        return refuse(m, i, "wrap", "%s is no counter; remove it", p->kind->name);
    double end = point_wrap(p);
    if (!(f->wrap > 0) || (end > 0 && f->wrap > end))
        return refuse(m, i, "wrap", "%g is never reached; a %s here counts to %g", f->wrap,
                      point_type_name(p->type), end > 0 ? end : (double)INFINITY);
    p->wrap = f->wrap;
    return 0;
}

static int make_patterns(struct maker *m, size_t i, struct point *p)
{
    const struct profile_file_point *f = &m->file->points[i];
    for (size_t k = 0; k < f->invalid_count; k++) {
        uint64_t raw = strtoull(f->invalid[k].hex, NULL, 16);
        if (!point_pattern_fits(p, raw))
            return refuse(m, i, "invalid", "%s does not fit a %s", f->invalid[k].hex,
                          point_type_name(p->type));
        p->invalid[k] = raw;
    }
    p->invalid_count = (unsigned)f->invalid_count;
    return 0;
}

/* Puts number n where the # stands. */
static void number_name(const char *pattern, int64_t n, char name[NAME_SIZE + 8])
{
    const char *mark = strchr(pattern, '#');
    if (mark)
        snprintf(name, NAME_SIZE + 8, "%.*s%d%s", (int)(mark - pattern), pattern, (int)n, mark + 1);
    else
        snprintf(name, NAME_SIZE + 8, "%s", pattern);
}

/* Names of the n-th point of a bank, n from 0. */
static int make_names(struct maker *m, size_t i, int64_t n, struct point *p)
{
    const struct profile_file_point *f = &m->file->points[i];
    char name[NAME_SIZE + 8], readback[NAME_SIZE + 8];
    number_name(f->name, f->first + n, name);
    number_name(f->readback, f->first + n, readback);
    if (!name_valid(name))
        return refuse(m, i, "name", "\"%s\" is no name; use 1 to %d of a-z, 0-9 and -, no - first",
                      name, NAME_MAX_LEN);
    if (*readback && !name_valid(readback))
        return refuse(m, i, "readback", "\"%s\" is no point's name", readback);
    memcpy(p->name, name, NAME_SIZE);
    memcpy(p->readback, readback, NAME_SIZE);
    return 0;
}

/* Where the n-th point of a bank stands. The bits of a register count on into the next one. */
static int make_place(struct maker *m, size_t i, int64_t n, struct point *p)
{
    const struct profile_file_point *f = &m->file->points[i];
    if (f->has_code) {
        p->code = (uint16_t)f->code;
        p->address = m->profile->map.values;
        p->count = (uint16_t)(m->profile->map.slots * m->profile->map.stride);
        return 0;
    }
    int64_t address = f->address + n * (f->has_stride ? f->stride : p->count);
    if (f->has_bit && !f->has_stride) {
        address = f->address + (f->bit + n) / 16;
        p->bit = (uint8_t)((f->bit + n) % 16);
    }
    if (address + p->count > 65536)
        return refuse(m, i, "address", "%s would end past 65535", p->name);
    p->address = (uint16_t)address;
    return 0;
}

static int make_point(struct maker *m, size_t i, int64_t n)
{
    const struct profile_file_point *f = &m->file->points[i];
    struct point *p = &m->profile->points[m->profile->point_count];
    *p = (struct point){.kind = kind_find(f->kind),
                        .table = table_of(f->table),
                        .type = (enum point_type)f->type,
                        .order = (enum point_order)f->order,
                        .scale = f->scale,
                        .offset = f->offset,
                        .bit = (uint8_t)f->bit,
                        .period_ms = (uint32_t)f->period_ms,
                        .writable = f->writable};
    p->count = f->type == TYPE_STRING ? (uint16_t)f->count : point_type_width(p->type);
    m->origin[m->profile->point_count++] = (uint16_t)i;
    int rc = make_names(m, i, n, p);
    if (rc == 0)
        rc = make_place(m, i, n, p);
    if (rc == 0)
        rc = make_write(m, i, p);
    if (rc == 0)
        rc = make_wrap(m, i, p);
    return rc ? rc : make_patterns(m, i, p);
}

static int make_points(struct maker *m)
{
    size_t total = 0;
    for (size_t i = 0; i < m->file->point_count; i++) {
        int rc = check_type(m, i);
        if (rc == 0)
            rc = check_place(m, i);
        if (rc == 0)
            rc = check_bank(m, i);
        if (rc)
            return rc;
        total += (size_t)m->file->points[i].repeat;
    }
    if (total > PROFILE_POINTS_MAX)
        return schema_refuse(m->doc, "points", m->e, "%zu points with their banks; at most %d",
                             total, PROFILE_POINTS_MAX);
    assert(total > 0);
    m->profile->points = calloc(total, sizeof(*m->profile->points));
    m->origin = calloc(total, sizeof(*m->origin));
    if (!m->profile->points || !m->origin)
        return err_set(m->e, ERR_NOMEM, "no memory for %zu points", total);
    for (size_t i = 0; i < m->file->point_count; i++) {
        for (int64_t n = 0; n < m->file->points[i].repeat; n++) {
            int rc = make_point(m, i, n);
            if (rc)
                return rc;
        }
    }
    return 0;
}

/* --- blocks and the dynamic map --- */

static int make_blocks(struct maker *m)
{
    char path[32];
    for (size_t i = 0; i < m->file->block_count; i++) {
        const struct profile_file_block *f = &m->file->blocks[i];
        snprintf(path, sizeof(path), "blocks[%zu].count", i);
        if (f->address + f->count > 65536)
            return schema_refuse(m->doc, path, m->e, "the block would end past 65535");
        for (size_t j = 0; j < i; j++) {
            const struct profile_file_block *g = &m->file->blocks[j];
            if (f->table == g->table && meet(f->address, f->count, g->address, g->count))
                return schema_refuse(m->doc, path, m->e, "the block overlaps blocks[%zu]", j);
        }
        m->profile->blocks[i] =
            (struct profile_block){table_of(f->table), (uint16_t)f->address, (uint32_t)f->count};
    }
    m->profile->block_count = m->file->block_count;
    return 0;
}

static int make_map(struct maker *m)
{
    const struct profile_file_map *f = &m->file->map;
    if (!m->file->has_map)
        return 0;
    int64_t span = f->slots * f->stride;
    if (is_bit_table(table_of(f->table)))
        return schema_refuse(m->doc, "map.table", m->e, "a map stands in holding or input");
    if (span > REGISTERS_MAX)
        return schema_refuse(m->doc, "map.slots", m->e,
                             "%d slots of %d registers do not come in one read of %d",
                             (int)f->slots, (int)f->stride, REGISTERS_MAX);
    if (f->codes + f->slots > 65536 || f->values + span > 65536 ||
        (f->has_status && f->status + f->slots > 65536))
        return schema_refuse(m->doc, "map.slots", m->e, "the map would end past 65535");
    if (meet(f->codes, f->slots, f->values, span) ||
        (f->has_status && (meet(f->status, f->slots, f->values, span) ||
                           meet(f->status, f->slots, f->codes, f->slots))))
        return schema_refuse(m->doc, "map.values", m->e, "codes, status and values overlap");
    m->profile->map = (struct profile_map){.table = table_of(f->table),
                                           .codes = (uint16_t)f->codes,
                                           .values = (uint16_t)f->values,
                                           .status = (uint16_t)f->status,
                                           .has_status = f->has_status,
                                           .slots = (uint16_t)f->slots,
                                           .stride = (uint16_t)f->stride,
                                           .period_ms = (uint32_t)f->period_ms};
    return 0;
}

/* --- points as they stand in the file: line numbers still mean something --- */

static int check_readback(struct maker *m, size_t i)
{
    const struct point *p = &m->profile->points[i];
    if (!*p->readback)
        return 0;
    const struct point *shown = profile_find(m->profile, p->readback);
    if (!shown)
        return refuse(m, m->origin[i], "readback", "there is no point \"%s\"", p->readback);
    if (shown->write_only)
        return refuse(m, m->origin[i], "readback", "%s cannot be read either", p->readback);
    if (shown->code)
        return refuse(m, m->origin[i], "readback", "%s stands in the map, today here, then there",
                      p->readback);
    return 0;
}

/* A bit shares its register; slots of a map may hold any of its points; what is only written does
 * not meet what is read. */
static bool may_overlap(const struct point *p, const struct point *q)
{
    bool apart = p->type == TYPE_BIT && q->type == TYPE_BIT && p->bit != q->bit;
    return apart || (p->type == TYPE_BIT) != (q->type == TYPE_BIT) || (p->code && q->code) ||
           p->write_only != q->write_only;
}

static int check_pair(struct maker *m, size_t i, size_t j)
{
    const struct point *p = &m->profile->points[i], *q = &m->profile->points[j];
    if (strcmp(p->name, q->name) == 0)
        return refuse(m, m->origin[i], "name", "\"%s\" is also a point of points[%u]", p->name,
                      m->origin[j]);
    if (p->code && p->code == q->code)
        return refuse(m, m->origin[i], "code", "%s has %u too", q->name, p->code);
    if (p->table == q->table && meet(p->address, p->count, q->address, q->count) &&
        !may_overlap(p, q))
        return refuse(m, m->origin[i], p->code ? "code" : "address", "%s and %s overlap at %u",
                      p->name, q->name, p->address > q->address ? p->address : q->address);
    return 0;
}

/* Where a table has blocks, a point outside them or across a border is one that no read answers. */
static int check_block(struct maker *m, size_t i)
{
    const struct profile *profile = m->profile;
    const struct point *p = &profile->points[i];
    bool any = false, inside = false;
    for (size_t k = 0; k < profile->block_count; k++) {
        const struct profile_block *b = &profile->blocks[k];
        if (b->table != p->table)
            continue;
        any = true;
        inside |= p->address >= b->address && p->address + p->count <= b->address + b->count;
    }
    if (!any || inside || p->write_only)
        return 0;
    return refuse(m, m->origin[i], p->code ? "code" : "address",
                  "%s (%u to %u) lies in no block of the %s table", p->name, p->address,
                  p->address + p->count - 1u, point_table_name(p->table));
}

static int check_relations(struct maker *m)
{
    assert(m->origin);
    bool coded = false;
    for (size_t i = 0; i < m->profile->point_count; i++) {
        int rc = check_readback(m, i);
        for (size_t j = 0; rc == 0 && j < i; j++)
            rc = check_pair(m, i, j);
        if (rc == 0)
            rc = check_block(m, i);
        if (rc)
            return rc;
        coded |= m->profile->points[i].code != 0;
    }
    if (m->file->has_map && !coded)
        return schema_refuse(m->doc, "map", m->e, "no point has a code to be found by; remove it");
    return 0;
}

/* By table and address; whole registers before their bits, points of a map by their codes. */
static int compare_points(const void *left, const void *right)
{
    const struct point *a = left, *b = right;
    if (a->table != b->table)
        return a->table < b->table ? -1 : 1;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    if ((a->type == TYPE_BIT) != (b->type == TYPE_BIT))
        return b->type == TYPE_BIT ? -1 : 1;
    if (a->bit != b->bit)
        return a->bit < b->bit ? -1 : 1;
    if (a->code != b->code)
        return a->code < b->code ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int make_profile(struct maker *m)
{
    static const char parity_letters[] = "NEO";
    const struct profile_file *f = m->file;
    struct profile *p = m->profile;
    memcpy(p->name, f->name, NAME_SIZE);
    p->label = strdup(f->label);
    p->source = strdup(f->source);
    p->confidence = strdup(profile_confidences[f->confidence]);
    if (!p->label || !p->source || !p->confidence)
        return err_set(m->e, ERR_NOMEM, "no memory for a profile");
    p->serial.baud = (uint32_t)f->serial.baud;
    p->serial.parity = parity_letters[f->serial.parity];
    p->serial.stop_bits = (uint8_t)f->serial.stop_bits;
    p->turnaround_ms = (uint32_t)f->turnaround_ms;
    p->ours = f->ours;
    int rc = make_blocks(m);
    if (rc == 0)
        rc = make_map(m);
    if (rc == 0)
        rc = make_points(m);
    if (rc == 0)
        rc = check_relations(m);
    if (rc == 0)
        qsort(p->points, p->point_count, sizeof(*p->points), compare_points);
    return rc;
}

int profile_parse(const char *text, size_t len, struct profile **out, struct err *e)
{
    struct profile_file file = {0};
    struct json_doc *doc = NULL;
    struct maker m = {.file = &file, .e = e};
    *out = NULL;
    int rc = json_parse(text, len, PROFILE_FILE_MAX, JSON_COMMENTS | JSON_LINES, &doc, e);
    if (rc)
        return rc;
    rc = schema_read(profile_fields, doc, json_root(doc), &file, e);
    if (rc)
        goto out;
    m.doc = doc;
    m.profile = calloc(1, sizeof(*m.profile));
    rc = m.profile ? make_profile(&m) : err_set(e, ERR_NOMEM, "no memory for a profile");
    if (rc == 0)
        *out = m.profile;
    else
        profile_free(m.profile);
    free(m.origin);
    schema_free(profile_fields, &file);
out:
    json_free(doc);
    return rc;
}

struct profile *profile_copy(const struct profile *p)
{
    struct profile *copy = calloc(1, sizeof(*copy));
    if (!copy)
        return NULL;
    *copy = *p;
    copy->label = strdup(p->label);
    copy->source = strdup(p->source);
    copy->confidence = strdup(p->confidence);
    copy->points = calloc(p->point_count, sizeof(*p->points));
    if (!copy->label || !copy->source || !copy->confidence || !copy->points) {
        profile_free(copy);
        return NULL;
    }
    memcpy(copy->points, p->points, p->point_count * sizeof(*p->points));
    return copy;
}

void profile_free(struct profile *p)
{
    if (!p)
        return;
    free(p->label);
    free(p->source);
    free(p->confidence);
    free(p->points);
    free(p);
}

const char *point_table_name(enum point_table table)
{
    return profile_tables[table - TABLE_COIL];
}

const char *point_type_name(enum point_type type)
{
    return profile_types[type];
}

const char *point_order_name(enum point_order order)
{
    return profile_orders[order];
}

const struct point *profile_find(const struct profile *p, const char *name)
{
    for (size_t i = 0; i < p->point_count; i++)
        if (strcmp(p->points[i].name, name) == 0)
            return &p->points[i];
    return NULL;
}
