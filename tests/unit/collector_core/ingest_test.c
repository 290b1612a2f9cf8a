/* Promise: in whatever order, however often and with whatever failures packs arrive, each is stored
 * once, nothing is acknowledged before it is committed, and what is lost is recorded as lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "collector/core/ingest/ingest.h"

#define CONF "0123456789abcdef"
#define NOW  INT64_C(1795000000000)

/* The store's side: what the batch being filled holds, and what is committed. */
struct fake_store {
    struct rangeset batch, committed, gaps; /* of epoch 5 */
    size_t packs, refused, epochs, gap_rows, filled;
    bool full, last_fresh, last_conf_known;
    char reason[PACK_REASON_SIZE];
    char cause[33];
};

static struct fake_store store;
static struct ingest *g;
static struct ingest_now now;

static int put_pack(void *user, const struct pack *p, const char *body, size_t len, bool live,
                    bool conf_known, struct clk_utc received)
{
    struct fake_store *f = user;
    (void)live;
    assert_true(len > 0 && body[0] == '[');
    assert_int_equal(received.ms, now.utc.ms);
    if (f->full)
        return ERR_FULL;
    f->packs++;
    f->last_conf_known = conf_known;
    return p->head.epoch == 5 ? rangeset_add(&f->batch, p->head.seq, p->head.seq) : 0;
}

static int put_refused(void *user, const char *gateway, uint64_t epoch, uint64_t seq,
                       struct clk_utc received, const char *reason, const char *body, size_t len)
{
    struct fake_store *f = user;
    (void)received;
    (void)epoch;
    (void)body;
    (void)len;
    assert_string_equal(gateway, "gw-1");
    f->refused++;
    snprintf(f->reason, sizeof(f->reason), "%s", reason);
    return f->full ? ERR_FULL : rangeset_add(&f->batch, seq, seq);
}

static int put_gap(void *user, const char *gateway, const struct pack_gap *gap,
                   struct clk_utc reported)
{
    struct fake_store *f = user;
    (void)gateway;
    (void)reported;
    f->gap_rows++;
    snprintf(f->cause, sizeof(f->cause), "%s", gap->cause);
    return gap->epoch == 5 ? rangeset_add(&f->gaps, gap->from, gap->to) : 0;
}

static int put_filled(void *user, const char *gateway, uint64_t epoch, uint64_t seq)
{
    struct fake_store *f = user;
    (void)gateway;
    (void)epoch;
    f->filled++;
    return rangeset_remove(&f->gaps, seq, seq);
}

static int put_epoch(void *user, const char *gateway, uint64_t epoch, const struct rangeset *done,
                     bool fresh)
{
    struct fake_store *f = user;
    (void)gateway;
    f->epochs++;
    f->last_fresh = fresh;
    if (epoch == 5) { /* the row is what was committed and what is in this batch, exactly */
        assert_int_equal(rangeset_total(done),
                         rangeset_total(&f->committed) + rangeset_total(&f->batch));
        for (size_t i = 0; i < f->batch.count; i++)
            assert_true(rangeset_covers(done, f->batch.ranges[i].from, f->batch.ranges[i].to));
    }
    return 0;
}

static void make(size_t gateways, uint32_t credit_total)
{
    struct ingest_limits limits = {.gateways = gateways,
                                   .credit_total = credit_total,
                                   .credit_max = 16,
                                   .future_max_ms = 300000,
                                   .clock_floor = {NOW - 1000000}};
    struct ingest_sink sink = {&store, put_pack, put_refused, put_gap, put_filled, put_epoch};
    assert_int_equal(ingest_create(&limits, &sink, &g, NULL), 0);
}

static int set_up(void **state)
{
    (void)state;
    store = (struct fake_store){0};
    rangeset_init(&store.batch, 100000);
    rangeset_init(&store.committed, 100000);
    rangeset_init(&store.gaps, 100000);
    now = (struct ingest_now){{NOW}, {1000000}};
    make(10, 100);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ingest_destroy(g);
    rangeset_finish(&store.batch);
    rangeset_finish(&store.committed);
    rangeset_finish(&store.gaps);
    return 0;
}

static enum ingest_verdict offer_body(const char *gateway, bool live, const char *body, size_t len,
                                      struct ingest_result *r)
{
    struct ingest_arrival a = {"lai-chau", gateway, live, body, len};
    enum ingest_verdict v = ingest_offer(g, &a, now, r);
    if (v == INGEST_NEW)
        pack_free(&r->pack);
    else
        assert_null(r->pack.doc);
    return v;
}

static enum ingest_verdict offer_at(const char *gateway, uint64_t epoch, uint64_t seq, bool live,
                                    int64_t at_ms, struct ingest_result *r)
{
    char body[1024];
    struct pack_writer w;
    struct pack_head head = {
        .epoch = epoch, .seq = seq, .low = 1, .kind = PACK_DATA, .conf = CONF, .base = {at_ms}};
    struct sample s = {.at = {at_ms}, .value = {VALUE_NUMBER, .number = 1}};
    snprintf(head.gateway, sizeof(head.gateway), "%s", gateway);
    pack_begin(&w, body, sizeof(body), &head);
    assert_int_equal(pack_add(&w, "d", "p", &s), 0);
    return offer_body(gateway, live, body, (size_t)pack_end(&w), r);
}

static enum ingest_verdict offer(uint64_t epoch, uint64_t seq)
{
    struct ingest_result r;
    return offer_at("gw-1", epoch, seq, false, NOW, &r);
}

static void flush(void)
{
    assert_int_equal(ingest_flush(g), 0);
}

static void settle_committed(void)
{
    for (size_t i = 0; i < store.batch.count; i++)
        assert_int_equal(
            rangeset_add(&store.committed, store.batch.ranges[i].from, store.batch.ranges[i].to),
            0);
    rangeset_clear(&store.batch);
    ingest_committed(g, now);
}

static void commit(void)
{
    flush();
    settle_committed();
}

/* The epoch's part of the next ack to the gateway; NULL when no ack is due or it says nothing. */
static const struct ack_epoch *next_ack(uint64_t epoch)
{
    static struct ack ack;
    const char *area;
    const char *gateway;
    if (!ingest_next_ack(g, now, &ack, &area, &gateway))
        return NULL;
    assert_string_equal(area, "lai-chau");
    assert_true(ack.credit >= 1);
    for (size_t i = 0; i < ack.epoch_count; i++)
        if (ack.epochs[i].epoch == epoch)
            return &ack.epochs[i];
    return NULL;
}

static void drain_acks(void)
{
    static struct ack ack;
    const char *area;
    const char *gateway;
    now.mono.ms += 2 * INGEST_ACK_MIN_MS;
    while (ingest_next_ack(g, now, &ack, &area, &gateway))
        ;
}

static void tell_state(uint64_t running, uint64_t epoch, uint64_t lowest, uint64_t highest)
{
    struct gateway_state s = {.online = true, .epoch = running};
    if (epoch) {
        s.epoch_count = 1;
        s.epochs[0].epoch = epoch;
        s.epochs[0].lowest = lowest;
        s.epochs[0].highest = highest;
    }
    assert_int_equal(ingest_gateway_state(g, "lai-chau", "gw-1", &s, now), 0);
}

/* --- each once --- */

static void nothing_is_acknowledged_before_its_commit(void **state)
{
    (void)state;
    assert_int_equal(offer(5, 1), INGEST_NEW);
    assert_null(next_ack(5)); /* the greeting: credit alone */
    flush();
    now.mono.ms += 10000;
    assert_null(next_ack(5));
    settle_committed();
    const struct ack_epoch *a = next_ack(5);
    assert_non_null(a);
    assert_int_equal(a->upto, 1);
    now.mono.ms += 10000;
    assert_null(next_ack(5)); /* said once */
}

static void an_ack_tells_the_committed_and_leaves_out_the_pending(void **state)
{
    (void)state;
    assert_int_equal(offer(5, 1), INGEST_NEW);
    assert_int_equal(offer(5, 8), INGEST_NEW);
    commit();
    drain_acks();
    assert_int_equal(offer(5, 2), INGEST_NEW);
    assert_int_equal(offer(5, 9), INGEST_NEW);
    flush();
    assert_int_equal(offer(5, 1), INGEST_DUPLICATE);
    const struct ack_epoch *a = next_ack(5);
    assert_int_equal(a->upto, 1);
    assert_int_equal(a->also_count, 1);
    assert_int_equal(a->also[0].to, 8);
}

static void a_pack_sent_three_times_is_stored_once(void **state)
{
    (void)state;
    assert_int_equal(offer(5, 1), INGEST_NEW);
    assert_int_equal(offer(5, 1), INGEST_PENDING);
    flush();
    assert_int_equal(offer(5, 1), INGEST_PENDING);
    settle_committed();
    drain_acks();
    assert_int_equal(offer(5, 1), INGEST_DUPLICATE);
    assert_int_equal(store.packs, 1);
    assert_int_equal(ingest_next(g).ms, now.mono.ms); /* answered at once */
    const struct ack_epoch *a = next_ack(5);
    assert_non_null(a);
    assert_int_equal(a->upto, 1);
}

static void a_failed_batch_is_taken_again(void **state)
{
    (void)state;
    assert_int_equal(offer(5, 1), INGEST_NEW);
    flush();
    assert_int_equal(offer(5, 2), INGEST_NEW);
    ingest_failed(g);
    rangeset_clear(&store.batch);
    assert_int_equal(rangeset_add(&store.batch, 2, 2), 0);
    assert_int_equal(offer(5, 2), INGEST_PENDING);
    assert_int_equal(offer(5, 1), INGEST_NEW);
    commit();
    assert_int_equal(offer(5, 1), INGEST_DUPLICATE);
    assert_int_equal(offer(5, 3), INGEST_NEW);
    ingest_discarded(g);
    rangeset_clear(&store.batch);
    assert_int_equal(offer(5, 3), INGEST_NEW);
    commit();
    assert_int_equal(rangeset_upto(&store.committed, 1), 3);
}

static void reordered_packs_close_into_one_range(void **state)
{
    (void)state;
    static const uint64_t order[] = {9, 2, 7, 1, 8, 4, 3, 6};
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(offer(5, order[i]), INGEST_NEW);
    commit();
    next_ack(5);
    drain_acks();
    assert_int_equal(offer(5, 9), INGEST_DUPLICATE);
    const struct ack_epoch *a = next_ack(5);
    assert_int_equal(a->upto, 4);
    assert_int_equal(a->also_count, 1);
    assert_int_equal(a->also[0].from, 6);
    assert_int_equal(a->also[0].to, 9);
    assert_int_equal(offer(5, 5), INGEST_NEW);
    commit();
    now.mono.ms += INGEST_ACK_MIN_MS;
    a = next_ack(5);
    assert_int_equal(a->upto, 9);
    assert_int_equal(a->also_count, 0);
}

static void old_epochs_are_history_and_committed_ones_stay_so(void **state)
{
    (void)state;
    assert_int_equal(offer(5, 1), INGEST_NEW);
    assert_int_equal(offer(6, 1), INGEST_NEW);
    commit();
    assert_true(store.last_fresh);
    assert_int_equal(offer(5, 1), INGEST_DUPLICATE); /* a replay stores nothing */
    assert_int_equal(offer(5, 2), INGEST_NEW);       /* what was never committed is welcome */
    assert_int_equal(store.packs, 3);
    commit();
    assert_false(store.last_fresh); /* its row is known by now */
}

static void what_the_store_knew_is_not_new_after_a_restart(void **state)
{
    (void)state;
    struct rangeset done;
    struct rangeset gaps;
    rangeset_init(&done, 4);
    rangeset_init(&gaps, 4);
    assert_int_equal(rangeset_add(&done, 1, 10), 0);
    assert_int_equal(rangeset_add(&gaps, 11, 12), 0);
    assert_int_equal(ingest_restore(g, "gw-1", 5, &done, &gaps), 0);
    assert_int_equal(rangeset_add(&store.committed, 1, 10), 0);
    assert_int_equal(offer(5, 10), INGEST_DUPLICATE);
    assert_int_equal(next_ack(5)->upto, 12);
    assert_int_equal(offer(5, 11), INGEST_NEW); /* a gap yields */
    assert_int_equal(store.filled, 1);
    commit();
    assert_false(store.last_fresh);
    rangeset_finish(&done);
    rangeset_finish(&gaps);
}

/* Packs in random order, thrice, with failing batches: at every ack, what it claims is committed.
 */
static void check_acks_against_the_store(void)
{
    static struct ack ack;
    const char *area;
    const char *gateway;
    while (ingest_next_ack(g, now, &ack, &area, &gateway)) {
        for (size_t i = 0; i < ack.epoch_count; i++) {
            const struct ack_epoch *a = &ack.epochs[i];
            assert_true(a->upto == 0 || rangeset_covers(&store.committed, 1, a->upto));
            for (size_t n = 0; n < a->also_count; n++)
                assert_true(rangeset_covers(&store.committed, a->also[n].from, a->also[n].to));
        }
    }
}

static void any_order_any_repeat_any_failure(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct rng rng;
        rng_init(&rng, seed);
        tear_down(NULL);
        set_up(NULL);
        while (rangeset_total(&store.committed) < 300) {
            for (uint64_t n = rng_below(&rng, 40); n-- > 0;) {
                uint64_t seq = 1 + rng_below(&rng, 300);
                enum ingest_verdict v = offer(5, seq);
                assert_true(v == INGEST_NEW || v == INGEST_PENDING || v == INGEST_DUPLICATE);
                assert_int_equal(v == INGEST_DUPLICATE, rangeset_has(&store.committed, seq));
            }
            check_acks_against_the_store();
            now.mono.ms += (int64_t)rng_below(&rng, 300);
            flush();
            if (rng_below(&rng, 3) == 0) {
                rangeset_clear(&store.batch);
                ingest_failed(g);
            } else {
                settle_committed();
            }
            check_acks_against_the_store();
        }
        drain_acks();
        assert_int_equal(offer(5, 1), INGEST_DUPLICATE);
        assert_int_equal(next_ack(5)->upto, 300);
    }
}

/* --- refusals --- */

static void a_pack_that_can_never_be_stored_is_acknowledged_with_its_reason(void **state)
{
    (void)state;
    static const char body[] =
        "[{\"bn\":\"urn:dev:ops:gw-1:\",\"bt\":1795000000,\"epoch\":\"5\",\"seq\":\"1\",\"low\":"
        "\"1\","
        "\"kind\":\"data\",\"conf\":\"" CONF "\",\"n\":\"a/b\",\"v\":\"x\"}]";
    struct ingest_result r;
    assert_int_equal(offer_body("gw-1", true, body, sizeof(body) - 1, &r), INGEST_REFUSED);
    assert_int_equal(r.reason, REASON_INVALID);
    assert_int_equal(r.seq, 1);
    assert_string_equal(store.reason, "record 1: v must be a finite number");
    assert_int_equal(offer_body("gw-1", true, body, sizeof(body) - 1, &r), INGEST_PENDING);
    assert_int_equal(store.refused, 1);
    next_ack(5);
    commit();
    now.mono.ms += INGEST_ACK_MIN_MS;
    const struct ack_epoch *a = next_ack(5);
    assert_int_equal(a->upto, 1);
    assert_int_equal(a->refused_count, 1);
    assert_string_equal(a->refused[0].reason, store.reason);
    assert_int_equal(offer_body("gw-1", true, body, sizeof(body) - 1, &r), INGEST_DUPLICATE);
}

static void the_future_is_refused_by_a_trusted_clock_only(void **state)
{
    (void)state;
    struct ingest_result r;
    assert_int_equal(offer_at("gw-1", 5, 1, true, NOW + 300000, &r), INGEST_NEW);
    assert_int_equal(offer_at("gw-1", 5, 2, true, NOW + 300001, &r), INGEST_REFUSED);
    assert_int_equal(r.reason, REASON_FUTURE);
    assert_non_null(strstr(r.text, "is more than 300 s ahead of the collector's clock"));
    now.utc.ms = 0; /* a collector that booted in 1970 knows nothing of the future */
    assert_int_equal(offer_at("gw-1", 5, 3, true, NOW + 300001, &r), INGEST_NEW);
}

static void a_body_without_a_number_is_counted_alone(void **state)
{
    (void)state;
    struct ingest_result r;
    struct ingest_counters c;
    assert_int_equal(offer_body("gw-1", true, "[}", 2, &r), INGEST_MALFORMED);
    assert_int_equal(store.refused, 0);
    ingest_count(g, &c);
    assert_int_equal(c.verdicts[INGEST_MALFORMED], 1);
    assert_int_equal(c.reasons[REASON_INVALID], 1);
    assert_int_equal(c.pending, 0);
}

static void another_gateways_name_is_a_security_event(void **state)
{
    (void)state;
    static const char body[] = "[{\"bn\":\"urn:dev:ops:gw-2:\",\"bt\":1795000000,\"epoch\":\"5\","
                               "\"seq\":\"1\",\"low\":\"1\","
                               "\"kind\":\"data\",\"conf\":\"" CONF "\",\"n\":\"a/b\",\"v\":1}]";
    struct ingest_result r;
    assert_int_equal(offer_body("gw-1", true, body, sizeof(body) - 1, &r), INGEST_REFUSED);
    assert_int_equal(r.reason, REASON_FOREIGN);
    assert_int_equal(r.event, EVENT_FOREIGN_NAME);
    offer_body("gw-1", true, body, sizeof(body) - 1, &r);
    assert_int_equal(r.event, EVENT_NONE); /* one alarm, not one a pack */
}

static void two_gateways_under_one_name_are_found(void **state)
{
    (void)state;
    struct ingest_result r;
    unsigned events = 0;
    for (uint64_t seq = 1; seq <= 10; seq++) {
        assert_int_equal(offer_at("gw-1", 5, seq, true, NOW, &r), INGEST_NEW);
        events += r.event == EVENT_IDENTITY_TWICE;
        assert_int_equal(offer_at("gw-1", 6, seq, true, NOW, &r), INGEST_NEW);
        events += r.event == EVENT_IDENTITY_TWICE;
        now.mono.ms += 5000;
    }
    assert_int_equal(events, 1);
    assert_int_equal(store.packs, 20); /* nothing of either is lost */
}

static void restarts_are_not_taken_for_clones(void **state)
{
    (void)state;
    struct ingest_result r;
    for (uint64_t epoch = 10; epoch < 30; epoch++) {
        assert_int_equal(offer_at("gw-1", epoch, 1, true, NOW, &r), INGEST_NEW);
        assert_int_equal(r.event, EVENT_NONE);
        assert_int_equal(offer_at("gw-1", epoch - 1, 2, false, NOW, &r), INGEST_NEW);
        assert_int_equal(r.event, EVENT_NONE); /* backfill of the epoch before is no sign */
    }
}

/* --- gaps --- */

static enum ingest_verdict offer_gap(uint64_t seq, uint64_t lost, uint64_t from, uint64_t to)
{
    char body[1024];
    struct pack_writer w;
    struct ingest_result r;
    struct pack_head head = {.gateway = "gw-1",
                             .epoch = 5,
                             .seq = seq,
                             .low = 1,
                             .kind = PACK_GAP,
                             .conf = CONF,
                             .base = {NOW}};
    struct pack_gap gap = {.epoch = lost, .from = from, .to = to, .cause = "evicted", .count = 9};
    pack_begin(&w, body, sizeof(body), &head);
    assert_int_equal(pack_add_gap(&w, &gap), 0);
    return offer_body("gw-1", true, body, (size_t)pack_end(&w), &r);
}

static void a_reported_gap_counts_as_settled_once_committed(void **state)
{
    (void)state;
    assert_int_equal(offer(5, 1), INGEST_NEW);
    assert_int_equal(offer(5, 4), INGEST_NEW);
    assert_int_equal(offer_gap(7, 5, 2, 6), INGEST_NEW);
    assert_int_equal(store.gap_rows, 2); /* 2..3 and 5..6: what arrived is not lost */
    assert_string_equal(store.cause, "evicted");
    assert_null(next_ack(5));
    commit();
    now.mono.ms += INGEST_ACK_MIN_MS;
    assert_int_equal(next_ack(5)->upto, 7);

    assert_int_equal(offer(5, 3), INGEST_NEW); /* it came after all */
    assert_int_equal(store.filled, 1);
    flush();
    rangeset_clear(&store.batch);
    ingest_failed(g); /* and the gap is there again when that was not committed */
    assert_int_equal(offer(5, 3), INGEST_NEW);
    assert_int_equal(store.filled, 2);
    commit();
    assert_int_equal(offer(5, 3), INGEST_DUPLICATE);
}

static void a_gap_on_its_way_to_the_store_is_not_told(void **state)
{
    (void)state;
    assert_int_equal(offer(5, 1), INGEST_NEW);
    commit();
    drain_acks();
    assert_int_equal(offer_gap(7, 5, 2, 6), INGEST_NEW);
    flush();
    assert_int_equal(offer(5, 1), INGEST_DUPLICATE);
    assert_int_equal(next_ack(5)->upto, 1);
}

static void the_running_epoch_is_open_even_when_all_of_it_was_freed(void **state)
{
    (void)state;
    assert_int_equal(offer(5, 9), INGEST_NEW);
    commit();
    now.mono.ms += INGEST_REWIND_MS;
    tell_state(5, 0, 0, 0);
    ingest_step_time(g, now);
    assert_int_equal(store.gap_rows, 0);
}

static void a_gap_in_an_epoch_never_seen_is_recorded(void **state)
{
    (void)state;
    assert_int_equal(offer_gap(1, 4, 1, 500), INGEST_NEW);
    assert_int_equal(store.gap_rows, 1);
    commit();
    assert_int_equal(store.epochs, 2); /* the gap pack's epoch and the lost one's */
    now.mono.ms += INGEST_ACK_MIN_MS;
    assert_int_equal(next_ack(4)->upto, 500);
}

static void what_a_gateway_no_longer_holds_becomes_a_gap_after_its_rewind(void **state)
{
    (void)state;
    assert_int_equal(offer(5, 10), INGEST_NEW);
    commit();
    tell_state(5, 5, 8, 10);
    ingest_step_time(g, now);
    assert_int_equal(store.gap_rows, 0); /* it may be about to rewind to 1 */
    now.mono.ms += INGEST_REWIND_MS;
    ingest_step_time(g, now);
    assert_int_equal(store.gap_rows, 1); /* 1..7 */
    assert_string_equal(store.cause, "erased");
    assert_true(rangeset_covers(&store.gaps, 1, 7));
    assert_false(rangeset_has(&store.gaps, 8));
    commit();
    drain_acks();
    assert_int_equal(offer(5, 8), INGEST_NEW);
    assert_int_equal(offer(5, 9), INGEST_NEW);
    commit();
    now.mono.ms += INGEST_ACK_MIN_MS;
    assert_int_equal(next_ack(5)->upto, 10);
}

static void an_epoch_no_longer_held_is_closed(void **state)
{
    (void)state;
    assert_int_equal(offer(5, 1), INGEST_NEW);
    assert_int_equal(offer(5, 9), INGEST_NEW);
    commit();
    now.mono.ms += INGEST_REWIND_MS;
    ingest_step_time(g, now);
    assert_int_equal(store.gap_rows, 0); /* nothing was told yet */
    tell_state(6, 6, 1, 1);
    ingest_step_time(g, now);
    assert_true(rangeset_covers(&store.gaps, 2, 8));
    assert_int_equal(store.gap_rows, 1);
    ingest_step_time(g, now);
    assert_int_equal(store.gap_rows, 1); /* once */
}

static void a_state_that_cannot_list_all_closes_no_epoch(void **state)
{
    (void)state;
    struct gateway_state full = {.online = true, .epoch = 100, .epoch_count = STATE_EPOCHS_MAX};
    for (size_t i = 0; i < STATE_EPOCHS_MAX; i++) {
        full.epochs[i].epoch = 100 - i;
        full.epochs[i].lowest = full.epochs[i].highest = 1;
    }
    assert_int_equal(offer(5, 9), INGEST_NEW);
    commit();
    now.mono.ms += INGEST_REWIND_MS;
    assert_int_equal(ingest_gateway_state(g, "lai-chau", "gw-1", &full, now), 0);
    ingest_step_time(g, now);
    assert_int_equal(store.gap_rows, 0);
    tell_state(6, 0, 0, 0); /* nothing appended yet, or no disk to read */
    ingest_step_time(g, now);
    assert_int_equal(store.gap_rows, 0);
    full.epoch_count = STATE_EPOCHS_MAX - 1;
    assert_int_equal(ingest_gateway_state(g, "lai-chau", "gw-1", &full, now), 0);
    ingest_step_time(g, now);
    assert_true(rangeset_covers(&store.gaps, 1, 8));
}

static void a_will_proves_nothing_about_what_is_held(void **state)
{
    (void)state;
    struct gateway_state will = {.online = false, .epoch = 6};
    assert_int_equal(offer(5, 9), INGEST_NEW);
    commit();
    now.mono.ms += INGEST_REWIND_MS;
    assert_int_equal(ingest_gateway_state(g, "lai-chau", "gw-1", &will, now), 0);
    ingest_step_time(g, now);
    assert_int_equal(store.gap_rows, 0);
}

/* --- limits --- */

static void a_store_that_is_behind_drops_and_loses_nothing(void **state)
{
    (void)state;
    struct ingest_result r;
    store.full = true;
    assert_int_equal(offer_at("gw-1", 5, 1, true, NOW, &r), INGEST_DROPPED);
    assert_int_equal(r.reason, REASON_BATCH);
    store.full = false;
    assert_int_equal(offer(5, 1), INGEST_NEW);
    for (uint64_t seq = 2; seq <= INGEST_PENDING_MAX; seq++) {
        enum ingest_verdict v = offer(5, seq);
        assert_true(v == INGEST_NEW || v == INGEST_DROPPED);
    }
    assert_int_equal(offer(5, INGEST_PENDING_MAX + 1), INGEST_DROPPED);
    commit();
    assert_int_equal(offer(5, INGEST_PENDING_MAX + 1), INGEST_NEW);
}

static void many_holes_lower_the_credit_then_refuse_more(void **state)
{
    (void)state;
    static struct ack ack;
    const char *area;
    const char *gateway;
    struct ingest_result r;
    assert_int_equal(offer(5, 1), INGEST_NEW);
    assert_true(ingest_next_ack(g, now, &ack, &area, &gateway));
    assert_int_equal(ack.credit, 16);
    for (uint64_t n = 2; n <= INGEST_RANGES_MAX; n++)
        assert_int_equal(offer(5, 2 * n), INGEST_NEW);
    ingest_step_time(g, now);
    now.mono.ms += INGEST_ACK_MIN_MS;
    assert_true(ingest_next_ack(g, now, &ack, &area, &gateway));
    assert_int_equal(ack.credit, 1);
    assert_int_equal(offer_at("gw-1", 5, 90000, true, NOW, &r), INGEST_DROPPED);
    assert_int_equal(r.reason, REASON_RANGES);
    assert_int_equal(offer(5, 3), INGEST_NEW); /* what closes a hole is always welcome */
}

static void an_ack_with_many_ranges_goes_on_in_the_next(void **state)
{
    (void)state;
    struct rangeset told;
    size_t acks = 0;
    rangeset_init(&told, 1000);
    for (uint64_t n = 1; n <= 200; n++)
        assert_int_equal(offer(5, 2 * n), INGEST_NEW);
    next_ack(5);
    commit();
    for (;;) {
        now.mono.ms += INGEST_ACK_MIN_MS;
        const struct ack_epoch *a = next_ack(5);
        if (!a)
            break;
        acks++;
        for (size_t i = 0; i < a->also_count; i++)
            assert_int_equal(rangeset_add(&told, a->also[i].from, a->also[i].to), 0);
    }
    assert_int_equal(acks, 4);
    assert_int_equal(rangeset_total(&told), 200);
    rangeset_finish(&told);
}

static void half_of_the_credit_presses_for_a_commit_and_is_told_at_once(void **state)
{
    (void)state;
    assert_int_equal(offer(5, 1), INGEST_NEW);
    commit();
    drain_acks(); /* grants 16 */
    for (uint64_t seq = 2; seq <= 8; seq++)
        assert_int_equal(offer(5, seq), INGEST_NEW);
    assert_false(ingest_pressed(g));
    assert_int_equal(offer(5, 9), INGEST_NEW);
    assert_true(ingest_pressed(g));
    commit();
    assert_false(ingest_pressed(g));
    assert_int_equal(next_ack(5)->upto, 9);
    assert_int_equal(offer(5, 10), INGEST_NEW);
    commit();
    assert_null(next_ack(5)); /* one pack waits its turn */
    now.mono.ms += INGEST_ACK_MIN_MS;
    assert_int_equal(next_ack(5)->upto, 10);
}

static void credit_is_shared_and_never_less_than_one(void **state)
{
    (void)state;
    static struct ack ack;
    const char *area;
    const char *gateway;
    struct ingest_result r;
    char name[NAME_SIZE];
    ingest_destroy(g);
    make(300, 100);
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "gw-%d", i);
        assert_int_equal(offer_at(name, 7, 1, true, NOW, &r), INGEST_NEW);
    }
    ingest_step_time(g, now);
    unsigned sum = 0;
    now.mono.ms += INGEST_ACK_MIN_MS;
    while (ingest_next_ack(g, now, &ack, &area, &gateway))
        sum += ack.credit;
    assert_int_equal(sum, 100);
    for (int i = 20; i < 200; i++) {
        snprintf(name, sizeof(name), "gw-%d", i);
        assert_int_equal(offer_at(name, 7, 1, true, NOW, &r), INGEST_NEW);
    }
    ingest_step_time(g, now);
    now.mono.ms += INGEST_ACK_MIN_MS;
    size_t told = 0;
    for (; ingest_next_ack(g, now, &ack, &area, &gateway); told++)
        assert_int_equal(ack.credit, 1);
    assert_int_equal(told, 200); /* those who had more are told at once */

    now.mono.ms += INGEST_QUIET_MS + 1;
    assert_int_equal(offer_at("gw-0", 7, 2, true, NOW, &r), INGEST_NEW);
    ingest_step_time(g, now);
    now.mono.ms += INGEST_ACK_MIN_MS;
    assert_true(ingest_next_ack(g, now, &ack, &area, &gateway));
    assert_string_equal(gateway, "gw-0");
    assert_int_equal(ack.credit, 16);
}

static void more_gateways_than_the_limit_are_dropped(void **state)
{
    (void)state;
    struct ingest_result r;
    char name[NAME_SIZE];
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "gw-%d", i);
        assert_int_equal(offer_at(name, 7, 1, true, NOW, &r), INGEST_NEW);
    }
    assert_int_equal(offer_at("gw-10", 7, 1, true, NOW, &r), INGEST_DROPPED);
    assert_int_equal(r.reason, REASON_GATEWAYS);
}

static void restarts_without_end_take_bounded_memory(void **state)
{
    (void)state;
    for (uint64_t epoch = 100; epoch < 100 + 3 * INGEST_EPOCHS_MAX; epoch++) {
        assert_int_equal(offer(epoch, 1), INGEST_NEW);
        commit();
        drain_acks();
        now.mono.ms += 1000;
    }
    assert_int_equal(offer(100, 1), INGEST_NEW); /* forgotten here: the store joins it */
    commit();
    assert_true(store.last_fresh);
}

static void too_many_unsettled_epochs_are_dropped(void **state)
{
    (void)state;
    struct ingest_result r;
    for (uint64_t epoch = 100; epoch < 100 + INGEST_EPOCHS_MAX; epoch++)
        assert_int_equal(offer(epoch, 1), INGEST_NEW);
    assert_int_equal(offer_at("gw-1", 9000, 1, true, NOW, &r), INGEST_DROPPED);
    assert_int_equal(r.reason, REASON_EPOCHS);
}

/* --- descriptions --- */

static void descriptions_are_asked_for_once_in_a_while(void **state)
{
    (void)state;
    struct ingest_result r;
    assert_int_equal(offer_at("gw-1", 5, 1, true, NOW, &r), INGEST_NEW);
    assert_true(r.ask_descriptions);
    assert_false(r.conf_known);
    assert_int_equal(offer_at("gw-1", 5, 2, true, NOW, &r), INGEST_NEW);
    assert_false(r.ask_descriptions);
    now.mono.ms += INGEST_REQUEST_MS;
    assert_int_equal(offer_at("gw-1", 5, 3, true, NOW, &r), INGEST_NEW);
    assert_true(r.ask_descriptions);
    assert_int_equal(ingest_conf_known(g, "gw-1", CONF), 0);
    now.mono.ms += INGEST_REQUEST_MS;
    assert_int_equal(offer_at("gw-1", 5, 4, true, NOW, &r), INGEST_NEW);
    assert_false(r.ask_descriptions);
    assert_true(r.conf_known && store.last_conf_known);
}

static void a_gateway_that_connects_is_told_its_credit(void **state)
{
    (void)state;
    static struct ack ack;
    const char *area;
    const char *gateway;
    tell_state(5, 0, 0, 0);
    assert_true(ingest_next_ack(g, now, &ack, &area, &gateway));
    assert_string_equal(gateway, "gw-1");
    assert_int_equal(ack.credit, 16);
    assert_int_equal(ack.epoch_count, 0);
}

#define WITH_INGEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_INGEST(nothing_is_acknowledged_before_its_commit),
        WITH_INGEST(an_ack_tells_the_committed_and_leaves_out_the_pending),
        WITH_INGEST(a_pack_sent_three_times_is_stored_once),
        WITH_INGEST(a_failed_batch_is_taken_again),
        WITH_INGEST(reordered_packs_close_into_one_range),
        WITH_INGEST(old_epochs_are_history_and_committed_ones_stay_so),
        WITH_INGEST(what_the_store_knew_is_not_new_after_a_restart),
        WITH_INGEST(any_order_any_repeat_any_failure),
        WITH_INGEST(a_pack_that_can_never_be_stored_is_acknowledged_with_its_reason),
        WITH_INGEST(the_future_is_refused_by_a_trusted_clock_only),
        WITH_INGEST(a_body_without_a_number_is_counted_alone),
        WITH_INGEST(another_gateways_name_is_a_security_event),
        WITH_INGEST(two_gateways_under_one_name_are_found),
        WITH_INGEST(restarts_are_not_taken_for_clones),
        WITH_INGEST(a_reported_gap_counts_as_settled_once_committed),
        WITH_INGEST(a_gap_on_its_way_to_the_store_is_not_told),
        WITH_INGEST(the_running_epoch_is_open_even_when_all_of_it_was_freed),
        WITH_INGEST(a_gap_in_an_epoch_never_seen_is_recorded),
        WITH_INGEST(what_a_gateway_no_longer_holds_becomes_a_gap_after_its_rewind),
        WITH_INGEST(an_epoch_no_longer_held_is_closed),
        WITH_INGEST(a_state_that_cannot_list_all_closes_no_epoch),
        WITH_INGEST(a_will_proves_nothing_about_what_is_held),
        WITH_INGEST(a_store_that_is_behind_drops_and_loses_nothing),
        WITH_INGEST(many_holes_lower_the_credit_then_refuse_more),
        WITH_INGEST(an_ack_with_many_ranges_goes_on_in_the_next),
        WITH_INGEST(half_of_the_credit_presses_for_a_commit_and_is_told_at_once),
        WITH_INGEST(credit_is_shared_and_never_less_than_one),
        WITH_INGEST(more_gateways_than_the_limit_are_dropped),
        WITH_INGEST(restarts_without_end_take_bounded_memory),
        WITH_INGEST(too_many_unsettled_epochs_are_dropped),
        WITH_INGEST(descriptions_are_asked_for_once_in_a_while),
        WITH_INGEST(a_gateway_that_connects_is_told_its_credit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
