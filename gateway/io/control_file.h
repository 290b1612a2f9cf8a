/*
 * The control document from disk: signed by the pinned authority, fitting this gateway, and never
 * older than what it has had.
 *
 *   control.file --signature, revision, fit--> in force --> kept in control.state
 *        '-- refused: the one kept in control.state stays in force
 *
 * The kept document is the memory of the highest revision seen, written durably before a higher one
 * is used; another document of the same revision is refused as well. Whoever can delete it can
 * change the pinned key, too. Main thread only; allocates.
 */
#ifndef GATEWAY_IO_CONTROL_FILE_H
#define GATEWAY_IO_CONTROL_FILE_H

#include "base/err.h"
#include "gateway/core/config/config.h"
#include "gateway/core/control/command_gate.h"
#include "io/crypto.h"
#include "model/control.h"

struct control_file {
    struct control *control;                   /* NULL: none is in force */
    struct crypto_key *keys[CONTROL_KEYS_MAX]; /* control's, in its order */
};

/* Whether the file would be taken; nothing is written. 0 also when none is configured. e names the
 * file. */
int control_file_check(const struct gateway_config *config, struct err *e);
/* What is to be in force. After an error, which e explains, `out` has the kept document, if there
 * is one; or the new one, when all that failed was keeping it. */
int control_file_open(const struct gateway_config *config, struct control_file *out, struct err *e);
void control_file_close(struct control_file *f);

/* Who signed a message, and what it says: fills o's key, command (then `command`) and why (then e's
 * text) for the gate. A key is given only when its signature holds. */
void control_file_open_command(const struct control_file *f, const char *text, size_t len,
                               struct gate_offer *o, struct command *command, struct err *e);

#endif
