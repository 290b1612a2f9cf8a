#include "gateway/io/spool/spool.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "gateway/io/spool/spool_inner.h"
#include "io/pages.h"

#define EPOCH_MAX     ((uint64_t)INT64_MAX)
#define COUNTER_MAX   (EPOCH_MAX >> 32)
#define FLUSH_DEFAULT 65536u
#define GIVE_UP_AFTER 3u /* failed commits, then another place is tried */
#define DROP_SHARE    8u /* of a full memory, dropped at a time */
#define SEGMENTS_MAX  65536u
#define TAIL_KEEP     262144u /* bytes of the tail's memory that stay in use for good */

/* --- making room --- */

static bool wholly_acked(const struct spool *s, const struct spool_segment *segment)
{
    for (uint32_t i = 0; i < segment->run_count; i++) {
        const struct spool_run *r = &segment->runs[i];
        if (spool_ledger_acked_in(&s->ledger, r->epoch, r->from, r->to) < r->to - r->from + 1)
            return false;
    }
    return true;
}

static bool any_in_flight(const struct spool *s, const struct spool_segment *segment)
{
    for (uint32_t i = 0; i < segment->run_count; i++)
        if (spool_in_flight(s, segment->runs[i].epoch, segment->runs[i].from, segment->runs[i].to))
            return true;
    return false;
}

/* The oldest segment nobody needs; else the oldest not in flight; else the oldest. The open one
 * never: ERR_FULL when there is no other. */
static int choose_victim(const struct spool *s)
{
    int not_in_flight = -1;
    int last = (int)s->disk.count - 1;
    for (int i = 0; i < last; i++) {
        if (wholly_acked(s, &s->disk.segments[i]))
            return i;
        if (not_in_flight < 0 && !any_in_flight(s, &s->disk.segments[i]))
            not_in_flight = i;
    }
    if (not_in_flight >= 0)
        return not_in_flight;
    return last > 0 ? 0 : ERR_FULL;
}

static void evict_range(struct spool *s, const struct spool_run *r)
{
    struct spool_gap gap = {
        .epoch = r->epoch,
        .from = r->from,
        .to = r->to,
        .cause = SPOOL_EVICTED,
        .first = r->first,
        .last = r->last,
        .count = r->samples,
    };
    s->recycled += spool_ledger_acked_in(&s->ledger, r->epoch, r->from, r->to);
    spool_ledger_account(&s->ledger, &gap);
    spool_flights_end(s, r->epoch, r->from, r->to);
}

static void evict_record(struct spool *s, const struct spool_record *r)
{
    struct spool_run run = {r->epoch, r->seq, r->seq, r->samples, r->first, r->last};
    evict_range(s, &run);
}

/* Accounts for all a segment holds; pack by pack where only some of it is acknowledged. */
static void evict_segment(struct spool *s, size_t at)
{
    const struct spool_segment *segment = &s->disk.segments[at];
    bool mixed = false;
    for (uint32_t i = 0; i < segment->run_count; i++) {
        const struct spool_run *r = &segment->runs[i];
        uint64_t acked = spool_ledger_acked_in(&s->ledger, r->epoch, r->from, r->to);
        mixed = mixed || (acked && acked < r->to - r->from + 1);
    }
    if (mixed && spool_disk_load(&s->disk, at, &s->ledger) == 0)
        for (size_t i = 0; i < s->disk.record_count; i++)
            evict_record(s, &s->disk.records[i]);
    else
        for (uint32_t i = 0; i < segment->run_count; i++)
            evict_range(s, &segment->runs[i]);
}

/* The ledger's state as a record; its bytes hold until the next one. */
static struct spool_record state_record(struct spool *s)
{
    struct buf state;
    buf_init(&state, s->state, SPOOL_STATE_MAX);
    spool_ledger_encode(&s->ledger, &state);
    assert(!state.overflow);
    return (struct spool_record){
        .type = SPOOL_RECORD_STATE,
        .bytes = s->state,
        .len = (uint32_t)state.len,
    };
}

static void put_record(struct buf *payload, const struct spool_record *r)
{
    spool_record_put(payload, r);
    assert(!payload->overflow);
}

static void payload_begin(struct spool *s, struct buf *payload)
{
    buf_init(payload, s->group + SPOOL_GROUP_HEAD, SPOOL_GROUP_MAX - SPOOL_GROUP_HEAD);
}

/* A gap is durable before what it names is erased. If the journal keeps failing, the next dense
 * group says it; a crash before that leaves a hole, which the next open finds and records. */
static int commit_state(struct spool *s)
{
    if (!s->ledger.dirty)
        return 0;
    struct buf payload;
    const struct spool_record state = state_record(s);
    payload_begin(s, &payload);
    put_record(&payload, &state);
    int rc =
        spool_journal_write_state(&s->journal, s->group, SPOOL_GROUP_MAX, (uint32_t)payload.len);
    if (rc == 0)
        s->ledger.dirty = false;
    return s->journal.fd < 0 || s->failures >= GIVE_UP_AFTER ? 0 : rc;
}

static void note_disk_full(struct spool *s, bool full)
{
    if (full && !s->disk_full)
        log_warn("spool: no room on the file system for another segment of %u KiB; the oldest of "
                 "%zu is reused. Free some space or lower the spool's size",
                 s->disk.segment_size / 1024, s->disk.count);
    s->disk_full = full;
}

/* A new open segment: allocated while the limit allows, else in the place of an old one. */
static int make_room(struct spool *s)
{
    struct spool_disk *d = &s->disk;
    spool_disk_seal(d);
    if (d->count < d->segments_max) {
        int rc = spool_disk_create(d);
        if (rc != ERR_FULL) {
            if (rc == 0)
                note_disk_full(s, false);
            return rc;
        }
        note_disk_full(s, true);
    }
    for (;;) {
        int victim = choose_victim(s);
        if (victim < 0)
            return victim;
        evict_segment(s, (size_t)victim);
        int rc = commit_state(s);
        if (rc)
            return rc;
        if (d->segments[victim].size == d->segment_size && d->count <= d->segments_max)
            return spool_disk_recycle(d, (size_t)victim);
        rc = spool_disk_remove(d, (size_t)victim);
        if (rc)
            return rc;
        if (d->count < d->segments_max && spool_disk_create(d) == 0)
            return 0;
    }
}

/* --- committing --- */

/* The first n of the tail are on the disk. */
static void note_durable(struct spool *s, size_t n)
{
    for (size_t i = n; i-- > 0;)
        if (s->tail.records[i].epoch == s->epoch) {
            if (s->tail.records[i].seq > s->durable)
                s->durable = s->tail.records[i].seq;
            return;
        }
}

/* What is not durable yet, as one part in the journal. ERR_FULL: it is time for a flush. */
static int write_part(struct spool *s)
{
    struct spool_tail *t = &s->tail;
    uint32_t len;
    size_t n = spool_tail_measure(t, t->parted, SPOOL_RECORDS_MAX, &len);
    if (t->bytes.len >= s->options.flush_size || n < t->count - t->parted)
        return ERR_FULL;
    struct buf payload;
    payload_begin(s, &payload);
    if (n)
        buf_put(&payload, spool_tail_encoded(t, t->parted), len);
    if (s->ledger.dirty) {
        const struct spool_record state = state_record(s);
        put_record(&payload, &state);
    }
    int rc = spool_journal_write_part(&s->journal, s->group, SPOOL_GROUP_MAX, (uint32_t)payload.len,
                                      (uint32_t)n);
    if (rc)
        return rc;
    s->ledger.dirty = false;
    t->parted = t->count;
    note_durable(s, t->count);
    return 0;
}

/* Bytes of packs that go into the next dense group beside the state. */
static size_t dense_room(const struct spool *s, const struct spool_record *state)
{
    size_t room = spool_disk_room(&s->disk);
    size_t beside = SPOOL_RECORD_HEAD + state->len;
    return room > beside ? room - beside : 0;
}

/* One dense group of as many of the oldest packs as it takes, with the state: each costs a sync. */
static int write_dense(struct spool *s)
{
    struct buf payload;
    struct spool_group g = {0};
    const struct spool_record state = state_record(s);
    g.records = (uint32_t)spool_tail_measure(&s->tail, 0, dense_room(s, &state), &g.len);
    if (g.records == 0 && s->tail.count > 0)
        return ERR_AGAIN;
    bool last = g.records == s->tail.count;
    g.number = last ? s->journal.number : s->disk.done;
    payload_begin(s, &payload);
    if (g.records)
        buf_put(&payload, spool_tail_encoded(&s->tail, 0), g.len);
    put_record(&payload, &state);
    g.len = (uint32_t)payload.len;
    if (!spool_disk_fits(&s->disk, g.len, g.records))
        return ERR_AGAIN;
    int rc = spool_disk_write(&s->disk, s->group, SPOOL_GROUP_MAX, &g);
    if (rc) {
        spool_journal_turn(&s->journal); /* the group may be there all the same, and say so */
        if (s->failures >= GIVE_UP_AFTER)
            spool_disk_seal(&s->disk); /* perhaps only this place is bad */
        return rc;
    }
    s->ledger.dirty = false;
    note_durable(s, g.records);
    spool_tail_drop(&s->tail, g.records);
    if (last)
        spool_journal_reset(&s->journal);
    return 0;
}

/* The whole tail into segments. */
static int flush(struct spool *s)
{
    const struct buf *tail = &s->tail.bytes;
    size_t peak = tail->len;
    int rc = 0;
    while (!rc && (s->tail.count || s->ledger.dirty)) {
        rc = write_dense(s);
        if (rc == ERR_AGAIN)
            rc = make_room(s);
    }
    if (peak > TAIL_KEEP)
        pages_give_back(tail->data + tail->len, peak - tail->len);
    return rc;
}

static void note_failure(struct spool *s, int rc, bool in_journal)
{
    s->errors++;
    const char *why = in_journal ? s->journal.fault.text : s->disk.fault.text;
    err_set(&s->fault, rc, "spool: %s: %s", s->options.dir, *why ? why : err_name(rc));
    if (s->failures++ == 0)
        log_error("%s; %zu packs wait in memory (at most %zu KiB) and the write is tried again",
                  s->fault.text, s->tail.count, s->tail.bytes.cap / 1024);
}

size_t spool_uncommitted(const struct spool *s)
{
    if (s->memory_only)
        return 0;
    size_t from = s->tail.parted;
    size_t packs = from < s->tail.count ? (size_t)(s->tail.bytes.data + s->tail.bytes.len -
                                                   (const char *)spool_tail_encoded(&s->tail, from))
                                        : 0;
    return packs + s->ledger.dirty;
}

int spool_commit(struct spool *s)
{
    if (spool_uncommitted(s) == 0)
        return 0;
    int rc = write_part(s);
    bool in_journal = rc && rc != ERR_FULL;
    if (rc)
        rc = flush(s);
    if (rc) {
        note_failure(s, rc, in_journal);
        return rc;
    }
    if (s->failures)
        log_info("spool: %s: writes work again after %u failures", s->options.dir, s->failures);
    s->failures = 0;
    return 0;
}

uint64_t spool_durable(const struct spool *s)
{
    return s->durable;
}

uint64_t spool_takeable(const struct spool *s)
{
    return spool_degraded(s) ? s->last_seq : s->durable;
}

const char *spool_fault(const struct spool *s)
{
    return s->fault.text;
}

/* --- appending --- */

/* A share of the oldest goes, so that a full memory is not moved for every pack. */
static void drop_oldest(struct spool *s)
{
    size_t n = s->tail.count / DROP_SHARE + 1;
    n = n < s->tail.count ? n : s->tail.count;
    for (size_t i = 0; i < n; i++)
        evict_record(s, &s->tail.records[i]);
    spool_tail_drop(&s->tail, n);
}

int spool_append(struct spool *s, const struct spool_pack *p)
{
    if (p->seq != s->last_seq + 1 || p->len == 0 || p->len > PACK_SIZE_MAX)
        return ERR_INVALID;
    struct spool_record r = {
        .type = SPOOL_RECORD_PACK,
        .kind = p->kind,
        .samples = p->samples,
        .epoch = s->epoch,
        .seq = p->seq,
        .first = p->first,
        .last = p->last,
        .bytes = p->bytes,
        .len = p->len,
    };
    if (spool_tail_put(&s->tail, &r) && (spool_commit(s) || spool_tail_put(&s->tail, &r)))
        while (spool_tail_put(&s->tail, &r))
            drop_oldest(s);
    s->last_seq = p->seq;
    s->appended++;
    spool_ledger_told(&s->ledger, p->gap_mark, s->epoch, p->seq);
    if (p->taken && s->flight_count < SPOOL_FLIGHTS_MAX)
        spool_flight_begin(s, s->epoch, p->seq);
    return 0;
}

/* --- opening --- */

static uint32_t system_random(void *ctx)
{
    (void)ctx;
    uint32_t v;
    if (getrandom(&v, sizeof(v), 0) != (ssize_t)sizeof(v))
        abort(); /* cannot happen: the kernel blocks until it is seeded */
    return v;
}

static uint32_t draw(const struct spool *s)
{
    return s->options.random(s->options.random_ctx);
}

/* Without a durable counter, or past its end, chance alone: one in 2^63. */
static uint64_t random_epoch(const struct spool *s)
{
    uint64_t epoch = ((uint64_t)draw(s) << 32 | draw(s)) & EPOCH_MAX;
    return epoch ? epoch : 1;
}

static uint64_t highest_counter(const struct spool *s)
{
    struct spool_walk walk = {.spool = s};
    struct spool_run run;
    uint64_t counter = s->ledger.counter;
    while (spool_walk_next(&walk, &run))
        counter = run.epoch >> 32 > counter ? run.epoch >> 32 : counter;
    return counter;
}

/* The epoch is durable before it is used; the random half keeps a wiped card from repeating it. */
static void begin_epoch(struct spool *s)
{
    uint64_t counter = highest_counter(s) + 1;
    if (s->memory_only || counter > COUNTER_MAX) {
        s->epoch = random_epoch(s);
        return;
    }
    s->ledger.counter = counter;
    s->ledger.dirty = true;
    s->epoch = counter << 32 | draw(s);
    if (spool_commit(s))
        s->epoch = random_epoch(s);
}

/* That pack, or a later one of its epoch, is certainly held. */
static bool held_already(const struct spool *s, uint64_t epoch, uint64_t seq)
{
    for (size_t i = 0; i < s->disk.count; i++) {
        const struct spool_segment *segment = &s->disk.segments[i];
        for (uint32_t k = 0; k < segment->run_count && !segment->doubtful; k++)
            if (segment->runs[k].epoch == epoch && segment->runs[k].to >= seq)
                return true;
    }
    for (size_t i = 0; i < s->tail.count; i++)
        if (s->tail.records[i].epoch == epoch && s->tail.records[i].seq >= seq)
            return true;
    return false;
}

static int replay_group(void *user, const struct spool_group *g)
{
    struct spool *s = user;
    struct spool_record r;
    struct cursor c;
    int rc = 0;
    cursor_init(&c, g->payload, g->len);
    while (!rc && spool_record_next(&c, &r) == 1) {
        if (r.type == SPOOL_RECORD_STATE)
            rc = spool_ledger_decode(&s->ledger, r.bytes, r.len) == ERR_NOMEM ? ERR_NOMEM : 0;
        else if (!held_already(s, r.epoch, r.seq))
            rc = spool_tail_put(&s->tail, &r);
    }
    return rc == ERR_FULL ? 0 : rc; /* smaller memory than before: what is left out is a hole */
}

/* The ledger may know of a telling pack that the power cut took. */
static void untell_lost(struct spool *s)
{
    for (size_t i = 0; i < s->ledger.gap_count; i++) {
        const struct spool_gap *g = &s->ledger.gaps[i];
        if (g->told_seq && !held_already(s, g->told_epoch, g->told_seq))
            spool_ledger_untell(&s->ledger, g->told_epoch, g->told_seq, g->told_seq);
    }
}

static int recover(struct spool *s)
{
    int rc = spool_disk_recover(&s->disk, &s->ledger);
    if (rc)
        return rc;
    rc = spool_journal_open(&s->journal, s->options.fsx, s->disk.dir, s->disk.segment_size);
    if (rc)
        log_warn("spool: %s: %s; every commit takes a whole group instead", s->options.dir,
                 s->journal.fault.text);
    else
        rc = spool_journal_replay(&s->journal, s->disk.done, replay_group, s);
    if (rc == ERR_NOMEM)
        return rc;
    s->tail.parted = s->tail.count;
    if (s->journal.number <= s->disk.done)
        s->journal.number = s->disk.done + 1;
    s->ledger.dirty = false;
    untell_lost(s);
    uint64_t lost = spool_account_holes(s, SPOOL_CORRUPT);
    if (lost)
        log_error("spool: %s: %" PRIu64 " packs are missing or damaged; they are recorded as a gap",
                  s->options.dir, lost);
    return 0;
}

static int options_check(struct spool_options *o, struct err *e)
{
    o->fsx = o->fsx ? o->fsx : fsx_system();
    o->segment_size = o->segment_size ? o->segment_size : SPOOL_SEGMENT_DEFAULT;
    o->memory_max = o->memory_max ? o->memory_max : SPOOL_MEMORY_DEFAULT;
    o->flush_size = o->flush_size ? o->flush_size : FLUSH_DEFAULT;
    o->random = o->random ? o->random : system_random;
    if (o->segment_size < SPOOL_SEGMENT_MIN || o->segment_size > SPOOL_SEGMENT_MAX ||
        o->segment_size % SPOOL_BLOCK)
        return err_set(e, ERR_INVALID,
                       "spool: segments of %u bytes; take %u to %u in multiples of %u",
                       o->segment_size, SPOOL_SEGMENT_MIN, SPOOL_SEGMENT_MAX, SPOOL_BLOCK);
    if (o->size_max / o->segment_size < SPOOL_SEGMENTS_LEAST ||
        o->size_max / o->segment_size > SEGMENTS_MAX)
        return err_set(e, ERR_INVALID,
                       "spool: a size of %" PRIu64 " bytes; take %u to %u segments of %u bytes",
                       o->size_max, SPOOL_SEGMENTS_LEAST, SEGMENTS_MAX, o->segment_size);
    if (o->memory_max < 2 * SPOOL_RECORDS_MAX)
        return err_set(e, ERR_INVALID, "spool: %u bytes of memory; take at least %u", o->memory_max,
                       2 * SPOOL_RECORDS_MAX);
    return 0;
}

/* 0, or ERR_NOMEM; a directory that cannot be used leaves the spool in memory only. */
static int open_disk(struct spool *s)
{
    const struct spool_options *o = &s->options;
    struct err e;
    int rc = spool_disk_open(&s->disk, o->fsx, o->dir, o->segment_size,
                             (size_t)(o->size_max / o->segment_size), &e);
    if (rc == ERR_NOMEM)
        return rc;
    if (rc == 0)
        return recover(s);
    s->memory_only = true;
    s->fault = e;
    log_error("%s. Running WITHOUT a durable spool: at most %zu KiB of packs are kept, in memory, "
              "and a power cut loses them. Repair or replace the card, then restart",
              e.text, s->tail.bytes.cap / 1024);
    return 0;
}

int spool_open(const struct spool_options *options, struct spool **out, struct err *e)
{
    struct spool_options o = *options;
    int rc = options_check(&o, e);
    if (rc)
        return rc;
    struct spool *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(e, ERR_NOMEM, "spool: no memory");
    s->options = o;
    s->disk.dir = s->disk.active = s->journal.fd = -1;
    spool_ledger_init(&s->ledger);
    s->options.dir = strdup(o.dir);
    s->flights = calloc(SPOOL_FLIGHTS_MAX, sizeof(*s->flights));
    s->group = malloc(SPOOL_GROUP_MAX);
    s->state = malloc(SPOOL_STATE_MAX);
    rc = spool_tail_init(&s->tail, o.memory_max);
    if (rc || !s->options.dir || !s->flights || !s->group || !s->state || open_disk(s)) {
        spool_close(s);
        return err_set(e, ERR_NOMEM, "spool: no memory for %s", o.dir);
    }
    begin_epoch(s);
    spool_settle(s);
    *out = s;
    return 0;
}

void spool_close(struct spool *s)
{
    if (!s)
        return;
    if (s->epoch)
        (void)spool_commit(s); /* failed: logged there, and nobody is left to retry */
    spool_journal_close(&s->journal);
    if (s->disk.fsx)
        spool_disk_close(&s->disk);
    spool_tail_finish(&s->tail);
    spool_ledger_finish(&s->ledger);
    free((char *)s->options.dir);
    free(s->flights);
    free(s->group);
    free(s->state);
    free(s);
}

uint64_t spool_epoch(const struct spool *s)
{
    return s->epoch;
}

const char *spool_store(const struct spool *s)
{
    return s->ledger.store;
}
