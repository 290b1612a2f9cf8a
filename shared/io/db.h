/*
 * SQLite behind a narrow door: db.c alone includes sqlite3.h.
 *
 * A writable database runs in WAL mode with synchronous=FULL: what db_commit has returned 0 for
 * survives a power cut. One connection belongs to one thread at a time. Errors carry the path and
 * what was tried; their code says what can be done about them:
 *   ERR_AGAIN    somebody else holds the lock          wait and repeat
 *   ERR_FULL     disk or size limit                    make room and repeat
 *   ERR_IO       the system failed, perhaps for now    repeat, and tell a person
 *   ERR_CORRUPT  not a database, or a broken one       set it aside
 *   ERR_EXISTS   a constraint was broken               the caller's bug or its check
 *   ERR_INVALID  the statement does not fit the schema another program's or a damaged file
 * After a failure inside a transaction the caller calls db_rollback.
 */
#ifndef IO_DB_H
#define IO_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct db;
struct db_stmt;

enum db_flags {
    DB_READ_ONLY = 0,
    DB_WRITE = 1,
    DB_CREATE = 2, /* with DB_WRITE */
};

#define DB_BUSY_MS 1000 /* how long a statement waits for another process's lock */

int db_open(const char *path, unsigned flags, struct db **out, struct err *e);
void db_close(struct db *db); /* finalizes what was prepared; NULL is fine */
const char *db_path(const struct db *db);

/* Looks for structural damage; ERR_CORRUPT says what was found. Reads the whole file. */
int db_check(struct db *db, struct err *e);
/* The file may grow to about this many bytes (0: no limit), then writes fail with ERR_FULL. */
int db_limit_size(struct db *db, uint64_t bytes, struct err *e);

int db_exec(struct db *db, const char *sql, struct err *e);
int db_begin(struct db *db, struct err *e); /* takes the write lock at once */
int db_commit(struct db *db, struct err *e);
void db_rollback(struct db *db); /* no transaction open: fine */

/* A statement lives until db_close. */
int db_prepare(struct db *db, const char *sql, struct db_stmt **out, struct err *e);

/* Parameters from 1. Text and blobs are borrowed until the statement is done or reset. Integers
 * must be below 2^63. */
void db_bind_int(struct db_stmt *s, int at, int64_t v);
void db_bind_u63(struct db_stmt *s, int at, uint64_t v);
void db_bind_text(struct db_stmt *s, int at, const char *text); /* NULL binds NULL */
void db_bind_blob(struct db_stmt *s, int at, const void *bytes, size_t len);

/* 1: a row is there; 0: done, and the statement is ready for its next use; or an error (reset too).
 */
int db_step(struct db_stmt *s, struct err *e);
/* Runs a statement that gives no rows (or whose rows do not matter). */
int db_run(struct db_stmt *s, struct err *e);
void db_reset(struct db_stmt *s); /* ends it early */
/* Rows the last statement inserted, changed or deleted. */
int64_t db_changes(const struct db *db);

/* Columns from 0, valid until the next step or reset; NULL reads as 0, "" and no bytes. */
int64_t db_int(struct db_stmt *s, int column);
const char *db_text(struct db_stmt *s, int column);
const void *db_blob(struct db_stmt *s, int column, size_t *len);

#endif
