/* Promise: what the broker lets a certificate do is exactly what its role and areas say, and an
 * operators file that is not right is refused with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/core/operators/access.h"

static struct access_member *operators;
static size_t operator_count;

static int parse(const char *text, struct err *e)
{
    free(operators);
    operators = NULL;
    return access_parse_operators(text, strlen(text), &operators, &operator_count, e);
}

static const char *acl(enum access_role role, const struct access_member *members, size_t count)
{
    static char text[16384];
    struct buf b;
    assert_true(access_acl_size(members, count) <= sizeof(text));
    buf_init(&b, text, access_acl_size(members, count));
    access_write_acl(&b, role, members, count);
    assert_false(b.overflow);
    const char *written = buf_cstr(&b);
    return strchr(written, '\n') + 1; /* without the comment on top */
}

static struct access_member member(enum access_role role, const char *name, const char *area)
{
    struct access_member m = {.role = role};
    snprintf(m.name, sizeof(m.name), "%s", name);
    assert_int_equal(access_add_area(&m, area, NULL), 0);
    return m;
}

static void a_gateway_writes_under_its_own_name(void **state)
{
    (void)state;
    struct access_member m = member(ACCESS_GATEWAY, "gw-01", "muong-te");
    assert_string_equal(acl(ACCESS_GATEWAY, &m, 1),
                        "\nuser gw-01\n"
                        "topic write ioc/v1/gw/muong-te/gw-01/state\n"
                        "topic write ioc/v1/gw/muong-te/gw-01/birth\n"
                        "topic write ioc/v1/gw/muong-te/gw-01/live\n"
                        "topic write ioc/v1/gw/muong-te/gw-01/backfill\n"
                        "topic read ioc/v1/gw/muong-te/gw-01/ack\n"
                        "topic read ioc/v1/gw/muong-te/gw-01/request\n"
                        "topic read ioc/v1/gw/muong-te/gw-01/command\n");
    assert_string_equal(acl(ACCESS_OPERATOR, &m, 1), "");
}

static void an_operator_reads_areas_and_asks(void **state)
{
    (void)state;
    assert_int_equal(
        parse("[{\"name\":\"lan\",\"role\":\"operator\",\"areas\":[\"muong-te\"]}]", NULL), 0);
    assert_string_equal(acl(ACCESS_OPERATOR, operators, operator_count),
                        "\nuser lan\n"
                        "topic read ioc/v1/alerts/muong-te/+\n"
                        "topic read ioc/v1/index/muong-te/+\n"
                        "topic read ioc/v1/collector/muong-te/state\n"
                        "topic read ioc/v1/gw/muong-te/+/state\n"
                        "topic read ioc/v1/gw/muong-te/+/birth\n"
                        "topic read ioc/v1/gw/muong-te/+/live\n"
                        "topic read ioc/v1/gw/muong-te/+/backfill\n"
                        "topic read ioc/v1/operators/lan/reply\n"
                        "topic write ioc/v1/operators/lan/request\n");
}

static void a_viewer_only_looks(void **state)
{
    (void)state;
    assert_int_equal(parse("[{\"name\":\"v\",\"role\":\"viewer\",\"areas\":[\"*\"]}]", NULL), 0);
    const char *text = acl(ACCESS_OPERATOR, operators, operator_count);
    assert_null(strstr(text, "write"));
    assert_non_null(strstr(text, "topic read ioc/v1/alerts/+/+\n"));
}

static void a_collector_acks_but_feigns_no_data(void **state)
{
    (void)state;
    struct access_member m = member(ACCESS_COLLECTOR, "centre", ACCESS_ALL_AREAS);
    const char *text = acl(ACCESS_COLLECTOR, &m, 1);
    assert_non_null(strstr(text, "topic write ioc/v1/gw/+/+/ack\n"));
    assert_non_null(strstr(text, "topic readwrite ioc/v1/alerts/+/+\n"));
    assert_non_null(strstr(text, "topic readwrite ioc/v1/collector/+/state\n"));
    assert_non_null(strstr(text, "topic read ioc/v1/operators/+/request\n"));
    assert_null(strstr(text, "write ioc/v1/gw/+/+/live"));
    assert_null(strstr(text, "write ioc/v1/operators/+/request"));
}

static void areas_are_names_once_each(void **state)
{
    (void)state;
    struct access_member m = {.role = ACCESS_COLLECTOR};
    char name[NAME_SIZE];
    assert_int_equal(access_add_area(&m, "#", NULL), ERR_INVALID);
    assert_int_equal(access_add_area(&m, "+", NULL), ERR_INVALID);
    assert_int_equal(access_add_area(&m, "a/b", NULL), ERR_INVALID);
    for (int i = 0; i < ACCESS_AREAS_MAX; i++) {
        snprintf(name, sizeof(name), "area-%d", i);
        assert_int_equal(access_add_area(&m, name, NULL), 0);
    }
    assert_int_equal(access_add_area(&m, "area-1", NULL), ERR_INVALID);
    assert_int_equal(access_add_area(&m, "*", NULL), ERR_INVALID);
    assert_int_equal(access_add_area(&m, "one-more", NULL), ERR_LIMIT);
}

static void a_full_member_fits_the_size_given(void **state)
{
    (void)state;
    static struct access_member all[ACCESS_ROLES];
    for (int role = 0; role < ACCESS_LISTENERS; role++) {
        all[role].role = (enum access_role)role;
        all[role].requests = true;
        memset(all[role].name, 'n', NAME_MAX_LEN);
        for (int i = 0; i < ACCESS_AREAS_MAX; i++) {
            char area[NAME_SIZE];
            snprintf(area, sizeof(area), "%02d-aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", i);
            assert_int_equal(access_add_area(&all[role], area, NULL), 0);
        }
        size_t size = access_acl_size(&all[role], 1);
        char *text = malloc(size);
        struct buf b;
        buf_init(&b, text, size);
        access_write_acl(&b, (enum access_role)role, &all[role], 1);
        assert_false(b.overflow);
        free(text);
    }
}

static void refuses_an_operators_file_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{}", "is a list"},
        {"[{\"name\":\"Lan\",\"role\":\"viewer\",\"areas\":[\"*\"]}]", "name:"},
        {"[{\"name\":\"lan\",\"role\":\"boss\",\"areas\":[\"*\"]}]", "role:"},
        {"[{\"name\":\"lan\",\"role\":\"viewer\",\"areas\":[]}]", "areas:"},
        {"[{\"name\":\"lan\",\"role\":\"viewer\",\"areas\":[\"#\"]}]", "areas:"},
        {"[{\"name\":\"lan\",\"role\":\"viewer\",\"areas\":[\"*\",\"a\"]}]", "stands alone"},
        {"[{\"name\":\"lan\",\"role\":\"viewer\",\"areas\":[1]}]", "areas:"},
        {"[{\"name\":\"lan\",\"role\":\"viewer\",\"areas\":[\"*\"],\"classes\":[\"sea\"]}]",
         "classes:"},
        {"[{\"name\":\"lan\",\"role\":\"viewer\",\"areas\":[\"*\"],\"colour\":1}]", "colour"},
        {"[\n{\"name\":\"lan\",\"role\":\"viewer\",\"areas\":[\"*\"]},\n\n"
         "{\"name\":\"lan\",\"role\":\"viewer\",\"areas\":[\"*\"]}]",
         "line 4: operator 2: name: operator 'lan' is there twice"},
        {"[1]", "is an object"},
        {"[", "line 1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err e = {0};
        assert_int_not_equal(parse(cases[i].text, &e), 0);
        if (!strstr(e.text, cases[i].says))
            fail_msg("'%s' says '%s', not '%s'", cases[i].text, e.text, cases[i].says);
    }
}

static void the_listeners_say_every_limit(void **state)
{
    (void)state;
    char text[ACCESS_BROKER_SIZE];
    struct buf b;
    const struct access_broker broker = {.dir = "/etc/ioc",
                                         .bind = "10.0.0.1",
                                         .ports = {8883, 8884, 8885},
                                         .cert = "/etc/ioc/broker.pem",
                                         .key = "/etc/ioc/broker.key"};
    buf_init(&b, text, sizeof(text));
    access_write_broker(&b, &broker);
    const char *conf = buf_cstr(&b);
    static const char *const lines[] = {
        "per_listener_settings true\n",      "persistence false\n",
        "max_queued_messages 1000000\n",     "max_inflight_messages 1000\n",
        "listener 8884 10.0.0.1\n",          "cafile /etc/ioc/operators-ca.pem\n",
        "acl_file /etc/ioc/collectors.acl\n"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_non_null(strstr(conf, lines[i]));
    size_t listeners = 0, strict = 0, ids = 0;
    for (const char *c = conf; (c = strstr(c, "\nlistener ")); c++)
        listeners++;
    for (const char *c = conf; (c = strstr(c, "require_certificate true\n"
                                              "use_identity_as_username true\n"));
         c++)
        strict++;
    for (const char *c = conf; (c = strstr(c, "use_username_as_clientid true\n")); c++)
        ids++;
    assert_int_equal(listeners, 3);
    assert_int_equal(strict, 3);
    assert_int_equal(ids, 1);
}

static int finish(void **state)
{
    (void)state;
    free(operators);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gateway_writes_under_its_own_name),
        cmocka_unit_test(an_operator_reads_areas_and_asks),
        cmocka_unit_test(a_viewer_only_looks),
        cmocka_unit_test(a_collector_acks_but_feigns_no_data),
        cmocka_unit_test(areas_are_names_once_each),
        cmocka_unit_test(a_full_member_fits_the_size_given),
        cmocka_unit_test(refuses_an_operators_file_with_the_reason),
        cmocka_unit_test(the_listeners_say_every_limit),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
