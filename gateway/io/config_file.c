#include "gateway/io/config_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gateway/core/bus/lines.h"
#include "io/fsx.h"

#define PRINT_MAX    (512 * 1024)
#define WARNINGS_MAX 4096

static int read_profile(void *user, const char *dir, const char *name, char **text, size_t *len,
                        struct err *e)
{
    char path[CONFIG_PATH_SIZE + NAME_SIZE + 8];
    (void)user;
    snprintf(path, sizeof(path), "%s/%s.json", dir, name);
    return fsx_read_file(path, PROFILE_FILE_MAX, text, len, e);
}

static int check_file(void *user, const char *path, struct err *e)
{
    (void)user;
    return fsx_check_readable(path, e);
}

static int check_plans(const struct gateway_config *c, struct err *e)
{
    struct lines *lines;
    int rc = lines_create(c, &lines, e);
    if (rc == 0)
        lines_destroy(lines);
    return rc;
}

static void log_warnings(const char *path, const struct buf *warnings)
{
    for (size_t at = 0; at < warnings->len;) {
        const char *line = warnings->data + at;
        const char *end = memchr(line, '\n', warnings->len - at);
        size_t len = end ? (size_t)(end - line) : warnings->len - at;
        log_warn("%s: %.*s", path, (int)len, line);
        at += len + 1;
    }
}

static int read_config(const char *path, int (*look)(void *user, const char *path, struct err *e),
                       struct gateway_config **out, struct err *e)
{
    const struct config_files files = {.read_profile = read_profile, .check_file = look};
    char *text, memory[WARNINGS_MAX];
    size_t len;
    struct buf warnings;
    *out = NULL;
    buf_init(&warnings, memory, sizeof(memory));
    int rc = fsx_read_file(path, CONFIG_FILE_MAX, &text, &len, e);
    if (rc)
        return rc;
    rc = gateway_config_parse(text, len, &files, out, &warnings, e);
    free(text);
    if (rc)
        return err_prefix(e, "%s", path);
    log_warnings(path, &warnings);
    return 0;
}

static int leave_file(void *user, const char *path, struct err *e)
{
    (void)user;
    (void)path;
    (void)e;
    return 0;
}

int config_file_read(const char *path, struct gateway_config **out, struct err *e)
{
    return read_config(path, leave_file, out, e);
}

int config_file_load(const char *path, struct gateway_config **out, struct err *e)
{
    int rc = read_config(path, check_file, out, e);
    if (rc == 0 && (rc = check_plans(*out, e)) != 0) {
        gateway_config_free(*out);
        *out = NULL;
        err_prefix(e, "%s", path);
    }
    return rc;
}

int config_file_print(const struct gateway_config *c, struct err *e)
{
    char *memory = malloc(PRINT_MAX);
    if (!memory)
        return err_set(e, ERR_NOMEM, "no memory to print the configuration");
    struct buf out;
    buf_init(&out, memory, PRINT_MAX);
    gateway_config_print(c, &out);
    int rc = out.overflow ? err_set(e, ERR_LIMIT, "the configuration is too long to print") : 0;
    if (rc == 0 && fwrite(out.data, 1, out.len, stdout) != out.len)
        rc = err_set_errno(e, "stdout");
    free(memory);
    return rc;
}
