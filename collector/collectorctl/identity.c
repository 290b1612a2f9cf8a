/* collectorctl identity: key, request and certificate of an operator, a collector or the broker. */
#include <stdio.h>

#include "base/cli.h"
#include "collector/collectorctl/collectorctl.h"
#include "io/identity_cli.h"
#include "model/name.h"

static int ask(const struct identity_options *o, const char *name, const char *program)
{
    int exit_code = identity_run_create(o, name, program);
    if (exit_code == CLI_OK)
        printf("Next, at the authority (ROLE: operator, collector or broker):\n"
               "  collectorctl ca sign --dir CA --role ROLE --out %s.pem %s.csr\n"
               "then back here:\n"
               "  collectorctl identity %s --out %s --install %s.pem --ca root.pem\n",
               name, name, name, o->out, name);
    return exit_code;
}

int collectorctl_identity(int argc, char **argv)
{
    struct identity_options o = {0};
    const char *name;
    struct cli_option options[IDENTITY_OPTIONS + 1] = {{.name = NULL}};
    identity_put_options(&o, options);
    const struct cli_command command = {
        .name = "collectorctl identity",
        .operands = "NAME",
        .summary = "Makes a key and a signing request, or, with --install, puts the certificate "
                   "that\ncame back in place. NAME: a-z, 0-9 and '-', at most 32.",
        .options = options,
        .operand_min = 1,
        .operand_max = 1,
    };
    int exit_code;
    if (!cli_parse(&command, argc, argv, &name, &exit_code))
        return exit_code;
    struct err e = {0};
    if (!name_valid(name)) {
        err_set(&e, ERR_INVALID, "'%s' is no name: a-z, 0-9 and '-', at most 32, no '-' first",
                name);
        return cli_fail(command.name, &e);
    }
    return o.install ? identity_run_install(&o, name, command.name) : ask(&o, name, command.name);
}
