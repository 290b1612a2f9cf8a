/*
 * collectorctl store: what the collector holds, as lines a program can read.
 *
 * `dump` writes a line of JSON a record, in order of arrival, and a line a gap; it reads beside a
 * running collector.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cli.h"
#include "base/log.h"
#include "collector/collectorctl/collectorctl.h"
#include "collector/io/store/store.h"
#include "model/json.h"

#define STORE_DEFAULT "/var/lib/ioc/store.db"
#define LINE_SIZE     4096

static void write_value(const struct pack_record *r, struct buf *line)
{
    if (r->type == VALUE_NONE)
        return;
    buf_str(line, ",\"v\":");
    if (r->type == VALUE_NUMBER)
        json_write_number(line, r->number);
    else if (r->type == VALUE_BOOL)
        buf_str(line, r->boolean ? "true" : "false");
    else
        json_write_string(line, r->string);
}

static int put_line(struct buf *line)
{
    buf_char(line, '\n');
    if (line->overflow)
        return ERR_LIMIT;
    return fwrite(line->data, 1, line->len, stdout) == line->len ? 0 : ERR_IO;
}

static int put_record(const struct pack *pack, const struct pack_record *r)
{
    char memory[LINE_SIZE];
    char cause[CAUSE_TEXT];
    struct buf line;
    buf_init(&line, memory, sizeof(memory));
    buf_fmt(&line, "{\"gateway\":\"%s\",\"device\":\"%s\",\"point\":\"%s\",\"t\":%" PRId64,
            pack->head.gateway, r->device, r->point, r->at.ms);
    write_value(r, &line);
    buf_fmt(&line, ",\"q\":\"%s\"", quality_name(r->quality));
    if (r->cause != CAUSE_NONE)
        buf_fmt(&line, ",\"cause\":\"%s\"", cause_text(r->cause, r->exception, cause));
    buf_fmt(&line, ",\"epoch\":\"%" PRIu64 "\",\"seq\":\"%" PRIu64 "\"}", pack->head.epoch,
            pack->head.seq);
    return put_line(&line);
}

static int each_pack(void *user, const struct store_row *row)
{
    struct err *e = user;
    struct pack pack;
    struct pack_record r;
    int rc = 0;
    if (row->pack.kind != PACK_DATA)
        return 0;
    if (pack_parse(row->pack.body, row->pack.len, row->gateway, &pack, e) < 0)
        return ERR_CORRUPT;
    while (rc == 0 && pack_next(&pack, &r))
        rc = put_record(&pack, &r);
    pack_free(&pack);
    return rc == ERR_IO ? err_set_errno(e, "standard output") : rc;
}

static int each_gap(void *user, const char *gateway, const struct pack_gap *gap)
{
    struct err *e = user;
    char memory[LINE_SIZE];
    struct buf line;
    buf_init(&line, memory, sizeof(memory));
    buf_fmt(&line,
            "{\"gateway\":\"%s\",\"gap\":{\"epoch\":\"%" PRIu64 "\",\"from\":\"%" PRIu64
            "\",\"to\":\"%" PRIu64 "\",\"cause\":\"%s\",\"from_t\":%" PRId64 ",\"to_t\":%" PRId64
            ",\"count\":%" PRIu64 "}}",
            gateway, gap->epoch, gap->from, gap->to, gap->cause, gap->first.ms, gap->last.ms,
            gap->count);
    int rc = put_line(&line);
    return rc == ERR_IO ? err_set_errno(e, "standard output") : rc;
}

static int dump(int argc, char **argv)
{
    const char *path = STORE_DEFAULT;
    const struct cli_option options[] = {
        {.name = "store",
         .type = CLI_TEXT,
         .out = &path,
         .value = "FILE",
         .help = "the collector's store (default " STORE_DEFAULT ")"},
        {.name = NULL},
    };
    const struct cli_command command = {
        .name = "collectorctl store dump",
        .summary = "Writes every stored record and every gap as a line of JSON.",
        .options = options,
    };
    int exit_code;
    struct err e = {0};
    if (!cli_parse(&command, argc, argv, NULL, &exit_code))
        return exit_code;
    int rc = store_each_pack(path, each_pack, &e, &e);
    if (rc == 0)
        rc = store_each_gap(path, each_gap, &e, &e);
    if (rc == 0 && fflush(stdout) != 0)
        rc = err_set_errno(&e, "standard output");
    return rc == 0 ? CLI_OK : cli_fail(command.name, &e);
}

int collectorctl_store(int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {"dump", dump, "write every stored record as a line of JSON"},
        {NULL, NULL, NULL},
    };
    return cli_dispatch("collectorctl store", "Looks into the collector's store.", verbs, argc,
                        argv);
}
