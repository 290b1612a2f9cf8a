/* Promise: public lighting keeps working alone. Nights on the virtual clock with no uplink at all:
 * lamps switch within a second of the time the sun gives them; a signed override works and expires;
 * whatever is not signed, fresh, allowed and for this gateway is refused with a reason and switches
 * nothing; with an unknown clock the safe state holds; a relay that was without power is set again.
 */
#include "tests/support/control_sign.h"

#include "gateway/core/control/sun.h"

#define DAY_MS 86400000
#define MINUTE 60000

static const char document[] =
    "{\"v\":1,\"revision\":1,\"gateway\":\"gw-1\","
    "\"position\":{\"latitude\":22.3992,\"longitude\":103.4392},"
    "\"keys\":[{\"kid\":\"lan-1\",\"operator\":\"lan\",\"public_key\":\"%s\","
    "\"may\":[{\"target\":\"street-*\",\"min\":0,\"max\":1}]}],"
    "\"groups\":[{\"name\":\"street-a\",\"points\":[\"lamp-1/k1\",\"lamp-1/k2\"],"
    "\"schedule\":\"night\",\"safe\":true,\"override_max_s\":7200},"
    "{\"name\":\"park\",\"points\":[\"lamp-2/k1\"],\"schedule\":\"night\",\"safe\":false}],"
    "\"schedules\":[{\"name\":\"night\",\"steps\":[{\"at\":\"sunset-00:15\",\"value\":true},"
    "{\"at\":\"sunrise+00:10\",\"value\":false}]}]}";

struct night {
    struct signers *s;
    struct lamp_world *w;
    struct control_file file;
    struct command_gate gate;
    struct command command; /* the next to be signed */
    struct err audit;       /* why the last one was refused; empty: it was not */
    bool repeated;
};

static void renew(struct night *n)
{
    uint8_t random[GATE_NONCE_BYTES];
    crypto_random(random, sizeof(random));
    gate_renew(&n->gate, random, n->w->now.mono);
}

static int setup_at(void **state, const char *utc)
{
    static char text[4096];
    struct err e = {0};
    struct night *n = calloc(1, sizeof(*n));
    assert_non_null(n);
    n->s = signers_new();
    snprintf(text, sizeof(text), document, n->s->lan_pem);
    n->w = lamp_world_new(text, utc);
    assert_int_equal(scratch_make(n->s->dir, "night"), 0);
    point_at(n->w->config, n->s->dir);
    trust(n->s->authority, n->s->dir);
    write_text(n->s->dir, "control.jws", sign(n->s, n->s->authority, "control", text));
    if (control_file_open(n->w->config, &n->file, &e) != 0)
        fail_msg("%s", e.text);
    gate_init(&n->gate, n->file.control, "gw-1", n->w->now.mono);
    renew(n);
    n->command = (struct command){.id = "c-1",
                                  .gateway = "gw-1",
                                  .target = "street-a",
                                  .value = {.type = VALUE_BOOL, .boolean = false},
                                  .hold_s = 1800,
                                  .counter = 1};
    memcpy(n->command.nonce, n->gate.nonces[0], sizeof(n->command.nonce));
    *state = n;
    return 0;
}

static int setup(void **state)
{
    return setup_at(state, "2026-12-21T05:00:00.000Z"); /* noon */
}

/* 20:00 local. */
static int setup_evening(void **state)
{
    return setup_at(state, "2026-12-21T13:00:00.000Z");
}

static int teardown(void **state)
{
    struct night *n = *state;
    control_file_close(&n->file);
    lamp_world_free(n->w);
    assert_int_equal(scratch_remove(n->s->dir), 0);
    signers_free(n->s);
    free(n);
    return 0;
}

/* --- the way of a message, as gatewayd goes it --- */

static void receive(struct night *n, const char *text, bool retained)
{
    struct gate_offer offer = {.retained = retained};
    const struct command_result *stored;
    struct command command;
    struct err unread = {0};
    n->audit = (struct err){0};
    assert_true(gate_admits(&n->gate, n->w->now.mono));
    control_file_open_command(&n->file, text, strlen(text), &offer, &command, &unread);
    enum gate_verdict verdict = gate_judge(&n->gate, &offer, &stored, &n->audit);
    n->repeated = verdict == GATE_REPEATED;
    if (verdict == GATE_ACCEPTED)
        actuator_command(n->w->actuator, &command, offer.key, &n->w->now, &n->audit);
}

static const char *signed_by(struct night *n, const struct crypto_key *key)
{
    char payload[COMMAND_SIZE_MAX];
    struct buf out;
    buf_init(&out, payload, sizeof(payload));
    assert_int_equal(command_encode(&n->command, &out), 0);
    return sign(n->s, key, "lan-1", buf_cstr(&out));
}

static void assert_refused(struct night *n, const char *text, bool retained, const char *why)
{
    unsigned writes = n->w->writes;
    receive(n, text, retained);
    if (!strstr(n->audit.text, why))
        fail_msg("\"%s\" does not say \"%s\"", n->audit.text, why);
    lamp_run(n->w, 5000);
    assert_int_equal(n->w->writes, writes);
    assert_true(lamp(n->w, 0, "k1")->boolean);
}

/* --- nights --- */

static void assert_switched(struct night *n, int64_t expected_ms)
{
    static const struct {
        size_t device;
        const char *point;
    } lamps[] = {{0, "k1"}, {0, "k2"}, {1, "k1"}};
    for (size_t i = 0; i < sizeof(lamps) / sizeof(*lamps); i++) {
        int64_t late_ms = lamp_changed_ms(n->w, lamps[i].device, lamps[i].point) - expected_ms;
        if (late_ms < 0 || late_ms > 1000)
            fail_msg("lamp %zu switched %lld ms after its time", i, (long long)late_ms);
    }
}

static void lamps_switch_within_a_second_of_the_sun(void **state)
{
    struct night *n = *state;
    for (int night = 0; night < 14; night++) {
        struct sun_day today, tomorrow;
        int64_t day = n->w->now.utc.ms / DAY_MS;
        sun_day(day, 22.3992, 103.4392, &today);
        sun_day(day + 1, 22.3992, 103.4392, &tomorrow);
        lamp_run(n->w, today.set.ms - n->w->now.utc.ms);
        assert_switched(n, today.set.ms - 15 * MINUTE);
        assert_true(lamp(n->w, 0, "k1")->boolean);
        lamp_run(n->w, tomorrow.rise.ms + 15 * MINUTE - n->w->now.utc.ms);
        assert_switched(n, tomorrow.rise.ms + 10 * MINUTE);
        assert_false(lamp(n->w, 0, "k1")->boolean);
        lamp_run(n->w, (day + 1) * DAY_MS + 5 * 60 * MINUTE - n->w->now.utc.ms);
    }
    assert_int_equal(n->w->troubles, 0);
}

static void a_signed_override_works_and_expires(void **state)
{
    struct night *n = *state;
    lamp_run(n->w, 2000);
    assert_true(lamp(n->w, 0, "k1")->boolean);
    receive(n, signed_by(n, n->s->lan), false);
    assert_string_equal(n->audit.text, "");
    lamp_run(n->w, 1000);
    assert_int_equal(n->w->result.outcome, COMMAND_DONE);
    assert_string_equal(n->w->result.operator_name, "lan");
    assert_int_equal(n->w->sample_count, 2);
    assert_false(lamp(n->w, 0, "k1")->boolean || lamp(n->w, 0, "k2")->boolean);
    lamp_run(n->w, 1790 * 1000);
    assert_false(lamp(n->w, 0, "k1")->boolean);
    lamp_run(n->w, 20 * 1000);
    assert_true(lamp(n->w, 0, "k1")->boolean && lamp(n->w, 0, "k2")->boolean);
    unsigned writes = n->w->writes;
    receive(n, n->s->jws, false); /* the same message once more */
    assert_true(n->repeated);
    lamp_run(n->w, 5000);
    assert_int_equal(n->w->writes, writes);
}

static void what_is_not_signed_switches_nothing(void **state)
{
    struct night *n = *state;
    char tampered[JWS_SIZE_MAX];
    struct crypto_key *stranger;
    lamp_run(n->w, 2000);
    assert_refused(n, "{\"v\":1,\"target\":\"street-a\",\"value\":false}", false, "not signed");
    assert_refused(n, "", false, "not signed");
    assert_int_equal(crypto_key_create(&stranger, NULL), 0);
    assert_refused(n, signed_by(n, stranger), false, "the signature is not that of the key lan-1");
    crypto_key_destroy(stranger);
    snprintf(tampered, sizeof(tampered), "%s", signed_by(n, n->s->lan));
    char *payload = strchr(tampered, '.') + 10;
    *payload = *payload == 'A' ? 'B' : 'A';
    assert_refused(n, tampered, false, "signature");
    assert_refused(n, sign(n->s, n->s->lan, "hung-1", "{}"), false, "key hung-1 is not accepted");
    assert_refused(n, sign(n->s, n->s->lan, "lan-1", "{}"), false, "version");
    assert_refused(n, signed_by(n, n->s->lan), true, "retained");
}

static void what_is_not_fresh_or_allowed_switches_nothing(void **state)
{
    struct night *n = *state;
    const struct command good = n->command;
    lamp_run(n->w, 2000);
    snprintf(n->command.gateway, sizeof(n->command.gateway), "gw-2");
    assert_refused(n, signed_by(n, n->s->lan), false, "for the gateway gw-2");
    n->command = good;
    snprintf(n->command.target, sizeof(n->command.target), "park");
    assert_refused(n, signed_by(n, n->s->lan), false, "may not command park");
    n->command = good;
    n->command.value = (struct value){.type = VALUE_NUMBER, .number = 2};
    assert_refused(n, signed_by(n, n->s->lan), false, "2 is out of range");
    n->command = good;
    n->command.hold_s = 7201;
    assert_refused(n, signed_by(n, n->s->lan), false, "longer than the 7200 s");
    n->command.hold_s = 1800; /* its id is taken now, its counter used up */
    snprintf(n->command.id, sizeof(n->command.id), "c-2");
    assert_refused(n, signed_by(n, n->s->lan), false, "counter");
    n->command.counter++;
    renew(n);
    renew(n);
    assert_refused(n, signed_by(n, n->s->lan), false, "nonce");
}

static void an_unknown_clock_holds_the_safe_state(void **state)
{
    struct night *n = *state;
    struct clk_utc real = n->w->now.utc;
    lamp_boot(n->w, "{\"v\":1,\"revision\":1,\"gateway\":\"gw-1\",\"position\":"
                    "{\"latitude\":22.4,\"longitude\":103.4}}");
    n->w->now.clock_known = false;
    n->w->now.utc.ms = 60000; /* 1970 */
    static char text[4096];
    snprintf(text, sizeof(text), document, n->s->lan_pem);
    lamp_boot(n->w, text);
    lamp_run(n->w, 3600 * 1000);
    assert_true(lamp(n->w, 0, "k1")->boolean);
    assert_false(lamp(n->w, 1, "k1")->boolean);
    receive(n, signed_by(n, n->s->lan), false); /* a command needs no clock */
    lamp_run(n->w, 1000);
    assert_int_equal(n->w->result.outcome, COMMAND_DONE);
    assert_false(lamp(n->w, 0, "k1")->boolean);
    lamp_run(n->w, 1801 * 1000);
    assert_true(lamp(n->w, 0, "k1")->boolean);
    n->w->now.utc = real; /* noon: time has come */
    n->w->now.clock_known = true;
    lamp_run(n->w, 3000);
    assert_false(lamp(n->w, 0, "k1")->boolean);
}

static void a_relay_that_was_without_power_is_set_again(void **state)
{
    struct night *n = *state;
    lamp_run(n->w, 2000);
    for (int cut = 0; cut < 20; cut++) {
        n->w->off[0] = true;
        lamp_run(n->w, 90 * 1000);
        n->w->off[0] = false;
        *lamp(n->w, 0, "k1") = *lamp(n->w, 0, "k2") = (struct value){.type = VALUE_BOOL};
        lamp_run(n->w, LAMP_POLL_MS + 500);
        assert_true(lamp(n->w, 0, "k1")->boolean && lamp(n->w, 0, "k2")->boolean);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lamps_switch_within_a_second_of_the_sun, setup, teardown),
        cmocka_unit_test_setup_teardown(a_signed_override_works_and_expires, setup_evening,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_not_signed_switches_nothing, setup_evening,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_not_fresh_or_allowed_switches_nothing,
                                        setup_evening, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_clock_holds_the_safe_state, setup, teardown),
        cmocka_unit_test_setup_teardown(a_relay_that_was_without_power_is_set_again, setup_evening,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
