#include "collector/core/view/view.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/pack.h"
#include "model/topic.h"

struct view *view_create(enum view_language language)
{
    struct view *v = calloc(1, sizeof(*v));
    if (v)
        v->language = language;
    return v;
}

void view_destroy(struct view *v)
{
    free(v);
}

static const char *word(const struct view *v, const char *vi, const char *en)
{
    return v->language == VIEW_EN ? en : vi;
}

const char *view_priority_word(const struct view *v, enum alarm_priority priority)
{
    static const char *const vi[] = {"THẤP", "VỪA", "CAO", "KHẨN CẤP"};
    static const char *const en[] = {"LOW", "MEDIUM", "HIGH", "CRITICAL"};
    return word(v, vi[priority], en[priority]);
}

const char *view_state_word(const struct view *v, enum alarm_state state)
{
    static const char *const vi[] = {"bình thường", "CHƯA XÁC NHẬN", "đã xác nhận", "hết, chưa XN",
                                     "tạm gác",     "bị nén",        "ngừng dùng"};
    static const char *const en[] = {"normal",  "UNACKNOWLEDGED", "acknowledged",  "returned",
                                     "shelved", "suppressed",     "out of service"};
    return word(v, vi[state], en[state]);
}

void view_add_event(struct view *v, struct clk_utc at, const char *fmt, ...)
{
    struct view_event *event = &v->events[v->event_count++ % VIEW_EVENTS_MAX];
    event->at = at;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(event->text, sizeof(event->text), fmt, ap);
    va_end(ap);
}

const struct view_event *view_event_at(const struct view *v, uint64_t n)
{
    if (n >= v->event_count || v->event_count - n > VIEW_EVENTS_MAX)
        return NULL;
    return &v->events[n % VIEW_EVENTS_MAX];
}

void view_set_link(struct view *v, bool up, const char *why, struct clk_utc now)
{
    bool changed = v->connected != up || strcmp(v->link, up ? "" : why) != 0;
    if (v->connected != up || v->link_since.ms == 0)
        v->link_since = now;
    v->connected = up;
    snprintf(v->link, sizeof(v->link), "%s", up ? "" : why);
    v->alert_count = 0;
    if (changed && up)
        view_add_event(v, now, "%s", word(v, "có kết nối", "link up"));
    else if (changed)
        view_add_event(v, now, "%s: %s", word(v, "MẤT KẾT NỐI", "LINK DOWN"), why);
}

/* --- areas and gateways --- */

static int compare_gateway(const struct view_gateway *g, const char *area, const char *name)
{
    int order = strcmp(g->area, area);
    return order ? order : strcmp(g->name, name);
}

/* Series name their gateway by its place, which a new one before it moves. */
static struct view_gateway *insert_gateway(struct view *v, size_t at, const char *area,
                                           const char *name)
{
    if (v->gateway_count == VIEW_GATEWAYS_MAX) {
        v->dropped++;
        return NULL;
    }
    memmove(&v->gateways[at + 1], &v->gateways[at],
            (v->gateway_count - at) * sizeof(v->gateways[0]));
    for (size_t i = 0; i < v->series_count; i++)
        if (v->series[i].gateway >= at)
            v->series[i].gateway++;
    v->gateway_count++;
    struct view_gateway *g = &v->gateways[at];
    memset(g, 0, sizeof(*g));
    snprintf(g->area, sizeof(g->area), "%s", area);
    snprintf(g->name, sizeof(g->name), "%s", name);
    return g;
}

static struct view_gateway *find_gateway(struct view *v, const char *area, const char *name)
{
    size_t at = 0;
    while (at < v->gateway_count && compare_gateway(&v->gateways[at], area, name) < 0)
        at++;
    if (at < v->gateway_count && compare_gateway(&v->gateways[at], area, name) == 0)
        return &v->gateways[at];
    return insert_gateway(v, at, area, name);
}

static int take_state(struct view *v, const struct topic *t, const char *payload, size_t len,
                      struct clk_utc now, struct err *e)
{
    struct gateway_state state;
    int ret = gateway_state_decode(payload, len, &state, e);
    struct view_gateway *g = ret == 0 ? find_gateway(v, t->area, t->name) : NULL;
    if (!g)
        return ret;
    if (!g->known || g->online != state.online)
        view_add_event(v, now, "%s %s/%s %s", word(v, "trạm", "gateway"), t->area, t->name,
                       state.online ? word(v, "trực tuyến", "online")
                                    : word(v, "MẤT LIÊN LẠC", "OFFLINE"));
    g->known = true;
    g->online = state.online;
    memcpy(g->clock, state.clock, sizeof(g->clock));
    return 0;
}

static int take_collector(struct view *v, const struct topic *t, const char *payload, size_t len,
                          struct clk_utc now, struct err *e)
{
    struct collector_state state;
    int ret = collector_state_decode(payload, len, &state, e);
    if (ret < 0)
        return ret;
    size_t at = 0;
    while (at < v->area_count && strcmp(v->areas[at].name, t->area) != 0)
        at++;
    if (at == VIEW_AREAS_MAX) {
        v->dropped++;
        return 0;
    }
    bool known = at < v->area_count;
    if (!known)
        snprintf(v->areas[v->area_count++].name, NAME_SIZE, "%s", t->area);
    if (!known || v->areas[at].state.online != state.online)
        view_add_event(v, now, "%s %s %s", word(v, "trung tâm", "collector of"), t->area,
                       state.online ? word(v, "hoạt động", "online") : word(v, "NGỪNG", "OFFLINE"));
    v->areas[at].state = state;
    return 0;
}

/* --- values --- */

/* Makes the newest bucket that of `mono`, zeroing those nothing came in. */
static void turn_buckets(struct view_gateway *g, struct clk_mono mono)
{
    int64_t second = mono.ms / 1000;
    if (second - g->second >= VIEW_RATE_S)
        memset(g->buckets, 0, sizeof(g->buckets));
    else
        for (int64_t s = g->second + 1; s <= second; s++)
            g->buckets[s % VIEW_RATE_S] = 0;
    if (second > g->second)
        g->second = second;
}

static struct view_series *find_series(struct view *v, uint16_t gateway, const char *device,
                                       const char *point)
{
    size_t at = v->series_count; /* behind the last of the same device, else of all */
    for (size_t i = 0; i < v->series_count; i++) {
        struct view_series *s = &v->series[i];
        if (s->gateway != gateway || strcmp(s->device, device) != 0)
            continue;
        if (strcmp(s->point, point) == 0)
            return s;
        at = i + 1;
    }
    if (v->series_count == VIEW_SERIES_MAX) {
        v->dropped++;
        return NULL;
    }
    memmove(&v->series[at + 1], &v->series[at], (v->series_count - at) * sizeof(v->series[0]));
    v->series_count++;
    struct view_series *s = &v->series[at];
    memset(s, 0, sizeof(*s));
    s->gateway = gateway;
    snprintf(s->device, sizeof(s->device), "%s", device);
    snprintf(s->point, sizeof(s->point), "%s", point);
    return s;
}

static void add_trend(struct view_series *s, double value)
{
    if (s->trend_count == VIEW_TREND) {
        memmove(s->trend, s->trend + 1, (VIEW_TREND - 1) * sizeof(s->trend[0]));
        s->trend_count--;
    }
    s->trend[s->trend_count++] = value;
}

static void take_value(struct view_series *s, const struct pack_record *r)
{
    if (r->at.ms < s->at.ms)
        return; /* history fills in behind; here only the present is shown */
    s->at = r->at;
    s->quality = r->quality;
    s->cause = r->cause;
    s->exception = r->exception;
    s->value.type = r->type;
    if (r->type == VALUE_NUMBER) {
        s->value.number = r->number;
        add_trend(s, r->number);
    } else if (r->type == VALUE_BOOL) {
        s->value.boolean = r->boolean;
    } else if (r->type == VALUE_STRING) {
        snprintf(s->value.string, sizeof(s->value.string), "%s", r->string);
    }
}

static int take_pack(struct view *v, const struct topic *t, const char *payload, size_t len,
                     struct clk_mono mono, struct err *e)
{
    struct pack pack;
    struct pack_record r;
    int ret = pack_parse(payload, len, t->name, &pack, e);
    if (ret < 0)
        return ret;
    struct view_gateway *g = find_gateway(v, t->area, t->name);
    if (!g || pack.head.kind != PACK_DATA) {
        pack_free(&pack);
        return 0;
    }
    turn_buckets(g, mono);
    while (pack_next(&pack, &r) == 1) {
        if (!r.point[0])
            continue;
        g->buckets[g->second % VIEW_RATE_S]++;
        if (r.at.ms > g->newest.ms)
            g->newest = r.at;
        struct view_series *s = find_series(v, (uint16_t)(g - v->gateways), r.device, r.point);
        if (s)
            take_value(s, &r);
    }
    pack_free(&pack);
    return 0;
}

/* --- alerts --- */

/* Who is seen first: what wants an answer, the graver, the newer. */
static bool comes_before(const struct alert *a, const struct alert *b)
{
    static const int urgency[] = {
        [ALARM_UNACKNOWLEDGED] = 0, [ALARM_RETURNED] = 1,   [ALARM_ACKNOWLEDGED] = 1,
        [ALARM_SHELVED] = 2,        [ALARM_SUPPRESSED] = 3, [ALARM_OUT_OF_SERVICE] = 3,
        [ALARM_NORMAL] = 4};
    if (urgency[a->state] != urgency[b->state])
        return urgency[a->state] < urgency[b->state];
    if (a->priority != b->priority)
        return a->priority > b->priority;
    return a->raised.ms > b->raised.ms;
}

static size_t find_alert(const struct view *v, const char *area, const char *id)
{
    for (size_t i = 0; i < v->alert_count; i++)
        if (strcmp(v->alerts[i].id, id) == 0 && strcmp(v->alerts[i].area, area) == 0)
            return i;
    return v->alert_count;
}

static void remove_alert(struct view *v, size_t at)
{
    v->alert_count--;
    memmove(&v->alerts[at], &v->alerts[at + 1], (v->alert_count - at) * sizeof(v->alerts[0]));
}

static void insert_alert(struct view *v, const struct alert *a)
{
    size_t at = 0;
    while (at < v->alert_count && !comes_before(a, &v->alerts[at]))
        at++;
    if (v->alert_count == VIEW_ALERTS_MAX) { /* the least urgent makes room, and is counted */
        v->dropped++;
        if (at == VIEW_ALERTS_MAX)
            return;
        v->alert_count--;
    }
    memmove(&v->alerts[at + 1], &v->alerts[at], (v->alert_count - at) * sizeof(v->alerts[0]));
    v->alerts[at] = *a;
    v->alert_count++;
}

const char *view_alert_text(const struct view *v, const struct alert *a, char *text, size_t size)
{
    bool vi = (v->language & VIEW_VI) && a->text_vi[0];
    bool en = (v->language & VIEW_EN) && a->text_en[0];
    snprintf(text, size, "%s%s%s", vi ? a->text_vi : "", vi && en ? " / " : "",
             en ? a->text_en : "");
    if (!vi && !en)
        snprintf(text, size, "%s %s", a->rule, a->object);
    return text;
}

static int take_alert(struct view *v, const struct topic *t, const char *payload, size_t len,
                      struct clk_utc now, struct err *e)
{
    struct alert a;
    char text[2 * ALERT_TEXT_SIZE + 4];
    size_t at = find_alert(v, t->area, t->name);
    if (len == 0) { /* the topic was emptied: the collector is done with it */
        if (at < v->alert_count)
            remove_alert(v, at);
        return 0;
    }
    int ret = alert_decode(payload, len, &a, e);
    if (ret == 0 && (strcmp(a.id, t->name) != 0 || strcmp(a.area, t->area) != 0))
        ret = err_set(e, ERR_INVALID, "an alert that names another topic");
    if (ret < 0)
        return ret;
    bool known = at < v->alert_count;
    if (known && a.revision < v->alerts[at].revision)
        return 0;
    if (!known || a.state != v->alerts[at].state || a.priority != v->alerts[at].priority)
        view_add_event(v, now, "%s %s %s %s: %s", word(v, "cảnh báo", "alert"), a.id,
                       view_priority_word(v, a.priority), view_state_word(v, a.state),
                       view_alert_text(v, &a, text, sizeof(text)));
    if (known)
        remove_alert(v, at);
    if (a.state != ALARM_NORMAL)
        insert_alert(v, &a);
    return 0;
}

int view_message(struct view *v, const char *topic, const char *payload, size_t len,
                 struct clk_utc utc, struct clk_mono mono, struct err *e)
{
    struct topic t;
    int ret = topic_parse(topic, &t);
    if (ret < 0) {
        v->refused++;
        return err_set(e, ret, "an unknown topic");
    }
    if (t.kind == TOPIC_STATE)
        ret = take_state(v, &t, payload, len, utc, e);
    else if (t.kind == TOPIC_COLLECTOR_STATE)
        ret = take_collector(v, &t, payload, len, utc, e);
    else if (t.kind == TOPIC_LIVE || t.kind == TOPIC_BACKFILL)
        ret = take_pack(v, &t, payload, len, mono, e);
    else if (t.kind == TOPIC_ALERT)
        ret = take_alert(v, &t, payload, len, utc, e);
    if (ret < 0)
        v->refused++;
    return ret;
}
