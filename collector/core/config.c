#include "collector/core/config.h"

#include <stdlib.h>

#define CONFIG(member)     .offset = offsetof(struct collector_config, member)
#define STORE(member)      .offset = offsetof(struct collector_store, member)
#define CREDIT(member)     .offset = offsetof(struct collector_credit, member)
#define QUARANTINE(member) .offset = offsetof(struct collector_quarantine, member)

static const struct schema_field area_fields[] = {
    {.key = "name", .type = SCHEMA_NAME, .help = "the area's name, as in topics"}, SCHEMA_END};

static const struct schema_field store_fields[] = {
    {.key = "path",
     .type = SCHEMA_PATH,
     STORE(path),
     .size = CONFIG_PATH_SIZE,
     .preset = "\"/var/lib/ioc/store.db\"",
     .help = "the store's file, on a local disk that survives a power cut"},
    {.key = "commit_ms",
     .type = SCHEMA_INT,
     STORE(commit_ms),
     .min = 20,
     .max = 1000,
     .preset = "200",
     .help = "packs wait at most so many milliseconds for their commit"},
    {.key = "batch_packs",
     .type = SCHEMA_INT,
     STORE(batch_packs),
     .min = 1,
     .max = 4096,
     .preset = "256",
     .help = "or until so many wait"},
    SCHEMA_END};

static const struct schema_field credit_fields[] = {
    {.key = "total",
     .type = SCHEMA_INT,
     CREDIT(total),
     .min = 1,
     .max = 100000,
     .preset = "512",
     .help = "packs in flight from all gateways; keep it below the broker's queue limit"},
    {.key = "gateway_max",
     .type = SCHEMA_INT,
     CREDIT(gateway_max),
     .min = 1,
     .max = 1000,
     .preset = "32",
     .help = "packs in flight from one gateway"},
    SCHEMA_END};

static const struct schema_field quarantine_fields[] = {{.key = "packs",
                                                         .type = SCHEMA_INT,
                                                         QUARANTINE(packs),
                                                         .min = 1,
                                                         .max = 1000000,
                                                         .preset = "10000",
                                                         .help = "packs kept; the oldest go first, "
                                                                 "counted"},
                                                        SCHEMA_END};

const struct schema_field collector_config_fields[] = {
    {.key = "name",
     .type = SCHEMA_NAME,
     CONFIG(name),
     .help = "this collector's name; its certificate's CN"},
    {.key = "areas",
     .type = SCHEMA_ARRAY,
     CONFIG(areas),
     .count_offset = offsetof(struct collector_config, area_count),
     .size = sizeof(struct collector_area),
     .min = 1,
     .max = COLLECTOR_AREAS_MAX,
     .fields = area_fields,
     .unique = "name",
     .help = "the areas it owns"},
    {.key = "store",
     .type = SCHEMA_OBJECT,
     CONFIG(store),
     .fields = store_fields,
     .preset = "{}",
     .help = "where everything is committed"},
    {.key = "broker",
     .type = SCHEMA_OBJECT,
     CONFIG(broker),
     .fields = broker_config_fields,
     .help = "how the broker is reached"},
    {.key = "rules",
     .type = SCHEMA_PATH,
     CONFIG(rules),
     .size = CONFIG_PATH_SIZE,
     .help = "file of the alarm rules"},
    {.key = "operators",
     .type = SCHEMA_PATH,
     CONFIG(operators),
     .size = CONFIG_PATH_SIZE,
     .preset = "\"\"",
     .help = "file of the operators and their rights; left out: nobody may ask for anything"},
    {.key = "credit",
     .type = SCHEMA_OBJECT,
     CONFIG(credit),
     .fields = credit_fields,
     .preset = "{}",
     .help = "how much may be in flight"},
    {.key = "live_age_max_s",
     .type = SCHEMA_INT,
     CONFIG(live_age_max_s),
     .min = 1,
     .max = 86400,
     .preset = "300",
     .help = "seconds; an older sample is history and neither raises nor clears an alarm"},
    {.key = "future_max_s",
     .type = SCHEMA_INT,
     CONFIG(future_max_s),
     .min = 1,
     .max = 86400,
     .preset = "300",
     .help = "seconds; a sample stamped further ahead of our clock is not believed"},
    {.key = "quarantine",
     .type = SCHEMA_OBJECT,
     CONFIG(quarantine),
     .fields = quarantine_fields,
     .preset = "{}",
     .help = "packs that can never be stored, kept with their reason"},
    {.key = "heartbeat_s",
     .type = SCHEMA_INT,
     CONFIG(heartbeat_s),
     .min = 1,
     .max = 60,
     .preset = "10",
     .help = "seconds between two states of an area"},
    {.key = "log",
     .type = SCHEMA_ENUM,
     CONFIG(log),
     .words = log_words,
     .preset = "\"info\"",
     .help = "how much is logged"},
    SCHEMA_END};

static int check_file(const struct config_files *files, const struct json_doc *doc,
                      const char *path, const char *file, struct err *e)
{
    struct err why = {0};
    if (*file && files->check_file && files->check_file(files->user, file, &why))
        return schema_refuse(doc, path, e, "%s", why.text);
    return 0;
}

static int load(struct collector_config *c, const struct json_doc *doc,
                const struct config_files *files, struct err *e)
{
    int rc = schema_read(collector_config_fields, doc, json_root(doc), c, e);
    if (rc)
        return rc;
    if (c->credit.gateway_max > c->credit.total)
        return schema_refuse(doc, "credit.gateway_max", e,
                             "%lld is more than the total of %lld; lower it",
                             (long long)c->credit.gateway_max, (long long)c->credit.total);
    rc = broker_config_check_files(&c->broker, files, doc, e);
    if (rc == 0)
        rc = check_file(files, doc, "rules", c->rules, e);
    if (rc == 0)
        rc = check_file(files, doc, "operators", c->operators, e);
    return rc;
}

int collector_config_parse(const char *text, size_t len, const struct config_files *files,
                           struct collector_config **out, struct err *e)
{
    struct json_doc *doc;
    *out = NULL;
    int rc = json_parse(text, len, CONFIG_FILE_MAX, JSON_COMMENTS | JSON_LINES, &doc, e);
    if (rc)
        return rc;
    struct collector_config *c = calloc(1, sizeof(*c));
    rc = c ? load(c, doc, files, e) : err_set(e, ERR_NOMEM, "no memory for the configuration");
    json_free(doc);
    if (rc)
        collector_config_free(c);
    else
        *out = c;
    return rc;
}

void collector_config_free(struct collector_config *c)
{
    if (!c)
        return;
    schema_free(collector_config_fields, c);
    free(c);
}

void collector_config_print(const struct collector_config *c, struct buf *out)
{
    schema_print(collector_config_fields, c, out);
}

enum log_level collector_config_log_level(const struct collector_config *c)
{
    enum log_level level = LOG_LEVEL_INFO;
    (void)log_level_parse(log_words[c->log], &level);
    return level;
}
