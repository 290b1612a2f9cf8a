/*
 * collectorctl control: the document that says what may switch a gateway's lights, checked by the
 * parser the gateway uses and signed with the control authority's key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "collector/collectorctl/collectorctl.h"
#include "collector/collectorctl/signing.h"
#include "collector/io/ratchet.h"
#include "io/crypto.h"
#include "io/fsx.h"
#include "model/control.h"
#include "model/json.h"

#define PATH_SIZE      512
#define AUTHORITY_NAME "control"

/* --- control key --- */

static int make_key(const char *path, struct err *e)
{
    struct crypto_key *key = NULL;
    uint8_t hash[CRYPTO_HASH_SIZE];
    char memory[1024], public_path[PATH_SIZE], fingerprint[CRYPTO_FINGERPRINT_SIZE];
    struct buf pem;
    buf_init(&pem, memory, sizeof(memory));
    if (snprintf(public_path, sizeof(public_path), "%s.pub", path) >= PATH_SIZE)
        return err_set(e, ERR_LIMIT, "the path is longer than %d bytes", PATH_SIZE);
    int ret = crypto_key_create(&key, e);
    if (ret == 0)
        ret = crypto_key_public_pem(key, &pem, e);
    if (ret == 0)
        ret = crypto_key_hash(key, hash, e);
    if (ret == 0)
        ret = crypto_key_save(key, path, e);
    if (ret == 0)
        ret = fsx_replace_file(public_path, pem.data, pem.len, 0644, e);
    crypto_key_destroy(key);
    if (ret == 0)
        printf("key          %s (keep it in a safe: it decides who may switch what)\n"
               "public key   %s (for every gateway, as control.trust)\n"
               "fingerprint  %s\n",
               path, public_path, crypto_fingerprint(hash, fingerprint));
    return ret;
}

static int verb_key(int argc, char **argv)
{
    const char *path = NULL;
    const struct cli_option options[] = {
        {.name = "out",
         .type = CLI_TEXT,
         .out = &path,
         .value = "FILE",
         .required = true,
         .help = "where the key is to be; its public half goes to FILE.pub"},
        {.name = NULL},
    };
    const struct cli_command command = {
        .name = "collectorctl control key",
        .summary = "Makes the control authority's key, which signs control documents.",
        .options = options};
    int exit_code;
    struct err e = {0};
    if (!cli_parse(&command, argc, argv, NULL, &exit_code))
        return exit_code;
    return make_key(path, &e) < 0 ? cli_fail(command.name, &e) : CLI_OK;
}

/* --- control entry --- */

struct entry {
    const char *cert, *key;
};

static int read_operator_name(const char *path, char name[CRYPTO_NAME_SIZE], struct err *e)
{
    char *pem = NULL;
    size_t len = 0;
    struct crypto_cert cert;
    int ret = fsx_read_file(path, CRYPTO_PEM_MAX, &pem, &len, e);
    if (ret < 0)
        return ret;
    ret = crypto_cert_read(pem, len, &cert, e);
    if (ret == 0 && !name_valid(cert.name))
        ret = err_set(e, ERR_INVALID, "'%s' is no operator's name", cert.name);
    if (ret < 0)
        err_prefix(e, "%s", path);
    else
        snprintf(name, CRYPTO_NAME_SIZE, "%s", cert.name);
    free(pem);
    return ret;
}

static int read_public_pem(const char *path, struct buf *pem, struct err *e)
{
    struct crypto_key *key = NULL;
    int ret = crypto_key_load(path, &key, e);
    if (ret == 0)
        ret = crypto_key_public_pem(key, pem, e);
    crypto_key_destroy(key);
    return ret;
}

/* What it may is for the authority to decide; as printed the document is refused. */
static int print_entry(const struct entry *o, struct err *e)
{
    char name[CRYPTO_NAME_SIZE], kid[JWS_KID_SIZE], pem_text[CONTROL_PEM_SIZE], text[2048];
    struct buf pem, out;
    buf_init(&pem, pem_text, sizeof(pem_text));
    buf_init(&out, text, sizeof(text));
    int ret = read_operator_name(o->cert, name, e);
    if (ret == 0)
        ret = signing_kid(name, o->key, kid, e);
    if (ret == 0)
        ret = read_public_pem(o->key, &pem, e);
    if (ret < 0)
        return ret;
    buf_fmt(&out, "{ \"kid\": \"%s\", \"operator\": \"%s\",\n  \"public_key\": ", kid, name);
    json_write_string(&out, buf_cstr(&pem));
    buf_str(&out, ",\n  \"may\": [ { \"target\": \"DEVICE/POINT\", \"min\": 0, \"max\": 1 } ] }");
    printf("%s\n", buf_cstr(&out));
    return 0;
}

static int verb_entry(int argc, char **argv)
{
    struct entry o = {0};
    const struct cli_option options[] = {
        {.name = "cert",
         .type = CLI_TEXT,
         .out = &o.cert,
         .value = "FILE",
         .required = true,
         .help = "the operator's certificate"},
        {.name = "key",
         .type = CLI_TEXT,
         .out = &o.key,
         .value = "FILE",
         .required = true,
         .help = "the operator's key; only its public half is printed"},
        {.name = NULL},
    };
    const struct cli_command command = {
        .name = "collectorctl control entry",
        .summary = "Prints the entry of an operator's key for \"keys\" of a control document. What "
                   "the key\nmay is left to be written.",
        .options = options};
    int exit_code;
    struct err e = {0};
    if (!cli_parse(&command, argc, argv, NULL, &exit_code))
        return exit_code;
    return print_entry(&o, &e) < 0 ? cli_fail(command.name, &e) : CLI_OK;
}

/* --- control check, control sign --- */

struct document {
    char *text;
    size_t len;
    struct control *control;
};

static void free_document(struct document *d)
{
    control_free(d->control);
    free(d->text);
}

/* The parser sees that it looks like PEM; that there is a P-256 key in it only crypto can say. */
static int check_keys(const struct control *c, struct err *e)
{
    for (size_t i = 0; i < c->key_count; i++) {
        struct crypto_key *key = NULL;
        const char *pem = c->keys[i].public_key;
        int ret = crypto_key_parse_public(pem, strlen(pem), &key, e);
        crypto_key_destroy(key);
        if (ret < 0) {
            err_prefix(e, "keys[%zu].public_key (%s)", i, c->keys[i].kid);
            return ret;
        }
    }
    return 0;
}

static int read_document(const char *path, struct document *d, struct err *e)
{
    *d = (struct document){0};
    int ret = fsx_read_file(path, CONTROL_FILE_MAX, &d->text, &d->len, e);
    if (ret < 0)
        return ret;
    ret = control_parse(d->text, d->len, &d->control, e);
    if (ret == 0)
        ret = check_keys(d->control, e);
    if (ret < 0)
        err_prefix(e, "%s", path);
    return ret;
}

static void print_key(const struct control_key *k)
{
    printf("  %s (%s) may", k->kid, k->operator_name);
    for (size_t i = 0; i < k->may_count; i++)
        printf("%s %s %g..%g", i ? "," : "", k->may[i].target, k->may[i].min, k->may[i].max);
    printf("%s\n", k->may_count ? "" : " nothing");
}

static void print_group(const struct control_group *g)
{
    printf("  %s: %zu points by %s, %g while the clock is unknown\n", g->name, g->point_count,
           g->schedule_name, control_value_number(&g->safe));
}

static void print_document(const struct control *c)
{
    printf("gateway %s, revision %lld\n", c->gateway, (long long)c->revision);
    for (size_t i = 0; i < c->key_count; i++)
        print_key(&c->keys[i]);
    for (size_t i = 0; i < c->group_count; i++)
        print_group(&c->groups[i]);
}

static int verb_check(int argc, char **argv)
{
    const struct cli_option options[] = {{.name = NULL}};
    const struct cli_command command = {
        .name = "collectorctl control check",
        .operands = "FILE",
        .summary = "Checks a control document as the gateway would, and shows who may what.",
        .options = options,
        .operand_min = 1,
        .operand_max = 1};
    const char *path;
    int exit_code;
    struct document d;
    struct err e = {0};
    if (!cli_parse(&command, argc, argv, &path, &exit_code))
        return exit_code;
    if (read_document(path, &d, &e) < 0)
        exit_code = cli_fail(command.name, &e);
    else
        print_document(d.control);
    free_document(&d);
    return exit_code;
}

/* A revision stands for one content: signed twice with two contents, two gateways might each hold
 * another one as the newest. */
static int take_revision(const char *key, const struct document *d, struct err *e)
{
    uint8_t hash[CRYPTO_HASH_SIZE];
    char mark[RATCHET_MARK_SIZE], suffix[NAME_SIZE + 16];
    crypto_sha256(d->text, d->len, hash);
    crypto_hex(hash, sizeof(hash), mark);
    snprintf(suffix, sizeof(suffix), "%s.revision", d->control->gateway);
    int ret = ratchet_take(key, suffix, (uint64_t)d->control->revision, mark, e);
    if (ret == ERR_MISMATCH)
        err_prefix(e, "raise \"revision\"");
    return ret;
}

static int sign_document(const char *key, const char *out, const struct document *d, struct err *e)
{
    char kid[JWS_KID_SIZE];
    struct buf jws;
    char *memory = malloc(JWS_SIZE_MAX);
    if (!memory)
        return err_set(e, ERR_NOMEM, "no memory to sign");
    buf_init(&jws, memory, JWS_SIZE_MAX);
    int ret = signing_kid(AUTHORITY_NAME, key, kid, e);
    if (ret == 0)
        ret = signing_seal(key, kid, d->text, d->len, &jws, e);
    if (ret == 0)
        ret = take_revision(key, d, e);
    if (ret == 0)
        ret = fsx_replace_file(out, jws.data, jws.len, 0644, e);
    free(memory);
    return ret;
}

static int verb_sign(int argc, char **argv)
{
    const char *key = NULL, *out = NULL, *path;
    const struct cli_option options[] = {
        {.name = "key",
         .type = CLI_TEXT,
         .out = &key,
         .value = "FILE",
         .required = true,
         .help = "the control authority's key"},
        {.name = "out",
         .type = CLI_TEXT,
         .out = &out,
         .value = "FILE",
         .required = true,
         .help = "where the signed document goes, for the gateway"},
        {.name = NULL},
    };
    const struct cli_command command = {
        .name = "collectorctl control sign",
        .operands = "FILE",
        .summary =
            "Checks a control document and signs it. Its revision must be above the last one "
            "signed\nfor that gateway.",
        .options = options,
        .operand_min = 1,
        .operand_max = 1};
    int exit_code;
    struct document d;
    struct err e = {0};
    if (!cli_parse(&command, argc, argv, &path, &exit_code))
        return exit_code;
    int ret = read_document(path, &d, &e);
    if (ret == 0)
        ret = sign_document(key, out, &d, &e);
    if (ret < 0) {
        exit_code = cli_fail(command.name, &e);
    } else {
        print_document(d.control);
        printf("Signed into %s.\n", out);
    }
    free_document(&d);
    return exit_code;
}

static const struct cli_verb verbs[] = {
    {"key", verb_key, "make the control authority's key"},
    {"entry", verb_entry, "print an operator's key as a control document names it"},
    {"check", verb_check, "check a control document and show who may what"},
    {"sign", verb_sign, "check and sign a control document"},
    {NULL, NULL, NULL},
};

int collectorctl_control(int argc, char **argv)
{
    return cli_dispatch("collectorctl control",
                        "Signs what may switch the lights of a gateway, and when.", verbs, argc,
                        argv);
}
