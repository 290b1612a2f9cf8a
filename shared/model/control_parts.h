/* What the control document's table and its checks share. */
#ifndef MODEL_CONTROL_PARTS_H
#define MODEL_CONTROL_PARTS_H

#include "model/control.h"

/* Works out anchor and offset from `at`. */
int control_step_resolve(struct control_step *s, struct err *e);
/* YYYY-MM-DD to days since 1970-01-01. */
int control_date_parse(const char *text, int64_t *day, struct err *e);
/* "device/point", both names. */
bool control_target_valid(const char *text);
/* Copies what stands before the '/' and returns what follows it; NULL when there is none. */
const char *control_target_cut(const char *text, char before[CONTROL_TARGET_SIZE]);

#endif
