#include "model/sample.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

static const char *const quality_names[] = {"good",        "substituted", "uncertain",
                                            "maintenance", "calibration", "bad"};

/* CAUSE_NONE has no text: a good sample is no cause's record. */
static const char *const cause_names[] = {"",        "timeout", "crc",    "exception",  "range",
                                          "invalid", "stale",   "wedged", "maintenance"};

#define EXCEPTION_PREFIX "exception-"

const char *quality_name(enum quality q)
{
    assert((unsigned)q <= QUALITY_BAD);
    return quality_names[q];
}

int quality_parse(const char *text, enum quality *q)
{
    for (unsigned i = 0; i <= QUALITY_BAD; i++) {
        if (strcmp(text, quality_names[i]) == 0) {
            *q = (enum quality)i;
            return 0;
        }
    }
    return ERR_INVALID;
}

const char *cause_text(enum cause cause, uint8_t exception, char text[CAUSE_TEXT])
{
    assert((unsigned)cause <= CAUSE_MAINTENANCE);
    if (cause != CAUSE_EXCEPTION)
        return cause_names[cause];
    snprintf(text, CAUSE_TEXT, EXCEPTION_PREFIX "%u", exception);
    return text;
}

/* 1 to 255, as cause_text writes it. */
static int exception_parse(const char *digits, uint8_t *exception)
{
    unsigned n = 0;
    if (digits[0] < '1' || digits[0] > '9' || strlen(digits) > 3)
        return ERR_INVALID;
    for (; *digits >= '0' && *digits <= '9'; digits++)
        n = n * 10 + (unsigned)(*digits - '0');
    if (*digits || n > UINT8_MAX)
        return ERR_INVALID;
    *exception = (uint8_t)n;
    return 0;
}

int cause_parse(const char *text, enum cause *cause, uint8_t *exception)
{
    *exception = 0;
    if (strncmp(text, EXCEPTION_PREFIX, strlen(EXCEPTION_PREFIX)) == 0) {
        *cause = CAUSE_EXCEPTION;
        return exception_parse(text + strlen(EXCEPTION_PREFIX), exception);
    }
    for (unsigned i = CAUSE_TIMEOUT; i <= CAUSE_MAINTENANCE; i++) {
        if (i != CAUSE_EXCEPTION && strcmp(text, cause_names[i]) == 0) {
            *cause = (enum cause)i;
            return 0;
        }
    }
    return ERR_INVALID;
}
