/* Alerts: transitions into the journal, the retained tree made equal. */
#include <inttypes.h>

#include "base/log.h"
#include "collector/collectord/collectord.h"
#include "model/hash64.h"
#include "model/topic.h"

/* --- transitions --- */

/* Only a Normal alarm's topic is emptied, after its final state was shown. */
static void empty_topic(struct collectord *c, const char *area, const char *id, int64_t at_ms)
{
    char topic[TOPIC_SIZE];
    struct journal_entry e = {.kind = JOURNAL_PLAIN,
                              .retain = true,
                              .at_ms = at_ms,
                              .topic = topic_format(TOPIC_ALERT, area, id, topic),
                              .key = id};
    batch_journal(c, &e);
}

static void audit_text(const struct alarm_transition *t, struct buf *out)
{
    buf_fmt(out, "%s -> %s, occurrence %" PRIu64 ", revision %" PRIu64 ": %s",
            alarm_state_name(t->from), alarm_state_name(t->to), t->alert.occurrence,
            t->alert.revision, t->why);
    if (t->request && t->request->verdict[0])
        buf_fmt(out, "; verdict %s", t->request->verdict);
    if (t->request && t->request->comment[0])
        buf_fmt(out, "; comment: %s", t->request->comment);
}

void alerts_transition(void *user, const struct alarm_transition *t)
{
    struct collectord *c = user;
    static char payload[8192];
    char text[1024];
    char topic[TOPIC_SIZE];
    struct buf body;
    struct buf audit;
    const struct alert *a = &t->alert;
    buf_init(&body, payload, sizeof(payload));
    buf_init(&audit, text, sizeof(text));
    audit_text(t, &audit);
    if (alert_encode(a, &body) < 0) {
        log_error("alert %s of %s cannot be encoded", a->id, a->object);
        body.len = 0;
    }
    struct journal_entry e = {.kind = JOURNAL_ALARM,
                              .retain = true,
                              .at_ms = a->changed.ms,
                              .list_revision = a->list_revision,
                              .topic = topic_format(TOPIC_ALERT, a->area, a->id, topic),
                              .key = a->id,
                              .area = a->area,
                              .who = t->who,
                              .what = t->verb,
                              .object = a->object,
                              .text = buf_cstr(&audit),
                              .row = t->row,
                              .row_len = t->row_len,
                              .payload = body.data,
                              .payload_len = body.len};
    log_info("alarm %s %s: %s -> %s (%s, by %s)", a->rule, a->object, alarm_state_name(t->from),
             alarm_state_name(t->to), t->why, t->who);
    batch_journal(c, &e);
    if (t->area_before[0])
        empty_topic(c, t->area_before, a->id, a->changed.ms);
    if (t->to == ALARM_NORMAL)
        empty_topic(c, a->area, a->id, a->changed.ms);
}

/* --- the retained tree --- */

static void seen_clear(struct collectord *c)
{
    memset(c->seen, 0, (c->seen_mask + 1) * sizeof(*c->seen));
    c->seen_count = 0;
}

static uint64_t *seen_slot(const struct collectord *c, const char *id)
{
    uint64_t hash = hash64_add(HASH64_START, id, strlen(id)) | 1;
    for (uint64_t at = hash >> 8;; at++) {
        uint64_t *slot = &c->seen[at & c->seen_mask];
        if (*slot == 0 || *slot == hash)
            return slot;
    }
}

static bool seen_has(const struct collectord *c, const char *id)
{
    return *seen_slot(c, id) != 0;
}

static void seen_add(struct collectord *c, const char *id)
{
    uint64_t *slot = seen_slot(c, id);
    if (*slot == 0 && c->seen_count < c->seen_mask / 2) {
        *slot = hash64_add(HASH64_START, id, strlen(id)) | 1;
        c->seen_count++;
    }
}

/* Reads our own tree: what the broker kept, or lost, while we were away. */
void alerts_connected(struct collectord *c)
{
    char topic[TOPIC_SIZE];
    seen_clear(c);
    c->reconciling = true;
    for (size_t i = 0; i < c->config->area_count; i++)
        if (mqtt_subscribe(c->mqtt, TAG_FIRST + TAG_SUBSCRIBE_ALERTS,
                           topic_format(TOPIC_ALERT, c->config->areas[i].name, "+", topic), 1) < 0)
            mqtt_disconnect(c->mqtt);
    loop_timer_start(c->loop, &c->reconcile,
                     clk_mono_add(clk_mono(c->clk), COLLECTORD_RECONCILE_MS));
}

static void publish_alert(struct collectord *c, const struct alert *a)
{
    char topic[TOPIC_SIZE];
    struct buf body;
    buf_init(&body, c->text, MESSAGE_SIZE_MAX);
    if (alert_encode(a, &body) == 0)
        link_publish(c, TAG_FIRST + TAG_ALERT, topic_format(TOPIC_ALERT, a->area, a->id, topic),
                     &body, true);
}

/* What the journal still has to say about an alert comes in its order; the rest must be as we know
 * it, and what we do not know is emptied. */
void alerts_retained(struct collectord *c, const char *area, const char *id, const char *body,
                     size_t len)
{
    static struct alert a;
    static char expected[8192];
    struct buf b;
    if (!c->reconciling || len == 0)
        return;
    loop_timer_start(c->loop, &c->reconcile,
                     clk_mono_add(clk_mono(c->clk), COLLECTORD_RECONCILE_MS));
    bool known =
        alarm_find(c->alarms, id, &a) == 0 && a.state != ALARM_NORMAL && strcmp(a.area, area) == 0;
    if (known)
        seen_add(c, id);
    if (journal_has_key(c->journal, id))
        return;
    buf_init(&b, known ? expected : c->text, known ? sizeof(expected) : 0);
    if (known) {
        alert_encode(&a, &b);
        if (b.len == len && memcmp(b.data, body, len) == 0)
            return;
    }
    char topic[TOPIC_SIZE];
    log_info("the broker's alert %s in %s was %s", id, area, known ? "old" : "unknown; emptied");
    link_publish(c, TAG_FIRST + TAG_ALERT, topic_format(TOPIC_ALERT, area, id, topic), &b, true);
}

void alerts_quiet(struct collectord *c)
{
    static struct alert a;
    unsigned count = 0;
    c->reconciling = false;
    for (size_t cursor = 0; alarm_next_listed(c->alarms, NULL, &cursor, &a);) {
        if (seen_has(c, a.id) || journal_has_key(c->journal, a.id))
            continue;
        publish_alert(c, &a);
        count++;
    }
    if (count > 0)
        log_info("%u standing alerts were missing at the broker and are published again", count);
}
