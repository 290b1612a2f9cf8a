#include "collector/collectorctl/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "io/fsx.h"
#include "model/name.h"

#define INFLIGHT_MAX   8
#define ORDERS_MAX     128
#define MAIL_MAX       4096 /* a burst of retained alerts on subscribing */
#define RETRY_FIRST_MS 500
#define RETRY_MAX_MS   15000

void session_put_options(struct session_options *o, struct cli_option *table)
{
    const struct cli_option options[SESSION_OPTIONS] = {
        {.name = "host",
         .type = CLI_TEXT,
         .out = &o->host,
         .value = "HOST",
         .help = "the broker, as its certificate names it (localhost)"},
        {.name = "port",
         .type = CLI_NUMBER,
         .out = &o->port,
         .value = "PORT",
         .min = 1,
         .max = 65535,
         .help = "the operators' port (8884)"},
        {.name = "ca",
         .type = CLI_TEXT,
         .out = &o->ca,
         .value = "ROOT",
         .required = true,
         .help = "the authority's root.pem"},
        {.name = "cert",
         .type = CLI_TEXT,
         .out = &o->cert,
         .value = "FILE",
         .required = true,
         .help = "your certificate"},
        {.name = "key",
         .type = CLI_TEXT,
         .out = &o->key,
         .value = "FILE",
         .required = true,
         .help = "your key"},
        {.name = "area",
         .type = CLI_LIST,
         .out = &o->areas,
         .value = "AREA",
         .help = "look at this area; else at all you may see"},
    };
    o->host = "localhost";
    o->port = 8884;
    memcpy(table, options, sizeof(options));
}

static void connect_now(struct loop_timer *timer, struct clk_mono now)
{
    struct session *s = timer->owner;
    (void)now;
    s->waiting = 0;
    if (mqtt_connect(s->mqtt, true, NULL, NULL, 0) < 0)
        s->down(s, "no room for the order to connect");
}

/* Full jitter: anywhere up to the limit, which doubles. */
static void retry_later(struct session *s)
{
    unsigned doubled = s->attempts < 6 ? s->attempts : 6;
    uint64_t limit = (uint64_t)RETRY_FIRST_MS << doubled;
    uint64_t pause =
        RETRY_FIRST_MS + rng_below(&s->rng, limit < RETRY_MAX_MS ? limit : RETRY_MAX_MS);
    s->attempts++;
    loop_timer_start(s->loop, &s->retry, clk_mono_add(clk_mono(loop_clk(s->loop)), (int64_t)pause));
}

static void take_message(struct session *s, const struct mqtt_message *m)
{
    s->message(s, mqtt_message_topic(m), mqtt_message_payload(m), m->payload_len);
}

static void take_answer(struct session *s)
{
    if (s->waiting > 0 && --s->waiting == 0 && s->ready)
        s->ready(s);
}

static void take_mail(struct session *s, const struct mail *mail)
{
    const char *why = mail->data ? mail->data : "no reason given";
    switch ((enum mqtt_mail)mail->type) {
    case MQTT_CONNECTED:
        s->attempts = 0;
        s->up(s);
        break;
    case MQTT_FAILED:
    case MQTT_LOST:
        s->down(s, why);
        retry_later(s);
        break;
    case MQTT_SUBSCRIBED:
        take_answer(s);
        break;
    case MQTT_UNSUBSCRIBED:
        s->refused(s, why);
        take_answer(s);
        break;
    case MQTT_REFUSED:
        s->refused(s, why);
        break;
    case MQTT_MESSAGE:
        if (mail->data)
            take_message(s, mail->data);
        break;
    case MQTT_PUBLISHED:
        break;
    }
}

static void mail_ready(struct loop_watch *watch, uint32_t events)
{
    struct session *s = watch->owner;
    struct mail mail;
    (void)events;
    while (mailbox_take(s->mailbox, &mail)) {
        take_mail(s, &mail);
        free(mail.data);
    }
    uint64_t dropped = mailbox_dropped(s->mailbox);
    if (dropped != s->dropped && s->lost)
        s->lost(s, dropped - s->dropped);
    s->dropped = dropped;
}

static void interrupted(struct signals *signals, int number)
{
    struct session *s = signals->owner;
    (void)number;
    loop_stop(s->loop, CLI_OK);
}

static int read_name(struct session *s, const struct session_options *o, struct err *e)
{
    char *pem = NULL;
    size_t len = 0;
    struct crypto_cert cert;
    int ret = fsx_read_file(o->cert, CRYPTO_PEM_MAX, &pem, &len, e);
    if (ret < 0)
        return ret;
    ret = crypto_cert_read(pem, len, &cert, e);
    if (ret == 0 && !name_valid(cert.name))
        ret = err_set(e, ERR_INVALID, "'%s' is no operator's name", cert.name);
    if (ret < 0)
        err_prefix(e, "%s", o->cert);
    else
        memcpy(s->name, cert.name, sizeof(s->name));
    free(pem);
    return ret;
}

static int check_areas(const struct session_options *o, struct err *e)
{
    for (size_t i = 0; i < o->areas.count; i++)
        if (!name_valid(o->areas.items[i]))
            return err_set(e, ERR_INVALID, "'%.40s' is no area: a-z, 0-9 and '-', at most 32",
                           o->areas.items[i]);
    return 0;
}

/* An operator may have several sessions, so each gets an id of its own. */
static int create_client(struct session *s, const struct session_options *o, struct err *e)
{
    uint8_t random[4];
    char suffix[2 * sizeof(random) + 1], id[CRYPTO_NAME_SIZE + sizeof(suffix) + 1];
    crypto_random(random, sizeof(random));
    crypto_random(&s->rng.state, sizeof(s->rng.state));
    snprintf(id, sizeof(id), "%s-%s", s->name, crypto_hex(random, sizeof(random), suffix));
    const struct mqtt_options options = {.host = o->host,
                                         .port = (uint16_t)o->port,
                                         .client_id = id,
                                         .ca_file = o->ca,
                                         .cert_file = o->cert,
                                         .key_file = o->key,
                                         .keepalive_s = 20,
                                         .connect_timeout_s = 10,
                                         .inflight_max = INFLIGHT_MAX,
                                         .orders_max = ORDERS_MAX,
                                         .mqtt5 = true};
    int ret = mqtt_check_files(&options, e);
    return ret < 0 ? ret : mqtt_create(&options, s->mailbox, &s->mqtt, e);
}

int session_open(struct session *s, const struct session_options *o, struct err *e)
{
    s->options = o;
    int ret = check_areas(o, e);
    if (ret == 0)
        ret = read_name(s, o, e);
    if (ret < 0)
        return ret;
    s->loop = loop_create(clk_system());
    s->mailbox = mailbox_create(MAIL_MAX, INFLIGHT_MAX + 16);
    if (!s->loop || !s->mailbox)
        return err_set(e, ERR_NOMEM, "no memory for a connection");
    s->watch = (struct loop_watch){mail_ready, s, mailbox_fd(s->mailbox)};
    s->retry = (struct loop_timer){.fire = connect_now, .owner = s};
    ret = signals_init(&s->signals, s->loop, interrupted, s, e);
    if (ret == 0)
        ret = create_client(s, o, e);
    if (ret == 0 && (ret = loop_watch_add(s->loop, &s->watch, EPOLLIN)) < 0)
        err_set(e, ret, "cannot watch the mailbox");
    if (ret == 0)
        connect_now(&s->retry, clk_mono(clk_system()));
    return ret;
}

void session_close(struct session *s)
{
    if (!s->loop)
        return;
    mqtt_destroy(s->mqtt);
    signals_finish(&s->signals);
    loop_timer_stop(s->loop, &s->retry);
    if (s->mailbox)
        loop_watch_remove(s->loop, &s->watch);
    loop_destroy(s->loop);
    mailbox_destroy(s->mailbox);
    s->loop = NULL;
}

int session_subscribe(struct session *s, const char *topic, int qos)
{
    s->waiting++;
    return mqtt_subscribe(s->mqtt, s->waiting, topic, qos);
}
