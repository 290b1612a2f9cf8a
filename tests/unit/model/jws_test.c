/* Promise: a signed text has exactly one meaning. What RFC 7515 and RFC 4648 show is read and
 * written as they show it; every other algorithm, form or spelling is refused with the reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "model/jws.h"

/* RFC 7515, appendix A.3. */
#define RFC_HEADER "eyJhbGciOiJFUzI1NiJ9"
#define RFC_PAYLOAD                                                                                \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
    "fQ"
#define RFC_SIGNATURE                                                                              \
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define RFC_TEXT                                                                                   \
    "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"

static struct buf fresh(void)
{
    static char memory[4][1024];
    static unsigned turn;
    struct buf b;
    buf_init(&b, memory[turn++ % 4], sizeof(memory[0]));
    return b;
}

static void base64url_is_as_the_standards_show(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        /* RFC 4648, section 10, without padding */
        {"", ""},
        {"f", "Zg"},
        {"fo", "Zm8"},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg"},
        {"fooba", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy"},
        /* RFC 7515, appendix C: both characters base64 has not */
        {"\x03\xec\xff\xe0\xc1", "A-z_4ME"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf text = fresh(), bytes = fresh();
        base64url_encode(&text, cases[i].bytes, strlen(cases[i].bytes));
        assert_string_equal(buf_cstr(&text), cases[i].text);
        assert_int_equal(base64url_decode(cases[i].text, strlen(cases[i].text), &bytes), 0);
        assert_string_equal(buf_cstr(&bytes), cases[i].bytes);
    }
}

static void every_byte_survives_base64url(void **state)
{
    (void)state;
    uint8_t all[256];
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (uint8_t)i;
    for (size_t n = 0; n <= sizeof(all); n++) {
        struct buf text = fresh(), bytes = fresh();
        base64url_encode(&text, all, n);
        assert_int_equal(base64url_decode(text.data, text.len, &bytes), 0);
        assert_int_equal(bytes.len, n);
        assert_memory_equal(bytes.data, all, n);
    }
}

static void a_second_spelling_of_the_same_bytes_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",    "Zg==", "Zm8=",  "Zh",   "Zm9", "Zm9vY", "Zm+v",
                                      "Zm/v", "Zm v", "Zm\nv", "Zm9.", " Zg", "Zg "};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf out = fresh();
        buf_str(&out, "kept");
        assert_int_equal(base64url_decode(bad[i], strlen(bad[i]), &out), ERR_INVALID);
        assert_string_equal(buf_cstr(&out), "kept");
    }
    char small[2];
    struct buf out;
    buf_init(&out, small, sizeof(small));
    assert_int_equal(base64url_decode("Zm9v", 4, &out), ERR_LIMIT);
    assert_int_equal(out.len, 0);
}

static void the_example_of_rfc7515_is_split(void **state)
{
    (void)state;
    static const char text[] = RFC_HEADER "." RFC_PAYLOAD "." RFC_SIGNATURE;
    static const uint8_t begin[] = {0x0e, 0xd1, 0x21, 0x53}, end[] = {0x83, 0xa3, 0x54, 0xd5};
    struct jws jws;
    struct err e = {0};
    struct buf payload = fresh();
    if (jws_split(text, strlen(text), &jws, &payload, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(buf_cstr(&payload), RFC_TEXT);
    assert_ptr_equal(jws.signed_part, text);
    assert_int_equal(jws.signed_len, strlen(RFC_HEADER "." RFC_PAYLOAD));
    assert_memory_equal(jws.signature, begin, sizeof(begin));
    assert_memory_equal(jws.signature + JWS_SIGNATURE_SIZE - sizeof(end), end, sizeof(end));
    assert_string_equal(jws.kid, "");
}

static void what_is_opened_and_sealed_is_split_again(void **state)
{
    (void)state;
    uint8_t signature[JWS_SIGNATURE_SIZE];
    struct buf text = fresh(), payload = fresh();
    struct jws jws;
    memset(signature, 0xa5, sizeof(signature));
    assert_int_equal(jws_open(&text, "lan-0f1e2d3c", "{\"v\":1}", 7, NULL), 0);
    size_t signed_len = text.len;
    jws_seal(&text, signature);
    assert_false(text.overflow);
    assert_int_equal(jws_split(text.data, text.len, &jws, &payload, NULL), 0);
    assert_string_equal(jws.kid, "lan-0f1e2d3c");
    assert_int_equal(jws.signed_len, signed_len);
    assert_memory_equal(jws.signature, signature, sizeof(signature));
    assert_string_equal(buf_cstr(&payload), "{\"v\":1}");
}

static void a_key_is_named_by_a_word(void **state)
{
    (void)state;
    char longest[JWS_KID_SIZE + 1];
    struct buf out = fresh();
    memset(longest, 'k', sizeof(longest));
    longest[JWS_KID_SIZE] = '\0';
    static const char *const bad[] = {"", "a b", "a\"b", "a/b", "\xc3\xa1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(jws_open(&out, bad[i], "", 0, NULL), ERR_INVALID);
    assert_int_equal(jws_open(&out, longest, "", 0, NULL), ERR_INVALID);
    assert_int_equal(out.len, 0);
    longest[JWS_KID_SIZE - 1] = '\0';
    assert_int_equal(jws_open(&out, longest, "", 0, NULL), 0);
}

/* header.payload.signature of a header given as text. */
static void split_header(const char *header, const char *why)
{
    struct buf text = fresh(), payload = fresh();
    struct jws jws;
    struct err e = {0};
    base64url_encode(&text, header, strlen(header));
    buf_str(&text, "." RFC_PAYLOAD "." RFC_SIGNATURE);
    int rc = jws_split(text.data, text.len, &jws, &payload, &e);
    if (rc == 0 || !strstr(e.text, why))
        fail_msg("%s: %d \"%s\", not \"%s\"", header, rc, e.text, why);
    assert_int_equal(payload.len, 0);
}

static void a_header_of_another_kind_is_refused(void **state)
{
    (void)state;
    split_header("{\"alg\":\"none\"}", "algorithm must be ES256");
    split_header("{\"alg\":\"HS256\"}", "algorithm must be ES256");
    split_header("{\"alg\":\"es256\"}", "algorithm must be ES256");
    split_header("{\"alg\":[\"ES256\"]}", "algorithm must be ES256");
    split_header("{\"ALG\":\"ES256\"}", "algorithm must be ES256");
    split_header("[\"ES256\"]", "algorithm must be ES256");
    split_header("{\"alg\":\"ES256\",\"alg\":\"none\"}", "header: line 1");
    split_header("{\"alg\":\"ES256\",\"crit\":[\"b64\"],\"b64\":false}", "extension (crit)");
    split_header("{\"alg\":\"ES256\",\"kid\":7}", "kid must be");
    split_header("{\"alg\":\"ES256\",\"kid\":\"\"}", "kid must be");
    split_header("{\"alg\":\"ES256\",\"kid\":\"a/b\"}", "kid must be");
    split_header("{\"alg\":\"ES256\"} x", "header: line 1");
    split_header("", "header: ");
}

static void a_text_of_another_form_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "not signed"},
        {"{\"v\":1}", "not signed"},
        {RFC_HEADER "." RFC_PAYLOAD, "not signed"},
        {RFC_HEADER "=." RFC_PAYLOAD "." RFC_SIGNATURE, "header is no base64url"},
        {RFC_HEADER "." RFC_PAYLOAD "=." RFC_SIGNATURE, "payload is no base64url"},
        {RFC_HEADER "." RFC_PAYLOAD ".", "86 characters"},
        {RFC_HEADER "." RFC_PAYLOAD "." RFC_SIGNATURE "A", "86 characters"},
        {RFC_HEADER "." RFC_PAYLOAD "." RFC_SIGNATURE "\n", "86 characters"},
        {RFC_HEADER "." RFC_PAYLOAD "." RFC_SIGNATURE ".x", "86 characters"},
        {" " RFC_HEADER "." RFC_PAYLOAD "." RFC_SIGNATURE, "header is no base64url"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct jws jws;
        struct err e = {0};
        struct buf payload = fresh();
        int rc = jws_split(cases[i].text, strlen(cases[i].text), &jws, &payload, &e);
        if (rc != ERR_INVALID || !strstr(e.text, cases[i].why))
            fail_msg("%s: %d \"%s\"", cases[i].text, rc, e.text);
    }
}

static void a_payload_without_room_is_a_limit(void **state)
{
    (void)state;
    static const char text[] = RFC_HEADER "." RFC_PAYLOAD "." RFC_SIGNATURE;
    static char big[JWS_SIZE_MAX + 1];
    char small[16];
    struct jws jws;
    struct err e = {0};
    struct buf payload;
    buf_init(&payload, small, sizeof(small));
    assert_int_equal(jws_split(text, strlen(text), &jws, &payload, &e), ERR_LIMIT);
    assert_int_equal(payload.len, 0);
    assert_int_equal(jws_split(big, sizeof(big), &jws, &payload, &e), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64url_is_as_the_standards_show),
        cmocka_unit_test(every_byte_survives_base64url),
        cmocka_unit_test(a_second_spelling_of_the_same_bytes_is_refused),
        cmocka_unit_test(the_example_of_rfc7515_is_split),
        cmocka_unit_test(what_is_opened_and_sealed_is_split_again),
        cmocka_unit_test(a_key_is_named_by_a_word),
        cmocka_unit_test(a_header_of_another_kind_is_refused),
        cmocka_unit_test(a_text_of_another_form_is_refused),
        cmocka_unit_test(a_payload_without_room_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
