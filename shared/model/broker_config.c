#include "model/broker_config.h"

#include <stdio.h>
#include <string.h>

const char *const log_words[] = {"error", "warn", "info", "debug", NULL};

#define AT(member) .offset = offsetof(struct broker_config, member)

const struct schema_field broker_config_fields[] = {
    {.key = "host",
     .type = SCHEMA_STRING,
     AT(host),
     .size = CONFIG_HOST_SIZE,
     .min = 1,
     .help = "the broker's name as in its certificate, or its address"},
    {.key = "port",
     .type = SCHEMA_INT,
     AT(port),
     .min = 1,
     .max = 65535,
     .preset = "8883",
     .help = "TCP port of the TLS listener for this role"},
    {.key = "ca",
     .type = SCHEMA_PATH,
     AT(ca),
     .size = CONFIG_PATH_SIZE,
     .help = "PEM file with the certificates that the broker's is checked against"},
    {.key = "cert",
     .type = SCHEMA_PATH,
     AT(cert),
     .size = CONFIG_PATH_SIZE,
     .help = "PEM file with our own certificate and its intermediates"},
    {.key = "key",
     .type = SCHEMA_PATH,
     AT(key),
     .size = CONFIG_PATH_SIZE,
     .help = "PEM file with our private key, readable by us alone"},
    {.key = "keepalive_s",
     .type = SCHEMA_INT,
     AT(keepalive_s),
     .min = 5,
     .max = 600,
     .preset = "30",
     .help = "seconds between signs of life; a dead broker is noticed within three"},
    SCHEMA_END};

int broker_config_check_files(const struct broker_config *broker, const struct config_files *files,
                              const struct json_doc *doc, struct err *e)
{
    const struct {
        const char *path, *file;
    } all[] = {
        {"broker.ca", broker->ca}, {"broker.cert", broker->cert}, {"broker.key", broker->key}};
    for (size_t i = 0; files->check_file && i < sizeof(all) / sizeof(*all); i++) {
        struct err why = {0};
        if (files->check_file(files->user, all[i].file, &why))
            return schema_refuse(doc, all[i].path, e, "%s", why.text);
    }
    return 0;
}
