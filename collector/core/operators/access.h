/*
 * Who may do what at the broker: from the certificates issued and the operators file to mosquitto's
 * listeners and one ACL file a role. PROTOCOL "Names and doors".
 *
 * The rules are explicit, a user and an area at a time: one shared pattern once let a gateway named
 * like an area write an alert. A listener trusts the authority of its own role alone, as a
 * self-signed anchor: with the root as trust, every role's certificates would open every listener,
 * because a client brings its own chain. Pure: text in, text out; the caller owns all memory.
 */
#ifndef COLLECTOR_CORE_OPERATORS_ACCESS_H
#define COLLECTOR_CORE_OPERATORS_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/name.h"

enum access_role { ACCESS_GATEWAY, ACCESS_OPERATOR, ACCESS_COLLECTOR, ACCESS_BROKER };
#define ACCESS_ROLES     4
#define ACCESS_LISTENERS 3 /* gateways, operators, collectors; the broker has none of its own */

const char *access_role_name(enum access_role role);   /* "gateway" */
const char *access_role_plural(enum access_role role); /* "gateways": files, listeners, CAs */
int access_role_parse(const char *text, enum access_role *role);

#define ACCESS_AREAS_MAX     64
#define ACCESS_ALL_AREAS     "*" /* the one entry of a member that may see every area */
#define ACCESS_OPERATORS_MAX 1000
#define ACCESS_FILE_MAX      (1024 * 1024) /* bytes of an operators file */

struct access_member {
    char name[NAME_SIZE];
    enum access_role role;
    size_t area_count;
    char areas[ACCESS_AREAS_MAX][NAME_SIZE];
    bool requests;    /* operators: may send requests (acknowledge); a viewer may not */
    unsigned classes; /* operators: bit (1 << enum alarm_class) for each they are responsible for */
};

/* An area is given once and by its name; ACCESS_ALL_AREAS stands alone. ERR_INVALID, ERR_LIMIT. */
int access_add_area(struct access_member *m, const char *area, struct err *e);

/* Reads an operators file: JSON with comments,
 *     [{"name": "lan", "role": "operator", "areas": ["muong-te"], "classes": ["environment"]}]
 * role: viewer or operator; classes absent: all. Allocates *out, freed by the caller. Errors name
 * the line and the entry. */
int access_parse_operators(const char *text, size_t len, struct access_member **out, size_t *count,
                           struct err *e);

/* What access_write_acl needs for these members at most, in bytes. */
size_t access_acl_size(const struct access_member *members, size_t count);
/* The ACL file of one role; members of other roles are passed over. */
void access_write_acl(struct buf *out, enum access_role role, const struct access_member *members,
                      size_t count);

struct access_broker {
    const char *dir;  /* absolute path of the folder the ACL and anchor files are in */
    const char *bind; /* address */
    int64_t ports[ACCESS_LISTENERS];
    const char *cert, *key; /* the broker's own, absolute paths */
};

#define ACCESS_BROKER_SIZE 16384
/* mosquitto.conf with the three listeners and every limit said explicitly. */
void access_write_broker(struct buf *out, const struct access_broker *broker);

#endif
