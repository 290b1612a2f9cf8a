/*
 * The store's batches. What is filled goes to the store thread after commit_ms or batch_packs; what
 * it answers settles packs and journal alike. A store that cannot commit gives its batch back: then
 * alarms go first and alone, into the space kept for them, and packs wait at their gateways.
 */
#include <inttypes.h>

#include "base/log.h"
#include "collector/collectord/collectord.h"
#include "model/topic.h"

static struct ingest_now ingest_now(const struct collectord *c)
{
    return (struct ingest_now){.utc = clk_utc(c->clk), .mono = clk_mono(c->clk)};
}

bool batch_takes_packs(const struct collectord *c, size_t len)
{
    return !c->packs_shut && c->batch_bytes + len <= COLLECTORD_BATCH_BYTES &&
           c->batch_packs < STORE_BATCH_OPS_MAX / 2;
}

void batch_note(struct collectord *c)
{
    if (c->filling_since.ms == CLK_NEVER.ms)
        c->filling_since = clk_mono(c->clk);
}

void batch_journal(struct collectord *c, struct journal_entry *e)
{
    journal_put(c->journal, e);
    batch_note(c);
}

/* --- filling --- */

static int put_audit(struct collectord *c, const struct journal_entry *e)
{
    return store_put_audit(c->store, (struct clk_utc){e->at_ms}, e->who, e->what, e->object,
                           e->text);
}

static int put_alarm(struct collectord *c, const struct journal_entry *e)
{
    int rc = store_put_alarm(c->store, e->key, e->row, e->row_len);
    if (rc == 0)
        rc = store_put_area(c->store, e->area, e->list_revision);
    return rc;
}

/* The payload, which the journal keeps without an end. */
static int put_reply(struct collectord *c, const struct journal_entry *e)
{
    struct buf json;
    buf_init(&json, c->text, MESSAGE_SIZE_MAX);
    buf_put(&json, e->payload, e->payload_len);
    return store_put_reply(c->store, e->who, e->key, (struct clk_utc){e->at_ms}, buf_cstr(&json));
}

static int put_entry(struct collectord *c, const struct journal_entry *e)
{
    int rc = 0;
    if (e->kind == JOURNAL_ALARM)
        rc = put_alarm(c, e);
    else if (e->kind == JOURNAL_REPLY)
        rc = put_reply(c, e);
    if (rc == 0 && (e->kind == JOURNAL_ALARM || e->what[0]))
        rc = put_audit(c, e);
    if (rc == 0)
        rc = store_put_outbox(c->store, c->outbox_next, e->topic, e->retain, e->payload,
                              e->payload_len);
    return rc;
}

static int put_journal(struct collectord *c)
{
    struct journal_entry e;
    for (int i = 0; i < COLLECTORD_BATCH_ENTRIES && journal_peek_waiting(c->journal, &e); i++) {
        int rc = put_entry(c, &e);
        if (rc < 0)
            return rc;
        journal_batched(c->journal, c->outbox_next++);
    }
    return 0;
}

static void begin_batch(struct collectord *c)
{
    struct journal_entry e;
    c->filling_since = CLK_NEVER;
    c->batch_packs = 0;
    c->batch_bytes = 0;
    if (journal_peek_waiting(c->journal, &e))
        batch_note(c);
}

static void discard(struct collectord *c, int rc)
{
    char more[COMPLAINT_MORE_SIZE];
    store_discard(c->store);
    ingest_discarded(c->ingest);
    journal_failed(c->journal);
    begin_batch(c);
    if (complaint_may(&c->complaints, "batch", err_name(rc), clk_mono(c->clk), more))
        log_error("a batch did not fit the store (%s) and is put together again%s", err_name(rc),
                  more);
}

static void submit(struct collectord *c)
{
    uint64_t number = 0;
    int rc = put_journal(c);
    if (rc == 0)
        rc = ingest_flush(c->ingest);
    if (rc < 0) {
        discard(c, rc);
        return;
    }
    rc = store_batch_empty(c->store) ? 0 : store_submit(c->store, &number);
    if (rc < 0) {
        discard(c, rc);
        return;
    }
    c->at_store = number > 0;
    begin_batch(c);
}

/* The store is free before we hear of it: a batch handed over in between would meet packs that are
 * not settled yet. */
static bool is_due(const struct collectord *c)
{
    if (c->filling_since.ms == CLK_NEVER.ms || c->at_store)
        return false;
    return c->batch_packs >= (size_t)c->config->store.batch_packs || ingest_pressed(c->ingest) ||
           clk_mono_due(clk_mono_add(c->filling_since, c->config->store.commit_ms),
                        clk_mono(c->clk));
}

/* After the journal had to refuse something, every alarm is told again once there is room. */
static void repeat_alarms(struct collectord *c)
{
    if (!c->repeating && journal_refused(c->journal) == c->journal_refused)
        return;
    if (!c->repeating && journal_depth(c->journal) > 0)
        return;
    if (!c->repeating) {
        log_error("more alarms changed at once than the journal holds (%d); all are told again",
                  COLLECTORD_JOURNAL_MAX);
        c->repeating = true;
        c->repeat_cursor = 0;
        c->journal_refused = journal_refused(c->journal);
    }
    while (journal_depth(c->journal) < COLLECTORD_JOURNAL_MAX / 2)
        if (!alarm_repeat(c->alarms, &c->repeat_cursor)) {
            c->repeating = false;
            return;
        }
}

/* What cannot be made durable is told all the same, and says so. */
static void tell_undurable(struct collectord *c)
{
    static struct alert a;
    struct journal_entry e;
    struct buf body;
    while (c->connected && journal_take_untold(c->journal, &e)) {
        if (alert_decode(e.payload, e.payload_len, &a, NULL) < 0)
            continue;
        a.durable = false;
        buf_init(&body, c->text, MESSAGE_SIZE_MAX);
        if (alert_encode(&a, &body) == 0)
            link_publish(c, TAG_FIRST + TAG_ALERT, e.topic, &body, true);
    }
}

void batch_step(struct collectord *c)
{
    struct clk_mono now = clk_mono(c->clk);
    if (c->packs_shut && clk_mono_due(c->shut_until, now)) {
        c->packs_shut = false;
    }
    if (c->ill_since.ms != CLK_NEVER.ms &&
        clk_mono_due(clk_mono_add(c->ill_since, COLLECTORD_UNDURABLE_MS), now))
        tell_undurable(c);
    if (c->retry_since.ms != CLK_NEVER.ms && !c->withdrawing &&
        clk_mono_due(clk_mono_add(c->retry_since, COLLECTORD_ILL_MS), now)) {
        c->withdrawing = true;
        store_withdraw(c->store);
    }
    repeat_alarms(c);
    if (is_due(c))
        submit(c);
}

/* --- outcomes --- */

void batch_send(struct collectord *c)
{
    struct journal_entry e;
    while (c->connected && journal_peek_committed(c->journal, &e)) {
        if (mqtt_publish(c->mqtt, e.number, e.topic, e.payload, e.payload_len, 1, e.retain) < 0)
            return; /* the queue to the broker is full: go on when it has taken some */
        journal_sent(c->journal);
    }
}

static void forget_trouble(struct collectord *c)
{
    c->retry_since = CLK_NEVER;
    c->withdrawing = false;
}

static void committed(struct collectord *c)
{
    if (c->ill_since.ms != CLK_NEVER.ms)
        log_info("the store commits again");
    c->ill_since = CLK_NEVER;
    c->at_store = false;
    forget_trouble(c);
    ingest_committed(c->ingest, ingest_now(c));
    journal_committed(c->journal);
    packs_acknowledge(c);
    batch_send(c);
    batch_step(c);
}

static void withdrawn(struct collectord *c)
{
    c->at_store = false;
    forget_trouble(c);
    ingest_failed(c->ingest);
    journal_failed(c->journal);
    store_discard(c->store); /* its packs would meet the same trouble; their gateways keep them */
    ingest_discarded(c->ingest);
    c->packs_shut = true;
    c->shut_until = clk_mono_add(clk_mono(c->clk), COLLECTORD_ILL_MS);
    begin_batch(c);
}

static void retrying(struct collectord *c, const char *text)
{
    struct clk_mono now = clk_mono(c->clk);
    if (c->ill_since.ms == CLK_NEVER.ms) {
        log_error("the store cannot commit and tries again; nothing is acknowledged meanwhile: %s",
                  text);
        c->ill_since = now;
    }
    if (c->retry_since.ms == CLK_NEVER.ms)
        c->retry_since = now;
}

void batch_event(struct collectord *c, const struct mail *m)
{
    const char *text = m->data ? m->data : "no reason given";
    switch ((enum store_mail)m->type) {
    case STORE_COMMITTED:
        committed(c);
        break;
    case STORE_RETRY:
        retrying(c, text);
        break;
    case STORE_WITHDRAWN:
        withdrawn(c);
        break;
    case STORE_FATAL:
        log_error("the store has stopped: %s; start again, a broken file is then set aside", text);
        c->exit_code = 1;
        loop_stop(c->loop, 1);
        break;
    case STORE_WAITING: /* windows and detectors will read history back; nobody asks yet */
        break;
    }
}
