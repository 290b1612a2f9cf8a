#include "tests/support/fsx_fault.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIR_FD 1000

static bool step_fails(struct fsx_fault *f, int *rc)
{
    uint64_t op = f->ops++;
    *rc = -EIO;
    if (op >= f->cut_at)
        f->dead = true;
    if (f->dead)
        return true;
    if (op < f->fail_at || op - f->fail_at > f->fail_count)
        return false;
    *rc = -f->fail_errno;
    return true;
}

static struct fault_file *file_of(struct fsx_fault *f, int fd)
{
    assert(fd >= 0 && (size_t)fd < FAULT_FILES_MAX && f->files[fd].used);
    return &f->files[fd];
}

static int find_name(const struct fsx_fault *f, const char *name)
{
    for (size_t i = 0; i < FAULT_FILES_MAX; i++)
        if (f->files[i].used && strcmp(f->files[i].name, name) == 0)
            return (int)i;
    return -1;
}

static void dir_op(struct fsx_fault *f, enum fault_dir_kind kind, size_t file, const char *name)
{
    assert(f->dir_op_count < sizeof(f->dir_ops) / sizeof(f->dir_ops[0]));
    struct fault_dir_op *op = &f->dir_ops[f->dir_op_count++];
    op->kind = kind;
    op->file = file;
    snprintf(op->name, sizeof(op->name), "%s", name);
}

static void file_drop(struct fault_file *file)
{
    free(file->now);
    free(file->disk);
    free(file->dirty);
    memset(file, 0, sizeof(*file));
}

static void file_grow(struct fault_file *file, size_t size)
{
    if (size <= file->size)
        return;
    size_t sectors = (size + FAULT_SECTOR - 1) / FAULT_SECTOR;
    size_t capacity = sectors * FAULT_SECTOR;
    if (capacity > file->capacity) {
        size_t before = file->capacity / FAULT_SECTOR;
        file->now = realloc(file->now, capacity);
        file->disk = realloc(file->disk, capacity);
        file->dirty = realloc(file->dirty, sectors * sizeof(bool));
        assert(file->now && file->disk && file->dirty);
        memset(file->now + file->capacity, 0, capacity - file->capacity);
        memset(file->disk + file->capacity, 0, capacity - file->capacity);
        memset(file->dirty + before, 0, (sectors - before) * sizeof(bool));
        file->capacity = capacity;
    }
    file->size = size;
}

static uint64_t bytes_used(const struct fsx_fault *f)
{
    uint64_t used = 0;
    for (size_t i = 0; i < FAULT_FILES_MAX; i++)
        used += f->files[i].used ? f->files[i].size : 0;
    return used;
}

/* --- the operations --- */

static int fault_open_dir(void *ctx, const char *path, bool create)
{
    struct fsx_fault *f = ctx;
    (void)path;
    (void)create;
    return f->dead || f->fail_dir ? -EIO : DIR_FD;
}

static int fault_open_file(void *ctx, int dir, const char *name, bool create)
{
    struct fsx_fault *f = ctx;
    assert(dir == DIR_FD);
    if (f->dead)
        return -EIO;
    int at = find_name(f, name);
    if (at >= 0)
        return at;
    if (!create)
        return -ENOENT;
    int rc;
    if (step_fails(f, &rc))
        return rc;
    for (size_t i = 0; i < FAULT_FILES_MAX; i++) {
        if (f->files[i].used)
            continue;
        f->files[i].used = true;
        snprintf(f->files[i].name, FAULT_NAME_SIZE, "%s", name);
        dir_op(f, FAULT_CREATE, i, name);
        return (int)i;
    }
    return -ENFILE;
}

static int fault_allocate(void *ctx, int fd, uint64_t size)
{
    struct fsx_fault *f = ctx;
    struct fault_file *file = file_of(f, fd);
    int rc;
    if (size <= file->size)
        return f->dead ? -EIO : 0;
    if (step_fails(f, &rc))
        return rc;
    if (bytes_used(f) - file->size + size > f->capacity)
        return -ENOSPC;
    file_grow(file, (size_t)size);
    return 0;
}

static int64_t fault_pread(void *ctx, int fd, void *bytes, size_t n, uint64_t at)
{
    struct fsx_fault *f = ctx;
    const struct fault_file *file = file_of(f, fd);
    if (f->dead)
        return -EIO;
    if (at >= file->size)
        return 0;
    size_t left = file->size - (size_t)at;
    n = n < left ? n : left;
    memcpy(bytes, file->now + at, n);
    return (int64_t)n;
}

static int64_t fault_pwrite(void *ctx, int fd, const void *bytes, size_t n, uint64_t at)
{
    struct fsx_fault *f = ctx;
    struct fault_file *file = file_of(f, fd);
    int rc;
    bool dead = f->dead;
    bool fails = step_fails(f, &rc);
    if (dead || (fails && !f->dead))
        return rc;
    /* The write at which the power goes may have reached the disk in part. */
    file_grow(file, (size_t)at + n);
    memcpy(file->now + at, bytes, n);
    for (size_t s = (size_t)at / FAULT_SECTOR; s * FAULT_SECTOR < at + n; s++)
        file->dirty[s] = true;
    f->written += n;
    return fails ? rc : (int64_t)n;
}

static int fault_sync(void *ctx, int fd)
{
    struct fsx_fault *f = ctx;
    struct fault_file *file = file_of(f, fd);
    int rc;
    if (step_fails(f, &rc))
        return rc;
    memcpy(file->disk, file->now, file->size);
    memset(file->dirty, 0, file->capacity / FAULT_SECTOR * sizeof(bool));
    f->syncs++;
    return 0;
}

/* Makes the first n of the waiting names durable and forgets the rest. */
static void dir_apply(struct fsx_fault *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct fault_dir_op *op = &f->dir_ops[i];
        struct fault_file *file = &f->files[op->file];
        for (size_t k = 0; k < FAULT_FILES_MAX; k++)
            if (f->files[k].used && strcmp(f->files[k].durable, op->name) == 0)
                f->files[k].durable[0] = '\0';
        if (op->kind != FAULT_UNLINK)
            snprintf(file->durable, FAULT_NAME_SIZE, "%s", op->name);
    }
    f->dir_op_count = 0;
}

static int fault_sync_dir(void *ctx, int dir)
{
    struct fsx_fault *f = ctx;
    assert(dir == DIR_FD);
    int rc;
    if (step_fails(f, &rc))
        return rc;
    dir_apply(f, f->dir_op_count);
    return 0;
}

static int fault_rename(void *ctx, int dir, const char *from, const char *to)
{
    struct fsx_fault *f = ctx;
    assert(dir == DIR_FD);
    int rc;
    if (step_fails(f, &rc))
        return rc;
    int at = find_name(f, from);
    int over = find_name(f, to);
    if (at < 0)
        return -ENOENT;
    if (over >= 0)
        f->files[over].name[0] = '\0';
    snprintf(f->files[at].name, FAULT_NAME_SIZE, "%s", to);
    dir_op(f, FAULT_RENAME, (size_t)at, to);
    return 0;
}

static int fault_unlink(void *ctx, int dir, const char *name)
{
    struct fsx_fault *f = ctx;
    assert(dir == DIR_FD);
    int rc;
    if (step_fails(f, &rc))
        return rc;
    int at = find_name(f, name);
    if (at < 0)
        return -ENOENT;
    f->files[at].name[0] = '\0';
    dir_op(f, FAULT_UNLINK, (size_t)at, name);
    return 0;
}

static int fault_list(void *ctx, int dir, void (*each)(void *user, const char *name, uint64_t size),
                      void *user)
{
    struct fsx_fault *f = ctx;
    assert(dir == DIR_FD);
    if (f->dead)
        return -EIO;
    for (size_t i = 0; i < FAULT_FILES_MAX; i++)
        if (f->files[i].used && f->files[i].name[0])
            each(user, f->files[i].name, f->files[i].size);
    return 0;
}

static void fault_close(void *ctx, int fd)
{
    (void)ctx;
    (void)fd;
}

/* --- what a test does --- */

static void faults_disarm(struct fsx_fault *f)
{
    f->ops = 0;
    f->cut_at = f->fail_at = FAULT_NEVER;
    f->fail_count = 0;
    f->fail_errno = EIO;
    f->dead = f->fail_dir = false;
}

void fsx_fault_init(struct fsx_fault *f, uint64_t seed)
{
    memset(f, 0, sizeof(*f));
    f->fsx = (struct fsx){
        .ctx = f,
        .open_dir = fault_open_dir,
        .open_file = fault_open_file,
        .allocate = fault_allocate,
        .pread = fault_pread,
        .pwrite = fault_pwrite,
        .sync = fault_sync,
        .sync_dir = fault_sync_dir,
        .rename = fault_rename,
        .unlink = fault_unlink,
        .list = fault_list,
        .close = fault_close,
    };
    f->capacity = UINT64_MAX;
    f->sectors = FAULT_MIX;
    rng_init(&f->rng, seed);
    faults_disarm(f);
}

void fsx_fault_wipe(struct fsx_fault *f)
{
    for (size_t i = 0; i < FAULT_FILES_MAX; i++)
        file_drop(&f->files[i]);
    f->dir_op_count = 0;
}

void fsx_fault_finish(struct fsx_fault *f)
{
    fsx_fault_wipe(f);
}

static void sector_settle(struct fsx_fault *f, struct fault_file *file, size_t sector)
{
    enum fault_sectors fate =
        f->sectors == FAULT_MIX ? (enum fault_sectors)rng_below(&f->rng, FAULT_MIX) : f->sectors;
    uint8_t *disk = file->disk + sector * FAULT_SECTOR;
    if (fate == FAULT_KEEP)
        memcpy(disk, file->now + sector * FAULT_SECTOR, FAULT_SECTOR);
    for (size_t i = 0; fate == FAULT_TRASH && i < FAULT_SECTOR; i++)
        disk[i] = (uint8_t)rng_next(&f->rng);
}

void fsx_fault_reboot(struct fsx_fault *f)
{
    dir_apply(f, (size_t)rng_below(&f->rng, f->dir_op_count + 1));
    for (size_t i = 0; i < FAULT_FILES_MAX; i++) {
        struct fault_file *file = &f->files[i];
        if (!file->used)
            continue;
        if (!file->durable[0]) {
            file_drop(file);
            continue;
        }
        for (size_t s = 0; s < file->capacity / FAULT_SECTOR; s++)
            if (file->dirty[s])
                sector_settle(f, file, s);
        memcpy(file->name, file->durable, FAULT_NAME_SIZE);
        if (file->size) {
            memcpy(file->now, file->disk, file->capacity);
            memset(file->dirty, 0, file->capacity / FAULT_SECTOR * sizeof(bool));
        }
    }
    faults_disarm(f);
}

uint8_t *fsx_fault_bytes(struct fsx_fault *f, const char *name, size_t *size)
{
    int at = find_name(f, name);
    if (at < 0)
        return NULL;
    *size = f->files[at].size;
    return f->files[at].now;
}

void fsx_fault_flip(struct fsx_fault *f, const char *name, size_t at, uint8_t mask)
{
    int i = find_name(f, name);
    assert(i >= 0 && at < f->files[i].size);
    f->files[i].now[at] ^= mask;
    f->files[i].disk[at] ^= mask;
}
