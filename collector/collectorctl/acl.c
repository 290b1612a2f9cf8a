/* collectorctl acl: from the CA's index and the operators file to the broker's configuration. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cli.h"
#include "collector/collectorctl/collectorctl.h"
#include "collector/core/operators/access.h"
#include "collector/io/ca.h"
#include "io/fsx.h"

#define PATH_SIZE (PATH_MAX + 64)

struct acl {
    const char *dir, *operators, *out;
    struct access_broker broker;
};

struct members {
    struct access_member *all; /* gateways and collectors of the CA, then operators of the file */
    size_t count;
};

static int write_text(const struct acl *o, const char *stem, const char *suffix, const char *text,
                      size_t len, struct err *e)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "%s/%s%s", o->broker.dir, stem, suffix);
    int ret = fsx_replace_file(path, text, len, 0644, e);
    if (ret == 0)
        printf("%s\n", path);
    return ret;
}

/* An operator has rights when the file lists it and the CA has not revoked it. */
static bool welcome(const struct ca *ca, const struct access_member *person, struct err *e)
{
    const struct ca_issued *issued = ca_find(ca, person->name);
    if (issued && issued->member.role != ACCESS_OPERATOR) {
        err_set(e, ERR_INVALID, "operator '%s': this is the name of a %s", person->name,
                access_role_name(issued->member.role));
        return false;
    }
    if (issued && issued->revoked)
        fprintf(stderr, "collectorctl acl: operator '%s' is revoked and left out\n", person->name);
    if (!issued)
        fprintf(stderr, "collectorctl acl: operator '%s' has no certificate yet\n", person->name);
    return !issued || !issued->revoked;
}

static int gather(const struct ca *ca, const struct access_member *operators, size_t operator_count,
                  struct members *m, struct err *e)
{
    m->all = calloc(ca_count(ca) + operator_count + 1, sizeof(*m->all));
    if (!m->all)
        return err_set(e, ERR_NOMEM, "no memory for the members");
    for (size_t i = 0; i < ca_count(ca); i++) {
        const struct ca_issued *issued = ca_at(ca, i);
        if (!issued->revoked && issued->member.role != ACCESS_OPERATOR)
            m->all[m->count++] = issued->member;
    }
    for (size_t i = 0; i < operator_count; i++) {
        e->code = 0;
        if (welcome(ca, &operators[i], e))
            m->all[m->count++] = operators[i];
        if (e->code)
            return e->code;
    }
    return 0;
}

static int load_members(const struct acl *o, const struct ca *ca, struct members *m, struct err *e)
{
    char *text = NULL;
    size_t len = 0, count = 0;
    struct access_member *operators = NULL;
    int ret = 0;
    if (o->operators) {
        ret = fsx_read_file(o->operators, ACCESS_FILE_MAX, &text, &len, e);
        if (ret >= 0 && (ret = access_parse_operators(text, len, &operators, &count, e)) < 0)
            err_prefix(e, "%s", o->operators);
    }
    if (ret >= 0)
        ret = gather(ca, operators, count, m, e);
    free(operators);
    free(text);
    return ret;
}

static int write_role(const struct acl *o, const struct ca *ca, const struct members *m,
                      enum access_role role, struct err *e)
{
    struct buf b;
    char *anchor = NULL;
    size_t size = access_acl_size(m->all, m->count), len = 0;
    char *text = malloc(size);
    if (!text)
        return err_set(e, ERR_NOMEM, "no memory for the access rules");
    buf_init(&b, text, size);
    access_write_acl(&b, role, m->all, m->count);
    int ret = b.overflow ? err_set(e, ERR_LIMIT, "no room for the access rules")
                         : write_text(o, access_role_plural(role), ".acl", text, b.len, e);
    if (ret == 0)
        ret = ca_anchor(ca, role, &anchor, &len, e);
    if (ret >= 0)
        ret = write_text(o, access_role_plural(role), "-ca.pem", anchor, len, e);
    free(anchor);
    free(text);
    return ret;
}

static int write_broker(const struct acl *o, struct err *e)
{
    char text[ACCESS_BROKER_SIZE];
    struct buf b;
    buf_init(&b, text, sizeof(text));
    access_write_broker(&b, &o->broker);
    if (b.overflow)
        return err_set(e, ERR_LIMIT, "the broker's configuration: paths too long");
    return write_text(o, "mosquitto", ".conf", text, b.len, e);
}

static int write_all(const struct acl *o, struct err *e)
{
    struct ca *ca = NULL;
    struct members m = {0};
    int ret = ca_open(o->dir, &ca, e);
    if (ret == 0)
        ret = load_members(o, ca, &m, e);
    for (int role = 0; ret >= 0 && role < ACCESS_LISTENERS; role++)
        ret = write_role(o, ca, &m, (enum access_role)role, e);
    if (ret >= 0)
        ret = write_broker(o, e);
    free(m.all);
    ca_close(ca);
    return ret;
}

/* A line of mosquitto.conf ends where a control character is. */
static bool fits_line(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ')
            return false;
    return true;
}

/* mosquitto takes paths relative to wherever it was started, so they are made absolute. */
static int settle_paths(struct acl *o, char out[PATH_SIZE], char cert[PATH_SIZE],
                        char key[PATH_SIZE], struct err *e)
{
    char real[PATH_MAX];
    if (mkdir(o->out, 0755) != 0 && errno != EEXIST)
        return err_set_errno(e, "cannot make %s", o->out);
    if (!realpath(o->out, real))
        return err_set_errno(e, "%s", o->out);
    snprintf(out, PATH_SIZE, "%s", real);
    snprintf(cert, PATH_SIZE, "%s/broker.pem", real);
    snprintf(key, PATH_SIZE, "%s/broker.key", real);
    o->broker.dir = out;
    if (!o->broker.cert)
        o->broker.cert = cert;
    if (!o->broker.key)
        o->broker.key = key;
    if (o->broker.cert[0] != '/' || o->broker.key[0] != '/')
        return err_set(e, ERR_INVALID, "--cert and --key want absolute paths");
    if (!fits_line(out) || !fits_line(o->broker.cert) || !fits_line(o->broker.key) ||
        o->broker.bind[strcspn(o->broker.bind, " \t\r\n")])
        return err_set(e, ERR_INVALID, "an address or path holds spaces or control characters");
    if (access(o->broker.cert, F_OK) != 0 || access(o->broker.key, F_OK) != 0)
        fprintf(stderr, "collectorctl acl: put the broker's certificate and key to %s and %s\n",
                o->broker.cert, o->broker.key);
    return 0;
}

static struct cli_option port_option(const char *name, int64_t *port, const char *help)
{
    return (struct cli_option){.name = name,
                               .type = CLI_NUMBER,
                               .out = port,
                               .value = "PORT",
                               .min = 1,
                               .max = 65535,
                               .help = help};
}

int collectorctl_acl(int argc, char **argv)
{
    struct acl o = {.broker = {.bind = "0.0.0.0", .ports = {8883, 8884, 8885}}};
    const struct cli_option options[] = {
        {.name = "dir",
         .type = CLI_TEXT,
         .out = &o.dir,
         .value = "DIR",
         .required = true,
         .help = "the directory of the CA"},
        {.name = "operators",
         .type = CLI_TEXT,
         .out = &o.operators,
         .value = "FILE",
         .help = "the operators file; without it no operator is let in"},
        {.name = "out",
         .type = CLI_TEXT,
         .out = &o.out,
         .value = "DIR",
         .required = true,
         .help = "where mosquitto.conf, *.acl and *-ca.pem go"},
        {.name = "bind",
         .type = CLI_TEXT,
         .out = &o.broker.bind,
         .value = "ADDRESS",
         .help = "address to listen on (0.0.0.0)"},
        port_option("gateways-port", &o.broker.ports[ACCESS_GATEWAY], "gateways' port (8883)"),
        port_option("operators-port", &o.broker.ports[ACCESS_OPERATOR], "operators' port (8884)"),
        port_option("collectors-port", &o.broker.ports[ACCESS_COLLECTOR],
                    "collectors' port (8885)"),
        {.name = "cert",
         .type = CLI_TEXT,
         .out = &o.broker.cert,
         .value = "FILE",
         .help = "the broker's certificate (broker.pem in --out)"},
        {.name = "key",
         .type = CLI_TEXT,
         .out = &o.broker.key,
         .value = "FILE",
         .help = "the broker's key (broker.key in --out)"},
        {.name = NULL},
    };
    const struct cli_command command = {
        .name = "collectorctl acl",
        .summary =
            "Writes the broker's configuration: three TLS listeners and the rules of who may "
            "read and\nwrite what, from the certificates issued and the operators file.",
        .options = options};
    char out[PATH_SIZE], cert[PATH_SIZE], key[PATH_SIZE];
    int exit_code;
    if (!cli_parse(&command, argc, argv, NULL, &exit_code))
        return exit_code;
    struct err e = {0};
    if (settle_paths(&o, out, cert, key, &e) < 0 || write_all(&o, &e) < 0)
        return cli_fail(command.name, &e);
    return CLI_OK;
}
