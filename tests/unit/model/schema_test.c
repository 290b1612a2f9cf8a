/* Promise: a configuration is read exactly as its table says, or refused with line, path, reason
 * and remedy; what is printed reads back the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/name.h"
#include "model/schema.h"

struct word {
    char text[8];
};

struct bus {
    char name[NAME_SIZE];
    int64_t baud;
    bool has_baud;
    int parity;
    struct word *words;
    size_t word_count;
};

struct root {
    char label[12];
    char file[16];
    char nick[NAME_SIZE];
    double ratio;
    bool on;
    struct {
        int64_t port;
    } net;
    struct bus *buses;
    size_t bus_count;
};

static int check_baud(const void *member, struct err *e)
{
    int64_t baud = *(const int64_t *)member;
    return baud % 300 ? err_set(e, ERR_INVALID, "%d is no standard rate", (int)baud) : 0;
}

static const char *const parities[] = {"none", "even", "odd", NULL};

static const struct schema_field word_fields[] = {
    {.key = "", .type = SCHEMA_STRING, .size = 8, .min = 1, .help = "a word"}, SCHEMA_END};

static const struct schema_field bus_fields[] = {
    {.key = "name", .type = SCHEMA_NAME, .offset = offsetof(struct bus, name), .help = "its name"},
    {.key = "baud",
     .type = SCHEMA_INT,
     .offset = offsetof(struct bus, baud),
     .present_offset = offsetof(struct bus, has_baud) + 1,
     .min = 300,
     .max = 115200,
     .preset = "9600",
     .check = check_baud,
     .help = "bits a second"},
    {.key = "parity",
     .type = SCHEMA_ENUM,
     .offset = offsetof(struct bus, parity),
     .words = parities,
     .preset = "\"none\"",
     .help = "parity"},
    {.key = "words",
     .type = SCHEMA_ARRAY,
     .offset = offsetof(struct bus, words),
     .count_offset = offsetof(struct bus, word_count),
     .size = sizeof(struct word),
     .max = 3,
     .preset = "[]",
     .fields = word_fields,
     .unique = "",
     .help = "some words"},
    SCHEMA_END};

static const struct schema_field net_fields[] = {
    {.key = "port", .type = SCHEMA_INT, .max = 65535, .preset = "8883", .help = "TCP port"},
    SCHEMA_END};

static const struct schema_field root_fields[] = {{.key = "label",
                                                   .type = SCHEMA_STRING,
                                                   .offset = offsetof(struct root, label),
                                                   .size = 12,
                                                   .help = "a label"},
                                                  {.key = "file",
                                                   .type = SCHEMA_PATH,
                                                   .offset = offsetof(struct root, file),
                                                   .size = 16,
                                                   .preset = "\"/etc/x\"",
                                                   .help = "a file"},
                                                  {.key = "nick",
                                                   .type = SCHEMA_NAME,
                                                   .offset = offsetof(struct root, nick),
                                                   .preset = "\"\"",
                                                   .help = "a second name"},
                                                  {.key = "ratio",
                                                   .type = SCHEMA_NUMBER,
                                                   .offset = offsetof(struct root, ratio),
                                                   .min = -1,
                                                   .max = 1,
                                                   .preset = "0.25",
                                                   .help = "a ratio"},
                                                  {.key = "on",
                                                   .type = SCHEMA_BOOL,
                                                   .offset = offsetof(struct root, on),
                                                   .preset = "true",
                                                   .help = "whether"},
                                                  {.key = "net",
                                                   .type = SCHEMA_OBJECT,
                                                   .offset = offsetof(struct root, net),
                                                   .fields = net_fields,
                                                   .preset = "{}",
                                                   .help = "network"},
                                                  {.key = "buses",
                                                   .type = SCHEMA_ARRAY,
                                                   .offset = offsetof(struct root, buses),
                                                   .count_offset = offsetof(struct root, bus_count),
                                                   .size = sizeof(struct bus),
                                                   .min = 1,
                                                   .max = 2,
                                                   .fields = bus_fields,
                                                   .unique = "name",
                                                   .help = "the buses"},
                                                  SCHEMA_END};

static int read_text(const char *text, struct root *root, struct err *e)
{
    struct json_doc *doc;
    memset(root, 0, sizeof(*root));
    int rc = json_parse(text, strlen(text), 65536, JSON_COMMENTS | JSON_LINES, &doc, e);
    if (rc)
        fail_msg("%s", e->text);
    rc = schema_read(root_fields, doc, json_root(doc), root, e);
    json_free(doc);
    return rc;
}

static void refuses(const char *text, const char *why)
{
    struct root root;
    struct err e = {0};
    assert_int_equal(read_text(text, &root, &e), ERR_INVALID);
    if (!strstr(e.text, why))
        fail_msg("\"%s\" does not say \"%s\"", e.text, why);
    assert_null(root.buses);
    assert_int_equal(root.bus_count, 0);
}

static const char *const full =
    "{\"label\":\"x\",\"nick\":\"n1\",\"ratio\":-0.5,\"on\":false,\"net\":{\"port\":1},\n"
    "\"buses\":[{\"name\":\"a\",\"baud\":1200,\"parity\":\"odd\",\"words\":[\"p\",\"q\"]},"
    "{\"name\":\"b\"}]}";

static void reads_values_and_fills_defaults(void **state)
{
    (void)state;
    struct root root;
    struct err e = {0};
    assert_int_equal(read_text(full, &root, &e), 0);
    assert_string_equal(root.label, "x");
    assert_string_equal(root.file, "/etc/x");
    assert_string_equal(root.nick, "n1");
    assert_true(root.ratio == -0.5);
    assert_false(root.on);
    assert_int_equal(root.net.port, 1);
    assert_int_equal(root.bus_count, 2);
    assert_int_equal(root.buses[0].baud, 1200);
    assert_true(root.buses[0].has_baud);
    assert_int_equal(root.buses[0].parity, 2);
    assert_int_equal(root.buses[0].word_count, 2);
    assert_string_equal(root.buses[0].words[1].text, "q");
    assert_int_equal(root.buses[1].baud, 9600);
    assert_false(root.buses[1].has_baud);
    schema_free(root_fields, &root);
    assert_null(root.buses);
    assert_int_equal(read_text("{\"label\":\"\",\"buses\":[{\"name\":\"a\"}]}", &root, &e), 0);
    assert_int_equal(root.net.port, 8883);
    assert_true(root.on);
    schema_free(root_fields, &root);
}

static void what_is_printed_reads_back_the_same(void **state)
{
    (void)state;
    struct root root;
    struct err e = {0};
    char once[2048], twice[2048];
    struct buf b;
    assert_int_equal(read_text(full, &root, &e), 0);
    buf_init(&b, once, sizeof(once));
    schema_print(root_fields, &root, &b);
    schema_free(root_fields, &root);
    assert_int_equal(read_text(buf_cstr(&b), &root, &e), 0);
    buf_init(&b, twice, sizeof(twice));
    schema_print(root_fields, &root, &b);
    schema_free(root_fields, &root);
    assert_string_equal(once, buf_cstr(&b));
    assert_non_null(strstr(once, "\"port\": 1"));
    assert_non_null(strstr(once, "\"words\": [\"p\", \"q\"]"));
    assert_null(strstr(once, "\"baud\": 9600")); /* not given, and its presence means something */
}

#define BUS "\"buses\":[{\"name\":\"a\"}]"

static void refuses_with_line_path_and_remedy(void **state)
{
    (void)state;
    refuses("[]", "line 1: an object { } is wanted here, not array");
    refuses("{\n\"label\":\"x\"}", "line 1: buses: is missing; give the buses");
    refuses("{\"label\":\"x\",\n\"buses\":[\n{}]}", "line 3: buses[0].name: is missing");
    refuses("{\"label\":1," BUS "}", "label: a string is wanted here, not number");
    refuses("{\"label\":\"123456789012\"," BUS "}", "label: is longer than 11 bytes");
    refuses("{\"label\":\"\",\"file\":\"\"," BUS "}", "file: may not be empty");
    refuses("{\"label\":\"\",\"nick\":\"A\"," BUS "}", "nick: \"A\" is no name");
    refuses("{\"label\":\"\",\"ratio\":1.5," BUS "}", "ratio: 1.5 is out of range; give -1 to 1");
    refuses("{\"label\":\"\",\"ratio\":null," BUS "}", "ratio: a number is wanted here, not null");
    refuses("{\"label\":\"\",\"on\":1," BUS "}", "on: true or false is wanted here");
    refuses("{\"label\":\"\",\"net\":{\"port\":1.5}," BUS "}", "net.port: 1.5 is no whole number");
    refuses("{\"label\":\"\",\"net\":{\n\"port\":70000}," BUS "}",
            "line 2: net.port: 70000 is out of range; give 0 to 65535");
    refuses("{\"label\":\"\",\"net\":{\"prot\":1}," BUS "}",
            "net.prot: unknown key; did you mean \"port\"?");
    refuses("{\"label\":\"\",\"verbosity\":1," BUS "}", "unknown key; known here: label, file");
    refuses("{\"label\":\"\",\"buses\":[]}", "buses: has 0 entries; give 1 to 2");
    refuses("{\"label\":\"\",\"buses\":{}}", "buses: an array [ ] is wanted here, not object");
    refuses("{\"label\":\"\",\"buses\":[1]}", "buses[0]: an object { } is wanted here, not number");
    refuses("{\"label\":\"\",\"buses\":[{\"name\":\"a\",\"baud\":4801}]}",
            "buses[0].baud: 4801 is no standard rate");
    refuses("{\"label\":\"\",\"buses\":[{\"name\":\"a\",\"parity\":\"mark\"}]}",
            "buses[0].parity: \"mark\" is not known; choose one of: none, even, odd");
    refuses("{\"label\":\"\",\"buses\":[{\"name\":\"a\"},\n{\"name\":\"a\"}]}",
            "line 2: buses[1].name: the same as in buses[0]");
    refuses("{\"label\":\"\",\"buses\":[{\"name\":\"a\",\"words\":[\"x\",\"x\"]}]}",
            "buses[0].words[1]: the same as in words[0]");
    refuses("{\"label\":\"\",\"buses\":[{\"name\":\"a\",\"words\":[\"\"]}]}",
            "buses[0].words[0]: may not be empty");
}

static void finds_the_line_of_a_path(void **state)
{
    (void)state;
    const char *text = "{\"a\":\n[{\"b\":1},\n{\"b\":2,\n\"c\":3}]}";
    struct json_doc *doc;
    struct err e = {0};
    assert_int_equal(json_parse(text, strlen(text), 1000, JSON_LINES, &doc, &e), 0);
    assert_int_equal(schema_line(doc, ""), 1);
    assert_int_equal(schema_line(doc, "a"), 2);
    assert_int_equal(schema_line(doc, "a[1].c"), 4);
    assert_int_equal(schema_line(doc, "a[1].absent"), 3);
    assert_int_equal(schema_line(doc, "a[7].c"), 2);
    assert_int_equal(schema_refuse(doc, "a[1].c", &e, "is %d; give %d", 3, 4), ERR_INVALID);
    assert_string_equal(e.text, "line 4: a[1].c: is 3; give 4");
    json_free(doc);
}

static void the_page_names_every_key(void **state)
{
    (void)state;
    char text[4096];
    struct buf b;
    buf_init(&b, text, sizeof(text));
    schema_document(root_fields, "Test", &b);
    assert_false(b.overflow);
    buf_cstr(&b);
    assert_non_null(strstr(text, "## `buses[]`"));
    assert_non_null(
        strstr(text, "| `baud` | whole number, 300 to 115200 | `9600` | bits a second |"));
    assert_non_null(strstr(text, "| `label` | string, up to 11 bytes | **required** | a label |"));
    assert_non_null(strstr(text, "one of `none`, `even`, `odd`"));
}

static void the_json_schema_is_json(void **state)
{
    (void)state;
    char text[4096];
    struct buf b;
    struct json_doc *doc;
    struct err e = {0};
    buf_init(&b, text, sizeof(text));
    schema_export(root_fields, "Test", &b);
    assert_false(b.overflow);
    if (json_parse(text, b.len, sizeof(text), JSON_STRICT, &doc, &e))
        fail_msg("%s\n%s", e.text, buf_cstr(&b));
    assert_int_equal(json_count(json_get(json_root(doc), "properties")), 7);
    assert_int_equal(json_count(json_get(json_root(doc), "required")), 2);
    json_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values_and_fills_defaults),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(refuses_with_line_path_and_remedy),
        cmocka_unit_test(finds_the_line_of_a_path),
        cmocka_unit_test(the_page_names_every_key),
        cmocka_unit_test(the_json_schema_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
