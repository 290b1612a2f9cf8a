/*
 * The way to the centre: key, certificates, the broker's name, its port, its TLS. A running
 * daemon's own connection is believed; only when none runs is a connection tried from here, since a
 * second one with the same name would push the daemon's out.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "gateway/gatewayctl/doctor.h"
#include "gateway/gatewayctl/human.h"
#include "io/crypto.h"
#include "io/fsx.h"
#include "io/identity.h"
#include "io/mqtt.h"

#define EXPIRY_WARN_DAYS 21
#define CONNECT_MS       5000
#define TLS_MS           15000
#define MAIL_BASE        1

/* --- certificates --- */

struct identity {
    char *cert, *ca;
    size_t cert_len, ca_len;
    struct crypto_cert read;
};

static void look_at_key(struct doctor *d, const struct identity *id)
{
    struct err e = {0};
    struct crypto_key *key = NULL;
    uint8_t hash[CRYPTO_HASH_SIZE];
    const char *path = d->config->broker.key;
    int rc = crypto_key_load(path, &key, &e);
    rc = rc ? rc : crypto_key_hash(key, hash, &e);
    crypto_key_destroy(key);
    if (rc)
        doctor_say(d, DOCTOR_FAIL, "key",
                   _("only its owner may read it: chmod 600; else make a new one with "
                     "'gatewayctl enrol'"),
                   "%s", e.text);
    else if (memcmp(hash, id->read.key_hash, sizeof(hash)) != 0)
        doctor_say(d, DOCTOR_FAIL, "key",
                   _("install the certificate that was made for this key: 'gatewayctl enrol "
                     "--install'"),
                   _("%s does not belong to %s"), path, d->config->broker.cert);
    else
        doctor_say(d, DOCTOR_PASS, "key", NULL, _("%s belongs to the certificate"), path);
}

static void look_at_expiry(struct doctor *d, const struct crypto_cert *cert, struct clk_utc now)
{
    char until[CLK_UTC_TEXT];
    const char *fix =
        _("renew it: 'gatewayctl enrol --renew', have the request signed, '--install'");
    long long days = identity_days_left(cert, now);
    clk_utc_format(cert->not_after, until);
    if (doctor_failed(d, d->clock_finding)) {
        doctor_say(d, DOCTOR_UNKNOWN, "certificate expiry", NULL, _("valid until %s"), until);
        doctor_because(d, d->clock_finding);
    } else if (cert->not_after.ms <= now.ms) {
        doctor_say(d, DOCTOR_FAIL, "certificate expiry", fix, _("it ended on %s"), until);
    } else if (days < EXPIRY_WARN_DAYS) {
        doctor_say(d, DOCTOR_WARN, "certificate expiry", fix, _("only %lld days left, until %s"),
                   days, until);
    } else {
        doctor_say(d, DOCTOR_PASS, "certificate expiry", NULL, _("%lld days left"), days);
    }
}

static void look_at_name(struct doctor *d, const struct crypto_cert *cert)
{
    if (strcmp(cert->name, d->config->gateway) == 0)
        doctor_say(d, DOCTOR_PASS, "certificate name", NULL, _("is %s, as configured"), cert->name);
    else
        doctor_say(d, DOCTOR_FAIL, "certificate name",
                   _("correct `gateway`, or install this gateway's own certificate"),
                   _("it is for '%s', the configuration says '%s'"), cert->name,
                   d->config->gateway);
}

static void look_at_chain(struct doctor *d, const struct identity *id, struct clk_utc now)
{
    struct err e = {0};
    if (id->read.not_after.ms <= now.ms)
        return; /* said already, and the chain would say it again */
    if (crypto_chain_verify(id->cert, id->cert_len, id->ca, id->ca_len, now, &e) == 0)
        doctor_say(d, DOCTOR_PASS, "certificate chain", NULL, _("leads to %s"),
                   d->config->broker.ca);
    else
        doctor_say(d, DOCTOR_FAIL, "certificate chain",
                   _("bring certificate and root.pem of the same authority: 'gatewayctl enrol "
                     "--install CERT --ca root.pem'"),
                   "%s", e.text);
    if (doctor_failed(d, d->clock_finding))
        doctor_because(d, d->clock_finding);
}

static void look_at_identity(struct doctor *d)
{
    struct err e = {0};
    struct identity id = {.cert = NULL};
    struct clk_utc now = clk_utc(clk_system());
    const struct broker_config *b = &d->config->broker;
    int rc = fsx_read_file(b->cert, CRYPTO_PEM_MAX, &id.cert, &id.cert_len, &e);
    rc = rc ? rc : fsx_read_file(b->ca, CRYPTO_PEM_MAX, &id.ca, &id.ca_len, &e);
    rc = rc ? rc : crypto_cert_read(id.cert, id.cert_len, &id.read, &e);
    if (rc == 0) {
        look_at_key(d, &id);
        look_at_name(d, &id.read);
        look_at_expiry(d, &id.read, now);
        look_at_chain(d, &id, now);
    } else {
        doctor_say(d, DOCTOR_FAIL, "certificate", _("'gatewayctl enrol' makes and installs it"),
                   "%s", e.text);
    }
    free(id.cert);
    free(id.ca);
}

/* --- the broker, step by step --- */

static bool reach(const struct addrinfo *a, int *why)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = 0;
    socklen_t len = sizeof(error);
    if (fd < 0)
        return false;
    bool reached = connect(fd, a->ai_addr, a->ai_addrlen) == 0;
    if (!reached && errno == EINPROGRESS) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        error = poll(&p, 1, CONNECT_MS) == 1 ? 0 : ETIMEDOUT;
        if (error == 0)
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
        reached = error == 0;
        *why = error;
    } else if (!reached) {
        *why = errno;
    }
    close(fd);
    return reached;
}

/* The name and the port; false when there is no use in trying more. */
static bool look_at_tcp(struct doctor *d, int *root)
{
    const struct broker_config *b = &d->config->broker;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char port[16];
    int why = 0;
    bool reached = false;
    snprintf(port, sizeof(port), "%lld", (long long)b->port);
    int rc = getaddrinfo(b->host, port, &hints, &found);
    if (rc) {
        *root = doctor_say(d, DOCTOR_FAIL, "broker name",
                           _("is broker.host right? does /etc/resolv.conf name a server? is there "
                             "a network ('ip route')?"),
                           "%s: %s", b->host, gai_strerror(rc));
        return false;
    }
    doctor_say(d, DOCTOR_PASS, "broker name", NULL, _("%s has an address"), b->host);
    for (const struct addrinfo *a = found; a && !reached; a = a->ai_next)
        reached = reach(a, &why);
    freeaddrinfo(found);
    if (reached)
        doctor_say(d, DOCTOR_PASS, "broker port", NULL, _("%s:%s takes connections"), b->host,
                   port);
    else
        *root = doctor_say(d, DOCTOR_FAIL, "broker port",
                           _("is the broker running? does a firewall or the SIM's provider block "
                             "this port?"),
                           "%s:%s: %s", b->host, port, strerror(why));
    return reached;
}

/* Waits for the end of one attempt; its reason in `reason`. */
static bool await_mqtt(struct mailbox *mailbox, char *reason, size_t size)
{
    struct pollfd p = {.fd = mailbox_fd(mailbox), .events = POLLIN};
    struct mail m;
    snprintf(reason, size, _("no answer within %d s"), TLS_MS / 1000);
    if (poll(&p, 1, TLS_MS) != 1 || !mailbox_take(mailbox, &m))
        return false;
    bool connected = m.type == MAIL_BASE + MQTT_CONNECTED;
    if (!connected && m.data)
        snprintf(reason, size, "%s", (const char *)m.data);
    free(m.data);
    return connected;
}

static void try_mqtt(struct doctor *d)
{
    const struct broker_config *b = &d->config->broker;
    char reason[DOCTOR_TEXT_SIZE];
    struct err e = {0};
    struct mqtt *mqtt = NULL;
    struct mailbox *mailbox = mailbox_create(64, 32);
    const struct mqtt_options options = {.host = b->host,
                                         .port = (uint16_t)b->port,
                                         .client_id = d->config->gateway,
                                         .ca_file = b->ca,
                                         .cert_file = b->cert,
                                         .key_file = b->key,
                                         .keepalive_s = (unsigned)b->keepalive_s,
                                         .connect_timeout_s = TLS_MS / 1000,
                                         .inflight_max = 1,
                                         .orders_max = 8,
                                         .mqtt5 = true,
                                         .mail_base = MAIL_BASE};
    if (!mailbox || mqtt_create(&options, mailbox, &mqtt, &e) != 0 ||
        mqtt_connect(mqtt, true, NULL, NULL, 0) != 0)
        doctor_say(d, DOCTOR_UNKNOWN, "broker", NULL, _("not tried: %s"), e.text);
    else if (await_mqtt(mailbox, reason, sizeof(reason)))
        doctor_say(d, DOCTOR_PASS, "broker", NULL, _("TLS and name are accepted on both sides"));
    else
        doctor_say(d, DOCTOR_FAIL, "broker", _("docs/troubleshooting.md explains this message"),
                   "%s", reason);
    mqtt_destroy(mqtt);
    mailbox_destroy(mailbox);
}

static void look_at_broker(struct doctor *d)
{
    const struct json *uplink = doctor_status(d, "uplink");
    int root = -1;
    if (d->status.doc && strcmp(ask_text(uplink, "phase", ""), "online") == 0) {
        doctor_say(d, DOCTOR_PASS, "broker", NULL, _("the daemon is connected to %s:%.0f"),
                   ask_text(uplink, "host", "?"), ask_number(uplink, "port", 0));
        return;
    }
    bool reached = look_at_tcp(d, &root);
    if (!reached) {
        doctor_say(d, DOCTOR_UNKNOWN, "broker", NULL, _("not reached, so not tried"));
        doctor_because(d, root);
    } else if (!d->status.doc) {
        try_mqtt(d);
    } else if (*ask_text(uplink, "said", "")) {
        doctor_say(d, DOCTOR_FAIL, "broker", _("docs/troubleshooting.md explains this message"),
                   "%s", ask_text(uplink, "said", ""));
    } else {
        doctor_say(d, DOCTOR_UNKNOWN, "broker", NULL, _("the daemon is connecting"));
    }
}

void doctor_link(struct doctor *d)
{
    if (!d->config) {
        doctor_say(d, DOCTOR_UNKNOWN, "certificate", NULL,
                   _("which one, only the configuration knows"));
        doctor_because(d, d->config_finding);
        doctor_say(d, DOCTOR_UNKNOWN, "broker", NULL, _("which one, only the configuration knows"));
        doctor_because(d, d->config_finding);
        return;
    }
    look_at_identity(d);
    look_at_broker(d);
}
