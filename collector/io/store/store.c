/* Life of the store, and the thread that commits. */
#include "collector/io/store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "collector/io/store/store_parts.h"

#define RETRY_MS_DEFAULT 1000
#define POST_AGAIN_MS    10 /* when the mailbox is full, its owner is about to empty it */

static void batch_finish(struct store_batch *b)
{
    free(b->ops);
    free(b->memory);
}

static int batch_init(struct store_batch *b)
{
    b->ops = calloc(STORE_BATCH_OPS_MAX, sizeof(*b->ops));
    b->memory = malloc(STORE_BATCH_BYTES_MAX);
    return b->ops && b->memory ? 0 : ERR_NOMEM;
}

static int init_locks(struct store *s)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return ERR_NOMEM;
    int rc = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (rc == 0)
        rc = pthread_cond_init(&s->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (rc == 0 && (rc = pthread_mutex_init(&s->lock, NULL)) != 0)
        pthread_cond_destroy(&s->wake);
    return rc ? ERR_NOMEM : 0;
}

int store_open(const struct store_options *options, struct store **out, struct err *e)
{
    assert(options->size_reserve <= options->size_max);
    *out = NULL;
    struct store *s = calloc(1, sizeof(*s));
    if (!s || init_locks(s)) {
        free(s);
        return err_set(e, ERR_NOMEM, "%s: no memory for the store", options->path);
    }
    s->options = *options;
    if (s->options.quarantine_max == 0)
        s->options.quarantine_max = STORE_QUARANTINE_MAX;
    if (s->options.retry_ms == 0)
        s->options.retry_ms = RETRY_MS_DEFAULT;
    s->filling = &s->batches_memory[0];
    int rc = 0;
    if (batch_init(&s->batches_memory[0]) || batch_init(&s->batches_memory[1]))
        rc = err_set(e, ERR_NOMEM, "%s: no memory for the store's batches", options->path);
    else
        rc = store_open_file(s, e);
    if (rc) {
        store_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    if (s->running) {
        pthread_mutex_lock(&s->lock);
        s->stop = true;
        pthread_cond_signal(&s->wake);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->thread, NULL);
    }
    db_close(s->db);
    batch_finish(&s->batches_memory[0]);
    batch_finish(&s->batches_memory[1]);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    free(s);
}

const char *store_id(const struct store *s)
{
    return s->id;
}

uint64_t store_owner_epoch(const struct store *s)
{
    return s->owner_epoch;
}

bool store_is_new(const struct store *s)
{
    return s->is_new;
}

uint64_t store_outbox_next(const struct store *s)
{
    return s->outbox_next;
}

/* --- the loop's side --- */

bool store_busy(const struct store *s)
{
    struct store *locked = (struct store *)s; /* the lock alone is changed */
    pthread_mutex_lock(&locked->lock);
    bool busy = s->handed != NULL;
    pthread_mutex_unlock(&locked->lock);
    return busy;
}

int store_submit(struct store *s, uint64_t *number)
{
    if (store_batch_empty(s))
        return ERR_INVALID;
    pthread_mutex_lock(&s->lock);
    int rc = s->stopped ? ERR_CLOSED : s->handed ? ERR_AGAIN : 0;
    if (rc == 0) {
        struct store_batch *b = s->filling;
        *number = b->number = ++s->batches;
        s->handed = b;
        s->withdraw = false;
        s->filling = b == &s->batches_memory[0] ? &s->batches_memory[1] : &s->batches_memory[0];
        pthread_cond_signal(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    if (rc == 0)
        store_discard(s); /* the other batch is done with */
    return rc;
}

void store_withdraw(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    s->withdraw = s->handed != NULL;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

int store_ask_waiting(struct store *s, const char *gateway, const char *conf, uint64_t after)
{
    pthread_mutex_lock(&s->lock);
    int rc = s->stopped ? ERR_CLOSED : s->question.open ? ERR_AGAIN : 0;
    if (rc == 0) {
        s->question = (struct question){.open = true, .after = after};
        snprintf(s->question.gateway, sizeof(s->question.gateway), "%s", gateway);
        snprintf(s->question.conf, sizeof(s->question.conf), "%s", conf);
        pthread_cond_signal(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

/* --- the thread --- */

/* Waits with the lock held, until woken or for ms. */
static void wait_ms(struct store *s, unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&s->wake, &s->lock, &until);
}

/* Mail must arrive: the loop holds back acks until it does. A full mailbox frees what it refuses,
 * so each attempt carries a copy. */
static void post_mail(struct store *s, const struct mail *m)
{
    for (;;) {
        struct mail copy = *m;
        copy.data = NULL;
        if (m->data && (copy.data = malloc(m->len)) != NULL)
            memcpy(copy.data, m->data, m->len);
        copy.len = copy.data ? m->len : 0;
        if (mailbox_post_control(s->mailbox, &copy) == 0)
            return;
        pthread_mutex_lock(&s->lock);
        bool stop = s->stop;
        if (!stop)
            wait_ms(s, POST_AGAIN_MS);
        pthread_mutex_unlock(&s->lock);
        if (stop)
            return;
    }
}

static void post(struct store *s, enum store_mail type, uint64_t number, const struct err *why)
{
    struct mail m = {.type = (int)type, .a = number};
    struct err text;
    if (why) {
        text = *why;
        m.b = (uint64_t)-why->code;
        m.data = text.text;
        m.len = strlen(text.text) + 1;
    }
    post_mail(s, &m);
}

static bool may_heal(int code)
{
    return code == ERR_AGAIN || code == ERR_FULL || code == ERR_IO || code == ERR_NOMEM;
}

static void give_up(struct store *s, const struct store_batch *b, const struct err *why)
{
    if (why->code == ERR_CORRUPT)
        store_mark_suspect(s);
    pthread_mutex_lock(&s->lock);
    s->stopped = true;
    pthread_mutex_unlock(&s->lock);
    post(s, STORE_FATAL, b->number, why);
}

/* The batch is the loop's again; only then may it hear of it, or its next submit would be refused.
 */
static void release(struct store *s, enum store_mail outcome, uint64_t number)
{
    pthread_mutex_lock(&s->lock);
    s->handed = NULL;
    s->withdraw = false;
    pthread_mutex_unlock(&s->lock);
    post(s, outcome, number, NULL);
}

/* Sleeps between attempts; false when the batch is no longer to be tried. */
static bool wait_to_retry(struct store *s, bool *withdrawn)
{
    pthread_mutex_lock(&s->lock);
    if (!s->stop && !s->withdraw)
        wait_ms(s, s->options.retry_ms);
    *withdrawn = s->withdraw;
    bool go_on = !s->stop && !s->withdraw;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

/* Returns false when the thread has to end. */
static bool work(struct store *s, const struct store_batch *b)
{
    int told = 0;
    bool withdrawn = false;
    for (;;) {
        struct err e = {0};
        int rc = store_apply(s, b, &e);
        if (rc == 0) {
            release(s, STORE_COMMITTED, b->number);
            return true;
        }
        if (!may_heal(rc)) {
            give_up(s, b, &e);
            return false;
        }
        if (rc != told)
            post(s, STORE_RETRY, b->number, &e);
        told = rc;
        if (!wait_to_retry(s, &withdrawn))
            break;
    }
    if (withdrawn)
        release(s, STORE_WITHDRAWN, b->number);
    return withdrawn;
}

static void answer(struct store *s, const struct question *q)
{
    struct mail m = waiting_answer(s, q);
    pthread_mutex_lock(&s->lock);
    s->question.open = false;
    pthread_mutex_unlock(&s->lock);
    post_mail(s, &m);
    free(m.data);
}

static void *run(void *argument)
{
    struct store *s = argument;
    bool go_on = true;
    while (go_on) {
        pthread_mutex_lock(&s->lock);
        while (!s->handed && !s->question.open && !s->stop)
            pthread_cond_wait(&s->wake, &s->lock);
        const struct store_batch *b = s->handed;
        struct question q = s->question;
        bool stop = s->stop;
        pthread_mutex_unlock(&s->lock);
        if (b)
            go_on = work(s, b);
        else if (stop)
            go_on = false;
        else
            answer(s, &q);
    }
    return NULL;
}

int store_start(struct store *s, struct mailbox *mb, struct err *e)
{
    s->mailbox = mb;
    int rc = pthread_create(&s->thread, NULL, run, s);
    if (rc) {
        errno = rc;
        return err_set_errno(e, "%s: cannot start the store's thread", s->options.path);
    }
    s->running = true;
    return 0;
}
