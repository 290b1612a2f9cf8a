/* Where a slave's points stand: its four tables, read and written. */
#include <string.h>

#include "boards/emulator/pdu.h"
#include "boards/emulator/registers.h"
#include "boards/emulator/slave_inside.h"

struct span {
    enum point_table table;
    unsigned from, count;
};

static bool is_bits(enum point_table table)
{
    return table == TABLE_COIL || table == TABLE_DISCRETE;
}

static unsigned width_of(const struct point *p)
{
    return is_bits(p->table) || p->count == 0 ? 1 : p->count;
}

/* --- which requests the device answers --- */

/* What of the span the device has, and the whole stretch its table covers. */
struct cover {
    const struct span *span;
    unsigned low, high;
    bool known[PDU_READ_BITS_MAX];
};

static void mark(struct cover *c, unsigned from, unsigned count)
{
    c->low = from < c->low ? from : c->low;
    c->high = from + count > c->high ? from + count : c->high;
    for (unsigned at = from; at < from + count; at++)
        if (at >= c->span->from && at < c->span->from + c->span->count)
            c->known[at - c->span->from] = true;
}

static void mark_points(const struct slave *s, struct cover *c)
{
    const struct profile *profile = s->options.profile;
    const struct profile_map *map = &profile->map;
    for (size_t i = 0; i < profile->point_count; i++) {
        const struct point *p = &profile->points[i];
        if (p->table == c->span->table && !p->write_only)
            mark(c, p->address, width_of(p));
    }
    if (map->slots == 0 || map->table != c->span->table)
        return;
    mark(c, map->codes, map->slots);
    if (map->has_status)
        mark(c, map->status, map->slots);
}

/* A device that answers in blocks refuses what leaves one. */
static bool in_one_block(const struct slave *s, const struct span *span)
{
    const struct profile *profile = s->options.profile;
    bool any = false;
    for (size_t i = 0; i < profile->block_count; i++) {
        const struct profile_block *b = &profile->blocks[i];
        if (b->table != span->table)
            continue;
        any = true;
        if (span->from >= b->address && span->from + span->count <= b->address + b->count)
            return true;
    }
    return !any;
}

static bool is_write_only(const struct slave *s, enum point_table table, unsigned address)
{
    const struct profile *profile = s->options.profile;
    for (size_t i = 0; i < profile->point_count; i++) {
        const struct point *p = &profile->points[i];
        if (p->write_only && p->table == table && address >= p->write_address &&
            address < p->write_address + width_of(p))
            return true;
    }
    return false;
}

static bool covers(const struct slave *s, const struct span *span)
{
    struct cover c = {.span = span, .low = UINT16_MAX + 1};
    mark_points(s, &c);
    if (!in_one_block(s, span) || span->from < c.low || span->from + span->count > c.high)
        return false;
    for (unsigned i = 0; i < span->count; i++)
        if (!c.known[i] &&
            (s->options.gaps == SLAVE_GAPS_REFUSE || is_write_only(s, span->table, span->from + i)))
            return false;
    return true;
}

/* --- reading --- */

static void put_point(struct slave *s, size_t i, bool whole, int64_t local_ms, uint16_t *regs)
{
    const struct point *p = &s->options.profile->points[i];
    if (p->type == TYPE_STRING)
        registers_put_string(p, slave_shown_text(s, i, local_ms), regs);
    else
        registers_put(p, slave_sample(s, i, whole, local_ms), regs);
}

/* Puts one register of a point among those asked for; a bit leaves its neighbours alone. */
static void overlay(const struct point *p, uint16_t own, uint16_t *reg)
{
    if (p->type == TYPE_BIT && !is_bits(p->table))
        *reg = (uint16_t)((*reg & ~(1u << p->bit)) | (unsigned)(own & 1) << p->bit);
    else
        *reg = own;
}

static void note(struct slave_reply *reply, size_t point, uint64_t raw)
{
    reply->readings[reply->reading_count++] = (struct slave_reading){(uint16_t)point, raw};
}

/* What a whole point inside the reply says there: a bit may have changed a register that another
 * point holds whole. */
static uint64_t raw_in(const struct point *p, const uint16_t *regs)
{
    if (p->type == TYPE_STRING)
        return 0;
    if (p->type == TYPE_BIT && !is_bits(p->table))
        return regs[0] >> p->bit & 1;
    return registers_get(p, regs);
}

static bool stands_in(const struct point *p, const struct span *span)
{
    return p->table == span->table && p->code == 0 && !p->write_only &&
           p->address + width_of(p) > span->from && p->address < span->from + span->count;
}

static bool is_whole(const struct point *p, const struct span *span)
{
    return p->address >= span->from && p->address + width_of(p) <= span->from + span->count;
}

/* The profile's order puts whole registers before their bits. */
static void read_points(struct slave *s, const struct span *span, int64_t local_ms, uint16_t *regs,
                        struct slave_reply *reply)
{
    const struct profile *profile = s->options.profile;
    for (size_t i = 0; i < profile->point_count; i++) {
        const struct point *p = &profile->points[i];
        uint16_t own[POINT_REGS_MAX] = {0};
        if (!stands_in(p, span))
            continue;
        put_point(s, i, is_whole(p, span), local_ms, own);
        for (unsigned k = 0; k < width_of(p); k++)
            if (p->address + k >= span->from && p->address + k < span->from + span->count)
                overlay(p, own[k], &regs[p->address + k - span->from]);
    }
    for (size_t i = 0; i < profile->point_count; i++) {
        const struct point *p = &profile->points[i];
        if (stands_in(p, span) && is_whole(p, span))
            note(reply, i, raw_in(p, regs + (p->address - span->from)));
    }
}

/* --- the dynamic map --- */

/* Which slot the n-th point with a code has. Sondes are fitted differently, so devices differ. */
static unsigned slot_of(const struct slave *s, unsigned n)
{
    unsigned first = (unsigned)(s->points[0].site.seed % s->options.profile->map.slots);
    return (first + s->remapped + n) % s->options.profile->map.slots;
}

static void put_at(const struct span *span, unsigned address, uint16_t word, uint16_t *regs)
{
    if (address >= span->from && address < span->from + span->count)
        regs[address - span->from] = word;
}

static void read_slot(struct slave *s, size_t i, unsigned slot, const struct span *span,
                      int64_t local_ms, uint16_t *regs, struct slave_reply *reply)
{
    const struct profile_map *map = &s->options.profile->map;
    const struct point *p = &s->options.profile->points[i];
    uint16_t own[4] = {0};
    unsigned words = registers_words(p->type), at = map->values + slot * map->stride;
    bool whole = at >= span->from && at + words <= span->from + span->count;
    bool available = !s->points[i].invalid;
    put_at(span, map->codes + slot, p->code, regs);
    if (map->has_status)
        put_at(span, map->status + slot, available ? SLAVE_SLOT_AVAILABLE : SLAVE_SLOT_MISSING,
               regs);
    if (at + words <= span->from || at >= span->from + span->count)
        return;
    put_point(s, i, whole, local_ms, own);
    for (unsigned k = 0; k < words; k++)
        put_at(span, at + k, own[k], regs);
    if (whole && (available || !map->has_status))
        note(reply, i, registers_get(p, own));
}

static void read_map(struct slave *s, const struct span *span, int64_t local_ms, uint16_t *regs,
                     struct slave_reply *reply)
{
    const struct profile *profile = s->options.profile;
    const struct profile_map *map = &profile->map;
    unsigned n = 0;
    if (map->slots == 0 || map->table != span->table)
        return;
    for (unsigned slot = 0; map->has_status && slot < map->slots; slot++)
        put_at(span, map->status + slot, SLAVE_SLOT_UNSET, regs);
    for (size_t i = 0; i < profile->point_count && n < map->slots; i++)
        if (profile->points[i].code)
            read_slot(s, i, slot_of(s, n++), span, local_ms, regs, reply);
}

static int answer_read(struct slave *s, const struct pdu_request *r, const struct span *span,
                       int64_t local_ms, struct slave_reply *reply)
{
    uint16_t regs[PDU_READ_BITS_MAX] = {0};
    bool bits[PDU_READ_BITS_MAX];
    read_points(s, span, local_ms, regs, reply);
    read_map(s, span, local_ms, regs, reply);
    if (!is_bits(span->table)) {
        reply->pdu_len = pdu_reply_registers(r, span->count, regs, reply->pdu);
        return 0;
    }
    for (unsigned i = 0; i < span->count; i++)
        bits[i] = regs[i] != 0;
    reply->pdu_len = pdu_reply_bits(r, bits, reply->pdu);
    return 0;
}

/* --- writing --- */

static bool is_written_at(const struct point *p, enum point_table table, unsigned address)
{
    return p->writable && p->table == table && address >= p->write_address &&
           address < p->write_address + width_of(p);
}

static bool all_writable(const struct slave *s, const struct span *span)
{
    const struct profile *profile = s->options.profile;
    for (unsigned at = span->from; at < span->from + span->count; at++) {
        bool any = false;
        for (size_t i = 0; i < profile->point_count && !any; i++)
            any = is_written_at(&profile->points[i], span->table, at);
        if (!any)
            return false;
    }
    return true;
}

/* What a register that is written holds now, as the device last was told. */
static uint16_t commanded(struct slave *s, enum point_table table, unsigned address,
                          int64_t local_ms)
{
    const struct profile *profile = s->options.profile;
    uint16_t reg = 0;
    for (size_t i = 0; i < profile->point_count; i++) {
        const struct point *p = &profile->points[i];
        uint16_t own[POINT_REGS_MAX] = {0};
        if (!is_written_at(p, table, address))
            continue;
        if (p->type == TYPE_STRING)
            registers_put_string(p, s->points[i].text, own);
        else
            registers_put(p, slave_command(s, i, local_ms), own);
        overlay(p, own[address - p->write_address], &reg);
    }
    return reg;
}

/* Writes the words of the span that are the point's, all at once. */
static void write_point(struct slave *s, size_t i, const struct span *span, const uint16_t *words,
                        int64_t local_ms)
{
    const struct point *p = &s->options.profile->points[i];
    uint16_t own[POINT_REGS_MAX] = {0};
    bool touched = false;
    for (unsigned k = 0; k < width_of(p); k++) {
        unsigned at = p->write_address + k;
        bool inside = at >= span->from && at < span->from + span->count;
        own[k] = inside ? words[at - span->from] : commanded(s, p->table, at, local_ms);
        touched |= inside;
    }
    if (!touched)
        return;
    if (p->type == TYPE_STRING) {
        char text[2 * POINT_REGS_MAX + 1];
        registers_get_string(p, own, text);
        slave_write_text(s, i, text, local_ms);
    } else {
        slave_write_raw(s, i, raw_in(p, own), local_ms);
    }
}

static void write_span(struct slave *s, const struct span *span, const uint16_t *words,
                       int64_t local_ms)
{
    const struct profile *profile = s->options.profile;
    for (size_t i = 0; i < profile->point_count; i++)
        if (profile->points[i].writable && profile->points[i].table == span->table)
            write_point(s, i, span, words, local_ms);
}

/* --- requests --- */

static enum point_table table_of(const struct pdu_request *r)
{
    switch (r->function) {
    case PDU_READ_COILS:
    case PDU_WRITE_COIL:
    case PDU_WRITE_COILS:
        return TABLE_COIL;
    case PDU_READ_DISCRETE:
        return TABLE_DISCRETE;
    case PDU_READ_INPUT:
        return TABLE_INPUT;
    default:
        return TABLE_HOLDING;
    }
}

/* All addresses are checked before the first is written: a refused request changes nothing. */
int slave_table_answer(struct slave *s, const struct pdu_request *r, int64_t local_ms,
                       struct slave_reply *reply)
{
    struct span span = {table_of(r), r->address, r->count};
    struct span read = {TABLE_HOLDING, r->read_address, r->read_count};
    uint16_t words[PDU_WRITE_BITS_MAX];
    if (!pdu_is_write(r))
        return covers(s, &span) ? answer_read(s, r, &span, local_ms, reply) : PDU_ILLEGAL_ADDRESS;
    if (!all_writable(s, &span) || (r->function == PDU_READ_WRITE && !covers(s, &read)))
        return PDU_ILLEGAL_ADDRESS;
    for (unsigned i = 0; i < r->count; i++)
        words[i] = pdu_is_bits(r) ? pdu_bit(r, i) : pdu_register(r, i);
    if (r->function == PDU_MASK_WRITE)
        words[0] = (uint16_t)((commanded(s, span.table, span.from, local_ms) & r->and_mask) |
                              (r->or_mask & ~r->and_mask));
    write_span(s, &span, words, local_ms);
    if (r->function == PDU_READ_WRITE)
        return answer_read(s, r, &read, local_ms, reply);
    reply->pdu_len = pdu_reply_write(r, reply->pdu);
    return 0;
}
