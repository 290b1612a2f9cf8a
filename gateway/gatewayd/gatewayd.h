/*
 * gatewayd's parts and what they share. The main loop owns all of it; other threads reach it by
 * mail alone.
 *
 *     bus workers --BUS_REPORT--> edge --> packer --pack--> spool writer --durable--> uplink
 *                                                               ^------ack---------'  |
 *                                                                       MQTT client <-'
 */
#ifndef GATEWAY_GATEWAYD_GATEWAYD_H
#define GATEWAY_GATEWAYD_GATEWAYD_H

#include <stdbool.h>

#include "gateway/core/bus/lines.h"
#include "gateway/core/config/config.h"
#include "gateway/core/edge.h"
#include "gateway/core/packer.h"
#include "gateway/core/uplink/uplink.h"
#include "gateway/io/bus/bus_worker.h"
#include "gateway/io/spool/spool_writer.h"
#include "io/intake.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "io/mqtt.h"
#include "io/signals.h"
#include "model/command.h"
#include "model/control.h"

#define GATEWAYD_MAIL_SLOTS      2048
#define GATEWAYD_MAIL_RESERVED   512
#define GATEWAYD_MQTT_MAIL       0x4d00
#define GATEWAYD_SPOOL_MAIL      0x5300
#define GATEWAYD_INFLIGHT_MAX    64
#define GATEWAYD_APPEND_AGAIN_MS 20 /* when the spool's order queue was full */
#define GATEWAYD_MAIL_PAUSE_MS   2  /* mail of a busy gateway is taken together */
#define GATEWAYD_HEALTH_MS       1000
#define GATEWAYD_STOP_MS         8000 /* all of an orderly stop; the supervisor's limit is longer */

/* One bus's worker, and what the loop knows of it. */
struct gatewayd_bus {
    struct bus_worker *worker; /* NULL: the bus has no devices */
    bool wedged;
    struct clk_mono told; /* that it is wedged */
};

struct ctl;

struct gatewayd {
    struct gateway_config *config;
    const struct clk *clk;
    struct loop *loop;
    struct signals signals;
    struct mailbox *mailbox;
    struct intake intake;
    int spool_lock;
    struct spool_writer *spool;
    struct edge *edge;
    struct packer packer;
    struct clk_mono packing_at; /* while samples are given to the edge */
    struct loop_timer pack_timer;
    struct spool_pack waiting; /* a frozen pack the spool had no room for yet */
    bool pack_waits;
    char forget[STORE_ID_SIZE]; /* a store the spool has yet to hear of; empty: none */
    struct lines *lines;
    struct gatewayd_bus buses[GATEWAY_BUSES_MAX];
    struct ctl *ctl;
    struct switching *switching; /* NULL: no control document is configured */
    struct mqtt *mqtt;
    struct uplink uplink;
    struct loop_timer uplink_timer;
    struct loop_timer health_timer;
    struct loop_timer stop_timer;
    char birth[MESSAGE_SIZE_MAX];
    size_t birth_len;
    bool stopping;
    uint64_t samples_lost; /* the spool's order queue was full, or the time was impossible */
    uint64_t mail_dropped, samples_lost_said; /* as last said in the log */
};

/* buses.c */
int gatewayd_buses_start(struct gatewayd *g, struct err *e);
/* Each worker ends within its deadline. False: one is stuck, and still uses lines and mailbox. */
bool gatewayd_buses_stop(struct gatewayd *g);
void gatewayd_buses_mail(struct gatewayd *g, const struct mail *m);
void gatewayd_buses_health(struct gatewayd *g, struct clk_mono now);
/* Every polled point of the bus is bad from now on, and says why, until it is read again: its
 * worker is wedged, or its port was handed over. */
void gatewayd_buses_mark(struct gatewayd *g, unsigned bus, enum cause cause);

/* packs.c */
int gatewayd_packs_start(struct gatewayd *g, struct err *e);
void gatewayd_packs_stop(struct gatewayd *g);
void gatewayd_packs_samples(struct gatewayd *g, const struct sample *samples, size_t count);
void gatewayd_packs_describe(struct gatewayd *g);
void gatewayd_packs_event(struct gatewayd *g, const char *name, const char *text);
void gatewayd_packs_result(struct gatewayd *g, const struct command_result *r,
                           const struct sample *samples, size_t count);
void gatewayd_packs_mail(struct gatewayd *g, const struct mail *m);
/* Orders of the uplink to the spool. */
void gatewayd_packs_take(struct gatewayd *g, const struct spool_wish *wish);
void gatewayd_packs_forget(struct gatewayd *g, const char *store);

/* uplink.c */
int gatewayd_uplink_start(struct gatewayd *g, struct err *e);
void gatewayd_uplink_stop(struct gatewayd *g);
void gatewayd_uplink_mail(struct gatewayd *g, const struct mail *m);
/* Does what the uplink wants now, until it wants nothing more. */
void gatewayd_uplink_run(struct gatewayd *g);

/* control.c: commands and schedules. A document that cannot be in force is an error in the log and
 * a record, never a reason not to sample. All but start do nothing without a document. */
int gatewayd_control_start(struct gatewayd *g, struct err *e);
void gatewayd_control_stop(struct gatewayd *g);
void gatewayd_control_samples(struct gatewayd *g, const struct sample *samples, size_t count);
void gatewayd_control_message(struct gatewayd *g, const struct mqtt_message *m);
void gatewayd_control_written(struct gatewayd *g, const struct bus_written *w);

/* ctl.c, ctl_bus.c, ctl_status.c, ctl_watch.c: the control socket. A socket that cannot be made is
 * a warning; ERR_NOMEM. */
int gatewayd_ctl_start(struct gatewayd *g, struct err *e);
void gatewayd_ctl_stop(struct gatewayd *g);
/* What it must know to answer; all do nothing before start and after stop. */
void gatewayd_ctl_report(struct gatewayd *g, const struct bus_report *report);
void gatewayd_ctl_derived(struct gatewayd *g, const struct sample *s);
void gatewayd_ctl_state(struct gatewayd *g, const struct bus_state *state);
void gatewayd_ctl_spool(struct gatewayd *g, const struct spool_state *state);
void gatewayd_ctl_uplink(struct gatewayd *g, const char *reason); /* NULL: it is up */
/* True when it was an answer to a person's request. */
bool gatewayd_ctl_mail(struct gatewayd *g, const struct mail *m);

#endif
