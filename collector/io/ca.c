#include "collector/io/ca.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/io/ca_index.h"
#include "io/fsx.h"

#define DAY_MS         INT64_C(86400000)
#define BACKDATE_MS    INT64_C(3600000) /* for peers whose clocks are slightly behind */
#define ROOT_DAYS      (20 * 365)
#define AUTHORITY_DAYS (15 * 365)
#define ALLOWED_TITLE                                                                              \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._-" /* as io/crypto's names   \
                                                                          */

struct ca {
    char dir[CA_PATH_SIZE];
    int lock;
    struct ca_index index;
};

int64_t ca_days_default(enum access_role role)
{
    /* A gateway is on a pole; a person's certificate is renewed at a desk. */
    static const int64_t days[ACCESS_ROLES] = {[ACCESS_GATEWAY] = 1825,
                                               [ACCESS_OPERATOR] = 365,
                                               [ACCESS_COLLECTOR] = 825,
                                               [ACCESS_BROKER] = 825};
    return days[role];
}

static void path_in(const char *dir, const char *stem, const char *suffix, char path[CA_PATH_SIZE])
{
    snprintf(path, CA_PATH_SIZE, "%s/%s%s", dir, stem, suffix);
}

/* --- making one --- */

static int check_init(const char *dir, const char *title, struct err *e)
{
    char root[CA_PATH_SIZE];
    size_t len = strlen(title);
    if (strlen(dir) > CA_DIR_MAX)
        return err_set(e, ERR_LIMIT, "the directory's path is longer than %d bytes", CA_DIR_MAX);
    if (len == 0 || len > CA_TITLE_MAX || strspn(title, ALLOWED_TITLE) != len)
        return err_set(e, ERR_INVALID,
                       "the CA's name is 1 to %d plain letters, digits, spaces, dots, hyphens or "
                       "underscores; write 'Lai Chau', not 'Lai Châu'",
                       CA_TITLE_MAX);
    path_in(dir, "root", ".key", root);
    if (access(root, F_OK) == 0)
        return err_set(e, ERR_EXISTS, "%s holds a CA already; it is never overwritten", dir);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return err_set_errno(e, "cannot make %s", dir);
    path_in(dir, "issued", "", root);
    if (mkdir(root, 0700) != 0 && errno != EEXIST)
        return err_set_errno(e, "cannot make %s", root);
    return 0;
}

/* Certifies `csr` and writes DIR/STEM SUFFIX; the certificate is left in `pem`. */
static int certify(const char *dir, const char *stem, const char *suffix,
                   const struct crypto_issue *what, const char *csr,
                   const struct crypto_key *issuer_key, const char *issuer, struct buf *pem,
                   struct err *e)
{
    char path[CA_PATH_SIZE];
    int ret = crypto_issue(what, csr, strlen(csr), issuer_key, issuer, pem, e);
    if (ret < 0)
        return ret;
    path_in(dir, stem, suffix, path);
    size_t len = pem->len;
    return fsx_replace_file(path, buf_cstr(pem), len, 0644, e);
}

/* Makes a key in DIR/STEM.key and a request named "TITLE STEM" for it. */
static int make_key(const char *dir, const char *title, const char *stem, struct crypto_key **key,
                    struct buf *csr, struct err *e)
{
    char path[CA_PATH_SIZE];
    char name[CRYPTO_NAME_SIZE];
    path_in(dir, stem, ".key", path);
    snprintf(name, sizeof(name), "%s %s", title, stem);
    int ret = crypto_key_create(key, e);
    if (ret == 0)
        ret = crypto_key_save(*key, path, e);
    if (ret == 0)
        ret = crypto_csr_create(*key, name, csr, e);
    if (ret == 0)
        buf_cstr(csr);
    return ret;
}

static int make_authority(const char *dir, const char *title, const char *stem,
                          const struct crypto_key *root_key, const char *root, struct clk_utc now,
                          struct err *e)
{
    struct crypto_key *key = NULL;
    char csr[CRYPTO_CSR_MAX], text[CRYPTO_PEM_MAX];
    struct buf c, pem;
    struct crypto_issue what = {.use = CRYPTO_USE_AUTHORITY,
                                .path_len = 0,
                                .not_before = {now.ms - BACKDATE_MS},
                                .not_after = {now.ms + AUTHORITY_DAYS * DAY_MS}};
    buf_init(&c, csr, sizeof(csr));
    buf_init(&pem, text, sizeof(text));
    int ret = make_key(dir, title, stem, &key, &c, e);
    if (ret == 0)
        ret = certify(dir, stem, ".pem", &what, csr, root_key, root, &pem, e);
    buf_rewind(&pem, 0);
    if (ret == 0)
        ret = certify(dir, stem, "-anchor.pem", &what, csr, key, NULL, &pem, e);
    crypto_key_destroy(key);
    return ret;
}

int ca_init(const char *dir, const char *title, struct clk_utc now, struct err *e)
{
    struct crypto_key *root_key = NULL;
    char csr[CRYPTO_CSR_MAX], root[CRYPTO_PEM_MAX];
    struct buf c, pem;
    struct ca_index empty = {0};
    struct crypto_issue what = {.use = CRYPTO_USE_AUTHORITY,
                                .path_len = 1,
                                .not_before = {now.ms - BACKDATE_MS},
                                .not_after = {now.ms + ROOT_DAYS * DAY_MS}};
    buf_init(&c, csr, sizeof(csr));
    buf_init(&pem, root, sizeof(root));
    int ret = check_init(dir, title, e);
    if (ret == 0)
        ret = make_key(dir, title, "root", &root_key, &c, e);
    if (ret == 0)
        ret = certify(dir, "root", ".pem", &what, csr, root_key, NULL, &pem, e);
    for (int role = 0; ret == 0 && role < ACCESS_ROLES; role++)
        ret = make_authority(dir, title, access_role_plural((enum access_role)role), root_key, root,
                             now, e);
    crypto_key_destroy(root_key);
    return ret < 0 ? ret : ca_index_save(&empty, dir, e);
}

/* --- opening --- */

static int take_lock(struct ca *ca, struct err *e)
{
    char path[CA_PATH_SIZE];
    path_in(ca->dir, "root", ".pem", path);
    if (access(path, R_OK) != 0)
        return err_set(e, ERR_NOTFOUND, "%s is no CA; 'collectorctl ca init' makes one", ca->dir);
    path_in(ca->dir, "lock", "", path);
    ca->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (ca->lock < 0)
        return err_set_errno(e, "%s", path);
    while (flock(ca->lock, LOCK_EX) != 0)
        if (errno != EINTR)
            return err_set_errno(e, "cannot lock %s", path);
    return 0;
}

int ca_open(const char *dir, struct ca **out, struct err *e)
{
    if (strlen(dir) > CA_DIR_MAX)
        return err_set(e, ERR_LIMIT, "the directory's path is longer than %d bytes", CA_DIR_MAX);
    struct ca *ca = calloc(1, sizeof(*ca));
    if (!ca)
        return err_set(e, ERR_NOMEM, "no memory for the CA");
    ca->lock = -1;
    snprintf(ca->dir, sizeof(ca->dir), "%s", dir);
    int ret = take_lock(ca, e);
    if (ret == 0)
        ret = ca_index_load(&ca->index, dir, e);
    if (ret < 0) {
        ca_close(ca);
        return ret;
    }
    *out = ca;
    return 0;
}

void ca_close(struct ca *ca)
{
    if (!ca)
        return;
    ca_index_finish(&ca->index);
    if (ca->lock >= 0)
        close(ca->lock); /* which releases the lock */
    free(ca);
}

size_t ca_count(const struct ca *ca)
{
    return ca->index.count;
}

const struct ca_issued *ca_at(const struct ca *ca, size_t index)
{
    return &ca->index.issued[index];
}

const struct ca_issued *ca_find(const struct ca *ca, const char *name)
{
    return ca_index_find(&ca->index, name);
}

int ca_anchor(const struct ca *ca, enum access_role role, char **pem, size_t *len, struct err *e)
{
    char path[CA_PATH_SIZE];
    path_in(ca->dir, access_role_plural(role), "-anchor.pem", path);
    return fsx_read_file(path, CRYPTO_PEM_MAX, pem, len, e);
}

/* --- signing --- */

static int check_areas(const struct ca_request *r, struct err *e)
{
    const struct access_member *m = &r->areas;
    switch (r->role) {
    case ACCESS_GATEWAY:
        if (m->area_count != 1 || strcmp(m->areas[0], ACCESS_ALL_AREAS) == 0)
            return err_set(e, ERR_INVALID, "a gateway stands in one area: give --area once");
        break;
    case ACCESS_COLLECTOR:
        if (m->area_count == 0)
            return err_set(e, ERR_INVALID,
                           "a collector owns areas: give --area for each, or --area '%s' for all",
                           ACCESS_ALL_AREAS);
        break;
    case ACCESS_OPERATOR:
        if (m->area_count > 0)
            return err_set(e, ERR_INVALID,
                           "an operator's areas stand in the operators file, not in the "
                           "certificate: leave --area out");
        break;
    case ACCESS_BROKER:
        if (m->area_count > 0)
            return err_set(e, ERR_INVALID, "a broker has no area: leave --area out");
        if (r->host_count == 0)
            return err_set(e, ERR_INVALID,
                           "a broker's certificate names its hosts: give --host for each name and "
                           "address that clients connect to");
        break;
    }
    if (r->role != ACCESS_BROKER && r->host_count > 0)
        return err_set(e, ERR_INVALID, "only a broker's certificate has hosts: leave --host out");
    return 0;
}

static bool same_areas(const struct access_member *a, const struct access_member *b)
{
    if (a->area_count != b->area_count)
        return false;
    for (size_t i = 0; i < a->area_count; i++)
        if (strcmp(a->areas[i], b->areas[i]) != 0)
            return false;
    return true;
}

/* A name has one role for ever; what else changes about it has to be meant. */
static int check_known(const struct ca_issued *known, const struct ca_request *r, const char *key,
                       struct err *e)
{
    const char *name = known->member.name;
    if (known->member.role != r->role)
        return err_set(e, ERR_EXISTS,
                       "'%s' is the name of a %s; a name has one role, choose another", name,
                       access_role_name(known->member.role));
    if (r->replace)
        return 0;
    if (known->revoked)
        return err_set(e, ERR_DENIED, "'%s' is revoked; --replace admits it again", name);
    if (strcmp(known->key, key) != 0)
        return err_set(e, ERR_EXISTS,
                       "'%s' has a certificate for another key; if its hardware was replaced, say "
                       "--replace",
                       name);
    if (!same_areas(&known->member, &r->areas))
        return err_set(e, ERR_EXISTS, "'%s' stood in area '%s'; if it was moved, say --replace",
                       name, known->member.areas[0]);
    return 0;
}

static int check_request(const struct ca *ca, const struct ca_request *r,
                         const struct crypto_csr *csr, struct ca_issued *entry, struct err *e)
{
    if (!name_valid(csr->name))
        return err_set(e, ERR_INVALID,
                       "the request is for '%s', which is no name: a-z, 0-9 and '-', at most 32, "
                       "no '-' first",
                       csr->name);
    int ret = check_areas(r, e);
    if (ret < 0)
        return ret;
    *entry = (struct ca_issued){.member = r->areas};
    entry->member.role = r->role;
    snprintf(entry->member.name, sizeof(entry->member.name), "%.32s", csr->name);
    crypto_hex(csr->key_hash, CRYPTO_HASH_SIZE, entry->key);
    const struct ca_issued *known = ca_find(ca, csr->name);
    return known ? check_known(known, r, entry->key, e) : 0;
}

/* The key and certificate of a role's authority. */
struct authority {
    struct crypto_key *key;
    char *pem;
    struct crypto_cert cert;
};

static int load_authority(const struct ca *ca, enum access_role role, struct clk_utc now,
                          struct authority *a, struct err *e)
{
    char path[CA_PATH_SIZE];
    size_t len = 0;
    path_in(ca->dir, access_role_plural(role), ".key", path);
    int ret = crypto_key_load(path, &a->key, e);
    path_in(ca->dir, access_role_plural(role), ".pem", path);
    if (ret == 0 && (ret = fsx_read_file(path, CRYPTO_PEM_MAX, &a->pem, &len, e)) >= 0)
        ret = crypto_cert_read(a->pem, len, &a->cert, e);
    if (ret < 0)
        return ret;
    if (now.ms < a->cert.not_before.ms || now.ms > a->cert.not_after.ms)
        return err_set(e, ERR_DENIED, "%s is not valid now; is the clock right?", path);
    return 0;
}

static int issue(const struct ca_request *r, const char *csr, size_t csr_len,
                 const struct authority *a, struct clk_utc now, struct buf *chain, struct err *e)
{
    int64_t days = r->days ? r->days : ca_days_default(r->role);
    int64_t end = now.ms + days * DAY_MS;
    struct crypto_issue what = {
        .use = r->role == ACCESS_BROKER ? CRYPTO_USE_SERVER : CRYPTO_USE_CLIENT,
        .not_before = {now.ms - BACKDATE_MS},
        .not_after = {end < a->cert.not_after.ms ? end : a->cert.not_after.ms},
        .hosts = r->hosts,
        .host_count = r->host_count};
    int ret = crypto_issue(&what, csr, csr_len, a->key, a->pem, chain, e);
    if (ret < 0)
        return ret;
    buf_str(chain, a->pem);
    return chain->overflow ? err_set(e, ERR_LIMIT, "no room for the chain") : 0;
}

/* The chain first, then the index that names it: a crash in between leaves a file, not a lie. */
static int record(struct ca *ca, struct ca_issued *entry, const struct buf *chain, struct err *e)
{
    char path[CA_PATH_SIZE];
    struct crypto_cert cert;
    int ret = crypto_cert_read(chain->data, chain->len, &cert, e);
    if (ret < 0)
        return ret;
    memcpy(entry->serial, cert.serial, sizeof(entry->serial));
    entry->not_before = cert.not_before;
    entry->not_after = cert.not_after;
    snprintf(path, sizeof(path), "%.400s/issued/%.32s-%.40s.pem", ca->dir, cert.name, cert.serial);
    ret = fsx_replace_file(path, chain->data, chain->len, 0644, e);
    if (ret == 0)
        ret = ca_index_put(&ca->index, entry, e);
    return ret < 0 ? ret : ca_index_save(&ca->index, ca->dir, e);
}

int ca_sign(struct ca *ca, const struct ca_request *request, const char *csr, size_t csr_len,
            struct clk_utc now, struct buf *chain, struct err *e)
{
    struct crypto_csr read;
    struct ca_issued entry;
    struct authority a = {0};
    int ret = crypto_csr_read(csr, csr_len, &read, e);
    if (ret == 0)
        ret = check_request(ca, request, &read, &entry, e);
    if (ret == 0)
        ret = load_authority(ca, request->role, now, &a, e);
    if (ret == 0)
        ret = issue(request, csr, csr_len, &a, now, chain, e);
    if (ret == 0)
        ret = record(ca, &entry, chain, e);
    crypto_key_destroy(a.key);
    free(a.pem);
    return ret;
}

int ca_revoke(struct ca *ca, const char *name, struct err *e)
{
    struct ca_issued *entry = ca_index_find(&ca->index, name);
    if (!entry)
        return err_set(e, ERR_NOTFOUND, "no certificate was issued to '%.40s'", name);
    entry->revoked = true;
    return ca_index_save(&ca->index, ca->dir, e);
}
