/*
 * The collector's store: everything that must agree shares one SQLite file and one commit.
 *
 * The loop fills a batch (packs, dedupe ranges, gaps, alarms, audit, outbox, ...) with the
 * store_put functions and hands it over with store_submit. The store thread commits it as one
 * transaction and posts the outcome to the mailbox given at store_start:
 *   STORE_COMMITTED  a: batch number. Only now may anything in it be acknowledged or published.
 *   STORE_RETRY      a: batch number, b: the err_code negated, data: text. Posted when the outcome
 *                    of an attempt changes; the batch is kept and tried until it commits or is
 *                    withdrawn. Meanwhile nothing is acknowledged, so gateways hold on to it all.
 *   STORE_WITHDRAWN  a: batch number. Nothing of it was stored; it is the loop's to put again.
 *   STORE_FATAL      a: batch number, b, data as above. The store has stopped: the file is broken,
 *                    or another collector owns it. Restart: a broken file is then set aside.
 * A commit whose answer was lost is recognised by its number and not applied twice.
 *
 * Two batches exist: one being filled, one at the thread. Their memory is allocated at open; put
 * functions copy what they are given and return ERR_FULL (the batch as before) when it is full.
 * Loads and puts belong to one thread (the loop's); loads only before store_start.
 */
#ifndef COLLECTOR_IO_STORE_STORE_H
#define COLLECTOR_IO_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/err.h"
#include "io/mailbox.h"
#include "model/message.h"
#include "model/pack.h"
#include "model/rangeset.h"

#define STORE_BATCH_OPS_MAX   4096
#define STORE_BATCH_BYTES_MAX (8U << 20)
#define STORE_QUARANTINE_MAX  1000  /* unless the options say; the oldest go first, counted */
#define STORE_REPLIES_MAX     10000 /* replies to operators kept for repeated ids */
#define STORE_RANGES_MAX      4096  /* ranges of one epoch's dedupe row */

struct store;

struct store_options {
    const char *path;        /* borrowed */
    uint64_t size_max;       /* bytes the file may take; 0: no limit but the disk's */
    uint64_t size_reserve;   /* of these, only for batches without packs: alarms get through */
    const struct clk *clk;   /* names files set aside */
    unsigned retry_ms;       /* between attempts; 0: 1000 */
    uint64_t quarantine_max; /* refused packs kept; 0: STORE_QUARANTINE_MAX */
};

enum store_mail {
    STORE_COMMITTED = 0x5701,
    STORE_RETRY,
    STORE_WITHDRAWN,
    STORE_FATAL,
    STORE_WAITING, /* a: rows; the answer to store_ask_waiting. With a 0, b may be an error's code
                      negated and data its text: ask again later. */
};

enum store_lane { LANE_LIVE, LANE_BACKFILL };

/* Opens or creates the store and takes it over from an earlier owner. A file that is broken is
 * renamed to PATH.broken-{time} with its companions and a new store, with a new id, takes its place
 * (logged): contents never keep the collector from starting. Fails only for what a person has to
 * settle: ERR_IO (no directory, no permission), ERR_AGAIN (locked), ERR_FULL, ERR_NOMEM. */
int store_open(const struct store_options *options, struct store **out, struct err *e);
/* Ends the thread after the batch it is working on, or at once if that one is waiting to be
 * retried. NULL is fine. */
void store_close(struct store *s);

const char *store_id(const struct store *s);       /* 32 hexadecimal digits */
uint64_t store_owner_epoch(const struct store *s); /* 1 more than the owner before */
bool store_is_new(const struct store *s);          /* created or replaced by this open */
uint64_t store_outbox_next(const struct store *s); /* the first outbox number not yet used */

/* --- loads: before store_start; a callback's pointers are valid during the call. The first
 * non-zero result of a callback ends the walk and is returned. --- */

/* done: committed or refused; gaps: what was given up. Both are the callee's to copy. */
int store_load_epochs(struct store *s,
                      int (*each)(void *user, const char *gateway, uint64_t epoch,
                                  const struct rangeset *done, const struct rangeset *gaps),
                      void *user, struct err *e);
int store_load_descriptions(struct store *s,
                            int (*each)(void *user, const char *gateway, const char *conf,
                                        const char *device, const char *json),
                            void *user, struct err *e);
int store_load_areas(struct store *s,
                     int (*each)(void *user, const char *area, uint64_t list_revision), void *user,
                     struct err *e);
int store_load_alarms(struct store *s,
                      int (*each)(void *user, const char *id, const void *row, size_t len),
                      void *user, struct err *e);
/* What was committed and not yet published, oldest first. */
int store_load_outbox(struct store *s,
                      int (*each)(void *user, uint64_t number, const char *topic, bool retain,
                                  const void *payload, size_t len),
                      void *user, struct err *e);
int store_load_replies(struct store *s,
                       int (*each)(void *user, const char *operator, const char * id,
                                   const char *json),
                       void *user, struct err *e);

/* --- the running store --- */

/* Starts the thread; mail goes to `mb` as control mail. */
int store_start(struct store *s, struct mailbox *mb, struct err *e);

struct store_pack {
    const char *gateway;
    uint64_t epoch, seq;
    struct clk_utc received;
    enum store_lane lane;
    enum pack_kind kind;
    const char *conf;
    bool interpreted; /* false: its descriptions have not arrived */
    const void *body;
    size_t len;
};

int store_put_pack(struct store *s, const struct store_pack *p);
/* The whole dedupe row of an epoch. `fresh`: the caller did not know the epoch before, so what the
 * store still has of it is kept as well. */
int store_put_epoch(struct store *s, const char *gateway, uint64_t epoch,
                    const struct rangeset *done, bool fresh);
int store_put_refused(struct store *s, const char *gateway, uint64_t epoch, uint64_t seq,
                      struct clk_utc received, const char *reason, const void *body, size_t len);
int store_put_gap(struct store *s, const char *gateway, const struct pack_gap *gap,
                  struct clk_utc reported);
/* A pack came after all: the gap it lay in is split around it. */
int store_put_gap_filled(struct store *s, const char *gateway, uint64_t epoch, uint64_t seq);
int store_put_description(struct store *s, const char *gateway, const char *conf,
                          const char *device, const char *json);
int store_put_area(struct store *s, const char *area, uint64_t list_revision);
int store_put_alarm(struct store *s, const char *id, const void *row, size_t len);
int store_put_audit(struct store *s, struct clk_utc at, const char *who, const char *what,
                    const char *object, const char *text);
/* number: from store_outbox_next on, each once. An empty payload empties a retained topic. */
int store_put_outbox(struct store *s, uint64_t number, const char *topic, bool retain,
                     const void *payload, size_t len);
int store_put_published(struct store *s, uint64_t number);
/* Takes the place of an earlier reply to the same id. */
int store_put_reply(struct store *s, const char *operator, const char * id, struct clk_utc at,
                    const char *json);
/* All stored packs of that configuration have been interpreted. */
int store_put_interpreted(struct store *s, const char *gateway, const char *conf);

bool store_batch_empty(const struct store *s);
bool store_busy(const struct store *s); /* a batch is at the thread */
/* Hands the batch over; *number names it in the mail. ERR_AGAIN while another is at the thread,
 * ERR_CLOSED after STORE_FATAL, ERR_INVALID for an empty one. */
int store_submit(struct store *s, uint64_t *number);
/* Asks for the batch that is being retried back; a commit may still come first. */
void store_withdraw(struct store *s);
/* Drops what is in the batch being filled. */
void store_discard(struct store *s);

/* --- packs that wait for their descriptions --- */

#define STORE_WAITING_ROWS  64
#define STORE_WAITING_BYTES (1U << 20) /* of one answer, unless a single row is larger */

struct store_row {
    uint64_t id; /* rises in order of arrival */
    char gateway[NAME_SIZE];
    char conf[PACK_CONF_SIZE];
    struct store_pack pack;
};

/* Asks the thread for committed packs of that configuration not yet interpreted, with an id above
 * `after`, in order of arrival. The loop interprets what comes, asks on after the last id until an
 * answer is empty, then puts store_put_interpreted. ERR_AGAIN while another question is open. */
int store_ask_waiting(struct store *s, const char *gateway, const char *conf, uint64_t after);
/* Walks the rows of a STORE_WAITING mail, *at from 0; they are valid while the mail's data is. */
bool store_waiting_row(const struct mail *m, size_t *at, struct store_row *row);

/* --- tools and tests: reads any store file, running or not, in order of arrival --- */

int store_each_pack(const char *path, int (*each)(void *user, const struct store_row *row),
                    void *user, struct err *e);
int store_each_gap(const char *path,
                   int (*each)(void *user, const char *gateway, const struct pack_gap *gap),
                   void *user, struct err *e);

#endif
