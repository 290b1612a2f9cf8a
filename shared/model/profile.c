#include "model/profile.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/json.h"
#include "model/profile_file.h"
#include "model/schema.h"

#define LABEL_SIZE  128
#define SOURCE_SIZE 384
#define NOTE_SIZE   320
#define NOTES_MAX   16
#define HEX_SIZE    19 /* "0x" and 16 digits */
#define STRING_REGS 31 /* of two characters */

_Static_assert(2 * STRING_REGS < VALUE_STRING_SIZE, "a value holds the longest string");

/* --- the file, as written --- */

struct note {
    char text[NOTE_SIZE];
};

struct pattern {
    char hex[HEX_SIZE];
};

struct file_point {
    char name[NAME_SIZE];
    char kind[NAME_SIZE];
    int table, type, order;
    int64_t address, count, repeat, stride, period_ms;
    double scale, offset;
    struct pattern *invalid;
    size_t invalid_count;
    bool writable;
    char readback[NAME_SIZE];
    char note[NOTE_SIZE];
};

struct file {
    char name[NAME_SIZE];
    char label[LABEL_SIZE];
    char source[SOURCE_SIZE];
    int confidence;
    struct note *notes;
    size_t note_count;
    struct {
        int64_t baud;
        int parity;
        int64_t stop_bits;
    } serial;
    int64_t turnaround_ms;
    struct file_point *points;
    size_t point_count;
};

static const char *const tables[] = {"coil", "discrete", "holding", "input", NULL};
static const char *const types[] = {"bit", "u16", "s16", "u32",    "s32", "u64",
                                    "s64", "f32", "f64", "string", NULL};
static const char *const orders[] = {"ABCD", "CDAB", "BADC", "DCBA", NULL};
static const char *const parities[] = {"none", "even", "odd", NULL};
static const char *const confidences[] = {"low", "medium", "medium-high", "high", NULL};

/* Registers of each type; 0: the file says. */
static const uint16_t widths[] = {1, 1, 1, 2, 2, 4, 4, 2, 4, 0};

static int check_kind(const void *member, struct err *e)
{
    if (kind_find(member))
        return 0;
    return err_set(e, ERR_INVALID, "\"%s\" is no known kind; shared/model/kind.c lists them",
                   (const char *)member);
}

static int check_scale(const void *member, struct err *e)
{
    double scale = *(const double *)member;
    return scale < 0 || scale > 0 ? 0 : err_set(e, ERR_INVALID, "0 would hide every value; use 1");
}

static int check_hex(const void *member, struct err *e)
{
    const char *text = member;
    size_t digits = strlen(text) > 2 ? strspn(text + 2, "0123456789abcdefABCDEF") : 0;
    if (digits && strncmp(text, "0x", 2) == 0 && text[2 + digits] == '\0')
        return 0;
    return err_set(e, ERR_INVALID, "\"%s\" is no raw pattern; write it like 0xFFFF", text);
}

#define AT(member)       .offset = offsetof(struct file, member)
#define POINT_AT(member) .offset = offsetof(struct file_point, member)

static const struct schema_field note_fields[] = {
    {.key = "", .type = SCHEMA_STRING, .size = NOTE_SIZE, .min = 1, .help = "a sentence"},
    SCHEMA_END};

static const struct schema_field pattern_fields[] = {{.key = "",
                                                      .type = SCHEMA_STRING,
                                                      .size = HEX_SIZE,
                                                      .check = check_hex,
                                                      .help = "a raw pattern like 0xFFFF"},
                                                     SCHEMA_END};

static const struct schema_field serial_fields[] = {
    {.key = "baud",
     .type = SCHEMA_INT,
     .min = 300,
     .max = 921600,
     .preset = "9600",
     .help = "bits a second"},
    {.key = "parity",
     .type = SCHEMA_ENUM,
     .offset = offsetof(struct file, serial.parity) - offsetof(struct file, serial),
     .words = parities,
     .preset = "\"none\"",
     .help = "parity bit"},
    {.key = "stop_bits",
     .type = SCHEMA_INT,
     .offset = offsetof(struct file, serial.stop_bits) - offsetof(struct file, serial),
     .min = 1,
     .max = 2,
     .preset = "1",
     .help = "stop bits"},
    SCHEMA_END};

static const struct schema_field point_fields[] = {
    {.key = "name",
     .type = SCHEMA_STRING,
     POINT_AT(name),
     .size = NAME_SIZE,
     .min = 1,
     .help = "the point's name (a-z, 0-9, -); with `repeat`, # stands for the number"},
    {.key = "kind",
     .type = SCHEMA_STRING,
     POINT_AT(kind),
     .size = NAME_SIZE,
     .min = 1,
     .check = check_kind,
     .help = "what is measured; unit and plausible range follow from it"},
    {.key = "table",
     .type = SCHEMA_ENUM,
     POINT_AT(table),
     .words = tables,
     .help = "where it is read: function code 1, 2, 3 or 4"},
    {.key = "address",
     .type = SCHEMA_INT,
     POINT_AT(address),
     .max = 65535,
     .help = "its first register or bit, counted from 0 as on the wire"},
    {.key = "type",
     .type = SCHEMA_ENUM,
     POINT_AT(type),
     .words = types,
     .help = "how the registers are to be read"},
    {.key = "count",
     .type = SCHEMA_INT,
     POINT_AT(count),
     .max = STRING_REGS,
     .preset = "0",
     .help = "registers of a string; other types know theirs"},
    {.key = "order",
     .type = SCHEMA_ENUM,
     POINT_AT(order),
     .words = orders,
     .preset = "\"ABCD\"",
     .help = "byte order, most significant A: CDAB swaps words, BADC bytes, DCBA both"},
    {.key = "scale",
     .type = SCHEMA_NUMBER,
     POINT_AT(scale),
     .preset = "1",
     .check = check_scale,
     .help = "value = raw * scale + offset, in the kind's unit"},
    {.key = "offset",
     .type = SCHEMA_NUMBER,
     POINT_AT(offset),
     .preset = "0",
     .help = "added after scaling, in the kind's unit"},
    {.key = "invalid",
     .type = SCHEMA_ARRAY,
     POINT_AT(invalid),
     .count_offset = offsetof(struct file_point, invalid_count),
     .size = sizeof(struct pattern),
     .max = POINT_INVALID_MAX,
     .preset = "[]",
     .fields = pattern_fields,
     .unique = "",
     .help = "raw patterns that mean no reading, most significant byte first"},
    {.key = "repeat",
     .type = SCHEMA_INT,
     POINT_AT(repeat),
     .min = 1,
     .max = PROFILE_POINTS_MAX,
     .preset = "1",
     .help = "a bank of equal points, numbered from 1"},
    {.key = "stride",
     .type = SCHEMA_INT,
     POINT_AT(stride),
     .max = 65535,
     .preset = "0",
     .help = "addresses from one point of a bank to the next; 0: no gap between them"},
    {.key = "period_ms",
     .type = SCHEMA_INT,
     POINT_AT(period_ms),
     .max = 86400000,
     .preset = "0",
     .help = "milliseconds between two readings; 0: as the device is configured"},
    {.key = "writable",
     .type = SCHEMA_BOOL,
     POINT_AT(writable),
     .preset = "false",
     .help = "a signed command may write it"},
    {.key = "readback",
     .type = SCHEMA_STRING,
     POINT_AT(readback),
     .size = NAME_SIZE,
     .preset = "\"\"",
     .help = "the point that shows what a write really did"},
    {.key = "note",
     .type = SCHEMA_STRING,
     POINT_AT(note),
     .size = NOTE_SIZE,
     .preset = "\"\"",
     .help = "what the next reader must know"},
    SCHEMA_END};

const struct schema_field profile_fields[] = {
    {.key = "name", .type = SCHEMA_NAME, AT(name), .help = "the profile's name, that of its file"},
    {.key = "label",
     .type = SCHEMA_STRING,
     AT(label),
     .size = LABEL_SIZE,
     .min = 1,
     .help = "maker, model and what it is"},
    {.key = "source",
     .type = SCHEMA_STRING,
     AT(source),
     .size = SOURCE_SIZE,
     .min = 1,
     .help = "where the register map comes from"},
    {.key = "confidence",
     .type = SCHEMA_ENUM,
     AT(confidence),
     .words = confidences,
     .help = "how far the map is proved; below high, check the first device by hand"},
    {.key = "notes",
     .type = SCHEMA_ARRAY,
     AT(notes),
     .count_offset = offsetof(struct file, note_count),
     .size = sizeof(struct note),
     .max = NOTES_MAX,
     .preset = "[]",
     .fields = note_fields,
     .help = "conflicts between sources, unknowns, traps"},
    {.key = "serial",
     .type = SCHEMA_OBJECT,
     AT(serial),
     .preset = "{}",
     .fields = serial_fields,
     .help = "line settings as delivered"},
    {.key = "turnaround_ms",
     .type = SCHEMA_INT,
     AT(turnaround_ms),
     .max = 10000,
     .preset = "100",
     .help = "longest time from the request's end to the reply's start, in milliseconds"},
    {.key = "points",
     .type = SCHEMA_ARRAY,
     AT(points),
     .count_offset = offsetof(struct file, point_count),
     .size = sizeof(struct file_point),
     .min = 1,
     .max = PROFILE_POINTS_MAX,
     .fields = point_fields,
     .unique = "name",
     .help = "what can be read"},
    SCHEMA_END};

/* --- from file to profile --- */

struct maker {
    const struct json_doc *doc;
    const struct file *file;
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

static bool is_bit_table(int table)
{
    return table == TABLE_COIL || table == TABLE_DISCRETE;
}

/* What one key alone cannot say. */
static int check_point(struct maker *m, size_t i)
{
    const struct file_point *f = &m->file->points[i];
    const struct kind *kind = kind_find(f->kind);
    if (is_bit_table(f->table + 1) != (f->type == TYPE_BIT))
        return refuse(m, i, "type", "%s does not stand in the %s table; %s", types[f->type],
                      tables[f->table],
                      f->type == TYPE_BIT ? "use coil or discrete" : "use holding or input");
    if ((kind->type == KIND_STRING) != (f->type == TYPE_STRING) ||
        (f->type == TYPE_BIT && kind->type != KIND_BOOL))
        return refuse(m, i, "type", "%s does not fit the kind %s, which is a %s", types[f->type],
                      kind->name, kind_type_name(kind->type));
    if ((f->type == TYPE_STRING) != (f->count > 0))
        return refuse(m, i, "count",
                      f->count ? "only a string has a count; remove it"
                               : "a string needs one: 1 to 31 registers");
    if (f->writable && f->table + 1 != TABLE_COIL && f->table + 1 != TABLE_HOLDING)
        return refuse(m, i, "writable", "the %s table cannot be written", tables[f->table]);
    if ((f->repeat > 1) != (strchr(f->name, '#') != NULL))
        return refuse(m, i, "name",
                      "a # stands in the name of a bank (repeat above 1), only there");
    return 0;
}

static int make_patterns(struct maker *m, size_t i, struct point *p)
{
    const struct file_point *f = &m->file->points[i];
    unsigned bits = p->count < 4 ? 16u * p->count : 64;
    for (size_t k = 0; k < f->invalid_count; k++) {
        uint64_t raw = strtoull(f->invalid[k].hex, NULL, 16);
        if (p->type == TYPE_BIT || p->type == TYPE_STRING || (bits < 64 && raw >> bits))
            return refuse(m, i, "invalid", "%s does not fit a %s", f->invalid[k].hex,
                          types[f->type]);
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

static int make_point(struct maker *m, size_t i, int64_t n)
{
    const struct file_point *f = &m->file->points[i];
    struct profile *profile = m->profile;
    struct point *p = &profile->points[profile->point_count];
    char name[NAME_SIZE + 8], readback[NAME_SIZE + 8];
    number_name(f->name, n, name);
    number_name(f->readback, n, readback);
    if (!name_valid(name))
        return refuse(m, i, "name", "\"%s\" is no name; use 1 to %d of a-z, 0-9 and -, no - first",
                      name, NAME_MAX_LEN);
    if (*readback && !name_valid(readback))
        return refuse(m, i, "readback", "\"%s\" is no point's name", readback);
    *p = (struct point){.kind = kind_find(f->kind),
                        .table = (enum point_table)(f->table + 1),
                        .type = (enum point_type)f->type,
                        .order = (enum point_order)f->order,
                        .scale = f->scale,
                        .offset = f->offset,
                        .period_ms = (uint32_t)f->period_ms,
                        .writable = f->writable};
    memcpy(p->name, name, NAME_SIZE);
    memcpy(p->readback, readback, NAME_SIZE);
    p->count = f->type == TYPE_STRING ? (uint16_t)f->count : widths[f->type];
    int64_t address = f->address + (n - 1) * (f->stride ? f->stride : p->count);
    if (address + p->count > 65536)
        return refuse(m, i, "address", "%s would end past 65535", name);
    p->address = (uint16_t)address;
    m->origin[profile->point_count++] = (uint16_t)i;
    return make_patterns(m, i, p);
}

static int make_points(struct maker *m)
{
    size_t total = 0;
    for (size_t i = 0; i < m->file->point_count; i++) {
        int rc = check_point(m, i);
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
        for (int64_t n = 1; n <= m->file->points[i].repeat; n++) {
            int rc = make_point(m, i, n);
            if (rc)
                return rc;
        }
    }
    return 0;
}

/* Points as they stand in the file: line numbers still mean something. */
static int check_relations(struct maker *m)
{
    assert(m->origin);
    const struct profile *profile = m->profile;
    for (size_t i = 0; i < profile->point_count; i++) {
        const struct point *p = &profile->points[i];
        if (*p->readback && !profile_find(profile, p->readback))
            return refuse(m, m->origin[i], "readback", "there is no point \"%s\"", p->readback);
        for (size_t j = 0; j < i; j++) {
            const struct point *q = &profile->points[j];
            if (strcmp(p->name, q->name) == 0)
                return refuse(m, m->origin[i], "name", "\"%s\" is also a point of points[%u]",
                              p->name, m->origin[j]);
            if (p->table == q->table && p->address < q->address + q->count &&
                q->address < p->address + p->count)
                return refuse(m, m->origin[i], "address", "%s and %s overlap at %u", p->name,
                              q->name, p->address > q->address ? p->address : q->address);
        }
    }
    return 0;
}

static int compare_points(const void *left, const void *right)
{
    const struct point *a = left, *b = right;
    if (a->table != b->table)
        return a->table < b->table ? -1 : 1;
    return (a->address > b->address) - (a->address < b->address);
}

static int make_profile(struct maker *m)
{
    static const char parity_letters[] = "NEO";
    const struct file *f = m->file;
    struct profile *p = m->profile;
    memcpy(p->name, f->name, NAME_SIZE);
    p->label = strdup(f->label);
    p->source = strdup(f->source);
    p->confidence = strdup(confidences[f->confidence]);
    if (!p->label || !p->source || !p->confidence)
        return err_set(m->e, ERR_NOMEM, "no memory for a profile");
    p->serial.baud = (uint32_t)f->serial.baud;
    p->serial.parity = parity_letters[f->serial.parity];
    p->serial.stop_bits = (uint8_t)f->serial.stop_bits;
    p->turnaround_ms = (uint32_t)f->turnaround_ms;
    int rc = make_points(m);
    if (rc == 0)
        rc = check_relations(m);
    if (rc == 0)
        qsort(p->points, p->point_count, sizeof(*p->points), compare_points);
    return rc;
}

int profile_parse(const char *text, size_t len, struct profile **out, struct err *e)
{
    struct file file = {0};
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
    return tables[table - TABLE_COIL];
}

const struct point *profile_find(const struct profile *p, const char *name)
{
    for (size_t i = 0; i < p->point_count; i++)
        if (strcmp(p->points[i].name, name) == 0)
            return &p->points[i];
    return NULL;
}
