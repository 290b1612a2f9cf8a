/*
 * Private to rule*.c: the schema of the rules file and the checks that relate one key to another.
 */
#ifndef COLLECTOR_CORE_RULE_RULE_CHECK_H
#define COLLECTOR_CORE_RULE_RULE_CHECK_H

#include "collector/core/rule/rule.h"
#include "model/json.h"

#define RULE_LOCAL_MS 25200000 /* UTC+7 */

/* Frees what schema_read allocated in *r. */
void rule_fields_free(struct rules *r);

/* Checks one rule and fills what follows from its keys (found, from_ms, *_ms, ...). `path` is
 * "rules[3]"; e names a path below it and its line. */
int rule_check(struct rule *rule, const char *path, const struct json_doc *doc, struct err *e);

#endif
