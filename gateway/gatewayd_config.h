/*
 * gatewayd's configuration from disk: file, profiles, certificates and the plan of each bus,
 * checked before anything runs. Errors name the file first. Main thread only.
 */
#ifndef GATEWAY_GATEWAYD_CONFIG_H
#define GATEWAY_GATEWAYD_CONFIG_H

#include "base/err.h"
#include "gateway/core/config.h"

/* Reads and checks PATH, the plans included; warnings go to the log. The caller frees *out. */
int gatewayd_config_load(const char *path, struct gateway_config **out, struct err *e);
/* Prints what would run, to stdout. ERR_IO. */
int gatewayd_config_print(const struct gateway_config *c, struct err *e);

#endif
