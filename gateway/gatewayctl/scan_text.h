/* What a scan shows: each find at once, the progress, and at the end what to write and to run. */
#ifndef GATEWAY_GATEWAYCTL_SCAN_TEXT_H
#define GATEWAY_GATEWAYCTL_SCAN_TEXT_H

#include "gateway/core/commissioning/scan.h"

struct scan_text {
    const struct bus_line *line; /* borrowed */
    bool json;
};

void scan_text_progress(const struct scan_text *t, const struct scan *scan);
void scan_text_found(const struct scan_text *t, const struct scan_find *find);
void scan_text_known(const struct scan_text *t, const struct scan_find *find);
void scan_text_summary(const struct scan_text *t, const struct scan_find *finds, size_t count,
                       bool interrupted);

#endif
