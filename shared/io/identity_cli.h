/*
 * What `gatewayctl enrol` and `collectorctl identity` have in common: options, the making of key
 * and request, the installing of the certificate, and what is printed of them. Exit codes are those
 * of base/cli.h; errors go to stderr as `program`'s. The caller has checked that `name` is a name.
 */
#ifndef IO_IDENTITY_CLI_H
#define IO_IDENTITY_CLI_H

#include <stdbool.h>

#include "base/cli.h"

#define IDENTITY_OPTIONS 4

struct identity_options {
    const char *out, *install, *ca;
    bool renew;
};

/* Writes IDENTITY_OPTIONS options that are bound to *o. */
void identity_put_options(struct identity_options *o, struct cli_option *table);

/* Prints where key and request lie, and the fingerprint to compare; what is next the caller says.
 */
int identity_run_create(const struct identity_options *o, const char *name, const char *program);
/* Prints what the installed certificate says. */
int identity_run_install(const struct identity_options *o, const char *name, const char *program);

#endif
