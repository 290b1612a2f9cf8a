/* gatewayctl enrol, cert: the gateway's identity. The key is made here and stays here. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cli.h"
#include "base/text.h"
#include "gateway/gatewayctl/gatewayctl.h"
#include "io/crypto.h"
#include "io/fsx.h"
#include "io/identity.h"
#include "io/identity_cli.h"
#include "model/name.h"

struct enrol {
    struct identity_options identity;
    const char *name, *area;
};

static int ask(const struct enrol *o, const char *program)
{
    struct err e = {0};
    if (!o->area || !name_valid(o->area)) {
        err_set(&e, ERR_INVALID,
                "--area wants the area the gateway stands in: a-z, 0-9 and '-', at most 32");
        return cli_fail(program, &e);
    }
    int exit_code = identity_run_create(&o->identity, o->name, program);
    if (exit_code == CLI_OK)
        printf("Carry the request to the authority, compare the fingerprint, and run there:\n"
               "  collectorctl ca sign --dir CA --role gateway --area %s --out %s.pem %s.csr\n"
               "Bring %s.pem and the authority's root.pem back, and run here:\n"
               "  gatewayctl enrol --name %s --out %s --install %s.pem --ca root.pem\n",
               o->area, o->name, o->name, o->name, o->name, o->identity.out, o->name);
    return exit_code;
}

int gatewayctl_enrol(int argc, char **argv)
{
    struct enrol o = {0};
    struct cli_option options[2 + IDENTITY_OPTIONS + 1] = {
        {.name = "name",
         .type = CLI_TEXT,
         .out = &o.name,
         .value = "NAME",
         .required = true,
         .help = N_("the gateway's name: a-z, 0-9 and '-', at most 32")},
        {.name = "area",
         .type = CLI_TEXT,
         .out = &o.area,
         .value = "AREA",
         .help = N_("the area it stands in")},
    };
    identity_put_options(&o.identity, options + 2);
    const struct cli_command command = {
        .name = "gatewayctl enrol",
        .summary = N_("Makes the key and signing request of this gateway, or, with --install, puts "
                      "the\ncertificate that came back in place."),
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
    if (o.identity.install)
        return identity_run_install(&o.identity, o.name, command.name);
    return ask(&o, command.name);
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
         .help = N_("also check that it leads to this root and is valid now")},
        {.name = "json", .type = CLI_FLAG, .out = &json, .help = N_("print one JSON object")},
        {.name = NULL},
    };
    const struct cli_command command = {.name = "gatewayctl cert",
                                        .operands = "FILE",
                                        .summary = N_("Shows what a certificate says."),
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
