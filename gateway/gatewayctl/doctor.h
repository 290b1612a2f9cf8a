/*
 * What `gatewayctl doctor` finds: a list of findings, one an examination. doctor.c asks and shows,
 * doctor_host.c looks at the machine, doctor_link.c at identity and broker, doctor_daemon.c at what
 * the running daemon says.
 *
 * What could not be tested is UNKNOWN, never passed and never failed. A finding that follows from
 * another's failure names it and is folded into it.
 */
#ifndef GATEWAY_GATEWAYCTL_DOCTOR_H
#define GATEWAY_GATEWAYCTL_DOCTOR_H

#include "gateway/core/config/config.h"
#include "gateway/gatewayctl/ask.h"
#include "gateway/gatewayctl/status.h"

#define DOCTOR_FINDINGS_MAX 640 /* 32 ports and buses, 256 devices, and some */
#define DOCTOR_TEXT_SIZE    512
#define DOCTOR_NAME_SIZE    96

enum doctor_state { DOCTOR_PASS, DOCTOR_UNKNOWN, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_finding {
    enum doctor_state state;
    char name[DOCTOR_NAME_SIZE]; /* stable and untranslated: "port rs485-1" */
    char text[DOCTOR_TEXT_SIZE];
    char fix[DOCTOR_TEXT_SIZE]; /* empty: there is nothing to do */
    int because;                /* the finding it follows from; -1: none */
};

struct doctor {
    struct ask_options ask;
    struct gateway_config *config; /* NULL: it cannot be read */
    struct status status;          /* doc NULL: the daemon does not answer */
    struct doctor_finding *findings;
    size_t count;
    int config_finding, daemon_finding, clock_finding;
};

/* Adds a finding; its place, for `because` of others. */
int doctor_say(struct doctor *d, enum doctor_state state, const char *name, const char *fix,
               const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Says that the last finding follows from another. */
void doctor_because(struct doctor *d, int root);
/* A part of the daemon's status; NULL when it does not answer. */
const struct json *doctor_status(const struct doctor *d, const char *part);
bool doctor_failed(const struct doctor *d, int finding);

void doctor_host(struct doctor *d);   /* clock, ports, spool, disk */
void doctor_link(struct doctor *d);   /* certificates, broker */
void doctor_daemon(struct doctor *d); /* what the daemon says of spool, buses and devices */

#endif
