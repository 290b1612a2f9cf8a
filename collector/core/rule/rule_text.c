#include "collector/core/rule/rule_text.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

enum slot {
    SLOT_AREA,
    SLOT_GATEWAY,
    SLOT_DEVICE,
    SLOT_POINT,
    SLOT_UNIT,
    SLOT_VALUE,
    SLOT_LIMIT,
    SLOT_COUNT
};

/* A placeholder and the most bytes it can become. */
static const struct {
    const char *name;
    size_t longest;
} slots[] = {
    [SLOT_AREA] = {"area", NAME_MAX_LEN},
    [SLOT_GATEWAY] = {"gateway", NAME_MAX_LEN},
    [SLOT_DEVICE] = {"device", NAME_MAX_LEN},
    [SLOT_POINT] = {"point", NAME_MAX_LEN},
    [SLOT_UNIT] = {"unit", 15},
    [SLOT_VALUE] = {"value", 22},
    [SLOT_LIMIT] = {"limit", 22},
    [SLOT_COUNT] = {"count", 10},
};
#define SLOTS (sizeof(slots) / sizeof(slots[0]))

/* The placeholder at `at` (which points past its brace) and its length with the closing brace. */
static bool find_slot(const char *at, enum slot *slot, size_t *len)
{
    size_t n = strcspn(at, "{}");
    if (at[n] != '}')
        return false;
    for (unsigned i = 0; i < SLOTS; i++) {
        if (strlen(slots[i].name) == n && memcmp(slots[i].name, at, n) == 0) {
            *slot = (enum slot)i;
            *len = n + 1;
            return true;
        }
    }
    return false;
}

int rule_text_check(const char *pattern, struct err *e)
{
    size_t longest = 0;
    if (*pattern == '\0')
        return err_set(e, ERR_INVALID, "must not be empty: it is what the operator reads");
    for (const char *p = pattern; *p; p++) {
        enum slot slot;
        size_t len;
        if (*p == '}')
            return err_set(e, ERR_INVALID, "has a \"}\" without its \"{\"");
        if (*p != '{') {
            longest++;
            continue;
        }
        if (!find_slot(p + 1, &slot, &len))
            return err_set(e, ERR_INVALID,
                           "has an unknown placeholder \"%.20s\"; known are {value} {limit} {unit} "
                           "{device} {gateway} {point} {area} {count}",
                           p);
        longest += slots[slot].longest;
        p += len;
    }
    if (longest >= ALERT_TEXT_SIZE)
        return err_set(e, ERR_LIMIT, "can become %zu bytes when filled in; shorten it to %d",
                       longest, ALERT_TEXT_SIZE - 1);
    return 0;
}

/* Copies "-1234567.5" as "-1.234.567,5" or "-1,234,567.5". */
static void group_digits(const char *plain, char separator, char point, struct buf *out)
{
    size_t whole = strcspn(plain, ".");
    for (size_t i = 0; i < whole; i++) {
        buf_char(out, plain[i]);
        size_t left = whole - i - 1;
        if (left > 0 && left % 3 == 0 && plain[i] != '-')
            buf_char(out, separator);
    }
    if (plain[whole] == '.') {
        buf_char(out, point);
        buf_str(out, plain + whole + 1);
    }
}

const char *rule_number(double v, enum rule_language language, char text[RULE_NUMBER_SIZE])
{
    struct buf out;
    char plain[RULE_NUMBER_SIZE];
    buf_init(&out, text, RULE_NUMBER_SIZE);
    if (!isfinite(v) || fabs(v) >= 1e12) {
        snprintf(plain, sizeof(plain), "%.6g", v);
        for (char *p = plain; *p; p++)
            buf_char(&out, *p == '.' && language == RULE_VI ? ',' : *p);
        return buf_cstr(&out);
    }
    snprintf(plain, sizeof(plain), "%.3f", v);
    size_t len = strlen(plain);
    while (plain[len - 1] == '0')
        len--;
    if (plain[len - 1] == '.')
        len--;
    plain[len] = '\0';
    if (strcmp(plain, "-0") == 0)
        snprintf(plain, sizeof(plain), "0");
    group_digits(plain, language == RULE_VI ? '.' : ',', language == RULE_VI ? ',' : '.', &out);
    return buf_cstr(&out);
}

const char *rule_unit(const char *senml)
{
    static const char *const names[][2] = {
        {"ug/m3", "µg/m³"}, {"Cel", "°C"},      {"%RH", "%"},  {"W/m2", "W/m²"},
        {"m3/h", "m³/h"},   {"uS/cm", "µS/cm"}, {"deg", "°"},  {"1", ""},
        {"/", ""},          {"m3/s", "m³/s"},   {"count", ""},
    };
    for (size_t i = 0; senml && i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i][0], senml) == 0)
            return names[i][1];
    return senml ? senml : "";
}

static void fill_number(bool has, double v, enum rule_language language, struct buf *out)
{
    char text[RULE_NUMBER_SIZE];
    buf_str(out, has ? rule_number(v, language, text) : "-");
}

static void fill_slot(enum slot slot, enum rule_language language, const struct rule_text_values *v,
                      struct buf *out)
{
    const char *names[] = {v->area, v->gateway, v->device, v->point};
    if (slot <= SLOT_POINT)
        buf_str(out, names[slot] ? names[slot] : "-");
    else if (slot == SLOT_UNIT)
        buf_str(out, rule_unit(v->unit));
    else if (slot == SLOT_VALUE)
        fill_number(v->has_value, v->value, language, out);
    else if (slot == SLOT_LIMIT)
        fill_number(v->has_limit, v->limit, language, out);
    else
        buf_u64(out, v->count);
}

void rule_text_fill(const char *pattern, enum rule_language language,
                    const struct rule_text_values *v, char text[ALERT_TEXT_SIZE])
{
    struct buf out;
    buf_init(&out, text, ALERT_TEXT_SIZE);
    for (const char *p = pattern; *p; p++) {
        enum slot slot;
        size_t len;
        if (*p == '{' && find_slot(p + 1, &slot, &len)) {
            fill_slot(slot, language, v, &out);
            p += len;
        } else {
            buf_char(&out, *p);
        }
    }
    assert(!out.overflow);
    buf_cstr(&out);
}
