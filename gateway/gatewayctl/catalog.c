#include "gateway/gatewayctl/catalog.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/fsx.h"

#define PATH_SIZE 512

static int is_profile(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0;
}

static void load_one(struct catalog *c, const char *directory, const char *name)
{
    char path[PATH_SIZE], *text = NULL;
    size_t len;
    struct err e = {0};
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    int rc = fsx_read_file(path, PROFILE_FILE_MAX, &text, &len, &e);
    if (rc == 0)
        rc = profile_parse(text, len, &c->profiles[c->count], &e);
    if (rc == 0)
        c->count++;
    else
        fprintf(stderr, "%s: %s\n", path, e.text);
    free(text);
}

int catalog_load(struct catalog *c, const char *directory, struct err *e)
{
    struct dirent **entries;
    *c = (struct catalog){0};
    int count = scandir(directory, &entries, is_profile, alphasort);
    if (count < 0)
        return err_set_errno(e, "cannot read the profiles in %s", directory);
    for (int i = 0; i < count; i++) {
        if (c->count < CATALOG_MAX)
            load_one(c, directory, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return 0;
}

void catalog_finish(struct catalog *c)
{
    for (size_t i = 0; i < c->count; i++)
        profile_free(c->profiles[i]);
    c->count = 0;
}
