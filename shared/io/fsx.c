#include "io/fsx.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The real file system: each call retried on EINTR where it can be, errno as the result. */

static int sys_open_dir(void *ctx, const char *path, bool create)
{
    (void)ctx;
    if (create && mkdir(path, 0750) < 0 && errno != EEXIST)
        return -errno;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int sys_open_file(void *ctx, int dir, const char *name, bool create)
{
    (void)ctx;
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0);
    int fd = openat(dir, name, flags, 0640);
    return fd < 0 ? -errno : fd;
}

static int sys_allocate(void *ctx, int fd, uint64_t size)
{
    (void)ctx;
    int r;
    do
        r = posix_fallocate(fd, 0, (off_t)size);
    while (r == EINTR);
    return -r;
}

/* Reads all n bytes unless the file ends before. */
static int64_t sys_pread(void *ctx, int fd, void *bytes, size_t n, uint64_t at)
{
    (void)ctx;
    size_t done = 0;
    while (done < n) {
        ssize_t r = pread(fd, (char *)bytes + done, n - done, (off_t)(at + done));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -errno;
        if (r == 0)
            break;
        done += (size_t)r;
    }
    return (int64_t)done;
}

static int64_t sys_pwrite(void *ctx, int fd, const void *bytes, size_t n, uint64_t at)
{
    (void)ctx;
    size_t done = 0;
    while (done < n) {
        ssize_t r = pwrite(fd, (const char *)bytes + done, n - done, (off_t)(at + done));
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return r < 0 ? -errno : -EIO;
        done += (size_t)r;
    }
    return (int64_t)done;
}

static int sys_sync(void *ctx, int fd)
{
    (void)ctx;
    return fdatasync(fd) < 0 ? -errno : 0;
}

static int sys_sync_dir(void *ctx, int dir)
{
    (void)ctx;
    return fsync(dir) < 0 ? -errno : 0;
}

static int sys_rename(void *ctx, int dir, const char *from, const char *to)
{
    (void)ctx;
    return renameat(dir, from, dir, to) < 0 ? -errno : 0;
}

static int sys_unlink(void *ctx, int dir, const char *name)
{
    (void)ctx;
    return unlinkat(dir, name, 0) < 0 ? -errno : 0;
}

static int sys_list(void *ctx, int dir, void (*each)(void *user, const char *name, uint64_t size),
                    void *user)
{
    (void)ctx;
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream) {
        int r = -errno;
        if (fd >= 0)
            close(fd);
        return r;
    }
    struct dirent *entry;
    errno = 0;
    while ((entry = readdir(stream)) != NULL) {
        struct stat st;
        if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            each(user, entry->d_name, (uint64_t)st.st_size);
        errno = 0;
    }
    int r = -errno;
    closedir(stream);
    return r;
}

static void sys_close(void *ctx, int fd)
{
    (void)ctx;
    close(fd);
}

const struct fsx *fsx_system(void)
{
    static const struct fsx system = {
        .open_dir = sys_open_dir,
        .open_file = sys_open_file,
        .allocate = sys_allocate,
        .pread = sys_pread,
        .pwrite = sys_pwrite,
        .sync = sys_sync,
        .sync_dir = sys_sync_dir,
        .rename = sys_rename,
        .unlink = sys_unlink,
        .list = sys_list,
        .close = sys_close,
    };
    return &system;
}

/* --- whole small files --- */

static int open_error(struct err *e, const char *path, const char *what)
{
    int code = errno == ENOENT                     ? ERR_NOTFOUND
               : errno == EACCES || errno == EPERM ? ERR_DENIED
                                                   : ERR_IO;
    err_set_errno(e, "%s: cannot %s", path, what);
    if (e)
        e->code = code;
    return code;
}

static int read_all(int fd, const char *path, size_t max, char **out, size_t *len, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_set_errno(e, "%s: cannot look at it", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_INVALID, "%s: not a regular file", path);
    if ((uint64_t)st.st_size > max)
        return err_set(e, ERR_LIMIT, "%s: %lld bytes; at most %zu are read", path,
                       (long long)st.st_size, max);
    char *text = malloc((size_t)st.st_size + 1);
    if (!text)
        return err_set(e, ERR_NOMEM, "%s: out of memory reading it", path);
    int64_t n = sys_pread(NULL, fd, text, (size_t)st.st_size, 0);
    if (n < 0) {
        free(text);
        errno = (int)-n;
        return err_set_errno(e, "%s: cannot read it", path);
    }
    text[n] = '\0';
    *out = text;
    *len = (size_t)n;
    return 0;
}

int fsx_check_readable(const char *path, struct err *e)
{
    if (access(path, R_OK) == 0)
        return 0;
    int code = errno == ENOENT ? ERR_NOTFOUND : ERR_DENIED;
    return err_set(e, code, "%s cannot be read: %s", path, strerror(errno));
}

int fsx_read_file(const char *path, size_t max, char **out, size_t *len, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return open_error(e, path, "open it");
    int r = read_all(fd, path, max, out, len, e);
    close(fd);
    return r;
}

/* Writes beside: the name to write to, and the directory to sync. */
static int replace_names(const char *path, char *temp, char *dir, struct err *e)
{
    if (snprintf(temp, PATH_MAX, "%s.new", path) >= PATH_MAX)
        return err_set(e, ERR_LIMIT, "%s: the path is too long", path);
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(dir, PATH_MAX, ".");
    else
        snprintf(dir, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return 0;
}

static int write_new(const char *temp, const void *bytes, size_t len, unsigned mode, struct err *e)
{
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return open_error(e, temp, "create it");
    int64_t n = sys_pwrite(NULL, fd, bytes, len, 0);
    int r = 0;
    if (n < 0) {
        errno = (int)-n;
        r = err_set_errno(e, "%s: cannot write it", temp);
    } else if (fchmod(fd, (mode_t)mode) < 0) {
        r = err_set_errno(e, "%s: cannot set its mode", temp);
    } else if (fsync(fd) < 0) {
        r = err_set_errno(e, "%s: cannot flush it", temp);
    }
    close(fd);
    return r;
}

static int sync_directory(const char *dir, struct err *e)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return open_error(e, dir, "open the directory");
    int r = fsync(fd) < 0 ? err_set_errno(e, "%s: cannot flush the directory", dir) : 0;
    close(fd);
    return r;
}

int fsx_replace_file(const char *path, const void *bytes, size_t len, unsigned mode, struct err *e)
{
    char temp[PATH_MAX];
    char dir[PATH_MAX];
    int r = replace_names(path, temp, dir, e);
    if (r < 0)
        return r;
    r = write_new(temp, bytes, len, mode, e);
    if (r < 0)
        goto out;
    if (rename(temp, path) < 0) {
        r = err_set_errno(e, "%s: cannot put the new file in its place", path);
        goto out;
    }
    return sync_directory(dir, e);
out:
    unlink(temp);
    return r;
}
