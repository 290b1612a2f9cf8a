#include "io/intake.h"

#include <stdlib.h>
#include <sys/epoll.h>

#define AT_ONCE 32 /* mails taken under one lock */

unsigned intake_take(struct intake *in)
{
    const struct intake_options *o = &in->options;
    struct mail mails[AT_ONCE];
    unsigned taken = 0;
    size_t n;
    do {
        size_t room = o->turn_max - taken;
        n = mailbox_take_many(o->mailbox, mails, room < AT_ONCE ? room : AT_ONCE);
        for (size_t i = 0; i < n; i++) {
            o->mail(o->owner, &mails[i]);
            free(mails[i].data);
        }
        taken += (unsigned)n;
    } while (n == AT_ONCE);
    if (o->turned)
        o->turned(o->owner);
    return taken;
}

static void watch(struct intake *in, bool on)
{
    if (loop_watch_change(in->options.loop, &in->watch, on ? EPOLLIN : 0) != 0)
        loop_stop(in->options.loop, 1); /* deaf: the supervisor starts anew */
}

/* More may be there after a full turn: the next one comes at once. */
static void pause_after(struct intake *in, unsigned taken)
{
    struct loop *loop = in->options.loop;
    unsigned ms = taken == in->options.turn_max ? 0 : in->options.pause_ms;
    if (loop_timer_start(loop, &in->timer, clk_mono_add(clk_mono(loop_clk(loop)), ms)) != 0)
        loop_stop(loop, 1);
}

static void on_ready(struct loop_watch *w, uint32_t events)
{
    struct intake *in = w->owner;
    (void)events;
    watch(in, false);
    pause_after(in, intake_take(in));
}

static void on_timer(struct loop_timer *timer, struct clk_mono now)
{
    struct intake *in = timer->owner;
    (void)now;
    unsigned taken = intake_take(in);
    if (taken > 0 || !mailbox_rearm(in->options.mailbox))
        pause_after(in, taken);
    else
        watch(in, true);
}

int intake_init(struct intake *in, const struct intake_options *options)
{
    *in = (struct intake){.options = *options};
    in->watch =
        (struct loop_watch){.ready = on_ready, .owner = in, .fd = mailbox_fd(options->mailbox)};
    in->timer = (struct loop_timer){.fire = on_timer, .owner = in};
    return loop_watch_add(options->loop, &in->watch, EPOLLIN);
}

void intake_finish(struct intake *in)
{
    if (!in->watch.owner)
        return;
    loop_watch_remove(in->options.loop, &in->watch);
    loop_timer_stop(in->options.loop, &in->timer);
    *in = (struct intake){0};
}
