/* board-emulator: Modbus slaves made from the device profiles, faults on command, and a ledger of
 * every answer. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cli.h"
#include "base/log.h"
#include "boards/emulator/board-emulator/verbs.h"
#include "boards/emulator/emulator.h"
#include "io/fsx.h"
#include "io/signals.h"

#define PROGRAM       "board-emulator"
#define ANNOUNCE_SIZE 65536
#define DOCUMENT_SIZE 65536

static void print_help(void)
{
    printf("Usage: %s -c FILE [-n | -p]\n"
           "       %s ctl SOCKET COMMAND...\n"
           "       %s ledger check LEDGER DUMP [options]\n"
           "\n"
           "Emulated boards: Modbus slaves made from the same device profiles the gateway uses.\n"
           "\n"
           "  -c FILE   run this configuration until SIGTERM or the command quit; one JSON line\n"
           "            a bus and link on stdout, then {\"ready\":true}\n"
           "  -n        check the configuration and its profiles, run nothing\n"
           "  -p        print what would run, defaults filled in\n"
           "  --document   print the reference of the configuration (Markdown)\n"
           "  --version, --help\n"
           "\n"
           "Commands of ctl:\n%s"
           "\n"
           "Exit codes: 0 done, 1 failed, 2 bad input, 64 bad usage.\n",
           PROGRAM, PROGRAM, PROGRAM, emulator_commands);
}

static int load(const char *path, struct config *config, struct err *e)
{
    char *text;
    size_t len;
    int r = fsx_read_file(path, CONFIG_FILE_MAX, &text, &len, e);
    if (r < 0)
        return r;
    r = config_parse(text, len, config, e);
    free(text);
    return r < 0 ? err_prefix(e, "%s", path) : 0;
}

static void stop_on_signal(struct signals *signals, int number)
{
    if (number != SIGHUP)
        loop_stop(signals->owner, 0);
}

static int print_bounded(void (*write_it)(const void *what, struct buf *out), const void *what,
                         size_t size)
{
    struct buf out;
    char *memory = malloc(size);
    if (!memory)
        return CLI_FAILED;
    buf_init(&out, memory, size);
    write_it(what, &out);
    bool fine = !out.overflow && fwrite(out.data, 1, out.len, stdout) == out.len;
    fine = fflush(stdout) == 0 && fine;
    free(memory);
    return fine ? CLI_OK : CLI_FAILED;
}

static void write_announcement(const void *what, struct buf *out)
{
    emulator_announce(what, out);
}

static void write_config(const void *what, struct buf *out)
{
    config_print(what, out);
    buf_char(out, '\n');
}

static void write_document(const void *what, struct buf *out)
{
    (void)what;
    config_document(out);
}

static int serve(struct emulator *m, struct err *e)
{
    struct signals signals = {0};
    struct loop *loop = loop_create(clk_system());
    if (!loop)
        return err_set(e, ERR_NOMEM, "no memory for the loop");
    int r = signals_init(&signals, loop, stop_on_signal, loop, e);
    if (r == 0)
        r = emulator_open(m, loop, e);
    if (r == 0 && print_bounded(write_announcement, m, ANNOUNCE_SIZE) != CLI_OK)
        r = err_set(e, ERR_IO, "cannot print where the buses are");
    if (r == 0)
        r = loop_run(loop);
    emulator_finish(m);
    signals_finish(&signals);
    loop_destroy(loop);
    return r;
}

enum action { RUN, CHECK, PRINT };

static int run(const char *path, enum action action)
{
    struct config config = {0};
    struct err e = {0};
    /* Large (it holds the ledger's and the control socket's buffers), and there is one. */
    static struct emulator emulator;
    log_init(PROGRAM, LOG_LEVEL_INFO);
    int r = load(path, &config, &e);
    if (r == 0)
        r = emulator_prepare(&emulator, &config, &e);
    if (r == 0 && action == RUN)
        r = serve(&emulator, &e);
    int status = r < 0 ? cli_fail(PROGRAM, &e) : CLI_OK;
    if (r == 0 && action == PRINT)
        status = print_bounded(write_config, &config, CONFIG_FILE_MAX);
    if (r == 0 && action == CHECK)
        printf("%s: fine: %zu buses, %zu devices, %zu links\n", path, config.bus_count,
               emulator.slave_count, config.link_count);
    emulator_finish(&emulator);
    config_finish(&config);
    return status;
}

static int bad_usage(const char *why)
{
    fprintf(stderr, "%s: %s; see %s --help\n", PROGRAM, why, PROGRAM);
    return CLI_USAGE;
}

static int run_options(int argc, char **argv)
{
    const char *path = NULL;
    enum action action = RUN;
    int option;
    opterr = 0;
    while ((option = getopt(argc, argv, "+c:np")) != -1) {
        if (option == 'c')
            path = optarg;
        else if (option == 'n')
            action = CHECK;
        else if (option == 'p')
            action = PRINT;
        else
            return bad_usage("unknown option, or -c without its file");
    }
    if (optind < argc)
        return bad_usage("one word too many");
    if (!path)
        return bad_usage("which configuration? give -c FILE");
    return run(path, action);
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        print_help();
        return CLI_OK;
    }
    if (strcmp(word, "--version") == 0) {
        printf("%s %s\n", PROGRAM, IOC_VERSION);
        return CLI_OK;
    }
    if (strcmp(word, "--document") == 0)
        return print_bounded(write_document, NULL, DOCUMENT_SIZE);
    if (strcmp(word, "ctl") == 0)
        return verb_ctl(argc - 1, argv + 1);
    if (strcmp(word, "ledger") == 0)
        return verb_ledger(argc - 1, argv + 1);
    return run_options(argc, argv);
}
