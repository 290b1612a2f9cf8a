/*
 * The sentence an operator reads: a template with {value} {limit} {unit} {device} {gateway} {point}
 * {area} {count} filled in. Numbers are written as the language writes them: 1.234,5 in Vietnamese,
 * 1,234.5 in English; units as people write them (ug/m3 is µg/m³). A template that passes the check
 * always fits into ALERT_TEXT_SIZE, so nothing is ever cut. No allocation.
 */
#ifndef COLLECTOR_CORE_RULE_RULE_TEXT_H
#define COLLECTOR_CORE_RULE_RULE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/message.h"

enum rule_language { RULE_VI, RULE_EN };

struct rule_text_values {
    const char *area, *gateway, *device, *point; /* NULL prints a dash */
    const char *unit;                            /* SenML name; NULL or "" prints nothing */
    bool has_value, has_limit;
    double value, limit;
    uint32_t count; /* suppressed children */
};

#define RULE_NUMBER_SIZE 32

/* Unknown placeholders, a lone brace, or a text that might not fit are refused. */
int rule_text_check(const char *pattern, struct err *e);
void rule_text_fill(const char *pattern, enum rule_language language,
                    const struct rule_text_values *v, char text[ALERT_TEXT_SIZE]);

/* At most three decimals, no trailing zeros; numbers past 1e12 in exponent form. */
const char *rule_number(double v, enum rule_language language, char text[RULE_NUMBER_SIZE]);
/* A SenML unit as people write it. */
const char *rule_unit(const char *senml);

#endif
