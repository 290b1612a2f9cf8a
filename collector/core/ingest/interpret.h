/*
 * From packs to samples that mean something: which series a record belongs to, of what kind,
 * whether it is about now, and by how much a counter rose.
 *
 * A gateway's birth names its configuration and the hash of each device's description; packs of
 * that configuration are interpreted once all its descriptions are known. What comes before is
 * stored by the caller and not interpreted (PROTOCOL "Series"); packs of an older configuration are
 * history and say nothing about now.
 *
 * A sample is *present* when it is newer than its series' last present one, younger than
 * live_age_max_ms by the collector's trusted clock, and at most INTERPRET_FUTURE_MS ahead of it.
 * Only present samples move a series' last, so that a stamp of 2036 cannot make today look old;
 * whatever lane a pack came by has no say.
 *
 * Pure; one thread. Memory is taken when a birth or a description brings something new and never
 * for a data pack. Limits: gateways_max, BIRTH_DEVICES_MAX devices a gateway, PROFILE_POINTS_MAX
 * points.
 */
#ifndef COLLECTOR_CORE_INGEST_INTERPRET_H
#define COLLECTOR_CORE_INGEST_INTERPRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/err.h"
#include "collector/core/alarm/alarm.h"
#include "model/kind.h"
#include "model/message.h"
#include "model/pack.h"

#define INTERPRET_FUTURE_MS                                                                        \
    10000                     /* how far a gateway's synchronised clock may be ahead of ours       \
                               */
#define INTERPRET_CONFS_MAX 8 /* configurations of a gateway remembered as known */

struct interpret;

struct interpret_options {
    size_t gateways_max;
    int64_t live_age_max_ms;
};

/* Who is told. Strings are valid during the call. */
struct interpret_ops {
    /* A point to watch; returns the caller's handle, handed back below. Negative: not watched. */
    int64_t (*bind)(void *user, const char *area, const char *gateway, const char *device,
                    const char *point, const struct kind *kind);
    /* How often the point tells something; after bind, and when its description says otherwise. */
    void (*pace)(void *user, int64_t handle, uint32_t period_ms);
    void (*retire)(void *user, int64_t handle); /* the point is gone, or means something else */
    /* All descriptions of the gateway's configuration are known and bound. */
    void (*settled)(void *user, const char *gateway, const char *conf);
    void (*sample)(void *user, int64_t handle, const struct alarm_sample *sample);
    void *user;
};

enum interpret_result {
    INTERPRET_DONE,    /* interpreted, or nothing in it to interpret */
    INTERPRET_UNKNOWN, /* its configuration, or a device of it, is not described yet */
};

int interpret_create(const struct interpret_options *options, const struct interpret_ops *ops,
                     struct interpret **out, struct err *e);
void interpret_destroy(struct interpret *ip); /* NULL is fine */

/* Start: each stored description, oldest first; the gateway's birth, which the broker keeps, then
 * says whether it still holds, and binds it. */
int interpret_restore(struct interpret *ip, const char *gateway, const char *conf,
                      const char *description, size_t len, struct err *e);

/* The gateway says what it is. Returns how many of its descriptions are missing (ask for them when
 * above 0), or a negative err_code. */
int interpret_birth(struct interpret *ip, const char *area, const char *gateway,
                    const struct gateway_birth *birth, struct err *e);
/* A description arrived. ERR_INVALID; ERR_MISMATCH when it is not the one the birth announced. One
 * of an older configuration is fine and changes nothing. */
int interpret_description(struct interpret *ip, const char *gateway, const char *conf,
                          const char *description, size_t len, struct err *e);
/* Reads the pack to its end. */
enum interpret_result interpret_pack(struct interpret *ip, struct pack *pack, struct alarm_now now);

#endif
