#include "io/pages.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

void pages_give_back(void *memory, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)memory;
    uintptr_t from = (start + page - 1) & ~(page - 1);
    uintptr_t to = (start + size) & ~(page - 1);
    if (from < to)
        (void)madvise((char *)memory + (from - start), to - from, MADV_DONTNEED);
}
