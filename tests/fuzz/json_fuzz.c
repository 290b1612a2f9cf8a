/* Promise: no text makes the JSON reader crash, leak or read past its end, and what it accepts is
 * written back to the same strings and numbers. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_value(struct buf *b, const struct json *v)
{
    const char *text;
    double number;
    bool flag;
    enum json_type type = json_type(v);
    if (json_key(v)) {
        json_write_string(b, json_key(v));
        buf_char(b, ':');
    }
    if (json_string(v, &text) == 0) {
        json_write_string(b, text);
    } else if (json_number(v, &number) == 0) {
        assert(isfinite(number));
        json_write_number(b, number);
    } else if (json_bool(v, &flag) == 0) {
        buf_str(b, flag ? "true" : "false");
    } else if (type == JSON_NULL) {
        buf_str(b, "null");
    } else {
        buf_char(b, type == JSON_ARRAY ? '[' : '{');
        for (const struct json *c = json_first(v); c; c = json_next(c)) {
            write_value(b, c);
            if (json_next(c))
                buf_char(b, ',');
        }
        buf_char(b, type == JSON_ARRAY ? ']' : '}');
    }
}

static size_t print(const struct json_doc *doc, char *memory, size_t cap)
{
    struct buf b;
    buf_init(&b, memory, cap);
    write_value(&b, json_root(doc));
    return b.overflow ? 0 : b.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char first[1 << 20], second[1 << 20];
    struct json_doc *doc;
    struct err e;
    unsigned flags = size ? data[0] & (JSON_COMMENTS | JSON_LINES) : 0;
    if (json_parse((const char *)data, size, 65536, flags, &doc, &e)) {
        assert(e.text[0]);
        return 0;
    }
    assert(json_line(doc, json_root(doc)) > 0 || !(flags & JSON_LINES));
    size_t len = print(doc, first, sizeof(first));
    json_free(doc);
    if (len == 0)
        return 0;
    int rc = json_parse(first, len, sizeof(first), JSON_STRICT, &doc, &e);
    assert(rc == 0);
    size_t again = print(doc, second, sizeof(second));
    assert(again == len && memcmp(first, second, len) == 0);
    json_free(doc);
    return 0;
}
