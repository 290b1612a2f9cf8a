#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/err.h"

#define LOG_LINE_MAX 1024

static const char *log_name = "ioc";
static enum log_level log_max = LOG_LEVEL_INFO;
static int log_journal;

void log_init(const char *name, enum log_level level)
{
    log_name = name;
    log_max = level;
    log_journal = getenv("JOURNAL_STREAM") != NULL;
}

int log_level_parse(const char *text, enum log_level *level)
{
    static const struct {
        const char *name;
        enum log_level level;
    } names[] = {{"error", LOG_LEVEL_ERROR},
                 {"warn", LOG_LEVEL_WARN},
                 {"info", LOG_LEVEL_INFO},
                 {"debug", LOG_LEVEL_DEBUG}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i].name) == 0) {
            *level = names[i].level;
            return 0;
        }
    }
    return ERR_INVALID;
}

static const char *level_word(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "error";
    case LOG_LEVEL_WARN:
        return "warn";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_DEBUG:
        break;
    }
    return "debug";
}

static size_t line_head(char *line, size_t cap, enum log_level level)
{
    if (log_journal)
        return (size_t)snprintf(line, cap, "<%d>%s: ", (int)level, log_name);
    char when[CLK_UTC_TEXT];
    clk_utc_format(clk_utc(clk_system()), when);
    return (size_t)snprintf(line, cap, "%s %-5s %s: ", when, level_word(level), log_name);
}

static void line_write(enum log_level level, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void line_write(enum log_level level, const char *fmt, va_list ap)
{
    if (level > log_max)
        return;
    char line[LOG_LINE_MAX];
    size_t head = line_head(line, sizeof(line), level);
    vsnprintf(line + head, sizeof(line) - head - 1, fmt, ap);
    size_t len = strlen(line);
    for (size_t i = head; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[len++] = '\n';
    ssize_t done = write(STDERR_FILENO, line, len);
    (void)done; /* a log that cannot be written has nowhere to be reported */
}

#define LOG_FUNCTION(name, level)                                                                  \
    void name(const char *fmt, ...)                                                                \
    {                                                                                              \
        va_list ap;                                                                                \
        va_start(ap, fmt);                                                                         \
        line_write(level, fmt, ap);                                                                \
        va_end(ap);                                                                                \
    }

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
