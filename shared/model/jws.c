#include "model/jws.h"

#include <stdbool.h>
#include <string.h>

#include "model/json.h"

#define ALGORITHM      "ES256"
#define HEADER_MAX     256 /* bytes of the decoded header: an algorithm, a type and a key's name */
#define SIGNATURE_TEXT 86  /* 64 bytes as base64url */
#define WORD_CHARS     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

/* --- base64url --- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_encode(struct buf *out, const void *bytes, size_t n)
{
    const uint8_t *in = bytes;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i < 3 ? n - i : 3;
        uint32_t group = (uint32_t)in[i] << 16;
        group |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        group |= left > 2 ? in[i + 2] : 0;
        for (size_t k = 0; k <= left; k++)
            buf_char(out, alphabet[group >> (18 - 6 * k) & 63]);
    }
}

/* What a character stands for, or -1. */
static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* Two to four characters to one to three bytes. The bits left over must be zero: with them free,
 * several texts would mean the same bytes. */
static int decode_group(const char *text, size_t chars, struct buf *out)
{
    uint32_t group = 0;
    for (size_t i = 0; i < chars; i++) {
        int digit = digit_of(text[i]);
        if (digit < 0)
            return ERR_INVALID;
        group |= (uint32_t)digit << (18 - 6 * i);
    }
    size_t bytes = chars - 1;
    if ((group & (0xffffffU >> 8 * bytes)) != 0)
        return ERR_INVALID;
    for (size_t i = 0; i < bytes; i++)
        buf_char(out, (char)(group >> (16 - 8 * i) & 0xff));
    return 0;
}

int base64url_decode(const char *text, size_t len, struct buf *out)
{
    size_t before = out->len;
    int rc = len % 4 == 1 ? ERR_INVALID : 0;
    for (size_t i = 0; i < len && rc == 0; i += 4)
        rc = decode_group(text + i, len - i < 4 ? len - i : 4, out);
    if (rc == 0 && out->overflow)
        rc = ERR_LIMIT;
    if (rc < 0)
        buf_rewind(out, before);
    return rc;
}

/* --- header --- */

bool jws_word_valid(const char *text, size_t size)
{
    size_t len = strnlen(text, size);
    return len > 0 && len < size && strspn(text, WORD_CHARS) == len;
}

static int read_header(const struct json *header, struct jws *out, struct err *e)
{
    const char *text;
    if (json_string(json_get(header, "alg"), &text) < 0 || strcmp(text, ALGORITHM) != 0)
        return err_set(e, ERR_INVALID, "the signature's algorithm must be " ALGORITHM);
    /* RFC 7515, 4.1.11: who does not know an extension must refuse; we know none. */
    if (json_get(header, "crit"))
        return err_set(e, ERR_INVALID, "the signature asks for an extension (crit)");
    const struct json *kid = json_get(header, "kid");
    if (!kid)
        return 0;
    if (json_string(kid, &text) < 0 || !jws_word_valid(text, sizeof(out->kid)))
        return err_set(e, ERR_INVALID,
                       "the signature's kid must be letters, digits, '-', '_' and '.', at most %d",
                       JWS_KID_SIZE - 1);
    memcpy(out->kid, text, strlen(text) + 1);
    return 0;
}

static int decode_header(const char *text, size_t len, struct jws *out, struct err *e)
{
    char memory[HEADER_MAX];
    struct buf header;
    struct json_doc *doc;
    buf_init(&header, memory, sizeof(memory));
    int rc = base64url_decode(text, len, &header);
    if (rc < 0)
        return err_set(e, rc, "the signature's header is no base64url of at most %d bytes",
                       HEADER_MAX);
    rc = json_parse(header.data, header.len, HEADER_MAX, JSON_STRICT, &doc, e);
    if (rc < 0) {
        err_prefix(e, "the signature's header");
        return rc;
    }
    rc = read_header(json_root(doc), out, e);
    json_free(doc);
    return rc;
}

/* --- the whole --- */

static int decode_signature(const char *text, size_t len, struct jws *out, struct err *e)
{
    struct buf signature;
    buf_init(&signature, out->signature, sizeof(out->signature));
    if (len != SIGNATURE_TEXT || base64url_decode(text, len, &signature) < 0)
        return err_set(e, ERR_INVALID, "the signature must be %d characters of base64url",
                       SIGNATURE_TEXT);
    return 0;
}

int jws_split(const char *text, size_t len, struct jws *out, struct buf *payload, struct err *e)
{
    *out = (struct jws){.signed_part = text};
    if (len > JWS_SIZE_MAX)
        return err_set(e, ERR_LIMIT, "a signed text of %zu bytes; at most %d are read", len,
                       JWS_SIZE_MAX);
    const char *first = memchr(text, '.', len);
    const char *second = first ? memchr(first + 1, '.', len - (size_t)(first + 1 - text)) : NULL;
    if (!second)
        return err_set(e, ERR_INVALID, "not signed: it must be header.payload.signature");
    size_t header_len = (size_t)(first - text);
    size_t payload_len = (size_t)(second - first) - 1;
    out->signed_len = (size_t)(second - text);
    int rc = decode_header(text, header_len, out, e);
    if (rc == 0)
        rc = decode_signature(second + 1, len - out->signed_len - 1, out, e);
    if (rc < 0)
        return rc;
    rc = base64url_decode(first + 1, payload_len, payload);
    return rc < 0
               ? err_set(e, rc, "the signed payload %s",
                         rc == ERR_LIMIT ? "is longer than there is room for" : "is no base64url")
               : 0;
}

int jws_open(struct buf *out, const char *kid, const void *payload, size_t len, struct err *e)
{
    char memory[HEADER_MAX];
    struct buf header;
    if (!jws_word_valid(kid, JWS_KID_SIZE))
        return err_set(e, ERR_INVALID,
                       "'%.64s' is no key's name: letters, digits, '-', '_' and '.', at most %d",
                       kid, JWS_KID_SIZE - 1);
    buf_init(&header, memory, sizeof(memory));
    buf_fmt(&header, "{\"alg\":\"" ALGORITHM "\",\"kid\":\"%s\"}", kid);
    base64url_encode(out, header.data, header.len);
    buf_char(out, '.');
    base64url_encode(out, payload, len);
    return 0;
}

void jws_seal(struct buf *out, const uint8_t signature[JWS_SIGNATURE_SIZE])
{
    buf_char(out, '.');
    base64url_encode(out, signature, JWS_SIGNATURE_SIZE);
}
