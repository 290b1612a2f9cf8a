/*
 * gatewayd's configuration from disk: file, profiles, certificates and the plan of each bus,
 * checked before anything runs. Errors name the file first. Main thread only.
 */
#ifndef GATEWAY_IO_CONFIG_FILE_H
#define GATEWAY_IO_CONFIG_FILE_H

#include "base/err.h"
#include "gateway/core/config/config.h"

/* Reads and checks PATH, the plans included; warnings go to the log. The caller frees *out. */
int config_file_load(const char *path, struct gateway_config **out, struct err *e);
/* As config_file_load, but a bus may be overfull and certificates and keys are not looked at: for
 * what shows and plans, on a desk or as a user who may not read them. */
int config_file_read(const char *path, struct gateway_config **out, struct err *e);
/* Prints what would run, to stdout. ERR_IO. */
int config_file_print(const struct gateway_config *c, struct err *e);

#endif
