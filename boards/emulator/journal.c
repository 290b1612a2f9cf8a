#include "boards/emulator/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "boards/emulator/registers.h"
#include "model/json.h"

#define LINE_MAX_LEN 1024

static void flush_due(struct loop_timer *timer, struct clk_mono now)
{
    (void)now;
    journal_flush(timer->owner);
}

int journal_init(struct journal *j, struct loop *loop, const char *path, struct err *e)
{
    j->loop = NULL;
    j->lines = j->failed = 0;
    j->fd = -1;
    j->timer = (struct loop_timer){.fire = flush_due, .owner = j};
    buf_init(&j->buf, j->memory, sizeof(j->memory));
    if (*path) {
        j->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (j->fd < 0)
            return err_set_errno(e, "cannot open the ledger %s", path);
    }
    j->loop = loop;
    return 0;
}

void journal_finish(struct journal *j)
{
    if (!j->loop)
        return;
    journal_flush(j);
    if (j->fd >= 0)
        close(j->fd);
    j->loop = NULL;
}

void journal_flush(struct journal *j)
{
    size_t done = 0;
    loop_timer_stop(j->loop, &j->timer);
    while (done < j->buf.len) {
        ssize_t n = write(j->fd, j->buf.data + done, j->buf.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (j->failed++ == 0)
                log_error("cannot write the ledger: %s; it has holes from here on",
                          strerror(errno));
            break;
        }
        done += (size_t)n;
    }
    buf_rewind(&j->buf, 0);
}

static void format_value(struct buf *out, const struct slave *s,
                         const struct slave_reading *reading, const struct point *p)
{
    struct decimal d;
    char text[DECIMAL_TEXT];
    if (p->type == TYPE_STRING)
        json_write_string(out, slave_text(s, reading->point));
    else if (p->type == TYPE_BIT)
        buf_str(out, reading->raw ? "true" : "false");
    else if (registers_decimal(p, reading->raw, &d))
        buf_str(out, decimal_text(d, text));
    else
        json_write_number(out, registers_value(p, reading->raw)); /* NaN and inf: null */
}

static void format_registers(struct buf *out, const struct slave *s,
                             const struct slave_reading *reading, const struct point *p)
{
    uint16_t regs[POINT_REGS_MAX] = {0};
    unsigned words = p->type == TYPE_STRING ? p->count : registers_words(p->type);
    if (p->type == TYPE_STRING)
        registers_put_string(p, slave_text(s, reading->point), regs);
    else
        registers_put(p, reading->raw, regs);
    for (unsigned i = 0; i < words; i++) {
        if (i)
            buf_char(out, ',');
        buf_u64(out, regs[i]);
    }
}

void journal_format(struct buf *out, struct clk_utc at, const struct slave *s,
                    const struct slave_reading *reading, const char *fate)
{
    const struct point *p = &s->options.profile->points[reading->point];
    bool invalid = p->type != TYPE_STRING && (registers_is_invalid(p, reading->raw) ||
                                              !isfinite(registers_value(p, reading->raw)));
    buf_str(out, "{\"t\":");
    buf_i64(out, at.ms);
    buf_fmt(out, ",\"gateway\":\"%s\",\"device\":\"%s\",\"point\":\"%s\",\"v\":", s->gateway,
            s->name, p->name);
    format_value(out, s, reading, p);
    buf_fmt(out, ",\"fate\":\"%s\",\"raw\":[",
            invalid && strcmp(fate, "ok") == 0 ? "invalid" : fate);
    format_registers(out, s, reading, p);
    buf_str(out, "]}\n");
}

void journal_write(struct journal *j, struct clk_utc at, const struct slave *s,
                   const struct slave_reading *reading, const char *fate)
{
    j->lines++;
    if (j->fd < 0)
        return;
    if (j->buf.cap - j->buf.len < LINE_MAX_LEN)
        journal_flush(j);
    if (j->buf.len == 0)
        loop_timer_start(j->loop, &j->timer,
                         clk_mono_add(clk_mono(loop_clk(j->loop)), JOURNAL_FLUSH_MS));
    journal_format(&j->buf, at, s, reading, fate);
}
