/* What a person asks of a bus: a read, a write, its timing, or the port itself. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "gateway/gatewayd/ctl_inside.h"
#include "model/json.h"

#define TAG (UINT64_C(1) << 62) /* marks our ids among those of other writers */

/* --- requests under way --- */

static struct ctl_pending *pending_add(struct ctl *c, struct ctlsock_client *client, uint64_t id,
                                       struct err *e)
{
    for (size_t i = 0; i < CTL_PENDING_MAX; i++) {
        struct ctl_pending *p = &c->pending[i];
        if (p->tag)
            continue;
        *p = (struct ctl_pending){.client = client, .id = id, .tag = TAG | ++c->tags};
        return p;
    }
    err_set(e, ERR_FULL, "%d requests wait for their answer already; ask again", CTL_PENDING_MAX);
    return NULL;
}

static struct ctl_pending *pending_find(struct ctl *c, uint64_t tag)
{
    for (size_t i = 0; i < CTL_PENDING_MAX; i++)
        if (c->pending[i].tag == tag)
            return &c->pending[i];
    return NULL;
}

/* --- which bus and unit --- */

struct target {
    unsigned bus;
    uint8_t unit;
    uint32_t timeout_ms;
    struct bus_worker *worker;
};

static int check_free(const struct ctl *c, unsigned bus, struct err *e)
{
    const char *name = c->g->config->buses[bus].name;
    if (!c->g->buses[bus].worker)
        return err_set(e, ERR_NOTFOUND, "bus %s has no devices, so it is not open", name);
    if (c->hands[bus].client)
        return err_set(e, ERR_AGAIN, "bus %s: its port is handed over to another program", name);
    return 0;
}

static int find_target(const struct ctl *c, const struct ctl_request *q, struct target *t,
                       struct err *e)
{
    const struct gateway_config *config = c->g->config;
    int at = *q->device ? ctl_find_device(c, q->device, e) : ctl_find_bus(c, q->bus, e);
    if (at < 0)
        return at;
    const struct gateway_device *d = *q->device ? &config->devices[at] : NULL;
    t->bus = d ? (unsigned)d->bus : (unsigned)at;
    t->unit = (uint8_t)(d ? (uint32_t)d->unit : q->unit);
    t->worker = c->g->buses[t->bus].worker;
    int64_t timeout = d && d->timeout_ms ? d->timeout_ms : config->buses[t->bus].timeout_ms;
    t->timeout_ms = q->timeout_ms ? q->timeout_ms : (uint32_t)timeout;
    return check_free(c, t->bus, e);
}

/* --- read, and writes of registers --- */

static int ask(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
               const struct bus_request *request, struct err *e)
{
    struct target t;
    struct bus_request r = *request;
    int rc = find_target(c, q, &t, e);
    if (rc)
        return rc;
    struct ctl_pending *p = pending_add(c, client, q->id, e);
    if (!p)
        return ERR_FULL;
    r.unit = t.unit;
    r.timeout_ms = t.timeout_ms;
    rc = bus_worker_ask(t.worker, p->tag, &r, e);
    if (rc)
        *p = (struct ctl_pending){0};
    return rc;
}

int ctl_do_read(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                struct err *e)
{
    const struct bus_request r = {.function = (uint8_t)q->function,
                                  .address = (uint16_t)q->address,
                                  .count = (uint16_t)q->count};
    return ask(c, client, q, &r, e);
}

/* Whoever may open the socket may write; what was written, and by whom, is kept. */
static void audit(struct ctl *c, const struct ctlsock_client *client, const struct ctl_request *q)
{
    char text[CTL_TEXT_SIZE];
    const char *name = *q->device ? q->device : q->bus;
    if (q->function)
        snprintf(text, sizeof(text), "user %u writes by hand: function %u, address %u, %zu values",
                 (unsigned)ctlsock_uid(client), q->function, q->address, q->value_count);
    else
        snprintf(text, sizeof(text), "user %u writes by hand: point %s",
                 (unsigned)ctlsock_uid(client), q->point);
    log_info("%s: %s", name, text);
    gatewayd_packs_event(c->g, name, text);
}

static int write_registers(struct ctl *c, struct ctlsock_client *client,
                           const struct ctl_request *q, struct err *e)
{
    const struct bus_request r = {.function = (uint8_t)q->function,
                                  .address = (uint16_t)q->address,
                                  .count = (uint16_t)(q->function == 22 ? 1 : q->value_count),
                                  .values = q->values};
    return ask(c, client, q, &r, e);
}

static int write_point(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                       struct err *e)
{
    struct target t;
    size_t bus;
    uint16_t plan_device;
    int rc = find_target(c, q, &t, e);
    if (rc)
        return rc;
    int device = ctl_find_device(c, q->device, e);
    const struct profile *profile = c->g->config->devices[device].profile;
    const struct point *point = profile_find(profile, q->point);
    if (!point)
        return err_set(e, ERR_NOTFOUND, "device %s: its profile %s has no point \"%s\"", q->device,
                       profile->name, q->point);
    rc = lines_find(c->g->lines, (size_t)device, &bus, &plan_device);
    if (rc)
        return err_set(e, rc, "device %s is on no bus", q->device);
    struct ctl_pending *p = pending_add(c, client, q->id, e);
    if (!p)
        return ERR_FULL;
    rc = bus_worker_write(t.worker, p->tag, plan_device, (uint16_t)(point - profile->points),
                          &q->value, e);
    if (rc)
        *p = (struct ctl_pending){0};
    return rc;
}

int ctl_do_write(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                 struct err *e)
{
    int rc = q->function ? write_registers(c, client, q, e) : write_point(c, client, q, e);
    if (rc == 0)
        audit(c, client, q);
    return rc;
}

static void put_answer(struct buf *out, const struct bus_answer *a)
{
    ctl_put_text(out, "outcome", ctl_outcome_name(a->reply.outcome));
    if (a->reply.outcome == BUS_EXCEPTION)
        ctl_put_count(out, "exception", a->reply.exception);
    ctl_put_count(out, "turnaround_us", a->turnaround_us);
    ctl_key(out, "values");
    buf_char(out, '[');
    for (size_t i = 0; i < a->count; i++) {
        if (i)
            buf_char(out, ',');
        buf_u64(out, a->values[i]);
    }
    buf_char(out, ']');
}

static void take_answer(struct ctl *c, const struct bus_answer *a)
{
    struct ctl_pending *p = pending_find(c, a->id);
    if (!p)
        return;
    if (p->client) {
        struct buf out = ctl_begin(c, p->id);
        put_answer(&out, a);
        ctl_send(p->client, &out, true);
    }
    *p = (struct ctl_pending){0};
}

static void take_written(struct ctl *c, const struct bus_written *w)
{
    struct ctl_pending *p = pending_find(c, w->id);
    if (!p)
        return;
    if (p->client) {
        struct buf out = ctl_begin(c, p->id);
        bool good = w->broadcast || w->read_back.quality != QUALITY_BAD;
        ctl_put_text(&out, "outcome", good ? "ok" : "failed");
        if (w->broadcast)
            ctl_put_bool(&out, "broadcast", true);
        else
            ctl_put_sample(&out, &w->read_back);
        ctl_put_bool(&out, "maybe_written", good || w->maybe_written);
        ctl_send(p->client, &out, true);
    }
    *p = (struct ctl_pending){0};
}

/* --- timing --- */

static void send_timing(struct ctl *c, struct ctlsock_client *client, uint64_t id, unsigned bus)
{
    struct bus_timing t;
    struct buf out = ctl_begin(c, id);
    bus_worker_get_timing(c->g->buses[bus].worker, &t);
    ctl_put_text(&out, "bus", c->g->config->buses[bus].name);
    ctl_put_count(&out, "replies", t.replies);
    ctl_put_count(&out, "pauses", t.pauses);
    ctl_put_count(&out, "early", t.early);
    ctl_put_count(&out, "noise_bytes", t.noise_bytes);
    ctl_put_count(&out, "longest_us", t.longest_us);
    ctl_key(&out, "turnaround");
    for (size_t i = 0; i < BUS_TIMING_BUCKETS; i++) {
        buf_char(&out, i ? ',' : '[');
        buf_u64(&out, t.turnaround[i]);
    }
    buf_char(&out, ']');
    ctl_send(client, &out, false);
}

int ctl_do_timing(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                  struct err *e)
{
    int only = *q->bus ? ctl_find_bus(c, q->bus, e) : -1;
    if (*q->bus && only < 0)
        return only;
    if (only >= 0 && !c->g->buses[only].worker)
        return err_set(e, ERR_NOTFOUND, "bus %s has no devices, so it is not open", q->bus);
    for (unsigned i = 0; i < c->g->config->bus_count; i++)
        if (c->g->buses[i].worker && (only < 0 || i == (unsigned)only))
            send_timing(c, client, q->id, i);
    struct buf out = ctl_begin(c, q->id);
    ctl_send(client, &out, true);
    return 0;
}

/* --- the port in other hands --- */

static void say_hand(struct ctl *c, unsigned bus, const char *text)
{
    const char *name = c->g->config->buses[bus].name;
    log_info("bus %s: %s", name, text);
    gatewayd_packs_event(c->g, name, text);
}

static void take_back(struct ctl *c, unsigned bus, const char *why)
{
    char text[CTL_TEXT_SIZE];
    struct ctl_hand *hand = &c->hands[bus];
    if (!hand->client)
        return;
    loop_timer_stop(c->g->loop, &hand->limit);
    hand->client = NULL;
    if (c->g->buses[bus].worker)
        bus_worker_resume(c->g->buses[bus].worker);
    snprintf(text, sizeof(text), "port taken back: %s", why);
    say_hand(c, bus, text);
}

static void on_limit(struct loop_timer *timer, struct clk_mono now)
{
    struct ctl_hand *hand = timer->owner;
    (void)now;
    take_back(hand->ctl, (unsigned)(hand - hand->ctl->hands), "its time is over");
}

/* Its points are bad until it is back, and the centre knows why. */
static void say_released(struct ctl *c, unsigned bus, const struct ctl_request *q)
{
    char text[CTL_TEXT_SIZE];
    snprintf(text, sizeof(text), "port handed over to a program of user %u for at most %u s",
             (unsigned)ctlsock_uid(c->hands[bus].client), q->for_s);
    say_hand(c, bus, text);
    gatewayd_buses_mark(c->g, bus, CAUSE_STALE);
}

int ctl_do_release(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                   struct err *e)
{
    int bus = ctl_find_bus(c, q->bus, e);
    int rc = bus < 0 ? bus : check_free(c, (unsigned)bus, e);
    if (rc < 0)
        return rc;
    struct ctl_hand *hand = &c->hands[bus];
    struct clk_mono until = clk_mono_add(clk_mono(c->g->clk), (int64_t)q->for_s * 1000);
    *hand = (struct ctl_hand){.ctl = c, .client = client, .id = q->id};
    hand->limit = (struct loop_timer){.fire = on_limit, .owner = hand};
    if (loop_timer_start(c->g->loop, &hand->limit, until) != 0) {
        hand->client = NULL;
        return err_set(e, ERR_NOMEM, "no memory for a timer");
    }
    bus_worker_release(c->g->buses[bus].worker);
    say_released(c, (unsigned)bus, q);
    return 0;
}

static void take_released(struct ctl *c, unsigned bus)
{
    struct ctl_hand *hand = &c->hands[bus];
    if (!hand->client || hand->told)
        return;
    hand->told = true;
    struct buf out = ctl_begin(c, hand->id);
    ctl_put_bool(&out, "released", true);
    ctl_put_text(&out, "device", c->g->config->buses[bus].device);
    ctl_send(hand->client, &out, true);
}

int ctl_do_resume(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                  struct err *e)
{
    int bus = ctl_find_bus(c, q->bus, e);
    if (bus < 0)
        return bus;
    take_back(c, (unsigned)bus, "it was given back");
    struct buf out = ctl_begin(c, q->id);
    ctl_put_bool(&out, "resumed", true);
    ctl_send(client, &out, true);
    return 0;
}

void ctl_bus_gone(struct ctl *c, const struct ctlsock_client *client)
{
    for (size_t i = 0; i < CTL_PENDING_MAX; i++)
        if (c->pending[i].client == client)
            c->pending[i].client = NULL;
    for (unsigned i = 0; i < GATEWAY_BUSES_MAX; i++)
        if (c->hands[i].client == client)
            take_back(c, i, "who had it is gone");
}

/* --- what the buses say --- */

bool gatewayd_ctl_mail(struct gatewayd *g, const struct mail *m)
{
    struct ctl *c = g->ctl;
    if (!c)
        return false;
    if (m->type == BUS_ANSWER) {
        const struct bus_answer *a = m->data;
        if (a->id & TAG)
            take_answer(c, a);
        return a->id & TAG;
    }
    if (m->type == BUS_WRITTEN) {
        const struct bus_written *w = m->data;
        if (w->id & TAG)
            take_written(c, w);
        return w->id & TAG;
    }
    if (m->type == BUS_RELEASED)
        take_released(c, (unsigned)m->a);
    else if (m->type == BUS_RAW)
        ctl_watch_raw(c, m->data);
    return m->type == BUS_RELEASED || m->type == BUS_RAW;
}
