#include "boards/emulator/slave.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "boards/emulator/pdu.h"
#include "boards/emulator/registers.h"

/* Unique values stay exact in a float32: whole numbers up to 2^23, and for floating-point types
 * that many steps of 1/1024. */
#define UNIQUE_MAX  (1 << 23)
#define UNIQUE_STEP (1.0 / 1024)

enum source { SOURCE_AUTO, SOURCE_FIXED };

struct slave_point {
    enum source source;
    bool answered;   /* raw has been sent once */
    uint64_t raw;    /* what it holds or answered last */
    double withheld; /* counters: what passed unseen while they were held */
    struct curve_site site;
    int leader;           /* the point whose contact this one reads back, or -1 */
    int64_t unique_first; /* the range unique values cycle through, in raw numbers or steps */
    uint64_t unique_span, unique_next;
    char text[2 * POINT_REGS_MAX + 1];
};

/* --- creation --- */

/* The raw numbers whose values are plausible and exact. */
static void unique_range(const struct point *p, struct slave_point *state)
{
    double step = registers_is_float(p->type) ? UNIQUE_STEP : 1;
    double a = (p->kind->min - p->offset) / p->scale / step;
    double b = (p->kind->max - p->offset) / p->scale / step;
    double low = fmax(ceil(fmin(a, b)), -UNIQUE_MAX);
    double high = fmin(floor(fmax(a, b)), UNIQUE_MAX);
    if (!registers_is_float(p->type)) {
        double numbers = registers_numbers(p->type) / (registers_is_signed(p->type) ? 2 : 1);
        low = fmax(low, registers_is_signed(p->type) ? -numbers : 0);
        high = fmin(high, numbers - 1);
    }
    state->unique_first = (int64_t)low;
    state->unique_span = high > low ? (uint64_t)(high - low) + 1 : 1;
    state->unique_next = state->site.seed % state->unique_span;
}

/* The point that is switched by writing and read back here, or -1. */
static int leader_of(const struct profile *profile, const char *name)
{
    for (size_t i = 0; i < profile->point_count; i++)
        if (profile->points[i].writable && strcmp(profile->points[i].readback, name) == 0)
            return (int)i;
    return -1;
}

static void point_init(struct slave *s, size_t i)
{
    const struct point *p = &s->options.profile->points[i];
    struct slave_point *state = &s->points[i];
    /* Nothing here feeds into the grid: what is exported stays at zero. */
    bool exported = strstr(p->name, "export") != NULL;
    state->site = (struct curve_site){
        .seed = curve_seed(s->options.seed, s->gateway, s->name, p->name),
        .load = s->options.load,
        .factor = exported ? 0 : s->options.factor,
    };
    state->leader = leader_of(s->options.profile, p->name);
    if (p->type != TYPE_STRING)
        unique_range(p, state);
}

int slave_init(struct slave *s, const struct slave_options *options, struct err *e)
{
    memset(s, 0, sizeof(*s));
    s->options = *options;
    snprintf(s->gateway, sizeof(s->gateway), "%s", options->gateway);
    snprintf(s->name, sizeof(s->name), "%s", options->name);
    rng_init(&s->rng, curve_seed(options->seed, s->gateway, s->name, ""));
    s->points = calloc(options->profile->point_count, sizeof(*s->points));
    if (!s->points)
        return err_set(e, ERR_NOMEM, "no memory for the points of %s", s->name);
    for (size_t i = 0; i < options->profile->point_count; i++)
        point_init(s, i);
    return 0;
}

void slave_finish(struct slave *s)
{
    free(s->points);
    s->points = NULL;
}

static int find_point(const struct slave *s, const char *name, struct err *e)
{
    const struct point *p = profile_find(s->options.profile, name);
    if (!p)
        return err_set(e, ERR_NOTFOUND, "%s/%s has no point \"%.40s\" (its profile is %s)",
                       s->gateway, s->name, name, s->options.profile->name);
    return (int)(p - s->options.profile->points);
}

int slave_feed_from(struct slave *s, const struct slave *relay, const char *point, struct err *e)
{
    int i = find_point(relay, point, e);
    if (i < 0)
        return i;
    if (relay->options.profile->points[i].type != TYPE_BIT)
        return err_set(e, ERR_INVALID, "%s/%s/%s is no contact", relay->gateway, relay->name,
                       point);
    s->feeder = relay;
    s->feeder_point = (size_t)i;
    return 0;
}

/* --- where values come from --- */

static bool is_load(const struct kind *kind)
{
    static const char *const loads[] = {
        "current",         "power",      "reactive_power", "apparent_power",
        "circuit_current", "lamp_state", "leakage",        NULL};
    for (size_t i = 0; loads[i]; i++)
        if (strcmp(loads[i], kind->name) == 0)
            return true;
    return false;
}

/* The value the curve gives now, as registers hold it. Counters wrap as the device's would. */
static uint64_t curve_raw(const struct point *p, const struct slave_point *state, int64_t local_ms)
{
    double value = curve_value(p->kind, &state->site, local_ms) - state->withheld;
    uint64_t raw = 0;
    if (registers_from_value(p, value, &raw, NULL) == 0)
        return raw;
    double numbers = registers_numbers(p->type) * p->scale;
    if (p->kind->type == KIND_COUNTER && registers_from_value(p, fmod(value, numbers), &raw, NULL))
        return 0;
    return raw;
}

static uint64_t leader_raw(const struct slave *s, size_t i, int64_t local_ms)
{
    const struct slave_point *state = &s->points[i];
    return state->source == SOURCE_AUTO ? curve_raw(&s->options.profile->points[i], state, local_ms)
                                        : state->raw;
}

static uint64_t day_raw(const struct slave *s, size_t i, int64_t local_ms)
{
    const struct point *p = &s->options.profile->points[i];
    const struct slave_point *state = &s->points[i];
    if (state->leader >= 0)
        return leader_raw(s, (size_t)state->leader, local_ms);
    uint64_t off = 0;
    if (s->feeder && is_load(p->kind) && leader_raw(s->feeder, s->feeder_point, local_ms) == 0 &&
        registers_from_value(p, 0, &off, NULL) == 0)
        return off;
    return curve_raw(p, state, local_ms);
}

static uint64_t unique_pattern(const struct point *p, struct slave_point *state)
{
    int64_t number = state->unique_first + (int64_t)(state->unique_next % state->unique_span);
    state->unique_next++;
    if (p->type == TYPE_BIT)
        return (uint64_t)number & 1;
    struct point raw_only = *p;
    raw_only.scale = 1;
    raw_only.offset = 0;
    uint64_t raw = 0;
    double v = (double)number * (registers_is_float(p->type) ? UNIQUE_STEP : 1);
    registers_from_value(&raw_only, v, &raw, NULL);
    return raw;
}

static uint64_t unique_raw(struct slave *s, size_t i)
{
    const struct point *p = &s->options.profile->points[i];
    struct slave_point *state = &s->points[i];
    if (state->leader >= 0 && s->points[state->leader].source == SOURCE_FIXED)
        return s->points[state->leader].raw;
    uint64_t raw = unique_pattern(p, state);
    for (unsigned tries = 0; registers_is_invalid(p, raw) && tries < POINT_INVALID_MAX; tries++)
        raw = unique_pattern(p, state);
    return raw;
}

/* The pattern point i answers now. Only a whole reading counts as one in unique mode. */
static uint64_t sample(struct slave *s, size_t i, bool whole, int64_t local_ms)
{
    struct slave_point *state = &s->points[i];
    bool frozen = state->source == SOURCE_FIXED ||
                  (state->answered &&
                   (s->fault.kind == FAULT_STUCK || (s->options.mode == SLAVE_UNIQUE && !whole)));
    if (!frozen)
        state->raw = s->options.mode == SLAVE_UNIQUE ? unique_raw(s, i) : day_raw(s, i, local_ms);
    state->answered = true;
    return state->raw;
}

/* --- reading --- */

static unsigned width_of(const struct point *p)
{
    return p->table <= TABLE_DISCRETE || p->count == 0 ? 1 : p->count;
}

static void put_point(struct slave *s, size_t i, bool whole, int64_t local_ms, uint16_t *regs)
{
    const struct point *p = &s->options.profile->points[i];
    if (p->type == TYPE_STRING)
        registers_put_string(p, s->points[i].text, regs);
    else
        registers_put(p, sample(s, i, whole, local_ms), regs);
}

/* Whether the request stays within the registers the device has. */
static bool covers(const struct slave *s, enum point_table table, unsigned from, unsigned count)
{
    const struct profile *profile = s->options.profile;
    unsigned low = UINT16_MAX + 1, high = 0, known = 0;
    for (size_t i = 0; i < profile->point_count; i++) {
        const struct point *p = &profile->points[i];
        if (p->table != table)
            continue;
        unsigned end = p->address + width_of(p);
        low = p->address < low ? p->address : low;
        high = end > high ? end : high;
        unsigned first = p->address > from ? p->address : from;
        unsigned last = end < from + count ? end : from + count;
        known += last > first ? last - first : 0;
    }
    if (s->options.gaps == SLAVE_GAPS_REFUSE)
        return known == count;
    return from >= low && from + count <= high;
}

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

/* Fills regs (one element a register or bit) and notes the whole points. */
static void read_table(struct slave *s, const struct pdu_request *r, int64_t local_ms,
                       uint16_t *regs, struct slave_reply *reply)
{
    const struct profile *profile = s->options.profile;
    unsigned from = r->address, to = from + r->count;
    for (size_t i = 0; i < profile->point_count; i++) {
        const struct point *p = &profile->points[i];
        unsigned end = p->address + width_of(p);
        if (p->table != table_of(r) || end <= from || p->address >= to)
            continue;
        bool whole = p->address >= from && end <= to;
        uint16_t own[POINT_REGS_MAX] = {0};
        put_point(s, i, whole, local_ms, own);
        for (unsigned at = p->address; at < end; at++)
            if (at >= from && at < to)
                regs[at - from] = own[at - p->address];
        if (whole)
            reply->readings[reply->reading_count++] =
                (struct slave_reading){(uint16_t)i, s->points[i].raw};
    }
}

static int answer_read(struct slave *s, const struct pdu_request *r, int64_t local_ms,
                       struct slave_reply *reply)
{
    if (!covers(s, table_of(r), r->address, r->count))
        return PDU_ILLEGAL_ADDRESS;
    uint16_t regs[PDU_READ_BITS_MAX] = {0};
    read_table(s, r, local_ms, regs, reply);
    if (!pdu_is_bits(r)) {
        reply->pdu_len = pdu_reply_registers(r, regs, reply->pdu);
        return 0;
    }
    bool bits[PDU_READ_BITS_MAX];
    for (unsigned i = 0; i < r->count; i++)
        bits[i] = regs[i] != 0;
    reply->pdu_len = pdu_reply_bits(r, bits, reply->pdu);
    return 0;
}

/* --- writing --- */

/* The writable point that holds address, or -1. */
static int writable_at(const struct slave *s, enum point_table table, unsigned address)
{
    const struct profile *profile = s->options.profile;
    for (size_t i = 0; i < profile->point_count; i++) {
        const struct point *p = &profile->points[i];
        if (p->table == table && p->writable && address >= p->address &&
            address < p->address + width_of(p))
            return (int)i;
    }
    return -1;
}

static void write_one(struct slave *s, size_t i, unsigned at, uint16_t word, int64_t local_ms)
{
    const struct point *p = &s->options.profile->points[i];
    struct slave_point *state = &s->points[i];
    uint16_t regs[POINT_REGS_MAX] = {0};
    put_point(s, i, false, local_ms, regs);
    regs[at] = word;
    if (p->type == TYPE_STRING)
        registers_get_string(p, regs, state->text);
    else
        state->raw = registers_get(p, regs);
    state->source = SOURCE_FIXED;
}

/* All addresses are checked before the first is written: a refused request changes nothing. */
static int answer_write(struct slave *s, const struct pdu_request *r, int64_t local_ms,
                        struct slave_reply *reply)
{
    for (unsigned i = 0; i < r->count; i++)
        if (writable_at(s, table_of(r), r->address + i) < 0)
            return PDU_ILLEGAL_ADDRESS;
    for (unsigned i = 0; i < r->count; i++) {
        unsigned address = r->address + i;
        size_t point = (size_t)writable_at(s, table_of(r), address);
        uint16_t word = pdu_is_bits(r) ? pdu_bit(r, i) : pdu_register(r, i);
        write_one(s, point, address - s->options.profile->points[point].address, word, local_ms);
    }
    reply->pdu_len = pdu_reply_write(r, reply->pdu);
    return 0;
}

void slave_answer(struct slave *s, const uint8_t *pdu, size_t len, int64_t local_ms,
                  struct slave_reply *reply)
{
    struct pdu_request r;
    reply->reading_count = 0;
    s->requests++;
    int exception = pdu_parse(pdu, len, &r);
    if (exception == 0 && s->fault.kind == FAULT_EXCEPTION)
        exception = (int)s->fault.parameter;
    if (exception == 0)
        exception = pdu_is_write(&r) ? answer_write(s, &r, local_ms, reply)
                                     : answer_read(s, &r, local_ms, reply);
    if (exception == 0)
        return;
    s->exceptions++;
    reply->pdu_len = pdu_reply_exception(r.function, exception, reply->pdu);
}

/* --- overrides --- */

static void release(const struct point *p, struct slave_point *state, int64_t local_ms)
{
    if (state->source == SOURCE_FIXED && p->kind->type == KIND_COUNTER && state->answered)
        state->withheld =
            curve_value(p->kind, &state->site, local_ms) - registers_value(p, state->raw);
    state->source = SOURCE_AUTO;
}

static int set_invalid(const struct point *p, struct slave_point *state, struct err *e)
{
    if (p->invalid_count > 0)
        state->raw = p->invalid[0];
    else if (!registers_is_float(p->type))
        return err_set(e, ERR_INVALID,
                       "the profile names no pattern by which %s says \"no reading\"", p->name);
    else
        state->raw = p->type == TYPE_F32 ? 0x7fc00000 : UINT64_C(0x7ff8000000000000);
    state->source = SOURCE_FIXED;
    return 0;
}

static int set_number(const struct point *p, struct slave_point *state, const char *value,
                      struct err *e)
{
    char *end;
    errno = 0;
    double v = strtod(value, &end);
    if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
        v = value[0] == 't';
    else if (errno || end == value || *end || !isfinite(v))
        return err_set(e, ERR_INVALID,
                       "\"%.40s\" is no number; say a value in %s, hold, invalid or auto", value,
                       p->kind->unit[0] ? p->kind->unit : "true or false");
    int r = registers_from_value(p, v, &state->raw, e);
    if (r == 0)
        state->source = SOURCE_FIXED;
    return r;
}

int slave_set(struct slave *s, const char *point, const char *value, int64_t local_ms,
              struct err *e)
{
    int i = find_point(s, point, e);
    if (i < 0)
        return i;
    const struct point *p = &s->options.profile->points[i];
    struct slave_point *state = &s->points[i];
    if (p->type == TYPE_STRING) {
        snprintf(state->text, sizeof(state->text), "%s", value);
        return 0;
    }
    if (strcmp(value, "auto") == 0) {
        release(p, state, local_ms);
        return 0;
    }
    if (strcmp(value, "hold") == 0) {
        sample(s, (size_t)i, false, local_ms);
        state->source = SOURCE_FIXED;
        return 0;
    }
    if (strcmp(value, "invalid") == 0)
        return set_invalid(p, state, e);
    return set_number(p, state, value, e);
}

const char *slave_text(const struct slave *s, size_t point)
{
    return s->points[point].text;
}
