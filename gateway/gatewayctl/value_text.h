/* Values as people write and read them. */
#ifndef GATEWAY_GATEWAYCTL_VALUE_TEXT_H
#define GATEWAY_GATEWAYCTL_VALUE_TEXT_H

#include "model/profile.h"

#define VALUE_TEXT_SIZE 128

/* "230.1", "on", a text; "-" for none. */
const char *value_text(const struct value *value, char text[VALUE_TEXT_SIZE]);
/* Reads a value for the point: a number, on or off (true, false, 1, 0), or a text. ERR_INVALID, or
 * ERR_LIMIT outside the kind's range. */
int value_text_parse(const struct point *p, const char *text, struct value *out, struct err *e);
/* One member of a "points" array on stdout; regs NULL: it could not be read. */
void value_text_json_point(const struct point *p, const uint16_t *regs, const struct sample *s,
                           bool comma);

#endif
