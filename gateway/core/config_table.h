/* What config.c and its table share. */
#ifndef GATEWAY_CORE_CONFIG_TABLE_H
#define GATEWAY_CORE_CONFIG_TABLE_H

/* Order of the words of buses[].direction. */
enum gateway_direction {
    GATEWAY_DIRECTION_AUTOMATIC,
    GATEWAY_DIRECTION_KERNEL,
    GATEWAY_DIRECTION_NONE,
};

#endif
