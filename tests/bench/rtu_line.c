/*
 * How near the gateway's own engine (poller, worker, port) comes to the line-time formula: it polls
 * the first bus of a gateway's configuration, faster than the line can carry, so that one
 * transaction follows the other, and counts the replies.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench_mqtt.h"
#include "gateway/core/bus/lines.h"
#include "gateway/io/bus/bus_port.h"
#include "gateway/io/bus/bus_worker.h"
#include "gateway/io/config_file.h"

#define MAIL_SLOTS 1024
#define SETTLE_S   1 /* the first round, and the line's first silence */

static void give_up(const struct err *e)
{
    fprintf(stderr, "rtu_line: %s\n", e->text);
    exit(1);
}

/* Good replies that arrive within so many seconds; *took is the time from the first to the last,
 * which is that of one less. */
static unsigned long count_replies(struct mailbox *mailbox, double seconds, double *took)
{
    unsigned long replies = 0;
    double first = 0;
    const double end = bench_now_s() + seconds;
    for (double now = bench_now_s(); now < end; now = bench_now_s()) {
        struct pollfd fd = {.fd = mailbox_fd(mailbox), .events = POLLIN};
        struct mail m;
        poll(&fd, 1, (int)((end - now) * 1000) + 1);
        for (; mailbox_take(mailbox, &m); free(m.data)) {
            const struct bus_report *report = m.data;
            if (m.type != BUS_REPORT || report->samples[0].quality != QUALITY_GOOD)
                continue;
            *took = bench_now_s() - first;
            first = replies++ == 0 ? bench_now_s() : first;
        }
    }
    return replies;
}

int main(int argc, char **argv)
{
    const double seconds = strtod(bench_option(argc, argv, "seconds", "10"), NULL);
    struct gateway_config *config;
    struct lines_bus bus;
    struct bus_worker *worker;
    struct err e = {0};
    if (config_file_load(bench_option(argc, argv, "config", NULL), &config, &e) != 0 ||
        lines_plan(config, 0, &bus, &e) != 0)
        give_up(&e);
    for (size_t i = 0; i < bus.plan->request_count; i++)
        bus.plan->requests[i].period_ms = PLAN_PERIOD_MIN_MS;
    struct mailbox *mailbox = mailbox_create(MAIL_SLOTS, 8);
    const struct bus_worker_config options = {.plan = bus.plan,
                                              .port = bus_port_create(&bus.line),
                                              .mailbox = mailbox,
                                              .clk = clk_system(),
                                              .seed = 1};
    if (!mailbox || !options.port || bus_worker_create(&options, &worker, &e) != 0)
        give_up(&e);
    double took = 0;
    (void)count_replies(mailbox, SETTLE_S, &took);
    unsigned long replies = count_replies(mailbox, seconds, &took);
    if (replies < 2) {
        err_set(&e, ERR_TIMEOUT, "the slaves do not answer");
        give_up(&e);
    }
    printf("{\"transactions\":%lu,\"seconds\":%.4f,\"line_us\":%lld}\n", replies - 1, took,
           (long long)plan_request_us(bus.plan, &bus.plan->requests[0]));
    bus_worker_destroy(worker);
    lines_unplan(&bus);
    mailbox_destroy(mailbox);
    gateway_config_free(config);
    return 0;
}
