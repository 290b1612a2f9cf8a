#include "gateway/gatewayctl/value_text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/json.h"

#define JSON_SIZE 2048

const char *value_text(const struct value *value, char text[VALUE_TEXT_SIZE])
{
    struct buf out;
    buf_init(&out, text, VALUE_TEXT_SIZE);
    switch (value->type) {
    case VALUE_NUMBER:
        json_write_number(&out, value->number);
        break;
    case VALUE_BOOL:
        buf_str(&out, value->boolean ? _("on") : _("off"));
        break;
    case VALUE_STRING:
        buf_str(&out, value->string);
        break;
    case VALUE_NONE:
        buf_char(&out, '-');
        break;
    }
    return buf_cstr(&out);
}

static int parse_bool(const char *text, struct value *out, struct err *e)
{
    static const char *const on[] = {"on", "true", "1"}, *const off[] = {"off", "false", "0"};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(text, on[i]) != 0 && strcmp(text, off[i]) != 0)
            continue;
        out->type = VALUE_BOOL;
        out->boolean = strcmp(text, on[i]) == 0;
        return 0;
    }
    return err_set(e, ERR_INVALID, "\"%.40s\" is neither on nor off", text);
}

static int parse_number(const struct point *p, const char *text, struct value *out, struct err *e)
{
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    if (errno || end == text || *end || !isfinite(v))
        return err_set(e, ERR_INVALID, "\"%.40s\" is no number; %s is in %s", text, p->name,
                       p->kind->unit);
    if (v < p->kind->min || v > p->kind->max)
        return err_set(e, ERR_LIMIT, "%s: %g is outside %g to %g %s", p->name, v, p->kind->min,
                       p->kind->max, p->kind->unit);
    out->type = VALUE_NUMBER;
    out->number = v;
    return 0;
}

int value_text_parse(const struct point *p, const char *text, struct value *out, struct err *e)
{
    *out = (struct value){.type = VALUE_NONE};
    switch (p->kind->type) {
    case KIND_BOOL:
        return parse_bool(text, out, e);
    case KIND_STRING:
        if (strlen(text) >= sizeof(out->string))
            return err_set(e, ERR_LIMIT, "%s: a text of at most %zu bytes", p->name,
                           sizeof(out->string) - 1);
        out->type = VALUE_STRING;
        snprintf(out->string, sizeof(out->string), "%s", text);
        return 0;
    default:
        return parse_number(p, text, out, e);
    }
}

static void put_json_value(struct buf *out, const struct value *value)
{
    if (value->type == VALUE_NONE)
        return;
    buf_str(out, ",\"value\":");
    if (value->type == VALUE_NUMBER)
        json_write_number(out, value->number);
    else if (value->type == VALUE_BOOL)
        buf_str(out, value->boolean ? "true" : "false");
    else
        json_write_string(out, value->string);
}

void value_text_json_point(const struct point *p, const uint16_t *regs, const struct sample *s,
                           bool comma)
{
    char memory[JSON_SIZE], cause[CAUSE_TEXT];
    struct buf out;
    buf_init(&out, memory, sizeof(memory));
    buf_fmt(&out, "%s{\"point\":\"%s\",\"unit\":\"%s\"", comma ? "," : "", p->name, p->kind->unit);
    put_json_value(&out, &s->value);
    buf_fmt(&out, ",\"quality\":\"%s\"", quality_name(s->quality));
    if (s->cause != CAUSE_NONE)
        buf_fmt(&out, ",\"cause\":\"%s\"", cause_text(s->cause, s->exception, cause));
    buf_fmt(&out, ",\"table\":\"%s\",\"address\":%u,\"raw\":[", point_table_name(p->table),
            p->address);
    unsigned width = p->code ? point_type_width(p->type) : p->count;
    for (unsigned i = 0; regs && i < width && i < POINT_REGS_MAX; i++)
        buf_fmt(&out, "%s%u", i ? "," : "", regs[i]);
    buf_str(&out, "]}");
    fputs(buf_cstr(&out), stdout);
}
