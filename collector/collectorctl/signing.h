/*
 * What collectorctl signs: a payload under a key's name, as a compact JWS (model/jws.h). The key
 * stays in its file and is in memory only for the signature.
 */
#ifndef COLLECTOR_COLLECTORCTL_SIGNING_H
#define COLLECTOR_COLLECTORCTL_SIGNING_H

#include "base/buf.h"
#include "base/err.h"
#include "model/jws.h"

/* "{name}-{first 8 digits of the public key's hash}": a renewed key has another name. */
int signing_kid(const char *name, const char *key_path, char kid[JWS_KID_SIZE], struct err *e);
/* Adds the JWS to out. ERR_LIMIT when it does not fit. */
int signing_seal(const char *key_path, const char *kid, const void *payload, size_t len,
                 struct buf *out, struct err *e);

#endif
