#include "model/glob.h"

#include <string.h>

bool glob_valid(const char *pattern)
{
    size_t len = strlen(pattern);
    size_t good = strspn(pattern, "abcdefghijklmnopqrstuvwxyz0123456789-*?");
    return len > 0 && len <= NAME_MAX_LEN && good == len;
}

bool glob_match(const char *pattern, const char *text)
{
    const char *star = NULL; /* the last star, and where its run began: where to try again */
    const char *run = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            run = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++run;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

bool glob_capture_valid(const char *pattern)
{
    const char *star = strchr(pattern, '*');
    return glob_valid(pattern) && !strchr(pattern, '?') && (!star || !strchr(star + 1, '*'));
}

bool glob_capture(const char *pattern, const char *text, char star[NAME_SIZE])
{
    size_t len = strlen(text);
    size_t before = strcspn(pattern, "*");
    star[0] = '\0';
    if (pattern[before] == '\0')
        return strcmp(pattern, text) == 0;
    const char *tail = pattern + before + 1;
    size_t after = strlen(tail);
    if (len < before + after || len - before - after > NAME_MAX_LEN)
        return false;
    if (memcmp(pattern, text, before) != 0 || memcmp(tail, text + len - after, after) != 0)
        return false;
    memcpy(star, text + before, len - before - after);
    star[len - before - after] = '\0';
    return true;
}
