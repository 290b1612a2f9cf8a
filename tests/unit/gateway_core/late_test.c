/*
 * Promise: a request whose reply may still come is not repeated until it no longer can, however
 * many of them there are at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/core/bus/late.h"

static bool safe(const struct late *l, uint8_t function, uint8_t bytes, int64_t now_ms)
{
    return clk_mono_due(late_until(l, function, bytes), (struct clk_mono){now_ms});
}

static void only_the_same_function_and_length_is_blocked_and_only_for_its_time(void **state)
{
    (void)state;
    struct late l;
    late_init(&l);
    assert_true(safe(&l, 3, 2, 0));
    late_block(&l, 3, 2, (struct clk_mono){500}, (struct clk_mono){0});
    assert_false(safe(&l, 3, 2, 499));
    assert_true(safe(&l, 3, 2, 500));
    assert_true(safe(&l, 3, 4, 0));
    assert_true(safe(&l, 4, 2, 0));
    late_block(&l, 3, 2, (struct clk_mono){300}, (struct clk_mono){0});
    assert_false(safe(&l, 3, 2, 499));
}

static void an_exception_is_doubtful_while_its_function_has_a_reply_due(void **state)
{
    (void)state;
    struct late l;
    late_init(&l);
    late_block(&l, 3, 2, (struct clk_mono){500}, (struct clk_mono){0});
    assert_true(late_exception_doubtful(&l, 3, (struct clk_mono){499}));
    assert_false(late_exception_doubtful(&l, 3, (struct clk_mono){500}));
    assert_false(late_exception_doubtful(&l, 4, (struct clk_mono){0}));
}

static void more_than_fit_block_everything(void **state)
{
    (void)state;
    struct late l;
    late_init(&l);
    for (uint8_t i = 1; i <= LATE_MAX; i++)
        late_block(&l, 3, i, (struct clk_mono){500}, (struct clk_mono){0});
    assert_true(safe(&l, 3, 200, 0));
    late_block(&l, 3, 100, (struct clk_mono){900}, (struct clk_mono){0});
    assert_false(safe(&l, 3, 100, 899));
    assert_false(safe(&l, 1, 1, 899));
    assert_true(late_exception_doubtful(&l, 1, (struct clk_mono){899}));
    late_block(&l, 3, 101, (struct clk_mono){950}, (struct clk_mono){600});
    assert_false(safe(&l, 3, 101, 949));
    assert_true(safe(&l, 1, 1, 900));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_same_function_and_length_is_blocked_and_only_for_its_time),
        cmocka_unit_test(an_exception_is_doubtful_while_its_function_has_a_reply_due),
        cmocka_unit_test(more_than_fit_block_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
