/*
 * Shared by store.c (life, thread), store_batch.c (what the loop puts), store_apply.c (a batch as
 * one transaction) and store_load.c (what a start reads); nobody else includes it.
 */
#ifndef COLLECTOR_IO_STORE_STORE_PARTS_H
#define COLLECTOR_IO_STORE_STORE_PARTS_H

#include <pthread.h>

#include "collector/io/store/store.h"
#include "io/db.h"

enum op_type {
    OP_PACK,
    OP_EPOCH,
    OP_EPOCH_FRESH,
    OP_REFUSED,
    OP_GAP,
    OP_GAP_FILLED,
    OP_DESCRIPTION,
    OP_AREA,
    OP_ALARM,
    OP_AUDIT,
    OP_OUTBOX,
    OP_PUBLISHED,
    OP_REPLY,
    OP_INTERPRETED,
    OP_TYPES,
};

#define OP_TEXTS   4 /* bound as ?1 to ?4 */
#define OP_NUMBERS 7 /* bound as ?5 to ?11 */
#define OP_BYTES   12
#define OP_SQL     3 /* statements of one op */

/* One line of a batch; what it points to lies in the batch's memory. */
struct store_op {
    enum op_type type;
    const char *text[OP_TEXTS];
    uint64_t number[OP_NUMBERS];
    const void *bytes;
    size_t len;
};

struct store_batch {
    uint64_t number;
    bool has_packs;
    size_t op_count;
    struct store_op *ops; /* STORE_BATCH_OPS_MAX */
    size_t used;
    char *memory; /* STORE_BATCH_BYTES_MAX */
};

struct store {
    struct store_options options;
    char id[STORE_ID_SIZE];
    uint64_t owner_epoch;
    uint64_t outbox_next;
    uint64_t batches; /* numbers given out */
    bool is_new;

    struct db *db; /* the loop's until store_start, then the thread's */
    struct db_stmt *sql[OP_TYPES][OP_SQL];
    struct db_stmt *waiting;
    struct db_stmt *owner, *done, *get_epoch, *trim_quarantine, *trim_replies, *count_trimmed;
    uint64_t limit_now; /* the size limit in force at SQLite */
    char joined[STORE_RANGES_MAX * 2 * sizeof(uint64_t)];

    struct store_batch batches_memory[2];
    struct store_batch *filling; /* the loop's */

    pthread_t thread;
    bool running;
    struct mailbox *mailbox;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t wake;
    struct store_batch *handed; /* at the thread */
    bool stop, withdraw, stopped;
    struct question {
        bool open;
        char gateway[NAME_SIZE], conf[PACK_CONF_SIZE];
        uint64_t after;
    } question;
};

/* store_apply.c */
int store_prepare(struct store *s, struct err *e);
/* One transaction: 0 when the batch is committed (now or by an earlier attempt). */
int store_apply(struct store *s, const struct store_batch *b, struct err *e);

/* store_load.c */
int ranges_decode(const void *bytes, size_t len, struct rangeset *set);
size_t ranges_encode(const struct rangeset *set, void *bytes, size_t cap);

/* store_waiting.c: the answer as a mail, and the statement that finds it. */
#define WAITING_SQL                                                                                \
    "SELECT id, epoch, seq, received_ms, lane, kind, body FROM pack"                               \
    " WHERE gateway = ?1 AND conf = ?2 AND interpreted = 0 AND id > ?3 ORDER BY id LIMIT ?4"
struct mail waiting_answer(struct store *s, const struct question *q);

/* store_open.c */
int store_open_file(struct store *s, struct err *e);
/* Remembers for the next open that the file has to be looked at. */
void store_mark_suspect(const struct store *s);

#endif
