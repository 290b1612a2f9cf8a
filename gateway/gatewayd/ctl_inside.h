/*
 * What the parts of gatewayd's control socket share: ctl.c takes requests and answers them,
 * ctl_bus.c does what a bus is asked, ctl_status.c and ctl_watch.c tell. All on the loop's thread.
 */
#ifndef GATEWAY_GATEWAYD_CTL_INSIDE_H
#define GATEWAY_GATEWAYD_CTL_INSIDE_H

#include "gateway/core/ctl.h"
#include "gateway/gatewayd/gatewayd.h"
#include "io/ctlsock.h"

#define CTL_PENDING_MAX 32
#define CTL_TEXT_SIZE   256

/* A request a bus has yet to answer. */
struct ctl_pending {
    struct ctlsock_client *client; /* NULL: the place is free, or nobody waits any more */
    uint64_t id;                   /* the client's */
    uint64_t tag;                  /* ours, in the bus's mail; 0: the place is free */
};

/* A port in other hands. */
struct ctl_hand {
    struct ctl *ctl;
    struct ctlsock_client *client; /* who has it; NULL: the daemon itself */
    uint64_t id;
    bool told; /* the client knows that the port is closed */
    struct loop_timer limit;
};

/* The last thing said of a bus, a device or the uplink. */
struct ctl_note {
    char text[CTL_TEXT_SIZE];
    struct clk_utc at;
    bool bad;
    enum poll_note_kind kind;
};

struct ctl_device {
    struct ctl_note note;
    struct clk_mono read_at; /* its last report; 0: none yet */
    uint64_t reads, bad;     /* samples */
};

struct ctl_watcher {
    struct ctlsock_client *client; /* NULL: free */
    uint64_t id;
    int device;            /* -1: all */
    char point[NAME_SIZE]; /* empty: all */
};

struct ctl {
    struct gatewayd *g;
    struct ctlsock *sock; /* NULL: the configuration wants none, or it could not be made */
    struct clk_mono started;
    uint64_t tags;
    struct ctl_pending pending[CTL_PENDING_MAX];
    struct ctl_hand hands[GATEWAY_BUSES_MAX];
    struct ctl_note buses[GATEWAY_BUSES_MAX], uplink;
    struct ctl_device *devices; /* as many as the configuration has */
    struct spool_state spool;   /* as last told */
    struct ctl_watcher watchers[CTLSOCK_CLIENTS_MAX];
    size_t watching;
    struct {
        uint16_t device, address, count;
        uint16_t values[BUS_BITS_MAX];
    } raw;                       /* the registers of the report that comes next */
    char line[CTLSOCK_LINE_MAX]; /* the answer being written */
};

/* ctl.c. An answer's line: begin, write members, send. */
struct buf ctl_begin(struct ctl *c, uint64_t id);
void ctl_send(struct ctlsock_client *client, struct buf *out, bool last);
void ctl_refuse(struct ctl *c, struct ctlsock_client *client, uint64_t id, const struct err *e);
/* Members of the object `out` ends in; a comma goes before all but the first. */
void ctl_key(struct buf *out, const char *key);
void ctl_put_text(struct buf *out, const char *key, const char *text);
void ctl_put_number(struct buf *out, const char *key, double n);
void ctl_put_count(struct buf *out, const char *key, uint64_t n);
void ctl_put_bool(struct buf *out, const char *key, bool value);
void ctl_put_time(struct buf *out, const char *key, struct clk_utc at);
/* value (none of a bad one), quality and cause. */
void ctl_put_sample(struct buf *out, const struct sample *s);
/* Index of the named device or bus; ERR_NOTFOUND. */
int ctl_find_device(const struct ctl *c, const char *name, struct err *e);
int ctl_find_bus(const struct ctl *c, const char *name, struct err *e);

/* Each verb answers, at once or later, or returns what is to be refused. */
int ctl_do_status(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                  struct err *e);
int ctl_do_watch(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                 struct err *e);
int ctl_do_read(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                struct err *e);
int ctl_do_write(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                 struct err *e);
int ctl_do_timing(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                  struct err *e);
int ctl_do_release(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                   struct err *e);
int ctl_do_resume(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                  struct err *e);
int ctl_do_maintain(struct ctl *c, struct ctlsock_client *client, const struct ctl_request *q,
                    struct err *e);
/* What a client that is gone leaves behind. */
void ctl_bus_gone(struct ctl *c, const struct ctlsock_client *client);
void ctl_watch_gone(struct ctl *c, const struct ctlsock_client *client);
/* The registers of the report that comes next. */
void ctl_watch_raw(struct ctl *c, const struct bus_raw *raw);
/* Tells those who watch. */
void ctl_watch_samples(struct ctl *c, const struct sample *samples, size_t count);

#endif
