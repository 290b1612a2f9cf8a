/*
 * The collector's configuration: collector.json in, one struct out. Pure: files are asked for
 * through struct config_files, of which only check_file is used.
 *
 * Whatever cannot run is refused with line, path, reason and remedy; the caller puts the file's
 * name before it. The struct owns everything. Limits: 64 areas, 256 KiB of text.
 */
#ifndef COLLECTOR_CORE_CONFIG_H
#define COLLECTOR_CORE_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "model/broker_config.h"
#include "model/name.h"
#include "model/schema.h"

#define COLLECTOR_AREAS_MAX 64

struct collector_area {
    char name[NAME_SIZE];
};

struct collector_config {
    char name[NAME_SIZE];
    struct collector_area *areas;
    size_t area_count;
    struct collector_store {
        char path[CONFIG_PATH_SIZE];
        int64_t commit_ms, batch_packs;
    } store;
    struct broker_config broker;
    char rules[CONFIG_PATH_SIZE];
    char operators[CONFIG_PATH_SIZE]; /* empty: nobody may ask for anything */
    struct collector_credit {
        int64_t total, gateway_max;
    } credit;
    int64_t live_age_max_s, future_max_s;
    struct collector_quarantine {
        int64_t packs;
    } quarantine;
    int64_t heartbeat_s;
    int log; /* index in log_words */
};

extern const struct schema_field collector_config_fields[];

/* Reads and checks. ERR_INVALID, ERR_LIMIT or ERR_NOMEM; *out is NULL then. */
int collector_config_parse(const char *text, size_t len, const struct config_files *files,
                           struct collector_config **out, struct err *e);
void collector_config_free(struct collector_config *c); /* NULL is fine */
/* What would run, defaults filled in, as JSON that reads back the same. */
void collector_config_print(const struct collector_config *c, struct buf *out);
enum log_level collector_config_log_level(const struct collector_config *c);

#endif
