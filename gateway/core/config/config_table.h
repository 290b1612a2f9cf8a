/* What config.c and its table share. */
#ifndef GATEWAY_CORE_CONFIG_CONFIG_TABLE_H
#define GATEWAY_CORE_CONFIG_CONFIG_TABLE_H

#include "gateway/core/config/config.h"

/* Order of the words of buses[].direction. */
enum gateway_direction {
    GATEWAY_DIRECTION_AUTOMATIC,
    GATEWAY_DIRECTION_KERNEL,
    GATEWAY_DIRECTION_NONE,
};

/* config_edge.c: what becomes of samples before they are kept. */
extern const struct schema_field gateway_report_fields[], gateway_derived_fields[];
/* Finds what `report` and `derived` of all devices name, once their profiles are loaded. */
int config_edge_check(struct gateway_config *c, const struct json_doc *doc, struct err *e);

#endif
