/*
 * One line of a terminal, written cell by cell: text is cut and padded by its width on the screen
 * and not by its bytes, and what comes from outside cannot move the cursor.
 *
 * Control characters and broken UTF-8 become '?'. Without UTF-8 Vietnamese letters are written
 * without their marks, other letters as '?'. Colour never stands alone: whoever sets a style also
 * writes a word. Pure; the bytes are the caller's.
 */
#ifndef COLLECTOR_CORE_VIEW_CELLS_H
#define COLLECTOR_CORE_VIEW_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum cells_style {
    CELLS_PLAIN,
    CELLS_DIM,    /* what is as it should be */
    CELLS_BOLD,   /* headings, and what wants an answer */
    CELLS_WARN,   /* abnormal */
    CELLS_DANGER, /* abnormal and grave */
};

struct cells {
    struct buf out;
    unsigned width, used; /* in cells */
    bool colour, utf8;
};

/* width: cells the line may take. cap should be four bytes a cell and some for styles. */
void cells_init(struct cells *c, char *memory, size_t cap, unsigned width, bool colour, bool utf8);
void cells_style(struct cells *c, enum cells_style style);
/* Writes text; cut with an ellipsis when it is wider than `columns` or than the line. */
void cells_text(struct cells *c, const char *text, unsigned columns);
/* As cells_text, then filled with blanks to `columns`. */
void cells_column(struct cells *c, const char *text, unsigned columns);
/* As cells_column with the blanks in front, for numbers. */
void cells_right(struct cells *c, const char *text, unsigned columns);
void cells_fmt(struct cells *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One character of a little chart: level 0..7. */
void cells_bar(struct cells *c, unsigned level);
/* Ends the line (style reset, NUL) and returns it. */
const char *cells_end(struct cells *c);

/* How many cells a text takes. */
unsigned cells_width(const char *text);

#endif
