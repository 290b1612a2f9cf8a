#include "io/identity_cli.h"

#include <stdio.h>
#include <string.h>

#include "io/identity.h"

void identity_put_options(struct identity_options *o, struct cli_option *table)
{
    const struct cli_option options[IDENTITY_OPTIONS] = {
        {.name = "out",
         .type = CLI_TEXT,
         .out = &o->out,
         .value = "DIR",
         .required = true,
         .help = "where key, request and certificate are kept"},
        {.name = "renew",
         .type = CLI_FLAG,
         .out = &o->renew,
         .help = "make a new request with the key that is there"},
        {.name = "install",
         .type = CLI_TEXT,
         .out = &o->install,
         .value = "CERT",
         .help = "check this certificate and put it in place"},
        {.name = "ca",
         .type = CLI_TEXT,
         .out = &o->ca,
         .value = "ROOT",
         .help = "with --install: the authority's root.pem (needed the first time)"},
    };
    memcpy(table, options, sizeof(options));
}

int identity_run_create(const struct identity_options *o, const char *name, const char *program)
{
    struct err e = {0};
    struct crypto_csr made;
    char fingerprint[CRYPTO_FINGERPRINT_SIZE];
    if (identity_create(o->out, name, o->renew, &made, &e) < 0)
        return cli_fail(program, &e);
    printf("key          %s/%s.key (stays on this machine)\n"
           "request      %s/%s.csr\n"
           "fingerprint  %s\n\n",
           o->out, name, o->out, name, crypto_fingerprint(made.key_hash, fingerprint));
    return CLI_OK;
}

int identity_run_install(const struct identity_options *o, const char *name, const char *program)
{
    struct err e = {0};
    struct crypto_cert cert;
    struct clk_utc now = clk_utc(clk_system());
    if (identity_install(o->out, name, o->install, o->ca, now, &cert, &e) < 0)
        return cli_fail(program, &e);
    identity_print(&cert, now, stdout);
    printf("\nInstalled as %s/%s.pem.\n", o->out, name);
    return CLI_OK;
}
