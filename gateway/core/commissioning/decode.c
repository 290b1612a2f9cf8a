#include "gateway/core/commissioning/decode.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/core/commissioning/decode_inside.h"

/*
 * The block is cut into runs of one type and order each, like a text into words: the cheapest way
 * to have said the first i words is the cheapest way to have said fewer and one value more. Another
 * type or order than before costs SWITCH_BITS, since a maker rarely mixes them.
 *
 *      words    0    1    2    3    4    5    6
 *               [ f32 CDAB ][ f32 CDAB ][u16][u16][raw]
 *
 * `wide` keeps apart the ways that contain a value of two words or more and those that do not: so
 * the best way in each order can be named even where 16-bit registers explain as much.
 */
#define SWITCH_BITS   5.0
#define HYPOTHESES    37
#define PRIOR_TEXT    10.0 /* two letters are met by chance, ten are not */
#define PRIOR_ODD     3.0  /* wide values that begin at an odd place of the block */
#define PRIOR_SWAPPED 4.0  /* bytes swapped within single registers: rare */
#define PRIOR_BCD     3.0
#define LARGE         1e9

struct hypothesis {
    enum decode_type type;
    enum point_order order;
    double prior; /* bits, once a run */
};

struct cell {
    double bits;
    bool from_wide;
    bool stays; /* the value before is of the same type and order */
};

struct block {
    size_t count;
    size_t hypothesis_count;
    struct hypothesis hypotheses[HYPOTHESES];
    double price[HYPOTHESES][DECODE_WORDS_MAX];    /* of the value that starts there */
    double likeness[HYPOTHESES][DECODE_WORDS_MAX]; /* added when one of its kind stands before it */
};

/* best[i][w][h]: the first i words, ended by h. */
struct table {
    struct cell best[DECODE_WORDS_MAX + 1][2][HYPOTHESES];
    double least[DECODE_WORDS_MAX + 1][2];
    int16_t ended_by[DECODE_WORDS_MAX + 1][2];
};

static double prior_of(enum decode_type type, enum point_order order)
{
    static const double orders[] = {0, 0.25, 0.5, 0.5};
    double bits = decode_type_words(type) > 1 ? 1 : 0;
    if (type == DECODE_BCD16 || type == DECODE_BCD32)
        bits += PRIOR_BCD;
    if (type == DECODE_ASCII)
        bits += PRIOR_TEXT;
    if (decode_type_words(type) == 1 && order != ORDER_ABCD)
        return bits + PRIOR_SWAPPED;
    return bits + orders[order];
}

static void list_hypotheses(struct block *b)
{
    for (int t = 0; t < DECODE_TYPES; t++)
        for (int o = 0; o < DECODE_ORDERS; o++)
            if (decode_type_has((enum decode_type)t, (enum point_order)o))
                b->hypotheses[b->hypothesis_count++] =
                    (struct hypothesis){(enum decode_type)t, (enum point_order)o,
                                        prior_of((enum decode_type)t, (enum point_order)o)};
    b->hypotheses[b->hypothesis_count++] = (struct hypothesis){DECODE_RAW, ORDER_ABCD, 0};
    assert(b->hypothesis_count == HYPOTHESES);
}

static double price_at(const struct hypothesis *h, const uint16_t *words, size_t count,
                       size_t reads)
{
    struct decode_value before, value;
    decode_value(h->type, h->order, words, &before);
    double bits = before.bits;
    for (size_t i = 1; i < reads; i++) {
        decode_value(h->type, h->order, words + i * count, &value);
        bits += decode_change_bits(h->type, &before, &value);
        before = value;
    }
    return bits;
}

static double likeness_at(const struct hypothesis *h, const uint16_t *before, const uint16_t *words)
{
    struct decode_value a, b;
    decode_value(h->type, h->order, before, &a);
    decode_value(h->type, h->order, words, &b);
    return decode_likeness_bits(h->type, &a, &b);
}

static void price_block(struct block *b, const uint16_t *words, size_t reads)
{
    for (size_t h = 0; h < b->hypothesis_count; h++) {
        unsigned width = decode_type_words(b->hypotheses[h].type);
        for (size_t at = 0; at + width <= b->count; at++)
            b->price[h][at] = price_at(&b->hypotheses[h], words + at, b->count, reads);
        for (size_t at = width; at + width <= b->count; at++)
            b->likeness[h][at] = likeness_at(&b->hypotheses[h], words + at - width, words + at);
    }
}

/* --- the cheapest way --- */

/* order: the one that wide values may have, or -1: any. */
static bool allowed(const struct hypothesis *h, int order)
{
    return order < 0 || decode_type_words(h->type) == 1 || (int)h->order == order;
}

static void extend(const struct block *b, struct table *t, size_t h, size_t end)
{
    const struct hypothesis *own = &b->hypotheses[h];
    unsigned width = decode_type_words(own->type);
    size_t from = end - width;
    for (int before = 0; before < 2; before++) {
        struct cell *cell = &t->best[end][before || width > 1][h];
        double stay = t->best[from][before][h].bits + b->likeness[h][from];
        double odd = width > 1 && from % 2 ? PRIOR_ODD : 0;
        double change = t->least[from][before] + SWITCH_BITS + own->prior + odd;
        double bits = fmin(stay, change) + b->price[h][from];
        if (bits < cell->bits)
            *cell = (struct cell){.bits = bits, .from_wide = before, .stays = stay <= change};
    }
}

static void clear_column(const struct block *b, struct table *t, size_t end)
{
    for (int wide = 0; wide < 2; wide++) {
        for (size_t h = 0; h < b->hypothesis_count; h++)
            t->best[end][wide][h] = (struct cell){.bits = LARGE};
        t->least[end][wide] = LARGE;
        t->ended_by[end][wide] = -1;
    }
}

static void settle_column(const struct block *b, struct table *t, size_t end)
{
    for (int wide = 0; wide < 2; wide++)
        for (size_t h = 0; h < b->hypothesis_count; h++)
            if (t->best[end][wide][h].bits < t->least[end][wide]) {
                t->least[end][wide] = t->best[end][wide][h].bits;
                t->ended_by[end][wide] = (int16_t)h;
            }
}

static void fill(const struct block *b, struct table *t, int order)
{
    clear_column(b, t, 0);
    t->least[0][0] = 0;
    for (size_t end = 1; end <= b->count; end++) {
        clear_column(b, t, end);
        for (size_t h = 0; h < b->hypothesis_count; h++)
            if (decode_type_words(b->hypotheses[h].type) <= end &&
                allowed(&b->hypotheses[h], order))
                extend(b, t, h, end);
        settle_column(b, t, end);
    }
}

/* Walks the cheapest way back; puts its values, last first, into `pieces`. */
static size_t walk_back(const struct block *b, const struct table *t, int wide,
                        struct decode_piece *pieces)
{
    size_t count = 0;
    size_t end = b->count;
    int h = t->ended_by[end][wide];
    while (end > 0) {
        const struct hypothesis *own = &b->hypotheses[h];
        unsigned width = decode_type_words(own->type);
        const struct cell *cell = &t->best[end][wide][h];
        size_t from = end - width;
        pieces[count++] =
            (struct decode_piece){own->type, own->order, (uint16_t)from, (uint16_t)width};
        wide = cell->from_wide;
        if (!cell->stays)
            h = t->ended_by[from][wide];
        end = from;
    }
    return count;
}

/* Turns the order of the values round and joins neighbours of one type and order. */
static size_t join(struct decode_piece *pieces, size_t count)
{
    size_t joined = 0;
    for (size_t i = 0; i < count / 2; i++) {
        struct decode_piece first = pieces[i];
        pieces[i] = pieces[count - 1 - i];
        pieces[count - 1 - i] = first;
    }
    for (size_t i = 0; i < count; i++) {
        struct decode_piece *last = joined > 0 ? &pieces[joined - 1] : NULL;
        if (last && last->type == pieces[i].type && last->order == pieces[i].order)
            last->words = (uint16_t)(last->words + pieces[i].words);
        else
            pieces[joined++] = pieces[i];
    }
    return joined;
}

/* --- the verdict --- */

static bool is_empty(const uint16_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (words[i] != words[0] || (words[i] != 0 && words[i] != UINT16_MAX))
            return false;
    return true;
}

static enum decode_type main_type(const struct decode_result *r)
{
    unsigned words[DECODE_TYPES + 1] = {0};
    enum decode_type most = DECODE_U16;
    for (size_t i = 0; i < r->piece_count; i++)
        words[r->pieces[i].type] += r->pieces[i].words;
    for (int t = 0; t < DECODE_TYPES; t++)
        if (words[t] > words[most])
            most = (enum decode_type)t;
    return most;
}

/* The cheapest value of that width and order at that place. */
static double least_price(const struct block *b, unsigned width, int order, size_t at)
{
    double least = LARGE;
    for (size_t h = 0; h < b->hypothesis_count; h++)
        if (decode_type_words(b->hypotheses[h].type) == width &&
            (int)b->hypotheses[h].order == order)
            least = fmin(least, b->price[h][at] + b->hypotheses[h].prior);
    return least;
}

static double least_order(const struct decode_result *r, int but)
{
    double least = LARGE;
    for (int o = 0; o < DECODE_ORDERS; o++)
        if (o != but)
            least = fmin(least, r->order_bits[o]);
    return least;
}

/* Where single registers explain as much, the orders are compared as if the whole block were wide;
 * returns the lead of the best one. */
static double lead_if_wide(const struct block *b, struct decode_result *r)
{
    double best = LARGE, next = LARGE;
    for (int o = 0; o < DECODE_ORDERS; o++) {
        double pairs = 0, quads = b->count % 4 ? LARGE : 0;
        for (size_t at = 0; at + 2 <= b->count; at += 2)
            pairs += least_price(b, 2, o, at);
        for (size_t at = 0; quads < LARGE && at + 4 <= b->count; at += 4)
            quads += least_price(b, 4, o, at);
        double bits = fmin(pairs, quads);
        next = fmin(next, fmax(bits, best));
        if (bits < best) {
            best = bits;
            r->order = (enum point_order)o;
        }
    }
    return next - best;
}

static void judge(const struct block *b, struct decode_result *r)
{
    double best = r->order_bits[r->order];
    r->may_single = r->single_bits < best + DECODE_CLEAR_BITS;
    bool surely_wide = best + DECODE_CLEAR_BITS <= r->single_bits;
    if (r->single_bits + DECODE_CLEAR_BITS <= best) {
        r->verdict = DECODE_SINGLE;
        r->lead_bits = best - r->single_bits;
        return;
    }
    r->lead_bits = surely_wide ? least_order(r, (int)r->order) - best : lead_if_wide(b, r);
    if (r->lead_bits < DECODE_CLEAR_BITS)
        r->verdict = DECODE_AMBIGUOUS;
    else
        r->verdict = surely_wide ? DECODE_ORDER : DECODE_EITHER;
}

void decode_block(const uint16_t *words, size_t count, size_t reads, struct decode_result *out)
{
    assert(count >= 1 && count <= DECODE_WORDS_MAX && reads >= 1 && reads <= DECODE_READS_MAX);
    *out = (struct decode_result){.verdict = DECODE_EMPTY};
    if (is_empty(words, count * reads))
        return;
    struct block b = {.count = count};
    static _Thread_local struct table t; /* 150 KiB, more than a thread's stack should give */
    list_hypotheses(&b);
    price_block(&b, words, reads);
    for (int o = 0; o < DECODE_ORDERS; o++) {
        fill(&b, &t, o);
        out->order_bits[o] = t.least[count][1];
        out->single_bits = t.least[count][0];
    }
    for (int o = DECODE_ORDERS - 1; o >= 0; o--)
        if (out->order_bits[o] <= least_order(out, -1))
            out->order = (enum point_order)o;
    judge(&b, out);
    fill(&b, &t, (int)out->order);
    bool wide = out->order_bits[out->order] < out->single_bits;
    out->piece_count = join(out->pieces, walk_back(&b, &t, wide, out->pieces));
    out->type = main_type(out);
}

/* --- help for people --- */

const struct kind *decode_hint(double value, bool is_float, double *scale)
{
    static const struct {
        const char *kind;
        double min, max;
    } known[] = {{"voltage", 207, 253}, {"frequency", 49, 51}, {"pressure", 850, 1040}};
    static const double scales[] = {1, 0.1, 0.01};
    for (size_t s = 0; s < (is_float ? 1 : 3); s++)
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
            double v = value * scales[s];
            /* 49 to 51 as a whole number is just a small number */
            if (v < known[i].min || v > known[i].max || (!is_float && s == 0))
                continue;
            *scale = scales[s];
            return kind_find(known[i].kind);
        }
    return NULL;
}

static const char *skip_separators(const char *at)
{
    return at + strspn(at, " \t\r\n,;:");
}

int decode_parse_hex(const char *text, uint16_t *words, size_t max, struct err *e)
{
    size_t count = 0;
    for (const char *at = skip_separators(text); *at; at = skip_separators(at)) {
        size_t len = strcspn(at, " \t\r\n,;:");
        const char *digits = at;
        size_t n = len;
        if (n > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
            digits += 2;
            n -= 2;
        }
        bool hex = n >= 4 && n % 4 == 0;
        for (size_t i = 0; i < n; i++)
            hex = hex && isxdigit((unsigned char)digits[i]);
        if (!hex)
            return err_set(e, ERR_INVALID,
                           "\"%.*s\" is no register: write four hexadecimal digits each, as in "
                           "\"4366 199A\"",
                           (int)(len < 40 ? len : 40), at);
        for (; n > 0; n -= 4, digits += 4) {
            if (count == max)
                return err_set(e, ERR_LIMIT, "more than %zu registers", max);
            char word[5] = {digits[0], digits[1], digits[2], digits[3], '\0'};
            words[count++] = (uint16_t)strtoul(word, NULL, 16);
        }
        at += len;
    }
    return (int)count;
}
