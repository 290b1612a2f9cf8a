/*
 * The gateway's configuration: gateway.json in, one struct out, profiles included. Pure: profiles
 * and certificates are asked for through struct config_files.
 *
 * Whatever cannot run is refused with line, path, reason and remedy; the caller puts the file's
 * name before it. The struct owns everything; profiles, lines and devices taken from it are
 * borrowed and live as long. Limits: 32 buses, 256 devices, 256 KiB of text.
 */
#ifndef GATEWAY_CORE_CONFIG_CONFIG_H
#define GATEWAY_CORE_CONFIG_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "gateway/core/bus/bus.h"
#include "gateway/core/config/override.h"
#include "model/broker_config.h"
#include "model/hash64.h"
#include "model/name.h"
#include "model/profile.h"
#include "model/schema.h"

#define GATEWAY_BUSES_MAX   32
#define GATEWAY_DEVICES_MAX 256
#define GATEWAY_DERIVED_MAX 32   /* of one device */
#define GATEWAY_SOURCES_MAX 16   /* of one derived point */
#define GATEWAY_DERIVE_DEEP 8    /* derived points of derived points, at most so many in a row */
#define GATEWAY_DURABLE_MS  5000 /* a sample is on the disk within this: the first promise */

struct gateway_bus {
    char name[NAME_SIZE];
    int type; /* enum bus_kind */
    char device[CONFIG_PATH_SIZE];
    int64_t baud;
    int parity; /* none, even, odd */
    int64_t stop_bits;
    int direction; /* automatic, kernel, none */
    char host[64];
    int64_t port, round_trip_ms, timeout_ms;
    bool has_baud, has_parity, has_stop_bits, has_direction, has_port, has_round_trip;
};

struct gateway_point_name {
    char name[NAME_SIZE];
};

/* Report by exception: which samples of a point are worth keeping. */
struct gateway_report {
    char point[NAME_SIZE];   /* empty: every point of the device without an entry of its own */
    double deadband;         /* in the point's unit */
    double deadband_percent; /* of the value kept last; the wider of the two counts */
    int64_t heartbeat_ms;
};

enum gateway_derive {
    DERIVE_SUM,
    DERIVE_DIFFERENCE,
    DERIVE_MEAN,
    DERIVE_MIN,
    DERIVE_MAX,
    DERIVE_RATE,
};
#define DERIVE_LISTS DERIVE_RATE /* the ways before it take a list of points */

#define GATEWAY_POINT_SIZE (2 * NAME_SIZE) /* "device/point", or "point" of the device itself */

struct gateway_source {
    char text[GATEWAY_POINT_SIZE];
};

/* A point the gateway works out from others. */
struct gateway_derived {
    char name[NAME_SIZE], kind_name[NAME_SIZE];
    struct gateway_source *lists[DERIVE_LISTS]; /* one of them, or `rate` */
    size_t list_counts[DERIVE_LISTS];
    bool has_list[DERIVE_LISTS];
    char rate[GATEWAY_POINT_SIZE];
    int per; /* second, minute, hour */
    int64_t over_ms;
    double scale;
    bool has_per, has_over;
    /* worked out from the above */
    enum gateway_derive how;
    const struct kind *kind;
    uint32_t period_ms;
    unsigned deep; /* 1: all its sources are read */
    size_t source_count;
    struct {
        uint16_t device, point; /* as in a sample */
    } sources[GATEWAY_SOURCES_MAX];
    double wrap; /* rate: where its counter starts again at 0; 0: never */
};

struct gateway_device {
    char name[NAME_SIZE], profile_name[NAME_SIZE], bus_name[NAME_SIZE];
    int64_t unit, period_ms, timeout_ms, turnaround_ms;
    struct gateway_point_name *point_names; /* a subset; none: all */
    size_t point_name_count;
    bool has_points;
    struct gateway_report *reports;
    size_t report_count;
    struct gateway_derived *derived;
    size_t derived_count;
    struct override *overrides; /* what the profile says otherwise on this site */
    size_t override_count;
    /* worked out from the above */
    size_t bus;                    /* index in buses */
    const struct profile *profile; /* shared by devices that read the same */
    struct profile *own;           /* where this device is the first with its overrides; or NULL */
    uint64_t points[BUS_POINT_WORDS]; /* which of the profile's points are polled */
};

struct gateway_config {
    char gateway[NAME_SIZE], area[NAME_SIZE];
    char board[64];
    char profiles[CONFIG_PATH_SIZE];
    struct gateway_spool {
        char path[CONFIG_PATH_SIZE];
        int64_t size_mib, segment_kib, sync_ms;
    } spool;
    struct broker_config broker;
    struct gateway_pack {
        int64_t age_ms, records;
    } pack;
    struct gateway_bus *buses;
    size_t bus_count;
    struct gateway_device *devices;
    size_t device_count;
    struct gateway_control {
        char file[CONFIG_PATH_SIZE], trust[CONFIG_PATH_SIZE], state[CONFIG_PATH_SIZE];
    } control; /* file empty: nothing is switched */
    bool has_control;
    char control_socket[CONFIG_PATH_SIZE]; /* empty: none */
    int log;                               /* index in log_words */
    /* worked out from the above */
    struct profile *loaded[GATEWAY_DEVICES_MAX]; /* each profile once */
    size_t loaded_count;
    char conf[HASH64_TEXT_SIZE]; /* changes when a reading could change: for packs and birth */
};

extern const struct schema_field gateway_config_fields[];

/* Reads and checks. Warnings (may be NULL) takes one line for each thing that is strange but runs.
 * ERR_INVALID, ERR_LIMIT or ERR_NOMEM; *out is NULL then. */
int gateway_config_parse(const char *text, size_t len, const struct config_files *files,
                         struct gateway_config **out, struct buf *warnings, struct err *e);
void gateway_config_free(struct gateway_config *c); /* NULL is fine */
/* What would run, defaults filled in, as JSON that reads back the same. */
void gateway_config_print(const struct gateway_config *c, struct buf *out);
enum log_level gateway_config_log_level(const struct gateway_config *c);

/* The i-th bus and device as plan and poll want them; all they point at is the configuration's. */
struct bus_line gateway_config_line(const struct gateway_config *c, size_t bus);
struct bus_device gateway_config_device(const struct gateway_config *c, size_t device);
/* What a sample's `point` means: a point of the device's profile or, behind them, one of its
 * derived points. */
struct gateway_point {
    const char *name;
    const struct kind *kind;
};
struct gateway_point gateway_config_point(const struct gateway_config *c, size_t device,
                                          size_t point);
/* How the point's samples are picked; NULL: every one is kept. */
const struct gateway_report *gateway_config_report(const struct gateway_config *c, size_t device,
                                                   size_t point);
/* How often a point of a device is read. */
uint32_t gateway_config_period_ms(const struct gateway_device *d, const struct point *p);
/* The device's description (model/description.h), polled points only. */
void gateway_describe_device(const struct gateway_config *c, size_t device, struct buf *out);

#endif
