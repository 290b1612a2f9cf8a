#include "gateway/io/timesync.h"

#include <stdint.h>
#include <sys/timex.h>

#include "base/clk.h"

#define PRODUCT_MADE_MS INT64_C(1767225600000) /* 2026-01-01: no gateway ran before */

const char *timesync_word(void)
{
    struct timex tx = {0};
    if (clk_utc(clk_system()).ms < PRODUCT_MADE_MS)
        return "unknown";
    return adjtimex(&tx) == TIME_ERROR || (tx.status & STA_UNSYNC) ? "unsynchronised"
                                                                   : "synchronised";
}
