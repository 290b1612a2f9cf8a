/*
 * The control socket: one command a line, one answer a line ("OK" or "ERR" and a text).
 *
 * It knows nothing of the commands; the owner executes them. Lines longer than CONTROL_LINE_MAX end
 * the connection. Runs on the loop.
 */
#ifndef EMULATOR_CONTROL_H
#define EMULATOR_CONTROL_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/loop.h"

#define CONTROL_CLIENTS_MAX 8
#define CONTROL_LINE_MAX    512
#define CONTROL_ANSWER_MAX  65536

struct control_client;

struct control {
    struct loop *loop;
    struct loop_watch listener;
    const char *path; /* borrowed */
    /* Writes its answer (no newline) into out; 0, or a negative code with e filled. */
    int (*execute)(void *owner, const char *command, struct buf *out, struct err *e);
    void *owner;
    struct control_client *clients[CONTROL_CLIENTS_MAX];
    char answer[CONTROL_ANSWER_MAX];
};

int control_init(struct control *c, struct loop *loop, const char *path,
                 int (*execute)(void *, const char *, struct buf *, struct err *), void *owner,
                 struct err *e);
void control_finish(struct control *c); /* removes the socket; of a zeroed struct is fine */

/* The other side: sends one command, waits for its answer. 0 with the text in out, ERR_DENIED with
 * the emulator's refusal in e, ERR_IO when it cannot be asked. */
int control_ask(const char *path, const char *command, char *out, size_t size, struct err *e);

#endif
