/*
 * Log lines on stderr, one write(2) a line, safe from every thread.
 *
 * Under systemd (JOURNAL_STREAM set) a line carries the <N> priority prefix and no time; elsewhere
 * it carries a UTC time and the level. Values that come from outside are printed with control
 * characters replaced. No key, token or payload is ever logged. The level is process-wide and set
 * once at start.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* name: borrowed for the process's life, printed before each line. */
void log_init(const char *name, enum log_level level);

/* "error", "warn", "info" or "debug"; returns ERR_INVALID for anything else. */
int log_level_parse(const char *text, enum log_level *level);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
