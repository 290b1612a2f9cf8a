#include "gateway/io/spool/spool_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int spool_lock(const char *dir, int *lock, struct err *e)
{
    *lock = 0;
    mkdir(dir, 0700); /* there already, or it cannot be: open tells */
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *lock = fd;
        return 0;
    }
    int busy = errno == EWOULDBLOCK;
    close(fd);
    return busy ? err_set(e, ERR_EXISTS, "another gatewayd has it; stop that one first") : 0;
}

void spool_unlock(int lock)
{
    if (lock > 0)
        close(lock);
}
