/*
 * What device it may be: for each shipped profile, registers it says the device has are read from
 * each of its tables, and what comes is judged. A refusal speaks against the profile; a value in
 * the plausible range of its kind speaks for it, a float more than a small integer, a zero hardly.
 */
#include "gateway/core/commissioning/scan_inside.h"

#define SPAN_MAX 40 /* registers or bits of a request; few devices refuse as many */

/* How much a point says, in hundredths, and against the profile when it does not fit. */
#define WEIGHT_WIDE    200
#define WEIGHT_SINGLE  60
#define WEIGHT_BIT     5
#define WEIGHT_ZERO    10
#define WEIGHT_MISFIT  300
#define WEIGHT_ANSWER  60
#define WEIGHT_REFUSAL 600

static bool in_block(const struct profile *p, enum point_table table, unsigned from, unsigned end)
{
    bool any = false;
    for (size_t i = 0; i < p->block_count; i++) {
        const struct profile_block *b = &p->blocks[i];
        if (b->table != table)
            continue;
        any = true;
        if (from >= b->address && end <= b->address + (unsigned)b->count)
            return true;
    }
    return !any;
}

static bool takes_part(const struct point *p, enum point_table table)
{
    return p->table == table && p->code == 0 && p->count > 0;
}

/* The registers asked of a profile's table: from its first point on, as many as one read holds.
 * False: the profile has none there. */
static bool request_for(const struct profile *p, enum point_table table, struct bus_request *q)
{
    unsigned from = 0, end = 0;
    for (size_t i = 0; i < p->point_count; i++) {
        const struct point *at = &p->points[i];
        unsigned last = at->address + (unsigned)at->count;
        if (!takes_part(at, table))
            continue;
        if (end == 0)
            from = at->address;
        else if (last - from > SPAN_MAX || !in_block(p, table, from, last))
            break;
        end = last > end ? last : end;
    }
    q->function = (uint8_t)table;
    q->address = (uint16_t)from;
    q->count = (uint16_t)(end - from);
    return end > 0;
}

void scan_identify_begin(struct scan *s)
{
    s->profile = 0;
    s->table = TABLE_COIL;
    s->good = s->all = 0;
    for (size_t i = 0; i < SCAN_TABLES; i++)
        s->refusals[i] = 0;
}

static bool better(const struct scan_guess *a, const struct scan_guess *b)
{
    return a->percent != b->percent ? a->percent > b->percent : a->evidence > b->evidence;
}

/* Puts the profile's score into the short list, best first. */
static void conclude(struct scan *s)
{
    struct scan_find *f = &s->finds[s->find_count - 1];
    struct scan_guess guess = {.profile = s->options.profiles[s->profile],
                               .percent = s->all ? s->good * 100 / s->all : 0,
                               .evidence = s->good};
    s->good = s->all = 0;
    if (guess.percent < SCAN_GUESS_MIN || guess.evidence < WEIGHT_WIDE)
        return;
    size_t at = f->guess_count;
    while (at > 0 && better(&guess, &f->guesses[at - 1]))
        at--;
    if (at == SCAN_GUESSES_MAX)
        return;
    if (f->guess_count < SCAN_GUESSES_MAX)
        f->guess_count++;
    for (size_t i = f->guess_count - 1; i > at; i--)
        f->guesses[i] = f->guesses[i - 1];
    f->guesses[at] = guess;
    while (f->guesses[f->guess_count - 1].percent + SCAN_GUESS_NEAR < f->guesses[0].percent)
        f->guess_count--;
}

bool scan_identify_next(struct scan *s, struct scan_action *out)
{
    for (; s->profile < s->options.profile_count; s->profile++, s->table = TABLE_COIL) {
        const struct profile *p = s->options.profiles[s->profile];
        for (; s->table < SCAN_TABLES; s->table++) {
            if (!request_for(p, (enum point_table)s->table, &out->request))
                continue;
            if (s->refusals[s->table] >= SCAN_REFUSALS_MAX) {
                s->all += WEIGHT_REFUSAL;
                continue;
            }
            out->kind = SCAN_SEND;
            out->request.unit = s->finds[s->find_count - 1].unit;
            return true;
        }
        conclude(s);
    }
    return false;
}

static void weigh_point(struct scan *s, const struct point *p, const uint16_t *regs)
{
    struct sample sample = {0};
    bool zero = true;
    for (unsigned i = 0; i < p->count; i++)
        zero = zero && regs[i] == 0;
    point_decode(p, regs, &sample);
    unsigned weight = p->type == TYPE_BIT ? WEIGHT_BIT : p->count > 1 ? WEIGHT_WIDE : WEIGHT_SINGLE;
    if (zero || sample.cause == CAUSE_INVALID) /* "no reading" is what a profile may say, too */
        weight = weight < WEIGHT_ZERO ? weight : WEIGHT_ZERO;
    if (sample.quality == QUALITY_GOOD || sample.cause == CAUSE_INVALID)
        s->good += weight;
    else
        weight = WEIGHT_MISFIT;
    s->all += weight;
}

static void weigh_answer(struct scan *s, const struct bus_request *q, const uint16_t *values)
{
    const struct profile *p = s->options.profiles[s->profile];
    s->good += WEIGHT_ANSWER;
    s->all += WEIGHT_ANSWER;
    for (size_t i = 0; i < p->point_count; i++) {
        const struct point *at = &p->points[i];
        if (takes_part(at, (enum point_table)q->function) && at->type != TYPE_STRING &&
            at->address >= q->address &&
            at->address + (unsigned)at->count <= q->address + (unsigned)q->count)
            weigh_point(s, at, values + (at->address - q->address));
    }
}

void scan_identify_replied(struct scan *s, const struct bus_reply *reply, const uint16_t *values)
{
    struct bus_request q = {0};
    enum point_table table = (enum point_table)s->table;
    bool asked = request_for(s->options.profiles[s->profile], table, &q);
    if (asked && reply->outcome == BUS_OK)
        weigh_answer(s, &q, values);
    else
        s->all += WEIGHT_REFUSAL;
    if (reply->outcome == BUS_EXCEPTION && reply->exception == 1) /* illegal function */
        s->refusals[table] = SCAN_REFUSALS_MAX;
    if (reply->outcome == BUS_NO_REPLY)
        s->refusals[table]++;
    s->table++;
}
