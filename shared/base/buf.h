/*
 * A bounded writer over the caller's bytes, and a bounded reader of little-endian fields.
 *
 * Writing past the end writes nothing more and sets `overflow`, so a chain of puts is checked once
 * at its end. The bytes belong to the caller. No allocation, no thread.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
    char *data; /* borrowed; not NUL-terminated unless buf_cstr is called */
    size_t len;
    size_t cap;
    bool overflow; /* a put did not fit; len stands where it was before that put */
};

void buf_init(struct buf *b, void *memory, size_t cap);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* These stand here so that puts of literals become plain stores: packs are made of them. */
static inline void buf_put(struct buf *b, const void *bytes, size_t n)
{
    if (b->overflow || n > b->cap - b->len) {
        b->overflow = true;
        return;
    }
    if (n)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
}

static inline void buf_char(struct buf *b, char c)
{
    if (b->overflow || b->len == b->cap)
        b->overflow = true;
    else
        b->data[b->len++] = c;
}

static inline void buf_str(struct buf *b, const char *text)
{
    buf_put(b, text, strlen(text));
}

/* Decimal digits, without printf's cost. */
void buf_u64(struct buf *b, uint64_t v);
void buf_i64(struct buf *b, int64_t v);
void buf_le16(struct buf *b, uint16_t v);
void buf_le32(struct buf *b, uint32_t v);
void buf_le64(struct buf *b, uint64_t v);
/* Takes back what was written after `len`, overflow included: how a record that does not fit is
 * undone. */
void buf_rewind(struct buf *b, size_t len);
/* Ends the text with NUL and returns it; on overflow the last byte is given up for the NUL. */
const char *buf_cstr(struct buf *b);

struct cursor {
    const uint8_t *data; /* borrowed */
    size_t len;
    size_t at;
    bool underflow; /* a take went past the end; it and all later ones give zeros */
};

void cursor_init(struct cursor *c, const void *bytes, size_t len);
size_t cursor_left(const struct cursor *c);
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_le16(struct cursor *c);
uint32_t cursor_le32(struct cursor *c);
uint64_t cursor_le64(struct cursor *c);
/* n bytes in place, borrowed from the input; NULL past the end. */
const uint8_t *cursor_bytes(struct cursor *c, size_t n);

#endif
