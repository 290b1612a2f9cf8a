/*
 * How long a sample takes to whoever listens: for every record of every pack, the time it is
 * received less the time it was read, both by this machine's clock. Counts the records read within
 * `seconds` of its first word, waits a little for the last of them, and prints percentiles in ms.
 *
 * Times in packs are whole milliseconds, cut off: every figure is up to a millisecond too long, for
 * whoever sends.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_mqtt.h"

#define BUCKET_US 100
#define BUCKETS   600000 /* a minute; the last one takes all that is longer */
#define TAIL_S    3

struct latencies {
    double from_ms, to_ms; /* of the samples that count */
    unsigned long count, packs, bytes;
    double worst_ms;
    unsigned buckets[BUCKETS];
};

static double wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void note(struct latencies *l, double read_ms, double now_ms)
{
    if (read_ms < l->from_ms || read_ms >= l->to_ms)
        return;
    double ms = now_ms > read_ms ? now_ms - read_ms : 0;
    size_t bucket = (size_t)(ms * 1000 / BUCKET_US);
    l->buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    l->worst_ms = ms > l->worst_ms ? ms : l->worst_ms;
    l->count++;
}

/* RFC 8428: a record's time is the base time and its own. */
static void on_pack(struct bench_mqtt *m, const char *topic, const char *payload, size_t len)
{
    struct latencies *l = m->owner;
    double now_ms = wall_ms();
    const char *end = payload + len;
    const char *at = memmem(payload, len, "\"bt\":", 5);
    (void)topic;
    if (!at || !memmem(payload, len, "\"kind\":\"data\"", 13))
        return;
    double base_ms = round(strtod(at + 5, NULL) * 1000);
    l->packs++;
    l->bytes += len;
    while ((at = memmem(at, (size_t)(end - at), "\"t\":", 4)) != NULL) {
        at += 4;
        note(l, base_ms + round(strtod(at, NULL) * 1000), now_ms);
    }
}

static double percentile_ms(const struct latencies *l, double share)
{
    unsigned long below = 0;
    size_t i = 0;
    for (; i + 1 < BUCKETS; i++) {
        below += l->buckets[i];
        if ((double)below >= share * (double)l->count)
            break;
    }
    return (double)(i + 1) * BUCKET_US / 1000;
}

int main(int argc, char **argv)
{
    static struct latencies l;
    const struct bench_door door = {
        bench_option(argc, argv, "uri", NULL), bench_option(argc, argv, "ca", NULL),
        bench_option(argc, argv, "cert", NULL), bench_option(argc, argv, "key", NULL)};
    const double seconds = strtod(bench_option(argc, argv, "seconds", NULL), NULL);
    struct bench_mqtt mqtt = {.message = on_pack, .owner = &l};
    bench_mqtt_open(&mqtt, &door, bench_option(argc, argv, "id", NULL));
    l.from_ms = wall_ms() + 500;
    l.to_ms = l.from_ms + seconds * 1000;
    bench_mqtt_subscribe(&mqtt, "ioc/v1/gw/+/+/live");
    bench_mqtt_subscribe(&mqtt, "ioc/v1/gw/+/+/backfill");
    printf("ready\n");
    fflush(stdout);
    const struct timespec pause = {.tv_nsec = 100000000};
    while (wall_ms() < l.to_ms + TAIL_S * 1000)
        nanosleep(&pause, NULL);
    bench_mqtt_close(&mqtt);
    printf("{\"records\":%lu,\"packs\":%lu,\"bytes\":%lu,\"p50_ms\":%.1f,\"p99_ms\":%.1f,"
           "\"worst_ms\":%.1f}\n",
           l.count, l.packs, l.bytes, percentile_ms(&l, 0.50), percentile_ms(&l, 0.99), l.worst_ms);
    return 0;
}
