/* Promise: a database that is busy, full or broken is told apart, and each error names the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "io/db.h"

static char dir[64];
static char path[96];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/db-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/a.db", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[128];
    static const char *const names[] = {"a.db", "a.db-wal", "a.db-shm"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(command, sizeof(command), "%s/%s", dir, names[i]);
        unlink(command);
    }
    return rmdir(dir);
}

static struct db *open_new(void)
{
    struct db *db;
    struct err e = {0};
    if (db_open(path, DB_WRITE | DB_CREATE, &db, &e))
        fail_msg("%s", e.text);
    return db;
}

static void a_commit_is_durable_and_in_wal_mode(void **state)
{
    (void)state;
    struct db *db = open_new();
    struct db_stmt *s;
    assert_int_equal(db_prepare(db, "PRAGMA journal_mode", &s, NULL), 0);
    assert_int_equal(db_step(s, NULL), 1);
    assert_string_equal(db_text(s, 0), "wal");
    db_reset(s);
    assert_int_equal(db_prepare(db, "PRAGMA synchronous", &s, NULL), 0);
    assert_int_equal(db_step(s, NULL), 1);
    assert_int_equal(db_int(s, 0), 2); /* FULL */
    db_close(db);
}

static void values_come_back_as_they_went(void **state)
{
    (void)state;
    struct db *db = open_new();
    struct db_stmt *put;
    struct db_stmt *get;
    size_t len;
    assert_int_equal(db_exec(db, "CREATE TABLE t (a INTEGER, b TEXT, c BLOB, d TEXT)", NULL), 0);
    assert_int_equal(db_prepare(db, "INSERT INTO t VALUES (?1, ?2, ?3, ?4)", &put, NULL), 0);
    db_bind_u63(put, 1, INT64_MAX);
    db_bind_text(put, 2, "Lai Châu");
    db_bind_blob(put, 3, "a\0b", 3);
    db_bind_text(put, 4, NULL);
    assert_int_equal(db_run(put, NULL), 0);
    assert_int_equal(db_changes(db), 1);
    db_bind_blob(put, 3, NULL, 0);
    assert_int_equal(db_run(put, NULL), 0);

    assert_int_equal(db_prepare(db, "SELECT a, b, c, d FROM t ORDER BY rowid", &get, NULL), 0);
    assert_int_equal(db_step(get, NULL), 1);
    assert_true(db_int(get, 0) == INT64_MAX);
    assert_string_equal(db_text(get, 1), "Lai Châu");
    assert_memory_equal(db_blob(get, 2, &len), "a\0b", 3);
    assert_int_equal(len, 3);
    assert_string_equal(db_text(get, 3), "");
    assert_int_equal(db_step(get, NULL), 1);
    db_blob(get, 2, &len);
    assert_int_equal(len, 0);
    assert_int_equal(db_step(get, NULL), 0);
    db_close(db);
}

static void what_was_not_committed_is_not_there(void **state)
{
    (void)state;
    struct db *db = open_new();
    struct db_stmt *count;
    assert_int_equal(db_exec(db, "CREATE TABLE t (a)", NULL), 0);
    assert_int_equal(db_prepare(db, "SELECT count(*) FROM t", &count, NULL), 0);
    assert_int_equal(db_begin(db, NULL), 0);
    assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1)", NULL), 0);
    db_rollback(db);
    db_rollback(db);
    assert_int_equal(db_step(count, NULL), 1);
    assert_int_equal(db_int(count, 0), 0);
    db_reset(count);
    assert_int_equal(db_begin(db, NULL), 0);
    assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1)", NULL), 0);
    assert_int_equal(db_commit(db, NULL), 0);
    assert_int_equal(db_step(count, NULL), 1);
    assert_int_equal(db_int(count, 0), 1);
    db_close(db);
}

static void a_lock_is_busy_not_broken(void **state)
{
    (void)state;
    struct db *db = open_new();
    struct db *other = open_new();
    struct err e = {0};
    assert_int_equal(db_begin(other, NULL), 0);
    assert_int_equal(db_begin(db, &e), ERR_AGAIN);
    assert_non_null(strstr(e.text, path));
    db_rollback(other);
    assert_int_equal(db_begin(db, NULL), 0);
    db_close(other);
    db_close(db);
}

static void a_full_database_says_full(void **state)
{
    (void)state;
    struct db *db = open_new();
    struct err e = {0};
    assert_int_equal(db_exec(db, "CREATE TABLE t (a)", NULL), 0);
    assert_int_equal(db_limit_size(db, 65536, &e), 0);
    int rc = 0;
    for (int i = 0; i < 100 && rc == 0; i++)
        rc = db_exec(db, "INSERT INTO t VALUES (zeroblob(4096))", &e);
    assert_int_equal(rc, ERR_FULL);
    assert_non_null(strstr(e.text, path));
    assert_int_equal(db_limit_size(db, 0, &e), 0);
    assert_int_equal(db_exec(db, "INSERT INTO t VALUES (zeroblob(4096))", &e), 0);
    db_close(db);
}

static void a_broken_constraint_says_exists(void **state)
{
    (void)state;
    struct db *db = open_new();
    assert_int_equal(db_exec(db, "CREATE TABLE t (a PRIMARY KEY); INSERT INTO t VALUES (1)", NULL),
                     0);
    assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1)", NULL), ERR_EXISTS);
    db_close(db);
}

static void a_file_that_is_no_database_says_corrupt(void **state)
{
    (void)state;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++)
        fputs("this is not a database\n", f);
    fclose(f);
    struct db *db;
    struct err e = {0};
    assert_int_equal(db_open(path, DB_WRITE | DB_CREATE, &db, &e), ERR_CORRUPT);
    assert_null(db);
    assert_non_null(strstr(e.text, path));
}

static void the_check_finds_damage(void **state)
{
    (void)state;
    struct db *db = open_new();
    struct err e = {0};
    assert_int_equal(db_exec(db, "CREATE TABLE t (a); CREATE INDEX i ON t (a)", NULL), 0);
    for (int i = 0; i < 200; i++)
        assert_int_equal(db_exec(db, "INSERT INTO t VALUES (randomblob(200))", NULL), 0);
    assert_int_equal(db_check(db, &e), 0);
    db_close(db);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    fseek(f, 3 * 4096, SEEK_SET);
    for (int i = 0; i < 4096; i++)
        fputc(0x5a, f);
    fclose(f);
    db = open_new();
    assert_int_equal(db_check(db, &e), ERR_CORRUPT);
    assert_non_null(strstr(e.text, path));
    db_close(db);
}

static void a_reader_cannot_write(void **state)
{
    (void)state;
    struct db *db = open_new();
    struct db *reader;
    struct err e = {0};
    assert_int_equal(db_exec(db, "CREATE TABLE t (a)", NULL), 0);
    assert_int_equal(db_open(path, DB_READ_ONLY, &reader, &e), 0);
    assert_int_equal(db_exec(reader, "INSERT INTO t VALUES (1)", &e), ERR_IO);
    db_close(reader);
    db_close(db);
}

static void a_missing_file_is_not_created_by_a_reader(void **state)
{
    (void)state;
    struct db *db;
    struct err e = {0};
    assert_int_equal(db_open(path, DB_READ_ONLY, &db, &e), ERR_IO);
    assert_non_null(strstr(e.text, path));
    assert_int_equal(access(path, F_OK), -1);
}

#define IN_A_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_DIR(a_commit_is_durable_and_in_wal_mode),
        IN_A_DIR(values_come_back_as_they_went),
        IN_A_DIR(what_was_not_committed_is_not_there),
        IN_A_DIR(a_lock_is_busy_not_broken),
        IN_A_DIR(a_full_database_says_full),
        IN_A_DIR(a_broken_constraint_says_exists),
        IN_A_DIR(a_file_that_is_no_database_says_corrupt),
        IN_A_DIR(the_check_finds_damage),
        IN_A_DIR(a_reader_cannot_write),
        IN_A_DIR(a_missing_file_is_not_created_by_a_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
