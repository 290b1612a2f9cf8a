#include "gateway/gatewayctl/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static bool is_dumb(void)
{
    const char *term = getenv("TERM");
    return !term || !*term || strcmp(term, "dumb") == 0;
}

bool term_colour(void)
{
    return isatty(STDOUT_FILENO) && !is_dumb() && !getenv("NO_COLOR");
}

bool term_live(void)
{
    return isatty(STDOUT_FILENO) && !is_dumb();
}

bool term_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

bool term_progress(void)
{
    return isatty(STDERR_FILENO) && !is_dumb();
}

void term_show_progress(const char *text)
{
    if (term_progress())
        fprintf(stderr, "\r\033[K%s", text ? text : "");
}
