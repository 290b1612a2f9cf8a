#include "gateway/core/bus/plan_text.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "model/json.h"

#define BAR_WIDTH      50
#define SECOND_US      INT64_C(1000000)
#define LIMIT_US       (PLAN_USE_MAX_PERCENT * SECOND_US / 100)
#define CHARACTER_BITS 11 /* Modbus over Serial Line V1.02, 2.5.1: parity or a second stop bit */
#define FRAME_BYTES    13
#define RED            "\033[31m"
#define PLAIN          "\033[0m"

bool plan_text_overfull(const struct plan *plan)
{
    return plan_use_us(plan) > LIMIT_US;
}

static const struct bus_device *device_of(const struct plan *plan, const struct plan_request *r)
{
    return &plan->devices[r->device];
}

static int64_t share_us(const struct plan *plan, const struct plan_request *r)
{
    return plan_request_us(plan, r) * 1000 / r->period_ms;
}

/* What one device takes of each second, and with how many requests. */
static int64_t device_us(const struct plan *plan, size_t device, size_t *requests)
{
    int64_t us = 0;
    *requests = 0;
    for (size_t i = 0; i < plan->request_count; i++)
        if (plan->requests[i].device == device) {
            us += share_us(plan, &plan->requests[i]);
            (*requests)++;
        }
    return us;
}

static unsigned used_registers(const struct plan *plan, const struct plan_request *r)
{
    const struct profile *profile = device_of(plan, r)->profile;
    unsigned used = r->role == PLAN_POINTS ? 0 : r->count, end = 0;
    for (size_t i = r->first; i < r->first + (size_t)r->points; i++) {
        const struct point *p = &profile->points[plan->points[i]];
        unsigned first = p->address > end ? p->address : end; /* bits of one register share it */
        unsigned last = p->address + (p->count ? p->count : 1U);
        used += last > first ? last - first : 0;
        end = last > end ? last : end;
    }
    return used;
}

static double ms_of(int64_t us)
{
    return (double)us / 1000;
}

static double percent_of(int64_t us)
{
    return (double)us * 100 / SECOND_US;
}

/* "1 s", "15 min", "250 ms" */
static const char *period_text(uint32_t ms, char text[16])
{
    if (ms % 60000 == 0)
        snprintf(text, 16, "%u min", ms / 60000);
    else if (ms % 1000 == 0)
        snprintf(text, 16, "%u s", ms / 1000);
    else
        snprintf(text, 16, "%u ms", ms);
    return text;
}

/* --- the timetable --- */

static void put_line(const struct bus_line *line, struct buf *out)
{
    static const char *const kinds[] = {"RTU", "TCP", N_("RTU over TCP")};
    buf_fmt(out, "%s %s: %s", _("Bus"), line->name, text_get(kinds[line->kind]));
    if (line->kind == BUS_RTU)
        buf_fmt(out, " %s %u 8%c%u", line->path, line->baud, line->parity, line->stop_bits);
    else
        buf_fmt(out, " %s:%u", line->host, line->port);
    if (line->kind != BUS_RTU && line->baud > 0)
        buf_fmt(out, ", %u baud", line->baud);
    buf_char(out, '\n');
}

/* Widths count columns, not bytes: a translated heading has more of these. */
static void put_cell(struct buf *out, int width, const char *text)
{
    size_t columns = text_columns(text), all = (size_t)(width < 0 ? -width : width);
    size_t gap = columns < all ? all - columns : 0;
    if (width < 0)
        buf_str(out, text);
    for (size_t i = 0; i < gap; i++)
        buf_char(out, ' ');
    if (width > 0)
        buf_str(out, text);
    buf_char(out, ' ');
}

static const int widths[] = {-20, 4, -8, -11, 9, 10, 8, 8, 7};

static void put_row(struct buf *out, const char *const cells[])
{
    buf_char(out, ' ');
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++)
        put_cell(out, widths[i], cells[i]);
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->len--;
    buf_char(out, '\n');
}

/* Reads that find out a dynamic map have no points. */
static const char *role_name(enum plan_role role)
{
    static const char *const names[] = {"points", "codes", "status"};
    return names[role];
}

static void put_request(const struct plan *plan, size_t index, struct buf *out)
{
    const struct plan_request *r = &plan->requests[index];
    const struct bus_device *d = device_of(plan, r);
    char unit[8], range[16], used[16], time[16], period[16], phase[16], share[16];
    snprintf(unit, sizeof(unit), "%u", d->unit);
    snprintf(range, sizeof(range), "%u-%u", r->address, r->address + r->count - 1U);
    if (r->role == PLAN_POINTS)
        snprintf(used, sizeof(used), "%u/%u", used_registers(plan, r), r->count);
    else
        snprintf(used, sizeof(used), "%s", role_name(r->role));
    snprintf(time, sizeof(time), "%.1f ms", ms_of(plan_request_us(plan, r)));
    snprintf(phase, sizeof(phase), "+%u ms", plan_phase_ms(plan, index));
    snprintf(share, sizeof(share), "%.1f %%", percent_of(share_us(plan, r)));
    const char *const cells[] = {d->name, unit, point_table_name(r->table),        range,
                                 used,    time, period_text(r->period_ms, period), phase,
                                 share};
    put_row(out, cells);
}

static void put_requests(const struct plan *plan, struct buf *out)
{
    const char *const heads[] = {_("device"),    _("unit"),      _("table"),
                                 _("addresses"), _("used/read"), _("line time"),
                                 _("period"),    _("phase"),     _("share")};
    put_row(out, heads);
    for (size_t i = 0; i < plan->request_count; i++)
        put_request(plan, i, out);
}

/* [##########----------|.....]: in use, free, and the mark of what may be planned. */
static void put_bar(int64_t use_us, const struct plan_text_style *style, struct buf *out)
{
    static const char *const plain[] = {"#", ".", "|"}, *const fine[] = {"█", "░", "│"};
    const char *const *set = style->ascii ? plain : fine;
    int64_t full = (use_us * BAR_WIDTH + SECOND_US / 2) / SECOND_US;
    bool red = style->colour && use_us > LIMIT_US;
    buf_fmt(out, " [%s", red ? RED : "");
    for (int i = 0; i < BAR_WIDTH; i++) {
        if (i == BAR_WIDTH * PLAN_USE_MAX_PERCENT / 100)
            buf_str(out, set[2]);
        buf_str(out, set[i < full ? 0 : 1]);
    }
    buf_fmt(out, "%s] ", red ? PLAIN : "");
    buf_fmt(out, _("%.1f %% in use: %.0f ms of every 1000 ms; at most %d ms may be planned"),
            percent_of(use_us), ms_of(use_us), PLAN_USE_MAX_PERCENT * 10);
    buf_char(out, '\n');
}

/* --- the sum of an overfull bus --- */

static void put_sum(const struct plan *plan, int64_t use_us, struct buf *out)
{
    buf_fmt(out, "\n%s\n", _("What each device needs of every second:"));
    for (size_t d = 0; d < plan->device_count; d++) {
        size_t requests;
        int64_t us = device_us(plan, d, &requests);
        buf_fmt(out, "   %-32s %9.1f ms  ", plan->devices[d].name, ms_of(us));
        buf_fmt(out, _("(requests: %zu)"), requests);
        buf_char(out, '\n');
    }
    const char *sum = _("sum");
    buf_fmt(out, "   %-*s %9.1f ms  ", (int)(32 + strlen(sum) - text_columns(sum)), sum,
            ms_of(use_us));
    buf_fmt(out, _("of %d ms that may be planned"), PLAN_USE_MAX_PERCENT * 10);
    buf_char(out, '\n');
}

static const struct plan_request *dearest(const struct plan *plan)
{
    const struct plan_request *most = &plan->requests[0];
    for (size_t i = 1; i < plan->request_count; i++)
        if (share_us(plan, &plan->requests[i]) > share_us(plan, most))
            most = &plan->requests[i];
    return most;
}

/* The formula with its numbers, for the request that takes most. */
static void put_formula(const struct plan *plan, struct buf *out)
{
    const struct plan_request *r = dearest(plan);
    const struct bus_device *d = device_of(plan, r);
    const struct bus_line *line = plan->line;
    unsigned data = plan_reply_bytes(r->table, r->count);
    int64_t all_us = plan_request_us(plan, r), slave_us = bus_turnaround_ms(d) * INT64_C(1000);
    char period[16];
    buf_char(out, '\n');
    buf_fmt(out, _("The dearest request, %s %s %u-%u every %s:"), d->name,
            point_table_name(r->table), r->address, r->address + r->count - 1U,
            period_text(r->period_ms, period));
    if (line->kind == BUS_RTU) {
        int64_t bytes_us = (int64_t)(FRAME_BYTES + data) * CHARACTER_BITS * SECOND_US / line->baud;
        buf_fmt(out,
                "\n   T = (%d + %u) x %d / %u + 2 x %.2f ms + %u ms\n     = %.1f + %.1f + %.1f ms",
                FRAME_BYTES, data, CHARACTER_BITS, line->baud,
                ms_of(all_us - slave_us - bytes_us) / 2, bus_turnaround_ms(d), ms_of(bytes_us),
                ms_of(all_us - slave_us - bytes_us), ms_of(slave_us));
    } else {
        buf_fmt(out, "\n   T = %.1f ms + %.1f ms", ms_of(all_us - slave_us), ms_of(slave_us));
    }
    buf_fmt(out, " = %.1f ms\n   ", ms_of(all_us));
    buf_str(out, line->kind == BUS_RTU ? _("(characters, two silences, turnaround of the slave)")
                                       : _("(connection, turnaround of the slave)"));
    buf_char(out, '\n');
}

/* The same requests on a faster line, or 0 when that changes nothing. */
static int64_t use_at(const struct plan *plan, uint32_t baud)
{
    struct bus_line line = *plan->line;
    struct plan other = *plan;
    line.baud = baud;
    other.line = &line;
    return plan_use_us(&other);
}

static void put_faster(const struct plan *plan, struct buf *out)
{
    static const uint32_t bauds[] = {9600, 19200, 38400, 57600, 115200};
    for (size_t i = 0; i < sizeof(bauds) / sizeof(bauds[0]); i++) {
        if (plan->line->baud == 0 || bauds[i] <= plan->line->baud)
            continue;
        int64_t us = use_at(plan, bauds[i]);
        if (us > LIMIT_US)
            continue;
        buf_str(out, "   - ");
        buf_fmt(out, _("raise the baud rate of line and devices to %u: then %.0f ms"), bauds[i],
                ms_of(us));
        buf_char(out, '\n');
        return;
    }
}

static void put_remedies(const struct plan *plan, int64_t use_us, struct buf *out)
{
    buf_fmt(out, "\n%s\n   - ", _("What helps, one of:"));
    /* rounded up to a tenth, so that what is advised is enough */
    int64_t limit_us = LIMIT_US;
    double factor = ceil((double)use_us * 10 / (double)limit_us) / 10;
    buf_fmt(out, _("make all periods (period_ms) %.1f times as long"), factor);
    buf_char(out, '\n');
    put_faster(plan, out);
    buf_str(out, "   - ");
    buf_fmt(out, _("move devices that need %.0f ms or more to another bus"),
            ms_of(use_us - LIMIT_US + 999));
    buf_str(out, "\n   - ");
    buf_str(out, _("read fewer points (\"points\" of a device)"));
    buf_char(out, '\n');
}

void plan_text_bus(const struct plan *plan, const struct plan_text_style *style, struct buf *out)
{
    int64_t use_us = plan_use_us(plan);
    put_line(plan->line, out);
    if (plan->request_count == 0) {
        buf_fmt(out, " %s\n", _("no devices: nothing is read"));
        return;
    }
    put_requests(plan, out);
    put_bar(use_us, style, out);
    if (use_us <= LIMIT_US)
        return;
    put_sum(plan, use_us, out);
    put_formula(plan, out);
    put_remedies(plan, use_us, out);
}

/* --- for programs --- */

static void json_text(struct buf *out, const char *key, const char *text)
{
    buf_fmt(out, "\"%s\":", key);
    json_write_string(out, text);
}

static void json_request(const struct plan *plan, size_t index, struct buf *out)
{
    const struct plan_request *r = &plan->requests[index];
    buf_str(out, index ? ",{" : "{");
    json_text(out, "device", device_of(plan, r)->name);
    buf_fmt(out,
            ",\"unit\":%u,\"for\":\"%s\",\"function\":%d,\"address\":%u,\"count\":%u,\"used\":%u,"
            "\"line_us\":%lld,"
            "\"period_ms\":%u,\"phase_ms\":%u,\"share_percent\":%.3f}",
            device_of(plan, r)->unit, role_name(r->role), (int)r->table, r->address, r->count,
            used_registers(plan, r), (long long)plan_request_us(plan, r), r->period_ms,
            plan_phase_ms(plan, index), percent_of(share_us(plan, r)));
}

void plan_text_json(const struct plan *plan, struct buf *out)
{
    buf_char(out, '{');
    json_text(out, "bus", plan->line->name);
    buf_fmt(out, ",\"use_ms\":%.3f,\"limit_ms\":%d,\"overfull\":%s,\"devices\":[",
            ms_of(plan_use_us(plan)), PLAN_USE_MAX_PERCENT * 10,
            plan_text_overfull(plan) ? "true" : "false");
    for (size_t d = 0; d < plan->device_count; d++) {
        size_t requests;
        int64_t us = device_us(plan, d, &requests);
        buf_str(out, d ? ",{" : "{");
        json_text(out, "name", plan->devices[d].name);
        buf_fmt(out, ",\"use_ms\":%.3f,\"requests\":%zu}", ms_of(us), requests);
    }
    buf_str(out, "],\"requests\":[");
    for (size_t i = 0; i < plan->request_count; i++)
        json_request(plan, i, out);
    buf_str(out, "]}");
}
