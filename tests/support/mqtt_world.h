/*
 * A mosquitto of a test's own, with certificates of every kind, and a client of the product beside
 * it: what each MQTT test starts from.
 *
 * BROKER_TESTS_RUN runs a group: certificates once, a client for each test, the broker when the
 * test asks. One test runs at a time; what is awaited must come within WAIT_MS, which no test
 * measures.
 */
#ifndef TESTS_SUPPORT_MQTT_WORLD_H
#define TESTS_SUPPORT_MQTT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
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

#define WAIT_MS 20000
#define BASE    100

static char dir[64];

/* `openssl ca` and not `openssl x509`: only it gives a past date with OpenSSL 3.0 and 3.5 alike. */
static const char *const certificates =
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

static inline const char *path_of(const char *name)
{
    static char ring[64][128]; /* options keep pointing into it */
    static unsigned next;
    char *path = ring[next++ % 64];
    snprintf(path, sizeof(ring[0]), "%s/%s", dir, name);
    return path;
}

static inline pid_t spawn(const char *const *argv)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (!freopen(path_of("log"), "a", stdout) || dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
        _exit(126);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
}

static inline int run_shell(const char *script)
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

static inline int bound_socket(uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static inline bool accepts(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool up = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
    close(fd);
    return up;
}

/* Starts mosquitto with the named server certificate and waits until it listens. */
static inline struct broker broker_start(const char *certificate)
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

static inline void broker_stop(struct broker *b)
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

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    mqtt_destroy(f->mqtt);
    mailbox_destroy(f->mailbox);
    broker_stop(&f->broker);
    free(f->mail.data);
    free(f);
    return 0;
}

static inline void client_start(struct fixture *f)
{
    struct err e;
    f->options.port = f->broker.port;
    assert_int_equal(mqtt_create(&f->options, f->mailbox, &f->mqtt, &e), 0);
}

/* The next mail; fails after WAIT_MS. */
static inline enum mqtt_mail next(struct fixture *f)
{
    struct pollfd p = {.fd = mailbox_fd(f->mailbox), .events = POLLIN};
    free(f->mail.data);
    f->mail.data = NULL;
    if (poll(&p, 1, WAIT_MS) != 1 || !mailbox_take(f->mailbox, &f->mail))
        fail_msg("no mail within %d ms", WAIT_MS);
    return (enum mqtt_mail)(f->mail.type - BASE);
}

static inline void assert_text(const struct fixture *f, const char *part)
{
    const char *text = f->mail.data;
    assert_non_null(text);
    if (!strstr(text, part))
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static inline void connect_well(struct fixture *f, int version)
{
    client_start(f);
    assert_int_equal(mqtt_connect(f->mqtt, true, "ok/will", "gone", 4), 0);
    if (next(f) != MQTT_CONNECTED)
        fail_msg("not connected: %s", (const char *)f->mail.data);
    assert_int_equal(f->mail.a, version);
}

static inline void assert_refused(struct fixture *f, const char *part)
{
    client_start(f);
    assert_int_equal(mqtt_connect(f->mqtt, true, NULL, NULL, 0), 0);
    assert_int_equal(next(f), MQTT_FAILED);
    assert_text(f, part);
}

static inline int make_certificates(void **state)
{
    (void)state;
    log_init("mqtt-test", LOG_LEVEL_ERROR);
    snprintf(dir, sizeof(dir), "/tmp/mqtt-test-XXXXXX");
    return mkdtemp(dir) ? run_shell(certificates) : -1;
}

static inline int remove_certificates(void **state)
{
    (void)state;
    return run_shell("rm -r -- \"$0\"");
}

#define BROKER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define BROKER_TESTS_RUN(tests)                                                                    \
    cmocka_run_group_tests(tests, make_certificates, remove_certificates)

#endif
