/* collectorctl identity: key, request and certificate of an operator, a collector or the broker. */
#include <stdio.h>

#include "base/cli.h"
#include "collector/collectorctl.h"
#include "io/identity.h"
#include "model/name.h"

struct identity {
    const char *name, *out, *install, *ca;
    bool renew;
};

static int ask(const struct identity *o, const char *program)
{
    struct err e = {0};
    struct crypto_csr made;
    char fingerprint[CRYPTO_FINGERPRINT_SIZE];
    if (identity_create(o->out, o->name, o->renew, &made, &e) < 0)
        return cli_fail(program, &e);
    printf("key          %s/%s.key (stays on this machine)\n"
           "request      %s/%s.csr\n"
           "fingerprint  %s\n\n"
           "Next, at the authority (ROLE: operator, collector or broker):\n"
           "  collectorctl ca sign --dir CA --role ROLE --out %s.pem %s.csr\n"
           "then back here:\n"
           "  collectorctl identity %s --out %s --install %s.pem --ca root.pem\n",
           o->out, o->name, o->out, o->name, crypto_fingerprint(made.key_hash, fingerprint),
           o->name, o->name, o->name, o->out, o->name);
    return CLI_OK;
}

static int install(const struct identity *o, const char *program)
{
    struct err e = {0};
    struct crypto_cert cert;
    struct clk_utc now = clk_utc(clk_system());
    if (identity_install(o->out, o->name, o->install, o->ca, now, &cert, &e) < 0)
        return cli_fail(program, &e);
    identity_print(&cert, now, stdout);
    printf("\nInstalled as %s/%s.pem.\n", o->out, o->name);
    return CLI_OK;
}

int collectorctl_identity(int argc, char **argv)
{
    struct identity o = {0};
    const struct cli_option options[] = {
        {.name = "out",
         .type = CLI_TEXT,
         .out = &o.out,
         .value = "DIR",
         .required = true,
         .help = "where key, request and certificate are kept"},
        {.name = "renew",
         .type = CLI_FLAG,
         .out = &o.renew,
         .help = "make a new request with the key that is there"},
        {.name = "install",
         .type = CLI_TEXT,
         .out = &o.install,
         .value = "CERT",
         .help = "check this certificate and put it in place"},
        {.name = "ca",
         .type = CLI_TEXT,
         .out = &o.ca,
         .value = "ROOT",
         .help = "with --install: the authority's root.pem (needed the first time)"},
        {.name = NULL},
    };
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
    if (!cli_parse(&command, argc, argv, &o.name, &exit_code))
        return exit_code;
    struct err e = {0};
    if (!name_valid(o.name)) {
        err_set(&e, ERR_INVALID, "'%s' is no name: a-z, 0-9 and '-', at most 32, no '-' first",
                o.name);
        return cli_fail(command.name, &e);
    }
    return o.install ? install(&o, command.name) : ask(&o, command.name);
}
