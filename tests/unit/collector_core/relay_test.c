/* Promise: a command leaves the collector once, unchanged, and only for an operator who may send
 * it; its result finds who asked, after a restart, too; and a silent gateway is said to be silent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "collector/core/operators/relay.h"

static struct relay relay;
static struct access_member lan;
static struct operator_request request;
static struct relay_request question;
static struct command command;
static struct operator_reply reply;

/* The request carries the command, signed by nobody: the collector cannot know. */
static void sign(const struct command *c)
{
    char payload[COMMAND_SIZE_MAX];
    uint8_t signature[JWS_SIGNATURE_SIZE] = {0};
    struct buf p, text;
    buf_init(&p, payload, sizeof(payload));
    buf_init(&text, request.jws, sizeof(request.jws));
    assert_int_equal(command_encode(c, &p), 0);
    assert_int_equal(jws_open(&text, "lan-0f1e2d3c", p.data, p.len, NULL), 0);
    jws_seal(&text, signature);
    assert_false(text.overflow);
    buf_cstr(&text);
}

static struct command order(const char *id)
{
    struct command c = {.gateway = "pole-17",
                        .target = "cabinet-1/k1",
                        .action = COMMAND_SET,
                        .value = {VALUE_BOOL, .boolean = true},
                        .nonce = "5f1c",
                        .counter = 1};
    snprintf(c.id, sizeof(c.id), "%s", id);
    return c;
}

/* Lan, who may, asks for pole-17 in lai-chau, which is online. */
static void ask_for(const char *id)
{
    struct command c = order(id);
    request = (struct operator_request){
        .verb = OPERATOR_COMMAND, .area = "lai-chau", .gateway = "pole-17"};
    snprintf(request.id, sizeof(request.id), "%s", id);
    sign(&c);
}

static int start(void **state)
{
    (void)state;
    relay_init(&relay);
    lan = (struct access_member){.name = "lan",
                                 .role = ACCESS_OPERATOR,
                                 .area_count = 1,
                                 .areas = {"lai-chau"},
                                 .requests = true,
                                 .classes = 1U << ALARM_LIGHTING};
    question = (struct relay_request){.who = &lan,
                                      .request = &request,
                                      .area = "lai-chau",
                                      .online = true,
                                      .utc = {1795000000000},
                                      .mono = {1000}};
    ask_for("c1");
    return 0;
}

static bool ask(void)
{
    return relay_step_request(&relay, &question, &command, &reply);
}

static void refused(const char *why)
{
    size_t before = relay.count;
    if (ask() || strcmp(reply.result, "refused") != 0 || !strstr(reply.reason, why))
        fail_msg("%s: %s, not refused: %s", reply.result, reply.reason, why);
    assert_string_equal(reply.id, request.id);
    assert_int_equal(relay.count, before);
}

static void an_operator_of_the_area_is_relayed_once(void **state)
{
    (void)state;
    assert_true(ask());
    assert_string_equal(reply.result, "relayed");
    assert_string_equal(reply.id, "c1");
    assert_string_equal(command.target, "cabinet-1/k1");
    assert_false(ask());
    assert_string_equal(reply.result, "relayed");
    assert_int_equal(relay.count, 1);
}

static void who_may_not_is_refused_with_the_reason(void **state)
{
    (void)state;
    lan.requests = false;
    refused("may look and not command");
    lan.requests = true;
    memcpy(lan.areas[0], "muong-te", sizeof("muong-te"));
    refused("area lai-chau is not one of yours");
    memcpy(lan.areas[0], ACCESS_ALL_AREAS, sizeof(ACCESS_ALL_AREAS));
    lan.classes = 1U << ALARM_ENVIRONMENT | 1U << ALARM_SECURITY;
    refused("none of the classes");
    lan.classes = 1U << ALARM_TRAFFIC;
    assert_true(ask());
}

static void what_cannot_arrive_is_refused_at_once(void **state)
{
    (void)state;
    question.area = NULL;
    refused("no gateway pole-17 is known in area lai-chau");
    question.area = "muong-te"; /* moved: the operator's rights are of the area asked for */
    refused("no gateway pole-17 is known in area lai-chau");
    question.area = "lai-chau";
    question.online = false;
    refused("offline; nothing was sent");
    question.online = true;
    request.expires.ms = question.utc.ms - 1;
    assert_false(ask());
    assert_string_equal(reply.result, "expired");
}

static void what_is_signed_must_be_what_is_asked(void **state)
{
    (void)state;
    struct command other = order("c2");
    sign(&other);
    refused("id c2 is not the request's");
    other = order("c1");
    memcpy(other.gateway, "pole-18", sizeof("pole-18"));
    sign(&other);
    refused("signed for gateway pole-18");
    memcpy(request.jws, "{}", sizeof("{}"));
    refused("cannot be read: not signed");
    request.jws[0] = '\0';
    refused("cannot be read");
}

static void the_table_is_bounded(void **state)
{
    (void)state;
    char id[COMMAND_ID_SIZE];
    for (int i = 0; i < RELAY_OPERATOR_MAX; i++) {
        snprintf(id, sizeof(id), "c%d", i);
        ask_for(id);
        assert_true(ask());
    }
    ask_for("one-more");
    refused("16 commands of yours wait");
    for (int i = RELAY_OPERATOR_MAX; i < RELAY_MAX; i++) {
        snprintf(lan.name, sizeof(lan.name), "op-%d", i);
        assert_true(ask());
    }
    memcpy(lan.name, "last", sizeof("last"));
    refused("256 commands wait");
}

static void a_result_finds_who_asked(void **state)
{
    (void)state;
    struct command_result result = {.id = "c1",
                                    .operator_name = "lan",
                                    .outcome = COMMAND_MISMATCHED,
                                    .reason = "the contactor did not follow",
                                    .value = {VALUE_BOOL, .boolean = false}};
    char who[NAME_SIZE] = "";
    assert_true(ask());
    result.operator_name[0] = '\0'; /* refused before the gateway knew whose key it is */
    assert_true(relay_step_result(&relay, "pole-17", &result, who, &reply));
    assert_string_equal(who, "lan");
    assert_string_equal(reply.id, "c1");
    assert_string_equal(reply.result, "mismatched");
    assert_string_equal(reply.reason, result.reason);
    assert_int_equal(reply.value.type, VALUE_BOOL);
    assert_int_equal(relay.count, 0);
}

static void after_a_restart_the_result_names_its_operator(void **state)
{
    (void)state;
    struct command_result result = {.id = "c1", .operator_name = "lan", .outcome = COMMAND_DONE};
    char who[NAME_SIZE] = "";
    assert_true(relay_step_result(&relay, "pole-17", &result, who, &reply));
    assert_string_equal(who, "lan");
    result.operator_name[0] = '\0';
    assert_false(relay_step_result(&relay, "pole-17", &result, who, &reply));
    result.id[0] = '\0';
    assert_false(relay_step_result(&relay, "pole-17", &result, who, &reply));
}

static void the_same_id_of_another_is_another_command(void **state)
{
    (void)state;
    struct command_result result = {.id = "c1", .operator_name = "minh", .outcome = COMMAND_DONE};
    char who[NAME_SIZE] = "";
    assert_true(ask());
    memcpy(lan.name, "minh", sizeof("minh"));
    assert_true(ask());
    assert_true(relay_step_result(&relay, "pole-17", &result, who, &reply));
    assert_string_equal(who, "minh");
    assert_int_equal(relay.count, 1);
    assert_string_equal(relay.entries[0].operator_name, "lan");
}

static void no_gateway_answers_for_another(void **state)
{
    (void)state;
    struct command_result result = {.id = "c1", .operator_name = "lan", .outcome = COMMAND_DONE};
    char who[NAME_SIZE] = "";
    assert_true(ask());
    assert_false(relay_step_result(&relay, "pole-18", &result, who, &reply));
    assert_int_equal(relay.count, 1);
    assert_true(relay_step_result(&relay, "pole-17", &result, who, &reply));
}

static void a_silent_gateway_is_said_to_be_silent(void **state)
{
    (void)state;
    struct relay_entry entry;
    assert_true(ask());
    struct clk_mono late = clk_mono_add(question.mono, RELAY_TIMEOUT_MS);
    assert_false(relay_take_silent(&relay, clk_mono_add(late, -1), &entry, &reply));
    assert_true(relay_take_silent(&relay, late, &entry, &reply));
    assert_string_equal(entry.operator_name, "lan");
    assert_string_equal(reply.id, "c1");
    assert_string_equal(reply.result, "unknown");
    assert_false(relay_take_silent(&relay, late, &entry, &reply));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_operator_of_the_area_is_relayed_once, start),
        cmocka_unit_test_setup(who_may_not_is_refused_with_the_reason, start),
        cmocka_unit_test_setup(what_cannot_arrive_is_refused_at_once, start),
        cmocka_unit_test_setup(what_is_signed_must_be_what_is_asked, start),
        cmocka_unit_test_setup(the_table_is_bounded, start),
        cmocka_unit_test_setup(a_result_finds_who_asked, start),
        cmocka_unit_test_setup(after_a_restart_the_result_names_its_operator, start),
        cmocka_unit_test_setup(the_same_id_of_another_is_another_command, start),
        cmocka_unit_test_setup(no_gateway_answers_for_another, start),
        cmocka_unit_test_setup(a_silent_gateway_is_said_to_be_silent, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
