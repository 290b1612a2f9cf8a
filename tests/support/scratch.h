/* A directory of a test's own: made before it, removed with the files in it afterwards. */
#ifndef TESTS_SUPPORT_SCRATCH_H
#define TESTS_SUPPORT_SCRATCH_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"

#define SCRATCH_SIZE 64

/* dir: "/tmp/NAME-XXXXXX" with the X filled in. 0 or ERR_IO. */
static inline int scratch_make(char dir[SCRATCH_SIZE], const char *name)
{
    snprintf(dir, SCRATCH_SIZE, "/tmp/%s-XXXXXX", name);
    return mkdtemp(dir) ? 0 : ERR_IO;
}

/* 0, or ERR_IO when something is left, such as a directory. */
static inline int scratch_remove(const char *dir)
{
    char path[SCRATCH_SIZE + 256];
    DIR *d = opendir(dir);
    if (!d)
        return ERR_IO;
    for (struct dirent *x; (x = readdir(d)) != NULL;) {
        snprintf(path, sizeof(path), "%s/%s", dir, x->d_name);
        unlink(path); /* . and .. refuse */
    }
    closedir(d);
    return rmdir(dir) == 0 ? 0 : ERR_IO;
}

#endif
