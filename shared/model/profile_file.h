/*
 * A profile file as it is written: the structs its keys are read into and the table of those keys,
 * for profile.c, the reference page and the JSON Schema. profile.c turns it into a struct profile.
 */
#ifndef MODEL_PROFILE_FILE_H
#define MODEL_PROFILE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/name.h"
#include "model/schema.h"

#define PROFILE_LABEL_SIZE  128
#define PROFILE_SOURCE_SIZE 384
#define PROFILE_NOTE_SIZE   320
#define PROFILE_NOTES_MAX   16
#define PROFILE_HEX_SIZE    19 /* "0x" and 16 digits */
#define PROFILE_STRING_REGS 31 /* of two characters */

struct profile_note {
    char text[PROFILE_NOTE_SIZE];
};

struct profile_pattern {
    char hex[PROFILE_HEX_SIZE];
};

struct profile_file_point {
    char name[NAME_SIZE];
    char kind[NAME_SIZE];
    int table, type, order; /* indices in the words below */
    int64_t address, bit, code, count, repeat, first, stride, period_ms;
    double scale, offset, wrap;
    struct profile_pattern *invalid;
    size_t invalid_count;
    bool writable, write_only;
    int64_t write_function, write_address;
    char readback[NAME_SIZE];
    char note[PROFILE_NOTE_SIZE];
    bool has_address, has_bit, has_code, has_stride, has_wrap;
    bool has_write_function, has_write_address;
};

struct profile_file_block {
    int table;
    int64_t address, count;
};

struct profile_file_map {
    int table;
    int64_t codes, status, values, slots, stride, period_ms;
    bool has_status;
};

struct profile_file {
    char name[NAME_SIZE];
    char label[PROFILE_LABEL_SIZE];
    char source[PROFILE_SOURCE_SIZE];
    int confidence;
    bool ours;
    struct profile_note *open, *notes;
    size_t open_count, note_count;
    struct profile_file_serial {
        int64_t baud;
        int parity;
        int64_t stop_bits;
    } serial;
    int64_t turnaround_ms;
    struct profile_file_block *blocks;
    size_t block_count;
    struct profile_file_map map;
    bool has_map;
    struct profile_file_point *points;
    size_t point_count;
};

/* What struct profile_file is read from. */
extern const struct schema_field profile_fields[];

/* The words of the enums: tables from TABLE_COIL on, types and orders as in model/profile.h. */
extern const char *const profile_tables[];
extern const char *const profile_types[];
extern const char *const profile_orders[];
extern const char *const profile_confidences[];

/* Checks of one value, for schema_field: a known kind, a scale other than 0, a raw pattern
 * ("0xFFFF"). */
int profile_check_kind(const void *member, struct err *e);
int profile_check_scale(const void *member, struct err *e);
int profile_check_pattern(const void *member, struct err *e);

#endif
