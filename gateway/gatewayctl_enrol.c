/* gatewayctl enrol, cert: the gateway's identity. The key is made here and stays here. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cli.h"
#include "gateway/gatewayctl.h"
#include "io/crypto.h"
#include "io/fsx.h"
#include "io/identity.h"
#include "model/name.h"

struct enrol {
    const char *name, *area, *out, *install, *ca;
    bool renew;
};

static int ask(const struct enrol *o, const char *program)
{
    struct err e = {0};
    struct crypto_csr made;
    char fingerprint[CRYPTO_FINGERPRINT_SIZE];
    if (!o->area || !name_valid(o->area)) {
        err_set(&e, ERR_INVALID,
                "--area wants the area the gateway stands in: a-z, 0-9 and '-', at most 32");
        return cli_fail(program, &e);
    }
    if (identity_create(o->out, o->name, o->renew, &made, &e) < 0)
        return cli_fail(program, &e);
    printf("key          %s/%s.key (stays on this machine)\n"
           "request      %s/%s.csr\n"
           "fingerprint  %s\n\n"
           "Carry the request to the authority, compare the fingerprint, and run there:\n"
           "  collectorctl ca sign --dir CA --role gateway --area %s --out %s.pem %s.csr\n"
           "Bring %s.pem and the authority's root.pem back, and run here:\n"
           "  gatewayctl enrol --name %s --out %s --install %s.pem --ca root.pem\n",
           o->out, o->name, o->out, o->name, crypto_fingerprint(made.key_hash, fingerprint),
           o->area, o->name, o->name, o->name, o->name, o->out, o->name);
    return CLI_OK;
}

static int install(const struct enrol *o, const char *program)
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

int gatewayctl_enrol(int argc, char **argv)
{
    struct enrol o = {0};
    const struct cli_option options[] = {
        {.name = "name",
         .type = CLI_TEXT,
         .out = &o.name,
         .value = "NAME",
         .required = true,
         .help = "the gateway's name: a-z, 0-9 and '-', at most 32"},
        {.name = "area",
         .type = CLI_TEXT,
         .out = &o.area,
         .value = "AREA",
         .help = "the area it stands in"},
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
        .name = "gatewayctl enrol",
        .summary = "Makes the key and signing request of this gateway, or, with --install, puts "
                   "the\ncertificate that came back in place.",
        .options = options,
    };
    int exit_code;
    if (!cli_parse(&command, argc, argv, NULL, &exit_code))
        return exit_code;
    struct err e = {0};
    if (!name_valid(o.name)) {
        err_set(&e, ERR_INVALID, "'%s' is no name: a-z, 0-9 and '-', at most 32, no '-' first",
                o.name);
        return cli_fail(command.name, &e);
    }
    return o.install ? install(&o, command.name) : ask(&o, command.name);
}

static int check_root(const char *root_file, const char *pem, size_t len, struct clk_utc now,
                      struct err *e)
{
    char *root = NULL;
    size_t root_len = 0;
    int ret = fsx_read_file(root_file, CRYPTO_PEM_MAX, &root, &root_len, e);
    if (ret >= 0)
        ret = crypto_chain_verify(pem, len, root, root_len, now, e);
    free(root);
    return ret;
}

int gatewayctl_cert(int argc, char **argv)
{
    const char *file, *ca = NULL;
    bool json = false;
    const struct cli_option options[] = {
        {.name = "ca",
         .type = CLI_TEXT,
         .out = &ca,
         .value = "ROOT",
         .help = "also check that it leads to this root and is valid now"},
        {.name = "json", .type = CLI_FLAG, .out = &json, .help = "print one JSON object"},
        {.name = NULL},
    };
    const struct cli_command command = {.name = "gatewayctl cert",
                                        .operands = "FILE",
                                        .summary = "Shows what a certificate says.",
                                        .options = options,
                                        .operand_min = 1,
                                        .operand_max = 1};
    int exit_code;
    if (!cli_parse(&command, argc, argv, &file, &exit_code))
        return exit_code;
    struct err e = {0};
    struct crypto_cert cert;
    struct clk_utc now = clk_utc(clk_system());
    char *pem = NULL;
    size_t len = 0;
    int ret = fsx_read_file(file, CRYPTO_PEM_MAX, &pem, &len, &e);
    if (ret >= 0 && (ret = crypto_cert_read(pem, len, &cert, &e)) < 0)
        err_prefix(&e, "%s", file);
    if (ret >= 0)
        (json ? identity_print_json : identity_print)(&cert, now, stdout);
    if (ret >= 0 && ca && (ret = check_root(ca, pem, len, now, &e)) >= 0 && !json)
        printf("chain        leads to %s\n", ca);
    free(pem);
    return ret < 0 ? cli_fail(command.name, &e) : CLI_OK;
}
