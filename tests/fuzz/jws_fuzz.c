/* Promise: no text crashes the reader of signatures, and what it takes has one spelling: its
 * payload and signature, written again, are the same characters. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char bytes[JWS_SIZE_MAX], again[JWS_SIZE_MAX];
    struct buf payload, text;
    struct jws jws;
    const char *in = (const char *)data;
    buf_init(&payload, bytes, sizeof(bytes));
    buf_init(&text, again, sizeof(again));
    if (jws_split(in, size, &jws, &payload, NULL) < 0)
        return 0;
    assert(jws.kid[0] == '\0' || jws_word_valid(jws.kid, sizeof(jws.kid)));
    size_t header = (size_t)((const char *)memchr(in, '.', size) - in) + 1;
    base64url_encode(&text, payload.data, payload.len);
    jws_seal(&text, jws.signature);
    assert(text.len == size - header && memcmp(text.data, in + header, text.len) == 0);
    return 0;
}
