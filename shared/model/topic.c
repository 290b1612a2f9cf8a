#include "model/topic.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

/* As PROTOCOL writes them, below TOPIC_ROOT; both directions walk these texts. */
static const char *const patterns[] = {
    [TOPIC_STATE] = "gw/{area}/{name}/state",
    [TOPIC_BIRTH] = "gw/{area}/{name}/birth",
    [TOPIC_LIVE] = "gw/{area}/{name}/live",
    [TOPIC_BACKFILL] = "gw/{area}/{name}/backfill",
    [TOPIC_ACK] = "gw/{area}/{name}/ack",
    [TOPIC_REQUEST] = "gw/{area}/{name}/request",
    [TOPIC_COMMAND] = "gw/{area}/{name}/command",
    [TOPIC_ALERT] = "alerts/{area}/{name}",
    [TOPIC_INDEX] = "index/{area}/{name}",
    [TOPIC_OPERATOR_REQUEST] = "operators/{name}/request",
    [TOPIC_OPERATOR_REPLY] = "operators/{name}/reply",
    [TOPIC_COLLECTOR_STATE] = "collector/{area}/state",
};

#define PATTERN_COUNT (sizeof(patterns) / sizeof(patterns[0]))
#define FIELD_LENGTH  (sizeof("{area}") - 1) /* "{name}" is as long */

static bool take_name(const char **text, char out[NAME_SIZE])
{
    size_t len = strcspn(*text, "/");
    if (!name_valid_n(*text, len))
        return false;
    memcpy(out, *text, len);
    out[len] = '\0';
    *text += len;
    return true;
}

static bool match(const char *pattern, const char *text, struct topic *t)
{
    t->area[0] = t->name[0] = '\0';
    while (*pattern) {
        if (*pattern == '{') {
            if (!take_name(&text, pattern[1] == 'a' ? t->area : t->name))
                return false;
            pattern += FIELD_LENGTH;
        } else if (*pattern++ != *text++) {
            return false;
        }
    }
    return *text == '\0';
}

int topic_parse(const char *text, struct topic *t)
{
    static const char root[] = TOPIC_ROOT "/";
    if (strncmp(text, root, sizeof(root) - 1) != 0)
        return ERR_INVALID;
    for (size_t kind = 0; kind < PATTERN_COUNT; kind++) {
        if (match(patterns[kind], text + sizeof(root) - 1, t)) {
            t->kind = (enum topic_kind)kind;
            return 0;
        }
    }
    return ERR_INVALID;
}

const char *topic_format(enum topic_kind kind, const char *area, const char *name,
                         char text[TOPIC_SIZE])
{
    assert((size_t)kind < PATTERN_COUNT);
    struct buf b;
    buf_init(&b, text, TOPIC_SIZE);
    buf_str(&b, TOPIC_ROOT "/");
    for (const char *p = patterns[kind]; *p;) {
        if (*p == '{') {
            buf_str(&b, p[1] == 'a' ? area : name);
            p += FIELD_LENGTH;
        } else {
            buf_char(&b, *p++);
        }
    }
    assert(!b.overflow);
    return buf_cstr(&b);
}
