/*
 * The spool's own thread: takes orders from the loop, answers by mail, so that the loop never waits
 * for a disk.
 *
 * Orders are copied into a queue of fixed memory and carried out in their order; a full queue
 * refuses with ERR_FULL and changes nothing, so a pack that was refused keeps its seq for the next
 * try. The last SPOOL_ORDERS_RESERVED bytes take no packs, so that acknowledgements get through
 * when the disk is slow. Appended packs are committed together, sync_ms after the first of them at
 * the latest, at once on spool_writer_sync. A failing disk is tried again with growing pauses.
 * All functions are called by one thread, the mailbox's owner.
 */
#ifndef GATEWAY_IO_SPOOL_SPOOL_WRITER_H
#define GATEWAY_IO_SPOOL_SPOOL_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "gateway/io/spool/spool.h"
#include "io/mailbox.h"

#define SPOOL_SYNC_DEFAULT_MS 1000u
#define SPOOL_SYNC_MIN_MS     10u
#define SPOOL_SYNC_MAX_MS     4000u /* a sample is durable within 5 s; packing it takes some too */
#define SPOOL_ORDERS_DEFAULT  (1024u * 1024u)
#define SPOOL_ORDERS_RESERVED 65536u
#define SPOOL_ACK_ALSO_MAX    256u

struct spool_writer;

struct spool_writer_options {
    struct spool_options spool;
    struct mailbox *mailbox; /* borrowed; outlives the writer */
    int mail_base;           /* mail types are mail_base + enum spool_mail */
    unsigned sync_ms;        /* SPOOL_SYNC_MIN_MS..MAX_MS; 0: the default */
    size_t orders_max;       /* bytes of queued orders, at least 256 KiB; 0: the default */
};

enum spool_mail {
    SPOOL_TAKEABLE, /* a = epoch, b = upto: durable, or the disk fails and they are in memory */
    SPOOL_PACKS,    /* the answer to a take: a = how many, b = the wish's tag, data = struct
                      spool_batch or NULL; none when the mailbox is full: ask again */
    SPOOL_GAPS,     /* a = mark, b = how many, data = struct spool_gap[]: pack them, append the pack
                       with gap_mark = a. Repeated each minute until a pack tells them */
    SPOOL_STATE,    /* data = struct spool_state; at the start, when asked, and when it changed, but
                       not more than every five seconds */
    SPOOL_FAULT,    /* a = 1 writes fail, data = why; a = 0 they work again */
};

/* Opens the spool in the caller's thread, so that the epoch is known and durable on return, then
 * starts. Errors as spool_open, and ERR_NOMEM when no thread can be started. */
int spool_writer_create(const struct spool_writer_options *o, struct spool_writer **out,
                        struct err *e);
/* Carries out what is queued, commits, and ends the thread; waits for the disk. NULL is fine. */
void spool_writer_destroy(struct spool_writer *w);

uint64_t spool_writer_epoch(const struct spool_writer *w);
/* Whose acknowledgements the spool had when it was opened. */
const char *spool_writer_store(const struct spool_writer *w);

/* Orders; as the functions of io/spool.h. 0 or ERR_FULL. */
int spool_writer_append(struct spool_writer *w, const struct spool_pack *p);
int spool_writer_ack(struct spool_writer *w, uint64_t epoch, uint64_t upto,
                     const struct range *also, size_t n);
int spool_writer_take(struct spool_writer *w, const struct spool_wish *wish);
int spool_writer_release(struct spool_writer *w, uint64_t epoch, uint64_t seq);
int spool_writer_release_all(struct spool_writer *w);
int spool_writer_forget_acks(struct spool_writer *w, const char *store);
/* Commits at once: for an event that should not wait. */
int spool_writer_sync(struct spool_writer *w);
/* Posts a SPOOL_STATE. */
int spool_writer_report(struct spool_writer *w);

#endif
