/*
 * Figures and tables as a person reads them. Texts come translated; widths are counted in columns,
 * not bytes. Nothing here allocates but table_*, which holds its cells until it is printed.
 */
#ifndef GATEWAY_GATEWAYCTL_HUMAN_H
#define GATEWAY_GATEWAYCTL_HUMAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/json.h"

#define HUMAN_SIZE        48
#define TABLE_COLUMNS_MAX 12

/* "0.4 s", "12 s", "5 min", "2 h 5 min", "3 d 4 h". */
const char *human_duration(double ms, char text[HUMAN_SIZE]);
/* "512 B", "1.2 KiB", "256 MiB". */
const char *human_bytes(double bytes, char text[HUMAN_SIZE]);
/* "12 345 678" */
const char *human_count(double n, char text[HUMAN_SIZE]);
/* "30m", "2h", "90s", "1h30m" in seconds; -1 for anything else. */
int64_t human_parse_duration(const char *text);

/* Writes a parsed value out again, compactly. */
void human_write_json(struct buf *out, const struct json *v);

/* Prints text in red or yellow where the terminal has colours. */
enum human_tone { TONE_PLAIN, TONE_WARN, TONE_FAIL };
void human_print(const char *text, enum human_tone tone);

/* A table: heads first, then cells row by row. */
struct table;
/* right: columns that hold figures, as bits. NULL without memory, which every call takes. */
struct table *table_create(const char *const *heads, unsigned right);
void table_destroy(struct table *t);
void table_cell(struct table *t, const char *text);
/* The tone of the row that was filled last. */
void table_tone(struct table *t, enum human_tone tone);
/* Columns that are empty in every row are left out. */
void table_print(const struct table *t);

#endif
