/*
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4): what guards each group of the spool.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of n more bytes after those already in crc; start with 0. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t n);
/* The same, as it is done where the processor has no instruction for it. */
uint32_t crc32c_by_table(uint32_t crc, const void *bytes, size_t n);

#endif
