/* What both configurations' tests share: files that exist unless they are called "/missing", and
 * the walk over the bad ones, each with the lines its refusal must contain in NAME.expect. */
#ifndef TESTS_SUPPORT_CONFIG_FIXTURE_H
#define TESTS_SUPPORT_CONFIG_FIXTURE_H

#include "tests/support/text_file.h"

#include <dirent.h>

#include "model/broker_config.h"

static inline int fixture_check_file(void *user, const char *path, struct err *e)
{
    (void)user;
    if (strcmp(path, "/missing") == 0)
        return err_set(e, ERR_NOTFOUND, "%s cannot be read; give an existing file", path);
    return 0;
}

static inline int fixture_read_profile(void *user, const char *dir, const char *name, char **text,
                                       size_t *len, struct err *e)
{
    (void)user;
    char path[CONFIG_PATH_SIZE + 64];
    snprintf(path, sizeof(path), "%s/%s.json", dir, name);
    FILE *f = fopen(path, "re");
    if (!f)
        return err_set(e, ERR_NOTFOUND, "%s cannot be read; choose a profile that is there", path);
    fclose(f);
    *text = text_file_read(path);
    *len = strlen(*text);
    return 0;
}

static const struct config_files fixture_files = {.read_profile = fixture_read_profile,
                                                  .check_file = fixture_check_file};

/* Fails the test unless the refusal contains every line of the .expect file beside `path`. */
static inline void fixture_expect(const char *path, const char *refusal)
{
    char expect[512];
    snprintf(expect, sizeof(expect), "%.*s.expect", (int)(strlen(path) - strlen(".json")), path);
    char *lines = text_file_read(expect);
    assert_true(lines[0] && lines[0] != '\n');
    for (char *rest = lines, *line; (line = strsep(&rest, "\n"));)
        if (!strstr(refusal, line))
            fail_msg("%s: \"%s\" does not say \"%s\"", path, refusal, line);
    free(lines);
}

/* Calls parse for every .json file of dir; it must refuse each with what fixture_expect wants. */
static inline unsigned fixture_walk(const char *dir, int (*parse)(const char *text, struct err *e))
{
    unsigned n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d));) {
        const char *end = strrchr(entry->d_name, '.');
        if (!end || strcmp(end, ".json") != 0)
            continue;
        char path[512];
        struct err e = {0};
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        char *text = text_file_read(path);
        if (parse(text, &e) == 0)
            fail_msg("%s is accepted", path);
        fixture_expect(path, e.text);
        free(text);
        n++;
    }
    closedir(d);
    return n;
}

#endif
