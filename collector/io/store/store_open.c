/* Opening the file: create, take over, or set aside and start anew. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "collector/io/store/store_parts.h"
#include "io/crypto.h"

#define APPLICATION_ID 0x494f4331 /* "IOC1": tells our files from other SQLite files */
#define SCHEMA_VERSION 1
#define STRING_(x)     #x
#define STRING(x)      STRING_(x)

/* A larger file is only examined after a run that found it broken: quick_check reads all of it. */
#define CHECK_BYTES_MAX (256U << 20)
#define SUSPECT         ".suspect"

/* pack has a rowid of its own: rows arrive in time order and are a few kilobytes, which a WITHOUT
 * ROWID table would keep in the inner pages of its tree; the name is a small unique index. */
static const char schema[] =
    "CREATE TABLE store (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL, owner_epoch INTEGER NOT NULL, batch INTEGER NOT NULL,"
    " quarantine_dropped INTEGER NOT NULL) STRICT;"
    "CREATE TABLE pack (id INTEGER PRIMARY KEY, gateway TEXT NOT NULL, epoch INTEGER NOT NULL,"
    " seq INTEGER NOT NULL, received_ms INTEGER NOT NULL, lane INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, conf TEXT NOT NULL, interpreted INTEGER NOT NULL,"
    " body BLOB NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX pack_name ON pack (gateway, epoch, seq);"
    "CREATE INDEX pack_waiting ON pack (gateway, conf) WHERE interpreted = 0;"
    "CREATE TABLE epoch (gateway TEXT NOT NULL, epoch INTEGER NOT NULL, done BLOB NOT NULL,"
    " PRIMARY KEY (gateway, epoch)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE gap (gateway TEXT NOT NULL, epoch INTEGER NOT NULL, from_seq INTEGER NOT NULL,"
    " to_seq INTEGER NOT NULL, cause TEXT NOT NULL, first_ms INTEGER NOT NULL,"
    " last_ms INTEGER NOT NULL, samples INTEGER NOT NULL, reported_ms INTEGER NOT NULL,"
    " PRIMARY KEY (gateway, epoch, from_seq)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE quarantine (id INTEGER PRIMARY KEY AUTOINCREMENT, gateway TEXT NOT NULL,"
    " epoch INTEGER NOT NULL, seq INTEGER NOT NULL, received_ms INTEGER NOT NULL,"
    " reason TEXT NOT NULL, body BLOB NOT NULL) STRICT;"
    "CREATE TABLE description (gateway TEXT NOT NULL, conf TEXT NOT NULL, device TEXT NOT NULL,"
    " json TEXT NOT NULL, PRIMARY KEY (gateway, conf, device)) STRICT;"
    "CREATE TABLE area (area TEXT PRIMARY KEY, list_revision INTEGER NOT NULL) STRICT, WITHOUT "
    "ROWID;"
    "CREATE TABLE alarm (id TEXT PRIMARY KEY, row BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL,"
    " who TEXT NOT NULL, what TEXT NOT NULL, object TEXT NOT NULL, text TEXT NOT NULL) STRICT;"
    "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit"
    " BEGIN SELECT raise(ABORT, 'audit is append only'); END;"
    "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit"
    " BEGIN SELECT raise(ABORT, 'audit is append only'); END;"
    "CREATE TABLE outbox (number INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL,"
    " retain INTEGER NOT NULL, payload BLOB NOT NULL) STRICT;"
    "CREATE TABLE reply (id INTEGER PRIMARY KEY AUTOINCREMENT, operator TEXT NOT NULL,"
    " request TEXT NOT NULL, at_ms INTEGER NOT NULL, json TEXT NOT NULL,"
    " UNIQUE (operator, request)) STRICT;"
    "PRAGMA application_id = " STRING(APPLICATION_ID) ";"
                                                      "PRAGMA user_version = " STRING(
                                                          SCHEMA_VERSION) ";";

static int read_number(struct db *db, const char *sql, int64_t *v, struct err *e)
{
    struct db_stmt *s;
    int rc = db_prepare(db, sql, &s, e);
    if (rc || (rc = db_step(s, e)) < 0)
        return rc;
    *v = rc ? db_int(s, 0) : 0;
    if (rc)
        db_reset(s);
    return 0;
}

static void suspect_path(const struct store *s, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s" SUSPECT, s->options.path);
}

void store_mark_suspect(const struct store *s)
{
    char path[PATH_MAX];
    suspect_path(s, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        log_error("%s: cannot be created: %s; delete or move the broken store by hand", path,
                  strerror(errno));
    else
        close(fd);
}

static bool needs_check(const struct store *s)
{
    char path[PATH_MAX];
    struct stat st;
    suspect_path(s, path);
    if (access(path, F_OK) == 0)
        return true;
    return stat(s->options.path, &st) == 0 && (uint64_t)st.st_size <= CHECK_BYTES_MAX;
}

/* --- creating --- */

static int create(struct store *s, struct err *e)
{
    unsigned char random[(STORE_ID_SIZE - 1) / 2];
    char id[STORE_ID_SIZE];
    char sql[256];
    crypto_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(id + 2 * i, 3, "%02x", random[i]);
    snprintf(sql, sizeof(sql), "INSERT INTO store VALUES (1, '%s', %lld, 0, 0, 0)", id,
             (long long)clk_utc(s->options.clk).ms);
    int rc = db_begin(s->db, e);
    if (rc == 0 && (rc = db_exec(s->db, schema, e)) == 0 && (rc = db_exec(s->db, sql, e)) == 0)
        rc = db_commit(s->db, e);
    if (rc)
        db_rollback(s->db);
    s->is_new = rc == 0;
    return rc;
}

/* --- taking over --- */

/* ERR_CORRUPT when the file is ours in name only. */
static int check_schema(struct store *s, bool *empty, struct err *e)
{
    int64_t tables = 0;
    int64_t application = 0;
    int64_t version = 0;
    int rc;
    if ((rc = read_number(s->db, "SELECT count(*) FROM sqlite_schema", &tables, e)) ||
        (rc = read_number(s->db, "PRAGMA application_id", &application, e)) ||
        (rc = read_number(s->db, "PRAGMA user_version", &version, e)))
        return rc;
    *empty = tables == 0;
    if (*empty)
        return 0;
    if (application != APPLICATION_ID)
        return err_set(e, ERR_CORRUPT, "%s: is an SQLite file of another program", s->options.path);
    if (version != SCHEMA_VERSION)
        return err_set(e, ERR_CORRUPT, "%s: has schema version %lld; this program reads %d",
                       s->options.path, (long long)version, SCHEMA_VERSION);
    return needs_check(s) ? db_check(s->db, e) : 0;
}

static int take_over(struct store *s, struct err *e)
{
    struct db_stmt *sql;
    int64_t outbox = 0;
    int rc = db_begin(s->db, e);
    if (rc ||
        (rc = db_exec(s->db, "UPDATE store SET owner_epoch = owner_epoch + 1, batch = 0", e)) ||
        (rc = db_commit(s->db, e))) {
        db_rollback(s->db);
        return rc;
    }
    if ((rc = db_prepare(s->db, "SELECT id, owner_epoch FROM store", &sql, e)) ||
        (rc = db_step(sql, e)) < 0)
        return rc;
    if (rc == 0 || strlen(db_text(sql, 0)) != STORE_ID_SIZE - 1)
        return err_set(e, ERR_CORRUPT, "%s: has lost its identity", s->options.path);
    memcpy(s->id, db_text(sql, 0), STORE_ID_SIZE);
    s->owner_epoch = (uint64_t)db_int(sql, 1);
    db_reset(sql);
    rc = read_number(s->db, "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'", &outbox, e);
    s->outbox_next = (uint64_t)outbox + 1;
    return rc;
}

static int open_once(struct store *s, struct err *e)
{
    bool empty = false;
    int rc = db_open(s->options.path, DB_WRITE | DB_CREATE, &s->db, e);
    if (rc == 0 && (rc = check_schema(s, &empty, e)) == 0 && (rc = empty ? create(s, e) : 0) == 0 &&
        (rc = store_prepare(s, e)) == 0)
        rc = take_over(s, e);
    if (rc == ERR_INVALID) /* a table or column our statements name is not there */
        rc = ERR_CORRUPT;
    if (rc) {
        db_close(s->db);
        s->db = NULL;
    }
    return rc;
}

/* --- setting aside --- */

static int move_one(const char *from, const char *to, struct err *e)
{
    if (rename(from, to) == 0 || errno == ENOENT)
        return 0;
    return err_set_errno(e, "%s: is broken and cannot be moved to %s", from, to);
}

static int set_aside(struct store *s, char aside[PATH_MAX], struct err *e)
{
    static const char *const companions[] = {"-wal", "-shm", ""};
    char when[CLK_UTC_TEXT];
    char from[PATH_MAX];
    char to[PATH_MAX];
    clk_utc_format(clk_utc(s->options.clk), when);
    snprintf(aside, PATH_MAX, "%s.broken-%s", s->options.path, when);
    for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
        int from_len = snprintf(from, sizeof(from), "%s%s", s->options.path, companions[i]);
        int to_len = snprintf(to, sizeof(to), "%s%s", aside, companions[i]);
        if (from_len >= PATH_MAX || to_len >= PATH_MAX)
            return err_set(e, ERR_LIMIT, "%s: the path is too long", s->options.path);
        int rc = move_one(from, to, e);
        if (rc)
            return rc;
    }
    return 0;
}

int store_open_file(struct store *s, struct err *e)
{
    char path[PATH_MAX];
    char aside[PATH_MAX];
    struct err why = {0};
    int rc = open_once(s, &why);
    if (rc == ERR_CORRUPT) {
        rc = set_aside(s, aside, e);
        if (rc)
            return rc;
        log_error("%s; it was set aside as %s and a new store begins: gateways send again what"
                  " they hold, the rest becomes a gap",
                  why.text, aside);
        rc = open_once(s, e);
    } else if (rc && e) {
        *e = why;
    }
    suspect_path(s, path);
    if (rc == 0)
        unlink(path);
    return rc;
}
