/* Promise: over mutual TLS the client speaks MQTT 5, and 3.1.1 with a broker that has no more;
 * every publish is answered once, and what the broker refuses is visible. Against a real mosquitto.
 */
#include <fcntl.h>

#include "tests/support/mqtt_world.h"

static void talks_to_the_right_broker(struct fixture *f, int version)
{
    connect_well(f, version);
    assert_int_equal(mqtt_subscribe(f->mqtt, 7, "ok/+", 1), 0);
    assert_int_equal(next(f), MQTT_SUBSCRIBED);
    assert_int_equal(f->mail.a, 7);
    assert_int_equal(mqtt_publish(f->mqtt, 8, "ok/live", "pack", 4, 1, false), 0);
    bool published = false;
    bool arrived = false;
    while (!published || !arrived) {
        enum mqtt_mail type = next(f);
        if (type == MQTT_PUBLISHED) {
            assert_int_equal(f->mail.a, 8);
            published = true;
        } else {
            const struct mqtt_message *m = f->mail.data;
            assert_int_equal(type, MQTT_MESSAGE);
            assert_string_equal(mqtt_message_topic(m), "ok/live");
            assert_string_equal(mqtt_message_payload(m), "pack");
            assert_int_equal(m->payload_len, 4);
            assert_false(m->retained);
            arrived = true;
        }
    }
    assert_int_equal(mqtt_disconnect(f->mqtt), 0);
    assert_int_equal(next(f), MQTT_LOST);
    assert_text(f, "disconnected by us");
}

static void publishes_and_receives_with_mqtt_5(void **state)
{
    struct fixture *f = *state;
    f->broker = broker_start("broker");
    talks_to_the_right_broker(f, 5);
}

static void publishes_and_receives_with_mqtt_3_1_1(void **state)
{
    struct fixture *f = *state;
    f->broker = broker_start("broker");
    f->options.mqtt5 = false;
    talks_to_the_right_broker(f, 4);
}

static void keeps_many_publishes_in_flight_and_answers_each_once(void **state)
{
    struct fixture *f = *state;
    bool answered[101] = {false};
    f->broker = broker_start("broker");
    connect_well(f, 5);
    for (uint64_t tag = 1; tag <= 100; tag++)
        assert_int_equal(mqtt_publish(f->mqtt, tag, "ok/x", "y", 1, 1, false), 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(next(f), MQTT_PUBLISHED);
        assert_false(answered[f->mail.a]);
        answered[f->mail.a] = true;
    }
}

static void an_acl_refusal_is_visible_with_mqtt_5(void **state)
{
    struct fixture *f = *state;
    f->broker = broker_start("broker");
    connect_well(f, 5);
    assert_int_equal(mqtt_publish(f->mqtt, 9, "forbidden/x", "y", 1, 1, false), 0);
    assert_int_equal(next(f), MQTT_REFUSED);
    assert_int_equal(f->mail.a, 9);
    assert_text(f, "not authorized (0x87)");
    assert_int_equal(mqtt_publish(f->mqtt, 10, "ok/x", "y", 1, 1, false), 0);
    assert_int_equal(next(f), MQTT_PUBLISHED);
}

static void a_full_order_queue_refuses_and_destroy_frees_it(void **state)
{
    struct fixture *f = *state;
    f->broker = broker_start("broker");
    connect_well(f, 5);
    kill(f->broker.pid, SIGSTOP);
    int r = 0;
    for (int i = 0; i < 1000 && r == 0; i++)
        r = mqtt_publish(f->mqtt, 1, "ok/x", "y", 1, 1, false);
    assert_int_equal(r, ERR_FULL);
}

/* --- a broker that only knows 3.1.1: s_server shows what arrives and sends what it is given --- */

struct puppet {
    pid_t pid;
    int in, out;
};

static struct puppet puppet_start(uint16_t *port)
{
    struct puppet p;
    int in[2];
    int out[2];
    char accept_port[8];
    close(bound_socket(port));
    snprintf(accept_port, sizeof(accept_port), "%u", (unsigned)*port);
    const char *argv[] = {"openssl",
                          "s_server",
                          "-quiet",
                          "-accept",
                          accept_port,
                          "-cert",
                          path_of("broker.crt"),
                          "-key",
                          path_of("broker.key"),
                          "-CAfile",
                          path_of("ca.crt"),
                          "-Verify",
                          "1",
                          NULL};
    assert_int_equal(pipe(in) | pipe(out), 0);
    p.pid = fork();
    if (p.pid == 0) {
        close(in[1]);
        close(out[0]);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    p.in = in[1];
    p.out = out[0];
    return p;
}

/* Reads until a CONNECT of that protocol level was seen, then answers with that return code. */
static void puppet_answer(struct puppet *p, char level, char code)
{
    const char sign[] = {'M', 'Q', 'T', 'T', level};
    const char connack[] = {0x20, 2, 0, code};
    char seen[4096];
    size_t len = 0;
    while (len < sizeof(sign) || !memmem(seen, len, sign, sizeof(sign))) {
        struct pollfd ready = {.fd = p->out, .events = POLLIN};
        assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
        ssize_t n = read(p->out, seen + len, sizeof(seen) - len);
        assert_true(n > 0);
        len += (size_t)n;
    }
    assert_int_equal(write(p->in, connack, sizeof(connack)), sizeof(connack));
}

static void a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(void **state)
{
    struct fixture *f = *state;
    struct puppet p = puppet_start(&f->broker.port);
    for (int tries = 0; !accepts(f->broker.port) && tries < 500; tries++)
        poll(NULL, 0, 20);
    client_start(f);
    assert_int_equal(mqtt_connect(f->mqtt, true, NULL, NULL, 0), 0);
    puppet_answer(&p, 5, 1);
    puppet_answer(&p, 4, 0);
    if (next(f) != MQTT_CONNECTED)
        fail_msg("not connected: %s", (const char *)f->mail.data);
    assert_int_equal(f->mail.a, 4);
    kill(p.pid, SIGKILL);
    waitpid(p.pid, NULL, 0);
    close(p.in);
    close(p.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BROKER_TEST(publishes_and_receives_with_mqtt_5),
        BROKER_TEST(publishes_and_receives_with_mqtt_3_1_1),
        BROKER_TEST(keeps_many_publishes_in_flight_and_answers_each_once),
        BROKER_TEST(an_acl_refusal_is_visible_with_mqtt_5),
        BROKER_TEST(a_full_order_queue_refuses_and_destroy_frees_it),
        BROKER_TEST(a_broker_without_mqtt_5_is_spoken_to_in_3_1_1),
    };
    return BROKER_TESTS_RUN(tests);
}
