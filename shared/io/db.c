#include "io/db.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>

struct db {
    sqlite3 *handle;
    char path[PATH_MAX];
};

static int code_of(int rc, int system_errno)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_AGAIN;
    case SQLITE_FULL:
        return ERR_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return ERR_CORRUPT;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_CONSTRAINT:
        return ERR_EXISTS;
    case SQLITE_ERROR:
        return ERR_INVALID;
    case SQLITE_IOERR:
        return system_errno == ENOSPC || system_errno == EDQUOT ? ERR_FULL : ERR_IO;
    default:
        return ERR_IO;
    }
}

static int failed(struct db *db, const char *what, struct err *e)
{
    int rc = sqlite3_extended_errcode(db->handle);
    return err_set(e, code_of(rc, sqlite3_system_errno(db->handle)), "%s: %s: %s (SQLite %d)",
                   db->path, what, sqlite3_errmsg(db->handle), rc);
}

static int set_up(struct db *db, bool write, struct err *e)
{
    /* The file may have been written by anybody: nothing in it is executed or believed. */
    static const char reading[] = "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;";
    static const char writing[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                  "PRAGMA journal_size_limit=67108864;";
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
    if (sqlite3_exec(db->handle, reading, NULL, NULL, NULL) != SQLITE_OK ||
        (write && sqlite3_exec(db->handle, writing, NULL, NULL, NULL) != SQLITE_OK))
        return failed(db, "cannot be opened", e);
    return 0;
}

int db_open(const char *path, unsigned flags, struct db **out, struct err *e)
{
    bool write = flags & DB_WRITE;
    int mode = write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    *out = NULL;
    struct db *db = calloc(1, sizeof(*db));
    if (!db)
        return err_set(e, ERR_NOMEM, "%s: no memory to open it", path);
    snprintf(db->path, sizeof(db->path), "%s", path);
    if (flags & DB_CREATE)
        mode |= SQLITE_OPEN_CREATE;
    int rc = sqlite3_open_v2(path, &db->handle, mode | SQLITE_OPEN_NOMUTEX, NULL);
    if (!db->handle)
        rc = err_set(e, ERR_NOMEM, "%s: no memory to open it", path);
    else
        rc = rc ? failed(db, "cannot be opened", e) : set_up(db, write, e);
    if (rc) {
        db_close(db);
        return rc;
    }
    *out = db;
    return 0;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    sqlite3_stmt *s;
    while (db->handle && (s = sqlite3_next_stmt(db->handle, NULL)) != NULL)
        sqlite3_finalize(s);
    int rc = sqlite3_close(db->handle);
    assert(rc == SQLITE_OK);
    free(db);
}

const char *db_path(const struct db *db)
{
    return db->path;
}

int db_exec(struct db *db, const char *sql, struct err *e)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(db, sql, e);
}

static sqlite3_stmt *raw(struct db_stmt *s)
{
    return (sqlite3_stmt *)s;
}

/* The value of a PRAGMA or of any statement with one integer. */
static int read_int(struct db *db, const char *sql, int64_t *v, struct err *e)
{
    struct db_stmt *s;
    int rc = db_prepare(db, sql, &s, e);
    if (rc)
        return rc;
    rc = db_step(s, e);
    *v = rc > 0 ? db_int(s, 0) : 0;
    sqlite3_finalize(raw(s));
    return rc < 0 ? rc : 0;
}

int db_check(struct db *db, struct err *e)
{
    struct db_stmt *s;
    int rc = db_prepare(db, "PRAGMA quick_check(1)", &s, e);
    if (rc)
        return rc;
    rc = db_step(s, e);
    if (rc > 0)
        rc = sqlite3_stricmp(db_text(s, 0), "ok") == 0
                 ? 0
                 : err_set(e, ERR_CORRUPT, "%s: %s", db->path, db_text(s, 0));
    sqlite3_finalize(raw(s));
    return rc;
}

int db_limit_size(struct db *db, uint64_t bytes, struct err *e)
{
    int64_t page;
    char sql[64];
    int rc = read_int(db, "PRAGMA page_size", &page, e);
    if (rc)
        return rc;
    uint64_t pages = bytes && page ? bytes / (uint64_t)page : 0;
    if (pages == 0 || pages > 4294967294) /* SQLite's own most */
        pages = 4294967294;
    snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%llu", (unsigned long long)pages);
    return db_exec(db, sql, e);
}

int db_begin(struct db *db, struct err *e)
{
    return db_exec(db, "BEGIN IMMEDIATE", e);
}

int db_commit(struct db *db, struct err *e)
{
    return db_exec(db, "COMMIT", e);
}

void db_rollback(struct db *db)
{
    if (!sqlite3_get_autocommit(db->handle))
        db_exec(db, "ROLLBACK", NULL); /* a failure leaves nothing to undo: the next BEGIN tells */
}

int db_prepare(struct db *db, const char *sql, struct db_stmt **out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL);
    *out = (struct db_stmt *)s;
    return rc == SQLITE_OK ? 0 : failed(db, sql, e);
}

/* A bind fails only for a parameter that is not there or a value beyond SQLite's limits: a bug. */
static void bound(int rc)
{
    assert(rc == SQLITE_OK);
}

void db_bind_int(struct db_stmt *s, int at, int64_t v)
{
    bound(sqlite3_bind_int64(raw(s), at, v));
}

void db_bind_u63(struct db_stmt *s, int at, uint64_t v)
{
    assert(v <= INT64_MAX);
    db_bind_int(s, at, (int64_t)v);
}

void db_bind_text(struct db_stmt *s, int at, const char *text)
{
    bound(sqlite3_bind_text(raw(s), at, text, -1, SQLITE_STATIC));
}

void db_bind_blob(struct db_stmt *s, int at, const void *bytes, size_t len)
{
    bound(sqlite3_bind_blob64(raw(s), at, len ? bytes : "", len, SQLITE_STATIC));
}

int db_step(struct db_stmt *s, struct err *e)
{
    int rc = sqlite3_step(raw(s));
    if (rc == SQLITE_ROW)
        return 1;
    sqlite3 *handle = sqlite3_db_handle(raw(s));
    int result = 0;
    if (rc != SQLITE_DONE) {
        rc = sqlite3_extended_errcode(handle);
        result = err_set(e, code_of(rc, sqlite3_system_errno(handle)), "%s: %.60s: %s (SQLite %d)",
                         sqlite3_db_filename(handle, "main"), sqlite3_sql(raw(s)),
                         sqlite3_errmsg(handle), rc);
    }
    db_reset(s);
    return result;
}

int db_run(struct db_stmt *s, struct err *e)
{
    int rc;
    do {
        rc = db_step(s, e);
    } while (rc > 0);
    return rc;
}

void db_reset(struct db_stmt *s)
{
    sqlite3_reset(raw(s)); /* repeats the error of the step, which has been told */
    sqlite3_clear_bindings(raw(s));
}

int64_t db_changes(const struct db *db)
{
    return sqlite3_changes64(db->handle);
}

int64_t db_int(struct db_stmt *s, int column)
{
    return sqlite3_column_int64(raw(s), column);
}

const char *db_text(struct db_stmt *s, int column)
{
    const unsigned char *text = sqlite3_column_text(raw(s), column);
    return text ? (const char *)text : "";
}

const void *db_blob(struct db_stmt *s, int column, size_t *len)
{
    const void *bytes = sqlite3_column_blob(raw(s), column);
    *len = bytes ? (size_t)sqlite3_column_bytes(raw(s), column) : 0;
    return bytes;
}
