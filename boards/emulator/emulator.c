#include "boards/emulator/emulator.h"

#include <stdlib.h>
#include <string.h>

#include "io/fsx.h"

#define PROFILES_MAX 256

/* --- profiles and slaves --- */

static int read_profile(const char *directory, const char *name, struct profile **out,
                        struct err *e)
{
    char path[CONFIG_PATH_SIZE + NAME_SIZE + 8];
    char *text;
    size_t len;
    snprintf(path, sizeof(path), "%s/%s.json", directory, name);
    int r = fsx_read_file(path, PROFILE_FILE_MAX, &text, &len, e);
    if (r < 0)
        return r;
    r = profile_parse(text, len, out, e);
    free(text);
    return r < 0 ? err_prefix(e, "%s", path) : 0;
}

/* Each profile is read once. NULL with e filled. */
static const struct profile *find_profile(struct emulator *m, const char *name, struct err *e)
{
    struct profile *made = NULL;
    for (size_t i = 0; i < m->profile_count; i++)
        if (m->profiles[i] && strcmp(m->profiles[i]->name, name) == 0)
            return m->profiles[i];
    if (m->profile_count == PROFILES_MAX) {
        err_set(e, ERR_LIMIT, "more than %d profiles", PROFILES_MAX);
        return NULL;
    }
    if (read_profile(m->config->profiles, name, &made, e) < 0 || !made)
        return NULL;
    m->profiles[m->profile_count++] = made;
    if (strcmp(made->name, name) == 0)
        return made;
    err_set(e, ERR_MISMATCH, "%s/%s.json: the profile in it is called %s", m->config->profiles,
            name, made->name);
    return NULL;
}

static int make_slave(struct emulator *m, const struct config_bus *bus,
                      const struct config_device *device, struct err *e)
{
    const struct config *c = m->config;
    struct slave_options options = {
        .gateway = bus->gateway,
        .name = device->name,
        .unit = (uint8_t)device->unit,
        .mode = (enum slave_mode)c->mode,
        .gaps = (enum slave_gaps)c->gaps,
        .load = (enum curve_load)device->load,
        .factor = device->factor,
        .seed = (uint64_t)c->seed,
        .turnaround_ms = (uint32_t)device->turnaround_ms,
        .baud = (uint32_t)device->baud,
        .stop_bits = (uint8_t)device->stop_bits,
    };
    options.profile = find_profile(m, device->profile, e);
    if (!options.profile)
        return err_prefix(e, "%s/%s", bus->gateway, device->name);
    if (!device->has_turnaround)
        options.turnaround_ms = options.profile->turnaround_ms;
    return slave_init(&m->slaves[m->slave_count++], &options, e);
}

static struct slave *find_slave(const struct emulator *m, const char *gateway, const char *name)
{
    for (size_t i = 0; i < m->slave_count; i++)
        if (strcmp(m->slaves[i].gateway, gateway) == 0 && strcmp(m->slaves[i].name, name) == 0)
            return &m->slaves[i];
    return NULL;
}

static int tie_to_relay(struct emulator *m, struct slave *s, const char *follows, struct err *e)
{
    char relay[NAME_SIZE];
    size_t len = strcspn(follows, "/");
    if (follows[len] == '\0')
        return 0;
    snprintf(relay, sizeof(relay), "%.*s", (int)len, follows);
    struct slave *feeder = find_slave(m, s->gateway, relay);
    if (!feeder)
        return err_set(e, ERR_NOTFOUND, "%s/%s follows %s, which is no device", s->gateway, s->name,
                       relay);
    return slave_feed_from(s, feeder, follows + len + 1, e);
}

static int make_slaves(struct emulator *m, struct err *e)
{
    const struct config *c = m->config;
    int r = 0;
    for (size_t b = 0; b < c->bus_count; b++)
        for (size_t d = 0; r == 0 && d < c->buses[b].device_count; d++)
            r = make_slave(m, &c->buses[b], &c->buses[b].devices[d], e);
    size_t next = 0;
    for (size_t b = 0; b < c->bus_count; b++)
        for (size_t d = 0; r == 0 && d < c->buses[b].device_count; d++)
            r = tie_to_relay(m, &m->slaves[next++], c->buses[b].devices[d].follows, e);
    return r;
}

int emulator_prepare(struct emulator *m, const struct config *config, struct err *e)
{
    size_t devices = 0;
    for (size_t b = 0; b < config->bus_count; b++)
        devices += config->buses[b].device_count;
    memset(m, 0, sizeof(*m));
    m->config = config;
    m->profiles = calloc(PROFILES_MAX, sizeof(struct profile *));
    m->slaves = calloc(devices + 1, sizeof(*m->slaves));
    m->lines = calloc(config->bus_count + 1, sizeof(*m->lines));
    m->cables = calloc(config->link_count + 1, sizeof(*m->cables));
    if (!m->profiles || !m->slaves || !m->lines || !m->cables)
        return err_set(e, ERR_NOMEM, "no memory for %zu devices", devices);
    return make_slaves(m, e);
}

/* --- opening and closing --- */

static int open_lines(struct emulator *m, struct err *e)
{
    size_t first = 0;
    int r = 0;
    for (size_t b = 0; r == 0 && b < m->config->bus_count; b++) {
        const struct config_bus *bus = &m->config->buses[b];
        r = line_init(&m->lines[b], bus, m->loop, &m->journal, &m->scene, &m->slaves[first],
                      bus->device_count, e);
        first += bus->device_count;
    }
    return r;
}

static int open_cables(struct emulator *m, struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < m->config->link_count; i++)
        r = cable_init(&m->cables[i], &m->config->links[i], m->loop, e);
    return r;
}

static int execute(void *owner, const char *command, struct buf *out, struct err *e)
{
    return emulator_execute(owner, command, out, e);
}

int emulator_open(struct emulator *m, struct loop *loop, struct err *e)
{
    const struct config *c = m->config;
    const struct clk *clk = loop_clk(loop);
    int minutes = -1;
    m->loop = loop;
    if (*c->start && config_minutes(c->start, &minutes) < 0)
        return err_set(e, ERR_INVALID, "start: \"%s\" is no time of day", c->start);
    scene_init(&m->scene, clk_utc(clk), clk_mono(clk), minutes, c->speedup);
    int r = journal_init(&m->journal, loop, c->ledger, e);
    if (r == 0)
        r = open_lines(m, e);
    if (r == 0)
        r = open_cables(m, e);
    if (r == 0 && *c->control)
        r = control_init(&m->control, loop, c->control, execute, m, e);
    return r;
}

void emulator_finish(struct emulator *m)
{
    if (!m->config)
        return;
    control_finish(&m->control);
    for (size_t i = 0; m->cables && i < m->config->link_count; i++)
        cable_finish(&m->cables[i]);
    for (size_t i = 0; m->lines && i < m->config->bus_count; i++)
        line_finish(&m->lines[i]);
    journal_finish(&m->journal);
    for (size_t i = 0; i < m->slave_count; i++)
        slave_finish(&m->slaves[i]);
    for (size_t i = 0; i < m->profile_count; i++)
        profile_free(m->profiles[i]);
    free(m->cables);
    free(m->lines);
    free(m->slaves);
    free(m->profiles);
    m->config = NULL;
}
