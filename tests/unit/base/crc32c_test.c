/* Promise: a flipped bit in the spool is found, because the checksum is the one RFC 3720 defines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/crc32c.h"

static void rfc3720_vectors(void **state)
{
    (void)state;
    uint8_t zeros[32] = {0};
    uint8_t ones[32];
    uint8_t up[32];
    memset(ones, 0xff, sizeof(ones));
    for (uint8_t i = 0; i < 32; i++)
        up[i] = i;
    assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa);
    assert_int_equal(crc32c(0, ones, 32), 0x62a8ab43);
    assert_int_equal(crc32c(0, up, 32), 0x46dd794e);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
}

static void continues_over_any_cut(void **state)
{
    (void)state;
    const char *text = "a group of packs, cut anywhere";
    uint32_t whole = crc32c(0, text, 30);
    for (size_t cut = 0; cut <= 30; cut++)
        assert_int_equal(crc32c(crc32c(0, text, cut), text + cut, 30 - cut), whole);
}

static void the_processors_instruction_and_the_table_agree(void **state)
{
    (void)state;
    uint8_t bytes[300];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7 + i / 13);
    for (size_t from = 0; from < 16; from++)
        for (size_t n = 0; n + from <= sizeof(bytes); n++)
            assert_int_equal(crc32c((uint32_t)n, bytes + from, n),
                             crc32c_by_table((uint32_t)n, bytes + from, n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3720_vectors),
        cmocka_unit_test(continues_over_any_cut),
        cmocka_unit_test(the_processors_instruction_and_the_table_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
