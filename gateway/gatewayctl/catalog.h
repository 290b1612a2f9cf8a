/* All shipped profiles of a directory. A file that cannot be read is said on stderr and left out.
 */
#ifndef GATEWAY_GATEWAYCTL_CATALOG_H
#define GATEWAY_GATEWAYCTL_CATALOG_H

#include <stddef.h>

#include "model/profile.h"

#define CATALOG_MAX     256
#define CATALOG_DEFAULT "/usr/share/ioc/profiles"

struct catalog {
    size_t count;
    struct profile *profiles[CATALOG_MAX];
};

/* ERR_IO with the directory's name; c is to be given to catalog_finish in any case. */
int catalog_load(struct catalog *c, const char *directory, struct err *e);
void catalog_finish(struct catalog *c);

#endif
