/*
 * collectord: takes packs from gateways, commits them, raises alarms, tells operators.
 *
 * main is a chain of init functions, undone in reverse at the end. Exit codes: 0 stopped as asked,
 * 1 could not go on, 2 the configuration or a file it names breaks its rules, 64 wrong usage.
 */
#include "collector/collectord/collectord.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cli.h"
#include "base/log.h"
#include "io/fsx.h"
#include "model/topic.h"

#define CONFIG_DEFAULT "/etc/ioc/collector.json"
#define MAIL_A_TURN    256    /* before timers get their turn again */
#define MQTT_MAIL      0x4d00 /* below enum store_mail */

struct alarm_now collectord_now(const struct collectord *c)
{
    return (struct alarm_now){.utc = clk_utc(c->clk), .mono = clk_mono(c->clk)};
}

/* --- the loop's events --- */

static void set_alarm_timer(struct collectord *c)
{
    struct clk_mono next = alarm_next(c->alarms);
    if (next.ms == CLK_NEVER.ms)
        loop_timer_stop(c->loop, &c->alarm);
    else
        loop_timer_start(c->loop, &c->alarm, next);
}

static void take_mail(struct collectord *c, struct mail *m)
{
    if (m->type >= STORE_COMMITTED) {
        batch_event(c, m);
    } else if (m->type == MQTT_MAIL + MQTT_MESSAGE) {
        const struct mqtt_message *message = m->data;
        packs_message(c, mqtt_message_topic(message), mqtt_message_payload(message),
                      message->payload_len, message->retained);
    } else {
        link_event(c, m->type - MQTT_MAIL, m);
    }
    free(m->data);
}

static void mail_ready(struct loop_watch *watch, uint32_t events)
{
    struct collectord *c = watch->owner;
    struct mail m;
    (void)events;
    for (int i = 0; i < MAIL_A_TURN && mailbox_take(c->mail, &m); i++) {
        take_mail(c, &m);
        batch_step(c);
    }
    set_alarm_timer(c);
}

static void tick_fired(struct loop_timer *timer, struct clk_mono now)
{
    struct collectord *c = timer->owner;
    ingest_step_time(c->ingest, (struct ingest_now){.utc = clk_utc(c->clk), .mono = now});
    batch_step(c);
    commands_step_time(c);
    packs_acknowledge(c);
    batch_send(c);
    loop_timer_start(c->loop, timer, clk_mono_add(now, COLLECTORD_TICK_MS));
}

static void alarm_fired(struct loop_timer *timer, struct clk_mono now)
{
    struct collectord *c = timer->owner;
    (void)now;
    alarm_step_time(c->alarms, collectord_now(c));
    batch_step(c);
    set_alarm_timer(c);
}

static void reconcile_fired(struct loop_timer *timer, struct clk_mono now)
{
    (void)now;
    alerts_quiet(timer->owner);
}

static void signal_arrived(struct signals *signals, int number)
{
    struct collectord *c = signals->owner;
    log_info("stopping on signal %d", number);
    loop_stop(c->loop, 0);
}

/* --- files --- */

/* Reads the file and hands it to parse; what parse refuses is said with the file's name. */
static int parse_file(const char *path, size_t max,
                      int (*parse)(void *into, const char *text, size_t len, struct err *e),
                      void *into, struct err *e)
{
    char *text = NULL;
    size_t len = 0;
    int rc = fsx_read_file(path, max, &text, &len, e);
    if (rc < 0)
        return rc;
    rc = parse(into, text, len, e);
    if (rc < 0)
        err_prefix(e, "%s", path);
    free(text);
    return rc;
}

static int parse_rules(void *into, const char *text, size_t len, struct err *e)
{
    return rules_parse(text, len, into, e);
}

static int parse_operators(void *into, const char *text, size_t len, struct err *e)
{
    return operators_parse(text, len, into, e);
}

/* The files that the configuration names. */
static int load_files(struct collectord *c, struct err *e)
{
    int rc = parse_file(c->config->rules, RULES_FILE_MAX, parse_rules, &c->rules, e);
    if (rc < 0 || c->config->operators[0] == '\0')
        return rc;
    return parse_file(c->config->operators, ACCESS_FILE_MAX, parse_operators, &c->operators, e);
}

/* --- what the store remembers --- */

static int load_epoch(void *user, const char *gateway, uint64_t epoch, const struct rangeset *done,
                      const struct rangeset *gaps)
{
    struct collectord *c = user;
    return ingest_restore(c->ingest, gateway, epoch, done, gaps);
}

static int load_area(void *user, const char *area, uint64_t list_revision)
{
    struct collectord *c = user;
    return alarm_restore_area(c->alarms, area, list_revision, NULL);
}

/* A row that does not hold together costs that alarm, not the start. */
static int load_alarm(void *user, const char *id, const void *row, size_t len)
{
    struct collectord *c = user;
    struct err e = {0};
    if (alarm_restore(c->alarms, row, len, collectord_now(c), &e) < 0)
        log_error("alarm %s is not restored: %s", id, e.text);
    return 0;
}

static int load_description(void *user, const char *gateway, const char *conf, const char *device,
                            const char *json)
{
    struct collectord *c = user;
    struct err e = {0};
    if (interpret_restore(c->interpret, gateway, conf, json, strlen(json), &e) < 0)
        log_warn("description of %s/%s is not used: %s", gateway, device, e.text);
    return 0;
}

static int load_outbox(void *user, uint64_t number, const char *topic, bool retain,
                       const void *payload, size_t len)
{
    struct collectord *c = user;
    struct topic t;
    const struct journal_entry e = {.kind = JOURNAL_PLAIN,
                                    .number = number,
                                    .retain = retain,
                                    .topic = topic,
                                    .key = topic_parse(topic, &t) == 0 ? t.name : "",
                                    .payload = payload,
                                    .payload_len = len};
    return journal_put_committed(c->journal, &e);
}

static int load_reply(void *user, const char *operator_name, const char *id, const char *json)
{
    struct collectord *c = user;
    struct operator_reply r;
    (void)id;
    if (operator_reply_decode(json, strlen(json), &r, NULL) == 0)
        replies_put(c->replies, operator_name, &r);
    return 0;
}

/* The outbox first: what is told while alarms are restored goes behind it. */
static int load_store(struct collectord *c, struct err *e)
{
    int rc = store_load_outbox(c->store, load_outbox, c, e);
    if (rc == 0)
        rc = store_load_epochs(c->store, load_epoch, c, e);
    if (rc == 0)
        rc = store_load_areas(c->store, load_area, c, e);
    if (rc == 0)
        rc = store_load_alarms(c->store, load_alarm, c, e);
    if (rc == 0)
        rc = store_load_descriptions(c->store, load_description, c, e);
    return rc ? rc : store_load_replies(c->store, load_reply, c, e);
}

/* --- the init chain --- */

static int init_loop(struct collectord *c, struct err *e)
{
    c->clk = clk_system();
    c->loop = loop_create(c->clk);
    c->mail = mailbox_create(COLLECTORD_MAIL_MAX, COLLECTORD_INFLIGHT_MAX + 64);
    c->text = malloc(MESSAGE_SIZE_MAX);
    c->peers = calloc(COLLECTORD_GATEWAYS_MAX, sizeof(*c->peers));
    c->replies = calloc(1, sizeof(*c->replies));
    c->relay = calloc(1, sizeof(*c->relay));
    c->seen_mask = 2 * (size_t)COLLECTORD_ALARMS_MAX - 1;
    c->seen = calloc(c->seen_mask + 1, sizeof(*c->seen));
    if (!c->loop || !c->mail || !c->text || !c->peers || !c->replies || !c->relay || !c->seen)
        return err_set(e, ERR_NOMEM, "no memory to start");
    replies_init(c->replies);
    relay_init(c->relay);
    rng_init(&c->rng, (uint64_t)clk_mono(c->clk).ms ^ (uint64_t)getpid() << 32);
    c->filling_since = c->retry_since = c->ill_since = CLK_NEVER;
    c->mail_watch = (struct loop_watch){.ready = mail_ready, .owner = c, .fd = mailbox_fd(c->mail)};
    if (loop_watch_add(c->loop, &c->mail_watch, EPOLLIN) < 0)
        return err_set_errno(e, "the mailbox cannot be watched");
    return signals_init(&c->signals, c->loop, signal_arrived, c, e);
}

static int init_store(struct collectord *c, struct err *e)
{
    const struct store_options options = {.path = c->config->store.path,
                                          .clk = c->clk,
                                          .quarantine_max = (uint64_t)c->config->quarantine.packs};
    int rc = store_open(&options, &c->store, e);
    if (rc < 0)
        return rc;
    c->outbox_next = store_outbox_next(c->store);
    return journal_create(COLLECTORD_JOURNAL_MAX, COLLECTORD_JOURNAL_BYTES, &c->journal, e);
}

static int init_core(struct collectord *c, struct err *e)
{
    const struct alarm_limits limits = {.areas = COLLECTOR_AREAS_MAX * 2,
                                        .gateways = COLLECTORD_GATEWAYS_MAX,
                                        .series = COLLECTORD_POINTS_MAX,
                                        .alarms = COLLECTORD_ALARMS_MAX};
    const struct alarm_sink sink = {.transition = alerts_transition, .user = c};
    const struct interpret_options meaning = {.gateways_max = COLLECTORD_GATEWAYS_MAX,
                                              .live_age_max_ms = c->config->live_age_max_s * 1000};
    const struct ingest_limits flow = {.gateways = COLLECTORD_GATEWAYS_MAX,
                                       .credit_total = (uint32_t)c->config->credit.total,
                                       .credit_max = (uint32_t)c->config->credit.gateway_max,
                                       .future_max_ms = c->config->future_max_s * 1000};
    struct ingest_sink rows = packs_sink;
    struct interpret_ops ops = packs_ops;
    rows.user = c;
    ops.user = c;
    int rc = alarm_create(c->rules, &limits, &sink, &c->alarms, e);
    if (rc == 0)
        rc = interpret_create(&meaning, &ops, &c->interpret, e);
    if (rc == 0)
        rc = ingest_create(&flow, &rows, &c->ingest, e);
    return rc ? rc : load_store(c, e);
}

static int init_link(struct collectord *c, struct err *e)
{
    const struct broker_config *b = &c->config->broker;
    const struct mqtt_options options = {.host = b->host,
                                         .port = (uint16_t)b->port,
                                         .client_id = c->config->name,
                                         .ca_file = b->ca,
                                         .cert_file = b->cert,
                                         .key_file = b->key,
                                         .keepalive_s = (unsigned)b->keepalive_s,
                                         .connect_timeout_s = 10,
                                         .inflight_max = COLLECTORD_INFLIGHT_MAX,
                                         .orders_max = 4096,
                                         .mqtt5 = true,
                                         .mail_base = MQTT_MAIL};
    int rc = mqtt_check_files(&options, e);
    if (rc == 0)
        rc = store_start(c->store, c->mail, e);
    return rc ? rc : mqtt_create(&options, c->mail, &c->mqtt, e);
}

static void start_timers(struct collectord *c)
{
    c->tick = (struct loop_timer){.fire = tick_fired, .owner = c};
    c->alarm = (struct loop_timer){.fire = alarm_fired, .owner = c};
    c->reconcile = (struct loop_timer){.fire = reconcile_fired, .owner = c};
    loop_timer_start(c->loop, &c->tick, clk_mono(c->clk));
    set_alarm_timer(c);
    link_start(c);
}

static void finish(struct collectord *c)
{
    mqtt_destroy(c->mqtt);
    store_close(c->store);
    ingest_destroy(c->ingest);
    interpret_destroy(c->interpret);
    alarm_destroy(c->alarms);
    journal_destroy(c->journal);
    signals_finish(&c->signals);
    if (c->loop && c->mail_watch.owner)
        loop_watch_remove(c->loop, &c->mail_watch);
    mailbox_destroy(c->mail);
    loop_destroy(c->loop);
    operators_free(&c->operators);
    rules_free(c->rules);
    free(c->replies);
    free(c->relay);
    free(c->seen);
    free(c->peers);
    free(c->text);
}

static int run(const struct collector_config *config)
{
    static struct collectord c;
    struct err e = {0};
    c.config = config;
    int rc = load_files(&c, &e);
    if (rc == 0)
        rc = init_loop(&c, &e);
    if (rc == 0)
        rc = init_store(&c, &e);
    if (rc == 0)
        rc = init_core(&c, &e);
    if (rc == 0)
        rc = init_link(&c, &e);
    int exit_code = CLI_OK;
    if (rc < 0) {
        exit_code = cli_fail("collectord", &e);
    } else {
        log_info("collector %s of %zu areas, %zu rules, store %s", config->name, config->area_count,
                 c.rules->count, store_id(c.store));
        start_timers(&c);
        exit_code = loop_run(c.loop) ? CLI_FAILED : c.exit_code;
        link_goodbye(&c);
    }
    finish(&c);
    return exit_code;
}

/* --- the command line --- */

static int check_file(void *user, const char *path, struct err *e)
{
    (void)user;
    return fsx_check_readable(path, e);
}

static int parse_config(void *into, const char *text, size_t len, struct err *e)
{
    const struct config_files files = {.check_file = check_file};
    return collector_config_parse(text, len, &files, into, e);
}

static int check(const struct collector_config *config)
{
    static struct collectord c;
    struct err e = {0};
    c.config = config;
    int rc = load_files(&c, &e);
    int exit_code = rc < 0 ? cli_fail("collectord", &e) : CLI_OK;
    if (rc == 0)
        printf("%zu areas, %zu rules, %zu operators: good\n", config->area_count, c.rules->count,
               c.operators.count);
    operators_free(&c.operators);
    rules_free(c.rules);
    return exit_code;
}

static int print(const struct collector_config *config)
{
    struct buf out;
    char *text = malloc(CONFIG_FILE_MAX);
    if (!text)
        return CLI_FAILED;
    buf_init(&out, text, CONFIG_FILE_MAX);
    collector_config_print(config, &out);
    printf("%s\n", buf_cstr(&out));
    free(text);
    return CLI_OK;
}

int main(int argc, char **argv)
{
    struct cli_daemon o = {
        .name = "collectord",
        .config = CONFIG_DEFAULT,
        .summary = "Takes packs from gateways, commits them, raises alarms and tells operators.\n"
                   "Exit codes: 0 stopped as asked, 1 could not go on, 2 bad configuration, 64 bad "
                   "usage."};
    struct collector_config *config = NULL;
    struct err e = {0};
    int status;
    if (!cli_parse_daemon(&o, argc, argv, &status))
        return status;
    log_init("collectord", LOG_LEVEL_INFO);
    if (parse_file(o.config, CONFIG_FILE_MAX, parse_config, &config, &e) < 0) {
        cli_fail("collectord", &e);
        return CLI_BAD_INPUT;
    }
    log_init("collectord", collector_config_log_level(config));
    status = o.check ? check(config) : o.print ? print(config) : run(config);
    collector_config_free(config);
    return status;
}
