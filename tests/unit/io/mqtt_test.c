/* Promise: the client talks to the right broker only, says in words what is wrong otherwise, and
 * shows what the broker refuses. Against a real mosquitto with real certificates, both made here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "io/fsx.h"
#include "io/mqtt.h"
#include "io/mqtt_reason.h"

#define WAIT_MS 20000
#define BASE    100

static char dir[64];

/* `openssl ca` and not `openssl x509`: only it gives a past date with OpenSSL 3.0 and 3.5 alike. */
static const char *certificates =
    "set -e; cd \"$0\"\n"
    "key() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; }\n"
    "ca() { key $1; openssl req -x509 -new -key $1.key -days 30 -subj /CN=$1 -out $1.crt; }\n"
    "leaf() { key $2; openssl req -new -key $2.key -subj /CN=$2 -out $2.csr\n"
    "  printf 'subjectAltName=%s\\nextendedKeyUsage=%s\\n' $3 $4 >$2.ext\n"
    "  openssl ca -batch -notext -config ca.conf -cert $1.crt -keyfile $1.key -in $2.csr \\\n"
    "    -extfile $2.ext -startdate 20200101000000Z -enddate $5 -out $2.crt; }\n"
    "printf '%s\\n' '[ca]' default_ca=it '[it]' database=index rand_serial=yes new_certs_dir=. \\\n"
    "  default_md=sha256 policy=any '[any]' commonName=supplied >ca.conf\n"
    ": >index; past=20210101000000Z; future=20991231000000Z\n"
    "ca ca; ca other-ca\n"
    "leaf ca broker DNS:localhost serverAuth $future\n"
    "leaf ca elsewhere DNS:elsewhere.example serverAuth $future\n"
    "leaf ca expired DNS:localhost serverAuth $past\n"
    "leaf ca no-server DNS:localhost clientAuth $future\n"
    "leaf ca gw-1 DNS:gw-1 clientAuth $future\n"
    "leaf ca gw-old DNS:gw-old clientAuth $past\n"
    "leaf other-ca gw-9 DNS:gw-9 clientAuth $future\n"
    "echo rubbish >rubbish.key\n"
    "printf 'user gw-1\\ntopic readwrite ok/#\\n' >acl\n";

static const char *path_of(const char *name)
{
    static char ring[64][128]; /* options keep pointing into it */
    static unsigned next;
    char *path = ring[next++ % 64];
    snprintf(path, sizeof(ring[0]), "%s/%s", dir, name);
    return path;
}

static pid_t spawn(const char *const *argv)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (!freopen(path_of("log"), "a", stdout) || dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
        _exit(126);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
}

static int run_shell(const char *script)
{
    const char *argv[] = {"sh", "-c", script, dir, NULL};
    int status = -1;
    pid_t pid = spawn(argv);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

/* --- the broker --- */

struct broker {
    pid_t pid;
    uint16_t port;
};

static int bound_socket(uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static bool accepts(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool up = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
    close(fd);
    return up;
}

/* Starts mosquitto with the named server certificate and waits until it listens. */
static struct broker broker_start(const char *certificate)
{
    struct broker b;
    char conf[2048];
    close(bound_socket(&b.port));
    int n = snprintf(conf, sizeof(conf),
                     "user root\nper_listener_settings true\nlistener %u 127.0.0.1\n"
                     "cafile %s\ncertfile %s/%s.crt\nkeyfile %s/%s.key\n"
                     "require_certificate true\nuse_identity_as_username true\nacl_file %s\n",
                     (unsigned)b.port, path_of("ca.crt"), dir, certificate, dir, certificate,
                     path_of("acl"));
    assert_int_equal(fsx_replace_file(path_of("conf"), conf, (size_t)n, 0600, NULL), 0);
    const char *argv[] = {"/usr/sbin/mosquitto", "-c", path_of("conf"), NULL};
    b.pid = spawn(argv);
    assert_true(b.pid > 0);
    for (int tries = 0; !accepts(b.port); tries++) {
        assert_true(tries < 500);
        assert_int_equal(waitpid(b.pid, NULL, WNOHANG), 0);
        poll(NULL, 0, 20);
    }
    return b;
}

static void broker_stop(struct broker *b)
{
    if (b->pid > 0) {
        kill(b->pid, SIGKILL);
        waitpid(b->pid, NULL, 0);
    }
    b->pid = 0;
}

/* --- the client --- */

struct fixture {
    struct broker broker;
    struct mailbox *mailbox;
    struct mqtt *mqtt;
    struct mqtt_options options;
    struct mail mail; /* the last one awaited; its data is freed at the next */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->mailbox = mailbox_create(256, 64);
    f->options = (struct mqtt_options){.host = "localhost",
                                       .client_id = "gw-1",
                                       .ca_file = path_of("ca.crt"),
                                       .cert_file = path_of("gw-1.crt"),
                                       .key_file = path_of("gw-1.key"),
                                       .keepalive_s = 1,
                                       .connect_timeout_s = 10,
                                       .inflight_max = 8,
                                       .orders_max = 128,
                                       .mqtt5 = true,
                                       .mail_base = BASE};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    mqtt_destroy(f->mqtt);
    mailbox_destroy(f->mailbox);
    broker_stop(&f->broker);
    free(f->mail.data);
    free(f);
    return 0;
}

static void client_start(struct fixture *f)
{
    struct err e;
    f->options.port = f->broker.port;
    assert_int_equal(mqtt_create(&f->options, f->mailbox, &f->mqtt, &e), 0);
}

/* The next mail; fails after WAIT_MS. */
static enum mqtt_mail next(struct fixture *f)
{
    struct pollfd p = {.fd = mailbox_fd(f->mailbox), .events = POLLIN};
    free(f->mail.data);
    f->mail.data = NULL;
    if (poll(&p, 1, WAIT_MS) != 1 || !mailbox_take(f->mailbox, &f->mail))
        fail_msg("no mail within %d ms", WAIT_MS);
    return (enum mqtt_mail)(f->mail.type - BASE);
}

static void assert_text(const struct fixture *f, const char *part)
{
    const char *text = f->mail.data;
    assert_non_null(text);
    if (!strstr(text, part))
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void connect_well(struct fixture *f, int version)
{
    client_start(f);
    assert_int_equal(mqtt_connect(f->mqtt, true, "ok/will", "gone", 4), 0);
    if (next(f) != MQTT_CONNECTED)
        fail_msg("not connected: %s", (const char *)f->mail.data);
    assert_int_equal(f->mail.a, version);
}

static void assert_refused(struct fixture *f, const char *part)
{
    client_start(f);
    assert_int_equal(mqtt_connect(f->mqtt, true, NULL, NULL, 0), 0);
    assert_int_equal(next(f), MQTT_FAILED);
    assert_text(f, part);
}

/* --- promises --- */

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

static void connects_again_after_a_disconnect(void **state)
{
    struct fixture *f = *state;
    f->broker = broker_start("broker");
    connect_well(f, 5);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mqtt_disconnect(f->mqtt), 0);
        assert_int_equal(mqtt_connect(f->mqtt, true, NULL, NULL, 0), 0);
        assert_int_equal(next(f), MQTT_LOST);
        assert_int_equal(next(f), MQTT_CONNECTED);
    }
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

static void a_killed_broker_is_noticed(void **state)
{
    struct fixture *f = *state;
    f->broker = broker_start("broker");
    connect_well(f, 5);
    broker_stop(&f->broker);
    assert_int_equal(next(f), MQTT_LOST);
}

static void a_frozen_broker_is_noticed(void **state)
{
    struct fixture *f = *state;
    f->broker = broker_start("broker");
    connect_well(f, 5);
    kill(f->broker.pid, SIGSTOP);
    assert_int_equal(next(f), MQTT_LOST);
    kill(f->broker.pid, SIGCONT);
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

static void another_hosts_certificate_is_refused(void **state)
{
    struct fixture *f = *state;
    f->broker = broker_start("elsewhere");
    assert_refused(f, "certificate is not for the host name \"localhost\"");
}

static void an_expired_broker_certificate_is_refused(void **state)
{
    struct fixture *f = *state;
    f->broker = broker_start("expired");
    assert_refused(f, "the broker's certificate has expired");
}

static void a_broker_certificate_not_meant_for_servers_is_refused(void **state)
{
    struct fixture *f = *state;
    f->broker = broker_start("no-server");
    assert_refused(f, "not meant for a server");
}

static void a_broker_of_another_ca_is_refused(void **state)
{
    struct fixture *f = *state;
    f->broker = broker_start("broker");
    f->options.ca_file = path_of("other-ca.crt");
    assert_refused(f, "other-ca.crt: wrong broker, or the wrong CA file");
}

static void our_certificate_of_another_ca_is_named(void **state)
{
    struct fixture *f = *state;
    f->broker = broker_start("broker");
    f->options.cert_file = path_of("gw-9.crt");
    f->options.key_file = path_of("gw-9.key");
    assert_refused(f, "does not know the CA that signed");
}

static void our_expired_certificate_is_named(void **state)
{
    struct fixture *f = *state;
    f->broker = broker_start("broker");
    f->options.cert_file = path_of("gw-old.crt");
    f->options.key_file = path_of("gw-old.key");
    assert_refused(f, "renew it");
}

static void a_key_of_another_certificate_is_named(void **state)
{
    struct fixture *f = *state;
    f->broker = broker_start("broker");
    f->options.key_file = path_of("gw-9.key");
    assert_refused(f, "gw-9.key: this key does not belong to the certificate");
}

static void a_key_file_without_a_key_is_named(void **state)
{
    struct fixture *f = *state;
    f->broker = broker_start("broker");
    f->options.key_file = path_of("rubbish.key");
    assert_refused(f, "rubbish.key: no usable PEM private key");
}

static void a_missing_file_is_named_at_each_connect(void **state)
{
    struct fixture *f = *state;
    struct err e;
    f->options.cert_file = path_of("nowhere.crt");
    assert_int_equal(mqtt_check_files(&f->options, &e), ERR_IO);
    assert_non_null(strstr(e.text, "nowhere.crt: cannot read this certificate: No such file"));
    assert_refused(f, "nowhere.crt: cannot read this certificate: No such file");
}

static void an_absent_broker_is_named(void **state)
{
    struct fixture *f = *state;
    int fd = bound_socket(&f->broker.port); /* bound, not listening: nobody else takes the port */
    assert_refused(f, "cannot reach the broker");
    close(fd);
}

/* --- */

static int make_certificates(void **state)
{
    (void)state;
    log_init("mqtt-test", LOG_LEVEL_ERROR);
    snprintf(dir, sizeof(dir), "/tmp/mqtt-test-XXXXXX");
    return mkdtemp(dir) ? run_shell(certificates) : -1;
}

static int remove_certificates(void **state)
{
    (void)state;
    return run_shell("rm -r -- \"$0\"");
}

#define BROKER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BROKER_TEST(publishes_and_receives_with_mqtt_5),
        BROKER_TEST(publishes_and_receives_with_mqtt_3_1_1),
        BROKER_TEST(connects_again_after_a_disconnect),
        BROKER_TEST(keeps_many_publishes_in_flight_and_answers_each_once),
        BROKER_TEST(an_acl_refusal_is_visible_with_mqtt_5),
        BROKER_TEST(a_killed_broker_is_noticed),
        BROKER_TEST(a_frozen_broker_is_noticed),
        BROKER_TEST(a_full_order_queue_refuses_and_destroy_frees_it),
        BROKER_TEST(a_broker_without_mqtt_5_is_spoken_to_in_3_1_1),
        BROKER_TEST(another_hosts_certificate_is_refused),
        BROKER_TEST(an_expired_broker_certificate_is_refused),
        BROKER_TEST(a_broker_certificate_not_meant_for_servers_is_refused),
        BROKER_TEST(a_broker_of_another_ca_is_refused),
        BROKER_TEST(our_certificate_of_another_ca_is_named),
        BROKER_TEST(our_expired_certificate_is_named),
        BROKER_TEST(a_key_of_another_certificate_is_named),
        BROKER_TEST(a_key_file_without_a_key_is_named),
        BROKER_TEST(a_missing_file_is_named_at_each_connect),
        BROKER_TEST(an_absent_broker_is_named),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
