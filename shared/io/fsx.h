/*
 * The file system behind an ops table, so that a test can cut the power at the n-th write, return
 * EIO or fill the disk. fsx_system() is the real one. Paths are relative to a directory given at
 * open.
 */
#ifndef IO_FSX_H
#define IO_FSX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct fsx {
    void *ctx;
    /* All return >= 0, or -errno. */
    int (*open_dir)(void *ctx, const char *path, bool create);
    int (*open_file)(void *ctx, int dir, const char *name, bool create);
    int (*allocate)(void *ctx, int fd, uint64_t size); /* real blocks, not a hole */
    int64_t (*pread)(void *ctx, int fd, void *bytes, size_t n, uint64_t at);
    int64_t (*pwrite)(void *ctx, int fd, const void *bytes, size_t n, uint64_t at);
    int (*sync)(void *ctx, int fd); /* data and what is needed to find it */
    int (*sync_dir)(void *ctx, int dir);
    int (*rename)(void *ctx, int dir, const char *from, const char *to);
    int (*unlink)(void *ctx, int dir, const char *name);
    int (*list)(void *ctx, int dir, void (*each)(void *user, const char *name, uint64_t size),
                void *user);
    void (*close)(void *ctx, int fd);
};

const struct fsx *fsx_system(void);

/* 0 when this user may read the file; else ERR_NOTFOUND or ERR_DENIED. */
int fsx_check_readable(const char *path, struct err *e);

/* Whole small files, with the system's fsx: read (NUL appended, freed by the caller, at most `max`
 * bytes) and replace durably (write beside, fsync, rename, fsync the directory). */
int fsx_read_file(const char *path, size_t max, char **out, size_t *len, struct err *e);
int fsx_replace_file(const char *path, const void *bytes, size_t len, unsigned mode, struct err *e);

#endif
