/*
 * The CA's index file, issued.json: one entry a name, in the order of their first certificates.
 * Used by ca.c under its lock. Replaced atomically and durably; read strictly, because what is
 * wrong in it would certify the wrong thing.
 */
#ifndef COLLECTOR_IO_CA_INDEX_H
#define COLLECTOR_IO_CA_INDEX_H

#include "collector/io/ca.h"

#define CA_DIR_MAX   400
#define CA_PATH_SIZE 512 /* the directory, "/issued/", a name, a serial and ".pem" */

struct ca_index {
    struct ca_issued *issued;
    size_t count, capacity;
};

int ca_index_load(struct ca_index *index, const char *dir, struct err *e);
int ca_index_save(const struct ca_index *index, const char *dir, struct err *e);
void ca_index_finish(struct ca_index *index);
struct ca_issued *ca_index_find(const struct ca_index *index, const char *name);
/* Takes a copy in place of the entry of that name, or behind the last. ERR_LIMIT, ERR_NOMEM. */
int ca_index_put(struct ca_index *index, const struct ca_issued *entry, struct err *e);

#endif
