/* Promise: a line never grows wider than its window, whatever comes from outside, and nothing from
 * outside moves the cursor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/core/view/cells.h"

static char memory[1024];

static struct cells line(unsigned width, bool utf8)
{
    struct cells c;
    cells_init(&c, memory, sizeof(memory), width, false, utf8);
    return c;
}

static void counts_cells_and_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(cells_width("Bụi PM2.5 vượt ngưỡng"), 21);
    assert_int_equal(cells_width("u\xCC\x9B\xCC\x81"), 1); /* u, horn, acute: written apart */
    assert_int_equal(cells_width("水"), 2);
    struct cells c = line(40, true);
    cells_column(&c, "Mường Tè", 10);
    cells_text(&c, "|", 1);
    assert_string_equal(cells_end(&c), "Mường Tè  |");
}

static void cuts_with_an_ellipsis_that_fits(void **state)
{
    (void)state;
    struct cells c = line(40, true);
    cells_text(&c, "Bụi PM2.5 vượt ngưỡng", 8);
    assert_string_equal(cells_end(&c), "Bụi PM2…");
    c = line(40, false);
    cells_text(&c, "Bụi PM2.5 vượt ngưỡng", 8);
    assert_string_equal(cells_end(&c), "Bui PM2~");
    c = line(6, true);
    cells_column(&c, "水水水水", 9);
    assert_true(c.used <= 6);
    assert_string_equal(cells_end(&c), "水水… ");
}

static void writes_plain_letters_without_utf8(void **state)
{
    (void)state;
    struct cells c = line(80, false);
    cells_text(&c, "Đường Phố ẩm ướt, mức nguy hại: ỹ ợ ằ €", 80);
    assert_string_equal(cells_end(&c), "Duong Pho am uot, muc nguy hai: y o a ?");
}

static void nothing_from_outside_moves_the_cursor(void **state)
{
    (void)state;
    struct cells c = line(80, true);
    cells_text(&c,
               "a\033[2Jb\rc\nd\x7f\xC2\x9B"
               "e\xE2\x80\xAE"
               "f\xFFg\xC3",
               80);
    assert_string_equal(cells_end(&c), "a?[2Jb?c?d??e?f?g?");
}

static void numbers_stand_right(void **state)
{
    (void)state;
    struct cells c = line(80, true);
    cells_right(&c, "23.5", 6);
    cells_text(&c, " ", 1);
    cells_bar(&c, 0);
    cells_bar(&c, 7);
    cells_bar(&c, 99);
    assert_string_equal(cells_end(&c), "  23.5 ▁██");
}

static void colour_is_off_when_it_is_off(void **state)
{
    (void)state;
    struct cells c = line(80, true);
    cells_style(&c, CELLS_DANGER);
    cells_text(&c, "x", 1);
    assert_string_equal(cells_end(&c), "x");
    cells_init(&c, memory, sizeof(memory), 80, true, true);
    cells_style(&c, CELLS_DANGER);
    cells_text(&c, "x", 1);
    assert_string_equal(cells_end(&c), "\033[0;1;31mx\033[0m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_cells_and_not_bytes),
        cmocka_unit_test(cuts_with_an_ellipsis_that_fits),
        cmocka_unit_test(writes_plain_letters_without_utf8),
        cmocka_unit_test(nothing_from_outside_moves_the_cursor),
        cmocka_unit_test(numbers_stand_right),
        cmocka_unit_test(colour_is_off_when_it_is_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
