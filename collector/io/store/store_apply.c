/* A batch as one transaction. Most ops are one or two statements with the op's texts bound as
 * ?1 to ?4, its numbers as ?5 to ?11 and its bytes as ?12. */
#include <string.h>

#include "collector/io/store/store_parts.h"

#define FIRST_NUMBER 5

/* clang-format off */
static const struct {
    int texts, numbers;
    bool bytes;
    const char *sql[OP_SQL];
} op_sql[OP_TYPES] = {
    /* A pack that is there already stays as it is, whatever the ranges said. */
    [OP_PACK] = {2, 6, true, {
        "INSERT INTO pack (gateway, conf, epoch, seq, received_ms, lane, kind, interpreted, body)"
        " VALUES (?1, ?2, ?5, ?6, ?7, ?8, ?9, ?10, ?12) ON CONFLICT DO NOTHING"}},
    [OP_EPOCH] = {1, 1, true, {
        "INSERT INTO epoch (gateway, epoch, done) VALUES (?1, ?5, ?12)"
        " ON CONFLICT DO UPDATE SET done = excluded.done"}},
    [OP_REFUSED] = {2, 3, true, {
        "INSERT INTO quarantine (gateway, reason, epoch, seq, received_ms, body)"
        " VALUES (?1, ?2, ?5, ?6, ?7, ?12)"}},
    [OP_GAP] = {2, 7, false, {
        "INSERT INTO gap (gateway, cause, epoch, from_seq, to_seq, first_ms, last_ms, samples,"
        " reported_ms) VALUES (?1, ?2, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        " ON CONFLICT DO UPDATE SET to_seq = max(to_seq, excluded.to_seq)"}},
    [OP_GAP_FILLED] = {1, 2, false, {
        "INSERT INTO gap SELECT gateway, epoch, ?6 + 1, to_seq, cause, first_ms, last_ms, 0,"
        " reported_ms FROM gap WHERE gateway = ?1 AND epoch = ?5 AND from_seq <= ?6 AND to_seq > ?6",
        "DELETE FROM gap WHERE gateway = ?1 AND epoch = ?5 AND from_seq = ?6",
        "UPDATE gap SET to_seq = ?6 - 1, samples = 0"
        " WHERE gateway = ?1 AND epoch = ?5 AND from_seq < ?6 AND to_seq >= ?6"}},
    [OP_DESCRIPTION] = {4, 0, false, {
        "INSERT INTO description (gateway, conf, device, json) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT DO UPDATE SET json = excluded.json"}},
    [OP_AREA] = {1, 1, false, {
        "INSERT INTO area (area, list_revision) VALUES (?1, ?5)"
        " ON CONFLICT DO UPDATE SET list_revision = excluded.list_revision"}},
    [OP_ALARM] = {1, 0, true, {
        "INSERT INTO alarm (id, row) VALUES (?1, ?12) ON CONFLICT DO UPDATE SET row = excluded.row"}},
    [OP_AUDIT] = {4, 1, false, {
        "INSERT INTO audit (who, what, object, text, at_ms) VALUES (?1, ?2, ?3, ?4, ?5)"}},
    [OP_OUTBOX] = {1, 2, true, {
        "INSERT INTO outbox (topic, number, retain, payload) VALUES (?1, ?5, ?6, ?12)"}},
    [OP_PUBLISHED] = {0, 1, false, {"DELETE FROM outbox WHERE number = ?5"}},
    [OP_REPLY] = {3, 1, false, {
        "INSERT INTO reply (operator, request, json, at_ms) VALUES (?1, ?2, ?3, ?5)"
        " ON CONFLICT DO UPDATE SET json = excluded.json, at_ms = excluded.at_ms"}},
    [OP_INTERPRETED] = {2, 0, false, {
        "UPDATE pack SET interpreted = 1 WHERE gateway = ?1 AND conf = ?2 AND interpreted = 0"}},
};
/* clang-format on */

int store_prepare(struct store *s, struct err *e)
{
    int rc = 0;
    for (int type = 0; type < OP_TYPES; type++)
        for (int i = 0; i < OP_SQL && op_sql[type].sql[i]; i++)
            if ((rc = db_prepare(s->db, op_sql[type].sql[i], &s->sql[type][i], e)))
                return rc;
    if ((rc = db_prepare(s->db, WAITING_SQL, &s->waiting, e)) ||
        (rc = db_prepare(s->db, "SELECT owner_epoch, batch FROM store", &s->owner, e)) ||
        (rc = db_prepare(s->db, "UPDATE store SET batch = ?1", &s->done, e)) ||
        (rc = db_prepare(s->db, "SELECT done FROM epoch WHERE gateway = ?1 AND epoch = ?2",
                         &s->get_epoch, e)) ||
        (rc = db_prepare(s->db,
                         "DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - ?1",
                         &s->trim_quarantine, e)) ||
        (rc = db_prepare(s->db, "DELETE FROM reply WHERE id <= (SELECT max(id) FROM reply) - ?1",
                         &s->trim_replies, e)))
        return rc;
    return db_prepare(s->db, "UPDATE store SET quarantine_dropped = quarantine_dropped + ?1",
                      &s->count_trimmed, e);
}

static int run_op(struct store *s, const struct store_op *op, struct err *e)
{
    int rc = 0;
    for (int i = 0; i < OP_SQL && s->sql[op->type][i] && rc == 0; i++) {
        struct db_stmt *sql = s->sql[op->type][i];
        for (int n = 0; n < op_sql[op->type].texts; n++)
            db_bind_text(sql, n + 1, op->text[n]);
        for (int n = 0; n < op_sql[op->type].numbers; n++)
            db_bind_u63(sql, FIRST_NUMBER + n, op->number[n]);
        if (op_sql[op->type].bytes)
            db_bind_blob(sql, OP_BYTES, op->bytes, op->len);
        rc = db_run(sql, e);
    }
    return rc;
}

/* Adds what the store has of the epoch and what the op brings to set. A row that is broken, or too
 * many ranges, leave some out: the name of a pack is unique in any case. */
static int merge_epoch(struct store *s, const struct store_op *op, struct rangeset *set,
                       struct err *e)
{
    size_t len;
    db_bind_text(s->get_epoch, 1, op->text[0]);
    db_bind_u63(s->get_epoch, 2, op->number[0]);
    int rc = db_step(s->get_epoch, e);
    if (rc < 0)
        return rc;
    int old = 0;
    if (rc == 1) {
        const void *bytes = db_blob(s->get_epoch, 0, &len);
        old = ranges_decode(bytes, len, set);
        db_reset(s->get_epoch);
    }
    rc = ranges_decode(op->bytes, op->len, set);
    if (old == ERR_NOMEM || rc == ERR_NOMEM)
        return err_set(e, ERR_NOMEM, "%s: no memory to join an epoch's ranges", db_path(s->db));
    return 0;
}

static int run_epoch_fresh(struct store *s, const struct store_op *op, struct err *e)
{
    struct rangeset set;
    rangeset_init(&set, STORE_RANGES_MAX);
    int rc = merge_epoch(s, op, &set, e);
    if (rc == 0) {
        struct store_op joined = *op;
        joined.type = OP_EPOCH;
        joined.bytes = s->joined;
        joined.len = ranges_encode(&set, s->joined, sizeof(s->joined));
        rc = run_op(s, &joined, e);
    }
    rangeset_finish(&set);
    return rc;
}

static int trim(struct store *s, struct db_stmt *sql, uint64_t keep, int64_t *trimmed,
                struct err *e)
{
    db_bind_u63(sql, 1, keep);
    int rc = db_run(sql, e);
    *trimmed = rc ? 0 : db_changes(s->db);
    return rc;
}

static int keep_limits(struct store *s, const struct store_batch *b, struct err *e)
{
    bool refused = false;
    bool replied = false;
    int64_t trimmed = 0;
    int rc = 0;
    for (size_t i = 0; i < b->op_count; i++) {
        refused = refused || b->ops[i].type == OP_REFUSED;
        replied = replied || b->ops[i].type == OP_REPLY;
    }
    if (replied && (rc = trim(s, s->trim_replies, STORE_REPLIES_MAX, &trimmed, e)))
        return rc;
    if (!refused || (rc = trim(s, s->trim_quarantine, s->options.quarantine_max, &trimmed, e)) ||
        trimmed == 0)
        return rc;
    db_bind_int(s->count_trimmed, 1, trimmed);
    return db_run(s->count_trimmed, e);
}

/* 0: go on; 1: an earlier attempt committed this batch; ERR_DENIED: not the owner any more. */
static int check_owner(struct store *s, const struct store_batch *b, struct err *e)
{
    int rc = db_step(s->owner, e);
    if (rc <= 0)
        return rc ? rc : err_set(e, ERR_CORRUPT, "%s: has lost its identity", db_path(s->db));
    uint64_t owner = (uint64_t)db_int(s->owner, 0);
    uint64_t batch = (uint64_t)db_int(s->owner, 1);
    db_reset(s->owner);
    if (owner != s->owner_epoch)
        return err_set(e, ERR_DENIED,
                       "%s: another collector took it over (owner epoch %llu, ours %llu);"
                       " run one collector a store",
                       db_path(s->db), (unsigned long long)owner,
                       (unsigned long long)s->owner_epoch);
    return batch == b->number;
}

/* The reserve is for batches without packs. */
static int set_limit(struct store *s, const struct store_batch *b, struct err *e)
{
    uint64_t limit = s->options.size_max;
    if (limit == 0)
        return 0;
    if (b->has_packs)
        limit -= s->options.size_reserve;
    if (limit == s->limit_now)
        return 0;
    int rc = db_limit_size(s->db, limit, e);
    if (rc == 0)
        s->limit_now = limit;
    return rc;
}

static int apply_ops(struct store *s, const struct store_batch *b, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < b->op_count && rc == 0; i++)
        rc = b->ops[i].type == OP_EPOCH_FRESH ? run_epoch_fresh(s, &b->ops[i], e)
                                              : run_op(s, &b->ops[i], e);
    if (rc || (rc = keep_limits(s, b, e)))
        return rc;
    db_bind_u63(s->done, 1, b->number);
    return db_run(s->done, e);
}

int store_apply(struct store *s, const struct store_batch *b, struct err *e)
{
    int rc;
    if ((rc = set_limit(s, b, e)) || (rc = db_begin(s->db, e)))
        return rc;
    rc = check_owner(s, b, e);
    if (rc == 0)
        rc = apply_ops(s, b, e);
    if (rc == 0)
        rc = db_commit(s->db, e);
    if (rc)
        db_rollback(s->db);
    return rc == 1 ? 0 : rc;
}
