#include "gateway/gatewayctl/ask.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/core/config/config.h"
#include "gateway/core/ctl.h"
#include "gateway/gatewayctl/gatewayctl.h"
#include "io/ctlsock.h"
#include "io/fsx.h"

#define SOCKET_DEFAULT "/run/ioc/gatewayd.sock"

struct ask {
    struct ctlsock_link *link;
    uint64_t id;
    struct json_doc *doc; /* of the line given out last */
};

void ask_put_options(struct ask_options *o, struct cli_option *table)
{
    *o = (struct ask_options){.config = GATEWAYCTL_CONFIG};
    table[0] = (struct cli_option){.name = "socket",
                                   .type = CLI_TEXT,
                                   .out = &o->socket,
                                   .value = "PATH",
                                   .help = N_("the daemon's control socket; else as configured")};
    table[1] = (struct cli_option){
        .name = "config",
        .type = CLI_TEXT,
        .out = &o->config,
        .value = "FILE",
        .letter = 'c',
        .help = N_("the gateway's configuration (default /etc/ioc/gateway.json)")};
}

/* The one key is read by itself: a configuration may be wrong elsewhere, and that is for
 * `gatewayctl check` to say. */
static int configured_path(const char *config, char *path, size_t size, struct err *e)
{
    char *text;
    size_t len;
    struct json_doc *doc;
    const char *value;
    if (access(config, F_OK) != 0) {
        snprintf(path, size, "%s", SOCKET_DEFAULT);
        return 0;
    }
    int rc = fsx_read_file(config, CONFIG_FILE_MAX, &text, &len, e);
    if (rc)
        return rc;
    rc = json_parse(text, len, CONFIG_FILE_MAX, JSON_COMMENTS, &doc, e);
    free(text);
    if (rc)
        return err_prefix(e, "%s", config);
    if (json_string(json_get(json_root(doc), "control_socket"), &value) != 0)
        value = SOCKET_DEFAULT;
    snprintf(path, size, "%s", value);
    json_free(doc);
    return 0;
}

int ask_path(const struct ask_options *o, char *path, size_t size, struct err *e)
{
    int rc = 0;
    if (o->socket)
        snprintf(path, size, "%s", o->socket);
    else
        rc = configured_path(o->config, path, size, e);
    if (rc == 0 && *path == '\0')
        rc = err_set(e, ERR_INVALID, "%s: control_socket is empty, so the daemon cannot be asked",
                     o->config);
    return rc;
}

int ask_open(const struct ask_options *o, struct ask **out, struct err *e)
{
    char path[CONFIG_PATH_SIZE] = "";
    int rc = ask_path(o, path, sizeof(path), e);
    if (rc)
        return rc;
    struct ask *a = calloc(1, sizeof(*a));
    if (!a)
        return err_set(e, ERR_NOMEM, "no memory to ask the daemon");
    rc = ctlsock_connect(path, &a->link, e);
    if (rc)
        free(a);
    else
        *out = a;
    return rc;
}

void ask_close(struct ask *a)
{
    if (!a)
        return;
    json_free(a->doc);
    ctlsock_close(a->link);
    free(a);
}

int ask_fd(const struct ask *a)
{
    return ctlsock_fd(a->link);
}

int ask_send(struct ask *a, const char *verb, const char *members, struct err *e)
{
    static char line[CTL_LINE_MAX];
    struct buf out;
    buf_init(&out, line, sizeof(line));
    ctl_answer_begin(&out, ++a->id);
    buf_str(&out, ",\"verb\":");
    json_write_string(&out, verb);
    buf_str(&out, members);
    buf_char(&out, '}');
    if (out.overflow)
        return err_set(e, ERR_LIMIT, "a request of more than %d bytes", CTL_LINE_MAX);
    return ctlsock_ask(a->link, out.data, out.len, e);
}

/* A refusal, or one that speaks for the whole connection (id 0). */
static int take_error(const struct json *error, struct err *e)
{
    return err_set(e, ctl_code_parse(ask_text(error, "code", "")), "%s",
                   ask_text(error, "text", "the daemon refused, and did not say why"));
}

int ask_next(struct ask *a, int timeout_ms, const struct json **line, struct err *e)
{
    const char *text;
    size_t len;
    double id = -1;
    for (;;) {
        json_free(a->doc);
        a->doc = NULL;
        int rc = ctlsock_next(a->link, timeout_ms, &text, &len, e);
        rc = rc ? rc : json_parse(text, len, CTLSOCK_LINE_MAX, JSON_STRICT, &a->doc, e);
        if (rc)
            return rc;
        *line = json_root(a->doc);
        id = ask_number(*line, "id", -1);
        if (json_get(*line, "error") && (id <= 0 || id >= (double)a->id))
            return take_error(json_get(*line, "error"), e);
        if (id >= (double)a->id) /* else: of a request nobody waits for any more */
            return ask_flag(*line, "end") ? 0 : 1;
    }
}

int ask_once(struct ask *a, const char *verb, const char *members, int timeout_ms,
             const struct json **line, struct err *e)
{
    int rc = ask_send(a, verb, members, e);
    return rc ? rc : ask_next(a, timeout_ms, line, e);
}

const char *ask_text(const struct json *v, const char *key, const char *otherwise)
{
    const char *text;
    return json_string(json_get(v, key), &text) == 0 ? text : otherwise;
}

double ask_number(const struct json *v, const char *key, double otherwise)
{
    double n;
    return json_number(json_get(v, key), &n) == 0 ? n : otherwise;
}

bool ask_flag(const struct json *v, const char *key)
{
    bool flag;
    return json_bool(json_get(v, key), &flag) == 0 && flag;
}
