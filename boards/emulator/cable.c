#include "boards/emulator/cable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* One direction: bytes read here wait until the other side takes them. */
struct flow {
    size_t len;
    bool ended;  /* the reader's side has finished sending */
    bool passed; /* and the writer's side has been told */
    uint8_t bytes[CABLE_BUFFER_SIZE];
};

struct side {
    struct cable_pair *pair;
    struct loop_watch watch;
    uint32_t watched; /* events asked for; 0: not watched, so that a hang-up cannot spin */
    struct flow in;   /* read here, to be written to the other side */
};

struct cable_pair {
    struct cable *cable;
    bool connecting;
    struct side side[2]; /* 0: the board, 1: the far end */
};

static const char *const state_names[] = {"up", "cut", "stall"};

int cable_state_parse(const char *text, enum cable_state *state)
{
    for (size_t i = 0; i < sizeof(state_names) / sizeof(state_names[0]); i++) {
        if (strcmp(state_names[i], text) == 0) {
            *state = (enum cable_state)i;
            return 0;
        }
    }
    return ERR_INVALID;
}

const char *cable_state_name(enum cable_state state)
{
    return state_names[state];
}

static struct side *other(struct side *s)
{
    return s == &s->pair->side[0] ? &s->pair->side[1] : &s->pair->side[0];
}

static void pair_destroy(struct cable_pair *p)
{
    for (size_t i = 0; i < CABLE_PAIRS_MAX; i++)
        if (p->cable->pairs[i] == p)
            p->cable->pairs[i] = NULL;
    for (int i = 0; i < 2; i++) {
        if (p->side[i].watched)
            loop_watch_remove(p->cable->loop, &p->side[i].watch);
        close(p->side[i].watch.fd);
    }
    free(p);
}

/* --- which events a side waits for --- */

static uint32_t wanted(struct side *s)
{
    const struct cable_pair *p = s->pair;
    uint32_t events = 0;
    if (p->cable->state == CABLE_STALL)
        return 0;
    if (p->connecting)
        return s == &p->side[1] ? EPOLLOUT : 0;
    if (!s->in.ended && s->in.len < sizeof(s->in.bytes))
        events |= EPOLLIN;
    if (other(s)->in.len > 0)
        events |= EPOLLOUT;
    return events;
}

static bool watch_side(struct side *s)
{
    struct loop *loop = s->pair->cable->loop;
    uint32_t events = wanted(s);
    int r = 0;
    if (events == s->watched)
        return true;
    if (events == 0)
        loop_watch_remove(loop, &s->watch);
    else if (s->watched == 0)
        r = loop_watch_add(loop, &s->watch, events);
    else
        r = loop_watch_change(loop, &s->watch, events);
    s->watched = r == 0 ? events : 0;
    return r == 0;
}

static bool watch_pair(struct cable_pair *p)
{
    return watch_side(&p->side[0]) && watch_side(&p->side[1]);
}

/* --- moving bytes --- */

/* False when the connection is broken. */
static bool fill(struct side *s)
{
    struct flow *f = &s->in;
    ssize_t n = read(s->watch.fd, f->bytes + f->len, sizeof(f->bytes) - f->len);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    f->ended = n == 0;
    f->len += (size_t)n;
    return true;
}

static bool drain(struct side *s)
{
    struct flow *f = &other(s)->in;
    if (f->len > 0) {
        ssize_t n = write(s->watch.fd, f->bytes, f->len);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        s->pair->cable->moved += (uint64_t)n;
        f->len -= (size_t)n;
        memmove(f->bytes, f->bytes + n, f->len);
    }
    if (f->ended && f->len == 0 && !f->passed) {
        f->passed = true;
        shutdown(s->watch.fd, SHUT_WR);
    }
    return true;
}

static bool finish_connect(struct cable_pair *p)
{
    int failed = 0;
    socklen_t len = sizeof(failed);
    getsockopt(p->side[1].watch.fd, SOL_SOCKET, SO_ERROR, &failed, &len);
    p->connecting = false;
    return failed == 0;
}

static void side_ready(struct loop_watch *watch, uint32_t events)
{
    struct side *s = watch->owner;
    struct cable_pair *p = s->pair;
    bool alive = !p->connecting || finish_connect(p);
    if (alive && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !s->in.ended &&
        s->in.len < sizeof(s->in.bytes))
        alive = fill(s);
    alive = alive && drain(s) && drain(other(s));
    bool over = p->side[0].in.passed && p->side[1].in.passed;
    bool full =
        s->in.len == sizeof(s->in.bytes); /* a hang-up that cannot be read away would spin */
    bool hung = (events & EPOLLERR) || ((events & EPOLLHUP) && (s->in.ended || full));
    if (!alive || over || hung || !watch_pair(p))
        pair_destroy(p);
}

/* --- connections --- */

static bool pair_create(struct cable *c, int board)
{
    struct cable_pair *p = NULL;
    size_t slot = 0;
    while (slot < CABLE_PAIRS_MAX && c->pairs[slot])
        slot++;
    int far = slot < CABLE_PAIRS_MAX ? net_connect(&c->to) : -1;
    if (far >= 0)
        p = calloc(1, sizeof(*p));
    if (!p) {
        if (far >= 0)
            close(far);
        return false;
    }
    *p = (struct cable_pair){.cable = c, .connecting = true};
    const int fds[2] = {board, far};
    for (int i = 0; i < 2; i++) {
        p->side[i].pair = p;
        p->side[i].watch =
            (struct loop_watch){.ready = side_ready, .owner = &p->side[i], .fd = fds[i]};
    }
    c->pairs[slot] = p;
    if (!watch_pair(p))
        pair_destroy(p);
    return true;
}

static void listener_ready(struct loop_watch *watch, uint32_t events)
{
    struct cable *c = watch->owner;
    (void)events;
    int fd = net_accept(watch->fd);
    if (fd >= 0 && !pair_create(c, fd))
        close(fd);
}

/* A stalled cable accepts nothing either: what connects waits in the kernel's queue. */
static int open_listener(struct cable *c, struct err *e)
{
    int fd = net_listen(c->config->host, &c->port, e);
    if (fd < 0)
        return fd;
    c->listener = (struct loop_watch){.ready = listener_ready, .owner = c, .fd = fd};
    return 0;
}

static void drop_all(struct cable *c)
{
    /* A cut cable says no goodbye in order: connections are reset. */
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};
    for (size_t i = 0; i < CABLE_PAIRS_MAX; i++) {
        if (!c->pairs[i])
            continue;
        for (int s = 0; s < 2; s++)
            setsockopt(c->pairs[i]->side[s].watch.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        pair_destroy(c->pairs[i]);
    }
    if (c->listener.fd >= 0) {
        loop_watch_remove(c->loop, &c->listener);
        close(c->listener.fd);
    }
    c->listener.fd = -1;
}

int cable_init(struct cable *c, const struct config_link *config, struct loop *loop, struct err *e)
{
    memset(c, 0, sizeof(*c));
    c->config = config;
    c->loop = loop;
    c->listener.fd = -1;
    c->port = (uint16_t)config->listen;
    c->state = CABLE_CUT;
    int r = net_resolve(config->to_host, (uint16_t)config->to_port, &c->to, e);
    if (r == 0)
        r = cable_set(c, CABLE_UP, e);
    return r < 0 ? err_prefix(e, "link %s", config->name) : 0;
}

void cable_finish(struct cable *c)
{
    if (c->loop)
        drop_all(c);
    c->loop = NULL;
}

int cable_set(struct cable *c, enum cable_state state, struct err *e)
{
    if (state == c->state)
        return 0;
    if (state == CABLE_CUT) {
        drop_all(c);
        c->state = state;
        return 0;
    }
    int r = c->listener.fd < 0 ? open_listener(c, e) : 0;
    if (r < 0)
        return r;
    loop_watch_remove(c->loop, &c->listener);
    if (state == CABLE_UP && loop_watch_add(c->loop, &c->listener, EPOLLIN) < 0)
        return err_set_errno(e, "cannot watch port %u", c->port);
    c->state = state;
    for (size_t i = 0; i < CABLE_PAIRS_MAX; i++)
        if (c->pairs[i] && !watch_pair(c->pairs[i]))
            pair_destroy(c->pairs[i]);
    return 0;
}

size_t cable_connections(const struct cable *c)
{
    size_t n = 0;
    for (size_t i = 0; i < CABLE_PAIRS_MAX; i++)
        n += c->pairs[i] != NULL;
    return n;
}
