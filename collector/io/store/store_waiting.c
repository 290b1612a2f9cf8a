/* Packs that wait for their descriptions, carried from the store thread to the loop in one mail:
 * gateway and conf with their NUL, then for each row seven little-endian 64-bit fields (id, epoch,
 * seq, received, lane, kind, length) and the body. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "collector/io/store/store_parts.h"

#define NAMES_SIZE (NAME_SIZE + PACK_CONF_SIZE)
#define HEAD_SIZE  (7 * sizeof(uint64_t))
#define ROW_MAX    (HEAD_SIZE + PACK_SIZE_MAX)

static void put_row(struct buf *b, struct db_stmt *sql)
{
    size_t len;
    const void *body = db_blob(sql, 6, &len);
    for (int column = 0; column < 6; column++)
        buf_le64(b, (uint64_t)db_int(sql, column));
    buf_le64(b, len);
    buf_put(b, body, len);
}

/* Reads rows until the answer is full; returns how many, or an error. */
static int64_t read_rows(struct store *s, const struct question *q, struct buf *b, struct err *e)
{
    int64_t rows = 0;
    int rc;
    db_bind_text(s->waiting, 1, q->gateway);
    db_bind_text(s->waiting, 2, q->conf);
    db_bind_u63(s->waiting, 3, q->after);
    db_bind_int(s->waiting, 4, STORE_WAITING_ROWS);
    while ((rc = db_step(s->waiting, e)) == 1) {
        size_t before = b->len;
        put_row(b, s->waiting);
        if (b->overflow) {
            buf_rewind(b, before);
            db_reset(s->waiting);
            break;
        }
        rows++;
    }
    return rc < 0 ? rc : rows;
}

static struct mail answer_error(const struct err *e)
{
    struct mail m = {.type = STORE_WAITING, .b = (uint64_t)-e->code, .data = strdup(e->text)};
    m.len = m.data ? strlen(e->text) + 1 : 0;
    return m;
}

struct mail waiting_answer(struct store *s, const struct question *q)
{
    _Static_assert(STORE_WAITING_BYTES >= NAMES_SIZE + ROW_MAX, "an answer always holds a row");
    struct err e = {0};
    struct buf b;
    char *bytes = calloc(1, STORE_WAITING_BYTES);
    if (!bytes) {
        err_set(&e, ERR_NOMEM, "%s: no memory to read waiting packs", s->options.path);
        return answer_error(&e);
    }
    memcpy(bytes, q->gateway, NAME_SIZE);
    memcpy(bytes + NAME_SIZE, q->conf, PACK_CONF_SIZE);
    buf_init(&b, bytes, STORE_WAITING_BYTES);
    b.len = NAMES_SIZE;
    int64_t rows = read_rows(s, q, &b, &e);
    if (rows < 0) {
        free(bytes);
        return answer_error(&e);
    }
    return (struct mail){.type = STORE_WAITING, .a = (uint64_t)rows, .data = bytes, .len = b.len};
}

bool store_waiting_row(const struct mail *m, size_t *at, struct store_row *row)
{
    struct cursor c;
    if (m->a == 0 || m->len <= NAMES_SIZE)
        return false;
    cursor_init(&c, m->data, m->len);
    cursor_bytes(&c, NAMES_SIZE + *at);
    if (cursor_left(&c) < HEAD_SIZE)
        return false;
    *row = (struct store_row){0};
    memcpy(row->gateway, m->data, NAME_SIZE);
    memcpy(row->conf, (const char *)m->data + NAME_SIZE, PACK_CONF_SIZE);
    row->id = cursor_le64(&c);
    row->pack.gateway = row->gateway;
    row->pack.conf = row->conf;
    row->pack.epoch = cursor_le64(&c);
    row->pack.seq = cursor_le64(&c);
    row->pack.received.ms = (int64_t)cursor_le64(&c);
    row->pack.lane = (enum store_lane)cursor_le64(&c);
    row->pack.kind = (enum pack_kind)cursor_le64(&c);
    row->pack.len = cursor_le64(&c);
    row->pack.body = cursor_bytes(&c, row->pack.len);
    *at = c.at - NAMES_SIZE;
    return !c.underflow;
}
