/* Promise: whatever text arrives, it is either parsed to exactly what it says, or refused with the
 * line, the column and what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>

#include "base/rng.h"
#include "model/json.h"

static struct json_doc *parse(const char *text, unsigned flags)
{
    struct json_doc *doc;
    struct err e = {0};
    int rc = json_parse(text, strlen(text), 65536, flags, &doc, &e);
    if (rc)
        fail_msg("%s: %s", text, e.text);
    return doc;
}

static void refuses_n(const char *text, size_t len, unsigned flags, int code, const char *why)
{
    struct json_doc *doc;
    struct err e = {0};
    assert_int_equal(json_parse(text, len, 65536, flags, &doc, &e), code);
    assert_null(doc);
    if (!strstr(e.text, why))
        fail_msg("%.60s: \"%s\" does not say \"%s\"", text, e.text, why);
}

static void refuses(const char *text, const char *why)
{
    refuses_n(text, strlen(text), JSON_STRICT, ERR_INVALID, why);
}

static void reads_every_type(void **state)
{
    (void)state;
    struct json_doc *doc =
        parse(" {\"s\":\"\\u00e9\\ud83d\\ude00\\n\",\"n\":-1.5e2,\"t\":true,\"f\":false,"
              "\"z\":null,\"a\":[1,2,[]],\"o\":{}} ",
              JSON_STRICT);
    const struct json *root = json_root(doc);
    const char *s;
    double n;
    bool b;
    assert_int_equal(json_count(root), 7);
    assert_int_equal(json_string(json_get(root, "s"), &s), 0);
    assert_string_equal(s, "\xc3\xa9\xf0\x9f\x98\x80\n");
    assert_int_equal(json_number(json_get(root, "n"), &n), 0);
    assert_true(n == -150);
    assert_int_equal(json_bool(json_get(root, "t"), &b), 0);
    assert_true(b);
    assert_int_equal(json_bool(json_get(root, "f"), &b), 0);
    assert_false(b);
    assert_int_equal(json_type(json_get(root, "z")), JSON_NULL);
    assert_int_equal(json_count(json_get(root, "a")), 3);
    assert_string_equal(json_key(json_first(root)), "s");
    assert_string_equal(json_type_name(json_type(json_get(root, "o"))), "object");
    assert_null(json_get(root, "S"));
    assert_null(json_get(json_get(root, "a"), "s"));
    json_free(doc);
}

static void getters_refuse_other_types_and_absent_values(void **state)
{
    (void)state;
    struct json_doc *doc = parse("[true, 1, \"x\"]", JSON_STRICT);
    const struct json *b = json_first(json_root(doc)), *n = json_next(b), *s = json_next(n);
    const char *text;
    double d;
    int64_t i;
    bool flag;
    uint64_t u;
    assert_int_equal(json_string(n, &text), ERR_INVALID);
    assert_int_equal(json_number(s, &d), ERR_INVALID);
    assert_int_equal(json_int(b, &i), ERR_INVALID);
    assert_int_equal(json_bool(n, &flag), ERR_INVALID);
    assert_int_equal(json_u63(n, &u), ERR_INVALID);
    assert_int_equal(json_number(NULL, &d), ERR_INVALID);
    assert_null(json_next(s));
    assert_null(json_first(NULL));
    json_free(doc);
    json_free(NULL);
}

static int int_of(const char *text, int64_t *out)
{
    struct json_doc *doc = parse(text, JSON_STRICT);
    int rc = json_int(json_root(doc), out);
    json_free(doc);
    return rc;
}

static void integers_are_exact_or_refused(void **state)
{
    (void)state;
    int64_t n;
    assert_int_equal(int_of("9007199254740992", &n), 0);
    assert_true(n == 9007199254740992);
    assert_int_equal(int_of("-9007199254740992", &n), 0);
    assert_int_equal(int_of("1e3", &n), 0);
    assert_int_equal(n, 1000);
    assert_int_equal(int_of("9007199254740994", &n), ERR_INVALID);
    assert_int_equal(int_of("1.5", &n), ERR_INVALID);
    assert_int_equal(int_of("1e300", &n), ERR_INVALID);
}

static int u63_of(const char *text, uint64_t *out)
{
    struct json_doc *doc = parse(text, JSON_STRICT);
    int rc = json_u63(json_root(doc), out);
    json_free(doc);
    return rc;
}

static void decimal_strings_carry_63_bits(void **state)
{
    (void)state;
    uint64_t n;
    assert_int_equal(u63_of("\"9223372036854775807\"", &n), 0);
    assert_true(n == INT64_MAX);
    assert_int_equal(u63_of("\"0\"", &n), 0);
    assert_int_equal(n, 0);
    static const char *const bad[] = {"\"9223372036854775808\"",
                                      "\"\"",
                                      "\"01\"",
                                      "\"-1\"",
                                      "\"+1\"",
                                      "\" 1\"",
                                      "\"1x\"",
                                      "\"1.0\"",
                                      "\"99999999999999999999\"",
                                      "\"0x1\"",
                                      "1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(u63_of(bad[i], &n), ERR_INVALID);
}

static void names_line_and_column(void **state)
{
    (void)state;
    refuses("{\n  \"a\": 1,\n  \"b\": tru\n}", "line 3, column 8: a value is expected");
    refuses("", "line 1, column 1: the text ends");
    refuses("[1,\n2,\n", "line 3, column 1: the text ends");
}

static void refuses_what_is_not_json_and_says_why(void **state)
{
    (void)state;
    refuses("[1,]", "column 3: a comma before the closing bracket; remove it");
    refuses("{\"a\":1,}", "a comma before the closing bracket; remove it");
    refuses("[,1]", "a value is expected here");
    refuses("[1 2]", "a comma or the closing bracket is missing");
    refuses("{\"a\" 1}", "a colon is missing");
    refuses("{a:1}", "a key in double quotes");
    refuses("['a']", "double quotes");
    refuses("{} {}", "goes on after its end");
    refuses("[1] x", "goes on after its end");
    refuses("// hi\n1", "comments are not allowed");
    refuses("\xef\xbb\xbf{}", "byte order mark");
    refuses("[}", "a value is expected");
    refuses("nul", "a value is expected");
    refuses("\"abc", "no closing quote");
    refuses("\"a\nb\"", "the line ends inside a string");
    refuses("\"a\tb\"", "control character");
    refuses("\"\\x41\"", "unknown escape");
    refuses_n("[1]\0", 4, JSON_STRICT, ERR_INVALID, "goes on");
    refuses_n("\"a\0b\"", 5, JSON_STRICT, ERR_INVALID, "control character");
    refuses_n("\"\\\0\"", 4, JSON_STRICT, ERR_INVALID, "unknown escape");
    refuses_n("\"\\", 2, JSON_STRICT, ERR_INVALID, "closing quote is missing");
}

static void refuses_numbers_json_does_not_have(void **state)
{
    (void)state;
    refuses("01", "does not start with 0");
    refuses("-", "digits are missing");
    refuses("1.", "after the decimal point");
    refuses("1e", "after the exponent's e");
    refuses("1e+", "after the exponent's e");
    refuses(".5", "a value is expected");
    refuses("+1", "a value is expected");
    refuses("NaN", "a value is expected");
    refuses("Infinity", "a value is expected");
    refuses("0x10", "goes on after its end");
    refuses("1e400", "too large");
    refuses("-1e99999999999999999999", "too large");
    refuses("1.7976931348623159e308", "too large");
    refuses("0.17976931348623159E+309", "too large");
    refuses("17976931348623159000000000000e280", "too large");
    refuses("1111111111111111111111111111111111111111111111111111111111111", "60 characters");
    double n;
    struct json_doc *doc = parse("1.7976931348623157e308", JSON_STRICT);
    assert_int_equal(json_number(json_root(doc), &n), 0);
    assert_true(n == DBL_MAX);
    json_free(doc);
    static const char *const small[] = {"0e999", "0.000e400", "1e-400", "0.001e310", "1e308"};
    for (size_t i = 0; i < sizeof(small) / sizeof(*small); i++) {
        doc = parse(small[i], JSON_STRICT);
        assert_int_equal(json_number(json_root(doc), &n), 0);
        assert_true(isfinite(n));
        json_free(doc);
    }
}

static void refuses_broken_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\"\x80\"",             /* continuation alone */
        "\"\xc3\"",             /* cut */
        "\"\xc0\xaf\"",         /* overlong */
        "\"\xe0\x9f\xbf\"",     /* overlong */
        "\"\xf0\x8f\xbf\xbf\"", /* overlong */
        "\"\xed\xa0\x80\"",     /* surrogate */
        "\"\xf4\x90\x80\x80\"", /* past U+10FFFF */
        "\"\xf8\x88\x80\x80\"", /* five bytes */
        "\"\xff\"",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        refuses(bad[i], "not UTF-8");
    refuses("\"\\ud800\"", "surrogate pair");
    refuses("\"\\udc00\"", "surrogate pair");
    refuses("\"\\ud800\\u0041\"", "surrogate pair");
    refuses("\"\\u0000\"", "\\u0000");
    refuses("\"\\u12g4\"", "four hexadecimal digits");
    json_free(parse("\"\xf4\x8f\xbf\xbf \xed\x9f\xbf \xe0\xa0\x80 \xf0\x90\x80\x80\"", 0));
}

static void refuses_duplicate_keys_however_written(void **state)
{
    (void)state;
    refuses("{\"a\":1,\n\"a\":2}", "line 2, column 1: the key \"a\" stands twice");
    refuses("{\"a\":1,\"\\u0061\":2}", "stands twice");
    refuses("{\"\xc3\xa9\":1,\"\\u00e9\":2}", "stands twice");
    refuses("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "stands twice");
    refuses("[{\"b\":{\"x\":1,\"x\":2}}]", "stands twice");
    json_free(parse("[{\"a\":{\"a\":1},\"A\":2},{\"a\":1}]", JSON_STRICT));
}

static size_t many_keys(char *text, size_t cap, unsigned n, unsigned last)
{
    struct buf b;
    buf_init(&b, text, cap);
    for (unsigned i = 0; i < n; i++)
        buf_fmt(&b, "%s\"k%u\":0", i ? "," : "{", i);
    buf_fmt(&b, ",\"k%u\":0}", last);
    assert_false(b.overflow);
    return b.len;
}

static void finds_a_duplicate_among_thousands(void **state)
{
    (void)state;
    static char text[65536];
    size_t len = many_keys(text, sizeof(text), 5000, 17);
    refuses_n(text, len, JSON_STRICT, ERR_INVALID, "the key \"k17\" stands twice");
    struct json_doc *doc;
    len = many_keys(text, sizeof(text), 5000, 5000);
    assert_int_equal(json_parse(text, len, sizeof(text), JSON_STRICT, &doc, NULL), 0);
    assert_int_equal(json_count(json_root(doc)), 5001);
    json_free(doc);
}

static void limits_size_and_depth(void **state)
{
    (void)state;
    struct json_doc *doc;
    struct err e;
    assert_int_equal(json_parse("[1234]", 6, 5, 0, &doc, &e), ERR_LIMIT);
    json_free(parse("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", JSON_STRICT));
    const char *deep = "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]";
    refuses_n(deep, strlen(deep), JSON_STRICT, ERR_LIMIT, "deeper than 16");
    static char bomb[65536];
    memset(bomb, '[', sizeof(bomb));
    refuses_n(bomb, sizeof(bomb), JSON_STRICT, ERR_LIMIT, "deeper than 16");
}

static void comments_become_blanks_and_lines_stay(void **state)
{
    (void)state;
    struct json_doc *doc =
        parse("// head\n{ /* two\n lines */ \"a\": 1, // tail \"x\"\n"
              " \"b\": [\"// no comment\", /**/\n {\"c\": \"/* nor this\\\"\"}]}",
              JSON_COMMENTS | JSON_LINES);
    const struct json *root = json_root(doc);
    const struct json *b = json_get(root, "b");
    const struct json *c = json_get(json_next(json_first(b)), "c");
    const char *s;
    assert_int_equal(json_line(doc, root), 2);
    assert_int_equal(json_line(doc, json_get(root, "a")), 3);
    assert_int_equal(json_line(doc, b), 4);
    assert_int_equal(json_line(doc, json_first(b)), 4);
    assert_int_equal(json_line(doc, c), 5);
    assert_int_equal(json_string(json_first(b), &s), 0);
    assert_string_equal(s, "// no comment");
    assert_int_equal(json_string(c, &s), 0);
    assert_string_equal(s, "/* nor this\"");
    json_free(doc);
    refuses_n("{}\n /* open", 11, JSON_COMMENTS, ERR_INVALID, "line 2, column 2: this comment");
    refuses_n("1 /", 3, JSON_COMMENTS, ERR_INVALID, "goes on");
    doc = parse("1", JSON_STRICT);
    assert_int_equal(json_line(doc, json_root(doc)), 0);
    json_free(doc);
}

static const char *number_text(double v, char text[40])
{
    struct buf b;
    buf_init(&b, text, 40);
    json_write_number(&b, v);
    assert_false(b.overflow);
    return buf_cstr(&b);
}

static void numbers_are_written_short(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *text;
    } cases[] = {{0, "0"},
                 {-0.0, "-0"},
                 {23.5, "23.5"},
                 {0.1, "0.1"},
                 {-0.001, "-0.001"},
                 {1.005, "1.005"},
                 {1e6, "1000000"},
                 {230.04, "230.04"},
                 {9007199254740991.0, "9007199254740991"},
                 {1e300, "1e+300"},
                 {1e-7, "0.0000001"},
                 {1.0 / 3, "0.3333333333333333"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {INFINITY, "null"},
                 {NAN, "null"}};
    char text[40];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_string_equal(number_text(cases[i].v, text), cases[i].text);
}

static void any_double_reads_back_the_same(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 7);
    char text[40];
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = rng_next(&rng);
        double v, back;
        if (i % 2)
            v = (double)(int64_t)(bits % 2000000) / 1000 - 1000;
        else
            memcpy(&v, &bits, sizeof(v));
        if (!isfinite(v))
            continue;
        struct json_doc *doc = parse(number_text(v, text), JSON_STRICT);
        assert_int_equal(json_number(json_root(doc), &back), 0);
        assert_memory_equal(&v, &back, sizeof(v));
        json_free(doc);
    }
}

static void strings_are_escaped_and_bad_bytes_replaced(void **state)
{
    (void)state;
    char text[128];
    struct buf b;
    buf_init(&b, text, sizeof(text));
    json_write_string(&b, "a\"b\\c\n\t\x01 \xc3\xa9 \xff \xc3");
    assert_string_equal(buf_cstr(&b),
                        "\"a\\\"b\\\\c\\n\\t\\u0001 \xc3\xa9 \xef\xbf\xbd \xef\xbf\xbd\"");
    json_free(parse(text, JSON_STRICT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(getters_refuse_other_types_and_absent_values),
        cmocka_unit_test(integers_are_exact_or_refused),
        cmocka_unit_test(decimal_strings_carry_63_bits),
        cmocka_unit_test(names_line_and_column),
        cmocka_unit_test(refuses_what_is_not_json_and_says_why),
        cmocka_unit_test(refuses_numbers_json_does_not_have),
        cmocka_unit_test(refuses_broken_utf8),
        cmocka_unit_test(refuses_duplicate_keys_however_written),
        cmocka_unit_test(finds_a_duplicate_among_thousands),
        cmocka_unit_test(limits_size_and_depth),
        cmocka_unit_test(comments_become_blanks_and_lines_stay),
        cmocka_unit_test(numbers_are_written_short),
        cmocka_unit_test(any_double_reads_back_the_same),
        cmocka_unit_test(strings_are_escaped_and_bad_bytes_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
