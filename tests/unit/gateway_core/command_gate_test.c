/* Promise: a command is obeyed only when it is fresh, allowed and new; everything else is refused
 * with a reason, nothing is obeyed twice, and nobody can fill the spool with refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/core/control/command_gate.h"
#include "tests/support/text_file.h"

struct world {
    struct control *control;
    struct command_gate gate;
    struct clk_mono now;
    struct command command;
    struct gate_offer offer;
    const struct command_result *stored;
    struct err e;
};

static void renew(struct world *w)
{
    uint8_t random[GATE_NONCE_BYTES];
    memset(random, (int)(w->gate.generation + 1), sizeof(random));
    gate_renew(&w->gate, random, w->now);
}

/* A good command, signed by lan's key. */
static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    char *text = text_file_read("docs/examples/control.json");
    assert_int_equal(control_parse(text, strlen(text), &w->control, &w->e), 0);
    free(text);
    w->now.ms = 5000;
    gate_init(&w->gate, w->control, "gw-1", w->now);
    renew(w);
    w->command = (struct command){.id = "c-1",
                                  .gateway = "gw-1",
                                  .target = "street-a",
                                  .value = {.type = VALUE_BOOL, .boolean = true},
                                  .counter = 1};
    memcpy(w->command.nonce, w->gate.nonces[0], sizeof(w->command.nonce));
    w->offer = (struct gate_offer){.key = w->control->keys, .command = &w->command};
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    control_free(w->control);
    free(w);
    return 0;
}

static enum gate_verdict judge(struct world *w)
{
    w->e = (struct err){0};
    return gate_judge(&w->gate, &w->offer, &w->stored, &w->e);
}

static void assert_refused(struct world *w, const char *why)
{
    assert_int_equal(judge(w), GATE_REFUSED);
    if (!strstr(w->e.text, why))
        fail_msg("\"%s\" does not say \"%s\"", w->e.text, why);
}

static void next_command(struct world *w, const char *id, uint64_t counter)
{
    snprintf(w->command.id, sizeof(w->command.id), "%s", id);
    w->command.counter = counter;
}

static void a_good_command_is_accepted_once(void **state)
{
    struct world *w = *state;
    assert_int_equal(judge(w), GATE_ACCEPTED);
    assert_int_equal(judge(w), GATE_REPEATED);
    assert_null(w->stored); /* still being carried out */
    struct command_result r = {.id = "c-1", .kid = "lan-2026", .outcome = COMMAND_DONE};
    gate_remember(&w->gate, &r);
    w->command.counter = 99;
    assert_int_equal(judge(w), GATE_REPEATED);
    assert_int_equal(w->stored->outcome, COMMAND_DONE);
    /* Also when its nonce has become old: it switches nothing. */
    renew(w);
    renew(w);
    assert_int_equal(judge(w), GATE_REPEATED);
}

static void nothing_unproved_is_obeyed(void **state)
{
    struct world *w = *state;
    w->offer.retained = true;
    assert_refused(w, "retained");
    w->offer.retained = false;
    w->offer.key = NULL;
    w->offer.why = "the signature does not hold";
    assert_refused(w, "the signature does not hold");
    w->offer.key = w->control->keys;
    w->offer.command = NULL;
    w->offer.why = "line 1, column 3: garbage";
    assert_refused(w, "garbage");
    w->offer.command = &w->command;
    snprintf(w->command.gateway, sizeof(w->command.gateway), "gw-2");
    assert_refused(w, "it is for the gateway gw-2");
    gate_init(&w->gate, NULL, "gw-1", w->now);
    assert_refused(w, "no valid control document");
}

static void freshness_needs_a_nonce_of_the_last_two_minutes(void **state)
{
    struct world *w = *state;
    snprintf(w->command.nonce, sizeof(w->command.nonce), "00");
    assert_refused(w, "nonce");
    w->command.nonce[0] = '\0';
    assert_refused(w, "nonce");
    memcpy(w->command.nonce, w->gate.nonces[0], sizeof(w->command.nonce));
    renew(w);
    assert_int_equal(judge(w), GATE_ACCEPTED); /* the previous one */
    next_command(w, "c-2", 2);
    renew(w);
    assert_refused(w, "nonce");
    /* A restarted gateway knows none of them. */
    gate_init(&w->gate, w->control, "gw-1", w->now);
    assert_refused(w, "nonce");
}

static void a_counter_must_rise(void **state)
{
    struct world *w = *state;
    next_command(w, "c-1", 7);
    assert_int_equal(judge(w), GATE_ACCEPTED);
    next_command(w, "c-2", 7);
    assert_refused(w, "its counter, 7, is not above the key's last, 7");
    next_command(w, "c-3", 6);
    assert_refused(w, "counter");
    next_command(w, "c-4", 8);
    assert_int_equal(judge(w), GATE_ACCEPTED);
}

/* Whoever holds a command back cannot let it go after a newer one was obeyed. */
static void a_withheld_command_dies_with_the_next(void **state)
{
    struct world *w = *state;
    struct command withheld = w->command;
    withheld.counter = 50;
    renew(w);
    memcpy(w->command.nonce, w->gate.nonces[0], sizeof(w->command.nonce));
    assert_int_equal(judge(w), GATE_ACCEPTED); /* a new nonce may start its counter anew */
    snprintf(withheld.id, sizeof(withheld.id), "c-0");
    w->offer.command = &withheld;
    assert_refused(w, "newer nonce");
}

static void a_key_may_not_leave_its_range(void **state)
{
    struct world *w = *state;
    w->command.value = (struct value){.type = VALUE_NUMBER, .number = 101};
    assert_refused(w, "101 is out of range");
    snprintf(w->command.target, sizeof(w->command.target), "meter-1/k1");
    assert_refused(w, "may not command meter-1/k1");
    /* A refused command used up nothing. */
    snprintf(w->command.target, sizeof(w->command.target), "street-a");
    w->command.value.number = 100;
    assert_int_equal(judge(w), GATE_ACCEPTED);
}

static void a_flood_is_counted_not_looked_at(void **state)
{
    struct world *w = *state;
    char text[256];
    unsigned looked = 0, said = 0;
    for (int i = 0; i < 1000; i++) {
        bool look = gate_admits(&w->gate, w->now);
        looked += look;
        said += look && gate_may_say(&w->gate, w->now);
    }
    assert_int_equal(looked, GATE_LOOKS_BURST);
    assert_int_equal(said, GATE_AUDITS_BURST);
    assert_false(gate_unsaid(&w->gate, text, sizeof(text), w->now));
    w->now.ms += GATE_AUDIT_EVERY_MS;
    assert_true(gate_unsaid(&w->gate, text, sizeof(text), w->now));
    assert_non_null(strstr(text, "980 dropped"));
    assert_true(gate_admits(&w->gate, w->now)); /* a genuine one gets in between */
    assert_false(gate_unsaid(&w->gate, text, sizeof(text), w->now));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_command_is_accepted_once, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_unproved_is_obeyed, setup, teardown),
        cmocka_unit_test_setup_teardown(freshness_needs_a_nonce_of_the_last_two_minutes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_counter_must_rise, setup, teardown),
        cmocka_unit_test_setup_teardown(a_withheld_command_dies_with_the_next, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_may_not_leave_its_range, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flood_is_counted_not_looked_at, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
