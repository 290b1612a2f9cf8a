/*
 * Names of areas, gateways, devices, points and operators: [a-z0-9][a-z0-9-]{0,31}.
 * They stand in topics, certificates and file names, so nothing else is allowed anywhere.
 */
#ifndef MODEL_NAME_H
#define MODEL_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_MAX_LEN 32
#define NAME_SIZE    (NAME_MAX_LEN + 1)

bool name_valid(const char *text);
bool name_valid_n(const char *text, size_t len);

#endif
