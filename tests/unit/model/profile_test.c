/* Promise: the profiles that ship are right as files, and a wrong one is refused with line, path
 * and reason. */
#include "tests/support/config_fixture.h"

#include "model/profile.h"
#include "model/profile_file.h"

#define PROFILES "shared/data/profiles"

static struct profile *load(const char *name)
{
    char path[512];
    struct profile *p;
    struct err e = {0};
    snprintf(path, sizeof(path), PROFILES "/%s", name);
    char *text = text_file_read(path);
    if (profile_parse(text, strlen(text), &p, &e))
        fail_msg("%s: %s", path, e.text);
    free(text);
    return p;
}

static void the_station_has_its_registers(void **state)
{
    (void)state;
    struct profile *p = load("renke-rs-fsxcs.json");
    const struct point *lux = profile_find(p, "illuminance");
    assert_int_equal(p->point_count, 13);
    assert_int_equal(profile_find(p, "wind-speed")->address, 500);
    assert_int_equal(profile_find(p, "solar")->address, 515);
    assert_string_equal(profile_find(p, "pm2-5")->kind->name, "pm2_5");
    assert_int_equal(lux->count, 2);
    assert_int_equal(lux->table, TABLE_HOLDING);
    assert_int_equal(p->serial.baud, 9600);
    assert_int_equal(p->serial.parity, 'N');
    assert_string_equal(p->confidence, "medium");
    assert_null(profile_find(p, "pm25"));
    profile_free(p);
}

static void the_meter_keeps_its_gaps(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned address;
    } points[] = {{"voltage-l1", 0},      {"power-factor-l3", 34}, {"active-power", 52},
                  {"apparent-power", 56}, {"reactive-power", 60},  {"power-factor", 62},
                  {"frequency", 70},      {"energy-export", 74},   {"thd-voltage-l1", 234},
                  {"energy-total", 342}};
    struct profile *p = load("eastron-sdm630.json");
    assert_int_equal(p->point_count, 29);
    for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++)
        assert_int_equal(profile_find(p, points[i].name)->address, points[i].address);
    profile_free(p);
}

static void banks_unfold(void **state)
{
    (void)state;
    struct profile *p = load("wb-mr6c.json");
    const struct point *k6 = profile_find(p, "k6");
    assert_int_equal(p->point_count, 31);
    assert_int_equal(k6->address, 5);
    assert_true(k6->writable);
    assert_string_equal(k6->readback, "k6-real");
    assert_int_equal(profile_find(p, "k6-real")->address, 101);
    assert_int_equal(profile_find(p, "in0")->address, 7);
    profile_free(p);
    p = load("wb-mcm8.json");
    assert_int_equal(profile_find(p, "count8")->address, 74);
    assert_int_equal(profile_find(p, "freq8")->address, 54);
    assert_int_equal(profile_find(p, "count1")->kind->type, KIND_COUNTER);
    profile_free(p);
}

#define HEAD                                                                                       \
    "{\"name\":\"x\",\"label\":\"X\",\"source\":\"s\",\"confidence\":\"low\",\n\"points\":[\n"
#define P1                                                                                         \
    "{\"name\":\"a\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":0,\"type\":\"u32\"}"

static const struct {
    const char *text, *why;
} bad[] = {
    {"", "line 1"},
    {HEAD "]}", "line 2: points: has 0 entries; give 1 to 256"},
    {HEAD P1 "],\"baud\":1}", "baud: unknown key"},
    {HEAD "{\"name\":\"a\",\"kind\":\"volt\",\"table\":\"input\",\"address\":0,\"type\":\"u16\"}]}",
     "line 3: points[0].kind: \"volt\" is no known kind"},
    {HEAD P1 ",\n" P1 "]}", "line 4: points[1].name: the same as in points[0]"},
    {HEAD P1 ",\n{\"name\":\"b\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":1,"
             "\"type\":\"u16\"}]}",
     "line 4: points[1].address: b and a overlap at 1"},
    {HEAD "{\"name\":\"a\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":65535,\"type\":"
          "\"u32\"}]}",
     "points[0].address: a would end past 65535"},
    {HEAD "{\"name\":\"a\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":65536,\"type\":"
          "\"u16\"}]}",
     "points[0].address: 65536 is out of range"},
    {HEAD
     "{\"name\":\"A\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":0,\"type\":\"u16\"}]}",
     "points[0].name: \"A\" is no name"},
    {HEAD
     "{\"name\":\"a\",\"kind\":\"voltage\",\"table\":\"coil\",\"address\":0,\"type\":\"u16\"}]}",
     "points[0].type: u16 does not stand in the coil table"},
    {HEAD
     "{\"name\":\"a\",\"kind\":\"breaker\",\"table\":\"input\",\"address\":0,\"type\":\"bit\"}]}",
     "points[0].bit: is missing; a bit in a register needs one"},
    {HEAD
     "{\"name\":\"a\",\"kind\":\"voltage\",\"table\":\"coil\",\"address\":0,\"type\":\"bit\"}]}",
     "bit does not fit the kind voltage, which is a number"},
    {HEAD "{\"name\":\"a\",\"kind\":\"vms_message\",\"table\":\"input\",\"address\":0,\"type\":"
          "\"string\"}]}",
     "points[0].count: a string needs one"},
    {HEAD "{\"name\":\"a\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":0,\"type\":\"u16\","
          "\"count\":2}]}",
     "only a string has a count"},
    {HEAD "{\"name\":\"a\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":0,\"type\":\"u16\","
          "\"writable\":true}]}",
     "points[0].writable: the input table cannot be written"},
    {HEAD "{\"name\":\"a\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":0,\"type\":\"u16\","
          "\"scale\":0}]}",
     "points[0].scale: 0 would hide every value"},
    {HEAD "{\"name\":\"a\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":0,\"type\":\"u16\","
          "\"invalid\":[\"0x1FFFF\"]}]}",
     "points[0].invalid: 0x1FFFF does not fit a u16"},
    {HEAD "{\"name\":\"a\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":0,\"type\":\"u16\","
          "\"invalid\":[\"FFFF\"]}]}",
     "points[0].invalid[0]: \"FFFF\" is no raw pattern"},
    {HEAD
     "{\"name\":\"a#\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":0,\"type\":\"u16\"}]}",
     "a # stands in the name of a bank"},
    {HEAD "{\"name\":\"a\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":0,\"type\":\"u16\","
          "\"repeat\":2}]}",
     "a # stands in the name of a bank"},
    {HEAD
     "{\"name\":\"a#\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":0,\"type\":\"u32\","
     "\"repeat\":2,\"stride\":1}]}",
     "a2 and a1 overlap at 1"},
    {HEAD
     "{\"name\":\"a#\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":0,\"type\":\"u16\","
     "\"repeat\":256}," P1 "]}",
     "257 points with their banks; at most 256"},
    {HEAD
     "{\"name\":\"a#\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":2,\"type\":\"u16\","
     "\"repeat\":2},{\"name\":\"a1\",\"kind\":\"voltage\",\"table\":\"input\",\"address\":9,"
     "\"type\":\"u16\"}]}",
     "points[1].name: \"a1\" is also a point of points[0]"},
    {HEAD
     "{\"name\":\"a\",\"kind\":\"voltage\",\"table\":\"holding\",\"address\":0,\"type\":\"u16\","
     "\"readback\":\"b\"}]}",
     "points[0].readback: there is no point \"b\""},
};

static void a_wrong_profile_is_refused_with_line_and_path(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct profile *p;
        struct err e = {0};
        if (profile_parse(bad[i].text, strlen(bad[i].text), &p, &e) != ERR_INVALID)
            fail_msg("%s is not refused as wrong: %s", bad[i].text, e.text);
        assert_null(p);
        if (!strstr(e.text, bad[i].why))
            fail_msg("\"%s\" does not say \"%s\"", e.text, bad[i].why);
    }
    profile_free(NULL);
}

static int parse(const char *text, struct err *e)
{
    struct profile *p;
    int rc = profile_parse(text, strlen(text), &p, e);
    profile_free(p);
    return rc;
}

static void every_mistake_has_one_clear_message(void **state)
{
    (void)state;
    assert_true(fixture_walk("tests/golden/profiles/bad", parse) >= 50);
}

/* One of everything a profile can say. */
static const char full[] = HEAD
    "{\"name\":\"state\",\"kind\":\"device_status\",\"table\":\"holding\",\"address\":10,"
    "\"type\":\"u16\"},\n"
    "{\"name\":\"relay#\",\"kind\":\"lamp_command\",\"table\":\"holding\",\"address\":10,"
    "\"bit\":14,\"type\":\"bit\",\"repeat\":4,\"first\":0,\"writable\":true},\n"
    "{\"name\":\"energy\",\"kind\":\"energy\",\"table\":\"input\",\"address\":0,"
    "\"type\":\"bcd32\",\"scale\":0.1},\n"
    "{\"name\":\"pulses\",\"kind\":\"pulse_count\",\"table\":\"input\",\"address\":2,"
    "\"type\":\"u32\",\"wrap\":1000000},\n"
    "{\"name\":\"level\",\"kind\":\"dim_level\",\"table\":\"holding\",\"address\":24,"
    "\"type\":\"u16\",\"writable\":true,\"write_address\":20,\"write_function\":16},\n"
    "{\"name\":\"reset\",\"kind\":\"lamp_command\",\"table\":\"coil\",\"address\":0,"
    "\"type\":\"bit\",\"writable\":true,\"write_only\":true,\"write_function\":15,"
    "\"readback\":\"pulses\"},\n"
    "{\"name\":\"acid\",\"kind\":\"ph\",\"table\":\"holding\",\"code\":18,\"type\":\"f32\","
    "\"order\":\"CDAB\"},\n"
    "{\"name\":\"mud\",\"kind\":\"tss\",\"table\":\"holding\",\"code\":190,\"type\":\"f32\"}],\n"
    "\"map\":{\"table\":\"holding\",\"codes\":128,\"status\":256,\"values\":384,\"slots\":32},\n"
    "\"blocks\":[{\"table\":\"input\",\"address\":0,\"count\":4}],\"ours\":true}";

static struct profile *read_full(void)
{
    struct profile *p;
    struct err e = {0};
    if (profile_parse(full, strlen(full), &p, &e))
        fail_msg("%s", e.text);
    return p;
}

static void bits_of_a_register_share_it_and_count_on(void **state)
{
    (void)state;
    struct profile *p = read_full();
    const struct point *first = profile_find(p, "relay0"), *last = profile_find(p, "relay3");
    assert_int_equal(first->address, 10);
    assert_int_equal(first->bit, 14);
    assert_int_equal(first->write_function, 22);
    assert_int_equal(last->address, 11);
    assert_int_equal(last->bit, 1);
    assert_ptr_equal(profile_find(p, "state") + 1, first);
    profile_free(p);
}

static void a_counter_knows_where_it_starts_again(void **state)
{
    (void)state;
    struct profile *p = read_full();
    assert_float_equal(point_wrap(profile_find(p, "energy")), 1e7, 0);
    assert_float_equal(point_wrap(profile_find(p, "pulses")), 1e6, 0);
    assert_float_equal(point_wrap(profile_find(p, "acid")), 0, 0);
    profile_free(p);
}

static void a_write_goes_where_and_how_the_profile_says(void **state)
{
    (void)state;
    struct profile *p = read_full();
    const struct point *level = profile_find(p, "level"), *reset = profile_find(p, "reset");
    assert_int_equal(level->address, 24);
    assert_int_equal(level->write_address, 20);
    assert_int_equal(level->write_function, 16);
    assert_int_equal(reset->write_function, 15);
    assert_true(reset->write_only);
    profile_free(p);
}

static void a_dynamic_map_and_blocks_come_through(void **state)
{
    (void)state;
    struct profile *p = read_full();
    const struct point *acid = profile_find(p, "acid");
    assert_true(p->ours);
    assert_int_equal(p->map.slots, 32);
    assert_int_equal(p->map.stride, 2);
    assert_int_equal(p->map.status, 256);
    assert_true(p->map.has_status);
    assert_int_equal(p->map.period_ms, 60000);
    assert_int_equal(acid->address, 384);
    assert_int_equal(acid->count, 64);
    assert_int_equal(acid->code, 18);
    assert_int_equal(p->block_count, 1);
    assert_int_equal(p->blocks[0].count, 4);
    profile_free(p);
}

static void the_editor_knows_what_the_reader_knows(void **state)
{
    (void)state;
    static char text[65536];
    struct buf b;
    buf_init(&b, text, sizeof(text));
    schema_export(profile_fields, "Device profile", &b);
    assert_false(b.overflow);
    text_file_matches("shared/data/schema/profile.json", buf_cstr(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_station_has_its_registers),
        cmocka_unit_test(the_meter_keeps_its_gaps),
        cmocka_unit_test(banks_unfold),
        cmocka_unit_test(a_wrong_profile_is_refused_with_line_and_path),
        cmocka_unit_test(every_mistake_has_one_clear_message),
        cmocka_unit_test(bits_of_a_register_share_it_and_count_on),
        cmocka_unit_test(a_counter_knows_where_it_starts_again),
        cmocka_unit_test(a_write_goes_where_and_how_the_profile_says),
        cmocka_unit_test(a_dynamic_map_and_blocks_come_through),
        cmocka_unit_test(the_editor_knows_what_the_reader_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
