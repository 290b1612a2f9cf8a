/*
 * Load for the collector: many gateways in one process, each publishing 20-record packs as fast as
 * the broker takes them. With --acks yes each keeps to the credit its acks grant, as a gateway
 * does, and what is timed is the whole way to the commit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_mqtt.h"
#include "model/json.h"
#include "model/message.h"
#include "model/pack.h"
#include "model/topic.h"

#define GATEWAYS_MAX 64
#define RECORDS      20
#define WINDOW       16  /* below what the broker takes unconfirmed of one client */
#define CREDIT_FIRST 2   /* until an ack grants more (PROTOCOL) */
#define GIVE_UP_S    120 /* for all of it */

struct load_gateway {
    struct bench_mqtt mqtt;
    char name[NAME_SIZE], topic[TOPIC_SIZE];
    uint64_t epoch, seq;
    atomic_ulong upto, credit;
};

static struct load_gateway gateways[GATEWAYS_MAX];

static void on_ack(struct bench_mqtt *m, const char *topic, const char *payload, size_t len)
{
    struct load_gateway *g = m->owner;
    (void)topic;
    static struct ack ack; /* paho's receive thread alone comes here */
    struct err e;
    if (ack_decode(payload, len, &ack, &e) != 0)
        return;
    atomic_store(&g->credit, ack.credit);
    for (size_t i = 0; i < ack.epoch_count; i++)
        if (ack.epochs[i].epoch == g->epoch && ack.epochs[i].upto > atomic_load(&g->upto))
            atomic_store(&g->upto, ack.epochs[i].upto);
}

static void send_pack(struct load_gateway *g, int64_t now_ms)
{
    static char memory[8192];
    struct pack_head head = {.epoch = g->epoch,
                             .seq = ++g->seq,
                             .low = 1,
                             .kind = PACK_DATA,
                             .conf = "00000000000000aa",
                             .base = {now_ms}};
    memcpy(head.gateway, g->name, sizeof(head.gateway));
    struct pack_writer w;
    pack_begin(&w, memory, sizeof(memory), &head);
    for (unsigned i = 0; i < RECORDS; i++) {
        char point[NAME_SIZE];
        snprintf(point, sizeof(point), "p%u", i);
        struct sample s = {
            .at = {now_ms + i},
            .value = {.type = VALUE_NUMBER, .number = (double)(g->seq % 1000) / 10 + i}};
        pack_add(&w, "bench", point, &s);
    }
    int64_t len = pack_end(&w);
    bench_mqtt_publish(&g->mqtt, g->topic, memory, (size_t)len, WINDOW);
}

static bool may_send(struct load_gateway *g, unsigned long each, bool acks)
{
    return g->seq < each && atomic_load(&g->mqtt.in_flight) < WINDOW &&
           (!acks || g->seq - atomic_load(&g->upto) < atomic_load(&g->credit));
}

/* A pack of every gateway that may; false when none may. */
static bool send_round(unsigned count, unsigned long each, bool acks)
{
    struct timespec now;
    bool any = false;
    clock_gettime(CLOCK_REALTIME, &now);
    for (unsigned i = 0; i < count; i++) {
        if (!may_send(&gateways[i], each, acks))
            continue;
        send_pack(&gateways[i], (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
        any = true;
    }
    return any;
}

static uint64_t count_sent(unsigned count)
{
    uint64_t sent = 0;
    for (unsigned i = 0; i < count; i++)
        sent += gateways[i].seq;
    return sent;
}

static uint64_t count_acked(unsigned count)
{
    uint64_t acked = 0;
    for (unsigned i = 0; i < count; i++)
        acked += atomic_load(&gateways[i].upto);
    return acked;
}

static void open_gateway(struct load_gateway *g, const struct bench_door *door, const char *dir,
                         unsigned n, const char *area)
{
    char cert[512], key[512];
    snprintf(g->name, sizeof(g->name), "load-%02u", n);
    snprintf(cert, sizeof(cert), "%s/%s/%s.pem", dir, g->name, g->name);
    snprintf(key, sizeof(key), "%s/%s/%s.key", dir, g->name, g->name);
    struct bench_door own = {door->uri, door->ca, cert, key};
    topic_format(TOPIC_LIVE, area, g->name, g->topic);
    g->epoch = (uint64_t)time(NULL) << 20 | n;
    atomic_store(&g->credit, CREDIT_FIRST);
    g->mqtt.owner = g;
    g->mqtt.message = on_ack;
    bench_mqtt_begin(&g->mqtt, &own, g->name);
}

static void subscribe_acks(struct load_gateway *g, const char *area)
{
    char topic[TOPIC_SIZE];
    bench_mqtt_subscribe(&g->mqtt, topic_format(TOPIC_ACK, area, g->name, topic));
}

int main(int argc, char **argv)
{
    const struct bench_door door = {bench_option(argc, argv, "uri", NULL),
                                    bench_option(argc, argv, "ca", NULL), "", ""};
    const char *dir = bench_option(argc, argv, "dir", NULL);
    const char *area = bench_option(argc, argv, "area", NULL);
    const unsigned count = (unsigned)strtoul(bench_option(argc, argv, "gateways", "30"), NULL, 10);
    const unsigned long each = strtoul(bench_option(argc, argv, "packs", NULL), NULL, 10);
    const bool acks = strcmp(bench_option(argc, argv, "acks", "no"), "yes") == 0;
    if (count == 0 || count > GATEWAYS_MAX)
        return 64;
    for (unsigned i = 0; i < count; i++)
        open_gateway(&gateways[i], &door, dir, i, area);
    for (unsigned i = 0; i < count; i++)
        bench_mqtt_wait(&gateways[i].mqtt);
    for (unsigned i = 0; acks && i < count; i++)
        subscribe_acks(&gateways[i], area);

    const double start = bench_now_s(), cpu = bench_cpu_s();
    const struct timespec pause = {.tv_nsec = 200000};
    while (count_sent(count) < each * count || (acks && count_acked(count) < each * count)) {
        if (!send_round(count, each, acks))
            nanosleep(&pause, NULL);
        if (bench_now_s() - start > GIVE_UP_S)
            break;
    }
    const uint64_t acked = count_acked(count);
    printf("{\"packs\":%lu,\"acked\":%" PRIu64 ",\"seconds\":%.4f,\"cpu_s\":%.4f}\n", each * count,
           acked, bench_now_s() - start, bench_cpu_s() - cpu);
    for (unsigned i = 0; i < count; i++)
        bench_mqtt_close(&gateways[i].mqtt);
    return 0;
}
