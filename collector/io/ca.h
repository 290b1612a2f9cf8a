/*
 * The small certificate authority of an installation, in one directory:
 *
 *     root.key root.pem              long-lived; every peer checks the other side by root.pem
 *     gateways.key gateways.pem      a role's authority, signed by the root (and likewise
 *     gateways-anchor.pem            operators, collectors, brokers); the anchor is the same name
 *                                    and key signed by itself: what that role's listener trusts
 *     issued.json                    who holds which certificate: one entry a name
 *     issued/NAME-SERIAL.pem         every chain ever issued
 *
 * An open CA holds a lock on the directory, so two commands take turns. The index is replaced
 * atomically, after the certificate it names is on disk. Errors name the file and what to do.
 */
#ifndef COLLECTOR_IO_CA_H
#define COLLECTOR_IO_CA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/err.h"
#include "collector/core/operators/access.h"
#include "io/crypto.h"

#define CA_ISSUED_MAX 20000
#define CA_TITLE_MAX  48
#define CA_DAYS_MAX   3650

struct ca_issued {
    struct access_member member;
    char serial[CRYPTO_SERIAL_SIZE];
    char key[2 * CRYPTO_HASH_SIZE + 1]; /* SHA-256 of the public key */
    struct clk_utc not_before, not_after;
    bool revoked;
};

struct ca; /* opaque */

/* Makes the directory (0700) and in it the root and the four authorities. title: as names in
 * certificates go, "Lai Chau IOC". ERR_EXISTS when there is a CA already. */
int ca_init(const char *dir, const char *title, struct clk_utc now, struct err *e);

/* Opens and locks; waits while another command holds the lock. */
int ca_open(const char *dir, struct ca **out, struct err *e);
void ca_close(struct ca *ca); /* NULL is fine */

size_t ca_count(const struct ca *ca);
const struct ca_issued *ca_at(const struct ca *ca, size_t index);
const struct ca_issued *ca_find(const struct ca *ca, const char *name); /* NULL: none */

struct ca_request {
    enum access_role role;
    struct access_member areas; /* only its areas are looked at */
    int64_t days;               /* 1..CA_DAYS_MAX; 0: the role's default */
    bool replace;               /* another key, other areas, or a revoked name are meant */
    const char *const *hosts;   /* brokers: what clients connect to */
    size_t host_count;
};

/* Certifies a signing request and records it. `chain` takes the leaf and its authority. Refuses a
 * name of another role, an odd name, areas that do not fit the role. */
int ca_sign(struct ca *ca, const struct ca_request *request, const char *csr, size_t csr_len,
            struct clk_utc now, struct buf *chain, struct err *e);
/* Marks a name as no longer welcome: `acl` leaves it out from now on. */
int ca_revoke(struct ca *ca, const char *name, struct err *e);
/* The self-signed anchor of a role's authority; the caller frees it. */
int ca_anchor(const struct ca *ca, enum access_role role, char **pem, size_t *len, struct err *e);
int64_t ca_days_default(enum access_role role);

#endif
