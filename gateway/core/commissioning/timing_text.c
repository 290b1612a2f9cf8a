#include "gateway/core/commissioning/timing_text.h"

#include <math.h>

#include "base/text.h"
#include "model/json.h"

#define BUCKET0_US  250
#define BAR_WIDTH   40
#define TIMEOUT_MIN 100 /* ms; a USB adapter and a busy system need some */
#define ROUND_TO_MS 50

uint32_t timing_bucket_us(unsigned bucket)
{
    return (uint32_t)lround(BUCKET0_US * pow(2, bucket / 2.0));
}

void timing_add(struct timing *t, uint32_t turnaround_us)
{
    unsigned bucket = 0;
    while (bucket + 1 < TIMING_BUCKETS && turnaround_us >= timing_bucket_us(bucket))
        bucket++;
    t->turnaround[bucket]++;
    t->replies++;
    if (turnaround_us > t->longest_us)
        t->longest_us = turnaround_us;
}

static uint64_t total(const struct timing *t)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < TIMING_BUCKETS; i++)
        n += t->turnaround[i];
    return n;
}

uint32_t timing_percentile_us(const struct timing *t, unsigned percent)
{
    uint64_t all = total(t), below = 0;
    for (unsigned i = 0; all > 0 && i < TIMING_BUCKETS; i++) {
        below += t->turnaround[i];
        if (below * 100 >= all * percent)
            return timing_bucket_us(i);
    }
    return 0;
}

uint32_t timing_turnaround_ms(const struct timing *t)
{
    uint32_t us = timing_percentile_us(t, 95);
    if (us > t->longest_us)
        us = t->longest_us;
    return (us + 999) / 1000;
}

uint32_t timing_timeout_ms(const struct timing *t)
{
    if (total(t) == 0)
        return 0;
    uint32_t ms = t->longest_us / 1000 * 2 + ROUND_TO_MS;
    ms = (ms + ROUND_TO_MS - 1) / ROUND_TO_MS * ROUND_TO_MS;
    return ms < TIMEOUT_MIN ? TIMEOUT_MIN : ms;
}

static void put_bars(const struct timing *t, bool ascii, struct buf *out)
{
    unsigned first = 0, last = TIMING_BUCKETS - 1;
    uint64_t most = 1;
    while (first < last && t->turnaround[first] == 0)
        first++;
    while (last > first && t->turnaround[last] == 0)
        last--;
    for (unsigned i = first; i <= last; i++)
        most = t->turnaround[i] > most ? t->turnaround[i] : most;
    for (unsigned i = first; i <= last; i++) {
        uint64_t n = t->turnaround[i];
        uint64_t width = (n * BAR_WIDTH + most - 1) / most; /* one reply is seen, too */
        buf_fmt(out, "  < %8.2f ms %9llu ", timing_bucket_us(i) / 1000.0, (unsigned long long)n);
        for (uint64_t k = 0; k < width; k++)
            buf_str(out, ascii ? "#" : "█");
        buf_char(out, '\n');
    }
}

static void put_count(struct buf *out, const char *what, uint64_t n, const char *advice)
{
    buf_fmt(out, "  %llu %s", (unsigned long long)n, what);
    if (n > 0)
        buf_fmt(out, ": %s", advice);
    buf_char(out, '\n');
}

void timing_text(const struct timing *t, bool ascii, struct buf *out)
{
    buf_fmt(out, _("Bus %s: %llu replies"), t->bus, (unsigned long long)t->replies);
    if (t->asked > 0)
        buf_fmt(out, _(" to %llu requests"), (unsigned long long)t->asked);
    buf_char(out, '\n');
    if (total(t) > 0) {
        buf_fmt(out, _("  turnaround, from the request's end to the reply's first byte:\n"));
        put_bars(t, ascii, out);
        buf_fmt(out, _("  half below %.1f ms, 99 of 100 below %.1f ms, longest %.1f ms\n"),
                timing_percentile_us(t, 50) / 1000.0, timing_percentile_us(t, 99) / 1000.0,
                t->longest_us / 1000.0);
    }
    put_count(out, _("replies with a pause inside (above T1.5)"), t->pauses,
              _("a converter that splits frames, or a slow adapter"));
    put_count(out, _("bytes out of turn (nobody asked, or T3.5 not over)"), t->early,
              _("another master on the line, late replies, or echo of our own requests"));
    put_count(out, _("bytes of noise"), t->noise_bytes,
              _("check termination, bias, shield, and speed and parity of all devices"));
    if (total(t) > 0)
        buf_fmt(out, _("  suggested: \"turnaround_ms\": %u, \"timeout_ms\": %u\n"),
                timing_turnaround_ms(t), timing_timeout_ms(t));
}

void timing_text_json(const struct timing *t, struct buf *out)
{
    buf_str(out, "{\"v\":1,\"bus\":");
    json_write_string(out, t->bus);
    buf_fmt(out,
            ",\"asked\":%llu,\"replies\":%llu,\"pauses\":%llu,\"early\":%llu,\"noise_bytes\":%llu,"
            "\"longest_us\":%u,\"p50_us\":%u,\"p99_us\":%u,\"turnaround_ms\":%u,\"timeout_ms\":%u,"
            "\"turnaround\":[",
            (unsigned long long)t->asked, (unsigned long long)t->replies,
            (unsigned long long)t->pauses, (unsigned long long)t->early,
            (unsigned long long)t->noise_bytes, t->longest_us, timing_percentile_us(t, 50),
            timing_percentile_us(t, 99), timing_turnaround_ms(t), timing_timeout_ms(t));
    for (unsigned i = 0; i < TIMING_BUCKETS; i++)
        buf_fmt(out, "%s%llu", i ? "," : "", (unsigned long long)t->turnaround[i]);
    buf_str(out, "]}\n");
}
