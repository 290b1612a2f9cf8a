#include "io/signals.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void signals_ready(struct loop_watch *watch, uint32_t events)
{
    struct signals *s = watch->owner;
    struct signalfd_siginfo info;
    (void)events;
    if (read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        s->arrived(s, (int)info.ssi_signo);
}

int signals_init(struct signals *s, struct loop *loop,
                 void (*arrived)(struct signals *signals, int number), void *owner, struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN); /* a closed connection is an error code, not the end of the process */

    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return err_set_errno(e, "signals: cannot open a signal descriptor");
    *s = (struct signals){.arrived = arrived,
                          .owner = owner,
                          .watch = {.fd = fd, .ready = signals_ready, .owner = s}};
    if (loop_watch_add(loop, &s->watch, EPOLLIN) < 0) {
        close(fd);
        return err_set_errno(e, "signals: cannot watch the signal descriptor");
    }
    s->loop = loop;
    return 0;
}

void signals_finish(struct signals *s)
{
    if (!s->loop)
        return;
    loop_watch_remove(s->loop, &s->watch);
    close(s->watch.fd);
    *s = (struct signals){0};
}
