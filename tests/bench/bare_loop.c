/*
 * The reference gatewayd is measured against: one loop of libmodbus reads and paho publishes. No
 * store, no rules, no acknowledgement; it sends the bytes of one real pack of gatewayd for every
 * `records` values it has read.
 */
#include <errno.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_mqtt.h"

#define SLAVES_MAX 64

static modbus_t *open_slave(int port)
{
    modbus_t *ctx = modbus_new_tcp("127.0.0.1", port);
    if (!ctx || modbus_set_slave(ctx, 1) != 0 || modbus_connect(ctx) != 0) {
        fprintf(stderr, "bare_loop: cannot reach the slave on port %d\n", port);
        exit(1);
    }
    return ctx;
}

static void sleep_until(double when_s)
{
    double left = when_s - bench_now_s();
    if (left <= 0)
        return;
    struct timespec ts = {.tv_sec = (time_t)left,
                          .tv_nsec = (long)((left - (double)(time_t)left) * 1e9)};
    nanosleep(&ts, NULL);
}

int main(int argc, char **argv)
{
    const struct bench_door door = {
        bench_option(argc, argv, "uri", NULL), bench_option(argc, argv, "ca", NULL),
        bench_option(argc, argv, "cert", NULL), bench_option(argc, argv, "key", NULL)};
    const char *topic = bench_option(argc, argv, "topic", NULL);
    const double seconds = strtod(bench_option(argc, argv, "seconds", "10"), NULL);
    const double period_s = strtod(bench_option(argc, argv, "period-ms", "100"), NULL) / 1000;
    const int registers = (int)strtol(bench_option(argc, argv, "registers", "100"), NULL, 10);
    const int units = (int)strtol(bench_option(argc, argv, "units", "1"), NULL, 10);
    const long records = strtol(bench_option(argc, argv, "records", NULL), NULL, 10);
    size_t pack_len;
    char *pack = bench_read_file(bench_option(argc, argv, "pack", NULL), &pack_len);

    modbus_t *slaves[SLAVES_MAX];
    int slave_count = 0;
    char *ports = strdup(bench_option(argc, argv, "ports", NULL));
    for (char *rest = ports, *word; (word = strsep(&rest, ",")) && slave_count < SLAVES_MAX;)
        slaves[slave_count++] = open_slave((int)strtol(word, NULL, 10));

    struct bench_mqtt mqtt = {0};
    bench_mqtt_open(&mqtt, &door, bench_option(argc, argv, "id", "bare"));
    const double cpu = bench_cpu_s();
    const double end = bench_now_s() + seconds;
    unsigned long values = 0, sent = 0;
    uint16_t regs[125];
    for (double next = bench_now_s(); next < end; next += period_s) {
        for (int i = 0; i < slave_count * units; i++) {
            modbus_t *peer = slaves[i / units];
            if (modbus_set_slave(peer, 1 + i % units) != 0 ||
                modbus_read_registers(peer, 0, registers, regs) != registers) {
                fprintf(stderr, "bare_loop: read: %s\n", modbus_strerror(errno));
                return 1;
            }
            values += (unsigned long)registers;
            for (; sent < values / (unsigned long)records; sent++)
                bench_mqtt_publish(&mqtt, topic, pack, pack_len, 16);
        }
        sleep_until(next + period_s);
    }
    printf("{\"values\":%lu,\"packs\":%lu,\"cpu_s\":%.4f}\n", values, sent, bench_cpu_s() - cpu);
    bench_mqtt_close(&mqtt);
    for (int i = 0; i < slave_count; i++)
        modbus_free(slaves[i]);
    free(ports);
    free(pack);
    return 0;
}
