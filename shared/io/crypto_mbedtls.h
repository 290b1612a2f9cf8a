/*
 * What crypto.c and crypto_cert.c share and nobody else may include: the key's inside, and the
 * calls in which the mbedtls 2.28 of Debian 12 and the 3.6 of Debian 13 differ.
 */
#ifndef IO_CRYPTO_MBEDTLS_H
#define IO_CRYPTO_MBEDTLS_H

#include <mbedtls/pk.h>
#include <mbedtls/version.h>

#include "io/crypto.h"

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define HIDDEN(member) MBEDTLS_PRIVATE(member)
#else
#define HIDDEN(member) member
#endif

#define CRYPTO_DER_MAX 2048 /* of a public key or an extension we write */

struct crypto_key {
    mbedtls_pk_context pk;
};

/* mbedtls takes a non-const context even where it only reads. */
static inline mbedtls_pk_context *crypto_pk(const struct crypto_key *key)
{
    return (mbedtls_pk_context *)&key->pk;
}

/* Fills e with "what: why", why being mbedtls's text for ret. */
int crypto_set_mbedtls(struct err *e, int code, int ret, const char *what);
/* crypto_random in the shape mbedtls asks for. */
int crypto_fill_random(void *unused, unsigned char *bytes, size_t n);
/* "EC P-256", or ERR_DENIED for a key too weak or too odd to be certified. */
int crypto_pk_kind(const mbedtls_pk_context *pk, char kind[16], struct err *e);
int crypto_pk_hash(mbedtls_pk_context *pk, uint8_t hash[CRYPTO_HASH_SIZE], struct err *e);
/* mbedtls wants the NUL that ends a PEM text inside the length: a copy that has it for sure, freed
 * by the caller. ERR_LIMIT names `what` when it is longer than max. */
int crypto_pem_copy(const char *pem, size_t len, size_t max, const char *what, unsigned char **copy,
                    struct err *e);

#endif
