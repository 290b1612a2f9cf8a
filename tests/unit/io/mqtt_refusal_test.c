/* Promise: the client talks to the right broker only, and says in words what is wrong otherwise.
 * Against a real mosquitto with real certificates, each wrong in one way.
 */
#include "tests/support/mqtt_world.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    return BROKER_TESTS_RUN(tests);
}
