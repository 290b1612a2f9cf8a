#include "base/crc32c.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

#define CRC32C_REVERSED 0x82f63b78u

/* Slicing by eight: table[k][b] is the CRC of byte b followed by k zero bytes. */
static uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void table_fill(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t crc = b;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) ? CRC32C_REVERSED : 0);
        table[0][b] = crc;
    }
    for (uint32_t b = 0; b < 256; b++)
        for (int k = 1; k < 8; k++)
            table[k][b] = (table[k - 1][b] >> 8) ^ table[0][table[k - 1][b] & 0xff];
}

static uint32_t load_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t crc32c_by_table(uint32_t crc, const void *bytes, size_t n)
{
    pthread_once(&table_once, table_fill);
    const uint8_t *p = bytes;
    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint32_t lo = crc ^ load_le32(p);
        uint32_t hi = load_le32(p + 4);
        crc = table[7][lo & 0xff] ^ table[6][(lo >> 8) & 0xff] ^ table[5][(lo >> 16) & 0xff] ^
              table[4][lo >> 24] ^ table[3][hi & 0xff] ^ table[2][(hi >> 8) & 0xff] ^
              table[1][(hi >> 16) & 0xff] ^ table[0][hi >> 24];
    }
    for (; n; n--, p++)
        crc = (crc >> 8) ^ table[0][(crc ^ *p) & 0xff];
    return ~crc;
}

/* Both kinds of processor have an instruction for exactly this sum, in most of their models. */
#if defined(__x86_64__)
#define HARDWARE __attribute__((target("sse4.2")))
#define crc_of_8 _mm_crc32_u64
#define crc_of_1 _mm_crc32_u8

static bool hardware_has_it(void)
{
    return __builtin_cpu_supports("sse4.2");
}
#elif defined(__aarch64__)
#define HARDWARE __attribute__((target("+crc")))
#define crc_of_8 __crc32cd
#define crc_of_1 __crc32cb

static bool hardware_has_it(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}
#endif

#ifdef HARDWARE
HARDWARE static uint32_t by_hardware(uint32_t crc, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        crc = (uint32_t)crc_of_8(crc, word);
    }
    for (; n; n--, p++)
        crc = crc_of_1(crc, *p);
    return ~crc;
}
#else
static bool hardware_has_it(void)
{
    return false;
}

static uint32_t by_hardware(uint32_t crc, const void *bytes, size_t n)
{
    return crc32c_by_table(crc, bytes, n);
}
#endif

uint32_t crc32c(uint32_t crc, const void *bytes, size_t n)
{
    return hardware_has_it() ? by_hardware(crc, bytes, n) : crc32c_by_table(crc, bytes, n);
}
