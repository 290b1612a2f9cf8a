#include "collector/collectorctl/screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l" /* the other screen, no cursor */
#define LEAVE "\033[0m\033[?25h\033[?1049l"

static bool dumb(void)
{
    const char *term = getenv("TERM");
    return !term || !term[0] || strcmp(term, "dumb") == 0;
}

bool screen_possible(void)
{
    return isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) && !dumb();
}

bool screen_colour(void)
{
    const char *no = getenv("NO_COLOR");
    return (!no || !no[0]) && !dumb();
}

bool screen_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);
        if (value && value[0])
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

static void write_all(const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = write(STDOUT_FILENO, bytes, n);
        if (done < 0 && errno != EINTR)
            return; /* the terminal is gone; so is whoever looked at it */
        if (done > 0) {
            bytes += done;
            n -= (size_t)done;
        }
    }
}

void screen_open(struct screen *s)
{
    struct termios raw;
    if (tcgetattr(STDIN_FILENO, &s->before) != 0)
        return;
    raw = s->before;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* suspended, the shell would get this terminal as it is */
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    write_all(ENTER, strlen(ENTER));
    s->open = true;
}

void screen_close(struct screen *s)
{
    if (!s->open)
        return;
    write_all(LEAVE, strlen(LEAVE));
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &s->before);
    s->open = false;
}

void screen_size(unsigned *width, unsigned *height)
{
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row;
    *width = known ? size.ws_col : 80;
    *height = known ? size.ws_row : 24;
}

/* One write a frame: a terminal that is slow shows the old lines until the new ones come. */
void screen_draw(const struct view_screen *lines)
{
    static char frame[VIEW_LINES_MAX * (VIEW_LINE_SIZE + 16)];
    struct buf b;
    buf_init(&b, frame, sizeof(frame));
    buf_str(&b, "\033[H");
    for (unsigned i = 0; i < lines->count; i++) {
        buf_str(&b, i ? "\r\n" : "");
        buf_str(&b, lines->lines[i]);
        buf_str(&b, "\033[K");
    }
    buf_str(&b, "\033[J");
    write_all(b.data, b.len);
}
