#include "gateway/io/spool/spool_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "io/pages.h"

#define ORDERS_LEAST   (256u * 1024u)
#define RETRY_MAX_MS   30000
#define STATE_EVERY_MS 5000
#define OFFER_EVERY_MS 60000
#define COMMIT_BYTES   106496 /* so many are committed early: one group and one sync */
#define INBOX_KEEP     262144 /* bytes of each queue's memory that stay in use for good */
#define NEVER          INT64_MAX

enum order_kind {
    ORDER_APPEND,
    ORDER_ACK,
    ORDER_TAKE,
    ORDER_RELEASE,
    ORDER_RELEASE_ALL,
    ORDER_FORGET,
    ORDER_SYNC,
    ORDER_REPORT,
};

/* In the queue an order is followed by `len` bytes: a pack's, or the ranges of an acknowledgement.
 */
struct order {
    enum order_kind kind;
    uint32_t len;
    uint64_t epoch, seq; /* ack: seq is upto */
    struct spool_pack pack;
    struct spool_wish wish;
    char store[STORE_ID_SIZE];
};

struct queue {
    char *bytes;
    size_t len;
};

struct spool_writer {
    pthread_t thread;
    pthread_mutex_t lock; /* guards inbox, hurry and stop */
    pthread_cond_t wake;
    struct queue inbox;
    bool hurry; /* something in the inbox is to be done at once */
    bool stop;
    size_t orders_max;
    uint64_t epoch; /* of the spool at open, for the loop */
    char store[STORE_ID_SIZE];

    /* The thread's own. */
    struct queue work;
    struct spool *spool;
    struct mailbox *mailbox;
    int mail_base;
    int64_t sync_ms;
    int64_t commit_at; /* NEVER: nothing waits */
    int64_t retry_ms;  /* 0: the last commit worked */
    int64_t state_at, offer_at;
    uint64_t takeable_told;
    uint64_t refused_acks;
    bool report;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- mail --- */

static int post(struct spool_writer *w, enum spool_mail type, struct mail m)
{
    m.type = w->mail_base + (int)type;
    bool bulk = type == SPOOL_STATE || type == SPOOL_GAPS;
    return bulk ? mailbox_post_bulk(w->mailbox, &m) : mailbox_post_control(w->mailbox, &m);
}

static void post_state(struct spool_writer *w)
{
    struct spool_state *state = malloc(sizeof(*state));
    if (!state)
        return;
    spool_get_state(w->spool, state);
    post(w, SPOOL_STATE, (struct mail){.data = state, .len = sizeof(*state)});
}

static void post_fault(struct spool_writer *w, const char *why)
{
    char *text = why ? strdup(why) : NULL;
    post(w, SPOOL_FAULT,
         (struct mail){.a = why != NULL, .data = text, .len = text ? strlen(text) : 0});
}

/* A batch the mailbox has no room for is nobody's: its packs may be taken again. */
static void post_packs(struct spool_writer *w, uint64_t tag, struct spool_batch *batch)
{
    struct {
        uint64_t epoch, seq;
    } keys[SPOOL_BATCH_PACKS_MAX];
    size_t n = batch ? batch->count : 0;
    for (size_t i = 0; i < n; i++) {
        keys[i].epoch = batch->items[i].epoch;
        keys[i].seq = batch->items[i].seq;
    }
    struct mail m = {
        .a = n, .b = tag, .data = batch, .len = batch ? sizeof(*batch) + batch->bytes : 0};
    if (post(w, SPOOL_PACKS, m) == 0)
        return;
    for (size_t i = 0; i < n; i++)
        spool_release(w->spool, keys[i].epoch, keys[i].seq);
}

static void post_gaps(struct spool_writer *w)
{
    struct spool_gap *gaps = calloc(SPOOL_GAPS_OFFER_MAX, sizeof(*gaps));
    if (!gaps)
        return;
    uint64_t mark;
    size_t n = spool_offer_gaps(w->spool, gaps, SPOOL_GAPS_OFFER_MAX, &mark);
    if (n == 0) {
        free(gaps);
        return;
    }
    post(w, SPOOL_GAPS, (struct mail){.a = mark, .b = n, .data = gaps, .len = n * sizeof(gaps[0])});
}

/* --- orders --- */

static void order_append(struct spool_writer *w, struct order *o, const char *bytes)
{
    o->pack.bytes = bytes;
    int rc = spool_append(w->spool, &o->pack);
    if (rc)
        log_error("spool: pack %" PRIu64 " is refused: it does not follow the last one or has a "
                  "length of %" PRIu32,
                  o->pack.seq, o->pack.len);
}

static void order_ack(struct spool_writer *w, const struct order *o, const char *bytes)
{
    struct range also[SPOOL_ACK_ALSO_MAX];
    memcpy(also, bytes, o->len);
    if (spool_ack(w->spool, o->epoch, o->seq, also, o->len / sizeof(also[0])) == 0)
        return;
    if (w->refused_acks++ == 0)
        log_warn("spool: an acknowledgement of packs that were never appended (epoch %" PRIu64
                 ", up to %" PRIu64 ") is refused",
                 o->epoch, o->seq);
}

static void order_do(struct spool_writer *w, struct order *o, const char *bytes)
{
    switch (o->kind) {
    case ORDER_APPEND:
        order_append(w, o, bytes);
        break;
    case ORDER_ACK:
        order_ack(w, o, bytes);
        break;
    case ORDER_TAKE:
        post_packs(w, o->wish.tag, spool_take(w->spool, &o->wish));
        break;
    case ORDER_RELEASE:
        spool_release(w->spool, o->epoch, o->seq);
        break;
    case ORDER_RELEASE_ALL:
        spool_release_all(w->spool);
        break;
    case ORDER_FORGET:
        spool_forget_acks(w->spool, o->store);
        break;
    case ORDER_SYNC:
        w->commit_at = 0;
        break;
    case ORDER_REPORT:
        w->report = true;
        break;
    }
}

static void do_orders(struct spool_writer *w)
{
    size_t at = 0;
    while (at < w->work.len) {
        struct order o;
        memcpy(&o, w->work.bytes + at, sizeof(o));
        order_do(w, &o, w->work.bytes + at + sizeof(o));
        at += sizeof(o) + o.len;
    }
    if (w->work.len > INBOX_KEEP)
        pages_give_back(w->work.bytes, w->work.len);
    w->work.len = 0;
}

/* Nobody waits for packs and acknowledgements before the next commit, so they wake the thread only
 * to set its time, and when the inbox is getting full. */
static bool needs_hurry(const struct spool_writer *w, const struct order *o)
{
    bool patient = o->kind == ORDER_APPEND || o->kind == ORDER_ACK;
    return !patient || w->inbox.len > COMMIT_BYTES;
}

static int put(struct spool_writer *w, struct order *o, const void *bytes, size_t len)
{
    size_t reserved = o->kind == ORDER_APPEND ? SPOOL_ORDERS_RESERVED : 0;
    int rc = ERR_FULL;
    o->len = (uint32_t)len;
    pthread_mutex_lock(&w->lock);
    if (w->inbox.len + sizeof(*o) + len + reserved <= w->orders_max) {
        memcpy(w->inbox.bytes + w->inbox.len, o, sizeof(*o));
        if (len)
            memcpy(w->inbox.bytes + w->inbox.len + sizeof(*o), bytes, len);
        bool first = w->inbox.len == 0;
        w->inbox.len += sizeof(*o) + len;
        bool hurry = needs_hurry(w, o);
        if (first || (hurry && !w->hurry))
            pthread_cond_signal(&w->wake);
        w->hurry = w->hurry || hurry;
        rc = 0;
    }
    pthread_mutex_unlock(&w->lock);
    return rc;
}

/* --- the thread --- */

static void commit(struct spool_writer *w, int64_t now)
{
    int rc = spool_commit(w->spool);
    if (rc) {
        if (w->retry_ms == 0)
            post_fault(w, spool_fault(w->spool));
        w->retry_ms = w->retry_ms ? 2 * w->retry_ms : w->sync_ms;
        w->retry_ms = w->retry_ms < RETRY_MAX_MS ? w->retry_ms : RETRY_MAX_MS;
        w->commit_at = now + w->retry_ms;
        return;
    }
    if (w->retry_ms)
        post_fault(w, NULL);
    w->retry_ms = 0;
    w->commit_at = NEVER;
}

/* What is due after the orders; a commit, and what the loop should know of it. */
static void do_due(struct spool_writer *w, bool stopping)
{
    int64_t now = now_ms();
    if (w->commit_at == NEVER && spool_uncommitted(w->spool))
        w->commit_at = now + w->sync_ms;
    bool much = w->retry_ms == 0 && spool_uncommitted(w->spool) >= COMMIT_BYTES;
    if (w->commit_at <= now || much || stopping)
        commit(w, now);
    uint64_t takeable = spool_takeable(w->spool);
    if (takeable != w->takeable_told &&
        post(w, SPOOL_TAKEABLE, (struct mail){.a = w->epoch, .b = takeable}) == 0)
        w->takeable_told = takeable;
    if (w->report || w->state_at <= now) {
        post_state(w);
        w->report = false;
        w->state_at = now + STATE_EVERY_MS;
    }
    if (w->offer_at <= now && spool_has_untold(w->spool)) {
        post_gaps(w);
        w->offer_at = now + OFFER_EVERY_MS;
    }
}

/* Before a commit that is due anyway packs and acknowledgements may wait for it in the inbox; not
 * while the disk fails, when they are on their way as soon as the spool has them. */
static bool may_wait(const struct spool_writer *w)
{
    bool commit_waits = w->commit_at != NEVER && w->retry_ms == 0;
    return !w->stop && !w->hurry && (w->inbox.len == 0 || commit_waits);
}

/* Waits for orders, or until something is due; then the orders are in `work`. */
static bool wait_orders(struct spool_writer *w)
{
    int64_t until = w->commit_at < w->state_at ? w->commit_at : w->state_at;
    struct timespec t = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
    pthread_mutex_lock(&w->lock);
    while (may_wait(w))
        if (pthread_cond_timedwait(&w->wake, &w->lock, &t) == ETIMEDOUT)
            break;
    struct queue orders = w->inbox;
    w->inbox = w->work;
    w->work = orders;
    w->hurry = false;
    bool stopping = w->stop;
    pthread_mutex_unlock(&w->lock);
    return stopping;
}

static void *writer_main(void *arg)
{
    struct spool_writer *w = arg;
    bool stopping = false;
    while (!stopping) {
        do_due(w, false);
        stopping = wait_orders(w);
        do_orders(w);
    }
    do_due(w, true);
    return NULL;
}

/* --- lifetime --- */

static int options_check(struct spool_writer_options *o, struct err *e)
{
    o->sync_ms = o->sync_ms ? o->sync_ms : SPOOL_SYNC_DEFAULT_MS;
    o->orders_max = o->orders_max ? o->orders_max : SPOOL_ORDERS_DEFAULT;
    if (o->sync_ms < SPOOL_SYNC_MIN_MS || o->sync_ms > SPOOL_SYNC_MAX_MS)
        return err_set(e, ERR_INVALID, "spool: a sync every %u ms; take %u to %u", o->sync_ms,
                       SPOOL_SYNC_MIN_MS, SPOOL_SYNC_MAX_MS);
    if (o->orders_max < ORDERS_LEAST)
        return err_set(e, ERR_INVALID, "spool: %zu bytes of orders; take at least %u",
                       o->orders_max, ORDERS_LEAST);
    return 0;
}

static void writer_free(struct spool_writer *w)
{
    spool_close(w->spool);
    free(w->inbox.bytes);
    free(w->work.bytes);
    free(w);
}

/* Signals are the main thread's: this one is started with all of them blocked. */
static int start_thread(struct spool_writer *w)
{
    pthread_condattr_t attr;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&w->thread, NULL, writer_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) {
        pthread_setname_np(w->thread, "spool");
        return 0;
    }
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    return rc;
}

int spool_writer_create(const struct spool_writer_options *options, struct spool_writer **out,
                        struct err *e)
{
    struct spool_writer_options o = *options;
    int rc = options_check(&o, e);
    if (rc)
        return rc;
    struct spool_writer *w = calloc(1, sizeof(*w));
    if (!w)
        return err_set(e, ERR_NOMEM, "spool: no memory");
    w->inbox.bytes = malloc(o.orders_max);
    w->work.bytes = malloc(o.orders_max);
    w->orders_max = o.orders_max;
    w->mailbox = o.mailbox;
    w->mail_base = o.mail_base;
    w->sync_ms = o.sync_ms;
    w->commit_at = NEVER;
    rc = w->inbox.bytes && w->work.bytes ? spool_open(&o.spool, &w->spool, e)
                                         : err_set(e, ERR_NOMEM, "spool: no memory for orders");
    if (rc == 0) {
        w->epoch = spool_epoch(w->spool);
        memcpy(w->store, spool_store(w->spool), sizeof(w->store));
        int failed = start_thread(w);
        if (failed)
            rc = err_set(e, ERR_NOMEM, "spool: cannot start its thread: %s", strerror(failed));
    }
    if (rc) {
        writer_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

void spool_writer_destroy(struct spool_writer *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    writer_free(w);
}

uint64_t spool_writer_epoch(const struct spool_writer *w)
{
    return w->epoch;
}

const char *spool_writer_store(const struct spool_writer *w)
{
    return w->store;
}

/* --- the loop's side --- */

int spool_writer_append(struct spool_writer *w, const struct spool_pack *p)
{
    struct order o = {.kind = ORDER_APPEND, .pack = *p};
    return p->len > PACK_SIZE_MAX ? ERR_INVALID : put(w, &o, p->bytes, p->len);
}

int spool_writer_ack(struct spool_writer *w, uint64_t epoch, uint64_t upto,
                     const struct range *also, size_t n)
{
    struct order o = {.kind = ORDER_ACK, .epoch = epoch, .seq = upto};
    if (n > SPOOL_ACK_ALSO_MAX)
        n = SPOOL_ACK_ALSO_MAX; /* the rest is acknowledged again when it is sent again */
    return put(w, &o, also, n * sizeof(*also));
}

int spool_writer_take(struct spool_writer *w, const struct spool_wish *wish)
{
    struct order o = {.kind = ORDER_TAKE, .wish = *wish};
    return put(w, &o, NULL, 0);
}

int spool_writer_release(struct spool_writer *w, uint64_t epoch, uint64_t seq)
{
    struct order o = {.kind = ORDER_RELEASE, .epoch = epoch, .seq = seq};
    return put(w, &o, NULL, 0);
}

int spool_writer_release_all(struct spool_writer *w)
{
    struct order o = {.kind = ORDER_RELEASE_ALL};
    return put(w, &o, NULL, 0);
}

int spool_writer_forget_acks(struct spool_writer *w, const char *store)
{
    struct order o = {.kind = ORDER_FORGET};
    memcpy(o.store, store, strnlen(store, sizeof(o.store) - 1));
    return put(w, &o, NULL, 0);
}

int spool_writer_sync(struct spool_writer *w)
{
    struct order o = {.kind = ORDER_SYNC};
    return put(w, &o, NULL, 0);
}

int spool_writer_report(struct spool_writer *w)
{
    struct order o = {.kind = ORDER_REPORT};
    return put(w, &o, NULL, 0);
}
