/*
 * The reference gatewayd is measured against: one loop of libmodbus reads and paho publishes. No
 * store, no rules, no acknowledgement. For every `records` values it has read it sends the bytes of
 * one real pack of gatewayd, in which it overwrites the times by those of its own reads.
 * Like gatewayd it has its packs sent at once (TCP_NODELAY): without, its slowest take 45 ms.
 */
#include <errno.h>
#include <modbus/modbus.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "bench_mqtt.h"

#define SLAVES_MAX  64
#define RECORDS_MAX 1000
#define TIME_ZERO   "0.000"
#define TIME_LEN    (sizeof(TIME_ZERO) - 1)
#define SOCKETS_MAX 128

/* A pack to send again and again. Every t has the same width, so that it can be overwritten. */
struct template
{
    char *bytes;
    size_t len;
    char *base;               /* bt: ten digits, a dot, three digits */
    char *times[RECORDS_MAX]; /* t of each record */
    long records;
    long long read_ms[RECORDS_MAX];
    long filled;
};

static void give_up(const char *why)
{
    fprintf(stderr, "bare_loop: %s\n", why);
    exit(1);
}

/* Copies `len` bytes of a pack, each t on the way to TIME_ZERO. */
static void template_load(struct template *t, const char *pack, size_t len)
{
    char *out = t->bytes = malloc(len + (RECORDS_MAX + 1) * TIME_LEN);
    if (!out)
        give_up("no memory");
    for (const char *in = pack, *end = pack + len; in < end;) {
        *out++ = *in++;
        if (out - t->bytes > 5 && memcmp(out - 5, "\"bt\":", 5) == 0)
            t->base = out;
        if (out - t->bytes < 4 || memcmp(out - 4, "\"t\":", 4) != 0)
            continue;
        if (t->records == RECORDS_MAX)
            give_up("too many records in the pack");
        t->times[t->records++] = memcpy(out, TIME_ZERO, TIME_LEN);
        out += TIME_LEN;
        in += strspn(in, "-.0123456789");
    }
    t->len = (size_t)(out - t->bytes);
    if (!t->base || t->records == 0)
        give_up("that is no pack");
}

static void put_digits(char *to, long long v, int digits)
{
    for (int i = digits; i-- > 0; v /= 10)
        to[i] = (char)('0' + v % 10);
}

static void template_stamp(struct template *t)
{
    long long base_ms = t->read_ms[0];
    put_digits(t->base, base_ms / 1000, 10);
    put_digits(t->base + 11, base_ms % 1000, 3);
    for (long i = 0; i < t->records; i++) {
        long long ms = t->read_ms[i] - base_ms;
        t->times[i][0] = (char)('0' + ms / 1000 % 10);
        put_digits(t->times[i] + 2, ms % 1000, 3);
    }
    t->filled = 0;
}

static modbus_t *open_slave(int port)
{
    modbus_t *ctx = modbus_new_tcp("127.0.0.1", port);
    if (!ctx || modbus_set_slave(ctx, 1) != 0 || modbus_connect(ctx) != 0)
        give_up("cannot reach a slave");
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

static void send_at_once(void)
{
    const int on = 1;
    for (int fd = 0; fd < SOCKETS_MAX; fd++)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* no socket: refused */
}

static long long wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
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
    size_t pack_len;
    char *pack = bench_read_file(bench_option(argc, argv, "pack", NULL), &pack_len);
    static struct template t;
    template_load(&t, pack, pack_len);
    free(pack);

    modbus_t *slaves[SLAVES_MAX];
    int slave_count = 0;
    char *ports = strdup(bench_option(argc, argv, "ports", NULL));
    for (char *rest = ports, *word; (word = strsep(&rest, ",")) && slave_count < SLAVES_MAX;)
        slaves[slave_count++] = open_slave((int)strtol(word, NULL, 10));

    struct bench_mqtt mqtt = {0};
    bench_mqtt_open(&mqtt, &door, bench_option(argc, argv, "id", "bare"));
    send_at_once();
    const double cpu = bench_cpu_s();
    const double end = bench_now_s() + seconds;
    unsigned long values = 0, sent = 0;
    uint16_t regs[125];
    for (double next = bench_now_s(); next < end; next += period_s) {
        for (int i = 0; i < slave_count * units; i++) {
            modbus_t *peer = slaves[i / units];
            if (modbus_set_slave(peer, 1 + i % units) != 0 ||
                modbus_read_registers(peer, 0, registers, regs) != registers)
                give_up(modbus_strerror(errno));
            values += (unsigned long)registers;
            const long long now_ms = wall_ms();
            for (int k = 0; k < registers; k++) {
                t.read_ms[t.filled++] = now_ms;
                if (t.filled < t.records)
                    continue;
                template_stamp(&t);
                bench_mqtt_publish(&mqtt, topic, t.bytes, t.len, 64);
                sent++;
            }
        }
        sleep_until(next + period_s);
    }
    printf("{\"values\":%lu,\"packs\":%lu,\"cpu_s\":%.4f}\n", values, sent, bench_cpu_s() - cpu);
    bench_mqtt_close(&mqtt);
    for (int i = 0; i < slave_count; i++)
        modbus_free(slaves[i]);
    free(ports);
    free(t.bytes);
    return 0;
}
