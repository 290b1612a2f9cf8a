/* What the control socket can ask of the emulator, and the emulator's reports. */
#include <string.h>

#include "base/log.h"
#include "boards/emulator/emulator.h"
#include "model/json.h"

const char emulator_commands[] =
    "  fault GATEWAY/DEVICE dead | late MS | noise PERCENT | stuck | wrong-unit |\n"
    "                       exception N | dribble MS | lag MS | deaf | none\n"
    "  set GATEWAY/DEVICE/POINT VALUE | hold | invalid | auto\n"
    "  remap GATEWAY/DEVICE              the sensors of a sonde change their slots\n"
    "  link NAME up | cut | stall\n"
    "  bus GATEWAY/NAME pull | plug      (NAME alone when only one gateway has it)\n"
    "  status                            all of it as JSON\n"
    "  quit\n";

/* A command being read, word by word; the words are ended in place. */
struct words {
    char *at;
};

/* The next word; "" at the end. */
static char *take_word(struct words *w)
{
    char *word = w->at + strspn(w->at, " \t\r");
    char *end = word + strcspn(word, " \t\r");
    w->at = *end ? end + 1 : end;
    *end = '\0';
    return word;
}

static char *take_rest(struct words *w)
{
    char *rest = w->at + strspn(w->at, " \t");
    size_t len = strlen(rest);
    while (len > 0 && strchr(" \t\r", rest[len - 1]))
        rest[--len] = '\0';
    w->at = rest + len;
    return rest;
}

/* "gateway/device[/point]"; what follows the device is left in *point. NULL with e filled. */
static struct slave *find_device(struct emulator *m, char *path, char **point, struct err *e)
{
    char *device = strchr(path, '/');
    *point = device ? strchr(device + 1, '/') : NULL;
    if (!device) {
        err_set(e, ERR_INVALID, "\"%.60s\" names no device; write GATEWAY/DEVICE", path);
        return NULL;
    }
    *device++ = '\0';
    if (*point)
        *(*point)++ = '\0';
    for (size_t i = 0; i < m->slave_count; i++)
        if (strcmp(m->slaves[i].gateway, path) == 0 && strcmp(m->slaves[i].name, device) == 0)
            return &m->slaves[i];
    err_set(e, ERR_NOTFOUND, "there is no device %.40s/%.40s; status lists them", path, device);
    return NULL;
}

static int do_fault(struct emulator *m, struct words *args, struct buf *out, struct err *e)
{
    char *point;
    struct slave *s = find_device(m, take_word(args), &point, e);
    if (!s)
        return ERR_NOTFOUND;
    if (point)
        return err_set(e, ERR_INVALID, "a fault is a device's, not a point's");
    int r = fault_parse(take_rest(args), &s->fault, e);
    if (r == 0)
        fault_print(&s->fault, out);
    return r;
}

static int do_set(struct emulator *m, struct words *args, struct buf *out, struct err *e)
{
    char *point;
    struct slave *s = find_device(m, take_word(args), &point, e);
    if (!s)
        return ERR_NOTFOUND;
    char *value = take_rest(args);
    if (!point || *value == '\0')
        return err_set(e, ERR_INVALID, "write set GATEWAY/DEVICE/POINT VALUE");
    int r = slave_set(s, point, value, scene_local_ms(&m->scene, clk_mono(loop_clk(m->loop))), e);
    if (r == 0)
        buf_fmt(out, "%s", value);
    return r;
}

static int do_remap(struct emulator *m, struct words *args, struct buf *out, struct err *e)
{
    char *point;
    struct slave *s = find_device(m, take_word(args), &point, e);
    if (!s)
        return ERR_NOTFOUND;
    if (point)
        return err_set(e, ERR_INVALID, "a map is a device's, not a point's");
    int r = slave_remap(s, e);
    if (r == 0)
        buf_fmt(out, "%u", s->remapped);
    return r;
}

static int do_link(struct emulator *m, struct words *args, struct buf *out, struct err *e)
{
    const char *name = take_word(args);
    const char *word = take_rest(args);
    enum cable_state state;
    for (size_t i = 0; i < m->config->link_count; i++) {
        if (strcmp(m->config->links[i].name, name) != 0)
            continue;
        if (cable_state_parse(word, &state) < 0)
            return err_set(e, ERR_INVALID, "\"%.40s\" is none of up, cut, stall", word);
        int r = cable_set(&m->cables[i], state, e);
        if (r == 0)
            buf_str(out, cable_state_name(state));
        return r;
    }
    return err_set(e, ERR_NOTFOUND, "there is no link \"%.40s\"; status lists them", name);
}

/* "gateway/name" or "name"; NULL with e filled. */
static struct line *find_line(struct emulator *m, char *path, struct err *e)
{
    char *slash = strchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    struct line *line = NULL;
    size_t found = 0;
    if (slash)
        *slash = '\0';
    for (size_t i = 0; i < m->config->bus_count; i++) {
        const struct config_bus *bus = &m->config->buses[i];
        if (strcmp(bus->name, name) != 0 || (slash && strcmp(bus->gateway, path) != 0))
            continue;
        line = &m->lines[i];
        found++;
    }
    if (found == 0)
        err_set(e, ERR_NOTFOUND, "there is no bus \"%.40s\"; status lists them", name);
    if (found > 1)
        err_set(e, ERR_NOTFOUND, "%zu gateways have a bus \"%.40s\"; write GATEWAY/NAME", found,
                name);
    return found == 1 ? line : NULL;
}

static int do_bus(struct emulator *m, struct words *args, struct buf *out, struct err *e)
{
    struct line *l = find_line(m, take_word(args), e);
    int r = 0;
    if (!l)
        return ERR_NOTFOUND;
    const char *word = take_rest(args);
    if (strcmp(word, "pull") == 0)
        line_pull(l);
    else if (strcmp(word, "plug") == 0)
        r = line_plug(l, e);
    else
        return err_set(e, ERR_INVALID, "\"%.40s\" is none of pull, plug", word);
    if (r == 0)
        buf_str(out, l->plugged ? "plugged" : "pulled");
    return r;
}

/* --- reports --- */

static void write_where(const struct line *l, struct buf *out)
{
    buf_str(out, ",\"gateway\":");
    json_write_string(out, l->config->gateway);
    if (l->config->type == WIRE_RTU) {
        buf_str(out, ",\"type\":\"rtu\",\"link\":");
        json_write_string(out, l->config->link);
    } else {
        buf_str(out, ",\"type\":\"tcp\",\"host\":");
        json_write_string(out, l->config->host);
        buf_fmt(out, ",\"port\":%u", l->port);
    }
}

void emulator_announce(const struct emulator *m, struct buf *out)
{
    for (size_t i = 0; i < m->config->bus_count; i++) {
        buf_str(out, "{\"bus\":");
        json_write_string(out, m->config->buses[i].name);
        write_where(&m->lines[i], out);
        buf_str(out, "}\n");
    }
    for (size_t i = 0; i < m->config->link_count; i++) {
        buf_str(out, "{\"link\":");
        json_write_string(out, m->config->links[i].name);
        buf_fmt(out, ",\"port\":%u}\n", m->cables[i].port);
    }
    buf_str(out, "{\"ready\":true}\n");
}

static void write_slave(const struct slave *s, struct buf *out)
{
    buf_fmt(out, "{\"name\":\"%s\",\"unit\":%u,\"profile\":\"%s\",\"fault\":\"", s->name,
            s->options.unit, s->options.profile->name);
    fault_print(&s->fault, out);
    buf_fmt(out, "\",\"requests\":%llu,\"exceptions\":%llu}", (unsigned long long)s->requests,
            (unsigned long long)s->exceptions);
}

static void write_line(const struct line *l, struct buf *out)
{
    buf_str(out, "{\"name\":");
    json_write_string(out, l->config->name);
    write_where(l, out);
    buf_fmt(out, ",\"plugged\":%s,\"foreign\":%llu,\"devices\":[", l->plugged ? "true" : "false",
            (unsigned long long)l->foreign);
    for (size_t i = 0; i < l->slave_count; i++) {
        if (i)
            buf_char(out, ',');
        write_slave(&l->slaves[i], out);
    }
    buf_str(out, "]}");
}

static void write_cable(const struct cable *c, struct buf *out)
{
    buf_str(out, "{\"name\":");
    json_write_string(out, c->config->name);
    buf_fmt(out, ",\"port\":%u,\"state\":\"%s\",\"connections\":%zu,\"bytes\":%llu}", c->port,
            cable_state_name(c->state), cable_connections(c), (unsigned long long)c->moved);
}

static int do_status(struct emulator *m, struct words *args, struct buf *out, struct err *e)
{
    (void)args;
    (void)e;
    buf_str(out, "{\"version\":1,\"buses\":[");
    for (size_t i = 0; i < m->config->bus_count; i++) {
        if (i)
            buf_char(out, ',');
        write_line(&m->lines[i], out);
    }
    buf_str(out, "],\"links\":[");
    for (size_t i = 0; i < m->config->link_count; i++) {
        if (i)
            buf_char(out, ',');
        write_cable(&m->cables[i], out);
    }
    buf_fmt(out, "],\"ledger\":{\"lines\":%llu,\"failed\":%llu}}",
            (unsigned long long)m->journal.lines, (unsigned long long)m->journal.failed);
    return 0;
}

static int do_quit(struct emulator *m, struct words *args, struct buf *out, struct err *e)
{
    (void)args;
    (void)out;
    (void)e;
    loop_stop(m->loop, 0);
    return 0;
}

int emulator_execute(struct emulator *m, const char *command, struct buf *out, struct err *e)
{
    static const struct {
        const char *word;
        int (*run)(struct emulator *, struct words *, struct buf *, struct err *);
    } commands[] = {{"fault", do_fault}, {"set", do_set}, {"link", do_link},
                    {"remap", do_remap}, {"bus", do_bus}, {"status", do_status},
                    {"quit", do_quit}};
    char line[CONTROL_LINE_MAX + 1];
    struct words words = {line};
    snprintf(line, sizeof(line), "%s", command);
    const char *word = take_word(&words);
    if (strcmp(word, "status") != 0)
        log_info("%s", command);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i].word, word) == 0)
            return commands[i].run(m, &words, out, e);
    return err_set(e, ERR_INVALID,
                   "unknown command \"%.40s\"; there are fault, set, link, bus, status, quit",
                   word);
}
