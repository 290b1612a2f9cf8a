/*
 * Promise 5: an operator acknowledges what they have seen, and nothing else; asking twice acts
 * once.
 */
#include "alarm_world.h"

#include "collector/core/operators/replies.h"

#define HIGH                                                                                       \
    "{\"name\":\"high\",\"type\":\"threshold\",\"where\":{\"kind\":\"pm2_5\"},\"side\":\"above\"," \
    "\"limits\":[{\"value\":150}]," RULE_TAIL

static struct world *standing(size_t *point)
{
    struct world *w = world_create(HIGH);
    *point = world_point(w, world_gateway(w, "tan-phong", "gw-1"), "air-1", "pm2-5", "pm2_5");
    world_number(w, *point, 200);
    assert_int_equal(w->raises, 1);
    return w;
}

static struct operator_request ack(const struct world *w, const char *id)
{
    struct operator_request r = {.verb = OPERATOR_ACKNOWLEDGE,
                                 .occurrence = w->last.alert.occurrence,
                                 .revision = w->last.alert.revision};
    snprintf(r.id, sizeof(r.id), "%s", id);
    snprintf(r.alert, sizeof(r.alert), "%s", w->last.alert.id);
    return r;
}

static const char *ask(struct world *w, const struct access_member *who,
                       const struct operator_request *request)
{
    static struct operator_reply reply;
    alarm_step_request(w->engine, who, request, w->now, &reply);
    assert_string_equal(reply.id, request->id);
    assert_true(reply.reason[0]);
    assert_int_equal(reply.has_alert,
                     strcmp(reply.result, "unknown") != 0 && strcmp(reply.result, "expired") != 0);
    return reply.result;
}

static void an_acknowledgement_is_stored_with_who_and_why(void **state)
{
    (void)state;
    size_t p;
    struct world *w = standing(&p);
    const struct access_member lan = world_operator("lan");
    struct operator_request r = ack(w, "r1");
    snprintf(r.comment, sizeof(r.comment), "đang xem");
    assert_string_equal(ask(w, &lan, &r), "done");
    assert_int_equal(w->last.to, ALARM_ACKNOWLEDGED);
    assert_string_equal(w->last.who, "lan");
    assert_ptr_equal(w->last.request, &r);
    assert_string_equal(w->last.alert.acknowledged_by, "lan");
    assert_int_equal(w->last.alert.acknowledged.ms, w->now.utc.ms);
    world_number(w, p, 1);
    assert_int_equal(w->last.to, ALARM_NORMAL);
    assert_int_equal(world_listed(w), 0);
    world_destroy(w);
}

static void a_returned_alarm_leaves_the_list_when_acknowledged(void **state)
{
    (void)state;
    size_t p;
    struct world *w = standing(&p);
    const struct access_member lan = world_operator("lan");
    world_number(w, p, 1);
    assert_int_equal(w->last.to, ALARM_RETURNED);
    struct operator_request r = ack(w, "r1");
    assert_string_equal(ask(w, &lan, &r), "done");
    assert_int_equal(w->last.to, ALARM_NORMAL);
    r = ack(w, "r2");
    assert_string_equal(ask(w, &lan, &r), "refused");
    world_destroy(w);
}

static void what_was_seen_before_the_last_raise_is_stale(void **state)
{
    (void)state;
    size_t p;
    struct world *w = standing(&p);
    const struct access_member lan = world_operator("lan");
    const struct operator_request old = ack(w, "r1");
    world_number(w, p, 1);
    world_number(w, p, 200);
    unsigned before = w->transitions;
    assert_string_equal(ask(w, &lan, &old), "stale");
    struct operator_request mixed = ack(w, "r2");
    mixed.occurrence--;
    assert_string_equal(ask(w, &lan, &mixed), "stale");
    struct operator_request future = ack(w, "r3");
    future.revision++;
    assert_string_equal(ask(w, &lan, &future), "stale");
    assert_int_equal(w->transitions, before);
    world_destroy(w);
}

/* A return to normal is no news that makes an acknowledgement wrong. */
static void what_was_seen_before_it_returned_may_still_be_acknowledged(void **state)
{
    (void)state;
    size_t p;
    struct world *w = standing(&p);
    const struct access_member lan = world_operator("lan");
    const struct operator_request seen = ack(w, "r1");
    world_number(w, p, 1);
    assert_string_equal(ask(w, &lan, &seen), "done");
    assert_int_equal(w->last.to, ALARM_NORMAL);
    world_destroy(w);
}

static void the_second_of_two_operators_is_told_who_was_first(void **state)
{
    (void)state;
    size_t p;
    struct world *w = standing(&p);
    const struct access_member lan = world_operator("lan");
    const struct access_member minh = world_operator("minh");
    const struct operator_request r = ack(w, "r1");
    struct operator_reply reply;
    assert_string_equal(ask(w, &lan, &r), "done");
    alarm_step_request(w->engine, &minh, &r, w->now, &reply);
    assert_string_equal(reply.result, "refused");
    assert_non_null(strstr(reply.reason, "lan"));
    assert_string_equal(w->last.alert.acknowledged_by, "lan");
    world_destroy(w);
}

static void who_may_not_is_refused_and_who_may_not_see_learns_nothing(void **state)
{
    (void)state;
    size_t p;
    struct world *w = standing(&p);
    const struct operator_request r = ack(w, "r1");
    struct access_member who = world_operator("wall");
    who.requests = false;
    assert_string_equal(ask(w, &who, &r), "refused");
    who = world_operator("lan");
    snprintf(who.areas[0], NAME_SIZE, "than-uyen");
    assert_string_equal(ask(w, &who, &r), "unknown");
    snprintf(who.areas[0], NAME_SIZE, "tan-phong");
    who.classes = 1u << ALARM_LIGHTING;
    assert_string_equal(ask(w, &who, &r), "unknown");
    who.classes = ~0u;
    struct operator_request other = r;
    snprintf(other.alert, sizeof(other.alert), "no-such-alert");
    assert_string_equal(ask(w, &who, &other), "unknown");
    other = r;
    other.expires.ms = w->now.utc.ms - 1;
    assert_string_equal(ask(w, &who, &other), "expired");
    assert_int_equal(w->transitions, 1);
    other.expires.ms = w->now.utc.ms;
    assert_string_equal(ask(w, &who, &other), "done");
    world_destroy(w);
}

static void a_snapshot_gives_what_one_may_see_page_by_page(void **state)
{
    (void)state;
    size_t p;
    struct world *w = standing(&p);
    struct access_member lan = world_operator("lan");
    struct operator_request r = {.id = "s", .verb = OPERATOR_SNAPSHOT, .area = "tan-phong"};
    struct operator_reply reply;
    alarm_step_request(w->engine, &lan, &r, w->now, &reply);
    assert_string_equal(reply.result, "done");
    assert_true(reply.has_alert);
    assert_string_equal(reply.alert.id, w->last.alert.id);
    r.page = 1;
    alarm_step_request(w->engine, &lan, &r, w->now, &reply);
    assert_string_equal(reply.result, "done");
    assert_false(reply.has_alert);
    r.page = 0;
    lan.classes = 1u << ALARM_LIGHTING;
    alarm_step_request(w->engine, &lan, &r, w->now, &reply);
    assert_false(reply.has_alert);
    world_destroy(w);
}

static void a_repeated_id_finds_its_last_reply_until_it_is_forgotten(void **state)
{
    (void)state;
    struct replies *kept = malloc(sizeof(*kept));
    assert_non_null(kept);
    replies_init(kept);
    struct operator_reply reply = {.id = "same", .result = "done"};
    assert_null(replies_find(kept, "lan", "same"));
    replies_put(kept, "lan", &reply);
    assert_null(replies_find(kept, "minh", "same"));
    for (int i = 0; i < REPLIES_MAX - 1; i++) {
        struct operator_reply other = {.result = "stale"};
        snprintf(other.id, sizeof(other.id), "r%d", i);
        replies_put(kept, "lan", &other);
    }
    assert_string_equal(replies_find(kept, "lan", "same")->result, "done");
    memcpy(reply.result, "stale", sizeof("stale")); /* a later answer takes its place */
    replies_put(kept, "lan", &reply);
    assert_string_equal(replies_find(kept, "lan", "same")->result, "stale");
    assert_non_null(replies_find(kept, "lan", "r0"));
    snprintf(reply.id, sizeof(reply.id), "last");
    replies_put(kept, "lan", &reply);
    assert_null(replies_find(kept, "lan", "same"));
    assert_non_null(replies_find(kept, "lan", "r0"));
    free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_acknowledgement_is_stored_with_who_and_why),
        cmocka_unit_test(a_returned_alarm_leaves_the_list_when_acknowledged),
        cmocka_unit_test(what_was_seen_before_the_last_raise_is_stale),
        cmocka_unit_test(what_was_seen_before_it_returned_may_still_be_acknowledged),
        cmocka_unit_test(the_second_of_two_operators_is_told_who_was_first),
        cmocka_unit_test(who_may_not_is_refused_and_who_may_not_see_learns_nothing),
        cmocka_unit_test(a_snapshot_gives_what_one_may_see_page_by_page),
        cmocka_unit_test(a_repeated_id_finds_its_last_reply_until_it_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
