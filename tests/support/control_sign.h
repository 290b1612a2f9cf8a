/* Signed control documents and commands, made with real keys in a scratch directory. */
#ifndef TESTS_SUPPORT_CONTROL_SIGN_H
#define TESTS_SUPPORT_CONTROL_SIGN_H

#include "tests/support/lamp_world.h"

#include "gateway/io/control_file.h"
#include "io/fsx.h"
#include "tests/support/scratch.h"

struct signers {
    struct crypto_key *authority, *lan;
    char lan_pem[CONTROL_PEM_SIZE]; /* as a JSON string has it */
    char dir[64];
    char jws[JWS_SIZE_MAX]; /* the last one made */
};

static inline void signers_pem(const struct crypto_key *key, char *out, size_t size)
{
    char memory[CONTROL_PEM_SIZE];
    struct buf pem, text;
    buf_init(&pem, memory, sizeof(memory));
    assert_int_equal(crypto_key_public_pem(key, &pem, NULL), 0);
    buf_init(&text, out, size);
    for (const char *p = buf_cstr(&pem); *p; p++)
        buf_str(&text, *p == '\n' ? "\\n" : (char[2]){*p, '\0'});
    assert_false(text.overflow);
    buf_cstr(&text);
}

static inline struct signers *signers_new(void)
{
    struct signers *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    assert_int_equal(crypto_key_create(&s->authority, NULL), 0);
    assert_int_equal(crypto_key_create(&s->lan, NULL), 0);
    signers_pem(s->lan, s->lan_pem, sizeof(s->lan_pem));
    return s;
}

static inline void signers_free(struct signers *s)
{
    crypto_key_destroy(s->authority);
    crypto_key_destroy(s->lan);
    free(s);
}

static inline const char *sign(struct signers *s, const struct crypto_key *key, const char *kid,
                               const char *payload)
{
    struct buf out;
    uint8_t signature[JWS_SIGNATURE_SIZE];
    buf_init(&out, s->jws, sizeof(s->jws));
    assert_int_equal(jws_open(&out, kid, payload, strlen(payload), NULL), 0);
    assert_int_equal(crypto_es256_sign(key, out.data, out.len, signature, NULL), 0);
    jws_seal(&out, signature);
    assert_false(out.overflow);
    return buf_cstr(&out);
}

static inline void write_text(const char *dir, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(fsx_replace_file(path, text, strlen(text), 0600, NULL), 0);
}

/* gateway.json says where: DIR/control.jws, DIR/trust.pem, DIR/kept.jws. */
static inline void point_at(struct gateway_config *c, const char *dir)
{
    c->has_control = true;
    snprintf(c->control.file, sizeof(c->control.file), "%s/control.jws", dir);
    snprintf(c->control.trust, sizeof(c->control.trust), "%s/trust.pem", dir);
    snprintf(c->control.state, sizeof(c->control.state), "%s/kept.jws", dir);
}

static inline void trust(const struct crypto_key *authority, const char *dir)
{
    char memory[CONTROL_PEM_SIZE];
    struct buf pem;
    buf_init(&pem, memory, sizeof(memory));
    assert_int_equal(crypto_key_public_pem(authority, &pem, NULL), 0);
    write_text(dir, "trust.pem", buf_cstr(&pem));
}

#endif
