/* Promise: a command line is taken exactly or refused with the word that is wrong; nothing on it is
 * guessed, ignored or cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cli.h"

static bool flag;
static const char *text;
static int64_t number, seconds;
static struct cli_list list;
static const char *operands[2];

static const struct cli_option options[] = {
    {.name = "flag", .type = CLI_FLAG, .out = &flag, .help = "a flag", .letter = 'f'},
    {.name = "text",
     .type = CLI_TEXT,
     .out = &text,
     .value = "TEXT",
     .help = "a text",
     .letter = 't'},
    {.name = "number",
     .type = CLI_NUMBER,
     .out = &number,
     .value = "N",
     .min = 1,
     .max = 10,
     .help = "a number"},
    {.name = "for",
     .type = CLI_DURATION,
     .out = &seconds,
     .value = "TIME",
     .min = 1,
     .max = 172800,
     .help = "a time"},
    {.name = "list", .type = CLI_LIST, .out = &list, .value = "ITEM", .help = "a list"},
    {.name = NULL},
};
static const struct cli_command command = {.name = "test",
                                           .operands = "FILE [FILE]",
                                           .summary = "A test.",
                                           .options = options,
                                           .operand_min = 1,
                                           .operand_max = 2};

#define PARSE(code, ...)                                                                           \
    parse(code, (char *[]){"test", __VA_ARGS__},                                                   \
          (int)(sizeof((char *[]){"test", __VA_ARGS__}) / sizeof(char *)))

static bool parse(int *code, char **argv, int argc)
{
    flag = false;
    text = NULL;
    number = 5;
    list.count = 0;
    return cli_parse(&command, argc, argv, operands, code);
}

static void takes_both_spellings_in_any_order(void **state)
{
    (void)state;
    int code;
    assert_true(PARSE(&code, "one", "--flag", "--text=a=b", "--number", "7", "--list", "x",
                      "--list=y", "--", "--two"));
    assert_true(flag);
    assert_string_equal(text, "a=b");
    assert_int_equal(number, 7);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[1], "y");
    assert_string_equal(operands[0], "one");
    assert_string_equal(operands[1], "--two");
}

static void takes_letters(void **state)
{
    (void)state;
    int code;
    assert_true(PARSE(&code, "-f", "-t", "a", "one"));
    assert_true(flag);
    assert_string_equal(text, "a");
    assert_false(PARSE(&code, "-x", "one"));
    assert_int_equal(code, CLI_USAGE);
    assert_false(PARSE(&code, "-ft", "one"));
    assert_int_equal(code, CLI_USAGE);
}

static void keeps_defaults(void **state)
{
    (void)state;
    int code;
    assert_true(PARSE(&code, "one"));
    assert_int_equal(number, 5);
    assert_null(operands[1]);
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    int code;
    assert_false(PARSE(&code, "one", "--flags"));
    assert_int_equal(code, CLI_USAGE);
    assert_false(PARSE(&code, "one", "--fla"));
    assert_int_equal(code, CLI_USAGE);
    assert_false(PARSE(&code, "one", "-x"));
    assert_int_equal(code, CLI_USAGE);
    assert_false(PARSE(&code, "one", "two", "three"));
    assert_int_equal(code, CLI_USAGE);
}

static void refuses_wrong_values(void **state)
{
    (void)state;
    int code;
    assert_false(PARSE(&code, "one", "--number", "11"));
    assert_false(PARSE(&code, "one", "--number", "7x"));
    assert_false(PARSE(&code, "one", "--number="));
    assert_false(PARSE(&code, "one", "--number"));
    assert_false(PARSE(&code, "one", "--flag=yes"));
    assert_false(PARSE(&code, "one", "--text", "a", "--text", "b"));
    assert_int_equal(code, CLI_USAGE);
    assert_false(PARSE(&code, "--flag"));
    assert_int_equal(code, CLI_USAGE);
}

static void times_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {{"1", 1}, {"90s", 90}, {"30m", 1800}, {"2h", 7200}, {"2d", 172800}};
    static const char *const bad[] = {"0",
                                      "",
                                      "m",
                                      "-1m",
                                      "1.5h",
                                      "30 m",
                                      "30M",
                                      "3d",
                                      "172801",
                                      "1m30s",
                                      "99999999999999999999",
                                      "9223372036854775807d"};
    int code;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(PARSE(&code, "one", "--for", (char *)good[i].text));
        assert_int_equal(seconds, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(PARSE(&code, "one", "--for", (char *)bad[i]));
        assert_int_equal(code, CLI_USAGE);
    }
}

static void daemons_take_the_same_options(void **state)
{
    (void)state;
    int code;
    struct cli_daemon d = {.name = "testd", .summary = "A test.", .config = "default.json"};
    assert_true(cli_parse_daemon(&d, 1, (char *[]){"testd"}, &code));
    assert_string_equal(d.config, "default.json");
    assert_false(d.check || d.print);
    assert_true(
        cli_parse_daemon(&d, 5, (char *[]){"testd", "-n", "-c", "other.json", "--print"}, &code));
    assert_string_equal(d.config, "other.json");
    assert_true(d.check && d.print);
    assert_false(cli_parse_daemon(&d, 2, (char *[]){"testd", "-V"}, &code));
    assert_int_equal(code, CLI_OK);
    assert_false(cli_parse_daemon(&d, 2, (char *[]){"testd", "word"}, &code));
    assert_int_equal(code, CLI_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_both_spellings_in_any_order),
        cmocka_unit_test(takes_letters),
        cmocka_unit_test(keeps_defaults),
        cmocka_unit_test(refuses_what_it_does_not_know),
        cmocka_unit_test(refuses_wrong_values),
        cmocka_unit_test(times_have_units),
        cmocka_unit_test(daemons_take_the_same_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
