/* Promise: every device of the register collection ships as a profile, each profile parses, and
 * what the sources say of every register is what the profile reads: tests/golden/profiles. */
#include "tests/support/text_file.h"

#include <dirent.h>
#include <math.h>

#include "model/profile.h"

#define PROFILES "shared/data/profiles"
#define VECTORS  "tests/golden/profiles/vectors.txt"

static const char *const devices[] = {
    "eastron-sdm120",
    "eastron-sdm630",
    "schneider-iem3155",
    "schneider-pm5110",
    "pzem-016",
    "janitza-umg96rme",
    "renke-rs-fsxcs",
    "ecowitt-wn90lp",
    "sokol-m",
    "thies-climasensor-us",
    "lufft-ws-umb",
    "vaisala-hmp-indigo",
    "ysi-exo-dcp",
    "yosemitech-y4000",
    "qdy30a",
    "ecodim-dali-gw2",
    "wb-mr6c",
    "wb-mcm8",
    "moxa-iologik-e1210",
    "laumas-w100",
    "wb-msw-v4",
    "xy-md02",
    "metsens200",
};

static const char *const ours[] = {"vms", "parking", "weighing", "traffic-radar"};

#define DEVICES (sizeof(devices) / sizeof(*devices))
#define OURS    (sizeof(ours) / sizeof(*ours))

static struct profile *load(const char *name)
{
    char path[512];
    struct profile *p;
    struct err e = {0};
    snprintf(path, sizeof(path), PROFILES "/%s.json", name);
    char *text = text_file_read(path);
    if (profile_parse(text, strlen(text), &p, &e))
        fail_msg("%s: %s", path, e.text);
    free(text);
    assert_string_equal(p->name, name);
    return p;
}

static void every_device_ships_and_nothing_unknown_does(void **state)
{
    (void)state;
    unsigned n = 0;
    DIR *dir = opendir(PROFILES);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    closedir(dir);
    assert_int_equal(n, DEVICES + OURS);
    for (size_t i = 0; i < DEVICES; i++) {
        struct profile *p = load(devices[i]);
        assert_false(p->ours);
        profile_free(p);
    }
}

static void a_map_of_our_own_says_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < OURS; i++) {
        struct profile *p = load(ours[i]);
        assert_true(p->ours);
        assert_non_null(strstr(p->label, "our own"));
        profile_free(p);
    }
}

/* The planner walks points by address; a counter whose wrap is unknown is one of 64 bits or a
 * float. */
static void points_are_sorted_and_counters_know_their_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < DEVICES; i++) {
        struct profile *p = load(devices[i]);
        for (size_t k = 0; k < p->point_count; k++) {
            const struct point *a = &p->points[k], *b = k ? &p->points[k - 1] : a;
            assert_true(b->table < a->table || b->address <= a->address);
            bool ends = a->type == TYPE_U16 || a->type == TYPE_U32;
            if (a->kind->type == KIND_COUNTER)
                assert_int_equal(ends, point_wrap(a) > 0);
        }
        profile_free(p);
    }
}

/* Registers as they arrive: groups of four hex digits. */
static void read_registers(const char *hex, uint16_t regs[POINT_REGS_MAX])
{
    for (size_t i = 0; i < strlen(hex) / 4; i++) {
        char word[5] = {0};
        memcpy(word, hex + 4 * i, 4);
        regs[i] = (uint16_t)strtoul(word, NULL, 16);
    }
}

static void check_sample(const char *line, const struct sample *s, const char *want)
{
    enum cause bad = strcmp(want, "invalid") == 0 ? CAUSE_INVALID
                     : strcmp(want, "range") == 0 ? CAUSE_RANGE
                                                  : CAUSE_NONE;
    if (s->cause != bad)
        fail_msg("%s: the cause is %d", line, s->cause);
    if (s->value.type == VALUE_BOOL)
        assert_int_equal(s->value.boolean, strcmp(want, "true") == 0);
    else if (bad == CAUSE_NONE &&
             !(fabs(s->value.number - strtod(want, NULL)) <= 1e-12 * fabs(s->value.number)))
        fail_msg("%s: reads %.17g", line, s->value.number);
}

/* The words of a vector's line. */
enum { V_PROFILE, V_POINT, V_TABLE, V_ADDRESS, V_REGISTERS, V_VALUE, V_UNIT, V_WORDS };

static void check_vector(char *line)
{
    const char *words[V_WORDS] = {0};
    char text[256];
    uint16_t regs[POINT_REGS_MAX] = {0};
    struct sample s = {0};
    snprintf(text, sizeof(text), "%s", line);
    for (size_t i = 0; i < V_WORDS; i++)
        if (!(words[i] = strsep(&line, " ")))
            fail_msg("\"%s\" is no vector", text);
    struct profile *p = load(words[V_PROFILE]);
    const struct point *found = profile_find(p, words[V_POINT]);
    if (!found || found->address != strtoul(words[V_ADDRESS], NULL, 10)) {
        fail_msg("%s: nothing of that name stands there", text);
        return;
    }
    assert_string_equal(point_table_name(found->table), words[V_TABLE]);
    const char *unit = strcmp(words[V_UNIT], "-") == 0 ? "" : words[V_UNIT];
    assert_string_equal(found->kind->unit, unit);
    read_registers(words[V_REGISTERS], regs);
    point_decode(found, regs, &s);
    check_sample(text, &s, words[V_VALUE]);
    profile_free(p);
}

static void every_register_reads_what_its_source_says(void **state)
{
    (void)state;
    unsigned n = 0;
    char *text = text_file_read(VECTORS);
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
        if (*line == '\0' || *line == '#')
            continue;
        check_vector(line);
        n++;
    }
    free(text);
    assert_true(n > 330);
}

/* The page's first block is a whole profile. */
static void the_example_of_the_page_is_a_profile(void **state)
{
    (void)state;
    struct profile *p = NULL;
    struct err e = {0};
    char *page = text_file_read("docs/profiles.md");
    char *from = strstr(page, "```json\n"), *to = from ? strstr(from, "\n```\n") : NULL;
    assert_non_null(to);
    from += strlen("```json\n");
    if (profile_parse(from, (size_t)(to - from), &p, &e))
        fail_msg("docs/profiles.md: %s", e.text);
    profile_free(p);
    free(page);
}

static void what_is_good_to_write_comes_back_from_its_registers(void **state)
{
    (void)state;
    for (size_t i = 0; i < DEVICES + OURS; i++) {
        struct profile *p = load(i < DEVICES ? devices[i] : ours[i - DEVICES]);
        for (size_t k = 0; k < p->point_count; k++) {
            const struct point *w = &p->points[k];
            uint16_t regs[POINT_REGS_MAX] = {0};
            struct sample s = {0};
            struct value v = {.type = VALUE_NUMBER, .number = 3};
            if (!w->writable || w->type == TYPE_BIT || w->type == TYPE_STRING)
                continue;
            assert_int_equal(point_encode(w, &v, regs, NULL), 0);
            point_decode(w, regs, &s);
            assert_float_equal(s.value.number, 3, 0);
        }
        profile_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_device_ships_and_nothing_unknown_does),
        cmocka_unit_test(a_map_of_our_own_says_so),
        cmocka_unit_test(points_are_sorted_and_counters_know_their_end),
        cmocka_unit_test(every_register_reads_what_its_source_says),
        cmocka_unit_test(the_example_of_the_page_is_a_profile),
        cmocka_unit_test(what_is_good_to_write_comes_back_from_its_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
