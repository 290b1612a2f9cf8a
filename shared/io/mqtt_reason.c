#include "io/mqtt_reason.h"

#include <stdio.h>
#include <string.h>

const char *mqtt_reason_name(int reason)
{
    switch (reason) { /* MQTT 5.0, section 2.4 */
    case 0x80:
        return "unspecified error";
    case 0x82:
        return "protocol error";
    case 0x83:
        return "implementation specific error";
    case 0x84:
        return "unsupported protocol version";
    case 0x85:
        return "client identifier not valid";
    case 0x86:
        return "bad user name or password";
    case 0x87:
        return "not authorized";
    case 0x88:
        return "server unavailable";
    case 0x89:
        return "server busy";
    case 0x8a:
        return "banned";
    case 0x8b:
        return "server shutting down";
    case 0x8d:
        return "keep alive timeout";
    case 0x8e:
        return "session taken over by another connection with this client id";
    case 0x90:
        return "topic name invalid";
    case 0x93:
        return "receive maximum exceeded";
    case 0x95:
        return "packet too large";
    case 0x96:
        return "message rate too high";
    case 0x97:
        return "quota exceeded";
    case 0x98:
        return "administrative action";
    case 0x99:
        return "payload format invalid";
    default:
        return "refused";
    }
}

/* MQTT 3.1.1, table 3.1. */
static const char *return_code_name(int code)
{
    static const char *const names[] = {
        "accepted",           "unsupported protocol version", "client identifier rejected",
        "server unavailable", "bad user name or password",    "not authorized"};
    return code >= 0 && code < 6 ? names[code] : "refused";
}

/* What the TLS alert says, from who sent it. The order is that of the table: first match wins. */
struct alert_rule {
    const char *alert;
    const char *advice; /* %s: the file it is about */
    enum { FILE_CA, FILE_CERT } file;
};

static const struct alert_rule alert_rules[] = {
    {"write:fatal:unknown CA",
     "the broker's certificate is not signed by the CA in %s: wrong broker, or the wrong CA file",
     FILE_CA},
    {"write:fatal:certificate expired",
     "the broker's certificate has expired, or this machine's clock is ahead: check both (CA: %s)",
     FILE_CA},
    {"write:fatal:bad certificate",
     "the broker's certificate is not acceptable, perhaps not valid yet: check this machine's "
     "clock (CA: %s)",
     FILE_CA},
    {"write:fatal:unsupported certificate",
     "the broker's certificate is not meant for a server (extended key usage); have it issued "
     "again (CA: %s)",
     FILE_CA},
    {"write:fatal:", "the broker's certificate is refused against the CA in %s", FILE_CA},
    {"read:fatal:unknown CA", "the broker does not know the CA that signed %s", FILE_CERT},
    {"read:fatal:certificate expired",
     "our certificate %s has expired: renew it, or set the broker's clock", FILE_CERT},
    {"read:fatal:certificate revoked", "our certificate %s is revoked", FILE_CERT},
    {"read:fatal:bad certificate", "the broker refuses our certificate %s", FILE_CERT},
    {"read:fatal:unsupported certificate",
     "our certificate %s is not meant for a client (extended key usage)", FILE_CERT},
    {"read:fatal:certificate required", "the broker asks for a certificate and got none from %s",
     FILE_CERT},
    {"read:fatal:", "the broker ended the TLS handshake; our certificate is %s", FILE_CERT},
};

static const struct alert_rule *find_alert(const char *alert)
{
    for (size_t i = 0; i < sizeof(alert_rules) / sizeof(alert_rules[0]); i++)
        if (strncmp(alert, alert_rules[i].alert, strlen(alert_rules[i].alert)) == 0)
            return &alert_rules[i];
    return NULL;
}

static const char *explain_alert(const struct mqtt_options *o, const struct alert_rule *rule,
                                 const char *alert, char *text)
{
    const char *file = rule->file == FILE_CA ? o->ca_file : o->cert_file;
    const char *gap = strstr(rule->advice, "%s");
    snprintf(text, MQTT_REASON_SIZE, "%s:%u: %.*s%s%s (TLS alert %s)", o->host, (unsigned)o->port,
             (int)(gap - rule->advice), rule->advice, file, gap + 2, alert);
    return text;
}

/* What OpenSSL could not load of our own files, before any byte is sent. */
static const char *explain_step(const struct mqtt_options *o, const struct mqtt_clues *clues,
                                char *text)
{
    bool silent = clues->openssl[0] == '\0';
    if (strncmp(clues->step, "SSL_CTX_use_certificate", 23) == 0)
        snprintf(text, MQTT_REASON_SIZE, "%s: no usable PEM certificate in it", o->cert_file);
    else if (strncmp(clues->step, "SSL_CTX_load_verify", 19) == 0)
        snprintf(text, MQTT_REASON_SIZE, "%s: no usable CA certificate in it", o->ca_file);
    else if (strncmp(clues->step, "SSL_CTX_use_PrivateKey", 22) == 0 && silent)
        snprintf(text, MQTT_REASON_SIZE, "%s: this key does not belong to the certificate %s",
                 o->key_file, o->cert_file);
    else if (strncmp(clues->step, "SSL_CTX_use_PrivateKey", 22) == 0)
        snprintf(text, MQTT_REASON_SIZE, "%s: no usable PEM private key in it", o->key_file);
    else
        snprintf(text, MQTT_REASON_SIZE, "TLS cannot be set up: %s %s", clues->step,
                 clues->openssl);
    return text;
}

const char *mqtt_reason_text(const struct mqtt_options *o, const struct mqtt_clues *clues,
                             char text[MQTT_REASON_SIZE])
{
    const struct alert_rule *rule = find_alert(clues->alert);
    if (rule)
        return explain_alert(o, rule, clues->alert, text);
    if (clues->host_mismatch)
        snprintf(
            text, MQTT_REASON_SIZE,
            "%s:%u: the broker's certificate is not for the host name \"%s\": check `host`, or "
            "have the certificate issued for it",
            o->host, (unsigned)o->port, o->host);
    else if (clues->step[0])
        return explain_step(o, clues, text);
    else if (clues->openssl[0])
        snprintf(text, MQTT_REASON_SIZE, "%s:%u: TLS failed: %s", o->host, (unsigned)o->port,
                 clues->openssl);
    else if (clues->handshake_done && clues->reason <= 0 && clues->certificate[0])
        snprintf(text, MQTT_REASON_SIZE, "%s:%u: the broker does not accept our certificate %s: %s",
                 o->host, (unsigned)o->port, o->cert_file, clues->certificate);
    else if (clues->handshake_done && clues->reason <= 0)
        snprintf(
            text, MQTT_REASON_SIZE,
            "%s:%u: the broker closed the connection after the TLS handshake: it does not know "
            "the CA that signed %s, or the certificate is revoked; the broker's log says which",
            o->host, (unsigned)o->port, o->cert_file);
    else if (clues->reason > 0)
        snprintf(text, MQTT_REASON_SIZE, "%s:%u: the broker refuses client \"%s\": %s (0x%02x)",
                 o->host, (unsigned)o->port, o->client_id,
                 clues->version == 5 ? mqtt_reason_name(clues->reason)
                                     : return_code_name(clues->reason),
                 (unsigned)clues->reason);
    else
        snprintf(text, MQTT_REASON_SIZE,
                 "%s:%u: cannot reach the broker (%s): check host, port, network and firewall",
                 o->host, (unsigned)o->port, clues->paho[0] ? clues->paho : "no answer");
    return text;
}

void mqtt_clue_line(char to[MQTT_CLUE_SIZE], const char *text, size_t len)
{
    snprintf(to, MQTT_CLUE_SIZE, "%.*s", (int)(len < MQTT_CLUE_SIZE ? len : MQTT_CLUE_SIZE), text);
    to[strcspn(to, "\r\n")] = '\0';
}

/* paho takes the first error from OpenSSL's queue before it prints the queue, so a key that does
 * not match leaves no line at all: only the name of the step that failed, here. */
void mqtt_clues_note(struct mqtt_clues *clues, const char *message)
{
    const char *alert = strstr(message, "SSL alert ");
    const char *step = strstr(message, " in SSL_CTX_");
    if (alert && !strstr(alert, "close notify"))
        mqtt_clue_line(clues->alert, alert + strlen("SSL alert "), MQTT_CLUE_SIZE);
    else if (step && strstr(message, "SSLSocket error"))
        mqtt_clue_line(clues->step, step + strlen(" in "), MQTT_CLUE_SIZE);
    else if (strstr(message, "X509_check_host for hostname"))
        clues->host_mismatch = true;
    else if (strstr(message, "SSL handshake done"))
        clues->handshake_done = true;
}
