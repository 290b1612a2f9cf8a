/*
 * A watch as the bytes the store keeps: little-endian fields in this order, the first a version.
 *
 *   u8 version, u8 state, u8 priority, u8 flags, strings (u8 length, bytes): area gateway rule
 * object acknowledged_by, u64: occurrence revision serious_revision list_revision raised changed
 *   acknowledged cleared judged, f64 bits: value limit, u32 suppressed_children
 *
 * Class, texts and limits are not in it: they are the rule's, and follow the rule's file.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "collector/core/alarm/alarm_engine.h"

#define ROW_VERSION 1

enum row_flags { ROW_ACTIVE = 1, ROW_VALUE = 2, ROW_LIMIT = 4, ROW_FLAGS = 7 };

struct row {
    char area[NAME_SIZE], gateway[NAME_SIZE], rule[NAME_SIZE];
    struct watch watch;
    struct rule gone; /* what watch.rule points at when its rule is gone */
};

static void put_text(struct buf *b, const char *text)
{
    buf_char(b, (char)strlen(text));
    buf_str(b, text);
}

static void put_double(struct buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    buf_le64(b, bits);
}

_Static_assert(4 + 4 * (1 + NAME_MAX_LEN) + 1 + OBJECT_SIZE + 9 * 8 + 2 * 8 + 4 <= ALARM_ROW_SIZE,
               "a row always fits");

size_t row_encode(const struct alarm_engine *eng, const struct watch *w,
                  uint8_t row[ALARM_ROW_SIZE])
{
    const struct gateway *gateway = &eng->gateways[w->gateway];
    struct buf b;
    buf_init(&b, row, ALARM_ROW_SIZE);
    buf_char(&b, ROW_VERSION);
    buf_char(&b, (char)w->state);
    buf_char(&b, (char)w->priority);
    buf_char(&b, (char)((w->active ? ROW_ACTIVE : 0) | (w->has_value ? ROW_VALUE : 0) |
                        (w->has_limit ? ROW_LIMIT : 0)));
    put_text(&b, eng->areas[gateway->area].name);
    put_text(&b, gateway->name);
    put_text(&b, w->rule->name);
    put_text(&b, w->object);
    put_text(&b, w->acknowledged_by);
    const uint64_t numbers[] = {w->occurrence,
                                w->revision,
                                w->serious_revision,
                                w->list_revision,
                                (uint64_t)w->raised.ms,
                                (uint64_t)w->changed.ms,
                                (uint64_t)w->acknowledged.ms,
                                (uint64_t)w->cleared.ms,
                                (uint64_t)w->judged_ms};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        buf_le64(&b, numbers[i]);
    put_double(&b, w->value);
    put_double(&b, w->limit);
    buf_le32(&b, w->suppressed_children);
    return b.len;
}

static bool take_text(struct cursor *c, char *text, size_t size)
{
    size_t len = cursor_u8(c);
    const uint8_t *bytes = cursor_bytes(c, len);
    if (!bytes || len >= size || memchr(bytes, '\0', len))
        return false;
    memcpy(text, bytes, len);
    text[len] = '\0';
    return true;
}

static double take_double(struct cursor *c)
{
    uint64_t bits = cursor_le64(c);
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

static void take_numbers(struct cursor *c, struct watch *w)
{
    w->occurrence = cursor_le64(c);
    w->revision = cursor_le64(c);
    w->serious_revision = cursor_le64(c);
    w->list_revision = cursor_le64(c);
    w->raised.ms = (int64_t)cursor_le64(c);
    w->changed.ms = (int64_t)cursor_le64(c);
    w->acknowledged.ms = (int64_t)cursor_le64(c);
    w->cleared.ms = (int64_t)cursor_le64(c);
    w->judged_ms = (int64_t)cursor_le64(c);
    w->value = take_double(c);
    w->limit = take_double(c);
    w->suppressed_children = cursor_le32(c);
}

static int row_decode(const void *bytes, size_t len, struct row *row, struct err *e)
{
    struct cursor c;
    struct watch *w = &row->watch;
    cursor_init(&c, bytes, len);
    unsigned version = cursor_u8(&c);
    unsigned state = cursor_u8(&c);
    unsigned priority = cursor_u8(&c);
    unsigned flags = cursor_u8(&c);
    if (version != ROW_VERSION)
        return err_set(e, ERR_CORRUPT, "an alarm's row has version %u; this program reads %d",
                       version, ROW_VERSION);
    bool good = take_text(&c, row->area, sizeof(row->area)) &&
                take_text(&c, row->gateway, sizeof(row->gateway)) &&
                take_text(&c, row->rule, sizeof(row->rule)) &&
                take_text(&c, w->object, sizeof(w->object)) &&
                take_text(&c, w->acknowledged_by, sizeof(w->acknowledged_by));
    take_numbers(&c, w);
    good = good && !c.underflow && cursor_left(&c) == 0 && state < LIFECYCLE_STATES &&
           priority <= PRIORITY_CRITICAL && flags <= ROW_FLAGS && name_valid(row->area) &&
           name_valid(row->gateway) && name_valid(row->rule);
    if (!good)
        return err_set(e, ERR_CORRUPT, "an alarm's row of %zu bytes does not hold together", len);
    w->state = (enum alarm_state)state;
    w->priority = (enum alarm_priority)priority;
    w->active = flags & ROW_ACTIVE;
    w->has_value = flags & ROW_VALUE;
    w->has_limit = flags & ROW_LIMIT;
    return 0;
}

static void take_life(struct watch *w, const struct watch *from)
{
    w->state = from->state;
    w->priority = from->priority;
    w->active = from->active;
    w->occurrence = from->occurrence;
    w->revision = from->revision;
    w->serious_revision = from->serious_revision;
    w->list_revision = from->list_revision;
    w->raised = from->raised;
    w->changed = from->changed;
    w->acknowledged = from->acknowledged;
    w->cleared = from->cleared;
    snprintf(w->acknowledged_by, sizeof(w->acknowledged_by), "%s", from->acknowledged_by);
    w->has_value = from->has_value;
    w->has_limit = from->has_limit;
    w->value = from->value;
    w->limit = from->limit;
    w->suppressed_children = from->suppressed_children;
    w->judged_ms = from->judged_ms;
    w->floor_ms = from->judged_ms;
}

static void count_area(struct alarm_engine *eng, const struct watch *w)
{
    struct area *area = &eng->areas[eng->gateways[w->gateway].area];
    if (area->list_revision < w->list_revision)
        area->list_revision = w->list_revision;
    if (lifecycle_listed(w->state))
        area->listed++;
}

/* A rule whose priority was raised while its alarm stood: what was acknowledged was smaller. */
static void follow_priority(struct alarm_engine *eng, struct watch *w, struct alarm_now now)
{
    const struct change c = {
        .event = LIFECYCLE_ESCALATE, .who = "rules", .why = "the rule's priority was raised"};
    if (!w->active || (enum alarm_priority)w->rule->priority <= w->priority)
        return;
    w->priority = (enum alarm_priority)w->rule->priority;
    watch_change(eng, w, &c, now);
}

/* An alarm of a rule that is gone: told as withdrawn, and forgotten. */
static int withdraw_row(struct alarm_engine *eng, struct row *row, uint32_t gateway,
                        struct alarm_now now)
{
    const struct change c = {.event = LIFECYCLE_WITHDRAW,
                             .who = "rules",
                             .why = "the rule is not in the rules file any more"};
    struct watch *w = &row->watch;
    row->gone = (struct rule){
        .class = ALARM_SYSTEM,
        .agency = "-",
        .text_vi = "Quy tắc cảnh báo đã được gỡ bỏ ({gateway}, {device}, {point})",
        .text_en = "The rule of this alarm was removed ({gateway}, {device}, {point})",
    };
    snprintf(row->gone.name, sizeof(row->gone.name), "%s", row->rule);
    w->rule = &row->gone;
    w->gateway = gateway;
    w->series[SIDE_WHEN] = w->series[SIDE_EXPECT] = NONE;
    alarm_id(row->rule, w->object, w->id);
    count_area(eng, w);
    if (lifecycle_listed(w->state))
        watch_change(eng, w, &c, now);
    return 0;
}

int alarm_restore_area(struct alarm_engine *eng, const char *area, uint64_t list_revision,
                       struct err *e)
{
    int64_t index = area_bind(eng, area, e);
    if (index < 0)
        return (int)index;
    eng->areas[index].list_revision = list_revision;
    return 0;
}

int alarm_restore(struct alarm_engine *eng, const void *bytes, size_t len, struct alarm_now now,
                  struct err *e)
{
    struct row row = {0};
    int rc = row_decode(bytes, len, &row, e);
    if (rc < 0)
        return rc;
    int64_t gateway = gateway_bind(eng, row.area, row.gateway, e);
    if (gateway < 0)
        return (int)gateway;
    const struct rule *rule = rules_find(eng->rules, row.rule);
    if (!rule)
        return withdraw_row(eng, &row, (uint32_t)gateway, now);
    char id[NAME_SIZE];
    alarm_id(rule->name, row.watch.object, id);
    if (watch_find(eng, id))
        return err_set(e, ERR_EXISTS, "alert %s of rule %s is restored twice", id, rule->name);
    struct watch *w = watch_add(eng, rule, row.watch.object, (uint32_t)gateway, e);
    if (!w)
        return ERR_FULL;
    take_life(w, &row.watch);
    w->awaited = true;
    if (rule->type == RULE_OFFLINE && w->active)
        eng->gateways[gateway].dark = true;
    count_area(eng, w);
    follow_priority(eng, w, now);
    return 0;
}
