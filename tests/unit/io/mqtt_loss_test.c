/* Promise: a connection that ends is noticed, however it ends, and another can be made. Against a
 * real mosquitto that is left, killed and frozen.
 */
#include "tests/support/mqtt_world.h"

static void connects_again_after_a_disconnect(void **state)
{
    struct fixture *f = *state;
    f->broker = broker_start("broker");
    connect_well(f, 5);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mqtt_disconnect(f->mqtt), 0);
        assert_int_equal(mqtt_connect(f->mqtt, true, NULL, NULL, 0), 0);
        assert_int_equal(next(f), MQTT_LOST);
        assert_int_equal(next(f), MQTT_CONNECTED);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        BROKER_TEST(connects_again_after_a_disconnect),
        BROKER_TEST(a_killed_broker_is_noticed),
        BROKER_TEST(a_frozen_broker_is_noticed),
    };
    return BROKER_TESTS_RUN(tests);
}
