/*
 * The command line of a subcommand from one table: it parses, checks and prints the help, so that
 * the three cannot disagree.
 *
 * Options are `--name value`, `--name=value`, `-n value` where they have a letter, or flags; `--`
 * ends them; operands may stand anywhere. Bad usage is answered on stderr with the command to run
 * for help and ends in CLI_USAGE; --help goes to stdout and ends in CLI_OK. Texts point into argv.
 * Nothing is allocated.
 */
#ifndef BASE_CLI_H
#define BASE_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What every program of the project exits with. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,    /* it was asked rightly and could not be done */
    CLI_BAD_INPUT = 2, /* a file or a value given breaks its rules */
    CLI_USAGE = 64,    /* the command line itself is wrong (EX_USAGE of sysexits) */
};

#define CLI_LIST_MAX 64

struct cli_list {
    size_t count;
    const char *items[CLI_LIST_MAX];
};

enum cli_type {
    CLI_FLAG,     /* bool */
    CLI_TEXT,     /* const char * */
    CLI_NUMBER,   /* int64_t in min..max */
    CLI_DURATION, /* int64_t seconds in min..max, written 90, 90s, 30m, 2h or 1d */
    CLI_LIST,     /* struct cli_list; the option may be repeated */
};

struct cli_option {
    const char *name;  /* without the dashes; NULL ends the table */
    void *out;         /* holds the default when the option is not given */
    const char *value; /* what stands for the value in the help: "DIR" */
    const char *help;
    int64_t min, max; /* CLI_NUMBER, CLI_DURATION */
    enum cli_type type;
    bool required;
    char letter; /* 'c' for -c; 0: none */
};

struct cli_command {
    const char *name;     /* "collectorctl ca sign" */
    const char *operands; /* as the help shows them: "CSR.pem"; NULL: none */
    const char *summary;  /* what it does, one or a few lines */
    const struct cli_option *options;
    size_t operand_min, operand_max;
};

/* Parses argv[1..]. operands has room for operand_max. Returns false when the command must end at
 * once with *exit_code. */
bool cli_parse(const struct cli_command *command, int argc, char **argv, const char **operands,
               int *exit_code);

/* What every daemon takes: -c FILE, -n, -p, -V. */
struct cli_daemon {
    const char *name, *summary;
    const char *config; /* holds the default */
    bool check, print;
};

/* As cli_parse; -V is answered here. */
bool cli_parse_daemon(struct cli_daemon *daemon, int argc, char **argv, int *exit_code);

struct cli_verb {
    const char *name; /* NULL ends the table */
    int (*run)(int argc, char **argv);
    const char *summary;
};

/* Runs the verb argv[1] names with argv moved to it. Without a verb, or with an unknown one, shows
 * the table; `program` is what came before it ("collectorctl", "collectorctl ca"). */
int cli_dispatch(const char *program, const char *summary, const struct cli_verb *verbs, int argc,
                 char **argv);

/* Prints "program: text" on stderr; returns the exit code the error stands for: CLI_BAD_INPUT for
 * what the caller gave (invalid, limit, mismatch, exists, denied, corrupt), else CLI_FAILED. */
int cli_fail(const char *program, const struct err *e);

#endif
