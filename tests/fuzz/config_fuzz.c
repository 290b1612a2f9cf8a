/* Promise: no configuration text makes either daemon's reader crash or leak; a refusal has a text,
 * and what is accepted prints to something that is accepted again and prints the same. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collector/core/config.h"
#include "gateway/core/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char profile[] =
    "{\"name\":\"pzem-016\",\"label\":\"x\",\"source\":\"x\",\"confidence\":\"low\",\"points\":[{"
    "\"name\":\"voltage\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":0,\"type\":\"u16\"}"
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

static void try_gateway(const char *text, size_t size)
{
    struct gateway_config *c;
    struct err e = {0};
    struct buf a, b;
    if (gateway_config_parse(text, size, &files, &c, NULL, &e)) {
        assert(e.text[0]);
        return;
    }
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
