#include "gateway/core/commissioning/scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/core/bus/plan.h"
#include "gateway/core/commissioning/scan_inside.h"

#define PATIENCE       5    /* times the wait, for a slave that was seen to be slow */
#define SERVER_BAUD    2400 /* as slow as they come: for the time a reply may take */
#define EXCEPTION_PATH 0x0a /* a gateway's word for an address it cannot reach, */
#define EXCEPTION_MUTE 0x0b /* and for one that is silent (V1.1b3, section 7) */

static const struct scan_settings likely[] = {
    {9600, 'N', 1},   {19200, 'E', 1}, {4800, 'N', 1}, {2400, 'N', 1},
    {115200, 'N', 1}, {19200, 'N', 1}, {9600, 'E', 1}, {38400, 'N', 1},
};
#define LIKELY       (sizeof(likely) / sizeof(likely[0]))
#define LIKELY_QUICK 5

static const uint32_t usual_bauds[] = {9600, 19200, 4800, 2400, 115200, 38400, 57600, 1200};
#define USUAL_BAUDS (sizeof(usual_bauds) / sizeof(usual_bauds[0]))

static bool bit_of(const uint64_t *set, unsigned i)
{
    return set[i / 64] >> (i % 64) & 1;
}

static void set_bit(uint64_t *set, unsigned i)
{
    set[i / 64] |= UINT64_C(1) << (i % 64);
}

/* --- what to try, and in which order --- */

static int rank_of_baud(uint32_t baud)
{
    for (size_t i = 0; i < USUAL_BAUDS; i++)
        if (usual_bauds[i] == baud)
            return (int)i;
    return USUAL_BAUDS;
}

/* Lower comes first: the likely list, then 8N1, 8E1, 8O1, 8N2 and the odd rest, each by speed. */
static int rank_of(const struct scan_settings *s)
{
    for (size_t i = 0; i < LIKELY; i++)
        if (likely[i].baud == s->baud && likely[i].parity == s->parity &&
            likely[i].stop_bits == s->stop_bits)
            return (int)i;
    int frame = s->parity == 'N' ? 0 : s->parity == 'E' ? 1 : 2;
    if (s->stop_bits == 2)
        frame += 3;
    return (int)LIKELY + frame * 32 + rank_of_baud(s->baud);
}

static int compare_settings(const void *a, const void *b)
{
    return rank_of(a) - rank_of(b);
}

static void list_settings(struct scan *s)
{
    const struct scan_options *o = &s->options;
    if (o->kind != BUS_RTU) {
        /* the line behind a serial server has a speed nobody here knows */
        s->settings[0].baud = o->kind == BUS_RTU_TCP ? SERVER_BAUD : 0;
        s->setting_count = 1;
        return;
    }
    for (size_t b = 0; b < o->baud_count; b++)
        for (size_t p = 0; p < o->parity_count; p++)
            for (size_t t = 0; t < o->stop_count; t++) {
                struct scan_settings one = {o->bauds[b], o->parities[p], o->stops[t]};
                bool odd = one.parity != 'N' && one.stop_bits == 2; /* 12 bits: nobody's delivery */
                if (!odd || s->wants_odd)
                    s->settings[s->setting_count++] = one;
            }
    qsort(s->settings, s->setting_count, sizeof(s->settings[0]), compare_settings);
    if (o->quick && s->setting_count > LIKELY_QUICK)
        s->setting_count = LIKELY_QUICK;
}

static void add_block(struct scan *s, size_t setting, unsigned first, unsigned last)
{
    if (first > last)
        return;
    assert(s->block_count < SCAN_BLOCKS_MAX);
    s->blocks[s->block_count++] =
        (struct scan_block){(uint8_t)setting, false, (uint16_t)first, (uint16_t)last};
}

/* Likely settings before others, and low addresses everywhere before high ones anywhere. */
static void list_blocks(struct scan *s)
{
    unsigned first = s->options.unit_first, last = s->options.unit_last;
    unsigned low = last < SCAN_LOW_UNITS ? last : SCAN_LOW_UNITS;
    for (size_t i = 0; i < s->setting_count; i++)
        add_block(s, i, first, low);
    for (size_t i = 0; i < s->setting_count; i++)
        add_block(s, i, first > low ? first : low + 1, last);
    if (s->peer_itself)
        add_block(s, 0, 255, 255);
}

static struct bus_line line_of(const struct scan *s, const struct scan_settings *settings)
{
    return (struct bus_line){.name = "scan",
                             .kind = s->options.kind,
                             .baud = settings->baud,
                             .parity = settings->parity,
                             .stop_bits = settings->stop_bits};
}

static uint32_t time_ms(const struct scan *s, size_t setting, uint32_t wait_ms,
                        enum point_table table, unsigned count)
{
    struct bus_line line = line_of(s, &s->settings[setting]);
    return (uint32_t)(plan_time_us(&line, wait_ms, table, count) / 1000) + 1 + SCAN_SLACK_MS;
}

static uint32_t probe_ms(const struct scan *s, size_t setting)
{
    return time_ms(s, setting, s->options.wait_ms, TABLE_HOLDING, 1);
}

static uint64_t left_ms(const struct scan *s)
{
    uint64_t ms = 0;
    for (size_t i = s->block; i < s->block_count; i++) {
        const struct scan_block *b = &s->blocks[i];
        uint64_t probes = b->unit <= b->last ? b->last - b->unit + 1U : 0;
        ms += probes * probe_ms(s, b->setting);
    }
    return ms;
}

/* --- creation --- */

static int fill_in(struct scan *s, struct err *e)
{
    struct scan_options *o = &s->options;
    s->wants_odd = o->parity_count > 0 && o->stop_count > 0;
    if (o->baud_count == 0) {
        memcpy(o->bauds, usual_bauds, sizeof(usual_bauds));
        o->baud_count = USUAL_BAUDS;
    }
    if (o->parity_count == 0) {
        memcpy(o->parities, "NEO", sizeof(o->parities));
        o->parity_count = sizeof(o->parities);
    }
    if (o->stop_count == 0) {
        o->stops[0] = 1;
        o->stops[1] = 2;
        o->stop_count = 2;
    }
    if (o->wait_ms == 0)
        o->wait_ms = o->kind == BUS_RTU ? SCAN_WAIT_RTU_MS : SCAN_WAIT_TCP_MS;
    if (o->unit_first == 0 && o->unit_last == 0) {
        s->peer_itself = o->kind == BUS_TCP;
        o->unit_first = 1;
        o->unit_last = o->quick ? SCAN_LOW_UNITS : BUS_UNIT_MAX;
    }
    if (o->unit_first < 1 || o->unit_first > o->unit_last || o->unit_last > BUS_UNIT_MAX)
        return err_set(e, ERR_INVALID, "units %u to %u: give a range within 1 to %d", o->unit_first,
                       o->unit_last, BUS_UNIT_MAX);
    for (size_t i = 0; o->kind == BUS_RTU && i < o->baud_count; i++)
        if (o->bauds[i] < 300 || o->bauds[i] > 4000000)
            return err_set(e, ERR_INVALID, "%u is not a rate serial ports have", o->bauds[i]);
    return 0;
}

int scan_create(const struct scan_options *options, struct scan **out, struct err *e)
{
    struct scan *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(e, ERR_NOMEM, "no memory for a scan");
    s->options = *options;
    int rc = fill_in(s, e);
    if (rc != 0) {
        scan_destroy(s);
        return rc;
    }
    list_settings(s);
    list_blocks(s);
    s->total_ms = left_ms(s);
    s->setting = -1;
    *out = s;
    return 0;
}

void scan_destroy(struct scan *s)
{
    free(s);
}

/* --- what is next --- */

static bool to_try(const struct scan *s, size_t setting, unsigned unit)
{
    return !bit_of(s->found, unit) && !bit_of(s->tried[setting], unit);
}

static void ask(struct scan *s, unsigned unit, unsigned patience, struct scan_action *out)
{
    s->unit = (uint8_t)unit;
    s->patient = patience > 1;
    set_bit(s->tried[s->setting], unit);
    out->kind = SCAN_SEND;
    out->request = (struct bus_request){
        .unit = (uint8_t)unit,
        .function = TABLE_HOLDING,
        .count = 1,
        .timeout_ms =
            time_ms(s, (size_t)s->setting, s->options.wait_ms * patience, TABLE_HOLDING, 1)};
}

static void open_setting(struct scan *s, size_t setting, struct scan_action *out)
{
    if (s->setting >= 0 && s->settings[s->setting].baud != s->settings[setting].baud)
        s->damaged_in_row = 0;
    s->setting = (int)setting;
    s->retry_count = 0;
    s->last_unit = 0;
    out->kind = SCAN_OPEN;
}

/* The address that was heard in pieces, in the other frames of that speed. */
static bool next_of_hunt(struct scan *s, struct scan_action *out)
{
    for (; s->hunting && s->hunt_setting < s->setting_count; s->hunt_setting++) {
        if (s->settings[s->hunt_setting].baud != s->hunt_baud ||
            !to_try(s, s->hunt_setting, s->hunt_unit))
            continue;
        if (s->setting != (int)s->hunt_setting)
            open_setting(s, s->hunt_setting, out);
        else
            ask(s, s->hunt_unit, 1, out);
        return true;
    }
    s->hunting = false;
    return false;
}

static bool next_of_retries(struct scan *s, struct scan_action *out)
{
    while (s->retry_count > 0) {
        unsigned unit = s->retry[--s->retry_count];
        if (bit_of(s->found, unit))
            continue;
        ask(s, unit, PATIENCE, out);
        return true;
    }
    return false;
}

static bool next_of_block(struct scan *s, struct scan_block *b, struct scan_action *out)
{
    for (; b->unit <= b->last; b->unit++) {
        if (!to_try(s, b->setting, b->unit))
            continue;
        if (s->setting != b->setting)
            open_setting(s, b->setting, out);
        else
            ask(s, b->unit, 1, out);
        return true;
    }
    return false;
}

void scan_next(struct scan *s, struct scan_action *out)
{
    memset(out, 0, sizeof(*out));
    if (s->announce) {
        s->announce = false;
        out->kind = SCAN_FOUND;
        out->find = &s->finds[s->find_count - 1];
    } else if (s->identifying && scan_identify_next(s, out)) {
        out->request.timeout_ms =
            time_ms(s, (size_t)s->setting, 2 * s->options.wait_ms,
                    (enum point_table)out->request.function, out->request.count);
    } else if (s->identifying) {
        s->identifying = false;
        out->kind = SCAN_KNOWN;
        out->find = &s->finds[s->find_count - 1];
    } else if (!next_of_retries(s, out) && !next_of_hunt(s, out)) {
        out->kind = SCAN_DONE;
        while (s->block < s->block_count && !next_of_block(s, &s->blocks[s->block], out))
            s->block++;
    }
    if (s->setting >= 0)
        out->settings = s->settings[s->setting];
}

/* --- what an answer means --- */

static void found(struct scan *s, const struct bus_reply *reply)
{
    set_bit(s->found, s->unit);
    s->hunting = s->hunting && s->hunt_unit != s->unit;
    s->damaged_in_row = 0;
    s->finds[s->find_count++] =
        (struct scan_find){.settings = s->settings[s->setting],
                           .unit = s->unit,
                           .exception = reply->outcome == BUS_EXCEPTION ? reply->exception : 0};
    s->announce = true;
    s->identifying = true;
    scan_identify_begin(s);
}

/* Somebody else talks here, or at another speed: what is left at this one comes last, once. */
static void put_off(struct scan *s, uint32_t baud)
{
    size_t count = s->block_count;
    for (size_t i = s->block; i < count; i++) {
        struct scan_block *b = &s->blocks[i];
        if (s->settings[b->setting].baud != baud || b->put_off || b->unit > b->last)
            continue;
        struct scan_block rest = *b;
        rest.put_off = true;
        b->last = (uint16_t)(b->unit - 1U);
        assert(s->block_count < SCAN_BLOCKS_MAX);
        if (!s->options.quick)
            s->blocks[s->block_count++] = rest;
    }
}

static void damaged(struct scan *s)
{
    s->damaged++;
    if (++s->damaged_in_row >= SCAN_NOISY_MAX) {
        s->hunting = false;
        s->damaged_in_row = 0;
        put_off(s, s->settings[s->setting].baud);
    } else if (!s->hunting && s->options.kind == BUS_RTU) {
        s->hunting = true;
        s->hunt_unit = s->unit;
        s->hunt_baud = s->settings[s->setting].baud;
        s->hunt_setting = 0;
    }
}

/* The reply of a slow slave, most likely of the address asked before. */
static void foreign(struct scan *s)
{
    if (s->patient)
        return;
    s->retry_count = 0;
    s->retry[s->retry_count++] = s->unit;
    if (s->last_unit != 0)
        s->retry[s->retry_count++] = s->last_unit;
}

static void probe_replied(struct scan *s, const struct bus_reply *reply)
{
    bool mute = reply->outcome == BUS_EXCEPTION && s->options.kind != BUS_RTU &&
                (reply->exception == EXCEPTION_PATH || reply->exception == EXCEPTION_MUTE);
    switch (reply->outcome) {
    case BUS_OK:
    case BUS_EXCEPTION:
        if (!mute)
            found(s, reply);
        break;
    case BUS_DAMAGED:
        damaged(s);
        break;
    case BUS_FOREIGN:
        foreign(s);
        break;
    case BUS_NO_REPLY:
    case BUS_LOST:
        s->damaged_in_row = 0;
        break;
    }
    s->last_unit = s->unit;
}

void scan_replied(struct scan *s, const struct bus_reply *reply, const uint16_t *values)
{
    if (s->identifying)
        scan_identify_replied(s, reply, values);
    else
        probe_replied(s, reply);
}

void scan_get_progress(const struct scan *s, struct scan_progress *out)
{
    *out = (struct scan_progress){.unit = s->unit,
                                  .found = s->find_count,
                                  .damaged = s->damaged,
                                  .identifying = s->identifying};
    if (s->setting >= 0)
        out->settings = s->settings[s->setting];
    out->left_ms = left_ms(s);
    out->percent = s->total_ms ? (unsigned)(100 - out->left_ms * 100 / s->total_ms) : 100;
}

const struct scan_find *scan_finds(const struct scan *s, size_t *count)
{
    *count = s->find_count;
    return s->finds;
}
