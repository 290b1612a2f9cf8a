#include "collector/collectorctl/signing.h"

#include <stdio.h>

#include "io/crypto.h"

#define KID_DIGITS 8

int signing_kid(const char *name, const char *key_path, char kid[JWS_KID_SIZE], struct err *e)
{
    struct crypto_key *key = NULL;
    uint8_t hash[CRYPTO_HASH_SIZE];
    char digits[KID_DIGITS + 1];
    int ret = crypto_key_load(key_path, &key, e);
    if (ret == 0)
        ret = crypto_key_hash(key, hash, e);
    crypto_key_destroy(key);
    if (ret == 0)
        snprintf(kid, JWS_KID_SIZE, "%.32s-%s", name, crypto_hex(hash, KID_DIGITS / 2, digits));
    return ret;
}

int signing_seal(const char *key_path, const char *kid, const void *payload, size_t len,
                 struct buf *out, struct err *e)
{
    struct crypto_key *key = NULL;
    uint8_t signature[CRYPTO_ES256_SIZE];
    size_t start = out->len;
    int ret = jws_open(out, kid, payload, len, e);
    if (ret == 0)
        ret = crypto_key_load(key_path, &key, e);
    if (ret == 0)
        ret = crypto_es256_sign(key, out->data + start, out->len - start, signature, e);
    crypto_key_destroy(key);
    if (ret == 0)
        jws_seal(out, signature);
    return ret == 0 && out->overflow
               ? err_set(e, ERR_LIMIT, "signed, it is longer than %zu bytes", out->cap)
               : ret;
}
