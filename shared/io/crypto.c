#include "io/crypto.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mbedtls/asn1.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>

#include "io/crypto_mbedtls.h"
#include "io/fsx.h"

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define sha256(in, n, out)     mbedtls_sha256(in, n, out, 0)
#define parse_key(pk, text, n) mbedtls_pk_parse_key(pk, text, n, NULL, 0, crypto_fill_random, NULL)
#define sign_hash(pk, hash, sig, size, n)                                                          \
    mbedtls_pk_sign(pk, MBEDTLS_MD_SHA256, hash, CRYPTO_HASH_SIZE, sig, size, n,                   \
                    crypto_fill_random, NULL)
#else
#define sha256(in, n, out)     mbedtls_sha256_ret(in, n, out, 0)
#define parse_key(pk, text, n) mbedtls_pk_parse_key(pk, text, n, NULL, 0)
#define sign_hash(pk, hash, sig, size, n)                                                          \
    mbedtls_pk_sign(pk, MBEDTLS_MD_SHA256, hash, CRYPTO_HASH_SIZE, sig, n, crypto_fill_random, NULL)
#endif

#define KEY_FILE_MAX 8192
#define RSA_BITS_MIN 2048

int crypto_set_mbedtls(struct err *e, int code, int ret, const char *what)
{
    char why[160];
    mbedtls_strerror(ret, why, sizeof(why));
    return err_set(e, ret == MBEDTLS_ERR_PK_ALLOC_FAILED ? ERR_NOMEM : code, "%s: %s", what, why);
}

/* --- random bytes and hashes --- */

void crypto_random(void *bytes, size_t n)
{
    unsigned char *at = bytes;
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        assert(got > 0); /* the kernel's source cannot fail once it is seeded */
        at += got;
        n -= (size_t)got;
    }
}

int crypto_fill_random(void *unused, unsigned char *bytes, size_t n)
{
    (void)unused;
    crypto_random(bytes, n);
    return 0;
}

void crypto_sha256(const void *bytes, size_t n, uint8_t hash[CRYPTO_HASH_SIZE])
{
    int ret = sha256(bytes, n, hash);
    assert(ret == 0); /* in software it cannot fail */
    (void)ret;
}

const char *crypto_hex(const uint8_t *bytes, size_t n, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * n] = '\0';
    return text;
}

const char *crypto_fingerprint(const uint8_t hash[CRYPTO_HASH_SIZE],
                               char text[CRYPTO_FINGERPRINT_SIZE])
{
    for (size_t group = 0; group < 8; group++) {
        crypto_hex(hash + 4 * group, 4, text + 9 * group);
        text[9 * group + 8] = group < 7 ? ' ' : '\0';
    }
    return text;
}

/* --- keys --- */

static struct crypto_key *key_alloc(void)
{
    struct crypto_key *key = malloc(sizeof(*key));
    if (key)
        mbedtls_pk_init(&key->pk);
    return key;
}

void crypto_key_destroy(struct crypto_key *key)
{
    if (!key)
        return;
    mbedtls_pk_free(&key->pk); /* which zeroises the numbers of the key */
    mbedtls_platform_zeroize(key, sizeof(*key));
    free(key);
}

int crypto_key_create(struct crypto_key **out, struct err *e)
{
    struct crypto_key *key = key_alloc();
    if (!key)
        return err_set(e, ERR_NOMEM, "no memory for a key");
    int ret = mbedtls_pk_setup(&key->pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (ret == 0)
        ret = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key->pk),
                                  crypto_fill_random, NULL);
    if (ret != 0) {
        crypto_key_destroy(key);
        return crypto_set_mbedtls(e, ERR_IO, ret, "cannot make a key");
    }
    *out = key;
    return 0;
}

static int check_private_mode(const char *path, struct err *e)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return err_set_errno(e, "%s", path);
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return err_set(e, ERR_DENIED,
                       "%s: others than its owner may use this key (mode %04o); run: chmod 600 %s",
                       path, (unsigned)(st.st_mode & 07777), path);
    return 0;
}

int crypto_key_load(const char *path, struct crypto_key **out, struct err *e)
{
    char *text = NULL;
    size_t len = 0;
    int ret = check_private_mode(path, e);
    if (ret == 0)
        ret = fsx_read_file(path, KEY_FILE_MAX, &text, &len, e);
    if (ret < 0)
        return ret;
    struct crypto_key *key = key_alloc();
    if (!key) {
        ret = err_set(e, ERR_NOMEM, "%s: no memory for a key", path);
    } else if ((ret = parse_key(&key->pk, (const unsigned char *)text, len + 1)) != 0) {
        ret = crypto_set_mbedtls(e, ERR_INVALID, ret, "no unencrypted private key in PEM form");
        err_prefix(e, "%s", path);
    }
    mbedtls_platform_zeroize(text, len);
    free(text);
    if (ret < 0) {
        crypto_key_destroy(key);
        return ret;
    }
    *out = key;
    return 0;
}

int crypto_pem_copy(const char *pem, size_t len, size_t max, const char *what, unsigned char **copy,
                    struct err *e)
{
    if (len > max)
        return err_set(e, ERR_LIMIT, "%s is %zu bytes long; at most %zu are accepted", what, len,
                       max);
    *copy = malloc(len + 1);
    if (!*copy)
        return err_set(e, ERR_NOMEM, "no memory for %s", what);
    memcpy(*copy, pem, len);
    (*copy)[len] = '\0';
    return 0;
}

int crypto_key_parse_public(const char *pem, size_t len, struct crypto_key **out, struct err *e)
{
    unsigned char *text = NULL;
    int ret = crypto_pem_copy(pem, len, KEY_FILE_MAX, "the public key", &text, e);
    if (ret < 0)
        return ret;
    struct crypto_key *key = key_alloc();
    ret = key ? mbedtls_pk_parse_public_key(&key->pk, text, len + 1) : 0;
    free(text);
    if (!key)
        return err_set(e, ERR_NOMEM, "no memory for a key");
    if (ret != 0) {
        crypto_key_destroy(key);
        return crypto_set_mbedtls(e, ERR_INVALID, ret, "no public key in PEM form");
    }
    *out = key;
    return 0;
}

int crypto_key_save(const struct crypto_key *key, const char *path, struct err *e)
{
    if (access(path, F_OK) == 0)
        return err_set(e, ERR_EXISTS, "%s is there already; a key is never overwritten", path);
    unsigned char pem[KEY_FILE_MAX];
    int ret = mbedtls_pk_write_key_pem(crypto_pk(key), pem, sizeof(pem));
    if (ret != 0)
        ret = crypto_set_mbedtls(e, ERR_INVALID, ret, "cannot write the key");
    else
        ret = fsx_replace_file(path, pem, strlen((char *)pem), 0600, e);
    mbedtls_platform_zeroize(pem, sizeof(pem));
    return ret;
}

int crypto_key_public_pem(const struct crypto_key *key, struct buf *pem, struct err *e)
{
    unsigned char text[CRYPTO_DER_MAX];
    int ret = mbedtls_pk_write_pubkey_pem(crypto_pk(key), text, sizeof(text));
    if (ret != 0)
        return crypto_set_mbedtls(e, ERR_INVALID, ret, "cannot write the public key");
    buf_str(pem, (char *)text);
    return pem->overflow ? err_set(e, ERR_LIMIT, "no room for the public key") : 0;
}

int crypto_pk_hash(mbedtls_pk_context *pk, uint8_t hash[CRYPTO_HASH_SIZE], struct err *e)
{
    unsigned char der[CRYPTO_DER_MAX];
    int len = mbedtls_pk_write_pubkey_der(pk, der, sizeof(der));
    if (len < 0)
        return crypto_set_mbedtls(e, ERR_INVALID, len, "cannot write the public key");
    crypto_sha256(der + sizeof(der) - (size_t)len, (size_t)len, hash); /* it writes backwards */
    return 0;
}

int crypto_key_hash(const struct crypto_key *key, uint8_t hash[CRYPTO_HASH_SIZE], struct err *e)
{
    return crypto_pk_hash(crypto_pk(key), hash, e);
}

static mbedtls_ecp_group_id curve_of(const mbedtls_pk_context *pk)
{
    if (mbedtls_pk_get_type(pk) != MBEDTLS_PK_ECKEY)
        return MBEDTLS_ECP_DP_NONE;
    return mbedtls_pk_ec(*pk)->HIDDEN(grp).id;
}

int crypto_pk_kind(const mbedtls_pk_context *pk, char kind[16], struct err *e)
{
    size_t bits = mbedtls_pk_get_bitlen(pk);
    mbedtls_ecp_group_id curve = curve_of(pk);
    if (curve == MBEDTLS_ECP_DP_SECP256R1 || curve == MBEDTLS_ECP_DP_SECP384R1) {
        snprintf(kind, 16, "EC P-%zu", bits);
        return 0;
    }
    snprintf(kind, 16, "%.8s %zu", mbedtls_pk_get_name(pk), bits);
    if (mbedtls_pk_get_type(pk) == MBEDTLS_PK_RSA && bits >= RSA_BITS_MIN)
        return 0;
    return err_set(e, ERR_DENIED, "a key of kind %s is refused: use EC P-256, EC P-384 or RSA %d",
                   kind, RSA_BITS_MIN);
}

/* --- ES256 --- */

/* ECDSA-Sig-Value (RFC 3279, 2.2.3), SEQUENCE of two INTEGERs, to r and s of 32 bytes each. */
static int signature_from_der(unsigned char *der, size_t len, uint8_t raw[CRYPTO_ES256_SIZE])
{
    unsigned char *at = der;
    const unsigned char *end = der + len;
    size_t n;
    mbedtls_mpi r, s;
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    int ret = mbedtls_asn1_get_tag(&at, end, &n, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
    if (ret == 0)
        ret = mbedtls_asn1_get_mpi(&at, end, &r);
    if (ret == 0)
        ret = mbedtls_asn1_get_mpi(&at, end, &s);
    if (ret == 0)
        ret = mbedtls_mpi_write_binary(&r, raw, 32);
    if (ret == 0)
        ret = mbedtls_mpi_write_binary(&s, raw + 32, 32);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    return ret;
}

/* Writes backwards from the end of der; returns the length or an mbedtls error. */
static int signature_to_der(const uint8_t raw[CRYPTO_ES256_SIZE], unsigned char *der, size_t size)
{
    unsigned char *at = der + size;
    mbedtls_mpi r, s;
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    int ret = mbedtls_mpi_read_binary(&r, raw, 32);
    if (ret == 0)
        ret = mbedtls_mpi_read_binary(&s, raw + 32, 32);
    if (ret == 0)
        ret = mbedtls_asn1_write_mpi(&at, der, &s);
    if (ret >= 0)
        ret = mbedtls_asn1_write_mpi(&at, der, &r);
    if (ret >= 0)
        ret = mbedtls_asn1_write_len(&at, der, (size_t)(der + size - at));
    if (ret >= 0)
        ret = mbedtls_asn1_write_tag(&at, der, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    return ret < 0 ? ret : (int)(der + size - at);
}

int crypto_es256_sign(const struct crypto_key *key, const void *bytes, size_t n,
                      uint8_t signature[CRYPTO_ES256_SIZE], struct err *e)
{
    if (curve_of(&key->pk) != MBEDTLS_ECP_DP_SECP256R1)
        return err_set(e, ERR_INVALID, "ES256 needs an EC P-256 key");
    uint8_t hash[CRYPTO_HASH_SIZE];
    unsigned char der[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
    size_t len = 0;
    crypto_sha256(bytes, n, hash);
    int ret = sign_hash(crypto_pk(key), hash, der, sizeof(der), &len);
    if (ret == 0)
        ret = signature_from_der(der, len, signature);
    return ret == 0 ? 0 : crypto_set_mbedtls(e, ERR_INVALID, ret, "cannot sign");
}

int crypto_es256_verify(const struct crypto_key *key, const void *bytes, size_t n,
                        const uint8_t signature[CRYPTO_ES256_SIZE], struct err *e)
{
    if (curve_of(&key->pk) != MBEDTLS_ECP_DP_SECP256R1)
        return err_set(e, ERR_INVALID, "ES256 needs an EC P-256 key");
    uint8_t hash[CRYPTO_HASH_SIZE];
    unsigned char der[80];
    crypto_sha256(bytes, n, hash);
    int len = signature_to_der(signature, der, sizeof(der));
    if (len > 0 && mbedtls_pk_verify(crypto_pk(key), MBEDTLS_MD_SHA256, hash, sizeof(hash),
                                     der + sizeof(der) - len, (size_t)len) == 0)
        return 0;
    return err_set(e, ERR_DENIED, "the signature does not belong to this text and key");
}
