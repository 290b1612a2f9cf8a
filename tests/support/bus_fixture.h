/*
 * Profiles and devices for bus tests, built in place: no file, no parser.
 *
 * A fixture owns its points; add them in address order. Everything else is borrowed from it.
 */
#ifndef TESTS_SUPPORT_BUS_FIXTURE_H
#define TESTS_SUPPORT_BUS_FIXTURE_H

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/core/bus/bus.h"

struct bus_fixture {
    struct point points[PROFILE_POINTS_MAX];
    struct profile profile;
};

static inline void bus_fixture_init(struct bus_fixture *f, uint32_t turnaround_ms)
{
    memset(f, 0, sizeof(*f));
    snprintf(f->profile.name, sizeof(f->profile.name), "fixture");
    f->profile.points = f->points;
    f->profile.turnaround_ms = turnaround_ms;
}

/* One point of `count` registers (16-bit or 32-bit unsigned) or one bit. */
static inline struct point *bus_fixture_add(struct bus_fixture *f, enum point_table table,
                                            uint16_t address, uint16_t count)
{
    static const struct kind plain = {
        .name = "test", .type = KIND_NUMBER, .unit = "", .min = 0, .max = 1e12};
    assert(f->profile.point_count < PROFILE_POINTS_MAX);
    struct point *p = &f->points[f->profile.point_count];
    snprintf(p->name, sizeof(p->name), "p%zu", f->profile.point_count++);
    p->kind = &plain;
    p->table = table;
    p->address = address;
    p->count = count;
    p->type = table <= TABLE_DISCRETE ? TYPE_BIT : count == 1 ? TYPE_U16 : TYPE_U32;
    p->scale = 1;
    return p;
}

/* A dynamic map of four slots of two registers, with status. */
static inline void bus_fixture_map(struct bus_fixture *f)
{
    f->profile.map = (struct profile_map){.table = TABLE_HOLDING,
                                          .codes = 128,
                                          .status = 256,
                                          .values = 384,
                                          .has_status = true,
                                          .slots = 4,
                                          .stride = 2,
                                          .period_ms = 60000};
}

static inline struct bus_device bus_fixture_device(const struct bus_fixture *f, const char *name,
                                                   uint8_t unit, uint32_t period_ms)
{
    struct bus_device d = {
        .name = name, .unit = unit, .profile = &f->profile, .period_ms = period_ms};
    bus_device_poll_all(&d);
    return d;
}

#endif
