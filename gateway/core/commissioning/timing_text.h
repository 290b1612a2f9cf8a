/*
 * How a line behaves, for people and programs: a histogram of turnarounds, silences that were not
 * kept, noise, and what to write into the configuration. Pure.
 */
#ifndef GATEWAY_CORE_COMMISSIONING_TIMING_TEXT_H
#define GATEWAY_CORE_COMMISSIONING_TIMING_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Bucket i holds turnarounds below 250 us * 2^(i/2); the last one all above as well. As struct
 * bus_timing of gateway/io/bus/bus_worker.h. */
#define TIMING_BUCKETS 24

struct timing {
    const char *bus;
    uint64_t turnaround[TIMING_BUCKETS];
    uint64_t replies, pauses, early, noise_bytes;
    uint64_t asked; /* 0: not known (the daemon counts replies only) */
    uint32_t longest_us;
};

uint32_t timing_bucket_us(unsigned bucket); /* the turnaround it ends at */
void timing_add(struct timing *t, uint32_t turnaround_us);
/* The bucket's end below which `percent` of the replies came; 0 without any. */
uint32_t timing_percentile_us(const struct timing *t, unsigned percent);
/* What to configure: the slave's usual worst (95 of 100), and a timeout with room above the
 * longest. 0 without replies. */
uint32_t timing_turnaround_ms(const struct timing *t);
uint32_t timing_timeout_ms(const struct timing *t);

void timing_text(const struct timing *t, bool ascii, struct buf *out);
void timing_text_json(const struct timing *t, struct buf *out);

#endif
