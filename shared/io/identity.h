/*
 * An identity on disk: the key and the request made where they will be used, and the certificate
 * that comes back. Gateways, operators, collectors and the broker all use it.
 *
 *     DIR/NAME.key   the key, mode 0600; it never leaves this machine
 *     DIR/NAME.csr   the request, to be carried to the authority
 *     DIR/NAME.pem   the certificate and its issuer's, as a TLS peer sends them
 *     DIR/ca.pem     the root by which the other side is checked
 *
 * The caller has checked that NAME is a name. Errors name the file and what to do.
 */
#ifndef IO_IDENTITY_H
#define IO_IDENTITY_H

#include <stdio.h>

#include "base/clk.h"
#include "base/err.h"
#include "io/crypto.h"

#define IDENTITY_PATH_SIZE 512

struct identity_paths {
    char key[IDENTITY_PATH_SIZE];
    char csr[IDENTITY_PATH_SIZE];
    char cert[IDENTITY_PATH_SIZE];
    char ca[IDENTITY_PATH_SIZE];
};

/* ERR_LIMIT when a path would be too long. */
int identity_paths(const char *dir, const char *name, struct identity_paths *p, struct err *e);

/* Makes the directory (0700) when it is missing, a key and a request. ERR_EXISTS when there is a
 * key: with `renew` that key makes a new request instead. */
int identity_create(const char *dir, const char *name, bool renew, struct crypto_csr *made,
                    struct err *e);

/* Puts a certificate and the root in place after checking that it is for `name` and for the key in
 * the directory, that it leads to the root, and that it is valid at `now`. root_file NULL: the root
 * put in place earlier. */
int identity_install(const char *dir, const char *name, const char *cert_file,
                     const char *root_file, struct clk_utc now, struct crypto_cert *installed,
                     struct err *e);

/* Whole days from now to the end of validity; negative when it is over. */
int64_t identity_days_left(const struct crypto_cert *cert, struct clk_utc now);
/* What a person wants to know about a certificate, a line each. */
void identity_print(const struct crypto_cert *cert, struct clk_utc now, FILE *out);
/* The same as one JSON object of version 1, ended by a newline. */
void identity_print_json(const struct crypto_cert *cert, struct clk_utc now, FILE *out);

#endif
