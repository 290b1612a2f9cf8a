/* Promise: a collector runs exactly what its configuration says, or says in one line what is wrong,
 * where, and what to do. */
#include "tests/support/config_fixture.h"

#include "collector/core/config.h"

static struct collector_config *load(const char *text)
{
    struct collector_config *c;
    struct err e = {0};
    if (collector_config_parse(text, strlen(text), &fixture_files, &c, &e))
        fail_msg("%s", e.text);
    return c;
}

static void the_example_says_what_it_says(void **state)
{
    (void)state;
    char *text = text_file_read("docs/examples/collector.json");
    struct collector_config *c = load(text);
    free(text);
    assert_string_equal(c->name, "collector-1");
    assert_int_equal(c->area_count, 2);
    assert_string_equal(c->areas[1].name, "doan-ket");
    assert_int_equal(c->broker.port, 8885);
    assert_int_equal(c->broker.keepalive_s, 30);
    assert_string_equal(c->operators, "/etc/ioc/operators.json");
    assert_int_equal(collector_config_log_level(c), LOG_LEVEL_INFO);
    collector_config_free(c);
    collector_config_free(NULL);
}

static void what_is_left_out_has_its_default(void **state)
{
    (void)state;
    static char printed[8192], again[8192];
    struct buf b;
    struct collector_config *c =
        load("{\"name\":\"c\",\"areas\":[{\"name\":\"a\"}],\"rules\":\"/r\",\"broker\":"
             "{\"host\":\"b\",\"ca\":\"/c\",\"cert\":\"/d\",\"key\":\"/k\"}}");
    assert_int_equal(c->store.commit_ms, 200);
    assert_int_equal(c->store.batch_packs, 256);
    assert_int_equal(c->credit.total, 512);
    assert_int_equal(c->credit.gateway_max, 32);
    assert_int_equal(c->live_age_max_s, 300);
    assert_int_equal(c->future_max_s, 300);
    assert_int_equal(c->quarantine.packs, 10000);
    assert_int_equal(c->heartbeat_s, 10);
    assert_string_equal(c->operators, "");
    buf_init(&b, printed, sizeof(printed));
    collector_config_print(c, &b);
    collector_config_free(c);
    c = load(buf_cstr(&b));
    buf_init(&b, again, sizeof(again));
    collector_config_print(c, &b);
    assert_string_equal(printed, buf_cstr(&b));
    collector_config_free(c);
}

static int parse(const char *text, struct err *e)
{
    struct collector_config *c;
    int rc = collector_config_parse(text, strlen(text), &fixture_files, &c, e);
    collector_config_free(c);
    return rc;
}

static void every_mistake_has_one_clear_message(void **state)
{
    (void)state;
    assert_true(fixture_walk("tests/golden/config/collector/bad", parse) > 10);
}

static void the_page_and_the_editor_follow_the_table(void **state)
{
    (void)state;
    static char text[65536];
    struct buf b;
    buf_init(&b, text, sizeof(text));
    schema_document(collector_config_fields, "collector.json", &b);
    assert_false(b.overflow);
    text_file_matches("docs/configuration-collector.md", buf_cstr(&b));
    buf_init(&b, text, sizeof(text));
    schema_export(collector_config_fields, "collector.json", &b);
    assert_false(b.overflow);
    text_file_matches("shared/data/schema/collector.json", buf_cstr(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_says_what_it_says),
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(every_mistake_has_one_clear_message),
        cmocka_unit_test(the_page_and_the_editor_follow_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
