/* Promise: any text given as registers is read or refused, and any registers are judged. */
#include <stdlib.h>
#include <string.h>

#include "gateway/core/commissioning/decode.h"

#define JUDGED_MAX 8 /* two of the widest values; judging a whole block takes milliseconds here */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const uint16_t *words, size_t count)
{
    struct decode_result r;
    size_t covered = 0;
    count = count < JUDGED_MAX ? count : JUDGED_MAX;
    decode_block(words, count, 1, &r);
    for (size_t i = 0; i < r.piece_count; i++) {
        if (r.pieces[i].at != covered)
            abort(); /* the pieces are the block, without a gap */
        covered += r.pieces[i].words;
    }
    if (r.verdict != DECODE_EMPTY && covered != count)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[2048];
    uint16_t words[DECODE_WORDS_MAX] = {0};
    size_t len = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
    memcpy(text, data, len);
    text[len] = '\0';
    int count = decode_parse_hex(text, words, DECODE_WORDS_MAX, NULL);
    if (count > 0)
        judge(words, (size_t)count);
    size_t bytes = size < sizeof(words) ? size : sizeof(words);
    memcpy(words, data, bytes);
    if (bytes >= 2)
        judge(words, bytes / 2);
    return 0;
}
