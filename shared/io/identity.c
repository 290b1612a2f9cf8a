#include "io/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/fsx.h"

#define DAY_MS INT64_C(86400000)

int identity_paths(const char *dir, const char *name, struct identity_paths *p, struct err *e)
{
    if (strlen(dir) + strlen(name) + sizeof("/.key") > IDENTITY_PATH_SIZE)
        return err_set(e, ERR_LIMIT, "the directory's path is too long: %.60s...", dir);
    snprintf(p->key, sizeof(p->key), "%s/%s.key", dir, name);
    snprintf(p->csr, sizeof(p->csr), "%s/%s.csr", dir, name);
    snprintf(p->cert, sizeof(p->cert), "%s/%s.pem", dir, name);
    snprintf(p->ca, sizeof(p->ca), "%s/ca.pem", dir);
    return 0;
}

static int take_key(const char *path, bool renew, struct crypto_key **key, struct err *e)
{
    if (renew)
        return crypto_key_load(path, key, e);
    if (access(path, F_OK) == 0)
        return err_set(e, ERR_EXISTS,
                       "%s: this identity has a key already; --renew asks again with that key, or "
                       "move it away to make another",
                       path);
    int ret = crypto_key_create(key, e);
    return ret < 0 ? ret : crypto_key_save(*key, path, e);
}

int identity_create(const char *dir, const char *name, bool renew, struct crypto_csr *made,
                    struct err *e)
{
    struct identity_paths p;
    struct crypto_key *key = NULL;
    char text[CRYPTO_CSR_MAX];
    struct buf pem;
    buf_init(&pem, text, sizeof(text));
    int ret = identity_paths(dir, name, &p, e);
    if (ret < 0)
        return ret;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return err_set_errno(e, "cannot make %s", dir);
    ret = take_key(p.key, renew, &key, e);
    if (ret == 0)
        ret = crypto_csr_create(key, name, &pem, e);
    if (ret == 0)
        ret = fsx_replace_file(p.csr, text, pem.len, 0644, e);
    if (ret == 0)
        ret = crypto_csr_read(text, pem.len, made, e);
    crypto_key_destroy(key);
    return ret;
}

/* What identity_install reads before it writes anything. */
struct install {
    char *chain, *root;
    size_t chain_len, root_len;
    struct crypto_key *key;
};

static int read_parts(const struct identity_paths *p, const char *cert_file, const char *root_file,
                      struct install *in, struct err *e)
{
    int ret = crypto_key_load(p->key, &in->key, e);
    if (ret == 0)
        ret = fsx_read_file(cert_file, CRYPTO_PEM_MAX, &in->chain, &in->chain_len, e);
    if (ret == 0)
        ret = fsx_read_file(root_file ? root_file : p->ca, CRYPTO_PEM_MAX, &in->root, &in->root_len,
                            e);
    return ret < 0 ? ret : 0;
}

static int check_parts(const char *name, const char *cert_file, const struct install *in,
                       struct clk_utc now, struct crypto_cert *cert, struct err *e)
{
    uint8_t hash[CRYPTO_HASH_SIZE];
    int ret = crypto_key_hash(in->key, hash, e);
    if (ret == 0)
        ret = crypto_cert_read(in->chain, in->chain_len, cert, e);
    if (ret == 0 && strcmp(cert->name, name) != 0)
        ret = err_set(e, ERR_MISMATCH, "it is for '%s', not for '%s'", cert->name, name);
    if (ret == 0 && memcmp(hash, cert->key_hash, sizeof(hash)) != 0)
        ret = err_set(e, ERR_MISMATCH,
                      "it is for another key than %s.key here; was the request made on another "
                      "machine, or again since?",
                      name);
    if (ret == 0)
        ret = crypto_chain_verify(in->chain, in->chain_len, in->root, in->root_len, now, e);
    if (ret < 0)
        err_prefix(e, "%s", cert_file);
    return ret;
}

int identity_install(const char *dir, const char *name, const char *cert_file,
                     const char *root_file, struct clk_utc now, struct crypto_cert *installed,
                     struct err *e)
{
    struct identity_paths p;
    struct install in = {0};
    int ret = identity_paths(dir, name, &p, e);
    if (ret == 0)
        ret = read_parts(&p, cert_file, root_file, &in, e);
    if (ret == 0)
        ret = check_parts(name, cert_file, &in, now, installed, e);
    if (ret == 0)
        ret = fsx_replace_file(p.ca, in.root, in.root_len, 0644, e);
    if (ret == 0)
        ret = fsx_replace_file(p.cert, in.chain, in.chain_len, 0644, e);
    crypto_key_destroy(in.key);
    free(in.chain);
    free(in.root);
    return ret;
}

int64_t identity_days_left(const struct crypto_cert *cert, struct clk_utc now)
{
    int64_t left = cert->not_after.ms - now.ms;
    return left >= 0 ? left / DAY_MS : -((-left + DAY_MS - 1) / DAY_MS);
}

static const char *use_text(const struct crypto_cert *cert)
{
    if (cert->authority)
        return "authority";
    if (cert->client && cert->server)
        return "client and server";
    return cert->client ? "client" : cert->server ? "server" : "none";
}

void identity_print(const struct crypto_cert *cert, struct clk_utc now, FILE *out)
{
    char from[CLK_UTC_TEXT], to[CLK_UTC_TEXT], fingerprint[CRYPTO_FINGERPRINT_SIZE];
    int64_t left = identity_days_left(cert, now);
    clk_utc_format(cert->not_before, from);
    clk_utc_format(cert->not_after, to);
    fprintf(out, "name         %s\nissuer       %s\nserial       %s\nuse          %s\n", cert->name,
            cert->issuer, cert->serial, use_text(cert));
    for (size_t i = 0; i < cert->host_count; i++)
        fprintf(out, "host         %s\n", cert->hosts[i]);
    fprintf(out, "key          %s\nfingerprint  %s\n", cert->key_kind,
            crypto_fingerprint(cert->key_hash, fingerprint));
    fprintf(out, "valid from   %s\nvalid until  %s (", from, to);
    if (now.ms < cert->not_before.ms)
        fprintf(out, "NOT YET VALID)\n");
    else if (now.ms > cert->not_after.ms)
        fprintf(out, "EXPIRED %lld days ago)\n", (long long)-left);
    else
        fprintf(out, "%lld days left)\n", (long long)left);
}

/* Names, serials and hosts hold no character that JSON would want escaped except in certificates of
 * foreign make, whose odd bytes are shown as '?'. */
static void print_json_text(const char *key, const char *text, FILE *out)
{
    fprintf(out, "\"%s\":\"", key);
    for (; *text; text++)
        fputc(*text < ' ' || *text > '~' || *text == '"' || *text == '\\' ? '?' : *text, out);
    fputs("\",", out);
}

void identity_print_json(const struct crypto_cert *cert, struct clk_utc now, FILE *out)
{
    char time[CLK_UTC_TEXT], hash[2 * CRYPTO_HASH_SIZE + 1];
    fputs("{\"version\":1,", out);
    print_json_text("name", cert->name, out);
    print_json_text("issuer", cert->issuer, out);
    print_json_text("serial", cert->serial, out);
    print_json_text("use", use_text(cert), out);
    print_json_text("key_kind", cert->key_kind, out);
    print_json_text("key_hash", crypto_hex(cert->key_hash, CRYPTO_HASH_SIZE, hash), out);
    clk_utc_format(cert->not_before, time);
    print_json_text("not_before", time, out);
    clk_utc_format(cert->not_after, time);
    print_json_text("not_after", time, out);
    fprintf(out, "\"days_left\":%lld}\n", (long long)identity_days_left(cert, now));
}
