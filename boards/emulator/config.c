#include "boards/emulator/config.h"

#include <string.h>

#include "boards/emulator/wire.h"
#include "model/schema.h"

static const char *const type_words[] = {"rtu", "tcp", NULL};
static const char *const mode_words[] = {"curves", "unique", NULL};
static const char *const gaps_words[] = {"zero", "refuse", NULL};
static const char *const load_words[] = {"town", "lamps", NULL};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int config_minutes(const char *text, int *minutes)
{
    if (strlen(text) != 5 || text[2] != ':' || !is_digit(text[0]) || !is_digit(text[1]) ||
        !is_digit(text[3]) || !is_digit(text[4]))
        return ERR_INVALID;
    int hour = (text[0] - '0') * 10 + text[1] - '0';
    int minute = (text[3] - '0') * 10 + text[4] - '0';
    *minutes = hour * 60 + minute;
    return hour < 24 && minute < 60 ? 0 : ERR_INVALID;
}

static int check_start(const void *member, struct err *e)
{
    int minutes;
    const char *text = member;
    if (*text == '\0' || config_minutes(text, &minutes) == 0)
        return 0;
    return err_set(e, ERR_INVALID, "\"%s\" is no time of day; write HH:MM", text);
}

static int check_follows(const void *member, struct err *e)
{
    const char *text = member;
    const char *slash = strchr(text, '/');
    if (*text == '\0' ||
        (slash && name_valid_n(text, (size_t)(slash - text)) && name_valid(slash + 1)))
        return 0;
    return err_set(e, ERR_INVALID, "\"%s\" names no point; write device/point", text);
}

#define AT(type_, member_)      .offset = offsetof(struct type_, member_)
#define TEXT_AT(type_, member_) AT(type_, member_), .size = sizeof(((struct type_ *)0)->member_)
#define ARRAY_AT(type_, member_, count_, element_)                                                 \
    AT(type_, member_), .count_offset = offsetof(struct type_, count_),                            \
                        .size = sizeof(struct element_)

static const struct schema_field device_fields[] = {
    {.key = "name", .type = SCHEMA_NAME, AT(config_device, name), .help = "the device's name"},
    {.key = "profile",
     .type = SCHEMA_NAME,
     AT(config_device, profile),
     .help = "name of its profile, a file NAME.json in the directory profiles"},
    {.key = "unit",
     .type = SCHEMA_INT,
     AT(config_device, unit),
     .min = 1,
     .max = 247,
     .help = "its Modbus address"},
    {.key = "turnaround_ms",
     .type = SCHEMA_INT,
     AT(config_device, turnaround_ms),
     .present_offset = offsetof(struct config_device, has_turnaround) + 1,
     .max = 60000,
     .preset = "0",
     .help = "time from the end of a request to the start of the reply; default: the profile's"},
    {.key = "baud",
     .type = SCHEMA_INT,
     AT(config_device, baud),
     .max = 1000000,
     .preset = "0",
     .help = "rtu: its own speed; it is deaf to a port set to another. 0: it hears any"},
    {.key = "stop_bits",
     .type = SCHEMA_INT,
     AT(config_device, stop_bits),
     .max = 2,
     .preset = "0",
     .help = "rtu: its own stop bits; to a port set to others it answers in pieces. 0: any"},
    {.key = "load",
     .type = SCHEMA_ENUM,
     AT(config_device, load),
     .words = load_words,
     .preset = "\"town\"",
     .help = "what hangs on an energy meter: the town by day or lamps by night"},
    {.key = "factor",
     .type = SCHEMA_NUMBER,
     AT(config_device, factor),
     .max = 1000,
     .preset = "1",
     .help = "times the currents, powers, energies and vehicles of the curve"},
    {.key = "follows",
     .type = SCHEMA_STRING,
     TEXT_AT(config_device, follows),
     .preset = "\"\"",
     .check = check_follows,
     .help = "device/point of the relay that switches its load"},
    SCHEMA_END};

static const struct schema_field bus_fields[] = {
    {.key = "name", .type = SCHEMA_NAME, AT(config_bus, name), .help = "the bus's name"},
    {.key = "gateway",
     .type = SCHEMA_NAME,
     AT(config_bus, gateway),
     .help = "the gateway it hangs on"},
    {.key = "type",
     .type = SCHEMA_ENUM,
     AT(config_bus, type),
     .words = type_words,
     .help = "rtu: a pseudo terminal, tcp: a TCP server"},
    {.key = "link",
     .type = SCHEMA_STRING,
     TEXT_AT(config_bus, link),
     .preset = "\"\"",
     .help = "rtu: path of the symbolic link to the terminal"},
    {.key = "baud",
     .type = SCHEMA_INT,
     AT(config_bus, baud),
     .min = 300,
     .max = 1000000,
     .preset = "9600",
     .help = "rtu: bits a second, for paced replies"},
    {.key = "char_bits",
     .type = SCHEMA_INT,
     AT(config_bus, char_bits),
     .min = 10,
     .max = 11,
     .preset = "11",
     .help = "rtu: bits of a character, 10 for 8N1 and 11 for 8E1 or 8N2"},
    {.key = "pace",
     .type = SCHEMA_BOOL,
     AT(config_bus, pace),
     .preset = "true",
     .help = "rtu: replies take the time they take on a real line"},
    {.key = "host",
     .type = SCHEMA_STRING,
     TEXT_AT(config_bus, host),
     .preset = "\"127.0.0.1\"",
     .help = "tcp: address to listen on"},
    {.key = "port",
     .type = SCHEMA_INT,
     AT(config_bus, port),
     .max = 65535,
     .preset = "0",
     .help = "tcp: port to listen on; 0 picks a free one and reports it"},
    {.key = "devices",
     .type = SCHEMA_ARRAY,
     ARRAY_AT(config_bus, devices, device_count, config_device),
     .max = CONFIG_DEVICES_MAX,
     .fields = device_fields,
     .unique = "unit",
     .help = "the devices on it"},
    SCHEMA_END};

static const struct schema_field link_fields[] = {
    {.key = "name", .type = SCHEMA_NAME, AT(config_link, name), .help = "the cable's name"},
    {.key = "host",
     .type = SCHEMA_STRING,
     TEXT_AT(config_link, host),
     .preset = "\"127.0.0.1\"",
     .help = "address to listen on"},
    {.key = "listen",
     .type = SCHEMA_INT,
     AT(config_link, listen),
     .max = 65535,
     .help = "port to listen on; 0 picks a free one and reports it"},
    {.key = "to_host",
     .type = SCHEMA_STRING,
     TEXT_AT(config_link, to_host),
     .min = 1,
     .max = CONFIG_HOST_SIZE,
     .help = "address or name of the other end"},
    {.key = "to_port",
     .type = SCHEMA_INT,
     AT(config_link, to_port),
     .min = 1,
     .max = 65535,
     .help = "port of the other end"},
    SCHEMA_END};

static const struct schema_field fields[] = {
    {.key = "seed",
     .type = SCHEMA_INT,
     AT(config, seed),
     .preset = "1",
     .help = "of everything random; the same seed gives the same run"},
    {.key = "ledger",
     .type = SCHEMA_STRING,
     TEXT_AT(config, ledger),
     .preset = "\"\"",
     .help = "file that gets one line a point and reply; none: no ledger"},
    {.key = "control",
     .type = SCHEMA_STRING,
     TEXT_AT(config, control),
     .preset = "\"\"",
     .help = "path of the control socket; none: no commands"},
    {.key = "mode",
     .type = SCHEMA_ENUM,
     AT(config, mode),
     .words = mode_words,
     .preset = "\"curves\"",
     .help = "curves: a plausible day; unique: every reading of a point has another value"},
    {.key = "gaps",
     .type = SCHEMA_ENUM,
     AT(config, gaps),
     .words = gaps_words,
     .preset = "\"zero\"",
     .help = "registers between points: zero answers 0, refuse answers exception 02"},
    {.key = "profiles",
     .type = SCHEMA_PATH,
     TEXT_AT(config, profiles),
     .help = "directory of the device profiles"},
    {.key = "speedup",
     .type = SCHEMA_NUMBER,
     AT(config, speedup),
     .min = 0,
     .max = 86400,
     .preset = "1",
     .help = "emulated seconds a second: 1440 runs a day in a minute"},
    {.key = "start",
     .type = SCHEMA_STRING,
     TEXT_AT(config, start),
     .preset = "\"\"",
     .check = check_start,
     .help = "time of day at the start, HH:MM in UTC+7; none: now"},
    {.key = "buses",
     .type = SCHEMA_ARRAY,
     ARRAY_AT(config, buses, bus_count, config_bus),
     .max = CONFIG_BUSES_MAX,
     .fields = bus_fields,
     .help = "the buses of all gateways"},
    {.key = "links",
     .type = SCHEMA_ARRAY,
     ARRAY_AT(config, links, link_count, config_link),
     .max = CONFIG_LINKS_MAX,
     .preset = "[]",
     .fields = link_fields,
     .unique = "name",
     .help = "relays that stand for the boards' uplink cables"},
    SCHEMA_END};

static const struct config_device *find_device(const struct config *c, size_t buses,
                                               const char *gateway, const char *name)
{
    for (size_t b = 0; b < buses; b++)
        for (size_t d = 0; d < c->buses[b].device_count; d++)
            if (strcmp(c->buses[b].gateway, gateway) == 0 &&
                strcmp(c->buses[b].devices[d].name, name) == 0)
                return &c->buses[b].devices[d];
    return NULL;
}

/* Names address things in commands, so they are unique within their gateway. */
static int check_names(const struct json_doc *doc, const struct config *c, size_t at, struct err *e)
{
    const struct config_bus *bus = &c->buses[at];
    char path[64];
    for (size_t b = 0; b < at; b++) {
        snprintf(path, sizeof(path), "buses[%zu].name", at);
        if (strcmp(c->buses[b].name, bus->name) == 0 &&
            strcmp(c->buses[b].gateway, bus->gateway) == 0)
            return schema_refuse(doc, path, e, "gateway %s has a bus %s already", bus->gateway,
                                 bus->name);
    }
    for (size_t d = 0; d < bus->device_count; d++) {
        const char *name = bus->devices[d].name;
        const struct config_device *other = find_device(c, at + 1, bus->gateway, name);
        snprintf(path, sizeof(path), "buses[%zu].devices[%zu].name", at, d);
        if (other != &bus->devices[d])
            return schema_refuse(doc, path, e, "gateway %s has a device %s already", bus->gateway,
                                 name);
    }
    return 0;
}

static int check_follower(const struct json_doc *doc, const struct config *c, size_t b, size_t d,
                          struct err *e)
{
    const struct config_bus *bus = &c->buses[b];
    const char *follows = bus->devices[d].follows;
    char relay[NAME_SIZE], path[64];
    if (*follows == '\0')
        return 0;
    snprintf(relay, sizeof(relay), "%.*s", (int)strcspn(follows, "/"), follows);
    if (find_device(c, c->bus_count, bus->gateway, relay))
        return 0;
    snprintf(path, sizeof(path), "buses[%zu].devices[%zu].follows", b, d);
    return schema_refuse(doc, path, e, "gateway %s has no device %s", bus->gateway, relay);
}

static int check_bus(const struct json_doc *doc, const struct config *c, size_t b, struct err *e)
{
    char path[64];
    snprintf(path, sizeof(path), "buses[%zu].link", b);
    if (c->buses[b].type == WIRE_RTU && c->buses[b].link[0] == '\0')
        return schema_refuse(doc, path, e, "an rtu bus needs the path of its link");
    int r = check_names(doc, c, b, e);
    for (size_t d = 0; r == 0 && d < c->buses[b].device_count; d++)
        r = check_follower(doc, c, b, d, e);
    return r;
}

int config_parse(const char *text, size_t len, struct config *c, struct err *e)
{
    struct json_doc *doc;
    memset(c, 0, sizeof(*c));
    int r = json_parse(text, len, CONFIG_FILE_MAX, JSON_COMMENTS | JSON_LINES, &doc, e);
    if (r < 0)
        return r;
    r = schema_read(fields, doc, json_root(doc), c, e);
    if (r == 0) {
        for (size_t b = 0; r == 0 && b < c->bus_count; b++)
            r = check_bus(doc, c, b, e);
        if (r < 0)
            config_finish(c);
    }
    json_free(doc);
    return r;
}

void config_finish(struct config *c)
{
    schema_free(fields, c);
}

void config_print(const struct config *c, struct buf *out)
{
    schema_print(fields, c, out);
}

void config_document(struct buf *out)
{
    schema_document(fields, "Configuration of board-emulator", out);
}
