/*
 * The whole way of a sample in one process, on virtual time, from one seed: N gateways (the real
 * packer, spool and uplink, on a disk that fails), a network and a broker that lose, double, delay
 * and reorder, and a collector (the real ingest over a store in memory with the real one's commit
 * semantics). Nothing here sleeps or reads a clock: the same seed gives the same run.
 *
 * A ledger knows every sample and every pack. What breaks a promise (docs: I1 each durable pack
 * stored once, or in a gap, or pending; I2 numbers without holes; I3, I4 what is stored is what was
 * sampled; I5 everything drains when the faults end; I6 every queue within its limit) is a breach:
 * the first one stops the run and is kept as text, with the seed that replays it.
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_SECOND     1000
#define SIM_MINUTE     (60 * SIM_SECOND)
#define SIM_HOUR       (60 * SIM_MINUTE)
#define SIM_DAY        (24 * SIM_HOUR)
#define SIM_CREDIT_MAX 64

struct sim;

/* How often, per mille of the seconds of one gateway or of the collector; 0: never. */
struct sim_faults {
    unsigned cut;               /* a connection breaks; what is on its way is lost or comes late */
    unsigned half_open;         /* for 20 to 90 s everything vanishes, then it breaks */
    unsigned duplicate;         /* per mille of the packs: they come a second time, later */
    unsigned kill;              /* a gateway's process */
    unsigned power;             /* of a gateway, at one of its next writes */
    unsigned disk_error;        /* EIO at every write for up to 100 s */
    unsigned disk_full;         /* as above, ENOSPC */
    unsigned disk_gone;         /* a kill, and the directory cannot be opened for up to 100 s */
    unsigned clock_step;        /* a gateway's UTC, an hour either way or back to 1970 */
    unsigned collector_kill;    /* with its batch committed or not */
    unsigned collector_restore; /* killed, and started from an older copy of its store */
    unsigned collector_fails;   /* per mille of the batches: the store gives them back */
};

struct sim_options {
    uint64_t seed;
    size_t gateways;
    int64_t sample_ms;           /* each gateway takes one sample so often */
    int64_t pack_ms;             /* a pack's age */
    size_t segments;             /* of each spool, of the smallest size */
    uint32_t credit_total;       /* 0: enough for all */
    int64_t delay_ms, jitter_ms; /* of the network, one way */
    uint64_t byte_rate;          /* of a gateway's link; 0: no limit */
    int64_t snapshot_ms;         /* the store is copied so often; 0: once, at the start */
    struct sim_faults faults;
    bool acks_early; /* a broken collector: it takes a batch handed over for a committed one */
};

/* What happened, to prove that a test tested something. */
struct sim_counts {
    uint64_t samples, packs, stored, duplicates, dropped, refused, conflicts;
    uint64_t cuts, kills, powers, disks, clocks, collector_kills, restores, withdrawn;
    uint64_t fresh;    /* packs sent before they were durable */
    uint64_t ahead;    /* of these, packs a kill took from the gateway and the collector stored */
    uint64_t security; /* alerts a gateway raised */
    uint64_t lost;     /* packs that were durable, and are in a gap of the store */
    uint64_t steps;
};

struct sim *sim_create(const struct sim_options *o);
void sim_destroy(struct sim *s);

/* Runs for so much virtual time; false: a breach. */
bool sim_run(struct sim *s, int64_t ms);
/* Ends all faults and all sampling, and waits until everything durable is settled and every promise
 * checked: false with a breach when that takes longer. */
bool sim_settle(struct sim *s, int64_t limit_ms);
/* NULL: none. */
const char *sim_breach(const struct sim *s);

void sim_set_faults(struct sim *s, const struct sim_faults *faults);
/* The network between gateways and broker; all connections break with it. */
void sim_set_network(struct sim *s, bool up);
void sim_kill_gateway(struct sim *s, size_t gateway);
void sim_restore_collector(struct sim *s);
/* A disk that fails every write with that errno, until 0. */
void sim_set_disk(struct sim *s, size_t gateway, int error);
/* The directory of a gateway's spool cannot be opened, from its next start on. */
void sim_set_directory(struct sim *s, size_t gateway, bool gone);

int64_t sim_now(const struct sim *s);
void sim_count(const struct sim *s, struct sim_counts *out);
uint64_t sim_pending(const struct sim *s); /* packs of all spools */
size_t sim_online(const struct sim *s);    /* gateways */
uint64_t sim_credits(const struct sim *s); /* sum of what was last granted to those online */
size_t sim_flights(const struct sim *s);   /* packs in flight of all gateways */
/* Of the packs frozen in [from, to) how many there are, how many were stored, and the longest any
 * of these took. */
struct sim_delivery {
    size_t frozen, stored;
    int64_t slowest_ms;
};
void sim_delivered(const struct sim *s, int64_t from_ms, int64_t to_ms, struct sim_delivery *out);
/* When the first pack frozen at or after that time was stored; -1: it is not. */
int64_t sim_stored_at(const struct sim *s, size_t gateway, int64_t frozen_ms);

/* --- seeds --- */

/* Calls run for `count` seeds from `first` (for more of them: the environment's IOC_SIM_SEEDS), or
 * only for the one in IOC_SIM_SEED; a breach fails the test and names the seed. */
void sim_each_seed(uint64_t first, uint64_t count, struct sim *(*run)(uint64_t seed));

#endif
