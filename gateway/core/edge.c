#include "gateway/core/edge.h"

#include <assert.h>
#include <stdlib.h>

/* What is known of a device; the only thing a sample of a device without settings costs. */
struct device {
    bool marked; /* maintained until `until` */
    enum quality quality;
    struct clk_mono until;
};

struct edge {
    const struct gateway_config *config;
    void (*keep)(void *owner, const struct sample *s);
    void *owner;
    struct edge_stats stats;
    struct device *devices;
};

int edge_create(const struct gateway_config *config,
                void (*keep)(void *owner, const struct sample *s), void *owner, struct edge **out,
                struct err *e)
{
    *out = NULL;
    struct edge *edge = calloc(1, sizeof(*edge));
    if (edge)
        edge->devices = calloc(config->device_count, sizeof(*edge->devices));
    if (!edge || !edge->devices) {
        edge_destroy(edge);
        return err_set(e, ERR_NOMEM, "no memory for the settings of %zu devices",
                       config->device_count);
    }
    edge->config = config;
    edge->keep = keep;
    edge->owner = owner;
    *out = edge;
    return 0;
}

void edge_destroy(struct edge *edge)
{
    if (!edge)
        return;
    free(edge->devices);
    free(edge);
}

/* --- maintenance --- */

static void mark(struct device *d, struct sample *s)
{
    if (clk_mono_due(d->until, s->mono))
        d->marked = false;
    else if (s->quality != QUALITY_BAD)
        s->quality = d->quality;
}

void edge_maintain(struct edge *edge, uint16_t device, enum quality quality, struct clk_mono until)
{
    assert(device < edge->config->device_count);
    assert(quality == QUALITY_MAINTENANCE || quality == QUALITY_CALIBRATION);
    edge->devices[device] = (struct device){.marked = true, .quality = quality, .until = until};
}

struct clk_mono edge_maintained(const struct edge *edge, uint16_t device, enum quality *quality)
{
    assert(device < edge->config->device_count);
    const struct device *d = &edge->devices[device];
    *quality = d->marked ? d->quality : QUALITY_GOOD;
    return d->marked ? d->until : CLK_NEVER;
}

/* --- samples --- */

void edge_take(struct edge *edge, const struct sample *s)
{
    struct device *d = &edge->devices[s->device];
    edge->stats.read++;
    if (!d->marked) {
        edge->keep(edge->owner, s);
        return;
    }
    struct sample marked = *s;
    mark(d, &marked);
    edge->keep(edge->owner, &marked);
}

void edge_get_stats(const struct edge *edge, struct edge_stats *out)
{
    *out = edge->stats;
}
