/*
 * The two clocks. UTC says when a sample was taken; the monotonic clock decides when something is
 * due.
 *
 * Both are milliseconds in a struct of their own, so that the compiler refuses to mix them. A
 * struct clk is where time comes from: the system's, or one a test turns by hand. Step machines
 * never hold a clock; they are handed `now`. Thread: a struct clk may be read from every thread.
 */
#ifndef BASE_CLK_H
#define BASE_CLK_H

#include <stdbool.h>
#include <stdint.h>

struct clk_utc {
    int64_t ms; /* since 1970-01-01T00:00:00Z, leap seconds ignored as POSIX does */
};

struct clk_mono {
    int64_t ms; /* since an unknown start; never steps, counts through suspend (CLOCK_BOOTTIME) */
};

struct clk {
    struct clk_utc (*utc)(const struct clk *clk);
    struct clk_mono (*mono)(const struct clk *clk);
};

/* A clock a test turns: put fake.clk where a clock is asked for, then change the two times. */
struct clk_fake {
    struct clk clk;
    struct clk_utc utc_now;
    struct clk_mono mono_now;
};

#define CLK_UTC_TEXT 25 /* "2026-11-21T18:23:55.123Z" and its end */
#define CLK_NEVER    ((struct clk_mono){INT64_MAX})

const struct clk *clk_system(void);
void clk_fake_init(struct clk_fake *fake, int64_t utc_ms, int64_t mono_ms);
/* Moves both clocks forward. */
void clk_fake_advance(struct clk_fake *fake, int64_t ms);

static inline struct clk_utc clk_utc(const struct clk *clk)
{
    return clk->utc(clk);
}

static inline struct clk_mono clk_mono(const struct clk *clk)
{
    return clk->mono(clk);
}

static inline struct clk_mono clk_mono_add(struct clk_mono t, int64_t ms)
{
    return (struct clk_mono){ms > 0 && t.ms > INT64_MAX - ms ? INT64_MAX : t.ms + ms};
}

/* t has come at now. */
static inline bool clk_mono_due(struct clk_mono t, struct clk_mono now)
{
    return t.ms <= now.ms;
}

static inline struct clk_mono clk_mono_min(struct clk_mono a, struct clk_mono b)
{
    return a.ms < b.ms ? a : b;
}

/* ISO 8601 with milliseconds, Z. Years outside 0000-9999 print as "invalid-time". */
void clk_utc_format(struct clk_utc t, char text[CLK_UTC_TEXT]);
/* Reads exactly what clk_utc_format writes; ERR_INVALID for anything else. */
int clk_utc_parse(const char *text, struct clk_utc *t);

/* As clk_utc_format, but in Viet Nam's time (UTC+7, no daylight saving):
 * "2026-11-22T01:23:55+07:00". */
#define CLK_LOCAL_TEXT 26
void clk_local_format(struct clk_utc t, char text[CLK_LOCAL_TEXT]);

#endif
