/* board-emulator ledger: what the slaves answered against what the collector stored. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "boards/emulator/board-emulator/verbs.h"
#include "boards/emulator/ledger.h"
#include "model/json.h"
#include "model/name.h"

#define NAME "board-emulator ledger check"

typedef int add_line(struct ledger *l, const char *line, size_t len, struct err *e);

/* The emulator may have been killed while it wrote its last line: that one alone may be torn. */
static int add_lines(struct ledger *l, const char *path, add_line *add, struct err *e)
{
    char *line = NULL;
    size_t cap = 0, number = 0;
    int r = 0;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!file)
        return err_set_errno(e, "cannot read %s", path);
    for (;;) {
        ssize_t len = getline(&line, &cap, file);
        if (len < 0)
            break;
        number++;
        if (line[len - 1] != '\n')
            break;
        if (len == 1)
            continue;
        r = add(l, line, (size_t)len - 1, e);
        if (r < 0) {
            err_prefix(e, "%s line %zu", path, number);
            break;
        }
    }
    if (r == 0 && ferror(file))
        r = err_set_errno(e, "cannot read %s", path);
    free(line);
    if (file != stdin)
        fclose(file);
    return r;
}

/* "FROM-TO" or "GATEWAY:FROM-TO", in UTC milliseconds. */
static int add_undecided(struct ledger *l, const char *text, struct err *e)
{
    char gateway[NAME_SIZE] = "";
    const char *colon = strchr(text, ':');
    const char *at = colon ? colon + 1 : text;
    char *end;
    if (colon)
        snprintf(gateway, sizeof(gateway), "%.*s", (int)(colon - text), text);
    errno = 0;
    long long from = strtoll(at, &end, 10);
    bool fine = end > at && *end == '-';
    at = fine ? end + 1 : at;
    long long to = strtoll(at, &end, 10);
    if (!fine || end == at || *end || errno)
        return err_set(e, ERR_INVALID,
                       "--undecided %s: write FROM_MS-TO_MS or GATEWAY:FROM_MS-TO_MS", text);
    return ledger_undecided(l, colon ? gateway : NULL, from, to, e);
}

static void print_text(const struct ledger_result *r)
{
    printf("samples=%llu lost=%llu doubled=%llu wrong=%llu\n", (unsigned long long)r->samples,
           (unsigned long long)r->lost, (unsigned long long)r->doubled,
           (unsigned long long)r->wrong);
    printf("  stored %llu, explained by a bad record or a gap %llu, undecided %llu\n",
           (unsigned long long)r->stored, (unsigned long long)r->explained,
           (unsigned long long)r->undecided);
    for (size_t i = 0; i < r->offender_count; i++)
        printf("  %s\n", r->offenders[i]);
}

static void print_json(const struct ledger_result *r)
{
    char memory[16384];
    struct buf out;
    buf_init(&out, memory, sizeof(memory));
    buf_fmt(&out,
            "{\"version\":1,\"samples\":%llu,\"lost\":%llu,\"doubled\":%llu,\"wrong\":%llu,"
            "\"stored\":%llu,\"explained\":%llu,\"undecided\":%llu,\"offenders\":[",
            (unsigned long long)r->samples, (unsigned long long)r->lost,
            (unsigned long long)r->doubled, (unsigned long long)r->wrong,
            (unsigned long long)r->stored, (unsigned long long)r->explained,
            (unsigned long long)r->undecided);
    for (size_t i = 0; i < r->offender_count; i++) {
        if (i)
            buf_char(&out, ',');
        json_write_string(&out, r->offenders[i]);
    }
    buf_str(&out, "]}");
    printf("%s\n", buf_cstr(&out));
}

static int feed(struct ledger *l, const struct cli_list *undecided, const struct cli_list *ignored,
                const char *const *files, struct err *e)
{
    int r = 0;
    for (size_t i = 0; i < ignored->count; i++)
        ledger_ignore(l, ignored->items[i]); /* at most CLI_LIST_MAX, which it takes */
    for (size_t i = 0; r == 0 && i < undecided->count; i++)
        r = add_undecided(l, undecided->items[i], e);
    if (r == 0)
        r = add_lines(l, files[0], ledger_add_reply, e);
    if (r == 0)
        r = add_lines(l, files[1], ledger_add_record, e);
    return r;
}

static int verb_check(int argc, char **argv)
{
    struct cli_list undecided = {0}, ignored = {0};
    int64_t tolerance_ms = LEDGER_TOLERANCE_MS;
    bool json = false;
    const struct cli_option options[] = {
        {.name = "undecided",
         .type = CLI_LIST,
         .out = &undecided,
         .value = "[GATEWAY:]FROM-TO",
         .help = "replies sent in this time (UTC ms) may be absent: a kill"},
        {.name = "ignore",
         .type = CLI_LIST,
         .out = &ignored,
         .value = "PATTERN",
         .help = "leave out points like \"gateway/device/*\""},
        {.name = "tolerance",
         .type = CLI_NUMBER,
         .out = &tolerance_ms,
         .value = "MS",
         .help = "largest difference between reply and stored time (default 2000)",
         .max = 3600000},
        {.name = "json", .type = CLI_FLAG, .out = &json, .help = "the verdict as a line of JSON"},
        {.name = NULL}};
    const struct cli_command command = {
        .name = NAME,
        .operands = "LEDGER DUMP",
        .summary =
            "Compares the ledger of the emulated boards with a dump of the collector's store.\n"
            "Exit code 0 only when nothing is lost, doubled or wrong.",
        .options = options,
        .operand_min = 2,
        .operand_max = 2};
    const char *files[2];
    int status = CLI_OK;
    if (!cli_parse(&command, argc, argv, files, &status))
        return status;
    struct err e = {0};
    struct ledger_result result = {0};
    struct ledger *l = ledger_create(tolerance_ms);
    int r = l ? feed(l, &undecided, &ignored, files, &e) : err_set(&e, ERR_NOMEM, "no memory");
    if (r == 0) {
        ledger_finish(l, &result);
        (json ? print_json : print_text)(&result);
        status = ledger_holds(&result) ? CLI_OK : CLI_FAILED;
    } else {
        status = cli_fail(NAME, &e);
    }
    ledger_destroy(l);
    return status;
}

int verb_ledger(int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {"check", verb_check, "compare a ledger with a dump of the store"}, {NULL, NULL, NULL}};
    return cli_dispatch("board-emulator ledger", "The ledger of what emulated boards answered.",
                        verbs, argc, argv);
}
