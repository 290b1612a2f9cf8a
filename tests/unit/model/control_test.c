/* Promise: a control document says exactly what its author wrote, or is refused with line, path and
 * reason; a key may do what it is allowed to and nothing else. */
#include "tests/support/config_fixture.h"

#include "model/control.h"

static struct control *example(void)
{
    struct control *c;
    struct err e = {0};
    char *text = text_file_read("docs/examples/control.json");
    if (control_parse(text, strlen(text), &c, &e) != 0)
        fail_msg("%s", e.text);
    free(text);
    return c;
}

static void the_example_says_what_it_says(void **state)
{
    (void)state;
    struct control *c = example();
    assert_int_equal(c->revision, 1);
    assert_string_equal(c->gateway, "gw-1");
    assert_int_equal(c->utc_offset_min, 420);
    const struct control_group *g = control_find_group(c, "street-a");
    assert_non_null(g);
    assert_int_equal(g->point_count, 2);
    assert_string_equal(g->points[1].name, "relay-1/k2");
    assert_string_equal(g->schedule->name, "all-night");
    assert_int_equal(g->safe.type, VALUE_BOOL);
    assert_true(g->safe.boolean);
    const struct control_step *s = g->schedule->steps;
    assert_int_equal(s[0].anchor, CONTROL_SUNSET);
    assert_int_equal(s[0].offset_min, -15);
    assert_int_equal(s[1].anchor, CONTROL_SUNRISE);
    assert_int_equal(s[1].offset_min, 10);
    const struct control_schedule *half = control_find_group(c, "street-b")->schedule;
    assert_int_equal(half->steps[1].anchor, CONTROL_CLOCK);
    assert_int_equal(half->steps[1].offset_min, 23 * 60);
    assert_int_equal(half->exceptions[0].last_day - half->exceptions[0].first_day, 5);
    assert_int_equal(half->exceptions[1].weekday_mask, 0x60);
    assert_null(control_find_group(c, "street-c"));
    control_free(c);
    control_free(NULL);
}

static int allows(const struct control *c, const char *target, const struct value *v, struct err *e)
{
    return control_allows(control_find_key(c, "lan-2026"), target, v, e);
}

static void a_key_may_what_it_is_allowed_and_nothing_else(void **state)
{
    (void)state;
    struct control *c = example();
    struct err e = {0};
    const struct value on = {.type = VALUE_BOOL, .boolean = true};
    const struct value dim = {.type = VALUE_NUMBER, .number = 40};
    assert_int_equal(allows(c, "street-a", &on, &e), 0);
    assert_int_equal(allows(c, "street-z", &dim, &e), 0);
    assert_int_equal(allows(c, "relay-1/k3", &on, &e), 0);
    assert_int_equal(allows(c, "relay-1/k3", NULL, &e), 0);
    assert_int_equal(allows(c, "relay-1/k3", &dim, &e), ERR_DENIED);
    assert_non_null(strstr(e.text, "40 is out of range"));
    assert_int_equal(allows(c, "relay-1/k10", &on, &e), ERR_DENIED);
    assert_non_null(strstr(e.text, "may not command relay-1/k10"));
    /* A pattern of groups is none of points, and the other way round. */
    assert_int_equal(allows(c, "street-a/k1", &on, &e), ERR_DENIED);
    assert_int_equal(allows(c, "relay-1", &on, &e), ERR_DENIED);
    assert_null(control_find_key(c, "lan-2025"));
    control_free(c);
}

static int parse(const char *text, struct err *e)
{
    struct control *c;
    int rc = control_parse(text, strlen(text), &c, e);
    control_free(c);
    return rc;
}

static void every_mistake_has_one_clear_message(void **state)
{
    (void)state;
    assert_true(fixture_walk("tests/golden/control/bad", parse) >= 20);
}

static void the_page_and_the_editor_follow_the_table(void **state)
{
    (void)state;
    static char text[65536];
    struct buf b;
    buf_init(&b, text, sizeof(text));
    schema_document(control_fields, "The control document", &b);
    assert_false(b.overflow);
    text_file_matches("docs/configuration-control.md", buf_cstr(&b));
    buf_init(&b, text, sizeof(text));
    schema_export(control_fields, "The control document", &b);
    assert_false(b.overflow);
    text_file_matches("shared/data/schema/control.json", buf_cstr(&b));
}

/* What is printed reads back the same: booleans and levels keep their type. */
static void what_is_printed_reads_the_same(void **state)
{
    (void)state;
    static char first[65536], second[65536];
    struct buf b;
    struct control *c = example(), *again;
    struct err e = {0};
    buf_init(&b, first, sizeof(first));
    schema_print(control_fields, c, &b);
    assert_false(b.overflow);
    if (control_parse(b.data, b.len, &again, &e) != 0)
        fail_msg("%s", e.text);
    assert_non_null(strstr(buf_cstr(&b), "\"value\": true"));
    buf_init(&b, second, sizeof(second));
    schema_print(control_fields, again, &b);
    assert_string_equal(buf_cstr(&b), first);
    control_free(c);
    control_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_says_what_it_says),
        cmocka_unit_test(a_key_may_what_it_is_allowed_and_nothing_else),
        cmocka_unit_test(every_mistake_has_one_clear_message),
        cmocka_unit_test(the_page_and_the_editor_follow_the_table),
        cmocka_unit_test(what_is_printed_reads_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
