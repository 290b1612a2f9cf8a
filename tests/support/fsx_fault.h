/*
 * A file system in memory that can fail, fill up, and lose its power.
 *
 * Every call that changes or syncs something is an operation with a number, counted from 0. At the
 * operation `cut_at` the power goes: it and every later call fail with EIO until fsx_fault_reboot.
 * Then each 512-byte sector not yet synced is, drawn from the seed, as it was, as it was written,
 * or trash; and of the names made, changed or removed since the directory was synced, the first
 * few. A test owns the struct; one thread.
 */
#ifndef TESTS_SUPPORT_FSX_FAULT_H
#define TESTS_SUPPORT_FSX_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "io/fsx.h"

#define FAULT_SECTOR    512u
#define FAULT_FILES_MAX 64u
#define FAULT_NAME_SIZE 32u
#define FAULT_NEVER     UINT64_MAX

struct fault_file {
    bool used;
    char name[FAULT_NAME_SIZE];    /* empty: unlinked */
    char durable[FAULT_NAME_SIZE]; /* its name on the disk; empty: none */
    uint8_t *now, *disk;           /* as read, and as it would be after a power cut */
    size_t size, capacity;
    bool *dirty; /* a sector each */
};

enum fault_dir_kind { FAULT_CREATE, FAULT_RENAME, FAULT_UNLINK };
struct fault_dir_op {
    enum fault_dir_kind kind;
    size_t file;
    char name[FAULT_NAME_SIZE];
};

enum fault_sectors { FAULT_DROP, FAULT_KEEP, FAULT_TRASH, FAULT_MIX };

struct fsx_fault {
    struct fsx fsx; /* to be handed to the code under test */
    struct rng rng;
    struct fault_file files[FAULT_FILES_MAX];
    struct fault_dir_op dir_ops[256];
    size_t dir_op_count;
    uint64_t ops;        /* done so far */
    uint64_t cut_at;     /* FAULT_NEVER */
    uint64_t fail_at;    /* this operation fails with fail_errno, */
    uint64_t fail_count; /* and so many more after it */
    int fail_errno;
    bool fail_dir; /* the directory cannot be opened */
    bool dead;
    enum fault_sectors sectors;
    uint64_t capacity;       /* bytes of all files together */
    uint64_t written, syncs; /* bytes handed to pwrite; file syncs */
};

void fsx_fault_init(struct fsx_fault *f, uint64_t seed);
void fsx_fault_finish(struct fsx_fault *f);
/* The power is back: files hold what survived, the counter starts again, no fault is armed. */
void fsx_fault_reboot(struct fsx_fault *f);
/* The current bytes of a file, for damaging them on both sides; NULL when there is none. */
uint8_t *fsx_fault_bytes(struct fsx_fault *f, const char *name, size_t *size);
/* Flips bits on the disk and in what is read. */
void fsx_fault_flip(struct fsx_fault *f, const char *name, size_t at, uint8_t mask);
/* All files are gone, as with a new card. */
void fsx_fault_wipe(struct fsx_fault *f);

#endif
