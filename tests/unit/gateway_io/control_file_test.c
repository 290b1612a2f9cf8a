/* Promise: only what the pinned authority signed, what fits this gateway and what is no older than
 * what it has had is in force; what is refused leaves the last good document in force. */
#include "tests/support/control_sign.h"

struct world {
    struct signers *s;
    struct lamp_world *lamps; /* for its configuration */
    struct gateway_config *config;
    char dir[SCRATCH_SIZE];
    struct err e;
};

#define BODY                                                                                       \
    "\"position\":{\"latitude\":22.4,\"longitude\":103.4},\"keys\":[{\"kid\":\"lan-1\","           \
    "\"operator\":\"lan\",\"public_key\":\"%s\",\"may\":[{\"target\":\"*\"}]}],"                   \
    "\"groups\":[{\"name\":\"street-a\",\"points\":[\"%s\"],\"schedule\":\"s\",\"safe\":true}],"   \
    "\"schedules\":[{\"name\":\"s\",\"steps\":[{\"at\":\"18:00\",\"value\":true}]}]}"

static const char empty[] = "{\"v\":1,\"revision\":1,\"gateway\":\"gw-1\",\"position\":"
                            "{\"latitude\":22.4,\"longitude\":103.4}}";

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->s = signers_new();
    w->lamps = lamp_world_new(empty, "2026-11-21T12:00:00.000Z");
    w->config = w->lamps->config;
    assert_int_equal(scratch_make(w->dir, "control"), 0);
    point_at(w->config, w->dir);
    trust(w->s->authority, w->dir);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    signers_free(w->s);
    lamp_world_free(w->lamps);
    assert_int_equal(scratch_remove(w->dir), 0);
    free(w);
    return 0;
}

static void put(struct world *w, const struct crypto_key *key, int revision, const char *point)
{
    char text[2048], line[JWS_SIZE_MAX];
    int n =
        snprintf(text, sizeof(text), "{\"v\":1,\"revision\":%d,\"gateway\":\"gw-1\",", revision);
    snprintf(text + n, sizeof(text) - (size_t)n, BODY, w->s->lan_pem, point);
    snprintf(line, sizeof(line), "%s\n", sign(w->s, key, "control", text));
    write_text(w->dir, "control.jws", line);
}

/* The revision in force afterwards; 0: none. */
static int64_t open_now(struct world *w, int *rc)
{
    struct control_file f;
    w->e = (struct err){0};
    *rc = control_file_open(w->config, &f, &w->e);
    int64_t revision = f.control ? f.control->revision : 0;
    assert_true(!f.control || f.keys[0]);
    control_file_close(&f);
    return revision;
}

static void assert_in_force(struct world *w, int64_t revision)
{
    int rc;
    assert_int_equal(open_now(w, &rc), revision);
    if (rc)
        fail_msg("%s", w->e.text);
}

static void assert_refused(struct world *w, int64_t stays, const char *why)
{
    int rc;
    struct err e = {0};
    assert_true(control_file_check(w->config, &e) < 0);
    assert_int_equal(open_now(w, &rc), stays);
    assert_true(rc < 0);
    assert_string_equal(e.text, w->e.text);
    if (!strstr(w->e.text, why))
        fail_msg("\"%s\" does not say \"%s\"", w->e.text, why);
}

static void a_revision_never_falls(void **state)
{
    struct world *w = *state;
    put(w, w->s->authority, 5, "lamp-1/k1");
    assert_in_force(w, 5);
    assert_in_force(w, 5);
    put(w, w->s->authority, 4, "lamp-1/k1");
    assert_refused(w, 5, "control.jws: revision 4 is below 5, which this gateway has had");
    put(w, w->s->authority, 5, "lamp-1/k2");
    assert_refused(w, 5, "another document of revision 5");
    put(w, w->s->authority, 6, "lamp-1/k2");
    assert_in_force(w, 6);
}

static void only_the_authority_is_believed(void **state)
{
    struct world *w = *state;
    put(w, w->s->lan, 1, "lamp-1/k1");
    assert_refused(w, 0, "not signed by the authority");
    put(w, w->s->authority, 1, "lamp-1/k1");
    assert_in_force(w, 1);
    put(w, w->s->lan, 2, "lamp-1/k1");
    assert_refused(w, 1, "not signed by the authority");
    w->s->jws[60] ^= 1;
    write_text(w->dir, "control.jws", w->s->jws);
    assert_refused(w, 1, "control.jws");
    write_text(w->dir, "control.jws", empty); /* never signed at all */
    assert_refused(w, 1, "control.jws");
}

static void what_does_not_fit_is_refused(void **state)
{
    struct world *w = *state;
    put(w, w->s->authority, 1, "lamp-7/k1");
    assert_refused(w, 0, "groups[0].points[0]: lamp-7/k1: this gateway has no such device");
    snprintf(w->s->lan_pem, sizeof(w->s->lan_pem),
             "-----BEGIN PUBLIC KEY-----\\nAAAA\\n-----END PUBLIC KEY-----\\n");
    put(w, w->s->authority, 1, "lamp-1/k1");
    assert_refused(w, 0, "keys[0].public_key");
    scratch_remove(w->dir); /* a missing file has a name, too */
    assert_int_equal(scratch_make(w->dir, "control"), 0);
    point_at(w->config, w->dir);
    assert_refused(w, 0, "trust.pem");
}

/* -n looks and leaves nothing behind. */
static void checking_takes_nothing(void **state)
{
    struct world *w = *state;
    put(w, w->s->authority, 9, "lamp-1/k1");
    assert_int_equal(control_file_check(w->config, &w->e), 0);
    put(w, w->s->authority, 8, "lamp-1/k1");
    assert_in_force(w, 8);
    w->config->has_control = false;
    assert_int_equal(control_file_check(w->config, &w->e), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_revision_never_falls),
        TEST(only_the_authority_is_believed),
        TEST(what_does_not_fit_is_refused),
        TEST(checking_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
