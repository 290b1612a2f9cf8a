/*
 * Memory that was needed once and may not be for long: large buffers are sized for the worst case,
 * and after it the pages behind them go back to the system without the buffer going away.
 *
 * No state, any thread.
 */
#ifndef IO_PAGES_H
#define IO_PAGES_H

#include <stddef.h>

/* The bytes are lost; the memory stays the caller's and takes up nothing until it is written again.
 * Parts of pages at either end stay as they are. */
void pages_give_back(void *memory, size_t size);

#endif
