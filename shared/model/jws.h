/*
 * JSON Web Signature, compact form (RFC 7515), for the one algorithm the project uses: ES256
 * (RFC 7518, 3.4). header.payload.signature, each base64url without padding.
 *
 * Pure: this splits and joins; keys and signatures are io/crypto's (crypto_es256_verify over
 * `signed_part`). Strict: any other algorithm, a `crit` member, padding, or a character outside the
 * alphabet is refused, so that a text has exactly one meaning. Nothing is allocated.
 */
#ifndef MODEL_JWS_H
#define MODEL_JWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define JWS_KID_SIZE       65
#define JWS_SIGNATURE_SIZE 64
#define JWS_SIZE_MAX       (256 * 1024)

struct jws {
    char kid[JWS_KID_SIZE];  /* which key says it signed, empty when none is named; nothing is
                                proved yet */
    const char *signed_part; /* header.payload, borrowed from the text */
    size_t signed_len;
    uint8_t signature[JWS_SIGNATURE_SIZE];
};

/* Splits a compact JWS and decodes its payload, adding it to `payload`. ERR_INVALID or ERR_LIMIT.
 */
int jws_split(const char *text, size_t len, struct jws *out, struct buf *payload, struct err *e);

/* Writes header.payload, which is what must be signed; then jws_seal adds the signature. kid:
 * letters, digits, '-', '_' and '.'. Check out->overflow. */
int jws_open(struct buf *out, const char *kid, const void *payload, size_t len, struct err *e);
void jws_seal(struct buf *out, const uint8_t signature[JWS_SIGNATURE_SIZE]);

/* One to size - 1 letters, digits, '-', '_' and '.': what keys, commands and nonces are called, so
 * that a name stands in a log, a topic or a JSON text as it is. */
bool jws_word_valid(const char *text, size_t size);

/* RFC 4648, section 5, without padding. Decoding adds to out or leaves it as it was: ERR_INVALID
 * (also for a last character whose spare bits are set), ERR_LIMIT. */
void base64url_encode(struct buf *out, const void *bytes, size_t n);
int base64url_decode(const char *text, size_t len, struct buf *out);

#endif
