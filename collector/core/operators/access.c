#include "collector/core/operators/access.h"

#include <stdlib.h>

#include "model/json.h"
#include "model/message.h"
#include "model/topic.h"

#define RULE_SIZE_MAX (TOPIC_SIZE + 32) /* "topic readwrite " and a topic */
#define RULES_MAX     16                /* of one role, for one area */

/* The broker's limits. A queue of 0 would be endless; each is far above what credit lets in. */
#define QUEUE_MAX    1000000
#define INFLIGHT_MAX 1000
#define PACKET_MAX   (MESSAGE_SIZE_MAX + 4096) /* the largest message, its topic and header */

static const char *const role_names[ACCESS_ROLES] = {"gateway", "operator", "collector", "broker"};
static const char *const role_plurals[ACCESS_ROLES] = {"gateways", "operators", "collectors",
                                                       "brokers"};

const char *access_role_name(enum access_role role)
{
    return role_names[role];
}

const char *access_role_plural(enum access_role role)
{
    return role_plurals[role];
}

int access_role_parse(const char *text, enum access_role *role)
{
    for (int i = 0; i < ACCESS_ROLES; i++) {
        if (strcmp(text, role_names[i]) == 0) {
            *role = (enum access_role)i;
            return 0;
        }
    }
    return ERR_INVALID;
}

/* --- members --- */

int access_add_area(struct access_member *m, const char *area, struct err *e)
{
    bool all = strcmp(area, ACCESS_ALL_AREAS) == 0;
    if (!all && !name_valid(area))
        return err_set(e, ERR_INVALID, "'%.40s' is no area: a-z, 0-9 and '-', at most 32", area);
    if (m->area_count > 0 && (all || strcmp(m->areas[0], ACCESS_ALL_AREAS) == 0))
        return err_set(e, ERR_INVALID, "'%s' means every area and stands alone", ACCESS_ALL_AREAS);
    for (size_t i = 0; i < m->area_count; i++)
        if (strcmp(m->areas[i], area) == 0)
            return err_set(e, ERR_INVALID, "area '%s' is given twice", area);
    if (m->area_count == ACCESS_AREAS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d areas", ACCESS_AREAS_MAX);
    snprintf(m->areas[m->area_count++], NAME_SIZE, "%s", area);
    return 0;
}

static int read_areas(const struct json *list, struct access_member *m, struct err *e)
{
    if (!list || json_type(list) != JSON_ARRAY || json_count(list) == 0)
        return err_set(e, ERR_INVALID, "areas: a list of at least one area, or [\"*\"] for all");
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        const char *area;
        if (json_string(v, &area) < 0)
            return err_set(e, ERR_INVALID, "areas: holds something that is no text");
        int ret = access_add_area(m, area, e);
        if (ret < 0) {
            err_prefix(e, "areas");
            return ret;
        }
    }
    return 0;
}

static int read_classes(const struct json *list, struct access_member *m, struct err *e)
{
    if (!list) {
        m->classes = ~0U;
        return 0;
    }
    if (json_type(list) != JSON_ARRAY)
        return err_set(e, ERR_INVALID, "classes: a list such as [\"environment\", \"energy\"]");
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        const char *text;
        enum alarm_class class;
        if (json_string(v, &text) < 0 || alarm_class_parse(text, &class) < 0)
            return err_set(e, ERR_INVALID,
                           "classes: one of environment, lighting, energy, traffic, system, "
                           "security each");
        m->classes |= 1U << class;
    }
    return 0;
}

static int check_keys(const struct json *v, struct err *e)
{
    static const char *const known[] = {"name", "role", "areas", "classes"};
    for (const struct json *member = json_first(v); member; member = json_next(member)) {
        bool found = false;
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            found = found || strcmp(json_key(member), known[i]) == 0;
        if (!found)
            return err_set(e, ERR_INVALID,
                           "'%.40s' is no key; there are name, role, areas, classes",
                           json_key(member));
    }
    return 0;
}

static int read_operator(const struct json *v, struct access_member *m, struct err *e)
{
    const char *name, *role;
    memset(m, 0, sizeof(*m));
    m->role = ACCESS_OPERATOR;
    if (json_type(v) != JSON_OBJECT)
        return err_set(e, ERR_INVALID, "an operator is an object with name, role and areas");
    if (json_string(json_get(v, "name"), &name) < 0 || !name_valid(name))
        return err_set(e, ERR_INVALID, "name: a-z, 0-9 and '-', at most 32, no '-' first");
    snprintf(m->name, sizeof(m->name), "%s", name);
    if (json_string(json_get(v, "role"), &role) < 0 ||
        (strcmp(role, "viewer") != 0 && strcmp(role, "operator") != 0))
        return err_set(e, ERR_INVALID, "role: \"operator\", or \"viewer\" who may only look");
    m->requests = strcmp(role, "operator") == 0;
    int ret = check_keys(v, e);
    if (ret == 0)
        ret = read_areas(json_get(v, "areas"), m, e);
    if (ret == 0)
        ret = read_classes(json_get(v, "classes"), m, e);
    return ret;
}

static int check_new(const struct access_member *members, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(members[i].name, members[count].name) == 0)
            return err_set(e, ERR_INVALID, "name: operator '%s' is there twice", members[i].name);
    return 0;
}

static int read_operators(const struct json_doc *doc, struct access_member *members, size_t *count,
                          struct err *e)
{
    *count = 0;
    for (const struct json *v = json_first(json_root(doc)); v; v = json_next(v)) {
        int ret = read_operator(v, &members[*count], e);
        if (ret == 0)
            ret = check_new(members, *count, e);
        if (ret < 0) {
            err_prefix(e, "line %u: operator %zu", json_line(doc, v), *count + 1);
            return ret;
        }
        ++*count;
    }
    return 0;
}

int access_parse_operators(const char *text, size_t len, struct access_member **out, size_t *count,
                           struct err *e)
{
    struct json_doc *doc = NULL;
    struct access_member *members = NULL;
    int ret = json_parse(text, len, ACCESS_FILE_MAX, JSON_COMMENTS | JSON_LINES, &doc, e);
    if (ret < 0)
        return ret;
    size_t n = json_count(json_root(doc));
    if (json_type(json_root(doc)) != JSON_ARRAY)
        ret = err_set(e, ERR_INVALID, "the operators file is a list: [{\"name\": ...}, ...]");
    else if (n > ACCESS_OPERATORS_MAX)
        ret = err_set(e, ERR_LIMIT, "%zu operators; at most %d", n, ACCESS_OPERATORS_MAX);
    else if (!(members = calloc(n + 1, sizeof(*members))))
        ret = err_set(e, ERR_NOMEM, "no memory for %zu operators", n);
    else
        ret = read_operators(doc, members, count, e);
    json_free(doc);
    if (ret < 0) {
        free(members);
        return ret;
    }
    *out = members;
    return 0;
}

/* --- ACL files --- */

enum whose { OWN, ANY }; /* the name in the topic: the member's, or everybody's */

struct grant {
    const char *mode; /* mosquitto's word; NULL ends the table */
    enum topic_kind kind;
    enum whose whose;
};

static const struct grant gateway_grants[] = {
    {"write", TOPIC_STATE, OWN},    {"write", TOPIC_BIRTH, OWN}, {"write", TOPIC_LIVE, OWN},
    {"write", TOPIC_BACKFILL, OWN}, {"read", TOPIC_ACK, OWN},    {"read", TOPIC_REQUEST, OWN},
    {"read", TOPIC_COMMAND, OWN},   {NULL, TOPIC_STATE, OWN},
};
static const struct grant operator_grants[] = {
    {"read", TOPIC_ALERT, ANY},    {"read", TOPIC_INDEX, ANY}, {"read", TOPIC_COLLECTOR_STATE, ANY},
    {"read", TOPIC_STATE, ANY},    {"read", TOPIC_BIRTH, ANY}, {"read", TOPIC_LIVE, ANY},
    {"read", TOPIC_BACKFILL, ANY}, {NULL, TOPIC_STATE, OWN},
};
static const struct grant collector_grants[] = {
    {"read", TOPIC_STATE, ANY},      {"read", TOPIC_BIRTH, ANY},
    {"read", TOPIC_LIVE, ANY},       {"read", TOPIC_BACKFILL, ANY},
    {"write", TOPIC_ACK, ANY},       {"write", TOPIC_REQUEST, ANY},
    {"write", TOPIC_COMMAND, ANY},   {"readwrite", TOPIC_ALERT, ANY},
    {"readwrite", TOPIC_INDEX, ANY}, {"readwrite", TOPIC_COLLECTOR_STATE, ANY},
    {NULL, TOPIC_STATE, OWN},
};
static const struct grant *const grants[ACCESS_LISTENERS] = {gateway_grants, operator_grants,
                                                             collector_grants};

static void write_rule(struct buf *out, const char *mode, enum topic_kind kind, const char *area,
                       const char *name)
{
    char topic[TOPIC_SIZE];
    buf_fmt(out, "topic %s %s\n", mode, topic_format(kind, area, name, topic));
}

static void write_area(struct buf *out, const struct access_member *m, const char *area)
{
    if (strcmp(area, ACCESS_ALL_AREAS) == 0)
        area = "+";
    for (const struct grant *g = grants[m->role]; g->mode; g++)
        write_rule(out, g->mode, g->kind, area, g->whose == OWN ? m->name : "+");
}

static void write_member(struct buf *out, const struct access_member *m)
{
    buf_fmt(out, "\nuser %s\n", m->name);
    for (size_t i = 0; i < m->area_count; i++)
        write_area(out, m, m->areas[i]);
    if (m->role == ACCESS_OPERATOR)
        write_rule(out, "read", TOPIC_OPERATOR_REPLY, "", m->name);
    if (m->role == ACCESS_OPERATOR && m->requests)
        write_rule(out, "write", TOPIC_OPERATOR_REQUEST, "", m->name);
    if (m->role == ACCESS_COLLECTOR) {
        write_rule(out, "read", TOPIC_OPERATOR_REQUEST, "", "+");
        write_rule(out, "write", TOPIC_OPERATOR_REPLY, "", "+");
    }
}

size_t access_acl_size(const struct access_member *members, size_t count)
{
    size_t rules = 2;
    for (size_t i = 0; i < count; i++)
        rules += RULES_MAX * members[i].area_count + 4;
    return rules * RULE_SIZE_MAX;
}

void access_write_acl(struct buf *out, enum access_role role, const struct access_member *members,
                      size_t count)
{
    buf_fmt(out,
            "# Written by collectorctl acl for the %s' listener. Do not edit: write it anew.\n",
            role_plurals[role]);
    for (size_t i = 0; i < count; i++)
        if (members[i].role == role)
            write_member(out, &members[i]);
}

/* --- the broker's configuration --- */

static void write_listener(struct buf *out, const struct access_broker *b, enum access_role role)
{
    const char *name = role_plurals[role];
    buf_fmt(out, "\n# %s\nlistener %d %s\n", name, (int)b->ports[role], b->bind);
    buf_fmt(out,
            "# Only the %s' own authority, self-signed. Never the root: with it every role's\n",
            name);
    buf_fmt(out, "# certificates would be let in here.\ncafile %s/%s-ca.pem\n", b->dir, name);
    buf_fmt(out, "certfile %s\nkeyfile %s\ntls_version tlsv1.2\n", b->cert, b->key);
    buf_str(out, "require_certificate true\nuse_identity_as_username true\n");
    if (role == ACCESS_GATEWAY)
        buf_str(out, "# A stolen client id cannot evict its owner.\n"
                     "use_username_as_clientid true\n");
    buf_fmt(out, "allow_anonymous false\nacl_file %s/%s.acl\n", b->dir, name);
}

void access_write_broker(struct buf *out, const struct access_broker *broker)
{
    buf_str(out, "# Written by collectorctl acl. Do not edit: write it anew, then\n"
                 "# systemctl reload mosquitto (ACL files) or restart (this file).\n"
                 "# The broker is transport only: it keeps nothing and nothing relies on it.\n"
                 "per_listener_settings true\npersistence false\n");
    buf_fmt(out, "max_queued_messages %d\nmax_inflight_messages %d\nmax_packet_size %d\n",
            QUEUE_MAX, INFLIGHT_MAX, PACKET_MAX);
    buf_str(out, "set_tcp_nodelay true\n");
    for (int role = 0; role < ACCESS_LISTENERS; role++)
        write_listener(out, broker, (enum access_role)role);
}
