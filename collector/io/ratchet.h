/*
 * A number on disk that only ever rises: what a key has signed last. It lies beside the key, as
 * KEY.SUFFIX, so that whoever moves the key moves it, too.
 *
 * The new number is durable before the function returns, and two programs at once take turns on
 * the key file: no number is given out twice. Blocks for the disk. ERR_CORRUPT for a file that
 * cannot be read, ERR_IO, ERR_NOTFOUND (no key), ERR_LIMIT (path too long).
 */
#ifndef COLLECTOR_IO_RATCHET_H
#define COLLECTOR_IO_RATCHET_H

#include <stdint.h>

#include "base/err.h"

#define RATCHET_MARK_SIZE 65 /* a hash as hexadecimal digits, and its end */

/* The next number: above the last, and at least `floor`. */
int ratchet_next(const char *key_path, const char *suffix, uint64_t floor, uint64_t *number,
                 struct err *e);

/* Takes `number` if it is above the last, or is the last and stands for the same content, which
 * `mark` tells; else ERR_MISMATCH. */
int ratchet_take(const char *key_path, const char *suffix, uint64_t number, const char *mark,
                 struct err *e);

#endif
