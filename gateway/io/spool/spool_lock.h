/*
 * One process a spool: a lock on its directory, let go by the kernel when the process ends, however
 * it ends.
 */
#ifndef GATEWAY_IO_SPOOL_SPOOL_LOCK_H
#define GATEWAY_IO_SPOOL_SPOOL_LOCK_H

#include "base/err.h"

/* Makes the directory when its parent exists. *lock is 0 when the directory cannot be opened: the
 * spool then keeps in memory, and says so. ERR_EXISTS when another process has it. */
int spool_lock(const char *dir, int *lock, struct err *e);
void spool_unlock(int lock); /* 0 is fine */

#endif
