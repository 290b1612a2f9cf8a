#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_init(struct buf *b, void *memory, size_t cap)
{
    *b = (struct buf){.data = memory, .cap = cap};
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
    if (b->overflow)
        return;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= b->cap - b->len)
        b->overflow = true;
    else
        b->len += (size_t)n;
}

void buf_u64(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t n = sizeof(digits);
    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    buf_put(b, digits + n, sizeof(digits) - n);
}

void buf_i64(struct buf *b, int64_t v)
{
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    if (v < 0)
        buf_char(b, '-');
    buf_u64(b, magnitude);
}

static void put_le(struct buf *b, uint64_t v, size_t n)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    buf_put(b, bytes, n);
}

void buf_le16(struct buf *b, uint16_t v)
{
    put_le(b, v, 2);
}

void buf_le32(struct buf *b, uint32_t v)
{
    put_le(b, v, 4);
}

void buf_le64(struct buf *b, uint64_t v)
{
    put_le(b, v, 8);
}

void buf_rewind(struct buf *b, size_t len)
{
    b->len = len;
    b->overflow = false;
}

const char *buf_cstr(struct buf *b)
{
    if (b->cap == 0)
        return "";
    if (b->len == b->cap)
        b->len--;
    b->data[b->len] = '\0';
    return b->data;
}

void cursor_init(struct cursor *c, const void *bytes, size_t len)
{
    *c = (struct cursor){.data = bytes, .len = len};
}

size_t cursor_left(const struct cursor *c)
{
    return c->underflow ? 0 : c->len - c->at;
}

const uint8_t *cursor_bytes(struct cursor *c, size_t n)
{
    if (c->underflow || n > c->len - c->at) {
        c->underflow = true;
        return NULL;
    }
    const uint8_t *p = c->data + c->at;
    c->at += n;
    return p;
}

static uint64_t take_le(struct cursor *c, size_t n)
{
    const uint8_t *p = cursor_bytes(c, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint8_t cursor_u8(struct cursor *c)
{
    return (uint8_t)take_le(c, 1);
}

uint16_t cursor_le16(struct cursor *c)
{
    return (uint16_t)take_le(c, 2);
}

uint32_t cursor_le32(struct cursor *c)
{
    return (uint32_t)take_le(c, 4);
}

uint64_t cursor_le64(struct cursor *c)
{
    return take_le(c, 8);
}
