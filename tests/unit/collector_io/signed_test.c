/* Promise: what one program signs another verifies over the very characters that travelled, and a
 * change of any one of them is seen. The example is RFC 7515, appendix A.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "io/crypto.h"
#include "model/jws.h"

static char memory[1024], payload_memory[1024];

static int verify(const struct crypto_key *key, const char *text, size_t len)
{
    struct jws jws;
    struct buf payload;
    buf_init(&payload, payload_memory, sizeof(payload_memory));
    int rc = jws_split(text, len, &jws, &payload, NULL);
    return rc < 0 ? rc
                  : crypto_es256_verify(key, jws.signed_part, jws.signed_len, jws.signature, NULL);
}

static void the_example_of_rfc7515_verifies(void **state)
{
    (void)state;
    static const char key_pem[] =
        "-----BEGIN PUBLIC KEY-----\n"
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
        "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
        "-----END PUBLIC KEY-----\n";
    static const char text[] =
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl"
        "LmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISl"
        "SApmWQxfKTUJqPP3-Kg6NU1Q";
    struct crypto_key *key = NULL;
    assert_int_equal(crypto_key_parse_public(key_pem, strlen(key_pem), &key, NULL), 0);
    assert_int_equal(verify(key, text, strlen(text)), 0);
    crypto_key_destroy(key);
}

static void a_changed_character_is_seen(void **state)
{
    (void)state;
    static const char payload[] = "{\"v\":1,\"id\":\"c1\",\"value\":true}";
    struct crypto_key *key = NULL, *other = NULL;
    uint8_t signature[CRYPTO_ES256_SIZE];
    struct buf text;
    assert_int_equal(crypto_key_create(&key, NULL), 0);
    assert_int_equal(crypto_key_create(&other, NULL), 0);
    buf_init(&text, memory, sizeof(memory));
    assert_int_equal(jws_open(&text, "lan-1", payload, strlen(payload), NULL), 0);
    assert_int_equal(crypto_es256_sign(key, text.data, text.len, signature, NULL), 0);
    jws_seal(&text, signature);
    assert_int_equal(verify(key, text.data, text.len), 0);
    assert_int_equal(verify(other, text.data, text.len), ERR_DENIED);
    for (size_t i = 0; i < text.len; i++) {
        char kept = text.data[i];
        text.data[i] = kept == 'A' ? 'B' : 'A';
        assert_true(verify(key, text.data, text.len) < 0);
        text.data[i] = kept;
    }
    crypto_key_destroy(key);
    crypto_key_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_rfc7515_verifies),
        cmocka_unit_test(a_changed_character_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
