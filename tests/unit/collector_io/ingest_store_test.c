/* Promise: a collector killed at any moment, with packs sent three times in any order, has stored
 * each pack exactly once, and never acknowledged one that is not in its store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "collector/core/ingest/ingest.h"
#include "collector/io/store/store.h"
#include "tests/support/scratch.h"

#define EPOCH     1794999999000
#define PACKS     400
#define ANSWER_MS 30000 /* far beyond any answer: only a hang takes it */

static char dir[SCRATCH_SIZE];
static char path[96];

static int make_dir(void **state)
{
    (void)state;
    assert_int_equal(scratch_make(dir, "ingest-test"), 0);
    snprintf(path, sizeof(path), "%s/store.db", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return scratch_remove(dir);
}

/* --- a small collector: ingest and store, joined as collectord joins them --- */

struct collector {
    struct store *store;
    struct ingest *ingest;
    struct mailbox *box;
    struct ingest_now now;
};

static int sink_pack(void *user, const struct pack *p, const char *body, size_t len, bool live,
                     bool conf_known, struct clk_utc received)
{
    struct collector *c = user;
    struct store_pack row = {.gateway = p->head.gateway,
                             .epoch = p->head.epoch,
                             .seq = p->head.seq,
                             .received = received,
                             .lane = live ? LANE_LIVE : LANE_BACKFILL,
                             .kind = p->head.kind,
                             .conf = p->head.conf,
                             .interpreted = conf_known,
                             .body = body,
                             .len = len};
    return store_put_pack(c->store, &row);
}

static int sink_refused(void *user, const char *gateway, uint64_t epoch, uint64_t seq,
                        struct clk_utc received, const char *reason, const char *body, size_t len)
{
    struct collector *c = user;
    return store_put_refused(c->store, gateway, epoch, seq, received, reason, body, len);
}

static int sink_gap(void *user, const char *gateway, const struct pack_gap *gap,
                    struct clk_utc reported)
{
    struct collector *c = user;
    return store_put_gap(c->store, gateway, gap, reported);
}

static int sink_gap_filled(void *user, const char *gateway, uint64_t epoch, uint64_t seq)
{
    struct collector *c = user;
    return store_put_gap_filled(c->store, gateway, epoch, seq);
}

static int sink_epoch(void *user, const char *gateway, uint64_t epoch, const struct rangeset *done,
                      bool fresh)
{
    struct collector *c = user;
    return store_put_epoch(c->store, gateway, epoch, done, fresh);
}

static int restore(void *user, const char *gateway, uint64_t epoch, const struct rangeset *done,
                   const struct rangeset *gaps)
{
    struct collector *c = user;
    return ingest_restore(c->ingest, gateway, epoch, done, gaps);
}

static void collector_open(struct collector *c)
{
    struct store_options options = {.path = path, .clk = clk_system(), .retry_ms = 20};
    struct ingest_limits limits = {
        .gateways = 4, .credit_total = 64, .credit_max = 64, .future_max_ms = 300000};
    struct ingest_sink sink = {c, sink_pack, sink_refused, sink_gap, sink_gap_filled, sink_epoch};
    struct err e = {0};
    c->now = (struct ingest_now){{1795000000000}, {1000000}};
    c->box = mailbox_create(16, 8);
    assert_non_null(c->box);
    if (store_open(&options, &c->store, &e) || ingest_create(&limits, &sink, &c->ingest, &e) ||
        store_load_epochs(c->store, restore, c, &e) || store_start(c->store, c->box, &e))
        fail_msg("%s", e.text);
}

static void collector_close(struct collector *c)
{
    store_close(c->store);
    ingest_destroy(c->ingest);
    mailbox_destroy(c->box);
}

static void offer(struct collector *c, uint64_t seq)
{
    char body[1024];
    struct pack_writer w;
    struct ingest_result r;
    struct pack_head head = {.gateway = "gw-1",
                             .epoch = EPOCH,
                             .seq = seq,
                             .low = 1,
                             .kind = PACK_DATA,
                             .conf = "0123456789abcdef",
                             .base = {1795000000000}};
    struct sample s = {.at = head.base, .value = {VALUE_NUMBER, .number = (double)seq}};
    pack_begin(&w, body, sizeof(body), &head);
    assert_int_equal(pack_add(&w, "d", "p", &s), 0);
    int64_t len = pack_end(&w);
    struct ingest_arrival a = {"lai-chau", "gw-1", seq % 2 == 0, body, (size_t)len};
    if (ingest_offer(c->ingest, &a, c->now, &r) == INGEST_NEW)
        pack_free(&r.pack);
}

static void commit(struct collector *c)
{
    uint64_t number;
    struct mail m;
    struct pollfd p = {.fd = mailbox_fd(c->box), .events = POLLIN};
    assert_int_equal(ingest_flush(c->ingest), 0);
    if (store_batch_empty(c->store))
        return;
    assert_int_equal(store_submit(c->store, &number), 0);
    assert_int_equal(poll(&p, 1, ANSWER_MS), 1);
    assert_true(mailbox_take(c->box, &m));
    assert_int_equal(m.type, STORE_COMMITTED);
    ingest_committed(c->ingest, c->now);
    c->now.mono.ms += INGEST_ACK_MIN_MS;
}

/* Gives what the next ack says of the epoch; false when none is due. */
static bool next_ack(struct collector *c, struct ack_epoch *out)
{
    static struct ack ack;
    const char *area;
    const char *gateway;
    *out = (struct ack_epoch){0};
    if (!ingest_next_ack(c->ingest, c->now, &ack, &area, &gateway))
        return false;
    if (ack.epoch_count)
        *out = ack.epochs[0];
    return true;
}

/* --- killed --- */

static void serve_for_ever(int report, uint64_t seed)
{
    struct collector c;
    struct rng rng;
    struct ack_epoch a;
    rng_init(&rng, seed);
    collector_open(&c);
    for (;;) {
        for (int i = 0; i < 20; i++) {
            uint64_t seq = 1 + rng_below(&rng, PACKS);
            for (int times = 0; times < 3; times++)
                offer(&c, seq);
        }
        commit(&c);
        while (next_ack(&c, &a))
            if (write(report, &a, sizeof(a)) != sizeof(a))
                _exit(1);
    }
}

static void note(struct rangeset *acked, const struct ack_epoch *a)
{
    if (a->upto)
        assert_int_equal(rangeset_add(acked, 1, a->upto), 0);
    for (size_t i = 0; i < a->also_count; i++)
        assert_int_equal(rangeset_add(acked, a->also[i].from, a->also[i].to), 0);
}

static bool read_ack(int fd, struct ack_epoch *a)
{
    size_t have = 0;
    while (have < sizeof(*a)) {
        ssize_t n = read(fd, (char *)a + have, sizeof(*a) - have);
        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    return true;
}

static void run_and_kill(struct rangeset *acked, uint64_t seed, uint64_t acks)
{
    int pipe_fd[2];
    static struct ack_epoch a;
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(pipe_fd[0]);
        serve_for_ever(pipe_fd[1], seed);
    }
    close(pipe_fd[1]);
    while (acks-- && read_ack(pipe_fd[0], &a))
        note(acked, &a);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    while (read_ack(pipe_fd[0], &a))
        note(acked, &a);
    close(pipe_fd[0]);
}

struct rows {
    size_t count;
    struct rangeset seqs;
};

static int see_row(void *user, const struct store_row *row)
{
    struct rows *rows = user;
    struct pack p;
    struct pack_record r;
    assert_int_equal(pack_parse(row->pack.body, row->pack.len, "gw-1", &p, NULL), 0);
    assert_int_equal(p.head.seq, row->pack.seq);
    assert_int_equal(pack_next(&p, &r), 1);
    assert_true(r.number == (double)row->pack.seq);
    pack_free(&p);
    rows->count++;
    return rangeset_add(&rows->seqs, row->pack.seq, row->pack.seq);
}

static void see_rows(struct rows *rows)
{
    struct err e = {0};
    rows->count = 0;
    rangeset_init(&rows->seqs, PACKS);
    if (store_each_pack(path, see_row, rows, &e))
        fail_msg("%s", e.text);
}

static void every_pack_once_and_no_ack_without_its_pack(void **state)
{
    (void)state;
    struct rangeset acked;
    struct rng rng;
    struct rows rows;
    rangeset_init(&acked, PACKS);
    rng_init(&rng, 27);
    for (uint64_t round = 0; round < 6; round++) {
        run_and_kill(&acked, round, 2 + rng_below(&rng, 6));
        see_rows(&rows);
        assert_true(rows.count > 0);
        assert_int_equal(rangeset_total(&rows.seqs), rows.count); /* each once */
        for (size_t i = 0; i < acked.count; i++)
            assert_true(rangeset_covers(&rows.seqs, acked.ranges[i].from, acked.ranges[i].to));
        rangeset_finish(&rows.seqs);
    }
    struct collector c;
    collector_open(&c);
    for (uint64_t seq = PACKS; seq >= 1; seq--)
        offer(&c, seq);
    commit(&c);
    collector_close(&c);
    see_rows(&rows);
    assert_int_equal(rows.count, PACKS);
    assert_int_equal(rangeset_upto(&rows.seqs, 1), PACKS);
    rangeset_finish(&rows.seqs);
    rangeset_finish(&acked);
}

/* --- forgotten --- */

/* More restarts of a gateway than are remembered: the store's own row and its unique names keep a
 * replay from being stored a second time. */
static void a_replay_of_a_forgotten_epoch_stores_nothing(void **state)
{
    (void)state;
    struct collector c;
    struct rows rows;
    struct ack_epoch a;
    collector_open(&c);
    offer(&c, 1);
    offer(&c, 2);
    commit(&c);
    struct rangeset none;
    rangeset_init(&none, 1);
    while (next_ack(&c, &a))
        ;
    for (uint64_t epoch = 1; epoch <= INGEST_EPOCHS_MAX; epoch++)
        assert_int_equal(ingest_restore(c.ingest, "gw-1", epoch, &none, &none), 0);
    offer(&c, 2);
    commit(&c);
    collector_close(&c);
    see_rows(&rows);
    assert_int_equal(rows.count, 2);
    rangeset_finish(&rows.seqs);
    rangeset_finish(&none);

    collector_open(&c); /* and what was known of it is still known */
    offer(&c, 1);
    assert_true(store_batch_empty(c.store));
    assert_true(next_ack(&c, &a));
    assert_int_equal(a.upto, 2);
    collector_close(&c);
}

#define IN_A_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_DIR(every_pack_once_and_no_ack_without_its_pack),
        IN_A_DIR(a_replay_of_a_forgotten_epoch_stores_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
