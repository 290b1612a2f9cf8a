/* board-emulator ctl: one command to a running emulator. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "boards/emulator/board-emulator/verbs.h"
#include "boards/emulator/control.h"
#include "boards/emulator/emulator.h"

#define NAME "board-emulator ctl"

static int usage(FILE *to, int status)
{
    fprintf(to, "Usage: %s SOCKET COMMAND...\n\nOne command to a running emulator:\n%s", NAME,
            emulator_commands);
    return status;
}

int verb_ctl(int argc, char **argv)
{
    char command[CONTROL_LINE_MAX];
    static char answer[CONTROL_ANSWER_MAX];
    struct buf b;
    struct err e = {0};
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return usage(stdout, CLI_OK);
    if (argc < 3)
        return usage(stderr, CLI_USAGE);
    buf_init(&b, command, sizeof(command));
    for (int i = 2; i < argc; i++)
        buf_fmt(&b, "%s%s", i > 2 ? " " : "", argv[i]);
    if (b.overflow)
        err_set(&e, ERR_LIMIT, "the command is longer than %d bytes", CONTROL_LINE_MAX - 1);
    else if (control_ask(argv[1], buf_cstr(&b), answer, sizeof(answer), &e) == 0) {
        if (*answer)
            printf("%s\n", answer);
        return CLI_OK;
    }
    cli_fail(NAME, &e);
    return CLI_FAILED;
}
