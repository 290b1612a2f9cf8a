/* The options that name registers without a profile: --unit, and one of --coil, --discrete,
 * --holding, --input with an address, and --count. */
#ifndef GATEWAY_GATEWAYCTL_RAW_H
#define GATEWAY_GATEWAYCTL_RAW_H

#include "base/cli.h"
#include "gateway/core/bus/bus.h"

#define RAW_OPTIONS 6

struct raw_options {
    int64_t unit, count;
    int64_t tables[5]; /* address by enum point_table; -1: not given */
};

/* Fills options[RAW_OPTIONS]. */
void raw_put_options(struct raw_options *o, struct cli_option *options);
/* One of the tables was given. */
bool raw_given(const struct raw_options *o);
/* ERR_INVALID: none or several tables, no unit, too many registers. */
int raw_request(const struct raw_options *o, struct bus_request *q, struct err *e);

#endif
