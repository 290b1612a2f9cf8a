#include "base/clk.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

#define VIET_NAM_OFFSET_S (7 * 3600)

static int64_t read_ms(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static struct clk_utc system_utc(const struct clk *clk)
{
    (void)clk;
    return (struct clk_utc){read_ms(CLOCK_REALTIME)};
}

static struct clk_mono system_mono(const struct clk *clk)
{
    (void)clk;
    return (struct clk_mono){read_ms(CLOCK_BOOTTIME)};
}

const struct clk *clk_system(void)
{
    static const struct clk clk = {system_utc, system_mono};
    return &clk;
}

static struct clk_utc fake_utc(const struct clk *clk)
{
    return ((const struct clk_fake *)(const void *)clk)->utc_now;
}

static struct clk_mono fake_mono(const struct clk *clk)
{
    return ((const struct clk_fake *)(const void *)clk)->mono_now;
}

void clk_fake_init(struct clk_fake *fake, int64_t utc_ms, int64_t mono_ms)
{
    fake->clk = (struct clk){fake_utc, fake_mono};
    fake->utc_now = (struct clk_utc){utc_ms};
    fake->mono_now = (struct clk_mono){mono_ms};
}

void clk_fake_advance(struct clk_fake *fake, int64_t ms)
{
    fake->utc_now.ms += ms;
    fake->mono_now.ms += ms;
}

/* Breaks down ms since the epoch; false outside the years 0000-9999. */
static bool break_down(int64_t ms, struct tm *tm, int *milli)
{
    int64_t seconds = ms / 1000;
    *milli = (int)(ms % 1000);
    if (*milli < 0) {
        *milli += 1000;
        seconds--;
    }
    time_t t = (time_t)seconds;
    return gmtime_r(&t, tm) && tm->tm_year >= -1900 && tm->tm_year <= 8099;
}

void clk_utc_format(struct clk_utc t, char text[CLK_UTC_TEXT])
{
    struct tm tm;
    int milli;
    if (!break_down(t.ms, &tm, &milli)) {
        snprintf(text, CLK_UTC_TEXT, "invalid-time");
        return;
    }
    size_t len = strftime(text, CLK_UTC_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + len, CLK_UTC_TEXT - len, ".%03dZ", milli);
}

int clk_utc_parse(const char *text, struct clk_utc *t)
{
    struct tm tm = {0};
    const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!p || *p++ != '.')
        return ERR_INVALID;
    int milli = 0;
    for (int i = 0; i < 3; i++, p++) {
        if (*p < '0' || *p > '9')
            return ERR_INVALID;
        milli = 10 * milli + (*p - '0');
    }
    /* strptime forgives blanks, 31 February and leap seconds; writing it again does not. */
    char again[CLK_UTC_TEXT];
    struct clk_utc read = {(int64_t)timegm(&tm) * 1000 + milli};
    clk_utc_format(read, again);
    if (strcmp(again, text) != 0)
        return ERR_INVALID;
    *t = read;
    return 0;
}

void clk_local_format(struct clk_utc t, char text[CLK_LOCAL_TEXT])
{
    struct tm tm;
    int milli;
    if (t.ms > INT64_MAX / 2 || !break_down(t.ms + VIET_NAM_OFFSET_S * 1000LL, &tm, &milli)) {
        snprintf(text, CLK_LOCAL_TEXT, "invalid-time");
        return;
    }
    size_t len = strftime(text, CLK_LOCAL_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + len, CLK_LOCAL_TEXT - len, "+07:00");
}
