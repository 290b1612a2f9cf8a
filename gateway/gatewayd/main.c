/*
 * gatewayd: reads the buses, keeps every sample until the centre has it, forwards.
 *
 * main is the architecture: what is started in which order, and its exact reverse.
 */
#include "gateway/gatewayd/gatewayd.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cli.h"
#include "base/log.h"
#include "gateway/io/config_file.h"
#include "gateway/io/control_file.h"
#include "gateway/io/notify.h"

#define CONFIG_DEFAULT "/etc/ioc/gateway.json"
#define ARENAS_MAX     1 /* of malloc: one a thread, its default, costs megabytes and gains nothing */

/* Tables made at the start are sized for the worst case and live as long as the process: mapped one
 * by one they take only the memory they use. What comes and goes later is better in the heap. */
#define MAPPED_AT_START (16 * 1024)
#define MAPPED_LATER    (128 * 1024)

static void on_mail(void *owner, const struct mail *m)
{
    struct gatewayd *g = owner;
    if (m->type >= GATEWAYD_MQTT_MAIL && m->type <= GATEWAYD_MQTT_MAIL + MQTT_MESSAGE)
        gatewayd_uplink_mail(g, m);
    else if (m->type >= BUS_REPORT && m->type <= BUS_RAW)
        gatewayd_buses_mail(g, m);
    else
        gatewayd_packs_mail(g, m);
}

static int mail_start(struct gatewayd *g, struct err *e)
{
    g->mailbox = mailbox_create(GATEWAYD_MAIL_SLOTS, GATEWAYD_MAIL_RESERVED);
    if (!g->mailbox)
        return err_set(e, ERR_NOMEM, "no memory for the mailbox");
    const struct intake_options options = {.loop = g->loop,
                                           .mailbox = g->mailbox,
                                           .mail = on_mail,
                                           .owner = g,
                                           .pause_ms = GATEWAYD_MAIL_PAUSE_MS,
                                           .turn_max = GATEWAYD_MAIL_SLOTS};
    if (intake_init(&g->intake, &options) != 0)
        return err_set_errno(e, "watching the mailbox");
    return 0;
}

/* What was read and never reached the spool is counted, and said. */
static void say_lost(struct gatewayd *g)
{
    uint64_t dropped = mailbox_dropped(g->mailbox);
    if (dropped != g->mail_dropped)
        log_warn("%" PRIu64 " mails found the mailbox full: the loop is too slow for what comes in",
                 dropped - g->mail_dropped);
    if (g->samples_lost != g->samples_lost_said)
        log_warn("%" PRIu64 " samples lost from memory: the spool took no packs, or the clock is "
                 "outside 1970-2100",
                 g->samples_lost - g->samples_lost_said);
    g->mail_dropped = dropped;
    g->samples_lost_said = g->samples_lost;
}

/* The loop checks in: the supervisor hears of it, wedged workers are found. */
static void on_health(struct loop_timer *timer, struct clk_mono now)
{
    struct gatewayd *g = timer->owner;
    gatewayd_buses_health(g, now);
    say_lost(g);
    if (notify_watchdog_ms())
        notify_send("WATCHDOG=1");
    int64_t every = notify_watchdog_ms();
    if (every == 0 || every > GATEWAYD_HEALTH_MS)
        every = GATEWAYD_HEALTH_MS;
    if (loop_timer_start(g->loop, timer, clk_mono_add(now, every)) != 0)
        loop_stop(g->loop, CLI_FAILED);
}

static void on_stop_limit(struct loop_timer *timer, struct clk_mono now)
{
    struct gatewayd *g = timer->owner;
    (void)now;
    log_warn("the goodbye took too long: ending without it");
    loop_stop(g->loop, CLI_OK);
}

/* An orderly end: buses stop, what was sampled is packed and kept, the broker is told. */
static void on_signal(struct signals *signals, int number)
{
    struct gatewayd *g = signals->owner;
    (void)number;
    if (g->stopping)
        return;
    g->stopping = true;
    notify_send("STOPPING=1");
    log_info("stopping");
    struct clk_mono now = clk_mono(g->clk);
    g->stop_timer = (struct loop_timer){.fire = on_stop_limit, .owner = g};
    if (loop_timer_start(g->loop, &g->stop_timer, clk_mono_add(now, GATEWAYD_STOP_MS)) != 0)
        loop_stop(g->loop, CLI_OK);
    uplink_stop(&g->uplink, now);
    gatewayd_uplink_run(g);
}

static int loop_start(struct gatewayd *g, struct err *e)
{
    g->loop = loop_create(g->clk);
    return g->loop ? 0 : err_set(e, ERR_NOMEM, "no memory for the event loop");
}

static int health_start(struct gatewayd *g, struct err *e)
{
    g->health_timer = (struct loop_timer){.fire = on_health, .owner = g};
    if (loop_timer_start(g->loop, &g->health_timer, clk_mono(g->clk)) != 0)
        return err_set(e, ERR_NOMEM, "no memory for a timer");
    return 0;
}

static int start(struct gatewayd *g, struct err *e)
{
    int rc = loop_start(g, e);
    rc = rc ? rc : signals_init(&g->signals, g->loop, on_signal, g, e);
    rc = rc ? rc : mail_start(g, e);
    rc = rc ? rc : gatewayd_packs_start(g, e);
    rc = rc ? rc : gatewayd_uplink_start(g, e);
    rc = rc ? rc : gatewayd_buses_start(g, e);
    rc = rc ? rc : gatewayd_control_start(g, e);
    rc = rc ? rc : gatewayd_ctl_start(g, e);
    return rc ? rc : health_start(g, e);
}

static void finish(struct gatewayd *g)
{
    gatewayd_ctl_stop(g);
    gatewayd_control_stop(g);
    bool ended = gatewayd_buses_stop(g);
    if (g->mailbox)
        intake_take(&g->intake); /* what the workers read last */
    gatewayd_uplink_stop(g);
    gatewayd_packs_stop(g);
    if (!ended)
        _exit(CLI_OK); /* everything sampled is kept; the stuck thread's memory goes with the
                          process */
    intake_finish(&g->intake);
    mailbox_destroy(g->mailbox);
    signals_finish(&g->signals);
    loop_destroy(g->loop);
}

static int run(struct gateway_config *config, struct err *e)
{
    struct gatewayd *g = calloc(1, sizeof(*g));
    if (!g)
        return err_set(e, ERR_NOMEM, "no memory");
    g->config = config;
    g->clk = clk_system();
    int rc = start(g, e);
    if (rc == 0) {
        log_info("%s in %s: %zu buses, %zu devices, configuration %s", config->gateway,
                 config->area, config->bus_count, config->device_count, config->conf);
        mallopt(M_MMAP_THRESHOLD, MAPPED_LATER);
        malloc_trim(0); /* what only reading the configuration took */
        notify_send("READY=1");
        rc = loop_run(g->loop);
    }
    finish(g);
    free(g);
    return rc;
}

int main(int argc, char **argv)
{
    struct cli_daemon o = {
        .name = "gatewayd",
        .config = CONFIG_DEFAULT,
        .summary =
            "Reads Modbus buses, keeps every sample until the centre has it, forwards over MQTT.\n"
            "Exit codes: 0 ended in order, 1 failed, 2 bad configuration, 64 bad usage."};
    struct gateway_config *config;
    struct err e = {0};
    int status;
    if (!cli_parse_daemon(&o, argc, argv, &status))
        return status;
    log_init("gatewayd", LOG_LEVEL_INFO);
    mallopt(M_ARENA_MAX, ARENAS_MAX);
    mallopt(M_MMAP_THRESHOLD, MAPPED_AT_START);
    if (config_file_load(o.config, &config, &e) != 0) {
        cli_fail("gatewayd", &e);
        return CLI_BAD_INPUT;
    }
    log_init("gatewayd", gateway_config_log_level(config));
    int rc = 0;
    if (o.print)
        rc = config_file_print(config, &e);
    else if (o.check)
        rc = control_file_check(config, &e);
    else
        rc = run(config, &e);
    if (rc < 0)
        cli_fail("gatewayd", &e);
    gateway_config_free(config);
    return rc == 0 ? CLI_OK : o.check ? CLI_BAD_INPUT : CLI_FAILED;
}
