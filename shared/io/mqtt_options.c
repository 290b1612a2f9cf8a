#include "io/mqtt_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clk.h"
#include "io/crypto.h"
#include "io/fsx.h"

#define SOCKETS_MAX 256 /* a daemon of ours has fewer files open */

static int check_file(const char *what, const char *path, struct err *e)
{
    return access(path, R_OK) == 0 ? 0 : err_set_errno(e, "%s: cannot read this %s", path, what);
}

int mqtt_check_files(const struct mqtt_options *o, struct err *e)
{
    int r = check_file("CA certificate", o->ca_file, e);
    if (r == 0)
        r = check_file("certificate", o->cert_file, e);
    if (r == 0)
        r = check_file("private key", o->key_file, e);
    return r;
}

int mqtt_options_copy(struct mqtt_options *to, const struct mqtt_options *from)
{
    *to = *from;
    to->host = strdup(from->host);
    to->client_id = strdup(from->client_id);
    to->ca_file = strdup(from->ca_file);
    to->cert_file = strdup(from->cert_file);
    to->key_file = strdup(from->key_file);
    return to->host && to->client_id && to->ca_file && to->cert_file && to->key_file ? 0
                                                                                     : ERR_NOMEM;
}

void mqtt_options_finish(struct mqtt_options *o)
{
    free((char *)o->host);
    free((char *)o->client_id);
    free((char *)o->ca_file);
    free((char *)o->cert_file);
    free((char *)o->key_file);
    *o = (struct mqtt_options){0};
}

void mqtt_url(const struct mqtt_options *o, char url[MQTT_URL_SIZE])
{
    bool bare_v6 = strchr(o->host, ':') != NULL;
    snprintf(url, MQTT_URL_SIZE, bare_v6 ? "ssl://[%s]:%u" : "ssl://%s:%u", o->host,
             (unsigned)o->port);
}

static void judge_dates(const struct crypto_cert *cert, struct clk_utc now, char *verdict)
{
    char when[CLK_UTC_TEXT];
    char today[CLK_UTC_TEXT];
    clk_utc_format(now, today);
    if (now.ms > cert->not_after.ms) {
        clk_utc_format(cert->not_after, when);
        snprintf(verdict, MQTT_CLUE_SIZE, "it expired on %s: renew it (our clock says %s)", when,
                 today);
    } else if (now.ms < cert->not_before.ms) {
        clk_utc_format(cert->not_before, when);
        snprintf(verdict, MQTT_CLUE_SIZE, "it is valid from %s: set the clock (it says %s)", when,
                 today);
    } else if (!cert->client) {
        snprintf(verdict, MQTT_CLUE_SIZE, "it is not meant for clients (extended key usage)");
    }
}

void mqtt_judge_certificate(const struct mqtt_options *o, char verdict[MQTT_CLUE_SIZE])
{
    char *pem = NULL;
    size_t len;
    struct crypto_cert cert;
    struct err e;
    verdict[0] = '\0';
    if (fsx_read_file(o->cert_file, CRYPTO_PEM_MAX, &pem, &len, &e) < 0)
        snprintf(verdict, MQTT_CLUE_SIZE, "%.*s", MQTT_CLUE_SIZE - 1, e.text);
    else if (crypto_cert_read(pem, len, &cert, &e) < 0)
        snprintf(verdict, MQTT_CLUE_SIZE, "%.*s", MQTT_CLUE_SIZE - 1, e.text);
    else
        judge_dates(&cert, clk_utc(clk_system()), verdict);
    free(pem);
}

/* paho sends its traffic through any proxy it finds here. */
void mqtt_unset_proxies(void)
{
    static const char *const names[] = {"http_proxy",  "https_proxy", "HTTP_PROXY",
                                        "HTTPS_PROXY", "all_proxy",   "ALL_PROXY"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
}

static uint16_t peer_port(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)a)->sin_port);
    if (a->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)a)->sin6_port);
    return 0;
}

/* paho has neither an option for it nor a way to its socket. */
void mqtt_send_at_once(uint16_t port)
{
    const int on = 1;
    for (int fd = 0; fd < SOCKETS_MAX; fd++) {
        struct sockaddr_storage peer = {0};
        socklen_t len = sizeof(peer);
        if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer_port(&peer) == port)
            (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* slower without */
    }
}
