/*
 * What people read, in their language: _("English text") gives the translation, or the English
 * where there is none.
 *
 * Catalogues are gettext's (shared/data/po/LANG.po, compiled to ioc.mo), read by ourselves: glibc's
 * own gettext() speaks no language whose locale was not generated on the machine, and on a gateway
 * none is. The language is the one asked for, else the first of LANGUAGE, LC_ALL, LC_MESSAGES and
 * LANG that is set. A catalogue stands at ../share/locale/LANG/LC_MESSAGES/ioc.mo beside the
 * program, where an installation and a build have it.
 *
 * Process-wide; set once at start, before threads. Error codes and JSON are never translated.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define TEXT_CATALOGUE_MAX (1024 * 1024)

/* The translation of a literal. */
#define _(text) text_get(text)
/* Marks a literal that is translated where it is printed: in tables. */
#define N_(text) text

/* lang: "vi", "en", "vi_VN.UTF-8"; NULL: what the environment says. A language without a catalogue
 * leaves English; ERR_NOTFOUND when it was asked for by name, with the languages there are. */
int text_init(const char *lang, struct err *e);
void text_finish(void);

/* "en", or the language in use. */
const char *text_language(void);

/* Never NULL; text itself when it has no translation. */
const char *text_get(const char *text) __attribute__((format_arg(1)));

/* Takes a compiled catalogue's bytes, copied. ERR_CORRUPT for what is none, ERR_NOMEM. */
int text_load(const void *bytes, size_t len, struct err *e);

/* Columns a UTF-8 text takes on a terminal: what printf's width does not know. Combining marks take
 * none. */
size_t text_columns(const char *text);

#endif
