/*
 * The reference collectord is measured against: it receives every pack and does nothing with it.
 * Prints how long `packs` of them took from the first to the last, and the CPU that cost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench_mqtt.h"

int main(int argc, char **argv)
{
    const struct bench_door door = {
        bench_option(argc, argv, "uri", NULL), bench_option(argc, argv, "ca", NULL),
        bench_option(argc, argv, "cert", NULL), bench_option(argc, argv, "key", NULL)};
    const unsigned long packs = strtoul(bench_option(argc, argv, "packs", NULL), NULL, 10);
    struct bench_mqtt mqtt = {0};
    bench_mqtt_open(&mqtt, &door, bench_option(argc, argv, "id", "null"));
    bench_mqtt_subscribe(&mqtt, "ioc/v1/gw/+/+/live");
    printf("ready\n");
    fflush(stdout);
    const struct timespec pause = {.tv_nsec = 500000};
    while (atomic_load(&mqtt.received) == 0)
        nanosleep(&pause, NULL);
    const double start = bench_now_s(), cpu = bench_cpu_s();
    while (atomic_load(&mqtt.received) < packs)
        nanosleep(&pause, NULL);
    printf("{\"packs\":%lu,\"seconds\":%.4f,\"cpu_s\":%.4f}\n", packs, bench_now_s() - start,
           bench_cpu_s() - cpu);
    bench_mqtt_close(&mqtt);
    return 0;
}
