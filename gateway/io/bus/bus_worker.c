#include "gateway/io/bus/bus_worker.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gateway/core/bus/frame.h"
#include "gateway/io/bus/bus_map.h"
#include "gateway/io/bus/bus_say.h"
#include "model/profile.h"

#define HELD_MAX         8    /* reports that wait for codes; the oldest goes as uncertain */
#define NAP_MAX_MS       1000 /* a sign of life at least this often */
#define BUCKET_FIRST_US  250
#define BUCKET_FACTOR_US 354 /* 250 * sqrt(2) */

/* What another thread wants of the port. */
enum hand { HAND_NOTHING, HAND_RELEASE, HAND_RESUME };

struct ask {
    uint64_t id;
    struct bus_request request; /* its values: those below */
    uint16_t values[BUS_REGISTERS_MAX];
};

/* A report with values of a dynamic map, until the codes were read behind them. */
struct held {
    uint16_t device;
    struct bus_report *report;
    size_t len;
};

struct bus_worker {
    struct bus_worker_config config;
    struct poll *poll;
    pthread_t thread;
    int64_t limit_ms;
    atomic_llong alive_ms;
    atomic_ullong dropped;
    atomic_bool shown;

    pthread_mutex_t lock; /* guards all down to timing */
    pthread_cond_t wake;
    bool stop, ended;
    enum hand hand;
    struct poll_write writes[BUS_WRITES_MAX];
    size_t write_first, write_count;
    struct ask asks[BUS_ASKS_MAX];
    size_t ask_first, ask_count;
    struct poll_stats stats;
    struct bus_timing timing;

    /* the thread's own */
    struct clk_utc reply_utc;
    struct clk_mono reply_mono;
    struct err open_error;
    struct bus_maps *maps; /* NULL when no device has a dynamic map */
    struct held held[HELD_MAX];
    size_t held_count;
    uint16_t values[BUS_BITS_MAX];
};

static const struct bus_device *device_at(const struct bus_worker *w, uint16_t device)
{
    return &w->config.plan->devices[device];
}

static const char *line_name(const struct bus_worker *w)
{
    return w->config.plan->line->name;
}

/* --- mail --- */

static void post_control(struct bus_worker *w, enum bus_mail type, void *data, size_t len)
{
    struct mail m = {.type = (int)type, .a = w->config.bus, .data = data, .len = len};
    if (mailbox_post_control(w->config.mailbox, &m) != 0)
        log_error("bus %s: the mailbox is full of control mail; one is lost", line_name(w));
}

static void post_report(struct bus_worker *w, struct bus_report *report, size_t len)
{
    size_t count = report->count;
    struct mail m = {
        .type = BUS_REPORT, .a = w->config.bus, .b = count, .data = report, .len = len};
    if (mailbox_post_bulk(w->config.mailbox, &m) != 0)
        atomic_fetch_add(&w->dropped, count);
}

static struct sample bad_sample(const struct bus_worker *w, enum cause cause, uint8_t exception)
{
    return (struct sample){.quality = QUALITY_BAD,
                           .cause = cause,
                           .exception = exception,
                           .at = clk_utc(w->config.clk),
                           .mono = clk_mono(w->config.clk)};
}

/* Decodes one point of the last reply, whose first register or bit is `address`. */
static void good_sample(const struct bus_worker *w, uint16_t device, const struct point *point,
                        uint16_t address, struct sample *s)
{
    s->exception = 0;
    s->at = w->reply_utc;
    s->mono = w->reply_mono;
    assert(point->address >= address);
    const uint16_t *regs = &w->values[point->address - address];
    if (point->code)
        regs = bus_maps_find(w->maps, device, point->code, regs);
    if (regs) {
        point_decode(point, regs, s);
    } else {
        s->quality = QUALITY_BAD;
        s->cause = CAUSE_INVALID;
        s->value.type = VALUE_NONE;
    }
}

/* --- values that wait for their codes --- */

static void let_go(struct bus_worker *w, size_t i, enum bus_map_word word)
{
    struct held h = w->held[i];
    w->held_count--;
    memmove(&w->held[i], &w->held[i + 1], (w->held_count - i) * sizeof(w->held[0]));
    bus_map_judge(device_at(w, h.device)->profile, word, h.report->samples, h.report->count);
    post_report(w, h.report, h.len);
}

static void let_device_go(struct bus_worker *w, uint16_t device, enum bus_map_word word)
{
    for (size_t i = 0; i < w->held_count;)
        if (w->held[i].device == device)
            let_go(w, i, word);
        else
            i++;
}

static void hold(struct bus_worker *w, uint16_t device, struct bus_report *report, size_t len)
{
    if (w->held_count == HELD_MAX)
        let_go(w, 0, BUS_MAP_UNREAD);
    w->held[w->held_count++] = (struct held){.device = device, .report = report, .len = len};
}

/* Readings of one point are told in their order: before the next one goes what nobody confirmed. */
static void let_older_go(struct bus_worker *w, uint16_t device, const struct bus_report *report)
{
    for (size_t i = w->held_count; i-- > 0;)
        if (w->held[i].device == device &&
            w->held[i].report->samples[0].point == report->samples[0].point)
            let_go(w, i, BUS_MAP_UNREAD);
}

static bool is_mapped(const struct bus_worker *w, uint16_t device, const struct bus_report *report)
{
    const struct profile *profile = device_at(w, device)->profile;
    for (size_t i = 0; w->maps && i < report->count; i++)
        if (profile->points[report->samples[i].point].code)
            return true;
    return false;
}

static void pass_on(struct bus_worker *w, const struct poll_report *r, struct bus_report *report,
                    size_t len)
{
    if (!is_mapped(w, r->device, report)) {
        post_report(w, report, len);
        return;
    }
    let_older_go(w, r->device, report);
    if (r->cause == CAUSE_NONE)
        hold(w, r->device, report, len);
    else
        post_report(w, report, len);
}

/* The registers of r's points, for who watches: lost without harm. */
static void post_raw(struct bus_worker *w, const struct poll_report *r)
{
    const struct bus_device *d = device_at(w, r->device);
    unsigned end = r->address;
    for (size_t i = 0; i < r->points; i++) {
        const struct point *p = &d->profile->points[w->config.plan->points[r->first + i]];
        if ((unsigned)p->address + p->count > end)
            end = (unsigned)p->address + p->count;
    }
    size_t count = end - r->address, len = sizeof(struct bus_raw) + count * sizeof(uint16_t);
    struct bus_raw *raw = malloc(len);
    if (!raw)
        return;
    raw->device = d->index;
    raw->address = r->address;
    raw->count = (uint16_t)count;
    memcpy(raw->values, w->values, count * sizeof(uint16_t));
    mailbox_post_bulk(w->config.mailbox, &(struct mail){.type = BUS_RAW, .data = raw, .len = len});
}

static void do_report(struct bus_worker *w, const struct poll_report *r)
{
    if (r->role != PLAN_POINTS) {
        enum bus_map_word word = bus_maps_take(w->maps, r, w->values);
        if (word != BUS_MAP_NOTHING)
            let_device_go(w, r->device, word);
        return;
    }
    assert(r->points > 0);
    const struct bus_device *d = device_at(w, r->device);
    size_t len = sizeof(struct bus_report) + r->points * sizeof(struct sample);
    struct bus_report *report = malloc(len);
    if (!report) {
        atomic_fetch_add(&w->dropped, r->points);
        return;
    }
    report->bus = w->config.bus;
    report->count = r->points;
    for (size_t i = 0; i < r->points; i++) {
        uint16_t point = w->config.plan->points[r->first + i];
        struct sample *s = &report->samples[i];
        if (r->cause == CAUSE_NONE)
            good_sample(w, r->device, &d->profile->points[point], r->address, s);
        else
            *s = bad_sample(w, r->cause, r->exception);
        s->device = d->index;
        s->point = point;
    }
    if (atomic_load_explicit(&w->shown, memory_order_relaxed) && r->cause == CAUSE_NONE)
        post_raw(w, r);
    pass_on(w, r, report, len);
}

/* --- changes of state --- */

static void do_note(struct bus_worker *w, const struct poll_note *n)
{
    struct bus_state *state = calloc(1, sizeof(*state));
    if (!state) {
        log_error("bus %s: no memory to report a change of state", line_name(w));
        return;
    }
    state->bus = w->config.bus;
    state->kind = n->kind;
    if (n->device < w->config.plan->device_count)
        state->device = device_at(w, n->device)->index;
    state->exception = n->report.exception;
    bus_say(w->config.plan, n, &w->open_error, state->text);
    post_control(w, BUS_STATE, state, sizeof(*state));
}

/* --- writes --- */

static struct sample outcome_sample(const struct bus_worker *w, enum bus_outcome outcome,
                                    uint8_t exception)
{
    switch (outcome) {
    case BUS_EXCEPTION:
        return bad_sample(w, CAUSE_EXCEPTION, exception);
    case BUS_DAMAGED:
    case BUS_FOREIGN:
        return bad_sample(w, CAUSE_CRC, 0);
    default:
        return bad_sample(w, CAUSE_TIMEOUT, 0);
    }
}

static void do_written(struct bus_worker *w, const struct poll_written *r)
{
    const struct bus_device *d = device_at(w, r->device);
    const struct point *point = &d->profile->points[r->read_point];
    struct bus_written *written = calloc(1, sizeof(*written));
    if (!written) {
        log_error("bus %s: no memory for the result of a write", line_name(w));
        return;
    }
    written->bus = w->config.bus;
    written->id = r->id;
    if (r->written != BUS_OK)
        written->read_back = outcome_sample(w, r->written, r->exception);
    else if (r->broadcast)
        written->read_back = (struct sample){.quality = QUALITY_BAD};
    else if (r->read_back != BUS_OK)
        written->read_back = outcome_sample(w, r->read_back, r->exception);
    else
        good_sample(w, r->device, point, point->address, &written->read_back);
    written->maybe_written = r->written != BUS_EXCEPTION && r->written != BUS_LOST;
    written->read_back.device = d->index;
    written->read_back.point = r->read_point;
    written->broadcast = r->broadcast;
    post_control(w, BUS_WRITTEN, written, sizeof(*written));
}

/* Hands the machine the oldest waiting write, or else ask, when it has none. */
static void feed_job(struct bus_worker *w)
{
    pthread_mutex_lock(&w->lock);
    if (w->write_count > 0 && poll_write(w->poll, &w->writes[w->write_first]) != ERR_AGAIN) {
        w->write_first = (w->write_first + 1) % BUS_WRITES_MAX;
        w->write_count--;
    }
    const struct ask *ask = &w->asks[w->ask_first];
    if (w->ask_count > 0 && poll_ask(w->poll, ask->id, &ask->request) != ERR_AGAIN) {
        w->ask_first = (w->ask_first + 1) % BUS_ASKS_MAX;
        w->ask_count--;
    }
    pthread_mutex_unlock(&w->lock);
}

static int check_writable(const struct bus_worker *w, uint16_t device, uint16_t point,
                          struct err *e)
{
    if (device >= w->config.plan->device_count)
        return err_set(e, ERR_NOTFOUND, "bus %s has no device %u", line_name(w), device);
    const struct bus_device *d = device_at(w, device);
    if (point >= d->profile->point_count)
        return err_set(e, ERR_NOTFOUND, "device %s has no point %u", d->name, point);
    if (!poll_writable(w->config.plan, device, point))
        return err_set(e, ERR_DENIED, "device %s: point %s cannot be written: profile %s", d->name,
                       d->profile->points[point].name, d->profile->name);
    return 0;
}

int bus_worker_write(struct bus_worker *w, uint64_t id, uint16_t plan_device, uint16_t point,
                     const struct value *value, struct err *e)
{
    struct poll_write write = {.id = id, .device = plan_device, .point = point};
    int rc = check_writable(w, plan_device, point, e);
    if (rc != 0)
        return rc;
    rc = point_encode(&device_at(w, plan_device)->profile->points[point], value, write.values, e);
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&w->lock);
    if (w->write_count == BUS_WRITES_MAX) {
        rc = err_set(e, ERR_FULL, "bus %s: %d writes are waiting already", line_name(w),
                     BUS_WRITES_MAX);
    } else {
        w->writes[(w->write_first + w->write_count++) % BUS_WRITES_MAX] = write;
        pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->lock);
    return rc;
}

/* --- a person's requests --- */

static void do_answer(struct bus_worker *w, const struct poll_answer *a)
{
    size_t len = sizeof(struct bus_answer) + a->count * sizeof(uint16_t);
    struct bus_answer *answer = calloc(1, len);
    if (!answer) {
        log_error("bus %s: no memory for an answer", line_name(w));
        return;
    }
    answer->bus = w->config.bus;
    answer->id = a->id;
    answer->reply = a->reply;
    answer->turnaround_us = a->reply.turnaround_us;
    answer->count = a->count;
    memcpy(answer->values, w->values, a->count * sizeof(uint16_t));
    post_control(w, BUS_ANSWER, answer, len);
}

int bus_worker_ask(struct bus_worker *w, uint64_t id, const struct bus_request *q, struct err *e)
{
    size_t words = frame_written(q);
    if (!poll_askable(w->config.plan, q))
        return err_set(e, ERR_INVALID,
                       "bus %s: function %u, address %u, count %u is no request to unit %u",
                       line_name(w), q->function, q->address, q->count, q->unit);
    int rc = 0;
    pthread_mutex_lock(&w->lock);
    if (w->ask_count == BUS_ASKS_MAX) {
        rc = err_set(e, ERR_FULL, "bus %s: %d requests are waiting already", line_name(w),
                     BUS_ASKS_MAX);
    } else {
        struct ask *ask = &w->asks[(w->ask_first + w->ask_count++) % BUS_ASKS_MAX];
        ask->id = id;
        ask->request = *q;
        ask->request.values = ask->values;
        if (words > 0)
            memcpy(ask->values, q->values, words * sizeof(*q->values));
        pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->lock);
    return rc;
}

/* --- handing the port over --- */

static void reach_out(struct bus_worker *w, enum hand hand)
{
    pthread_mutex_lock(&w->lock);
    w->hand = hand;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

void bus_worker_release(struct bus_worker *w)
{
    reach_out(w, HAND_RELEASE);
}

void bus_worker_resume(struct bus_worker *w)
{
    reach_out(w, HAND_RESUME);
}

static void hand_over(struct bus_worker *w, enum hand hand)
{
    if (hand == HAND_RESUME)
        poll_resume(w->poll, clk_mono(w->config.clk));
    if (hand != HAND_RELEASE)
        return;
    w->config.port->ops->close(w->config.port);
    poll_release(w->poll);
    post_control(w, BUS_RELEASED, NULL, 0);
}

/* --- timing --- */

static size_t bucket_of(uint32_t us)
{
    size_t i = 0;
    while (i < BUS_TIMING_BUCKETS - 1 &&
           us >= (uint32_t)(i % 2 ? BUCKET_FACTOR_US : BUCKET_FIRST_US) << (i / 2))
        i++;
    return i;
}

static void note_timing(struct bus_worker *w, const struct bus_reply *reply)
{
    struct bus_timing *t = &w->timing;
    pthread_mutex_lock(&w->lock);
    t->early += reply->early_bytes + (uint64_t)reply->hasty;
    t->noise_bytes += (uint64_t)reply->noise_bytes + reply->early_bytes;
    t->pauses += reply->pause;
    if (reply->turnaround_us > 0) {
        t->replies++;
        t->turnaround[bucket_of(reply->turnaround_us)]++;
        if (reply->turnaround_us > t->longest_us)
            t->longest_us = reply->turnaround_us;
    }
    pthread_mutex_unlock(&w->lock);
}

void bus_worker_get_timing(struct bus_worker *w, struct bus_timing *out)
{
    pthread_mutex_lock(&w->lock);
    *out = w->timing;
    pthread_mutex_unlock(&w->lock);
}

/* --- the thread --- */

static struct clk_mono now_of(const struct bus_worker *w)
{
    return clk_mono(w->config.clk);
}

static struct timespec nap_end(int64_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static void nap(struct bus_worker *w, struct clk_mono until)
{
    int64_t ms = until.ms - now_of(w).ms;
    struct timespec end = nap_end(ms < NAP_MAX_MS ? ms : NAP_MAX_MS);
    pthread_mutex_lock(&w->lock);
    if (ms > 0 && !w->stop && w->hand == HAND_NOTHING && w->write_count + w->ask_count == 0)
        pthread_cond_timedwait(&w->wake, &w->lock, &end);
    pthread_mutex_unlock(&w->lock);
}

static void do_open(struct bus_worker *w)
{
    int rc = w->config.port->ops->open(w->config.port, &w->open_error);
    poll_opened(w->poll, now_of(w), rc == 0);
}

static void do_send(struct bus_worker *w, const struct bus_request *q)
{
    struct bus_reply reply;
    w->config.port->ops->transact(w->config.port, q, w->values, &reply);
    w->reply_utc = clk_utc(w->config.clk);
    w->reply_mono = now_of(w);
    note_timing(w, &reply);
    poll_replied(w->poll, w->reply_mono, &reply);
}

static void do_drain(struct bus_worker *w, const struct poll_action *a)
{
    size_t bytes = 0;
    bool quiet = w->config.port->ops->drain(w->config.port, a->quiet_ms, a->limit_ms, &bytes);
    pthread_mutex_lock(&w->lock);
    w->timing.noise_bytes += bytes;
    pthread_mutex_unlock(&w->lock);
    poll_drained(w->poll, now_of(w), bytes, quiet);
}

static void act(struct bus_worker *w, const struct poll_action *a)
{
    switch (a->kind) {
    case POLL_OPEN:
        do_open(w);
        break;
    case POLL_SEND:
        do_send(w, &a->request);
        break;
    case POLL_DRAIN:
        do_drain(w, a);
        break;
    case POLL_WAIT:
        nap(w, a->until);
        break;
    case POLL_REPORT:
        do_report(w, &a->report);
        break;
    case POLL_NOTE:
        do_note(w, &a->note);
        break;
    case POLL_WRITTEN:
        do_written(w, &a->written);
        break;
    case POLL_ANSWER:
        do_answer(w, &a->answer);
        break;
    }
}

/* Also takes what other threads want; the last wish counts. */
static bool check_in(struct bus_worker *w)
{
    atomic_store(&w->alive_ms, now_of(w).ms);
    pthread_mutex_lock(&w->lock);
    poll_get_stats(w->poll, &w->stats);
    bool stop = w->stop;
    enum hand hand = w->hand;
    w->hand = HAND_NOTHING;
    pthread_mutex_unlock(&w->lock);
    hand_over(w, hand);
    return !stop;
}

static void *run(void *arg)
{
    struct bus_worker *w = arg;
    while (check_in(w)) {
        struct poll_action a;
        feed_job(w);
        poll_next(w->poll, now_of(w), &a);
        act(w, &a);
    }
    while (w->held_count > 0)
        let_go(w, 0, BUS_MAP_UNREAD);
    w->config.port->ops->close(w->config.port);
    pthread_mutex_lock(&w->lock);
    w->ended = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* --- life --- */

static void worker_free(struct bus_worker *w)
{
    poll_destroy(w->poll);
    bus_maps_destroy(w->maps);
    if (w->config.port)
        w->config.port->ops->destroy(w->config.port);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* Signals are the main thread's. */
static int start_thread(struct bus_worker *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int bus_worker_create(const struct bus_worker_config *config, struct bus_worker **out,
                      struct err *e)
{
    struct bus_worker *w = calloc(1, sizeof(*w));
    if (!w) {
        config->port->ops->destroy(config->port);
        return err_set(e, ERR_NOMEM, "bus %s: no memory for its worker", config->plan->line->name);
    }
    w->config = *config;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&w->lock, NULL);
    w->poll = poll_create(config->plan, config->seed, now_of(w));
    if (!w->poll || bus_maps_create(config->plan, &w->maps) != 0) {
        worker_free(w);
        return err_set(e, ERR_NOMEM, "bus %s: no memory to poll it", config->plan->line->name);
    }
    w->limit_ms = (int64_t)poll_action_max_ms(w->poll) + NAP_MAX_MS + BUS_WEDGED_GRACE_MS;
    atomic_store(&w->alive_ms, now_of(w).ms);
    int rc = start_thread(w);
    if (rc != 0) {
        worker_free(w);
        return err_set(e, ERR_IO, "bus %s: cannot start its thread: %s", config->plan->line->name,
                       strerror(rc));
    }
    *out = w;
    return 0;
}

static bool ends_in_time(struct bus_worker *w)
{
    struct timespec end = nap_end(w->limit_ms);
    int rc = 0;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    while (!w->ended && rc == 0)
        rc = pthread_cond_timedwait(&w->wake, &w->lock, &end);
    bool ended = w->ended;
    pthread_mutex_unlock(&w->lock);
    return ended;
}

int bus_worker_destroy(struct bus_worker *w)
{
    if (!w)
        return 0;
    if (!ends_in_time(w)) {
        log_error("bus %s: its thread does not stop; it is left behind", line_name(w));
        pthread_detach(w->thread);
        return ERR_TIMEOUT;
    }
    pthread_join(w->thread, NULL);
    worker_free(w);
    return 0;
}

int64_t bus_worker_limit_ms(const struct bus_worker *w)
{
    return w->limit_ms;
}

bool bus_worker_wedged(const struct bus_worker *w, struct clk_mono now)
{
    return now.ms - atomic_load(&w->alive_ms) > w->limit_ms;
}

void bus_worker_show(struct bus_worker *w, bool on)
{
    atomic_store(&w->shown, on);
}

void bus_worker_get_stats(struct bus_worker *w, struct poll_stats *out)
{
    pthread_mutex_lock(&w->lock);
    *out = w->stats;
    pthread_mutex_unlock(&w->lock);
}

uint64_t bus_worker_dropped(const struct bus_worker *w)
{
    return atomic_load(&w->dropped);
}
