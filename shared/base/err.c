#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int code, const char *fmt, ...)
{
    if (e) {
        va_list ap;
        e->code = code;
        va_start(ap, fmt);
        vsnprintf(e->text, sizeof(e->text), fmt, ap);
        va_end(ap);
    }
    return code;
}

int err_set_errno(struct err *e, const char *fmt, ...)
{
    int saved = errno;
    if (e) {
        va_list ap;
        e->code = ERR_IO;
        va_start(ap, fmt);
        vsnprintf(e->text, sizeof(e->text), fmt, ap);
        va_end(ap);
        size_t len = strlen(e->text);
        snprintf(e->text + len, sizeof(e->text) - len, ": %s", strerror(saved));
    }
    return ERR_IO;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
    if (!e)
        return ERR_INVALID;
    char old[ERR_TEXT_MAX];
    memcpy(old, e->text, sizeof(old));
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    size_t len = strlen(e->text);
    snprintf(e->text + len, sizeof(e->text) - len, ": %s", old);
    return e->code;
}

const char *err_name(int code)
{
    static const char *const names[] = {"ok",        "invalid", "limit",  "nomem",   "io",
                                        "timeout",   "missing", "exists", "denied",  "corrupt",
                                        "try-again", "full",    "closed", "mismatch"};
    if (code > 0 || code < ERR_MISMATCH)
        return "unknown";
    return names[-code];
}
