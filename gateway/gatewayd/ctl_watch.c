/*
 * Who watches sees every reading as it comes, before report by exception, with its registers.
 * Nothing is kept and nothing is copied while nobody watches: the workers mail registers only when
 * told to.
 */
#include <assert.h>
#include <string.h>

#include "gateway/gatewayd/ctl_inside.h"

static void show(struct ctl *c, bool on)
{
    for (size_t i = 0; i < c->g->config->bus_count; i++)
        if (c->g->buses[i].worker)
            bus_worker_show(c->g->buses[i].worker, on);
}

static void put_point(struct ctl *c, struct buf *out, uint16_t device, uint16_t point)
{
    const struct gateway_point p = gateway_config_point(c->g->config, device, point);
    ctl_put_text(out, "device", c->g->config->devices[device].name);
    ctl_put_text(out, "point", p.name);
    ctl_put_text(out, "unit", p.kind->unit);
}

/* The registers or bits the point was made of, in the order they came. */
static void put_raw(const struct ctl *c, struct buf *out, const struct sample *s)
{
    const struct profile *profile = c->g->config->devices[s->device].profile;
    if (c->raw.device != s->device || s->point >= profile->point_count)
        return;
    const struct point *p = &profile->points[s->point];
    if (p->address < c->raw.address || p->address + p->count > c->raw.address + c->raw.count)
        return;
    ctl_key(out, "raw");
    for (unsigned i = 0; i < p->count; i++) {
        buf_char(out, i ? ',' : '[');
        buf_u64(out, c->raw.values[p->address - c->raw.address + i]);
    }
    buf_char(out, ']');
}

static struct sample as_kept(const struct ctl *c, const struct sample *s)
{
    struct sample marked = *s;
    enum quality quality;
    struct clk_mono until = edge_maintained(c->g->edge, s->device, &quality);
    if (s->quality == QUALITY_GOOD && until.ms != CLK_NEVER.ms && until.ms > s->mono.ms)
        marked.quality = quality;
    return marked;
}

static void tell(struct ctl *c, const struct ctl_watcher *w, const struct sample *s)
{
    const struct sample kept = as_kept(c, s);
    struct buf out = ctl_begin(c, w->id);
    ctl_key(&out, "sample");
    buf_char(&out, '{');
    put_point(c, &out, s->device, s->point);
    ctl_put_time(&out, "at", s->at);
    ctl_put_sample(&out, &kept);
    put_raw(c, &out, s);
    buf_char(&out, '}');
    ctl_send(w->client, &out, false);
}

static bool wants(const struct ctl_watcher *w, const struct sample *s, const char *name)
{
    return w->client && (w->device < 0 || w->device == s->device) &&
           (!*w->point || strcmp(w->point, name) == 0);
}

void ctl_watch_samples(struct ctl *c, const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sample *s = &samples[i];
        const char *name = gateway_config_point(c->g->config, s->device, s->point).name;
        for (size_t k = 0; k < CTLSOCK_CLIENTS_MAX; k++)
            if (wants(&c->watchers[k], s, name))
                tell(c, &c->watchers[k], s);
    }
    c->raw.count = 0; /* the next report's come with it */
}

void ctl_watch_raw(struct ctl *c, const struct bus_raw *raw)
{
    assert(raw->count <= BUS_BITS_MAX);
    c->raw.device = raw->device;
    c->raw.address = raw->address;
    c->raw.count = raw->count;
    memcpy(c->raw.values, raw->values, raw->count * sizeof(*raw->values));
}

void gatewayd_ctl_derived(struct gatewayd *g, const struct sample *s)
{
    if (g->ctl && g->ctl->watching)
        ctl_watch_samples(g->ctl, s, 1);
}

static int find_point(const struct ctl *c, int device, const char *name, struct err *e)
{
    const struct gateway_device *d = &c->g->config->devices[device];
    if (profile_find(d->profile, name))
        return 0;
    for (size_t i = 0; i < d->derived_count; i++)
        if (strcmp(d->derived[i].name, name) == 0)
            return 0;
    return err_set(e, ERR_NOTFOUND, "device %s has no point \"%s\"", d->name, name);
}

int ctl_do_watch(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                 struct err *e)
{
    int device = *q->device ? ctl_find_device(c, q->device, e) : -1;
    if (*q->device && device < 0)
        return device;
    int rc = *q->point ? find_point(c, device, q->point, e) : 0;
    if (rc)
        return rc;
    ctl_watch_gone(c, client);
    for (size_t i = 0; i < CTLSOCK_CLIENTS_MAX; i++) {
        if (c->watchers[i].client)
            continue;
        c->watchers[i] = (struct ctl_watcher){.client = client, .id = q->id, .device = device};
        memcpy(c->watchers[i].point, q->point, NAME_SIZE);
        if (c->watching++ == 0)
            show(c, true);
        return 0;
    }
    return err_set(e, ERR_FULL, "too many watch already");
}

void ctl_watch_gone(struct ctl *c, const struct ctlsock_client *client)
{
    for (size_t i = 0; i < CTLSOCK_CLIENTS_MAX; i++) {
        if (c->watchers[i].client != client)
            continue;
        c->watchers[i].client = NULL;
        if (--c->watching == 0)
            show(c, false);
    }
}
