/* Shared by scan.c and scan_identify.c only. */
#ifndef GATEWAY_CORE_COMMISSIONING_SCAN_INSIDE_H
#define GATEWAY_CORE_COMMISSIONING_SCAN_INSIDE_H

#include "gateway/core/commissioning/scan.h"

#define SCAN_BLOCKS_MAX                                                                            \
    (4 * SCAN_SETTINGS_MAX + 1) /* low and high addresses, and what is put off */
#define SCAN_TABLES       5     /* by enum point_table, 1 to 4 */
#define SCAN_REFUSALS_MAX 2
#define SCAN_UNITS        256

/* Addresses of one setting that are tried in one go. */
struct scan_block {
    uint8_t setting;
    bool put_off;        /* once already */
    uint16_t unit, last; /* the next one, and the last */
};

struct scan {
    struct scan_options options;
    bool wants_odd, peer_itself;
    size_t setting_count;
    struct scan_settings settings[SCAN_SETTINGS_MAX]; /* likeliest first */
    size_t block_count, block;                        /* the present one */
    struct scan_block blocks[SCAN_BLOCKS_MAX];
    uint64_t found[SCAN_UNITS / 64];
    uint64_t tried[SCAN_SETTINGS_MAX][SCAN_UNITS / 64];

    int setting; /* the one that is open, or -1 */
    uint8_t unit, last_unit;
    bool patient; /* the present probe waits longer */
    uint8_t retry[2];
    size_t retry_count;
    bool hunting;
    uint8_t hunt_unit;
    uint32_t hunt_baud;
    size_t hunt_setting;
    unsigned damaged_in_row;
    size_t damaged;
    uint64_t total_ms;

    bool announce, identifying;
    size_t profile; /* being tried */
    unsigned table; /* of it, being asked */
    unsigned good, all;
    unsigned refusals[SCAN_TABLES]; /* from SCAN_REFUSALS_MAX on it does not know the function */
    size_t find_count;
    struct scan_find finds[SCAN_UNITS];
};

void scan_identify_begin(struct scan *s);
/* Fills out->request, or returns false: all profiles were tried. */
bool scan_identify_next(struct scan *s, struct scan_action *out);
void scan_identify_replied(struct scan *s, const struct bus_reply *reply, const uint16_t *values);

#endif
