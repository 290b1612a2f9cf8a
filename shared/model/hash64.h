/*
 * FNV-1a, 64 bits: tells whether a configuration or a description is still the one known. Not for
 * security: anyone can make two texts with the same hash.
 */
#ifndef MODEL_HASH64_H
#define MODEL_HASH64_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define HASH64_START     14695981039346656037u
#define HASH64_TEXT_SIZE 17 /* 16 hexadecimal digits and the end */

static inline uint64_t hash64_add(uint64_t hash, const void *bytes, size_t len)
{
    const uint8_t *b = bytes;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ b[i]) * 1099511628211u;
    return hash;
}

static inline void hash64_format(uint64_t hash, char text[HASH64_TEXT_SIZE])
{
    snprintf(text, HASH64_TEXT_SIZE, "%016llx", (unsigned long long)hash);
}

#endif
