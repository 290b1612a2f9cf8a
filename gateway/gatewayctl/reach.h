/*
 * How a technician's command reaches a Modbus line: through the gatewayd that runs on it, or, where
 * none does, by opening the port itself.
 *
 * A line is named by the configuration (--bus NAME, or a device of it) or by its port (--port, with
 * the serial settings). A port that the configuration knows is asked for through the daemon, too.
 * With --take the daemon hands its port over and gets it back when this program ends, whatever ends
 * it. Blocking; one thread. Errors say what to do.
 */
#ifndef GATEWAY_GATEWAYCTL_REACH_H
#define GATEWAY_GATEWAYCTL_REACH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cli.h"
#include "base/err.h"
#include "gateway/core/bus/bus.h"
#include "gateway/core/config/config.h"
#include "gateway/gatewayctl/ask.h"
#include "gateway/io/bus/bus_port.h"

#define REACH_OPTIONS    7
#define REACH_TIMEOUT_MS 1000
#define REACH_TAKE_S     3600

struct reach_options {
    const char *config, *bus, *port, *parity;
    int64_t baud, stop_bits;
    bool take;
};

struct reach {
    struct gateway_config *config; /* NULL: there is none to read */
    struct err config_error;       /* why */
    struct bus_line line;
    char name[CONFIG_PATH_SIZE], host[64];
    int bus;               /* in the configuration, or -1 */
    struct ask *daemon;    /* that has the line, or, with --take, had it; NULL: none */
    struct bus_port *port; /* ours, open; NULL: through the daemon */
};

struct reach_answer {
    struct bus_reply reply;
    uint32_t turnaround_us; /* as well as it is known */
    uint16_t values[BUS_BITS_MAX];
};

/* Fills options[REACH_OPTIONS]. */
void reach_put_options(struct reach_options *o, struct cli_option *options);

/* Finds line and daemon; device (may be NULL) is one of the configuration. Opens nothing yet.
 * r is zeroed before and goes to reach_close, whatever is returned. */
int reach_find(struct reach *r, const struct reach_options *o, const char *device, struct err *e);
/* Makes the line usable: nothing to do beside a daemon, else the port is taken and opened. */
int reach_open(struct reach *r, const struct reach_options *o, struct err *e);
/* As reach_open, but never through the daemon: for what needs the port for itself. ERR_AGAIN, with
 * "add --take", when a daemon has it. */
int reach_own(struct reach *r, const struct reach_options *o, struct err *e);
void reach_close(struct reach *r);

/* One request, and its reply. ERR_* only when nothing could be asked; what the slave did is in the
 * answer. Reads (1-4), or writes of registers (5, 6, 15, 16). */
int reach_ask(struct reach *r, const struct bus_request *q, struct reach_answer *out,
              struct err *e);
/* The device of the configuration; NULL. */
const struct gateway_device *reach_device(const struct reach *r, const char *name);
/* What became of a request, in words: "no reply within 500 ms". */
void reach_describe(const struct bus_reply *reply, struct buf *out);

#endif
