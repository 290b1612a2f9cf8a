/* The table of a profile file's keys, for the reference page and the JSON Schema. */
#ifndef MODEL_PROFILE_FILE_H
#define MODEL_PROFILE_FILE_H

#include "model/schema.h"

extern const struct schema_field profile_fields[];

#endif
