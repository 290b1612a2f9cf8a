#include "boards/emulator/ledger.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "model/json.h"
#include "model/name.h"

#define IGNORED_MAX  64
#define FATES_MAX    16
#define BUCKETS_MIN  256
#define SERIES_NAME  (3 * NAME_SIZE)
#define EXACT_FACTOR 1e-12 /* two decimals of one double */

enum state { OPEN, TAKEN };

struct reply {
    int64_t t_ms;
    double v;
    uint32_t order; /* in the ledger, so that sorting is stable */
    uint8_t fate;   /* index in fates; 0 is ok */
    uint8_t state;
};

struct record {
    int64_t t_ms;
    double v; /* NaN: bad */
    uint64_t order;
};

struct series {
    char name[SERIES_NAME]; /* "gateway/device/point" */
    uint64_t hash;
    bool ignored;
    struct reply *replies;
    size_t reply_count, reply_cap;
    struct record *records;
    size_t record_count, record_cap;
};

struct interval {
    int64_t from_ms, to_ms;
    char gateway[NAME_SIZE]; /* empty: all */
};

struct ledger {
    int64_t tolerance_ms;
    struct series *series;
    size_t series_count, series_cap;
    uint32_t *buckets; /* index + 1 into series; 0 is free */
    size_t bucket_count;
    struct interval *undecided, *gaps;
    size_t undecided_count, undecided_cap, gap_count, gap_cap;
    const char *ignored[IGNORED_MAX];
    size_t ignored_count;
    char fates[FATES_MAX][NAME_SIZE];
    size_t fate_count;
    uint64_t lines;
};

/* --- memory --- */

struct ledger *ledger_create(int64_t tolerance_ms)
{
    struct ledger *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->tolerance_ms = tolerance_ms;
    l->bucket_count = BUCKETS_MIN;
    l->buckets = calloc(l->bucket_count, sizeof(*l->buckets));
    snprintf(l->fates[0], sizeof(l->fates[0]), "ok");
    l->fate_count = 1;
    if (!l->buckets) {
        ledger_destroy(l);
        return NULL;
    }
    return l;
}

void ledger_destroy(struct ledger *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->series_count; i++) {
        free(l->series[i].replies);
        free(l->series[i].records);
    }
    free(l->series);
    free(l->buckets);
    free(l->undecided);
    free(l->gaps);
    free(l);
}

/* Room for one more element of `size` bytes; the (possibly moved) array, or NULL. */
static void *grown(void *array, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return array;
    size_t wanted = *cap ? *cap * 2 : 64;
    void *moved = reallocarray(array, wanted, size);
    if (moved)
        *cap = wanted;
    return moved;
}

static int no_memory(struct err *e)
{
    return err_set(e, ERR_NOMEM, "no memory left for the ledger");
}

/* --- series by name --- */

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return hash;
}

static uint32_t *bucket_of(struct ledger *l, uint64_t hash, const char *name)
{
    size_t at = (size_t)hash & (l->bucket_count - 1);
    while (l->buckets[at]) {
        const struct series *s = &l->series[l->buckets[at] - 1];
        if (s->hash == hash && strcmp(s->name, name) == 0)
            break;
        at = (at + 1) & (l->bucket_count - 1);
    }
    return &l->buckets[at];
}

static bool grow_buckets(struct ledger *l)
{
    if (l->series_count * 2 < l->bucket_count)
        return true;
    uint32_t *buckets = calloc(l->bucket_count * 2, sizeof(*buckets));
    if (!buckets)
        return false;
    free(l->buckets);
    l->buckets = buckets;
    l->bucket_count *= 2;
    for (size_t i = 0; i < l->series_count; i++)
        *bucket_of(l, l->series[i].hash, l->series[i].name) = (uint32_t)(i + 1);
    return true;
}

static bool is_ignored(const struct ledger *l, const char *name)
{
    for (size_t i = 0; i < l->ignored_count; i++)
        if (fnmatch(l->ignored[i], name, 0) == 0)
            return true;
    return false;
}

static struct series *series_of(struct ledger *l, const char *name)
{
    uint64_t hash = hash_text(name);
    uint32_t *bucket = bucket_of(l, hash, name);
    if (*bucket)
        return &l->series[*bucket - 1];
    struct series *all = grown(l->series, l->series_count, &l->series_cap, sizeof(*all));
    if (!all)
        return NULL;
    l->series = all;
    if (!grow_buckets(l))
        return NULL;
    struct series *s = &all[l->series_count++];
    *s = (struct series){.hash = hash, .ignored = is_ignored(l, name)};
    snprintf(s->name, sizeof(s->name), "%s", name);
    *bucket_of(l, hash, name) = (uint32_t)l->series_count;
    return s;
}

/* --- lines --- */

int ledger_ignore(struct ledger *l, const char *pattern)
{
    if (l->ignored_count == IGNORED_MAX)
        return ERR_LIMIT;
    l->ignored[l->ignored_count++] = pattern;
    return 0;
}

static int add_interval(struct interval **array, size_t *count, size_t *cap, struct interval added,
                        struct err *e)
{
    if (added.to_ms < added.from_ms)
        return err_set(e, ERR_INVALID, "an interval ends before it starts: %lld-%lld",
                       (long long)added.from_ms, (long long)added.to_ms);
    if (*count == LEDGER_INTERVALS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d intervals", LEDGER_INTERVALS_MAX);
    struct interval *moved = grown(*array, *count, cap, sizeof(*moved));
    if (!moved)
        return no_memory(e);
    *array = moved;
    moved[(*count)++] = added;
    return 0;
}

int ledger_undecided(struct ledger *l, const char *gateway, int64_t from_ms, int64_t to_ms,
                     struct err *e)
{
    struct interval added = {.from_ms = from_ms, .to_ms = to_ms};
    if (gateway && !name_valid(gateway))
        return err_set(e, ERR_INVALID, "\"%.40s\" is no gateway's name", gateway);
    if (gateway)
        snprintf(added.gateway, sizeof(added.gateway), "%s", gateway);
    return add_interval(&l->undecided, &l->undecided_count, &l->undecided_cap, added, e);
}

/* A text counts as a number made from its hash: only equality is ever asked. */
static int read_value(const struct json *v, double *out)
{
    bool b;
    const char *text = "";
    if (json_number(v, out) == 0)
        return 0;
    if (json_bool(v, &b) == 0) {
        *out = b;
        return 0;
    }
    if (json_string(v, &text) != 0)
        return ERR_INVALID;
    *out = (double)(hash_text(text) >> 12);
    return 0;
}

static int read_name(const struct json *v, char name[SERIES_NAME], struct err *e)
{
    static const char *const keys[] = {"gateway", "device", "point"};
    const char *parts[3] = {"", "", ""};
    for (size_t i = 0; i < 3; i++)
        if (json_string(json_get(v, keys[i]), &parts[i]) != 0 || !name_valid(parts[i]))
            return err_set(e, ERR_INVALID, "\"%s\" is missing or no name", keys[i]);
    snprintf(name, SERIES_NAME, "%s/%s/%s", parts[0], parts[1], parts[2]);
    return 0;
}

static int fate_of(struct ledger *l, const struct json *v, struct err *e)
{
    const char *text = "";
    if (json_string(v, &text) != 0)
        return err_set(e, ERR_INVALID, "\"fate\" is missing");
    for (size_t i = 0; i < l->fate_count; i++)
        if (strcmp(l->fates[i], text) == 0)
            return (int)i;
    if (l->fate_count == FATES_MAX)
        return err_set(e, ERR_LIMIT, "more than %d kinds of fate", FATES_MAX);
    snprintf(l->fates[l->fate_count], sizeof(l->fates[0]), "%.*s", NAME_MAX_LEN, text);
    return (int)l->fate_count++;
}

static int read_reply(struct ledger *l, const struct json *v, struct err *e)
{
    char name[SERIES_NAME] = "";
    struct reply reply = {0};
    int r = read_name(v, name, e);
    if (r < 0)
        return r;
    int fate = fate_of(l, json_get(v, "fate"), e);
    if (fate < 0)
        return fate;
    if (json_int(json_get(v, "t"), &reply.t_ms) != 0)
        return err_set(e, ERR_INVALID, "\"t\" is missing or no whole number");
    if (read_value(json_get(v, "v"), &reply.v) != 0)
        reply.v = NAN;
    if (isnan(reply.v) && fate == 0)
        return err_set(e, ERR_INVALID, "an ok reply without \"v\"");
    struct series *s = series_of(l, name);
    struct reply *all = s ? grown(s->replies, s->reply_count, &s->reply_cap, sizeof(*all)) : NULL;
    if (!all)
        return no_memory(e);
    reply.fate = (uint8_t)fate;
    reply.order = (uint32_t)s->reply_count;
    s->replies = all;
    all[s->reply_count++] = reply;
    return 0;
}

static int read_gap(struct ledger *l, const struct json *v, const struct json *gap, struct err *e)
{
    struct interval added = {0};
    const char *gateway = "";
    if (json_string(json_get(v, "gateway"), &gateway) != 0 || !name_valid(gateway))
        return err_set(e, ERR_INVALID, "\"gateway\" is missing or no name");
    if (json_int(json_get(gap, "from_t"), &added.from_ms) != 0 ||
        json_int(json_get(gap, "to_t"), &added.to_ms) != 0)
        return err_set(e, ERR_INVALID, "gap.from_t or gap.to_t is missing or no whole number");
    snprintf(added.gateway, sizeof(added.gateway), "%s", gateway);
    return add_interval(&l->gaps, &l->gap_count, &l->gap_cap, added, e);
}

static int read_record(struct ledger *l, const struct json *v, struct err *e)
{
    char name[SERIES_NAME] = "";
    struct record record = {.v = NAN, .order = l->lines};
    const char *quality = "good";
    const struct json *gap = json_get(v, "gap");
    if (gap)
        return read_gap(l, v, gap, e);
    int r = read_name(v, name, e);
    if (r < 0)
        return r;
    if (json_int(json_get(v, "t"), &record.t_ms) != 0)
        return err_set(e, ERR_INVALID, "\"t\" is missing or no whole number");
    json_string(json_get(v, "q"), &quality);
    if (strcmp(quality, "bad") != 0 && read_value(json_get(v, "v"), &record.v) != 0)
        return err_set(e, ERR_INVALID, "a record of quality \"%.20s\" without \"v\"", quality);
    struct series *s = series_of(l, name);
    struct record *all =
        s ? grown(s->records, s->record_count, &s->record_cap, sizeof(*all)) : NULL;
    if (!all)
        return no_memory(e);
    s->records = all;
    all[s->record_count++] = record;
    return 0;
}

static int add_line(struct ledger *l, const char *line, size_t len, struct err *e,
                    int (*read)(struct ledger *, const struct json *, struct err *))
{
    struct json_doc *doc;
    l->lines++;
    int r = json_parse(line, len, LEDGER_LINE_MAX, JSON_STRICT, &doc, e);
    if (r < 0)
        return r;
    r = read(l, json_root(doc), e);
    json_free(doc);
    return r;
}

int ledger_add_reply(struct ledger *l, const char *line, size_t len, struct err *e)
{
    return add_line(l, line, len, e, read_reply);
}

int ledger_add_record(struct ledger *l, const char *line, size_t len, struct err *e)
{
    return add_line(l, line, len, e, read_record);
}

/* --- the two sequences side by side --- */

struct check {
    struct ledger *l;
    struct series *s;
    struct ledger_result *result;
    size_t low;       /* first reply that may be near the present record or a later one */
    size_t next;      /* first reply after the one matched last: order is kept from here */
    bool last_stored; /* the record before was a match */
};

static int by_reply_time(const void *a, const void *b)
{
    const struct reply *x = a, *y = b;
    if (x->t_ms != y->t_ms)
        return x->t_ms < y->t_ms ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static int by_record_time(const void *a, const void *b)
{
    const struct record *x = a, *y = b;
    if (x->t_ms != y->t_ms)
        return x->t_ms < y->t_ms ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* The same number, or numbers a float32 cannot tell apart (a store may keep that). */
static bool same_value(double a, double b)
{
    return a == b || fabs(a - b) <= EXACT_FACTOR * fmax(fabs(a), fabs(b)) || (float)a == (float)b;
}

static void offend(struct check *c, const char *verdict, int64_t t_ms, double v, const char *why)
{
    if (c->result->offender_count == LEDGER_OFFENDERS_MAX)
        return;
    char when[CLK_UTC_TEXT];
    clk_utc_format((struct clk_utc){t_ms}, when);
    snprintf(c->result->offenders[c->result->offender_count++], LEDGER_TEXT_MAX,
             "%s: %s at %s (%lld): %.15g %s", verdict, c->s->name, when, (long long)t_ms, v, why);
}

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

/* How well a reply fits a record; lower is better, the distance in time decides among equals. A
 * reply is sent before it arrives, and a point is not asked again before that, so the last one sent
 * before the record's time is the one; a later one only fits when the two clocks differ. */
enum fit { FIT_CAUSAL, FIT_IN_ORDER, FIT_OUT_OF_ORDER, FIT_TAKEN, FIT_UNFIT, FIT_NONE };

static enum fit fit_of(const struct check *c, size_t i, const struct record *record)
{
    const struct reply *reply = &c->s->replies[i];
    if (reply->fate != 0)
        return FIT_UNFIT;
    if (reply->state == TAKEN)
        return FIT_TAKEN;
    if (i < c->next)
        return FIT_OUT_OF_ORDER;
    return reply->t_ms <= record->t_ms ? FIT_CAUSAL : FIT_IN_ORDER;
}

static enum fit best_fit(struct check *c, const struct record *record, size_t *best)
{
    enum fit found = FIT_NONE;
    int64_t tolerance = c->l->tolerance_ms;
    while (c->low < c->s->reply_count && c->s->replies[c->low].t_ms < record->t_ms - tolerance)
        c->low++;
    for (size_t i = c->low; i < c->s->reply_count; i++) {
        const struct reply *reply = &c->s->replies[i];
        if (reply->t_ms > record->t_ms + tolerance)
            break;
        if (!same_value(reply->v, record->v))
            continue;
        enum fit fit = fit_of(c, i, record);
        bool nearer = fit == found && distance(reply->t_ms, record->t_ms) <
                                          distance(c->s->replies[*best].t_ms, record->t_ms);
        if (fit < found || nearer) {
            found = fit;
            *best = i;
        }
    }
    return found;
}

/* Why nothing near fits: the same value at another time is a stale one with a new stamp. */
static void explain_stranger(struct check *c, const struct record *record)
{
    const struct reply *other = NULL;
    for (size_t i = 0; i < c->s->reply_count; i++) {
        const struct reply *reply = &c->s->replies[i];
        if (same_value(reply->v, record->v) &&
            (!other || distance(reply->t_ms, record->t_ms) < distance(other->t_ms, record->t_ms)))
            other = reply;
    }
    char why[96] = "was stored, but no slave answered it";
    if (other)
        snprintf(why, sizeof(why), "was stored, but answered %lld ms %s",
                 (long long)distance(other->t_ms, record->t_ms),
                 other->t_ms < record->t_ms ? "before" : "after");
    offend(c, "wrong", record->t_ms, record->v, why);
}

static void wrong(struct check *c, const struct record *record, const char *why)
{
    c->result->wrong++;
    offend(c, "wrong", record->t_ms, record->v, why);
}

static void judge_record(struct check *c, const struct record *record, const struct record *before)
{
    size_t at = 0;
    char why[96];
    c->result->stored++;
    bool again = before && c->last_stored && before->t_ms == record->t_ms &&
                 same_value(before->v, record->v);
    enum fit fit = again ? FIT_TAKEN : best_fit(c, record, &at);
    c->last_stored = again || fit <= FIT_IN_ORDER;
    switch (fit) {
    case FIT_CAUSAL:
    case FIT_IN_ORDER:
        c->s->replies[at].state = TAKEN;
        c->next = at + 1;
        break;
    case FIT_OUT_OF_ORDER:
        c->s->replies[at].state = TAKEN;
        wrong(c, record, "was stored out of the order it was answered in");
        break;
    case FIT_TAKEN:
        c->result->doubled++;
        offend(c, "doubled", record->t_ms, record->v, "was stored before");
        break;
    case FIT_UNFIT:
        snprintf(why, sizeof(why), "was stored from a reply whose fate was \"%s\"",
                 c->l->fates[c->s->replies[at].fate]);
        wrong(c, record, why);
        break;
    case FIT_NONE:
        c->result->wrong++;
        if (c->result->offender_count < LEDGER_OFFENDERS_MAX)
            explain_stranger(c, record);
        break;
    }
}

static bool inside(const struct interval *intervals, size_t count, const char *name, int64_t t_ms)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(intervals[i].gateway);
        if (t_ms >= intervals[i].from_ms && t_ms <= intervals[i].to_ms &&
            (len == 0 || (strncmp(intervals[i].gateway, name, len) == 0 && name[len] == '/')))
            return true;
    }
    return false;
}

/* The next bad record no earlier reply used up that is near t. */
static bool bad_near(const struct check *c, size_t *bad, int64_t t_ms)
{
    const struct series *s = c->s;
    while (*bad < s->record_count &&
           (!isnan(s->records[*bad].v) || s->records[*bad].t_ms < t_ms - c->l->tolerance_ms))
        (*bad)++;
    if (*bad == s->record_count || s->records[*bad].t_ms > t_ms + c->l->tolerance_ms)
        return false;
    (*bad)++;
    return true;
}

static void judge_replies(struct check *c)
{
    size_t bad = 0;
    for (size_t i = 0; i < c->s->reply_count; i++) {
        const struct reply *reply = &c->s->replies[i];
        if (reply->fate != 0)
            continue;
        c->result->samples++;
        if (reply->state == TAKEN)
            continue;
        if (inside(c->l->undecided, c->l->undecided_count, c->s->name, reply->t_ms)) {
            c->result->undecided++;
        } else if (inside(c->l->gaps, c->l->gap_count, c->s->name, reply->t_ms) ||
                   bad_near(c, &bad, reply->t_ms)) {
            c->result->explained++;
        } else {
            c->result->lost++;
            offend(c, "lost", reply->t_ms, reply->v, "was answered, and nothing says where it is");
        }
    }
}

static void check_series(struct ledger *l, struct series *s, struct ledger_result *result)
{
    struct check c = {.l = l, .s = s, .result = result};
    const struct record *before = NULL;
    if (s->reply_count > 1)
        qsort(s->replies, s->reply_count, sizeof(*s->replies), by_reply_time);
    if (s->record_count > 1)
        qsort(s->records, s->record_count, sizeof(*s->records), by_record_time);
    for (size_t i = 0; i < s->record_count; i++) {
        if (isnan(s->records[i].v))
            continue;
        judge_record(&c, &s->records[i], before);
        before = &s->records[i];
    }
    judge_replies(&c);
}

void ledger_finish(struct ledger *l, struct ledger_result *result)
{
    memset(result, 0, sizeof(*result));
    for (size_t i = 0; i < l->series_count; i++)
        if (!l->series[i].ignored)
            check_series(l, &l->series[i], result);
}

bool ledger_holds(const struct ledger_result *result)
{
    return result->samples > 0 && result->lost == 0 && result->doubled == 0 && result->wrong == 0;
}
