#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LANG_MAX  8
#define PATH_SIZE 4096

/*
 * A .mo file (GNU gettext manual, "The Format of GNU MO Files"): seven words, then two tables of
 * (length, offset), originals sorted and translations in the same order.
 *
 *     0 magic   1 revision   2 strings   3 at: originals   4 at: translations   5, 6 hashes
 */
#define MO_MAGIC UINT32_C(0x950412de)
#define MO_HEAD  28u

static struct {
    uint8_t *bytes;
    size_t len;
    uint32_t count, originals, translations;
    char language[LANG_MAX];
} catalogue = {.language = "en"};

/* --- the catalogue --- */

static uint32_t word(const uint8_t *bytes, size_t at)
{
    const uint8_t *p = bytes + at;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool table_holds(const uint8_t *bytes, size_t len, uint32_t table, uint32_t count)
{
    if (table > len || count > (len - table) / 8)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t n = word(bytes, table + i * 8), at = word(bytes, table + i * 8 + 4);
        if (at >= len || n >= len - at || bytes[at + n] != '\0')
            return false;
    }
    return true;
}

int text_load(const void *bytes, size_t len, struct err *e)
{
    if (len < MO_HEAD || len > TEXT_CATALOGUE_MAX || word(bytes, 0) != MO_MAGIC ||
        !table_holds(bytes, len, word(bytes, 12), word(bytes, 8)) ||
        !table_holds(bytes, len, word(bytes, 16), word(bytes, 8)))
        return err_set(e, ERR_CORRUPT, "no catalogue of translations");
    uint8_t *copy = malloc(len);
    if (!copy)
        return err_set(e, ERR_NOMEM, "no memory for translations");
    memcpy(copy, bytes, len);
    free(catalogue.bytes);
    catalogue.bytes = copy;
    catalogue.len = len;
    catalogue.count = word(copy, 8);
    catalogue.originals = word(copy, 12);
    catalogue.translations = word(copy, 16);
    return 0;
}

static const char *string_at(uint32_t table, uint32_t i)
{
    return (const char *)catalogue.bytes + word(catalogue.bytes, table + i * 8 + 4);
}

const char *text_get(const char *text)
{
    uint32_t low = 0, high = *text ? catalogue.count : 0; /* "" is the catalogue's own header */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(text, string_at(catalogue.originals, middle));
        if (order == 0) {
            const char *found = string_at(catalogue.translations, middle);
            return *found ? found : text;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return text;
}

/* --- the language --- */

static const char *wanted(void)
{
    static const char *const variables[] = {"LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        const char *value = getenv(variables[i]);
        if (value && *value)
            return value;
    }
    return "en";
}

/* "vi_VN.UTF-8" is "vi"; "C" and what is no language are "en". */
static void short_name(const char *lang, char out[LANG_MAX])
{
    size_t len = strspn(lang, "abcdefghijklmnopqrstuvwxyz");
    bool ends = lang[len] == '\0' || strchr("_.@:", lang[len]);
    snprintf(out, LANG_MAX, "%.*s", (int)len, lang);
    if (len < 2 || len > 3 || !ends)
        snprintf(out, LANG_MAX, "en");
}

static bool find_catalogue(const char *lang, char *path, size_t size)
{
    char program[PATH_SIZE];
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
    if (n <= 0)
        return false;
    program[n] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(program, '/');
        if (!slash)
            return false;
        *slash = '\0';
    }
    int len = snprintf(path, size, "%s/share/locale/%s/LC_MESSAGES/ioc.mo", program, lang);
    return len > 0 && (size_t)len < size;
}

static int load_file(const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(e, "%s", path);
    uint8_t *bytes = malloc(TEXT_CATALOGUE_MAX + 1);
    size_t len = 0;
    ssize_t n = bytes ? 1 : -1;
    while (n > 0 && len <= TEXT_CATALOGUE_MAX) {
        n = read(fd, bytes + len, TEXT_CATALOGUE_MAX + 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    int rc = n < 0 ? err_set_errno(e, "%s", path) : text_load(bytes, len, e);
    free(bytes);
    close(fd);
    return rc;
}

int text_init(const char *lang, struct err *e)
{
    char name[LANG_MAX], path[PATH_SIZE + 64];
    short_name(lang ? lang : wanted(), name);
    text_finish();
    if (strcmp(name, "en") == 0 && (!lang || strncmp(lang, "en", 2) == 0))
        return 0;
    if (strcmp(name, "en") != 0 && find_catalogue(name, path, sizeof(path)) &&
        load_file(path, NULL) == 0) {
        snprintf(catalogue.language, sizeof(catalogue.language), "%s", name);
        return 0;
    }
    if (!lang)
        return 0;
    return err_set(e, ERR_NOTFOUND, "there are no texts in the language '%s'; say en or vi", lang);
}

void text_finish(void)
{
    free(catalogue.bytes);
    memset(&catalogue, 0, sizeof(catalogue));
    snprintf(catalogue.language, sizeof(catalogue.language), "en");
}

const char *text_language(void)
{
    return catalogue.language;
}

/* --- columns --- */

size_t text_columns(const char *text)
{
    size_t columns = 0;
    for (const uint8_t *p = (const uint8_t *)text; *p; p++) {
        bool continues = (*p & 0xc0) == 0x80;
        bool combining = (p[0] == 0xcc && p[1] >= 0x80) || (p[0] == 0xcd && p[1] <= 0xaf);
        columns += !continues && !combining;
    }
    return columns;
}
