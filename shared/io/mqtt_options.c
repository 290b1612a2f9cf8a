#include "io/mqtt_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "io/crypto.h"
#include "io/fsx.h"

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
