#include "gateway/gatewayctl/decode_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/json.h"

#define CELL 15

static const uint16_t *last_read(const struct decode_text *t)
{
    return t->words + (t->reads - 1) * t->count;
}

/* --- tables --- */

static bool has_plausible(const struct decode_text *t, enum decode_type type)
{
    const uint16_t *words = last_read(t);
    struct decode_value v;
    for (size_t at = 0; at + decode_type_words(type) <= t->count; at++)
        for (int o = 0; o < DECODE_ORDERS; o++) {
            if (!decode_type_has(type, (enum point_order)o))
                continue;
            decode_value(type, (enum point_order)o, words + at, &v);
            if (v.plausible)
                return true;
        }
    return false;
}

static void print_row(const struct decode_text *t, enum decode_type type, size_t at)
{
    const uint16_t *words = last_read(t);
    struct decode_value v;
    printf("%7zu  ", t->address + at);
    for (unsigned i = 0; i < decode_type_words(type); i++)
        printf("%04X ", words[at + i]);
    for (int o = 0; o < DECODE_ORDERS; o++) {
        if (!decode_type_has(type, (enum point_order)o))
            continue;
        decode_value(type, (enum point_order)o, words + at, &v);
        const char *text = v.text[0] ? v.text : "-";
        char marked[DECODE_TEXT_SIZE + 2];
        snprintf(marked, sizeof(marked), "%s%s", v.plausible ? "*" : "", text);
        printf(" %*s", decode_type_words(type) == 4 ? CELL + 7 : CELL, marked);
    }
    putchar('\n');
}

void decode_text_tables(const struct decode_text *t, bool all)
{
    for (int i = 0; i < DECODE_TYPES; i++) {
        enum decode_type type = (enum decode_type)i;
        unsigned width = decode_type_words(type);
        if (width > t->count || (!all && !has_plausible(t, type)))
            continue;
        printf("%-5s    %*s", decode_type_name(type), (int)width * 5, "");
        for (int o = 0; o < DECODE_ORDERS; o++)
            if (decode_type_has(type, (enum point_order)o))
                printf(" %*s", width == 4 ? CELL + 7 : CELL,
                       decode_order_name((enum point_order)o));
        putchar('\n');
        for (size_t at = 0; at + width <= t->count; at++)
            print_row(t, type, at);
        putchar('\n');
    }
    printf("%s\n\n", _("* plausible: of usual size, or with few digits"));
}

/* --- verdict --- */

static bool is_float(enum decode_type type)
{
    return type == DECODE_F32 || type == DECODE_F64;
}

static void print_value(const struct decode_text *t, const struct decode_piece *p, size_t at)
{
    struct decode_value v;
    double scale;
    unsigned width = decode_type_words(p->type);
    decode_value(p->type, p->order, last_read(t) + at, &v);
    printf("%7zu  %-5s %-4s %20s", t->address + at, decode_type_name(p->type),
           width > 1 || p->order != ORDER_ABCD ? decode_order_name(p->order) : "", v.text);
    const struct kind *kind = v.is_number ? decode_hint(v.value, is_float(p->type), &scale) : NULL;
    const char *label = !kind                                ? ""
                        : strcmp(text_language(), "vi") == 0 ? kind->label_vi
                                                             : kind->label_en;
    if (kind && scale < 1)
        printf("   %s %g %s?", label, v.value * scale, kind->unit);
    else if (kind)
        printf("   %s, %s?", label, kind->unit);
    putchar('\n');
}

static void print_text(const struct decode_text *t, const struct decode_piece *p)
{
    struct decode_value v;
    printf("%7zu  ascii %-4s \"", (size_t)t->address + p->at,
           p->order != ORDER_ABCD ? decode_order_name(p->order) : "");
    for (unsigned i = 0; i < p->words; i++) {
        decode_value(p->type, p->order, last_read(t) + p->at + i, &v);
        printf("%s", v.text);
    }
    printf("\"\n");
}

static void print_pieces(const struct decode_text *t)
{
    for (size_t i = 0; i < t->result.piece_count; i++) {
        const struct decode_piece *p = &t->result.pieces[i];
        if (p->type == DECODE_ASCII) {
            print_text(t, p);
            continue;
        }
        for (unsigned at = 0; at < p->words; at += decode_type_words(p->type))
            print_value(t, p, (size_t)p->at + at);
    }
}

void decode_text_verdict(const struct decode_text *t)
{
    const struct decode_result *r = &t->result;
    const char *order = decode_order_name(r->order);
    if (r->verdict == DECODE_EMPTY) {
        printf("%s\n", _("All registers are the same, 0 or FFFF: that says nothing. Read when the "
                         "device measures something."));
        return;
    }
    printf("%s\n", _("Most likely:"));
    print_pieces(t);
    putchar('\n');
    switch (r->verdict) {
    case DECODE_SINGLE:
        printf(_("Registers of 16 bits each (%s), %.0f bits ahead of wider values.\n"),
               decode_type_name(r->type), r->lead_bits);
        break;
    case DECODE_ORDER:
        printf(_("Order %s, mostly %s: %.0f bits ahead of the next order.\n"), order,
               decode_type_name(r->type), r->lead_bits);
        break;
    case DECODE_EITHER:
        printf(_("Either registers of 16 bits each, or wider values; those then in order %s (%.0f "
                 "bits ahead).\n"),
               order, r->lead_bits);
        break;
    default:
        printf(_("Ambiguous: these registers do not tell the order (%s leads by %.1f bits; 4 are "
                 "proof). Read more of them, or --reads 5 while values change.\n"),
               order, r->lead_bits);
    }
}

/* --- JSON --- */

static const char *verdict_name(enum decode_verdict verdict)
{
    static const char *const names[] = {"empty", "single", "order", "either", "ambiguous"};
    return names[verdict];
}

static void json_value(const struct decode_text *t, const struct decode_piece *p, size_t at,
                       struct buf *out)
{
    struct decode_value v;
    decode_value(p->type, p->order, last_read(t) + at, &v);
    buf_fmt(out, "{\"address\":%zu,\"type\":\"%s\",\"order\":\"%s\",\"text\":", t->address + at,
            decode_type_name(p->type), decode_order_name(p->order));
    json_write_string(out, v.text);
    if (v.is_number) {
        buf_str(out, ",\"value\":");
        json_write_number(out, v.value);
    }
    buf_char(out, '}');
}

void decode_text_json(const struct decode_text *t)
{
    static char memory[65536];
    const struct decode_result *r = &t->result;
    struct buf out;
    bool first = true;
    buf_init(&out, memory, sizeof(memory));
    buf_fmt(&out, "{\"v\":1,\"address\":%u,\"reads\":%zu,\"verdict\":\"%s\",\"type\":\"%s\"",
            t->address, t->reads, verdict_name(r->verdict), decode_type_name(r->type));
    if (r->verdict >= DECODE_ORDER)
        buf_fmt(&out, ",\"order\":\"%s\"", decode_order_name(r->order));
    buf_fmt(&out, ",\"lead_bits\":%.1f,\"words\":[", r->lead_bits);
    for (size_t i = 0; i < t->count; i++)
        buf_fmt(&out, "%s%u", i ? "," : "", last_read(t)[i]);
    buf_str(&out, "],\"values\":[");
    for (size_t i = 0; i < r->piece_count; i++) {
        const struct decode_piece *p = &r->pieces[i];
        for (unsigned at = 0; at < p->words; at += decode_type_words(p->type)) {
            buf_str(&out, first ? "" : ",");
            json_value(t, p, (size_t)p->at + at, &out);
            first = false;
        }
    }
    buf_str(&out, "]}");
    puts(buf_cstr(&out));
}
