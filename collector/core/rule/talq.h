/*
 * The event names of the TALQ Smart City Protocol (version 2), in whose words alerts leave the
 * province's own systems. Read-only table; any thread.
 */
#ifndef COLLECTOR_CORE_RULE_TALQ_H
#define COLLECTOR_CORE_RULE_TALQ_H

#include <stdbool.h>

/* Exact, case-sensitive: "pm2-5TooHigh", "lampFailure", ... */
bool talq_event_known(const char *name);

#endif
