/*
 * What the terminal can show. Results go to stdout, progress to stderr and only where a person
 * watches it.
 */
#ifndef GATEWAY_GATEWAYCTL_TERM_H
#define GATEWAY_GATEWAYCTL_TERM_H

#include <stdbool.h>

/* stdout is a terminal with colours; NO_COLOR (any value) and TERM=dumb say no. */
bool term_colour(void);
/* The locale's character set is UTF-8 (LC_ALL, LC_CTYPE, LANG in their order). */
bool term_utf8(void);
/* stdout is a terminal that can be drawn on. */
bool term_live(void);
/* stderr is a terminal whose line can be written over. */
bool term_progress(void);
/* Writes over the progress line; NULL or "" clears it. Does nothing without term_progress. */
void term_show_progress(const char *text);

#endif
