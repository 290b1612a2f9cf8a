/* Promise: what the store calls committed survives a kill -9 whole and exactly once; what it cannot
 * commit yet it keeps and says so; and no contents of its file keep the collector from starting. */
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
#include "collector/io/store/store.h"
#include "collector/io/store/store_parts.h"
#include "tests/support/scratch.h"

#define CONF      "0123456789abcdef"
#define ANSWER_MS 30000 /* far beyond any answer: only a hang takes it */

static char dir[SCRATCH_SIZE];
static char path[96];
static struct mailbox *box;
static struct clk_fake fake;

static int make_dir(void **state)
{
    (void)state;
    clk_fake_init(&fake, 1795000000123, 0);
    assert_int_equal(scratch_make(dir, "store-test"), 0);
    snprintf(path, sizeof(path), "%s/store.db", dir);
    box = mailbox_create(64, 32);
    return box ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    mailbox_destroy(box);
    return scratch_remove(dir);
}

static struct store *open_with(uint64_t size_max, uint64_t size_reserve)
{
    struct store_options options = {.path = path,
                                    .size_max = size_max,
                                    .size_reserve = size_reserve,
                                    .clk = &fake.clk,
                                    .retry_ms = 20};
    struct store *s;
    struct err e = {0};
    if (store_open(&options, &s, &e))
        fail_msg("%s", e.text);
    return s;
}

static struct store *open_store(void)
{
    return open_with(0, 0);
}

static struct store *start_store(void)
{
    struct store *s = open_store();
    assert_int_equal(store_start(s, box, NULL), 0);
    return s;
}

static struct mail await_mail(void)
{
    struct pollfd p = {.fd = mailbox_fd(box), .events = POLLIN};
    struct mail m = {0};
    assert_int_equal(poll(&p, 1, ANSWER_MS), 1);
    assert_true(mailbox_take(box, &m));
    return m;
}

static void expect_mail(int type, uint64_t number)
{
    struct mail m = await_mail();
    if (m.type != type || m.a != number)
        fail_msg("mail %#x for batch %llu: %s", (unsigned)m.type, (unsigned long long)m.a,
                 m.data ? (const char *)m.data : "");
    free(m.data);
}

static void commit(struct store *s)
{
    uint64_t number;
    assert_int_equal(store_submit(s, &number), 0);
    expect_mail(STORE_COMMITTED, number);
    assert_false(store_busy(s));
}

static void put_pack(struct store *s, uint64_t epoch, uint64_t seq)
{
    char body[64];
    snprintf(body, sizeof(body), "body of %llu/%llu", (unsigned long long)epoch,
             (unsigned long long)seq);
    struct store_pack p = {.gateway = "gw-1",
                           .epoch = epoch,
                           .seq = seq,
                           .received = {1795000000000},
                           .lane = LANE_BACKFILL,
                           .kind = PACK_DATA,
                           .conf = CONF,
                           .body = body,
                           .len = strlen(body)};
    assert_int_equal(store_put_pack(s, &p), 0);
}

static void put_done(struct store *s, uint64_t epoch, uint64_t from, uint64_t to, bool fresh)
{
    struct rangeset done;
    rangeset_init(&done, 8);
    assert_int_equal(rangeset_add(&done, from, to), 0);
    assert_int_equal(store_put_epoch(s, "gw-1", epoch, &done, fresh), 0);
    rangeset_finish(&done);
}

/* What the file holds, as a reader beside the running store sees it. */
struct seen {
    size_t count;
    struct rangeset seqs, done, gaps;
    size_t epochs;
};

static int see_pack(void *user, const struct store_row *row)
{
    struct seen *seen = user;
    char body[64];
    snprintf(body, sizeof(body), "body of %llu/%llu", (unsigned long long)row->pack.epoch,
             (unsigned long long)row->pack.seq);
    assert_string_equal(row->gateway, "gw-1");
    assert_string_equal(row->pack.conf, CONF);
    assert_int_equal(row->pack.lane, LANE_BACKFILL);
    assert_int_equal(row->pack.received.ms, 1795000000000);
    assert_int_equal(row->pack.len, strlen(body));
    assert_memory_equal(row->pack.body, body, row->pack.len);
    seen->count++;
    return rangeset_add(&seen->seqs, row->pack.seq, row->pack.seq);
}

static void see_packs(struct seen *seen)
{
    struct err e = {0};
    *seen = (struct seen){0};
    rangeset_init(&seen->seqs, 1000);
    if (store_each_pack(path, see_pack, seen, &e))
        fail_msg("%s", e.text);
}

static int see_epoch(void *user, const char *gateway, uint64_t epoch, const struct rangeset *done,
                     const struct rangeset *gaps)
{
    struct seen *seen = user;
    (void)epoch;
    assert_string_equal(gateway, "gw-1");
    seen->epochs++;
    for (size_t i = 0; i < done->count; i++)
        assert_int_equal(rangeset_add(&seen->done, done->ranges[i].from, done->ranges[i].to), 0);
    for (size_t i = 0; i < gaps->count; i++)
        assert_int_equal(rangeset_add(&seen->gaps, gaps->ranges[i].from, gaps->ranges[i].to), 0);
    return 0;
}

static void see_epochs(struct store *s, struct seen *seen)
{
    struct err e = {0};
    *seen = (struct seen){0};
    rangeset_init(&seen->done, 1000);
    rangeset_init(&seen->gaps, 1000);
    if (store_load_epochs(s, see_epoch, seen, &e))
        fail_msg("%s", e.text);
}

static void forget(struct seen *seen)
{
    rangeset_finish(&seen->seqs);
    rangeset_finish(&seen->done);
    rangeset_finish(&seen->gaps);
}

static int64_t read_one(const char *sql)
{
    struct db *db;
    struct db_stmt *stmt;
    assert_int_equal(db_open(path, DB_READ_ONLY, &db, NULL), 0);
    assert_int_equal(db_prepare(db, sql, &stmt, NULL), 0);
    assert_int_equal(db_step(stmt, NULL), 1);
    int64_t v = db_int(stmt, 0);
    db_close(db);
    return v;
}

static size_t files_set_aside(void)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *x; d && (x = readdir(d)) != NULL;)
        n += strstr(x->d_name, "store.db.broken-2026-11-18T") == x->d_name;
    closedir(d);
    return n;
}

/* --- committing --- */

static void what_was_committed_is_there_after_a_restart(void **state)
{
    (void)state;
    struct seen seen;
    char id[STORE_ID_SIZE];
    struct store *s = start_store();
    assert_true(store_is_new(s));
    assert_int_equal(strlen(store_id(s)), 32);
    memcpy(id, store_id(s), sizeof(id));
    put_pack(s, 5, 1);
    put_pack(s, 5, 2);
    put_done(s, 5, 1, 2, true);
    assert_false(store_batch_empty(s));
    commit(s);
    assert_true(store_batch_empty(s));
    store_close(s);

    s = open_store();
    assert_false(store_is_new(s));
    assert_string_equal(store_id(s), id);
    assert_int_equal(store_owner_epoch(s), 2);
    see_epochs(s, &seen);
    assert_int_equal(seen.epochs, 1);
    assert_true(rangeset_covers(&seen.done, 1, 2));
    forget(&seen);
    see_packs(&seen);
    assert_int_equal(seen.count, 2);
    forget(&seen);
    store_close(s);
}

static void a_pack_put_three_times_is_one_row(void **state)
{
    (void)state;
    struct seen seen;
    struct store *s = start_store();
    for (int i = 0; i < 3; i++) {
        put_pack(s, 5, 1);
        put_pack(s, 5, 1);
        commit(s);
    }
    see_packs(&seen);
    assert_int_equal(seen.count, 1);
    forget(&seen);
    store_close(s);
}

static void an_attempt_whose_answer_was_lost_is_not_repeated(void **state)
{
    (void)state;
    struct store *s = open_store();
    assert_int_equal(store_put_audit(s, fake.utc_now, "hoa", "acknowledge", "a-1", "seen"), 0);
    s->filling->number = 1;
    assert_int_equal(store_apply(s, s->filling, NULL), 0);
    assert_int_equal(store_apply(s, s->filling, NULL), 0);
    s->filling->number = 2;
    assert_int_equal(store_apply(s, s->filling, NULL), 0);
    assert_int_equal(read_one("SELECT count(*) FROM audit"), 2);
    store_close(s);
}

static void the_next_batch_fills_while_one_commits(void **state)
{
    (void)state;
    struct seen seen;
    uint64_t first;
    uint64_t second;
    struct db *blocker;
    struct store *s = start_store();
    assert_int_equal(store_submit(s, &first), ERR_INVALID);
    assert_int_equal(db_open(path, DB_WRITE, &blocker, NULL), 0);
    assert_int_equal(db_begin(blocker, NULL), 0);
    put_pack(s, 5, 1);
    assert_int_equal(store_submit(s, &first), 0);
    assert_true(store_busy(s));
    put_pack(s, 5, 2);
    assert_int_equal(store_submit(s, &second), ERR_AGAIN);

    struct mail m = await_mail(); /* the lock is told, nothing is called committed */
    assert_int_equal(m.type, STORE_RETRY);
    assert_int_equal(m.b, -ERR_AGAIN);
    assert_non_null(strstr(m.data, path));
    free(m.data);
    db_close(blocker);
    expect_mail(STORE_COMMITTED, first);
    commit(s);
    see_packs(&seen);
    assert_int_equal(seen.count, 2);
    forget(&seen);
    store_close(s);
}

/* --- a child that is killed while it commits --- */

static void commit_for_ever(int report)
{
    box = mailbox_create(64, 32); /* the parent's would share its event with the next child */
    assert_non_null(box);
    struct store *s = start_store();
    struct seen seen;
    see_packs(&seen);
    for (uint64_t seq = rangeset_upto(&seen.seqs, 1) + 1;; seq += 3) {
        put_pack(s, 5, seq);
        put_pack(s, 5, seq + 1);
        put_pack(s, 5, seq + 2);
        put_done(s, 5, 1, seq + 2, false);
        commit(s);
        uint64_t upto = seq + 2;
        if (write(report, &upto, sizeof(upto)) != sizeof(upto))
            _exit(1);
    }
}

/* Kills the child after some commits were reported, wherever it then is; returns the last number
 * it had been told was committed. */
static uint64_t kill_in_a_commit(uint64_t reports)
{
    int pipe_fd[2];
    uint64_t upto = 0;
    uint64_t last = 0;
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(pipe_fd[0]);
        commit_for_ever(pipe_fd[1]);
    }
    close(pipe_fd[1]);
    while (reports-- && read(pipe_fd[0], &upto, sizeof(upto)) == sizeof(upto))
        last = upto;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    while (read(pipe_fd[0], &upto, sizeof(upto)) == sizeof(upto))
        last = upto;
    close(pipe_fd[0]);
    return last;
}

static void a_kill_in_a_commit_leaves_all_of_it_or_nothing(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 24);
    for (int round = 0; round < 8; round++) {
        struct seen packs;
        struct seen ranges;
        uint64_t told = kill_in_a_commit(1 + rng_below(&rng, 6));
        struct store *s = open_store();
        assert_false(store_is_new(s));
        see_packs(&packs);
        see_epochs(s, &ranges);
        assert_true(told > 0);
        assert_int_equal(packs.seqs.count, 1); /* 1..n, each once */
        assert_int_equal(packs.count, packs.seqs.ranges[0].to);
        assert_true(packs.seqs.ranges[0].to >= told);
        assert_int_equal(packs.count % 3, 0); /* never part of a batch */
        assert_int_equal(rangeset_upto(&ranges.done, 1), packs.seqs.ranges[0].to);
        forget(&packs);
        forget(&ranges);
        store_close(s);
    }
    assert_int_equal(files_set_aside(), 0);
}

/* --- trouble --- */

static void a_full_store_keeps_its_word_and_lets_alarms_through(void **state)
{
    (void)state;
    static char body[60000];
    uint64_t number = 0;
    uint64_t committed = 0;
    struct store *s = open_with(2U << 20, 1U << 20);
    struct mail m = {.type = STORE_COMMITTED};
    assert_int_equal(store_start(s, box, NULL), 0);
    for (uint64_t seq = 1; m.type == STORE_COMMITTED; seq++) {
        struct store_pack p = {.gateway = "gw-1",
                               .epoch = 5,
                               .seq = seq,
                               .kind = PACK_DATA,
                               .conf = CONF,
                               .body = body,
                               .len = sizeof(body)};
        assert_int_equal(store_put_pack(s, &p), 0);
        assert_int_equal(store_submit(s, &number), 0);
        m = await_mail();
        committed += m.type == STORE_COMMITTED;
    }
    assert_int_equal(m.type, STORE_RETRY);
    assert_int_equal(m.b, -ERR_FULL);
    free(m.data);
    assert_true(committed > 5 && committed < 20);

    store_withdraw(s);
    expect_mail(STORE_WITHDRAWN, number);
    assert_int_equal(store_put_alarm(s, "a-1", "row", 3), 0);
    commit(s);
    assert_int_equal(read_one("SELECT count(*) FROM alarm"), 1);
    assert_int_equal(read_one("SELECT count(*) FROM pack"), committed);
    store_close(s);
}

static void an_owner_that_was_replaced_commits_nothing_more(void **state)
{
    (void)state;
    uint64_t number;
    struct store *old = start_store();
    struct store *next = open_store();
    put_pack(old, 5, 1);
    assert_int_equal(store_submit(old, &number), 0);
    struct mail m = await_mail();
    assert_int_equal(m.type, STORE_FATAL);
    assert_int_equal(m.b, -ERR_DENIED);
    assert_non_null(strstr(m.data, "another collector took it over"));
    free(m.data);
    assert_int_equal(read_one("SELECT count(*) FROM pack"), 0);
    put_pack(old, 5, 2);
    assert_int_equal(store_submit(old, &number), ERR_CLOSED);
    store_close(old);
    store_close(next);
}

static void fill_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++)
        fputs(text, f);
    fclose(f);
}

static void a_file_that_is_no_store_is_set_aside(void **state)
{
    (void)state;
    struct db *db;
    fill_file(path, "not a database\n");
    struct store *s = open_store();
    assert_true(store_is_new(s));
    assert_int_equal(files_set_aside(), 1);
    store_close(s);
    for (int i = 0; i < 3; i++) { /* another program's file, a later version, a missing table */
        static const char *const damage[] = {"PRAGMA application_id = 7",
                                             "PRAGMA user_version = 99", "DROP TABLE epoch"};
        assert_int_equal(db_open(path, DB_WRITE, &db, NULL), 0);
        assert_int_equal(db_exec(db, damage[i], NULL), 0);
        db_close(db);
        clk_fake_advance(&fake, 1000);
        s = open_store();
        assert_true(store_is_new(s));
        assert_int_equal(files_set_aside(), 2 + i);
        store_close(s);
    }
}

static void damage_inside_a_store_is_found_and_makes_a_new_one(void **state)
{
    (void)state;
    char old_id[STORE_ID_SIZE];
    struct store *s = start_store();
    memcpy(old_id, store_id(s), sizeof(old_id));
    for (uint64_t seq = 1; seq <= 200; seq++)
        put_pack(s, 5, seq);
    commit(s);
    store_close(s);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    fseek(f, 2 * 4096, SEEK_SET);
    for (int i = 0; i < 4 * 4096; i++)
        fputc(0x5a, f);
    fclose(f);
    s = open_store();
    assert_true(store_is_new(s));
    assert_string_not_equal(store_id(s), old_id);
    assert_int_equal(files_set_aside(), 1);
    store_close(s);
}

static void a_suspicion_that_proves_wrong_costs_nothing(void **state)
{
    (void)state;
    char suspect[128];
    struct store *s = open_store();
    store_mark_suspect(s);
    store_close(s);
    snprintf(suspect, sizeof(suspect), "%s.suspect", path);
    assert_int_equal(access(suspect, F_OK), 0);
    s = open_store();
    assert_false(store_is_new(s));
    assert_int_equal(access(suspect, F_OK), -1);
    store_close(s);
}

static void what_a_person_must_settle_is_told_with_the_path(void **state)
{
    (void)state;
    struct store_options options = {.path = "/nonexistent/store.db", .clk = &fake.clk};
    struct store *s;
    struct err e = {0};
    assert_int_equal(store_open(&options, &s, &e), ERR_IO);
    assert_null(s);
    assert_non_null(strstr(e.text, "/nonexistent/store.db"));
}

/* --- contents --- */

static void broken_ranges_are_rebuilt_from_the_packs(void **state)
{
    (void)state;
    struct db *db;
    struct seen seen;
    struct store *s = start_store();
    for (uint64_t seq = 1; seq <= 5; seq++)
        put_pack(s, 5, seq);
    put_pack(s, 5, 9);
    put_done(s, 5, 1, 9, true);
    commit(s);
    assert_int_equal(db_open(path, DB_WRITE, &db, NULL), 0);
    assert_int_equal(db_exec(db, "UPDATE epoch SET done = x'010203'", NULL), 0);
    db_close(db);
    store_close(s);
    s = open_store();
    see_epochs(s, &seen);
    assert_int_equal(seen.done.count, 2);
    assert_int_equal(rangeset_upto(&seen.done, 1), 5);
    assert_true(rangeset_has(&seen.done, 9));
    forget(&seen);
    store_close(s);
}

static void an_epoch_met_again_keeps_what_was_known_of_it(void **state)
{
    (void)state;
    struct seen seen;
    struct store *s = start_store();
    put_done(s, 5, 1, 10, true);
    commit(s);
    put_done(s, 5, 20, 30, true);
    commit(s);
    put_done(s, 6, 1, 1, true);
    commit(s);
    store_close(s);
    s = open_store();
    see_epochs(s, &seen);
    assert_int_equal(seen.epochs, 2);
    assert_true(rangeset_covers(&seen.done, 1, 10));
    assert_true(rangeset_covers(&seen.done, 20, 30));
    assert_false(rangeset_has(&seen.done, 11));
    forget(&seen);
    store_close(s);
}

static void a_gap_yields_to_the_pack_that_comes_after_all(void **state)
{
    (void)state;
    struct seen seen;
    struct pack_gap gap = {.epoch = 5, .from = 1, .to = 10, .cause = "evicted", .count = 100};
    struct store *s = start_store();
    put_done(s, 5, 11, 11, true);
    assert_int_equal(store_put_gap(s, "gw-1", &gap, fake.utc_now), 0);
    for (uint64_t seq = 1; seq <= 10; seq += seq == 1 ? 4 : 5) /* first, middle, last: 1, 5, 10 */
        assert_int_equal(store_put_gap_filled(s, "gw-1", 5, seq), 0);
    assert_int_equal(store_put_gap_filled(s, "gw-1", 5, 11), 0); /* in no gap */
    commit(s);
    store_close(s);
    s = open_store();
    see_epochs(s, &seen);
    assert_int_equal(seen.gaps.count, 2);
    assert_true(rangeset_covers(&seen.gaps, 2, 4));
    assert_true(rangeset_covers(&seen.gaps, 6, 9));
    forget(&seen);
    store_close(s);
}

static void the_quarantine_keeps_the_newest_and_counts_the_rest(void **state)
{
    (void)state;
    struct store *s = start_store();
    for (uint64_t seq = 1; seq <= STORE_QUARANTINE_MAX + 5; seq++)
        assert_int_equal(store_put_refused(s, "gw-1", 5, seq, fake.utc_now, "why", "body", 4), 0);
    commit(s);
    assert_int_equal(read_one("SELECT count(*) FROM quarantine"), STORE_QUARANTINE_MAX);
    assert_int_equal(read_one("SELECT min(seq) FROM quarantine"), 6);
    assert_int_equal(read_one("SELECT quarantine_dropped FROM store"), 5);
    store_close(s);
}

static int see_outbox(void *user, uint64_t number, const char *topic, bool retain,
                      const void *payload, size_t len)
{
    struct seen *seen = user;
    assert_true(retain);
    assert_string_equal(topic, "ioc/v1/alerts/lai-chau/a-1");
    assert_int_equal(len, number == 2 ? 0 : 3);
    assert_true(len == 0 || memcmp(payload, "{1}", 3) == 0);
    seen->count += number;
    return 0;
}

static void the_outbox_holds_what_was_not_published(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct store *s = start_store();
    assert_int_equal(store_outbox_next(s), 1);
    for (uint64_t n = 1; n <= 3; n++)
        assert_int_equal(store_put_outbox(s, n, "ioc/v1/alerts/lai-chau/a-1", true,
                                          n == 2 ? NULL : "{1}", n == 2 ? 0 : 3),
                         0);
    commit(s);
    assert_int_equal(store_put_published(s, 1), 0);
    commit(s);
    store_close(s);
    s = open_store();
    assert_int_equal(store_load_outbox(s, see_outbox, &seen, NULL), 0);
    assert_int_equal(seen.count, 2 + 3);
    assert_int_equal(store_outbox_next(s), 4);
    assert_int_equal(store_start(s, box, NULL), 0);
    assert_int_equal(store_put_published(s, 2), 0);
    assert_int_equal(store_put_published(s, 3), 0);
    commit(s);
    store_close(s);
    s = open_store(); /* a number is never used again, even when all of them are gone */
    assert_int_equal(store_outbox_next(s), 4);
    store_close(s);
}

static int see_description(void *user, const char *gateway, const char *conf, const char *device,
                           const char *json)
{
    assert_string_equal(gateway, "gw-1");
    assert_string_equal(conf, CONF);
    assert_string_equal(device, "air-1");
    assert_string_equal(json, "{\"b\":2}");
    ++*(int *)user;
    return 0;
}

static int see_area(void *user, const char *area, uint64_t list_revision)
{
    assert_string_equal(area, "lai-chau");
    assert_int_equal(list_revision, 119);
    ++*(int *)user;
    return 0;
}

static int see_alarm(void *user, const char *id, const void *row, size_t len)
{
    assert_string_equal(id, "a-1");
    assert_int_equal(len, 4);
    assert_memory_equal(row, "\0new", 4);
    ++*(int *)user;
    return 0;
}

static int see_reply(void *user, const char *operator, const char * id, const char *json)
{
    assert_string_equal(operator, "hoa");
    assert_string_equal(id, "7e1d");
    assert_string_equal(json, "{\"result\":\"done\"}");
    ++*(int *)user;
    return 0;
}

static void alarms_descriptions_and_replies_come_back(void **state)
{
    (void)state;
    int seen = 0;
    struct store *s = start_store();
    assert_int_equal(store_put_description(s, "gw-1", CONF, "air-1", "{\"a\":1}"), 0);
    assert_int_equal(store_put_description(s, "gw-1", CONF, "air-1", "{\"b\":2}"), 0);
    assert_int_equal(store_put_area(s, "lai-chau", 118), 0);
    assert_int_equal(store_put_area(s, "lai-chau", 119), 0);
    assert_int_equal(store_put_alarm(s, "a-1", "old", 3), 0);
    assert_int_equal(store_put_alarm(s, "a-1", "\0new", 4), 0);
    assert_int_equal(store_put_reply(s, "hoa", "7e1d", fake.utc_now, "{\"result\":\"relayed\"}"),
                     0);
    assert_int_equal(store_put_reply(s, "hoa", "7e1d", fake.utc_now, "{\"result\":\"done\"}"), 0);
    commit(s);
    store_close(s);
    s = open_store();
    assert_int_equal(store_load_descriptions(s, see_description, &seen, NULL), 0);
    assert_int_equal(store_load_areas(s, see_area, &seen, NULL), 0);
    assert_int_equal(store_load_alarms(s, see_alarm, &seen, NULL), 0);
    assert_int_equal(store_load_replies(s, see_reply, &seen, NULL), 0);
    assert_int_equal(seen, 4);
    store_close(s);
}

static void the_audit_can_only_grow(void **state)
{
    (void)state;
    struct db *db;
    struct store *s = start_store();
    assert_int_equal(store_put_audit(s, fake.utc_now, "hoa", "acknowledge", "a-1", "seen"), 0);
    commit(s);
    assert_int_equal(db_open(path, DB_WRITE, &db, NULL), 0);
    assert_int_equal(db_exec(db, "UPDATE audit SET who = 'nobody'", NULL), ERR_EXISTS);
    assert_int_equal(db_exec(db, "DELETE FROM audit", NULL), ERR_EXISTS);
    db_close(db);
    store_close(s);
}

static void packs_wait_for_their_descriptions(void **state)
{
    (void)state;
    struct store *s = start_store();
    put_pack(s, 5, 1);
    commit(s);
    assert_int_equal(read_one("SELECT count(*) FROM pack WHERE interpreted = 0"), 1);
    assert_int_equal(store_put_interpreted(s, "gw-1", CONF), 0);
    commit(s);
    assert_int_equal(read_one("SELECT count(*) FROM pack WHERE interpreted = 0"), 0);
    store_close(s);
}

static void waiting_packs_are_read_in_order_and_to_the_end(void **state)
{
    (void)state;
    struct store *s = start_store();
    for (uint64_t seq = 1; seq <= STORE_WAITING_ROWS + 10; seq++)
        put_pack(s, 5, seq);
    commit(s);
    uint64_t after = 0;
    uint64_t seq = 0;
    for (uint64_t rows = 1; rows > 0;) {
        struct store_row row;
        size_t at = 0;
        assert_int_equal(store_ask_waiting(s, "gw-1", CONF, after), 0);
        struct mail m = await_mail();
        assert_int_equal(m.type, STORE_WAITING);
        assert_int_equal(m.b, 0);
        rows = m.a;
        for (uint64_t n = 0; n < rows; n++) {
            char body[64];
            assert_true(store_waiting_row(&m, &at, &row));
            assert_true(row.id > after);
            after = row.id;
            seq++;
            snprintf(body, sizeof(body), "body of 5/%llu", (unsigned long long)seq);
            assert_string_equal(row.pack.gateway, "gw-1");
            assert_string_equal(row.pack.conf, CONF);
            assert_int_equal(row.pack.epoch, 5);
            assert_int_equal(row.pack.seq, seq);
            assert_int_equal(row.pack.lane, LANE_BACKFILL);
            assert_int_equal(row.pack.len, strlen(body));
            assert_memory_equal(row.pack.body, body, row.pack.len);
        }
        assert_false(store_waiting_row(&m, &at, &row));
        free(m.data);
    }
    assert_int_equal(seq, STORE_WAITING_ROWS + 10);
    assert_int_equal(store_put_interpreted(s, "gw-1", CONF), 0);
    commit(s);
    assert_int_equal(store_ask_waiting(s, "gw-1", CONF, 0), 0);
    struct mail m = await_mail();
    assert_int_equal(m.type, STORE_WAITING);
    assert_int_equal(m.a, 0);
    free(m.data);
    store_close(s);
}

static void a_full_batch_refuses_packs_and_has_room_for_the_rest(void **state)
{
    (void)state;
    static char body[PACK_SIZE_MAX];
    struct store *s = start_store();
    struct store_pack p = {
        .gateway = "gw-1", .epoch = 5, .conf = CONF, .body = body, .len = sizeof(body)};
    int rc = 0;
    for (p.seq = 1; rc == 0; p.seq++)
        rc = store_put_pack(s, &p);
    assert_int_equal(rc, ERR_FULL);
    uint64_t packs = p.seq - 2;
    put_done(s, 5, 1, packs, true);
    commit(s);
    assert_int_equal(read_one("SELECT count(*) FROM pack"), packs);
    put_pack(s, 5, p.seq);
    store_discard(s);
    assert_true(store_batch_empty(s));
    store_close(s);
}

#define IN_A_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_DIR(what_was_committed_is_there_after_a_restart),
        IN_A_DIR(a_pack_put_three_times_is_one_row),
        IN_A_DIR(an_attempt_whose_answer_was_lost_is_not_repeated),
        IN_A_DIR(the_next_batch_fills_while_one_commits),
        IN_A_DIR(a_kill_in_a_commit_leaves_all_of_it_or_nothing),
        IN_A_DIR(a_full_store_keeps_its_word_and_lets_alarms_through),
        IN_A_DIR(an_owner_that_was_replaced_commits_nothing_more),
        IN_A_DIR(a_file_that_is_no_store_is_set_aside),
        IN_A_DIR(damage_inside_a_store_is_found_and_makes_a_new_one),
        IN_A_DIR(a_suspicion_that_proves_wrong_costs_nothing),
        IN_A_DIR(what_a_person_must_settle_is_told_with_the_path),
        IN_A_DIR(broken_ranges_are_rebuilt_from_the_packs),
        IN_A_DIR(an_epoch_met_again_keeps_what_was_known_of_it),
        IN_A_DIR(a_gap_yields_to_the_pack_that_comes_after_all),
        IN_A_DIR(the_quarantine_keeps_the_newest_and_counts_the_rest),
        IN_A_DIR(the_outbox_holds_what_was_not_published),
        IN_A_DIR(alarms_descriptions_and_replies_come_back),
        IN_A_DIR(the_audit_can_only_grow),
        IN_A_DIR(packs_wait_for_their_descriptions),
        IN_A_DIR(waiting_packs_are_read_in_order_and_to_the_end),
        IN_A_DIR(a_full_batch_refuses_packs_and_has_room_for_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
