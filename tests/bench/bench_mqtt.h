/*
 * The least paho a reference program needs: connect over mutual TLS, publish with a bounded window,
 * count. The references stand beside the product's own code and share none of it.
 */
#ifndef BENCH_MQTT_H
#define BENCH_MQTT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct bench_mqtt {
    void *client; /* MQTTAsync */
    atomic_int connected, subscribed, in_flight;
    atomic_ulong received, delivered;
    void (*message)(struct bench_mqtt *m, const char *topic, const char *payload, size_t len);
    void *owner;
};

struct bench_door {
    const char *uri; /* "ssl://localhost:8883" */
    const char *ca, *cert, *key;
};

/* Connects and waits for it; exits with a message when that fails. */
void bench_mqtt_open(struct bench_mqtt *m, const struct bench_door *door, const char *id);
/* The same in two steps, for many at once: one after the other costs paho seconds each. */
void bench_mqtt_begin(struct bench_mqtt *m, const struct bench_door *door, const char *id);
void bench_mqtt_wait(struct bench_mqtt *m);
void bench_mqtt_subscribe(struct bench_mqtt *m, const char *topic);
/* Waits until fewer than window are in flight, then publishes with QoS 1. */
void bench_mqtt_publish(struct bench_mqtt *m, const char *topic, const void *payload, size_t len,
                        int window);
/* Waits for what is in flight: paho calls a publish that a disconnect cuts off failed. */
void bench_mqtt_close(struct bench_mqtt *m);

double bench_now_s(void);
double bench_cpu_s(void);
/* The value of --name in argv, or the preset; exits when it is missing and preset is NULL. */
const char *bench_option(int argc, char **argv, const char *name, const char *preset);
char *bench_read_file(const char *path, size_t *len);

#endif
