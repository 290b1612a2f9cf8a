#include "collector/io/ratchet.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "io/fsx.h"

#define PATH_SIZE 512
#define FILE_MAX  128

struct ratchet {
    char path[PATH_SIZE];
    int lock; /* the key file, held while number and file change */
    uint64_t last;
    char mark[RATCHET_MARK_SIZE];
};

/* "12 ab01\n": the number, and what it stood for. */
static bool read_line(struct ratchet *r, const char *text)
{
    char *end;
    errno = 0;
    unsigned long long last = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || errno || last >= INT64_MAX || *end != ' ')
        return false;
    size_t digits = strspn(end + 1, "0123456789abcdef");
    const char *rest = end + 1 + digits;
    if (digits == 0 || digits >= sizeof(r->mark) || rest[strspn(rest, "\n")])
        return false;
    r->last = last;
    snprintf(r->mark, sizeof(r->mark), "%.*s", (int)digits, end + 1);
    return true;
}

static int parse(struct ratchet *r, const char *text, struct err *e)
{
    if (read_line(r, text))
        return 0;
    return err_set(e, ERR_CORRUPT,
                   "%s is damaged: write the last number signed into it, followed by a space and "
                   "a 0",
                   r->path);
}

static int load(struct ratchet *r, struct err *e)
{
    char *text = NULL;
    size_t len = 0;
    if (access(r->path, F_OK) != 0 && errno == ENOENT)
        return 0; /* the first time */
    int rc = fsx_read_file(r->path, FILE_MAX, &text, &len, e);
    if (rc == 0)
        rc = parse(r, text, e);
    free(text);
    return rc;
}

static int open_ratchet(struct ratchet *r, const char *key_path, const char *suffix, struct err *e)
{
    *r = (struct ratchet){.lock = -1, .mark = "0"};
    if (snprintf(r->path, sizeof(r->path), "%s.%s", key_path, suffix) >= (int)sizeof(r->path))
        return err_set(e, ERR_LIMIT, "the path of the key is longer than %d bytes", PATH_SIZE);
    r->lock = open(key_path, O_RDONLY | O_CLOEXEC);
    if (r->lock < 0 && errno == ENOENT)
        return err_set(e, ERR_NOTFOUND, "there is no key %s", key_path);
    if (r->lock < 0 || flock(r->lock, LOCK_EX) != 0)
        return err_set_errno(e, "%s", key_path);
    return load(r, e);
}

static void close_ratchet(struct ratchet *r)
{
    if (r->lock >= 0)
        close(r->lock);
}

static int save(const struct ratchet *r, struct err *e)
{
    char text[FILE_MAX];
    int len = snprintf(text, sizeof(text), "%" PRIu64 " %s\n", r->last, r->mark);
    return fsx_replace_file(r->path, text, (size_t)len, 0600, e);
}

int ratchet_next(const char *key_path, const char *suffix, uint64_t floor, uint64_t *number,
                 struct err *e)
{
    struct ratchet r;
    int rc = open_ratchet(&r, key_path, suffix, e);
    if (rc == 0) {
        *number = r.last + 1 > floor ? r.last + 1 : floor;
        r.last = *number;
        rc = save(&r, e);
    }
    close_ratchet(&r);
    return rc;
}

int ratchet_take(const char *key_path, const char *suffix, uint64_t number, const char *mark,
                 struct err *e)
{
    struct ratchet r;
    int rc = open_ratchet(&r, key_path, suffix, e);
    bool again = rc == 0 && number == r.last && strcmp(r.mark, mark) == 0;
    if (rc == 0 && number <= r.last && !again)
        rc = err_set(e, ERR_MISMATCH, "%" PRIu64 " is not above %" PRIu64 ", the last one signed",
                     number, r.last);
    if (rc == 0 && !again) {
        r.last = number;
        snprintf(r.mark, sizeof(r.mark), "%s", mark);
        rc = save(&r, e);
    }
    close_ratchet(&r);
    return rc;
}
