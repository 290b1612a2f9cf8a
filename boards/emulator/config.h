/*
 * The emulator's configuration: JSON with comments, read by one strict table.
 *
 * config_parse checks each value and what holds between them (units of one bus, points a device
 * follows are checked later, when the profiles are known). Arrays belong to the struct;
 * config_finish frees them.
 */
#ifndef EMULATOR_CONFIG_H
#define EMULATOR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/name.h"

#define CONFIG_FILE_MAX    (1024 * 1024)
#define CONFIG_PATH_SIZE   256
#define CONFIG_SOCKET_SIZE 104 /* what a sockaddr_un holds, and a bit less */
#define CONFIG_HOST_SIZE   64
#define CONFIG_BUSES_MAX   128
#define CONFIG_DEVICES_MAX 247
#define CONFIG_LINKS_MAX   64

struct config_device {
    char name[NAME_SIZE], profile[NAME_SIZE];
    int64_t unit;
    int64_t turnaround_ms;
    bool has_turnaround;     /* else the profile's */
    int64_t baud, stop_bits; /* rtu: its own serial settings; 0: hears any */
    int load;                /* enum curve_load */
    double factor;
    char follows[2 * NAME_SIZE]; /* "device/point" of a relay of the same gateway, or "" */
};

struct config_bus {
    char name[NAME_SIZE], gateway[NAME_SIZE];
    int type; /* enum wire_kind */
    char link[CONFIG_PATH_SIZE];
    int64_t baud, char_bits;
    bool pace;
    char host[CONFIG_HOST_SIZE];
    int64_t port;
    struct config_device *devices;
    size_t device_count;
};

struct config_link {
    char name[NAME_SIZE];
    char host[CONFIG_HOST_SIZE];
    int64_t listen;
    char to_host[CONFIG_HOST_SIZE];
    int64_t to_port;
};

struct config {
    int64_t seed;
    char ledger[CONFIG_PATH_SIZE];
    char control[CONFIG_SOCKET_SIZE];
    int mode; /* enum slave_mode */
    int gaps; /* enum slave_gaps */
    char profiles[CONFIG_PATH_SIZE];
    double speedup;
    char start[6]; /* "HH:MM" or "" */
    struct config_bus *buses;
    size_t bus_count;
    struct config_link *links;
    size_t link_count;
};

/* Fills *c; the text is not kept. e says line, path and remedy. */
int config_parse(const char *text, size_t len, struct config *c, struct err *e);
void config_finish(struct config *c); /* of a zeroed struct is fine */
void config_print(const struct config *c, struct buf *out);
/* The reference page in Markdown. */
void config_document(struct buf *out);
/* Minutes of "HH:MM" from midnight. */
int config_minutes(const char *text, int *minutes);

#endif
