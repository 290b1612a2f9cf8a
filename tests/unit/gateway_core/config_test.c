/* Promise: a gateway runs exactly what its configuration says, or says in one line what is wrong,
 * where, and what to do. */
#include "tests/support/config_fixture.h"

#include "gateway/core/config/config.h"
#include "model/description.h"

#define EXAMPLE "docs/examples/gateway.json"

static struct gateway_config *load(const char *text, struct buf *warnings)
{
    struct gateway_config *c;
    struct err e = {0};
    if (gateway_config_parse(text, strlen(text), &fixture_files, &c, warnings, &e))
        fail_msg("%s", e.text);
    return c;
}

static struct gateway_config *load_example(void)
{
    char *text = text_file_read(EXAMPLE);
    struct gateway_config *c = load(text, NULL);
    free(text);
    return c;
}

static void the_example_says_what_it_says(void **state)
{
    (void)state;
    struct gateway_config *c = load_example();
    assert_string_equal(c->gateway, "gw-1");
    assert_string_equal(c->area, "tan-phong");
    assert_int_equal(c->spool.size_mib, 256);
    assert_int_equal(c->broker.port, 8883);
    assert_int_equal(c->bus_count, 3);
    assert_int_equal(c->device_count, 5);
    assert_int_equal(c->loaded_count, 5);
    assert_int_equal(strlen(c->conf), 16);
    assert_int_equal(gateway_config_log_level(c), LOG_LEVEL_INFO);
    gateway_config_free(c);
    gateway_config_free(NULL);
}

static void buses_and_devices_are_what_plan_wants(void **state)
{
    (void)state;
    struct gateway_config *c = load_example();
    struct bus_line air = gateway_config_line(c, 0), cabinet = gateway_config_line(c, 1),
                    junction = gateway_config_line(c, 2);
    assert_int_equal(air.kind, BUS_RTU);
    assert_string_equal(air.path, "/dev/serial/by-id/usb-FTDI_A");
    assert_int_equal(air.baud, 9600);
    assert_int_equal(air.parity, 'N');
    assert_int_equal(cabinet.parity, 'E');
    assert_int_equal(cabinet.stop_bits, 1);
    assert_int_equal(cabinet.direction, BUS_DIRECTION_KERNEL);
    assert_int_equal(cabinet.timeout_ms, 500);
    assert_int_equal(junction.kind, BUS_TCP);
    assert_string_equal(junction.host, "192.0.2.10");
    assert_int_equal(junction.baud, 0);
    assert_int_equal(junction.round_trip_ms, 2);
    struct bus_device meter = gateway_config_device(c, 1), count = gateway_config_device(c, 4);
    assert_int_equal(meter.index, 1);
    assert_string_equal(meter.profile->name, "eastron-sdm630");
    unsigned polled = 0;
    for (size_t i = 0; i < meter.profile->point_count; i++)
        polled += bus_device_polls(&meter, i);
    assert_int_equal(polled, 5);
    assert_int_equal(count.unit, 255);
    assert_int_equal(count.period_ms, 500);
    assert_true(bus_device_polls(&count, count.profile->point_count - 1));
    gateway_config_free(c);
}

static void what_is_printed_runs_the_same(void **state)
{
    (void)state;
    static char once[65536], twice[65536];
    struct buf b;
    struct gateway_config *c = load_example();
    char conf[HASH64_TEXT_SIZE];
    memcpy(conf, c->conf, sizeof(conf));
    buf_init(&b, once, sizeof(once));
    gateway_config_print(c, &b);
    gateway_config_free(c);
    c = load(buf_cstr(&b), NULL);
    assert_string_equal(c->conf, conf);
    buf_init(&b, twice, sizeof(twice));
    gateway_config_print(c, &b);
    assert_string_equal(once, buf_cstr(&b));
    gateway_config_free(c);
}

#define SMALL_HEAD                                                                                 \
    "{\"gateway\":\"g\",\"area\":\"a\",\"profiles\":\"shared/data/profiles\",\"broker\":"          \
    "{\"host\":\"b\",\"ca\":\"/c\",\"cert\":\"/d\",\"key\":\"/k\"},"
#define SMALL_BUS "\"buses\":[{\"name\":\"l\",\"type\":\"rtu\",\"device\":\"/dev/x\"}],"

static void the_hash_changes_with_what_runs_and_only_then(void **state)
{
    (void)state;
    struct gateway_config *plain =
        load(SMALL_HEAD SMALL_BUS "\"devices\":[{\"name\":\"d\",\"profile\":\"pzem-016\","
                                  "\"bus\":\"l\",\"unit\":1}]}",
             NULL);
    struct gateway_config *spelled =
        load(SMALL_HEAD SMALL_BUS "/* the default, written out */ \"devices\":[{\"unit\":1,"
                                  "\"name\":\"d\",\"profile\":\"pzem-016\",\"bus\":\"l\","
                                  "\"period_ms\":1000}]}",
             NULL);
    struct gateway_config *other =
        load(SMALL_HEAD SMALL_BUS "\"devices\":[{\"name\":\"d\",\"profile\":\"pzem-016\","
                                  "\"bus\":\"l\",\"unit\":2}]}",
             NULL);
    assert_string_equal(plain->conf, spelled->conf);
    assert_string_not_equal(plain->conf, other->conf);
    gateway_config_free(plain);
    gateway_config_free(spelled);
    gateway_config_free(other);
}

#define SITE                                                                                       \
    "\"overrides\":[{\"point\":\"wind-speed\",\"scale\":0.1},{\"point\":\"solar\",\"kind\":"       \
    "\"raw\",\"period_ms\":60000},{\"point\":\"illuminance\",\"order\":\"CDAB\",\"offset\":5,"     \
    "\"invalid\":[\"0xFFFFFFFF\"]}]"
#define STATION(name_, unit_)                                                                      \
    "{\"name\":\"" name_ "\",\"profile\":\"renke-rs-fsxcs\",\"bus\":\"l\",\"unit\":" unit_

static void a_site_reads_otherwise_without_changing_its_neighbours(void **state)
{
    (void)state;
    struct gateway_config *c =
        load(SMALL_HEAD SMALL_BUS "\"devices\":[" STATION("a", "1") "}," STATION(
                 "b", "2") "," SITE "}," STATION("c", "3") "," SITE "}]}",
             NULL);
    struct gateway_config *plain =
        load(SMALL_HEAD SMALL_BUS
             "\"devices\":[" STATION("a", "1") "}," STATION("b", "2") "}," STATION("c", "3") "}]}",
             NULL);
    const struct profile *a = c->devices[0].profile, *b = c->devices[1].profile;
    const struct point *lux = profile_find(b, "illuminance");
    assert_int_equal(c->loaded_count, 1);
    assert_ptr_equal(c->devices[2].profile, b); /* equal ones share */
    assert_float_equal(profile_find(a, "wind-speed")->scale, 0.01, 0);
    assert_float_equal(profile_find(b, "wind-speed")->scale, 0.1, 0);
    assert_string_equal(profile_find(b, "solar")->kind->name, "raw");
    assert_int_equal(gateway_config_period_ms(&c->devices[1], profile_find(b, "solar")), 60000);
    assert_int_equal(lux->order, ORDER_CDAB);
    assert_float_equal(lux->offset, 5, 0);
    assert_int_equal(lux->invalid_count, 1);
    assert_string_not_equal(c->conf, plain->conf);
    gateway_config_free(c);
    gateway_config_free(plain);
}

static void descriptions_reach_the_collector_whole(void **state)
{
    (void)state;
    static char text[DESCRIPTION_SIZE_MAX];
    struct buf b;
    struct description d;
    struct err e = {0};
    struct gateway_config *c = load_example();
    buf_init(&b, text, sizeof(text));
    gateway_describe_device(c, 1, &b);
    assert_false(b.overflow);
    assert_int_equal(description_parse(text, b.len, &d, &e), 0);
    assert_string_equal(d.device, "meter-1");
    assert_string_equal(d.profile, "eastron-sdm630");
    assert_int_equal(d.point_count, 5);
    assert_string_equal(d.points[0].name, "voltage-l1");
    assert_string_equal(d.points[0].unit, "V");
    assert_int_equal(d.points[4].type, KIND_COUNTER);
    assert_int_equal(d.points[4].period_ms, 1000);
    description_free(&d);
    gateway_config_free(c);
}

static void what_the_edge_does_to_a_point_is_described(void **state)
{
    (void)state;
    static char text[DESCRIPTION_SIZE_MAX];
    struct buf b;
    struct description d;
    struct err e = {0};
    struct gateway_config *c =
        load(SMALL_HEAD SMALL_BUS
             "\"devices\":[{\"name\":\"d\",\"profile\":\"pzem-016\",\"bus\":\"l\",\"unit\":1,"
             "\"points\":[\"power\",\"energy\"],\"report\":[{\"point\":\"power\",\"deadband\":5}],"
             "\"derived\":[{\"name\":\"load\",\"kind\":\"power\",\"rate\":\"energy\","
             "\"over_ms\":10000,\"scale\":1000}]}]}",
             NULL);
    buf_init(&b, text, sizeof(text));
    gateway_describe_device(c, 0, &b);
    assert_int_equal(description_parse(text, b.len, &d, &e), 0);
    assert_int_equal(d.point_count, 3);
    assert_string_equal(d.points[0].name, "power");
    assert_int_equal(d.points[0].period_ms, 60000); /* its heartbeat */
    assert_int_equal(d.points[1].period_ms, 1000);
    assert_string_equal(d.points[2].name, "load");
    assert_string_equal(d.points[2].kind, "power");
    assert_string_equal(d.points[2].unit, "W");
    assert_int_equal(d.points[2].period_ms, 10000);
    size_t load_point = c->devices[0].profile->point_count;
    assert_string_equal(gateway_config_point(c, 0, load_point).name, "load");
    assert_null(gateway_config_report(c, 0, load_point));
    description_free(&d);
    gateway_config_free(c);
}

static void an_idle_bus_is_a_warning(void **state)
{
    (void)state;
    char memory[256];
    struct buf warnings;
    buf_init(&warnings, memory, sizeof(memory));
    struct gateway_config *c =
        load(SMALL_HEAD "\n\"buses\":[{\"name\":\"l\",\"type\":\"rtu\",\"device\":\"/dev/x\"},\n"
                        "{\"name\":\"idle\",\"type\":\"tcp\",\"host\":\"::1\"}],"
                        "\"devices\":[{\"name\":\"d\",\"profile\":\"pzem-016\",\"bus\":\"l\","
                        "\"unit\":1}]}",
             &warnings);
    assert_string_equal(buf_cstr(&warnings),
                        "line 3: buses[1]: idle has no devices; it will not be opened\n");
    gateway_config_free(c);
}

static int parse(const char *text, struct err *e)
{
    struct gateway_config *c;
    int rc = gateway_config_parse(text, strlen(text), &fixture_files, &c, NULL, e);
    gateway_config_free(c);
    return rc;
}

static void every_mistake_has_one_clear_message(void **state)
{
    (void)state;
    assert_true(fixture_walk("tests/golden/config/gateway/bad", parse) > 30);
}

static void the_page_and_the_editor_follow_the_table(void **state)
{
    (void)state;
    static char text[65536];
    struct buf b;
    buf_init(&b, text, sizeof(text));
    schema_document(gateway_config_fields, "gateway.json", &b);
    assert_false(b.overflow);
    text_file_matches("docs/configuration-gateway.md", buf_cstr(&b));
    buf_init(&b, text, sizeof(text));
    schema_export(gateway_config_fields, "gateway.json", &b);
    assert_false(b.overflow);
    text_file_matches("shared/data/schema/gateway.json", buf_cstr(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_says_what_it_says),
        cmocka_unit_test(buses_and_devices_are_what_plan_wants),
        cmocka_unit_test(what_is_printed_runs_the_same),
        cmocka_unit_test(the_hash_changes_with_what_runs_and_only_then),
        cmocka_unit_test(a_site_reads_otherwise_without_changing_its_neighbours),
        cmocka_unit_test(descriptions_reach_the_collector_whole),
        cmocka_unit_test(what_the_edge_does_to_a_point_is_described),
        cmocka_unit_test(an_idle_bus_is_a_warning),
        cmocka_unit_test(every_mistake_has_one_clear_message),
        cmocka_unit_test(the_page_and_the_editor_follow_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
