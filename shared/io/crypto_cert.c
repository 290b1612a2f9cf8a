#include "io/crypto.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include <mbedtls/asn1.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/md.h>
#include <mbedtls/oid.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>

#include "io/crypto_mbedtls.h"

#define SERIAL_BYTES 16
#define SAN_DNS      (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2) /* RFC 5280, 4.2.1.6 */
#define SAN_IP       (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7)

/* --- signing requests --- */

/* "CN=name"; nothing that would need escaping, so that text and encoding are the same thing. */
static int subject_text(const char *name, char text[CRYPTO_NAME_SIZE + 3], struct err *e)
{
    size_t len = strlen(name);
    size_t plain = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789 ._-");
    if (len == 0 || len >= CRYPTO_NAME_SIZE || plain != len)
        return err_set(e, ERR_INVALID,
                       "'%.80s' cannot be a common name: 1 to %d letters, digits, spaces, dots, "
                       "hyphens or underscores",
                       name, CRYPTO_NAME_SIZE - 1);
    snprintf(text, CRYPTO_NAME_SIZE + 3, "CN=%s", name);
    return 0;
}

int crypto_csr_create(const struct crypto_key *key, const char *name, struct buf *pem,
                      struct err *e)
{
    char subject[CRYPTO_NAME_SIZE + 3];
    unsigned char text[CRYPTO_CSR_MAX];
    int ret = subject_text(name, subject, e);
    if (ret < 0)
        return ret;
    mbedtls_x509write_csr csr;
    mbedtls_x509write_csr_init(&csr);
    mbedtls_x509write_csr_set_md_alg(&csr, MBEDTLS_MD_SHA256);
    mbedtls_x509write_csr_set_key(&csr, crypto_pk(key));
    ret = mbedtls_x509write_csr_set_subject_name(&csr, subject);
    if (ret == 0)
        ret = mbedtls_x509write_csr_pem(&csr, text, sizeof(text), crypto_fill_random, NULL);
    mbedtls_x509write_csr_free(&csr);
    if (ret != 0)
        return crypto_set_mbedtls(e, ERR_INVALID, ret, "cannot write the signing request");
    buf_str(pem, (char *)text);
    return pem->overflow ? err_set(e, ERR_LIMIT, "no room for the signing request") : 0;
}

/* The one common name of a distinguished name, as text without NUL or control characters. */
static int common_name(const mbedtls_x509_name *dn, char name[CRYPTO_NAME_SIZE], struct err *e)
{
    bool found = false;
    for (; dn; dn = dn->next) {
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &dn->oid) != 0)
            continue;
        if (found)
            return err_set(e, ERR_INVALID, "it has more than one common name");
        if (dn->val.len == 0 || dn->val.len >= CRYPTO_NAME_SIZE)
            return err_set(e, ERR_INVALID, "its common name is empty or longer than %d bytes",
                           CRYPTO_NAME_SIZE - 1);
        for (size_t i = 0; i < dn->val.len; i++)
            if (dn->val.p[i] < ' ' || dn->val.p[i] == 0x7f)
                return err_set(e, ERR_INVALID, "its common name holds control characters");
        memcpy(name, dn->val.p, dn->val.len);
        name[dn->val.len] = '\0';
        found = true;
    }
    return found ? 0 : err_set(e, ERR_INVALID, "it has no common name");
}

static int check_csr_signature(mbedtls_x509_csr *csr, struct err *e)
{
    mbedtls_md_type_t md = csr->HIDDEN(sig_md);
    if (md != MBEDTLS_MD_SHA256 && md != MBEDTLS_MD_SHA384 && md != MBEDTLS_MD_SHA512)
        return err_set(e, ERR_DENIED, "it is not signed with SHA-256, SHA-384 or SHA-512");
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(md);
    unsigned char hash[MBEDTLS_MD_MAX_SIZE];
    int ret = mbedtls_md(info, csr->cri.p, csr->cri.len, hash);
    if (ret == 0)
        ret = mbedtls_pk_verify_ext(csr->HIDDEN(sig_pk), csr->HIDDEN(sig_opts), &csr->pk, md, hash,
                                    mbedtls_md_get_size(info), csr->HIDDEN(sig).p,
                                    csr->HIDDEN(sig).len);
    return ret == 0 ? 0
                    : err_set(e, ERR_DENIED,
                              "its signature does not hold: it was changed, or whoever made it has "
                              "not got the key");
}

/* Parses and checks; on success csr is to be freed by the caller. */
static int csr_open(const char *pem, size_t len, mbedtls_x509_csr *csr, struct crypto_csr *out,
                    struct err *e)
{
    unsigned char *text = NULL;
    int ret = crypto_pem_copy(pem, len, CRYPTO_CSR_MAX, "the signing request", &text, e);
    if (ret < 0)
        return ret;
    mbedtls_x509_csr_init(csr);
    ret = mbedtls_x509_csr_parse(csr, text, len + 1);
    free(text);
    if (ret != 0)
        ret = crypto_set_mbedtls(e, ERR_INVALID, ret, "no signing request in PEM form");
    if (ret == 0)
        ret = common_name(&csr->subject, out->name, e);
    if (ret == 0)
        ret = crypto_pk_kind(&csr->pk, out->key_kind, e);
    if (ret == 0)
        ret = check_csr_signature(csr, e);
    if (ret == 0)
        ret = crypto_pk_hash(&csr->pk, out->key_hash, e);
    if (ret < 0)
        mbedtls_x509_csr_free(csr);
    return ret;
}

int crypto_csr_read(const char *pem, size_t len, struct crypto_csr *out, struct err *e)
{
    mbedtls_x509_csr csr;
    memset(out, 0, sizeof(*out));
    int ret = csr_open(pem, len, &csr, out, e);
    if (ret == 0)
        mbedtls_x509_csr_free(&csr);
    return ret;
}

/* --- certificates: reading --- */

static int cert_parse(const char *pem, size_t len, mbedtls_x509_crt *crt, struct err *e)
{
    unsigned char *text = NULL;
    int ret = crypto_pem_copy(pem, len, CRYPTO_PEM_MAX, "the certificate", &text, e);
    if (ret < 0)
        return ret;
    mbedtls_x509_crt_init(crt);
    ret = mbedtls_x509_crt_parse(crt, text, len + 1);
    free(text);
    if (ret == 0)
        return 0;
    mbedtls_x509_crt_free(crt);
    if (ret > 0)
        return err_set(e, ERR_INVALID, "%d of its certificates cannot be read", ret);
    return crypto_set_mbedtls(e, ERR_INVALID, ret, "no certificate in PEM form");
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar; years that start in March put the leap
 * day last. timegm would do, but not beyond 2038 where time_t has 32 bits. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    if (month <= 2) {
        year--;
        month += 12;
    }
    return 365 * year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + day -
           719469;
}

static struct clk_utc time_of(const mbedtls_x509_time *t)
{
    int64_t s = days_of(t->year, t->mon, t->day) * 86400 + t->hour * 3600 + t->min * 60 + t->sec;
    return (struct clk_utc){s * 1000};
}

static void read_hosts(const mbedtls_x509_crt *crt, struct crypto_cert *out)
{
    if (!(crt->HIDDEN(ext_types) & MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
        return;
    for (const mbedtls_x509_sequence *san = &crt->subject_alt_names; san; san = san->next) {
        if (out->host_count == CRYPTO_HOSTS_MAX)
            return;
        char *host = out->hosts[out->host_count];
        const mbedtls_x509_buf *b = &san->buf;
        if (b->tag == SAN_DNS && b->len < CRYPTO_HOST_SIZE) {
            memcpy(host, b->p, b->len);
            out->host_count++;
        } else if (b->tag == SAN_IP && (b->len == 4 || b->len == 16)) {
            inet_ntop(b->len == 4 ? AF_INET : AF_INET6, b->p, host, CRYPTO_HOST_SIZE);
            out->host_count++;
        }
    }
}

static void read_uses(const mbedtls_x509_crt *crt, struct crypto_cert *out)
{
    out->authority = crt->HIDDEN(ca_istrue);
    if (out->authority)
        return;
    out->client = mbedtls_x509_crt_check_extended_key_usage(
                      crt, MBEDTLS_OID_CLIENT_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)) == 0;
    out->server = mbedtls_x509_crt_check_extended_key_usage(
                      crt, MBEDTLS_OID_SERVER_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) == 0;
}

int crypto_cert_read(const char *pem, size_t len, struct crypto_cert *out, struct err *e)
{
    mbedtls_x509_crt crt;
    memset(out, 0, sizeof(*out));
    int ret = cert_parse(pem, len, &crt, e);
    if (ret < 0)
        return ret;
    struct err weak; /* of someone else's making: shown, not refused */
    crypto_pk_kind(&crt.pk, out->key_kind, &weak);
    ret = common_name(&crt.subject, out->name, e);
    if (ret == 0)
        ret = common_name(&crt.issuer, out->issuer, e);
    if (ret == 0 && crt.serial.len > (CRYPTO_SERIAL_SIZE - 1) / 2)
        ret = err_set(e, ERR_INVALID, "its serial number is longer than 20 bytes");
    if (ret == 0)
        ret = crypto_pk_hash(&crt.pk, out->key_hash, e);
    if (ret == 0) {
        crypto_hex(crt.serial.p, crt.serial.len, out->serial);
        out->not_before = time_of(&crt.valid_from);
        out->not_after = time_of(&crt.valid_to);
        read_hosts(&crt, out);
        read_uses(&crt, out);
    }
    mbedtls_x509_crt_free(&crt);
    return ret;
}

struct verify_context {
    struct clk_utc now;
    struct err *e;
    bool failed;
};

static void say_flaw(struct verify_context *v, const mbedtls_x509_crt *crt, const char *what)
{
    char name[CRYPTO_NAME_SIZE] = "?";
    struct err unnamed;
    common_name(&crt->subject, name, &unnamed);
    v->failed = true;
    err_set(v->e, ERR_DENIED, "certificate '%s': %s", name, what);
}

/* Judges one certificate of the chain, top first; times are judged here, against the caller's
 * clock and not the system's. */
static int judge_certificate(void *context, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    (void)depth;
    struct verify_context *v = context;
    char text[CLK_UTC_TEXT];
    char what[128];
    struct clk_utc from = time_of(&crt->valid_from);
    struct clk_utc to = time_of(&crt->valid_to);
    *flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
    if (v->failed)
        return 0;
    if (*flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) {
        say_flaw(v, crt, "it leads to none of the trusted authorities");
    } else if (*flags) {
        say_flaw(v, crt, "its signature, key or use does not hold");
    } else if (v->now.ms > to.ms) {
        clk_utc_format(to, text);
        snprintf(what, sizeof(what), "expired at %s", text);
        say_flaw(v, crt, what);
    } else if (v->now.ms < from.ms) {
        clk_utc_format(from, text);
        snprintf(what, sizeof(what), "not valid before %s; is the clock right?", text);
        say_flaw(v, crt, what);
    }
    return 0;
}

int crypto_chain_verify(const char *chain, size_t chain_len, const char *anchors,
                        size_t anchors_len, struct clk_utc now, struct err *e)
{
    mbedtls_x509_crt leaf, trusted;
    int ret = cert_parse(chain, chain_len, &leaf, e);
    if (ret < 0)
        return ret;
    ret = cert_parse(anchors, anchors_len, &trusted, e);
    if (ret < 0) {
        err_prefix(e, "the trusted authorities");
        mbedtls_x509_crt_free(&leaf);
        return ret;
    }
    struct verify_context v = {.now = now, .e = e};
    uint32_t flags = 0;
    ret = mbedtls_x509_crt_verify(&leaf, &trusted, NULL, NULL, &flags, judge_certificate, &v);
    mbedtls_x509_crt_free(&leaf);
    mbedtls_x509_crt_free(&trusted);
    if (v.failed)
        return ERR_DENIED;
    return ret == 0 ? 0 : crypto_set_mbedtls(e, ERR_DENIED, ret, "the chain of certificates");
}

/* --- certificates: issuing --- */

/* "20261121182355" for mbedtls, from "2026-11-21T18:23:55.123Z". */
static void x509_time(struct clk_utc t, char out[16])
{
    char text[CLK_UTC_TEXT];
    size_t n = 0;
    clk_utc_format(t, text);
    for (const char *c = text; *c && *c != '.'; c++)
        if (*c >= '0' && *c <= '9' && n < 14)
            out[n++] = *c;
    out[n] = '\0';
}

/* Writes one GeneralName in front of *at. */
static int write_host(unsigned char **at, unsigned char *start, const char *host)
{
    unsigned char ip[16];
    const unsigned char *bytes = ip;
    size_t n = inet_pton(AF_INET, host, ip) == 1 ? 4 : inet_pton(AF_INET6, host, ip) == 1 ? 16 : 0;
    unsigned char tag = n ? SAN_IP : SAN_DNS;
    if (n == 0) {
        bytes = (const unsigned char *)host;
        n = strlen(host);
    }
    int ret = mbedtls_asn1_write_raw_buffer(at, start, bytes, n);
    if (ret >= 0)
        ret = mbedtls_asn1_write_len(at, start, n);
    if (ret >= 0)
        ret = mbedtls_asn1_write_tag(at, start, tag);
    return ret;
}

static int add_hosts(mbedtls_x509write_cert *crt, const struct crypto_issue *what)
{
    unsigned char der[CRYPTO_DER_MAX];
    unsigned char *at = der + sizeof(der);
    int ret = 0;
    for (size_t i = what->host_count; i-- > 0 && ret >= 0;)
        ret = write_host(&at, der, what->hosts[i]);
    if (ret >= 0)
        ret = mbedtls_asn1_write_len(&at, der, (size_t)(der + sizeof(der) - at));
    if (ret >= 0)
        ret = mbedtls_asn1_write_tag(&at, der, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
    if (ret < 0)
        return ret;
    return mbedtls_x509write_crt_set_extension(crt, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                               MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0,
                                               at, (size_t)(der + sizeof(der) - at));
}

/* ExtKeyUsageSyntax with one purpose, id-kp-serverAuth 1 or id-kp-clientAuth 2 (RFC 5280,
 * 4.2.1.12), by hand: 2.28 has no call for it. */
static int add_purpose(mbedtls_x509write_cert *crt, enum crypto_use use)
{
    unsigned char der[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
    if (use == CRYPTO_USE_CLIENT)
        der[sizeof(der) - 1] = 0x02;
    return mbedtls_x509write_crt_set_extension(crt, MBEDTLS_OID_EXTENDED_KEY_USAGE,
                                               MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0,
                                               der, sizeof(der));
}

static int add_uses(mbedtls_x509write_cert *crt, const struct crypto_issue *what)
{
    bool authority = what->use == CRYPTO_USE_AUTHORITY;
    int ret = mbedtls_x509write_crt_set_basic_constraints(crt, authority,
                                                          authority ? (int)what->path_len : -1);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_key_usage(
            crt, authority ? MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN
                           : MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
    if (ret == 0 && !authority)
        ret = add_purpose(crt, what->use);
    if (ret == 0 && what->host_count > 0)
        ret = add_hosts(crt, what);
    return ret;
}

static int set_serial(mbedtls_x509write_cert *crt, mbedtls_mpi *number)
{
    unsigned char serial[SERIAL_BYTES];
    crypto_random(serial, sizeof(serial));
    serial[0] = (unsigned char)((serial[0] & 0x3f) | 0x40); /* positive, and always as long */
#if MBEDTLS_VERSION_NUMBER >= 0x03040000
    (void)number;
    return mbedtls_x509write_crt_set_serial_raw(crt, serial, sizeof(serial));
#else
    int ret = mbedtls_mpi_read_binary(number, serial, sizeof(serial));
    return ret == 0 ? mbedtls_x509write_crt_set_serial(crt, number) : ret;
#endif
}

static int write_certificate(const struct crypto_issue *what, const char *subject,
                             const char *issuer, mbedtls_pk_context *subject_key,
                             mbedtls_pk_context *issuer_key, struct buf *pem, struct err *e)
{
    char from[16], to[16];
    unsigned char text[CRYPTO_PEM_MAX];
    mbedtls_x509write_cert crt;
    mbedtls_mpi number;
    mbedtls_x509write_crt_init(&crt);
    mbedtls_mpi_init(&number);
    x509_time(what->not_before, from);
    x509_time(what->not_after, to);
    mbedtls_x509write_crt_set_version(&crt, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&crt, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&crt, subject_key);
    mbedtls_x509write_crt_set_issuer_key(&crt, issuer_key);
    int ret = set_serial(&crt, &number);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_subject_name(&crt, subject);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_issuer_name(&crt, issuer);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_validity(&crt, from, to);
    if (ret == 0)
        ret = add_uses(&crt, what);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_subject_key_identifier(&crt);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_authority_key_identifier(&crt);
    if (ret == 0)
        ret = mbedtls_x509write_crt_pem(&crt, text, sizeof(text), crypto_fill_random, NULL);
    mbedtls_x509write_crt_free(&crt);
    mbedtls_mpi_free(&number);
    if (ret != 0)
        return crypto_set_mbedtls(e, ERR_INVALID, ret, "cannot write the certificate");
    buf_str(pem, (char *)text);
    return pem->overflow ? err_set(e, ERR_LIMIT, "no room for the certificate") : 0;
}

static int check_hosts(const struct crypto_issue *what, struct err *e)
{
    if (what->host_count > CRYPTO_HOSTS_MAX)
        return err_set(e, ERR_LIMIT, "%zu hosts; at most %d fit", what->host_count,
                       CRYPTO_HOSTS_MAX);
    for (size_t i = 0; i < what->host_count; i++) {
        const char *host = what->hosts[i];
        size_t len = strlen(host);
        if (len == 0 || len >= CRYPTO_HOST_SIZE ||
            strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:") !=
                len)
            return err_set(e, ERR_INVALID, "'%.130s' is no host name or address", host);
    }
    return 0;
}

/* What the issuer is called, and that issuer_key is its key. */
static int issuer_subject(const struct crypto_key *issuer_key, const char *issuer_pem,
                          const struct crypto_csr *request, char subject[CRYPTO_NAME_SIZE + 3],
                          struct err *e)
{
    uint8_t hash[CRYPTO_HASH_SIZE];
    struct crypto_cert issuer;
    int ret = crypto_key_hash(issuer_key, hash, e);
    if (ret == 0 && issuer_pem)
        ret = crypto_cert_read(issuer_pem, strlen(issuer_pem), &issuer, e);
    if (ret < 0)
        return ret;
    if (memcmp(hash, issuer_pem ? issuer.key_hash : request->key_hash, sizeof(hash)) != 0)
        return err_set(e, ERR_MISMATCH, "the issuer's key and certificate do not belong together");
    return subject_text(issuer_pem ? issuer.name : request->name, subject, e);
}

int crypto_issue(const struct crypto_issue *what, const char *csr_pem, size_t csr_len,
                 const struct crypto_key *issuer_key, const char *issuer_pem, struct buf *pem,
                 struct err *e)
{
    char subject[CRYPTO_NAME_SIZE + 3];
    char issuer[CRYPTO_NAME_SIZE + 3];
    struct crypto_csr request;
    mbedtls_x509_csr csr;
    int ret = check_hosts(what, e);
    if (ret < 0)
        return ret;
    ret = csr_open(csr_pem, csr_len, &csr, &request, e);
    if (ret < 0)
        return ret;
    ret = subject_text(request.name, subject, e);
    if (ret == 0)
        ret = issuer_subject(issuer_key, issuer_pem, &request, issuer, e);
    if (ret == 0)
        ret = write_certificate(what, subject, issuer, &csr.pk, crypto_pk(issuer_key), pem, e);
    mbedtls_x509_csr_free(&csr);
    return ret;
}
