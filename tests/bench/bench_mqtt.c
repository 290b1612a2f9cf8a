#include "bench_mqtt.h"

#include <MQTTAsync.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static void nap(void)
{
    struct timespec ts = {.tv_nsec = 200000};
    nanosleep(&ts, NULL);
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why ? why : "no reason given");
    exit(1);
}

static void on_connected(void *context, MQTTAsync_successData *data)
{
    (void)data;
    atomic_store(&((struct bench_mqtt *)context)->connected, 1);
}

static void on_connect_failed(void *context, MQTTAsync_failureData *data)
{
    (void)context;
    fail("connect", data ? data->message : NULL);
}

static void on_subscribed(void *context, MQTTAsync_successData *data)
{
    (void)data;
    atomic_store(&((struct bench_mqtt *)context)->subscribed, 1);
}

static void on_delivered(void *context, MQTTAsync_successData *data)
{
    struct bench_mqtt *m = context;
    (void)data;
    atomic_fetch_add(&m->delivered, 1);
    atomic_fetch_sub(&m->in_flight, 1);
}

static void on_publish_failed(void *context, MQTTAsync_failureData *data)
{
    (void)context;
    fail("publish", data && data->message
                        ? data->message
                        : MQTTAsync_strerror(data ? data->code : MQTTASYNC_FAILURE));
}

static int on_message(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
    struct bench_mqtt *m = context;
    (void)topic_len;
    atomic_fetch_add(&m->received, 1);
    if (m->message)
        m->message(m, topic, message->payload, (size_t)message->payloadlen);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

void bench_mqtt_open(struct bench_mqtt *m, const struct bench_door *door, const char *id)
{
    bench_mqtt_begin(m, door, id);
    bench_mqtt_wait(m);
}

void bench_mqtt_wait(struct bench_mqtt *m)
{
    while (!atomic_load(&m->connected))
        nap();
}

void bench_mqtt_begin(struct bench_mqtt *m, const struct bench_door *door, const char *id)
{
    MQTTAsync client;
    if (MQTTAsync_create(&client, door->uri, id, MQTTCLIENT_PERSISTENCE_NONE, NULL) != 0)
        fail("create", id);
    m->client = client;
    MQTTAsync_setCallbacks(client, m, NULL, on_message, NULL);
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    tls.trustStore = door->ca;
    tls.keyStore = door->cert;
    tls.privateKey = door->key;
    tls.enableServerCertAuth = 1;
    tls.verify = 1;
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    options.ssl = &tls;
    options.cleansession = 1;
    options.maxInflight = 1000;
    options.keepAliveInterval = 60;
    options.context = m;
    options.onSuccess = on_connected;
    options.onFailure = on_connect_failed;
    if (MQTTAsync_connect(client, &options) != MQTTASYNC_SUCCESS)
        fail("connect", door->uri);
}

void bench_mqtt_subscribe(struct bench_mqtt *m, const char *topic)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    response.context = m;
    response.onSuccess = on_subscribed;
    atomic_store(&m->subscribed, 0);
    if (MQTTAsync_subscribe(m->client, topic, 1, &response) != MQTTASYNC_SUCCESS)
        fail("subscribe", topic);
    while (!atomic_load(&m->subscribed))
        nap();
}

void bench_mqtt_publish(struct bench_mqtt *m, const char *topic, const void *payload, size_t len,
                        int window)
{
    while (atomic_load(&m->in_flight) >= window)
        nap();
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    response.context = m;
    response.onSuccess = on_delivered;
    response.onFailure = on_publish_failed;
    atomic_fetch_add(&m->in_flight, 1);
    int rc = MQTTAsync_send(m->client, topic, (int)len, payload, 1, 0, &response);
    if (rc != MQTTASYNC_SUCCESS)
        fail("publish", MQTTAsync_strerror(rc));
}

void bench_mqtt_close(struct bench_mqtt *m)
{
    MQTTAsync client = m->client;
    while (atomic_load(&m->in_flight) > 0)
        nap();
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
    MQTTAsync_disconnect(client, &options);
    while (MQTTAsync_isConnected(client))
        nap();
    MQTTAsync_destroy(&client);
}

double bench_now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

double bench_cpu_s(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

const char *bench_option(int argc, char **argv, const char *name, const char *preset)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, name) == 0)
            return argv[i + 1];
    if (!preset)
        fail("missing option", name);
    return preset;
}

char *bench_read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail("cannot open", path);
    char *bytes = malloc(1 << 20);
    if (!bytes)
        fail("memory", path);
    *len = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    return bytes;
}
