/* Promise: no configuration text makes either daemon's reader crash or leak; a refusal has a text,
 * and what is accepted prints to something that is accepted again and prints the same. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collector/core/config.h"
#include "gateway/core/config/config.h"
#include "gateway/core/edge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char profile[] =
    "{\"name\":\"pzem-016\",\"label\":\"x\",\"source\":\"x\",\"confidence\":\"low\",\"points\":[{"
    "\"name\":\"voltage\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":0,\"type\":\"u16\"},"
    "{\"name\":\"energy\",\"kind\":\"energy\",\"table\":\"input\",\"address\":1,\"type\":\"u32\"}"
    "]}";

static int read_profile(void *user, const char *dir, const char *name, char **text, size_t *len,
                        struct err *e)
{
    (void)user;
    (void)dir;
    if (strcmp(name, "pzem-016") != 0)
        return err_set(e, ERR_NOTFOUND, "there is no profile %s", name);
    *text = strdup(profile);
    *len = sizeof(profile) - 1;
    return *text ? 0 : ERR_NOMEM;
}

static const struct config_files files = {.read_profile = read_profile};
static char first[4 * CONFIG_FILE_MAX], second[4 * CONFIG_FILE_MAX];

static void keep(void *owner, const struct sample *s)
{
    const struct gateway_config *c = owner;
    assert(gateway_config_point(c, s->device, s->point).name[0]);
    assert((s->quality == QUALITY_BAD) == (s->value.type == VALUE_NONE));
}

/* Every point that is read comes a few times, good and bad. */
static void try_edge(struct gateway_config *c)
{
    struct edge *edge;
    struct edge_stats stats;
    int rc = edge_create(c, keep, c, &edge, NULL);
    assert(rc == 0);
    for (int round = 0; round < 5; round++)
        for (size_t d = 0; d < c->device_count; d++)
            for (size_t p = 0; p < c->devices[d].profile->point_count; p++) {
                struct sample s = {.device = (uint16_t)d,
                                   .point = (uint16_t)p,
                                   .mono = {round * 1000},
                                   .value = {.type = VALUE_NUMBER, .number = round}};
                if (round == 3)
                    s = (struct sample){.device = s.device,
                                        .point = s.point,
                                        .mono = s.mono,
                                        .quality = QUALITY_BAD,
                                        .cause = CAUSE_TIMEOUT};
                edge_take(edge, &s);
            }
    edge_get_stats(edge, &stats);
    assert(stats.read + stats.derived >= stats.suppressed);
    edge_destroy(edge);
}

static void try_gateway(const char *text, size_t size)
{
    struct gateway_config *c;
    struct err e = {0};
    struct buf a, b;
    if (gateway_config_parse(text, size, &files, &c, NULL, &e)) {
        assert(e.text[0]);
        return;
    }
    try_edge(c);
    buf_init(&a, first, sizeof(first));
    gateway_config_print(c, &a);
    gateway_config_free(c);
    if (a.overflow || a.len > CONFIG_FILE_MAX)
        return;
    int rc = gateway_config_parse(first, a.len, &files, &c, NULL, &e);
    assert(rc == 0);
    buf_init(&b, second, sizeof(second));
    gateway_config_print(c, &b);
    gateway_config_free(c);
    assert(a.len == b.len && memcmp(first, second, a.len) == 0);
}

static void try_collector(const char *text, size_t size)
{
    struct collector_config *c;
    struct err e = {0};
    struct buf a;
    if (collector_config_parse(text, size, &files, &c, &e)) {
        assert(e.text[0]);
        return;
    }
    buf_init(&a, first, sizeof(first));
    collector_config_print(c, &a);
    collector_config_free(c);
    int rc = collector_config_parse(first, a.len, &files, &c, &e);
    assert(rc == 0);
    collector_config_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_gateway((const char *)data, size);
    try_collector((const char *)data, size);
    return 0;
}
