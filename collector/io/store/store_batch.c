/* What the loop puts into the batch being filled: every put copies, or leaves the batch as it was.
 */
#include <assert.h>
#include <string.h>

#include "collector/io/store/store_parts.h"

/* Packs take at most half of a batch, so that there is room for what they cause. */
#define PACK_OPS_MAX   (STORE_BATCH_OPS_MAX / 2)
#define PACK_BYTES_MAX (STORE_BATCH_BYTES_MAX / 2)

static const void *copy(struct store_batch *b, const void *bytes, size_t len)
{
    if (len > STORE_BATCH_BYTES_MAX - b->used)
        return NULL;
    void *to = b->memory + b->used;
    if (len)
        memcpy(to, bytes, len);
    b->used += len;
    return to;
}

static bool copy_all(struct store_batch *b, struct store_op *op)
{
    for (size_t i = 0; i < OP_TEXTS; i++) {
        if (op->text[i] && !(op->text[i] = copy(b, op->text[i], strlen(op->text[i]) + 1)))
            return false;
    }
    return !op->bytes || (op->bytes = copy(b, op->bytes, op->len)) != NULL;
}

static int put(struct store *s, const struct store_op *op)
{
    struct store_batch *b = s->filling;
    if (b->op_count == STORE_BATCH_OPS_MAX)
        return ERR_FULL;
    size_t used = b->used;
    struct store_op copied = *op;
    if (!copy_all(b, &copied)) {
        b->used = used;
        return ERR_FULL;
    }
    b->ops[b->op_count++] = copied;
    return 0;
}

int store_put_pack(struct store *s, const struct store_pack *p)
{
    struct store_op op = {
        .type = OP_PACK,
        .text = {p->gateway, p->conf},
        .number = {p->epoch, p->seq, (uint64_t)p->received.ms, p->lane, p->kind, p->interpreted},
        .bytes = p->body,
        .len = p->len,
    };
    if (s->filling->op_count >= PACK_OPS_MAX || s->filling->used + p->len > PACK_BYTES_MAX)
        return ERR_FULL;
    int rc = put(s, &op);
    if (rc == 0)
        s->filling->has_packs = true;
    return rc;
}

int store_put_epoch(struct store *s, const char *gateway, uint64_t epoch,
                    const struct rangeset *done, bool fresh)
{
    struct store_batch *b = s->filling;
    size_t used = b->used;
    size_t need = done->count * 2 * sizeof(uint64_t);
    if (done->count > STORE_RANGES_MAX)
        return ERR_LIMIT;
    if (need > STORE_BATCH_BYTES_MAX - b->used || b->op_count == STORE_BATCH_OPS_MAX)
        return ERR_FULL;
    char *bytes = b->memory + b->used;
    size_t len = ranges_encode(done, bytes, need);
    b->used += len;
    const char *name = copy(b, gateway, strlen(gateway) + 1);
    if (!name) {
        b->used = used;
        return ERR_FULL;
    }
    b->ops[b->op_count++] = (struct store_op){
        .type = fresh ? OP_EPOCH_FRESH : OP_EPOCH,
        .text = {name},
        .number = {epoch},
        .bytes = bytes,
        .len = len,
    };
    return 0;
}

int store_put_refused(struct store *s, const char *gateway, uint64_t epoch, uint64_t seq,
                      struct clk_utc received, const char *reason, const void *body, size_t len)
{
    struct store_op op = {
        .type = OP_REFUSED,
        .text = {gateway, reason},
        .number = {epoch, seq, (uint64_t)received.ms},
        .bytes = body,
        .len = len,
    };
    return put(s, &op);
}

int store_put_gap(struct store *s, const char *gateway, const struct pack_gap *gap,
                  struct clk_utc reported)
{
    struct store_op op = {
        .type = OP_GAP,
        .text = {gateway, gap->cause},
        .number = {gap->epoch, gap->from, gap->to, (uint64_t)gap->first.ms, (uint64_t)gap->last.ms,
                   gap->count, (uint64_t)reported.ms},
    };
    return put(s, &op);
}

int store_put_gap_filled(struct store *s, const char *gateway, uint64_t epoch, uint64_t seq)
{
    struct store_op op = {.type = OP_GAP_FILLED, .text = {gateway}, .number = {epoch, seq}};
    return put(s, &op);
}

int store_put_description(struct store *s, const char *gateway, const char *conf,
                          const char *device, const char *json)
{
    struct store_op op = {.type = OP_DESCRIPTION, .text = {gateway, conf, device, json}};
    return put(s, &op);
}

int store_put_area(struct store *s, const char *area, uint64_t list_revision)
{
    struct store_op op = {.type = OP_AREA, .text = {area}, .number = {list_revision}};
    return put(s, &op);
}

int store_put_alarm(struct store *s, const char *id, const void *row, size_t len)
{
    struct store_op op = {.type = OP_ALARM, .text = {id}, .bytes = row, .len = len};
    return put(s, &op);
}

int store_put_audit(struct store *s, struct clk_utc at, const char *who, const char *what,
                    const char *object, const char *text)
{
    struct store_op op = {
        .type = OP_AUDIT, .text = {who, what, object, text}, .number = {(uint64_t)at.ms}};
    return put(s, &op);
}

int store_put_outbox(struct store *s, uint64_t number, const char *topic, bool retain,
                     const void *payload, size_t len)
{
    struct store_op op = {
        .type = OP_OUTBOX,
        .text = {topic},
        .number = {number, retain},
        .bytes = payload ? payload : "",
        .len = len,
    };
    assert(number >= s->outbox_next);
    int rc = put(s, &op);
    if (rc == 0)
        s->outbox_next = number + 1;
    return rc;
}

int store_put_published(struct store *s, uint64_t number)
{
    struct store_op op = {.type = OP_PUBLISHED, .number = {number}};
    return put(s, &op);
}

int store_put_reply(struct store *s, const char *operator, const char * id, struct clk_utc at,
                    const char *json)
{
    struct store_op op = {
        .type = OP_REPLY, .text = {operator, id, json}, .number = {(uint64_t)at.ms}};
    return put(s, &op);
}

int store_put_interpreted(struct store *s, const char *gateway, const char *conf)
{
    struct store_op op = {.type = OP_INTERPRETED, .text = {gateway, conf}};
    return put(s, &op);
}

bool store_batch_empty(const struct store *s)
{
    return s->filling->op_count == 0;
}

void store_discard(struct store *s)
{
    s->filling->op_count = s->filling->used = 0;
    s->filling->has_packs = false;
}
