/* gatewayctl decode: unknown registers in every type and order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cli.h"
#include "base/text.h"
#include "gateway/core/commissioning/decode.h"
#include "gateway/gatewayctl/decode_text.h"
#include "gateway/gatewayctl/gatewayctl.h"
#include "gateway/gatewayctl/raw.h"
#include "gateway/gatewayctl/reach.h"

#define PROGRAM     "gatewayctl decode"
#define HEX_MAX     128
#define STDIN_MAX   8192
#define READ_GAP_US 200000 /* long enough for a measured value to move */

struct decode_verb {
    struct reach_options reach;
    struct raw_options raw;
    int64_t reads;
    bool all, brief, json;
    const char *hex[HEX_MAX];
    struct decode_text text;
};

static int from_stdin(struct decode_text *t, struct err *e)
{
    char text[STDIN_MAX];
    size_t len = fread(text, 1, sizeof(text) - 1, stdin);
    text[len] = '\0';
    int count = decode_parse_hex(text, t->words, DECODE_WORDS_MAX, e);
    t->count = count > 0 ? (size_t)count : 0;
    return count < 0 ? count : 0;
}

static int from_operands(struct decode_verb *v, struct err *e)
{
    struct decode_text *t = &v->text;
    t->reads = 1;
    if (strcmp(v->hex[0], "-") == 0)
        return from_stdin(t, e);
    for (size_t i = 0; i < HEX_MAX && v->hex[i]; i++) {
        int count =
            decode_parse_hex(v->hex[i], t->words + t->count, DECODE_WORDS_MAX - t->count, e);
        if (count < 0)
            return count;
        t->count += (size_t)count;
    }
    return 0;
}

static int read_once(struct reach *r, const struct bus_request *q, uint16_t *words, struct err *e)
{
    static struct reach_answer answer;
    char memory[256];
    struct buf why;
    int rc = reach_ask(r, q, &answer, e);
    if (rc != 0)
        return rc;
    if (answer.reply.outcome == BUS_OK) {
        memcpy(words, answer.values, q->count * sizeof(words[0]));
        return 0;
    }
    buf_init(&why, memory, sizeof(memory));
    reach_describe(&answer.reply, &why);
    return err_set(e, ERR_IO, "unit %u: %s", q->unit, buf_cstr(&why));
}

static int from_device(struct decode_verb *v, struct err *e)
{
    struct reach r;
    struct bus_request q;
    struct decode_text *t = &v->text;
    int rc = raw_request(&v->raw, &q, e);
    if (rc == 0 && q.function <= TABLE_DISCRETE)
        rc = err_set(e, ERR_INVALID, "bits have no order to find; give --holding or --input");
    if (rc != 0)
        return rc;
    t->table = (enum point_table)q.function;
    t->address = q.address;
    t->count = q.count;
    t->reads = (size_t)v->reads;
    rc = reach_find(&r, &v->reach, NULL, e);
    if (rc == 0)
        rc = reach_open(&r, &v->reach, e);
    for (size_t i = 0; rc == 0 && i < t->reads; i++) {
        if (i > 0)
            usleep(READ_GAP_US);
        rc = read_once(&r, &q, t->words + i * t->count, e);
    }
    reach_close(&r);
    return rc;
}

static int run(struct decode_verb *v, struct err *e)
{
    struct decode_text *t = &v->text;
    int rc = v->hex[0] ? from_operands(v, e) : from_device(v, e);
    if (rc != 0)
        return rc;
    if (t->count == 0)
        return err_set(e, ERR_INVALID, "no registers were given");
    decode_block(t->words, t->count, t->reads, &t->result);
    if (v->json) {
        decode_text_json(t);
        return 0;
    }
    if (!v->brief)
        decode_text_tables(t, v->all);
    decode_text_verdict(t);
    return 0;
}

int gatewayctl_decode(int argc, char **argv)
{
    static struct decode_verb v = {.reads = 1};
    struct cli_option options[REACH_OPTIONS + RAW_OPTIONS + 5] = {
        {.name = "reads",
         .type = CLI_NUMBER,
         .out = &v.reads,
         .value = "N",
         .min = 1,
         .max = DECODE_READS_MAX,
         .help = N_("read so often: what changes little is told better (default 1)")},
        {.name = "all",
         .type = CLI_FLAG,
         .out = &v.all,
         .help = N_("show types without any plausible value, too")},
        {.name = "brief", .type = CLI_FLAG, .out = &v.brief, .help = N_("the verdict alone")},
        {.name = "json", .type = CLI_FLAG, .out = &v.json, .help = N_("print one JSON object")},
    };
    reach_put_options(&v.reach, options + 4);
    raw_put_options(&v.raw, options + 4 + REACH_OPTIONS);
    const struct cli_command command = {
        .name = PROGRAM,
        .operands = "[HEX...]",
        .summary =
            "Shows registers in every type and order, marks what is plausible, and names the most\n"
            "likely reading. Registers are read from a device (--bus or --port, --unit, --input "
            "or\n"
            "--holding) or given as hexadecimal words (\"4366 199A\"; - reads them from stdin).",
        .options = options,
        .operand_max = HEX_MAX};
    struct err e = {0};
    int exit_code;
    if (!cli_parse(&command, argc, argv, v.hex, &exit_code))
        return exit_code;
    return run(&v, &e) == 0 ? CLI_OK : cli_fail(PROGRAM, &e);
}
