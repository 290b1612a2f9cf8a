#include "gateway/core/control/schedule.h"

#include <string.h>

#include "gateway/core/control/sun.h"

#define MINUTE_MS     60000
#define DAY_MS        86400000
#define SPREAD        2 /* days around today: an offset moves a step by less than one */
#define WEEK          7
#define FIRST_WEEKDAY 3 /* 1970-01-01 was a Thursday; Monday is 0 */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool covers(const struct control_exception *x, int64_t day)
{
    unsigned weekday =
        (unsigned)(day + FIRST_WEEKDAY - floor_div(day + FIRST_WEEKDAY, WEEK) * WEEK);
    return day >= x->first_day && day <= x->last_day && (x->weekday_mask >> weekday & 1);
}

static const struct control_step *steps_of(const struct control_schedule *s, int64_t day,
                                           size_t *count)
{
    for (size_t i = 0; i < s->exception_count; i++) {
        if (!covers(&s->exceptions[i], day))
            continue;
        *count = s->exceptions[i].step_count;
        return s->exceptions[i].steps;
    }
    *count = s->step_count;
    return s->steps;
}

/* When a step of the day comes; false: not on that day. */
static bool moment(const struct control_step *step, const struct control *place, int64_t day,
                   const struct sun_day *sun, struct clk_utc *at)
{
    int64_t from = day * DAY_MS - place->utc_offset_min * MINUTE_MS;
    if (step->anchor == CONTROL_SUNRISE)
        from = sun->rise.ms;
    else if (step->anchor == CONTROL_SUNSET)
        from = sun->set.ms;
    if ((step->anchor == CONTROL_SUNRISE && sun->course == SUN_STAYS_DOWN) ||
        (step->anchor == CONTROL_SUNSET && sun->course == SUN_STAYS_UP))
        return false;
    at->ms = from + (int64_t)step->offset_min * MINUTE_MS;
    return true;
}

/* Takes the day's steps in. Days are seen in rising order, so that of equals the later counts. */
static void take_day(const struct control_schedule *s, const struct control *place, int64_t day,
                     struct clk_utc now, struct schedule_state *out)
{
    struct sun_day sun;
    size_t count;
    const struct control_step *steps = steps_of(s, day, &count);
    sun_day(day, place->position.latitude, place->position.longitude, &sun);
    for (size_t i = 0; i < count; i++) {
        struct clk_utc at;
        if (!moment(&steps[i], place, day, &sun, &at))
            continue;
        if (at.ms > now.ms) {
            out->next = at.ms < out->next.ms ? at : out->next;
        } else if (!out->known || at.ms >= out->since.ms) {
            out->known = true;
            out->since = at;
            out->value = steps[i].value;
        }
    }
}

void schedule_at(const struct control_schedule *s, const struct control *place, struct clk_utc at,
                 struct schedule_state *out)
{
    int64_t today = floor_div(at.ms + place->utc_offset_min * MINUTE_MS, DAY_MS);
    memset(out, 0, sizeof(*out));
    out->next.ms = at.ms + DAY_MS;
    for (int64_t day = today - SPREAD; day <= today + SPREAD; day++)
        take_day(s, place, day, at, out);
    for (int64_t day = today - SPREAD - 1; !out->known && day > today - SCHEDULE_LOOK_DAYS; day--)
        take_day(s, place, day, at, out);
}
