/*
 * Patterns over names: `*` stands for any run of characters, `?` for any one; all else is itself.
 * No allocation; time is at most pattern times text, both at most NAME_MAX_LEN long.
 */
#ifndef MODEL_GLOB_H
#define MODEL_GLOB_H

#include <stdbool.h>

#include "model/name.h"

/* Only characters of a name, `*` and `?`, and not empty. */
bool glob_valid(const char *pattern);
bool glob_match(const char *pattern, const char *text);

/* Matches a pattern of at most one `*` and no `?`, and gives what the star stood for ("" without a
 * star). This is how "lamp-*-command" finds its "lamp-*-state". */
bool glob_capture_valid(const char *pattern);
bool glob_capture(const char *pattern, const char *text, char star[NAME_SIZE]);

#endif
