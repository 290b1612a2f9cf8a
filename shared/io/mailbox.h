/*
 * From any thread to the loop: a bounded queue with an eventfd. Many posters, one taker.
 *
 * A full mailbox drops and counts bulk mail (packs: resending heals it); control mail (acks,
 * commands, connection events) has reserved slots and is refused only when those are full as well.
 */
#ifndef IO_MAILBOX_H
#define IO_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mailbox;

struct mail {
    int type;      /* the user's */
    uint64_t a, b; /* the user's */
    void *data; /* malloc'ed; taken over by the taker, who frees it; freed by a post that drops */
    size_t len;
};

/* `slots` for all mail, of which the last `reserved` only take control mail. NULL without memory.
 */
struct mailbox *mailbox_create(size_t slots, size_t reserved);
void mailbox_destroy(struct mailbox *mb); /* frees what lies in it; NULL is fine */
int mailbox_fd(const struct mailbox *mb); /* readable while there is mail */
/* Both return 0, or ERR_FULL after freeing m->data and counting. Thread-safe, never block. */
int mailbox_post_bulk(struct mailbox *mb, const struct mail *m);
int mailbox_post_control(struct mailbox *mb, const struct mail *m);
/* Takes the oldest; false when empty. Only the owning thread. */
bool mailbox_take(struct mailbox *mb, struct mail *out);
/* The same for many, without touching the descriptor: it stays readable, so that posts make no
 * system call, until mailbox_rearm. */
size_t mailbox_take_many(struct mailbox *mb, struct mail *out, size_t max);
/* Before waiting for the descriptor again: false when there is mail. */
bool mailbox_rearm(struct mailbox *mb);
uint64_t mailbox_dropped(struct mailbox *mb);
size_t mailbox_depth(struct mailbox *mb);

#endif
