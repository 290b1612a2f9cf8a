/* Promise: no rules file crashes the reader, what it refuses has a reason, and what it takes can be
 * bound, judged and told in both languages. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "collector/core/alarm/alarm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(void *user, const struct alarm_transition *t)
{
    (void)user;
    assert(t->row_len > 0 && t->alert.text_vi[0] && t->alert.text_en[0]);
}

/* Each kind there is becomes a point; all get extreme samples while time passes. */
static void drive(struct alarm_engine *engine)
{
    struct alarm_now now = {.utc = {1795000000000}, .mono = {1000}};
    int64_t gateway = alarm_bind_gateway(engine, "a", "gw-1", now, NULL);
    int64_t count = 0;
    assert(gateway >= 0);
    for (unsigned i = 0; kind_at(i); i++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof(name), "k%u", i / 4);
        if (alarm_bind_series(engine, gateway, i % 2 ? "d" : "lamp-1", name, kind_at(i), now,
                              NULL) >= count)
            count++;
    }
    for (int step = 0; step < 4; step++) {
        for (int64_t s = 0; s < count; s++) {
            const struct alarm_sample sample = {.present = true,
                                                .at = now.utc,
                                                .type = s % 2 ? VALUE_NUMBER : VALUE_BOOL,
                                                .number = step % 2 ? 1e300 : -1e300,
                                                .has_increase = true};
            alarm_step_sample(engine, s, &sample, now);
        }
        now.mono.ms += INT64_C(700000000);
        now.utc.ms += INT64_C(700000000);
        alarm_step_time(engine, now);
        alarm_step_gateway(engine, gateway, step % 2, now);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct alarm_limits limits = {
        .areas = 2, .gateways = 2, .series = 128, .alarms = 256};
    static const struct alarm_sink sink = {.transition = look};
    struct rules *rules = NULL;
    struct alarm_engine *engine = NULL;
    struct err e = {0};
    if (rules_parse((const char *)data, size, &rules, &e) < 0) {
        assert(!rules && e.text[0]);
        return 0;
    }
    assert(alarm_create(rules, &limits, &sink, &engine, &e) == 0);
    drive(engine);
    alarm_destroy(engine);
    rules_free(rules);
    return 0;
}
