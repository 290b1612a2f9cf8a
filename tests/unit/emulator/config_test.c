/* Promise: a configuration of emulated boards is run as written or refused with line, path and
 * remedy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boards/emulator/config.h"
#include "boards/emulator/wire.h"

static const char good[] =
    "{ // two boards\n"
    "  \"profiles\": \"/usr/share/ioc/profiles\", \"start\": \"17:30\", \"speedup\": 60,\n"
    "  \"buses\": [\n"
    "    {\"name\": \"x3\", \"gateway\": \"g1\", \"type\": \"rtu\", \"link\": \"/tmp/x3\", "
    "\"devices\": [\n"
    "      {\"name\": \"relay\", \"profile\": \"wb-mr6c\", \"unit\": 1},\n"
    "      {\"name\": \"leg\", \"profile\": \"pzem-016\", \"unit\": 2, \"follows\": "
    "\"relay/k1\", \"turnaround_ms\": 7}]},\n"
    "    {\"name\": \"x3\", \"gateway\": \"g2\", \"type\": \"tcp\", \"devices\": []}\n"
    "  ],\n"
    "  \"links\": [{\"name\": \"g1\", \"listen\": 0, \"to_host\": \"127.0.0.1\", \"to_port\": 1}]\n"
    "}\n";

static void a_good_one_is_read_with_its_defaults(void **state)
{
    struct config c;
    struct err e = {0};
    (void)state;
    if (config_parse(good, sizeof(good) - 1, &c, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(c.bus_count, 2);
    assert_int_equal(c.buses[0].type, WIRE_RTU);
    assert_int_equal(c.buses[0].baud, 9600);
    assert_true(c.buses[0].pace);
    assert_false(c.buses[0].devices[0].has_turnaround);
    assert_true(c.buses[0].devices[1].has_turnaround);
    assert_int_equal(c.buses[0].devices[1].turnaround_ms, 7);
    assert_string_equal(c.buses[1].host, "127.0.0.1");
    assert_int_equal(c.seed, 1);
    assert_string_equal(c.links[0].to_host, "127.0.0.1");
    config_finish(&c);
}

static void what_is_printed_reads_back_the_same(void **state)
{
    static char first[8192], second[8192];
    struct config c;
    struct buf a, b;
    (void)state;
    buf_init(&a, first, sizeof(first));
    buf_init(&b, second, sizeof(second));
    assert_int_equal(config_parse(good, sizeof(good) - 1, &c, NULL), 0);
    config_print(&c, &a);
    config_finish(&c);
    assert_int_equal(config_parse(a.data, a.len, &c, NULL), 0);
    config_print(&c, &b);
    config_finish(&c);
    assert_false(a.overflow);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
}

/* good with `from` replaced by `to` is refused, and the text says all of `said`. */
static void refused(const char *from, const char *to, const char *line, const char *said)
{
    char text[2048];
    struct config c;
    struct err e = {0};
    const char *at = strstr(good, from);
    assert_non_null(at);
    int n = snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    assert_int_equal(config_parse(text, (size_t)n, &c, &e), ERR_INVALID);
    if (!strstr(e.text, line) || !strstr(e.text, said))
        fail_msg("expected %s and %s in: %s", line, said, e.text);
}

static void wrong_ones_are_refused_by_line_and_path(void **state)
{
    (void)state;
    refused("\"speedup\"", "\"speed\"", "line 2", "speed");
    refused("17:30", "25:00", "line 2", "HH:MM");
    refused("17:30", "1730", "line 2", "HH:MM");
    refused("\"link\": \"/tmp/x3\", ", "", "line 4", "buses[0].link");
    refused("\"unit\": 2", "\"unit\": 1", "line 6", "buses[0].devices[1].unit");
    refused("\"unit\": 2", "\"unit\": 248", "line 6", "247");
    refused("\"leg\"", "\"relay\"", "line 6", "already");
    refused("relay/k1", "relais/k1", "line 6", "relais");
    refused("relay/k1", "relay", "line 6", "device/point");
    refused("\"g2\"", "\"g1\"", "line 7", "already");
    refused("\"tcp\"", "\"udp\"", "line 7", "rtu, tcp");
    refused("\"to_port\": 1", "\"to_port\": 0", "line 9", "links[0].to_port");
}

static void times_of_day(void **state)
{
    int minutes;
    (void)state;
    assert_int_equal(config_minutes("00:00", &minutes), 0);
    assert_int_equal(minutes, 0);
    assert_int_equal(config_minutes("23:59", &minutes), 0);
    assert_int_equal(minutes, 23 * 60 + 59);
    assert_true(config_minutes("24:00", &minutes) < 0);
    assert_true(config_minutes("12:60", &minutes) < 0);
    assert_true(config_minutes("7:00", &minutes) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_one_is_read_with_its_defaults),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(wrong_ones_are_refused_by_line_and_path),
        cmocka_unit_test(times_of_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
