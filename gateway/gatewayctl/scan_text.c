#include "gateway/gatewayctl/scan_text.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "gateway/gatewayctl/term.h"
#include "model/json.h"

#define TEXT_SIZE 64
#define LINE_SIZE 2048

static const char *parity_word(char parity)
{
    return parity == 'E' ? "even" : parity == 'O' ? "odd" : "none";
}

/* "9600 8N1"; on TCP nothing. */
static const char *settings_text(const struct scan_text *t, const struct scan_settings *s,
                                 char text[TEXT_SIZE])
{
    text[0] = '\0';
    if (t->line->kind == BUS_RTU)
        snprintf(text, TEXT_SIZE, "%u 8%c%u", s->baud, s->parity, s->stop_bits);
    return text;
}

static const char *time_text(uint64_t ms, char text[TEXT_SIZE])
{
    unsigned long long s = (ms + 999) / 1000;
    if (s < 100)
        snprintf(text, TEXT_SIZE, "%llu s", s);
    else
        snprintf(text, TEXT_SIZE, "%llu min", (s + 59) / 60);
    return text;
}

void scan_text_progress(const struct scan_text *t, const struct scan *scan)
{
    struct scan_progress p;
    char settings[TEXT_SIZE], left[TEXT_SIZE], text[4 * TEXT_SIZE];
    if (!term_progress())
        return;
    scan_get_progress(scan, &p);
    snprintf(text, sizeof(text), _("%3u %%  %s  unit %u%s  found %zu, noise %zu  %s left"),
             p.percent, settings_text(t, &p.settings, settings), p.unit,
             p.identifying ? _(" (identifying)") : "", p.found, p.damaged,
             time_text(p.left_ms, left));
    term_show_progress(text);
}

void scan_text_found(const struct scan_text *t, const struct scan_find *find)
{
    char settings[TEXT_SIZE];
    if (t->json)
        return;
    term_show_progress(NULL);
    printf(_("found unit %-3u  %s"), find->unit, settings_text(t, &find->settings, settings));
    if (find->exception)
        printf(_("  (answers with exception %u)"), find->exception);
    putchar('\n');
    fflush(stdout);
}

static void print_json(const struct scan_text *t, const struct scan_find *f)
{
    char memory[LINE_SIZE];
    struct buf out;
    buf_init(&out, memory, sizeof(memory));
    buf_fmt(&out, "{\"v\":1,\"unit\":%u", f->unit);
    if (t->line->kind == BUS_RTU)
        buf_fmt(&out, ",\"baud\":%u,\"parity\":\"%s\",\"stop_bits\":%u", f->settings.baud,
                parity_word(f->settings.parity), f->settings.stop_bits);
    if (f->exception)
        buf_fmt(&out, ",\"exception\":%u", f->exception);
    buf_str(&out, ",\"guesses\":[");
    for (size_t i = 0; i < f->guess_count; i++) {
        buf_str(&out, i ? ",{\"profile\":" : "{\"profile\":");
        json_write_string(&out, f->guesses[i].profile->name);
        buf_fmt(&out, ",\"percent\":%u}", f->guesses[i].percent);
    }
    buf_str(&out, "]}");
    puts(buf_cstr(&out));
}

void scan_text_known(const struct scan_text *t, const struct scan_find *f)
{
    term_show_progress(NULL);
    if (t->json)
        print_json(t, f);
    else if (f->guess_count == 0)
        printf("                %s\n", _("no shipped profile fits"));
    for (size_t i = 0; !t->json && i < f->guess_count; i++)
        printf("                %s %s, %s (%u %%)\n", i ? _("or        ") : _("looks like"),
               f->guesses[i].profile->name, f->guesses[i].profile->label, f->guesses[i].percent);
    fflush(stdout);
}

/* --- the end --- */

static bool same(const struct scan_settings *a, const struct scan_settings *b)
{
    return a->baud == b->baud && a->parity == b->parity && a->stop_bits == b->stop_bits;
}

/* What most devices have: those that differ must be set to it, since a line has one speed. */
static const struct scan_settings *common_settings(const struct scan_find *finds, size_t count)
{
    const struct scan_settings *most = &finds[0].settings;
    size_t votes = 0;
    for (size_t i = 0; i < count; i++) {
        size_t n = 0;
        for (size_t k = 0; k < count; k++)
            n += same(&finds[i].settings, &finds[k].settings);
        if (n > votes) {
            votes = n;
            most = &finds[i].settings;
        }
    }
    return most;
}

static void print_bus(const struct scan_text *t, const struct scan_settings *s)
{
    const struct bus_line *line = t->line;
    if (line->kind == BUS_RTU)
        printf("  \"buses\": [{\"name\": \"bus-1\", \"type\": \"rtu\", \"device\": \"%s\", "
               "\"baud\": %u, \"parity\": \"%s\", \"stop_bits\": %u}],\n",
               line->path, s->baud, parity_word(s->parity), s->stop_bits);
    else
        printf("  \"buses\": [{\"name\": \"bus-1\", \"type\": \"%s\", \"host\": \"%s\", "
               "\"port\": %u}],\n",
               line->kind == BUS_TCP ? "tcp" : "rtu-over-tcp", line->host, line->port);
}

static void print_device(const struct scan_text *t, const struct scan_find *f,
                         const struct scan_settings *common, bool last)
{
    char text[TEXT_SIZE];
    bool known = f->guess_count > 0;
    printf("    {\"name\": \"device-%u\", \"profile\": \"%s\", \"bus\": \"bus-1\", \"unit\": %u}%s",
           f->unit, known ? f->guesses[0].profile->name : "?", f->unit, last ? "" : ",");
    if (!same(&f->settings, common))
        printf(_(" // set it to the line's speed first: it has %s"),
               settings_text(t, &f->settings, text));
    else if (!known)
        printf(" // %s", _("write a profile for it: docs/profiles.md"));
    else if (f->guess_count > 1 && f->guesses[1].percent == f->guesses[0].percent)
        printf(" // %s %s", _("or"), f->guesses[1].profile->name);
    putchar('\n');
}

static void print_next(const struct scan_text *t, const struct scan_find *f)
{
    const struct bus_line *line = t->line;
    printf("\n%s\n  gatewayctl decode ", _("To look at registers:"));
    if (line->kind == BUS_RTU)
        printf("--port %s --baud %u --parity %s --stop %u", line->path, f->settings.baud,
               parity_word(f->settings.parity), f->settings.stop_bits);
    else
        printf("--port %s%s:%u", line->kind == BUS_TCP ? "" : "rtu:", line->host, line->port);
    printf(" --unit %u --holding 0 --count 10\n", f->unit);
}

void scan_text_summary(const struct scan_text *t, const struct scan_find *finds, size_t count,
                       bool interrupted)
{
    if (t->json) {
        printf("{\"v\":1,\"end\":true,\"found\":%zu,\"interrupted\":%s}\n", count,
               interrupted ? "true" : "false");
        return;
    }
    if (interrupted)
        printf("%s\n", _("Interrupted; this was found until then."));
    printf(_("Devices found: %zu\n"), count);
    if (count == 0)
        return;
    const struct scan_settings *common = common_settings(finds, count);
    printf("\n%s\n", _("For gateway.json (check names and profiles):"));
    print_bus(t, common);
    printf("  \"devices\": [\n");
    for (size_t i = 0; i < count; i++)
        print_device(t, &finds[i], common, i + 1 == count);
    printf("  ]\n");
    print_next(t, &finds[0]);
}
