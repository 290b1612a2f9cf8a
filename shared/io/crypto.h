/*
 * Keys, certificates, hashes and signatures over mbedtls, which only the crypto files include.
 *
 * A key is opaque, lives on the heap and is zeroised when destroyed; it never appears in an error
 * text, and it is written to disk only by crypto_key_save (mode 0600, durable, never over another
 * file). Certificates and requests travel as PEM text. Times are handed in: no function reads a
 * clock. Nothing here keeps state between calls, so any thread may call; a key must not be used by
 * two threads at once.
 *
 * Our own keys are EC P-256. Requests may bring P-256, P-384 or RSA from 2048 bits.
 */
#ifndef IO_CRYPTO_H
#define IO_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/err.h"

#define CRYPTO_PEM_MAX     16384 /* bytes of PEM accepted: a chain of a few certificates */
#define CRYPTO_CSR_MAX     4096  /* bytes of a signing request accepted */
#define CRYPTO_NAME_SIZE   65    /* a common name (X.520: at most 64) and its end */
#define CRYPTO_SERIAL_SIZE 41    /* 20 bytes as hexadecimal digits (RFC 5280, 4.1.2.2) */
#define CRYPTO_HASH_SIZE   32    /* SHA-256 */
#define CRYPTO_HOSTS_MAX   8
#define CRYPTO_HOST_SIZE   128
#define CRYPTO_ES256_SIZE  64 /* r and s, as JWS carries them (RFC 7518, 3.4) */

/* --- random bytes and hashes --- */

/* From the kernel; waits, early at boot, until it is seeded. */
void crypto_random(void *bytes, size_t n);
void crypto_sha256(const void *bytes, size_t n, uint8_t hash[CRYPTO_HASH_SIZE]);
/* Lower-case hexadecimal digits; text has room for 2 n + 1. Returns text. */
const char *crypto_hex(const uint8_t *bytes, size_t n, char *text);
/* A key's hash for people to compare aloud: eight groups of eight digits. Returns text. */
#define CRYPTO_FINGERPRINT_SIZE 72
const char *crypto_fingerprint(const uint8_t hash[CRYPTO_HASH_SIZE],
                               char text[CRYPTO_FINGERPRINT_SIZE]);

/* --- keys --- */

struct crypto_key;

int crypto_key_create(struct crypto_key **out, struct err *e); /* a new EC P-256 key */
void crypto_key_destroy(struct crypto_key *key);               /* NULL is fine */
/* A private key in an unencrypted PEM file. Refuses a file that others than its owner may read. */
int crypto_key_load(const char *path, struct crypto_key **out, struct err *e);
/* A public key in PEM; good for verifying only. */
int crypto_key_parse_public(const char *pem, size_t len, struct crypto_key **out, struct err *e);
/* ERR_EXISTS when there is a file at path already. */
int crypto_key_save(const struct crypto_key *key, const char *path, struct err *e);
int crypto_key_public_pem(const struct crypto_key *key, struct buf *pem, struct err *e);
/* SHA-256 of the public key's DER (SubjectPublicKeyInfo): what tells keys apart. */
int crypto_key_hash(const struct crypto_key *key, uint8_t hash[CRYPTO_HASH_SIZE], struct err *e);

/* ES256 (ECDSA on P-256 with SHA-256, RFC 7518): ERR_DENIED when the signature does not hold. */
int crypto_es256_sign(const struct crypto_key *key, const void *bytes, size_t n,
                      uint8_t signature[CRYPTO_ES256_SIZE], struct err *e);
int crypto_es256_verify(const struct crypto_key *key, const void *bytes, size_t n,
                        const uint8_t signature[CRYPTO_ES256_SIZE], struct err *e);

/* --- signing requests (PKCS #10) --- */

struct crypto_csr {
    char name[CRYPTO_NAME_SIZE]; /* its one common name */
    char key_kind[16];           /* "EC P-256", "RSA 2048" */
    uint8_t key_hash[CRYPTO_HASH_SIZE];
};

/* name: letters, digits, space, dot, hyphen and underscore, at most 64. */
int crypto_csr_create(const struct crypto_key *key, const char *name, struct buf *pem,
                      struct err *e);
/* Reads and checks a request: its size, its one common name, its key's kind and length, and that it
 * is signed by that key with SHA-2. */
int crypto_csr_read(const char *pem, size_t len, struct crypto_csr *out, struct err *e);

/* --- certificates --- */

enum crypto_use {
    CRYPTO_USE_AUTHORITY, /* signs certificates */
    CRYPTO_USE_CLIENT,    /* TLS clientAuth */
    CRYPTO_USE_SERVER,    /* TLS serverAuth, for `hosts` */
};

struct crypto_issue {
    enum crypto_use use;
    unsigned path_len; /* authorities: how many authorities may follow below */
    struct clk_utc not_before, not_after;
    const char *const *hosts; /* servers: host names and addresses clients will connect to */
    size_t host_count;
};

/* Issues a certificate for the name and key of a request (read and checked as crypto_csr_read
 * does), with a random serial. issuer_pem NULL: self-signed, the request's key being issuer_key. */
int crypto_issue(const struct crypto_issue *what, const char *csr_pem, size_t csr_len,
                 const struct crypto_key *issuer_key, const char *issuer_pem, struct buf *pem,
                 struct err *e);

struct crypto_cert {
    char name[CRYPTO_NAME_SIZE];
    char issuer[CRYPTO_NAME_SIZE];
    char serial[CRYPTO_SERIAL_SIZE];
    char key_kind[16];
    uint8_t key_hash[CRYPTO_HASH_SIZE];
    struct clk_utc not_before, not_after;
    bool authority, client, server; /* what it may be used for */
    size_t host_count;
    char hosts[CRYPTO_HOSTS_MAX][CRYPTO_HOST_SIZE];
};

/* Reads the first certificate of a PEM text. */
int crypto_cert_read(const char *pem, size_t len, struct crypto_cert *out, struct err *e);
/* Checks that the first certificate of `chain` leads, through the others in it, to a certificate of
 * `anchors`, and that all of them are valid at `now`. ERR_DENIED says which one is not, and why. */
int crypto_chain_verify(const char *chain, size_t chain_len, const char *anchors,
                        size_t anchors_len, struct clk_utc now, struct err *e);

#endif
