/* What a start reads, and how sets of ranges lie in a row: pairs of little-endian 64-bit numbers.
 */
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "collector/io/store/store_parts.h"

int ranges_decode(const void *bytes, size_t len, struct rangeset *set)
{
    struct cursor c;
    cursor_init(&c, bytes, len);
    if (len % (2 * sizeof(uint64_t)) != 0)
        return ERR_CORRUPT;
    while (cursor_left(&c)) {
        uint64_t from = cursor_le64(&c);
        uint64_t to = cursor_le64(&c);
        int rc = from == 0 || to > INT64_MAX ? ERR_INVALID : rangeset_add(set, from, to);
        if (rc)
            return rc == ERR_INVALID ? ERR_CORRUPT : rc;
    }
    return 0;
}

size_t ranges_encode(const struct rangeset *set, void *bytes, size_t cap)
{
    struct buf b;
    buf_init(&b, bytes, cap);
    for (size_t i = 0; i < set->count && cap - b.len >= 2 * sizeof(uint64_t); i++) {
        buf_le64(&b, set->ranges[i].from);
        buf_le64(&b, set->ranges[i].to);
    }
    return b.len;
}

/* --- epochs --- */

/* A row that cannot be read is built again from the packs themselves. */
static int rebuild_done(struct store *s, const char *gateway, uint64_t epoch, struct rangeset *done,
                        struct err *e)
{
    struct db_stmt *sql;
    log_warn("%s: the ranges of gateway %s, epoch %llu are broken; rebuilt from its packs",
             s->options.path, gateway, (unsigned long long)epoch);
    int rc = db_prepare(
        s->db, "SELECT seq FROM pack WHERE gateway = ?1 AND epoch = ?2 ORDER BY seq", &sql, e);
    if (rc)
        return rc;
    rangeset_clear(done);
    db_bind_text(sql, 1, gateway);
    db_bind_u63(sql, 2, epoch);
    while ((rc = db_step(sql, e)) == 1) {
        uint64_t seq = (uint64_t)db_int(sql, 0);
        int added = rangeset_add(done, seq, seq);
        if (added) {
            db_reset(sql);
            return err_set(e, added, "%s: too many ranges for gateway %s", s->options.path,
                           gateway);
        }
    }
    return rc;
}

static int load_gaps(struct db_stmt *sql, const char *gateway, uint64_t epoch,
                     struct rangeset *gaps, struct err *e)
{
    int rc;
    db_bind_text(sql, 1, gateway);
    db_bind_u63(sql, 2, epoch);
    while ((rc = db_step(sql, e)) == 1) {
        int added = rangeset_add(gaps, (uint64_t)db_int(sql, 0), (uint64_t)db_int(sql, 1));
        if (added == ERR_NOMEM || added == ERR_FULL) {
            db_reset(sql);
            return err_set(e, added, "too many gaps for gateway %s", gateway);
        }
    }
    return rc;
}

static int load_epoch(struct store *s, struct db_stmt *sql, struct db_stmt *gaps_sql,
                      struct rangeset *done, struct rangeset *gaps, struct err *e)
{
    size_t len;
    const void *bytes = db_blob(sql, 2, &len);
    rangeset_clear(done);
    rangeset_clear(gaps);
    int rc = ranges_decode(bytes, len, done);
    if (rc == ERR_CORRUPT)
        rc = rebuild_done(s, db_text(sql, 0), (uint64_t)db_int(sql, 1), done, e);
    else if (rc)
        rc = err_set(e, rc, "%s: ranges of an epoch", s->options.path);
    return rc ? rc : load_gaps(gaps_sql, db_text(sql, 0), (uint64_t)db_int(sql, 1), gaps, e);
}

int store_load_epochs(struct store *s,
                      int (*each)(void *user, const char *gateway, uint64_t epoch,
                                  const struct rangeset *done, const struct rangeset *gaps),
                      void *user, struct err *e)
{
    struct db_stmt *sql;
    struct db_stmt *gaps_sql;
    struct rangeset done;
    struct rangeset gaps;
    int rc;
    if ((rc = db_prepare(s->db, "SELECT gateway, epoch, done FROM epoch ORDER BY gateway, epoch",
                         &sql, e)) ||
        (rc =
             db_prepare(s->db, "SELECT from_seq, to_seq FROM gap WHERE gateway = ?1 AND epoch = ?2",
                        &gaps_sql, e)))
        return rc;
    rangeset_init(&done, STORE_RANGES_MAX);
    rangeset_init(&gaps, SIZE_MAX / sizeof(struct range)); /* rows, however many there are */
    while ((rc = db_step(sql, e)) == 1) {
        rc = load_epoch(s, sql, gaps_sql, &done, &gaps, e);
        if (rc == 0)
            rc = each(user, db_text(sql, 0), (uint64_t)db_int(sql, 1), &done, &gaps);
        if (rc) {
            db_reset(sql);
            break;
        }
    }
    rangeset_finish(&done);
    rangeset_finish(&gaps);
    return rc;
}

/* --- the rest: one statement, one callback a row --- */

/* row(sql, context) hands one row to the caller's callback. */
static int each_row(struct db *db, const char *text, int (*row)(struct db_stmt *sql, void *context),
                    void *context, struct err *e)
{
    struct db_stmt *sql;
    int rc = db_prepare(db, text, &sql, e);
    while (rc == 0 && (rc = db_step(sql, e)) == 1) {
        rc = row(sql, context);
        if (rc)
            db_reset(sql);
    }
    return rc;
}

struct description_walk {
    int (*each)(void *, const char *, const char *, const char *, const char *);
    void *user;
};

static int description_row(struct db_stmt *sql, void *context)
{
    struct description_walk *w = context;
    return w->each(w->user, db_text(sql, 0), db_text(sql, 1), db_text(sql, 2), db_text(sql, 3));
}

int store_load_descriptions(struct store *s,
                            int (*each)(void *user, const char *gateway, const char *conf,
                                        const char *device, const char *json),
                            void *user, struct err *e)
{
    struct description_walk w = {each, user};
    return each_row(s->db, "SELECT gateway, conf, device, json FROM description", description_row,
                    &w, e);
}

struct area_walk {
    int (*each)(void *, const char *, uint64_t);
    void *user;
};

static int area_row(struct db_stmt *sql, void *context)
{
    struct area_walk *w = context;
    return w->each(w->user, db_text(sql, 0), (uint64_t)db_int(sql, 1));
}

int store_load_areas(struct store *s,
                     int (*each)(void *user, const char *area, uint64_t list_revision), void *user,
                     struct err *e)
{
    struct area_walk w = {each, user};
    return each_row(s->db, "SELECT area, list_revision FROM area", area_row, &w, e);
}

struct alarm_walk {
    int (*each)(void *, const char *, const void *, size_t);
    void *user;
};

static int alarm_row(struct db_stmt *sql, void *context)
{
    struct alarm_walk *w = context;
    size_t len;
    const void *row = db_blob(sql, 1, &len);
    return w->each(w->user, db_text(sql, 0), row, len);
}

int store_load_alarms(struct store *s,
                      int (*each)(void *user, const char *id, const void *row, size_t len),
                      void *user, struct err *e)
{
    struct alarm_walk w = {each, user};
    return each_row(s->db, "SELECT id, row FROM alarm", alarm_row, &w, e);
}

struct outbox_walk {
    int (*each)(void *, uint64_t, const char *, bool, const void *, size_t);
    void *user;
};

static int outbox_row(struct db_stmt *sql, void *context)
{
    struct outbox_walk *w = context;
    size_t len;
    const void *payload = db_blob(sql, 3, &len);
    return w->each(w->user, (uint64_t)db_int(sql, 0), db_text(sql, 1), db_int(sql, 2) != 0, payload,
                   len);
}

int store_load_outbox(struct store *s,
                      int (*each)(void *user, uint64_t number, const char *topic, bool retain,
                                  const void *payload, size_t len),
                      void *user, struct err *e)
{
    struct outbox_walk w = {each, user};
    return each_row(s->db, "SELECT number, topic, retain, payload FROM outbox ORDER BY number",
                    outbox_row, &w, e);
}

struct reply_walk {
    int (*each)(void *, const char *, const char *, const char *);
    void *user;
};

static int reply_row(struct db_stmt *sql, void *context)
{
    struct reply_walk *w = context;
    return w->each(w->user, db_text(sql, 0), db_text(sql, 1), db_text(sql, 2));
}

int store_load_replies(struct store *s,
                       int (*each)(void *user, const char *operator, const char * id,
                                   const char *json),
                       void *user, struct err *e)
{
    struct reply_walk w = {each, user};
    return each_row(s->db, "SELECT operator, request, json FROM reply ORDER BY id", reply_row, &w,
                    e);
}

/* --- tools --- */

/* each_row of a store that is opened for this alone. */
static int each_row_of(const char *path, const char *text,
                       int (*row)(struct db_stmt *sql, void *context), void *context, struct err *e)
{
    struct db *db;
    int rc = db_open(path, DB_READ_ONLY, &db, e);
    if (rc)
        return rc;
    rc = each_row(db, text, row, context, e);
    db_close(db);
    return rc;
}

struct pack_walk {
    int (*each)(void *, const struct store_row *);
    void *user;
};

static int pack_row(struct db_stmt *sql, void *context)
{
    struct pack_walk *w = context;
    struct store_row row = {.id = (uint64_t)db_int(sql, 0)};
    snprintf(row.gateway, sizeof(row.gateway), "%s", db_text(sql, 1));
    snprintf(row.conf, sizeof(row.conf), "%s", db_text(sql, 7));
    row.pack = (struct store_pack){
        .gateway = row.gateway,
        .epoch = (uint64_t)db_int(sql, 2),
        .seq = (uint64_t)db_int(sql, 3),
        .received = {db_int(sql, 4)},
        .lane = (enum store_lane)db_int(sql, 5),
        .kind = (enum pack_kind)db_int(sql, 6),
        .conf = row.conf,
        .interpreted = db_int(sql, 8) != 0,
    };
    row.pack.body = db_blob(sql, 9, &row.pack.len);
    return w->each(w->user, &row);
}

int store_each_pack(const char *path, int (*each)(void *user, const struct store_row *row),
                    void *user, struct err *e)
{
    struct pack_walk w = {each, user};
    return each_row_of(
        path,
        "SELECT id, gateway, epoch, seq, received_ms, lane, kind, conf, interpreted, body"
        " FROM pack ORDER BY id",
        pack_row, &w, e);
}

struct gap_walk {
    int (*each)(void *, const char *, const struct pack_gap *);
    void *user;
};

static int gap_row(struct db_stmt *sql, void *context)
{
    struct gap_walk *w = context;
    const struct pack_gap gap = {
        .epoch = (uint64_t)db_int(sql, 1),
        .from = (uint64_t)db_int(sql, 2),
        .to = (uint64_t)db_int(sql, 3),
        .cause = db_text(sql, 4),
        .first = {db_int(sql, 5)},
        .last = {db_int(sql, 6)},
        .count = (uint64_t)db_int(sql, 7),
    };
    return w->each(w->user, db_text(sql, 0), &gap);
}

int store_each_gap(const char *path,
                   int (*each)(void *user, const char *gateway, const struct pack_gap *gap),
                   void *user, struct err *e)
{
    struct gap_walk w = {each, user};
    return each_row_of(path,
                       "SELECT gateway, epoch, from_seq, to_seq, cause, first_ms, last_ms, samples"
                       " FROM gap ORDER BY gateway, epoch, from_seq",
                       gap_row, &w, e);
}
