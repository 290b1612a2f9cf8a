#include "boards/emulator/fault.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RTU_FRAME_MIN 5 /* the shortest reply: an exception */

static const struct {
    const char *word;
    uint32_t min, max; /* of the parameter; both 0: it takes none */
} words[] = {
    [FAULT_NONE] = {"none", 0, 0},
    [FAULT_DEAD] = {"dead", 0, 0},
    [FAULT_LATE] = {"late", 1, FAULT_DELAY_MAX_MS},
    [FAULT_NOISE] = {"noise", 1, 100},
    [FAULT_STUCK] = {"stuck", 0, 0},
    [FAULT_WRONG_UNIT] = {"wrong-unit", 0, 0},
    [FAULT_EXCEPTION] = {"exception", 1, 255},
    [FAULT_DRIBBLE] = {"dribble", 1, FAULT_DELAY_MAX_MS},
    [FAULT_LAG] = {"lag", 1, FAULT_DELAY_MAX_MS},
    [FAULT_DEAF] = {"deaf", 0, 0},
};

#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

static int parse_parameter(const char *text, size_t kind, uint32_t *out, struct err *e)
{
    *out = 0;
    if (words[kind].max == 0)
        return *text == '\0' ? 0 : err_set(e, ERR_INVALID, "%s takes no number", words[kind].word);
    char *end;
    errno = 0;
    unsigned long v = strtoul(text, &end, 10);
    if (errno || end == text || *end || v < words[kind].min || v > words[kind].max)
        return err_set(e, ERR_INVALID, "%s needs a number from %u to %u, not \"%s\"",
                       words[kind].word, words[kind].min, words[kind].max, text);
    *out = (uint32_t)v;
    return 0;
}

int fault_parse(const char *text, struct fault *fault, struct err *e)
{
    size_t len = strcspn(text, " ");
    for (size_t i = 0; i < WORD_COUNT; i++) {
        if (strlen(words[i].word) != len || strncmp(words[i].word, text, len) != 0)
            continue;
        struct fault parsed = {(enum fault_kind)i, 0};
        int r = parse_parameter(text + len + strspn(text + len, " "), i, &parsed.parameter, e);
        if (r == 0)
            *fault = parsed;
        return r;
    }
    return err_set(e, ERR_INVALID,
                   "unknown fault \"%.40s\"; there are dead, late MS, noise PERCENT, stuck, "
                   "wrong-unit, exception N, dribble MS, lag MS, deaf, none",
                   text);
}

void fault_print(const struct fault *fault, struct buf *out)
{
    buf_str(out, words[fault->kind].word);
    if (words[fault->kind].max > 0)
        buf_fmt(out, " %u", fault->parameter);
}

static void flip_bit(struct rng *rng, uint8_t *bytes, size_t len)
{
    uint64_t bit = rng_below(rng, len * 8);
    bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
}

/* The same bit drawn twice would heal itself, so bits are drawn from thirds of the frame. */
static void flip_bits(struct rng *rng, uint8_t *frame, size_t len)
{
    size_t part = len / 3;
    uint64_t flips = 1 + rng_below(rng, 3);
    for (size_t i = 0; i < flips; i++)
        flip_bit(rng, frame + i * part, part);
}

size_t fault_damage_rtu(struct rng *rng, uint8_t *frame, size_t len)
{
    if (len < RTU_FRAME_MIN)
        return 0;
    switch (rng_below(rng, 4)) {
    case 0: {
        size_t lost = (size_t)rng_below(rng, len);
        memmove(frame + lost, frame + lost + 1, len - lost - 1);
        return len - 1;
    }
    case 1:
        memmove(frame + 1, frame, len);
        frame[0] = (uint8_t)(frame[1] ^ 0xff); /* never the unit, so the shift cannot hide */
        return len + 1;
    default:
        flip_bits(rng, frame, len);
        return len;
    }
}

size_t fault_damage_tcp(struct rng *rng, uint8_t *frame, size_t len)
{
    switch (rng_below(rng, 3)) {
    case 0:
        frame[0] ^= 0x5a;
        return len;
    case 1:
        frame[2] ^= 0xff;
        return len;
    default:
        return len - 1;
    }
}
