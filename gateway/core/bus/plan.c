#include "gateway/core/bus/plan.h"

#include <assert.h>
#include <stdlib.h>

#define CHARACTER_BITS    11
#define RTU_FRAME_BYTES   13  /* request 8; reply unit, function, count and CRC 5 */
#define TCP_FRAME_BYTES   21  /* request 12; reply header 7, function, count */
#define TCP_NS_PER_BYTE   800 /* 10 Mbit/s, what small controllers have */
#define TCP_ROUND_TRIP_MS 2
#define SILENCES_BITS     77
#define SILENCES_MIN_US   3500

static bool is_bits(enum point_table table)
{
    return table == TABLE_COIL || table == TABLE_DISCRETE;
}

uint8_t plan_reply_bytes(enum point_table table, uint32_t count)
{
    return (uint8_t)(is_bits(table) ? (count + 7) / 8 : 2 * count);
}

/* Above 19200 baud the two silences are a fixed time, below it 77 bits. */
static int64_t serial_us(uint32_t baud, uint32_t bytes)
{
    int64_t bits = (int64_t)bytes * CHARACTER_BITS;
    if (SILENCES_BITS * INT64_C(1000000) / baud < SILENCES_MIN_US)
        return bits * 1000000 / baud + SILENCES_MIN_US;
    return (bits + SILENCES_BITS) * 1000000 / baud;
}

uint32_t plan_silence_us(const struct bus_line *line)
{
    if (line->kind == BUS_TCP || line->baud == 0)
        return 0;
    return (uint32_t)(serial_us(line->baud, 0) + 1) / 2;
}

int64_t plan_time_us(const struct bus_line *line, uint32_t turnaround_ms, enum point_table table,
                     uint32_t count)
{
    uint32_t data = plan_reply_bytes(table, count);
    int64_t us = (int64_t)turnaround_ms * 1000;
    if (line->kind != BUS_RTU) {
        uint32_t trip_ms = line->round_trip_ms ? line->round_trip_ms : TCP_ROUND_TRIP_MS;
        us += (int64_t)trip_ms * 1000 + (int64_t)(TCP_FRAME_BYTES + data) * TCP_NS_PER_BYTE / 1000;
    }
    if (line->baud > 0)
        us += serial_us(line->baud, RTU_FRAME_BYTES + data);
    return us;
}

static const struct point *point_at(const struct plan *plan, uint16_t device, size_t at)
{
    return &plan->devices[device].profile->points[plan->points[at]];
}

static uint32_t point_period_ms(const struct bus_device *d, const struct point *p)
{
    return p->period_ms ? p->period_ms : d->period_ms;
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Behind the last register of some points, which may lie inside one another. */
static uint32_t end_of(const struct plan *plan, uint16_t device, size_t first, size_t points)
{
    uint32_t end = 0;
    for (size_t i = first; i < first + points; i++) {
        const struct point *p = point_at(plan, device, i);
        end = max_u32(end, (uint32_t)p->address + p->count);
    }
    return end;
}

struct plan_request plan_slice(const struct plan *plan, const struct plan_request *r, size_t from,
                               size_t points)
{
    assert(points >= 1 && from + points <= r->points);
    struct plan_request s = *r;
    s.first = r->first + (uint32_t)from;
    s.points = (uint16_t)points;
    s.address = point_at(plan, r->device, s.first)->address;
    s.count = (uint16_t)(end_of(plan, r->device, s.first, points) - s.address);
    return s;
}

/* The widest gap, the middlemost of equals. */
size_t plan_cut(const struct plan *plan, const struct plan_request *r)
{
    size_t cut = 0, off_centre = SIZE_MAX;
    uint32_t widest = 0, end = 0;
    for (size_t i = 1; i < r->points; i++) {
        const struct point *before = point_at(plan, r->device, r->first + i - 1);
        const struct point *after = point_at(plan, r->device, r->first + i);
        size_t off = i > r->points / 2U ? i - r->points / 2U : r->points / 2U - i;
        end = max_u32(end, (uint32_t)before->address + before->count);
        if (after->address < end)
            continue;
        uint32_t gap = after->address - end;
        if (gap > widest || (gap == widest && off < off_centre)) {
            widest = gap;
            off_centre = off;
            cut = i;
        }
    }
    return cut;
}

/* --- cutting --- */

/* The device's block a point lies in; NULL where the table has none. */
static const struct profile_block *block_of(const struct profile *profile, const struct point *p)
{
    for (size_t i = 0; i < profile->block_count; i++) {
        const struct profile_block *b = &profile->blocks[i];
        if (b->table == p->table && p->address >= b->address &&
            (uint32_t)p->address + p->count <= b->address + b->count)
            return b;
    }
    return NULL;
}

/* A register between two points that can be written only: a read over it may be refused whole. */
static bool is_wall(const struct profile *profile, const struct point *before,
                    const struct point *after)
{
    for (size_t i = 0; i < profile->point_count; i++) {
        const struct point *p = &profile->points[i];
        if (p->write_only && p->table == before->table && p->address < after->address &&
            p->address >= before->address + before->count)
            return true;
    }
    return false;
}

/* The cheapest way to end a request before each point: best[i] is the least time for the first i
 * points of the run, and the last request of that way starts at start[i]. */
static void cut_run(const struct plan *plan, const struct plan_request *run,
                    uint16_t start[PROFILE_POINTS_MAX + 1])
{
    const struct bus_device *d = &plan->devices[run->device];
    uint32_t limit = is_bits(run->table) ? BUS_BITS_MAX : BUS_REGISTERS_MAX;
    int64_t best[PROFILE_POINTS_MAX + 1] = {0};
    for (size_t end = 1; end <= run->points; end++) {
        const struct profile_block *block =
            block_of(d->profile, point_at(plan, run->device, run->first + end - 1));
        uint32_t behind = 0;
        best[end] = INT64_MAX;
        for (size_t from = end; from-- > 0;) {
            const struct point *head = point_at(plan, run->device, run->first + from);
            behind = max_u32(behind, (uint32_t)head->address + head->count);
            uint32_t count = behind - head->address;
            if (count > limit || block_of(d->profile, head) != block)
                break;
            if (from + 1 < end &&
                is_wall(d->profile, head, point_at(plan, run->device, run->first + from + 1)))
                break;
            int64_t us =
                best[from] + plan_time_us(plan->line, bus_turnaround_ms(d), run->table, count);
            if (us <= best[end]) {
                best[end] = us;
                start[end] = (uint16_t)from;
            }
        }
    }
}

static void add_run(struct plan *plan, const struct plan_request *run)
{
    uint16_t start[PROFILE_POINTS_MAX + 1] = {0};
    cut_run(plan, run, start);
    size_t pieces = 0;
    for (size_t end = run->points; end > 0; end = start[end])
        pieces++;
    size_t slot = plan->request_count + pieces;
    for (size_t end = run->points; end > 0; end = start[end])
        plan->requests[--slot] = plan_slice(plan, run, start[end], end - start[end]);
    plan->request_count += pieces;
}

static void add_map_read(struct plan *plan, uint16_t device, enum plan_role role,
                         uint32_t period_ms)
{
    const struct profile_map *map = &plan->devices[device].profile->map;
    plan->requests[plan->request_count++] =
        (struct plan_request){.device = device,
                              .role = role,
                              .table = map->table,
                              .address = role == PLAN_CODES ? map->codes : map->status,
                              .count = map->slots,
                              .period_ms = period_ms,
                              .first = (uint32_t)plan->point_count};
}

/* Takes the device's points of one (table, period), in address order, starting with point `head`.
 */
static void take_run(struct plan *plan, uint16_t device, size_t head, uint64_t *left)
{
    const struct bus_device *d = &plan->devices[device];
    const struct profile *profile = d->profile;
    struct plan_request run = {.device = device,
                               .table = profile->points[head].table,
                               .period_ms = point_period_ms(d, &profile->points[head]),
                               .first = (uint32_t)plan->point_count};
    bool mapped = false;
    for (size_t i = head; i < profile->point_count; i++) {
        const struct point *p = &profile->points[i];
        if (!(left[i / 64] >> (i % 64) & 1) || p->table != run.table ||
            point_period_ms(d, p) != run.period_ms)
            continue;
        left[i / 64] &= ~(UINT64_C(1) << (i % 64));
        plan->points[plan->point_count++] = (uint16_t)i;
        run.points++;
        mapped |= p->code != 0;
    }
    if (mapped && profile->map.has_status)
        add_map_read(plan, device, PLAN_STATUS, run.period_ms);
    add_run(plan, &run);
    if (mapped) {
        add_map_read(plan, device, PLAN_CODES, run.period_ms);
        plan->requests[plan->request_count - 1].behind = true;
    }
}

static void add_device(struct plan *plan, uint16_t device)
{
    const struct bus_device *d = &plan->devices[device];
    uint64_t left[BUS_POINT_WORDS] = {0};
    if (bus_is_broadcast(plan->line->kind, d->unit))
        return; /* nobody answers */
    bool mapped = false;
    for (size_t i = 0; i < d->profile->point_count; i++) {
        left[i / 64] |= (uint64_t)bus_device_polls(d, i) << (i % 64);
        mapped |= bus_device_polls(d, i) && d->profile->points[i].code;
    }
    if (mapped)
        add_map_read(plan, device, PLAN_CODES, d->profile->map.period_ms);
    for (size_t i = 0; i < d->profile->point_count; i++)
        if (left[i / 64] >> (i % 64) & 1)
            take_run(plan, device, i, left);
}

/* --- checking --- */

/* What serial drivers know; libmodbus takes 9600 for any other without a word. */
static bool is_baud(uint32_t baud)
{
    static const uint32_t known[] = {300,     600,     1200,    2400,    4800,    9600,
                                     19200,   38400,   57600,   115200,  230400,  460800,
                                     500000,  576000,  921600,  1000000, 1152000, 1500000,
                                     2000000, 2500000, 3000000, 3500000, 4000000};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i] == baud)
            return true;
    return false;
}

static int check_line(const struct bus_line *line, size_t device_count, struct err *e)
{
    if (device_count > BUS_DEVICES_MAX)
        return err_set(e, ERR_LIMIT, "bus %s: %zu devices; a bus has at most %d", line->name,
                       device_count, BUS_DEVICES_MAX);
    if ((line->kind != BUS_TCP || line->baud > 0) && !is_baud(line->baud))
        return err_set(e, ERR_INVALID,
                       "bus %s: baud %u is not a rate serial ports have, such as "
                       "9600, 19200 or 115200",
                       line->name, line->baud);
    if (line->timeout_ms > BUS_TIMEOUT_MAX_MS)
        return err_set(e, ERR_INVALID, "bus %s: timeout_ms %u is above %d", line->name,
                       line->timeout_ms, BUS_TIMEOUT_MAX_MS);
    return 0;
}

static int check_unit(const struct bus_line *line, const struct bus_device *d, struct err *e)
{
    bool peer = d->unit == 0 || (line->kind == BUS_TCP && d->unit == 255);
    if (peer || (d->unit >= 1 && d->unit <= BUS_UNIT_MAX))
        return 0;
    return err_set(e, ERR_INVALID,
                   "bus %s: device %s: unit %u cannot be polled; units are 1 to 247, or %s",
                   line->name, d->name, d->unit,
                   line->kind == BUS_TCP ? "0 or 255 for the peer itself" : "0 to write to all");
}

/* Two profiles at one unit would each be told of the other's silence. */
static int check_twins(const struct bus_line *line, const struct bus_device *devices, size_t at,
                       struct err *e)
{
    for (size_t i = 0; i < at; i++)
        if (devices[i].unit == devices[at].unit)
            return err_set(e, ERR_EXISTS,
                           "bus %s: devices %s and %s are both unit %u; give one of them another "
                           "address, or put their points into one profile",
                           line->name, devices[i].name, devices[at].name, devices[at].unit);
    return 0;
}

static int check_point(const struct bus_line *line, const struct bus_device *d,
                       const struct point *p, struct err *e)
{
    uint32_t period_ms = point_period_ms(d, p);
    uint32_t limit = is_bits(p->table) ? BUS_BITS_MAX : BUS_REGISTERS_MAX;
    if (period_ms < PLAN_PERIOD_MIN_MS || period_ms > PLAN_PERIOD_MAX_MS)
        return err_set(e, ERR_INVALID,
                       "bus %s: device %s: point %s: period_ms %u is outside %d to %d", line->name,
                       d->name, p->name, period_ms, PLAN_PERIOD_MIN_MS, PLAN_PERIOD_MAX_MS);
    if (p->count == 0 || p->count > limit || p->address + (uint32_t)p->count > 65536)
        return err_set(e, ERR_INVALID,
                       "bus %s: device %s: point %s: %u at address %u cannot be read in one "
                       "request of at most %u",
                       line->name, d->name, p->name, p->count, p->address, limit);
    return 0;
}

static int check_device(const struct bus_line *line, const struct bus_device *d, size_t *points,
                        struct err *e)
{
    int rc = check_unit(line, d, e);
    if (rc == 0 && d->profile->point_count > PROFILE_POINTS_MAX)
        rc = err_set(e, ERR_LIMIT, "bus %s: device %s: profile %s has %zu points; at most %d",
                     line->name, d->name, d->profile->name, d->profile->point_count,
                     PROFILE_POINTS_MAX);
    if (rc == 0 && d->timeout_ms > BUS_TIMEOUT_MAX_MS)
        rc = err_set(e, ERR_INVALID, "bus %s: device %s: timeout_ms %u is above %d", line->name,
                     d->name, d->timeout_ms, BUS_TIMEOUT_MAX_MS);
    bool everybody = bus_is_broadcast(line->kind, d->unit);
    for (size_t i = 0; rc == 0 && i < d->profile->point_count; i++) {
        if (everybody || !bus_device_polls(d, i))
            continue;
        rc = check_point(line, d, &d->profile->points[i], e);
        (*points)++;
    }
    return rc;
}

int plan_create(const struct bus_line *line, const struct bus_device *devices, size_t device_count,
                struct plan **out, struct err *e)
{
    size_t points = 0;
    int rc = check_line(line, device_count, e);
    for (size_t i = 0; rc == 0 && i < device_count; i++)
        if ((rc = check_twins(line, devices, i, e)) == 0)
            rc = check_device(line, &devices[i], &points, e);
    if (rc != 0)
        return rc;

    struct plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        goto nomem;
    plan->line = line;
    plan->devices = devices;
    plan->device_count = device_count;
    plan->requests = calloc(3 * points + device_count + 1, sizeof(*plan->requests));
    plan->points = calloc(points + 1, sizeof(*plan->points));
    if (!plan->requests || !plan->points)
        goto nomem;
    for (size_t i = 0; i < device_count; i++)
        add_device(plan, (uint16_t)i);
    *out = plan;
    return 0;
nomem:
    plan_destroy(plan);
    err_set(e, ERR_NOMEM, "bus %s: no memory for a plan of %zu points", line->name, points);
    return ERR_NOMEM;
}

void plan_destroy(struct plan *plan)
{
    if (!plan)
        return;
    free(plan->requests);
    free(plan->points);
    free(plan);
}

/* --- what it costs --- */

int64_t plan_request_us(const struct plan *plan, const struct plan_request *r)
{
    uint32_t turnaround_ms = bus_turnaround_ms(&plan->devices[r->device]);
    return plan_time_us(plan->line, turnaround_ms, r->table, r->count);
}

static int64_t request_use_us(const struct plan *plan, const struct plan_request *r)
{
    return plan_request_us(plan, r) * 1000 / r->period_ms;
}

uint32_t plan_phase_ms(const struct plan *plan, size_t index)
{
    uint32_t period_ms = plan->requests[index].period_ms;
    int64_t before_us = 0, all_us = 0;
    assert(index < plan->request_count);
    index -= plan->requests[index].behind;
    for (size_t i = 0; i < plan->request_count; i++) {
        if (plan->requests[i].period_ms != period_ms)
            continue;
        int64_t us = request_use_us(plan, &plan->requests[i]) + 1;
        before_us += i < index ? us : 0;
        all_us += us;
    }
    assert(all_us > 0); /* its own at least */
    int64_t after_ms = before_us * period_ms / all_us;
    return (uint32_t)(after_ms - after_ms % PLAN_PHASE_STEP_MS);
}

int64_t plan_use_us(const struct plan *plan)
{
    int64_t us = 0;
    for (size_t i = 0; i < plan->request_count; i++)
        us += request_use_us(plan, &plan->requests[i]);
    return us;
}

static size_t greatest_user(const struct plan *plan, int64_t *use_us)
{
    size_t greatest = 0;
    *use_us = -1;
    for (size_t d = 0; d < plan->device_count; d++) {
        int64_t us = 0;
        for (size_t i = 0; i < plan->request_count; i++)
            if (plan->requests[i].device == d)
                us += request_use_us(plan, &plan->requests[i]);
        if (us > *use_us) {
            *use_us = us;
            greatest = d;
        }
    }
    return greatest;
}

static int overfull(const struct plan *plan, int64_t use_us, struct err *e)
{
    int64_t most_us;
    const struct bus_device *d = &plan->devices[greatest_user(plan, &most_us)];
    char baud[32] = "";
    if (plan->line->baud > 0)
        snprintf(baud, sizeof(baud), " at %u baud", plan->line->baud);
    return err_set(e, ERR_LIMIT,
                   "bus %s: its %zu devices need %lld ms of line time in every 1000 ms%s (%zu "
                   "requests); at most %d ms may be planned. Device %s needs most, %lld ms "
                   "(slave turnaround %u ms a request): raise period_ms, raise the baud rate, or "
                   "move devices to another bus",
                   plan->line->name, plan->device_count, (long long)(use_us + 999) / 1000, baud,
                   plan->request_count, PLAN_USE_MAX_PERCENT * 10, d->name,
                   (long long)(most_us + 999) / 1000, bus_turnaround_ms(d));
}

int plan_check(const struct bus_line *line, const struct bus_device *devices, size_t device_count,
               struct err *e)
{
    struct plan *plan = NULL;
    int rc = plan_create(line, devices, device_count, &plan, e);
    if (rc != 0)
        return rc;
    int64_t use_us = plan_use_us(plan);
    if (use_us > PLAN_USE_MAX_PERCENT * INT64_C(10000))
        rc = overfull(plan, use_us, e);
    plan_destroy(plan);
    return rc;
}
