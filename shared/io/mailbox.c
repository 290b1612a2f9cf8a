#include "io/mailbox.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"

struct mailbox {
    pthread_mutex_t lock; /* guards all that follows but `event`, which never changes */
    int event;            /* counts 1 when signalled, else 0 */
    bool signalled;       /* there is mail, or there was and nobody looked since */
    size_t slots, reserved;
    size_t first, count;
    uint64_t dropped;
    struct mail ring[];
};

struct mailbox *mailbox_create(size_t slots, size_t reserved)
{
    assert(slots > 0 && reserved < slots);
    struct mailbox *mb = calloc(1, sizeof(*mb) + slots * sizeof(struct mail));
    if (!mb)
        return NULL;
    mb->slots = slots;
    mb->reserved = reserved;
    mb->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (mb->event < 0 || pthread_mutex_init(&mb->lock, NULL) != 0) {
        if (mb->event >= 0)
            close(mb->event);
        free(mb);
        return NULL;
    }
    return mb;
}

void mailbox_destroy(struct mailbox *mb)
{
    if (!mb)
        return;
    struct mail m;
    while (mailbox_take(mb, &m))
        free(m.data);
    pthread_mutex_destroy(&mb->lock);
    close(mb->event);
    free(mb);
}

int mailbox_fd(const struct mailbox *mb)
{
    return mb->event;
}

/* The eventfd is written and read under the lock, so that it always agrees with `signalled`. It
 * cannot block: the count is 0 or 1. */
static void event_set(struct mailbox *mb)
{
    uint64_t one = 1;
    if (mb->signalled)
        return;
    mb->signalled = true;
    ssize_t n = write(mb->event, &one, sizeof(one));
    assert(n == (ssize_t)sizeof(one));
}

static void event_clear(struct mailbox *mb)
{
    uint64_t count;
    if (!mb->signalled)
        return;
    mb->signalled = false;
    ssize_t n = read(mb->event, &count, sizeof(count));
    assert(n == (ssize_t)sizeof(count));
}

static int post(struct mailbox *mb, const struct mail *m, size_t room)
{
    pthread_mutex_lock(&mb->lock);
    bool taken = mb->count < room;
    if (taken) {
        mb->ring[(mb->first + mb->count) % mb->slots] = *m;
        mb->count++;
        event_set(mb);
    } else {
        mb->dropped++;
    }
    pthread_mutex_unlock(&mb->lock);
    if (taken)
        return 0;
    free(m->data);
    return ERR_FULL;
}

int mailbox_post_bulk(struct mailbox *mb, const struct mail *m)
{
    return post(mb, m, mb->slots - mb->reserved);
}

int mailbox_post_control(struct mailbox *mb, const struct mail *m)
{
    return post(mb, m, mb->slots);
}

bool mailbox_take(struct mailbox *mb, struct mail *out)
{
    pthread_mutex_lock(&mb->lock);
    bool any = mb->count > 0;
    if (any) {
        *out = mb->ring[mb->first];
        mb->first = (mb->first + 1) % mb->slots;
        if (--mb->count == 0)
            event_clear(mb);
    }
    pthread_mutex_unlock(&mb->lock);
    return any;
}

size_t mailbox_take_many(struct mailbox *mb, struct mail *out, size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&mb->lock);
    for (; n < max && mb->count > 0; n++, mb->count--) {
        out[n] = mb->ring[mb->first];
        mb->first = (mb->first + 1) % mb->slots;
    }
    pthread_mutex_unlock(&mb->lock);
    return n;
}

bool mailbox_rearm(struct mailbox *mb)
{
    pthread_mutex_lock(&mb->lock);
    bool empty = mb->count == 0;
    if (empty)
        event_clear(mb);
    pthread_mutex_unlock(&mb->lock);
    return empty;
}

uint64_t mailbox_dropped(struct mailbox *mb)
{
    pthread_mutex_lock(&mb->lock);
    uint64_t n = mb->dropped;
    pthread_mutex_unlock(&mb->lock);
    return n;
}

size_t mailbox_depth(struct mailbox *mb)
{
    pthread_mutex_lock(&mb->lock);
    size_t n = mb->count;
    pthread_mutex_unlock(&mb->lock);
    return n;
}
