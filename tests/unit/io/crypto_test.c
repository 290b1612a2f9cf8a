/* Promise: an identity is made, certified and checked so that OpenSSL, which the broker and the
 * MQTT client speak through, agrees; and a key, request, chain or signature that is not right is
 * refused with the reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/crypto.h"
#include "io/fsx.h"

#define DAY_MS INT64_C(86400000)

static char dir[] = "/tmp/crypto-test-XXXXXX";
static const struct clk_utc NOW = {INT64_C(1795300000) * 1000}; /* 2026-11-21 */

static const char *at(const char *name)
{
    static char paths[4][160];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    return path;
}

/* Runs a shell command in the test's directory; its exit code. */
static int sh(const char *fmt, ...)
{
    char inner[1024], line[1280];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(inner, sizeof(inner), fmt, ap);
    va_end(ap);
    snprintf(line, sizeof(line), "cd %s && (%s) >sh.log 2>&1", dir, inner);
    return system(line);
}

static void put(const char *name, const char *text)
{
    assert_int_equal(fsx_replace_file(at(name), text, strlen(text), 0644, NULL), 0);
}

static char *get(const char *name, size_t *len)
{
    char *text;
    assert_int_equal(fsx_read_file(at(name), 65536, &text, len, NULL), 0);
    return text;
}

static struct crypto_key *new_key(void)
{
    struct crypto_key *key = NULL;
    assert_int_equal(crypto_key_create(&key, NULL), 0);
    return key;
}

/* A certificate in PEM form in `text`; issuer NULL: self-signed. */
struct issued {
    char text[4096];
};

static struct issued issue(const char *name, const struct crypto_key *key,
                           const struct crypto_issue *what, const struct crypto_key *issuer_key,
                           const char *issuer)
{
    struct issued out;
    char csr[CRYPTO_CSR_MAX];
    struct buf b, c;
    struct err e = {0};
    buf_init(&b, csr, sizeof(csr));
    buf_init(&c, out.text, sizeof(out.text));
    assert_int_equal(crypto_csr_create(key, name, &b, &e), 0);
    size_t len = b.len;
    if (crypto_issue(what, buf_cstr(&b), len, issuer_key, issuer, &c, &e) != 0)
        fail_msg("%s", e.text);
    buf_cstr(&c);
    return out;
}

/* root -> middle -> leaf, all valid from a day ago for ten days. */
struct chain {
    struct crypto_key *root_key, *middle_key, *leaf_key;
    struct issued root, middle, leaf, both; /* both: leaf and middle, as a client sends them */
};

static struct chain make_chain(enum crypto_use use, const char *const *hosts, size_t host_count)
{
    struct chain c = {.root_key = new_key(), .middle_key = new_key(), .leaf_key = new_key()};
    struct crypto_issue what = {.use = CRYPTO_USE_AUTHORITY,
                                .path_len = 1,
                                .not_before = {NOW.ms - DAY_MS},
                                .not_after = {NOW.ms + 10 * DAY_MS}};
    c.root = issue("Test Root", c.root_key, &what, c.root_key, NULL);
    what.path_len = 0;
    c.middle = issue("Test Middle", c.middle_key, &what, c.root_key, c.root.text);
    what.use = use;
    what.hosts = hosts;
    what.host_count = host_count;
    c.leaf = issue("gw-01", c.leaf_key, &what, c.middle_key, c.middle.text);
    snprintf(c.both.text, sizeof(c.both.text), "%.2000s%.2000s", c.leaf.text, c.middle.text);
    return c;
}

static void free_chain(struct chain *c)
{
    crypto_key_destroy(c->root_key);
    crypto_key_destroy(c->middle_key);
    crypto_key_destroy(c->leaf_key);
}

static int verify(const struct issued *chain, const struct issued *anchor, struct clk_utc now,
                  struct err *e)
{
    return crypto_chain_verify(chain->text, strlen(chain->text), anchor->text, strlen(anchor->text),
                               now, e);
}

static void hashes_as_the_standard_says(void **state)
{
    (void)state;
    uint8_t hash[CRYPTO_HASH_SIZE];
    char text[2 * CRYPTO_HASH_SIZE + 1];
    crypto_sha256("abc", 3, hash); /* FIPS 180-4, appendix */
    assert_string_equal(crypto_hex(hash, sizeof(hash), text),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    char fingerprint[CRYPTO_FINGERPRINT_SIZE];
    assert_string_equal(crypto_fingerprint(hash, fingerprint),
                        "ba7816bf 8f01cfea 414140de 5dae2223 b00361a3 96177a9c b410ff61 f20015ad");
}

static void keeps_a_key_private_and_never_overwrites_it(void **state)
{
    (void)state;
    struct err e = {0};
    struct stat st;
    uint8_t a[CRYPTO_HASH_SIZE], b[CRYPTO_HASH_SIZE];
    struct crypto_key *again = NULL, *key = new_key();
    umask(0);
    assert_int_equal(crypto_key_save(key, at("own.key"), &e), 0);
    assert_int_equal(stat(at("own.key"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(sh("openssl pkey -in own.key -noout -check"), 0);
    assert_int_equal(crypto_key_save(key, at("own.key"), &e), ERR_EXISTS);
    assert_int_equal(crypto_key_load(at("own.key"), &again, &e), 0);
    assert_int_equal(crypto_key_hash(key, a, NULL), 0);
    assert_int_equal(crypto_key_hash(again, b, NULL), 0);
    assert_memory_equal(a, b, sizeof(a));
    crypto_key_destroy(again);
    assert_int_equal(chmod(at("own.key"), 0640), 0);
    assert_int_equal(crypto_key_load(at("own.key"), &again, &e), ERR_DENIED);
    assert_non_null(strstr(e.text, "chmod 600"));
    crypto_key_destroy(key);
}

static void refuses_a_file_that_is_no_key(void **state)
{
    (void)state;
    struct err e = {0};
    struct crypto_key *key = NULL;
    put("not.key", "-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----\n");
    assert_int_equal(chmod(at("not.key"), 0600), 0);
    assert_int_equal(crypto_key_load(at("not.key"), &key, &e), ERR_INVALID);
    assert_null(strstr(e.text, "c2VjcmV0"));
    assert_int_equal(crypto_key_load(at("absent.key"), &key, &e), ERR_IO);
}

static void openssl_accepts_our_request(void **state)
{
    (void)state;
    struct crypto_key *key = new_key();
    char text[CRYPTO_CSR_MAX];
    struct buf pem;
    struct crypto_csr csr;
    buf_init(&pem, text, sizeof(text));
    assert_int_equal(crypto_csr_create(key, "gw-01", &pem, NULL), 0);
    size_t len = pem.len;
    put("our.csr", buf_cstr(&pem));
    assert_int_equal(sh("openssl req -in our.csr -noout -verify -subject -nameopt RFC2253 |"
                        " grep -qx 'subject=CN=gw-01'"),
                     0);
    assert_int_equal(crypto_csr_read(text, len, &csr, NULL), 0);
    assert_string_equal(csr.name, "gw-01");
    assert_string_equal(csr.key_kind, "EC P-256");
    crypto_key_destroy(key);
}

/* Makes NAME.csr with openssl and reads it. */
static int read_foreign(const char *name, const char *newkey, const char *subject,
                        struct crypto_csr *csr, struct err *e)
{
    char file[64];
    size_t len;
    assert_int_equal(sh("openssl req -new -nodes %s -subj '%s' -keyout %s.key -out %s.csr", newkey,
                        subject, name, name),
                     0);
    snprintf(file, sizeof(file), "%s.csr", name);
    char *pem = get(file, &len);
    int ret = crypto_csr_read(pem, len, csr, e);
    free(pem);
    return ret;
}

static void takes_requests_with_strong_keys_only(void **state)
{
    (void)state;
    struct crypto_csr csr;
    struct err e = {0};
    assert_int_equal(read_foreign("r2", "-newkey rsa:2048", "/CN=a", &csr, &e), 0);
    assert_string_equal(csr.key_kind, "RSA 2048");
    assert_int_equal(
        read_foreign("p3", "-newkey ec -pkeyopt ec_paramgen_curve:P-384", "/CN=a", &csr, &e), 0);
    assert_string_equal(csr.key_kind, "EC P-384");
    assert_int_equal(read_foreign("r1", "-newkey rsa:1024", "/CN=a", &csr, &e), ERR_DENIED);
    assert_non_null(strstr(e.text, "RSA 1024"));
    assert_int_equal(
        read_foreign("k1", "-newkey ec -pkeyopt ec_paramgen_curve:secp256k1", "/CN=a", &csr, &e),
        ERR_DENIED);
    assert_int_equal(read_foreign("s1", "-sha1 -newkey rsa:2048", "/CN=a", &csr, &e), ERR_DENIED);
    assert_non_null(strstr(e.text, "SHA-256"));
}

static void takes_requests_with_one_clear_name_only(void **state)
{
    (void)state;
    struct crypto_csr csr;
    struct err e = {0};
    const char *ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256";
    assert_int_equal(read_foreign("n0", ec, "/O=nobody", &csr, &e), ERR_INVALID);
    assert_int_equal(read_foreign("n2", ec, "/CN=gw-01/CN=gw-02", &csr, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "more than one"));
    char big[CRYPTO_CSR_MAX + 2];
    memset(big, 'A', sizeof(big));
    assert_int_equal(crypto_csr_read(big, sizeof(big), &csr, &e), ERR_LIMIT);
    assert_int_equal(crypto_csr_read("", 0, &csr, &e), ERR_INVALID);
    assert_int_equal(crypto_csr_read("no PEM", 6, &csr, &e), ERR_INVALID);
}

static void assert_same_request(const struct crypto_csr *a, const struct crypto_csr *b)
{
    assert_string_equal(a->name, b->name);
    assert_memory_equal(a->key_hash, b->key_hash, sizeof(a->key_hash));
}

/* Or it says the same: the frame around the signed part has a byte the parser does not look at. */
static void refuses_a_request_changed_anywhere(void **state)
{
    (void)state;
    struct crypto_key *key = new_key();
    char text[CRYPTO_CSR_MAX];
    struct buf pem;
    struct crypto_csr csr, original;
    buf_init(&pem, text, sizeof(text));
    assert_int_equal(crypto_csr_create(key, "gw-01", &pem, NULL), 0);
    size_t len = pem.len;
    assert_int_equal(crypto_csr_read(text, len, &original, NULL), 0);
    char *from = strchr(buf_cstr(&pem), '\n') + 1;
    char *end = strstr(from, "\n-----END");
    /* The last four characters may only carry padding, which is not part of the request. */
    for (char *c = from; c < end - 4; c++) {
        char was = *c;
        if (was == '\n')
            continue;
        *c = was == 'A' ? 'B' : 'A';
        if (crypto_csr_read(text, len, &csr, NULL) == 0)
            assert_same_request(&csr, &original);
        *c = was;
    }
    crypto_key_destroy(key);
}

static void openssl_accepts_our_chains(void **state)
{
    (void)state;
    const char *hosts[] = {"broker.ioc.example", "127.0.0.1", "::1"};
    struct chain client = make_chain(CRYPTO_USE_CLIENT, NULL, 0);
    struct chain server = make_chain(CRYPTO_USE_SERVER, hosts, 3);
    put("c-root.pem", client.root.text);
    put("c.pem", client.both.text);
    put("s-root.pem", server.root.text);
    put("s.pem", server.both.text);
    const char *ssl = "openssl verify -attime 1795300000 -x509_strict";
    assert_int_equal(sh("%s -purpose sslclient -CAfile c-root.pem -untrusted c.pem c.pem", ssl), 0);
    assert_int_not_equal(sh("%s -purpose sslserver -CAfile c-root.pem -untrusted c.pem c.pem", ssl),
                         0);
    assert_int_equal(sh("%s -purpose sslserver -verify_hostname broker.ioc.example "
                        "-CAfile s-root.pem -untrusted s.pem s.pem",
                        ssl),
                     0);
    assert_int_equal(sh("%s -verify_ip ::1 -CAfile s-root.pem -untrusted s.pem s.pem", ssl), 0);
    assert_int_not_equal(
        sh("%s -verify_ip 127.0.0.2 -CAfile s-root.pem -untrusted s.pem s.pem", ssl), 0);
    assert_int_not_equal(sh("%s -CAfile s-root.pem -untrusted c.pem c.pem", ssl), 0);
    free_chain(&client);
    free_chain(&server);
}

static void reads_what_it_issued(void **state)
{
    (void)state;
    const char *hosts[] = {"broker.ioc.example", "127.0.0.1", "::1"};
    struct chain c = make_chain(CRYPTO_USE_SERVER, hosts, 3);
    struct crypto_cert cert;
    uint8_t hash[CRYPTO_HASH_SIZE];
    assert_int_equal(crypto_cert_read(c.both.text, strlen(c.both.text), &cert, NULL), 0);
    assert_string_equal(cert.name, "gw-01");
    assert_string_equal(cert.issuer, "Test Middle");
    assert_int_equal(cert.not_before.ms, NOW.ms - DAY_MS);
    assert_int_equal(cert.not_after.ms, NOW.ms + 10 * DAY_MS);
    assert_int_equal(strlen(cert.serial), 32);
    assert_true(cert.server && !cert.client && !cert.authority);
    assert_int_equal(cert.host_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(cert.hosts[i], hosts[i]);
    assert_int_equal(crypto_key_hash(c.leaf_key, hash, NULL), 0);
    assert_memory_equal(hash, cert.key_hash, sizeof(hash));
    assert_int_equal(crypto_cert_read(c.middle.text, strlen(c.middle.text), &cert, NULL), 0);
    assert_true(cert.authority && !cert.client && !cert.server);
    free_chain(&c);
}

static void reads_times_of_far_years(void **state)
{
    (void)state;
    struct crypto_key *key = new_key();
    struct crypto_issue what = {
        .use = CRYPTO_USE_AUTHORITY,
        .not_before = {INT64_C(951782400000)}, /* 2000-02-29, a leap day */
        .not_after = {INT64_C(2582928000000)}, /* 2051-11-07, a GeneralizedTime beyond 2^31 s */
    };
    struct issued root = issue("Old Root", key, &what, key, NULL);
    struct crypto_cert cert;
    assert_int_equal(crypto_cert_read(root.text, strlen(root.text), &cert, NULL), 0);
    assert_int_equal(cert.not_before.ms, what.not_before.ms);
    assert_int_equal(cert.not_after.ms, what.not_after.ms);
    crypto_key_destroy(key);
}

static void judges_a_chain_by_the_given_time_and_authority(void **state)
{
    (void)state;
    struct chain ours = make_chain(CRYPTO_USE_CLIENT, NULL, 0);
    struct chain other = make_chain(CRYPTO_USE_CLIENT, NULL, 0); /* same names, other keys */
    struct err e = {0};
    assert_int_equal(verify(&ours.both, &ours.root, NOW, &e), 0);
    assert_int_equal(verify(&ours.leaf, &ours.middle, NOW, &e), 0);
    assert_int_equal(verify(&ours.leaf, &ours.root, NOW, &e), ERR_DENIED); /* a link is missing */
    assert_int_equal(verify(&ours.both, &other.root, NOW, &e), ERR_DENIED);
    assert_int_equal(verify(&ours.both, &other.middle, NOW, &e), ERR_DENIED);
    assert_int_equal(verify(&ours.both, &ours.root, (struct clk_utc){NOW.ms + 11 * DAY_MS}, &e),
                     ERR_DENIED);
    assert_non_null(strstr(e.text, "expired"));
    assert_int_equal(verify(&ours.both, &ours.root, (struct clk_utc){0}, &e), ERR_DENIED);
    assert_non_null(strstr(e.text, "clock"));
    free_chain(&ours);
    free_chain(&other);
}

static void issues_nothing_with_a_foreign_key_or_odd_hosts(void **state)
{
    (void)state;
    struct chain c = make_chain(CRYPTO_USE_CLIENT, NULL, 0);
    char csr[CRYPTO_CSR_MAX], text[4096];
    struct buf b, out;
    struct err e = {0};
    struct crypto_issue what = {.use = CRYPTO_USE_SERVER,
                                .not_before = NOW,
                                .not_after = {NOW.ms + DAY_MS},
                                .hosts = (const char *const[]){"broker ioc"},
                                .host_count = 1};
    buf_init(&b, csr, sizeof(csr));
    buf_init(&out, text, sizeof(text));
    assert_int_equal(crypto_csr_create(c.leaf_key, "gw-02", &b, NULL), 0);
    assert_int_equal(crypto_issue(&what, csr, b.len, c.middle_key, c.middle.text, &out, &e),
                     ERR_INVALID);
    what.host_count = 0;
    assert_int_equal(crypto_issue(&what, csr, b.len, c.root_key, c.middle.text, &out, &e),
                     ERR_MISMATCH);
    assert_int_equal(crypto_issue(&what, csr, b.len, c.root_key, NULL, &out, &e), ERR_MISMATCH);
    assert_int_equal(out.len, 0);
    b.len = 0;
    assert_int_equal(crypto_csr_create(c.leaf_key, "a,O=b", &b, &e), ERR_INVALID);
    free_chain(&c);
}

static void verifies_the_signature_of_rfc7515(void **state)
{
    (void)state;
    static const char key_pem[] =
        "-----BEGIN PUBLIC KEY-----\n"
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
        "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
        "-----END PUBLIC KEY-----\n";
    static const char text[] = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAs"
                               "DQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    uint8_t signature[CRYPTO_ES256_SIZE] = {
        0x0e, 0xd1, 0x21, 0x53, 0x79, 0x63, 0x6c, 0x48, 0x3c, 0x2f, 0x7f, 0x15, 0x58,
        0x07, 0xd4, 0x02, 0xa3, 0xb2, 0x28, 0x03, 0x3a, 0xf9, 0x7c, 0x7e, 0x17, 0x81,
        0x9a, 0xc3, 0x16, 0x9e, 0xa6, 0x65, 0xc5, 0x0a, 0x07, 0xd3, 0x8c, 0x3c, 0x70,
        0xe5, 0xd8, 0xf1, 0x2d, 0xaf, 0x08, 0x4a, 0x54, 0x80, 0xa6, 0x65, 0x90, 0xc5,
        0xf2, 0x93, 0x50, 0x9a, 0x8f, 0x3f, 0x7f, 0x8a, 0x83, 0xa3, 0x54, 0xd5};
    struct crypto_key *key = NULL;
    assert_int_equal(crypto_key_parse_public(key_pem, strlen(key_pem), &key, NULL), 0);
    assert_int_equal(crypto_es256_verify(key, text, strlen(text), signature, NULL), 0);
    for (size_t i = 0; i < sizeof(signature); i++) {
        signature[i] ^= 1;
        assert_int_equal(crypto_es256_verify(key, text, strlen(text), signature, NULL), ERR_DENIED);
        signature[i] ^= 1;
    }
    assert_int_equal(crypto_es256_verify(key, text, strlen(text) - 1, signature, NULL), ERR_DENIED);
    memset(signature, 0, sizeof(signature));
    assert_int_equal(crypto_es256_verify(key, text, strlen(text), signature, NULL), ERR_DENIED);
    crypto_key_destroy(key);
}

static void signs_what_its_public_key_verifies(void **state)
{
    (void)state;
    struct crypto_key *key = new_key(), *public_key = NULL, *rsa = NULL;
    uint8_t signature[CRYPTO_ES256_SIZE];
    char text[512];
    struct buf pem;
    buf_init(&pem, text, sizeof(text));
    assert_int_equal(crypto_key_public_pem(key, &pem, NULL), 0);
    assert_int_equal(crypto_key_parse_public(text, pem.len, &public_key, NULL), 0);
    for (int i = 0; i < 50; i++) { /* short r or s come about once in 128 */
        assert_int_equal(crypto_es256_sign(key, &i, sizeof(i), signature, NULL), 0);
        assert_int_equal(crypto_es256_verify(public_key, &i, sizeof(i), signature, NULL), 0);
    }
    assert_int_equal(sh("openssl genrsa -out rsa.key 2048 && chmod 600 rsa.key"), 0);
    assert_int_equal(crypto_key_load(at("rsa.key"), &rsa, NULL), 0);
    assert_int_equal(crypto_es256_sign(rsa, "a", 1, signature, NULL), ERR_INVALID);
    crypto_key_destroy(rsa);
    crypto_key_destroy(key);
    crypto_key_destroy(public_key);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    char line[64];
    snprintf(line, sizeof(line), "rm -rf %s", dir);
    return system(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_as_the_standard_says),
        cmocka_unit_test(keeps_a_key_private_and_never_overwrites_it),
        cmocka_unit_test(refuses_a_file_that_is_no_key),
        cmocka_unit_test(openssl_accepts_our_request),
        cmocka_unit_test(takes_requests_with_strong_keys_only),
        cmocka_unit_test(takes_requests_with_one_clear_name_only),
        cmocka_unit_test(refuses_a_request_changed_anywhere),
        cmocka_unit_test(openssl_accepts_our_chains),
        cmocka_unit_test(reads_what_it_issued),
        cmocka_unit_test(reads_times_of_far_years),
        cmocka_unit_test(judges_a_chain_by_the_given_time_and_authority),
        cmocka_unit_test(issues_nothing_with_a_foreign_key_or_odd_hosts),
        cmocka_unit_test(verifies_the_signature_of_rfc7515),
        cmocka_unit_test(signs_what_its_public_key_verifies),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
