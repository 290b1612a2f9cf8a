/* collectorctl ca: init, sign, list, revoke. The rules are in collector/io/ca; here are words. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cli.h"
#include "collector/collectorctl/collectorctl.h"
#include "collector/io/ca.h"
#include "io/fsx.h"
#include "io/identity.h"
#include "model/name.h"

#define DAY_MS INT64_C(86400000)

static struct cli_option dir_option(const char **dir)
{
    return (struct cli_option){.name = "dir",
                               .type = CLI_TEXT,
                               .out = dir,
                               .value = "DIR",
                               .required = true,
                               .help = "the directory of the CA; keep it off the network"};
}

/* --- init --- */

static int run_init(int argc, char **argv)
{
    const char *dir;
    const char *title = "IOC";
    const struct cli_option options[] = {
        dir_option(&dir),
        {.name = "name",
         .type = CLI_TEXT,
         .out = &title,
         .value = "TEXT",
         .help = "whose CA it is, as certificates show it: \"Lai Chau IOC\""},
        {.name = NULL},
    };
    const struct cli_command command = {
        .name = "collectorctl ca init",
        .summary = "Makes a certificate authority: a root and, below it, one authority each for "
                   "gateways,\noperators, collectors and brokers. Never overwrites.",
        .options = options};
    int exit_code;
    if (!cli_parse(&command, argc, argv, NULL, &exit_code))
        return exit_code;
    struct err e = {0};
    if (ca_init(dir, title, clk_utc(clk_system()), &e) < 0)
        return cli_fail(command.name, &e);
    printf("The CA of %s is in %s.\n\n"
           "root.key is needed again only to make new authorities: move it to a medium in a safe.\n"
           "root.pem is public: every gateway, operator and collector gets a copy.\n"
           "Next, on each machine: gatewayctl enrol, or collectorctl identity; then here:\n"
           "  collectorctl ca sign --dir %s --role ROLE [--area AREA] REQUEST.csr\n",
           title, dir, dir);
    return CLI_OK;
}

/* --- sign --- */

struct sign {
    const char *dir, *role, *out;
    struct cli_list areas, hosts;
    int64_t days;
    bool replace;
};

static int prepare(const struct sign *o, struct ca_request *r, struct err *e)
{
    if (access_role_parse(o->role, &r->role) < 0)
        return err_set(e, ERR_INVALID, "'%s' is no role: gateway, operator, collector or broker",
                       o->role);
    for (size_t i = 0; i < o->areas.count; i++) {
        int ret = access_add_area(&r->areas, o->areas.items[i], e);
        if (ret < 0)
            return ret;
    }
    r->days = o->days;
    r->replace = o->replace;
    r->hosts = o->hosts.items;
    r->host_count = o->hosts.count;
    return 0;
}

static int sign_file(const struct sign *o, const char *file, struct buf *chain, struct err *e)
{
    struct ca *ca = NULL;
    char *csr = NULL;
    size_t len = 0;
    struct ca_request request = {0};
    int ret = prepare(o, &request, e);
    if (ret == 0)
        ret = fsx_read_file(file, CRYPTO_CSR_MAX, &csr, &len, e);
    if (ret >= 0)
        ret = ca_open(o->dir, &ca, e);
    if (ret == 0 && (ret = ca_sign(ca, &request, csr, len, clk_utc(clk_system()), chain, e)) < 0)
        err_prefix(e, "%s", file);
    ca_close(ca);
    free(csr);
    return ret;
}

static int deliver(const struct sign *o, const struct buf *chain, struct err *e)
{
    struct crypto_cert cert;
    if (!o->out)
        return fwrite(chain->data, 1, chain->len, stdout) == chain->len && fflush(stdout) == 0
                   ? 0
                   : err_set_errno(e, "stdout");
    int ret = fsx_replace_file(o->out, chain->data, chain->len, 0644, e);
    if (ret == 0)
        ret = crypto_cert_read(chain->data, chain->len, &cert, e);
    if (ret == 0)
        identity_print(&cert, clk_utc(clk_system()), stdout);
    return ret;
}

static int run_sign(int argc, char **argv)
{
    struct sign o = {0};
    const char *file;
    const struct cli_option options[] = {
        dir_option(&o.dir),
        {.name = "role",
         .type = CLI_TEXT,
         .out = &o.role,
         .value = "ROLE",
         .required = true,
         .help = "gateway, operator, collector or broker"},
        {.name = "area",
         .type = CLI_LIST,
         .out = &o.areas,
         .value = "AREA",
         .help = "where a gateway stands, or what a collector owns; '*': all"},
        {.name = "host",
         .type = CLI_LIST,
         .out = &o.hosts,
         .value = "HOST",
         .help = "name or address that clients of a broker connect to"},
        {.name = "days",
         .type = CLI_NUMBER,
         .out = &o.days,
         .value = "N",
         .min = 1,
         .max = CA_DAYS_MAX,
         .help = "validity; else 1825 for gateways, 365 for operators, 825 for others"},
        {.name = "out",
         .type = CLI_TEXT,
         .out = &o.out,
         .value = "FILE",
         .help = "where the certificate goes; else to stdout"},
        {.name = "replace",
         .type = CLI_FLAG,
         .out = &o.replace,
         .help = "the name may change its key or area, or come back from revocation"},
        {.name = NULL},
    };
    const struct cli_command command = {
        .name = "collectorctl ca sign",
        .operands = "REQUEST.csr",
        .summary = "Certifies a signing request. Compare its fingerprint with its owner first.",
        .options = options,
        .operand_min = 1,
        .operand_max = 1};
    int exit_code;
    if (!cli_parse(&command, argc, argv, &file, &exit_code))
        return exit_code;
    struct err e = {0};
    char text[2 * CRYPTO_PEM_MAX];
    struct buf chain;
    buf_init(&chain, text, sizeof(text));
    if (sign_file(&o, file, &chain, &e) < 0 || deliver(&o, &chain, &e) < 0)
        return cli_fail(command.name, &e);
    return CLI_OK;
}

/* --- list --- */

static int64_t days_left(const struct ca_issued *entry, struct clk_utc now)
{
    struct crypto_cert cert = {.not_after = entry->not_after};
    return identity_days_left(&cert, now);
}

static void list_line(const struct ca_issued *entry, struct clk_utc now)
{
    char until[CLK_UTC_TEXT];
    const struct access_member *m = &entry->member;
    clk_utc_format(entry->not_after, until);
    printf("%-32s %-10s %-32s %.10s %6lld %s%s", m->name, access_role_name(m->role), entry->serial,
           until, (long long)days_left(entry, now),
           entry->revoked                 ? "REVOKED "
           : entry->not_after.ms < now.ms ? "EXPIRED "
           : days_left(entry, now) < 30   ? "RENEW "
                                          : "",
           m->area_count ? "" : "-");
    for (size_t i = 0; i < m->area_count; i++)
        printf("%s%s", i ? "," : "", m->areas[i]);
    putchar('\n');
}

/* Nothing in an entry needs escaping: names, hexadecimal digits and times. */
static void list_json(const struct ca_issued *entry, struct clk_utc now)
{
    char until[CLK_UTC_TEXT];
    const struct access_member *m = &entry->member;
    clk_utc_format(entry->not_after, until);
    printf("{\"name\":\"%s\",\"role\":\"%s\",\"areas\":[", m->name, access_role_name(m->role));
    for (size_t i = 0; i < m->area_count; i++)
        printf("%s\"%s\"", i ? "," : "", m->areas[i]);
    printf("],\"serial\":\"%s\",\"key_hash\":\"%s\",\"not_after\":\"%s\",\"days_left\":%lld,"
           "\"revoked\":%s}",
           entry->serial, entry->key, until, (long long)days_left(entry, now),
           entry->revoked ? "true" : "false");
}

static void list_all(const struct ca *ca, bool json)
{
    struct clk_utc now = clk_utc(clk_system());
    if (json)
        printf("{\"version\":1,\"certificates\":[");
    else
        printf("%-32s %-10s %-32s %-10s %6s %s\n", "NAME", "ROLE", "SERIAL", "UNTIL", "DAYS",
               "AREAS");
    for (size_t i = 0; i < ca_count(ca); i++) {
        if (json && i)
            putchar(',');
        (json ? list_json : list_line)(ca_at(ca, i), now);
    }
    if (json)
        printf("]}\n");
}

static int run_list(int argc, char **argv)
{
    const char *dir;
    bool json = false;
    const struct cli_option options[] = {
        dir_option(&dir),
        {.name = "json", .type = CLI_FLAG, .out = &json, .help = "print one JSON object"},
        {.name = NULL},
    };
    const struct cli_command command = {.name = "collectorctl ca list",
                                        .summary = "Shows who holds which certificate, and for how "
                                                   "long.",
                                        .options = options};
    int exit_code;
    if (!cli_parse(&command, argc, argv, NULL, &exit_code))
        return exit_code;
    struct err e = {0};
    struct ca *ca = NULL;
    if (ca_open(dir, &ca, &e) < 0)
        return cli_fail(command.name, &e);
    list_all(ca, json);
    ca_close(ca);
    return CLI_OK;
}

/* --- revoke --- */

static int run_revoke(int argc, char **argv)
{
    const char *dir, *name;
    bool yes = false;
    const struct cli_option options[] = {
        dir_option(&dir),
        {.name = "yes", .type = CLI_FLAG, .out = &yes, .help = "do it"},
        {.name = NULL},
    };
    const struct cli_command command = {
        .name = "collectorctl ca revoke",
        .operands = "NAME",
        .summary = "Takes a name's rights away: 'collectorctl acl' leaves it out from now on. With "
                   "the new\nrules and a reload the broker cuts it off at once, also while "
                   "connected.",
        .options = options,
        .operand_min = 1,
        .operand_max = 1};
    int exit_code;
    if (!cli_parse(&command, argc, argv, &name, &exit_code))
        return exit_code;
    struct err e = {0};
    struct ca *ca = NULL;
    if (!yes) {
        fprintf(stderr, "%s: %s loses all its rights; say --yes if that is meant\n", command.name,
                name);
        return CLI_USAGE;
    }
    int ret = ca_open(dir, &ca, &e);
    if (ret == 0)
        ret = ca_revoke(ca, name, &e);
    ca_close(ca);
    if (ret < 0)
        return cli_fail(command.name, &e);
    printf("%s is revoked. Next: collectorctl acl ..., then reload the broker.\n", name);
    return CLI_OK;
}

int collectorctl_ca(int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {"init", run_init, "make a certificate authority"},
        {"sign", run_sign, "certify a signing request"},
        {"list", run_list, "show who holds which certificate"},
        {"revoke", run_revoke, "take a name's rights away"},
        {NULL, NULL, NULL},
    };
    return cli_dispatch("collectorctl ca", "Runs the certificate authority of an installation.",
                        verbs, argc, argv);
}
