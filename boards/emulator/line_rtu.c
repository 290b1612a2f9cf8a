/* The serial side of a line: a pseudo terminal whose name a symbolic link gives away. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include "base/log.h"
#include "boards/emulator/line.h"

/* Far longer than t3.5: a loaded machine may hand a request over in pieces. Only frames that cannot
 * be ended by their length wait for it. */
#define SILENCE_MS 20

static void take_requests(struct line_end *end)
{
    struct loop *loop = end->line->loop;
    struct wire_request request;
    while (wire_take(&end->wire, &request) == 1)
        line_handle(end, &request);
    if (wire_pending(&end->wire))
        loop_timer_start(loop, &end->silence, clk_mono_add(clk_mono(loop_clk(loop)), SILENCE_MS));
    else
        loop_timer_stop(loop, &end->silence);
}

static void line_is_silent(struct loop_timer *timer, struct clk_mono now)
{
    struct line_end *end = timer->owner;
    struct wire_request request;
    (void)now;
    if (wire_silence(&end->wire, &request) == 1)
        line_handle(end, &request);
}

static bool hung_up(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP);
}

/* A real port loses what lies in it when it is closed; a terminal would keep it for the next one
 * who opens it. */
static void gateway_left(struct line_end *end)
{
    tcflush(end->watch.fd, TCIOFLUSH);
    wire_init(&end->wire, WIRE_RTU);
    outbox_clear(&end->outbox);
}

/* Edge-triggered: while nobody has the port open the terminal hangs up for ever, and
 * level-triggered it would keep the loop spinning. So it is read until it is empty. */
static void terminal_ready(struct loop_watch *watch, uint32_t events)
{
    struct line_end *end = watch->owner;
    for (;;) {
        size_t room;
        uint8_t *at = wire_room(&end->wire, &room);
        ssize_t n = read(watch->fd, at, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        end->heard_us = outbox_now_us();
        wire_fed(&end->wire, (size_t)n);
        take_requests(end);
    }
    if ((events & EPOLLHUP) && hung_up(watch->fd)) /* nobody has opened it anew meanwhile */
        gateway_left(end);
}

static int set_raw(const char *name)
{
    struct termios t;
    int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int r = tcgetattr(fd, &t);
    cfmakeraw(&t);
    if (r == 0)
        r = tcsetattr(fd, TCSANOW, &t);
    close(fd);
    return r;
}

/* A link of an earlier run is replaced; anything else with that name is not ours to remove. */
static int make_link(const struct line *l, struct err *e)
{
    const char *path = l->config->link;
    char old[8];
    if (readlink(path, old, sizeof(old)) >= 0)
        unlink(path);
    if (symlink(l->terminal_name, path) < 0)
        return err_set_errno(e, "cannot make the link %s to %s", path, l->terminal_name);
    return 0;
}

static int open_terminal(struct line *l, int *out, struct err *e)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(e, "cannot open a pseudo terminal");
    if (grantpt(fd) < 0 || unlockpt(fd) < 0 ||
        ptsname_r(fd, l->terminal_name, sizeof(l->terminal_name)) != 0 ||
        set_raw(l->terminal_name) < 0) {
        err_set_errno(e, "cannot prepare a pseudo terminal");
        close(fd);
        return ERR_IO;
    }
    *out = fd;
    return 0;
}

void line_rtu_settings(const struct line *l, uint32_t *baud, uint8_t *stop_bits)
{
    static const struct {
        speed_t code;
        uint32_t baud;
    } speeds[] = {{B300, 300},       {B600, 600},        {B1200, 1200},     {B2400, 2400},
                  {B4800, 4800},     {B9600, 9600},      {B19200, 19200},   {B38400, 38400},
                  {B57600, 57600},   {B115200, 115200},  {B230400, 230400}, {B460800, 460800},
                  {B921600, 921600}, {B1000000, 1000000}};
    struct termios t;
    *baud = 0;
    *stop_bits = 1;
    if (tcgetattr(l->terminal->watch.fd, &t) != 0) /* on the master side: the slave's */
        return;
    *stop_bits = t.c_cflag & CSTOPB ? 2 : 1;
    for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
        if (speeds[i].code == cfgetospeed(&t))
            *baud = speeds[i].baud;
}

int line_rtu_open(struct line *l, struct err *e)
{
    int fd = -1;
    int r = open_terminal(l, &fd, e);
    if (r < 0)
        return r;
    l->terminal = line_end_create(l, fd, terminal_ready);
    if (!l->terminal) {
        close(fd);
        return err_set(e, ERR_NOMEM, "no memory for a terminal");
    }
    l->terminal->silence = (struct loop_timer){.fire = line_is_silent, .owner = l->terminal};
    if (loop_watch_add(l->loop, &l->terminal->watch, EPOLLIN | EPOLLET) < 0)
        r = err_set_errno(e, "cannot watch %s", l->terminal_name);
    if (r == 0)
        r = make_link(l, e);
    if (r < 0) {
        line_end_destroy(l->terminal);
        l->terminal = NULL;
    }
    return r;
}

void line_rtu_close(struct line *l)
{
    unlink(l->config->link);
    line_end_destroy(l->terminal);
    l->terminal = NULL;
}
