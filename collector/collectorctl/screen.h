/*
 * The terminal of a full-screen view: plain ANSI and termios, so that it works under any TERM and
 * over a serial line. What was there comes back when it is closed.
 */
#ifndef COLLECTOR_COLLECTORCTL_SCREEN_H
#define COLLECTOR_COLLECTORCTL_SCREEN_H

#include <stdbool.h>
#include <termios.h>

#include "collector/core/view/view.h"

struct screen {
    bool open;
    struct termios before;
};

/* Is stdout a terminal that can be drawn on (TERM is set and not "dumb")? */
bool screen_possible(void);
/* NO_COLOR (any value) and TERM=dumb switch colour off. */
bool screen_colour(void);
/* The locale's character set is UTF-8 (LC_ALL, LC_CTYPE, LANG in their order). */
bool screen_utf8(void);

void screen_open(struct screen *s);
void screen_close(struct screen *s); /* closed already: fine */
/* The window's present size; 80 by 24 when it does not say. Asked each time, so resizing works. */
void screen_size(unsigned *width, unsigned *height);
void screen_draw(const struct view_screen *lines);

#endif
