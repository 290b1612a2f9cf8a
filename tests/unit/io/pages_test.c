/* Promise: memory given back takes up nothing, keeps its neighbours, and can be used again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/pages.h"

#define PAGES 8

static void whole_pages_go_and_the_rest_stays(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char in_core[PAGES];
    char *memory =
        mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    memset(memory, 'x', PAGES * page);
    pages_give_back(memory + page / 2, 4 * page); /* 3 whole pages lie in it */
    assert_int_equal(mincore(memory, PAGES * page, in_core), 0);
    for (size_t i = 0; i < PAGES; i++)
        assert_int_equal(in_core[i] & 1, i < 1 || i > 3);
    assert_int_equal(memory[page - 1], 'x');
    assert_int_equal(memory[4 * page], 'x');
    memory[2 * page] = 'y';
    assert_int_equal(memory[2 * page], 'y');
    pages_give_back(memory + 5 * page + 1, page); /* no whole page: nothing happens */
    assert_int_equal(memory[5 * page + 1], 'x');
    assert_int_equal(munmap(memory, PAGES * page), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_pages_go_and_the_rest_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
