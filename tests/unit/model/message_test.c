/* Promise: what one side writes the other reads, byte for byte as the golden files show, and a
 * message that breaks its rules is refused with the member that was wrong.
 *
 * Run with GOLDEN_WRITE=1 to write the golden files anew; the change is then reviewed as a diff. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>

#include "model/command.h"
#include "model/message.h"

#define GOLDEN "tests/golden/messages/"

static char encoded[MESSAGE_SIZE_MAX];

static size_t read_file(const char *path, char *into, size_t cap)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot open %s; run from the top of the source tree", path);
    size_t len = fread(into, 1, cap, f);
    fclose(f);
    while (len && into[len - 1] == '\n')
        len--;
    return len;
}

static void write_file(const char *path, const struct buf *b)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b->data, 1, b->len, f), b->len);
    fputc('\n', f);
    assert_int_equal(fclose(f), 0);
}

/* Compares what was encoded with the golden file, and gives its bytes back for decoding. */
static struct buf golden(const char *name, const struct buf *b)
{
    static char file[MESSAGE_SIZE_MAX + 1];
    char path[256];
    snprintf(path, sizeof(path), GOLDEN "%s.json", name);
    if (getenv("GOLDEN_WRITE"))
        write_file(path, b);
    struct buf out;
    buf_init(&out, file, sizeof(file));
    out.len = read_file(path, file, sizeof(file));
    if (out.len != b->len || memcmp(out.data, b->data, b->len) != 0)
        fail_msg("%s\n  holds   %.*s\n  encoded %.*s", path, (int)out.len, out.data, (int)b->len,
                 b->data);
    return out;
}

static struct buf fresh(void)
{
    struct buf b;
    buf_init(&b, encoded, sizeof(encoded));
    return b;
}

static void same(const struct buf *a, const struct buf *b)
{
    assert_int_equal(a->len, b->len);
    assert_memory_equal(a->data, b->data, b->len);
}

/* For each message: encode is the golden file; the golden file decodes; encoding that again is the
 * golden file once more. */
#define ROUND_TRIP(message, name, value, decoded)                                                  \
    do {                                                                                           \
        struct err err_ = {0};                                                                     \
        struct buf first_ = fresh();                                                               \
        assert_int_equal(message##_encode((value), &first_), 0);                                   \
        struct buf file_ = golden((name), &first_);                                                \
        memset((decoded), 0xa5, sizeof(*(decoded)));                                               \
        if (message##_decode(file_.data, file_.len, (decoded), &err_))                             \
            fail_msg("%s: %s", (name), err_.text);                                                 \
        struct buf again_ = fresh();                                                               \
        assert_int_equal(message##_encode((decoded), &again_), 0);                                 \
        same(&again_, &file_);                                                                     \
    } while (0)

#define STORE "00112233445566778899aabbccddeeff"

static void acks_are_as_the_protocol_shows(void **state)
{
    (void)state;
    static struct ack a = {
        .store = STORE,
        .credit = 8,
        .epoch_count = 2,
        .epochs = {{.epoch = INT64_MAX, .upto = 9007199254740993},
                   {.epoch = 5,
                    .also_count = 2,
                    .also = {{3, 4}, {9, 9}},
                    .refused_count = 1,
                    .refused = {{7, "record 3: v must be a finite \"number\""}}}},
    };
    static struct ack back;
    ROUND_TRIP(ack, "ack.full", &a, &back);
    assert_int_equal(back.epochs[0].upto, 9007199254740993);
    assert_int_equal(back.epochs[1].also[1].to, 9);
    assert_string_equal(back.epochs[1].refused[0].reason, a.epochs[1].refused[0].reason);

    static struct ack credit_alone = {.store = STORE, .credit = 1};
    ROUND_TRIP(ack, "ack.credit", &credit_alone, &back);
    assert_int_equal(back.epoch_count, 0);
}

static void the_largest_ack_fits(void **state)
{
    (void)state;
    static struct ack a = {.store = STORE, .credit = UINT32_MAX, .epoch_count = ACK_EPOCHS_MAX};
    static struct ack back;
    for (size_t i = 0; i < ACK_EPOCHS_MAX; i++) {
        struct ack_epoch *x = &a.epochs[i];
        *x = (struct ack_epoch){.epoch = INT64_MAX, .upto = INT64_MAX - 1000};
        for (; x->also_count < ACK_ALSO_MAX; x->also_count++) {
            uint64_t n = INT64_MAX - 900 + 2 * x->also_count;
            x->also[x->also_count] = (struct range){n, n};
        }
        for (; x->refused_count < ACK_REFUSED_MAX; x->refused_count++) {
            x->refused[x->refused_count].seq = INT64_MAX;
            memset(x->refused[x->refused_count].reason, 'r', PACK_REASON_SIZE - 1);
        }
    }
    struct err e = {0};
    struct buf b = fresh();
    assert_int_equal(ack_encode(&a, &b), 0);
    if (ack_decode(b.data, b.len, &back, &e))
        fail_msg("%s", e.text);
    assert_int_equal(back.epochs[7].also[63].to, a.epochs[7].also[63].to);
}

static void gateway_states_are_read_back(void **state)
{
    (void)state;
    struct gateway_state s = {.online = true,
                              .session = "0123456789abcdef",
                              .firmware = "0.1.0",
                              .epoch = 1795000000123,
                              .epoch_count = 2,
                              .epochs = {{1795000000123, 1, 40}, {1794000000000, 300, 9000}},
                              .clock = "synchronised",
                              .nonce = "5f1c9b7e"};
    struct gateway_state back;
    ROUND_TRIP(gateway_state, "gateway-state.online", &s, &back);
    assert_int_equal(back.epochs[1].lowest, 300);
    struct gateway_state will = {.session = "0123456789abcdef",
                                 .firmware = "0.1.0",
                                 .epoch = 1795000000123,
                                 .clock = "unknown"};
    ROUND_TRIP(gateway_state, "gateway-state.will", &will, &back);
    assert_false(back.online);
    assert_string_equal(back.nonce, "");
}

static void births_are_read_back(void **state)
{
    (void)state;
    static struct gateway_birth b = {
        .board = "raspberry-pi-4",
        .conf = "0123456789abcdef",
        .device_count = 2,
        .devices = {{"air-1", "00000000000000aa"}, {"cab-1", "00000000000000bb"}}};
    static struct gateway_birth back;
    ROUND_TRIP(gateway_birth, "gateway-birth.two-devices", &b, &back);
    assert_string_equal(back.devices[1].name, "cab-1");

    for (b.device_count = 0; b.device_count < BIRTH_DEVICES_MAX; b.device_count++) {
        memset(b.devices[b.device_count].name, 'a', NAME_MAX_LEN);
        memset(b.devices[b.device_count].hash, 'b', PACK_CONF_SIZE - 1);
    }
    struct buf most = fresh();
    assert_int_equal(gateway_birth_encode(&b, &most), 0);
    assert_int_equal(gateway_birth_decode(most.data, most.len, &back, NULL), 0);
    assert_int_equal(back.device_count, BIRTH_DEVICES_MAX);
}

static void requests_to_a_gateway_are_read_back(void **state)
{
    (void)state;
    enum gateway_request back = REQUEST_RESEND;
    struct buf b = fresh();
    assert_int_equal(gateway_request_encode(REQUEST_DESCRIPTIONS, &b), 0);
    struct buf file = golden("gateway-request.descriptions", &b);
    assert_int_equal(gateway_request_decode(file.data, file.len, &back, NULL), 0);
    assert_int_equal(back, REQUEST_DESCRIPTIONS);
    b = fresh();
    assert_int_equal(gateway_request_encode(REQUEST_RESEND, &b), 0);
    file = golden("gateway-request.resend", &b);
    assert_int_equal(gateway_request_decode(file.data, file.len, &back, NULL), 0);
    assert_int_equal(back, REQUEST_RESEND);
}

static void collector_states_are_read_back(void **state)
{
    (void)state;
    struct collector_state s = {.online = true,
                                .store = STORE,
                                .owner_epoch = 3,
                                .list_revision = 118,
                                .standing = 12,
                                .at = {1795000000123}};
    struct collector_state back;
    ROUND_TRIP(collector_state, "collector-state.online", &s, &back);
    assert_int_equal(back.at.ms, 1795000000123);
    assert_int_equal(back.list_revision, 118);
}

static struct alert an_alert(void)
{
    return (struct alert){
        .id = "a-3f9c1d2e",
        .area = "lai-chau",
        .rule = "pm2-5-high",
        .object = "gw-1/air-1/pm2-5",
        .talq_event = "",
        .class = ALARM_ENVIRONMENT,
        .priority = PRIORITY_HIGH,
        .state = ALARM_UNACKNOWLEDGED,
        .occurrence = 4,
        .revision = 9,
        .list_revision = 118,
        .point_count = 1,
        .points = {"gw-1/air-1/pm2-5"},
        .raised = {1795000000123},
        .changed = {1795000060000},
        .has_value = true,
        .has_limit = true,
        .value = 0,
        .limit = 50,
        .unit = "ug/m3",
        .agency = "Sở Nông nghiệp và Môi trường",
        .text_vi = "Bụi PM2.5 vượt ngưỡng",
        .text_en = "PM2.5 above its limit",
        .durable = true,
    };
}

static void alerts_are_read_back(void **state)
{
    (void)state;
    struct alert a = an_alert();
    struct alert back;
    ROUND_TRIP(alert, "alert.raised", &a, &back);
    assert_true(back.has_value && back.has_limit); /* a value of 0 is a value */
    assert_string_equal(back.agency, a.agency);

    a.state = ALARM_RETURNED;
    a.priority = PRIORITY_CRITICAL;
    a.class = ALARM_SYSTEM;
    a.has_value = a.has_limit = false;
    a.unit[0] = '\0';
    memcpy(a.cause, "gateway silent", sizeof("gateway silent"));
    memcpy(a.talq_event, "communicationFailure", sizeof("communicationFailure"));
    a.suppressed_children = 200;
    a.cleared.ms = a.acknowledged.ms = 1795000120000;
    memcpy(a.acknowledged_by, "hoa", sizeof("hoa"));
    a.durable = false;
    ROUND_TRIP(alert, "alert.returned", &a, &back);
    assert_false(back.has_value);
    assert_int_equal(back.suppressed_children, 200);
}

static void operator_requests_are_read_back(void **state)
{
    (void)state;
    struct operator_request ack = {.id = "7e1d",
                                   .verb = OPERATOR_ACKNOWLEDGE,
                                   .expires = {1795000000123},
                                   .alert = "a-3f9c1d2e",
                                   .occurrence = 4,
                                   .revision = 9,
                                   .verdict = "true",
                                   .comment = "Đã kiểm tra tại trạm"};
    struct operator_request list = {
        .id = "7e1e", .verb = OPERATOR_SNAPSHOT, .area = "lai-chau", .page = 2};
    struct operator_request back;
    ROUND_TRIP(operator_request, "operator-request.acknowledge", &ack, &back);
    assert_string_equal(back.comment, ack.comment);
    assert_string_equal(back.area, "");
    ROUND_TRIP(operator_request, "operator-request.snapshot", &list, &back);
    assert_int_equal(back.page, 2);
    struct operator_request relay = {.id = "c-7e1d",
                                     .verb = OPERATOR_COMMAND,
                                     .area = "lai-chau",
                                     .gateway = "pole-17",
                                     .jws = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln"};
    ROUND_TRIP(operator_request, "operator-request.command", &relay, &back);
    assert_string_equal(back.jws, relay.jws);
    memset(relay.jws, 'j', COMMAND_SIZE_MAX);
    struct buf longest = fresh();
    assert_int_equal(operator_request_encode(&relay, &longest), 0);
    assert_int_equal(operator_request_decode(longest.data, longest.len, &back, NULL), 0);
}

static void operator_replies_are_read_back(void **state)
{
    (void)state;
    static struct operator_reply r = {
        .id = "7e1d", .result = "stale", .reason = "raised again since you looked"};
    static struct operator_reply back;
    ROUND_TRIP(operator_reply, "operator-reply.no-alert", &r, &back);
    static struct operator_reply read_back = {
        .id = "c-7e1d", .result = "mismatched", .value = {VALUE_BOOL, .boolean = false}};
    ROUND_TRIP(operator_reply, "operator-reply.mismatched", &read_back, &back);
    assert_int_equal(back.value.type, VALUE_BOOL);
    r.has_alert = true;
    r.alert = an_alert();
    ROUND_TRIP(operator_reply, "operator-reply.stale", &r, &back);
    assert_true(back.has_alert);
    assert_int_equal(back.alert.revision, 9);
}

static void commands_are_read_back(void **state)
{
    (void)state;
    struct command set = {.id = "c-7e1d",
                          .gateway = "pole-17",
                          .target = "cabinet-1/k1",
                          .action = COMMAND_SET,
                          .value = {VALUE_BOOL, .boolean = true},
                          .hold_s = 3600,
                          .nonce = "5f1c9b7e",
                          .counter = 9007199254740993};
    struct command release = {.id = "c-7e1e",
                              .gateway = "pole-17",
                              .target = "main-street",
                              .action = COMMAND_RELEASE,
                              .nonce = "5f1c9b7e",
                              .counter = 1};
    struct command back;
    ROUND_TRIP(command, "command.set", &set, &back);
    assert_int_equal(back.counter, 9007199254740993);
    assert_true(back.value.boolean);
    ROUND_TRIP(command, "command.release", &release, &back);
    assert_int_equal(back.action, COMMAND_RELEASE);
    assert_int_equal(back.value.type, VALUE_NONE);
}

static void command_results_are_read_back(void **state)
{
    (void)state;
    struct command_result r = {.id = "c-7e1d",
                               .kid = "lan-0f1e2d3c",
                               .operator_name = "lan",
                               .target = "cabinet-1/k1",
                               .outcome = COMMAND_DONE,
                               .value = {VALUE_BOOL, .boolean = true}};
    struct command_result back;
    ROUND_TRIP(command_result, "command-result.done", &r, &back);
    assert_string_equal(back.operator_name, "lan");
    r.outcome = COMMAND_MISMATCHED;
    r.value = (struct value){VALUE_NUMBER, .number = 0};
    memcpy(r.reason, "asked for 40", sizeof("asked for 40"));
    ROUND_TRIP(command_result, "command-result.mismatched", &r, &back);
    assert_int_equal(back.value.type, VALUE_NUMBER); /* a read-back of 0 is a read-back */
    r = (struct command_result){.outcome = COMMAND_REFUSED, .reason = "not signed"};
    ROUND_TRIP(command_result, "command-result.refused", &r, &back);
}

/* --- packs --- */

static void parses(const struct buf *b)
{
    struct pack p;
    struct err e = {0};
    if (pack_parse(b->data, b->len, "gw-1", &p, &e))
        fail_msg("%s", e.text);
    pack_free(&p);
}

static void packs_are_as_the_golden_files_show(void **state)
{
    (void)state;
    struct pack_head head = {.gateway = "gw-1",
                             .epoch = 1794999999000,
                             .seq = 7,
                             .low = 1,
                             .conf = "0123456789abcdef",
                             .base = {1795000000123}};
    struct pack_writer w;
    struct sample good = {.at = {1795000000123}, .value = {VALUE_NUMBER, .number = 23.5}};
    struct sample bad = {.quality = QUALITY_BAD, .cause = CAUSE_TIMEOUT, .at = {1795000000323}};
    struct sample lamp = {.quality = QUALITY_UNCERTAIN,
                          .at = {1795000000000},
                          .value = {VALUE_BOOL, .boolean = true}};
    pack_begin(&w, encoded, sizeof(encoded), &head);
    assert_int_equal(pack_add(&w, "air-1", "pm2-5", &good), 0);
    assert_int_equal(pack_add(&w, "air-1", "pm10", &bad), 0);
    assert_int_equal(pack_add(&w, "cab-1", "lamp", &lamp), 0);
    assert_true(pack_end(&w) > 0);
    struct buf file = golden("pack.data", &w.out);
    parses(&file);

    struct pack_gap gap = {.epoch = 1794000000000,
                           .from = 5,
                           .to = 9,
                           .cause = "evicted",
                           .first = {1794000100000},
                           .last = {1794000200500},
                           .count = 120};
    head.kind = PACK_GAP;
    pack_begin(&w, encoded, sizeof(encoded), &head);
    assert_int_equal(pack_add_gap(&w, &gap), 0);
    assert_true(pack_end(&w) > 0);
    file = golden("pack.gap", &w.out);
    parses(&file);

    head.kind = PACK_DESCRIPTION;
    pack_begin(&w, encoded, sizeof(encoded), &head);
    assert_int_equal(pack_add_string(&w, "air-1", head.base, "{\"profile\":\"generic-air\"}"), 0);
    assert_true(pack_end(&w) > 0);
    file = golden("pack.description", &w.out);
    parses(&file);

    head.kind = PACK_RESULT;
    pack_begin(&w, encoded, sizeof(encoded), &head);
    assert_int_equal(pack_add_string(&w, COMMAND_RECORD, head.base,
                                     "{\"v\":1,\"id\":\"c-7e1d\",\"result\":\"failed\"}"),
                     0);
    assert_int_equal(pack_add(&w, "cab-1", "lamp", &bad), 0);
    assert_true(pack_end(&w) > 0);
    file = golden("pack.result", &w.out);
    parses(&file);
}

/* --- refusals --- */

union any {
    struct ack ack;
    struct gateway_state state;
    struct gateway_birth birth;
    enum gateway_request request;
    struct collector_state collector;
    struct alert alert;
    struct operator_request operator_request;
    struct operator_reply reply;
    struct command command;
    struct command_result result;
};

static int decode_any(const char *schema, const char *body, size_t len, struct err *e)
{
    static union any any;
    struct pack pack;
    if (strcmp(schema, "ack") == 0)
        return ack_decode(body, len, &any.ack, e);
    if (strcmp(schema, "gateway-state") == 0)
        return gateway_state_decode(body, len, &any.state, e);
    if (strcmp(schema, "gateway-birth") == 0)
        return gateway_birth_decode(body, len, &any.birth, e);
    if (strcmp(schema, "gateway-request") == 0)
        return gateway_request_decode(body, len, &any.request, e);
    if (strcmp(schema, "collector-state") == 0)
        return collector_state_decode(body, len, &any.collector, e);
    if (strcmp(schema, "alert") == 0)
        return alert_decode(body, len, &any.alert, e);
    if (strcmp(schema, "operator-request") == 0)
        return operator_request_decode(body, len, &any.operator_request, e);
    if (strcmp(schema, "operator-reply") == 0)
        return operator_reply_decode(body, len, &any.reply, e);
    if (strcmp(schema, "command") == 0)
        return command_decode(body, len, &any.command, e);
    if (strcmp(schema, "command-result") == 0)
        return command_result_decode(body, len, &any.result, e);
    if (strcmp(schema, "pack") == 0) {
        int rc = pack_parse(body, len, "gw-1", &pack, e);
        pack_free(&pack);
        return rc;
    }
    fail_msg("no message is called %s", schema);
    return 0;
}

/* Every file below refused/ breaks one rule; messages_schema.py proves that the schema sees it too.
 */
static void what_the_schemas_refuse_the_decoders_refuse(void **state)
{
    (void)state;
    static char body[MESSAGE_SIZE_MAX];
    DIR *dir = opendir(GOLDEN "refused");
    assert_non_null(dir);
    int files = 0;
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        char path[512];
        char schema[64];
        struct err e = {0};
        if (!strstr(d->d_name, ".json"))
            continue;
        snprintf(path, sizeof(path), GOLDEN "refused/%s", d->d_name);
        snprintf(schema, sizeof(schema), "%.*s", (int)strcspn(d->d_name, "."), d->d_name);
        size_t len = read_file(path, body, sizeof(body));
        if (decode_any(schema, body, len, &e) == 0 || e.text[0] == '\0')
            fail_msg("%s was not refused with a reason", path);
        files++;
    }
    closedir(dir);
    assert_true(files > 10);
}

static void a_refusal_names_the_member(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *body, *why;
    } cases[] = {
        {"ack", "[]", "a message must be an object, not of type array"},
        {"ack", "{}", "v (the message's version) must be a whole number"},
        {"ack", "{\"v\":2}", "version 2 is unknown; this program reads version 1"},
        {"ack", "{\"v\":1}", "store is missing"},
        {"ack", "{\"v\":1,\"store\":\"" STORE "\",\"credit\":0,\"acks\":[]}", "credit must be"},
        {"ack", "{\"v\":1,\"store\":\"" STORE "\",\"credit\":1,\"acks\":[{\"epoch\":\"1\"}]}",
         "acks[0]: upto must be a decimal string"},
        {"ack",
         "{\"v\":1,\"store\":\"" STORE "\",\"credit\":1,\"acks\":[{\"epoch\":\"1\",\"upto\":\"5\","
         "\"also\":[[\"5\",\"6\"]]}]}",
         "acks[0]: also[0] is not above what stands before it"},
        {"ack",
         "{\"v\":1,\"store\":\"" STORE "\",\"credit\":1,\"acks\":[{\"epoch\":\"1\",\"upto\":\"5\","
         "\"refused\":[[\"3\"]]}]}",
         "acks[0]: refused[0] must be"},
        {"gateway-state",
         "{\"v\":1,\"online\":true,\"session\":\"0123456789abcdef\",\"firmware\":\"x\",\"epoch\":"
         "\"1\",\"clock\":\"unknown\",\"epochs\":[{\"epoch\":\"1\",\"lowest\":\"3\",\"highest\":"
         "\"2\"}]}",
         "epochs[0]: lowest is above highest"},
        {"gateway-state", "{\"v\":1,\"online\":1}", "online must be true or false"},
        {"collector-state",
         "{\"v\":1,\"online\":true,\"store\":\"" STORE "\",\"owner_epoch\":1,\"list_revision\":1,"
         "\"standing\":1,\"at\":\"2026-02-30T00:00:00.000Z\"}",
         "at must be a time like"},
        {"operator-request", "{\"v\":1,\"id\":\"\",\"verb\":\"snapshot\"}", "id must not be empty"},
        {"operator-request", "{\"v\":1,\"id\":\"x\",\"verb\":\"delete\"}",
         "verb \"delete\" is unknown"},
        {"operator-request",
         "{\"v\":1,\"id\":\"x\",\"verb\":\"snapshot\",\"area\":\"Lai\",\"page\":0}",
         "area must be a name"},
        {"operator-reply", "{\"v\":1,\"id\":\"x\",\"result\":\"done\",\"alert\":1}",
         "alert: must be an object"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err e = {0};
        int rc = decode_any(cases[i].schema, cases[i].body, strlen(cases[i].body), &e);
        if (rc != ERR_INVALID || !strstr(e.text, cases[i].why))
            fail_msg("%s\n  gave %d \"%s\"", cases[i].body, rc, e.text);
    }
}

static void unknown_members_are_ignored(void **state)
{
    (void)state;
    static const char body[] = "{\"v\":1,\"request\":\"resend\",\"from_a_newer_version\":[1]}";
    enum gateway_request r = REQUEST_DESCRIPTIONS;
    assert_int_equal(gateway_request_decode(body, sizeof(body) - 1, &r, NULL), 0);
    assert_int_equal(r, REQUEST_RESEND);
}

static void a_small_buffer_is_an_error_not_half_a_message(void **state)
{
    (void)state;
    struct alert a = an_alert();
    char small[100];
    struct buf b;
    buf_init(&b, small, sizeof(small));
    assert_int_equal(alert_encode(&a, &b), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acks_are_as_the_protocol_shows),
        cmocka_unit_test(the_largest_ack_fits),
        cmocka_unit_test(gateway_states_are_read_back),
        cmocka_unit_test(births_are_read_back),
        cmocka_unit_test(requests_to_a_gateway_are_read_back),
        cmocka_unit_test(collector_states_are_read_back),
        cmocka_unit_test(alerts_are_read_back),
        cmocka_unit_test(operator_requests_are_read_back),
        cmocka_unit_test(operator_replies_are_read_back),
        cmocka_unit_test(commands_are_read_back),
        cmocka_unit_test(command_results_are_read_back),
        cmocka_unit_test(packs_are_as_the_golden_files_show),
        cmocka_unit_test(what_the_schemas_refuse_the_decoders_refuse),
        cmocka_unit_test(a_refusal_names_the_member),
        cmocka_unit_test(unknown_members_are_ignored),
        cmocka_unit_test(a_small_buffer_is_an_error_not_half_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
